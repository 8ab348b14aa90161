//! Changes of shape and of the order of axes: they go as far towards the end as they can, until two of them meet and cancel.
use super::super::eval::apply;
use super::super::graph::{Array, Dim, Id, Node, Op};
use super::Sweep;

impl Sweep<'_> {
    /// What is done number by number is done before a change of shape, so that it meets what makes the numbers: by itself, with one
    /// number, or with a number of its own for each number of an item's row.
    pub(super) fn before_reshape(&mut self, node: &mut Node) -> bool {
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
    pub(super) fn as_reshape(&mut self, node: &mut Node) -> bool {
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

    /// Where axes are rearranged before something that does not care for their order, they are so behind it: until two
    /// rearrangements meet and cancel.
    pub(super) fn before_permutation(&mut self, node: &mut Node) -> bool {
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
