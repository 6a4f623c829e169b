//! What is known of a world between iterations.

use serde::{Deserialize, Serialize};
use strategies::random::{Purpose, Stream};

use crate::gradient::collect::Group;

/// A world of PPO's.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::gradient) struct Slot {
    /// Episodes begun.
    pub(in crate::gradient) episodes: u64,
    /// Actions since its reset, from which a resumed run makes the world's state again.
    pub(in crate::gradient) actions: Vec<f32>,
    /// Discounted sum of its rewards.
    pub(in crate::gradient) discounted: f64,
    /// Whether an episode begins with the next step.
    pub(in crate::gradient) fresh: bool,
    /// Actions of the episode in which the iteration began, if it has ended since.
    ended: Option<Vec<f32>>,
}

/// What of a world comes back if an iteration fails; of its actions, which are many, the number.
pub(in crate::gradient) struct Kept {
    episodes: u64,
    actions: usize,
    discounted: f64,
}

impl Slot {
    /// Begins the next episode of the world, which is `member` of all and `world` of its group.
    pub(in crate::gradient) fn begin(&mut self, group: &mut Group, world: usize, seed: u64, member: usize) {
        let actions = std::mem::take(&mut self.actions);
        self.ended.get_or_insert(actions);
        loop {
            let mut stream = Stream::new(seed, Purpose::Reset, 0, member as u64, self.episodes);
            self.episodes += 1;
            group.reset(world, &mut stream);
            // A start state that is not finite ends its episode at once.
            if !group.outcome(world).over() {
                break;
            }
        }
        (self.discounted, self.fresh) = (0.0, true);
    }

    /// Keeps what the iteration that begins will change. Episodes that end in it leave their actions behind.
    pub(in crate::gradient) fn keep(&mut self) -> Kept {
        self.ended = None;
        Kept { episodes: self.episodes, actions: self.actions.len(), discounted: self.discounted }
    }

    /// Brings it back, for a checkpoint: the world stays where it is.
    pub(in crate::gradient) fn bring_back(&mut self, kept: &Kept) {
        if let Some(actions) = self.ended.take() {
            self.actions = actions;
        }
        self.actions.truncate(kept.actions);
        (self.episodes, self.discounted) = (kept.episodes, kept.discounted);
    }
}
