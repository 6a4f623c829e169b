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
    /// Stage of the run; default the one that it is in
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Episodes; default the config's run.eval_episodes
    #[arg(long, value_name = "N", value_parser = positive)]
    pub episodes: Option<usize>,
    /// Seed of the start states
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// Physics engine instead of the one that it was trained in, with the task's settings for it
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineChoice>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, `config` for its own `changes`, `none` for the plain task; several,
    /// separated by commas or given again, get a row each; joined by `+` they act together. The table has `none` in
    /// any case, and the differences to it; JSON only if it is named
    #[arg(long = "change", value_name = "NAME", value_delimiter = ',')]
    pub changes: Vec<String>,
    /// Change a field of the run's config that is not about training, for example env.healthy_z_range=(0.3,1.0)
    /// (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Threads; default one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout; with several changes the first one's, and all in `rows`
    #[arg(long)]
    pub json: bool,
}

/// Options of `check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo check results/runs/*
  evo check results/sweeps/inverted_pendulum
  evo check a.rollout.safetensors --json

Exit code 1 if something is damaged.")]
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

Runs that differ only in their seed are drawn as one line in a band: the interquartile mean in its
95 % bootstrap interval, unless told otherwise. Where some seeds have ended before others, the line is dashed.")]
pub struct PlotArgs {
    /// Run folders, or the folder of one sweep
    #[arg(value_name = "RUN|SWEEP", required = true)]
    pub runs: Vec<PathBuf>,
    /// Picture of a sweep: learning curves of the best trials, value of every trial and best so far, parallel
    /// coordinates, effect of each parameter; default all
    #[arg(long, value_name = "KIND", value_parser = kind())]
    pub kind: Option<Kind>,
    /// File to write, .svg or .png; default curve.svg and curve.png in the run folder, curves.svg and
    /// curves.png here for several runs, KIND.svg and KIND.png in the folder of a sweep
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Title; default the task's name
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Name of a line, instead of what differs between the configs; once for each line, in the order of the runs
    #[arg(long, value_name = "TEXT")]
    pub label: Vec<String>,
    /// What to draw over, a panel each: steps, time (wall), processor (threads × wall time), generation; several,
    /// separated by commas
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
    /// Interquartile mean: a quarter of the seeds is left out at each end, none of fewer than four
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
    /// Bootstrap interval of 95 %
    #[default]
    Interval,
    /// Lowest to highest seed
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

One page with the robot, tables, plots, configs, provenance and commands; it needs nothing else, no
network either. A sweep writes its own when it ends, without the robot.")]
pub struct ReportArgs {
    /// Run folders, or the folder of one sweep
    #[arg(value_name = "RUN|SWEEP", required = true)]
    pub sources: Vec<PathBuf>,
    /// File to write; default report.html in the folder, or here for several runs
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Title; default the task's or the sweep's name
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Write instead the table of results (task, strategy, controller) as Markdown, and the curves of every
    /// task as SVG into the folder beside it that is called like it
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
    /// Stage of the run; default the one that it is in
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
    /// Physics engine instead of the one that it was trained in, with the task's settings for it
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineChoice>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, `none` for the plain task; names joined by `+` act together
    #[arg(long, value_name = "NAME")]
    pub change: Option<String>,
    /// Change a field of the run's config that is not about training, for example env.healthy_z_range=(0.3,1.0)
    /// (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// File to write; default episode.rollout.safetensors in the run folder
    #[arg(long, value_name = "FILE.rollout.safetensors")]
    pub out: Option<PathBuf>,
    /// Write also one page that replays the recording in any browser: scene, spikes, rewards
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Put the whole viewer into the page instead: the folder that `cargo run -p web -- build` makes, such as target/web
    #[arg(long, value_name = "DIR", requires = "html")]
    pub web: Option<PathBuf>,
}

/// Options of `trace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo trace --env ant --start qpos.npy --control ctrl.npy --out out.npy --physics reference
  evo trace --config my_robot.ron --start qpos.npy --control ctrl.npy --out out.npy --engine lanes

Arrays have a row per control step. The output's row 0 is the start; positions are in MuJoCo's order.")]
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
    /// Runs in results/runs with task, score and date, the one that was started last first
    Runs,
    /// Configs in configs with their task, and the best score and last date of runs that are called like them
    Configs,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|text| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or("not a picture")
    })
}
