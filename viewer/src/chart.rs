//! Plots over time that share one axis and one cursor, and the axes of other plots.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Pos2, Rect, Sense, Stroke, Ui, Vec2,
    emath::GuiRounding as _,
};

use crate::data::timeline::Timeline;
use crate::theme::{Palette, size};

/// Width of the labels left of a plot, the same in all plots over time.
pub const GUTTER: f32 = 52.0;
/// Room at the right of a plot over time.
pub const RIGHT: f32 = 44.0;
/// Height of the time axis' labels.
pub const AXIS: f32 = 16.0;

/// A rectangle with coordinates.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Where it is drawn.
    pub rect: Rect,
    /// First and last x.
    pub x: (f64, f64),
    /// Lowest and highest y.
    pub y: (f64, f64),
}

impl Chart {
    /// Screen position of an x.
    #[must_use]
    pub fn px(&self, x: f64) -> f32 {
        let part = (x - self.x.0) / (self.x.1 - self.x.0);
        self.rect.left() + part as f32 * self.rect.width()
    }

    /// Screen position of a y.
    #[must_use]
    pub fn py(&self, y: f64) -> f32 {
        let part = (y - self.y.0) / (self.y.1 - self.y.0);
        self.rect.bottom() - part as f32 * self.rect.height()
    }

    /// Screen position of a point.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> Pos2 {
        Pos2::new(self.px(x), self.py(y))
    }

    /// The x under a screen position.
    #[must_use]
    pub fn x_at(&self, px: f32) -> f64 {
        let part = f64::from((px - self.rect.left()) / self.rect.width().max(1.0));
        self.x.0 + part * (self.x.1 - self.x.0)
    }

    /// The y under a screen position.
    #[must_use]
    pub fn y_at(&self, py: f32) -> f64 {
        let part = f64::from((self.rect.bottom() - py) / self.rect.height().max(1.0));
        self.y.0 + part * (self.y.1 - self.y.0)
    }

    /// Background and horizontal lines with labels; `format` makes text of a value.
    pub fn grid(&self, ui: &Ui, palette: &Palette, format: impl Fn(f64) -> String) {
        let painter = ui.painter();
        painter.rect_filled(self.rect, CornerRadius::same(3), palette.plot);
        let most = (self.rect.height() / 28.0).max(1.0);
        for y in ticks(self.y, f64::from(most)) {
            let py = self.py(y).round_to_pixels(ui.pixels_per_point());
            painter.hline(self.rect.x_range(), py, Stroke::new(1.0, palette.grid));
            let highest = self.rect.top() + 5.0;
            let place = py.clamp(highest, highest.max(self.rect.bottom() - 5.0));
            let place = Pos2::new(self.rect.left() - 6.0, place);
            painter.text(place, Align2::RIGHT_CENTER, format(y), palette.small(), palette.weak);
        }
    }

    /// Vertical lines with labels below.
    pub fn x_axis(&self, ui: &Ui, palette: &Palette, format: impl Fn(f64) -> String) {
        let painter = ui.painter();
        for x in ticks(self.x, f64::from(self.rect.width() / 80.0)) {
            let px = self.px(x).round_to_pixels(ui.pixels_per_point());
            painter.vline(px, self.rect.y_range(), Stroke::new(1.0, palette.grid));
            let place = Pos2::new(px, self.rect.bottom() + 3.0);
            painter.text(place, Align2::CENTER_TOP, format(x), palette.small(), palette.weak);
        }
    }

    /// A curve through points in ascending order of x. Where several fall onto one pixel, their range is
    /// drawn, so that no peak is lost.
    pub fn line(&self, ui: &Ui, points: impl Iterator<Item = (f64, f64)>, stroke: Stroke) {
        let painter = ui.painter_at(self.rect.expand(1.0));
        let mut line: Vec<Pos2> = Vec::new();
        let mut column: Option<(i32, f32, f32, f32)> = None;
        let flush = |column: Option<(i32, f32, f32, f32)>, line: &mut Vec<Pos2>| {
            if let Some((_, px, low, high)) = column {
                line.push(Pos2::new(px, low));
                if high - low > 0.5 {
                    line.push(Pos2::new(px, high));
                }
            }
        };
        for (x, y) in points {
            let at = self.at(x, y);
            if !at.x.is_finite() || !at.y.is_finite() {
                flush(column.take(), &mut line);
                painter.line(std::mem::take(&mut line), stroke);
                continue;
            }
            let key = at.x.floor() as i32;
            column = match column {
                Some((old, px, low, high)) if old == key => Some((old, px, low.min(at.y), high.max(at.y))),
                other => {
                    flush(other, &mut line);
                    Some((key, at.x, at.y, at.y))
                }
            };
        }
        flush(column, &mut line);
        painter.line(line, stroke);
    }
}

/// A plot over time, with room for labels; dragging in it moves the cursor, the wheel zooms.
pub fn over_time(ui: &mut Ui, timeline: &mut Timeline, duration: f64, height: f32, y: (f64, f64)) -> Chart {
    let size = Vec2::new(ui.available_width(), height.max(20.0));
    let (outer, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let rect = Rect::from_min_max(
        Pos2::new(outer.left() + GUTTER, outer.top()),
        Pos2::new((outer.right() - RIGHT).max(outer.left() + GUTTER + 10.0), outer.bottom()),
    );
    let chart = Chart { rect, x: timeline.visible(duration), y: padded(y) };
    navigate(ui, &response, &chart, timeline, duration);
    chart
}

/// Moves cursor and window as the pointer says.
pub fn navigate(ui: &Ui, response: &egui::Response, chart: &Chart, timeline: &mut Timeline, duration: f64) {
    let primary = egui::PointerButton::Primary;
    if let Some(pointer) = response.interact_pointer_pos()
        && (response.clicked_by(primary) || response.dragged_by(primary))
    {
        timeline.seek(chart.x_at(pointer.x), duration);
    }
    let per_point = (chart.x.1 - chart.x.0) / f64::from(chart.rect.width().max(1.0));
    if response.dragged_by(egui::PointerButton::Secondary) || response.dragged_by(egui::PointerButton::Middle)
    {
        timeline.pan(-f64::from(response.drag_delta().x) * per_point, duration);
    }
    if response.double_clicked() {
        timeline.toggle_window(timeline.time, duration);
    }
    if let Some(pointer) = response.hover_pos() {
        let (scroll, zoom) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
        if zoom != 1.0 {
            timeline.zoom(1.0 / f64::from(zoom), chart.x_at(pointer.x), duration);
        }
        if scroll.x != 0.0 {
            timeline.pan(-f64::from(scroll.x) * per_point, duration);
        }
    }
}

/// The cursor, and shade over what is outside of the repeated section.
pub fn cursor(ui: &Ui, chart: &Chart, timeline: &Timeline, palette: &Palette) {
    let painter = ui.painter_at(chart.rect);
    if let Some((start, end)) = timeline.section {
        let shade = palette.base.gamma_multiply(0.55);
        let (left, right) = (chart.px(start), chart.px(end));
        let whole = chart.rect;
        painter.rect_filled(whole.with_max_x(left.min(whole.right())), 0.0, shade);
        painter.rect_filled(whole.with_min_x(right.max(whole.left())), 0.0, shade);
    }
    let px = chart.px(timeline.time).round_to_pixels(ui.pixels_per_point());
    if chart.rect.x_range().contains(px) {
        painter.vline(px, chart.rect.y_range(), Stroke::new(1.5, palette.accent));
    }
}

/// The time axis below the last plot of a panel.
pub fn time_axis(ui: &mut Ui, chart: &Chart, palette: &Palette) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), AXIS), Sense::hover());
    let painter = ui.painter();
    let most = f64::from(chart.rect.width() / 70.0);
    let step = tick_step(chart.x, most);
    for x in ticks(chart.x, most) {
        let text = number(x, step) + " s";
        let galley = painter.layout_no_wrap(text, palette.small(), palette.weak);
        // What stands beside the plot has its own labels there.
        let left = (chart.px(x) - galley.size().x / 2.0).min(chart.rect.right() - galley.size().x);
        painter.galley(Pos2::new(left, rect.top() + 2.0), galley, palette.weak);
    }
}

/// A caption with a coloured dot and a value.
pub fn legend(ui: &mut Ui, colour: Color32, name: &str, value: Option<String>) -> egui::Response {
    const DOT: f32 = 14.0;
    let palette = Palette::of(ui);
    let name = ui.painter().layout_no_wrap(name.to_owned(), palette.small(), palette.text);
    let font = FontId::monospace(size::SMALL);
    let value = value.map(|value| ui.painter().layout_no_wrap(value, font, palette.weak));
    let more = value.as_ref().map_or(0.0, |value| value.size().x + 5.0);
    let size = Vec2::new(DOT + name.size().x + more, name.size().y.max(16.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter();
    painter.circle_filled(rect.left_center() + Vec2::new(4.5, 0.0), 4.0, colour);
    let mut place = Pos2::new(rect.left() + DOT, rect.center().y - name.size().y / 2.0);
    let width = name.size().x;
    painter.galley(place, name, palette.text);
    if let Some(value) = value {
        place.x += width + 5.0;
        place.y = rect.center().y - value.size().y / 2.0;
        painter.galley(place, value, palette.weak);
    }
    response
}

/// Text in a line, with … where it is too long for `width` points.
#[must_use]
pub fn elided(ui: &Ui, text: &str, size: f32, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(size), colour);
    job.wrap = TextWrapping::truncate_at_width(width);
    ui.painter().layout_job(job)
}

/// Values at round distances within a range, at most about `most`.
#[must_use]
pub fn ticks((low, high): (f64, f64), most: f64) -> Vec<f64> {
    let step = tick_step((low, high), most);
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first + 1.0).clamp(0.0, 100.0) as usize;
    // Adding zero turns −0 into 0.
    (0..count).map(|i| (first + i as f64) * step + 0.0).collect()
}

/// Distance of [`ticks`]: 1, 2 or 5 times a power of ten.
#[must_use]
pub fn tick_step((low, high): (f64, f64), most: f64) -> f64 {
    let rough = (high - low) / most.max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

/// A number with as many decimals as steps of `step` need.
#[must_use]
pub fn number(value: f64, step: f64) -> String {
    let decimals = if step > 0.0 { (-step.log10().floor()).clamp(0.0, 9.0) as usize } else { 2 };
    if value.abs() >= 1e5 { short(value) } else { format!("{value:.decimals$}") }
}

/// A number in few characters: `12.3k`, `4.56`, `0.012`.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        s if s >= 1e9 => (value / 1e9, "G"),
        s if s >= 1e6 => (value / 1e6, "M"),
        s if s >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = match scaled.abs() {
        0.0 => "0".to_owned(),
        s if s >= 100.0 => format!("{scaled:.0}"),
        s if s >= 10.0 => format!("{scaled:.1}"),
        s if s >= 0.1 => format!("{scaled:.2}"),
        s if s >= 0.001 => format!("{scaled:.4}"),
        _ => format!("{scaled:.1e}"),
    };
    text + unit
}

/// Range of finite numbers; (0, 1) of none.
#[must_use]
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|x| x.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// A range with some air around it, never empty.
#[must_use]
pub fn padded((low, high): (f64, f64)) -> (f64, f64) {
    let air = if high - low > 1e-12 { (high - low) * 0.06 } else { low.abs().max(1.0) * 0.5 };
    (low - air, high + air)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks((0.0, 10.0), 5.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks((-0.11, 0.11), 4.0), [-0.1, 0.0, 0.1]);
        assert!(ticks((0.0, f64::NAN), 4.0).is_empty());
        for most in [1.0, 3.0, 7.0, 20.0] {
            let found = ticks((-3.7, 1234.5), most).len();
            assert!(found as f64 <= most + 1.0, "{found} of {most}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.0, 12.34, 1234.0, 56_789.0, 2.5e7, -0.25, 0.012, 3e-7].map(short);
        assert_eq!(texts, ["0", "1.00", "12.3", "1234", "56.8k", "25.0M", "-0.25", "0.0120", "3.0e-7"]);
        assert_eq!([number(0.3, 0.1), number(20.0, 10.0), number(0.05, 0.05)], ["0.3", "20", "0.05"]);
    }

    #[test]
    fn ranges_skip_what_is_not_a_number() {
        assert_eq!(range([1.0, f64::NAN, -2.0, f64::INFINITY].into_iter()), (-2.0, 1.0));
        assert_eq!(range(std::iter::empty()), (0.0, 1.0));
        let (low, high) = padded((3.0, 3.0));
        assert!(low < 3.0 && high > 3.0);
    }

    #[test]
    fn screen_and_value_correspond() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(100.0, 50.0));
        let chart = Chart { rect, x: (1.0, 3.0), y: (-1.0, 1.0) };
        assert_eq!(chart.at(2.0, 0.0), Pos2::new(60.0, 45.0));
        assert_eq!(chart.at(1.0, 1.0), Pos2::new(10.0, 20.0));
        assert!((chart.x_at(chart.px(2.7)) - 2.7).abs() < 1e-6);
        assert!((chart.y_at(chart.py(-0.3)) + 0.3).abs() < 1e-6);
    }
}
