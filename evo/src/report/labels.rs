//! The page about training with labels.

use std::path::{Path, PathBuf};

use records::folder::{RunFolder, read_file};
use records::provenance::quote;
use records::words::{count, duration};
use serde_json::{Map, Value};

use super::error::ReportError;
use super::html::{self, Cell};
use super::origin;
use crate::plot::PlotError;
use crate::plot::labels::Curves;

/// A page about runs that were trained with labels.
///
/// # Errors
/// A folder that is no run, unreadable files, a run without any epoch.
pub fn of_classifiers(paths: &[PathBuf], title: Option<&str>) -> Result<String, ReportError> {
    let folders: Result<Vec<RunFolder>, _> = paths.iter().map(|path| RunFolder::open(path)).collect();
    let folders = folders.map_err(PlotError::from)?;
    let summaries: Vec<Map<String, Value>> = folders.iter().map(summary).collect();
    let origins: Vec<Map<String, Value>> = folders.iter().map(|folder| origin::read(folder.path())).collect();
    let data = summaries.iter().map(|summary| origin::field(summary, "data")).find(|data| !data.is_empty());
    let title =
        title.map_or_else(|| data.unwrap_or_else(|| "Training with labels".to_owned()), str::to_owned);
    let curves = html::figure(&Curves::read(&folders, "")?, "loss and accuracy over epochs", "")?;
    let mut body = html::section("Results", &results(&folders, &summaries));
    body += &html::section("Learning curves", &curves);
    body += &html::section("Confusion", &confusion(&folders));
    let configs = folders.iter().map(|folder| {
        let text = checked(&folder.config());
        html::details(&folder.path().display().to_string(), &html::code(&text))
    });
    body += &html::section("Configuration", &configs.collect::<String>());
    body += &html::section("Provenance", &origin::table(&origins));
    body += &html::section("Commands", &commands(&folders, &origins));
    Ok(html::page(&title, "training with labels", &body))
}

/// A file of a run as text; what is wrong with it, if something is, and nothing if it is not there.
fn checked(file: &Path) -> String {
    match read_file(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// What a finished run says of itself; empty for others.
fn summary(folder: &RunFolder) -> Map<String, Value> {
    origin::json(&folder.summary())
}

/// A row per run.
fn results(folders: &[RunFolder], summaries: &[Map<String, Value>]) -> String {
    let columns = [
        "run",
        "status",
        "controller",
        "#seed",
        "#epochs",
        "#best epoch",
        "#test accuracy",
        "#test loss",
        "#samples",
        "#time",
    ];
    let row = |(folder, summary): (&RunFolder, &Map<String, Value>)| -> Vec<Cell> {
        let number = |name: &str| summary.get(name).and_then(Value::as_f64);
        let text = |name: &str| Cell::from(origin::field(summary, name));
        let status = if summary.is_empty() { "unfinished" } else { "done" };
        vec![
            folder.path().display().to_string().into(),
            Cell::marked(if summary.is_empty() { "unfinished" } else { "finished" }, status),
            text("controller"),
            text("seed"),
            text("generations"),
            text("best_generation"),
            number("test_accuracy").map(|x| format!("{:.2} %", 100.0 * x)).unwrap_or_default().into(),
            number("test_loss").map(|x| format!("{x:.4}")).unwrap_or_default().into(),
            number("samples").map(count).unwrap_or_default().into(),
            number("wall_s").map(duration).unwrap_or_default().into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = folders.iter().zip(summaries).map(row).collect();
    html::note("Accuracy and loss: of the best epoch by validation, on the test samples.")
        + &html::table(&columns, &rows, true)
}

/// The counts of each run, as its folder has them.
fn confusion(folders: &[RunFolder]) -> String {
    let table = |folder: &RunFolder| {
        let text = checked(&folder.path().join("confusion.csv"));
        let mut lines = text.lines();
        let head: Vec<String> = lines.next()?.split(',').map(|name| format!("#{name}")).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows: Vec<Vec<Cell>> = lines.map(|line| line.split(',').map(Cell::from).collect()).collect();
        Some(html::note(&folder.path().display().to_string()) + &html::table(&head, &rows, false))
    };
    folders.iter().filter_map(table).collect()
}

fn commands(folders: &[RunFolder], origins: &[Map<String, Value>]) -> String {
    let (mut started, mut look, mut commit) = (String::new(), String::new(), String::new());
    for (folder, origin) in folders.iter().zip(origins) {
        let checkout = origin::checkout(origin);
        if checkout != commit {
            started += &checkout;
            commit = checkout;
        }
        started += &format!("{}\n", origin::field(origin, "command"));
        look += &format!("evo eval {}\n", quote(&folder.path().display().to_string()));
    }
    html::note("As they were started; evo is `cargo run -p evo --` in a clone of the source:")
        + &html::code(&started)
        + &html::note("To look at the results:")
        + &html::code(&look)
}
