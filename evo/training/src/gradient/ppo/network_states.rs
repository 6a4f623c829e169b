//! What networks remember, as tensors of a checkpoint: a row per network.
//!
//! Whole numbers of 64 bits are bytes, the lowest first: `numpy.frombuffer(tensor, "<u8")`.

use records::checkpoint::{Checkpoint, CheckpointError, Tensor, TensorData};
use snn::NetworkState;

/// Bytes of a whole number.
const BYTES: usize = size_of::<u64>();

/// Adds states of one network, all of the same lengths, under `name`; there may be none.
pub(super) fn put(checkpoint: &mut Checkpoint, name: &str, states: &[NetworkState]) {
    let mut rows = |part: &str, data: TensorData, width: usize| {
        let tensor = Tensor::new(&[states.len(), width], data);
        checkpoint.tensors.insert(format!("{name}.{part}"), tensor);
    };
    let mut reals = |part: &str, of: fn(&NetworkState) -> &Vec<f32>| {
        let width = states.first().map_or(0, |state| of(state).len());
        rows(part, TensorData::F32(states.iter().flat_map(of).copied().collect()), width);
    };
    reals("states", |state| &state.states);
    reals("encoder", |state| &state.encoder);
    reals("decoder", |state| &state.decoder);
    let words = states.first().map_or(0, |state| state.spikes.len());
    let spikes = bytes(states.iter().flat_map(|state| state.spikes.iter().copied()));
    rows("spikes", TensorData::U8(spikes), BYTES * words);
    let steps = bytes(states.iter().map(|state| state.steps));
    rows("steps", TensorData::U8(steps), if states.is_empty() { 0 } else { BYTES });
}

/// Takes them back; from a checkpoint that has them in its metadata, too.
///
/// # Errors
/// If one is missing, or they are not of equally many networks.
pub(in crate::gradient) fn take(
    checkpoint: &Checkpoint,
    name: &str,
) -> Result<Vec<NetworkState>, CheckpointError> {
    if checkpoint.meta.contains_key(name) {
        return checkpoint.meta(name);
    }
    let part = |part: &str| format!("{name}.{part}");
    let count = checkpoint.tensor(&part("steps"))?.shape().first().copied().unwrap_or(0);
    let width = |name: &str| Ok(checkpoint.tensor(name)?.shape().get(1).copied().unwrap_or(0));
    let reals = |name: &str| {
        let width = width(name)?;
        Ok::<_, CheckpointError>((checkpoint.f32(name, &[count, width])?, width))
    };
    let (states, encoder, decoder) =
        (reals(&part("states"))?, reals(&part("encoder"))?, reals(&part("decoder"))?);
    let words = width(&part("spikes"))? / BYTES;
    let spikes = numbers(checkpoint.u8(&part("spikes"), &[count, words * BYTES])?);
    let steps = numbers(checkpoint.u8(&part("steps"), &[count, if count == 0 { 0 } else { BYTES }])?);
    let row = |(values, width): (&[f32], usize), index: usize| values[index * width..][..width].to_vec();
    let state = |(index, &steps): (usize, &u64)| NetworkState {
        states: row(states, index),
        spikes: spikes[index * words..][..words].to_vec(),
        encoder: row(encoder, index),
        decoder: row(decoder, index),
        steps,
    };
    Ok(steps.iter().enumerate().map(state).collect())
}

fn bytes(numbers: impl Iterator<Item = u64>) -> Vec<u8> {
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn states(count: usize) -> Vec<NetworkState> {
        let state = |index: usize| NetworkState {
            states: vec![index as f32, -0.0, f32::MIN_POSITIVE],
            spikes: vec![u64::MAX - index as u64, 1 << 63],
            encoder: Vec::new(),
            decoder: vec![0.1],
            steps: u64::MAX - index as u64,
        };
        (0..count).map(state).collect()
    }

    #[test]
    fn what_was_put_is_taken() {
        for states in [states(0), states(3), vec![NetworkState::default(); 2]] {
            let mut checkpoint = Checkpoint::new();
            put(&mut checkpoint, "world.states", &states);
            assert!(checkpoint.meta.is_empty());
            let file = Checkpoint::from_bytes(std::path::Path::new("c"), &checkpoint.to_bytes()).unwrap();
            assert_eq!(take(&file, "world.states").unwrap(), states);
        }
    }

    #[test]
    fn states_in_the_metadata_are_taken_too() {
        let mut checkpoint = Checkpoint::new();
        let stored = r#"[{"states": [0.5], "spikes": [7], "encoder": [], "decoder": [0.25], "steps": 9}]"#;
        checkpoint.meta.insert("world.states".to_owned(), serde_json::from_str(stored).unwrap());
        let expected = NetworkState {
            states: vec![0.5],
            spikes: vec![7],
            encoder: Vec::new(),
            decoder: vec![0.25],
            steps: 9,
        };
        assert_eq!(take(&checkpoint, "world.states").unwrap(), [expected]);
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let refused = |part: &str, shape: &[usize], data: TensorData| {
            let mut checkpoint = Checkpoint::new();
            put(&mut checkpoint, "s", &states(2));
            checkpoint.tensors.insert(format!("s.{part}"), Tensor::new(shape, data));
            take(&checkpoint, "s").unwrap_err().to_string()
        };
        let error = refused("states", &[3, 1], TensorData::F32(vec![0.0; 3]));
        assert!(
            error.contains("tensor 's.states' is F32 of shape [3, 1], expected F32 of shape [2, 1]"),
            "{error}"
        );
        let error = refused("spikes", &[2, 9], TensorData::U8(vec![0; 18]));
        assert!(
            error.contains("tensor 's.spikes' is U8 of shape [2, 9], expected U8 of shape [2, 8]"),
            "{error}"
        );
        assert!(take(&Checkpoint::new(), "s").unwrap_err().to_string().contains("has no tensor 's.steps'"));
    }
}
