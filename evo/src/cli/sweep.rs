//! Options of `sweep`.

use std::path::PathBuf;

use clap::Args;

use super::common::{Backend, threads};
use crate::sweep::Share;

/// Options of `sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo sweep --config sweeps/inverted_pendulum.ron
  evo sweep --config sweeps/ant_open_es.ron --workers 8 --threads 1 --out results/sweeps/ant

  evo sweep --config sweeps/ant_open_es.ron --out /shared/ant --worker 2/8

Run the same command again to continue where the last one stopped. It tries failed trials once more.")]
pub struct SweepArgs {
    /// Sweep file: a path, or the name of a file under configs/
    #[arg(long, value_name = "NAME")]
    pub config: PathBuf,
    /// Number of trials side by side, each a process; default: one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub workers: Option<usize>,
    /// Be one of N processes that share the sweep in a folder on a file system that all of them see, from 1/N to N/N. The
    /// results do not depend on N. One that has died goes on when it is started again with its number
    #[arg(long, value_name = "I/N", conflicts_with = "slurm_array")]
    pub worker: Option<Share>,
    /// As --worker, for the task of a Slurm job array that this is: SLURM_ARRAY_TASK_ID of SLURM_ARRAY_TASK_COUNT
    #[arg(long)]
    pub slurm_array: bool,
    /// Threads per trial; default: the workers share the cores of the machine
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Folder of the sweep; default: results/sweeps/NAME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the trials and stop. Trials that depend on results are left out
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Print nothing but errors and the final table
    #[arg(short, long)]
    pub quiet: bool,
}
