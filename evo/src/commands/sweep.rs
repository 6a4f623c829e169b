//! `evo sweep`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::backend::BackendChoice;
use crate::cli::{ConfigArgs, SweepArgs};
use crate::commands::{print_json, print_line, read_config, report};
use crate::failure::{Blame, Failure};
use crate::progress::{count, to_stderr};
use crate::run_folder::{Provenance, write_atomic};
use crate::sweep::config::SweepConfig;
use crate::sweep::table::{Row, Status, Table};
use crate::sweep::{Plan, Sweep, Workers, trial_name};
use crate::{interrupt, ron_io};

/// Folder of sweeps that were not given one.
const SWEEPS: &str = "results/sweeps";

const STOPPING: &str =
    "\nthe trials at work write a checkpoint and stop; the same command goes on; Ctrl-C again stops at once";

/// The JSON of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    sweep: String,
    folder: String,
    finished: bool,
    env_steps: u64,
    best: Option<&'a Row>,
    #[serde(flatten)]
    table: &'a Table,
}

/// Runs or goes on with a sweep.
pub(super) fn sweep(args: &SweepArgs) -> Result<(), Failure> {
    let path = ron_io::find(&args.config).usage()?;
    let document = ron_io::Document::read(&path).usage()?;
    let config: SweepConfig = document.typed().usage()?;
    let base_path = ron_io::locate_base(&path, &config.config)
        .map_err(|error| document.invalid("config", &error.to_string()))
        .usage()?;
    let (_, base) = read_config(&ConfigArgs { config: base_path, sets: config.set.clone() })?;
    base.validate().usage()?;
    let plan = Plan::new(&document, config, base).usage()?;
    let known = plan.known().usage()?;
    if args.dry_run {
        for trial in known {
            print_line(&format!("{}  {}", trial_name(trial.number), trial.sets.join("  ")));
        }
        return Ok(());
    }
    let stem = path.file_stem().unwrap_or_default();
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(SWEEPS).join(stem));
    let workers = workers(args, plan.trials * plan.config.seeds.len());
    let (trials, seeds, rungs) = (plan.trials, plan.config.seeds.len(), plan.rungs.clone());
    let base = ron_io::to_text(&plan.base).usage()?;
    let seed = plan.config.seed;
    let mut sweep = Sweep::open(plan, &folder).usage()?;
    let provenance = folder.join("provenance.json");
    if !provenance.exists() {
        // The first session's: a later one may be another build.
        let text = serde_json::to_string_pretty(&Provenance::collect(seed, workers.threads, &base)).run()?;
        write_atomic(&provenance, (text + "\n").as_bytes())
            .with_context(|| format!("cannot write {}", provenance.display()))
            .run()?;
    }
    interrupt::install(STOPPING).run()?;
    if !args.quiet {
        to_stderr(&format!("sweep    {}", folder.display()));
        to_stderr(&format!("trials   {trials} × {seeds} seeds, up to generation {rungs:?}"));
        to_stderr(&format!("workers  {} × {} threads", workers.count, workers.threads));
    }
    let finished = sweep.run(workers).run();
    // Whatever stopped it, what is done is shown.
    let table = sweep.table().run()?;
    // A page is never worth losing a sweep.
    let page = folder.join(report::FILE);
    let written = crate::report::of_sweep(&folder, None).and_then(|text| crate::report::write(&page, &text));
    if let Err(error) = written {
        to_stderr(&format!("warning: no report: {error}"));
    }
    let finished = finished?;
    if args.json {
        print_json(&Report {
            sweep: path.display().to_string(),
            folder: folder.display().to_string(),
            finished,
            env_steps: table.env_steps(),
            best: table.best(),
            table: &table,
        })?;
    } else {
        print_line(&table.text(usize::MAX));
    }
    if !args.quiet {
        conclude(&table, &folder, finished);
    }
    if finished && table.best().is_none() {
        return Err(anyhow::anyhow!("every trial failed; their messages are in {}", folder.display())).run();
    }
    Ok(())
}

/// As many workers as cores, but no more than there are runs; threads share what is left.
fn workers(args: &SweepArgs, runs: usize) -> Workers {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let per = args.threads.unwrap_or(1).max(1);
    let count = args.workers.unwrap_or((cores / per).max(1)).min(runs).max(1);
    let threads = args.threads.unwrap_or((cores / count).max(1));
    if count * threads > cores {
        to_stderr(&format!("warning: {count} workers of {threads} threads share {cores} cores"));
    }
    let backend = match args.backend {
        BackendChoice::Auto => "auto",
        BackendChoice::Cpu => "cpu",
        BackendChoice::Gpu => "gpu",
    };
    Workers { count, threads, backend, quiet: args.quiet }
}

fn conclude(table: &Table, folder: &Path, finished: bool) {
    let what = if finished { "finished" } else { "interrupted" };
    to_stderr(&format!("{what}: {} control steps", count(table.env_steps() as f64)));
    for row in table.rows.iter().filter(|row| row.status == Status::Failed) {
        let run = folder.join("trials").join(&row.trial);
        to_stderr(&format!("failed   {} ({}): {}", row.trial, run.display(), row.failures.join("; ")));
    }
    if let Some(best) = table.best() {
        let sets = best.set.iter().map(|set| format!(" --set '{set}'"));
        let base = folder.join("base.ron");
        to_stderr(&format!("table    {}", folder.join("sweep.csv").display()));
        to_stderr(&format!("report   {}", folder.join(report::FILE).display()));
        to_stderr(&format!(
            "best     {} in {}",
            best.trial,
            folder.join("trials").join(&best.trial).display()
        ));
        to_stderr(&format!("again    evo --config {}{}", base.display(), sets.collect::<String>()));
    }
    if !finished {
        to_stderr("the same command goes on");
    }
}
