//! Runs a graph, number by number: what constants are folded by, and what files are tested against. It is slow.
use super::graph::{Array, Binary, Cut, Data, Graph, Kind, Op, Reduction, Unary, Windows};
use crate::error::{Error, Result};

/// Outputs of a graph for some inputs, whose first axes are the batch.
///
/// # Errors
/// [`Error::Usage`] for inputs of other shapes than it takes.
pub fn evaluate(graph: &Graph, inputs: &[Array]) -> Result<Vec<Array>> {
    let batch = inputs.first().and_then(|a| a.shape.first()).copied().unwrap_or(1);
    let mut known: Vec<Option<Array>> = (0..graph.values.len()).map(|id| graph.array(id)).collect();
    let of = |id: usize| {
        graph.values[id]
            .shape
            .iter()
            .map(|d| d.of(batch))
            .collect::<Vec<_>>()
    };
    if inputs.len() != graph.inputs.len() {
        let problem = format!(
            "`{}` takes {} inputs, not {}",
            graph.name,
            graph.inputs.len(),
            inputs.len()
        );
        return Err(Error::usage(problem, "give one array an input"));
    }
    for ((id, port), array) in graph.inputs.iter().zip(inputs) {
        if array.shape != of(*id) || array.data.kind() != graph.values[*id].kind {
            let problem = format!("`{}` is {:?}, not {:?}", port.name, of(*id), array.shape);
            return Err(Error::usage(problem, "give arrays of the model's shapes"));
        }
        known[*id] = Some(array.clone());
    }
    for node in &graph.nodes {
        let given: Option<Vec<&Array>> = node.inputs.iter().map(|&i| known[i].as_ref()).collect();
        let given = given.expect("nodes stand behind those that they need");
        known[node.output] = Some(apply(
            &node.op,
            &given,
            &of(node.output),
            graph.values[node.output].kind,
        ));
    }
    let outputs = graph.outputs.iter().map(|(id, _)| known[*id].clone());
    Ok(outputs.map(|a| a.expect("every output is made")).collect())
}

/// What an operation makes of arrays that suit it.
pub(super) fn apply(op: &Op, x: &[&Array], shape: &[usize], kind: Kind) -> Array {
    let data = match op {
        Op::Unary(Unary::Not) => Data::Bool(bools(x[0]).iter().map(|v| !v).collect()),
        Op::Unary(Unary::Neg) if kind == Kind::Int => Data::Int(ints(x[0]).iter().map(|v| -v).collect()),
        Op::Unary(f) => Data::Float(floats(x[0]).iter().map(|&v| unary(*f, v)).collect()),
        Op::LeakyRelu(slope) => {
            let of = |v: &f32| if *v < 0.0 { v * slope } else { *v };
            Data::Float(floats(x[0]).iter().map(of).collect())
        }
        Op::Binary(f) => binary(*f, x[0], x[1], shape, kind),
        Op::Where => {
            let [c, a, b] = [0, 1, 2].map(|i| spread(x[i], shape));
            let condition = bools(x[0]);
            let pick = |i: usize| condition[c[i]];
            match (&x[1].data, &x[2].data) {
                (Data::Float(yes), Data::Float(no)) => Data::Float(
                    (0..c.len())
                        .map(|i| if pick(i) { yes[a[i]] } else { no[b[i]] })
                        .collect(),
                ),
                _ => {
                    let (yes, no) = (ints(x[1]), ints(x[2]));
                    Data::Int(
                        (0..c.len())
                            .map(|i| if pick(i) { yes[a[i]] } else { no[b[i]] })
                            .collect(),
                    )
                }
            }
        }
        Op::Matmul => matmul(x[0], x[1], shape),
        Op::Linear => linear(x),
        Op::Conv(w) => conv(x, w, shape),
        Op::ConvTranspose(w) => conv_transpose(x, w, shape),
        Op::MaxPool(size, w) => pool(x[0], *size, w, shape, f32::NEG_INFINITY, f32::max, 1.0),
        Op::MeanPool(size, w) => {
            let share = 1.0 / (size[0] * size[1]) as f32;
            pool(x[0], *size, w, shape, 0.0, |a, b| a + b, share)
        }
        Op::Reshape => x[0].data.clone(),
        Op::Expand => x[0].data.at(&spread(x[0], shape)),
        Op::Permute(order) => {
            let strides = strides(&x[0].shape);
            x[0].data.at(&walk(
                shape,
                0,
                &order.iter().map(|&a| strides[a]).collect::<Vec<_>>(),
            ))
        }
        Op::Slice(cuts) => x[0].data.at(&cut(&x[0].shape, cuts, shape)),
        Op::Flip(axes) => {
            let mut steps = strides(&x[0].shape);
            let mut start = 0;
            for &axis in axes {
                start += steps[axis] * (shape[axis].max(1) as isize - 1);
                steps[axis] = -steps[axis];
            }
            x[0].data.at(&walk(shape, start, &steps))
        }
        Op::Concat(axis) => concat(x, *axis),
        Op::Gather(axis) => gather(x, *axis),
        Op::GatherElements(axis) => {
            let (indices, steps) = (ints(x[1]), strides(&x[0].shape));
            let mut along = steps.clone();
            along[*axis] = 0;
            let places = walk(shape, 0, &along);
            let place = |(p, i): (&usize, &i64)| p + *i as usize * steps[*axis] as usize;
            x[0].data
                .at(&places.iter().zip(&indices).map(place).collect::<Vec<_>>())
        }
        Op::Reduce(how, axes) => reduce(*how, x[0], axes, shape, kind),
        Op::ArgMax(axis) => best(x[0], *axis, |a, b| a > b),
        Op::ArgMin(axis) => best(x[0], *axis, |a, b| a < b),
        Op::Softmax(axis) => softmax(x[0], *axis, false),
        Op::LogSoftmax(axis) => softmax(x[0], *axis, true),
        Op::Cast => cast(&x[0].data, kind),
    };
    Array {
        shape: shape.to_vec(),
        data,
    }
}

fn floats(a: &Array) -> Vec<f32> {
    match &a.data {
        Data::Float(v) => v.clone(),
        Data::Int(v) => v.iter().map(|v| *v as f32).collect(),
        Data::Bool(v) => v.iter().map(|v| f32::from(*v)).collect(),
    }
}

fn ints(a: &Array) -> Vec<i64> {
    match &a.data {
        Data::Float(v) => v.iter().map(|v| *v as i64).collect(),
        Data::Int(v) => v.clone(),
        Data::Bool(v) => v.iter().map(|v| i64::from(*v)).collect(),
    }
}

fn bools(a: &Array) -> Vec<bool> {
    match &a.data {
        Data::Float(v) => v.iter().map(|v| *v != 0.0).collect(),
        Data::Int(v) => v.iter().map(|v| *v != 0).collect(),
        Data::Bool(v) => v.clone(),
    }
}

fn cast(data: &Data, kind: Kind) -> Data {
    let a = Array {
        shape: vec![],
        data: data.clone(),
    };
    match kind {
        Kind::Float => Data::Float(floats(&a)),
        Kind::Bool => Data::Bool(bools(&a)),
        Kind::Int | Kind::Byte => Data::Int(ints(&a)),
    }
}

fn unary(f: Unary, v: f32) -> f32 {
    match f {
        Unary::Neg => -v,
        Unary::Abs => v.abs(),
        Unary::Exp => v.exp(),
        Unary::Log => v.ln(),
        Unary::Log1p => v.ln_1p(),
        Unary::Sqrt => v.sqrt(),
        Unary::Recip => 1.0 / v,
        Unary::Sin => v.sin(),
        Unary::Cos => v.cos(),
        Unary::Tanh => v.tanh(),
        Unary::Atan => v.atan(),
        Unary::Erf => erf(v as f64) as f32,
        Unary::Sigmoid => 1.0 / (1.0 + (-v).exp()),
        Unary::Relu => v.max(0.0),
        Unary::Gelu => (0.5 * v as f64 * (1.0 + erf(v as f64 / std::f64::consts::SQRT_2))) as f32,
        Unary::Floor => v.floor(),
        Unary::Ceil => v.ceil(),
        Unary::Round => v.round_ties_even(),
        Unary::Sign => {
            if v == 0.0 {
                0.0
            } else {
                v.signum()
            }
        }
        Unary::Not => f32::from(v == 0.0),
    }
}

/// The error function: its series near 0, its continued fraction beyond (Abramowitz & Stegun 1964, 7.1.5 and 7.1.14).
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a > 6.0 {
        return x.signum();
    }
    if a < 2.5 {
        let mut term = a;
        let mut sum = a;
        for n in 1..80 {
            term *= -a * a / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        return x.signum() * sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let mut below = a;
    for n in (1..60).rev() {
        below = a + n as f64 / 2.0 / below;
    }
    x.signum() * (1.0 - (-a * a).exp() / below / std::f64::consts::PI.sqrt())
}

fn binary(f: Binary, a: &Array, b: &Array, shape: &[usize], kind: Kind) -> Data {
    let places = spread(a, shape).into_iter().zip(spread(b, shape));
    if kind == Kind::Int {
        let (a, b) = (ints(a), ints(b));
        let of = |(i, j): (usize, usize)| match f {
            Binary::Add => a[i] + b[j],
            Binary::Sub => a[i] - b[j],
            Binary::Mul => a[i] * b[j],
            Binary::Div => a[i] / b[j].max(1),
            Binary::Max => a[i].max(b[j]),
            _ => a[i].min(b[j]),
        };
        return Data::Int(places.map(of).collect());
    }
    let (a, b) = (floats(a), floats(b));
    let number = |(i, j): (usize, usize)| match f {
        Binary::Add => a[i] + b[j],
        Binary::Sub => a[i] - b[j],
        Binary::Mul => a[i] * b[j],
        Binary::Div => a[i] / b[j],
        Binary::Pow => a[i].powf(b[j]),
        Binary::Max => a[i].max(b[j]),
        _ => a[i].min(b[j]),
    };
    let truth = |(i, j): (usize, usize)| match f {
        Binary::Equal => a[i] == b[j],
        Binary::Less => a[i] < b[j],
        Binary::LessEqual => a[i] <= b[j],
        Binary::Greater => a[i] > b[j],
        Binary::GreaterEqual => a[i] >= b[j],
        Binary::And => a[i] != 0.0 && b[j] != 0.0,
        _ => a[i] != 0.0 || b[j] != 0.0,
    };
    match f.tells() {
        true => Data::Bool(places.map(truth).collect()),
        false => Data::Float(places.map(number).collect()),
    }
}

/// Steps in memory along each axis.
fn strides(shape: &[usize]) -> Vec<isize> {
    (0..shape.len())
        .map(|axis| shape[axis + 1..].iter().product::<usize>() as isize)
        .collect()
}

/// Places in memory of all elements of a shape, from `start` by steps along its axes.
fn walk(shape: &[usize], start: isize, steps: &[isize]) -> Vec<usize> {
    let mut places = vec![start];
    for (n, step) in shape.iter().zip(steps) {
        places = places
            .iter()
            .flat_map(|p| (0..*n as isize).map(move |i| p + i * step))
            .collect();
    }
    places.into_iter().map(|p| p as usize).collect()
}

/// Places of an array's numbers when it is broadcast.
fn spread(a: &Array, shape: &[usize]) -> Vec<usize> {
    let own = strides(&a.shape);
    let before = shape.len() - a.shape.len();
    let step = |axis: usize| match axis.checked_sub(before) {
        Some(i) if a.shape[i] == shape[axis] => own[i],
        _ => 0,
    };
    walk(shape, 0, &(0..shape.len()).map(step).collect::<Vec<_>>())
}

fn cut(from: &[usize], cuts: &[Cut], shape: &[usize]) -> Vec<usize> {
    let own = strides(from);
    let start = cuts.iter().zip(&own).map(|(c, s)| c.from as isize * s).sum();
    let steps: Vec<isize> = cuts.iter().zip(&own).map(|(c, s)| c.step as isize * s).collect();
    walk(shape, start, &steps)
}

fn concat(x: &[&Array], axis: usize) -> Data {
    let outer: usize = x[0].shape[..axis].iter().product();
    let sizes: Vec<usize> = x.iter().map(|a| a.shape[axis..].iter().product()).collect();
    let mut all = Vec::new();
    for o in 0..outer {
        for (a, size) in x.iter().zip(&sizes) {
            all.push(a.data.at(&(o * size..(o + 1) * size).collect::<Vec<_>>()));
        }
    }
    let kind = x[0].data.kind();
    let of = |data: Data| Array { shape: vec![], data };
    match kind {
        Kind::Float => Data::Float(all.into_iter().flat_map(|d| floats(&of(d))).collect()),
        Kind::Bool => Data::Bool(all.into_iter().flat_map(|d| bools(&of(d))).collect()),
        _ => Data::Int(all.into_iter().flat_map(|d| ints(&of(d))).collect()),
    }
}

fn gather(x: &[&Array], axis: usize) -> Data {
    let (shape, indices) = (&x[0].shape, ints(x[1]));
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut places = Vec::new();
    for o in 0..outer {
        for &i in &indices {
            let at = (o * shape[axis] + i as usize) * inner;
            places.extend(at..at + inner);
        }
    }
    x[0].data.at(&places)
}

fn reduce(how: Reduction, x: &Array, axes: &[usize], shape: &[usize], kind: Kind) -> Data {
    let own = strides(&x.shape);
    let kept: Vec<isize> = (0..shape.len())
        .map(|a| if axes.contains(&a) { 0 } else { own[a] })
        .collect();
    let inner: Vec<usize> = axes.iter().map(|&a| x.shape[a]).collect();
    let along: Vec<isize> = axes.iter().map(|&a| own[a]).collect();
    let (values, around) = (x.data.numbers(), walk(&inner, 0, &along));
    let one = |at: usize| {
        let line = around.iter().map(|p| values[at + p]);
        match how {
            Reduction::Sum => line.sum(),
            Reduction::Mean => line.sum::<f64>() / around.len().max(1) as f64,
            Reduction::Max => line.fold(f64::NEG_INFINITY, f64::max),
            Reduction::Min => line.fold(f64::INFINITY, f64::min),
            Reduction::Prod => line.product(),
        }
    };
    let found = walk(shape, 0, &kept).into_iter().map(one);
    match kind {
        Kind::Float => Data::Float(found.map(|v| v as f32).collect()),
        _ => Data::Int(found.map(|v| v as i64).collect()),
    }
}

/// Lines along an axis: the place of the first number of each, and the step.
fn lines(shape: &[usize], axis: usize) -> (Vec<usize>, usize) {
    let own = strides(shape);
    let mut across = shape.to_vec();
    across[axis] = 1;
    (walk(&across, 0, &own), own[axis] as usize)
}

fn best(x: &Array, axis: usize, better: impl Fn(f32, f32) -> bool) -> Data {
    let (values, (starts, step)) = (floats(x), lines(&x.shape, axis));
    let n = x.shape[axis];
    let find = |s: &usize| {
        (1..n).fold(0, |b, i| {
            if better(values[s + i * step], values[s + b * step]) {
                i
            } else {
                b
            }
        }) as i64
    };
    Data::Int(starts.iter().map(find).collect())
}

fn softmax(x: &Array, axis: usize, log: bool) -> Data {
    let (values, (starts, step)) = (floats(x), lines(&x.shape, axis));
    let mut out = values.clone();
    for s in starts {
        let places: Vec<usize> = (0..x.shape[axis]).map(|i| s + i * step).collect();
        let top = places
            .iter()
            .map(|&p| values[p])
            .fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = places.iter().map(|&p| ((values[p] - top) as f64).exp()).sum();
        for p in places {
            let v = (values[p] - top) as f64;
            out[p] = if log { v - sum.ln() } else { v.exp() / sum } as f32;
        }
    }
    Data::Float(out)
}

fn matmul(a: &Array, b: &Array, shape: &[usize]) -> Data {
    let rank = shape.len();
    let (m, n, k) = (shape[rank - 2], shape[rank - 1], a.shape[a.shape.len() - 1]);
    let outer = &shape[..rank - 2];
    let matrices = |x: &Array, size: usize| -> Vec<usize> {
        let head = Array {
            shape: x.shape[..x.shape.len() - 2].to_vec(),
            data: Data::Bool(vec![]),
        };
        spread(&head, outer).into_iter().map(|p| p * size).collect()
    };
    let (x, y) = (floats(a), floats(b));
    let mut out = Vec::with_capacity(shape.iter().product());
    for (at, bt) in matrices(a, m * k).into_iter().zip(matrices(b, k * n)) {
        for i in 0..m {
            let mut row = vec![0.0f64; n];
            for l in 0..k {
                let v = x[at + i * k + l] as f64;
                row.iter_mut()
                    .zip(&y[bt + l * n..][..n])
                    .for_each(|(r, w)| *r += v * *w as f64);
            }
            out.extend(row.into_iter().map(|v| v as f32));
        }
    }
    Data::Float(out)
}

fn linear(x: &[&Array]) -> Data {
    let (values, weight) = (floats(x[0]), floats(x[1]));
    let (inputs, outputs) = (x[1].shape[1], x[1].shape[0]);
    let bias = x.get(2).map_or_else(|| vec![0.0; outputs], |b| floats(b));
    let row = |row: &[f32]| -> Vec<f32> {
        let one = |(w, b): (&[f32], &f32)| {
            let sum: f64 = row.iter().zip(w).map(|(v, w)| *v as f64 * *w as f64).sum();
            (sum + *b as f64) as f32
        };
        weight.chunks_exact(inputs).zip(&bias).map(one).collect()
    };
    Data::Float(values.chunks_exact(inputs).flat_map(row).collect())
}

/// Calls `each` with every pair of pixels that a tap joins: (output's, input's, tap's).
fn taps(
    w: &Windows,
    kernel: [usize; 2],
    out: [usize; 2],
    input: [usize; 2],
    mut each: impl FnMut(usize, usize, usize),
) {
    for (o, t) in (0..out[0] * out[1]).flat_map(|o| (0..kernel[0] * kernel[1]).map(move |t| (o, t))) {
        let (oy, ox, ty, tx) = (o / out[1], o % out[1], t / kernel[1], t % kernel[1]);
        let y = (oy * w.stride[0] + ty * w.dilation[0]).checked_sub(w.padding[0].0);
        let x = (ox * w.stride[1] + tx * w.dilation[1]).checked_sub(w.padding[1].0);
        if let (Some(y), Some(x)) = (y, x)
            && y < input[0]
            && x < input[1]
        {
            each(o, y * input[1] + x, t);
        }
    }
}

fn with_bias(sums: Vec<f64>, bias: Option<&&Array>, channels: usize, pixels: usize) -> Data {
    let bias = bias.map_or_else(|| vec![0.0; channels], |b| floats(b));
    let of = |(i, v): (usize, f64)| (v + bias[i / pixels % channels] as f64) as f32;
    Data::Float(sums.into_iter().enumerate().map(of).collect())
}

fn conv(x: &[&Array], w: &Windows, shape: &[usize]) -> Data {
    let (values, weight) = (floats(x[0]), floats(x[1]));
    let [batch, ci, h, wd] = [0, 1, 2, 3].map(|i| x[0].shape[i]);
    let (co, per, kernel) = (shape[1], x[1].shape[1], [x[1].shape[2], x[1].shape[3]]);
    let (pixels, size, area) = (shape[2] * shape[3], h * wd, kernel[0] * kernel[1]);
    let mut out = vec![0.0f64; shape.iter().product()];
    taps(w, kernel, [shape[2], shape[3]], [h, wd], |o, i, t| {
        for (b, to) in (0..batch).flat_map(|b| (0..co).map(move |to| (b, to))) {
            let first = to / (co / w.groups) * per;
            let sum: f64 = (0..per)
                .map(|k| {
                    values[(b * ci + first + k) * size + i] as f64 * weight[(to * per + k) * area + t] as f64
                })
                .sum();
            out[(b * co + to) * pixels + o] += sum;
        }
    });
    with_bias(out, x.get(2), co, pixels)
}

/// Each pixel of the input goes where a convolution with these windows would have seen it from.
fn conv_transpose(x: &[&Array], w: &Windows, shape: &[usize]) -> Data {
    let (values, weight) = (floats(x[0]), floats(x[1]));
    let [batch, ci, h, wd] = [0, 1, 2, 3].map(|i| x[0].shape[i]);
    let (co, per, kernel) = (shape[1], x[1].shape[1], [x[1].shape[2], x[1].shape[3]]);
    let (pixels, size, area) = (shape[2] * shape[3], h * wd, kernel[0] * kernel[1]);
    let mut out = vec![0.0f64; shape.iter().product()];
    taps(w, kernel, [h, wd], [shape[2], shape[3]], |i, o, t| {
        for (b, from) in (0..batch).flat_map(|b| (0..ci).map(move |from| (b, from))) {
            let v = values[(b * ci + from) * size + i] as f64;
            let first = from / (ci / w.groups) * per;
            for k in 0..per {
                out[(b * co + first + k) * pixels + o] += v * weight[(from * per + k) * area + t] as f64;
            }
        }
    });
    with_bias(out, x.get(2), co, pixels)
}

fn pool(
    x: &Array,
    size: [usize; 2],
    w: &Windows,
    shape: &[usize],
    start: f32,
    join: impl Fn(f32, f32) -> f32,
    share: f32,
) -> Data {
    let values = floats(x);
    let (planes, h, wd) = (x.shape[0] * x.shape[1], x.shape[2], x.shape[3]);
    let pixels = shape[2] * shape[3];
    let mut out = vec![start; planes * pixels];
    taps(w, size, [shape[2], shape[3]], [h, wd], |o, i, _| {
        for p in 0..planes {
            out[p * pixels + o] = join(out[p * pixels + o], values[p * h * wd + i]);
        }
    });
    Data::Float(out.into_iter().map(|v| v * share).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        // Abramowitz & Stegun 1964, table 7.1.
        for (x, want) in [
            (0.5, 0.5204998778),
            (1.0, 0.8427007929),
            (2.0, 0.9953222650),
            (3.0, 0.9999779095),
        ] {
            assert!((erf(x) - want).abs() < 1e-9, "{x}");
            assert!((erf(-x) + want).abs() < 1e-9, "{x}");
        }
    }
}
