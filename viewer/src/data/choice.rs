//! The members that a search keeps, and which of them is watched.

use records::checkpoint::Checkpoint;
use training::config::Config;
use training::evaluate::Policy;
use training::members::{Member, Members};
use training::policy::{Which, load_policy};
use training::setup::{Setup, TrainError};

/// A member that is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Its number, as `--cell` takes it.
    pub cell: usize,
    /// Its descriptors or objectives; none of a member behind the front.
    values: Vec<f64>,
}

/// What is to be watched of a checkpoint.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// The mean of the search.
    Mean,
    /// The member of this number.
    Cell(usize),
    /// What has been watched before, if it is still there: what the same cell of an archive has now, or the same member
    /// of a front. Otherwise the mean.
    Again(&'a Watched),
}

/// An archive or a front to choose from.
pub struct Choice {
    /// All members.
    pub members: Members,
    /// The one that is wanted; none means the mean of the search.
    pub watched: Option<Watched>,
    /// The member that the mean is, if it is one.
    same: Option<usize>,
    mean: Vec<f32>,
}

/// Parameters as controllers take them.
fn parameters(member: &Member<'_>) -> Vec<f32> {
    member.parameters.iter().map(|&x| x as f32).collect()
}

impl Choice {
    /// The policy of a checkpoint to watch, and what else there is to choose from.
    ///
    /// # Errors
    /// A checkpoint that does not fit the config, or lacks the wanted member.
    pub fn of(
        checkpoint: &Checkpoint,
        setup: &Setup,
        config: &Config,
        wish: Wish<'_>,
    ) -> Result<(Policy, Option<Self>), TrainError> {
        let mut policy = load_policy(checkpoint, setup, Which::Mean, config)?;
        let Some(members) = Members::of(checkpoint)? else {
            if let Wish::Cell(cell) = wish {
                policy = load_policy(checkpoint, setup, Which::Cell(cell), config)?;
            }
            return Ok((policy, None));
        };
        let all = members.all();
        let same =
            all.iter().find(|member| parameters(member) == policy.parameters).map(|member| member.cell);
        let is_archive = members.archive().is_some();
        let wished = |member: &&Member<'_>| match wish {
            Wish::Mean => false,
            Wish::Cell(cell) => member.cell == cell,
            Wish::Again(before) if is_archive => member.cell == before.cell,
            Wish::Again(before) => member.values == before.values,
        };
        let found = all.iter().find(wished);
        let mean = policy.parameters.clone();
        if let Some(member) = found {
            policy.parameters = parameters(member);
        }
        let mut watched = found.map(|member| Watched { cell: member.cell, values: member.values.clone() });
        if let (Wish::Cell(cell), None) = (wish, &watched) {
            policy = load_policy(checkpoint, setup, Which::Cell(cell), config)?;
            watched = Some(Watched { cell, values: Vec::new() });
        }
        drop(all);
        Ok((policy, Some(Self { members, watched, same, mean })))
    }

    /// Wants another member, or the mean; gives its parameters, or none if there is no such member.
    pub fn want(&mut self, cell: Option<usize>) -> Option<Vec<f32>> {
        let Some(cell) = cell else {
            self.watched = None;
            return Some(self.mean.clone());
        };
        let member = self.members.member(cell)?;
        let found = parameters(&member);
        self.watched = Some(Watched { cell, values: member.values });
        Some(found)
    }

    /// The number of the member that is shown; none if that is the mean, and the mean is none.
    #[must_use]
    pub fn shown(&self) -> Option<usize> {
        self.watched.as_ref().map(|watched| watched.cell).or(self.same)
    }

    /// What its members are called.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.members.archive().is_some() { "cell" } else { "member" }
    }

    /// What is watched if it is not the mean, in words.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        self.watched.as_ref().map(|watched| format!("{} {}", self.word(), watched.cell))
    }
}
