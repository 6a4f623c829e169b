//! A robot and its brain, simulated in this process, step by step.

use std::sync::Arc;

use envs::Task;
use evo::config::Config;
use evo::evaluate::Policy;
use evo::normalizer::Normalizer;
use evo::random::{Purpose, Stream};
use evo::trainer::{Setup, TrainError};
use rand::Rng as _;
use sim::{SimError, Worlds};
use snn::{Evaluator, Probe};

use crate::data::disturb::Disturbance;
use crate::data::recording::{End, Header, Layer, Recording, Row, Series};
use crate::data::spikes::Spikes;

/// Longest episode that is kept, in control steps.
const LONGEST: usize = 50_000;

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
    /// The physics.
    #[error(transparent)]
    Physics(#[from] SimError),
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
    task: Arc<dyn Task>,
    worlds: Worlds,
    evaluator: Box<dyn Evaluator>,
    policy: Policy,
    memory: Vec<f32>,
    observation: Vec<f32>,
    probe: Probe,
    reward: f32,
    over: bool,
    /// Real time that has not been simulated yet, s.
    owed: f64,
}

impl Live {
    /// Starts an episode of `policy`, or of an untrained controller.
    ///
    /// # Errors
    /// If the config describes something that cannot be built.
    pub fn new(config: &Config, policy: Option<Policy>, seed: u64) -> Result<Self, LiveError> {
        let setup = Setup::new(config)?;
        let task = Arc::clone(&setup.task);
        let (spec, model) = (task.spec(), task.model());
        let worlds = Worlds::new(model, 1, setup.options, &task.sensors())?;
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
        };
        let mut live = Self {
            recording: Recording::new(header, &vec![0.0; model.nq()]),
            driver: Driver::Brain,
            at_end: AtEnd::default(),
            disturbance: Disturbance::none(model),
            seed,
            memory: vec![0.0; spec.memory],
            observation: vec![0.0; spec.observations.len()],
            probe: Probe::default(),
            reward: 0.0,
            over: false,
            owed: 0.0,
            worlds,
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

    /// The simulated world.
    #[must_use]
    pub fn worlds(&self) -> &Worlds {
        &self.worlds
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
        let model = self.task.model();
        let mut qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
        let mut qvel = vec![0.0; model.nv()];
        self.memory.fill(0.0);
        self.task.reset(&mut stream, &mut qpos, &mut qvel, &mut self.memory);
        self.start(&qpos, &qvel);
        self.evaluator.reset(0, stream.next_u64());
    }

    /// Starts at a position, at rest, with the brain's state as it is.
    pub fn place(&mut self, qpos: &[f32]) {
        self.start(qpos, &vec![0.0; self.task.model().nv()]);
    }

    fn start(&mut self, qpos: &[f32], qvel: &[f32]) {
        self.worlds.reset(0, qpos, qvel);
        self.over = false;
        self.reward = 0.0;
        self.owed = 0.0;
        let header = self.recording.header.clone();
        self.recording = Recording::new(header, self.worlds.view(0).qpos);
        self.observe();
    }

    fn observe(&mut self) {
        let before = self.observation.clone();
        self.task.observe(&self.worlds.view(0), &self.memory, &mut self.observation);
        if self.observation.iter().any(|x| !x.is_finite()) {
            self.observation = before;
            self.over = true;
        }
    }

    /// Simulates `seconds` of the robot's time, at most `most` control steps; what is left over is
    /// kept for the next call.
    pub fn advance(&mut self, seconds: f64, most: usize) {
        let dt = self.recording.header.control_dt;
        self.owed += seconds;
        for _ in 0..most {
            if self.owed < dt {
                return;
            }
            self.owed -= dt;
            self.step();
        }
        // Too slow for real time: do not run after it.
        self.owed = self.owed.min(dt);
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
        let action = self.act();
        let mut controls = vec![0.0; self.task.model().nu()];
        self.task.control(&action, &mut controls);
        // Factors that an engine refuses leave the world as it was.
        let _ = self.disturbance.apply(&mut self.worlds);
        self.worlds.step(&[true], &controls);
        let mut terms = vec![0.0; self.recording.header.terms.len()];
        let mut terminated = self.worlds.bad(0);
        if terminated {
            self.over = true;
        } else {
            terminated = self.task.step(&self.worlds.view(0), &action, &mut self.memory, &mut terms);
        }
        if terms.iter().any(|term| !term.is_finite()) {
            terms.fill(0.0);
            self.over = true;
        }
        self.reward = terms.iter().sum();
        let seen = self.observation.clone();
        self.recording.push(&Row {
            qpos: self.worlds.view(0).qpos,
            observation: &seen,
            action: &action,
            terms: &terms,
            push: self.disturbance.push,
        });
        self.keep_brain();
        if !self.over {
            self.observe();
        }
        let truncated = self.recording.steps() >= self.task.spec().horizon;
        self.over |= self.recording.steps() >= LONGEST
            || self.evaluator.fault(0)
            || (self.at_end != AtEnd::GoOn && (terminated || truncated));
        if self.over {
            self.recording.end = if truncated && !terminated { End::Truncated } else { End::Terminated };
        }
    }

    /// The action of the brain or the sliders, clipped, in the task's units.
    fn act(&mut self) -> Vec<f32> {
        let spec = self.task.spec();
        let mut input = vec![0.0; self.observation.len()];
        self.policy.normalizer.apply(&self.observation, &mut input, None);
        let mut unit = vec![0.0; spec.actions.len()];
        self.evaluator.begin(&[true], &input, &[self.reward]);
        let answered = self.evaluator.finish(&[true], &mut unit).is_ok();
        let mut action = vec![0.0; unit.len()];
        match &self.driver {
            Driver::Brain if answered => spec.scale_action(&unit, &mut action),
            Driver::Brain => {}
            Driver::Hand(sliders) => action.copy_from_slice(sliders),
        }
        for (action, channel) in action.iter_mut().zip(&spec.actions) {
            *action = if action.is_finite() { action.clamp(channel.low, channel.high) } else { 0.0 };
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
    }
}

fn empty_layer(probe: &snn::LayerProbe) -> Layer {
    let series = |list: &[snn::StateProbe]| {
        list.iter().map(|state| Series { name: state.name.clone(), values: Vec::new() }).collect()
    };
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
