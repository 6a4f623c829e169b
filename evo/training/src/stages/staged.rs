//! A training that goes through the stages of a config.

use records::checkpoint::{Checkpoint, CheckpointError};
use records::columns::STAGE_COLUMN;
use records::hashes::Mark;
use records::metrics::MetricsRow;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::backend::BackendChoice;
use crate::config::{Config, RunConfig};
use crate::evaluate::Evaluation;
use crate::gradient::{FinetuneError, Teachers, WorldLearner};
use crate::learner::Learner as _;
use crate::ranks::Team;
use crate::setup::Setup;
use crate::stages::check::{checked, index_of, within};
use crate::stages::error::StagedError;
use crate::stages::place::{Counts, GENERATION, Place, STAGE, STOPPING, WHOLE, place};
use crate::stages::resolve::resolve;
use crate::trainer::Trainer;

/// A training in a world, from its first stage to its last; one without stages has but one.
///
/// A stage begins where the one before it has ended: with its parameters and observation statistics if the controller
/// is the same; else with random ones and the same statistics, and that one as the teacher.
pub struct Staged {
    config: Config,
    plan: Vec<Config>,
    names: Vec<String>,
    at: usize,
    learner: Current,
    /// What the stages before this one came to.
    before: Counts,
    stopping: Stopping,
    threads: usize,
    backend: BackendChoice,
    team: Team,
    /// Reward terms, and what any stage measures.
    columns: Vec<&'static str>,
}

/// A learner of either kind.
pub enum Current {
    /// By evolution.
    Search(Box<Trainer>),
    /// By gradient.
    Gradient(Box<WorldLearner>),
}

macro_rules! either {
    ($learner:expr, $name:ident => $value:expr) => {
        match $learner {
            Current::Search($name) => $value,
            Current::Gradient($name) => $value,
        }
    };
}

/// What `run.target` and `run.patience` go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stopping {
    /// Evaluations since the best one.
    since_best: u64,
    /// Whether the return was reached.
    reached: bool,
}

impl Staged {
    /// Checks all stages and begins the first.
    ///
    /// # Errors
    /// Whatever is wrong in any of them.
    pub fn new(config: &Config, threads: usize, backend: BackendChoice) -> Result<Self, StagedError> {
        Self::begin(config, (threads, backend), 0, None)
    }

    /// Begins at the stage `name`, as if the one before it had ended with `checkpoint`.
    ///
    /// # Errors
    /// If there is no such stage, or something is wrong in any of them.
    pub fn from_stage(
        config: &Config,
        name: &str,
        checkpoint: &Checkpoint,
        (threads, backend): (usize, BackendChoice),
    ) -> Result<Self, StagedError> {
        Self::begin(config, (threads, backend), index_of(config, name)?, Some(checkpoint))
    }

    fn begin(
        config: &Config,
        (threads, backend): (usize, BackendChoice),
        at: usize,
        start: Option<&Checkpoint>,
    ) -> Result<Self, StagedError> {
        // What is wrong with a later stage is said before the first begins.
        let plan = checked(config, at + 1, &mut Teachers::default())?;
        let names: Vec<String> = config.stages.iter().map(|stage| stage.name.clone()).collect();
        let learner =
            build(&plan[at], (threads, backend), start).map_err(|source| within(config, at, source))?;
        let mut columns: Vec<&'static str> =
            either!(&learner, learner => learner.setup().task.spec().terms.to_vec());
        for column in plan.iter().flat_map(extra_columns) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let (config, before, stopping) = (config.clone(), Counts::default(), Stopping::default());
        let team = Team::alone();
        Ok(Self { config, plan, names, at, learner, before, stopping, threads, backend, team, columns })
    }

    /// Goes on from a checkpoint of the same config; `ended` loads the last checkpoint of a stage that has ended.
    ///
    /// # Errors
    /// If it does not fit the config.
    pub fn resume(
        config: &Config,
        (threads, backend): (usize, BackendChoice),
        checkpoint: &Checkpoint,
        ended: impl FnOnce(&str) -> Result<Checkpoint, CheckpointError>,
    ) -> Result<Self, StagedError> {
        let place = place(checkpoint).map_err(FinetuneError::from)?;
        let at = match &place {
            Some(place) => index_of(config, &place.name)?,
            None => 0,
        };
        let task = resolve(config)?.swap_remove(at).task;
        let teacher = if at > 0 && task.is_some_and(|task| task.imitates_stage_before()) {
            Some(ended(&config.stages[at - 1].name).map_err(FinetuneError::from)?)
        } else {
            None
        };
        let mut staged = Self::begin(config, (threads, backend), at, teacher.as_ref())?;
        let mut own = checkpoint.clone();
        if let Some(place) = place {
            own.meta.insert(GENERATION.to_owned(), place.generation.into());
            staged.before = place.before;
        }
        if own.meta.contains_key(STOPPING) {
            staged.stopping = own.meta(STOPPING).map_err(FinetuneError::from)?;
        }
        match &mut staged.learner {
            Current::Search(trainer) => trainer.restore(&own).map_err(FinetuneError::from)?,
            Current::Gradient(learner) => learner.restore(&own)?,
        }
        Ok(staged)
    }

    /// Starts (at generation 0) from another run's policy.
    ///
    /// # Errors
    /// If its task, controller or observation normalisation differs from that of the stage.
    pub fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), StagedError> {
        match &mut self.learner {
            Current::Search(trainer) => trainer.warm_start(checkpoint).map_err(FinetuneError::from)?,
            Current::Gradient(learner) => learner.warm_start(checkpoint)?,
        }
        Ok(())
    }

    /// Goes on to the next stage if this one has ended and is not the last; tells whether it did.
    ///
    /// # Errors
    /// If the next stage cannot begin.
    pub fn next_stage(&mut self) -> Result<bool, StagedError> {
        if !self.is_stage_over() || self.is_over() {
            return Ok(false);
        }
        let ended = either!(&self.learner, learner => learner.checkpoint());
        let mut learner = build(&self.plan[self.at + 1], (self.threads, self.backend), Some(&ended))
            .map_err(|source| within(&self.config, self.at + 1, source))?;
        either!(&mut learner, learner => learner.share(&self.team));
        self.before = Counts {
            generations: self.generation(),
            env_steps: self.env_steps(),
            evaluations: self.evaluations(),
            blow_ups: self.blow_ups(),
        };
        self.at += 1;
        self.learner = learner;
        self.stopping = Stopping::default();
        Ok(true)
    }

    /// Shares the work with the other ranks of `team` from here on, also in later stages.
    pub fn share(&mut self, team: &Team) {
        self.team = team.clone();
        either!(&mut self.learner, learner => learner.share(team));
    }

    /// What trains in this stage.
    #[must_use]
    pub fn current(&mut self) -> &mut Current {
        &mut self.learner
    }

    /// What there is to say about the last generation, each once.
    pub fn notes(&mut self) -> Vec<String> {
        either!(&mut self.learner, learner => learner.notes())
    }

    /// Config of the run, with its stages.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Config of this stage.
    #[must_use]
    pub fn stage_config(&self) -> &Config {
        either!(&self.learner, learner => learner.config())
    }

    /// Name of this stage, its number from 0, and how many there are; none without stages.
    #[must_use]
    pub fn stage(&self) -> Option<(&str, usize, usize)> {
        self.names.get(self.at).map(|name| (name.as_str(), self.at, self.names.len()))
    }

    /// Task, physics and controller of this stage.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        either!(&self.learner, learner => learner.setup())
    }

    /// Names of the columns after those that every run has: reward terms, then what any stage measures, then the
    /// stage's name if there are stages.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        match self.names.is_empty() {
            // A run of an earlier version goes on with those that it has.
            true => either!(&self.learner, learner => learner.columns()),
            false => self.columns.iter().copied().chain([STAGE_COLUMN]).collect(),
        }
    }

    /// Whether any stage validates in another engine.
    #[must_use]
    pub fn validates(&self) -> bool {
        self.plan.iter().any(|stage| stage.physics.validate.is_some())
    }

    /// Completed generations of all stages.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.before.generations + self.own_generation()
    }

    fn own_generation(&self) -> u64 {
        either!(&self.learner, learner => learner.generation())
    }

    /// Generations of all stages, if none ends before its last.
    #[must_use]
    pub fn generations(&self) -> u64 {
        let later: u64 = self.plan[self.at + 1..].iter().map(|stage| stage.run.generations).sum();
        let all =
            self.before.generations.saturating_add(self.plan[self.at].run.generations).saturating_add(later);
        self.config.run.total.unwrap_or(all)
    }

    /// Control steps of training so far.
    #[must_use]
    pub fn env_steps(&self) -> u64 {
        self.before.env_steps + either!(&self.learner, learner => learner.env_steps())
    }

    /// Members scored so far, or training episodes.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.before.evaluations + either!(&self.learner, learner => learner.evaluations())
    }

    /// Training episodes so far that ended because the physics blew up.
    #[must_use]
    pub fn blow_ups(&self) -> u64 {
        self.before.blow_ups + either!(&self.learner, learner => learner.blow_ups())
    }

    /// Training episodes, since this stage began or was gone on with, that ended because the controller failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        either!(&self.learner, learner => learner.failures())
    }

    /// Best evaluation return of this stage.
    #[must_use]
    pub fn best_eval(&self) -> Option<f64> {
        either!(&self.learner, learner => learner.best_eval())
    }

    /// Number of worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        either!(&self.learner, learner => learner.threads())
    }

    /// Whether a generation that fails leaves half of itself behind.
    #[must_use]
    pub fn is_fragile(&self) -> bool {
        either!(&self.learner, learner => learner.is_fragile())
    }

    /// Whether this stage itself has come to its end, however many generations the run has in all.
    #[must_use]
    pub fn has_stage_ended(&self) -> bool {
        self.is_over() && self.at + 1 == self.plan.len()
            || self.has_own_generations()
            || self.stop_reason().is_some()
    }

    /// Whether the run has had as many generations as it wants in all.
    fn has_total(&self) -> bool {
        self.config.run.total.is_some_and(|total| self.generation() >= total)
    }

    /// Whether this stage has had as many generations as its config says; the last one is as long as the whole run wants.
    fn has_own_generations(&self) -> bool {
        let open = self.at + 1 == self.plan.len() && self.config.run.total.is_some();
        !open && self.own_generation() >= self.plan[self.at].run.generations
    }

    /// Why this stage has ended before its last generation.
    #[must_use]
    pub fn stop_reason(&self) -> Option<String> {
        let run = &self.plan[self.at].run;
        let reason =
            either!(&self.learner, learner => learner.stop_reason()).map(|reason| format!("{reason:?}"));
        let patience = run.patience.is_some_and(|patience| self.stopping.since_best >= patience);
        reason
            .or_else(|| self.stopping.reached.then(|| "Target".to_owned()))
            .or_else(|| patience.then(|| "Patience".to_owned()))
    }

    /// Whether nothing is left to train in this stage.
    #[must_use]
    pub fn is_stage_over(&self) -> bool {
        self.has_total() || self.has_own_generations() || self.stop_reason().is_some()
    }

    /// Whether nothing is left to train.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.has_total() || (self.at + 1 == self.plan.len() && self.is_stage_over())
    }

    /// Trains for one generation. `wall_s` of the result is this generation's time alone.
    ///
    /// # Errors
    /// If it cannot go on.
    pub fn advance(&mut self) -> Result<MetricsRow, StagedError> {
        let (mut row, own) = match &mut self.learner {
            Current::Search(trainer) => (trainer.advance().map_err(FinetuneError::from)?, trainer.columns()),
            Current::Gradient(learner) => (learner.advance()?, learner.columns()),
        };
        row.generation = self.generation();
        row.env_steps = self.env_steps();
        row.evaluations = self.evaluations();
        if self.names.is_empty() {
            return Ok(row);
        }
        row.stage = self.stage().map(|(name, ..)| name.to_owned());
        let value =
            |column: &&str| own.iter().position(|name| name == column).map_or(f64::NAN, |at| row.terms[at]);
        row.terms = self.columns.iter().map(value).collect();
        Ok(row)
    }

    /// Scores the policy on the run's fixed evaluation episodes; see [`Learner::evaluate`](crate::learner::Learner::evaluate).
    ///
    /// # Errors
    /// If something is not finite, or the graphics adapter was lost.
    pub fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), StagedError> {
        let (result, better) = match &mut self.learner {
            Current::Search(trainer) => trainer.evaluate(row).map_err(FinetuneError::from)?,
            Current::Gradient(learner) => learner.evaluate(row)?,
        };
        // One at a cut by `run.total` alone is not there in a run that goes on.
        let run = &self.plan[self.at].run;
        let every = run.eval_every;
        if !self.has_own_generations() && (every == 0 || !self.generation().is_multiple_of(every)) {
            return Ok((result, better));
        }
        self.stopping.since_best = if better { 0 } else { self.stopping.since_best + 1 };
        let target = self.plan[self.at].run.target;
        self.stopping.reached |=
            result.is_sound() && target.is_some_and(|target| result.return_mean >= target);
        Ok((result, better))
    }

    /// Hash of the parameters and of the observation statistics: the same on all ranks that have come to the same.
    #[must_use]
    pub fn mark(&self) -> String {
        let (parameters, statistics) = either!(&self.learner, learner => learner.state());
        let parameters = parameters.iter().flat_map(|value| value.to_bits().to_le_bytes());
        let count = [statistics.count];
        let moments = [&count[..], &statistics.mean, &statistics.m2].into_iter().flatten();
        let bytes: Vec<u8> =
            parameters.chain(moments.flat_map(|value| value.to_bits().to_le_bytes())).collect();
        Mark::of(&bytes).blake3
    }

    /// Everything that is needed to go on bit for bit, and to use the result.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = either!(&self.learner, learner => learner.checkpoint());
        let run = &self.plan[self.at].run;
        if run.target.is_some() || run.patience.is_some() {
            checkpoint.meta.insert(STOPPING.to_owned(), json!(self.stopping));
        }
        if let Some(name) = self.names.get(self.at) {
            let (generation, before) = (self.own_generation(), self.before);
            let place = Place { name: name.clone(), generation, before };
            checkpoint.meta.insert(STAGE.to_owned(), json!(place));
            checkpoint.meta.insert(GENERATION.to_owned(), self.generation().into());
            // Later stages must be those that they were; how many generations there are in all may change.
            let run = RunConfig { total: None, ..self.config.run.clone() };
            checkpoint.meta.insert(WHOLE.to_owned(), json!(Config { run, ..self.config.clone() }));
        }
        checkpoint
    }
}

/// A stage at its beginning; `start` is what the one before it has ended with.
fn build(
    config: &Config,
    (threads, backend): (usize, BackendChoice),
    start: Option<&Checkpoint>,
) -> Result<Current, FinetuneError> {
    let Some(task) = &config.task else {
        let mut trainer = Trainer::new(config, threads, backend)?;
        if let Some(start) = start {
            trainer.warm_start(start)?;
        }
        return Ok(Current::Search(Box::new(trainer)));
    };
    let taught = task.imitates_stage_before();
    let mut teachers = start.filter(|_| taught).cloned().map_or_else(Teachers::default, Teachers::given);
    let mut learner = WorldLearner::new(config, threads, &mut teachers)?;
    if let Some(start) = start {
        let from: Config = start.meta("config")?;
        if from.controller == config.controller {
            learner.warm_start(start)?;
        } else {
            learner.observe_as(start)?;
        }
    }
    Ok(Current::Gradient(Box::new(learner)))
}

/// Names of what a stage measures beside reward terms.
fn extra_columns(config: &Config) -> Vec<&'static str> {
    match &config.task {
        Some(task) => WorldLearner::extra_columns(task).to_vec(),
        None => Trainer::extra_columns(config),
    }
}
