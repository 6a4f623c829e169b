//! Observations and actions by name, one row each, with the value under the cursor.

use egui::{Align2, Pos2, Rect, Sense, Stroke, Ui, Vec2};

use crate::chart::{self, AXIS, Chart};
use crate::data::recording::Recording;
use crate::panels::{Cx, empty};

/// Height of a row.
const ROW: f32 = 24.0;
/// Room for names.
const NAMES: f32 = 150.0;
/// Room for values.
const VALUES: f32 = 58.0;

/// Draws the observations.
pub fn observations(ui: &mut Ui, cx: &mut Cx<'_>) {
    let recording = cx.document.recording();
    let names = recording.header.observations.clone();
    rows(ui, cx, &names, |recording| &recording.observations);
}

/// Draws the actions.
pub fn actions(ui: &mut Ui, cx: &mut Cx<'_>) {
    let recording = cx.document.recording();
    let names = recording.header.actions.clone();
    rows(ui, cx, &names, |recording| &recording.actions);
}

fn rows(ui: &mut Ui, cx: &mut Cx<'_>, names: &[String], of: impl Fn(&Recording) -> &[f32]) {
    let duration = cx.duration();
    if cx.document.recording().steps() == 0 {
        return empty(ui, "No step yet: press Space");
    }
    let height = (ui.available_height() - AXIS - 4.0).max(ROW);
    // Few rows share the room, many scroll.
    let row = (height / names.len().max(1) as f32).clamp(ROW, 3.0 * ROW);
    let mut axis = None;
    egui::ScrollArea::vertical().max_height(height).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (index, name) in names.iter().enumerate() {
            axis = Some(channel(ui, cx, (index, names.len()), name, &of, row, duration));
        }
    });
    if let Some(chart) = axis {
        chart::time_axis(ui, &chart, &cx.palette);
    }
}

fn channel(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (index, count): (usize, usize),
    name: &str,
    of: &dyn Fn(&Recording) -> &[f32],
    height: f32,
    duration: f64,
) -> Chart {
    let (outer, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click_and_drag());
    let names = NAMES.min(outer.width() * 0.35);
    let plot = Rect::from_min_max(
        Pos2::new(outer.left() + names, outer.top() + 2.0),
        Pos2::new((outer.right() - VALUES).max(outer.left() + names + 10.0), outer.bottom() - 2.0),
    );
    let window = cx.timeline.visible(duration);
    let recording = cx.document.recording();
    let dt = recording.header.control_dt;
    let values = of(recording);
    let value = |step: usize| values.get(step * count + index).map(|&x| f64::from(x));
    let steps = (window.0 / dt).max(0.0) as usize..((window.1 / dt) as usize + 2).min(recording.steps());
    let range = chart::range(steps.clone().filter_map(value));
    let chart = Chart { rect: plot, x: window, y: chart::padded(range) };
    if !ui.is_rect_visible(outer) {
        return chart;
    }
    let palette = cx.palette;
    ui.painter().rect_filled(plot, 2.0, palette.plot);
    if chart.y.0 < 0.0 && chart.y.1 > 0.0 {
        ui.painter().hline(plot.x_range(), chart.py(0.0), Stroke::new(1.0, palette.grid));
    }
    let points = steps.filter_map(|step| Some((step as f64 * dt, value(step)?)));
    chart.line(ui, points, Stroke::new(1.2, palette.series(index)));
    let left =
        ui.painter_at(Rect::from_min_max(outer.left_top(), Pos2::new(plot.left() - 6.0, outer.bottom())));
    left.text(outer.left_center(), Align2::LEFT_CENTER, name, palette.small(), palette.text);
    if let Some(now) = value(recording.step_at(cx.timeline.time)) {
        let font = egui::FontId::monospace(crate::theme::size::SMALL);
        let place = Pos2::new(outer.right() - 6.0, outer.center().y);
        ui.painter().text(place, Align2::RIGHT_CENTER, format!("{now:+.3}"), font, palette.weak);
    }
    response.clone().on_hover_ui_at_pointer(|ui| {
        ui.label(format!("{name}\n{} to {}", chart::short(range.0), chart::short(range.1)));
    });
    chart::navigate(ui, &response, &chart, cx.timeline, duration);
    chart::cursor(ui, &chart, cx.timeline, &palette);
    chart
}
