//! Surrogates: what stands in for the derivative of the step of a spike.
//!
//! Forwards a neuron spikes or not; backwards the step has the slope `g(u)`, where u is how far the
//! left side of the model's `spike` line lies above the right one, mostly `v - threshold`. A
//! surrogate is one expression of `u` and parameters in the language of the neuron models; to add
//! one, add it to [`TABLE`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::GradientError;
use super::program::{BLOCK, Program, Row, Tick};
use crate::equations::Model;
use crate::real::Real;

/// Description of a surrogate, for listings and documentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurrogateInfo {
    /// Name in configs.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Slope of a spike as an expression of `u` and the parameters.
    pub expression: &'static str,
    /// Where it comes from, and who uses it with which parameters.
    pub source: &'static str,
    /// Parameters.
    pub parameters: Vec<SurrogateParameter>,
}

/// A parameter of a surrogate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurrogateParameter {
    /// Name in the expression and in configs.
    pub name: &'static str,
    /// Default.
    pub default: f64,
    /// Unit, where `u` is in that of the model's membrane potential.
    pub unit: &'static str,
    /// Valid values.
    pub range: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

type Entry = (&'static str, &'static str, &'static str, &'static str, &'static [Parameter]);
type Parameter = (&'static str, f64, &'static str, &'static str, &'static str);

/// Unit of sharpnesses and slopes.
const PER_U: &str = "1/u";

/// Name, summary, expression, source, parameters (name, default, unit, range, meaning); in alphabetical order.
const TABLE: &[Entry] = &[
    (
        "arctan",
        "derivative of an arc tangent",
        "0.5*alpha/(1 + (1.5707963267948966*alpha*u)^2)",
        "Fang et al., Incorporating learnable membrane time constant (ICCV 2021); snnTorch's default, with alpha = 2. \
         Spyx's arctan(k) is this with alpha = 2 k, divided by pi k",
        &[("alpha", 2.0, PER_U, "(0, inf)", "sharpness")],
    ),
    (
        "boxcar",
        "constant near the threshold, 0 elsewhere",
        "if(abs(u) < 0.5*width, height, 0)",
        "Kaiser, Mostafa and Neftci, Synaptic plasticity dynamics for deep continuous local learning (Frontiers in \
         Neuroscience 2020); defaults of Spyx",
        &[
            ("width", 2.0, "u", "(0, inf)", "length of the interval"),
            ("height", 0.5, PER_U, "(0, inf)", "slope within it"),
        ],
    ),
    (
        "fast_sigmoid",
        "derivative of a fast sigmoid, with long tails",
        "1/(1 + slope*abs(u))^2",
        "Zenke and Vogels, The remarkable robustness of surrogate gradient learning (Neural Computation 2021); \
         snnTorch and Spyx (as superspike) with slope = 25, Norse 1.1 always with 1",
        &[("slope", 25.0, PER_U, "(0, inf)", "sharpness")],
    ),
    (
        "gaussian",
        "bell curve",
        "height*exp(-0.5*(u/width)^2)",
        "Yin, Corradi and Bohte, Accurate and efficient time-domain classification with adaptive spiking recurrent \
         neural networks (Nature Machine Intelligence 2021)",
        &[
            ("width", 0.5, "u", "(0, inf)", "standard deviation"),
            (
                "height",
                0.7978845608028654,
                PER_U,
                "(0, inf)",
                "slope at the threshold; the default makes the area 1",
            ),
        ],
    ),
    (
        "sigmoid",
        "derivative of the logistic function",
        "slope*sigmoid(slope*u)*sigmoid(-slope*u)",
        "Neftci, Mostafa and Zenke, Surrogate gradient learning in spiking neural networks (IEEE Signal Processing \
         Magazine 2019); snnTorch with slope = 25",
        &[("slope", 25.0, PER_U, "(0, 80]", "sharpness")],
    ),
    (
        "straight_through",
        "1 everywhere",
        "1",
        "Bengio, Leonard and Courville, Estimating or propagating gradients through stochastic neurons (arXiv \
         1308.3432, 2013). Gradients of long sequences explode",
        &[],
    ),
    (
        "super_spike",
        "fast_sigmoid with the sharpness of its first paper",
        "1/(1 + beta*abs(u))^2",
        "Zenke and Ganguli, SuperSpike: supervised learning in multilayer spiking neural networks (Neural \
         Computation 2018); Norse's nominal default is beta = 100",
        &[("beta", 100.0, PER_U, "(0, inf)", "sharpness")],
    ),
    (
        "triangular",
        "falls linearly on both sides of the threshold",
        "height*max(0, 1 - slope*abs(u))",
        "Bellec et al., Long short-term memory and learning-to-learn in networks of spiking neurons (NeurIPS 2018), \
         there with height = 0.3 and slope = 1 / threshold; defaults of Spyx. snnTorch's `triangular` is something \
         else, without bounds",
        &[
            ("height", 1.0, PER_U, "(0, inf)", "slope at the threshold"),
            ("slope", 2.0, PER_U, "(0, inf)", "how fast it falls; 0 from 1/slope on"),
        ],
    ),
];

/// The surrogates that [`SurrogateConfig::function`] can name, in alphabetical order.
#[must_use]
pub fn surrogates() -> Vec<SurrogateInfo> {
    let parameter = |&(name, default, unit, range, meaning): &Parameter| SurrogateParameter {
        name,
        default,
        unit,
        range,
        meaning,
    };
    let info = |&(name, summary, expression, source, parameters): &Entry| SurrogateInfo {
        name,
        summary,
        expression,
        source,
        parameters: parameters.iter().map(parameter).collect(),
    };
    TABLE.iter().map(info).collect()
}

/// Which surrogate, and its parameters.
///
/// In RON: `(function: "arctan", parameters: {"alpha": 5})`, or with an expression of one's own
/// `(function: "0.3*max(0, 1 - abs(u)/w)", parameters: {"w": 2})`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SurrogateConfig {
    /// Name of a surrogate, one of [`surrogates`], or an expression of `u` and `parameters` in the
    /// language of the neuron models. Default `"fast_sigmoid"`.
    pub function: String,
    /// Parameters that differ from the defaults; for an expression, all its parameters. Default `{}`.
    pub parameters: BTreeMap<String, f64>,
}

impl Default for SurrogateConfig {
    fn default() -> Self {
        Self::named("fast_sigmoid")
    }
}

impl SurrogateConfig {
    /// A surrogate with its default parameters, or an expression without parameters.
    #[must_use]
    pub fn named(function: &str) -> Self {
        Self { function: function.into(), parameters: BTreeMap::new() }
    }

    /// The surrogate that a library takes by default, one of [`Switches::NAMES`](crate::Switches::NAMES).
    #[must_use]
    pub fn of_library(name: &str) -> Option<Self> {
        match name {
            "snntorch" => Some(Self::named("arctan")),
            "spyx" => Some(Self::named("fast_sigmoid")),
            "norse" => Some(Self::named("fast_sigmoid").with("slope", 1.0)),
            _ => None,
        }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: f64) -> Self {
        self.parameters.insert(parameter.into(), value);
        self
    }

    /// Checks name, expression and parameters.
    ///
    /// # Errors
    /// [`GradientError`] names what is wrong and what would be valid.
    pub fn validate(&self) -> Result<(), GradientError> {
        Surrogate::new(self).map(drop)
    }
}

/// A surrogate that can be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Surrogate {
    program: Program,
    constants: Vec<f64>,
}

impl Surrogate {
    pub(crate) fn new(config: &SurrogateConfig) -> Result<Self, GradientError> {
        let function = config.function.trim();
        let entry = TABLE.iter().find(|(name, ..)| *name == function);
        let mut parameters: Vec<(&str, f64, &str)> = Vec::new();
        let expression = match entry {
            Some((_, _, expression, _, known)) => {
                let named: Vec<&str> = known.iter().map(|(name, ..)| *name).collect();
                if let Some(name) = config.parameters.keys().find(|name| !named.contains(&name.as_str())) {
                    let valid = if named.is_empty() { "none".into() } else { named.join(", ") };
                    let message = format!("`{function}` has no such parameter; valid: {valid}");
                    return Err(GradientError::SurrogateParameter { name: name.clone(), message });
                }
                for &(name, default, _, range, _) in *known {
                    parameters.push((name, config.parameters.get(name).copied().unwrap_or(default), range));
                }
                *expression
            }
            None => {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let name = function.starts_with(char::is_alphabetic) && function.chars().all(word);
                if name && function != "u" && !config.parameters.contains_key(function) {
                    let valid: Vec<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
                    return Err(GradientError::UnknownSurrogate {
                        name: function.into(),
                        valid: valid.join(", "),
                    });
                }
                let all = config.parameters.iter();
                parameters.extend(all.map(|(name, &value)| (name.as_str(), value, "(-inf, inf)")));
                function
            }
        };
        if let Some(at) = expression.find(['\n', '#']) {
            let column = expression[..at].chars().count() as u32 + 1;
            let message = "a surrogate is one expression in one line".into();
            return Err(GradientError::SurrogateExpression { column, message });
        }
        let mut text = String::from("model surrogate\n");
        for (name, value, range) in &parameters {
            text += &format!("param {name} = {value:e} in {range}\n");
        }
        text += "state slope_of_spike = 0\nlet u = I\nslope_of_spike = ";
        text += expression;
        let prefix = "slope_of_spike = ".len() as u32;
        let place = |line: u32, column: u32, message: String| match parameters.get(line as usize - 2) {
            Some((name, ..)) => GradientError::SurrogateParameter { name: (*name).to_owned(), message },
            None => {
                GradientError::SurrogateExpression { column: column.saturating_sub(prefix).max(1), message }
            }
        };
        let model = Model::parse(&text).map_err(|e| place(e.line.max(2), e.column, e.message))?;
        let kernel = model.kernel(None, false).map_err(|e| place(e.line.max(2), e.column, e.message))?;
        let values: Vec<f64> = parameters.iter().map(|(_, value, _)| *value).collect();
        Ok(Self { constants: kernel.exact_constants(&values), program: Program::new(&kernel, false, false) })
    }

    /// Working memory for [`slopes`](Self::slopes).
    pub(super) fn scratch<T: Real>(&self) -> Vec<Row<T>> {
        let mut values = Vec::new();
        self.program.literals(&mut values);
        let constants: Vec<T> = self.constants.iter().map(|&constant| T::of(constant)).collect();
        self.program.share(&mut values, &constants);
        values
    }

    /// The slopes at `u`.
    #[inline(always)]
    pub(super) fn slopes<T: Real>(&self, scratch: &mut [Row<T>], u: &Row<T>, out: &mut Row<T>) {
        let tick = Tick {
            constants: &[],
            individual: false,
            forward: &u.0,
            recurrent: &[],
            states: &[T::ZERO; BLOCK],
            rows: (BLOCK, BLOCK),
            smooth: None,
        };
        self.program.values(scratch, &tick, 0);
        out.0 = *self.program.result(scratch);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn slopes(config: &SurrogateConfig, u: &[f64]) -> Vec<f64> {
        let surrogate = Surrogate::new(config).unwrap();
        let mut scratch = surrogate.scratch::<f32>();
        let mut row = Row([0.0; BLOCK]);
        for (row, &u) in row.0.iter_mut().zip(u) {
            *row = u as f32;
        }
        let mut out = Row([0.0; BLOCK]);
        surrogate.slopes(&mut scratch, &row, &mut out);
        out.0[..u.len()].iter().map(|&slope| f64::from(slope)).collect()
    }

    #[test]
    fn every_built_in_is_its_formula() {
        let u = [-3.0, -0.6, -0.3, -0.02, 0.0, 0.01, 0.2, 0.45, 0.9, 2.5];
        let names: Vec<&str> = surrogates().iter().map(|s| s.name).collect();
        assert!(names.is_sorted());
        for name in names {
            let formula = |u: f64| match name {
                "arctan" => 1.0 / (1.0 + (std::f64::consts::PI * u).powi(2)),
                "boxcar" => f64::from(u8::from(u.abs() < 1.0)) * 0.5,
                "fast_sigmoid" => (1.0 + 25.0 * u.abs()).powi(-2),
                "gaussian" => (-2.0 * u * u).exp() / (0.5 * (2.0 * std::f64::consts::PI).sqrt()),
                "sigmoid" => 25.0 / (2.0 + (25.0 * u).exp() + (-25.0 * u).exp()),
                "straight_through" => 1.0,
                "super_spike" => (1.0 + 100.0 * u.abs()).powi(-2),
                "triangular" => (1.0 - 2.0 * u.abs()).max(0.0),
                other => panic!("{other} has no formula here"),
            };
            for (&u, slope) in u.iter().zip(slopes(&SurrogateConfig::named(name), &u)) {
                let expected = formula(f64::from(u as f32));
                assert!(
                    (slope - expected).abs() <= 3e-6 * expected,
                    "{name} at {u}: {slope}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn a_users_expression_has_parameters() {
        let own = SurrogateConfig::named("if(u > 0, a, b) * u^2").with("a", 3.0).with("b", -0.5);
        assert_eq!(slopes(&own, &[2.0, -2.0, 0.0]), [12.0, -2.0, 0.0]);
        assert_eq!(slopes(&SurrogateConfig::named("u"), &[0.25]), [0.25]);
    }

    #[test]
    fn mistakes_are_named_with_their_column() {
        let message = |config: SurrogateConfig| config.validate().unwrap_err().to_string();
        let named = SurrogateConfig::named;
        for (config, parts) in [
            (named("fast_sigmod"), &["unknown surrogate \"fast_sigmod\"", "fast_sigmoid, gaussian"][..]),
            (named("1/(1 + k*abs(u))"), &["column 8", "unknown symbol `k`"]),
            (named("1/(1 + abs(u)"), &["column 14"]),
            (named("max(0)"), &["column 1", "2 arguments"]),
            (named("u > 1"), &["column", "condition"]),
            (named("u\nspike I > 1"), &["column 2", "one line"]),
            (named("arctan").with("beta", 1.0), &["parameters.beta", "valid: alpha"]),
            (named("arctan").with("alpha", -1.0), &["parameters.alpha", "(0, inf)"]),
            (named("k*u").with("k", f64::NAN), &["parameters.k"]),
            (named("exp*u").with("exp", 1.0), &["exp"]),
        ] {
            let message = message(config);
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }
}
