//! Other columns of the metrics than the return: a small panel each, or all reward terms in one.

use plotters::coord::Shift;
use plotters::prelude::*;
use records::columns::{COLUMNS, ENERGY_COLUMN, VALIDATION_COLUMNS};

use super::groups::Group;
use super::lines::{band, line};
use super::panel::{Entry, Legend, MARGIN, Panel};
use super::picture::{Picture, Scale, WIDTH, failed, range};
use super::runs::Point;
use super::summary::{Abscissa, Spread};

/// Height of a row of panels, pixels before scaling.
const HEIGHT: i32 = 300;

/// Columns that say how a run works, with the name of their axis.
const WORKINGS: [(&str, &str); 6] = [
    ("episode_length_mean", "episode length (control steps)"),
    ("fitness_std", "fitness, std over members"),
    ("sigma", "step size σ of the search"),
    ("spike_rate", "spikes per neuron and tick"),
    ("synops_per_step", "synaptic operations per step"),
    ("energy_pj_per_step", "energy per control step (pJ)"),
];

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
            let curves: Vec<Vec<Vec<Point>>> =
                groups.iter().map(|group| group.runs.iter().map(|run| run.curve(column)).collect()).collect();
            let values = || curves.iter().flatten().flatten().map(|point| point.value);
            if values().all(|value| value == 0.0) {
                return None;
            }
            let series = curves.iter().enumerate();
            let series = series
                .flat_map(|(index, runs)| band(runs, &Abscissa::steps(), spread, line(index)))
                .collect();
            Some(Panel {
                marks: Vec::new(),
                x_name: Abscissa::steps().name,
                y_name: (*name).to_owned(),
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
        let other = |name: &&String| {
            let known = COLUMNS.iter().chain([&ENERGY_COLUMN]).chain(&VALIDATION_COLUMNS);
            !known.into_iter().any(|known| known == name)
        };
        let names: Vec<&String> = group.runs[0].metrics.names.iter().filter(other).collect();
        if names.len() < 2 {
            return None;
        }
        let curves: Vec<Vec<Vec<Point>>> =
            names.iter().map(|name| group.runs.iter().map(|run| run.curve(name)).collect()).collect();
        let series = curves.iter().enumerate();
        let panel = Panel {
            marks: Vec::new(),
            x_name: Abscissa::steps().name,
            y_name: "sum per training episode".to_owned(),
            x: steps(&curves),
            y: range(curves.iter().flatten().flatten().map(|point| point.value)),
            series: series.flat_map(|(i, runs)| band(runs, &Abscissa::steps(), spread, line(i))).collect(),
        };
        let entry = |(index, name): (usize, &&String)| Entry {
            text: (*name).clone(),
            look: line(index),
            band: group.runs.len() > 1,
        };
        let legend = names.iter().enumerate().map(entry).collect();
        Some(Self { panels: vec![panel], per_row: 1, legend })
    }

    fn rows(&self) -> i32 {
        (self.panels.len() as i32 + self.per_row - 1) / self.per_row
    }
}

impl Picture for Columns {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, self.rows() * HEIGHT + Legend::new(self.legend.clone())?.height() + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        let width = WIDTH / self.per_row;
        for (index, panel) in self.panels.iter().enumerate() {
            let (row, column) = (index as i32 / self.per_row, index as i32 % self.per_row);
            let (_, below) = area.split_vertically(scale.px(row * HEIGHT));
            let (strip, _) = below.split_vertically(scale.px(HEIGHT));
            let (_, right) = strip.split_horizontally(scale.px(column * width));
            let (cell, _) = right.split_horizontally(scale.px(width));
            panel.draw(&cell, scale)?;
        }
        Legend::new(self.legend.clone())?.draw(area, self.rows() * HEIGHT, scale)?;
        area.present().map_err(failed)
    }
}
