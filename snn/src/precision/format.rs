//! What a precision means for numbers: weights, currents and costs. What holds for every backend.

use std::fmt::Debug;

use crate::weights::Unit;

/// A precision, as far as the description of a network needs it.
pub(crate) trait Format: Debug + Sync {
    /// Name in descriptions.
    fn name(&self) -> &'static str;

    /// The setting as it stands in a config, for messages.
    fn setting(&self) -> &'static str;

    /// Whether states lie on the grid, so that every backend gives the same bits.
    fn grid(&self) -> bool {
        true
    }

    /// Scale and grid of weights that are to be `scale · θ`; `fan_in` is the number of spiking
    /// sources of the target, over all its projections.
    fn unit(&self, scale: f32, fan_in: usize) -> Unit;

    /// The weight for `theta`, with the sign of Dale's law unless that is 0.
    fn weight(&self, unit: &Unit, theta: f32, sign: i8) -> f32;

    /// Energy of a product with a current and of an addition, in pJ; see
    /// [`Activity::energy_pj`](crate::Activity::energy_pj).
    fn energy(&self) -> (f64, f64);

    /// Whether a connection exists or not, and θ says which: then individuals differ in their
    /// connections, signs are those of the sources (half of them excitatory unless the config says
    /// otherwise), θ is drawn from N(0.5, 0.5²), and there are neither biases, nor fixed weights, nor
    /// gradients.
    fn is_binary(&self) -> bool {
        false
    }

    /// Whether weights are fine enough to change during an episode.
    fn learns(&self) -> bool;

    /// An encoder's current as a source, as training sees it.
    fn source(&self, x: f32) -> f32 {
        x
    }

    /// Distance and largest magnitude of the values to which an encoder's currents are rounded before they
    /// meet weights; `None`: they are taken as they come.
    fn rounds(&self) -> Option<(f32, f32)> {
        None
    }

    /// Rounds sums of an encoder's currents, in training.
    fn round_currents(&self, _sums: &mut [f32]) {}
}

/// `weight` with the sign of Dale's law unless that is 0.
#[inline(always)]
pub(crate) fn signed(weight: f32, sign: i8) -> f32 {
    if sign == 0 { weight } else { weight.abs() * f32::from(sign) }
}
