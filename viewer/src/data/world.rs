//! The part of a simulation that takes time: physics and controller, step by step, on whichever thread.

use std::sync::Arc;

use envs::{Envs, Task};
use rand::Rng as _;
use sim::Contact;
use snn::{Evaluator, LayerProbe, Probe};
use training::evaluate::Policy;
use training::random::{Purpose, Stream};

use crate::data::disturb::{Disturbance, Push};

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

/// How the next steps are to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who moves the robot.
    pub driver: Driver,
    /// Changes by hand.
    pub disturbance: Disturbance,
    /// What happens at the end of an episode.
    pub at_end: AtEnd,
    /// Control steps of the episode so far.
    pub steps: usize,
    /// Control steps after which it ends in any case.
    pub longest: usize,
}

/// What a control step has brought.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the controller saw.
    pub observation: Vec<f32>,
    /// What it did.
    pub action: Vec<f32>,
    /// Reward terms.
    pub terms: Vec<f32>,
    /// Position after the step.
    pub qpos: Vec<f32>,
    /// What touched at its end.
    pub contacts: Vec<Contact>,
    /// What is asked of the robot from then on.
    pub goals: Vec<f32>,
    /// What the environment's changes have set.
    pub changed: Vec<f32>,
    /// The push by hand.
    pub push: Option<Push>,
    /// Why the engine does not do what is asked of it by hand, if so.
    pub refused: Option<String>,
    /// Spikes and states, if they could be read.
    pub layers: Option<Vec<LayerProbe>>,
    /// Whether the episode is over.
    pub over: bool,
    /// Whether that is for its length alone.
    pub by_limit: bool,
}

/// A robot in its environment and its controller.
pub struct World {
    task: Arc<dyn Task>,
    envs: Envs,
    evaluator: Box<dyn Evaluator>,
    policy: Policy,
    probe: Probe,
    reward: f32,
}

impl World {
    /// One environment and a controller with one slot, which is being watched.
    #[must_use]
    pub fn new(task: Arc<dyn Task>, envs: Envs, evaluator: Box<dyn Evaluator>, policy: Policy) -> Self {
        Self { task, envs, evaluator, policy, probe: Probe::default(), reward: 0.0 }
    }

    /// The environment.
    #[must_use]
    pub fn envs(&self) -> &Envs {
        &self.envs
    }

    /// The controller's parameters and its observation transformation.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Swaps the controller's parameters, from the next step on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.evaluator.load(0, &policy.parameters);
        self.policy = policy;
    }

    /// Starts episode number `seed`.
    pub fn reset(&mut self, seed: u64) {
        let mut stream = Stream::new(seed, Purpose::Evaluate, 0, 0, 0);
        self.envs.reset(0, &mut stream);
        self.evaluator.reset(0, stream.next_u64());
        self.reward = 0.0;
    }

    /// Starts at a position, at rest, with the controller's state as it is.
    pub fn place(&mut self, qpos: &[f32]) {
        self.envs.place(0, qpos);
        self.reward = 0.0;
    }

    /// One control step.
    pub fn step(&mut self, order: &Order) -> Step {
        let observation = self.envs.observations().to_vec();
        let action = self.act(&observation, &order.driver);
        // What an engine refuses leaves the world as it was.
        let refused = order.disturbance.apply(&mut self.envs).err().map(|error| error.to_string());
        self.envs.step(&[true], &action);
        let outcome = self.envs.outcome(0);
        self.reward = outcome.reward as f32;
        let layers = self.evaluator.probe(0, &mut self.probe).is_ok().then(|| self.probe.layers.clone());
        let failed = self.envs.blew_up(0) || self.evaluator.fault(0);
        let steps = order.steps + 1;
        let truncated = steps >= self.task.spec().horizon;
        let over = failed
            || steps >= order.longest
            || (order.at_end != AtEnd::GoOn && (outcome.terminated || truncated));
        let step = Step {
            action: self.envs.action(0).to_vec(),
            terms: self.envs.terms(0).to_vec(),
            qpos: self.envs.view(0).qpos.to_vec(),
            contacts: self.envs.contacts(0),
            goals: self.envs.goal_values(0),
            changed: self.envs.change_values(0).to_vec(),
            push: order.disturbance.push.filter(|_| refused.is_none()),
            by_limit: over && truncated && !outcome.terminated && !failed,
            observation,
            refused,
            layers,
            over,
        };
        if !over {
            self.envs.go_on(0);
        }
        step
    }

    /// Up to `count` control steps, until the episode is over.
    pub fn steps(&mut self, mut order: Order, count: usize) -> Vec<Step> {
        let mut made = Vec::with_capacity(count);
        while made.len() < count {
            let step = self.step(&order);
            order.steps += 1;
            let over = step.over;
            made.push(step);
            if over {
                break;
            }
        }
        made
    }

    /// The action of the controller or the sliders in the task's units.
    fn act(&mut self, observation: &[f32], driver: &Driver) -> Vec<f32> {
        let spec = self.task.spec();
        let mut input = vec![0.0; observation.len()];
        self.policy.normalizer.apply(observation, &mut input, None);
        let mut unit = vec![0.0; spec.actions.len()];
        self.evaluator.begin(&[true], &input, &[self.reward]);
        let answered = self.evaluator.finish(&[true], &mut unit).is_ok();
        let mut action = vec![0.0; unit.len()];
        match driver {
            Driver::Brain if answered => spec.scale_action(&unit, &mut action),
            Driver::Brain => {}
            Driver::Hand(sliders) => action.copy_from_slice(sliders),
        }
        action
    }
}
