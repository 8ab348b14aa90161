//! Graphs before and after.
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
    let before = crate::export::eval::evaluate(&g, std::slice::from_ref(&input)).unwrap();
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
    let after = crate::export::eval::evaluate(&g, &[input]).unwrap();
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
