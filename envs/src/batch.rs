//! A batch of environments: worlds, memory, step counters and reward terms of one task.
//!
//! This is where episodes are kept honest for every task: actions are clipped, the time limit is
//! applied, and nothing that is not finite gets out. A finished environment rests until its reset.

mod by_hand;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use sim::{Model, Snapshot, StepOptions, WorldView, Worlds};

use crate::changes::{Changing, Episode};
use crate::{Aim, Change, Channel, EnvError, Task};

/// How the last step of an environment ended; all zero and false after a reset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Sum of the reward terms.
    pub reward: f64,
    /// The task ended the episode, or the world blew up.
    pub terminated: bool,
    /// The time limit has been reached; may hold together with `terminated`.
    pub truncated: bool,
    /// What the task's [aim](crate::Aim) asks for has held in each of so many steps up to this one; false if it has none.
    pub success: bool,
}

impl Step {
    /// Whether the episode is over.
    #[must_use]
    pub fn over(&self) -> bool {
        self.terminated || self.truncated
    }
}

/// One environment in mid-episode; continuing from it gives the same bits.
pub struct EnvState {
    world: Snapshot,
    memory: Vec<f32>,
    observation: Vec<f32>,
    action: Vec<f32>,
    terms: Vec<f32>,
    outcome: Step,
    steps: usize,
    at_aim: usize,
    resting: bool,
    blew_up: bool,
    changes: Option<Episode>,
}

/// `n` independent environments of one task. An environment's episode does not depend on its
/// neighbours, on the batch's size or on the number of threads.
pub struct Envs {
    task: Arc<dyn Task>,
    worlds: Worlds,
    changing: Option<Changing>,
    horizon: usize,
    aim: Option<Aim>,
    sizes: Sizes,
    /// Action ranges.
    low: Vec<f32>,
    high: Vec<f32>,
    /// Reference configuration.
    qpos0: Vec<f32>,
    // Room for one environment's start state and its new observation.
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    observation: Vec<f32>,
    // One row per environment from here on.
    memory: Vec<f32>,
    observations: Vec<f32>,
    actions: Vec<f32>,
    controls: Vec<f32>,
    terms: Vec<f32>,
    outcomes: Vec<Step>,
    steps: Vec<usize>,
    /// Steps without a break up to the last one in which the aim's condition held.
    at_aim: Vec<usize>,
    /// Over, or never reset: not stepped.
    resting: Vec<bool>,
    /// Takes part in the current step.
    active: Vec<bool>,
    /// The last step or reset was not finite.
    blew_up: Vec<bool>,
    blow_ups: u64,
    /// How long the physics of all steps took.
    physics_time: Duration,
}

/// Row lengths.
#[derive(Clone, Copy)]
struct Sizes {
    memory: usize,
    observation: usize,
    action: usize,
    control: usize,
    terms: usize,
}

impl Envs {
    /// Creates `n` environments that are truncated after `horizon` control steps. Each must be
    /// [reset](Envs::reset) before its first step.
    ///
    /// # Errors
    /// [`EnvError::Setting`] if `horizon` is 0 or `options` do not make up the task's control
    /// step; [`EnvError::Sim`] if the engine refuses the model or the options.
    pub fn new(
        task: Arc<dyn Task>,
        n: usize,
        options: StepOptions,
        horizon: usize,
    ) -> Result<Self, EnvError> {
        Self::with_changes(task, n, options, horizon, &[])
    }

    /// As [`Envs::new`], with changes that act in every episode. What they draw is drawn at its reset,
    /// after the task's own start; without changes, nothing is drawn.
    ///
    /// Pushes, wind and, if it names no other body, a payload act on the trunk: the body that carries
    /// all that the robot's first motor moves, such as the ant's torso or the pendulum's cart.
    ///
    /// # Errors
    /// As [`Envs::new`]; [`EnvError::Change`] if a change does not fit the task.
    pub fn with_changes(
        task: Arc<dyn Task>,
        n: usize,
        options: StepOptions,
        horizon: usize,
        changes: &[Change],
    ) -> Result<Self, EnvError> {
        let spec = task.spec();
        if horizon == 0 {
            let expected = "expected at least 1 control step".to_owned();
            return Err(EnvError::Setting { env: spec.name, setting: "horizon", value: 0.0, expected });
        }
        let (value, wanted) = (options.control_dt(), spec.control_dt);
        if value.is_nan() || (value - wanted).abs() > 1e-9 {
            let setting = "timestep × substeps";
            let expected = format!("expected {wanted} s, the control step of the task");
            return Err(EnvError::Setting { env: spec.name, setting, value, expected });
        }
        let changing = match changes {
            [] => None,
            changes => Some(Changing::new(task.as_ref(), n, changes)?),
        };
        let sensors = changing.as_ref().map_or_else(|| task.sensors(), |c| c.sensors(task.as_ref()));
        let model = changing.as_ref().and_then(Changing::model).unwrap_or(task.model()).clone();
        let worlds = Worlds::new(&model, n, options, &sensors)?;
        let sizes = Sizes {
            memory: spec.memory,
            observation: spec.observations.len(),
            action: spec.actions.len(),
            control: model.nu(),
            terms: spec.terms.len(),
        };
        Ok(Self {
            worlds,
            changing,
            horizon,
            aim: task.aim(),
            sizes,
            low: spec.actions.iter().map(|c| c.low).collect(),
            high: spec.actions.iter().map(|c| c.high).collect(),
            qpos0: model.qpos0.iter().map(|&q| q as f32).collect(),
            qpos: vec![0.0; model.nq()],
            qvel: vec![0.0; model.nv()],
            observation: vec![0.0; sizes.observation],
            memory: vec![0.0; n * sizes.memory],
            observations: vec![0.0; n * sizes.observation],
            actions: vec![0.0; n * sizes.action],
            controls: vec![0.0; n * sizes.control],
            terms: vec![0.0; n * sizes.terms],
            outcomes: vec![Step::default(); n],
            steps: vec![0; n],
            at_aim: vec![0; n],
            resting: vec![true; n],
            active: vec![false; n],
            blew_up: vec![false; n],
            blow_ups: 0,
            physics_time: Duration::ZERO,
            task,
        })
    }

    /// Number of environments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Whether there is no environment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The task of all environments.
    #[must_use]
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// The robot and its surroundings: the task's, unless a change has put another ground there.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.worlds.model()
    }

    /// How the worlds are stepped.
    #[must_use]
    pub fn options(&self) -> &StepOptions {
        self.worlds.options()
    }

    /// Number of control steps after which an episode is truncated.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Starts a new episode of environment `i`; its observation is then up to date.
    pub fn reset(&mut self, i: usize, rng: &mut dyn Rng) {
        let memory = row_mut(&mut self.memory, self.sizes.memory, i);
        self.qpos.copy_from_slice(&self.qpos0);
        self.qvel.fill(0.0);
        memory.fill(0.0);
        self.task.reset(rng, &mut self.qpos, &mut self.qvel, memory);
        if let Some(changing) = &mut self.changing {
            changing.draw(i, rng, &mut self.qpos);
            changing.advance(i, 0, true, &mut self.worlds, memory);
        }
        self.worlds.reset(i, &self.qpos, &self.qvel);
        self.begin(i);
    }

    /// Clears what the episode before has left behind, and observes the start.
    fn begin(&mut self, i: usize) {
        self.outcomes[i] = Step::default();
        self.steps[i] = 0;
        self.at_aim[i] = 0;
        self.resting[i] = false;
        self.blew_up[i] = false;
        row_mut(&mut self.actions, self.sizes.action, i).fill(0.0);
        row_mut(&mut self.terms, self.sizes.terms, i).fill(0.0);
        if !self.observe(i) {
            row_mut(&mut self.observations, self.sizes.observation, i).fill(0.0);
            self.outcomes[i].terminated = true;
            self.resting[i] = true;
            self.blew_up[i] = true;
            self.blow_ups += 1;
        }
    }

    /// Updates the observation of environment `i`, or keeps it and returns false if the new one is
    /// not finite.
    fn observe(&mut self, i: usize) -> bool {
        // NaN first: an entry that a task forgets to write is then noticed.
        self.observation.fill(f32::NAN);
        let memory = row(&self.memory, self.sizes.memory, i);
        let (task, world) = (self.task.as_ref(), self.worlds.view(i));
        match &mut self.changing {
            Some(changing) => {
                changing.observe(task, i, world, memory, &mut self.observation);
                changing.sense(i, self.steps[i], &mut self.observation);
            }
            None => task.observe(&world, memory, &mut self.observation),
        }
        let sound = all_finite(&self.observation);
        if sound {
            let observation = row_mut(&mut self.observations, self.sizes.observation, i);
            observation.copy_from_slice(&self.observation);
        }
        sound
    }

    /// Observations after the last reset or step, `[n × observations]`.
    #[must_use]
    pub fn observations(&self) -> &[f32] {
        &self.observations
    }

    /// One control step of every environment whose entry in `active` is true and whose episode is
    /// not over; the others keep everything. `actions` is `[n × actions]` in the task's units,
    /// clipped here; NaN counts as 0.
    ///
    /// If a world blows up or a task yields something that is not finite, the step terminates the
    /// episode with all reward terms 0 and the observation of the step before.
    ///
    /// # Panics
    /// If `active` is not of length [`Envs::len`] or `actions` not of length `len × actions`.
    pub fn step(&mut self, active: &[bool], actions: &[f32]) {
        assert_eq!(active.len(), self.len(), "one entry in `active` per environment");
        assert_eq!(actions.len(), self.actions.len(), "one action vector per environment");
        for (i, &wanted) in active.iter().enumerate() {
            self.active[i] = wanted && !self.resting[i];
            if self.active[i] {
                self.clip(i, actions);
            }
        }
        let began = Instant::now();
        self.worlds.step(&self.active, &self.controls);
        self.physics_time += began.elapsed();
        for i in 0..self.len() {
            if self.active[i] {
                self.score(i);
            }
        }
    }

    /// Clips the action of environment `i` and turns it into controls.
    fn clip(&mut self, i: usize, actions: &[f32]) {
        let action = row_mut(&mut self.actions, self.sizes.action, i);
        let limits = self.low.iter().zip(&self.high);
        let given = row(actions, self.sizes.action, i);
        for ((clipped, &given), (&low, &high)) in action.iter_mut().zip(given).zip(limits) {
            let given = if given.is_nan() { 0.0 } else { given };
            *clipped = given.clamp(low, high);
        }
        self.task.control(action, row_mut(&mut self.controls, self.sizes.control, i));
    }

    /// Scores and observes environment `i` after a step.
    fn score(&mut self, i: usize) {
        self.steps[i] += 1;
        if let Some(changing) = &mut self.changing {
            changing.stepped(i);
        }
        let truncated = self.steps[i] >= self.horizon;
        let terms = row_mut(&mut self.terms, self.sizes.terms, i);
        // As in `observe`.
        terms.fill(f32::NAN);
        let mut terminated = true;
        let mut at_aim = false;
        let mut sound = !self.worlds.bad(i);
        if sound {
            let memory = row_mut(&mut self.memory, self.sizes.memory, i);
            let action = row(&self.actions, self.sizes.action, i);
            let world = self.worlds.view(i);
            let seen = self.changing.as_mut().map_or(world, |changing| changing.view(i, world));
            terminated = self.task.step(&seen, action, memory, terms);
            at_aim = self.aim.is_some() && self.task.at_aim(&seen, memory);
            if let Some(changing) = &mut self.changing {
                changing.advance(i, self.steps[i], false, &mut self.worlds, memory);
            }
            sound = all_finite(terms) && self.observe(i);
        }
        let terms = row_mut(&mut self.terms, self.sizes.terms, i);
        if !sound {
            terms.fill(0.0);
            terminated = true;
            self.blew_up[i] = true;
            self.blow_ups += 1;
        }
        let reward = terms.iter().fold(0.0, |sum, &term| sum + f64::from(term));
        self.at_aim[i] = if at_aim && sound { self.at_aim[i] + 1 } else { 0 };
        let success = self.aim.is_some_and(|aim| self.at_aim[i] >= aim.steps);
        self.outcomes[i] = Step { reward, terminated, truncated, success };
        self.resting[i] = terminated || truncated;
    }

    /// How the last step of environment `i` ended.
    #[must_use]
    pub fn outcome(&self, i: usize) -> Step {
        self.outcomes[i]
    }

    /// Reward terms of the last step of environment `i`, in the order of the spec.
    #[must_use]
    pub fn terms(&self, i: usize) -> &[f32] {
        row(&self.terms, self.sizes.terms, i)
    }

    /// Clipped action of the last step of environment `i`, in the task's units.
    #[must_use]
    pub fn action(&self, i: usize) -> &[f32] {
        row(&self.actions, self.sizes.action, i)
    }

    /// Names and units of what the changes set, in the order of [`Envs::change_values`]; empty
    /// without changes.
    #[must_use]
    pub fn change_channels(&self) -> &[Channel] {
        self.changing.as_ref().map_or(&[], Changing::columns)
    }

    /// What the changes had set in the last step of environment `i`; what holds in its first step,
    /// after a reset.
    #[must_use]
    pub fn change_values(&self, i: usize) -> &[f32] {
        self.changing.as_ref().map_or(&[], |changing| changing.values(i))
    }

    /// State of the world of environment `i`, in the frame of [`Envs::model`]; of no use after a
    /// blow-up.
    #[must_use]
    pub fn view(&self, i: usize) -> WorldView<'_> {
        self.worlds.view(i)
    }

    /// How far the physics' solver is from a solution in environment `i`; see
    /// [`Worlds::solver_residual`](sim::Worlds::solver_residual).
    #[must_use]
    pub fn solver_residual(&self, i: usize) -> Option<f32> {
        self.worlds.solver_residual(i)
    }

    /// Whether environment `i` waits for a reset: its episode is over, or it has had none.
    #[must_use]
    pub fn is_resting(&self, i: usize) -> bool {
        self.resting[i]
    }

    /// Control steps since the last reset of environment `i`.
    #[must_use]
    pub fn steps(&self, i: usize) -> usize {
        self.steps[i]
    }

    /// Whether the episode of environment `i` ended because something was not finite or its world
    /// blew up.
    #[must_use]
    pub fn blew_up(&self, i: usize) -> bool {
        self.blew_up[i]
    }

    /// Number of episodes so far that ended because something was not finite or a world blew up.
    #[must_use]
    pub fn blow_ups(&self) -> u64 {
        self.blow_ups
    }

    /// How long the physics of all steps so far took, sensors included; for benchmarks, never part of a result.
    #[must_use]
    pub fn physics_time(&self) -> Duration {
        self.physics_time
    }

    /// Saves environment `i`.
    #[must_use]
    pub fn save(&self, i: usize) -> EnvState {
        EnvState {
            world: self.worlds.snapshot(i),
            memory: row(&self.memory, self.sizes.memory, i).to_vec(),
            observation: row(&self.observations, self.sizes.observation, i).to_vec(),
            action: self.action(i).to_vec(),
            terms: self.terms(i).to_vec(),
            outcome: self.outcomes[i],
            steps: self.steps[i],
            at_aim: self.at_aim[i],
            resting: self.resting[i],
            blew_up: self.blew_up[i],
            changes: self.changing.as_ref().map(|changing| changing.save(i)),
        }
    }

    /// Puts a saved environment back, in any place of any batch of the same task, engine and changes.
    ///
    /// # Panics
    /// If the state is of another task or engine, or of a batch with other changes.
    pub fn load(&mut self, i: usize, state: &EnvState) {
        assert_eq!(self.changing.is_some(), state.changes.is_some(), "state of a batch with other changes");
        if let (Some(changing), Some(episode)) = (&mut self.changing, &state.changes) {
            changing.load(i, episode);
        }
        self.worlds.restore(i, &state.world);
        row_mut(&mut self.memory, self.sizes.memory, i).copy_from_slice(&state.memory);
        row_mut(&mut self.observations, self.sizes.observation, i).copy_from_slice(&state.observation);
        row_mut(&mut self.actions, self.sizes.action, i).copy_from_slice(&state.action);
        row_mut(&mut self.terms, self.sizes.terms, i).copy_from_slice(&state.terms);
        self.outcomes[i] = state.outcome;
        self.steps[i] = state.steps;
        self.at_aim[i] = state.at_aim;
        self.resting[i] = state.resting;
        self.blew_up[i] = state.blew_up;
    }
}

fn row(values: &[f32], length: usize, i: usize) -> &[f32] {
    &values[i * length..(i + 1) * length]
}

fn row_mut(values: &mut [f32], length: usize, i: usize) -> &mut [f32] {
    &mut values[i * length..(i + 1) * length]
}

fn all_finite(values: &[f32]) -> bool {
    // Without early exit, so that it vectorises.
    values.iter().fold(true, |finite, v| finite & v.is_finite())
}
