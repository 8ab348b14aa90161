//! Latents that make a loss small, by Adam.
use burn::tensor::Tensor;

/// So many updates at that learning rate of latents `[batch, latent]` on a device without a tape; the loss of latents on a tape is
/// a sum over items, each of which goes its own way.
pub(super) fn descend(
    mut z: Tensor<2>,
    (steps, rate): (usize, f64),
    loss: impl Fn(Tensor<2>) -> Tensor<1>,
) -> Tensor<2> {
    let (mut first, mut second) = (z.zeros_like(), z.zeros_like());
    for step in 1..=steps as i32 {
        let here = Tensor::from_inner(z.clone()).require_grad();
        let Some(g) = here.grad(&loss(here.clone()).backward()) else {
            break;
        };
        first = first * 0.9 + g.clone() * 0.1;
        second = second * 0.999 + g.powi_scalar(2) * 0.001;
        let (m, v) = (
            first.clone() / (1.0 - 0.9f64.powi(step)),
            second.clone() / (1.0 - 0.999f64.powi(step)),
        );
        z = z - m / (v.sqrt() + 1e-8) * rate;
    }
    z
}
