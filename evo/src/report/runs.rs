//! The page about runs.

use std::path::PathBuf;

use records::provenance::quote;
use records::words::{count, duration, plural};
use serde_json::{Map, Value};

use super::error::ReportError;
use super::html::{self, Cell};
use super::numbers::{last, number};
use super::origin;
use super::results::{EXPLAINED, MEASURES, measures};
use super::robot::Robot;
use crate::plot::groups::{Group, differing, group};
use crate::plot::runs::{Run, common_task, read_all};
use crate::plot::{Columns, Figure, Spread};

/// A page about run folders, with the robot if there is one. The title is the task's name unless one is given.
///
/// # Errors
/// A folder that is no run, unreadable files, a run without any generation.
pub(crate) fn of_runs(
    paths: &[PathBuf],
    title: Option<&str>,
    robot: Option<&Robot>,
) -> Result<String, ReportError> {
    let runs = read_all(paths)?;
    let origins: Vec<Map<String, Value>> = runs.iter().map(|run| origin::read(run.folder.path())).collect();
    let title = title.or(common_task(&runs)).unwrap_or("Runs").to_owned();
    let groups = group(runs.clone());
    let steps: f64 = runs.iter().filter_map(|run| last(run, "env_steps")).sum();
    let wall: f64 = runs.iter().filter_map(|run| last(run, "wall_s")).sum();
    let best = runs.iter().flat_map(Run::evaluation).map(|point| point.value).fold(f64::NAN, f64::max);
    let mut tiles = vec![
        ("runs", runs.len().to_string(), plural(groups.len(), "configuration")),
        ("control steps", count(steps), "of training, all runs".to_owned()),
        ("time", duration(wall), "of training, all runs".to_owned()),
    ];
    if best.is_finite() {
        tiles.push(("best evaluation", number(best), "mean return of one run".to_owned()));
    }
    let mut body = html::tiles(&tiles);
    body += &html::section("The robot", &robot.map(Robot::markup).unwrap_or_default());
    body += &html::section("Results", &results(&groups));
    body += &html::section("Learning curves", &curves(&runs)?);
    let mut terms = String::new();
    for group in &groups {
        if let Some(picture) = Columns::terms(group, Spread::default()) {
            let caption = if groups.len() > 1 { &group.label } else { "" };
            terms += &html::figure(&picture, "reward terms over control steps", caption)?;
        }
    }
    if groups.len() > 2 {
        terms = html::details("A picture for each configuration", &terms);
    }
    body += &html::section("Reward terms", &terms);
    let workings = Columns::workings(&groups, Spread::default());
    let shows = "episode length, step size and activity over control steps";
    body += &html::section("How the runs work", &html::figure(&workings, shows, "")?);
    body += &html::section("Runs", &table(&runs, &origins));
    body += &html::section("Configuration", &configs(&groups));
    body += &html::section("Provenance", &origin::table(&origins));
    body += &html::section("Commands", &commands(&runs, &origins));
    let started = origins.iter().map(|origin| origin::field(origin, "started")).min().unwrap_or_default();
    let engine = runs[0].field("physics.engine").unwrap_or_default();
    let subtitle = [
        runs[0].task().or(runs[0].field("strategy")).unwrap_or_default().to_owned(),
        if engine.is_empty() { String::new() } else { format!("engine {engine}") },
        if started.is_empty() { started } else { format!("first run started {started}") },
    ];
    let subtitle = subtitle.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    Ok(html::page(&title, if groups.len() == 1 { &subtitle } else { "" }, &body))
}

/// A row per configuration.
fn results(groups: &[Group]) -> String {
    let columns: Vec<&str> = ["configuration"].into_iter().chain(MEASURES).collect();
    let row = |group: &Group| -> Vec<Cell> {
        let measures = measures(&group.runs, group.runs.len()).into_iter().map(Cell::from);
        [Cell::from(group.label.as_str())].into_iter().chain(measures).collect()
    };
    let rows: Vec<Vec<Cell>> = groups.iter().map(row).collect();
    html::note(EXPLAINED) + &html::table(&columns, &rows, true)
}

/// A figure per task.
fn curves(runs: &[Run]) -> Result<String, ReportError> {
    let mut tasks: Vec<&str> = Vec::new();
    for run in runs {
        let task = run.field("env").unwrap_or_default();
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    let mut text = String::new();
    for task in &tasks {
        let of_task: Vec<Run> =
            runs.iter().filter(|run| run.field("env").unwrap_or_default() == *task).cloned().collect();
        let title = if tasks.len() > 1 { task } else { "" };
        let figure = Figure::new(of_task, Some(title));
        text += &html::figure(&figure, "learning curves over control steps and wall time", "")?;
    }
    Ok(text)
}

/// A row per run.
fn table(runs: &[Run], origins: &[Map<String, Value>]) -> String {
    let columns = [
        "run",
        "status",
        "#seed",
        "#generations",
        "#control steps",
        "#time",
        "#last evaluation",
        "#best evaluation",
        "started",
    ];
    let row = |(run, origin): (&Run, &Map<String, Value>)| -> Vec<Cell> {
        let evaluations = run.evaluation();
        let best = evaluations.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
        let finished = run.folder.is_finished();
        let deviation = last(run, "eval_return_std").map(|std| format!(" ± {}", number(std)));
        let evaluation = evaluations.last().map(|point| number(point.value) + &deviation.unwrap_or_default());
        vec![
            run.folder.path().display().to_string().into(),
            if finished {
                Cell::marked("finished", "done")
            } else {
                Cell::marked("unfinished", "unfinished")
            },
            run.field("run.seed").unwrap_or_default().into(),
            run.metrics.rows.len().to_string().into(),
            last(run, "env_steps").map(count).unwrap_or_default().into(),
            last(run, "wall_s").map(duration).unwrap_or_default().into(),
            evaluation.unwrap_or_default().into(),
            if best.is_finite() { number(best).into() } else { Cell::default() },
            origin::field(origin, "started").into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = runs.iter().zip(origins).map(row).collect();
    html::note("± is the standard deviation over an evaluation's episodes.")
        + &html::table(&columns, &rows, true)
}

/// What differs between the configurations, and each in full.
fn configs(groups: &[Group]) -> String {
    let firsts: Vec<&Run> = groups.iter().map(|group| &group.runs[0]).collect();
    let mut text = String::new();
    if groups.len() > 1 {
        let columns: Vec<&str> =
            ["field"].into_iter().chain(groups.iter().map(|group| group.label.as_str())).collect();
        let row = |path: &String| {
            let values = firsts.iter().map(|run| Cell::from(run.field(path).unwrap_or("–")));
            [Cell::from(path.as_str())].into_iter().chain(values).collect()
        };
        let rows: Vec<Vec<Cell>> = differing(&firsts).iter().map(row).collect();
        text += &html::table(&columns, &rows, false);
    }
    for (group, run) in groups.iter().zip(firsts) {
        let seeds: Vec<&str> = group.runs.iter().filter_map(|run| run.field("run.seed")).collect();
        let summary = format!("{}, seed {}", group.label, seeds.join(", "));
        text += &html::details(&summary, &html::code(&run.config));
    }
    text
}

/// How to make the runs again and look at them.
fn commands(runs: &[Run], origins: &[Map<String, Value>]) -> String {
    let (mut again, mut started, mut commit) = (String::new(), String::new(), String::new());
    for (run, origin) in runs.iter().zip(origins) {
        let checkout = origin::checkout(origin);
        if checkout != commit {
            again += &checkout;
            commit = checkout;
        }
        let command = if run.task().is_some() { "evo finetune" } else { "evo" };
        again += &format!("{command} --config {}\n", quote(&run.folder.config().display().to_string()));
        let command = origin::field(origin, "command");
        if !command.is_empty() {
            started += &format!("{command}\n");
        }
    }
    let shown: Vec<String> = runs.iter().map(|run| quote(&run.folder.path().display().to_string())).collect();
    let mut look = format!("evo plot {}\n", shown.join(" "));
    look += &shown.iter().map(|run| format!("evo eval {run} --episodes 32\n")).collect::<String>();
    html::note("evo is `cargo run -p evo --` in a clone of the source. Resolved configs, seed included:")
        + &html::code(&again)
        + &html::note("As they were started:")
        + &html::code(&started)
        + &html::note("To look at the results:")
        + &html::code(&look)
}
