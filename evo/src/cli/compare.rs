//! Options of `compare`.

use std::path::PathBuf;

use clap::Args;
use training::engine_choice::EngineChoice;

use super::common::{Which, engine, positive, threads};

/// Options of `compare`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo compare results/runs/A results/runs/B
  evo compare ant__s1 ant__s2 latest --episodes 64 --engine rapier,lanes
  evo compare A B/checkpoints/best.safetensors --change wind --json

All runs begin their episodes in the same states. Differences are taken from the first run: the mean
over pairs of episodes.")]
pub struct CompareArgs {
    /// Run folders (their last checkpoints) or checkpoint files, of one task
    #[arg(value_name = "RUN|FILE", required = true, num_args = 2..)]
    pub sources: Vec<PathBuf>,
    /// Number of episodes for each run
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    pub episodes: usize,
    /// Seed of the start states
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// Physics engine for all runs, with the task's settings for that engine; several, separated by commas,
    /// are compared one after another. Default: the engine in which each run was trained
    #[arg(long = "engine", value_name = "ENGINE", value_delimiter = ',', ignore_case = true, value_parser = engine())]
    pub engines: Vec<EngineChoice>,
    /// Changed environment for all runs, as in `evo eval --change`; default: what each config says
    #[arg(long, value_name = "NAME")]
    pub change: Option<String>,
    /// Number of threads; default: one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
