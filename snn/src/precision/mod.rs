//! Precisions: number formats of weights and states, one file each. To add one: copy `byte.rs`, list
//! it in [`Precision`] and here.

#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod binary;
#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod byte;
mod float;
#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod floats;
pub(crate) mod format;
mod free;
#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod integers;
pub(crate) mod storage;

use crate::config::Precision;
use storage::Storage;

impl Precision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F32Free, Self::I8, Self::Binary];

    /// What does the work.
    pub(crate) fn storage(self) -> &'static dyn Storage {
        match self {
            Self::F32 => &float::Float,
            Self::F32Free => &free::Free,
            Self::I8 => &byte::Byte,
            Self::Binary => &binary::Binary,
        }
    }

    /// Name in descriptions.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.storage().name()
    }

    /// Whether states lie on the grid.
    #[must_use]
    pub fn grid(self) -> bool {
        self.storage().grid()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::{ControllerConfig, SnnConfig};

    #[test]
    fn all_precisions_run() {
        for precision in Precision::ALL {
            let config = ControllerConfig::Snn(SnnConfig { precision, ..SnnConfig::default() });
            let controller = config.build(5, 3).unwrap();
            let mut evaluator = controller.evaluator(1);
            let theta: Vec<f32> =
                (0..controller.layout().len()).map(|i| (i * 7 % 23) as f32 / 8.0 - 1.4).collect();
            evaluator.load(0, &theta);
            evaluator.reset(0, 0);
            let mut actions = [0.0; 3];
            for step in 0..20 {
                evaluator.step(&[true], &[0.1 * step as f32, 1.0, -0.5, 2.0, 0.3], &mut actions).unwrap();
            }
            assert!(!evaluator.fault(0) && actions.iter().all(|a| a.abs() <= 1.0), "{precision:?}");
            let activity = evaluator.activity(0);
            assert!(activity.spikes > 0 && controller.energy_pj(&activity) > 0.0, "{precision:?}");
        }
    }

    #[test]
    fn all_precisions_agree_with_their_storage() {
        for precision in Precision::ALL {
            let format = precision.storage();
            assert_eq!(format.setting(), format!("precision: {precision:?}"));
            let unit = format.unit(0.37, 64);
            for theta in [-3.0, -0.3, 0.0, 0.51, 1.5, 40.0] {
                let weight = format.weight(&unit, theta, 0);
                assert!(unit.step == 0.0 || (weight / unit.step).fract() == 0.0, "{precision:?} {theta}");
                // Dale's law.
                assert!(format.weight(&unit, theta, 1) >= 0.0 && format.weight(&unit, theta, -1) <= 0.0);
            }
            let (product, sum) = format.energy();
            assert!(product > 0.0 && sum > 0.0);
            assert_eq!(precision.grid(), unit.step > 0.0, "{precision:?}");
        }
    }
}
