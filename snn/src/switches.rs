//! The switches by which libraries of spiking networks differ, and the neuron each choice makes.
//!
//! All but one are about what the neuron does, so a choice is a neuron model: its text, which every
//! evaluator runs. The exception is `detached`, which is about the gradient only. A layer names them by
//! [`like`](crate::LayerConfig::like).

use serde::{Deserialize, Serialize};

/// Which membrane potential is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpikeFrom {
    /// The potential before the tick: a spike comes one tick late.
    Old,
    /// The potential after the tick's input.
    New,
}

/// What a spike does to the membrane potential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetBy {
    /// The threshold is subtracted from it.
    Subtract,
    /// It is set to zero.
    Zero,
    /// Nothing.
    Never,
}

/// When the reset happens. With [`SpikeFrom::Old`] it is always in the tick of the spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetAt {
    /// In the tick of the spike.
    Spike,
    /// With the update of the next tick.
    Delayed,
    /// In the tick of the spike. If the membrane potential is still above the threshold from the tick before,
    /// a delayed reset comes first, and then only the difference of the two is applied: snnTorch's
    /// `reset_delay=False`.
    Corrected,
}

/// A leaky integrate-and-fire neuron in the manner of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// Which membrane potential is compared with the threshold.
    pub spike: SpikeFrom,
    /// What a spike does to the membrane potential.
    pub reset: ResetBy,
    /// When.
    pub at: ResetAt,
    /// Whether the gradient treats the reset as a constant.
    pub detached: bool,
    /// Whether the input is multiplied by 1 − decay, so that a constant input is where the membrane
    /// potential goes.
    pub scaled: bool,
}

impl Switches {
    /// snnTorch 1.0 `Leaky`, with its defaults.
    pub const SNNTORCH: Self = Self {
        spike: SpikeFrom::New,
        reset: ResetBy::Subtract,
        at: ResetAt::Delayed,
        detached: true,
        scaled: false,
    };
    /// Spyx 1.0 `LIF`.
    pub const SPYX: Self = Self {
        spike: SpikeFrom::Old,
        reset: ResetBy::Subtract,
        at: ResetAt::Spike,
        detached: false,
        scaled: false,
    };
    /// Norse 1.1 `LIFBoxCell`, feed-forward: forward Euler with decay = 1 − dt · tau_mem_inv.
    pub const NORSE: Self = Self {
        spike: SpikeFrom::New,
        reset: ResetBy::Zero,
        at: ResetAt::Spike,
        detached: false,
        scaled: true,
    };

    /// Names of the presets, in this order in listings.
    pub const NAMES: [&'static str; 3] = ["snntorch", "spyx", "norse"];

    /// The preset called `name`, one of [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "snntorch" => Some(Self::SNNTORCH),
            "spyx" => Some(Self::SPYX),
            "norse" => Some(Self::NORSE),
            _ => None,
        }
    }

    /// The neuron model, for the `model` of a layer; its parameters are `decay` and `threshold`.
    #[must_use]
    pub fn model(&self) -> String {
        let input = if self.scaled { "(1 - decay)*I" } else { "I" };
        let plain = format!("decay*v + {input}");
        let with = |reset: &str| match self.reset {
            ResetBy::Never => plain.clone(),
            ResetBy::Subtract => format!("{plain} - threshold*{reset}"),
            ResetBy::Zero => format!("decay*v*(1 - {reset}) + {input}"),
        };
        // `if(spike, …)` is a reset, which can be detached; `spike` as a number never is.
        let chosen = |after: &str| match self.reset {
            ResetBy::Never => String::new(),
            ResetBy::Subtract => format!("v = if(spike, {after} - threshold, {after})\n"),
            ResetBy::Zero if after == "v" => "v = if(spike, 0, v)\n".into(),
            ResetBy::Zero => format!("v = if(spike, {input}, {after})\n"),
        };
        let spike = "spike v > threshold\n";
        // A comparison other than that of the spike line has no gradient.
        let late = "let late = if(v > threshold, 1, 0)\n";
        let mut states = "state v = 0 \"membrane potential\"\n".to_owned();
        let lines = match (self.spike, self.reset, self.at) {
            (SpikeFrom::Old, ResetBy::Never, _) => format!("{spike}v = {plain}\n"),
            (SpikeFrom::Old, ..) => format!("{spike}{}", chosen(&plain)),
            (SpikeFrom::New, ResetBy::Never, _) => format!("v = {plain}\n{spike}"),
            (SpikeFrom::New, _, ResetAt::Spike) => format!("v = {plain}\n{spike}{}", chosen("v")),
            (SpikeFrom::New, _, ResetAt::Delayed) if self.detached => {
                format!("{late}v = {}\n{spike}", with("late"))
            }
            (SpikeFrom::New, _, ResetAt::Delayed) => {
                states += "state s = 0 \"spike of the last tick\"\n";
                format!("v = {}\n{spike}s = spike\n", with("s"))
            }
            (SpikeFrom::New, reset, ResetAt::Corrected) => {
                let lost = if reset == ResetBy::Zero { "v" } else { "threshold" };
                format!("{late}v = {}\n{spike}v = v - (spike - late)*{lost}\n", with("late"))
            }
        };
        format!(
            "model lif_variant \"leaky integrate-and-fire, {}\"\n\
             param decay = 0.9 in [0, 1] \"share of the membrane potential kept per tick\"\n\
             param threshold = 1 in (0, inf) \"membrane potential above which the neuron spikes\"\n\
             {states}{lines}",
            self.describe()
        )
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let spike = if self.spike == SpikeFrom::Old { "old" } else { "new" };
        let at = match self.at {
            ResetAt::Spike => "at once",
            ResetAt::Delayed => "delayed",
            ResetAt::Corrected => "corrected",
        };
        let reset = match self.reset {
            ResetBy::Subtract => format!("subtracts {at}"),
            ResetBy::Zero => format!("to zero {at}"),
            ResetBy::Never => "none".into(),
        };
        format!("spikes from the {spike} potential, reset {reset}")
    }
}

/// Switches of a layer that differ from those of the library in `like`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwitchesConfig {
    /// Which membrane potential is compared with the threshold: `Old` or `New`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spike: Option<SpikeFrom>,
    /// What a spike does to the membrane potential: `Subtract`, `Zero` or `Never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetBy>,
    /// When the reset happens: at the `Spike`, `Delayed` or `Corrected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<ResetAt>,
    /// Whether the gradient treats the reset as a constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached: Option<bool>,
    /// Whether the input is multiplied by 1 − decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled: Option<bool>,
}

impl SwitchesConfig {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The preset with what differs.
    #[must_use]
    pub fn over(&self, preset: Switches) -> Switches {
        Switches {
            spike: self.spike.unwrap_or(preset.spike),
            reset: self.reset.unwrap_or(preset.reset),
            at: self.at.unwrap_or(preset.at),
            detached: self.detached.unwrap_or(preset.detached),
            scaled: self.scaled.unwrap_or(preset.scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::check_model;

    #[test]
    fn every_combination_is_a_model() {
        for spike in [SpikeFrom::Old, SpikeFrom::New] {
            for reset in [ResetBy::Subtract, ResetBy::Zero, ResetBy::Never] {
                for at in [ResetAt::Spike, ResetAt::Delayed, ResetAt::Corrected] {
                    for (detached, scaled) in [(true, false), (false, true)] {
                        let switches = Switches { spike, reset, at, detached, scaled };
                        let text = switches.model();
                        check_model(&text).map_err(|error| format!("{error}\n{text}")).unwrap();
                    }
                }
            }
        }
    }
}
