//! Makes a recorded graph the graph that somebody would have drawn: constants are worked out, what changes nothing goes, axes
//! are rearranged where it must be, and norms and biases become a part of the layers before them.
mod axes;

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
            || self.joins_layer(node)
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
    fn joins_layer(&mut self, node: &mut Node) -> bool {
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
mod tests;
