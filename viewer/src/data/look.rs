//! A look at a run folder: what has changed there, and the checkpoint that is to be watched if it is new. It can be taken
//! by another thread, as checkpoints are large.

use training::config::Config;
use training::evaluate::Policy;
use training::policy::{Which, load_policy};
use training::setup::Setup;

use crate::data::brain::Brain;
use crate::data::follow::Follow;

/// What a look has brought.
pub struct Look {
    /// The folder as it was then.
    pub follow: Follow,
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
}

impl Look {
    /// Looks at the folder of a run of `config`.
    #[must_use]
    pub fn at(mut follow: Follow, config: &Config) -> Self {
        let taken = Taken::from(&mut follow, config);
        Self { follow, taken }
    }
}

impl Taken {
    fn from(follow: &mut Follow, config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(checkpoint) = follow.poll() else { return Ok(None) };
        let setup = Setup::new(config)?;
        let policy = load_policy(&checkpoint, &setup, Which::Mean, config)?;
        let brain = Brain::new(setup.controller.as_ref(), &policy.parameters);
        Ok(Some(Self { policy, brain, generation: checkpoint.meta("generation").ok() }))
    }
}
