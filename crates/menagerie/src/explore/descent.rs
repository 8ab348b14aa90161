/// Adam (Kingma & Ba 2015) on plain numbers, for vectors that are searched for.
pub(super) struct Descent {
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
}

impl Descent {
    /// Of so many numbers.
    pub(super) fn new(numbers: usize) -> Descent {
        Descent {
            first: vec![0.0; numbers],
            second: vec![0.0; numbers],
            steps: 0,
        }
    }

    /// Moves `at` down its gradient.
    pub(super) fn step(&mut self, at: &mut [f32], gradient: &[f32], rate: f64) {
        self.steps += 1;
        let left = |beta: f64| 1.0 - beta.powi(self.steps);
        let (of_first, of_second) = (left(0.9), left(0.999));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((at, g), (m, v)) in at.iter_mut().zip(gradient).zip(moments) {
            let g = f64::from(*g);
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *at -= (rate * (*m / of_first) / ((*v / of_second).sqrt() + 1e-8)) as f32;
        }
    }
}
