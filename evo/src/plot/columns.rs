//! Other columns of the metrics than the return: a small panel each, or all reward terms in one.

use plotters::coord::Shift;
use plotters::prelude::*;
use records::columns::ENERGY_COLUMN;
use records::events::tag;
use records::words::energy_unit;
use serde_json::Value;

use super::groups::Group;
use super::lines::{band, line};
use super::panel::{Entry, Legend, MARGIN, Panel};
use super::picture::{Picture, Scale, WIDTH, failed, range};
use super::runs::Point;
use super::summary::{Abscissa, Spread};
use super::values::chart;

/// Height of a row of panels, pixels before scaling as all lengths here.
const HEIGHT: i32 = 300;
/// Between two rows.
const GAP: i32 = 18;

/// Columns that say how a run works, with the name of their axis.
const WORKINGS: [(&str, &str); 6] = [
    ("episode_length_mean", "episode length (control steps)"),
    ("fitness_std", "fitness, std over members"),
    ("sigma", "step size σ of the search"),
    ("spike_rate", "spikes per neuron and tick"),
    ("synops_per_step", "synaptic operations per step"),
    (ENERGY_COLUMN, "energy per control step"),
];

/// Values of a column in the unit that suits them, with its name after that of the axis.
fn in_unit(column: &str, name: &str, curves: &mut [Vec<Vec<Point>>]) -> String {
    if column != ENERGY_COLUMN {
        return name.to_owned();
    }
    let values = curves.iter_mut().flatten().flatten().map(|point| &mut point.value);
    let most = values.map(|value| value.abs()).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let (unit, size) = energy_unit(most);
    curves.iter_mut().flatten().flatten().for_each(|point| point.value /= size);
    format!("{name} ({unit})")
}

/// Panels over control steps, three in a row.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    panels: Vec<Panel>,
    per_row: i32,
    legend: Vec<Entry>,
}

/// The x axis that holds all of these.
fn steps(curves: &[Vec<Vec<Point>>]) -> (f64, f64) {
    let end = curves.iter().flatten().flatten().map(|point| point.steps).fold(0.0, f64::max);
    (0.0, if end > 0.0 { end * 1.02 } else { 1.0 })
}

impl Columns {
    /// How the runs work: episode length, step size, activity. Columns without a value are left out.
    pub(crate) fn workings(groups: &[Group], spread: Spread) -> Self {
        let panels = WORKINGS.iter().filter_map(|(column, name)| {
            let mut curves: Vec<Vec<Vec<Point>>> =
                groups.iter().map(|group| group.runs.iter().map(|run| run.curve(column)).collect()).collect();
            let y_name = in_unit(column, name, &mut curves);
            let values = || curves.iter().flatten().flatten().map(|point| point.value);
            if values().all(|value| value == 0.0) {
                return None;
            }
            let series = groups.iter().zip(&curves).enumerate();
            let series = series
                .flat_map(|(index, (group, runs))| {
                    band((&group.label, runs), &Abscissa::steps(), spread, line(index))
                })
                .collect();
            Some(Panel {
                marks: Vec::new(),
                x_name: Abscissa::steps().name,
                y_name,
                x: steps(&curves),
                y: range(values()),
                series,
            })
        });
        let entry = |(index, group): (usize, &Group)| Entry {
            text: group.label.clone(),
            look: line(index),
            band: group.runs.len() > 1,
        };
        let legend =
            if groups.len() > 1 { groups.iter().enumerate().map(entry).collect() } else { Vec::new() };
        Self { panels: panels.collect(), per_row: 3, legend }
    }

    /// The reward terms of training episodes of one group; none if the task has fewer than two.
    pub(crate) fn terms(group: &Group, spread: Spread) -> Option<Self> {
        let run = &group.runs[0];
        let terms = run.task_spec().map(|spec| spec.terms);
        let other = |name: &&String| match &terms {
            Some(terms) => terms.contains(&name.as_str()),
            // Of a config that this version cannot read: what is no other column that it knows.
            None => tag(name).is_some_and(|tag| tag.starts_with("reward/")),
        };
        let names: Vec<&String> = run.metrics.names.iter().filter(other).collect();
        if names.len() < 2 {
            return None;
        }
        let curves: Vec<Vec<Vec<Point>>> =
            names.iter().map(|name| group.runs.iter().map(|run| run.curve(name)).collect()).collect();
        let series = names.iter().zip(&curves).enumerate();
        let panel = Panel {
            marks: Vec::new(),
            x_name: Abscissa::steps().name,
            y_name: "sum per training episode".to_owned(),
            x: steps(&curves),
            y: range(curves.iter().flatten().flatten().map(|point| point.value)),
            series: series
                .flat_map(|(i, (name, runs))| band((name, runs), &Abscissa::steps(), spread, line(i)))
                .collect(),
        };
        let entry = |(index, name): (usize, &&String)| Entry {
            text: (*name).clone(),
            look: line(index),
            band: group.runs.len() > 1,
        };
        let legend = names.iter().enumerate().map(entry).collect();
        Some(Self { panels: vec![panel], per_row: 1, legend })
    }

    /// Of all rows.
    fn height(&self) -> i32 {
        let rows = (self.panels.len() as i32 + self.per_row - 1) / self.per_row;
        rows * HEIGHT + (rows - 1).max(0) * GAP
    }

    /// Where a panel stands, and its size.
    fn place(&self, index: usize) -> ((i32, i32), (i32, i32)) {
        let (row, column) = (index as i32 / self.per_row, index as i32 % self.per_row);
        let width = WIDTH / self.per_row;
        ((column * width, row * (HEIGHT + GAP)), (width, HEIGHT))
    }
}

impl Picture for Columns {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, self.height() + Legend::new(self.legend.clone())?.height() + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        for (index, panel) in self.panels.iter().enumerate() {
            let ((x, y), (width, height)) = self.place(index);
            let (_, below) = area.split_vertically(scale.px(y));
            let (strip, _) = below.split_vertically(scale.px(height));
            let (_, right) = strip.split_horizontally(scale.px(x));
            let (cell, _) = right.split_horizontally(scale.px(width));
            panel.draw(&cell, scale)?;
        }
        Legend::new(self.legend.clone())?.draw(area, self.height(), scale)?;
        area.present().map_err(failed)
    }

    fn charts(&self) -> Vec<Value> {
        let frame = |index| {
            let (at, size) = self.place(index);
            Panel::frame(at, size)
        };
        self.panels.iter().enumerate().map(|(index, panel)| chart(panel, frame(index))).collect()
    }
}
