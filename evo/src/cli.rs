//! The command line: verbs, options and their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sim::EngineKind;
use training::backend::BackendChoice;

use crate::plot::Band;
use crate::progress::Verbosity;
use crate::report::Kind;
use crate::statistics::Center;

/// Evolves spiking controllers for simulated robots.
#[derive(Debug, Parser)]
#[command(
    name = "evo",
    version,
    override_usage = "evo --config <NAME> [OPTIONS]\n       evo <COMMAND>",
    after_help = "Examples:
  evo --config ant.ron                          train with configs/ant.ron
  evo --config ant.ron --set strategy.sigma=0.1 --seed 2
  evo eval results/runs/RUN                     score the result
  evo train --help                              every option of training"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// What evaluates the controllers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Measures for a moment and takes the faster one.
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

/// Reads a command line; its first word is the program's name. Options without a verb are those of
/// `train`.
///
/// # Errors
/// What clap has to say, help and version included; its `exit` prints that and ends the process with
/// 0 for help and 2 for bad usage.
pub fn parse<I, T>(words: I) -> Result<Verb, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let mut words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let own = ["-h", "--help", "-V", "--version"];
    if first.starts_with('-') && !own.contains(&first) {
        words.insert(1, "train".into());
    }
    Ok(Cli::try_parse_from(words)?.verb)
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train a controller (the default verb)
    Train(TrainArgs),
    /// Go on with an interrupted run, or extend a finished one
    Resume(ResumeArgs),
    /// Score the result of a run over fresh episodes
    Eval(EvalArgs),
    /// Train by gradient: classes of a data set, the actions of a teacher, or return (PPO)
    Finetune(FinetuneArgs),
    /// Run many trials of a config: axes over its fields, several seeds each
    Sweep(SweepArgs),
    /// Draw learning curves of one or more runs
    Plot(PlotArgs),
    /// Write one page about runs or a sweep: tables, plots, configs, commands
    Report(ReportArgs),
    /// Record episodes with states, spikes, observations, actions and reward terms
    Record(RecordArgs),
    /// Step a robot open loop from a start state with given controls
    Trace(TraceArgs),
    /// List what there is, with fields, units and defaults
    List(ListArgs),
    /// Exchange networks with other libraries: NIR files
    #[command(subcommand)]
    Nir(Nir),
    /// Measure speed
    #[command(subcommand)]
    Bench(Bench),
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
    /// Config file: a path, or the name of a file under configs/
    #[arg(long, value_name = "NAME")]
    pub config: PathBuf,
    /// Change a field of the config, for example strategy.sigma=0.1 (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// A task.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TaskArgs {
    /// Task, see evo list envs
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Config whose task it is, for example one with a robot from a file; a path, or a file under configs/
    #[arg(long, value_name = "NAME")]
    pub config: Option<PathBuf>,
}

/// Options of `train`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo --config ant.ron
  evo --config ant.ron --set strategy.population=256 --set env.healthy_z_range=(0.3,1.0) --seed 2
  evo --config ant.ron --generations 50 --out runs/short -q
  evo --config ant.ron --init results/runs/RUN/checkpoints/best.safetensors
  evo --config ant.ron --set strategy=CmaEs --dry-run")]
pub struct TrainArgs {
    /// Config and changes.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Seed of every random number (as --set run.seed=N)
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Generations to train (as --set run.generations=N)
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Run folder; default results/runs/NAME__sSEED__TIME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the run; default the config file's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Threads; default one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Start from the parameters in this checkpoint or run folder
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Print the resolved config and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Stop after this generation when stdin ends: the sweep that started this has gone
    #[arg(long, hide = true)]
    pub worker: bool,
    /// How much to print.
    #[command(flatten)]
    pub output: Output,
}

/// Options of `finetune`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo finetune --config yin_yang.ron
  evo finetune --config ant_ppo.ron --init results/runs/RUN
  evo finetune --config ant_imitate.ron --set task.teacher=results/runs/RUN
  evo --config ant.ron --init results/runs/FINETUNED

What is trained for is the field `task` of the config: Classify(…), Regress(…), Imitate(…) or Ppo(…); the other
fields are those of `evo train`. A generation is an epoch, a round or an iteration.")]
pub struct FinetuneArgs {
    /// Config and changes.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Seed of every random number (as --set run.seed=N)
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Generations to train (as --set run.generations=N)
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Run folder; default results/runs/NAME__sSEED__TIME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the run; default the config file's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Threads; default one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Start from the parameters in this run folder or checkpoint, evolved or trained
    #[arg(long, value_name = "RUN|FILE")]
    pub init: Option<PathBuf>,
    /// Print the resolved config and stop
    #[arg(long)]
    pub dry_run: bool,
    /// How much to print.
    #[command(flatten)]
    pub output: Output,
}

/// Options of `resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo resume results/runs/RUN
  evo resume results/runs/RUN --generations 2000

The result is bit for bit that of a run without interruption.")]
pub struct ResumeArgs {
    /// Run folder
    pub run: PathBuf,
    /// Train up to this generation instead of the config's
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Threads; default one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Stop after this generation when stdin ends: the sweep that started this has gone
    #[arg(long, hide = true)]
    pub worker: bool,
    /// How much to print.
    #[command(flatten)]
    pub output: Output,
}

/// Which parameters of a run to take.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Which {
    /// Take the mean of the distribution (the default)
    #[arg(long, conflicts_with = "best")]
    pub mean: bool,
    /// Take the best member that was ever seen
    #[arg(long)]
    pub best: bool,
}

/// Options of `eval`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo eval results/runs/RUN
  evo eval results/runs/RUN --episodes 32 --seed 7 --json
  evo eval results/runs/RUN --engine rapier
  evo eval results/runs/RUN --change none,config,wind,low_friction+payload
  evo eval results/runs/RUN/checkpoints/gen_000100.safetensors --best")]
pub struct EvalArgs {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
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
    pub engine: Option<EngineKind>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, `config` for its own `changes`, `none` for the plain task; several,
    /// separated by commas or given again, get a row each; joined by `+` they act together
    #[arg(long = "change", value_name = "NAME", value_delimiter = ',')]
    pub changes: Vec<String>,
    /// Threads; default one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout; with several changes the first one's, and all in `rows`
    #[arg(long)]
    pub json: bool,
}

/// Options of `sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo sweep --config sweeps/inverted_pendulum.ron
  evo sweep --config sweeps/ant_open_es.ron --workers 8 --threads 1 --out results/sweeps/ant

The same command again goes on where the last one stopped, and tries once more what failed.")]
pub struct SweepArgs {
    /// Sweep file: a path, or the name of a file under configs/
    #[arg(long, value_name = "NAME")]
    pub config: PathBuf,
    /// Trials side by side, each a process; default one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub workers: Option<usize>,
    /// Threads per trial; default what the machine has, shared by the workers
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Folder of the sweep; default results/sweeps/NAME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the trials and stop; proposals that depend on results are left out
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Print nothing but errors and the final table
    #[arg(short, long)]
    pub quiet: bool,
}

/// Options of `plot`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo plot results/runs/RUN
  evo plot results/runs/ant__* --out ant.svg
  evo plot results/runs/ant__* --line mean --band range
  evo plot results/sweeps/inverted_pendulum --kind parallel --out parallel.svg

Runs that differ only in their seed are drawn as one line in a band: the interquartile mean in its
95 % bootstrap interval, unless told otherwise.")]
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
    /// Line over seeds
    #[arg(long, value_enum, default_value_t)]
    pub line: LineChoice,
    /// Band over seeds
    #[arg(long, value_enum, default_value_t)]
    pub band: BandChoice,
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
  evo report results/sweeps/results --markdown results/benchmarks/table.md

One page with tables, plots, configs, provenance and commands; it needs nothing else, no network
either. A sweep writes its own when it ends.")]
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
}

/// Options of `record`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo record results/runs/RUN
  evo record results/runs/RUN --episodes 4 --seed 7 --out walk.rollout.safetensors
  evo record results/runs/RUN --change rough")]
pub struct RecordArgs {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
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
    pub engine: Option<EngineKind>,
    /// Changed environment instead of the config's: a ready-made one (`evo list changes`), one of the
    /// config's `change_lists`, `none` for the plain task; names joined by `+` act together
    #[arg(long, value_name = "NAME")]
    pub change: Option<String>,
    /// File to write; default episode.rollout.safetensors in the run folder
    #[arg(long, value_name = "FILE.rollout.safetensors")]
    pub out: Option<PathBuf>,
    /// Write also one page with the recording and the viewer in it, to send to somebody
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// The viewer for browsers, as `cargo run -p web -- build` makes it
    #[arg(long, value_name = "DIR", default_value = "target/web", requires = "html")]
    pub web: PathBuf,
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
    pub engine: EngineKind,
    /// Accuracy of the physics
    #[arg(long, value_enum, default_value_t)]
    pub physics: Physics,
}

/// Options of `list`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo list envs
  evo list changes
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
}

/// What to do with NIR files.
#[derive(Debug, Subcommand)]
pub enum Nir {
    /// Show the nodes, parameters and edges of a file
    Info(NirInfo),
    /// Run a network over recorded input
    Run(NirRun),
    /// Write the controller of a run
    Export(NirExport),
}

/// Options of `nir info`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo nir info network.nir --json")]
pub struct NirInfo {
    /// NIR file
    #[arg(value_name = "FILE.nir")]
    pub file: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `nir run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo nir run network.nir --input x.npy --output y.npy --dt 1e-4

Arrays are time-major, [T, ...]: a row per tick. The state starts at rest.")]
pub struct NirRun {
    /// NIR file
    #[arg(value_name = "FILE.nir")]
    pub file: PathBuf,
    /// Input, [T, ...] of float32 or float64
    #[arg(long, value_name = "IN.npy")]
    pub input: PathBuf,
    /// Output, [T, ...] of float32
    #[arg(long, value_name = "OUT.npy")]
    pub output: PathBuf,
    /// Seconds per tick (the unit of the file's time constants); default the file's metadata dt
    #[arg(long, value_name = "S", value_parser = above_zero)]
    pub dt: Option<f64>,
    /// What a spike does to the potential; default the file's metadata reset, else to_v_reset
    #[arg(long, value_enum, value_name = "MODE")]
    pub reset: Option<NirReset>,
}

/// What a spike does to the membrane potential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum NirReset {
    /// Sets it to v_reset
    ToVReset,
    /// Subtracts v_threshold - v_reset
    Subtract,
}

impl From<NirReset> for snn::nir::ResetMode {
    fn from(reset: NirReset) -> Self {
        match reset {
            NirReset::ToVReset => Self::ToVReset,
            NirReset::Subtract => Self::Subtract,
        }
    }
}

/// Options of `nir export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo nir export results/runs/RUN --out network.nir

Time step, ticks per control step and the normalisation of observations are in the metadata.")]
pub struct NirExport {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE.nir")]
    pub out: PathBuf,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
}

/// Number format of the controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// 32-bit floats on a grid: the same bits on every backend
    F32,
    /// 32-bit floats without the grid
    F32Free,
    /// 8-bit weights
    I8,
    /// Connections that exist or not
    Binary,
}

impl From<Precision> for snn::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F32Free => Self::F32Free,
            Precision::I8 => Self::I8,
            Precision::Binary => Self::Binary,
        }
    }
}

/// Accuracy of the physics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Physics {
    /// The task's default settings
    #[default]
    Default,
    /// The timestep of the task that it follows, more solver iterations
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

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Control steps per second of a task's physics, with random actions
    Physics(BenchPhysics),
    /// Controllers evaluated per second
    Controller(BenchController),
    /// Evaluations and time that a strategy needs on a test function
    Strategy(BenchStrategy),
    /// Control steps per second of the whole training loop, and where the time goes
    Rollout(BenchRollout),
}

/// Options of `bench physics`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo bench physics --env ant --engine lanes --threads 1 --seconds 5 --json
  evo bench physics --config my_robot.ron")]
pub struct BenchPhysics {
    /// Which task.
    #[command(flatten)]
    pub task: TaskArgs,
    /// Physics engine
    #[arg(long, value_name = "ENGINE", default_value = "rapier", ignore_case = true, value_parser = engine())]
    pub engine: EngineKind,
    /// Threads; default one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `bench controller`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo bench controller --config ant.ron --population 1024 --threads 1 --json")]
pub struct BenchController {
    /// Config and changes.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Controllers side by side
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = positive)]
    pub population: usize,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Number format instead of the config's
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Threads; default one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `bench strategy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo bench strategy --strategy cma_es --function rosenbrock --dim 20 --target 1e-8 --json")]
pub struct BenchStrategy {
    /// Strategy, see evo list strategies
    #[arg(long, value_name = "NAME")]
    pub strategy: String,
    /// Test function to minimise
    #[arg(long, value_name = "NAME")]
    pub function: String,
    /// Number of variables
    #[arg(long, value_name = "N", value_parser = positive)]
    pub dim: usize,
    /// Population; default the strategy's
    #[arg(long, value_name = "N", value_parser = positive)]
    pub population: Option<usize>,
    /// Start: every variable has this value
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = finite)]
    pub x0: Option<f64>,
    /// First step size
    #[arg(long, value_name = "S", value_parser = above_zero)]
    pub sigma: Option<f64>,
    /// Seed of every random number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Function value to reach
    #[arg(long, value_name = "T", default_value_t = 1e-8, allow_negative_numbers = true, value_parser = finite)]
    pub target: f64,
    /// Evaluations after which to give up
    #[arg(long, value_name = "N")]
    pub budget: Option<u64>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `bench rollout`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo bench rollout --config ant.ron --seconds 20 --json")]
pub struct BenchRollout {
    /// Config and changes.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Physics engine instead of the config's, with the task's settings for it
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineKind>,
    /// Threads; default one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

fn engine() -> impl TypedValueParser<Value = EngineKind> {
    PossibleValuesParser::new(EngineKind::ALL.map(EngineKind::name)).try_map(|text| {
        let engine = EngineKind::ALL.into_iter().find(|engine| engine.name().eq_ignore_ascii_case(&text));
        engine.ok_or("not an engine")
    })
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|text| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or("not a picture")
    })
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=COUNT_MAX).contains(&n) => Ok(n),
        _ => Err(format!("must be a whole number, 1 to {COUNT_MAX}")),
    }
}

/// Largest count on the command line; more is a typing error, and its memory would end the process.
const COUNT_MAX: usize = 1_000_000;

fn threads(text: &str) -> Result<usize, String> {
    positive(text).ok().filter(|&n| n <= 1024).ok_or_else(|| "must be a whole number, 1 to 1024".to_owned())
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "must be a finite number".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = finite(text)?;
    if number > 0.0 { Ok(number) } else { Err("must be above 0".to_owned()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = above_zero(text)?;
    if number <= 86400.0 { Ok(number) } else { Err("must be at most 86400".to_owned()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn refused(line: &str) -> (ErrorKind, i32, String) {
        let error = parse(line.split(' ')).unwrap_err();
        (error.kind(), error.exit_code(), error.to_string())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn training_is_the_default_verb() {
        for line in [
            "evo --config ant.ron --set a=1 --set b=-2 --seed 3 -q",
            "evo train --config ant.ron --set a=1 --set b=-2 --seed 3 -q",
        ] {
            let Verb::Train(args) = parse(line.split(' ')).unwrap() else { panic!("{line}") };
            assert_eq!(args.config.config, PathBuf::from("ant.ron"));
            assert_eq!(args.config.sets, ["a=1", "b=-2"]);
            assert_eq!(args.seed, Some(3));
            assert_eq!(args.backend, Backend::Auto);
            assert_eq!(args.output.verbosity(), Verbosity::Quiet);
        }
    }

    #[test]
    fn every_verb_of_the_contract_parses() {
        for line in [
            "evo --config a --generations 5 --out d --name n --threads 2 --backend cpu --init f --dry-run -v",
            "evo resume run --generations 9",
            "evo eval run --episodes 32 --seed 1 --json --mean --engine rapier",
            "evo eval run --best --engine lanes",
            "evo sweep --config sweeps/a.ron --workers 4 --threads 1 --out d --json",
            "evo plot a b --out c.svg --line mean --band range",
            "evo plot sweep --kind effects --out c.png",
            "evo report a b --out c.html --title t",
            "evo report a --markdown c.md --title t",
            "evo record run --episodes 2 --engine lanes --out f.rollout.safetensors",
            "evo trace --env ant --start s --control c --out o --qvel-out v --engine lanes --physics reference",
            "evo list envs --json",
            "evo list strategies",
            "evo list neurons",
            "evo nir info a.nir --json",
            "evo nir run a.nir --input x.npy --output y.npy --dt 1e-4 --reset to_v_reset",
            "evo nir run a.nir --input x.npy --output y.npy --reset subtract",
            "evo nir export run --out a.nir --best",
            "evo bench physics --env ant --engine LANES --threads 1 --seconds 0.5 --json",
            "evo bench controller --config a --population 64 --backend cpu --precision f32 --threads 1 --json",
            "evo bench strategy --strategy cma_es --function sphere --dim 5 --population 8 --x0 -3 --sigma 0.5 --seed 1 --target 1e-8 --budget 1000 --json",
            "evo bench rollout --config a --engine lanes --seconds 2 --json",
        ] {
            if let Err(error) = parse(line.split(' ')) {
                panic!("{line}\n{error}");
            }
        }
    }

    #[test]
    fn bad_usage_exits_with_2_and_says_what_is_wrong() {
        for (line, kind, text) in [
            ("evo", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, "Usage: evo"),
            ("evo --seed 1", ErrorKind::MissingRequiredArgument, "--config <NAME>"),
            ("evo fly", ErrorKind::InvalidSubcommand, "fly"),
            ("evo --config a --sed 1", ErrorKind::UnknownArgument, "--seed"),
            ("evo --config a --threads 0", ErrorKind::ValueValidation, "must be a whole number, 1 to 1024"),
            ("evo --config a --backend tpu", ErrorKind::InvalidValue, "possible values: auto, cpu, gpu"),
            ("evo --config a -q -v", ErrorKind::ArgumentConflict, "cannot be used with"),
            ("evo eval r --mean --best", ErrorKind::ArgumentConflict, "cannot be used with"),
            ("evo eval r --engine bullet", ErrorKind::InvalidValue, "possible values: rapier, lanes"),
            ("evo plot", ErrorKind::MissingRequiredArgument, "<RUN|SWEEP>"),
            (
                "evo nir run a --input x --output y --reset zero",
                ErrorKind::InvalidValue,
                "possible values: to_v_reset, subtract",
            ),
            ("evo nir run a --input x --output y --dt 0", ErrorKind::ValueValidation, "must be above 0"),
            (
                "evo bench physics --env a --seconds inf",
                ErrorKind::ValueValidation,
                "must be a finite number",
            ),
            (
                "evo bench strategy --strategy a --function b --dim 2 --sigma 0",
                ErrorKind::ValueValidation,
                "must be above 0",
            ),
        ] {
            let (found, code, message) = refused(line);
            assert_eq!((found, code), (kind, 2), "{line}");
            assert!(message.contains(text), "{line}\n{message}");
        }
    }

    #[test]
    fn every_verb_has_help_with_an_example() {
        fn check(command: &mut clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.render_long_help().to_string();
                assert!(help.contains("Example"), "{}", command.get_name());
            }
            for sub in command.get_subcommands_mut() {
                if sub.get_name() != "help" {
                    check(sub);
                }
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&mut command);
        assert_eq!(refused("evo resume --help").1, 0);
    }
}
