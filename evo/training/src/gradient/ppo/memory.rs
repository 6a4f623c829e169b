//! What an iteration of PPO remembers, and the advantages that come of it.

use serde::{Deserialize, Serialize};
use snn::NetworkState;
use snn::gradient::Batch;

use crate::gradient::rows::row;

/// All steps of all worlds, `[worlds][steps]` unless said otherwise.
pub(in crate::gradient) struct Memory {
    worlds: usize,
    steps: usize,
    sequence: usize,
    sizes: (usize, usize),
    /// Normalised observations.
    pub(in crate::gradient) inputs: Vec<f32>,
    /// The controller's own actions.
    pub(in crate::gradient) means: Vec<f32>,
    /// Those with noise.
    pub(in crate::gradient) actions: Vec<f32>,
    pub(in crate::gradient) rewards: Vec<f64>,
    /// Discounted sum of the rewards of the episode so far.
    pub(in crate::gradient) discounted: Vec<f64>,
    /// Whether the episode ended with the step.
    pub(in crate::gradient) over: Vec<bool>,
    /// Whether it began with it.
    pub(in crate::gradient) fresh: Vec<bool>,
    /// Where the future goes on unseen, by step and then by world.
    pub(in crate::gradient) cut: Vec<Cut>,
    /// What each actor remembered at the start of each sequence, `[sequences][worlds]`; without worlds if it
    /// remembers nothing.
    pub(in crate::gradient) starts: Vec<Vec<NetworkState>>,
    /// And each critic.
    pub(in crate::gradient) critic_starts: Vec<Vec<NetworkState>>,
    /// Seed of each world's encoder.
    pub(in crate::gradient) seeds: Vec<u64>,
    /// Logarithm of the noise's deviation per action.
    pub(in crate::gradient) log: Vec<f64>,
}

/// A world whose future goes on unseen after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::gradient) struct Cut {
    pub(in crate::gradient) step: usize,
    pub(in crate::gradient) world: usize,
    /// Normalised observation that follows.
    pub(in crate::gradient) next: Vec<f32>,
}

/// The steps of some neighbouring worlds.
pub(in crate::gradient) struct Part<'a> {
    pub(in crate::gradient) inputs: &'a mut [f32],
    pub(in crate::gradient) means: &'a mut [f32],
    pub(in crate::gradient) actions: &'a mut [f32],
    pub(in crate::gradient) rewards: &'a mut [f64],
    pub(in crate::gradient) discounted: &'a mut [f64],
    pub(in crate::gradient) over: &'a mut [bool],
    pub(in crate::gradient) fresh: &'a mut [bool],
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
            steps,
            sequence,
            sizes,
            inputs: vec![0.0; all * sizes.0],
            means: vec![0.0; all * sizes.1],
            actions: vec![0.0; all * sizes.1],
            rewards: vec![0.0; all],
            discounted: vec![0.0; all],
            over: vec![false; all],
            fresh: vec![false; all],
            cut: Vec::new(),
            starts: vec![Vec::new(); steps / sequence],
            critic_starts: vec![Vec::new(); steps / sequence],
            seeds: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The steps of `size` worlds each, but for the last part.
    pub(in crate::gradient) fn parts(&mut self, size: usize) -> impl Iterator<Item = Part<'_>> {
        let (steps, (inputs, outputs)) = (size * self.steps, self.sizes);
        let mut numbers = self.rewards.chunks_mut(steps).zip(self.discounted.chunks_mut(steps));
        let mut flags = self.over.chunks_mut(steps).zip(self.fresh.chunks_mut(steps));
        let mut actions =
            self.means.chunks_mut(steps * outputs).zip(self.actions.chunks_mut(steps * outputs));
        self.inputs.chunks_mut(steps * inputs).filter_map(move |inputs| {
            let (rewards, discounted) = numbers.next()?;
            let (over, fresh) = flags.next()?;
            let (means, actions) = actions.next()?;
            Some(Part { inputs, means, actions, rewards, discounted, over, fresh })
        })
    }

    /// Number of sequences of each world.
    pub(in crate::gradient) fn sequences_per_world(&self) -> usize {
        self.steps / self.sequence
    }

    /// Number of sequences of all worlds: the first of each, then the second, and so on.
    pub(in crate::gradient) fn sequences(&self) -> usize {
        self.sequences_per_world() * self.worlds
    }

    /// Where frame `frame` of a sequence is.
    pub(in crate::gradient) fn at(&self, sequence: usize, frame: usize) -> usize {
        let (part, world) = (sequence / self.worlds, sequence % self.worlds);
        world * self.steps + part * self.sequence + frame
    }

    /// `values` step by step, `[steps][worlds]`.
    pub(in crate::gradient) fn by_step(&self, values: &[f64]) -> Vec<f64> {
        let step = |step: usize| values.iter().skip(step).step_by(self.steps).copied();
        (0..self.steps).flat_map(step).collect()
    }

    /// A value per step of some sequences, `[frames][sequences]`.
    pub(in crate::gradient) fn gather(&self, chosen: &[usize], values: &[f64]) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.sequence * chosen.len());
        for frame in 0..self.sequence {
            for &sequence in chosen {
                all.push(values[self.at(sequence, frame)]);
            }
        }
        all
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

    /// Some sequences as input of a network.
    pub(in crate::gradient) fn slice(&self, chosen: &[usize]) -> Slice {
        self.frames(chosen, self.sequence)
    }

    /// What each of some sequences began with, of `starts`; none if nothing is remembered.
    pub(in crate::gradient) fn states(
        &self,
        chosen: &[usize],
        starts: &[Vec<NetworkState>],
    ) -> Vec<NetworkState> {
        let state = |&sequence: &usize| starts[sequence / self.worlds].get(sequence % self.worlds);
        let states: Vec<Option<&NetworkState>> = chosen.iter().map(state).collect();
        // Nothing was remembered before the very first step; any state does, since a reset follows.
        let any = states.iter().flatten().next().copied();
        states.into_iter().filter_map(|state| state.or(any)).cloned().collect()
    }

    /// The first frames of some sequences.
    fn frames(&self, chosen: &[usize], frames: usize) -> Slice {
        let mut inputs = Vec::with_capacity(frames * chosen.len() * self.sizes.0);
        let mut resets = Vec::with_capacity(frames * chosen.len());
        for frame in 0..frames {
            for &sequence in chosen {
                let at = self.at(sequence, frame);
                inputs.extend_from_slice(&self.inputs[row(self.sizes.0, at)]);
                resets.push(self.fresh[at]);
            }
        }
        let seed = |&sequence: &usize| self.seeds.get(sequence % self.worlds).copied();
        let seeds = chosen.iter().filter_map(seed).collect();
        Slice { samples: chosen.len(), inputs, resets, seeds }
    }

    /// Sequence `index` of all worlds.
    pub(in crate::gradient) fn stretch(&self, index: usize) -> Slice {
        let all: Vec<usize> = (index * self.worlds..(index + 1) * self.worlds).collect();
        self.frames(&all, self.sequence)
    }

    /// One world, whose encoder has the seed `seed`, from the first frame of sequence `index` to frame `frame`.
    pub(in crate::gradient) fn until(&self, index: usize, world: usize, frame: usize, seed: u64) -> Slice {
        Slice { seeds: vec![seed], ..self.frames(&[index * self.worlds + world], frame + 1) }
    }

    /// [`cut`](Self::cut) by moments, in the same order.
    pub(in crate::gradient) fn moments(&self) -> Vec<Moment<'_>> {
        let moments = self.cut.chunk_by(|one, other| one.step == other.step);
        moments.map(|cuts| Moment { sequence: cuts[0].step / self.sequence, cuts }).collect()
    }

    /// The worlds of a moment from the start of its sequence to the observation after it.
    pub(in crate::gradient) fn after(&self, moment: &Moment<'_>) -> Slice {
        let chosen: Vec<usize> =
            moment.cuts.iter().map(|cut| moment.sequence * self.worlds + cut.world).collect();
        let mut slice = self.frames(&chosen, moment.cuts[0].step % self.sequence + 1);
        moment.cuts.iter().for_each(|cut| slice.inputs.extend_from_slice(&cut.next));
        slice.resets.resize(slice.resets.len() + chosen.len(), false);
        slice
    }
}

/// Worlds whose future goes on unseen after the same step.
#[derive(Debug, PartialEq)]
pub(in crate::gradient) struct Moment<'a> {
    /// Which sequence of each world.
    pub(in crate::gradient) sequence: usize,
    pub(in crate::gradient) cuts: &'a [Cut],
}

/// Some sequences as input of a network.
pub(in crate::gradient) struct Slice {
    samples: usize,
    inputs: Vec<f32>,
    resets: Vec<bool>,
    seeds: Vec<u64>,
}

impl Slice {
    /// Begins in the states `start`.
    pub(in crate::gradient) fn batch<'a>(&'a self, start: &'a [NetworkState]) -> Batch<'a> {
        let Self { samples, inputs, resets, seeds } = self;
        Batch { samples: *samples, inputs, seeds, start, resets }
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
    for (cut, &value) in memory.cut.iter().zip(next) {
        after[cut.world * memory.steps + cut.step] = value;
    }
    let mut all = vec![0.0; count];
    for at in (0..count).rev() {
        let later = at + 1;
        let goes_on = !memory.over[at] && !later.is_multiple_of(memory.steps);
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

    fn cut(step: usize, world: usize) -> Cut {
        Cut { step, world, next: vec![0.0] }
    }

    /// Two worlds, three steps; the first ends in its second step, the other goes on.
    fn memory() -> Memory {
        let mut memory = Memory::new(2, 3, 3, (1, 1));
        memory.rewards = vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        memory.over[1] = true;
        memory.cut = vec![cut(2, 0), cut(2, 1)];
        memory
    }

    #[test]
    fn advantages_are_the_sums_of_the_definition() {
        let (gamma, lambda) = (0.9, 0.8);
        let values = [0.5, 1.5, 2.5, 1.0, 2.0, 3.0];
        let (found, targets) = advantages(&memory(), &values, &[7.0, 8.0], 1.0, (gamma, lambda));
        let delta = |r: f64, next: f64, v: f64| r + gamma * next - v;
        // World 0: its episode ends with step 1, and another begins.
        let (d0, d1) = (delta(1.0, 1.5, 0.5), delta(2.0, 0.0, 1.5));
        let d2 = delta(3.0, 7.0, 2.5);
        // World 1 is cut off after step 2.
        let (e0, e1, e2) = (delta(10.0, 2.0, 1.0), delta(20.0, 3.0, 2.0), delta(30.0, 8.0, 3.0));
        let k = gamma * lambda;
        let expected = [d0 + k * d1, d1, d2, e0 + k * (e1 + k * e2), e1 + k * e2, e2];
        for ((a, b), (target, value)) in found.iter().zip(expected).zip(targets.iter().zip(values)) {
            assert!((a - b).abs() < 1e-12, "{found:?}, not {expected:?}");
            assert!((target - b - value).abs() < 1e-12);
        }
        // Cut off by the time limit, the future counts.
        let mut memory = memory();
        memory.cut.push(cut(1, 0));
        let (found, _) = advantages(&memory, &values, &[7.0, 8.0, 9.0], 1.0, (gamma, lambda));
        assert!((found[1] - delta(2.0, 9.0, 1.5)).abs() < 1e-12);
        assert_eq!(memory.by_step(&values), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
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
        let slice = memory.slice(&[3, 0]);
        assert_eq!(slice.inputs, [6.0, 0.0, 7.0, 1.0]);
        assert_eq!(slice.resets, [false, true, false, false]);
        assert_eq!(slice.seeds, [6, 5]);
        assert_eq!(memory.states(&[3, 0], &memory.starts).len(), 2);
        assert_eq!(memory.gather(&[1], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), [4.0, 5.0]);
        // World 1 up to its third step, and what follows.
        memory.cut = vec![Cut { step: 2, world: 1, next: vec![9.0] }];
        assert_eq!(memory.after(&memory.moments()[0]).inputs, [6.0, 9.0]);
        // All worlds, by parts.
        let firsts: Vec<f32> = memory.parts(1).map(|part| part.inputs[0]).collect();
        assert_eq!(firsts, [0.0, 4.0]);
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
