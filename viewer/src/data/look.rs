//! A look at a run folder: what has changed there, and the checkpoint that is to be watched if it is new. It can be taken
//! by another thread, as checkpoints are large.

use training::config::Config;
use training::evaluate::Policy;
use training::setup::Setup;

use crate::data::brain::Brain;
use crate::data::choice::{Choice, Watched, Wish};
use crate::data::follow::Follow;

/// What a look has brought.
pub struct Look {
    /// The folder as it was then.
    pub follow: Follow,
    /// The member that was to be watched.
    pub watched: Option<Watched>,
    /// The wanted checkpoint if it is new, or why it does not fit.
    pub taken: anyhow::Result<Option<Taken>>,
}

/// A checkpoint's controller.
pub struct Taken {
    /// Its parameters.
    pub policy: Policy,
    /// Its network.
    pub brain: Brain,
    /// Its generation, if known.
    pub generation: Option<u64>,
    /// What there is to choose from, if its search keeps members.
    pub choice: Option<Choice>,
}

impl Look {
    /// Looks at the folder of a run of `config`, for what is `watched` if it keeps members.
    #[must_use]
    pub fn at(mut follow: Follow, config: &Config, watched: Option<Watched>) -> Self {
        let taken = Taken::from(&mut follow, config, watched.as_ref());
        Self { follow, watched, taken }
    }
}

impl Taken {
    fn from(follow: &mut Follow, config: &Config, watched: Option<&Watched>) -> anyhow::Result<Option<Self>> {
        let Some(checkpoint) = follow.poll() else { return Ok(None) };
        let setup = Setup::new(config)?;
        let wish = watched.map_or(Wish::Mean, Wish::Again);
        let (policy, choice) = Choice::of(&checkpoint, &setup, config, wish)?;
        let brain = Brain::new(setup.controller.as_ref(), &policy.parameters);
        Ok(Some(Self { policy, brain, generation: checkpoint.meta("generation").ok(), choice }))
    }
}
