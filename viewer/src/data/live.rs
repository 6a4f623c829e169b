//! A robot and its brain, simulated in this process, step by step.

use std::sync::Arc;

use envs::{Change, EnvError, Envs, Task};
use training::config::Config;
use training::evaluate::Policy;
use training::normalizer::Normalizer;
use training::random::{Purpose, Stream};
use training::setup::{Setup, TrainError};
use web_time::Instant;

use crate::data::disturb::Disturbance;
use crate::data::recording::{End, Header, Layer, Recording, Row, Series};
use crate::data::spikes::Spikes;
use crate::data::worker::Worker;
use crate::data::world::{AtEnd, Driver, Order, Step, World};

/// Longest episode that is kept, in control steps.
const LONGEST: usize = 50_000;
/// Most numbers that are kept of what happened in each tick; older ones are forgotten. 256 MB.
const TRACES: usize = 64 << 20;
/// Real time that a simulation in the background may be behind, s: what is more is given up. A slow frame, and a bit.
const BEHIND: f64 = 0.3;

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
    policy: Policy,
    worker: Worker,
    /// Names and values of what the changes have set.
    changed: (Vec<String>, Vec<f32>),
    over: bool,
    /// Real time that has not been simulated yet, s.
    owed: f64,
    /// Steps that another thread is to make.
    ordered: usize,
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
            changed: (names(envs.change_channels()), Vec::new()),
            over: false,
            owed: 0.0,
            ordered: 0,
            worker: Worker::new(World::new(Arc::clone(&task), envs, evaluator, policy.clone())),
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
        let (names, values) = &self.changed;
        names.iter().map(String::as_str).zip(values.iter().copied())
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
        let recording = &self.recording;
        Recording::row(&recording.qpos, recording.header.nq, recording.steps())
    }

    /// Swaps the controller's parameters, from the next step on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy.clone();
        self.settled().set_policy(policy);
    }

    /// Starts episode number `seed`.
    pub fn reset(&mut self, seed: u64) {
        self.settled().reset(seed);
        self.seed = seed;
        self.start();
    }

    /// Starts at a position, at rest, with the brain's state as it is.
    pub fn place(&mut self, qpos: &[f32]) {
        self.settled().place(qpos);
        self.start();
    }

    fn start(&mut self) {
        let header = self.recording.header.clone();
        let envs = self.settled().envs();
        let mut recording = Recording::new(header, envs.view(0).qpos);
        recording.goals = envs.goal_values(0);
        let (over, changed) = (envs.blew_up(0), envs.change_values(0).to_vec());
        self.recording = recording;
        self.changed.1 = changed;
        self.over = over;
        self.owed = 0.0;
    }

    /// Takes in what is being simulated in the background, when that is done.
    fn settle(&mut self) {
        let made = self.worker.wait();
        let dt = self.recording.header.control_dt;
        self.owed = (self.owed - dt * made.len() as f64).max(0.0);
        self.ordered = 0;
        self.take_in(made);
    }

    /// The world, after what is being simulated in the background has been taken in.
    fn settled(&mut self) -> &mut World {
        self.settle();
        self.worker.world()
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

    /// The same by another thread: takes in what that has simulated since the last call, and lets it simulate what is due
    /// now.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn advance_soon(&mut self, seconds: f64) {
        let dt = self.recording.header.control_dt;
        // What is on its way has not been subtracted yet.
        self.owed = (self.owed + seconds).min(BEHIND.max(2.0 * dt) + dt * self.ordered as f64);
        let Some(made) = self.worker.made() else { return };
        self.owed = (self.owed - dt * made.len() as f64).clamp(0.0, BEHIND.max(2.0 * dt));
        self.ordered = 0;
        self.take_in(made);
        let due = (self.owed / dt) as usize;
        if due > 0 && self.ready() {
            let order = self.order();
            self.worker.start(order, due);
            self.ordered = due;
        }
    }

    /// Part of a control step that has passed since the last one, s.
    #[must_use]
    pub fn since_step(&self) -> f64 {
        self.owed.min(self.recording.header.control_dt)
    }

    /// One control step. At the end of an episode, what [`Live::at_end`] says.
    pub fn step(&mut self) {
        self.settle();
        if self.ready() {
            let order = self.order();
            let step = self.worker.world().step(&order);
            self.take_in(vec![step]);
        }
    }

    /// Whether a step can follow; an episode that is over gives way to the next one if it shall.
    fn ready(&mut self) -> bool {
        if self.over {
            if self.at_end == AtEnd::Stop {
                return false;
            }
            self.reset(self.seed.wrapping_add(1));
        }
        true
    }

    /// How the next steps are to be made.
    fn order(&self) -> Order {
        Order {
            driver: self.driver.clone(),
            disturbance: self.disturbance.clone(),
            at_end: self.at_end,
            steps: self.recording.steps(),
            longest: LONGEST,
        }
    }

    /// Appends what has been simulated.
    fn take_in(&mut self, made: Vec<Step>) {
        for step in made {
            self.recording.push(&Row {
                qpos: &step.qpos,
                observation: &step.observation,
                action: &step.action,
                terms: &step.terms,
                push: step.push,
                contacts: &step.contacts,
                goals: &step.goals,
            });
            if let Some(layers) = &step.layers {
                self.keep_brain(layers);
            }
            (self.refused, self.changed.1, self.over) = (step.refused, step.changed, step.over);
            if self.over {
                self.recording.end = if step.by_limit { End::Truncated } else { End::Terminated };
            }
        }
    }

    /// Appends spikes, states and traces of a step.
    fn keep_brain(&mut self, probes: &[snn::LayerProbe]) {
        let layers = &mut self.recording.layers;
        if layers.is_empty() {
            *layers = probes.iter().map(empty_layer).collect();
        }
        for (layer, probe) in layers.iter_mut().zip(probes) {
            if layer.continuous {
                let share = |&(time, neuron): &(f64, u32)| (time / probe.step, neuron as usize);
                layer.spikes.push_times(probe.times.iter().map(share));
            } else {
                let fired = (0..probe.ticks).flat_map(|tick| (0..probe.neurons).map(move |n| (tick, n)));
                layer.spikes.push_step(fired.filter(|&(tick, n)| probe.spiked(tick, n)));
            }
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
        continuous: probe.step > 0.0,
        spikes: Spikes::new(probe.ticks),
        states: series(&probe.states),
        // Layers that do not spike have a trace of their input only, once per tick too.
        traces: if probe.ticks > 0 { series(&probe.traces) } else { Vec::new() },
    }
}
