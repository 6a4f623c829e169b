//! `evo eval`.

use records::failure::{Blame, Failure};
use records::words::{plural, to_stderr};
use serde::Serialize;
use training::change_names::NONE;
use training::changes::named;
use training::evaluate::Evaluation;

use super::judge::{EXPLAINED, Episodes, difference, returns};
use super::survival;
use crate::cli::EvalArgs;
use crate::commands::common::{load, warn_of_blow_ups, warn_of_robot};
use crate::out;
use crate::statistics::Estimate;

/// An evaluation in one environment.
#[derive(Serialize)]
struct Row {
    /// The changed environment; absent: as the config has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(flatten)]
    evaluation: Evaluation,
    /// To the plain task, if that is among the environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference_to_none: Option<Estimate>,
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
    let source = (args.source.as_path(), args.stage.as_deref());
    let mut trained = load(source, args.which.chosen(), args.engine, &args.sets)?;
    let own = std::mem::take(&mut trained.setup.changes);
    let mut names = args.changes.clone();
    // What a table compares with; scripts get what they ask for.
    if !args.json && !names.is_empty() && !names.iter().any(|name| name == NONE) {
        names.insert(0, NONE.to_owned());
    }
    let mut wanted = Vec::new();
    for name in &names {
        wanted.push((Some(name.clone()), named(name, &trained.config).usage()?));
    }
    if wanted.is_empty() {
        wanted.push((None, own));
    }
    warn_of_robot(trained.setup.task.model());
    let count = args.episodes.unwrap_or(trained.config.run.eval_episodes);
    let episodes = Episodes::new(count, args.seed, args.threads)?;
    // All are checked before the first one runs.
    let mut rollouts = Vec::new();
    for (change, changes) in wanted {
        trained.setup.changes = changes;
        rollouts.push((change, episodes.rollout(&trained)?));
    }
    let mut rows = Vec::new();
    for (change, rollout) in rollouts {
        let evaluation = episodes.score(&trained, &rollout)?;
        let where_ = change.as_ref().map_or_else(String::new, |change| format!(" with {change}"));
        warn_of_blow_ups(evaluation.blow_ups, &format!("{count} episodes{where_}"));
        rows.push(Row { change, evaluation, difference_to_none: None });
    }
    let plain = rows.iter().find(|row| row.change.as_deref() == Some(NONE)).map(|row| row.evaluation.clone());
    if let Some(plain) = plain {
        for row in rows.iter_mut().filter(|row| row.change.as_deref() != Some(NONE)) {
            row.difference_to_none = Some(difference(&row.evaluation, &plain));
        }
    }
    if args.json {
        let several = if rows.len() > 1 { &rows[..] } else { &[] };
        return out::json(&Report { first: &rows[0], rows: several });
    }
    match &rows[..] {
        [row] => print(row, trained.setup.task.spec().terms),
        rows => print_table(rows, &episodes),
    }
    let terms = &rows[0].evaluation.terms;
    let terms: Vec<(&str, f64)> = terms.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    survival::note(&terms).iter().for_each(|note| to_stderr(note));
    Ok(())
}

/// A row per environment.
fn print_table(rows: &[Row], episodes: &Episodes) {
    let first = &rows[0].evaluation;
    let (env, engine, count, seed) = (&first.env, first.engine, episodes.count, episodes.seed);
    let episodes = plural(count, "episode");
    out::line(&format!("{env} in {engine}: {episodes}, the same for all, seed {seed}"));
    let head = [
        "change",
        "#return",
        "#difference to none",
        "#length",
        "#ended early",
        "#spike rate",
        "#nJ per step",
    ];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(rows.iter().map(|row| {
        let evaluation = &row.evaluation;
        [
            row.change.clone().unwrap_or_default(),
            returns(evaluation).to_string(),
            row.difference_to_none.map_or_else(|| "–".to_owned(), Estimate::signed),
            format!("{:.0}", evaluation.length_mean),
            evaluation.terminated.to_string(),
            format!("{:.3}", evaluation.spike_rate),
            format!("{:.1}", evaluation.energy_pj_per_step * 1e-3),
        ]
    }));
    out::table(&table);
    out::line(EXPLAINED);
}

fn print(row: &Row, terms: &[&str]) {
    let evaluation = &row.evaluation;
    let terms: Vec<String> = terms.iter().map(|t| format!("{t} {:.1}", evaluation.terms[*t])).collect();
    let worst = evaluation.returns.iter().copied().fold(f64::INFINITY, f64::min);
    let change = row.change.as_ref().map_or(String::new(), |change| format!(" with {change}"));
    let success = evaluation.successes.map_or(String::new(), |count| format!(", {count} succeeded"));
    out::line(&format!(
        "{} in {}{change}: return {:.1} ± {:.1} over {} episodes (lowest {worst:.1}), length {:.0}, {} ended early{success}",
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
