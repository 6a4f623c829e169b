//! Worlds that ranks share out: each steps its own, and all learn from all of them.

use serde::{Deserialize, Serialize};

use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::act::{Acted, Crew};
use crate::gradient::ppo::slot::Slot;
use crate::gradient::shared::shared;
use crate::ranks::Team;

/// What a group of worlds has come to: what the others need in order to learn, and rank 0 for a checkpoint.
#[derive(Serialize, Deserialize)]
struct Group {
    acted: Acted,
    slots: Vec<Slot>,
    inputs: Vec<f32>,
    means: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f64>,
    discounted: Vec<f64>,
    over: Vec<bool>,
    fresh: Vec<bool>,
}

impl Group {
    fn of(acted: Acted, crew: &Crew<'_>) -> Self {
        let memory = &crew.memory;
        Self {
            acted,
            slots: crew.slots.to_vec(),
            inputs: memory.inputs.to_vec(),
            means: memory.means.to_vec(),
            actions: memory.actions.to_vec(),
            rewards: memory.rewards.to_vec(),
            discounted: memory.discounted.to_vec(),
            over: memory.over.to_vec(),
            fresh: memory.fresh.to_vec(),
        }
    }

    fn put(self, crew: &mut Crew<'_>) -> Acted {
        let memory = &mut crew.memory;
        crew.slots.clone_from_slice(&self.slots);
        memory.inputs.copy_from_slice(&self.inputs);
        memory.means.copy_from_slice(&self.means);
        memory.actions.copy_from_slice(&self.actions);
        memory.rewards.copy_from_slice(&self.rewards);
        memory.discounted.copy_from_slice(&self.discounted);
        memory.over.copy_from_slice(&self.over);
        memory.fresh.copy_from_slice(&self.fresh);
        self.acted
    }
}

/// What all groups have done, from what this rank's own have done; their steps and slots are put into `crews`.
pub(super) fn all(
    team: &Team,
    own: Result<Vec<Acted>, FinetuneError>,
    crews: &mut [Crew<'_>],
) -> Result<Vec<Acted>, FinetuneError> {
    if team.is_alone() {
        return own;
    }
    let mine = (0..crews.len()).filter(|&index| team.owns(index));
    let own =
        own.map(|own| own.into_iter().zip(mine).map(|(acted, at)| Group::of(acted, &crews[at])).collect());
    let mut ranks: Vec<_> = shared::<Vec<Group>>(team, own)?.into_iter().map(Vec::into_iter).collect();
    let put = |(index, crew): (usize, &mut Crew<'_>)| Some(ranks[team.owner(index)].next()?.put(crew));
    // A rank that has no error has acted with all of its groups.
    Ok(crews.iter_mut().enumerate().filter_map(put).collect())
}
