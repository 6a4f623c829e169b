//! A sweep file with its base config, checked.

use serde_json::Value;

use super::axis::{Axis, Setting, pick};
use super::config::{Halving, Sampler, SweepConfig};
use super::journal::Records;
use super::{INIT, check, sampler, table};
use crate::config::Config;
use crate::patch;
use crate::ron_io::{self, ConfigError, Document};

/// Most trials of a sweep; more is a typing error.
const TRIALS_MAX: usize = 100_000;

/// Folder of a sweep's configs if there are several.
const BASES: &str = "bases";

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
    /// Checks a sweep file against its base configs, in the order of [`SweepConfig::sources`].
    ///
    /// # Errors
    /// What is wrong, at its place in the file.
    pub fn new(document: &Document, config: SweepConfig, bases: Vec<Config>) -> Result<Self, ConfigError> {
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
        Self::check_sources(document, &config)?;
        for (index, axis) in config.axes.iter().enumerate() {
            let place = format!("axes[{index}].{}", axis.kind());
            if config.axes[..index].iter().any(|other| other.name() == axis.name()) {
                return wrong(&place, &format!("two axes are called '{}'", axis.name()));
            }
            check_axis(document, &config, axis, &place)?;
        }
        let sources = config.sources();
        for (source, base) in sources.iter().zip(&bases) {
            check_sampler(document, &config, base)?;
            let of = if sources.len() > 1 { format!(" (config {})", source.name) } else { String::new() };
            check_values(document, &config, base, &of)?;
        }
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
            let rungs = config.rungs(base.run.generations);
            made.push(Base { name: source.name, config: base, rungs, task, whole });
        }
        let strata = sampler::strata(&config.sampler, &config.axes, config.seed, trials);
        Ok(Self { config, bases: made, trials, strata })
    }

    /// Checks that a sweep has either a config or an axis of configs, and that their names can be files'.
    ///
    /// # Errors
    /// What is wrong, at its place in the file.
    pub fn check_sources(document: &Document, config: &SweepConfig) -> Result<(), ConfigError> {
        let wrong = |path: &str, message: &str| Err(document.invalid(path, message));
        let is_config = |axis: &Axis| matches!(axis, Axis::Config { .. });
        if let Some(index) = config.axes.iter().skip(1).position(is_config) {
            return wrong(&format!("axes[{}].Config", index + 1), "Config must be the first axis");
        }
        let Some(Axis::Config { values }) = config.axes.first() else {
            return match config.config {
                Some(_) => Ok(()),
                None => wrong("", "missing field 'config', or Config(values: [...]) as the first axis"),
            };
        };
        if config.config.is_some() {
            return wrong("config", "give either 'config' or the axis Config, not both");
        }
        if config.halving.is_some() || matches!(config.sampler, Sampler::Tpe { .. }) {
            let place = if config.halving.is_some() { "halving" } else { "sampler" };
            return wrong(
                place,
                "neither halving nor Tpe goes with Config: they compare returns of one task",
            );
        }
        for (index, source) in values.iter().enumerate() {
            let place = format!("axes[0].Config.values[{index}]");
            let name = &source.name;
            let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
                return wrong(&place, &format!("name '{name}': use letters, digits, '-', '_' and '.'"));
            }
            if values[..index].iter().any(|other| other.name == *name) {
                return wrong(&place, &format!("two configs are called '{name}'; give one of them a 'name'"));
            }
        }
        Ok(())
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
                            _ => ron_io::value_text(axis),
                        };
                        format!("        {axis},\n")
                    };
                    let lines = axes.iter().enumerate().map(line);
                    text.push_str(&format!("    axes: [\n{}    ],\n", lines.collect::<String>()));
                }
                (_, value) => text.push_str(&format!("    {key}: {},\n", ron_io::value_text(value))),
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

    /// Points of the trials before `end` with their values after the highest rung at which enough of them
    /// have one (Falkner, Klein, Hutter 2018: two more than axes), else after the first. Trials that failed
    /// have none; those that halving has stopped before that rung are left out.
    #[must_use]
    pub fn history(&self, records: &Records, end: usize) -> Vec<(Vec<f64>, Option<f64>)> {
        let value = |trial, rung| table::score(self, records, trial, rung).map(|score| score.value);
        let scored = |rung| (0..end).filter(|&trial| value(trial, rung).is_some()).count();
        let enough = self.config.axes.len() + 2;
        let rung = (0..self.rungs()).rev().find(|&rung| scored(rung) >= enough).unwrap_or(0);
        let kept = |&trial: &usize| rung == 0 || value(trial, rung).is_some() || value(trial, 0).is_none();
        (0..end).filter(kept).map(|trial| (records.points[&trial].clone(), value(trial, rung))).collect()
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
        earlier = patch::apply(earlier, &first.sets).map_err(|error| error.to_string())?;
    }
    Ok(whole)
}

/// Checks every value of the axes on one base config; `of` names it in messages.
fn check_values(
    document: &Document,
    config: &SweepConfig,
    base: &Config,
    of: &str,
) -> Result<(), ConfigError> {
    let wrong = |path: &str, message: &str| Err(document.invalid(path, message));
    let mut earlier = base.clone();
    for (index, axis) in config.axes.iter().enumerate() {
        if matches!(axis, Axis::Config { .. }) {
            continue;
        }
        let place = format!("axes[{index}].{}", axis.kind());
        let is_whole = axis.is_whole(&earlier);
        let count = axis.choices().unwrap_or(2);
        let mut first = None;
        for value in 0..count {
            let setting = axis.at(axis.grid_point(value, count), is_whole);
            let place = match axis {
                Axis::Range { .. } | Axis::LogRange { .. } => {
                    format!("{place}.{}", if value == 0 { "from" } else { "to" })
                }
                Axis::Choice { .. } => format!("{place}.options.{}", setting.label),
                Axis::List { .. } | Axis::Config { .. } => format!("{place}.values[{value}]"),
            };
            for set in &setting.sets {
                let path = set.split('=').next().unwrap_or_default().trim();
                if path == "run.seed" || path == "run.generations" {
                    let instead = if path == "run.seed" { "seeds" } else { "set" };
                    let message = format!("{path} cannot be an axis; use the field '{instead}'");
                    return wrong(&place, &message);
                }
            }
            let name = axis.name();
            let changed = patch::apply(earlier.clone(), &setting.sets).map_err(|error| {
                let unknown = matches!(error, patch::PatchError::UnknownField { .. });
                let at = if unknown { format!("{}.path", place_of_axis(&place)) } else { place.clone() };
                document.invalid(&at, &format!("axis {name}{of}: {}", error.reason()))
            })?;
            if let Err(error) = check::config(&changed, None) {
                return wrong(&place, &format!("{error}{of}"));
            }
            first.get_or_insert(changed);
        }
        // Later axes may be fields of a variant that this one chooses.
        earlier = first.unwrap_or(earlier);
    }
    Ok(())
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
        if let Sampler::Tpe { startup, batch, .. } = config.sampler
            && (startup.min(batch) as u64) < factor
        {
            let message = format!(
                "halving goes through each batch of Tpe by itself: startup and batch must be at least factor = {factor}"
            );
            return wrong("sampler.Tpe.batch", &message);
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
        Axis::Config { values } if values.is_empty() => {
            return wrong("values", "axis config has no values");
        }
        Axis::List { .. } | Axis::Choice { .. } | Axis::Config { .. } => {}
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::journal::Done;
    use super::*;
    use crate::ron_value;

    fn plan(text: &str) -> Plan {
        let config = patch::from_value(ron_value::parse(text).unwrap().value).unwrap();
        let base = "(env: InvertedPendulum(), strategy: OpenEs(population: 8), run: (generations: 9))";
        Plan::stored(config, vec![ron_io::parse("a.ron", base).unwrap()]).unwrap()
    }

    #[test]
    fn proposals_look_at_the_highest_rung_that_enough_trials_have_reached() {
        let plan = plan(
            "(config: \"a\", axes: [Range(path: \"strategy.sigma\", from: 0, to: 1)], halving: (first: 1), \
             sampler: Tpe(trials: 20))",
        );
        assert_eq!(plan.bases[0].rungs, [1, 3, 9]);
        let mut records = Records::default();
        for trial in 0..6 {
            records.points.insert(trial, vec![trial as f64 / 10.0]);
        }
        let mut note = |trial, generations, value| {
            let done = Done { trial, seed: 1, generations, value, env_steps: 1, wall_s: 1.0 };
            records.done.insert((trial, 1, generations), done);
            records.clone()
        };
        // Trial 0 failed; three of the others are enough for one axis.
        for trial in 1..6 {
            note(trial, 1, trial as f64);
        }
        let records = note(5, 3, 50.0);
        let values = |records: &Records| plan.history(records, 6).iter().map(|h| h.1).collect::<Vec<_>>();
        assert_eq!(values(&records), [None, Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0)]);
        note(4, 3, 40.0);
        let records = note(3, 3, 30.0);
        assert_eq!(values(&records), [None, Some(30.0), Some(40.0), Some(50.0)]);
        assert_eq!(plan.history(&records, 6)[1].0, [0.3]);
    }
}
