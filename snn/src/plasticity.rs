//! Learning rules that change weights during an episode, with evolved coefficients.
//!
//! Each plastic connection from `i` to `j` has a change `h`, 0 at the start of an episode, beside its
//! innate weight `w₀`; what counts is `w₀ + h` on the grid of the precision, with the sign that Dale's
//! law asks for. Activities `s` are spikes (0 or 1), the currents of an encoder, or the value of a
//! readout neuron within [−1, 1]. Each tick, after the target neurons:
//!
//! ```text
//! x_i ← trace·x_i + (1 − trace)·s_i
//! e_ij ← e_ij + a⁺·x_i·s_j − a⁻·s_i·y_j                    (RewardStdp)
//! y_j ← trace·y_j + (1 − trace)·s_j
//! ```
//!
//! and at the beginning of each control step, with the reward `r` of the step before:
//!
//! ```text
//! h_ij ← (1 − forget)·h_ij + A·x_i·y_j + B·x_i + C·y_j + D  (Hebbian)
//! h_ij ← (1 − forget)·h_ij + (r − r̄)·e_ij;  e_ij ← eligibility·e_ij      (RewardStdp)
//! ```
//!
//! clamped to ± `bound`. `x`, `y`, `e` and `h` lose what is below 2⁻³⁰. An `h` that becomes infinite or no
//! number before it is clamped is a fault of the individual.
//!
//! Hebbian: E. Najarro, S. Risi, "Meta-learning through Hebbian plasticity in
//! random networks", NeurIPS 2020, equation 1, with traces for activations and a fixed rate.
//! Reward-modulated STDP: R. V. Florian, "Reinforcement learning through modulation of
//! spike-timing-dependent synaptic plasticity", Neural Computation 19, 2007, section 3.3, with the mean
//! reward as a baseline.

use serde::{Deserialize, Serialize};

use crate::error::{SnnError, check};
use crate::lanes::{Lanes, WIDTH};
use crate::layout::Layout;
use crate::scope::Scope;

/// Largest deviation of a reward from its mean that a rule sees.
const LARGEST_SURPRISE: f32 = 10.0;

/// A learning rule and the connections that it changes. In a config:
/// `plasticity: [(rule: Hebbian, blocks: ["readout.weight"])]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plasticity {
    /// The rule. Default `Hebbian`.
    pub rule: LearningRule,
    /// Names of weight blocks of the [`Layout`](crate::Layout), such as `"hidden.0.recurrent"`. Each block
    /// follows at most one rule. Default `["readout.weight"]`.
    pub blocks: Vec<String>,
    /// Whether a block shares one set of coefficients (`Layer`) or each target neuron has its own
    /// (`Neuron`). Default `Layer`.
    pub scope: Scope,
    /// Coefficients are `rate / √sources · θ`, in units of the block's weight for θ = 1, because one
    /// coefficient moves the weights of all sources together. Above 0. Default 0.01.
    pub rate: f32,
    /// Share of a trace kept per tick, in [0, 1). Default 0.8.
    pub trace: f32,
    /// Share of a change forgotten per control step, in [0, 1]. Default 0.01.
    pub forget: f32,
    /// Largest change of a weight, in units of the block's weight for θ = 1. Above 0. Default 2.
    pub bound: f32,
}

impl Default for Plasticity {
    fn default() -> Self {
        Self {
            rule: LearningRule::Hebbian,
            blocks: vec!["readout.weight".into()],
            scope: Scope::Layer,
            rate: 0.01,
            trace: 0.8,
            forget: 0.01,
            bound: 2.0,
        }
    }
}

/// How activity changes a weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum LearningRule {
    /// `A·x·y + B·x + C·y + D` of the traces before and after the synapse.
    Hebbian,
    /// Spike-timing-dependent plasticity that takes effect when the reward is above its mean, and inverted
    /// when it is below.
    RewardStdp {
        /// Share of the eligibility of a connection kept per control step, in [0, 1). Default 0.9.
        #[serde(default = "default_eligibility")]
        eligibility: f32,
        /// Weight of the last reward in the mean reward, in [0, 1]; at 0, rewards count as they are. Default
        /// 0.05.
        #[serde(default = "default_baseline")]
        baseline: f32,
    },
}

fn default_eligibility() -> f32 {
    0.9
}

fn default_baseline() -> f32 {
    0.05
}

impl LearningRule {
    /// Name and names of the coefficients, in the order in which everything keeps them.
    pub(crate) fn coefficients(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Hebbian => ("hebbian", &["a", "b", "c", "d"]),
            Self::RewardStdp { .. } => ("stdp", &["potentiation", "depression"]),
        }
    }
}

/// A rule at work on one projection.
pub(crate) struct Plastic {
    pub(crate) projection: usize,
    /// Targets of the projection.
    pub(crate) cols: usize,
    /// Blocks of the coefficients.
    pub(crate) blocks: Vec<usize>,
    /// Whether each target neuron has its own coefficients.
    pub(crate) individual: bool,
    pub(crate) trace: f32,
    pub(crate) share: f32,
    pub(crate) keep: f32,
    pub(crate) bound: f32,
    pub(crate) reward: Option<Reward>,
    /// Bit-packed `[rows][cols]`: connections that exist; empty: all.
    pub(crate) mask: Vec<u32>,
}

/// What a rule makes of rewards.
#[derive(Clone, Copy)]
pub(crate) struct Reward {
    pub(crate) eligibility: f32,
    pub(crate) baseline: f32,
    /// Place among the rules that look at rewards.
    pub(crate) index: usize,
}

impl Plastic {
    /// Calls `each` with coefficient, target neuron and value; target 0 stands for all if they share.
    pub(crate) fn visit(&self, layout: &Layout, theta: &[f32], mut each: impl FnMut(usize, usize, f32)) {
        for (index, &block) in self.blocks.iter().enumerate() {
            let block = &layout.blocks()[block];
            for (post, theta) in theta[block.range()].iter().enumerate() {
                each(index, post, block.scale * theta);
            }
        }
    }

    /// The coefficients, `[coefficient][lanes]`, 0 in the padding.
    pub(crate) fn lanes(&self, layout: &Layout, theta: &[f32], out: &mut [Lanes]) {
        let cols = self.cols;
        let stride = cols.div_ceil(WIDTH);
        self.visit(layout, theta, |index, post, value| {
            let targets = if self.individual { post..post + 1 } else { 0..cols };
            for target in targets {
                out[index * stride + target / WIDTH].0[target % WIDTH] = value;
            }
        });
    }

    /// Values that each coefficient has.
    pub(crate) fn columns(&self) -> usize {
        if self.individual { self.cols } else { 1 }
    }

    pub(crate) fn exists(&self, place: usize) -> bool {
        self.mask.is_empty() || self.mask[place / 32] >> (place % 32) & 1 == 1
    }
}

/// Mean rewards of the slots, kept on the host for every backend.
pub(crate) struct Rewards {
    /// Per slot and rule: the mean, once there has been a reward.
    means: Vec<Option<f32>>,
    rules: usize,
}

impl Rewards {
    /// For `rules` that look at rewards.
    pub(crate) fn new(rules: usize, slots: usize) -> Self {
        Self { means: vec![None; slots * rules], rules }
    }

    pub(crate) fn reset(&mut self, slot: usize) {
        self.means[slot * self.rules..(slot + 1) * self.rules].fill(None);
    }

    /// How much each rule lets through, in the order of [`Reward::index`]. `first` control steps
    /// come after no reward.
    pub(crate) fn modulators(
        &mut self,
        plastic: &[Plastic],
        slot: usize,
        first: bool,
        reward: f32,
    ) -> impl Iterator<Item = f32> {
        let means = &mut self.means[slot * self.rules..(slot + 1) * self.rules];
        let rules = plastic.iter().filter_map(|plastic| plastic.reward);
        rules.zip(means).map(move |(rule, mean)| {
            if first || !reward.is_finite() {
                return 0.0;
            }
            if rule.baseline == 0.0 {
                return reward.clamp(-LARGEST_SURPRISE, LARGEST_SURPRISE);
            }
            let mean = mean.get_or_insert(reward);
            let surprise = reward - *mean;
            *mean += rule.baseline * surprise;
            surprise.clamp(-LARGEST_SURPRISE, LARGEST_SURPRISE)
        })
    }
}

impl Plasticity {
    pub(crate) fn check(&self, field: impl Fn(&str) -> String) -> Result<(), SnnError> {
        let test = |name: &str, value: f32, valid: bool, range| check(|| field(name), value, valid, range);
        if self.scope == Scope::Fixed {
            return Err(SnnError::Combination {
                first: "plasticity",
                second: "scope: Fixed",
                valid: "Layer or Neuron: coefficients are evolved",
            });
        }
        let below_one = |value: f32| (0.0..1.0).contains(&value);
        let share = |value: f32| (0.0..=1.0).contains(&value);
        test("rate", self.rate, self.rate > 0.0, "finite and above 0")?;
        test("trace", self.trace, below_one(self.trace), "at least 0 and below 1")?;
        test("forget", self.forget, share(self.forget), "0 to 1")?;
        test("bound", self.bound, self.bound > 0.0, "finite and above 0")?;
        if let LearningRule::RewardStdp { eligibility, baseline } = self.rule {
            test("rule.eligibility", eligibility, below_one(eligibility), "at least 0 and below 1")?;
            test("rule.baseline", baseline, share(baseline), "0 to 1")?;
        }
        Ok(())
    }
}
