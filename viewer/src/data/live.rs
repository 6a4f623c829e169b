//! A robot and its brain, simulated in this process, step by step.

use std::sync::Arc;

use envs::{Change, EnvError, Envs, Task};
use rand::Rng as _;
use snn::{Evaluator, Probe};
use training::config::Config;
use training::evaluate::Policy;
use training::normalizer::Normalizer;
use training::random::{Purpose, Stream};
use training::setup::{Setup, TrainError};
use web_time::Instant;

use crate::data::disturb::Disturbance;
use crate::data::recording::{End, Header, Layer, Recording, Row, Series};
use crate::data::spikes::Spikes;

/// Longest episode that is kept, in control steps.
const LONGEST: usize = 50_000;
/// Most numbers that are kept of what happened in each tick; older ones are forgotten. 256 MB.
const TRACES: usize = 64 << 20;

/// What happens when the task says that an episode is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// The next episode starts, with the next seed.
    #[default]
    Restart,
    /// The simulation pauses.
    Stop,
    /// It goes on as if nothing had happened.
    GoOn,
}

/// Who moves the robot.
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// The controller.
    Brain,
    /// The sliders: an action in the task's units.
    Hand(Vec<f32>),
}

/// Why something cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The config or the checkpoint.
    #[error(transparent)]
    Setup(#[from] TrainError),
    /// The physics or the changes.
    #[error(transparent)]
    Env(#[from] EnvError),
}

/// A running simulation with everything it has gone through since its last reset.
pub struct Live {
    /// Everything since the last reset.
    pub recording: Recording,
    /// Who moves the robot.
    pub driver: Driver,
    /// What happens at the end of an episode.
    pub at_end: AtEnd,
    /// Changes by hand.
    pub disturbance: Disturbance,
    /// Number of the episode's start state.
    pub seed: u64,
    /// Why the engine does not do what is asked of it by hand, if so.
    pub refused: Option<String>,
    changes: Vec<Change>,
    task: Arc<dyn Task>,
    envs: Envs,
    evaluator: Box<dyn Evaluator>,
    policy: Policy,
    probe: Probe,
    reward: f32,
    over: bool,
    /// Real time that has not been simulated yet, s.
    owed: f64,
}

impl Live {
    /// Starts an episode of `policy`, or of an untrained controller, under `changes`.
    ///
    /// # Errors
    /// If the config describes something that cannot be built.
    pub fn new(
        config: &Config,
        changes: &[Change],
        policy: Option<Policy>,
        seed: u64,
    ) -> Result<Self, LiveError> {
        let setup = Setup::new(config)?;
        let task = Arc::clone(&setup.task);
        let (spec, model) = (task.spec(), task.model());
        // The time limit is watched here, because an episode may go on by hand.
        let envs = Envs::with_changes(Arc::clone(&task), 1, setup.options, usize::MAX, changes)?;
        let policy = policy.unwrap_or_else(|| {
            let mut stream = Stream::new(config.run.seed, Purpose::Init, 0, 0, 0);
            let normalizer = Normalizer::identity(spec.observations.len(), config.rollout.clip);
            Policy { parameters: setup.controller.initial(&mut stream), normalizer }
        });
        let mut evaluator = setup.controller.evaluator(1);
        evaluator.load(0, &policy.parameters);
        evaluator.watch(Some(0)).map_err(TrainError::from)?;
        let names = |channels: &[envs::Channel]| channels.iter().map(|c| c.name.clone()).collect();
        let header = Header {
            env: spec.name.to_owned(),
            engine: setup.options.engine.name().to_owned(),
            control_dt: spec.control_dt,
            nq: model.nq(),
            observations: names(&spec.observations),
            actions: names(&spec.actions),
            terms: spec.terms.iter().map(|&term| term.to_owned()).collect(),
            goals: task.goals().into_iter().map(|goal| goal.channel.name).collect(),
        };
        let mut live = Self {
            recording: Recording::new(header, &vec![0.0; model.nq()]),
            driver: Driver::Brain,
            at_end: AtEnd::default(),
            disturbance: Disturbance::none(model),
            seed,
            refused: None,
            changes: changes.to_vec(),
            probe: Probe::default(),
            reward: 0.0,
            over: false,
            owed: 0.0,
            envs,
            evaluator,
            policy,
            task,
        };
        live.reset(seed);
        Ok(live)
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// The robot and its surroundings, on the ground that the changes have put there.
    ///
    /// # Errors
    /// None that [`Live::new`] has not found.
    pub fn model(&self) -> Result<Arc<sim::Model>, EnvError> {
        envs::changed_model(self.task.as_ref(), &self.changes)
    }

    /// What is different from the task.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Name and value of what the changes have set in the last step.
    pub fn changed(&self) -> impl Iterator<Item = (&str, f32)> {
        let names = self.envs.change_channels().iter().map(|channel| channel.name.as_str());
        names.zip(self.envs.change_values(0).iter().copied())
    }

    /// The controller's parameters.
    #[must_use]
    pub fn parameters(&self) -> &[f32] {
        &self.policy.parameters
    }

    /// The controller's parameters and its observation transformation.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the episode is over and waits for a reset.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Where the robot is.
    #[must_use]
    pub fn qpos(&self) -> &[f32] {
        self.envs.view(0).qpos
    }

    /// Swaps the controller's parameters, from the next step on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.evaluator.load(0, &policy.parameters);
        self.policy = policy;
    }

    /// Starts episode number `seed`.
    pub fn reset(&mut self, seed: u64) {
        self.seed = seed;
        let mut stream = Stream::new(seed, Purpose::Evaluate, 0, 0, 0);
        self.envs.reset(0, &mut stream);
        self.evaluator.reset(0, stream.next_u64());
        self.start();
    }

    /// Starts at a position, at rest, with the brain's state as it is.
    pub fn place(&mut self, qpos: &[f32]) {
        self.envs.place(0, qpos);
        self.start();
    }

    fn start(&mut self) {
        self.over = self.envs.blew_up(0);
        self.reward = 0.0;
        self.owed = 0.0;
        let header = self.recording.header.clone();
        self.recording = Recording::new(header, self.envs.view(0).qpos);
        self.recording.goals = self.envs.goal_values(0);
    }

    /// Simulates `seconds` of the robot's time, until `deadline` if there is one, but at least one
    /// control step if one is due. Returns how much it has simulated, s; what is left over is kept for
    /// the next call if it is less than a step, and given up if it is more.
    pub fn advance(&mut self, seconds: f64, deadline: Option<Instant>) -> f64 {
        let dt = self.recording.header.control_dt;
        self.owed += seconds;
        let mut simulated = 0.0;
        while self.owed >= dt {
            self.owed -= dt;
            simulated += dt;
            self.step();
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // Too slow for real time: do not run after it.
                self.owed = self.owed.min(dt);
                break;
            }
        }
        simulated
    }

    /// Part of a control step that has passed since the last one, s.
    #[must_use]
    pub fn since_step(&self) -> f64 {
        self.owed
    }

    /// One control step. At the end of an episode, what [`Live::at_end`] says.
    pub fn step(&mut self) {
        if self.over {
            if self.at_end == AtEnd::Stop {
                return;
            }
            self.reset(self.seed.wrapping_add(1));
        }
        let seen = self.envs.observations().to_vec();
        let action = self.act(&seen);
        // What an engine refuses leaves the world as it was.
        self.refused = self.disturbance.apply(&mut self.envs).err().map(|error| error.to_string());
        self.envs.step(&[true], &action);
        let outcome = self.envs.outcome(0);
        self.reward = outcome.reward as f32;
        self.recording.push(&Row {
            qpos: self.envs.view(0).qpos,
            observation: &seen,
            action: self.envs.action(0),
            terms: self.envs.terms(0),
            push: self.disturbance.push.filter(|_| self.refused.is_none()),
            contacts: &self.envs.contacts(0),
            goals: &self.envs.goal_values(0),
        });
        self.keep_brain();
        let failed = self.envs.blew_up(0) || self.evaluator.fault(0);
        let truncated = self.recording.steps() >= self.task.spec().horizon;
        self.over = failed
            || self.recording.steps() >= LONGEST
            || (self.at_end != AtEnd::GoOn && (outcome.terminated || truncated));
        if self.over {
            let by_limit = truncated && !outcome.terminated && !failed;
            self.recording.end = if by_limit { End::Truncated } else { End::Terminated };
        } else {
            self.envs.go_on(0);
        }
    }

    /// The action of the brain or the sliders in the task's units.
    fn act(&mut self, observation: &[f32]) -> Vec<f32> {
        let spec = self.task.spec();
        let mut input = vec![0.0; observation.len()];
        self.policy.normalizer.apply(observation, &mut input, None);
        let mut unit = vec![0.0; spec.actions.len()];
        self.evaluator.begin(&[true], &input, &[self.reward]);
        let answered = self.evaluator.finish(&[true], &mut unit).is_ok();
        let mut action = vec![0.0; unit.len()];
        match &self.driver {
            Driver::Brain if answered => spec.scale_action(&unit, &mut action),
            Driver::Brain => {}
            Driver::Hand(sliders) => action.copy_from_slice(sliders),
        }
        action
    }

    /// Appends spikes, states and traces of the last step.
    fn keep_brain(&mut self) {
        if self.evaluator.probe(0, &mut self.probe).is_err() {
            return;
        }
        let layers = &mut self.recording.layers;
        if layers.is_empty() {
            *layers = self.probe.layers.iter().map(empty_layer).collect();
        }
        for (layer, probe) in layers.iter_mut().zip(&self.probe.layers) {
            let fired = (0..probe.ticks).flat_map(|tick| (0..probe.neurons).map(move |n| (tick, n)));
            layer.spikes.push_step(fired.filter(|&(tick, n)| probe.spiked(tick, n)));
            for (series, state) in layer.states.iter_mut().zip(&probe.states) {
                series.values.extend_from_slice(&state.values);
            }
            for (series, trace) in layer.traces.iter_mut().zip(&probe.traces) {
                series.values.extend_from_slice(&trace.values);
            }
        }
        self.recording.forget_traces(TRACES);
    }
}

fn empty_layer(probe: &snn::LayerProbe) -> Layer {
    let series = |list: &[snn::StateProbe]| list.iter().map(|state| Series::new(&state.name)).collect();
    Layer {
        name: probe.name.clone(),
        neurons: probe.neurons,
        ticks: probe.ticks,
        spikes: Spikes::new(probe.ticks),
        states: series(&probe.states),
        // Layers that do not spike have a trace of their input only, once per tick too.
        traces: if probe.ticks > 0 { series(&probe.traces) } else { Vec::new() },
    }
}
