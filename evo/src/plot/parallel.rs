//! Parallel coordinates: a vertical axis per parameter of a sweep and one for the value, a line per
//! trial. The better a trial, the stronger its line.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::panel::{Entry, Legend, Look, MARGIN, label};
use super::picture::{
    FAINT, GRID, INK, PALETTE, Picture, SOFT_INK, Scale, TEXT, WIDTH, failed, range, text_width, tick,
};

/// Of the axes with their names, pixels before scaling as all lengths here.
const HEIGHT: i32 = 420;
const TOP: i32 = 56;
const BOTTOM: i32 = 28;

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaled {
    /// Short name.
    pub name: String,
    /// Places in [0, 1] with their labels.
    pub ticks: Vec<(f64, String)>,
}

/// A trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Place in [0, 1] on each axis.
    pub point: Vec<f64>,
    /// None if it failed.
    pub value: Option<f64>,
    /// Whether it is the best one.
    pub best: bool,
}

/// Parallel coordinates of a sweep.
#[derive(Clone, Debug)]
pub(crate) struct Parallel {
    pub axes: Vec<Scaled>,
    pub lines: Vec<Line>,
    /// Name of the last axis.
    pub value: String,
}

impl Parallel {
    fn legend(&self) -> Result<Legend, String> {
        let entry = |text: &str, color, width, dashed| Entry {
            text: text.to_owned(),
            look: Look { color, dashed, width, dot: 0, alpha: 1.0 },
            band: false,
        };
        let mut entries = vec![entry("trial; the stronger the better", PALETTE[0], 2, false)];
        if self.lines.iter().any(|line| line.best) {
            entries.push(entry("best trial", PALETTE[1], 3, false));
        }
        if self.lines.iter().any(|line| line.value.is_none()) {
            entries.push(entry("failed or unfinished trial", FAINT, 1, true));
        }
        Legend::new(entries)
    }

    /// Horizontal place of axis `index`.
    fn x(&self, index: usize) -> Result<i32, String> {
        let widest = |ticks: &[(f64, String)]| {
            ticks.iter().try_fold(0, |most: i32, (_, text)| Ok::<_, String>(most.max(text_width(text)?)))
        };
        let half = text_width(&self.axes[0].name)? / 2;
        let left = (widest(&self.axes[0].ticks)? + 24).max(half + 8);
        let right = 90.max(text_width(&self.value)? / 2 + 8);
        Ok(left + (WIDTH - left - right) * index as i32 / self.axes.len() as i32)
    }

    fn y(place: f64) -> i32 {
        HEIGHT - BOTTOM - (place * f64::from(HEIGHT - TOP - BOTTOM)).round() as i32
    }
}

/// Multiples of 1, 2 or 5 times a power of ten within a range, at most seven.
fn round_values(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    (0..7).map(|i| (first + f64::from(i)) * step).take_while(|&x| x <= high).collect()
}

impl Picture for Parallel {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, HEIGHT + self.legend()?.height() + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        let px = |length| scale.px(length);
        area.fill(&WHITE).map_err(failed)?;
        let (low, high) = range(self.lines.iter().filter_map(|line| line.value));
        let share = |value: f64| (value - low) / (high - low);
        let xs: Vec<i32> = (0..=self.axes.len()).map(|index| self.x(index)).collect::<Result<_, _>>()?;
        let text = (px(TEXT), INK);
        // Poor trials first, the best on top.
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        let rank = |line: &Line| (line.best, line.value.unwrap_or(f64::NEG_INFINITY));
        lines.sort_by(|a, b| rank(a).0.cmp(&rank(b).0).then(rank(a).1.total_cmp(&rank(b).1)));
        for &x in &xs {
            let axis = [(px(x), px(Self::y(0.0))), (px(x), px(Self::y(1.0)))];
            area.draw(&PathElement::new(axis, GRID.stroke_width(px(2) as u32))).map_err(failed)?;
        }
        for line in lines {
            let places = line.point.iter().copied().chain(line.value.map(share));
            let points: Vec<(i32, i32)> =
                places.zip(&xs).map(|(place, &x)| (px(x), px(Self::y(place)))).collect();
            if line.value.is_none() {
                let style = FAINT.stroke_width(px(1) as u32);
                area.draw(&DashedPathElement::new(points, px(5), px(5), style)).map_err(failed)?;
                continue;
            }
            let strength = line.value.map_or(0.0, share);
            let (color, width) = if line.best {
                (PALETTE[1].mix(1.0), 3)
            } else {
                (PALETTE[0].mix(0.12 + 0.75 * strength * strength), 2)
            };
            area.draw(&PathElement::new(points, color.stroke_width(px(width) as u32))).map_err(failed)?;
        }
        for (axis, &x) in self.axes.iter().zip(&xs) {
            label(area, &axis.name, text, HPos::Center, (px(x), px(TOP - 32)))?;
            for (place, name) in &axis.ticks {
                let y = px(Self::y(*place));
                area.draw(&PathElement::new([(px(x - 5), y), (px(x), y)], SOFT_INK)).map_err(failed)?;
                label(area, name, text, HPos::Right, (px(x - 9), y))?;
            }
        }
        let x = xs[self.axes.len()];
        label(area, &self.value, text, HPos::Center, (px(x), px(TOP - 32)))?;
        for value in round_values(low, high) {
            let y = px(Self::y(share(value)));
            area.draw(&PathElement::new([(px(x), y), (px(x + 5), y)], SOFT_INK)).map_err(failed)?;
            label(area, &tick(value), text, HPos::Left, (px(x + 9), y))?;
        }
        self.legend()?.draw(area, HEIGHT, scale)?;
        area.present().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_an_axis_are_round() {
        let ticks = |low, high| round_values(low, high).into_iter().map(tick).collect::<Vec<_>>();
        assert_eq!(ticks(-3.0, 103.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(ticks(0.31, 0.52), ["0.35", "0.4", "0.45", "0.5"]);
    }
}
