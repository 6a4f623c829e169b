//! Options of `bench`.

use clap::{Args, Subcommand};
use numerics::Instructions;
use snn::Precision;
use training::engine_choice::EngineChoice;

use super::common::{Backend, ConfigArgs, TaskArgs, above_zero, engine, finite, positive, seconds, threads};

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Control steps per second of a task's physics, with random actions
    Physics(BenchPhysics),
    /// Controllers evaluated per second
    Controller(BenchController),
    /// Evaluations and time a strategy needs on a test function
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
    pub engine: EngineChoice,
    /// Number of threads; default: one per core
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
    /// Stage of the config; default: the last
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Controllers side by side
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = positive)]
    pub population: usize,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Number format instead of the config's.
    #[arg(long, value_parser = precision, help = format!("Number format instead of the config's: {}", words()))]
    pub precision: Option<Precision>,
    /// Instructions on the CPU, at most.
    #[arg(long, value_parser = instructions, help = format!("Instructions on the CPU, at most: {}; default: all that it has", sets()))]
    pub instructions: Option<Instructions>,
    /// Number of threads; default: one per core
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
    /// Population; default: that of the strategy
    #[arg(long, value_name = "N", value_parser = positive)]
    pub population: Option<usize>,
    /// Start: every variable has this value
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = finite)]
    pub x0: Option<f64>,
    /// Initial step size
    #[arg(long, value_name = "S", value_parser = above_zero)]
    pub sigma: Option<f64>,
    /// Seed of every random number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Function value to reach
    #[arg(long, value_name = "T", default_value_t = 1e-8, allow_negative_numbers = true, value_parser = finite)]
    pub target: f64,
    /// Number of evaluations after which to give up
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
    /// Stage of the config; default: the last
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Physics engine instead of the config's, with the task's settings for that engine
    #[arg(long, value_name = "ENGINE", ignore_case = true, value_parser = engine())]
    pub engine: Option<EngineChoice>,
    /// Number of threads; default: one per core
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

/// How a precision is written on the command line.
fn word(precision: Precision) -> String {
    precision.name().replace(' ', "-")
}

fn words() -> String {
    Precision::ALL.map(word).join(", ")
}

fn sets() -> String {
    Instructions::ALL.map(Instructions::name).join(", ")
}

fn instructions(text: &str) -> Result<Instructions, String> {
    let set = Instructions::ALL.into_iter().find(|set| set.name() == text);
    set.ok_or_else(|| format!("must be one of {}", sets()))
}

fn precision(text: &str) -> Result<Precision, String> {
    let precision = Precision::ALL.into_iter().find(|precision| word(*precision) == text);
    precision.ok_or_else(|| format!("must be one of {}", words()))
}
