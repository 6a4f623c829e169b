//! Options of `train` (and `finetune`) and `resume`.

use std::path::PathBuf;

use clap::Args;

use super::common::{Backend, ConfigArgs, Output, Seeds, seeds, threads};

/// What a new run is.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Config and changes.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Seed of every random number (as --set run.seed=N)
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Train one run per seed, one after another: 1..5 (including 5) or 1,2,7. At the end, print a table of
    /// all runs and draw their curve as SVG and PNG. If a seed fails, the others still run, and the exit code
    /// is 1
    #[arg(long, value_name = "FROM..TO", value_parser = seeds, conflicts_with_all = ["seed", "worker"])]
    pub seeds: Option<Seeds>,
    /// Generations to train (as --set run.generations=N); with stages, the total of all of them
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Run folder; default results/runs/NAME__sSEED__TIME. With --seeds, the folder for the run folders s1,
    /// s2, … and their curve
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the run; default: name of the config file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Number of threads; default: one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// Options of `train`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo --config ant.ron
  evo --config ant.ron --set strategy.population=256 --set env.healthy_z_range=(0.3,1.0) --seed 2
  evo --config ant.ron --generations 50 --out runs/short -q
  evo --config ant.ron --init results/runs/RUN/checkpoints/best.safetensors
  evo --config ant.ron --set strategy=CmaEs --dry-run
  evo ant.ron --seeds 1..5 --out results/runs/ant
  evo --config yin_yang.ron
  evo --config inverted_pendulum_imitate.ron --set task.teacher=results/runs/RUN
  evo --config ant_ppo.ron --init results/runs/RUN

The field `task` of the config says what to train for by gradients: Classify(…), Regress(…),
Imitate(…) or Ppo(…). A generation is then an epoch, a round or an iteration. Without a `task`, the
config's strategy evolves the controller. `stages` are several ways of training, one after another.")]
pub struct TrainArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
    /// What evaluates the controllers
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Start from the parameters in this run folder or checkpoint, evolved or trained; for networks in continuous
    /// time that are trained with labels also from weights in a .npz file, such as those of jaxsnn
    #[arg(long, value_name = "RUN|FILE")]
    pub init: Option<PathBuf>,
    /// Begin with this stage of the config. --init gives its start: a run of these stages, or the result that
    /// the stage before it should have had
    #[arg(long, value_name = "NAME")]
    pub from_stage: Option<String>,
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

/// Options of `resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo resume results/runs/RUN
  evo resume results/runs/RUN --generations 2000

The result has the same bits as that of an uninterrupted run.")]
pub struct ResumeArgs {
    /// Run folder
    pub run: PathBuf,
    /// Train up to this generation instead of the config's
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Number of threads; default: one per core. Results do not depend on it
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
