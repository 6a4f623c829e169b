//! Which event is next.
//!
//! The order is total, so it does not depend on how events got into the queue: by time; at equal times arrivals come
//! before spikes, input channels before neurons, and lower numbers before higher ones.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A spike on its way to its targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delivery {
    /// When it arrives.
    pub(super) time: f64,
    pub(super) population: u32,
    /// Number within the population.
    pub(super) neuron: u32,
    /// Its number in the record.
    pub(super) spike: u32,
}

impl Eq for Delivery {}

impl Ord for Delivery {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |d: &Self| (d.population, d.neuron, d.spike);
        self.time.total_cmp(&other.time).then_with(|| key(self).cmp(&key(other)))
    }
}

impl PartialOrd for Delivery {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Spikes on their way, the next one first.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Delivery>>,
}

impl Queue {
    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.heap.push(Reverse(delivery));
    }

    /// When the next one arrives; never: infinity.
    pub(super) fn time(&self) -> f64 {
        self.heap.peek().map_or(f64::INFINITY, |next| next.0.time)
    }

    pub(super) fn pop(&mut self) -> Option<Delivery> {
        self.heap.pop().map(|next| next.0)
    }

    /// Lets every time count from `time`.
    pub(super) fn shift(&mut self, time: f64) {
        let heap = std::mem::take(&mut self.heap);
        let shifted =
            heap.into_iter().map(|Reverse(d)| Reverse(Delivery { time: (d.time - time).max(0.0), ..d }));
        self.heap = shifted.collect();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.heap.iter().map(|next| &next.0)
    }
}

/// The earliest of some times that change one by one: a tournament.
#[derive(Clone, Debug)]
pub(super) struct Earliest {
    size: usize,
    /// Winners of the matches, the root first, then the players' times.
    times: Vec<f64>,
}

impl Earliest {
    /// Of `players` times, all infinite.
    pub(super) fn new(players: usize) -> Self {
        let size = players.next_power_of_two().max(1);
        Self { size, times: vec![f64::INFINITY; 2 * size] }
    }

    /// Sets the time of one player.
    pub(super) fn set(&mut self, player: usize, time: f64) {
        let mut at = self.size + player;
        self.times[at] = time;
        while at > 1 {
            at /= 2;
            let winner = self.times[2 * at].min(self.times[2 * at + 1]);
            if self.times[at] == winner {
                break;
            }
            self.times[at] = winner;
        }
    }

    /// The times, for changes of many of them; [`settle`](Self::settle) must follow.
    pub(super) fn players(&mut self) -> &mut [f64] {
        &mut self.times[self.size..]
    }

    /// Plays all matches.
    pub(super) fn settle(&mut self) {
        for at in (1..self.size).rev() {
            self.times[at] = self.times[2 * at].min(self.times[2 * at + 1]);
        }
    }

    /// The earliest time.
    pub(super) fn time(&self) -> f64 {
        self.times[1]
    }

    /// Who has it; the lowest number of those who do.
    pub(super) fn player(&self) -> usize {
        let mut at = 1;
        while at < self.size {
            at = if self.times[2 * at] == self.times[at] { 2 * at } else { 2 * at + 1 };
        }
        at - self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_leave_in_the_order_of_numbers_whatever_the_order_of_arrival() {
        let delivery = |time: f64, population, neuron| Delivery { time, population, neuron, spike: 0 };
        let sorted = [delivery(0.5, 1, 1), delivery(1.0, 0, 7), delivery(1.0, 1, 0), delivery(1.0, 1, 3)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut queue = Queue::default();
            order.iter().for_each(|&at: &usize| queue.push(sorted[at]));
            assert_eq!(queue.time(), 0.5);
            assert_eq!([(); 4].map(|()| queue.pop().expect("there are four")), sorted);
        }
    }

    #[test]
    fn the_tournament_finds_the_first_of_the_earliest() {
        let mut earliest = Earliest::new(11);
        assert_eq!(earliest.time(), f64::INFINITY);
        for (player, time) in [(3, 2.0), (9, 1.0), (5, 1.0), (10, 4.0)] {
            earliest.set(player, time);
        }
        assert_eq!((earliest.time(), earliest.player()), (1.0, 5));
        earliest.set(5, 3.0);
        assert_eq!((earliest.time(), earliest.player()), (1.0, 9));
        earliest.players()[10] = 0.5;
        earliest.settle();
        assert_eq!((earliest.time(), earliest.player()), (0.5, 10));
    }
}
