//! The noise on actions.

use numerics::Adam;

use crate::gradient::task_config::PpoConfig;

/// Bounds of the noise's deviation.
const NOISE: (f64, f64) = (0.01, 2.0);

/// Logarithm of the deviation per action, with Adam's memory.
#[derive(Clone)]
pub(in crate::gradient) struct Noise {
    pub(in crate::gradient) log: Vec<f64>,
    pub(in crate::gradient) mean: Vec<f64>,
    pub(in crate::gradient) square: Vec<f64>,
    pub(in crate::gradient) steps: u64,
}

impl Noise {
    /// Of the same deviation for all actions.
    pub(in crate::gradient) fn new(deviation: f64, actions: usize) -> Self {
        let zeros = vec![0.0; actions];
        let log = libm::log(deviation.clamp(NOISE.0, NOISE.1));
        Self { log: vec![log; actions], mean: zeros.clone(), square: zeros, steps: 0 }
    }

    /// One step of Adam down the slopes of the loss, with the learning rate times `factor`.
    pub(in crate::gradient) fn step(&mut self, slopes: &[f64], config: &PpoConfig, factor: f64) {
        if config.noise_rate == 0.0 {
            return;
        }
        self.steps += 1;
        let (rate, steps) = (config.noise_rate * factor, self.steps);
        let adam = Adam { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, keep: 1.0, steps };
        // The entropy of the noise is the sum of the logarithms, and a constant.
        let slopes = slopes.iter().map(|slope| slope - config.entropy);
        adam.step(&mut self.log, slopes, &mut self.mean, &mut self.square);
        let (low, high) = (libm::log(NOISE.0), libm::log(NOISE.1));
        self.log.iter_mut().for_each(|log| *log = log.clamp(low, high));
    }
}
