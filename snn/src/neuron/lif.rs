//! Leaky integrate-and-fire.
//!
//! ```text
//! v ← d·v + (1−d)·I
//! spike if v > threshold
//! on a spike: v ← 0 (Zero) or v ← v − threshold (Subtract)
//! ```
//!
//! With `d = exp(−dt/τ)` this is the exact solution of `τ·dv/dt = −v + I` over one tick for
//! constant `I`. So a constant `I > threshold` from rest fires first in tick
//! `⌈ln(1 − threshold/I) / ln d⌉` (one more where that is met exactly), and with reset to zero
//! again at that interval.
//!
//! Units: `v`, `I` and `threshold` in one unit of membrane potential (by convention threshold 1),
//! decay per tick.
//!
//! Source: Gerstner, Kistler, Naud and Paninski, "Neuronal Dynamics" (2014), section 1.3;
//! discretisation as in Bellec et al. (NeurIPS 2018). Deviations: no refractory period, resting
//! potential 0. snnTorch's `Leaky` and Spyx's `LIF` do not scale the input by `1 − d` and reset
//! one tick later.

use super::{Neuron, NeuronInfo, NeuronParameters, ParameterInfo, Reset, StateInfo};
use crate::error::{SnnError, check};

/// Parameters of the neurons of one layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lif {
    decay: f32,
    gain: f32,
    threshold: f32,
    subtract: bool,
}

impl Neuron<1> for Lif {
    const INFO: NeuronInfo = NeuronInfo {
        name: "lif",
        summary: "leaky integrate-and-fire",
        equations: "v <- decay*v + (1-decay)*I; spike if v > threshold; \
                    reset: v <- 0 (Zero) or v <- v - threshold (Subtract)",
        states: &[StateInfo {
            name: "v",
            unit: "1 (as threshold)",
            initial: 0.0,
            meaning: "membrane potential after the reset",
        }],
        parameters: &[
            ParameterInfo {
                name: "decay",
                unit: "1/tick",
                range: "[0, 1]",
                default: "0.7",
                meaning: "share of the membrane potential kept per tick, exp(-dt/tau)",
            },
            ParameterInfo {
                name: "threshold",
                unit: "1",
                range: "> 0",
                default: "1.0",
                meaning: "membrane potential above which the neuron spikes",
            },
            ParameterInfo {
                name: "reset",
                unit: "",
                range: "Zero, Subtract",
                default: "Zero",
                meaning: "what a spike does to the membrane potential",
            },
        ],
    };

    fn new(parameters: &NeuronParameters, field: &str) -> Result<Self, SnnError> {
        let NeuronParameters { decay, threshold, reset } = *parameters;
        check(|| format!("{field}.decay"), decay, (0.0..=1.0).contains(&decay), "0 to 1")?;
        check(|| format!("{field}.threshold"), threshold, threshold > 0.0, "finite and above 0")?;
        Ok(Self { decay, gain: 1.0 - decay, threshold, subtract: reset == Reset::Subtract })
    }

    #[inline(always)]
    fn tick(&self, current: f32, [v]: &mut [f32; 1]) -> bool {
        let charged = self.decay * *v + self.gain * current;
        let spike = charged > self.threshold;
        let after_reset = if self.subtract { charged - self.threshold } else { 0.0 };
        *v = if spike { after_reset } else { charged };
        spike
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn lif(decay: f32, reset: Reset) -> Lif {
        let parameters = NeuronParameters { decay, reset, ..NeuronParameters::default() };
        Lif::new(&parameters, "test").unwrap()
    }

    fn trace(neuron: &Lif, currents: &[f32]) -> Vec<(f32, bool)> {
        let mut state = [0.0];
        let mut tick = |&current| {
            let spike = neuron.tick(current, &mut state);
            (state[0], spike)
        };
        currents.iter().map(&mut tick).collect()
    }

    #[test]
    fn trace_by_hand() {
        // decay 1/2: all values are exact. v = 1 is not above the threshold.
        let currents = [1.0, 1.25, 3.0, -1.0, 2.75, 0.0];
        let zero = [
            (0.5, false),
            (0.875, false),
            (0.0, true), // 1.9375
            (-0.5, false),
            (0.0, true), // 1.125
            (0.0, false),
        ];
        assert_eq!(trace(&lif(0.5, Reset::Zero), &currents), zero);
        let subtract = [
            (0.5, false),
            (0.875, false),
            (0.9375, true),
            (-0.03125, false),
            (0.359375, true), // 1.359375
            (0.1796875, false),
        ];
        assert_eq!(trace(&lif(0.5, Reset::Subtract), &currents), subtract);
        assert!(!trace(&lif(0.0, Reset::Zero), &[1.0])[0].1);
    }

    #[test]
    fn interval_between_spikes_is_the_closed_form() {
        for decay in [0.3_f32, 0.7, 0.9, 0.99] {
            for current in [0.5_f32, 0.99, 1.07, 1.3, 2.1, 5.3, 40.0] {
                let ticks = trace(&lif(decay, Reset::Zero), &[current; 3000]);
                let spikes: Vec<usize> = (0..3000).filter(|&t| ticks[t].1).collect();
                if current <= 1.0 {
                    assert!(spikes.is_empty());
                    continue;
                }
                // Smallest n with I·(1 − dⁿ) > 1.
                let n = libm::log(1.0 - 1.0 / f64::from(current)) / libm::log(f64::from(decay));
                let interval = libm::ceil(n) as usize;
                assert_eq!(spikes[0], interval - 1, "decay {decay}, current {current}");
                assert!(spikes.windows(2).all(|pair| pair[1] - pair[0] == interval));
            }
        }
    }

    #[test]
    fn reset_by_subtraction_keeps_the_charge() {
        // Summing v[t] = d·v[t−1] + (1−d)·I − s[t] over n ticks from rest gives
        // Σs = (1−d)·(n·I − Σ v[t<n]) − v[n].
        let (decay, current, n) = (0.75_f32, 1.5_f32, 4000);
        let ticks = trace(&lif(decay, Reset::Subtract), &vec![current; n]);
        let spikes = ticks.iter().filter(|(_, spike)| *spike).count() as f64;
        let before: f64 = ticks[..n - 1].iter().map(|(v, _)| f64::from(*v)).sum();
        let expected = 0.25 * (1.5 * n as f64 - before) - f64::from(ticks[n - 1].0);
        assert!((spikes - expected).abs() < 1e-2, "{spikes} against {expected}");
    }
}
