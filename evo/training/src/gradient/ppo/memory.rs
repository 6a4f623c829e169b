//! What an iteration of PPO remembers, and the advantages that come of it.

use snn::gradient::{Batch, NetworkState};

use crate::gradient::rows::row;

/// All steps of all worlds, `[steps][worlds]` unless said otherwise.
pub(in crate::gradient) struct Memory {
    worlds: usize,
    sequence: usize,
    sizes: (usize, usize),
    /// Normalised observations.
    pub(in crate::gradient) inputs: Vec<f32>,
    /// The controller's own actions.
    pub(in crate::gradient) means: Vec<f32>,
    /// Those with noise.
    pub(in crate::gradient) actions: Vec<f32>,
    pub(in crate::gradient) rewards: Vec<f64>,
    /// Whether the episode ended with the step.
    pub(in crate::gradient) over: Vec<bool>,
    /// Whether it began with it.
    pub(in crate::gradient) fresh: Vec<bool>,
    /// Steps after which the future goes on unseen, with the normalised observation that follows.
    pub(in crate::gradient) cut: Vec<(usize, Vec<f32>)>,
    /// What each actor remembered at the start of each sequence; empty before its first step.
    pub(in crate::gradient) starts: Vec<Vec<NetworkState>>,
    /// And each critic.
    pub(in crate::gradient) critic_starts: Vec<Vec<NetworkState>>,
    /// Seed of each world's encoder.
    pub(in crate::gradient) seeds: Vec<u64>,
    /// Logarithm of the noise's deviation per action.
    pub(in crate::gradient) log: Vec<f64>,
}

impl Memory {
    pub(in crate::gradient) fn new(
        worlds: usize,
        steps: usize,
        sequence: usize,
        sizes: (usize, usize),
    ) -> Self {
        let all = worlds * steps;
        Self {
            worlds,
            sequence,
            sizes,
            inputs: vec![0.0; all * sizes.0],
            means: vec![0.0; all * sizes.1],
            actions: vec![0.0; all * sizes.1],
            rewards: vec![0.0; all],
            over: vec![false; all],
            fresh: vec![false; all],
            cut: Vec::new(),
            starts: Vec::new(),
            critic_starts: Vec::new(),
            seeds: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Number of sequences of each world.
    pub(in crate::gradient) fn sequences_per_world(&self) -> usize {
        self.sequences() / self.worlds
    }

    /// Number of sequences of all worlds.
    pub(in crate::gradient) fn sequences(&self) -> usize {
        self.rewards.len() / self.sequence
    }

    /// The step in which frame `frame` of a sequence was.
    fn at(&self, sequence: usize, frame: usize) -> usize {
        (sequence / self.worlds * self.sequence + frame) * self.worlds + sequence % self.worlds
    }

    /// A value per step of some sequences, `[frames][sequences]`.
    pub(in crate::gradient) fn gather(&self, chosen: &[usize], values: &[f64]) -> Vec<f64> {
        let frames = 0..self.sequence;
        frames.flat_map(|frame| chosen.iter().map(move |&s| values[self.at(s, frame)])).collect()
    }

    /// A row of action values per step of some sequences.
    pub(in crate::gradient) fn gather_rows(&self, chosen: &[usize], rows: &[f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.sequence * chosen.len() * self.sizes.1);
        for frame in 0..self.sequence {
            for &sequence in chosen {
                all.extend_from_slice(&rows[row(self.sizes.1, self.at(sequence, frame))]);
            }
        }
        all
    }

    /// Some sequences as input of a network that began them in the states `starts`.
    pub(in crate::gradient) fn slice(&self, chosen: &[usize], starts: &[Vec<NetworkState>]) -> Slice {
        let states = |&sequence: &usize| starts[sequence / self.worlds].get(sequence % self.worlds).cloned();
        let mut starts: Vec<Option<NetworkState>> = chosen.iter().map(states).collect();
        // Nothing was remembered before the very first step; any state does, since a reset follows.
        let any = starts.iter().flatten().next().cloned();
        starts.iter_mut().for_each(|start| *start = start.take().or_else(|| any.clone()));
        self.frames(chosen, self.sequence, starts.into_iter().flatten().collect())
    }

    /// The first frames of some sequences.
    fn frames(&self, chosen: &[usize], frames: usize, starts: Vec<NetworkState>) -> Slice {
        let (mut inputs, mut resets) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            for &sequence in chosen {
                let at = self.at(sequence, frame);
                inputs.extend_from_slice(&self.inputs[row(self.sizes.0, at)]);
                resets.push(self.fresh[at]);
            }
        }
        let seeds = chosen.iter().map(|sequence| self.seeds[sequence % self.worlds]).collect();
        Slice { samples: chosen.len(), inputs, resets, starts, seeds }
    }

    /// Sequence `index` of all worlds; `states` are those of all networks at its start, or none.
    pub(in crate::gradient) fn stretch(&self, index: usize, states: &[NetworkState]) -> Slice {
        let all: Vec<usize> = (index * self.worlds..(index + 1) * self.worlds).collect();
        self.frames(&all, self.sequence, states.to_vec())
    }

    /// [`cut`](Self::cut) by moments, in the same order.
    pub(in crate::gradient) fn cuts(&self) -> Vec<Cut> {
        let moments = self.cut.chunk_by(|(one, _), (other, _)| one / self.worlds == other / self.worlds);
        let cut = |steps: &[(usize, Vec<f32>)]| {
            let step = steps[0].0 / self.worlds;
            Cut {
                sequence: step / self.sequence,
                frames: step % self.sequence + 1,
                worlds: steps.iter().map(|(at, _)| at % self.worlds).collect(),
                next: steps.iter().flat_map(|(_, next)| next.iter().copied()).collect(),
            }
        };
        moments.map(cut).collect()
    }

    /// The worlds of a cut from the start of its sequence, where all networks had `states` (or none), to
    /// the observation after it.
    pub(in crate::gradient) fn until(&self, cut: &Cut, states: &[NetworkState]) -> Slice {
        let chosen: Vec<usize> = cut.worlds.iter().map(|world| cut.sequence * self.worlds + world).collect();
        let states = cut.worlds.iter().filter_map(|&world| states.get(world).cloned()).collect();
        let mut slice = self.frames(&chosen, cut.frames, states);
        slice.inputs.extend_from_slice(&cut.next);
        slice.resets.resize(slice.resets.len() + chosen.len(), false);
        slice
    }
}

/// Worlds whose future goes on unseen after the same step.
#[derive(Debug, PartialEq)]
pub(in crate::gradient) struct Cut {
    /// Which sequence of each world.
    pub(in crate::gradient) sequence: usize,
    /// Frames of it that were before.
    frames: usize,
    pub(in crate::gradient) worlds: Vec<usize>,
    /// Normalised observations after the step, a row per world.
    next: Vec<f32>,
}

/// Some sequences as input of a network.
pub(in crate::gradient) struct Slice {
    samples: usize,
    inputs: Vec<f32>,
    resets: Vec<bool>,
    starts: Vec<NetworkState>,
    seeds: Vec<u64>,
}

impl Slice {
    pub(in crate::gradient) fn batch(&self) -> Batch<'_> {
        let Self { samples, inputs, resets, starts, seeds } = self;
        Batch { samples: *samples, inputs, seeds, start: starts, resets }
    }
}

/// Generalised advantage estimates and the targets of the critic, per step, from the critic's `values`,
/// the values of the observations after [`Memory::cut`], the factor on rewards, and (γ, λ).
pub(in crate::gradient) fn advantages(
    memory: &Memory,
    values: &[f64],
    next: &[f64],
    scale: f64,
    (discount, lambda): (f64, f64),
) -> (Vec<f64>, Vec<f64>) {
    let count = memory.rewards.len();
    let mut after = vec![0.0; count];
    for (&(at, _), &value) in memory.cut.iter().zip(next) {
        after[at] = value;
    }
    let mut all = vec![0.0; count];
    for at in (0..count).rev() {
        let later = at + memory.worlds;
        let goes_on = !memory.over[at] && later < count;
        let value = if goes_on { values[later] } else { after[at] };
        let delta = scale * memory.rewards[at] + discount * value - values[at];
        all[at] = delta + if goes_on { discount * lambda * all[later] } else { 0.0 };
    }
    let targets = all.iter().zip(values).map(|(advantage, value)| advantage + value).collect();
    (all, targets)
}

/// Rewards are divided by the deviation of the discounted returns so far (Engstrom et al.,
/// Implementation matters in deep policy gradients, ICLR 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gradient) struct Scale {
    count: f64,
    mean: f64,
    m2: f64,
}

impl Scale {
    pub(in crate::gradient) fn add(&mut self, discounted: f64) {
        self.count += 1.0;
        let delta = discounted - self.mean;
        self.mean += delta / self.count;
        self.m2 += delta * (discounted - self.mean);
    }

    pub(in crate::gradient) fn factor(&self) -> f64 {
        let std = (self.m2 / self.count.max(1.0)).sqrt();
        if std > 1e-8 { 1.0 / std } else { 1.0 }
    }

    pub(in crate::gradient) fn values(&self) -> [f64; 3] {
        [self.count, self.mean, self.m2]
    }

    pub(in crate::gradient) fn of(values: &[f64]) -> Self {
        Self { count: values[0], mean: values[1], m2: values[2] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two worlds, three steps; the first ends in its second step, the other goes on.
    fn memory() -> Memory {
        let mut memory = Memory::new(2, 3, 3, (1, 1));
        memory.rewards = vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        memory.over[2] = true;
        memory.cut = vec![(4, vec![0.0]), (5, vec![0.0])];
        memory
    }

    #[test]
    fn advantages_are_the_sums_of_the_definition() {
        let (gamma, lambda) = (0.9, 0.8);
        let values = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
        let (found, targets) = advantages(&memory(), &values, &[7.0, 8.0], 1.0, (gamma, lambda));
        let delta = |r: f64, next: f64, v: f64| r + gamma * next - v;
        // World 0: its episode ends with step 1, and another begins.
        let (d0, d1) = (delta(1.0, 1.5, 0.5), delta(2.0, 0.0, 1.5));
        let d2 = delta(3.0, 7.0, 2.5);
        // World 1 is cut off after step 2.
        let (e0, e1, e2) = (delta(10.0, 2.0, 1.0), delta(20.0, 3.0, 2.0), delta(30.0, 8.0, 3.0));
        let k = gamma * lambda;
        let expected = [d0 + k * d1, e0 + k * (e1 + k * e2), d1, e1 + k * e2, d2, e2];
        for ((a, b), (target, value)) in found.iter().zip(expected).zip(targets.iter().zip(values)) {
            assert!((a - b).abs() < 1e-12, "{found:?}, not {expected:?}");
            assert!((target - b - value).abs() < 1e-12);
        }
        // Cut off by the time limit, the future counts.
        let mut memory = memory();
        memory.cut.push((2, vec![0.0]));
        let (found, _) = advantages(&memory, &values, &[7.0, 8.0, 9.0], 1.0, (gamma, lambda));
        assert!((found[2] - delta(2.0, 9.0, 1.5)).abs() < 1e-12);
    }

    #[test]
    fn sequences_are_cut_from_worlds() {
        let mut memory = Memory::new(2, 4, 2, (1, 1));
        memory.inputs = (0..8_u8).map(f32::from).collect();
        memory.seeds = vec![5, 6];
        memory.starts = vec![Vec::new(), vec![NetworkState::default(); 2]];
        memory.fresh[0] = true;
        assert_eq!(memory.sequences(), 4);
        // The second sequence of world 1, then the first of world 0.
        let slice = memory.slice(&[3, 0], &memory.starts);
        assert_eq!(slice.inputs, [5.0, 0.0, 7.0, 2.0]);
        assert_eq!(slice.resets, [false, true, false, false]);
        assert_eq!((slice.seeds.as_slice(), slice.starts.len()), (&[6, 5][..], 2));
        assert_eq!(memory.gather(&[1], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), [1.0, 3.0]);
    }

    #[test]
    fn rewards_are_scaled_by_the_deviation_of_returns() {
        let mut scale = Scale::default();
        assert_eq!(scale.factor(), 1.0);
        for x in [2.0, 6.0, 2.0, 6.0] {
            scale.add(x);
        }
        assert!((scale.factor() - 0.5).abs() < 1e-12);
        assert_eq!(Scale::of(&scale.values()), scale);
    }
}
