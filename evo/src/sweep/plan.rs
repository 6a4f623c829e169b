//! A sweep file with its base config, checked.

use serde_json::Value;

use super::axis::{Axis, Setting};
use super::config::{Halving, Sampler, SweepConfig};
use super::sampler;
use super::{SweepError, trial_name};
use crate::config::Config;
use crate::patch;
use crate::ron_io::{self, ConfigError, Document};

/// Most trials of a sweep; more is a typing error.
const TRIALS_MAX: usize = 100_000;

/// What a sweep is going to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The sweep file.
    pub config: SweepConfig,
    /// The config that trials change.
    pub base: Config,
    /// Generations of each rung.
    pub rungs: Vec<u64>,
    /// Number of trials.
    pub trials: usize,
    whole: Vec<bool>,
}

/// A trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Number, from 0.
    pub number: usize,
    /// Value of each axis as tables show it.
    pub labels: Vec<String>,
    /// Changes of the base config.
    pub sets: Vec<String>,
}

impl Plan {
    /// Checks a sweep file against its base config.
    ///
    /// # Errors
    /// What is wrong, at its place in the file.
    pub fn new(document: &Document, config: SweepConfig, base: Config) -> Result<Self, ConfigError> {
        let wrong = |path: &str, message: &str| Err(document.invalid(path, message));
        if config.axes.is_empty() {
            return wrong("axes", "a sweep needs at least one axis");
        }
        if config.seeds.is_empty() {
            return wrong("seeds", "a sweep needs at least one seed");
        }
        for (index, seed) in config.seeds.iter().enumerate() {
            if config.seeds[..index].contains(seed) {
                return wrong(&format!("seeds[{index}]"), &format!("seed {seed} is given twice"));
            }
        }
        check_sampler(document, &config, &base)?;
        let mut earlier = base.clone();
        for (index, axis) in config.axes.iter().enumerate() {
            let place = format!("axes[{index}].{}", axis.kind());
            if config.axes[..index].iter().any(|other| other.name() == axis.name()) {
                return wrong(&place, &format!("two axes are called '{}'", axis.name()));
            }
            check_axis(document, &config, axis, &place)?;
            let is_whole = axis.is_whole(&earlier);
            let count = axis.choices().unwrap_or(2);
            let mut first = None;
            for value in 0..count {
                let setting = axis.at(axis.grid_point(value, count), is_whole);
                let place = match axis {
                    Axis::List { .. } => format!("{place}.values[{value}]"),
                    Axis::Range { .. } | Axis::LogRange { .. } => {
                        format!("{place}.{}", if value == 0 { "from" } else { "to" })
                    }
                    Axis::Choice { .. } => format!("{place}.options.{}", setting.label),
                };
                for set in &setting.sets {
                    let path = set.split('=').next().unwrap_or_default().trim();
                    if path == "run.seed" || path == "run.generations" {
                        let instead = if path == "run.seed" { "seeds" } else { "set" };
                        let message = format!("{path} cannot be an axis; use the field '{instead}'");
                        return wrong(&place, &message);
                    }
                }
                let changed = patch::apply(earlier.clone(), &setting.sets).map_err(|error| {
                    let unknown = matches!(error, patch::PatchError::UnknownField { .. });
                    let at = if unknown { format!("{}.path", place_of_axis(&place)) } else { place.clone() };
                    document.invalid(&at, &format!("axis {}: {}", axis.name(), error.reason()))
                })?;
                if let Err(error) = changed.validate() {
                    return wrong(&place, &error.to_string());
                }
                first.get_or_insert(changed);
            }
            // Later axes may be fields of a variant that this one chooses.
            earlier = first.unwrap_or(earlier);
        }
        Self::stored(config, base).map_err(|message| document.invalid("sampler", &message))
    }

    /// Of a sweep that has been checked before.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn stored(config: SweepConfig, base: Config) -> Result<Self, String> {
        let mut earlier = base.clone();
        let mut whole = Vec::new();
        for axis in &config.axes {
            let is_whole = axis.is_whole(&earlier);
            whole.push(is_whole);
            // Later axes may be fields of a variant that this one chooses.
            let first = axis.at(axis.grid_point(0, axis.choices().unwrap_or(2)), is_whole);
            earlier = patch::apply(earlier, &first.sets).map_err(|error| error.to_string())?;
        }
        let trials = match sampler::trials(&config.sampler, &config.axes) {
            Some(trials) if (1..=TRIALS_MAX).contains(&trials) => trials,
            _ => return Err(format!("a sweep has 1 to {TRIALS_MAX} trials")),
        };
        let rungs = config.rungs(base.run.generations);
        Ok(Self { config, base, rungs, trials, whole })
    }

    /// Text of a sweep file that does the same from within the sweep's folder, where `base.ron` is.
    /// `sweep` is the sweep file as data.
    pub(super) fn portable(&self, sweep: &Value) -> String {
        let mut text = String::from("(\n");
        for (key, value) in sweep.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("config", _) => text.push_str("    config: \"base.ron\",\n"),
                // They are in base.ron.
                ("set", _) | (_, Value::Null) => {}
                ("axes", Value::Array(axes)) => {
                    let lines = axes.iter().map(|axis| format!("        {},\n", ron_io::value_text(axis)));
                    text.push_str(&format!("    axes: [\n{}    ],\n", lines.collect::<String>()));
                }
                (_, value) => text.push_str(&format!("    {key}: {},\n", ron_io::value_text(value))),
            }
        }
        text + ")\n"
    }

    /// Short names of the axes: as many last parts of their paths as tell them apart.
    #[must_use]
    pub fn short_names(&self) -> Vec<&str> {
        let names: Vec<&str> = self.config.axes.iter().map(Axis::name).collect();
        let is_alone = |short: &str| {
            let inside = |name: &&&str| **name == short || name.ends_with(&format!(".{short}"));
            names.iter().filter(inside).count() == 1
        };
        let shorten = |name: &&'_ str| {
            let starts = name.rmatch_indices('.').map(|(dot, _)| dot + 1);
            starts.chain([0]).find(|&start| is_alone(&name[start..])).unwrap_or(0)
        };
        let starts: Vec<usize> = names.iter().map(shorten).collect();
        names.into_iter().zip(starts).map(|(name, start)| &name[start..]).collect()
    }

    /// Whether an axis takes whole numbers only.
    #[must_use]
    pub fn is_whole(&self, axis: usize) -> bool {
        self.whole[axis]
    }

    /// Point of a trial on the axes, given those of earlier batches and their values.
    #[must_use]
    pub fn point(&self, trial: usize, history: &[(Vec<f64>, Option<f64>)]) -> Vec<f64> {
        let SweepConfig { sampler, axes, seed, .. } = &self.config;
        sampler::point(sampler, axes, *seed, trial, self.trials, history)
    }

    /// The trial at a point.
    #[must_use]
    pub fn trial(&self, number: usize, point: &[f64]) -> Trial {
        let axes = self.config.axes.iter().zip(point).zip(&self.whole);
        let settings: Vec<Setting> = axes.map(|((axis, &x), &whole)| axis.at(x, whole)).collect();
        Trial {
            number,
            labels: settings.iter().map(|setting| setting.label.clone()).collect(),
            sets: settings.into_iter().flat_map(|setting| setting.sets).collect(),
        }
    }

    /// The trials that do not depend on results: all, or the first batch of TPE.
    ///
    /// # Errors
    /// The first trial whose values do not go together.
    pub fn known(&self) -> Result<Vec<Trial>, SweepError> {
        let end = sampler::batch_end(&self.config.sampler, self.trials, 0);
        (0..end)
            .map(|number| {
                let trial = self.trial(number, &self.point(number, &[]));
                match patch::apply(self.base.clone(), &trial.sets) {
                    Ok(_) => Ok(trial),
                    Err(error) => {
                        Err(SweepError::Trial { trial: trial_name(number), message: error.to_string() })
                    }
                }
            })
            .collect()
    }
}

/// `axes[0].List` of `axes[0].List.values[1]`.
fn place_of_axis(place: &str) -> String {
    place.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

fn check_sampler(document: &Document, config: &SweepConfig, base: &Config) -> Result<(), ConfigError> {
    let wrong = |path: &str, message: &str| Err(document.invalid(path, message));
    if let Some(Halving { first, factor }) = config.halving {
        if first == 0 || first >= base.run.generations {
            let message = format!(
                "first = {first}: must be at least 1 and below run.generations = {}",
                base.run.generations
            );
            return wrong("halving.first", &message);
        }
        if factor < 2 {
            return wrong("halving.factor", &format!("factor = {factor}: must be at least 2"));
        }
        if matches!(config.sampler, Sampler::Tpe { .. }) {
            return wrong("halving", "halving does not go with Tpe, which learns from whole trials");
        }
    }
    if let Sampler::Tpe { startup, batch, gamma, candidates, .. } = config.sampler {
        let at = |field: &str| format!("sampler.Tpe.{field}");
        if startup < 2 {
            return wrong(&at("startup"), "startup must be at least 2");
        }
        if batch < 1 {
            return wrong(&at("batch"), "batch must be at least 1");
        }
        if !(gamma > 0.0 && gamma < 1.0) {
            return wrong(&at("gamma"), "gamma must be above 0 and below 1");
        }
        if candidates < 1 {
            return wrong(&at("candidates"), "candidates must be at least 1");
        }
    }
    Ok(())
}

fn check_axis(
    document: &Document,
    config: &SweepConfig,
    axis: &Axis,
    place: &str,
) -> Result<(), ConfigError> {
    let wrong = |field: &str, message: &str| Err(document.invalid(&format!("{place}.{field}"), message));
    match axis {
        Axis::List { values, path } if values.is_empty() => {
            return wrong("values", &format!("axis {path} has no values"));
        }
        Axis::Choice { options, name } if options.is_empty() => {
            return wrong("options", &format!("axis {name} has no options"));
        }
        Axis::List { .. } | Axis::Choice { .. } => {}
        Axis::Range { path, from, to, steps } | Axis::LogRange { path, from, to, steps } => {
            if to <= from {
                return wrong("to", &format!("axis {path} is empty: 'to' must be above 'from'"));
            }
            if matches!(axis, Axis::LogRange { .. }) && *from <= 0.0 {
                return wrong("from", &format!("axis {path}: a logarithmic range starts above 0"));
            }
            match steps {
                None if config.sampler == Sampler::Grid => {
                    return wrong("path", &format!("axis {path}: a grid needs 'steps' of a range"));
                }
                Some(steps) if *steps < 2 => {
                    return wrong("steps", &format!("axis {path}: steps must be at least 2"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
