//! Options of the verbs that look at results.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use training::engine_choice::EngineChoice;

use super::common::{Physics, TaskArgs, Which, engine, positive, threads};
use crate::plot::{Axis, Band};
use crate::report::Kind;
use crate::statistics::Center;

/// Options of `eval`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo eval latest
  evo eval results/runs/RUN --episodes 32 --seed 7 --json
  evo eval results/runs/RUN --engine rapier
  evo eval results/runs/RUN --change none,config,wind,low_friction+payload
  evo eval results/runs/RUN --set physics.fidelity=Reference
  evo eval results/runs/RUN/checkpoints/gen_000100.safetensors --best")]
pub struct EvalArgs {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
    /// Stage of the run; default: the current one
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Number of episodes; default: run.eval_episodes of the config
    #[arg(long, value_name = "N", value_parser = positive)]
    pub episodes: Option<usize>,
    /// Seed of the start states
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// Physics engine instead of the one used in training, with the task's settings for that engine
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineChoice>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, `config` for its own `changes`, or `none` for the plain task. Several,
    /// separated by commas or given again, get a row each; `+` combines changes. The table always has `none`,
    /// and the differences from it; JSON only if you name it
    #[arg(long = "change", value_name = "NAME", value_delimiter = ',')]
    pub changes: Vec<String>,
    /// Change a field of the run's config that does not concern training, for example
    /// env.healthy_z_range=(0.3,1.0) (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Number of threads; default: one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout; with several changes it describes the first one, and `rows` has all
    #[arg(long)]
    pub json: bool,
}

/// Options of `check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo check results/runs/*
  evo check results/sweeps/inverted_pendulum
  evo check a.rollout.safetensors --json

The exit code is 1 if something is damaged.")]
pub struct CheckArgs {
    /// Run folders, folders of sweeps, checkpoints, recordings
    #[arg(value_name = "RUN|SWEEP|FILE", required = true)]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `plot`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo plot results/runs/RUN
  evo plot results/runs/ant__* --out ant.svg
  evo plot results/runs/ant__* --line mean --band range
  evo plot results/runs/snn results/runs/mlp --label spiking --label perceptron --axis generation
  evo plot results/sweeps/inverted_pendulum --kind parallel --out parallel.svg

Runs that differ only in their seed become one line with a band: the interquartile mean with its
95 % bootstrap interval, unless you choose otherwise. Where some seeds ended before others, the line
is dashed.")]
pub struct PlotArgs {
    /// Run folders, or the folder of one sweep
    #[arg(value_name = "RUN|SWEEP", required = true)]
    pub runs: Vec<PathBuf>,
    /// Picture of a sweep: learning curves of the best trials, value of every trial and best so far, parallel
    /// coordinates, or effect of each parameter; default: all
    #[arg(long, value_name = "KIND", value_parser = kind())]
    pub kind: Option<Kind>,
    /// File to write, .svg or .png. Default: curve.svg and curve.png in the run folder, and of a run with quality
    /// diversity archive.svg, archive.png and archive.csv (cell, fitness and descriptors); for several runs,
    /// curves.svg and curves.png in the current folder; for a sweep, KIND.svg and KIND.png in its folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Title; default: name of the task
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Name of a line, instead of the difference between the configs. Give it once for each line, in the
    /// order of the runs
    #[arg(long, value_name = "TEXT")]
    pub label: Vec<String>,
    /// Horizontal axis: steps, time (wall), processor (threads × wall time) or generation. Several, separated
    /// by commas, get a panel each
    #[arg(long, value_name = "AXIS", value_enum, value_delimiter = ',', default_value = "steps,time")]
    pub axis: Vec<AxisChoice>,
    /// Line over seeds
    #[arg(long, value_enum, default_value_t)]
    pub line: LineChoice,
    /// Band over seeds
    #[arg(long, value_enum, default_value_t)]
    pub band: BandChoice,
}

/// What learning curves are drawn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AxisChoice {
    /// Control steps of training
    Steps,
    /// Wall time
    Time,
    /// Processor time: threads times wall time
    Processor,
    /// Generations
    Generation,
}

impl From<AxisChoice> for Axis {
    fn from(axis: AxisChoice) -> Self {
        match axis {
            AxisChoice::Steps => Self::Steps,
            AxisChoice::Time => Self::Time,
            AxisChoice::Processor => Self::Processor,
            AxisChoice::Generation => Self::Generation,
        }
    }
}

/// What stands for several seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LineChoice {
    /// Interquartile mean: leaves out a quarter of the seeds at each end, or none if there are fewer than
    /// four
    #[default]
    Iqm,
    /// Mean
    Mean,
    /// Median
    Median,
}

impl From<LineChoice> for Center {
    fn from(line: LineChoice) -> Self {
        match line {
            LineChoice::Iqm => Self::InterquartileMean,
            LineChoice::Mean => Self::Mean,
            LineChoice::Median => Self::Median,
        }
    }
}

/// What surrounds the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BandChoice {
    /// 95 % bootstrap interval
    #[default]
    Interval,
    /// From the lowest to the highest seed
    Range,
}

impl From<BandChoice> for Band {
    fn from(band: BandChoice) -> Self {
        match band {
            BandChoice::Interval => Self::Interval,
            BandChoice::Range => Self::Range,
        }
    }
}

/// Options of `report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo report results/runs/RUN
  evo report results/runs/ant__* --out ant.html
  evo report results/sweeps/inverted_pendulum
  evo report results/sweeps/tasks --markdown table.md

The page has the robot, tables, plots, configs, provenance and commands. It needs no other files and
no network. A sweep writes its report when it ends, without the robot.")]
pub struct ReportArgs {
    /// Run folders, or the folder of one sweep
    #[arg(value_name = "RUN|SWEEP", required = true)]
    pub sources: Vec<PathBuf>,
    /// File to write; default: report.html in the folder; for several runs, in the current folder
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Title; default: name of the task or of the sweep
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Write the table of results (task, strategy, controller) as Markdown instead, and the curves of every
    /// task as SVG into a folder of the same name beside it
    #[arg(long, value_name = "FILE.md", conflicts_with = "out")]
    pub markdown: Option<PathBuf>,
    /// Leave out the robot: still and film, which the program viewer draws, and the spikes of an episode
    #[arg(long)]
    pub no_robot: bool,
}

/// Options of `record`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo record results/runs/RUN
  evo record results/runs/RUN --episodes 4 --seed 7 --out walk.rollout.safetensors
  evo record results/runs/RUN --change rough
  evo record results/runs/RUN --html walk.html")]
pub struct RecordArgs {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
    /// Stage of the run; default: the current one
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Episodes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub episodes: usize,
    /// Seed of the start states
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// Physics engine instead of the one used in training, with the task's settings for that engine
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineChoice>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, or `none` for the plain task; `+` combines changes
    #[arg(long, value_name = "NAME")]
    pub change: Option<String>,
    /// Change a field of the run's config that does not concern training, for example
    /// env.healthy_z_range=(0.3,1.0) (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// File to write; default: episode.rollout.safetensors in the run folder
    #[arg(long, value_name = "FILE.rollout.safetensors")]
    pub out: Option<PathBuf>,
    /// Also write a page that replays the recording in any browser: scene, spikes, rewards
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Put the whole viewer into the page instead. DIR is the folder that `cargo run -p web -- build` makes,
    /// such as target/web
    #[arg(long, value_name = "DIR", requires = "html")]
    pub web: Option<PathBuf>,
}

/// Options of `trace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo trace --env ant --start qpos.npy --control ctrl.npy --out out.npy --physics reference
  evo trace --config my_robot.ron --start qpos.npy --control ctrl.npy --out out.npy --engine lanes

Arrays have a row per control step. Row 0 of the output is the start. Positions are in MuJoCo's
order.")]
pub struct TraceArgs {
    /// Which task.
    #[command(flatten)]
    pub task: TaskArgs,
    /// Start positions, one row of nq values
    #[arg(long, value_name = "QPOS.npy")]
    pub start: PathBuf,
    /// Controls, [T, nu]
    #[arg(long, value_name = "CTRL.npy")]
    pub control: PathBuf,
    /// Positions, [T + 1, nq]
    #[arg(long, value_name = "QPOS_OUT.npy")]
    pub out: PathBuf,
    /// Velocities, [T + 1, nv]
    #[arg(long, value_name = "QVEL_OUT.npy")]
    pub qvel_out: Option<PathBuf>,
    /// Physics engine
    #[arg(long, value_name = "ENGINE", default_value = "rapier", ignore_case = true, value_parser = engine())]
    pub engine: EngineChoice,
    /// Accuracy of the physics
    #[arg(long, value_enum, default_value_t)]
    pub physics: Physics,
}

/// Options of `list`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo list envs
  evo list changes
  evo list runs
  evo list strategies --json")]
pub struct ListArgs {
    /// What to list
    #[arg(value_enum)]
    pub what: Listing,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Tasks
    Envs,
    /// Evolution strategies
    Strategies,
    /// Neuron models
    Neurons,
    /// Surrogates: slopes of a spike, for training by gradients
    Surrogates,
    /// Ready-made changes of environments
    Changes,
    /// Runs in results/runs with task, score and date, latest start first
    Runs,
    /// Configs in configs with their task, and the best score and latest date of the runs named after them
    Configs,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|text| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or("not a picture")
    })
}
