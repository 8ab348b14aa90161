//! From triangles to voxels and back: a mesh is filled, and the surface between solid and empty is a mesh again.
use fast_surface_nets::ndshape::{RuntimeShape, Shape};
use fast_surface_nets::{SurfaceNetsBuffer, surface_nets};

/// Share of the grid that the longest side of a mesh takes; the rest is a rim of empty voxels.
const FILLED: f64 = 0.9;

/// The solid voxels of a mesh, depth by depth, row by row: it is moved to the middle of the grid and onto its floor, and scaled as a
/// whole. Voxels that a triangle passes through are solid, and those that are closed in by such, so that a mesh with small holes
/// counts as a shell. x is to the right, y up, z towards the viewer, as OBJ files mostly have it.
pub(super) fn filled(triangles: &[[[f64; 3]; 3]], side: usize) -> Vec<bool> {
    let corners = triangles.iter().flatten();
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for p in corners {
        for k in 0..3 {
            (low[k], high[k]) = (low[k].min(p[k]), high[k].max(p[k]));
        }
    }
    let extent = (0..3).map(|k| high[k] - low[k]).fold(0.0, f64::max).max(1e-12);
    let scale = FILLED * side as f64 / extent;
    let rim = (1.0 - FILLED) / 2.0 * side as f64;
    let place = |p: [f64; 3]| -> [f64; 3] {
        let middle = |k: usize| side as f64 / 2.0 + (p[k] - (low[k] + high[k]) / 2.0) * scale;
        // Towards the viewer is the least depth; up is the least row.
        [
            middle(0),
            side as f64 - rim - (p[1] - low[1]) * scale,
            side as f64 - middle(2),
        ]
    };
    let mut shell = vec![false; side.pow(3)];
    let mut mark = |p: [f64; 3]| {
        let [x, y, z] = p.map(|v| (v.floor().max(0.0) as usize).min(side - 1));
        shell[(z * side + y) * side + x] = true;
    };
    for triangle in triangles {
        let [a, b, c] = triangle.map(place);
        // Points a third of a voxel apart or less.
        let length = |p: [f64; 3], q: [f64; 3]| (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>().sqrt();
        let steps = (3.0 * length(a, b).max(length(b, c)).max(length(c, a)))
            .ceil()
            .max(1.0) as usize;
        for i in 0..=steps {
            for j in 0..=steps - i {
                let (u, v) = (i as f64 / steps as f64, j as f64 / steps as f64);
                mark(std::array::from_fn(|k| {
                    a[k] + u * (b[k] - a[k]) + v * (c[k] - a[k])
                }));
            }
        }
    }
    let outside = outside(&shell, side);
    outside.into_iter().map(|out| !out).collect()
}

/// What can be reached from beyond the grid without passing through the shell.
fn outside(shell: &[bool], side: usize) -> Vec<bool> {
    let mut reached = vec![false; shell.len()];
    let mut next: Vec<[usize; 3]> = Vec::new();
    let rim = [0, side - 1];
    for k in 0..shell.len() {
        let at = [k / (side * side), k / side % side, k % side];
        if at.iter().any(|c| rim.contains(c)) {
            next.push(at);
        }
    }
    while let Some([z, y, x]) = next.pop() {
        let k = (z * side + y) * side + x;
        if shell[k] || reached[k] {
            continue;
        }
        reached[k] = true;
        for axis in 0..3 {
            let at = [z, y, x];
            if at[axis] > 0 {
                next.push(std::array::from_fn(|i| at[i] - usize::from(i == axis)));
            }
            if at[axis] + 1 < side {
                next.push(std::array::from_fn(|i| at[i] + usize::from(i == axis)));
            }
        }
    }
    reached
}

/// The surface where values of voxels in [-1, 1] pass through 0, as the text of an OBJ file: naive surface nets (Gibson 1998), a
/// vertex in every cell that the surface cuts. The sides are scaled to 1.
pub fn obj_of(values: &[f32], side: usize) -> String {
    let (n, padded) = (side as u32, side as u32 + 2);
    let shape = RuntimeShape::<u32, 3>::new([padded; 3]);
    // Empty all around, so that the surface is closed. x to the right, y up, z towards the viewer.
    let mut distance = vec![1.0f32; shape.size() as usize];
    for (k, v) in values.iter().enumerate() {
        let k = k as u32;
        let (z, y, x) = (k / (n * n), k / n % n, k % n);
        distance[shape.linearize([x + 1, n - y, n - z]) as usize] = -v;
    }
    let mut buffer = SurfaceNetsBuffer::default();
    surface_nets(&distance, &shape, [0; 3], [padded - 1; 3], &mut buffer);
    let mut text = String::from("# a shape of voxels\n");
    for p in &buffer.positions {
        let [x, y, z] = p.map(|v| (v - 0.5) / side as f32);
        text += &format!("v {x:.5} {y:.5} {z:.5}\n");
    }
    for face in buffer.indices.chunks_exact(3) {
        // They count from 1.
        text += &format!("f {} {} {}\n", face[0] + 1, face[1] + 1, face[2] + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The twelve triangles of a box.
    fn a_box(low: [f64; 3], high: [f64; 3]) -> Vec<[[f64; 3]; 3]> {
        let corner = |i: usize| -> [f64; 3] {
            std::array::from_fn(|k| if i >> k & 1 == 0 { low[k] } else { high[k] })
        };
        let faces = [
            [0, 1, 3, 2],
            [4, 5, 7, 6],
            [0, 1, 5, 4],
            [2, 3, 7, 6],
            [0, 2, 6, 4],
            [1, 3, 7, 5],
        ];
        let two = |[a, b, c, d]: [usize; 4]| [[a, b, c], [a, c, d]].map(|t| t.map(corner));
        faces.into_iter().flat_map(two).collect()
    }

    #[test]
    fn a_closed_mesh_is_filled() {
        // Twice as wide as high and deep: 18.9 by 9.45 by 9.45 of 21 voxels, on the floor, which is 1.05 from the edge.
        let n = 21;
        let v = filled(&a_box([-2.0, 0.0, 1.0], [2.0, 2.0, 3.0]), n);
        let expected: Vec<bool> = (0..n * n * n)
            .map(|k| {
                let [z, y, x] = [k / (n * n), k / n % n, k % n];
                (5..=15).contains(&z) && (10..=19).contains(&y) && (1..=19).contains(&x)
            })
            .collect();
        assert!(v == expected);
    }

    /// A ball's surface, made a mesh and filled again, is the ball.
    #[test]
    fn surfaces_come_back() {
        let n = 16;
        let ball: Vec<f32> = (0..n * n * n)
            .map(|k| {
                let off = [k / (n * n), k / n % n, k % n].map(|c| c as f32 - 7.5);
                (6.5 - off.iter().map(|o| o * o).sum::<f32>().sqrt()).clamp(-1.0, 1.0)
            })
            .collect();
        let text = obj_of(&ball, n);
        let points: Vec<[f64; 3]> = text
            .lines()
            .filter_map(|l| l.strip_prefix("v "))
            .map(|l| {
                let mut v = l.split(' ').map(|v| v.parse().unwrap());
                std::array::from_fn(|_| v.next().unwrap())
            })
            .collect();
        let far = |p: &[f64; 3]| p.iter().map(|v| (v - 0.5).powi(2)).sum::<f64>().sqrt() * n as f64;
        assert!(points.len() > 200 && points.iter().all(|p| (far(p) - 6.5).abs() < 0.6));
        let faces = text.lines().filter(|l| l.starts_with("f ")).count();
        // Euler: of a closed surface without handles, V - E + F = 2 with E = 3 F / 2.
        assert_eq!(points.len() as i64 - faces as i64 / 2, 2);
    }
}
