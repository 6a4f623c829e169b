//! `evo eval`.

use records::failure::{Blame, Failure};
use serde::Serialize;
use training::changes::named;
use training::evaluate::{self, Evaluation};
use training::setup::pool;

use crate::cli::EvalArgs;
use crate::commands::common::{FRESH_SEED, load, warn_of_blow_ups, warn_of_robot};
use crate::out;

/// An evaluation in one environment.
#[derive(Serialize)]
struct Row {
    /// The changed environment; absent: as the config has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(flatten)]
    evaluation: Evaluation,
}

/// The first row, and all if there are several.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    first: &'a Row,
    #[serde(skip_serializing_if = "<[Row]>::is_empty")]
    rows: &'a [Row],
}

/// Scores a run on fresh episodes.
pub(super) fn eval(args: &EvalArgs) -> Result<(), Failure> {
    let mut trained = load((&args.source, args.stage.as_deref()), args.which.best, args.engine)?;
    let own = std::mem::take(&mut trained.setup.changes);
    let mut wanted = Vec::new();
    for name in &args.changes {
        wanted.push((Some(name.clone()), named(name, &trained.config).usage()?));
    }
    if wanted.is_empty() {
        wanted.push((None, own));
    }
    let task = trained.setup.task.clone();
    let spec = task.spec();
    warn_of_robot(task.model());
    let episodes = args.episodes.unwrap_or(trained.config.run.eval_episodes);
    let pool = pool(args.threads.unwrap_or(0)).run()?;
    let seed = args.seed.unwrap_or(FRESH_SEED);
    // All are checked before the first one runs.
    let mut rollouts = Vec::new();
    for (change, changes) in wanted {
        trained.setup.changes = changes;
        rollouts.push((change, trained.setup.rollout(spec.horizon, Some(pool.clone())).usage()?));
    }
    let mut rows = Vec::new();
    for (change, rollout) in rollouts {
        let results = evaluate::run(&rollout, &trained.policy, episodes, seed, spec.terms).run()?;
        let controller = trained.setup.controller.as_ref();
        let engine = trained.setup.options.engine;
        let evaluation = Evaluation::new(spec.name, engine, spec.terms, &results, controller);
        let where_ = change.as_ref().map_or_else(String::new, |change| format!(" with {change}"));
        warn_of_blow_ups(evaluation.blow_ups, &format!("{episodes} episodes{where_}"));
        rows.push(Row { change, evaluation });
        if !args.json {
            print(&rows[rows.len() - 1], spec.terms);
        }
    }
    if args.json {
        let several = if rows.len() > 1 { &rows[..] } else { &[] };
        out::json(&Report { first: &rows[0], rows: several })?;
    }
    Ok(())
}

fn print(row: &Row, terms: &[&str]) {
    let evaluation = &row.evaluation;
    let terms: Vec<String> = terms.iter().map(|t| format!("{t} {:.1}", evaluation.terms[*t])).collect();
    let worst = evaluation.returns.iter().copied().fold(f64::INFINITY, f64::min);
    let change = row.change.as_ref().map_or(String::new(), |change| format!(" with {change}"));
    out::line(&format!(
        "{} in {}{change}: return {:.1} ± {:.1} over {} episodes (lowest {worst:.1}), length {:.0}, {} ended early",
        evaluation.env,
        evaluation.engine,
        evaluation.return_mean,
        evaluation.return_std,
        evaluation.episodes,
        evaluation.length_mean,
        evaluation.terminated
    ));
    out::line(&format!("terms: {}", terms.join(", ")));
    out::line(&format!(
        "spike rate {:.3} per neuron and tick, {:.0} synaptic operations and about {:.1} nJ per step",
        evaluation.spike_rate,
        evaluation.synops_per_step,
        evaluation.energy_pj_per_step * 1e-3
    ));
}
