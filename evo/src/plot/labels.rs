//! Pictures of a training with labels: loss and accuracy, and the confusion matrix.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use records::MetricsError;
use records::folder::RunFolder;
use records::metrics::Metrics;
use serde_json::Value;
use training::gradient::labels::Confusion;

use crate::plot::PlotError;
use crate::plot::panel::{Entry, Legend, Look, MARGIN, Panel, Series};
use crate::plot::picture::{
    FAINT, INK, PALETTE, Picture, SOFT_INK, Scale, TEXT, WIDTH, failed, font, range, text_width, write,
};
use crate::plot::values::chart;

/// Height of a title, pixels before scaling as all lengths here.
const TITLE: i32 = 48;
/// Height of the panels.
const BODY: i32 = 440;

/// Loss and accuracy over the epochs of one or more runs.
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    loss: Panel,
    /// None for answers that are values.
    accuracy: Option<Panel>,
    entries: Vec<Entry>,
}

impl Curves {
    /// Reads the metrics of runs.
    ///
    /// # Errors
    /// If they cannot be read, or have no epoch yet.
    pub fn read(runs: &[RunFolder], title: &str) -> Result<Self, PlotError> {
        let mut series = [Vec::new(), Vec::new()];
        let mut entries = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            let metrics = Metrics::read(&run.metrics())?;
            let epochs = column(&metrics, run, "generation")?;
            if epochs.is_empty() {
                return Err(PlotError::Empty { path: run.metrics() });
            }
            let own = PALETTE[index % PALETTE.len()];
            let one = runs.len() == 1;
            for (part, color, width) in [("train", if one { FAINT } else { own }, 1), ("validation", own, 2)]
            {
                let look = Look { color, dashed: !one && part == "train", width, dot: 0, alpha: 1.0 };
                let name = run.path().file_name().unwrap_or_default().to_string_lossy();
                let text = if one { part.to_owned() } else { format!("{name}, {part}") };
                let mut any = false;
                for (panel, what) in series.iter_mut().zip(["loss", "accuracy"]) {
                    let values = column(&metrics, run, &format!("{part}_{what}"))?;
                    let points = epochs.iter().zip(&values).filter_map(|(&x, &y)| Some((x?, y?)));
                    let points: Vec<(f64, f64)> = points.collect();
                    any |= !points.is_empty();
                    panel.push(Series::new(&text, look, points));
                }
                if any {
                    entries.push(Entry { text, look, band: false });
                }
            }
        }
        let [loss, accuracy] = series;
        let panel = |y_name: &str, series: Vec<Series>, y: Option<(f64, f64)>| {
            let points = || series.iter().flat_map(|series| &series.points);
            let end = points().map(|point| point.0).fold(1.0, f64::max);
            let y = y.unwrap_or_else(|| range(points().map(|point| point.1)));
            let (x_name, y_name) = ("epoch".to_owned(), y_name.to_owned());
            Panel { x_name, y_name, x: (0.0, 1.02 * end), y, series, marks: Vec::new() }
        };
        let of_accuracy = range(accuracy.iter().flat_map(|series| &series.points).map(|point| point.1));
        let of_accuracy = (of_accuracy.0.max(0.0), of_accuracy.1.min(1.0));
        let any = accuracy.iter().any(|series| !series.points.is_empty());
        Ok(Self {
            title: title.to_owned(),
            loss: panel("loss", loss, None),
            accuracy: any.then(|| panel("accuracy", accuracy, Some(of_accuracy))),
            entries,
        })
    }

    /// Draws into a file, `.svg` or `.png` by its name.
    ///
    /// # Errors
    /// Another ending, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        write(self, path)
    }
}

fn column(metrics: &Metrics, run: &RunFolder, name: &str) -> Result<Vec<Option<f64>>, PlotError> {
    metrics.column(name).ok_or_else(|| {
        let expected = format!("…, {name}, …");
        MetricsError::Columns { path: run.metrics(), expected }.into()
    })
}

impl Picture for Curves {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, TITLE + BODY + Legend::new(self.entries.clone())?.height() + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        title(area, &self.title, WIDTH, scale)?;
        let (_, body) = area.split_vertically(scale.px(TITLE));
        let (body, _) = body.split_vertically(scale.px(BODY));
        match &self.accuracy {
            None => self.loss.draw(&body, scale)?,
            Some(accuracy) => {
                let (left, right) = body.split_horizontally(scale.px(WIDTH / 2));
                self.loss.draw(&left, scale)?;
                accuracy.draw(&right, scale)?;
            }
        }
        Legend::new(self.entries.clone())?.draw(area, TITLE + BODY, scale)?;
        area.present().map_err(failed)
    }

    fn charts(&self) -> Vec<Value> {
        let panels: Vec<&Panel> = [&self.loss].into_iter().chain(&self.accuracy).collect();
        let width = WIDTH / panels.len() as i32;
        let at = |index: usize| Panel::frame((index as i32 * width, TITLE), (width, BODY));
        panels.into_iter().enumerate().map(|(index, panel)| chart(panel, at(index))).collect()
    }
}

fn title<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    text: &str,
    width: i32,
    scale: Scale,
) -> Result<(), String> {
    let style = font(scale.px(24)).color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(text, &style, (scale.px(width / 2), scale.px(TITLE / 2 + 4))).map_err(failed)
}

/// Draws which class was taken for which into a file, `.svg` or `.png` by its name.
///
/// # Errors
/// Another ending, or a file that cannot be written.
pub fn write_confusion(confusion: &Confusion, path: &Path) -> Result<(), PlotError> {
    write(confusion, path)
}

/// Side of a cell; small ones have no number.
fn cell(confusion: &Confusion) -> i32 {
    (480 / confusion.classes.len() as i32).clamp(6, 90)
}

/// Room for the names of the classes, beside and above.
fn margin(confusion: &Confusion) -> Result<i32, String> {
    let widths = confusion.classes.iter().map(|name| text_width(name));
    Ok(widths.collect::<Result<Vec<i32>, String>>()?.into_iter().max().unwrap_or(0) + 56)
}

impl Picture for Confusion {
    fn size(&self) -> Result<(i32, i32), String> {
        let (side, margin) = (cell(self) * self.classes.len() as i32, margin(self)?);
        Ok(((margin + side + 2 * MARGIN).max(320), TITLE + 60 + side + 2 * MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let px = |length: i32| Scale(scale).px(length);
        area.fill(&WHITE).map_err(failed)?;
        let (n, cell, left) = (self.classes.len() as i32, cell(self), margin(self)?);
        let (width, top) = (self.size()?.0, TITLE + 60);
        title(area, &format!("accuracy {:.1} %", 100.0 * self.accuracy()), width, Scale(scale))?;
        let style = |size: i32, color: &RGBColor, across: HPos| {
            font(px(size)).color(color).pos(Pos::new(across, VPos::Center))
        };
        let text = |text: &str, size: i32, color: &RGBColor, across: HPos, (x, y): (i32, i32)| {
            area.draw_text(text, &style(size, color, across), (px(x), px(y))).map_err(failed)
        };
        text("answer", TEXT, &SOFT_INK, HPos::Center, (left + n * cell / 2, TITLE + 14))?;
        text("class", TEXT, &SOFT_INK, HPos::Left, (MARGIN, top - 18))?;
        // Beyond that many, names would run into each other.
        let named = cell >= 20;
        for (row, counts) in self.counts.chunks(n as usize).enumerate() {
            let (y, sum) = (top + row as i32 * cell, counts.iter().sum::<u64>().max(1));
            if named {
                let name = &self.classes[row];
                text(name, TEXT, &INK, HPos::Right, (left - 10, y + cell / 2))?;
                let x = left + row as i32 * cell + cell / 2;
                text(name, TEXT.min(cell * 2 / 3), &INK, HPos::Center, (x, top - 18))?;
            }
            for (column, &count) in counts.iter().enumerate() {
                let x = left + column as i32 * cell;
                let share = count as f64 / sum as f64;
                let shade = PALETTE[if row == column { 0 } else { 1 }].mix(share);
                let corners = [(px(x), px(y)), (px(x + cell - 1), px(y + cell - 1))];
                area.draw(&Rectangle::new(corners, shade.filled())).map_err(failed)?;
                if cell >= 36 {
                    let ink = if share > 0.5 { WHITE } else { INK };
                    text(&count.to_string(), TEXT, &ink, HPos::Center, (x + cell / 2, y + cell / 2))?;
                }
            }
        }
        area.present().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_confusion_matrix_is_drawn_with_its_accuracy_and_classes() {
        let classes = ["yin", "yang", "dot"].map(str::to_owned).to_vec();
        let confusion = Confusion { classes, counts: vec![8, 1, 1, 2, 7, 1, 0, 0, 10] };
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("confusion.svg");
        write_confusion(&confusion, &svg).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.contains("accuracy 83.3 %") && text.contains("yang"), "{text}");
        let png = folder.path().join("confusion.png");
        write_confusion(&confusion, &png).unwrap();
        assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    }
}
