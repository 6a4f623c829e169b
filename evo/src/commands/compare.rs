//! `evo compare`: several controllers on the same episodes.

use std::path::Path;

use anyhow::anyhow;
use records::failure::{Blame as _, Failure};
use records::folder::RUNS;
use records::words::{plural, to_stderr};
use serde::Serialize;
use training::changes::named;
use training::evaluate::Evaluation;
use training::rollout::Rollout;

use super::common::{Trained, load, warn_of_blow_ups};
use super::judge::{EXPLAINED, Episodes, difference, returns};
use crate::cli::CompareArgs;
use crate::out;
use crate::statistics::Estimate;

/// A controller in an engine.
#[derive(Serialize)]
struct Row {
    /// As it was named.
    run: String,
    #[serde(flatten)]
    evaluation: Evaluation,
    /// Of the mean return, 95 %.
    return_interval: [f64; 2],
    /// To the first controller in the same column of engines; none of the first itself.
    difference: Option<Estimate>,
}

#[derive(Serialize)]
struct Report<'a> {
    env: &'a str,
    episodes: usize,
    seed: u64,
    runs: &'a [Row],
}

/// Scores controllers on the same episodes.
pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let engines = match &args.engines[..] {
        [] => vec![None],
        engines => engines.iter().copied().map(Some).collect(),
    };
    let episodes = Episodes::new(args.episodes, args.seed, args.threads)?;
    // Per engine all controllers, checked before the first one runs.
    let mut all: Vec<Vec<(String, Trained, Rollout)>> = Vec::new();
    for engine in engines {
        let mut column = Vec::new();
        for source in &args.sources {
            let mut trained = load((source, None), args.which.chosen(), engine, &[])?;
            if let Some(change) = &args.change {
                trained.setup.changes = named(change, &trained.config).usage()?;
            }
            let rollout = episodes.rollout(&trained)?;
            column.push((name(source), trained, rollout));
        }
        check(&column)?;
        all.push(column);
    }
    let mut rows: Vec<Row> = Vec::new();
    for column in &all {
        let begin = rows.len();
        for (run, trained, rollout) in column {
            let evaluation = episodes.score(trained, rollout)?;
            warn_of_blow_ups(evaluation.blow_ups, &format!("{} episodes of {run}", args.episodes));
            let Estimate { low, high, .. } = returns(&evaluation);
            let difference = rows.get(begin).map(|first| difference(&evaluation, &first.evaluation));
            rows.push(Row { run: run.clone(), evaluation, return_interval: [low, high], difference });
        }
    }
    let env = all[0][0].1.setup.task.spec().name;
    if args.json {
        return out::json(&Report { env, episodes: args.episodes, seed: episodes.seed, runs: &rows });
    }
    print(env, &episodes, &rows);
    Ok(())
}

/// A run in the usual folder by its name alone.
fn name(source: &Path) -> String {
    source.strip_prefix(RUNS).unwrap_or(source).display().to_string()
}

/// Refuses controllers of different tasks, and says what else is not the same for all.
fn check(column: &[(String, Trained, Rollout)]) -> Result<(), Failure> {
    let Some(((first, one, _), others)) = column.split_first() else { return Ok(()) };
    for (run, other, _) in others {
        let [task, its] = [one, other].map(|trained| trained.setup.task.spec().name);
        if task != its {
            let error = anyhow!("{first} was trained for {task}, {run} for {its}; valid: runs of one task");
            return Err(error).usage();
        }
        let [a, b] = [one, other].map(|trained| trained.setup.options);
        let differs = [
            ("the settings of the task (env)", one.config.env != other.config.env),
            ("the changes of the environment", one.setup.changes != other.setup.changes),
            ("the engine", a.engine != b.engine),
            ("the settings of the physics", a.engine == b.engine && a != b),
        ];
        let differs: Vec<&str> =
            differs.iter().filter(|(_, differs)| *differs).map(|(what, _)| *what).collect();
        if !differs.is_empty() {
            let help =
                if a.engine == b.engine { "" } else { "; use --engine to score all of them in one engine" };
            to_stderr(&format!("warning: {first} and {run} differ in: {}{help}", differs.join(", ")));
        }
    }
    Ok(())
}

fn print(env: &str, episodes: &Episodes, rows: &[Row]) {
    let count = plural(episodes.count, "episode");
    out::line(&format!("{env}: {count}, the same for all, seed {}", episodes.seed));
    let head = ["run", "engine", "#return", "#difference to the first", "#length", "#ended early"];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(rows.iter().map(|row| {
        let evaluation = &row.evaluation;
        [
            row.run.clone(),
            evaluation.engine.to_owned(),
            returns(evaluation).to_string(),
            row.difference.map_or_else(|| "–".to_owned(), Estimate::signed),
            format!("{:.0}", evaluation.length_mean),
            evaluation.terminated.to_string(),
        ]
    }));
    out::table(&table);
    out::line(EXPLAINED);
    out::line(
        "They say nothing about other training seeds. For that, train several (--seeds) and compare them.",
    );
}
