//! The table of results as Markdown, with a figure per task beside it.

use std::fs;
use std::path::{Path, PathBuf};

use records::disk::write_atomic;
use records::provenance::quote;
use serde_json::{Map, Value};
use training::stages;

use super::error::ReportError;
use super::origin;
use super::results::{self, EXPLAINED, Outcome};
use crate::plot::Figure;
use crate::plot::groups::{Group, group};
use crate::plot::runs::read_all;
use crate::sweep::{Stored, trial_name};

/// The rows of a sweep: its trials, task by task, in the order of their numbers.
///
/// # Errors
/// If the folder of a run that is done cannot be read.
pub(super) fn of_trials(folder: &Path, sweep: &Stored) -> Result<Vec<Outcome>, ReportError> {
    let mut outcomes = Vec::new();
    for (task, part) in sweep.by_task() {
        for (&number, point) in &part.records.points {
            let trial = part.plan.trial(number, point);
            let whole = stages::generations(&part.plan.base(point).config);
            let seeds = &part.plan.config.seeds;
            let done = |seed: &&u64| part.records.done.contains_key(&(number, **seed, whole));
            let trials = folder.join("trials").join(trial_name(number));
            let paths: Vec<PathBuf> =
                seeds.iter().filter(done).map(|seed| trials.join(format!("s{seed}"))).collect();
            let runs = read_all(&paths)?;
            let label = trial.labels.join(", ");
            outcomes.push(Outcome { task: task.clone(), label, seeds: seeds.len(), runs });
        }
    }
    Ok(outcomes)
}

/// Learning curves of the rows of a task.
pub(super) fn curves(outcomes: &[&Outcome], title: &str) -> Option<Figure> {
    let groups: Vec<Group> = outcomes
        .iter()
        .filter(|outcome| !outcome.runs.is_empty())
        .map(|outcome| Group { label: outcome.legend(), runs: outcome.runs.clone() })
        .collect();
    (!groups.is_empty()).then(|| Figure::of_groups(groups, title.to_owned()))
}

/// The tasks of rows in their order, each with its rows.
pub(super) fn tasks(outcomes: &[Outcome]) -> Vec<(&str, Vec<&Outcome>)> {
    let mut tasks: Vec<(&str, Vec<&Outcome>)> = Vec::new();
    for outcome in outcomes {
        match tasks.iter_mut().find(|(task, _)| *task == outcome.task) {
            Some((_, rows)) => rows.push(outcome),
            None => tasks.push((&outcome.task, vec![outcome])),
        }
    }
    tasks
}

/// Writes the table of a sweep or of runs, and the curves of each task into the folder beside it that is
/// called like it. Returns what was written.
///
/// # Errors
/// If runs cannot be read or files not be written.
pub fn write_markdown(
    file: &Path,
    sources: &[PathBuf],
    title: Option<&str>,
) -> Result<Vec<PathBuf>, ReportError> {
    let (outcomes, origins, again) = match sources {
        [folder] if Stored::is_in(folder) => {
            let sweep = Stored::read(folder)?;
            let origin = origin::read(folder);
            let command = origin::field(&origin, "command");
            (of_trials(folder, &sweep)?, origin::of_sessions(origin, &sweep.records), command)
        }
        runs => {
            let runs = read_all(runs)?;
            let origins = runs.iter().map(|run| origin::read(run.folder.path())).collect();
            let shown: Vec<String> = sources.iter().map(|run| quote(&run.display().to_string())).collect();
            let again = format!("evo report {} --markdown FILE", shown.join(" "));
            (Outcome::of_groups(&group(runs)), origins, again)
        }
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = file.with_extension("");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    if folder == file {
        let source = std::io::Error::other("the name must end in .md");
        return Err(ReportError::Write { path: file.to_owned(), source });
    }
    let mut pictures = Vec::new();
    let mut written = vec![file.to_owned()];
    for (task, rows) in tasks(&outcomes) {
        let Some(figure) = curves(&rows, task) else { continue };
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
        let name = format!("{}.svg", task.chars().map(plain).collect::<String>());
        figure.write(&folder.join(&name))?;
        pictures.push((task, format!("{stem}/{name}")));
        written.push(folder.join(name));
    }
    let text = page(title.unwrap_or("Results"), &outcomes, &origins, &again, &pictures);
    write_atomic(file, text.as_bytes()).map_err(failed(file))?;
    Ok(written)
}

fn page(
    title: &str,
    outcomes: &[Outcome],
    origins: &[Map<String, Value>],
    again: &str,
    pictures: &[(&str, String)],
) -> String {
    let (head, rows) = results::table(outcomes);
    let mut text = format!("# {title}\n\n{EXPLAINED}\n\n{}", table(&head, &rows));
    if let Some((caption, (head, rows))) = results::aggregate_table(outcomes) {
        text += &format!("\n{caption}\n\n{}", table(&head, &rows));
    }
    if !pictures.is_empty() {
        text += "\n## Learning curves\n";
    }
    for (task, picture) in pictures {
        text += &format!("\n![learning curves of {task} over control steps and time]({picture})\n");
    }
    text += "\n## Provenance\n\n";
    for (name, value) in origin::facts(origins) {
        text += &format!("- {name}: {value}\n");
    }
    text + &format!("\n    {again}\n")
}

/// A table; columns that start with `#` are aligned to the right.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let name = |name: &&str| escape(name.trim_start_matches('#'));
    let rule = |name: &&str| if name.starts_with('#') { "---:" } else { "---" }.to_owned();
    let mut text = line(head.iter().map(name).collect()) + &line(head.iter().map(rule).collect());
    for row in rows {
        text += &line(row.iter().map(|cell| escape(cell)).collect());
    }
    text
}

/// Text in a cell.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_the_table() {
        let rows = [vec!["a | b".to_owned(), "1\n2".to_owned()]];
        assert_eq!(table(&["name", "#n"], &rows), "| name | n |\n| --- | ---: |\n| a \\| b | 1 2 |\n");
    }
}
