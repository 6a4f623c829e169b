//! The page about a sweep.

use std::path::Path;

use records::input;
use records::provenance::quote;
use records::words::{count, duration, plural};

use super::error::{MISSING, ReportError, is_missing};
use super::html::{self, Cell};
use super::numbers::number;
use super::robot::Robot;
use super::{markdown, origin, pictures, results};
use crate::sweep::config::Objective;
use crate::sweep::table::{Row, Status, Table};
use crate::sweep::{Plan, Stored};

/// A page about a sweep's folder, with the robot if there is one; the sweep may still be at work. The title is the
/// folder's name unless one is given.
///
/// # Errors
/// If its journal cannot be read.
pub(crate) fn of_sweep(
    folder: &Path,
    title: Option<&str>,
    robot: Option<&Robot>,
) -> Result<String, ReportError> {
    let sweep = Stored::read(folder)?;
    let Stored { plan, records } = &sweep;
    let table = Table::new(plan, records);
    let name = folder.file_name().map_or_else(|| "sweep".into(), |name| name.to_string_lossy());
    let title = title.map_or_else(|| format!("Sweep {name}"), str::to_owned);
    let mut body = html::tiles(&tiles(&sweep, &table));
    body += &html::section("The robot", &robot.map(Robot::markup).unwrap_or_default());
    let parts = sweep.by_task();
    match &parts[..] {
        [(_, part)] => {
            body += &html::section("Best trial", &best(plan, &table));
            for (title, text) in analysis(part, &table)? {
                body += &html::section(title, &text);
            }
            let curves = pictures::curves(folder, &sweep, &table)?;
            body += &html::section("Learning curves of the best trials", &curves);
        }
        // Returns of different tasks are not compared.
        parts => {
            body += &html::section("Results", &results(folder, &sweep)?);
            let mut waiting = Vec::new();
            for (task, part) in parts {
                let Some(mut text) = task_curves(folder, part, task)? else {
                    waiting.push(task.as_str());
                    continue;
                };
                if plan.config.axes.len() > 1 {
                    let table = Table::new(plan, &part.records);
                    for (title, picture) in analysis(part, &table)? {
                        text += &html::details(title, &picture);
                    }
                }
                body += &html::section(task, &text);
            }
            if !waiting.is_empty() {
                let text = format!("No run has come to its end yet: {}.", waiting.join(", "));
                body += &html::section("Other tasks", &html::note(&text));
            }
        }
    }
    body += &html::section("Failed trials", &failures(folder, &table));
    body += &html::section("All trials", &trials(plan, &table));
    body += &html::section("Configuration", &configs(folder, plan));
    let origin = origin::read(folder);
    let sessions = origin::of_sessions(origin.clone(), records);
    body += &html::section("Provenance", &origin::table(&sessions));
    let mut commands = origin::checkout(&origin);
    let shown = folder.display().to_string();
    commands += &format!("evo sweep --config {} --out NEW_FOLDER\n", quote(&format!("{shown}/sweep.ron")));
    body += &html::section(
        "Commands",
        &(html::note("evo is `cargo run -p evo --` in a clone of the source. The whole sweep again:")
            + &html::code(&commands)
            + &html::note("As it was started; the same command goes on with it and retries what failed:")
            + &html::code(&origin::field(&origin, "command"))
            + &html::note("The best trial (of each task) alone, and this page again:")
            + &html::code(&format!("{}evo report {}\n", rerun(folder, plan, &table), quote(&shown)))),
    );
    let config = serde_json::to_value(&plan.bases[0].config).unwrap_or_default();
    let variant = |field: &str| match &config[field] {
        serde_json::Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let started = origin::field(&origin, "started");
    let method = if config["task"].is_object() { "task" } else { "strategy" };
    let mut subtitle = vec![variant("env"), variant(method)];
    if plan.bases.len() > 1 {
        subtitle = vec![plural(parts.len(), "task"), plural(plan.bases.len(), "config")];
    }
    subtitle.extend((!started.is_empty()).then(|| format!("started {started}")));
    Ok(html::page(&title, &subtitle.join(" · "), &body))
}

/// How trials compare: headings and pictures.
fn analysis(sweep: &Stored, table: &Table) -> Result<[(&'static str, String); 3], ReportError> {
    Ok([
        ("Best so far", pictures::history(sweep)?),
        ("Parameters and value", pictures::parallel(sweep, table)?),
        ("Effect of each parameter", pictures::effects(sweep)?),
    ])
}

/// The table of all tasks, and of methods over tasks.
fn results(folder: &Path, sweep: &Stored) -> Result<String, ReportError> {
    let outcomes = match markdown::of_trials(folder, sweep) {
        Err(error) if is_missing(&error) => return Ok(html::note(MISSING)),
        outcomes => outcomes?,
    };
    let cells = |rows: Vec<Vec<String>>| -> Vec<Vec<Cell>> {
        rows.into_iter().map(|row| row.into_iter().map(Cell::from).collect()).collect()
    };
    let (head, rows) = results::table(&outcomes);
    let (head, rows) = stacked(&head, &rows);
    let mut text = html::note(results::EXPLAINED) + &html::table(&head, &rows, true);
    if let Some((caption, (head, rows))) = results::aggregate_table(&outcomes) {
        text += &html::note(&caption);
        text += &html::table(&head, &cells(rows), true);
    }
    Ok(text)
}

/// [`results::table`] with configs below tasks and controllers below strategies, so that a page is wide
/// enough.
fn stacked<'a>(head: &[&'a str], rows: &[Vec<String>]) -> (Vec<&'a str>, Vec<Vec<Cell>>) {
    let named = head[3] == "config";
    let rest = if named { 4 } else { 3 };
    let mut short = vec!["task", "strategy, controller"];
    short.extend(&head[rest..]);
    let row = |row: &Vec<String>| {
        let config = if named && row[3] != row[0] { row[3].as_str() } else { "" };
        let mut cells = vec![Cell::with_below(&row[0], config), Cell::with_below(&row[1], &row[2])];
        cells.extend(row[rest..].iter().map(|text| Cell::from(text.as_str())));
        cells
    };
    (short, rows.iter().map(row).collect())
}

/// Learning curves of all trials of a task; none if no run has come to its end.
fn task_curves(folder: &Path, part: &Stored, task: &str) -> Result<Option<String>, ReportError> {
    let outcomes = match markdown::of_trials(folder, part) {
        Err(error) if is_missing(&error) => return Ok(Some(html::note(MISSING))),
        outcomes => outcomes?,
    };
    let rows: Vec<_> = outcomes.iter().collect();
    let Some(figure) = markdown::curves(&rows, "") else { return Ok(None) };
    Ok(Some(html::figure(&figure, &format!("learning curves of {task}"), "")?))
}

fn tiles(sweep: &Stored, table: &Table) -> Vec<(&'static str, String, String)> {
    let Stored { plan, records } = sweep;
    let of = |status| table.rows.iter().filter(|row| row.status == status).count();
    let parts = [Status::Done, Status::Stopped, Status::Failed, Status::Unfinished];
    let parts = parts.map(|status| (of(status), status.name()));
    let parts: Vec<String> =
        parts.iter().filter(|part| part.0 > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let runs = records.points.keys().flat_map(|&trial| plan.config.seeds.iter().map(move |&s| (trial, s)));
    let seconds: f64 = runs.filter_map(|(trial, seed)| records.last(trial, seed)).map(|d| d.wall_s).sum();
    let finished = table.rows.len() - of(Status::Unfinished);
    let mut tiles = vec![
        ("trials finished", format!("{finished} of {}", plan.trials), parts.join(", ")),
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
    let task = table.rows.iter().any(|row| row.task.is_some());
    let mut columns = vec!["#rank", "trial", "status", "#generations"];
    if task {
        columns.insert(2, "task");
    }
    let several = plan.config.seeds.len() > 1;
    columns.push(if several { "#value (median)" } else { "#value" });
    if several {
        columns.push("#IQM [95 % interval]");
    }
    columns.push("#control steps");
    columns.extend(plan.short_names());
    // Ranks are within a task.
    let before = |row: &Row| table.rows.iter().position(|other| other.task == row.task).unwrap_or(0);
    let row = |(rank, row): (usize, &Row)| -> Vec<Cell> {
        let mark = row.status.name();
        let mut cells: Vec<Cell> = vec![
            if row.score.is_some() { (rank - before(row) + 1).to_string().into() } else { Cell::default() },
            row.trial.as_str().into(),
            Cell::marked(mark, mark),
            row.generations.to_string().into(),
            row.score.map(|score| number(score.value)).unwrap_or_default().into(),
        ];
        if let Some(task) = &row.task {
            cells.insert(2, task.as_str().into());
        }
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

fn configs(folder: &Path, plan: &Plan) -> String {
    let read = |name: &str| input::text(&folder.join(name), input::TEXT).unwrap_or_default();
    let part = |summary: &str, name: &str| {
        let text = read(name);
        if text.is_empty() { String::new() } else { html::details(summary, &html::code(&text)) }
    };
    let base = |base: usize| {
        let file = plan.base_file(base);
        part(&format!("The config that trials change ({file})"), &file)
    };
    part("The sweep (sweep.ron)", "sweep.ron") + &(0..plan.bases.len()).map(base).collect::<String>()
}

fn rerun(folder: &Path, plan: &Plan, table: &Table) -> String {
    let again = |row: &Row| -> String {
        let sets: String = row.set.iter().map(|set| format!(" --set {}", quote(set))).collect();
        let base = quote(&folder.join(&row.base).display().to_string());
        let (command, generations) = (row.command(), row.generations);
        let run =
            |seed| format!("{command} --config {base}{sets} --seed {seed} --generations {generations}\n");
        plan.config.seeds.iter().map(run).collect()
    };
    table.best_of_tasks().into_iter().map(again).collect()
}
