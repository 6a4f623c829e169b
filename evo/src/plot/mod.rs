//! Pictures of runs and sweeps, as SVG or PNG.
//!
//! [`Figure`] has two panels, over control steps and over wall time. Runs that differ only in their
//! seed are one line in a band, see [`Spread`]; a single run also shows the population's fitness in
//! training. Evaluations that were repeated in another engine are a line with markers.

mod columns;
pub(crate) mod effects;
mod error;
pub(crate) mod history;
pub mod labels;
mod lines;
pub(crate) mod panel;
pub(crate) mod parallel;
pub(crate) mod picture;
pub(crate) mod runs;
mod summary;

use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

pub(crate) use columns::Columns;
pub use error::PlotError;
use lines::{band, line};
use panel::{Entry, Legend, Look, MARGIN, Panel, Series, label};
use picture::{FAINT, INK, PALETTE, Picture, SOFT_INK, Scale, WIDTH, failed, look};
use runs::{Group, Point, Run, common_task, group, read_all};
use summary::Abscissa;
pub use summary::{Band, Spread};

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
    fn new(group: Group, evaluated: bool) -> Self {
        let engine = group.runs[0].validator();
        let alike = |run: &Run| !run.validation().is_empty() && run.validator() == engine;
        let validated = evaluated && group.runs.iter().all(alike);
        let validation =
            validated.then(|| Validation { engine, runs: group.runs.iter().map(Run::validation).collect() });
        let points = |run: &Run| if evaluated { run.evaluation() } else { run.training() };
        Self { label: group.label, runs: group.runs.iter().map(points).collect(), validation }
    }

    /// All curves, validation included.
    fn all(&self) -> impl Iterator<Item = &Vec<Point>> {
        self.runs.iter().chain(self.validation.iter().flat_map(|validation| &validation.runs))
    }
}

/// Learning curves.
#[derive(Clone, Debug)]
pub struct Figure {
    title: String,
    value: &'static str,
    groups: Vec<Curves>,
    training: Vec<Point>,
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
        let training = match &groups[..] {
            [group] if evaluated && count == 1 => group.runs[0].training(),
            _ => Vec::new(),
        };
        let stages = match &groups[..] {
            [group] if count == 1 => group.runs[0].stages(),
            _ => Vec::new(),
        };
        let value = if evaluated { "evaluation return" } else { "training fitness (mean)" };
        let groups = groups.into_iter().map(|group| Curves::new(group, evaluated)).collect();
        Self { title, value, groups, training, stages, spread: Spread::default() }
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
        match (seeds, self.training.is_empty()) {
            (true, _) => self.spread.describe() + " Thin: each seed.",
            (false, false) => {
                "Evaluation: mean return of the distribution's mean. Training: mean fitness of the \
                 population."
                    .to_owned()
            }
            (false, true) => String::new(),
        }
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
            series.push(Series { look: self.training_look(), points, band: Vec::new() });
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.runs.len() > 1 {
                // Line and band end where the first run does; what the others do after stays in sight.
                let look = Look { width: 1, alpha: 0.4, ..line(index) };
                let points = |run: &Vec<Point>| run.iter().map(|p| (abscissa.of(p), p.value)).collect();
                let thin = |run| Series { look, points: points(run), band: Vec::new() };
                series.extend(group.runs.iter().map(thin));
            }
            series.push(band(&group.runs, abscissa, self.spread, line(index)));
            if let Some(validation) = &group.validation {
                let all = band(&validation.runs, abscissa, self.spread, self.validation_look(index));
                series.push(Series { band: Vec::new(), ..all });
            }
        }
        let (x, y) = ((0.0, if end > 0.0 { end * 1.02 } else { 1.0 }), self.range());
        let marks = self.stages.iter().map(|(name, point)| (abscissa.of(point), name.clone())).collect();
        Panel { x_name: abscissa.name.clone(), y_name: self.value.to_owned(), x, y, series, marks }
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
                1 if !self.training.is_empty() => format!("evaluation ({})", group.label),
                1 => group.label.clone(),
                n => format!("{} ({n} seeds)", group.label),
            };
            entries.push(Entry { text, look: line(index), band: group.runs.len() > 1 });
            if let Some(Validation { engine, .. }) = &group.validation {
                let of = if self.groups.len() == 1 { String::new() } else { format!("{}, ", group.label) };
                let text = format!("{of}evaluated in {engine}");
                entries.push(Entry { text, look: self.validation_look(index), band: false });
            }
        }
        if !self.training.is_empty() {
            let text = "training fitness".to_owned();
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
        let (left, right) = body.split_horizontally(middle);
        self.panel(&Abscissa::steps()).draw(&left, scale)?;
        let longest = self.points().map(|point| point.wall).fold(0.0, f64::max);
        self.panel(&Abscissa::wall(longest)).draw(&right, scale)?;
        let legend = self.legend()?;
        let top = self.head() + BODY + MARGIN;
        legend.draw(area, top, scale)?;
        let at = (middle, scale.px(top + legend.height() + CAPTION / 2));
        label(area, &self.caption(), (scale.px(15), SOFT_INK), HPos::Center, at)?;
        area.present().map_err(failed)
    }
}

#[cfg(test)]
mod tests;
