//! What is wrong with a sweep file, or would fail in a worker, found before any is started.

use records::checkpoint::Checkpoint;
use records::text::{ConfigError, Document, patch};
use training::config::Config;
use training::gradient::{FinetuneError, Teachers};
use training::policy::{Which, start_from};
use training::setup::Setup;
use training::stages::{self, StagedError};

use super::axis::Axis;
use super::config::{Halving, Sampler, SweepConfig};

/// Builds what a run is made of, but for its worlds and the state of its search. Teachers are read once.
///
/// # Errors
/// Whatever is out of range, does not fit together, or does not go with the checkpoint to start from.
pub(super) fn config(
    config: &Config,
    init: Option<&Checkpoint>,
    teachers: &mut Teachers,
) -> Result<(), StagedError> {
    stages::check(config, teachers)?;
    if let Some(checkpoint) = init {
        let first = stages::stage_config(config, config.stages.first().map(|stage| stage.name.as_str()))?;
        let setup = Setup::new(&first).map_err(FinetuneError::from)?;
        start_from(checkpoint, &setup, Which::Mean, &first).map_err(FinetuneError::from)?;
    }
    Ok(())
}

/// Checks a sweep file against its base configs.
pub(super) fn document(
    document: &Document,
    config: &SweepConfig,
    bases: &[Config],
    teachers: &mut Teachers,
) -> Result<(), ConfigError> {
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
    sources(document, config)?;
    for (index, axis) in config.axes.iter().enumerate() {
        let place = format!("axes[{index}].{}", axis.kind());
        if config.axes[..index].iter().any(|other| other.name() == axis.name()) {
            return wrong(&place, &format!("two axes are called '{}'", axis.name()));
        }
        self::axis(document, config, axis, &place)?;
    }
    let sources = config.sources();
    for (source, base) in sources.iter().zip(bases) {
        sampler(document, config, base)?;
        let of = if sources.len() > 1 { format!(" (config {})", source.name) } else { String::new() };
        values(document, config, base, &of, teachers)?;
    }
    Ok(())
}

/// Checks that a sweep has either a config or an axis of configs, and that their names can be files'.
///
/// # Errors
/// What is wrong, at its place in the file.
pub fn sources(document: &Document, config: &SweepConfig) -> Result<(), ConfigError> {
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
            "neither halving nor Tpe can be combined with Config: they compare returns of one task",
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

/// Checks every value of the axes on one base config; `of` names it in messages.
fn values(
    document: &Document,
    config: &SweepConfig,
    base: &Config,
    of: &str,
    teachers: &mut Teachers,
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
                if path == "run.seed" || path == "run.total" || path.ends_with("run.generations") {
                    let instead = if path == "run.seed" { "seeds" } else { "set" };
                    let message = format!("{path} cannot be an axis; use the field '{instead}'");
                    return wrong(&place, &message);
                }
            }
            let name = axis.name();
            let changed = stages::apply(earlier.clone(), &setting.sets).map_err(|error| {
                let unknown = matches!(error, patch::PatchError::UnknownField { .. });
                let at = if unknown { format!("{}.path", place_of_axis(&place)) } else { place.clone() };
                document.invalid(&at, &format!("axis {name}{of}: {}", error.reason()))
            })?;
            if let (Some(task), Some(field)) = (&changed.task, unused(&setting.sets)) {
                let message = format!("axis {name}{of}: task = {}(…) does not use {field}", task.name());
                return wrong(&place, &message);
            }
            if let Err(error) = self::config(&changed, None, teachers) {
                return wrong(&place, &format!("{error}{of}"));
            }
            first.get_or_insert(changed);
        }
        // Later axes may be fields of a variant that this one chooses.
        earlier = first.unwrap_or(earlier);
    }
    Ok(())
}

/// The field that is set of those that training by gradient does not use.
fn unused(sets: &[String]) -> Option<&'static str> {
    let first = |set: &String| set.split(['=', '.']).next().unwrap_or_default().trim().to_owned();
    ["strategy", "restarts", "refine"].into_iter().find(|field| sets.iter().any(|set| first(set) == *field))
}

/// `axes[0].List` of `axes[0].List.values[1]`.
fn place_of_axis(place: &str) -> String {
    place.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

fn sampler(document: &Document, config: &SweepConfig, base: &Config) -> Result<(), ConfigError> {
    let wrong = |path: &str, message: &str| Err(document.invalid(path, message));
    if let Some(Halving { first, factor }) = config.halving {
        let generations = stages::generations(base);
        if first == 0 || first >= generations {
            let message =
                format!("first = {first}: must be at least 1 and below run.generations = {generations}");
            return wrong("halving.first", &message);
        }
        if factor < 2 {
            return wrong("halving.factor", &format!("factor = {factor}: must be at least 2"));
        }
        if let Sampler::Tpe { startup, batch, .. } = config.sampler
            && (startup.min(batch) as u64) < factor
        {
            let message = format!(
                "halving treats each batch of Tpe separately: startup and batch must be at least factor = {factor}"
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

fn axis(document: &Document, config: &SweepConfig, axis: &Axis, place: &str) -> Result<(), ConfigError> {
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
