//! The fields of each kind of `task`.

use serde::{Deserialize, Serialize};
use snn::gradient::{ActivityConfig, Decay, LossConfig, Over, ScheduleConfig};
use snn::{ControllerConfig, MlpConfig};

use crate::field::{InvalidField, require};
use crate::gradient::gradient_config::GradientConfig;
use crate::gradient::labels::data_config::DataConfig;

/// Supervised training, with labels (`Classify`) or values (`Regress`). A generation is an epoch: every
/// training sample once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisedConfig {
    /// Samples with labels or values.
    pub data: DataConfig,
    /// What the loss measures. Default `None`: cross-entropy of the membrane for `Classify`, and its mean
    /// squared error for `Regress`, both for the mean over frames.
    #[serde(default)]
    pub loss: Option<LossConfig>,
    /// Penalty on activity. Default none.
    #[serde(default)]
    pub activity: ActivityConfig,
    /// Samples per step. Default 64.
    #[serde(default = "batch")]
    pub batch: usize,
    /// Whether features are scaled to mean 0 and deviation 1 over the training samples. Default false.
    #[serde(default)]
    pub normalize: bool,
    /// How gradients are computed and used.
    #[serde(default)]
    pub gradient: GradientConfig,
}

fn batch() -> usize {
    64
}

impl SupervisedConfig {
    /// The loss, or the default for labels or values.
    #[must_use]
    pub fn loss(&self, labels: bool) -> LossConfig {
        let square = LossConfig::SquareMembrane { over: Over::Mean };
        self.loss.clone().unwrap_or(if labels { LossConfig::default() } else { square })
    }

    /// Checks the fields that are this module's.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(self.batch >= 1, "task.batch", self.batch, "at least 1")
    }
}

/// Behaviour cloning, and DAgger (Ross, Gordon and Bagnell, A reduction of imitation learning and structured
/// prediction to no-regret online learning, AISTATS 2011). A generation is a round: the student acts, the
/// teacher says what it would have done, and the student learns from all rounds so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImitateConfig {
    /// Run folder or checkpoint of the teacher, which answers for every state that the student gets into; or
    /// a recording (`FILE.rollout.safetensors`), which is only cloned. Default: the result of the stage
    /// before this one.
    #[serde(default)]
    pub teacher: String,
    /// Whether the teacher is the best member of its run, instead of the mean of the distribution. Default
    /// false.
    #[serde(default)]
    pub best: bool,
    /// Episodes per round, ≥ 1. Default 8.
    #[serde(default = "episodes")]
    pub episodes: usize,
    /// A step of round r (from 0) is the teacher's with probability `mix`^r, so the teacher acts alone in the
    /// first round; in [0, 1]. Default 0.5.
    #[serde(default = "mix")]
    pub mix: f64,
    /// Number of control steps that are remembered. Whole rounds are forgotten, the oldest first. Default
    /// 200000.
    #[serde(default = "memory")]
    pub memory: usize,
    /// How often all remembered steps are learned from per round, ≥ 1. Default 2.
    #[serde(default = "epochs")]
    pub epochs: usize,
    /// Control steps through which a gradient flows, ≥ 1. Default 32.
    #[serde(default = "sequence")]
    pub sequence: usize,
    /// Sequences per step, ≥ 1. Default 16.
    #[serde(default = "sequences")]
    pub batch: usize,
    /// How gradients are computed and used.
    #[serde(default)]
    pub gradient: GradientConfig,
}

fn episodes() -> usize {
    8
}
fn mix() -> f64 {
    0.5
}
fn memory() -> usize {
    200_000
}
fn epochs() -> usize {
    2
}
fn sequence() -> usize {
    32
}
fn sequences() -> usize {
    16
}

impl ImitateConfig {
    /// Checks the fields that are this module's.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require((1..=100_000).contains(&self.episodes), "task.episodes", self.episodes, "1 to 100000")?;
        require((0.0..=1.0).contains(&self.mix), "task.mix", self.mix, "0 to 1")?;
        require(self.memory >= 1, "task.memory", self.memory, "at least 1")?;
        require(self.epochs >= 1, "task.epochs", self.epochs, "at least 1")?;
        require(self.sequence >= 1, "task.sequence", self.sequence, "at least 1")?;
        require(self.batch >= 1, "task.batch", self.batch, "at least 1")
    }
}

/// Proximal policy optimisation with a clipped objective (Schulman et al., arXiv 1707.06347, 2017) and
/// generalised advantage estimation (Schulman et al., ICLR 2016). A generation is an iteration: the actor
/// acts for some steps, then the actor and the critic learn from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PpoConfig {
    /// Worlds that are stepped side by side, ≥ 1. Default 16.
    pub worlds: usize,
    /// Control steps of each world per iteration; a multiple of `sequence`. Default 256.
    pub steps: usize,
    /// Control steps through which a gradient flows. Each sequence begins in the state that the actor had at
    /// that moment. Default 16.
    pub sequence: usize,
    /// How often all steps are learned from per iteration, ≥ 1. Default 4.
    pub epochs: usize,
    /// Number of parts into which the sequences are divided, with one optimizer step each, ≥ 1. Default 8.
    pub minibatches: usize,
    /// Discount per control step, in [0, 1]. Default 0.99.
    pub discount: f64,
    /// Decay of the advantage estimate, in [0, 1]. Default 0.95.
    pub lambda: f64,
    /// Change of an action's probability ratio beyond which there is no further gain; > 0. Default 0.2.
    pub clip: f64,
    /// Deviation of the noise on actions at the start, in units of half the action's range; > 0.
    /// Default 0.3.
    pub noise: f64,
    /// Learning rate of the logarithm of that deviation, ≥ 0. Default 0.001.
    pub noise_rate: f64,
    /// Penalty on low entropy, ≥ 0. Default 0.
    pub entropy: f64,
    /// Factor on rewards, > 0. Default `None`: one over the deviation of the discounted returns so far.
    pub reward_scale: Option<f64>,
    /// How far a value may move from the critic's earlier value, in units of scaled reward, before its loss
    /// stops falling (Engstrom et al., Implementation matters in deep policy gradients, ICLR 2020); > 0.
    /// Default `None`: any distance.
    pub value_clip: Option<f64>,
    /// Course of the learning rates of actor, critic and noise over the iterations, which count as its steps.
    /// Default constant.
    pub schedule: ScheduleConfig,
    /// An iteration stops learning at this mean Kullback-Leibler divergence from the actor that acted; > 0.
    /// Default `None`: it does not stop.
    pub target_kl: Option<f64>,
    /// Number of iterations at the start in which only the critic learns. Default 0. A few of them preserve
    /// what the actor of `--init` has learned.
    pub critic_first: u64,
    /// Network that predicts the return: its one output, before tanh. A spiking critic has a memory, as the
    /// actor does, and learns from the same sequences. Default `Mlp(hidden: [64, 64])`.
    pub critic: ControllerConfig,
    /// Learning rate of the critic's Adam; > 0. Default 0.001.
    pub critic_rate: f64,
    /// How gradients of the actor are computed and used.
    pub gradient: GradientConfig,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            worlds: 16,
            steps: 256,
            sequence: 16,
            epochs: 4,
            minibatches: 8,
            discount: 0.99,
            lambda: 0.95,
            clip: 0.2,
            noise: 0.3,
            noise_rate: 0.001,
            entropy: 0.0,
            reward_scale: None,
            value_clip: None,
            schedule: ScheduleConfig::default(),
            target_kl: None,
            critic_first: 0,
            critic: ControllerConfig::Mlp(MlpConfig { hidden: vec![64, 64], ..MlpConfig::default() }),
            critic_rate: 0.001,
            gradient: GradientConfig::default(),
        }
    }
}

/// Control steps of an iteration at most, in all worlds together.
const MAX_STEPS: usize = 100_000_000;

impl PpoConfig {
    /// Checks the fields that are this module's. `place` is where the config has them, such as `task`.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn validate(&self, place: &str) -> Result<(), InvalidField> {
        let require = |valid, field: &str, value: &dyn ToString, expected: &str| {
            require(valid, &format!("{place}.{field}"), value.to_string(), expected)
        };
        require((1..=100_000).contains(&self.worlds), "worlds", &self.worlds, "1 to 100000")?;
        let sequence = self.sequence;
        require(sequence >= 1, "sequence", &sequence, "at least 1")?;
        let multiple = self.steps >= 1 && self.steps.is_multiple_of(sequence);
        let of = format!("a multiple of {place}.sequence = {sequence}");
        require(multiple, "steps", &self.steps, &of)?;
        require(self.epochs >= 1, "epochs", &self.epochs, "at least 1")?;
        // What is remembered of each stays far below what memory can have.
        let most = MAX_STEPS / self.worlds;
        require(
            self.steps <= most,
            "steps",
            &self.steps,
            &format!("at most {MAX_STEPS} / {place}.worlds = {most}"),
        )?;
        let sequences = self.worlds * self.steps / sequence;
        let fits = (1..=sequences).contains(&self.minibatches);
        let range = format!("1 to the {sequences} sequences (worlds · steps / sequence)");
        require(fits, "minibatches", &self.minibatches, &range)?;
        require((0.0..=1.0).contains(&self.discount), "discount", &self.discount, "0 to 1")?;
        require((0.0..=1.0).contains(&self.lambda), "lambda", &self.lambda, "0 to 1")?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let least = |x: f64| x >= 0.0 && x.is_finite();
        require(positive(self.clip), "clip", &self.clip, "above 0 and finite")?;
        require(positive(self.noise), "noise", &self.noise, "above 0 and finite")?;
        require(least(self.noise_rate), "noise_rate", &self.noise_rate, "at least 0 and finite")?;
        require(least(self.entropy), "entropy", &self.entropy, "at least 0 and finite")?;
        for (name, value) in [
            ("reward_scale", self.reward_scale),
            ("value_clip", self.value_clip),
            ("target_kl", self.target_kl),
        ] {
            if let Some(value) = value {
                require(positive(value), name, &value, "above 0 and finite, or None")?;
            }
        }
        match self.schedule.then {
            Decay::Constant => {}
            Decay::Linear { to, steps } | Decay::Cosine { to, steps } => {
                require((0.0..=1.0).contains(&to), "schedule.then.to", &to, "0 to 1")?;
                require(steps >= 1, "schedule.then.steps", &steps, "at least 1")?;
            }
        }
        require(positive(self.critic_rate), "critic_rate", &self.critic_rate, "above 0 and finite")
    }
}

/// Evolution with gradients: after every generation, some iterations of PPO begin at the mean of the search
/// distribution, and the mean moves to their result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineConfig {
    /// Iterations per generation, ≥ 1. Default 1.
    pub iterations: u64,
    /// Settings of an iteration. Worlds, critic, noise and the optimizer's memory continue from one
    /// generation to the next; `critic_first` counts iterations.
    pub ppo: PpoConfig,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self { iterations: 1, ppo: PpoConfig::default() }
    }
}

impl RefineConfig {
    /// Checks the fields that are this module's.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(self.iterations >= 1, "refine.iterations", self.iterations, "at least 1")?;
        self.ppo.validate("refine.ppo")
    }
}
