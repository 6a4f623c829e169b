//! Several objectives: what they are, and what a search is told of them.

use envs::{Descriptors, EnvError, Task};

use crate::rollout::Episode;

/// Why a task cannot be judged so.
#[derive(Debug, thiserror::Error)]
pub enum ObjectiveError {
    /// An objective that neither all tasks nor this one have.
    #[error("the task {env} has no objective \"{name}\" (valid: {valid})")]
    Unknown {
        /// The task.
        env: &'static str,
        /// The objective.
        name: String,
        /// Those that it has.
        valid: String,
    },
    /// What objectives are made of cannot be measured.
    #[error(transparent)]
    Env(#[from] EnvError),
}

/// What an episode can be judged by, beside the task's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Weighted reward, as the fitness of other strategies.
    Return,
    /// Synaptic operations per control step, negative: the fewer, the better.
    Energy,
    /// The lowest return of a member's episodes.
    Robustness,
    /// How fast the trunk moves forward, m/s.
    Speed,
    /// A descriptor, by its place among those that are measured.
    Descriptor(usize),
}

/// What the members of a search are judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Objectives {
    kinds: Vec<(String, Kind)>,
    /// Length of a control step, s.
    control_dt: f64,
}

/// Name of the descriptor that speed is made of.
const FORWARD: &str = "x";

impl Objectives {
    /// Those of these names, and the descriptors that they need.
    ///
    /// # Errors
    /// A name that is neither an objective nor a descriptor of the task.
    pub(crate) fn new(
        task: &dyn Task,
        names: &[String],
    ) -> Result<(Self, Option<Descriptors>), ObjectiveError> {
        let mut needed: Vec<String> = Vec::new();
        let mut place = |name: &str| {
            needed.iter().position(|known| known == name).unwrap_or_else(|| {
                needed.push(name.to_owned());
                needed.len() - 1
            })
        };
        let kind = |name: &String| {
            let kind = match name.as_str() {
                "return" => Kind::Return,
                "energy" => Kind::Energy,
                "robustness" => Kind::Robustness,
                "speed" => Kind::Speed,
                other => Kind::Descriptor(place(other)),
            };
            (name.clone(), kind)
        };
        let kinds: Vec<(String, Kind)> = names.iter().map(kind).collect();
        if kinds.iter().any(|(_, kind)| *kind == Kind::Speed) && !needed.iter().any(|name| name == FORWARD) {
            needed.push(FORWARD.to_owned());
        }
        let all = task.descriptors();
        let known = |name: &&String| all.iter().any(|descriptor| descriptor.channel.name == **name);
        if let Some(name) = needed.iter().find(|name| !known(name)) {
            let valid: Vec<&str> = ["return", "energy", "robustness"]
                .into_iter()
                .chain(all.iter().any(|d| d.channel.name == FORWARD).then_some("speed"))
                .chain(all.iter().map(|descriptor| descriptor.channel.name.as_str()))
                .collect();
            let (env, valid) = (task.spec().name, valid.join(", "));
            let wanted = if name == FORWARD { "speed" } else { name };
            return Err(ObjectiveError::Unknown { env, name: wanted.to_owned(), valid });
        }
        let descriptors = if needed.is_empty() { None } else { Some(Descriptors::new(task, &needed)?) };
        Ok((Self { kinds, control_dt: task.spec().control_dt }, descriptors))
    }

    /// Names and units as they are shown, and the factor that makes a shown value of a told one: energy is shown as
    /// it is counted, and fewer operations are better.
    #[must_use]
    pub fn shown(&self, descriptors: Option<&Descriptors>) -> Vec<(String, &'static str, f64)> {
        let unit = |kind: Kind| match (kind, descriptors) {
            (Kind::Energy, _) => "synaptic operations per control step",
            (Kind::Speed, _) => "m/s",
            (Kind::Descriptor(place), Some(descriptors)) => descriptors.chosen()[place].channel.unit,
            _ => "",
        };
        let sign = |kind: Kind| if kind == Kind::Energy { -1.0 } else { 1.0 };
        self.kinds.iter().map(|(name, kind)| (name.clone(), unit(*kind), sign(*kind))).collect()
    }

    /// The objectives of each member, one after another, from its `per` episodes and their fitness.
    pub(crate) fn of(
        &self,
        descriptors: Option<&Descriptors>,
        (episodes, per): (&[Episode], usize),
        worth: impl Fn(&Episode) -> f64,
    ) -> Vec<f64> {
        let forward = descriptors.and_then(|all| all.chosen().iter().position(|d| d.channel.name == FORWARD));
        let mean =
            |own: &[Episode], of: &dyn Fn(&Episode) -> f64| own.iter().map(of).sum::<f64>() / per as f64;
        let value = |own: &[Episode], kind: Kind| match kind {
            Kind::Return => mean(own, &|episode| worth(episode)),
            Kind::Energy => -mean(own, &|episode| episode.activity.synops_per_step()),
            Kind::Robustness => {
                // What failed is not a number, and must stay so.
                own.iter()
                    .map(&worth)
                    .reduce(|a, b| if a.is_nan() || a < b { a } else { b })
                    .unwrap_or(f64::NAN)
            }
            Kind::Speed => mean(own, &|episode| {
                let way = forward.and_then(|place| episode.descriptors.get(place)).copied();
                way.unwrap_or(f64::NAN) / (episode.length as f64 * self.control_dt)
            }),
            Kind::Descriptor(place) => {
                mean(own, &|episode| episode.descriptors.get(place).copied().unwrap_or(f64::NAN))
            }
        };
        let each = |own| self.kinds.iter().map(move |&(_, kind)| value(own, kind));
        episodes.chunks(per).flat_map(each).collect()
    }
}
