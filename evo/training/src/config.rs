//! What a training run is: task, physics, controller, strategy, rollout, bookkeeping.
//!
//! Every field but `env` and `strategy` has a default, so that a short config works; the run folder
//! keeps the resolved one with every field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use envs::{Change, EnvConfig, EnvError, Fidelity};
use serde::{Deserialize, Serialize};
use sim::{EngineKind, StepOptions};
use snn::ControllerConfig;
use strategies::StrategyConfig;

use crate::change_names::check_name;
use crate::engine_choice::{EngineChoice, engine_or_none};
use crate::field::{InvalidField, require};
use crate::gradient::{RefineConfig, Task};
use crate::restarts::{self, Restarts};
use crate::rollout_config::RolloutConfig;
use crate::stages::Stage;

/// A training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Task, with its own fields.
    pub env: EnvConfig,
    /// Changes of the task's environment, in training and in evaluations; see [`envs::Change`].
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Further lists of changes by name, for `evo eval --change NAME` and `evo record --change NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub change_lists: BTreeMap<String, Vec<Change>>,
    /// Engine and accuracy of the physics.
    #[serde(default)]
    pub physics: PhysicsConfig,
    /// Network that maps observations to actions.
    #[serde(default)]
    pub controller: ControllerConfig,
    /// Search for the controller's parameters.
    pub strategy: StrategyConfig,
    /// Restarts of `strategy` when it gets stuck. Default `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
    /// Gradient steps from the mean of each generation; the search continues from their result. Default
    /// `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refine: Option<RefineConfig>,
    /// How a member of the population is scored.
    #[serde(default)]
    pub rollout: RolloutConfig,
    /// Length, seed, evaluations and checkpoints.
    #[serde(default)]
    pub run: RunConfig,
    /// What to train for by gradients. Default `None`: `strategy` evolves the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Ways of training, one after another. Each has a name and the fields that differ from the config.
    /// Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// Engine and accuracy of the physics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhysicsConfig {
    /// Engine that steps the worlds: `Rapier`, `Lanes` or `Auto`, in any case. Default `Auto`: lanes if it
    /// supports everything in the model, otherwise rapier.
    pub engine: EngineChoice,
    /// Which of the task's settings to use.
    pub fidelity: Fidelity,
    /// Physics step in seconds instead of the task's.
    pub timestep: Option<f64>,
    /// Physics steps per control step instead of the task's.
    pub substeps: Option<usize>,
    /// Solver iterations per physics step instead of the task's.
    pub iterations: Option<usize>,
    /// Engine in which every evaluation is repeated, on the same start states and with the task's own
    /// settings for that engine. A controller then evolves in one engine and is judged in another. This
    /// changes nothing in training.
    #[serde(deserialize_with = "engine_or_none")]
    pub validate: Option<EngineKind>,
}

impl PhysicsConfig {
    /// The settings to train `task` with: the task's for the engine and fidelity, with the overrides.
    #[must_use]
    pub fn training(&self, task: &dyn envs::Task) -> StepOptions {
        let options = task.physics(self.engine.resolve(task.model()).0, self.fidelity);
        StepOptions {
            engine: options.engine,
            timestep: self.timestep.unwrap_or(options.timestep),
            substeps: self.substeps.unwrap_or(options.substeps),
            iterations: self.iterations.unwrap_or(options.iterations),
        }
    }

    /// The settings to validate with, if that is asked for: the task's, since the overrides are
    /// meant for the engine that trains.
    #[must_use]
    pub fn validation(&self, task: &dyn envs::Task) -> Option<StepOptions> {
        self.validate.map(|engine| task.physics(engine, self.fidelity))
    }
}

/// Length, seed, evaluations and checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Generations to train.
    pub generations: u64,
    /// Seed of every random number in the run.
    pub seed: u64,
    /// Generations between evaluations of the distribution's mean; 0 evaluates only at the end.
    pub eval_every: u64,
    /// Episodes per evaluation, on start states that are the same every time.
    pub eval_episodes: usize,
    /// Generations between checkpoints; 0 writes one only at the end.
    pub checkpoint_every: u64,
    /// How many of the latest numbered checkpoints are kept, besides `best` and `last`; 0 keeps all.
    pub keep: usize,
    /// Where every generation is written. `metrics.csv` is always written, whether it is named here or not:
    /// resuming, plots and reports read it.
    pub log: Vec<LogFormat>,
    /// Generations of all stages together after which the run ends; the last stage is made longer if
    /// necessary. Default `None`: every stage has its own number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Training, or its stage, ends when an evaluation reaches this mean return. Default `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Training, or its stage, ends after this many evaluations in a row without a higher return; ≥ 1.
    /// Default `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Seed of the start states of evaluations. Default `None`: the seed of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_seed: Option<u64>,
}

/// A format for a run's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// `metrics.csv`.
    Csv,
    /// An event file for TensorBoard, see [`records::events`].
    TensorBoard,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            generations: 100,
            seed: 1,
            eval_every: 10,
            eval_episodes: 16,
            checkpoint_every: 10,
            keep: 3,
            log: vec![LogFormat::Csv],
            total: None,
            target: None,
            patience: None,
            eval_seed: None,
        }
    }
}

impl RunConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range, with the range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(self.generations >= 1, "run.generations", self.generations, "at least 1")?;
        let episodes = (1..=1_000_000).contains(&self.eval_episodes);
        require(episodes, "run.eval_episodes", self.eval_episodes, "1 to 1000000")?;
        let stops = self.target.is_some() || self.patience.is_some();
        let evaluated = "at least 1 with run.target or run.patience, which need evaluations";
        require(!stops || self.eval_every >= 1, "run.eval_every", self.eval_every, evaluated)?;
        for (name, least) in [("run.total", self.total), ("run.patience", self.patience)] {
            if let Some(value) = least {
                require(value >= 1, name, value, "at least 1, or None")?;
            }
        }
        Ok(())
    }

    /// Seed of the start states of evaluations.
    #[must_use]
    pub fn eval_seed(&self) -> u64 {
        self.eval_seed.unwrap_or(self.seed)
    }
}

impl Config {
    /// The same in `engine`: as it is if it is that engine's already, else without validation and with
    /// the task's own settings for `engine`, because the overrides were made for another one.
    ///
    /// # Errors
    /// If the task's settings are out of range.
    pub fn on_engine(mut self, engine: impl Into<EngineChoice>) -> Result<Self, EnvError> {
        let task = self.env.build()?;
        let PhysicsConfig { engine: choice, fidelity, .. } = self.physics;
        let engine = engine.into().resolve(task.model()).0;
        if choice.resolve(task.model()).0 != engine {
            self.physics = PhysicsConfig { engine: engine.into(), fidelity, ..PhysicsConfig::default() };
        }
        Ok(self)
    }

    /// The strategy that searches: `strategy`, with `restarts` around it if there are any.
    #[must_use]
    pub fn search(&self) -> Cow<'_, StrategyConfig> {
        restarts::around(self.restarts.as_ref(), &self.strategy)
    }

    /// Refuses `restarts` beside a strategy that has its own.
    pub(crate) fn check_restarts(&self) -> Result<(), InvalidField> {
        restarts::check(self.restarts.as_ref(), Some(&self.strategy))
    }

    /// Checks every field that this module owns; env, controller and strategy check theirs when built.
    ///
    /// # Errors
    /// The first field that is out of range, with the range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let physics = &self.physics;
        if let Some(timestep) = physics.timestep {
            let valid = timestep > 0.0 && timestep <= 0.1;
            require(valid, "physics.timestep", timestep, "above 0 and at most 0.1 s")?;
        }
        if let Some(substeps) = physics.substeps {
            require((1..=1000).contains(&substeps), "physics.substeps", substeps, "1 to 1000")?;
        }
        if let Some(iterations) = physics.iterations {
            require((1..=100).contains(&iterations), "physics.iterations", iterations, "1 to 100")?;
        }
        self.rollout.validate()?;
        self.check_restarts()?;
        if self.task.is_none() {
            let search = self.search();
            self.rollout.validate_growth(&search)?;
            self.validate_archive(&search)?;
        }
        self.change_lists.keys().try_for_each(|name| check_name(name))?;
        self.run.validate()
    }

    /// Refuses what would change members after they were scored, where a strategy keeps them; and constraints, which
    /// no task has.
    fn validate_archive(&self, search: &StrategyConfig) -> Result<(), InvalidField> {
        let name = search.info().config;
        let expected = "a strategy for controllers: constraints are for functions of your own";
        require(search.constraints() == 0, "strategy", name, expected)?;
        let kept = match (search.archive(), search.objectives()) {
            (Some(_), _) => "its archive",
            (None, Some(_)) => "its front",
            (None, None) => return Ok(()),
        };
        let expected = format!(
            "false with {name}: the statistics of observations change over a run, and with them what the members of \
             {kept} do"
        );
        require(!self.rollout.normalize, "rollout.normalize", true, expected)?;
        let expected = format!("left out with {name}: there is no mean of a distribution to refine");
        require(self.refine.is_none(), "refine", "(…)", expected)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text::{self, patch};

    use super::*;

    const SHORT: &str = "(env: InvertedPendulum(), strategy: OpenEs(population: 8))";

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        patch::apply(text::parse("short.ron", SHORT).unwrap(), &sets).unwrap()
    }

    #[test]
    fn a_short_config_is_complete_and_survives_writing() {
        let config = config(&[]);
        config.validate().unwrap();
        assert_eq!(config.rollout, RolloutConfig::default());
        let text = text::to_text(&config).unwrap();
        assert_eq!(text::parse::<Config>("config.ron", &text).unwrap(), config);
    }

    #[test]
    fn unknown_tasks_strategies_and_fields_are_answered_with_the_valid_ones() {
        let refused = |text: &str| text::parse::<Config>("a.ron", text).unwrap_err().to_string();
        assert!(refused("(env: Antt(), strategy: OpenEs())").contains("unknown env 'Antt' (valid: "));
        let strategy = refused("(env: InvertedPendulum(), strategy: Evolve())");
        assert!(strategy.contains("unknown strategy 'Evolve' (valid: "), "{strategy}");
        let field = refused("(env: InvertedPendulum(), strategy: OpenEs(), run: (sede: 1))");
        assert!(
            field.contains(
                "unknown field 'sede' in run (valid: generations, seed, eval_every, \
                 eval_episodes, checkpoint_every, keep, log, total, target, patience, eval_seed)"
            ),
            "{field}"
        );
    }

    #[test]
    fn values_out_of_range_are_named_with_the_range() {
        for (set, message) in [
            ("rollout.episodes=0", "rollout.episodes = 0: must be 1 to 1000000"),
            ("rollout.horizon=0", "rollout.horizon = 0: must be 1 to 1000000000, or None"),
            ("rollout.clip=-1", "rollout.clip = -1: must be above 0 and finite"),
            ("rollout.energy_cost=-1", "rollout.energy_cost = -1: must be finite and at least 0"),
            ("run.generations=0", "run.generations = 0: must be at least 1"),
            ("run.eval_episodes=0", "run.eval_episodes = 0: must be 1 to 1000000"),
            ("physics.timestep=0.5", "physics.timestep = 0.5: must be above 0 and at most 0.1 s"),
            ("physics.substeps=0", "physics.substeps = 0: must be 1 to 1000"),
            ("physics.iterations=200", "physics.iterations = 200: must be 1 to 100"),
        ] {
            assert_eq!(config(&[set]).validate().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn weights_must_name_reward_terms() {
        let config = config(&["rollout.weights.survive=0.5"]);
        assert_eq!(config.rollout.validate_weights(&["forward", "survive"]), Ok(()));
        assert_eq!(
            config.rollout.validate_weights(&["forward", "control"]).unwrap_err().to_string(),
            "rollout.weights.survive = 0.5: must be the weight of a reward term (forward, control)"
        );
    }

    #[test]
    fn physics_overrides_replace_only_what_they_name() {
        let task = EnvConfig::from_name("ant").unwrap().build().unwrap();
        let own = |engine| task.physics(engine, Fidelity::Default);
        let engine = EngineKind::Rapier.into();
        let physics = PhysicsConfig { engine, substeps: Some(8), ..PhysicsConfig::default() };
        assert_eq!(physics.training(task.as_ref()), StepOptions { substeps: 8, ..own(EngineKind::Rapier) });
        assert_eq!(PhysicsConfig::default().training(task.as_ref()), own(EngineKind::Lanes));
    }

    #[test]
    fn engine_names_are_read_and_the_valid_ones_told() {
        let physics = config(&["physics.engine=Lanes", "physics.validate=Rapier"]).physics;
        assert_eq!((physics.engine, physics.validate), (EngineKind::Lanes.into(), Some(EngineKind::Rapier)));
        assert_eq!(config(&["physics.validate=Some(Lanes)"]).physics.validate, Some(EngineKind::Lanes));
        assert_eq!(config(&["physics.validate=Lanes", "physics.validate=None"]).physics.validate, None);
        // Auto stays what the user wrote: the choice is made anew, and the same, every time.
        let auto = config(&["physics.engine=Auto"]);
        let text = text::to_text(&auto).unwrap();
        assert!(text.contains("engine: Auto"), "{text}");
        assert_eq!(text::parse::<Config>("config.ron", &text).unwrap(), auto);
        // In any case, and written as always.
        let lower = config(&["physics.engine=lanes", "physics.validate=RAPIER"]).physics;
        assert_eq!(lower, physics);
        assert_eq!(config(&["physics.engine=auto"]).physics, auto.physics);
        let sets = |set: &str| patch::apply(config(&[]), &[set.to_owned()]).unwrap_err().to_string();
        assert!(sets("physics.engine=Bullet").contains("(valid: Rapier, Lanes, Auto)"));
        assert!(sets("physics.validate=Auto").contains("(valid: Rapier, Lanes)"));
    }

    #[test]
    fn overrides_stay_with_the_engine_they_were_made_for() {
        let sets = [
            "physics.engine=Rapier",
            "physics.iterations=9",
            "physics.fidelity=Reference",
            "physics.validate=Lanes",
        ];
        let config = config(&sets);
        let task = config.env.build().unwrap();
        let lanes = task.physics(EngineKind::Lanes, Fidelity::Reference);
        assert_eq!(config.physics.validation(task.as_ref()), Some(lanes));
        assert_eq!(config.clone().on_engine(EngineKind::Rapier).unwrap(), config);
        let other = config.on_engine(EngineKind::Lanes).unwrap().physics;
        assert_eq!((other.training(task.as_ref()), other.validate), (lanes, None));
    }
}
