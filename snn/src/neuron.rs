//! Neuron models: the built-in ones, those of a config, and how a layer fills in their parameters.
//!
//! To add one: copy a file of `snn/neurons`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::compiled::{Compiled, MODELS};
use crate::config::LayerConfig;
use crate::equations::{self, EquationError, Kernel, Model, SUM_LIMIT};
use crate::error::SnnError;
use crate::scope::Scope;
use crate::switches::{Switches, SwitchesConfig};

/// Description of a neuron model, for listings and documentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NeuronInfo {
    /// Name in configs.
    pub name: String,
    /// What it is, in a few words.
    pub summary: String,
    /// The model as it is written.
    pub equations: String,
    /// Where it comes from.
    pub source: String,
    /// Whether it spikes; models that do not can only be readouts.
    pub spikes: bool,
    /// State variables.
    pub states: Vec<StateInfo>,
    /// Parameters.
    pub parameters: Vec<ParameterInfo>,
    /// Choices of what a spike does to the state; the first is the default.
    pub resets: Vec<String>,
}

/// One state variable of a neuron model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateInfo {
    /// Symbol in the equations.
    pub name: String,
    /// What it stands for.
    pub meaning: String,
}

/// One parameter of a neuron model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParameterInfo {
    /// Name in the equations and in the config.
    pub name: String,
    /// Valid values.
    pub range: String,
    /// Default.
    pub default: f64,
    /// Whether it is evolved unless the config says otherwise.
    pub evolve: Scope,
    /// What it does.
    pub meaning: String,
}

/// The neuron models that a layer's `model` can name, in alphabetical order.
///
/// # Panics
/// Never: the built-in models are correct, which a test shows.
#[must_use]
pub fn neurons() -> Vec<NeuronInfo> {
    let models = MODELS.iter().map(|(_, text)| Model::parse(text).expect("built-in models are correct"));
    models.map(|model| NeuronInfo::new(&model)).collect()
}

/// The text of the built-in model called `name`, to be changed; `None` if there is none.
#[must_use]
pub fn model_text(name: &str) -> Option<&'static str> {
    MODELS.iter().find(|(model, _)| *model == name).map(|(_, text)| *text)
}

/// Checks the text of a neuron model.
///
/// # Errors
/// What is wrong, with line and column.
pub fn check_model(text: &str) -> Result<(), EquationError> {
    let model = Model::parse(text)?;
    let resets = model.resets.iter().map(|reset| Some(reset.as_str()));
    resets
        .chain(model.resets.is_empty().then_some(None))
        .try_for_each(|reset| model.kernel(reset, false).map(drop))
}

impl NeuronInfo {
    fn new(model: &Model) -> Self {
        let state =
            |state: &equations::State| StateInfo { name: state.name.clone(), meaning: state.meaning.clone() };
        let parameter = |parameter: &equations::Parameter| ParameterInfo {
            name: parameter.name.clone(),
            range: parameter.range(),
            default: parameter.default,
            evolve: scope(parameter.evolve),
            meaning: parameter.meaning.clone(),
        };
        Self {
            name: model.name.clone(),
            summary: model.summary.clone(),
            equations: model.text.clone(),
            source: model.source.clone(),
            spikes: model.spikes(),
            states: model.states.iter().map(state).collect(),
            parameters: model.parameters.iter().map(parameter).collect(),
            resets: model.resets.clone(),
        }
    }
}

fn scope(scope: equations::Scope) -> Scope {
    match scope {
        equations::Scope::Fixed => Scope::Fixed,
        equations::Scope::Layer => Scope::Layer,
        equations::Scope::Neuron => Scope::Neuron,
    }
}

/// A model with its reset chosen, ready to run.
#[derive(Clone)]
pub(crate) struct Neuron {
    model: Arc<Model>,
    kernel: Arc<Kernel>,
    /// Machine code, for built-in models.
    compiled: Option<Compiled>,
    refractory: usize,
    reset: Option<String>,
    /// Those of a layer that is `like` a library's.
    switches: Option<Switches>,
}

impl Neuron {
    /// The neuron of a hidden layer; `field` is the layer's place in the config.
    pub(crate) fn of_layer(layer: &LayerConfig, field: &str) -> Result<Self, SnnError> {
        let LayerConfig { model, like, switches, reset, refractory, .. } = layer;
        let names = Switches::NAMES.map(|name| format!("\"{name}\"")).join(", ");
        let wrong = |name: &str, value: String, valid: String| {
            Err(SnnError::Like { field: format!("{field}.{name}"), value, valid })
        };
        let Some(like) = like else {
            if *switches != SwitchesConfig::default() {
                return wrong("like", "None, but there are `switches`".into(), names);
            }
            return Self::new(model, reset.as_deref(), *refractory, field);
        };
        let Some(preset) = Switches::named(like) else {
            return wrong("like", format!("\"{like}\""), names);
        };
        if model != &LayerConfig::default().model {
            let name = if model.contains('\n') { "a text".into() } else { format!("\"{model}\"") };
            return wrong("model", format!("{name}, but `like` is \"{like}\""), "one of the two".into());
        }
        if let Some(reset) = reset {
            let valid = "`switches: (reset: …)` with Subtract, Zero or Never".into();
            return wrong("reset", format!("\"{reset}\", but `like` is \"{like}\""), valid);
        }
        let switches = switches.over(preset);
        let neuron = Self::new(&switches.model(), None, *refractory, field)?;
        Ok(Self { switches: Some(switches), ..neuron })
    }

    /// The model called `text`, or written in it; `field` is the layer's place in the config.
    pub(crate) fn new(
        text: &str,
        reset: Option<&str>,
        refractory: usize,
        field: &str,
    ) -> Result<Self, SnnError> {
        let equation = |error| SnnError::Equation { field: format!("{field}.model"), error };
        let built_in = MODELS.iter().find(|(name, _)| *name == text);
        let source = match built_in {
            Some((_, source)) => source,
            None if text.contains('\n') => text,
            None => {
                let names: Vec<&str> = MODELS.iter().map(|(name, _)| *name).collect();
                return Err(SnnError::UnknownModel {
                    field: format!("{field}.model"),
                    model: text.into(),
                    valid: format!("{}, the text of a model, or a file .neuron", names.join(", ")),
                });
            }
        };
        let model = Model::parse(source).map_err(equation)?;
        let reset = match reset {
            Some(name) if !model.resets.iter().any(|reset| reset == name) => {
                return Err(SnnError::UnknownReset {
                    field: format!("{field}.reset"),
                    reset: name.into(),
                    valid: model.resets.join(", "),
                });
            }
            Some(name) => Some(name.to_owned()),
            None => model.resets.first().cloned(),
        };
        let kernel = model.kernel(reset.as_deref(), refractory > 0).map_err(equation)?;
        let compiled = built_in
            .and_then(|(name, _)| Compiled::find(name, reset.as_deref().unwrap_or(""), refractory > 0));
        let (model, kernel) = (Arc::new(model), Arc::new(kernel));
        Ok(Self { model, kernel, compiled, refractory, reset, switches: None })
    }

    /// As a sum over the ticks of a control step, which has a larger range than states.
    pub(crate) fn summing(mut self) -> Self {
        Arc::make_mut(&mut self.kernel).limit = SUM_LIMIT;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.model.name
    }

    pub(crate) fn spikes(&self) -> bool {
        self.model.spikes()
    }

    pub(crate) fn is_built_in(&self) -> bool {
        self.compiled.is_some()
    }

    /// Ticks of silence after a spike.
    pub(crate) fn refractory(&self) -> usize {
        self.refractory
    }

    /// Name of what a spike does to the state.
    pub(crate) fn reset(&self) -> Option<&str> {
        self.reset.as_deref()
    }

    /// How a neuron that is `like` a library's differs from others.
    pub(crate) fn switches(&self) -> Option<Switches> {
        self.switches
    }

    pub(crate) fn parameters(&self) -> &[equations::Parameter] {
        &self.model.parameters
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    pub(crate) fn compiled(&self) -> Option<Compiled> {
        self.compiled
    }

    /// Each parameter with its value (the one for θ = 0) and how it varies.
    pub(crate) fn resolve(
        &self,
        values: &BTreeMap<String, f64>,
        scopes: &BTreeMap<String, Scope>,
        field: &str,
    ) -> Result<Vec<(&equations::Parameter, f64, Scope)>, SnnError> {
        let parameters = &self.model.parameters;
        let known = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
        let names = || parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
        let valued = values.keys().map(|name| ("parameters", name));
        for (list, name) in valued.chain(scopes.keys().map(|name| ("evolve", name))) {
            if !known(name) {
                return Err(SnnError::UnknownParameter {
                    field: format!("{field}.{list}"),
                    parameter: name.clone(),
                    model: self.model.name.clone(),
                    valid: names(),
                });
            }
        }
        parameters
            .iter()
            .map(|parameter| {
                let value = values.get(&parameter.name).copied().unwrap_or(parameter.default);
                if !parameter.allows(value) {
                    return Err(SnnError::ParameterRange {
                        field: format!("{field}.parameters.{}", parameter.name),
                        value,
                        range: parameter.range(),
                    });
                }
                let scope = scopes.get(&parameter.name).copied().unwrap_or(scope(parameter.evolve));
                Ok((parameter, value, scope))
            })
            .collect()
    }

    /// Refuses parameters for which something in the model is no number.
    pub(crate) fn check(&self, parameters: &[f64], field: &str) -> Result<(), SnnError> {
        let mut values = Values::default();
        self.values(parameters, &mut values);
        let equation = |error| SnnError::Equation { field: format!("{field}.model"), error };
        self.kernel.check(&values.parameters).map_err(equation)
    }

    /// Constants and start states of a neuron with these parameters.
    pub(crate) fn values(&self, parameters: &[f64], into: &mut Values) {
        into.parameters.clear();
        into.parameters.extend_from_slice(parameters);
        if self.refractory > 0 {
            into.parameters.push(self.refractory as f64);
        }
        into.constants = self.kernel.constants(&into.parameters);
        into.initial = self.kernel.initial(&into.parameters);
    }
}

/// What a neuron model needs to know about one neuron.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    parameters: Vec<f64>,
    pub(crate) constants: Vec<f32>,
    pub(crate) initial: Vec<f32>,
}

/// How θ moves a parameter within its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Growth {
    /// Logistic between two bounds.
    Between(f64, f64),
    /// Exponential above a bound.
    Above(f64),
    /// Exponential below a bound.
    Below(f64),
    /// Linear.
    Free,
}

/// Change of the logit or of the logarithm, or relative change, per unit of θ.
const RATE: f64 = 0.5;

impl Growth {
    pub(crate) fn new(parameter: &equations::Parameter) -> Self {
        match (parameter.low.value, parameter.high.value) {
            (low, high) if low.is_finite() && high.is_finite() => Self::Between(low, high),
            (low, _) if low.is_finite() => Self::Above(low),
            (_, high) if high.is_finite() => Self::Below(high),
            _ => Self::Free,
        }
    }

    /// The value for `theta`, `start` for 0 (nearly, if that is a bound).
    pub(crate) fn value(self, start: f64, theta: f64) -> f64 {
        let change = RATE * theta;
        match self {
            Self::Between(low, high) => {
                let share = ((start - low) / (high - low)).clamp(1e-3, 1.0 - 1e-3);
                let logit = libm::log(share / (1.0 - share)) + change;
                low + (high - low) / (1.0 + libm::exp(-logit))
            }
            Self::Above(low) => low + (start - low).max(1e-3) * libm::exp(change.clamp(-60.0, 60.0)),
            Self::Below(high) => high - (high - start).max(1e-3) * libm::exp(change.clamp(-60.0, 60.0)),
            Self::Free => start + change * start.abs().max(1.0),
        }
    }

    /// The derivative of [`value`](Self::value) with respect to `theta`.
    pub(crate) fn slope(self, start: f64, theta: f64) -> f64 {
        let value = self.value(start, theta);
        let free = (RATE * theta).abs() <= 60.0;
        match self {
            Self::Between(low, high) => RATE * (value - low) * (high - value) / (high - low),
            Self::Above(low) if free => RATE * (value - low),
            Self::Below(high) if free => RATE * (value - high),
            Self::Above(_) | Self::Below(_) => 0.0,
            Self::Free => RATE * start.abs().max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_names_its_models() {
        let names: Vec<String> = neurons().into_iter().map(|neuron| neuron.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(names.iter().zip(MODELS).all(|(name, (listed, _))| name == listed));
    }

    #[test]
    fn slopes_are_those_of_the_values() {
        for growth in [Growth::Between(-1.0, 3.0), Growth::Above(0.5), Growth::Below(3.0), Growth::Free] {
            for theta in [-3.0, -0.2, 0.0, 1.7] {
                let value = |theta| growth.value(0.7, theta);
                let difference = (value(theta + 1e-5) - value(theta - 1e-5)) / 2e-5;
                let slope = growth.slope(0.7, theta);
                assert!((slope - difference).abs() < 1e-8 * slope.abs().max(1.0), "{growth:?} at {theta}");
            }
        }
    }

    #[test]
    fn evolved_values_start_at_the_default_and_stay_in_range() {
        for (range, start, low, high) in [
            (Growth::Between(0.0, 1.0), 0.7, 0.0, 1.0),
            (Growth::Above(0.0), 1.0, 0.0, f64::INFINITY),
            (Growth::Below(3.0), -1.0, f64::NEG_INFINITY, 3.0),
            (Growth::Free, 5.0, f64::NEG_INFINITY, f64::INFINITY),
        ] {
            assert!((range.value(start, 0.0) - start).abs() < 1e-9);
            let values: Vec<f64> = (-40..=40).map(|t| range.value(start, f64::from(t))).collect();
            assert!(values.iter().all(|v| (low..=high).contains(v)), "{values:?}");
            let rising = values.windows(2).all(|w| w[0] <= w[1]);
            assert!(rising != matches!(range, Growth::Below(_)), "{values:?}");
        }
    }
}
