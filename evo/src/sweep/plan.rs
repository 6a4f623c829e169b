//! A sweep file with its base config, checked.

use records::text::{self, ConfigError, Document};
use serde_json::Value;
use training::config::Config;
use training::gradient::Teachers;
use training::stages;

use super::axis::{Axis, Setting, pick};
use super::config::SweepConfig;
use super::names::{BASES, INIT};
use super::{check, sampler};

/// Most trials of a sweep; more is a typing error.
const TRIALS_MAX: usize = 100_000;

/// What a sweep is going to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The sweep file.
    pub config: SweepConfig,
    /// The configs that trials change, at least one.
    pub bases: Vec<Base>,
    /// Number of trials.
    pub trials: usize,
    strata: Vec<Vec<usize>>,
}

/// A config that trials change.
#[derive(Clone, Debug)]
pub struct Base {
    /// Name in tables.
    pub name: String,
    /// The config.
    pub config: Config,
    /// Generations of each rung; as many rungs as every other base has.
    pub rungs: Vec<u64>,
    /// Which group of bases, all of one task, it is in; trials of different tasks are not compared.
    pub task: usize,
    whole: Vec<bool>,
}

/// A trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Number, from 0.
    pub number: usize,
    /// Index of the config that it changes.
    pub base: usize,
    /// Value of each axis as tables show it.
    pub labels: Vec<String>,
    /// Changes of that config.
    pub sets: Vec<String>,
}

impl Plan {
    /// Checks a sweep file against its base configs, in the order of [`SweepConfig::sources`]; `teachers` keeps those
    /// that it has read.
    ///
    /// # Errors
    /// What is wrong, at its place in the file.
    pub fn new(
        document: &Document,
        config: SweepConfig,
        bases: Vec<Config>,
        teachers: &mut Teachers,
    ) -> Result<Self, ConfigError> {
        check::document(document, &config, &bases, teachers)?;
        Self::stored(config, bases).map_err(|message| document.invalid("sampler", &message))
    }

    /// Of a sweep that has been checked before.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn stored(config: SweepConfig, bases: Vec<Config>) -> Result<Self, String> {
        let sources = config.sources();
        if sources.len() != bases.len() {
            return Err(format!("{} configs for {} names", bases.len(), sources.len()));
        }
        let trials = match sampler::trials(&config.sampler, &config.axes) {
            Some(trials) if (1..=TRIALS_MAX).contains(&trials) => trials,
            _ => return Err(format!("a sweep has 1 to {TRIALS_MAX} trials")),
        };
        let mut made: Vec<Base> = Vec::new();
        for (source, base) in sources.into_iter().zip(bases) {
            let same =
                |other: &&Base| (&other.config.env, &other.config.changes) == (&base.env, &base.changes);
            let task = made.iter().find(same).map(|other| other.task);
            let task = task.unwrap_or_else(|| made.iter().map(|other| other.task + 1).max().unwrap_or(0));
            let whole = whole(&config, &base)?;
            let rungs = config.rungs(stages::generations(&base));
            made.push(Base { name: source.name, config: base, rungs, task, whole });
        }
        let strata = sampler::strata(&config.sampler, &config.axes, config.seed, trials);
        Ok(Self { config, bases: made, trials, strata })
    }

    /// The config that a trial at this point changes.
    #[must_use]
    pub fn base(&self, point: &[f64]) -> &Base {
        &self.bases[self.base_index(point)]
    }

    fn base_index(&self, point: &[f64]) -> usize {
        if self.bases.len() > 1 { pick(point[0], self.bases.len()) } else { 0 }
    }

    /// Number of rungs, at least 1.
    #[must_use]
    pub fn rungs(&self) -> usize {
        self.bases[0].rungs.len()
    }

    /// Names of the tasks, by [`Base::task`].
    #[must_use]
    pub fn tasks(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for base in &self.bases {
            if base.task == names.len() {
                let name = base.config.env.name();
                let taken = names.iter().any(|other| other == name);
                let differs = taken || !base.config.changes.is_empty();
                names.push(if differs { format!("{name} ({})", base.name) } else { name.to_owned() });
            }
        }
        names
    }

    /// Where a base's config lies in the sweep's folder.
    #[must_use]
    pub fn base_file(&self, base: usize) -> String {
        match &self.config.axes[0] {
            Axis::Config { .. } => format!("{BASES}/{}.ron", self.bases[base].name),
            _ => "base.ron".to_owned(),
        }
    }

    /// Text of a sweep file that does the same from within the sweep's folder, where `base.ron` is.
    /// `sweep` is the sweep file as data.
    pub(super) fn portable(&self, sweep: &Value) -> String {
        let mut text = String::from("(\n");
        for (key, value) in sweep.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                // The changes are in the configs that lie beside.
                ("set", _) | (_, Value::Null) => {}
                ("config", _) => text.push_str("    config: \"base.ron\",\n"),
                ("init", _) => text.push_str(&format!("    init: \"{INIT}\",\n")),
                ("axes", Value::Array(axes)) => {
                    let line = |(index, axis): (usize, &Value)| {
                        let axis = match &self.config.axes[index] {
                            Axis::Config { .. } => self.portable_bases(),
                            _ => text::value_text(axis),
                        };
                        format!("        {axis},\n")
                    };
                    let lines = axes.iter().enumerate().map(line);
                    text.push_str(&format!("    axes: [\n{}    ],\n", lines.collect::<String>()));
                }
                (_, value) => text.push_str(&format!("    {key}: {},\n", text::value_text(value))),
            }
        }
        text + ")\n"
    }

    fn portable_bases(&self) -> String {
        let files = (0..self.bases.len()).map(|base| format!("{:?}", self.base_file(base)));
        format!("Config(values: [{}])", files.collect::<Vec<_>>().join(", "))
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

    /// Whether an axis takes whole numbers only, which a field has in every config or in none.
    #[must_use]
    pub fn is_whole(&self, axis: usize) -> bool {
        self.bases[0].whole[axis]
    }

    /// Point of a trial on the axes, given those of earlier batches and their values.
    #[must_use]
    pub fn point(&self, trial: usize, history: &[(Vec<f64>, Option<f64>)]) -> Vec<f64> {
        let SweepConfig { sampler, axes, seed, .. } = &self.config;
        sampler::point(sampler, axes, *seed, trial, &self.strata, history)
    }

    /// The trial at a point.
    #[must_use]
    pub fn trial(&self, number: usize, point: &[f64]) -> Trial {
        let base = self.base_index(point);
        let axes = self.config.axes.iter().zip(point).zip(&self.bases[base].whole);
        let settings: Vec<Setting> = axes.map(|((axis, &x), &whole)| axis.at(x, whole)).collect();
        Trial {
            number,
            base,
            labels: settings.iter().map(|setting| setting.label.clone()).collect(),
            sets: settings.into_iter().flat_map(|setting| setting.sets).collect(),
        }
    }

    /// Whether a trial is trained by gradient: whether its config has a `task`.
    #[must_use]
    pub fn is_by_gradient(&self, trial: &Trial) -> bool {
        let task = |set: &String| {
            let (path, value) = set.split_once('=')?;
            (path.trim() == "task").then(|| value.trim() != "None")
        };
        let chosen = trial.sets.iter().rev().find_map(task);
        chosen.unwrap_or(self.bases[trial.base].config.task.is_some())
    }

    /// The trials that do not depend on results: all, or the first batch of TPE.
    #[must_use]
    pub fn known(&self) -> Vec<Trial> {
        let end = sampler::batch_end(&self.config.sampler, self.trials, 0);
        (0..end).map(|number| self.trial(number, &self.point(number, &[]))).collect()
    }
}

/// Of each axis, whether it takes whole numbers only. Later axes may be fields of a variant that an
/// earlier one chooses.
fn whole(config: &SweepConfig, base: &Config) -> Result<Vec<bool>, String> {
    let mut earlier = base.clone();
    let mut whole = Vec::new();
    for axis in &config.axes {
        let is_whole = axis.is_whole(&earlier);
        whole.push(is_whole);
        let first = axis.at(axis.grid_point(0, axis.choices().unwrap_or(2)), is_whole);
        earlier = stages::apply(earlier, &first.sets).map_err(|error| error.to_string())?;
    }
    Ok(whole)
}
