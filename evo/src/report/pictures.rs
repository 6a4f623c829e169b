//! The pictures of a sweep's page.

use std::path::{Path, PathBuf};

use records::words::plural;

use super::error::{MISSING, ReportError, is_missing};
use super::html::{self, Cell};
use super::numbers::number;
use crate::plot::effects::{self, Effects};
use crate::plot::groups::Group;
use crate::plot::history::{History, Step};
use crate::plot::parallel::{Line, Parallel, Scaled};
use crate::plot::picture::{self, tick};
use crate::plot::runs::read_all;
use crate::plot::{Band, Figure, Spread, Value};
use crate::statistics::Center;
use crate::sweep::axis::Axis;
use crate::sweep::config::Objective;
use crate::sweep::effect::effect;
use crate::sweep::score::score;
use crate::sweep::table::Table;
use crate::sweep::{Plan, Stored, sampler};

/// Trials whose learning curves are shown.
const BEST: usize = 5;

/// Scored trials in the order of work, which does not depend on the workers.
fn steps(sweep: &Stored) -> Vec<Step> {
    let Stored { plan, records } = sweep;
    let (mut steps, mut spent, mut start) = (Vec::new(), 0.0, 0);
    while start < plan.trials {
        let end = sampler::batch_end(&plan.config.sampler, plan.trials, start);
        for rung in 0..plan.rungs() {
            for (&trial, point) in records.points.range(start..end) {
                let rungs = &plan.base(point).rungs;
                for &seed in &plan.config.seeds {
                    let until = |generations: u64| records.done.get(&(trial, seed, generations));
                    let before = rung.checked_sub(1).and_then(|rung| until(rungs[rung]));
                    let before = before.map_or(0, |done| done.env_steps);
                    spent += until(rungs[rung]).map_or(0, |done| done.env_steps - before) as f64;
                }
                if let Some(score) = score(plan, records, trial, rung) {
                    let whole = rung + 1 == plan.rungs();
                    steps.push(Step { spent, value: score.value, whole });
                }
            }
        }
        start = end;
    }
    steps
}

/// The value of every trial and the best so far.
pub(super) fn history(sweep: &Stored) -> Result<String, ReportError> {
    let Some(picture) = draw_history(sweep) else { return Ok(String::new()) };
    Ok(html::figure(&picture, "value of every trial and the best so far over control steps", "")?)
}

fn draw_history(sweep: &Stored) -> Option<History> {
    let steps = steps(sweep);
    let over = if sweep.plan.config.seeds.len() > 1 { ", median over seeds" } else { "" };
    let value = format!("{}{over}", sweep.plan.config.objective.words());
    (!steps.is_empty()).then(|| History::new(steps, sweep.plan.rungs() > 1, value))
}

/// An axis as pictures show it.
fn scaled(plan: &Plan, index: usize) -> Scaled {
    let axis = &plan.config.axes[index];
    let places: Vec<f64> = match (axis.choices(), axis.steps()) {
        (Some(count), _) => (0..count).map(|i| axis.grid_point(i, count)).collect(),
        (None, Some(count)) if count <= 7 => (0..count).map(|i| axis.grid_point(i, count)).collect(),
        _ => vec![0.0, 0.25, 0.5, 0.75, 1.0],
    };
    let label = |place: f64| shorten(&axis.at(place, plan.is_whole(index)).label);
    let ticks = places.into_iter().map(|place| (place, label(place))).collect();
    let log = if matches!(axis, Axis::LogRange { .. }) { " (log)" } else { "" };
    Scaled { name: format!("{}{log}", plan.short_names()[index].replace('_', " ")), ticks }
}

/// Where a trial lies on an axis: values that are separate have a place each.
fn place(plan: &Plan, axis: usize, point: f64) -> f64 {
    let axis = &plan.config.axes[axis];
    let count = axis.choices().unwrap_or(0);
    (0..count)
        .map(|i| axis.grid_point(i, count))
        .min_by(|a, b| (a - point).abs().total_cmp(&(b - point).abs()))
        .unwrap_or(point)
}

/// What trials are compared by: their value after the first rung, which all of them run; and a note about it.
fn comparison(plan: &Plan) -> (String, String) {
    let median =
        if plan.config.seeds.len() > 1 { "A trial's value is the median over its seeds. " } else { "" };
    match plan.bases[0].rungs[..] {
        [_] => (plan.config.objective.words().to_owned(), median.to_owned()),
        [first, ..] => {
            let generations = plural(first as usize, "generation");
            let which = match plan.config.objective {
                Objective::Last => "last",
                Objective::Best => "best",
            };
            (
                format!("{which} return after {generations}"),
                format!(
                    "{median}Trials are compared after {generations}, the first rung of successive halving, \
                     because only the best of them went on. "
                ),
            )
        }
        [] => unreachable!("a plan has at least one rung"),
    }
}

/// Parameters and value of every trial.
pub(super) fn parallel(sweep: &Stored, table: &Table) -> Result<String, ReportError> {
    let (_, note) = comparison(&sweep.plan);
    let picture = draw_parallel(sweep, table);
    Ok(html::figure(&picture, "parallel coordinates: parameters and value of every trial", &note)?)
}

fn draw_parallel(sweep: &Stored, table: &Table) -> Parallel {
    let Stored { plan, records } = sweep;
    let best = table.best_of_tasks().first().map(|row| row.trial.clone());
    let lines = records.points.iter().map(|(&trial, point)| Line {
        point: (0..point.len()).map(|axis| place(plan, axis, point[axis])).collect(),
        value: score(plan, records, trial, 0).map(|score| score.value),
        best: best.as_deref() == Some(&crate::sweep::trial_name(trial)),
    });
    let axes = (0..plan.config.axes.len()).map(|index| scaled(plan, index)).collect();
    Parallel { axes, lines: lines.collect(), value: comparison(plan).0 }
}

/// What each parameter does: a table, the strongest first, and pictures.
pub(super) fn effects(sweep: &Stored) -> Result<String, ReportError> {
    let (rows, picture) = draw_effects(sweep);
    if rows.is_empty() {
        return Ok(String::new());
    }
    let columns = ["parameter", "#variance explained", "#best minus worst median", "best near"];
    let note = comparison(&sweep.plan).1
        + "Dots: trials. Triangles: medians of groups of trials (values of the parameter, or quarters of its \
           range). Variance explained: between the groups, adjusted for chance (ε²); it says nothing about \
           parameters that matter only together.";
    Ok(html::table(&columns, &rows, false) + &html::figure(&picture, "value over each parameter", &note)?)
}

fn draw_effects(sweep: &Stored) -> (Vec<Vec<Cell>>, Effects) {
    let Stored { plan, records } = sweep;
    let mut rows: Vec<(f64, Vec<Cell>)> = Vec::new();
    let mut pictures = Vec::new();
    for (index, axis) in plan.config.axes.iter().enumerate() {
        let trials: Vec<(f64, f64)> = records
            .points
            .iter()
            .filter_map(|(&trial, point)| {
                Some((place(plan, index, point[index]), score(plan, records, trial, 0)?.value))
            })
            .collect();
        if trials.is_empty() {
            continue;
        }
        let found = effect(axis.choices(), &trials);
        let best = found.groups.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let (low, high) = found
            .groups
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), g| (low.min(g.1), high.max(g.1)));
        let near = best.map(|(place, ..)| axis.at(place, plan.is_whole(index)).label);
        let near = near.map(|label| label.parse::<f64>().map_or(label.clone(), tick));
        rows.push((
            found.explained.unwrap_or(-1.0),
            vec![
                axis.name().into(),
                found.explained.map(|x| format!("{:.0} %", 100.0 * x)).unwrap_or_default().into(),
                if found.groups.len() > 1 { number(high - low).into() } else { Cell::default() },
                near.unwrap_or_default().into(),
            ],
        ));
        let medians = found.groups.iter().map(|&(place, median, _)| (place, median)).collect();
        pictures.push(effects::Effect { axis: scaled(plan, index), trials, medians });
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row.1).collect();
    (rows, Effects { effects: pictures, value: comparison(plan).0 })
}

/// Learning curves of the best trials.
pub(super) fn curves(folder: &Path, sweep: &Stored, table: &Table) -> Result<String, ReportError> {
    match draw_curves(folder, sweep, table, "") {
        Ok(Some(figure)) => Ok(html::figure(&figure, "learning curves of the best trials", "")?),
        Ok(None) => Ok(String::new()),
        // A sweep without its run folders still has a page.
        Err(error) if is_missing(&error) => Ok(html::note(MISSING)),
        Err(error) => Err(error),
    }
}

fn draw_curves(
    folder: &Path,
    sweep: &Stored,
    table: &Table,
    title: &str,
) -> Result<Option<Figure>, ReportError> {
    let Stored { plan, .. } = sweep;
    let mut groups: Vec<Group> = Vec::new();
    for row in table.rows.iter().filter(|row| row.score.is_some()).take(BEST) {
        let trial = folder.join("trials").join(&row.trial);
        let folders: Vec<PathBuf> =
            plan.config.seeds.iter().map(|seed| trial.join(format!("s{seed}"))).collect();
        let settings: Vec<String> = plan
            .short_names()
            .iter()
            .zip(&row.values)
            .map(|(name, value)| format!("{} {}", name.replace('_', " "), shorten(value)))
            .collect();
        let label = format!("{}: {}", row.trial, settings.join(", "));
        groups.push(Group { label, runs: read_all(&folders)? });
    }
    if groups.is_empty() {
        return Ok(None);
    }
    // As the table ranks them.
    let value = match plan.config.objective {
        _ if groups.iter().flat_map(|group| &group.runs).all(|run| run.evaluation().is_empty()) => {
            Value::Training
        }
        Objective::Last => Value::Evaluation,
        Objective::Best => Value::Best,
    };
    let spread = Spread { center: Center::Median, band: Band::Range };
    Ok(Some(Figure::compared(groups, title.to_owned(), value).with_spread(spread)))
}

/// A picture of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Learning curves of the best trials.
    Curves,
    /// The value of every trial and the best so far.
    History,
    /// Parallel coordinates.
    Parallel,
    /// What each parameter does.
    Effects,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Curves, Self::History, Self::Parallel, Self::Effects];

    /// As files and the command line name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Curves => "curves",
            Self::History => "history",
            Self::Parallel => "parallel",
            Self::Effects => "effects",
        }
    }
}

/// Writes a picture of a sweep's trials, `.svg` or `.png` by the file's name. False if there is nothing to
/// draw yet.
///
/// # Errors
/// If runs cannot be read or the file not be written.
pub fn write_picture(
    folder: &Path,
    sweep: &Stored,
    kind: Kind,
    title: &str,
    out: &Path,
) -> Result<bool, ReportError> {
    let table = Table::new(&sweep.plan, &sweep.records);
    if table.rows.iter().all(|row| row.score.is_none()) {
        return Ok(false);
    }
    match kind {
        Kind::Curves => {
            let Some(figure) = draw_curves(folder, sweep, &table, title)? else { return Ok(false) };
            figure.write(out)?;
        }
        Kind::History => {
            let Some(picture) = draw_history(sweep) else { return Ok(false) };
            picture::write(&picture, out)?;
        }
        Kind::Parallel => picture::write(&draw_parallel(sweep, &table), out)?,
        Kind::Effects => picture::write(&draw_effects(sweep).1, out)?,
    }
    Ok(true)
}

/// A value of an axis in few letters.
fn shorten(text: &str) -> String {
    let text = text.trim_end_matches("()");
    match text.parse::<f64>() {
        Ok(value) => tick(value),
        Err(_) if text.chars().count() > 18 => text.chars().take(17).chain(['…']).collect(),
        Err(_) => text.to_owned(),
    }
}
