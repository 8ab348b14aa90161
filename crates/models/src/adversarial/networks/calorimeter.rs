//! Networks of showers in the three layers of a calorimeter (Paganini, de Oliveira, Nachman 2018, CaloGAN, arXiv:1712.10321, section 3):
//! for each layer a stream of location-aware networks, what one layer holds being carried to the next as far as a gate lets it.
//!
//! I_i' = w_i * carried(I_{i-1}') + (1 - w_i) * I_i,  w_i = sigmoid(locally connected (carried(I_{i-1}'), I_i))        (section 3.1)
use super::heads::MinibatchDiscrimination;
use super::{Told, local};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::showers::{FULL, GAUGE, LAYERS, Layer, SHAPE};
use menagerie_kernels::resize_nearest;
use menagerie_nn::{Activation, Dual, Init, Linear, Local2d, Weights, activation};

/// Side of a gate's kernels.
const KERNEL: usize = 3;
/// What the biases of gates begin at: little is carried at first.
const CLOSED: f64 = -2.0;
/// What a stream says is worth so much of a cell's value, most of which are small: the first showers are then of some tens of GeV.
const SCALE: f64 = 0.1;
/// A cell of this value counts as half hit.
const FAINT: f64 = 0.02;
/// Numbers of a shower beside what its layers' streams see: energies, their sum, how far it is from what was asked for, cells hit.
const SUMMARY: usize = 2 * LAYERS.len() + 2;
/// Minibatch discrimination of the shares of cells that are hit.
const KERNELS_OF_HITS: usize = 5;

/// Refuses what are no showers.
///
/// # Errors
/// [`Error::Data`].
pub(in super::super) fn fits(model: &str, info: &DataInfo) -> Result<()> {
    match info.shape == SHAPE {
        true => Ok(()),
        false => {
            let problem = format!(
                "{model} draws showers in the layers of a calorimeter, and these are {} of {:?}",
                info.kind.plural(),
                info.shape
            );
            Err(Error::data(
                &info.source,
                problem,
                "choose `showers`, at their own size",
            ))
        }
    }
}

/// Latents -> three layers, one after the other carried to the next -> a picture of all. The gauge stays empty.
#[derive(Module, Debug)]
pub struct Generator {
    streams: Vec<local::Generator>,
    gates: Vec<Local2d>,
}

impl Generator {
    pub(super) fn new(s: &local::Sizes, told: Told, init: &Init) -> Self {
        let stream = |(l, layer): (usize, &Layer)| {
            let [h, w] = layer.cells;
            local::Generator::new(s, [h, w, 1], told, &init.at("stream").nth(l))
        };
        let gate = |(l, layer): (usize, &Layer)| {
            let size = layer.cells.map(|n| n + KERNEL - 1);
            Local2d::new([2, 1], size, KERNEL, CLOSED, &init.at("gate").nth(l))
        };
        Generator {
            streams: LAYERS.iter().enumerate().map(stream).collect(),
            gates: LAYERS[1..].iter().enumerate().map(gate).collect(),
        }
    }

    /// See [`super::GeneratorNetwork::forward`]; empty is -1.
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let mut layers: Vec<Tensor<4>> = Vec::with_capacity(LAYERS.len());
        for (l, stream) in self.streams.iter().enumerate() {
            let own = stream.unbounded(z.clone(), told);
            layers.push(match layers.last() {
                None => own,
                Some(before) => {
                    let carried = carried(before.clone(), LAYERS[l].cells);
                    let both = Tensor::cat(vec![carried.clone(), own.clone()], 3);
                    let gate = self.gates[l - 1].forward(framed(both), Activation::Sigmoid);
                    gate.clone() * carried + (-gate + 1.0) * own
                }
            });
        }
        let placed =
            |(x, layer): (Tensor<4>, &Layer)| on_canvas(activation(x, Activation::Relu) * SCALE, layer);
        let all = layers.into_iter().zip(&LAYERS).map(placed).reduce(|a, b| a + b);
        all.expect("there are layers") * 2.0 - 1.0
    }
}

/// What cells of a layer hold, in the cells of the next: repeated where those are smaller, the mean where they are larger.
fn carried(x: Tensor<4>, to: [usize; 2]) -> Tensor<4> {
    let [batch, h, w, _] = x.dims();
    let finer = [h.max(to[0]), w.max(to[1])];
    let x = resize_nearest(x, finer);
    let [tall, wide] = [finer[0] / to[0], finer[1] / to[1]];
    let x = x.reshape([batch, to[0], tall, finer[1]]).mean_dim(2);
    x.reshape([batch, to[0], to[1], wide]).mean_dim(3)
}

/// So many rows and columns of nothing for each item of a batch.
fn nothing(like: &Tensor<4>, [h, w]: [usize; 2]) -> Tensor<4> {
    let [batch, _, _, c] = like.dims();
    let zero = like.clone().narrow(1, 0, 1).narrow(2, 0, 1) * 0.0;
    zero.expand([batch, h, w, c])
}

/// With a row of nothing above and below, and a column on either side.
fn framed(x: Tensor<4>) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    let (beside, above) = (nothing(&x, [h, 1]), nothing(&x, [1, w + 2]));
    let x = Tensor::cat(vec![beside.clone(), x, beside], 2);
    Tensor::cat(vec![above.clone(), x, above], 1)
}

/// A layer where it stands in a picture, with nothing around it.
fn on_canvas(x: Tensor<4>, layer: &Layer) -> Tensor<4> {
    let ([height, width, _], [top, left], [h, w]) = (SHAPE, layer.at, layer.cells);
    let along = |x: Tensor<4>, axis: usize, before: usize, after: usize| {
        let [_, h, w, _] = x.dims();
        let of = |n: usize| if axis == 1 { [n, w] } else { [h, n] };
        let mut parts = vec![];
        if before > 0 {
            parts.push(nothing(&x, of(before)));
        }
        parts.push(x.clone());
        if after > 0 {
            parts.push(nothing(&x, of(after)));
        }
        Tensor::cat(parts, axis)
    };
    let x = along(x, 2, left, width - left - w);
    along(x, 1, top, height - top - h)
}

/// The cells of a layer, `[batch, rows, columns, 1]`, of pictures.
fn cut(x: &Tensor<4>, layer: &Layer) -> Tensor<4> {
    let ([top, left], [h, w]) = (layer.at, layer.cells);
    x.clone().narrow(1, top, h).narrow(2, left, w).narrow(3, 0, 1)
}

/// The sum of a layer's numbers, `[batch, 1]`.
fn summed(x: &Tensor<4>, layer: &Layer) -> Tensor<2> {
    cut(x, layer).flatten::<2>(1, 3).sum_dim(1)
}

/// The energy in all layers of pictures in [-1, 1], in GeV, `[batch, 1]`.
pub(in super::super) fn total(pictures: &Tensor<4>) -> Tensor<2> {
    let v = pictures.clone() * 0.5 + 0.5;
    let square = v.clone() * v;
    let sums = LAYERS.iter().map(|layer| summed(&square, layer));
    sums.reduce(|a, b| a + b).expect("there are layers") * FULL
}

/// The mean of the gauge's row, `[batch, 1]`.
fn gauge(x: &Tensor<4>) -> Tensor<2> {
    let row = x.clone().narrow(1, GAUGE, 1).narrow(3, 0, 1);
    row.flatten::<2>(1, 3).mean_dim(1)
}

/// The energy that was asked for, of pictures in [-1, 1], as a share of a full gauge, `[batch, 1]`.
pub(in super::super) fn asked(pictures: &Tensor<4>) -> Tensor<2> {
    gauge(pictures) * 0.5 + 0.5
}

/// The same pictures with that share on their gauges.
pub(in super::super) fn with_gauge(pictures: Tensor<4>, asked: &Tensor<2>) -> Tensor<4> {
    let ([height, width, _], batch) = (SHAPE, pictures.dims()[0]);
    let at: Vec<f32> = (0..width).map(|i| i as f32).collect();
    let at = Tensor::<1>::from_floats(&at[..], &pictures.device()).reshape([1, width]);
    let filled = (asked.clone() * width as f64).expand([batch, width]);
    let row = (filled - at).clamp(0.0, 1.0) * 2.0 - 1.0;
    let below = GAUGE + 1;
    let parts = vec![
        pictures.clone().narrow(1, 0, GAUGE),
        row.reshape([batch, 1, width, 1]),
        pictures.narrow(1, below, height - below),
    ];
    Tensor::cat(parts, 1)
}

/// Picture -> a stream for each layer, and what is measured of all: the energy of each, their sum, how far that is from what was asked
/// for, and how many cells are hit, compared over the batch.
#[derive(Module, Debug)]
pub struct Trunk {
    streams: Vec<local::Trunk>,
    hits: Option<MinibatchDiscrimination>,
}

/// The least grid that a stream takes, of these cells: each is repeated until there are enough.
fn enlarged(cells: [usize; 2]) -> [usize; 2] {
    cells.map(|n| n * local::LEAST.div_ceil(n))
}

impl Trunk {
    pub(super) fn new(s: &local::Sizes, init: &Init) -> Self {
        let stream = |(l, layer): (usize, &Layer)| {
            let [h, w] = enlarged(layer.cells);
            local::Trunk::new(s, [h, w, 1], &init.at("stream").nth(l))
        };
        let hits = || MinibatchDiscrimination::new(LAYERS.len(), KERNELS_OF_HITS, &init.at("hits"));
        Trunk {
            streams: LAYERS.iter().enumerate().map(stream).collect(),
            hits: (s.minibatch > 0).then(hits),
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let (mut seen, mut features) = (vec![], vec![]);
        for (stream, layer) in self.streams.iter().zip(&LAYERS) {
            let cells = x
                .clone()
                .linear(|t| resize_nearest(cut(&t, layer), enlarged(layer.cells)));
            let (layers, flat) = stream.layers(cells);
            seen.extend(layers);
            features.push(flat);
        }
        let v = x.with(x.value.clone() * 0.5 + 0.5, x.tangent.clone().map(|t| t * 0.5));
        let hits = hits(&v);
        features.extend(measured(v));
        features.push(match &self.hits {
            Some(m) => m.dual(hits),
            None => hits,
        });
        let all = features.into_iter().reduce(|a, b| a.cat(b, 1));
        (seen, all.expect("there are layers"))
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        let of_streams: usize = self.streams.iter().map(local::Trunk::features).sum();
        of_streams + SUMMARY + self.hits.as_ref().map_or(0, MinibatchDiscrimination::kernels)
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(Weights::Glorot(1.0));
        of.init(&init.at("logit"))
    }
}

/// Of pictures in [0, 1]: the energy of each layer in tens of GeV; their sum in hundreds; how far it is from what was asked for, in tens.
fn measured(v: Dual<4>) -> Vec<Dual<2>> {
    let asked = v.clone().linear(|t| gauge(&t) * (FULL / 10.0));
    let square = v.clone().times(v);
    let energy = |layer| square.clone().linear(|t| summed(&t, layer) * (FULL / 10.0));
    let energies: Vec<Dual<2>> = LAYERS.iter().map(energy).collect();
    let total = energies.iter().cloned().reduce(|a, b| a.plus(b));
    let total = total.expect("there are layers");
    let off = total.clone().plus(asked.linear(|t| -t));
    let sign = off.value.clone().sign();
    let off = off.with(off.value.clone().abs(), off.tangent.clone().map(|t| t * sign));
    let mut all = energies;
    all.extend([total.linear(|t| t * 0.1), off]);
    all
}

/// How many cells of each layer are hit, softly: the mean of v / (v + c), `[batch, layers]`. Only what is above nothing counts.
fn hits(v: &Dual<4>) -> Dual<2> {
    let up = v.clone().activation(Activation::Relu);
    let over = up.value.clone() + FAINT;
    let slope = FAINT / (over.clone() * over.clone());
    let soft = up.with(up.value.clone() / over, up.tangent.clone().map(|t| t * slope));
    let mean = |layer: &Layer| {
        let cells = (layer.cells[0] * layer.cells[1]) as f64;
        soft.clone().linear(|t| summed(&t, layer) / cells)
    };
    let all = LAYERS.iter().map(mean).reduce(|a, b| a.cat(b, 1));
    all.expect("there are layers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::{Key, Source};
    use menagerie_nn::numbers;

    /// What networks measure of showers is what the source says of them.
    #[test]
    fn energies_are_those_of_the_source() {
        let set = Source::parse("showers").open().unwrap().dataset;
        let indices: Vec<u32> = (0..6).collect();
        let batch = menagerie_data::Batch::of(&*set, &indices).unwrap();
        let [h, w, c] = SHAPE;
        let x = Tensor::from_data(
            TensorData::new(batch.values.clone(), [6, h, w, c]),
            &Device::flex(),
        );
        let (total, asked) = (numbers(total(&x)), numbers(asked(&x)));
        for (i, said) in batch
            .attributes
            .chunks_exact(batch.attributes.len() / 6)
            .enumerate()
        {
            assert!(
                (asked[i] * FULL as f32 - said[0]).abs() < 1e-3,
                "{} {}",
                asked[i],
                said[0]
            );
            assert!(
                (total[i] - said[1]).abs() < 1e-3 * said[1],
                "{} {}",
                total[i],
                said[1]
            );
        }
        // The gauge is written as the source writes it.
        let share = Tensor::<1>::from_floats(&asked[..], &Device::flex()).reshape([6, 1]);
        let again = numbers(with_gauge(x, &share));
        let off = again.iter().zip(&batch.values).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-4);
    }

    /// Against loops: cells of 160 x 20 mm in cells of 40 x 40, and those in cells of 40 x 80.
    #[test]
    fn energy_is_carried_to_the_place_where_it_was() {
        let of = |h: usize, w: usize| -> Vec<f32> { (0..h * w).map(|i| (0.7 * i as f32).sin()).collect() };
        let carry = |x: &[f32], [h, w]: [usize; 2], to: [usize; 2]| {
            let x = Tensor::from_data(TensorData::new(x.to_vec(), [1, h, w, 1]), &Device::flex());
            numbers(carried(x, to))
        };
        let x = of(3, 24);
        for (i, v) in carry(&x, [3, 24], [12, 12]).into_iter().enumerate() {
            let (r, c) = (i / 12 / 4, i % 12 * 2);
            assert!((v - (x[r * 24 + c] + x[r * 24 + c + 1]) / 2.0).abs() < 1e-6);
        }
        let x = of(12, 12);
        for (i, v) in carry(&x, [12, 12], [12, 6]).into_iter().enumerate() {
            let (r, c) = (i / 6, i % 6 * 2);
            assert!((v - (x[r * 12 + c] + x[r * 12 + c + 1]) / 2.0).abs() < 1e-6);
        }
    }

    /// A gate that is shut leaves a layer as it is, one that is open puts the one before in its place; cells between layers stay empty.
    #[test]
    fn gates_say_what_is_carried() {
        let device = Device::flex();
        let s = local::Sizes {
            latent: 5,
            width: 4,
            local: 3,
            ..local::Sizes::default()
        };
        let mut g = Generator::new(&s, Told::default(), &Init::new(Key::new(1), &device));
        let z = menagerie_kernels::noise::normal(Key::new(3).words(), [4, 5], &device);
        let own = activation(g.streams[1].unbounded(z.clone(), None), Activation::Relu) * (2.0 * SCALE) - 1.0;
        let front = g.streams[0].unbounded(z.clone(), None);
        let before = activation(carried(front, [12, 12]), Activation::Relu) * (2.0 * SCALE) - 1.0;
        for (bias, want) in [(-60.0, own), (60.0, before)] {
            g.gates[0].bias = g.gates[0].bias.clone().map(|b| b * 0.0 + bias);
            let x = g.forward(z.clone(), None);
            assert_eq!(x.dims(), [4, 16, 24, 1]);
            let off = numbers((cut(&x, &LAYERS[1]) - want).abs().max());
            assert!(off[0] < 1e-5, "{off:?}");
            let gauge = numbers(x.narrow(1, GAUGE, 1));
            assert!(gauge.iter().all(|v| *v == -1.0));
        }
    }

    /// The derivative along a direction against central differences.
    #[test]
    fn tangents_are_derivatives() {
        let device = Device::flex();
        let s = local::Sizes {
            latent: 5,
            width: 4,
            local: 3,
            minibatch: 0,
            ..local::Sizes::default()
        };
        let t = Trunk::new(&s, &Init::new(Key::new(2), &device));
        let [h, w, c] = SHAPE;
        let x: Tensor<4> =
            menagerie_kernels::noise::uniform(Key::new(5).words(), [2, h, w, c], &device) * 1.6 - 0.8;
        let v: Tensor<4> = menagerie_kernels::noise::normal(Key::new(6).words(), [2, h, w, c], &device);
        let dual = t.layers(Dual::along(x.clone(), v.clone(), true)).1;
        assert_eq!(dual.value.dims(), [2, t.features()]);
        let at = |e: f64| t.layers((x.clone() + v.clone() * e).into()).1.value;
        let differences = numbers((at(1e-3) - at(-1e-3)) / 2e-3);
        let tangent = numbers(dual.tangent.unwrap());
        let all = t.features();
        for i in (0..2 * all).filter(|i| i % all >= all - SUMMARY) {
            let (a, b) = (tangent[i], differences[i]);
            assert!((a - b).abs() < 0.02 * b.abs().max(1.0), "{i}: {a} {b}");
        }
    }
}
