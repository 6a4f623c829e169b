//! Learning curves of one or more runs, as SVG or PNG.
//!
//! Two panels, over control steps and over wall time. Runs that differ only in their seed are one
//! line, the mean, in a band from the lowest to the highest; a single run also shows the population's
//! fitness in training. Evaluations that were repeated in another engine are a line with markers.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use serde_json::Value;

use crate::metrics::{Metrics, MetricsError};
use crate::ron_value;
use crate::run_folder::{RunFolder, RunFolderError, write_atomic};

/// Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const INK: RGBColor = RGBColor(34, 34, 34);
const SOFT_INK: RGBColor = RGBColor(96, 96, 96);
const GRID: RGBColor = RGBColor(228, 228, 228);
const TRAINING: RGBColor = RGBColor(150, 150, 150);

/// Config fields that do not change what is learned, and so do not keep runs apart.
const IGNORED: [&str; 4] = ["run.seed", "run.keep", "run.checkpoint_every", VALIDATE];

/// The engine that validates, by its field in the config.
const VALIDATE: &str = "physics.validate";

/// Radius of a validation's dots, pixels before scaling.
const MARKER: i32 = 3;

/// Most differences that a legend entry names.
const MAX_DIFFERENCES: usize = 3;

/// What is wrong with a plot.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A folder is no run.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A metrics file cannot be read.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A run's config cannot be read.
    #[error("cannot read {path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A run has no generation yet.
    #[error("{path} has no finished generation to plot yet")]
    Empty {
        /// The metrics file.
        path: PathBuf,
    },
    /// The file's ending is neither.
    #[error("cannot plot to {path}: the name must end in .svg or .png")]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// Drawing or writing failed.
    #[error("cannot plot to {path}: {reason}")]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// One value of a curve, at both of its abscissas.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    steps: f64,
    wall: f64,
    value: f64,
}

/// One run.
#[derive(Clone, Debug)]
struct Run {
    /// Config by path, variants under the path of their field.
    fields: Vec<(String, String)>,
    evaluation: Vec<Point>,
    /// The same in the engine that validates, and its name.
    validation: Vec<Point>,
    validator: String,
    training: Vec<Point>,
}

/// Runs that differ only in their seed.
#[derive(Clone, Debug)]
struct Group {
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

impl Group {
    /// All curves, validation included.
    fn curves(&self) -> impl Iterator<Item = &Vec<Point>> {
        self.runs.iter().chain(self.validation.iter().flat_map(|validation| &validation.runs))
    }
}

/// Everything that a figure shows.
#[derive(Clone, Debug)]
pub struct Figure {
    title: String,
    value: &'static str,
    groups: Vec<Group>,
    training: Vec<Point>,
}

impl Figure {
    /// Reads run folders. The title is the task's name unless one is given.
    ///
    /// # Errors
    /// A folder that is no run, unreadable files, a run without any generation.
    pub fn read(runs: &[PathBuf], title: Option<&str>) -> Result<Self, PlotError> {
        let runs: Vec<Run> = runs.iter().map(|path| read_run(path)).collect::<Result<_, _>>()?;
        let evaluated = runs.iter().all(|run| !run.evaluation.is_empty());
        let fallback = || {
            let mut tasks: Vec<&str> = runs.iter().filter_map(|run| field(run, "env")).collect();
            tasks.dedup();
            if let [task] = tasks[..] { task.to_owned() } else { "Learning curves".to_owned() }
        };
        let title = title.map_or_else(fallback, str::to_owned);
        let training = match &runs[..] {
            [run] if evaluated => run.training.clone(),
            _ => Vec::new(),
        };
        let value = if evaluated { "evaluation return" } else { "training fitness (mean)" };
        Ok(Self { title, value, groups: group(runs, evaluated), training })
    }

    /// Draws into a file, `.svg` or `.png` by its name. It appears complete or not at all.
    ///
    /// # Errors
    /// Another ending, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        let failed = |reason: String| PlotError::Draw { path: path.to_owned(), reason };
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => {
                let text = self.svg().map_err(failed)?;
                write_atomic(path, text.as_bytes()).map_err(|error| failed(error.to_string()))
            }
            Some("png") => {
                // The backend writes a file itself, and knows the format by the ending.
                let draft = path.with_extension(format!("{}.tmp.png", std::process::id()));
                let drawn = self
                    .png(&draft)
                    .and_then(|()| std::fs::rename(&draft, path).map_err(|error| error.to_string()));
                drawn.map_err(|reason| {
                    let _ = std::fs::remove_file(&draft);
                    failed(reason)
                })
            }
            _ => Err(PlotError::Extension { path: path.to_owned() }),
        }
    }

    fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        load_font()?;
        self.draw(&SVGBackend::with_string(&mut text, self.size(1.0)?).into_drawing_area(), 1.0)?;
        Ok(text)
    }

    /// Twice the pixels of the SVG, for print and dense screens. Drawn at twice that again and then
    /// averaged, because the backend does not smooth where lines meet.
    fn png(&self, path: &Path) -> Result<(), String> {
        load_font()?;
        let (width, height) = self.size(2.0)?;
        let fine = (2 * width, 2 * height);
        let mut pixels = vec![0; fine.0 as usize * fine.1 as usize * 3];
        let backend = BitMapBackend::with_buffer(&mut pixels, fine);
        self.draw(&backend.into_drawing_area(), 4.0)?;
        let mut backend = BitMapBackend::new(path, (width, height));
        backend
            .blit_bitmap((0, 0), (width, height), &halve(&pixels, fine.0 as usize))
            .and_then(|()| backend.present())
            .map_err(|error| error.to_string())
    }

    fn size(&self, scale: f64) -> Result<(u32, u32), String> {
        let height = f64::from(layout::BODY) + f64::from(self.foot()?);
        Ok(((f64::from(layout::WIDTH) * scale) as u32, (height * scale) as u32))
    }

    /// Height of legend and caption.
    fn foot(&self) -> Result<i32, String> {
        let rows = self.legend()?.iter().map(|entry| entry.row).max().unwrap_or(0) + 1;
        let caption = if self.caption().is_empty() { 0 } else { layout::CAPTION };
        Ok(rows * layout::ROW + caption + layout::MARGIN)
    }

    fn caption(&self) -> String {
        let seeds = self.groups.iter().any(|group| group.runs.len() > 1);
        match (seeds, self.training.is_empty()) {
            (true, _) => "Line: mean over seeds. Band: lowest to highest seed.".to_owned(),
            (false, false) => {
                "Evaluation: mean return of the distribution's mean. Training: mean fitness of the \
                 population."
                    .to_owned()
            }
            (false, true) => String::new(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let px = |length: i32| (f64::from(length) * scale).round() as i32;
        let failed = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
        area.fill(&WHITE).map_err(failed)?;
        let centred =
            |size: i32, ink: RGBColor| font(px(size)).color(&ink).pos(Pos::new(HPos::Center, VPos::Center));
        let middle = px(layout::WIDTH as i32 / 2);
        area.draw_text(&self.title, &centred(24, INK), (middle, px(layout::TITLE / 2 + 4)))
            .map_err(failed)?;
        let (_, body) = area.split_vertically(px(layout::TITLE));
        let (body, _) = body.split_vertically(px(layout::BODY as i32 - layout::TITLE - layout::MARGIN));
        let (left, right) = body.split_horizontally(px(layout::WIDTH as i32 / 2));
        self.panel(&left, scale, &Abscissa::steps())?;
        let longest = self.points().map(|point| point.wall).fold(0.0, f64::max);
        self.panel(&right, scale, &Abscissa::wall(longest))?;

        let top = layout::BODY as i32 + layout::ROW / 2;
        for entry in self.legend()? {
            let y = px(top + entry.row * layout::ROW);
            let (start, end) = (px(entry.x), px(entry.x + layout::KEY));
            let band = entry.band.then(|| {
                Rectangle::new([(start, y - px(7)), (end, y + px(7))], entry.color.mix(0.2).filled())
            });
            if let Some(band) = &band {
                area.draw(band).map_err(failed)?;
            }
            let style = entry.color.stroke_width(px(entry.width) as u32);
            let points = [(start, y), (end, y)];
            if entry.dashed {
                area.draw(&DashedPathElement::new(points, px(7), px(4), style)).map_err(failed)?;
            } else {
                area.draw(&PathElement::new(points, style)).map_err(failed)?;
            }
            if entry.marker {
                let dot = Circle::new(((start + end) / 2, y), px(MARKER), entry.color.filled());
                area.draw(&dot).map_err(failed)?;
            }
            let text = font(px(layout::TEXT)).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(&entry.text, &text, (end + px(8), y + px(2))).map_err(failed)?;
        }
        let caption = self.caption();
        if !caption.is_empty() {
            let y = layout::BODY as i32 + self.foot()? - layout::MARGIN - layout::CAPTION / 2;
            area.draw_text(&caption, &centred(15, SOFT_INK), (middle, px(y))).map_err(failed)?;
        }
        area.present().map_err(failed)
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.groups.iter().flat_map(Group::curves).flatten().chain(&self.training)
    }

    /// Range of the values, with some room. A few extremes of training may leave it.
    fn range(&self) -> (f64, f64) {
        let mut values: Vec<f64> = self.training.iter().map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        let cut = values.len() / 50;
        let values = values[cut..values.len() - cut].iter().copied();
        let shown = self.groups.iter().flat_map(Group::curves).flatten();
        let shown = shown.map(|point| point.value).chain(values);
        let (low, high) =
            shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let room = if high > low { 0.06 * (high - low) } else { high.abs().max(1.0) * 0.1 };
        (low - room, high + room)
    }

    fn panel<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        scale: f64,
        abscissa: &Abscissa,
    ) -> Result<(), String> {
        let px = |length: i32| (f64::from(length) * scale).round() as i32;
        let failed = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
        let (low, high) = self.range();
        let end = self.points().map(|point| abscissa.of(point)).fold(0.0, f64::max);
        let end = if end > 0.0 { end * 1.02 } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(6))
            .margin_right(px(28))
            .margin_left(px(16))
            .x_label_area_size(px(56))
            .y_label_area_size(px(78))
            .build_cartesian_2d(0.0..end, low..high)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .bold_line_style(GRID.stroke_width(px(1) as u32))
            .axis_style(SOFT_INK.stroke_width(px(1) as u32))
            .label_style(font(px(layout::TEXT)).color(&INK))
            .axis_desc_style(font(px(18)).color(&INK))
            .set_all_tick_mark_size(px(5))
            .x_labels(7)
            .y_labels(8)
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .x_desc(&abscissa.name)
            .y_desc(self.value)
            .draw()
            .map_err(failed)?;
        let place = |point: &Point| (abscissa.of(point), point.value.clamp(low, high));
        if !self.training.is_empty() {
            let style = TRAINING.stroke_width(px(1) as u32);
            let line = LineSeries::new(self.training.iter().map(place), style);
            chart.draw_series(line).map_err(failed)?;
        }
        for (index, group) in self.groups.iter().enumerate() {
            let (color, dashed) = look(index);
            let summary = summarise(&group.runs, abscissa);
            let upper = summary.iter().map(|&(x, _, _, top)| (x, top));
            let lower = summary.iter().rev().map(|&(x, _, bottom, _)| (x, bottom));
            if group.runs.len() > 1 && summary.len() > 1 {
                let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
                let band = Polygon::new(outline, color.mix(0.2).filled());
                chart.draw_series([band]).map_err(failed)?;
            }
            let line: Vec<(f64, f64)> = summary.iter().map(|&(x, mean, _, _)| (x, mean)).collect();
            let style = color.stroke_width(px(2) as u32);
            if let [point] = line[..] {
                // A line of one point would be invisible.
                chart.draw_series([Circle::new(point, px(4), color.filled())]).map_err(failed)?;
            } else if dashed {
                let series = DashedLineSeries::new(line, px(7) as u32, px(4) as u32, style);
                chart.draw_series(series).map_err(failed)?;
            } else {
                chart.draw_series(LineSeries::new(line, style)).map_err(failed)?;
            }
            if let Some(validation) = &group.validation {
                let color = self.validation_color(index);
                let summary = summarise(&validation.runs, abscissa);
                let line = summary.iter().map(|&(x, mean, _, _)| (x, mean));
                let dots = line.clone().map(|point| Circle::new(point, px(MARKER), color.filled()));
                chart.draw_series(dots).map_err(failed)?;
                let style = color.stroke_width(px(1) as u32);
                chart.draw_series(LineSeries::new(line, style)).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// One group leaves its validation a colour of its own; of several, each keeps to its own.
    fn validation_color(&self, index: usize) -> RGBColor {
        if self.groups.len() == 1 { PALETTE[1] } else { look(index).0 }
    }

    /// Legend below the panels, where it hides nothing; positions in unscaled pixels.
    fn legend(&self) -> Result<Vec<LegendEntry>, String> {
        let mut entries: Vec<LegendEntry> = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let (color, dashed) = look(index);
            let text = match group.runs.len() {
                1 if !self.training.is_empty() => format!("evaluation ({})", group.label),
                1 => group.label.clone(),
                n => format!("{} ({n} seeds)", group.label),
            };
            let band = group.runs.len() > 1;
            entries.push(LegendEntry { text, color, dashed, band, marker: false, width: 2, x: 0, row: 0 });
            if let Some(Validation { engine, .. }) = &group.validation {
                let of = if self.groups.len() == 1 { String::new() } else { format!("{}, ", group.label) };
                entries.push(LegendEntry {
                    text: format!("{of}evaluated in {engine}"),
                    color: self.validation_color(index),
                    dashed: false,
                    band: false,
                    marker: true,
                    width: 1,
                    x: 0,
                    row: 0,
                });
            }
        }
        if !self.training.is_empty() {
            let text = "training fitness".to_owned();
            entries.push(LegendEntry {
                text,
                color: TRAINING,
                dashed: false,
                band: false,
                marker: false,
                width: 1,
                x: 0,
                row: 0,
            });
        }
        // Fill rows from the left, then centre each.
        let widest = layout::WIDTH as i32 - 2 * layout::MARGIN;
        let (mut x, mut row, mut first) = (0, 0, 0);
        for index in 0..entries.len() {
            let text = &entries[index].text;
            let ((left, _), (right, _)) =
                font(layout::TEXT).layout_box(text).map_err(|error| error.to_string())?;
            let width = layout::KEY + 8 + right - left;
            if x > 0 && x + width > widest {
                centre(&mut entries[first..index], x - layout::GAP);
                (x, row, first) = (0, row + 1, index);
            }
            (entries[index].x, entries[index].row) = (x, row);
            x += width + layout::GAP;
        }
        centre(&mut entries[first..], x - layout::GAP);
        Ok(entries)
    }
}

/// Sizes in pixels before scaling.
mod layout {
    pub const WIDTH: u32 = 1240;
    /// Title and panels.
    pub const BODY: u32 = 500;
    pub const TITLE: i32 = 48;
    pub const ROW: i32 = 28;
    pub const CAPTION: i32 = 28;
    pub const MARGIN: i32 = 14;
    /// Length of a legend's line.
    pub const KEY: i32 = 34;
    /// Between two legend entries.
    pub const GAP: i32 = 32;
    /// Font size of labels.
    pub const TEXT: i32 = 17;
}

struct LegendEntry {
    text: String,
    color: RGBColor,
    dashed: bool,
    band: bool,
    marker: bool,
    width: i32,
    x: i32,
    row: i32,
}

/// Averages blocks of 2 × 2 RGB pixels.
fn halve(pixels: &[u8], width: usize) -> Vec<u8> {
    let pairs = pixels.chunks_exact(2 * width * 3);
    let mut half = Vec::with_capacity(pixels.len() / 4);
    for pair in pairs {
        let (upper, lower) = pair.split_at(width * 3);
        for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum: u16 = [above, below]
                    .iter()
                    .map(|two| u16::from(two[channel]) + u16::from(two[channel + 3]))
                    .sum();
                half.push(((sum + 2) / 4) as u8);
            }
        }
    }
    half
}

fn centre(row: &mut [LegendEntry], width: i32) {
    let shift = (layout::WIDTH as i32 - width) / 2;
    for entry in row {
        entry.x += shift;
    }
}

/// Colour of a group, and whether its line is dashed: the second round of colours is.
fn look(index: usize) -> (RGBColor, bool) {
    (PALETTE[index % PALETTE.len()], index / PALETTE.len() % 2 == 1)
}

/// Which of a point's abscissas a panel shows, in which unit.
struct Abscissa {
    name: String,
    wall: bool,
    unit: f64,
}

impl Abscissa {
    fn steps() -> Self {
        Self { name: "control steps".to_owned(), wall: false, unit: 1.0 }
    }

    /// Wall time in a unit that suits the longest run, in seconds.
    fn wall(longest: f64) -> Self {
        let (name, unit) = match longest {
            x if x < 180.0 => ("s", 1.0),
            x if x < 10_800.0 => ("min", 60.0),
            _ => ("h", 3600.0),
        };
        Self { name: format!("wall time ({name})"), wall: true, unit }
    }

    fn of(&self, point: &Point) -> f64 {
        if self.wall { point.wall / self.unit } else { point.steps / self.unit }
    }
}

fn font(size: i32) -> FontDesc<'static> {
    ("sans-serif", size).into_font()
}

/// The font comes with the program: a system need not have any.
fn load_font() -> Result<(), String> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let loaded = *LOADED.get_or_init(|| {
        let bytes = epaint_default_fonts::UBUNTU_LIGHT;
        register_font("sans-serif", FontStyle::Normal, bytes).is_ok()
    });
    if loaded { Ok(()) } else { Err("the built-in font is damaged".to_owned()) }
}

/// Label of a tick: `250`, `0.05`, `20k`, `1.5M`.
fn tick(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        x if x >= 1e9 => (value / 1e9, "G"),
        x if x >= 1e6 => (value / 1e6, "M"),
        x if x >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{unit}", if text == "-0" { "0" } else { text })
}

/// Mean, lowest and highest value of several runs where all of them have values: `(x, mean, lowest,
/// highest)` at every x of any run, linear in between.
fn summarise(runs: &[Vec<Point>], abscissa: &Abscissa) -> Vec<(f64, f64, f64, f64)> {
    let curves: Vec<Vec<(f64, f64)>> =
        runs.iter().map(|run| run.iter().map(|point| (abscissa.of(point), point.value)).collect()).collect();
    let start = curves.iter().filter_map(|curve| curve.first()).map(|point| point.0);
    let end = curves.iter().filter_map(|curve| curve.last()).map(|point| point.0);
    let (start, end) = (start.fold(f64::NEG_INFINITY, f64::max), end.fold(f64::INFINITY, f64::min));
    let mut grid: Vec<f64> = curves.iter().flatten().map(|point| point.0).collect();
    grid.retain(|&x| start <= x && x <= end);
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let summary = |x: f64| {
        let values: Vec<f64> = curves.iter().map(|curve| interpolate(curve, x)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (x, mean, low, high)
    };
    grid.into_iter().map(summary).collect()
}

/// Value of a curve at an x between its first and last.
fn interpolate(curve: &[(f64, f64)], x: f64) -> f64 {
    let after = curve.partition_point(|point| point.0 < x);
    match (after.checked_sub(1).map(|before| curve[before]), curve.get(after)) {
        (_, Some(&(x1, y1))) if x1 == x => y1,
        (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (None, Some(&(_, y))) | (Some((_, y)), None) => y,
        (None, None) => f64::NAN,
    }
}

fn read_run(path: &Path) -> Result<Run, PlotError> {
    let folder = RunFolder::open(path)?;
    let config = folder.config();
    let unreadable = |reason: String| PlotError::Config { path: config.clone(), reason };
    let text = std::fs::read_to_string(&config).map_err(|error| unreadable(error.to_string()))?;
    let parsed = ron_value::parse(&text).map_err(|error| unreadable(error.to_string()))?;
    let mut fields = Vec::new();
    flatten("", &parsed.value, &mut fields);
    let metrics = Metrics::read(&folder.metrics())?;
    let mut run = Run {
        fields,
        evaluation: curve(&metrics, "eval_return_mean"),
        validation: curve(&metrics, "validation_return_mean"),
        validator: String::new(),
        training: curve(&metrics, "fitness_mean"),
    };
    run.validator = field(&run, VALIDATE).unwrap_or_default().to_lowercase();
    if run.evaluation.is_empty() && run.training.is_empty() {
        return Err(PlotError::Empty { path: folder.metrics() });
    }
    Ok(run)
}

/// The finite values of a column.
fn curve(metrics: &Metrics, name: &str) -> Vec<Point> {
    let columns = [name, "env_steps", "wall_s"].map(|name| metrics.column(name).unwrap_or_default());
    let [values, steps, walls] = &columns;
    let rows = values.iter().zip(steps).zip(walls);
    let points = rows.filter_map(|((value, steps), wall)| {
        Some(Point { steps: (*steps)?, wall: (*wall)?, value: (*value)? })
    });
    points.filter(|p| [p.steps, p.wall, p.value].iter().all(|x| x.is_finite())).collect()
}

/// A config as path and value pairs; a variant stands under its field's own path.
fn flatten(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let join = |key: &str| {
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    };
    match value {
        Value::Object(map) => {
            let tag = map
                .iter()
                .next()
                .filter(|(key, _)| map.len() == 1 && key.starts_with(|c: char| c.is_ascii_uppercase()));
            if let Some((tag, inner)) = tag {
                fields.push((path.to_owned(), tag.clone()));
                flatten(path, inner, fields);
            } else {
                for (key, inner) in map {
                    flatten(&join(key), inner, fields);
                }
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            fields.push((path.to_owned(), format!("{} entries", list.len())));
            for (index, inner) in list.iter().enumerate() {
                flatten(&join(&index.to_string()), inner, fields);
            }
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(Value::to_string).collect();
            fields.push((path.to_owned(), format!("({})", items.join(", "))));
        }
        Value::String(text) => fields.push((path.to_owned(), text.clone())),
        Value::Null => fields.push((path.to_owned(), "None".to_owned())),
        other => fields.push((path.to_owned(), other.to_string())),
    }
}

fn field<'a>(run: &'a Run, path: &str) -> Option<&'a str> {
    run.fields.iter().find(|(key, _)| key == path).map(|(_, value)| value.as_str())
}

/// Puts runs that differ only in ignored fields together and names the groups by what differs.
fn group(runs: Vec<Run>, evaluated: bool) -> Vec<Group> {
    let mut groups: Vec<Vec<Run>> = Vec::new();
    for mut run in runs {
        run.fields.retain(|(path, _)| !IGNORED.contains(&path.as_str()));
        match groups.iter_mut().find(|members| members[0].fields == run.fields) {
            Some(members) => members.push(run),
            None => groups.push(vec![run]),
        }
    }
    let labels = labels(&groups.iter().map(|members| &members[0]).collect::<Vec<_>>());
    let group = |(members, label): (Vec<Run>, String)| {
        let engine = members[0].validator.clone();
        let alike = |run: &Run| !run.validation.is_empty() && run.validator == engine;
        let validated = evaluated && members.iter().all(alike);
        let validation = validated.then(|| {
            let runs = members.iter().map(|run| run.validation.clone()).collect();
            Validation { engine, runs }
        });
        let points = |run: Run| if evaluated { run.evaluation } else { run.training };
        Group { label, runs: members.into_iter().map(points).collect(), validation }
    };
    groups.into_iter().zip(labels).map(group).collect()
}

/// Names runs by what differs between them; a single one by strategy and controller.
fn labels(runs: &[&Run]) -> Vec<String> {
    if let [run] = runs {
        let parts = ["strategy", "controller"].map(|path| field(run, path));
        return vec![parts.into_iter().flatten().collect::<Vec<_>>().join(", ")];
    }
    let paths = differing(runs);
    let label = |run: &Run| {
        let named = paths.iter().filter_map(|path| Some((path, field(run, path)?)));
        let named: Vec<String> = named
            .take(MAX_DIFFERENCES)
            .map(|(path, value)| match path.as_str() {
                "env" | "strategy" | "controller" => value.to_owned(),
                _ => format!("{path} = {value}"),
            })
            .collect();
        named.join(", ")
    };
    let mut labels: Vec<String> = runs.iter().map(|run| label(run)).collect();
    // Where strategies differ, their fields were left out: add what tells equal strategies apart.
    for first in 0..runs.len() {
        let alike: Vec<usize> = (first..runs.len()).filter(|&i| labels[i] == labels[first]).collect();
        if alike.len() > 1 && alike.len() < runs.len() {
            let inner = self::labels(&alike.iter().map(|&i| runs[i]).collect::<Vec<_>>());
            for (&index, inner) in alike.iter().zip(&inner) {
                labels[index] = format!("{}, {inner}", labels[index]);
            }
        }
    }
    labels
}

/// Paths whose values are not the same in all runs, but none inside a variant that differs itself.
fn differing(runs: &[&Run]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for (path, _) in runs.iter().flat_map(|run| &run.fields) {
        let mut values = runs.iter().map(|run| field(run, path));
        let first = values.next().flatten();
        let differs = values.any(|value| value != first);
        let inside = paths.iter().any(|other| {
            path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.') || rest.is_empty())
        });
        if differs && !inside {
            paths.push(path.clone());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::metrics::{MetricsRow, MetricsWriter};

    /// A run whose evaluation rises to `top`, in a folder of its own.
    fn run(root: &Path, name: &str, config: &str, generations: u64, top: f64) -> PathBuf {
        let folder = RunFolder::create(Some(&root.join(name)), "x", 1, config).unwrap();
        let validated = config.contains("validate");
        let mut metrics = MetricsWriter::create(&folder.metrics(), &[], validated).unwrap();
        for generation in 1..=generations {
            let x = generation as f64 / generations as f64;
            let wobble = libm::sin(generation as f64 * (1.0 + top / 1000.0)) * 40.0;
            let value = top * x * (2.0 - x) + wobble;
            metrics
                .push(&MetricsRow {
                    generation,
                    env_steps: generation * (20_000 + top as u64),
                    wall_s: generation as f64 * 2.7,
                    fitness_mean: value * 0.8 + wobble - if generation == 3 { 9000.0 } else { 0.0 },
                    eval_return_mean: generation.is_multiple_of(5).then_some(value),
                    validation_return_mean: generation.is_multiple_of(5).then_some(value * 1.5),
                    ..MetricsRow::default()
                })
                .unwrap();
        }
        root.join(name)
    }

    fn config(sigma: f64, seed: u64) -> String {
        format!(
            "(env: Ant(healthy_z: (0.2, 1.0)), controller: Snn(), strategy: OpenEs(sigma: {sigma}), \
             run: (seed: {seed}))"
        )
    }

    #[test]
    fn seeds_are_grouped_and_groups_named_by_what_differs() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, config: &str| run(root.path(), name, config, 10, 100.0);
        let runs = [make("a", &config(0.1, 1)), make("b", &config(0.1, 2)), make("c", &config(0.2, 1))];
        let figure = Figure::read(&runs, None).unwrap();
        assert_eq!(figure.title, "Ant");
        assert_eq!(figure.value, "evaluation return");
        let groups: Vec<_> =
            figure.groups.iter().map(|group| (group.label.as_str(), group.runs.len())).collect();
        assert_eq!(groups, [("strategy.sigma = 0.1", 2), ("strategy.sigma = 0.2", 1)]);
        assert!(figure.training.is_empty());

        let other =
            make("d", "(env: Ant(), controller: Snn(), strategy: CmaEs(sigma: 0.1, n: 3), run: (seed: 1))");
        let figure = Figure::read(&[runs[0].clone(), other], Some("T")).unwrap();
        let labels: Vec<_> = figure.groups.iter().map(|group| group.label.as_str()).collect();
        assert_eq!(labels, ["env.healthy_z = (0.2, 1.0), OpenEs", "CmaEs"]);
        assert_eq!(figure.title, "T");
        let same_env = config(0.1, 1).replace("OpenEs", "CmaEs");
        let third = make("f", &same_env);
        let figure = Figure::read(&[runs[0].clone(), runs[2].clone(), third], None).unwrap();
        let labels: Vec<_> = figure.groups.iter().map(|group| group.label.as_str()).collect();
        assert_eq!(labels, ["OpenEs, strategy.sigma = 0.1", "OpenEs, strategy.sigma = 0.2", "CmaEs"]);

        let single = Figure::read(&runs[..1], None).unwrap();
        assert_eq!(single.groups[0].label, "OpenEs, Snn");
        assert_eq!(single.training.len(), 10);
        assert_eq!(single.groups[0].runs[0].len(), 2);
        // The outlier of training does not set the scale.
        let long = Figure::read(&[run(root.path(), "e", &config(0.1, 1), 60, 100.0)], None).unwrap();
        assert!(long.range().0 > -1000.0, "{:?}", long.range());
    }

    #[test]
    fn bands_are_taken_where_all_runs_have_values() {
        let point = |x: f64, value: f64| Point { steps: x, wall: x, value };
        let runs = [vec![point(0.0, 0.0), point(2.0, 2.0)], vec![point(1.0, 5.0), point(3.0, 5.0)]];
        assert_eq!(summarise(&runs, &Abscissa::steps()), [(1.0, 3.0, 1.0, 5.0), (2.0, 3.5, 2.0, 5.0)]);
    }

    #[test]
    fn both_formats_are_written_and_hold_the_texts() {
        let root = tempfile::tempdir().unwrap();
        let runs = [
            run(root.path(), "a", &config(0.1, 1), 30, 900.0),
            run(root.path(), "b", &config(0.1, 2), 30, 1000.0),
        ];
        let figure = Figure::read(&runs, None).unwrap();
        let (svg, png) = (root.path().join("c.svg"), root.path().join("c.png"));
        figure.write(&svg).unwrap();
        figure.write(&png).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        for expected in [
            "Ant",
            "control steps",
            "wall time (s)",
            "evaluation return",
            "OpenEs, Snn (2 seeds)",
            "Band: lowest to highest seed",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n"));
        figure.write(&root.path().join("again.svg")).unwrap();
        assert_eq!(text, std::fs::read_to_string(root.path().join("again.svg")).unwrap());
        let left: Vec<_> = std::fs::read_dir(root.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("tmp"))
            .collect();
        assert!(left.is_empty());
    }

    #[test]
    fn evaluations_in_another_engine_are_drawn_beside() {
        let root = tempfile::tempdir().unwrap();
        let validated =
            |sigma: f64| config(sigma, 1).replace("(env", "(physics: (validate: Some(Rapier)), env");
        let runs = [
            run(root.path(), "a", &validated(0.1), 30, 900.0),
            run(root.path(), "b", &validated(0.2), 30, 900.0),
            run(root.path(), "c", &config(0.1, 1), 30, 900.0),
        ];
        let draw = |runs: &[PathBuf]| {
            let figure = Figure::read(runs, None).unwrap();
            let svg = root.path().join("c.svg");
            figure.write(&svg).unwrap();
            (figure, std::fs::read_to_string(&svg).unwrap())
        };
        let (figure, text) = draw(&runs[..1]);
        assert!(text.contains("evaluated in rapier"), "{text}");
        // A dot per evaluation in each of two panels, and one in the legend.
        assert_eq!(text.matches("<circle").count(), 2 * 6 + 1);
        let validation = figure.groups[0].validation.as_ref().unwrap();
        assert_eq!(validation.runs[0][0].value, 1.5 * figure.groups[0].runs[0][0].value);
        assert!(figure.range().1 > 1.4 * 900.0, "the scale holds both: {:?}", figure.range());
        let (_, text) = draw(&runs[..2]);
        assert!(text.contains("strategy.sigma = 0.2, evaluated in rapier"), "{text}");
        let (figure, text) = draw(&runs[2..]);
        assert!(figure.groups[0].validation.is_none() && !text.contains("evaluated in"));
    }

    #[test]
    fn errors_name_the_file() {
        let root = tempfile::tempdir().unwrap();
        let shown = root.path().display();
        let read = |path: PathBuf| Figure::read(&[path], None).unwrap_err().to_string();
        assert_eq!(
            read(root.path().join("none")),
            format!("{shown}/none is not a run folder: it does not exist")
        );
        let empty = run(root.path(), "empty", &config(0.1, 1), 0, 1.0);
        assert_eq!(read(empty), format!("{shown}/empty/metrics.csv has no finished generation to plot yet"));
        let figure = Figure::read(&[run(root.path(), "a", &config(0.1, 1), 6, 1.0)], None).unwrap();
        let error = figure.write(&root.path().join("c.pdf")).unwrap_err().to_string();
        assert_eq!(error, format!("cannot plot to {shown}/c.pdf: the name must end in .svg or .png"));
        for name in ["no/c.svg", "no/c.png"] {
            let error = figure.write(&root.path().join(name)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot plot to {shown}/{name}: ")), "{error}");
        }
    }

    #[test]
    fn pixels_are_averaged_in_blocks() {
        let row = |a: u8, b: u8| [[a; 3], [b; 3], [8; 3], [8; 3]].concat();
        let pixels = [row(0, 100), row(200, 100)].concat();
        assert_eq!(halve(&pixels, 4), [100, 100, 100, 8, 8, 8]);
    }

    #[test]
    fn ticks_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (250.0, "250"),
            (9500.0, "9500"),
            (-20_000.0, "-20k"),
            (1_500_000.0, "1.5M"),
            (0.05, "0.05"),
            (2e9, "2G"),
        ] {
            assert_eq!(tick(value), text);
        }
    }
}
