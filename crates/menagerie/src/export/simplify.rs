//! Makes a recorded graph the graph that somebody would have drawn: constants are worked out, what changes nothing goes, axes
//! are rearranged where it must be, and norms and biases become a part of the layers before them.
use super::eval::apply;
use super::graph::{Array, Binary, Cut, Data, Dim, Graph, Id, Kind, Node, Op, Unary};
use std::collections::HashMap;

/// Simplifies until nothing more is found.
pub(super) fn simplify(graph: &mut Graph) {
    for _ in 0..40 {
        let before = graph.nodes.len();
        let changed = sweep(graph);
        remove_unused(graph);
        if !changed && graph.nodes.len() == before {
            break;
        }
    }
    join_equal_constants(graph);
}

/// Where the nodes that are being gone through stand.
struct Sweep<'a> {
    graph: &'a mut Graph,
    /// nodes that are kept so far
    nodes: Vec<Node>,
    /// which of them makes a value
    producer: HashMap<Id, usize>,
    /// what a value is the same as
    alias: HashMap<Id, Id>,
    /// how often a value is read
    uses: Vec<usize>,
    /// values by what makes them
    made: HashMap<String, Id>,
    changed: bool,
}

fn sweep(graph: &mut Graph) -> bool {
    let mut uses = vec![0; graph.values.len()];
    let outputs = graph.outputs.iter().map(|(id, _)| *id);
    let read = graph.nodes.iter().flat_map(|n| n.inputs.iter().copied());
    read.chain(outputs).for_each(|id| uses[id] += 1);
    let nodes = std::mem::take(&mut graph.nodes);
    let mut s = Sweep {
        graph,
        nodes: Vec::with_capacity(nodes.len()),
        producer: HashMap::new(),
        alias: HashMap::new(),
        uses,
        made: HashMap::new(),
        changed: false,
    };
    nodes.into_iter().for_each(|node| s.take(node));
    let Sweep {
        nodes,
        alias,
        changed,
        ..
    } = s;
    graph.nodes = nodes;
    for (id, _) in &mut graph.outputs {
        *id = alias.get(id).copied().unwrap_or(*id);
    }
    changed
}

impl Sweep<'_> {
    /// Keeps a node, or what it becomes.
    fn take(&mut self, mut node: Node) {
        for input in &mut node.inputs {
            *input = self.alias.get(input).copied().unwrap_or(*input);
        }
        let found =
            self.fold(&node) || self.is_nothing(&node) || self.is_made(&node) || self.becomes(&mut node);
        if found {
            self.changed = true;
            return;
        }
        self.keep(node);
    }

    /// What is made already is not made again.
    fn is_made(&mut self, node: &Node) -> bool {
        let out = &self.graph.values[node.output];
        let key = format!("{:?} {:?} {:?} {:?}", node.op, node.inputs, out.shape, out.kind);
        match self.made.get(&key) {
            Some(&there) if self.producer.contains_key(&there) => {
                self.uses[there] += 1;
                self.alias.insert(node.output, there);
                true
            }
            _ => {
                self.made.insert(key, node.output);
                false
            }
        }
    }

    fn keep(&mut self, node: Node) {
        self.producer.insert(node.output, self.nodes.len());
        self.nodes.push(node);
    }

    fn shape(&self, id: Id) -> &[Dim] {
        &self.graph.values[id].shape
    }

    /// The node that makes a value.
    fn maker(&self, id: Id) -> Option<&Node> {
        self.producer.get(&id).map(|&i| &self.nodes[i])
    }

    fn once(&self, id: Id) -> bool {
        self.uses.get(id).copied().unwrap_or(1) == 1
    }

    /// Says that what reads one value is to read another, from which that is made; it may go on being read by others.
    fn pass_by(&mut self, through: Id, x: Id) -> Id {
        if !self.once(through) {
            self.uses[x] += 1;
        }
        x
    }

    fn new_value(&mut self, shape: Vec<Dim>, kind: Kind) -> Id {
        self.uses.push(1);
        self.graph.add(shape, kind)
    }

    fn new_constant(&mut self, array: Array, name: Option<String>) -> Id {
        self.uses.push(1);
        self.graph.constant(array, name)
    }

    /// What is made of constants alone is one.
    fn fold(&mut self, node: &Node) -> bool {
        let Some(shape) = self.graph.values[node.output].fixed() else {
            return false;
        };
        let Some(inputs) = node
            .inputs
            .iter()
            .map(|&i| self.graph.array(i))
            .collect::<Option<Vec<Array>>>()
        else {
            return false;
        };
        // Repeated numbers are cheap to repeat, and dear to write down.
        let size = shape.iter().product::<usize>();
        let given = inputs.iter().map(|a| a.data.len()).max().unwrap_or(0);
        if node.op == Op::Expand && size > 16 * given.max(1) && size > 1024 {
            return false;
        }
        let kind = self.graph.values[node.output].kind;
        let array = apply(&node.op, &inputs.iter().collect::<Vec<_>>(), &shape, kind);
        let name = node
            .inputs
            .iter()
            .find_map(|&i| self.graph.values[i].name.clone());
        let constant = self.new_constant(array, name);
        self.alias.insert(node.output, constant);
        true
    }

    /// What gives its input back is left out.
    fn is_nothing(&mut self, node: &Node) -> bool {
        let (x, out) = (node.inputs[0], node.output);
        let same_shape = self.shape(x) == self.shape(out);
        let is = |id: Id, v: f32| self.graph.number(id) == Some(v);
        let nothing = match &node.op {
            Op::Reshape | Op::Expand => same_shape,
            Op::Permute(order) => order.iter().copied().eq(0..order.len()),
            Op::Slice(cuts) => cuts.iter().all(|c| *c == Cut::ALL),
            Op::Concat(_) => node.inputs.len() == 1,
            Op::Flip(axes) => axes.is_empty(),
            Op::Cast => self.graph.values[x].kind == self.graph.values[out].kind,
            Op::Reduce(_, axes) => axes.iter().all(|&a| self.shape(x)[a] == Dim::Is(1)),
            Op::Binary(Binary::Mul | Binary::Div | Binary::Pow) => same_shape && is(node.inputs[1], 1.0),
            Op::Binary(Binary::Add | Binary::Sub) => same_shape && is(node.inputs[1], 0.0),
            // A tanh is in [-1, 1].
            Op::Binary(Binary::Max) => same_shape && is(node.inputs[1], -1.0) && self.is_tanh(x),
            Op::Binary(Binary::Min) => same_shape && is(node.inputs[1], 1.0) && self.is_tanh(x),
            _ => false,
        };
        let other_way = match &node.op {
            Op::Binary(Binary::Mul) => is(x, 1.0),
            Op::Binary(Binary::Add) => is(x, 0.0),
            _ => false,
        };
        if nothing {
            self.alias.insert(out, x);
        } else if other_way && self.shape(node.inputs[1]) == self.shape(out) {
            self.alias.insert(out, node.inputs[1]);
            return true;
        }
        nothing
    }

    fn is_tanh(&self, id: Id) -> bool {
        self.maker(id).is_some_and(|n| n.op == Op::Unary(Unary::Tanh))
    }

    /// What can be said more simply; the new nodes are kept.
    fn becomes(&mut self, node: &mut Node) -> bool {
        self.after_its_like(node)
            || self.of_repeated(node)
            || self.before_reshape(node)
            || self.as_reshape(node)
            || self.as_product(node)
            || self.into_layer(node)
            || self.before_permutation(node)
    }

    /// Shape after shape, order after order.
    fn after_its_like(&mut self, node: &mut Node) -> bool {
        let Some(before) = self.maker(node.inputs[0]) else {
            return false;
        };
        let input = before.inputs[0];
        let op = match (&before.op, &node.op) {
            (Op::Reshape, Op::Reshape) => Op::Reshape,
            (Op::Permute(a), Op::Permute(b)) => Op::Permute(b.iter().map(|&i| a[i]).collect()),
            (Op::Reduce(how, a), Op::Reduce(again, b)) if how == again && self.once(node.inputs[0]) => {
                let mut both = [&a[..], &b[..]].concat();
                both.sort_unstable();
                both.dedup();
                Op::Reduce(*how, both)
            }
            (Op::Unary(Unary::Neg), Op::Unary(Unary::Neg)) => {
                self.alias.insert(node.output, input);
                return true;
            }
            _ => return false,
        };
        let input = self.pass_by(node.inputs[0], input);
        self.take_new(op, vec![input], node.output);
        true
    }

    fn take_new(&mut self, op: Op, inputs: Vec<Id>, output: Id) {
        self.take(Node { op, inputs, output });
    }

    /// Numbers that are repeated only to meet others are not: shapes are broadcast. And what a number does to repeated ones, it
    /// does to one of them.
    fn of_repeated(&mut self, node: &mut Node) -> bool {
        let (Op::Binary(_), [a, b]) = (&node.op, &node.inputs[..]) else {
            return false;
        };
        let out = self.shape(node.output).to_vec();
        for (repeated, other, place) in [(*a, *b, 0), (*b, *a, 1)] {
            let Some(Node {
                op: Op::Expand,
                inputs,
                ..
            }) = self.maker(repeated)
            else {
                continue;
            };
            let one = inputs[0];
            let mut inputs = node.inputs.clone();
            inputs[place] = one;
            if self.shape(other) == out {
                self.take_new(node.op.clone(), inputs, node.output);
                return true;
            }
            let is_number =
                self.graph.is_constant(other) && self.shape(other).iter().all(|d| *d == Dim::Is(1));
            if is_number && self.shape(other).len() <= self.shape(one).len() {
                let inner = self.new_value(self.shape(one).to_vec(), self.graph.values[node.output].kind);
                self.take_new(node.op.clone(), inputs, inner);
                let inner = self.alias.get(&inner).copied().unwrap_or(inner);
                self.take_new(Op::Expand, vec![inner], node.output);
                return true;
            }
        }
        false
    }

    /// What is done number by number is done before a change of shape, so that it meets what makes the numbers: by itself, with one
    /// number, or with a number of its own for each number of an item's row.
    fn before_reshape(&mut self, node: &mut Node) -> bool {
        let place = node.inputs.iter().position(|&i| !self.graph.is_constant(i));
        let Some(place) = place else { return false };
        let Some(Node {
            op: Op::Reshape,
            inputs: before,
            ..
        }) = self.maker(node.inputs[place])
        else {
            return false;
        };
        let x = before[0];
        let (from, to) = (self.shape(x).to_vec(), self.shape(node.output).to_vec());
        if self.shape(node.inputs[place]) != to {
            return false;
        }
        let mut inputs = node.inputs.clone();
        inputs[place] = self.pass_by(node.inputs[place], x);
        match (&node.op, &node.inputs[..]) {
            (Op::Unary(_) | Op::LeakyRelu(_), _) => {}
            (Op::Binary(_), [_, _]) => {
                let other = node.inputs[1 - place];
                let Some(array) = self.graph.array(other) else {
                    return false;
                };
                if array.data.len() == 1 {
                    let data = array.data;
                    inputs[1 - place] = self.new_constant(
                        Array { shape: vec![], data },
                        self.graph.values[other].name.clone(),
                    );
                } else {
                    // Of a layer's output alone, which then takes it up.
                    let layer = self.maker(x).is_some_and(|n| n.op == Op::Linear) && self.once(x);
                    if !layer || from[0] != to[0] || self.shape(other).len() > to.len() {
                        return false;
                    }
                    let item: Vec<usize> = to[1..].iter().map(|d| d.of(0)).collect();
                    let full = [vec![1], item].concat();
                    let kind = self.graph.values[other].kind;
                    let mut array = apply(&Op::Expand, &[&array], &full, kind);
                    array.shape = vec![1, array.data.len()];
                    inputs[1 - place] = self.new_constant(array, self.graph.values[other].name.clone());
                }
            }
            _ => return false,
        }
        let inner = self.new_value(from, self.graph.values[node.output].kind);
        self.take_new(node.op.clone(), inputs, inner);
        let inner = self.alias.get(&inner).copied().unwrap_or(inner);
        self.take_new(Op::Reshape, vec![inner], node.output);
        true
    }

    /// A permutation that moves only axes of one number changes no order.
    fn as_reshape(&mut self, node: &mut Node) -> bool {
        let Op::Permute(order) = &node.op else {
            return false;
        };
        let shape = self.shape(node.inputs[0]);
        let moved: Vec<usize> = order
            .iter()
            .copied()
            .filter(|&a| shape[a] != Dim::Is(1))
            .collect();
        if !moved.is_sorted() {
            return false;
        }
        self.take_new(Op::Reshape, node.inputs.clone(), node.output);
        true
    }

    /// A product of rows with constant weights is a layer, its weights the way that other programs have them.
    fn as_product(&mut self, node: &mut Node) -> bool {
        let [x, w] = node.inputs[..] else { return false };
        if node.op != Op::Matmul || self.shape(x).len() != 2 {
            return false;
        }
        let Some(weight) = self.graph.array(w).filter(|a| a.shape.len() == 2) else {
            return false;
        };
        let shape = vec![weight.shape[1], weight.shape[0]];
        let turned = apply(&Op::Permute(vec![1, 0]), &[&weight], &shape, Kind::Float);
        let name = self.graph.values[w].name.clone();
        let weight = self.new_constant(turned, name);
        self.keep(Node {
            op: Op::Linear,
            inputs: vec![x, weight],
            output: node.output,
        });
        true
    }

    /// Numbers that are added to, or multiply, the channels of a layer's output belong to the layer.
    fn into_layer(&mut self, node: &mut Node) -> bool {
        let Op::Binary(how @ (Binary::Add | Binary::Sub | Binary::Mul)) = node.op else {
            return false;
        };
        let [a, b] = node.inputs[..] else { return false };
        let (x, by) = match (self.graph.is_constant(a), self.graph.is_constant(b)) {
            (false, true) => (a, b),
            (true, false) if how != Binary::Sub => (b, a),
            _ => return false,
        };
        if !self.once(x) || self.shape(x) != self.shape(node.output) {
            return false;
        }
        let Some(&place) = self.producer.get(&x) else {
            return false;
        };
        let (axis, outer) = match self.nodes[place].op {
            Op::Linear => (1, 0),
            Op::Conv(_) => (1, 0),
            Op::ConvTranspose(w) if w.groups == 1 => (1, 1),
            _ => return false,
        };
        let Dim::Is(channels) = self.shape(x)[axis] else {
            return false;
        };
        let Some(numbers) = self.channel_numbers(by, self.shape(x).len(), axis, channels) else {
            return false;
        };
        let layer = self.nodes[place].clone();
        let bias = layer.inputs.get(2).map(|&b| self.graph.array(b));
        let bias = match bias {
            Some(Some(array)) => array.data.numbers(),
            Some(None) => return false,
            None => vec![0.0; channels],
        };
        let Some(mut weight) = self.graph.array(layer.inputs[1]) else {
            return false;
        };
        let joined = |(b, n): (&f64, &f64)| match how {
            Binary::Add => (b + n) as f32,
            Binary::Sub => (b - n) as f32,
            _ => (b * n) as f32,
        };
        let bias: Vec<f32> = bias.iter().zip(&numbers).map(joined).collect();
        let mut inputs = vec![layer.inputs[0], layer.inputs[1]];
        if how == Binary::Mul {
            let inner: usize = weight.shape[outer + 1..].iter().product();
            if let Data::Float(w) = &mut weight.data {
                let scaled =
                    |(i, v): (usize, &mut f32)| *v = (*v as f64 * numbers[i / inner % channels]) as f32;
                w.iter_mut().enumerate().for_each(scaled);
            }
            let name = self.graph.values[layer.inputs[1]].name.clone();
            inputs[1] = self.new_constant(weight, name);
        }
        if how != Binary::Mul || layer.inputs.len() > 2 {
            let known = [layer.inputs.get(2).copied(), Some(by)];
            let name = known
                .into_iter()
                .flatten()
                .find_map(|i| self.graph.values[i].name.clone());
            let array = Array {
                shape: vec![channels],
                data: Data::Float(bias),
            };
            inputs.push(self.new_constant(array, name));
        }
        // It is made where the sum was, behind all that it needs.
        self.keep(Node {
            op: layer.op,
            inputs,
            output: node.output,
        });
        true
    }

    /// A constant as a number a channel, where it is one.
    fn channel_numbers(&self, id: Id, rank: usize, axis: usize, channels: usize) -> Option<Vec<f64>> {
        let array = self.graph.array(id)?;
        let numbers = array.data.numbers();
        match numbers.len() {
            1 => Some(vec![numbers[0]; channels]),
            n if n == channels => {
                let behind = rank - array.shape.len();
                let its = axis.checked_sub(behind)?;
                (array.shape[its] == channels).then_some(numbers)
            }
            _ => None,
        }
    }

    /// Where axes are rearranged before something that does not care for their order, they are so behind it: until two
    /// rearrangements meet and cancel.
    fn before_permutation(&mut self, node: &mut Node) -> bool {
        let order = node.inputs.iter().find_map(|&i| match self.maker(i) {
            Some(Node {
                op: Op::Permute(order),
                ..
            }) => Some(order.clone()),
            _ => None,
        });
        let Some(order) = order else { return false };
        let rank = order.len();
        if self.shape(node.output).len() != rank {
            return false;
        }
        let op = match &node.op {
            op @ (Op::Unary(_) | Op::LeakyRelu(_) | Op::Binary(_) | Op::Where | Op::Cast) => op.clone(),
            Op::Concat(axis) => Op::Concat(order[*axis]),
            Op::Reduce(how, axes) => Op::Reduce(*how, axes.iter().map(|&a| order[a]).collect()),
            Op::Softmax(axis) => Op::Softmax(order[*axis]),
            Op::LogSoftmax(axis) => Op::LogSoftmax(order[*axis]),
            Op::Flip(axes) => Op::Flip(axes.iter().map(|&a| order[a]).collect()),
            Op::Slice(cuts) => {
                let mut before = cuts.clone();
                order.iter().zip(cuts).for_each(|(&a, c)| before[a] = *c);
                Op::Slice(before)
            }
            _ => return false,
        };
        let Some(inputs) = node
            .inputs
            .clone()
            .into_iter()
            .map(|i| self.before(i, &order))
            .collect::<Option<Vec<Id>>>()
        else {
            return false;
        };
        let shape = unpermuted(self.shape(node.output), &order);
        let kind = self.graph.values[node.output].kind;
        let inner = self.new_value(shape, kind);
        self.take(Node {
            op,
            inputs,
            output: inner,
        });
        let inner = self.alias.get(&inner).copied().unwrap_or(inner);
        self.take_new(Op::Permute(order), vec![inner], node.output);
        true
    }

    /// A value with its axes in the order from before a permutation, where that costs nothing.
    fn before(&mut self, id: Id, order: &[usize]) -> Option<Id> {
        if let Some(Node {
            op: Op::Permute(own),
            inputs,
            ..
        }) = self.maker(id)
            && own == order
        {
            let x = inputs[0];
            return Some(self.pass_by(id, x));
        }
        let shape = self.shape(id).to_vec();
        let rank = order.len();
        if shape.is_empty() || (self.graph.is_constant(id) && shape.iter().all(|d| *d == Dim::Is(1))) {
            return Some(id);
        }
        let full = [vec![Dim::Is(1); rank - shape.len()], shape].concat();
        let before = unpermuted(&full, order);
        if let Some(mut array) = self.graph.array(id) {
            array.shape = full.iter().map(|d| d.of(0)).collect();
            let fixed: Vec<usize> = before.iter().map(|d| d.of(0)).collect();
            let turned = apply(
                &Op::Permute(inverse(order)),
                &[&array],
                &fixed,
                self.graph.values[id].kind,
            );
            let name = self.graph.values[id].name.clone();
            return Some(self.new_constant(turned, name));
        }
        // A number an item, or a channel: its order stays, whatever the axes are called.
        let real: Vec<usize> = inverse(order)
            .into_iter()
            .filter(|&a| full[a] != Dim::Is(1))
            .collect();
        if !real.is_sorted() || full.len() != self.shape(id).len() {
            return None;
        }
        let out = self.new_value(before, self.graph.values[id].kind);
        self.take_new(Op::Reshape, vec![id], out);
        Some(self.alias.get(&out).copied().unwrap_or(out))
    }
}

/// The order that takes another back.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &a)| back[a] = i);
    back
}

/// The shape before a permutation.
fn unpermuted(shape: &[Dim], order: &[usize]) -> Vec<Dim> {
    inverse(order).into_iter().map(|i| shape[i]).collect()
}

fn remove_unused(graph: &mut Graph) {
    let mut needed = vec![false; graph.values.len()];
    graph.outputs.iter().for_each(|(id, _)| needed[*id] = true);
    let mut kept: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes).into_iter().rev() {
        if needed[node.output] {
            node.inputs.iter().for_each(|&i| needed[i] = true);
            kept.push(node);
        }
    }
    kept.reverse();
    graph.nodes = kept;
}

/// One constant for all that are the same, by name or by being small.
fn join_equal_constants(graph: &mut Graph) {
    let mut seen: HashMap<(Option<String>, Vec<usize>, Vec<u8>), Id> = HashMap::new();
    let mut same: HashMap<Id, Id> = HashMap::new();
    for id in graph.used_constants() {
        let Some(array) = graph.array(id) else { continue };
        let key = (
            graph.values[id].name.clone(),
            array.shape.clone(),
            array.data.bytes(),
        );
        let first = *seen.entry(key).or_insert(id);
        if first != id {
            same.insert(id, first);
        }
    }
    let inputs = graph.nodes.iter_mut().flat_map(|n| &mut n.inputs);
    inputs.for_each(|i| *i = same.get(i).copied().unwrap_or(*i));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::graph::{Reduction, Windows};

    fn empty() -> Graph {
        Graph {
            name: "f".into(),
            about: String::new(),
            inputs: vec![],
            outputs: vec![],
            values: vec![],
            nodes: vec![],
        }
    }

    /// A convolution of channels-last images, then a norm and a bias: what is left is the convolution between two
    /// rearrangements.
    #[test]
    fn a_layer_takes_up_what_belongs_to_it() {
        let mut g = empty();
        let image = |c: usize| vec![Dim::Batch(1), Dim::Is(4), Dim::Is(4), Dim::Is(c)];
        let planes = |c: usize| vec![Dim::Batch(1), Dim::Is(c), Dim::Is(4), Dim::Is(4)];
        let floats = |g: &mut Graph, shape: Vec<usize>, name: &str| {
            let n = shape.iter().product::<usize>();
            let data = Data::Float((0..n).map(|i| 0.1 * i as f32 - 0.3).collect());
            g.constant(Array { shape, data }, Some(name.into()))
        };
        let x = g.add(image(2), Kind::Float);
        let w = floats(&mut g, vec![3, 2, 3, 3], "weight");
        let (scale, shift) = (
            floats(&mut g, vec![1, 1, 1, 3], "scale"),
            floats(&mut g, vec![3], "shift"),
        );
        let windows = Windows {
            stride: [1, 1],
            padding: [(1, 1); 2],
            dilation: [1, 1],
            groups: 1,
            beyond: [0, 0],
        };
        let mut push = |op: Op, inputs: Vec<Id>, shape: Vec<Dim>| {
            let output = g.add(shape, Kind::Float);
            g.nodes.push(Node { op, inputs, output });
            output
        };
        let a = push(Op::Permute(vec![0, 3, 1, 2]), vec![x], planes(2));
        let a = push(Op::Conv(windows), vec![a, w], planes(3));
        let a = push(Op::Permute(vec![0, 2, 3, 1]), vec![a], image(3));
        let a = push(Op::Binary(Binary::Mul), vec![a, scale], image(3));
        let a = push(Op::Binary(Binary::Add), vec![a, shift], image(3));
        let a = push(Op::Unary(Unary::Relu), vec![a], image(3));
        let port = |name| crate::models::Port::of(name, &[4, 4, 2], crate::models::Holds::Numbers, "");
        g.inputs.push((x, port("x")));
        g.outputs.push((a, port("y")));
        let data = Data::Float((0..64).map(|i| (0.7 * i as f32).sin()).collect());
        let input = Array {
            shape: vec![2, 4, 4, 2],
            data,
        };
        let before = super::super::eval::evaluate(&g, std::slice::from_ref(&input)).unwrap();
        simplify(&mut g);
        let ops: Vec<&Op> = g.nodes.iter().map(|n| &n.op).collect();
        assert!(
            matches!(
                ops[..],
                [
                    Op::Permute(_),
                    Op::Conv(_),
                    Op::Unary(Unary::Relu),
                    Op::Permute(_)
                ]
            ),
            "{ops:?}"
        );
        let after = super::super::eval::evaluate(&g, &[input]).unwrap();
        let (a, b) = (before[0].data.numbers(), after[0].data.numbers());
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(a.iter().any(|v| *v > 0.1), "something is left to compare");
    }

    #[test]
    fn constants_are_worked_out_and_the_unused_goes() {
        let mut g = empty();
        let x = g.add(vec![Dim::Batch(1), Dim::Is(2)], Kind::Float);
        let (two, three) = (g.scalar(Data::Float(vec![2.0])), g.scalar(Data::Float(vec![3.0])));
        let six = g.add(vec![], Kind::Float);
        let (y, unused) = (
            g.add(vec![Dim::Batch(1), Dim::Is(2)], Kind::Float),
            g.add(vec![Dim::Batch(1), Dim::Is(1)], Kind::Float),
        );
        let node = |op, inputs, output| Node { op, inputs, output };
        g.nodes = vec![
            node(Op::Binary(Binary::Mul), vec![two, three], six),
            node(Op::Reduce(Reduction::Sum, vec![1]), vec![x], unused),
            node(Op::Binary(Binary::Mul), vec![x, six], y),
        ];
        let port = |name| crate::models::Port::of(name, &[2], crate::models::Holds::Numbers, "");
        g.inputs.push((x, port("x")));
        g.outputs.push((y, port("y")));
        simplify(&mut g);
        assert_eq!(g.nodes.len(), 1);
        assert_eq!(g.number(g.nodes[0].inputs[1]), Some(6.0));
    }
}
