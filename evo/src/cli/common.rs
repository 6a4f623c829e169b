//! Options that several verbs have, and what values may be.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use sim::EngineKind;
use training::backend::BackendChoice;
use training::engine_choice::EngineChoice;

use crate::progress::Verbosity;

/// What evaluates the controllers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Measures both for a moment and takes the faster one.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A graphics adapter.
    Gpu,
}

impl From<Backend> for BackendChoice {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Auto => Self::Auto,
            Backend::Cpu => Self::Cpu,
            Backend::Gpu => Self::Gpu,
        }
    }
}

/// How much to print.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Output {
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print every generation with its reward terms
    #[arg(short, long)]
    pub verbose: bool,
}

impl Output {
    /// The two flags as one value.
    #[must_use]
    pub fn verbosity(self) -> Verbosity {
        match self {
            Self { quiet: true, .. } => Verbosity::Quiet,
            Self { verbose: true, .. } => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// A config and changes to it.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Which config.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Change a field of the config, for example strategy.sigma=0.1 (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

impl ConfigArgs {
    /// A config with changes.
    #[must_use]
    pub fn new(config: PathBuf, sets: Vec<String>) -> Self {
        Self { file: ConfigFile { config: Some(config), bare: None }, sets }
    }
}

/// A config, with or without the option's name.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ConfigFile {
    /// Config file: a path, or the name of a file under configs/, with or without .ron
    #[arg(long, value_name = "NAME")]
    config: Option<PathBuf>,
    /// The same as --config NAME
    #[arg(value_name = "CONFIG")]
    bare: Option<PathBuf>,
}

impl ConfigFile {
    /// The name that was given.
    #[must_use]
    pub fn name(&self) -> &Path {
        self.config.as_deref().or(self.bare.as_deref()).unwrap_or(Path::new(""))
    }
}

/// A task.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TaskArgs {
    /// Task, see evo list envs
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Config that has the task, for example one with a robot from a file: a path, or a file under configs/
    #[arg(long, value_name = "NAME")]
    pub config: Option<PathBuf>,
}

/// Which parameters of a run to take.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Which {
    /// Take the mean of the distribution (the default)
    #[arg(long, conflicts_with = "best")]
    pub mean: bool,
    /// Take the best member of the whole run
    #[arg(long)]
    pub best: bool,
    /// Take the elite of this cell of the archive of a run with quality diversity, or this member of the front of a run
    /// with several objectives; evo plot writes their numbers
    #[arg(long, value_name = "N", conflicts_with_all = ["mean", "best"])]
    pub cell: Option<usize>,
}

impl Which {
    /// The same for whoever reads checkpoints.
    #[must_use]
    pub fn chosen(self) -> training::policy::Which {
        match self.cell {
            Some(cell) => training::policy::Which::Cell(cell),
            None if self.best => training::policy::Which::Best,
            None => training::policy::Which::Mean,
        }
    }
}

/// Seeds of several runs, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Most seeds of one command; more is a typing error.
const SEEDS_MAX: usize = 1000;

pub(super) fn seeds(text: &str) -> Result<Seeds, String> {
    let valid = || "must be seeds such as 1..5, which is 1 to 5, or 1,2,7".to_owned();
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| valid());
    let mut all: Vec<u64> = Vec::new();
    for part in text.split(',') {
        let (from, to) = match part.split_once("..") {
            Some((from, to)) => (number(from)?, number(to.strip_prefix('=').unwrap_or(to))?),
            None => (number(part)?, number(part)?),
        };
        if to < from {
            return Err(format!("{part} runs backwards; valid: {to}..{from}"));
        }
        if to - from >= SEEDS_MAX as u64 || all.len() >= SEEDS_MAX {
            return Err(format!("must be at most {SEEDS_MAX} seeds"));
        }
        for seed in from..=to {
            if all.contains(&seed) {
                return Err(format!("seed {seed} is given twice"));
            }
            all.push(seed);
        }
    }
    Ok(Seeds(all))
}

/// Accuracy of the physics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Physics {
    /// The task's default settings
    #[default]
    Default,
    /// The timestep of the original task, with more solver iterations
    Reference,
}

impl From<Physics> for envs::Fidelity {
    fn from(physics: Physics) -> Self {
        match physics {
            Physics::Default => Self::Default,
            Physics::Reference => Self::Reference,
        }
    }
}

/// The words of `physics.engine`, in any case; `auto` is lanes if it can do all that the robot asks for, else rapier.
pub(super) fn engine() -> impl TypedValueParser<Value = EngineChoice> {
    let words = EngineKind::ALL.map(EngineKind::name).into_iter().chain([AUTO]);
    PossibleValuesParser::new(words).try_map(|text| {
        let engine = EngineKind::ALL.into_iter().find(|engine| engine.name().eq_ignore_ascii_case(&text));
        let engine = engine.map(EngineChoice::Fixed);
        engine.or(text.eq_ignore_ascii_case(AUTO).then_some(EngineChoice::Auto)).ok_or("not an engine")
    })
}

/// The word for the engine that suits the robot.
const AUTO: &str = "auto";

pub(super) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=COUNT_MAX).contains(&n) => Ok(n),
        _ => Err(format!("must be a whole number, 1 to {COUNT_MAX}")),
    }
}

/// Largest count on the command line; more is a typing error, and its memory would end the process.
const COUNT_MAX: usize = 1_000_000;

pub(super) fn threads(text: &str) -> Result<usize, String> {
    positive(text).ok().filter(|&n| n <= 1024).ok_or_else(|| "must be a whole number, 1 to 1024".to_owned())
}

pub(super) fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "must be a finite number".to_owned())
}

pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    let number = finite(text)?;
    if number > 0.0 { Ok(number) } else { Err("must be above 0".to_owned()) }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = above_zero(text)?;
    if number < 1.0 { Ok(number) } else { Err("must be below 1".to_owned()) }
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = above_zero(text)?;
    if number <= 86400.0 { Ok(number) } else { Err("must be at most 86400".to_owned()) }
}
