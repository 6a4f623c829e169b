//! Spikes of one layer as events, so that a million of them can be searched and drawn quickly.

use std::ops::Range;

/// Spikes in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spikes {
    /// In ticks since the start; whole numbers unless the network has none.
    times: Vec<f64>,
    neurons: Vec<u16>,
    /// Number of spikes before each control step, and after the last one.
    before: Vec<usize>,
    per_step: u32,
}

impl Spikes {
    /// None yet; a control step has `per_step` ticks.
    #[must_use]
    pub fn new(per_step: usize) -> Self {
        Self { before: vec![0], per_step: per_step.max(1) as u32, ..Self::default() }
    }

    /// Adds a control step, whose spikes are (tick within the step, neuron) in ascending order.
    pub fn push_step(&mut self, spikes: impl Iterator<Item = (usize, usize)>) {
        let start = self.steps() as u32 * self.per_step;
        for (tick, neuron) in spikes {
            self.times.push(f64::from(start + tick as u32));
            self.neurons.push(neuron as u16);
        }
        self.before.push(self.times.len());
    }

    /// Adds a control step of a network in continuous time, which has one tick per step: its spikes as (share of the step
    /// that has passed, neuron) in order.
    pub fn push_times(&mut self, spikes: impl Iterator<Item = (f64, usize)>) {
        let start = self.steps() as f64;
        for (share, neuron) in spikes {
            self.times.push(start + share);
            self.neurons.push(neuron as u16);
        }
        self.before.push(self.times.len());
    }

    /// Control steps so far.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.before.len() - 1
    }

    /// Number of spikes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Number of spikes in some control steps, which are cut to those that exist.
    #[must_use]
    pub fn count(&self, steps: Range<usize>) -> usize {
        let range = self.within(steps);
        range.end - range.start
    }

    /// (ticks since the start, neuron) of the spikes in some control steps, in order.
    pub fn events(&self, steps: Range<usize>) -> impl Iterator<Item = (f64, u16)> + '_ {
        let range = self.within(steps);
        self.times[range.clone()].iter().copied().zip(self.neurons[range].iter().copied())
    }

    /// When `neuron` spiked in some control steps, in ticks since the start.
    pub fn of(&self, neuron: usize, steps: Range<usize>) -> impl Iterator<Item = f64> + '_ {
        self.events(steps).filter(move |&(_, n)| usize::from(n) == neuron).map(|(tick, _)| tick)
    }

    /// Forgets all but the first `steps` control steps.
    pub fn truncate(&mut self, steps: usize) {
        let steps = steps.min(self.steps());
        self.before.truncate(steps + 1);
        self.times.truncate(self.before[steps]);
        self.neurons.truncate(self.before[steps]);
    }

    fn within(&self, steps: Range<usize>) -> Range<usize> {
        let last = self.steps();
        let (start, end) = (steps.start.min(last), steps.end.min(last));
        self.before[start]..self.before[end.max(start)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Spikes {
        let mut spikes = Spikes::new(2);
        spikes.push_step([(0, 3), (1, 1)].into_iter());
        spikes.push_step(std::iter::empty());
        spikes.push_step([(1, 3)].into_iter());
        spikes
    }

    #[test]
    fn spikes_are_found_by_step_and_neuron() {
        let spikes = example();
        assert_eq!((spikes.steps(), spikes.len()), (3, 3));
        assert_eq!(spikes.events(0..9).collect::<Vec<_>>(), [(0.0, 3), (1.0, 1), (5.0, 3)]);
        assert_eq!(spikes.events(1..2).count(), 0);
        assert_eq!([spikes.count(0..1), spikes.count(2..3), spikes.count(7..9)], [2, 1, 0]);
        assert_eq!(spikes.of(3, 0..3).collect::<Vec<_>>(), [0.0, 5.0]);
    }

    #[test]
    fn spikes_without_ticks_keep_their_times() {
        let mut spikes = Spikes::new(1);
        spikes.push_times([(0.25, 3), (0.625, 1)].into_iter());
        spikes.push_times([(0.5, 3)].into_iter());
        assert_eq!(spikes.events(0..2).collect::<Vec<_>>(), [(0.25, 3), (0.625, 1), (1.5, 3)]);
        assert_eq!(spikes.of(3, 1..2).collect::<Vec<_>>(), [1.5]);
    }

    #[test]
    fn going_back_forgets_what_came_later() {
        let mut spikes = example();
        spikes.truncate(1);
        assert_eq!((spikes.steps(), spikes.len()), (1, 2));
        spikes.push_step([(0, 7)].into_iter());
        assert_eq!(spikes.events(0..9).collect::<Vec<_>>(), [(0.0, 3), (1.0, 1), (2.0, 7)]);
        spikes.truncate(100);
        assert_eq!(spikes.steps(), 2);
    }
}
