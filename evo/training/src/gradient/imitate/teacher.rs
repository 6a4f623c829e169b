//! Who is imitated: a controller, or what one has left.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use records::checkpoint::Checkpoint;
use records::folder::RunFolder;
use serde::{Deserialize, Serialize};
use snn::Evaluator;

use crate::config::Config;
use crate::evaluate::Policy;
use crate::field::require;
use crate::gradient::error::FinetuneError;
use crate::gradient::task_config::ImitateConfig;
use crate::gradient::world::World;
use crate::policy::{Which, load_policy};
use crate::setup::Setup;

/// What was seen in one episode, and what the teacher would have done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::gradient) struct Demonstration {
    /// Round in which it was made.
    pub(in crate::gradient) round: u64,
    /// Raw observations, a row per step.
    pub(in crate::gradient) observations: Vec<f32>,
    /// Actions of the teacher, in [−1, 1].
    pub(in crate::gradient) actions: Vec<f32>,
}

/// Who is imitated.
pub(in crate::gradient) enum Teacher {
    /// Answers for every state.
    Present(Box<Present>),
    /// Has left these episodes.
    Recorded(Vec<Demonstration>),
}

/// A controller with its parameters, one individual of it per episode.
pub(in crate::gradient) struct Present {
    pub(in crate::gradient) policy: Policy,
    pub(in crate::gradient) evaluator: Box<dyn Evaluator>,
    pub(in crate::gradient) description: String,
}

impl Teacher {
    pub(in crate::gradient) fn new(
        config: &ImitateConfig,
        world: &World,
        teachers: &mut Teachers,
    ) -> Result<Self, FinetuneError> {
        let wrong = |reason: String| FinetuneError::Teacher { path: config.teacher.clone(), reason };
        let checkpoint = teachers.read(config)?;
        checkpoint.of_a_world().map_err(|error| wrong(error.to_string()))?;
        let spec = world.setup.task.spec();
        let of: Config = checkpoint.meta("config")?;
        if of.env.name() != spec.name {
            return Err(wrong(format!("its task is {}, that of the config is {}", of.env.name(), spec.name)));
        }
        let sizes = (spec.observations.len(), spec.actions.len());
        if checkpoint.meta.get("kind").is_some_and(|kind| kind == "rollout") {
            Ok(Self::Recorded(recorded(checkpoint, world).map_err(wrong)?))
        } else {
            let setup = Setup::new(&of)?;
            let which = if config.best { Which::Best } else { Which::Mean };
            let policy = load_policy(checkpoint, &setup, which, &of)?;
            if (setup.controller.inputs(), setup.controller.outputs()) != sizes {
                let (inputs, outputs) = (setup.controller.inputs(), setup.controller.outputs());
                return Err(wrong(format!(
                    "it has {inputs} observations and {outputs} actions, but the config's task has {} and {}",
                    sizes.0, sizes.1
                )));
            }
            let mut evaluator = setup.controller.evaluator(config.episodes);
            (0..config.episodes).for_each(|slot| evaluator.load(slot, &policy.parameters));
            let description = setup.controller.describe();
            Ok(Self::Present(Box::new(Present { policy, evaluator, description })))
        }
    }
}

/// The files of teachers by name, each read once however many configs have it.
#[derive(Default)]
pub struct Teachers(BTreeMap<String, Checkpoint>);

impl Teachers {
    /// With the one who is imitated where a config names nobody.
    #[must_use]
    pub fn given(checkpoint: Checkpoint) -> Self {
        Self([(String::new(), checkpoint)].into())
    }

    /// The last checkpoint of a run, or a file.
    fn read(&mut self, config: &ImitateConfig) -> Result<&Checkpoint, FinetuneError> {
        Ok(match self.0.entry(config.teacher.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let expected = "a run folder, a checkpoint or a recording (--set task.teacher=RUN); only a later stage may \
                                leave it out";
                require(!config.teacher.is_empty(), "task.teacher", "\"\"", expected)?;
                let path = Path::new(&config.teacher);
                let shown = format!("{:?}", config.teacher);
                require(
                    path.exists(),
                    "task.teacher",
                    shown,
                    "a run folder, a checkpoint or a recording that exists \
                    (--set task.teacher=RUN)",
                )?;
                let wrong = |reason: String| FinetuneError::Teacher { path: config.teacher.clone(), reason };
                let file = match path.is_dir() {
                    true => RunFolder::open(path).map_err(|error| wrong(error.to_string()))?.last(),
                    false => path.to_owned(),
                };
                place.insert(Checkpoint::load(&file)?.told())
            }
        })
    }
}

/// The episodes of a recording, or what is wrong with it.
fn recorded(file: &Checkpoint, world: &World) -> Result<Vec<Demonstration>, String> {
    let spec = world.setup.task.spec();
    let count = file.meta.get("episodes").and_then(|episodes| episodes.as_array()).map_or(0, Vec::len);
    let mut episodes = Vec::new();
    for index in 0..count {
        let rows = |name: &str, width: usize| {
            let name = format!("{index}.{name}");
            let shape = file.tensor(&name).map_err(|error| error.to_string())?.shape();
            let steps = shape.first().copied().unwrap_or(0);
            let values = file.f32(&name, &[steps, width]).map_err(|error| error.to_string())?;
            if values.iter().all(|x| x.is_finite()) {
                Ok(values.to_vec())
            } else {
                Err(format!("tensor '{name}' holds numbers that are not finite"))
            }
        };
        let observations = rows("observation", spec.observations.len())?;
        let mut actions = rows("action", spec.actions.len())?;
        // From the task's units.
        for action in actions.chunks_exact_mut(spec.actions.len()) {
            for (x, channel) in action.iter_mut().zip(&spec.actions) {
                let (middle, half) = (0.5 * (channel.low + channel.high), 0.5 * (channel.high - channel.low));
                *x = ((*x - middle) / half).clamp(-1.0, 1.0);
            }
        }
        if observations.len() / spec.observations.len() != actions.len() / spec.actions.len() {
            return Err(format!("episode {index} has different numbers of actions and observations"));
        }
        if !actions.is_empty() {
            episodes.push(Demonstration { round: 0, observations, actions });
        }
    }
    if episodes.is_empty() { Err("it has no step".to_owned()) } else { Ok(episodes) }
}
