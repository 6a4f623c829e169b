//! A few episodes that every rank plays by itself, for comparison.

use rand::Rng as _;
use strategies::random::{Purpose, Stream};

use crate::backend::Backend;
use crate::normalizer::Normalizer;
use crate::rollout::{Episodes, encode};
use crate::setup::{Setup, TrainError};

/// Episodes per engine.
const EPISODES: usize = 4;

/// Control steps of each, enough for a difference of one bit to grow.
const STEPS: usize = 100;

/// What some episodes of random controllers came to, bit for bit, in the engine that trains and in the one that
/// validates. Machines on which this differs, for another C library or processor, must not train together.
///
/// # Errors
/// If the worlds cannot be made.
pub fn golden(setup: &Setup, seed: u64) -> Result<Vec<u8>, TrainError> {
    let spec = setup.task.spec();
    let (horizon, weights) = (spec.horizon.min(STEPS), vec![1.0; spec.terms.len()]);
    let normalizer = Normalizer::identity(spec.observations.len(), 5.0);
    let mut bytes = Vec::new();
    for options in [Some(setup.options), setup.validation].into_iter().flatten() {
        let rollout = setup.rollout_on(options, horizon, &Backend::Cpu, 1, None)?;
        let episodes = rollout.run(&Episodes {
            count: EPISODES,
            more: None,
            action_noise: None,
            parameters: &|index, out| {
                let mut stream = Stream::new(seed, Purpose::Init, 0, index as u64, 1);
                let initial = setup.controller.initial(&mut stream);
                // Larger than those of a start, which may put out next to nothing.
                let mut larger = || 1.0 + (stream.next_u32() >> 8) as f32 / (1_u32 << 23) as f32;
                out.iter_mut().zip(initial).for_each(|(out, initial)| *out = initial * larger());
            },
            start: &|index| Stream::new(seed, Purpose::Evaluate, 0, 1, index as u64),
            normalizer: &normalizer,
            weights: &weights,
            observe: true,
            descriptors: None,
        })?;
        episodes.iter().for_each(|episode| encode(episode, &mut bytes));
    }
    Ok(bytes)
}
