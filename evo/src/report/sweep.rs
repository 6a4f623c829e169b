//! The page about a sweep.

use std::path::Path;

use super::html::{self, Cell};
use super::runs::plural;
use super::{ReportError, number, origin, pictures};
use crate::progress::{count, duration};
use crate::run_folder::quote;
use crate::sweep::config::Objective;
use crate::sweep::table::{Row, Status, Table};
use crate::sweep::{Plan, Stored};

/// A page about a sweep's folder; the sweep may still be at work. The title is the folder's name unless
/// one is given.
///
/// # Errors
/// If its journal cannot be read.
pub fn of_sweep(folder: &Path, title: Option<&str>) -> Result<String, ReportError> {
    let sweep = Stored::read(folder)?;
    let Stored { plan, records } = &sweep;
    let table = Table::new(plan, records);
    let name = folder.file_name().map_or_else(|| "sweep".into(), |name| name.to_string_lossy());
    let title = title.map_or_else(|| format!("Sweep {name}"), str::to_owned);
    let mut body = html::tiles(&tiles(&sweep, &table));
    body += &html::section("Best trial", &best(plan, &table));
    body += &html::section("Best so far", &pictures::history(&sweep)?);
    body += &html::section("Parameters and value", &pictures::parallel(&sweep, &table)?);
    body += &html::section("Effect of each parameter", &pictures::effects(&sweep)?);
    body += &html::section("Learning curves of the best trials", &pictures::curves(folder, &sweep, &table)?);
    body += &html::section("Failed trials", &failures(folder, &table));
    body += &html::section("All trials", &trials(plan, &table));
    body += &html::section("Configuration", &configs(folder));
    let origin = origin::read(folder);
    body += &html::section("Provenance", &origin::table(std::slice::from_ref(&origin)));
    let mut commands = origin::checkout(&origin);
    let shown = folder.display().to_string();
    commands += &format!("evo sweep --config {} --out NEW_FOLDER\n", quote(&format!("{shown}/sweep.ron")));
    body += &html::section(
        "Commands",
        &(html::note("evo is `cargo run -p evo --` in a clone of the source. The whole sweep again:")
            + &html::code(&commands)
            + &html::note("As it was started; the same command goes on with it and retries what failed:")
            + &html::code(&origin::field(&origin, "command"))
            + &html::note("The best trial alone, and this page again:")
            + &html::code(&format!("{}evo report {}\n", rerun(folder, plan, table.best()), quote(&shown)))),
    );
    let config = serde_json::to_value(&plan.base).unwrap_or_default();
    let variant = |field: &str| match &config[field] {
        serde_json::Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let started = origin::field(&origin, "started");
    let subtitle = [variant("env"), variant("strategy"), format!("started {started}")];
    let shown = if started.is_empty() { 2 } else { 3 };
    Ok(html::page(&title, &subtitle[..shown].join(" · "), &body))
}

fn tiles(sweep: &Stored, table: &Table) -> Vec<(&'static str, String, String)> {
    let Stored { plan, records } = sweep;
    let of = |status| table.rows.iter().filter(|row| row.status == status).count();
    let parts = [Status::Done, Status::Stopped, Status::Failed, Status::Unfinished];
    let parts = parts.map(|status| (of(status), status.name()));
    let parts: Vec<String> =
        parts.iter().filter(|part| part.0 > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let seconds: f64 = (0..plan.trials)
        .flat_map(|trial| plan.config.seeds.iter().map(move |&seed| (trial, seed)))
        .filter_map(|(trial, seed)| {
            let done = records.done.range((trial, seed, 0)..=(trial, seed, u64::MAX));
            done.map(|(_, done)| done.wall_s).reduce(f64::max)
        })
        .sum();
    let mut tiles = vec![
        ("trials", format!("{} of {}", table.rows.len(), plan.trials), parts.join(", ")),
        (
            "seeds per trial",
            plan.config.seeds.len().to_string(),
            "a trial's value is their median".to_owned(),
        ),
        ("control steps", count(table.env_steps() as f64), "of training, all trials".to_owned()),
        ("time", duration(seconds), "of training, summed over workers".to_owned()),
    ];
    if let Some((best, score)) = table.best().and_then(|row| Some((row, row.score?))) {
        tiles.insert(0, ("best value", number(score.value), format!("trial {}", best.trial)));
    }
    tiles
}

fn best(plan: &Plan, table: &Table) -> String {
    let Some((row, score)) = table.best().and_then(|row| Some((row, row.score?))) else {
        return html::note("No trial has a value yet.");
    };
    let objective = match plan.config.objective {
        Objective::Last => "last",
        Objective::Best => "best",
    };
    let seeds = plan.config.seeds.len();
    let over = if seeds > 1 {
        format!(
            "median over {seeds} seeds; lowest {}, highest {}; interquartile mean {} [{}, {}]",
            number(score.min),
            number(score.max),
            number(score.iqm),
            number(score.iqm_low),
            number(score.iqm_high)
        )
    } else {
        "one seed".to_owned()
    };
    let text = format!(
        "Trial {}: {} ({over}), the {objective} evaluation's mean return after {}.",
        row.trial,
        number(score.value),
        plural(row.generations as usize, "generation")
    );
    let rows: Vec<Vec<Cell>> = table
        .axes
        .iter()
        .zip(&row.values)
        .map(|(axis, value)| vec![axis.as_str().into(), value.as_str().into()])
        .collect();
    html::note(&text) + &html::table(&["parameter", "value"], &rows, false)
}

fn failures(folder: &Path, table: &Table) -> String {
    let failed = table.rows.iter().filter(|row| !row.failures.is_empty());
    let rows: Vec<Vec<Cell>> = failed
        .map(|row| vec![row.trial.as_str().into(), reasons(&row.failures).into(), row.set.join("  ").into()])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let place = format!("Their folders and messages are in {}.", folder.join("trials").display());
    html::note(&place) + &html::table(&["trial", "what went wrong", "changes"], &rows, false)
}

/// Failures as `seed 1, generation 9; seed 2, generation 9: REASON`, every reason once.
fn reasons(failures: &[String]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for failure in failures {
        let (run, reason) = failure.split_once(": ").unwrap_or(("", failure));
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, runs)) => runs.push(run),
            None => reasons.push((reason, vec![run])),
        }
    }
    let texts: Vec<String> =
        reasons.iter().map(|(reason, runs)| format!("{}: {reason}", runs.join("; "))).collect();
    texts.join(". ")
}

fn trials(plan: &Plan, table: &Table) -> String {
    let mut columns = vec!["#rank", "trial", "status", "#generations"];
    let several = plan.config.seeds.len() > 1;
    columns.push(if several { "#value (median)" } else { "#value" });
    if several {
        columns.push("#IQM [95 % interval]");
    }
    columns.push("#control steps");
    columns.extend(plan.short_names());
    let row = |(rank, row): (usize, &Row)| -> Vec<Cell> {
        let mark = row.status.name();
        let mut cells: Vec<Cell> = vec![
            if row.score.is_some() { (rank + 1).to_string().into() } else { Cell::default() },
            row.trial.as_str().into(),
            Cell::marked(mark, mark),
            row.generations.to_string().into(),
            row.score.map(|score| number(score.value)).unwrap_or_default().into(),
        ];
        if several {
            let iqm = row.score.map(|s| [s.iqm, s.iqm_low, s.iqm_high].map(number));
            cells.push(iqm.map(|[x, low, high]| format!("{x} [{low}, {high}]")).unwrap_or_default().into());
        }
        cells.push(count(row.env_steps as f64).into());
        cells.extend(row.values.iter().map(|value| Cell::from(value.as_str())));
        cells
    };
    let rows: Vec<Vec<Cell>> = table.rows.iter().enumerate().map(row).collect();
    html::table(&columns, &rows, true)
}

fn configs(folder: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let part = |summary: &str, name: &str| {
        let text = read(name);
        if text.is_empty() { String::new() } else { html::details(summary, &html::code(&text)) }
    };
    part("The sweep (sweep.ron)", "sweep.ron") + &part("The config that trials change (base.ron)", "base.ron")
}

fn rerun(folder: &Path, plan: &Plan, best: Option<&Row>) -> String {
    let Some(best) = best else { return String::new() };
    let sets: String = best.set.iter().map(|set| format!(" --set {}", quote(set))).collect();
    let base = quote(&folder.join("base.ron").display().to_string());
    let generations = best.generations;
    plan.config
        .seeds
        .iter()
        .map(|seed| format!("evo --config {base}{sets} --seed {seed} --generations {generations}\n"))
        .collect()
}
