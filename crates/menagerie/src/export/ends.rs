//! Inputs and outputs as other programs like them: classes and codes as whole numbers, images as bytes where that is asked for.
use super::graph::{Array, Binary, Data, Dim, Graph, Id, Kind, Node, Op, Unary};
use crate::models::{Holds, Port};

/// Inputs and outputs of a recorded graph, whose numbers are all floats, in the kinds that they hold; `bytes` asks for images of
/// 8 bits.
pub(super) fn finish(graph: &mut Graph, bytes: bool) {
    let nodes = std::mem::take(&mut graph.nodes);
    for i in 0..graph.inputs.len() {
        let (id, port) = graph.inputs[i].clone();
        match port.holds {
            Holds::OneHot => {
                graph.inputs[i].0 = label(graph, id);
                // The name that a label has everywhere else; `class` is a word of Python's own.
                let classes = graph.values[id].shape[1].of(0);
                let meaning = port
                    .meaning
                    .replace("the class as a one among zeros", "the class, counted from 0");
                graph.inputs[i].1 = Port {
                    name: "label",
                    shape: vec![0],
                    meaning,
                    holds: Holds::Whole(classes),
                };
            }
            Holds::Whole(_) => {
                let whole = graph.add(graph.values[id].shape.clone(), Kind::Int);
                push(graph, Op::Cast, vec![whole], id);
                graph.inputs[i].0 = whole;
            }
            _ => {}
        }
    }
    graph.nodes.extend(nodes);
    for i in 0..graph.outputs.len() {
        let (id, port) = graph.outputs[i].clone();
        graph.outputs[i].0 = match port.holds {
            Holds::Whole(_) => {
                let near = unary(graph, Unary::Round, id);
                let whole = graph.add(graph.values[id].shape.clone(), Kind::Int);
                push(graph, Op::Cast, vec![near], whole);
                whole
            }
            Holds::Image if bytes => {
                let up = with(graph, Binary::Add, id, 1.0);
                let near = with(graph, Binary::Mul, up, 127.5);
                let near = unary(graph, Unary::Round, near);
                byte(graph, near)
            }
            Holds::Levels if bytes => {
                let below = unary(graph, Unary::Floor, id);
                byte(graph, below)
            }
            _ => id,
        };
    }
}

/// Whether any output of a graph is an image, which could be one of bytes.
pub(super) fn has_images(graph: &Graph) -> bool {
    let image = |holds| matches!(holds, Holds::Image | Holds::Levels);
    graph.outputs.iter().any(|(_, port)| image(port.holds))
}

/// A label `[batch]`, of which rows with a one are made.
fn label(graph: &mut Graph, rows: Id) -> Id {
    let shape = graph.values[rows].shape.clone();
    let classes = shape[1].of(0);
    let label = graph.add(vec![shape[0]], Kind::Int);
    let column = graph.add(vec![shape[0], Dim::Is(1)], Kind::Int);
    push(graph, Op::Reshape, vec![label], column);
    let array = Array {
        shape: vec![1, classes],
        data: Data::Int((0..classes as i64).collect()),
    };
    let all = graph.constant(array, None);
    let is = graph.add(shape, Kind::Bool);
    push(graph, Op::Binary(Binary::Equal), vec![column, all], is);
    push(graph, Op::Cast, vec![is], rows);
    label
}

fn push(graph: &mut Graph, op: Op, inputs: Vec<Id>, output: Id) {
    graph.nodes.push(Node { op, inputs, output });
}

fn unary(graph: &mut Graph, f: Unary, x: Id) -> Id {
    let out = graph.add(graph.values[x].shape.clone(), Kind::Float);
    push(graph, Op::Unary(f), vec![x], out);
    out
}

fn with(graph: &mut Graph, f: Binary, x: Id, by: f32) -> Id {
    let by = graph.scalar(Data::Float(vec![by]));
    let out = graph.add(graph.values[x].shape.clone(), Kind::Float);
    push(graph, Op::Binary(f), vec![x, by], out);
    out
}

/// Whole numbers as bytes, those beyond as the nearest.
fn byte(graph: &mut Graph, x: Id) -> Id {
    let above = with(graph, Binary::Max, x, 0.0);
    let within = with(graph, Binary::Min, above, 255.0);
    let out = graph.add(graph.values[x].shape.clone(), Kind::Byte);
    push(graph, Op::Cast, vec![within], out);
    out
}
