//! The search in a checkpoint.

use std::collections::BTreeMap;

use records::checkpoint::{Checkpoint, TensorData};
use strategies::{Data, State, Tensor};

use crate::setup::TrainError;

/// The state of the search in a checkpoint.
pub(crate) fn state_of(checkpoint: &Checkpoint) -> Result<State, TrainError> {
    let mut state = State {
        strategy: checkpoint.meta("strategy")?,
        integers: checkpoint.meta("integers")?,
        ..State::default()
    };
    let reals: BTreeMap<String, u64> = checkpoint.meta("reals")?;
    state.reals = reals.into_iter().map(|(k, bits)| (k, f64::from_bits(bits))).collect();
    for (name, tensor) in &checkpoint.tensors {
        let Some(name) = name.strip_prefix("strategy.") else { continue };
        let data = match tensor.data() {
            TensorData::F64(values) => Data::F64(values.clone()),
            TensorData::F32(values) => Data::F32(values.clone()),
            TensorData::U8(_) => continue,
        };
        let tensor = Tensor { shape: tensor.shape().to_vec(), data };
        state.tensors.insert(name.to_owned(), tensor);
    }
    Ok(state)
}
