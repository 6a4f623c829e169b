//! The pictures of a sweep's page.

use std::path::{Path, PathBuf};

use super::html::{self, Cell};
use super::runs::plural;
use super::{ReportError, number};
use crate::plot::effects::{self, Effects};
use crate::plot::history::{History, Step};
use crate::plot::parallel::{Line, Parallel, Scaled};
use crate::plot::picture::tick;
use crate::plot::runs::{Group, read_all};
use crate::plot::{Figure, PlotError};
use crate::sweep::axis::Axis;
use crate::sweep::effect::effect;
use crate::sweep::table::{Table, score};
use crate::sweep::{Plan, Stored, sampler};

/// Trials whose learning curves are shown.
const BEST: usize = 5;

/// Scored trials in the order of work, which does not depend on the workers.
fn steps(sweep: &Stored) -> Vec<Step> {
    let Stored { plan, records } = sweep;
    let (mut steps, mut spent, mut start) = (Vec::new(), 0.0, 0);
    while start < plan.trials {
        let end = sampler::batch_end(&plan.config.sampler, plan.trials, start);
        for (rung, &generations) in plan.rungs.iter().enumerate() {
            for trial in start..end {
                for &seed in &plan.config.seeds {
                    let until = |generations: u64| records.done.get(&(trial, seed, generations));
                    let before = rung.checked_sub(1).and_then(|rung| until(plan.rungs[rung]));
                    let before = before.map_or(0, |done| done.env_steps);
                    spent += until(generations).map_or(0, |done| done.env_steps - before) as f64;
                }
                if let Some(score) = score(plan, records, trial, rung) {
                    let whole = rung + 1 == plan.rungs.len();
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
    let steps = steps(sweep);
    if steps.is_empty() {
        return Ok(String::new());
    }
    let picture = History::new(steps, sweep.plan.rungs.len() > 1);
    Ok(html::figure(&picture, "value of every trial and the best so far over control steps", "")?)
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
    Scaled { name: format!("{}{log}", plan.short_names()[index]), ticks }
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

/// What trials are compared by: their value after the first rung, which all of them run.
fn comparison(plan: &Plan) -> (String, String) {
    match plan.rungs[..] {
        [_] => ("value".to_owned(), String::new()),
        [first, ..] => {
            let generations = plural(first as usize, "generation");
            (
                format!("value at {generations}"),
                format!(
                    "Trials are compared after {generations}, the first rung of successive halving, \
                     because only the best of them went on. "
                ),
            )
        }
        [] => unreachable!("a plan has at least one rung"),
    }
}

/// Parameters and value of every trial.
pub(super) fn parallel(sweep: &Stored, table: &Table) -> Result<String, ReportError> {
    let Stored { plan, records } = sweep;
    let best = table.best().map(|row| row.trial.clone());
    let lines = records.points.iter().map(|(&trial, point)| Line {
        point: (0..point.len()).map(|axis| place(plan, axis, point[axis])).collect(),
        value: score(plan, records, trial, 0).map(|score| score.value),
        best: best.as_deref() == Some(&crate::sweep::trial_name(trial)),
    });
    let (value, note) = comparison(plan);
    let axes = (0..plan.config.axes.len()).map(|index| scaled(plan, index)).collect();
    let picture = Parallel { axes, lines: lines.collect(), value };
    Ok(html::figure(&picture, "parallel coordinates: parameters and value of every trial", &note)?)
}

/// What each parameter does: a table, the strongest first, and pictures.
pub(super) fn effects(sweep: &Stored) -> Result<String, ReportError> {
    let Stored { plan, records } = sweep;
    let (value, note) = comparison(plan);
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
            return Ok(String::new());
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
    let columns = ["parameter", "#variance explained", "#best minus worst median", "best near"];
    let note = note
        + "Dots: trials. Triangles: medians of groups of trials (values of the parameter, or quarters of its \
           range). Variance explained: between the groups, adjusted for chance (ε²); it says nothing about \
           parameters that matter only together.";
    let picture = Effects { effects: pictures, value };
    Ok(html::table(&columns, &rows, false) + &html::figure(&picture, "value over each parameter", &note)?)
}

/// Learning curves of the best trials.
pub(super) fn curves(folder: &Path, sweep: &Stored, table: &Table) -> Result<String, ReportError> {
    let Stored { plan, .. } = sweep;
    let mut groups = Vec::new();
    for row in table.rows.iter().filter(|row| row.score.is_some()).take(BEST) {
        let trial = folder.join("trials").join(&row.trial);
        let folders: Vec<PathBuf> =
            plan.config.seeds.iter().map(|seed| trial.join(format!("s{seed}"))).collect();
        let settings: Vec<String> = plan
            .short_names()
            .iter()
            .zip(&row.values)
            .map(|(name, value)| format!("{name} {}", shorten(value)))
            .collect();
        match read_all(&folders) {
            Ok(runs) => groups.push(Group { label: format!("{}: {}", row.trial, settings.join(", ")), runs }),
            // A sweep without its run folders still has a page.
            Err(PlotError::Folder(_) | PlotError::Metrics(_) | PlotError::Empty { .. }) => {
                return Ok(html::note("The run folders are not all there."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if groups.is_empty() {
        return Ok(String::new());
    }
    let figure = Figure::of_groups(groups, String::new());
    Ok(html::figure(&figure, "learning curves of the best trials", "")?)
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
