//! The queue from which workers draw episodes.
//!
//! Where a generation is to hold a number of control steps, how many episodes that takes is not known before they
//! have ended. Episodes are drawn in their order until those drawn have made as many steps; what counts is the
//! shortest row of whole units from the first episode on that holds enough. Which episodes are drawn beyond it
//! depends on the threads, and they are dropped. The result does not depend on them, since the row is decided by the
//! lengths of its own episodes alone.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Further episodes, until all together hold enough control steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct More {
    /// Control steps that are enough.
    pub min_steps: u64,
    /// Most episodes, a multiple of `unit`.
    pub most: usize,
    /// Episodes that count together or not at all; the least number of episodes is a multiple, too.
    pub unit: usize,
}

impl More {
    /// How many episodes to have run next, if those so far, which hold `steps` control steps, are not enough. If the
    /// others are as long, it takes no further ones.
    pub(super) fn next(self, episodes: usize, steps: u64) -> Option<usize> {
        if steps >= self.min_steps || episodes >= self.most {
            return None;
        }
        let missing = u128::from(self.min_steps - steps) * episodes as u128 / u128::from(steps.max(1));
        // Rather a few too many than another round for the last of them.
        let missing = usize::try_from(missing + missing / 16).unwrap_or(usize::MAX).max(1);
        let missing = missing.min(self.most - episodes).next_multiple_of(self.unit);
        Some((episodes + missing).min(self.most))
    }

    /// Leaves the shortest row of units with at least `least` episodes that holds enough control steps, or all.
    pub(super) fn cut<T>(self, least: usize, episodes: &mut Vec<T>, length: impl Fn(&T) -> usize) {
        let (mut count, mut steps) = (0, 0);
        for unit in episodes.chunks(self.unit) {
            if count >= least && steps >= self.min_steps {
                break;
            }
            count += unit.len();
            steps += unit.iter().map(|episode| length(episode) as u64).sum::<u64>();
        }
        episodes.truncate(count);
    }
}

/// Numbers of the episodes that are still to run.
pub(super) struct Queue {
    least: usize,
    more: Option<More>,
    /// Which they are, if not those from 0 on.
    numbers: Option<Vec<usize>>,
    next: AtomicUsize,
    /// Control steps of all episodes drawn; counted only where that matters.
    steps: AtomicU64,
}

impl Queue {
    /// Of `least` episodes, and `more`.
    pub(super) fn new(least: usize, more: Option<More>) -> Self {
        Self { least, more, numbers: None, next: AtomicUsize::new(0), steps: AtomicU64::new(0) }
    }

    /// Of the episodes with these numbers.
    pub(super) fn of(numbers: Vec<usize>) -> Self {
        Self { numbers: Some(numbers), ..Self::new(0, None) }
    }

    /// Most episodes that it can hold.
    pub(super) fn most(&self) -> usize {
        self.numbers.as_ref().map_or_else(|| self.more.map_or(self.least, |more| more.most), Vec::len)
    }

    /// The next episode, or none if there is nothing left to begin; then there never will be.
    pub(super) fn draw(&self) -> Option<usize> {
        let Some(more) = self.more else {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            return match &self.numbers {
                Some(numbers) => numbers.get(index).copied(),
                None => (index < self.least).then_some(index),
            };
        };
        let enough = self.steps.load(Ordering::Relaxed) >= more.min_steps;
        let drawn = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            // A unit that was begun is completed.
            let over = next.is_multiple_of(more.unit) && next >= if enough { self.least } else { more.most };
            (!over).then_some(next + 1)
        });
        drawn.ok()
    }

    /// Counts control steps.
    pub(super) fn count(&self, steps: usize) {
        if self.more.is_some() {
            self.steps.fetch_add(steps as u64, Ordering::Relaxed);
        }
    }

    /// The episodes that count, from those that were run, in their order; `length` is in control steps.
    pub(super) fn told<T>(&self, mut episodes: Vec<T>, length: impl Fn(&T) -> usize) -> Vec<T> {
        if let Some(more) = self.more {
            more.cut(self.least, &mut episodes, length);
        }
        episodes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is drawn beyond what was needed, the row that counts is the shortest one that holds enough.
        #[test]
        fn the_shortest_row_of_units_that_holds_enough_counts(
            lengths in proptest::collection::vec(1_usize..50, 40),
            (unit, least, most) in (1_usize..4).prop_flat_map(|unit| {
                (Just(unit), 1..=5_usize, 5..=(40 / unit))
            }),
            min_steps in 0_u64..1200,
            slots in 1_usize..9,
        ) {
            let more = More { min_steps, most: most * unit, unit };
            let queue = Queue::new(least * unit, Some(more));
            // Slots that make a step in turn, as a worker does.
            let mut running: Vec<Option<(usize, usize)>> = vec![None; slots];
            let mut ended = Vec::new();
            loop {
                for slot in &mut running {
                    if slot.is_none() {
                        *slot = queue.draw().map(|index| (index, lengths[index]));
                    }
                }
                let active = running.iter().flatten().count();
                if active == 0 {
                    break;
                }
                queue.count(active);
                for slot in &mut running {
                    match slot {
                        Some((index, 1)) => {
                            ended.push(*index);
                            *slot = None;
                        }
                        Some((_, left)) => *left -= 1,
                        None => {}
                    }
                }
            }
            ended.sort_unstable();
            let drawn = ended.len();
            prop_assert!(ended.into_iter().eq(0..drawn), "every number once");
            prop_assert!(drawn.is_multiple_of(unit) && drawn <= more.most);
            let told = queue.told(lengths[..drawn].to_vec(), |&length| length).len();
            let steps = |units: usize| lengths[..units * unit].iter().sum::<usize>() as u64;
            let expected = (least..most).find(|&units| steps(units) >= min_steps).unwrap_or(most);
            prop_assert_eq!(told, expected * unit);
        }
    }

    #[test]
    fn without_a_number_of_steps_there_are_as_many_as_asked_for() {
        let queue = Queue::new(3, None);
        queue.count(1_000_000);
        assert_eq!([(); 5].map(|()| queue.draw()), [Some(0), Some(1), Some(2), None, None]);
        assert_eq!(queue.told(vec![1; 3], |&length| length), [1; 3]);
    }
}
