//! What an episode came to as a row of bytes of a width that all ranks know.

use snn::Activity;

use super::batch::Episode;
use crate::normalizer::Sums;

/// Numbers before the reward terms.
const FIXED: usize = 9;

/// Bytes of a number.
const BYTES: usize = 8;

/// How many numbers a row has.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Reward terms.
    pub terms: usize,
    /// Observations that are summed up.
    pub observations: Option<usize>,
    /// Descriptors for an archive.
    pub descriptors: usize,
}

impl Shape {
    /// Bytes of a row.
    pub(super) fn width(self) -> usize {
        BYTES * (FIXED + self.terms + self.descriptors + self.observations.map_or(0, |size| 1 + 2 * size))
    }
}

/// Appends an episode.
pub(crate) fn encode(episode: &Episode, to: &mut Vec<u8>) {
    let Episode {
        total,
        fitness,
        terms,
        length,
        terminated,
        blew_up,
        failed,
        success,
        activity,
        sums,
        descriptors,
    } = episode;
    let Activity { steps, neuron_ticks, spikes, synaptic_operations, dense_operations } = *activity;
    let flags = u64::from(*terminated)
        | u64::from(*blew_up) << 1
        | u64::from(*failed) << 2
        | u64::from(*success) << 3;
    let counts = [*length as u64, flags, steps, neuron_ticks, spikes, synaptic_operations, dense_operations];
    let reals = [total, fitness].into_iter().chain(terms);
    let sums = sums.iter().flat_map(|sums| [&sums.count].into_iter().chain(&sums.sum).chain(&sums.squares));
    let reals = reals.chain(sums).chain(descriptors).map(|real| real.to_bits());
    counts.into_iter().chain(reals).for_each(|number| to.extend(number.to_le_bytes()));
}

/// Takes an episode from its row.
pub(super) fn decode(row: &[u8], shape: Shape) -> Episode {
    let mut numbers = row.as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk));
    let mut counts = [0; 7];
    counts.iter_mut().for_each(|count| *count = numbers.next().unwrap_or(0));
    let [length, flags, steps, neuron_ticks, spikes, synaptic_operations, dense_operations] = counts;
    let mut reals = numbers.map(f64::from_bits);
    let mut next = || reals.next().unwrap_or(f64::NAN);
    let (total, fitness) = (next(), next());
    let mut several = |count: usize| (0..count).map(|_| next()).collect::<Vec<f64>>();
    let terms = several(shape.terms);
    let sums = shape.observations.map(|size| {
        let count = several(1)[0];
        Sums { count, sum: several(size), squares: several(size) }
    });
    let descriptors = several(shape.descriptors);
    Episode {
        total,
        fitness,
        terms,
        length: length as usize,
        terminated: flags & 1 != 0,
        blew_up: flags & 2 != 0,
        failed: flags & 4 != 0,
        success: flags & 8 != 0,
        activity: Activity { steps, neuron_ticks, spikes, synaptic_operations, dense_operations },
        sums,
        descriptors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_comes_back_bit_for_bit() {
        let activity = Activity {
            steps: 1,
            neuron_ticks: u64::MAX,
            spikes: 3,
            synaptic_operations: 4,
            dense_operations: 5,
        };
        let sums = Sums { count: 2.0, sum: vec![0.1, -0.0], squares: vec![f64::MIN_POSITIVE, 1e300] };
        for flags in 0..16 {
            for sums in [None, Some(sums.clone())] {
                let episode = Episode {
                    total: 0.1 + 0.2,
                    fitness: -0.0,
                    terms: vec![1.5, f64::INFINITY, -7.0],
                    length: 12,
                    terminated: flags & 1 != 0,
                    blew_up: flags & 2 != 0,
                    failed: flags & 4 != 0,
                    success: flags & 8 != 0,
                    activity,
                    sums,
                    descriptors: vec![0.25; flags as usize],
                };
                let (mut row, mut again) = (Vec::new(), Vec::new());
                encode(&episode, &mut row);
                let observations = episode.sums.as_ref().map(|_| 2);
                let shape = Shape { terms: 3, observations, descriptors: flags as usize };
                assert_eq!(row.len(), shape.width());
                let back = decode(&row, shape);
                assert_eq!(back, episode);
                encode(&back, &mut again);
                assert_eq!(row, again);
            }
        }
        let nan = f64::from_bits(0xfff8_0000_0000_1234);
        let (mut row, episode) = (Vec::new(), Episode { fitness: nan, ..Episode::default() });
        encode(&episode, &mut row);
        assert_eq!(
            decode(&row, Shape { terms: 0, observations: None, descriptors: 0 }).fitness.to_bits(),
            nan.to_bits()
        );
    }
}
