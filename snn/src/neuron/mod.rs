//! Neuron models. To add one: copy `lif.rs`, and list it in the registry below.

mod lif;

use serde::{Deserialize, Serialize};

use crate::error::SnnError;

/// Description of a neuron model, for listings and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NeuronInfo {
    /// Name in configs.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// One tick, in order; `I` is the input current.
    pub equations: &'static str,
    /// State variables.
    pub states: &'static [StateInfo],
    /// Fields of [`NeuronParameters`] that the model uses.
    pub parameters: &'static [ParameterInfo],
}

/// One state variable of a neuron model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StateInfo {
    /// Symbol in the equations.
    pub name: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Value after a reset of the individual.
    pub initial: f32,
    /// What it stands for.
    pub meaning: &'static str,
}

/// One parameter of a neuron model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ParameterInfo {
    /// Name in the equations and in the config.
    pub name: &'static str,
    /// Unit; empty for choices.
    pub unit: &'static str,
    /// Valid values.
    pub range: &'static str,
    /// Default, as written in a config.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Parameters of a layer's neuron model; [`neurons`] says which model uses which.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeuronParameters {
    /// Share of the membrane potential kept per tick, in [0, 1]. Default 0.7.
    pub decay: f32,
    /// Membrane potential above which a neuron spikes, finite, > 0. Default 1.
    pub threshold: f32,
    /// What a spike does to the membrane potential. Default `Zero`.
    pub reset: Reset,
}

impl Default for NeuronParameters {
    fn default() -> Self {
        Self { decay: 0.7, threshold: 1.0, reset: Reset::Zero }
    }
}

/// What a spike does to the membrane potential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reset {
    /// Sets it to 0.
    #[default]
    Zero,
    /// Subtracts the threshold.
    Subtract,
}

/// A model with `STATES` state variables per neuron. The layer's loop is compiled once per model
/// with `tick` inlined, so write it without branches that the compiler cannot turn into selects.
pub(crate) trait Neuron<const STATES: usize>: Copy {
    /// Name, equations, states (`STATES` of them) and parameters.
    const INFO: NeuronInfo;

    /// Checks the parameters; `field` is their place in the config, for errors.
    fn new(parameters: &NeuronParameters, field: &str) -> Result<Self, SnnError>;

    /// One tick of one neuron: takes the input current, updates the state, returns the spike.
    fn tick(&self, current: f32, state: &mut [f32; STATES]) -> bool;
}

/// Makes the enum of models, its constructor by name, and the list of descriptions.
macro_rules! registry {
    ($($model:ident: $module:ident),+) => {
        /// A neuron model with its parameters.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Model {
            $($model($module::$model)),+
        }

        /// The neuron models that a layer's `model` can name, in alphabetical order.
        pub fn neurons() -> &'static [NeuronInfo] {
            const NEURONS: &[NeuronInfo] = &[$($module::$model::INFO),+];
            NEURONS
        }

        impl Model {
            /// The model called `name`; `field` is the layer's place in the config, for errors.
            pub(crate) fn new(
                name: &str,
                parameters: &NeuronParameters,
                field: &str,
            ) -> Result<Self, SnnError> {
                $(
                    if name == $module::$model::INFO.name {
                        let field = format!("{field}.parameters");
                        return $module::$model::new(parameters, &field).map(Self::$model);
                    }
                )+
                let names: Vec<&str> = neurons().iter().map(|info| info.name).collect();
                Err(SnnError::UnknownModel {
                    field: format!("{field}.model"),
                    model: name.into(),
                    valid: names.join(", "),
                })
            }

            pub(crate) fn info(&self) -> &'static NeuronInfo {
                match self {
                    $(Self::$model(_) => {
                        const INFO: &NeuronInfo = &$module::$model::INFO;
                        INFO
                    })+
                }
            }
        }

        /// Evaluates `$body` with `$neuron` bound to the concrete model: static dispatch.
        macro_rules! with_model {
            ($value:expr, |$neuron:ident| $body:expr) => {
                match $value {
                    $($crate::neuron::Model::$model($neuron) => $body),+
                }
            };
        }
    };
}

registry!(Lif: lif);
#[expect(
    clippy::single_component_path_imports,
    reason = "the macro is made by a macro; this gives it a path"
)]
pub(crate) use with_model;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn descriptions_match_the_code() {
        let names: Vec<&str> = neurons().iter().map(|info| info.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for info in neurons() {
            let model = Model::new(info.name, &NeuronParameters::default(), "x").unwrap();
            assert_eq!(model.info(), info);
            // The listed defaults, written as a config, are the defaults.
            let fields: Vec<String> =
                info.parameters.iter().map(|p| format!("{}: {}", p.name, p.default)).collect();
            let parsed: NeuronParameters = ron::from_str(&format!("({})", fields.join(", "))).unwrap();
            assert_eq!(parsed, NeuronParameters::default());
        }
    }
}
