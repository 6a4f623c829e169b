//! Steps of first-order optimizers, without schedules or memory of their own.

/// One step of Adam with decoupled weight decay, without a schedule or memory of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Step size down the gradient; below 0: up.
    pub rate: f64,
    /// Decay of the mean of the gradient, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of the squared gradient, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the squared gradient; > 0.
    pub epsilon: f64,
    /// Share of θ that weight decay leaves.
    pub keep: f64,
    /// Number of this step, from 1.
    pub steps: u64,
}

impl Adam {
    /// Takes the step; `mean` and `square` are the memory, 0 at first, one value per parameter.
    pub fn step(
        &self,
        theta: &mut [f64],
        gradient: impl Iterator<Item = f64>,
        mean: &mut [f64],
        square: &mut [f64],
    ) {
        let Self { rate, beta1, beta2, epsilon, keep, steps } = *self;
        let corrected = |beta: f64| 1.0 - libm::pow(beta, steps as f64);
        let (c1, c2) = (corrected(beta1), corrected(beta2));
        for ((x, g), (m, v)) in theta.iter_mut().zip(gradient).zip(mean.iter_mut().zip(square)) {
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *x = keep * *x - rate * (*m / c1) / ((*v / c2).sqrt() + epsilon);
        }
    }
}

/// One step of gradient descent with momentum (heavy ball).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// Factor on the velocity, down the gradient; below 0: up.
    pub rate: f64,
    /// Part of the velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// Share of θ that weight decay leaves.
    pub keep: f64,
}

impl Momentum {
    /// Takes the step; `velocity` is the memory, 0 at first, one value per parameter.
    pub fn step(&self, theta: &mut [f64], gradient: impl Iterator<Item = f64>, velocity: &mut [f64]) {
        for ((x, g), m) in theta.iter_mut().zip(gradient).zip(velocity) {
            *m = self.momentum * *m + g;
            *x = self.keep * *x - self.rate * *m;
        }
    }
}
