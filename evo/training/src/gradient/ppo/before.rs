//! What an iteration changes, as it was before: if it fails, the state that is saved is the last good one.

use snn::NetworkState;
use snn::gradient::Trainer;

use crate::gradient::ppo::memory::Scale;
use crate::gradient::ppo::noise::Noise;
use crate::gradient::ppo::slot::Kept;

/// All but the worlds themselves.
pub(in crate::gradient) struct Before {
    pub(in crate::gradient) critic: Trainer,
    pub(in crate::gradient) critic_states: Vec<NetworkState>,
    pub(in crate::gradient) states: Vec<NetworkState>,
    pub(in crate::gradient) noise: Noise,
    pub(in crate::gradient) scale: Scale,
    pub(in crate::gradient) slots: Vec<Kept>,
}
