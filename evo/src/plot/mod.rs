//! Pictures of runs and sweeps, as SVG or PNG.
//!
//! [`Figure`] has a panel per [`Axis`], over control steps and over wall time unless others are asked for. Runs that
//! differ only in their seed are one line in a band, see [`Spread`]; a single run also shows the population's fitness
//! in training. Evaluations that were repeated in another engine are a line with markers.

pub(crate) mod archive;
mod columns;
pub(crate) mod effects;
mod error;
mod frame;
pub(crate) mod front;
pub(crate) mod groups;
pub(crate) mod history;
pub mod labels;
mod lines;
pub(crate) mod panel;
pub(crate) mod parallel;
pub(crate) mod picture;
pub(crate) mod runs;
mod summary;
mod values;
mod words;

use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

pub(crate) use columns::Columns;
pub use error::PlotError;
use groups::{Group, group};
use lines::{band, line, uneven};
use panel::{Entry, Legend, Look, MARGIN, Panel, Series, label};
use picture::{FAINT, INK, PALETTE, Picture, SOFT_INK, Scale, WIDTH, failed, look};
use runs::{Point, Run, common_task, read_all};
use summary::Abscissa;
pub use summary::{Axis, Band, Spread};

/// Height of the panels, pixels before scaling.
const BODY: i32 = 438;
const TITLE: i32 = 48;
const CAPTION: i32 = 28;

/// Runs that differ only in their seed.
#[derive(Clone, Debug)]
struct Curves {
    label: String,
    runs: Vec<Vec<Point>>,
    validation: Option<Validation>,
}

/// What evaluations in another engine gave.
#[derive(Clone, Debug)]
struct Validation {
    engine: String,
    runs: Vec<Vec<Point>>,
}

impl Curves {
    fn new(group: Group, value: Value) -> Self {
        let evaluated = value != Value::Training;
        let engine = group.runs[0].validator();
        let alike = |run: &Run| !run.validation().is_empty() && run.validator() == engine;
        let validated = evaluated && group.runs.iter().all(alike);
        let validation =
            validated.then(|| Validation { engine, runs: group.runs.iter().map(Run::validation).collect() });
        let points = |run: &Run| match value {
            Value::Training => run.training(),
            Value::Evaluation => run.evaluation(),
            Value::Best => so_far(run.evaluation()),
        };
        Self { label: group.label, runs: group.runs.iter().map(points).collect(), validation }
    }

    /// All curves, validation included.
    fn all(&self) -> impl Iterator<Item = &Vec<Point>> {
        self.runs.iter().chain(self.validation.iter().flat_map(|validation| &validation.runs))
    }
}

/// The highest value by each point.
fn so_far(mut points: Vec<Point>) -> Vec<Point> {
    let mut best = f64::NEG_INFINITY;
    for point in &mut points {
        best = best.max(point.value);
        point.value = best;
    }
    points
}

/// What runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Mean fitness of the population in training.
    Training,
    /// Return of evaluations.
    Evaluation,
    /// The highest of these so far.
    Best,
}

impl Value {
    /// Name of the vertical axis.
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training fitness (mean)",
            Self::Evaluation => "evaluation return",
            Self::Best => "best evaluation return so far",
        }
    }
}

/// Learning curves.
#[derive(Clone, Debug)]
pub struct Figure {
    title: String,
    value: Value,
    groups: Vec<Curves>,
    training: Vec<Point>,
    /// Most control steps of a training episode and of an evaluation's, if they differ; 0 for what is not known.
    horizons: Option<[usize; 2]>,
    axes: Vec<Axis>,
    stages: Vec<(String, Point)>,
    spread: Spread,
}

impl Figure {
    /// Reads run folders. The title is the task's name unless one is given.
    ///
    /// # Errors
    /// A folder that is no run, unreadable files, a run without any generation.
    pub fn read(runs: &[PathBuf], title: Option<&str>) -> Result<Self, PlotError> {
        Ok(Self::new(read_all(runs)?, title))
    }

    /// Of runs that have been read.
    pub(crate) fn new(runs: Vec<Run>, title: Option<&str>) -> Self {
        let title = title.or(common_task(&runs)).unwrap_or("Learning curves").to_owned();
        Self::of_groups(group(runs), title)
    }

    /// Of groups that have been made. Several runs are compared by their evaluations if all have more
    /// than the one at the end.
    pub(crate) fn of_groups(groups: Vec<Group>, title: String) -> Self {
        let count: usize = groups.iter().map(|group| group.runs.len()).sum();
        let enough = |run: &Run| match run.evaluation().len() {
            0 => false,
            1 => count == 1 || run.training().len() <= 1,
            _ => true,
        };
        let evaluated = groups.iter().flat_map(|group| &group.runs).all(enough);
        Self::compared(groups, title, if evaluated { Value::Evaluation } else { Value::Training })
    }

    /// Of groups that are compared by `value`.
    pub(crate) fn compared(groups: Vec<Group>, title: String, value: Value) -> Self {
        let alone = match &groups[..] {
            [Group { runs, .. }] if runs.len() == 1 => Some(runs[0].clone()),
            _ => None,
        };
        let beside = alone.as_ref().filter(|_| value == Value::Evaluation);
        Self {
            title,
            value,
            training: beside.map(Run::training).unwrap_or_default(),
            horizons: beside.and_then(Run::horizons),
            stages: alone.map(|run| run.stages()).unwrap_or_default(),
            groups: groups.into_iter().map(|group| Curves::new(group, value)).collect(),
            axes: vec![Axis::Steps, Axis::Time],
            spread: Spread::default(),
        }
    }

    /// With other names for the lines, in the order in which their runs were given.
    ///
    /// # Errors
    /// [`PlotError::Labels`] unless there is one for each.
    pub fn with_labels(mut self, labels: &[String]) -> Result<Self, PlotError> {
        if labels.len() != self.groups.len() {
            let lines = self.groups.iter().map(|group| group.label.clone()).collect();
            return Err(PlotError::Labels { labels: labels.len(), lines });
        }
        self.groups.iter_mut().zip(labels).for_each(|(group, label)| group.label.clone_from(label));
        Ok(self)
    }

    /// With a panel for each of these axes.
    ///
    /// # Errors
    /// [`PlotError::Threads`] if processor time is asked for and not known.
    pub fn with_axes(self, axes: &[Axis]) -> Result<Self, PlotError> {
        if axes.contains(&Axis::Processor) && self.points().any(|point| point.processor.is_nan()) {
            return Err(PlotError::Threads);
        }
        Ok(Self { axes: axes.to_vec(), ..self })
    }

    /// With another line or band over seeds.
    #[must_use]
    pub fn with_spread(self, spread: Spread) -> Self {
        Self { spread, ..self }
    }

    /// Draws into a file, `.svg` or `.png` by its name. It appears complete or not at all.
    ///
    /// # Errors
    /// Another ending, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        picture::write(self, path)
    }

    fn caption(&self) -> String {
        let seeds = self.groups.iter().any(|group| group.runs.len() > 1);
        let early = || {
            let axes: Vec<Abscissa> = self.axes.iter().map(|&axis| self.abscissa(axis)).collect();
            self.groups.iter().any(|group| axes.iter().any(|axis| uneven(&group.runs, axis)))
        };
        match (seeds, self.training.is_empty()) {
            (true, _) if early() => {
                self.spread.describe() + " Thin: each seed. Dots: a seed ends. Dashed: only those that go on."
            }
            (true, _) => self.spread.describe() + " Thin: each seed.",
            (false, false) => {
                let both = "Evaluation: mean return of the distribution's mean. Training: mean fitness of the population.";
                let apart = match self.horizons {
                    Some([training, 0]) => format!(" Training episodes have at most {training} steps."),
                    Some([training, evaluation]) => {
                        format!(" Their episodes have {training} and {evaluation} steps: two scales.")
                    }
                    None => String::new(),
                };
                both.to_owned() + &apart
            }
            (false, true) => String::new(),
        }
    }

    fn abscissa(&self, axis: Axis) -> Abscissa {
        Abscissa::new(axis, self.points())
    }

    /// Name of the vertical axis; with evaluation and training on it, that of both.
    fn value_name(&self) -> &'static str {
        if self.training.is_empty() { self.value.name() } else { "evaluation return, training fitness" }
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.groups.iter().flat_map(Curves::all).flatten().chain(&self.training)
    }

    /// Range of the values, with some room. A few extremes of training may leave it.
    fn range(&self) -> (f64, f64) {
        let mut values: Vec<f64> = self.training.iter().map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        let cut = values.len() / 50;
        let values = values[cut..values.len() - cut].iter().copied();
        let shown = self.groups.iter().flat_map(Curves::all).flatten();
        picture::range(shown.map(|point| point.value).chain(values))
    }

    fn panel(&self, abscissa: &Abscissa) -> Panel {
        let end = self.points().map(|point| abscissa.of(point)).fold(0.0, f64::max);
        let mut series = Vec::new();
        if !self.training.is_empty() {
            let points = self.training.iter().map(|point| (abscissa.of(point), point.value)).collect();
            series.push(Series::new(&self.training_name(), self.training_look(), points));
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.runs.len() > 1 {
                let look = Look { width: 1, alpha: 0.4, ..line(index) };
                let points = |run: &Vec<Point>| run.iter().map(|p| (abscissa.of(p), p.value)).collect();
                series.extend(group.runs.iter().map(|run| Series::new("", look, points(run))));
            }
            series.extend(band((&self.name(group), &group.runs), abscissa, self.spread, line(index)));
            if let Some(validation) = &group.validation {
                let runs = (&*self.validation_name(group, validation), &validation.runs[..]);
                let all = band(runs, abscissa, self.spread, self.validation_look(index));
                series.extend(all.into_iter().map(|series| Series { band: Vec::new(), ..series }));
            }
        }
        let (x, y) = ((0.0, if end > 0.0 { end * 1.02 } else { 1.0 }), self.range());
        let marks = self.stages.iter().map(|(name, point)| (abscissa.of(point), name.clone())).collect();
        Panel { x_name: abscissa.name.clone(), y_name: self.value_name().to_owned(), x, y, series, marks }
    }

    /// Name of a line.
    fn name(&self, group: &Curves) -> String {
        if self.training.is_empty() {
            return group.label.clone();
        }
        let steps = self.horizons.filter(|[_, steps]| *steps > 0);
        let steps = steps.map_or_else(String::new, |[_, steps]| format!(" over {steps} steps"));
        format!("evaluation{steps} ({})", group.label)
    }

    /// Name of its line in another engine.
    fn validation_name(&self, group: &Curves, validation: &Validation) -> String {
        let of = if self.groups.len() == 1 { String::new() } else { format!("{}, ", group.label) };
        format!("{of}evaluated in {}", validation.engine)
    }

    fn training_name(&self) -> String {
        let steps = self.horizons.map_or_else(String::new, |[steps, _]| format!(" over {steps} steps"));
        format!("training fitness{steps}")
    }

    fn training_look(&self) -> Look {
        Look { color: FAINT, dashed: false, width: 1, dot: 0, alpha: 1.0 }
    }

    /// One group leaves its validation a colour of its own; of several, each keeps to its own.
    fn validation_look(&self, index: usize) -> Look {
        let color = if self.groups.len() == 1 { PALETTE[1] } else { look(index).0 };
        Look { color, dashed: false, width: 1, dot: 3, alpha: 1.0 }
    }

    fn legend(&self) -> Result<Legend, String> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let text = match group.runs.len() {
                1 => self.name(group),
                n => format!("{} ({n} seeds)", group.label),
            };
            entries.push(Entry { text, look: line(index), band: group.runs.len() > 1 });
            if let Some(validation) = &group.validation {
                let text = self.validation_name(group, validation);
                entries.push(Entry { text, look: self.validation_look(index), band: false });
            }
        }
        if !self.training.is_empty() {
            let text = self.training_name();
            entries.push(Entry { text, look: self.training_look(), band: false });
        }
        Legend::new(entries)
    }

    /// Height of the title; none in a page that has its own.
    fn head(&self) -> i32 {
        if self.title.is_empty() { 8 } else { TITLE }
    }
}

impl Picture for Figure {
    fn size(&self) -> Result<(i32, i32), String> {
        let caption = if self.caption().is_empty() { 0 } else { CAPTION };
        Ok((WIDTH, self.head() + BODY + MARGIN + self.legend()?.height() + caption + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        let middle = scale.px(WIDTH / 2);
        if !self.title.is_empty() {
            let at = (middle, scale.px(TITLE / 2 + 4));
            label(area, &self.title, (scale.px(24), INK), HPos::Center, at)?;
        }
        let (_, body) = area.split_vertically(scale.px(self.head()));
        let (body, _) = body.split_vertically(scale.px(BODY));
        let panels = body.split_evenly((1, self.axes.len().max(1)));
        for (&axis, area) in self.axes.iter().zip(&panels) {
            self.panel(&self.abscissa(axis)).draw(area, scale)?;
        }
        let legend = self.legend()?;
        let top = self.head() + BODY + MARGIN;
        legend.draw(area, top, scale)?;
        let at = (middle, scale.px(top + legend.height() + CAPTION / 2));
        label(area, &self.caption(), (scale.px(15), SOFT_INK), HPos::Center, at)?;
        area.present().map_err(failed)
    }

    fn charts(&self) -> Vec<serde_json::Value> {
        let width = WIDTH / self.axes.len().max(1) as i32;
        let frame = |index: usize| Panel::frame((index as i32 * width, self.head()), (width, BODY));
        let chart = |(index, &axis)| values::chart(&self.panel(&self.abscissa(axis)), frame(index));
        self.axes.iter().enumerate().map(chart).collect()
    }
}

#[cfg(test)]
mod tests;
