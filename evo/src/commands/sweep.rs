//! `evo sweep`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use records::failure::{Blame, Failure};
use records::provenance::Provenance;
use records::words::{count, to_stderr, unmute};
use records::{input, text};
use serde::Serialize;
use training::config::Config;
use training::gradient::Teachers;
use training::stages::to_text;

use crate::cli::{Backend, ConfigArgs, SweepArgs};
use crate::commands::common::load_checkpoint;
use crate::commands::job::read_world;
use crate::commands::report;
use crate::interrupt;
use crate::out;
use crate::sweep::axis::{Axis, Source};
use crate::sweep::config::SweepConfig;
use crate::sweep::journal::Build;
use crate::sweep::table::{Row, Status, Table};
use crate::sweep::{End, INIT, Plan, Share, Sweep, Workers, check_sources, check_trials, trial_name};

/// Folder of sweeps that were not given one.
const SWEEPS: &str = "results/sweeps";

const STOPPING: &str = "\nthe running trials write a checkpoint and stop; run the same command again to continue; Ctrl-C again stops at once";

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

/// Runs or goes on with a sweep, as `ranks` says if this is one of several ranks.
pub(super) fn sweep(args: &SweepArgs, ranks: Option<Share>) -> Result<(), Failure> {
    let share = share(args, ranks)?;
    let path = text::find(&args.config).usage()?;
    let document = text::Document::read(&path).usage()?;
    let config: SweepConfig = document.typed().usage()?;
    let bases = read_bases(&path, &document, &config)?;
    let mut teachers = Teachers::default();
    let plan = Plan::new(&document, config, bases, &mut teachers).usage()?;
    let stem = path.file_stem().unwrap_or_default();
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(SWEEPS).join(stem));
    let init = plan.config.init.as_ref().map(|init| find_init(&path, &folder, init));
    let checkpoint = init.as_deref().map(load_checkpoint).transpose()?;
    check_trials(&plan, checkpoint.as_ref(), &mut teachers).usage()?;
    if args.dry_run {
        for trial in plan.known() {
            let name = trial_name(trial.number);
            let config = (plan.bases.len() > 1).then(|| format!("  {}", plan.bases[trial.base].name));
            out::line(&format!("{name}{}  {}", config.unwrap_or_default(), trial.sets.join("  ")));
        }
        return Ok(());
    }
    let init =
        checkpoint.map(|checkpoint| input::bytes(checkpoint.path(), input::DATA)).transpose().usage()?;
    let workers = workers(args, plan.trials * plan.config.seeds.len());
    let (trials, seeds) = (plan.trials, plan.config.seeds.len());
    let rungs: Vec<_> = plan.bases.iter().map(|base| base.rungs.clone()).collect();
    let bases: Result<Vec<String>, _> = plan.bases.iter().map(|base| to_text(&base.config)).collect();
    let seed = plan.config.seed;
    let origin = Provenance::collect(seed, workers.threads, &bases.usage()?.concat());
    let build = Build::of(&origin);
    let mut sweep = Sweep::open(plan, &folder, build.clone(), init.as_deref(), share).usage()?;
    if let Some(earlier) = sweep.last_session().filter(|earlier| **earlier != build) {
        to_stderr(&format!(
            "warning: the sweep was last run by another program ({}), this is {}; their results are \
             compared with each other",
            earlier.describe(),
            build.describe()
        ));
    }
    // From here on, what this rank has to say is its own.
    unmute();
    let quiet = args.quiet || ranks.is_some_and(|rank| rank.number() > 1);
    // The first session's: those of later ones are in the journal.
    let text = serde_json::to_string_pretty(&origin).run()?;
    sweep.write_first("provenance.json", (text + "\n").as_bytes()).run()?;
    interrupt::install(STOPPING).run()?;
    if !quiet {
        to_stderr(&format!("sweep    {}", folder.display()));
        let rungs =
            if rungs.len() == 1 { format!(", up to generation {:?}", rungs[0]) } else { String::new() };
        to_stderr(&format!("trials   {trials} × {seeds} seeds{rungs}"));
        let which = share.map_or_else(String::new, |share| format!(", {share}"));
        to_stderr(&format!("workers  {} × {} threads{which}", workers.count, workers.threads));
    }
    let end = sweep.run(Workers { quiet, ..workers }).run();
    let concludes = match end {
        Ok(end) => sweep.concludes(end).run()?,
        // Whatever stopped it, what is done is shown.
        Err(_) => share.is_none(),
    };
    let table = sweep.table();
    // A page is never worth losing a sweep: it is missed at the end.
    let written = if concludes {
        sweep.write_tables().run()?;
        let page = folder.join(report::FILE);
        crate::report::of_sweep(&folder, None, None).and_then(|text| crate::report::write(&page, &text))
    } else {
        Ok(())
    };
    let end = end?;
    // One of several ranks speaks for all.
    let speaks = concludes || ranks.is_none_or(|rank| end == End::Interrupted && rank.number() == 1);
    if args.json && speaks {
        out::json(&Report {
            sweep: path.display().to_string(),
            folder: folder.display().to_string(),
            finished: end == End::All,
            env_steps: table.env_steps(),
            best: table.best(),
            table: &table,
        })?;
    } else if concludes {
        out::line(&table.text(usize::MAX));
    }
    match share {
        _ if args.quiet || quiet && !concludes => {}
        Some(share) if !concludes => to_stderr(&left(share, end, &folder)),
        _ => conclude(&table, &folder, end == End::All),
    }
    if concludes && end == End::All && table.best_of_tasks().is_empty() {
        return Err(anyhow::anyhow!("every trial failed; the messages are in {}", folder.display())).run();
    }
    written.context("the sweep has no report").run()
}

/// Which of several workers this process is, if any.
fn share(args: &SweepArgs, ranks: Option<Share>) -> Result<Option<Share>, Failure> {
    let own = if args.slurm_array { Some(Share::of_slurm_array().usage()?) } else { args.worker };
    Ok(match (own, ranks) {
        // A task of an array that has several ranks itself.
        (Some(own), Some(rank)) => Some(own.divided(rank).context("--worker: too many").usage()?),
        (own, rank) => own.or(rank),
    })
}

/// What a worker says that does not write the tables.
fn left(share: Share, end: End, folder: &Path) -> String {
    match end {
        End::All => format!("{share}: the sweep is finished; its tables are in {}", folder.display()),
        End::Own => {
            format!(
                "{share}: nothing is left to begin, others are at work; evo report {} shows how far",
                folder.display()
            )
        }
        End::Interrupted => format!("{share}: interrupted; run the same command again to continue"),
    }
}

/// A checkpoint is looked for beside the sweep file, then as given; what the sweep has copied already
/// stands in for one that is gone.
fn find_init(path: &Path, folder: &Path, init: &Path) -> PathBuf {
    let copy = folder.join(INIT);
    let beside = path.parent().unwrap_or(Path::new("")).join(init);
    [&beside, init, &copy].into_iter().find(|path| path.exists()).unwrap_or(init).to_owned()
}

/// The configs that trials change, each with the sweep's changes and then its own.
fn read_bases(path: &Path, document: &text::Document, config: &SweepConfig) -> Result<Vec<Config>, Failure> {
    check_sources(document, config).usage()?;
    let is_axis = matches!(config.axes.first(), Some(Axis::Config { .. }));
    let place = |index| if is_axis { format!("axes[0].Config.values[{index}]") } else { "config".to_owned() };
    let read = |(index, source): (usize, Source)| {
        let wrong = |error: text::ConfigError| document.invalid(&place(index), &error.to_string());
        let base = text::locate_base(path, &source.config).map_err(wrong).usage()?;
        let sets = [&config.set[..], &source.set].concat();
        let (base, config) = read_world(&ConfigArgs::new(base, sets))?;
        let of = || base.display().to_string();
        config.validate().with_context(of).usage()?;
        Ok(config)
    };
    config.sources().into_iter().enumerate().map(read).collect()
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
        Backend::Auto => "auto",
        Backend::Cpu => "cpu",
        Backend::Gpu => "gpu",
    };
    let shared = if args.threads.is_none() { cores } else { 0 };
    Workers { count, threads, shared, backend, quiet: args.quiet }
}

fn conclude(table: &Table, folder: &Path, finished: bool) {
    for status in [Status::Stopped, Status::Unfinished] {
        let any = table.rows.iter().any(|row| row.status == status);
        if let Some(meaning) = status.meaning().filter(|_| any) {
            to_stderr(&format!("{}: {meaning}", status.name()));
        }
    }
    if table.has_seeds() {
        to_stderr("value: the median over seeds");
    }
    let what = if finished { "finished" } else { "interrupted" };
    to_stderr(&format!("{what}: {} control steps", count(table.env_steps() as f64)));
    for row in table.rows.iter().filter(|row| row.status == Status::Failed) {
        let run = folder.join("trials").join(&row.trial);
        to_stderr(&format!("failed   {} ({}): {}", row.trial, run.display(), row.failures.join("; ")));
    }
    let best = table.best_of_tasks();
    if !best.is_empty() {
        to_stderr(&format!("table    {}", folder.join("sweep.csv").display()));
        to_stderr(&format!("report   {}", folder.join(report::FILE).display()));
    }
    for best in best {
        let sets: String = best.set.iter().map(|set| format!(" --set '{set}'")).collect();
        let of = best.task.as_ref().map_or_else(String::new, |task| format!(" on {task}"));
        let trial = folder.join("trials").join(&best.trial);
        to_stderr(&format!("best     {}{of} in {}", best.trial, trial.display()));
        to_stderr(&format!(
            "again    {} --config {}{sets}",
            best.command(),
            folder.join(&best.base).display()
        ));
    }
    if !finished {
        to_stderr("run the same command again to continue");
    }
}
