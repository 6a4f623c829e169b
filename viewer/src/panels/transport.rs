//! The bar at the bottom: play, pause, step, speed, section, scrubbing.

use egui::{PointerButton, Pos2, Rect, Response, RichText, Sense, Shape, Stroke, StrokeKind, Ui, Vec2};

use crate::chart::Chart;
use crate::data::recording::End;
use crate::data::timeline::SPEEDS;
use crate::panels::Cx;
use crate::shortcuts::{self, Action};
use crate::theme::Palette;

/// Draws the bar. Returns the actions of pressed buttons.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let duration = cx.duration();
    let palette = cx.palette;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let playing = cx.timeline.playing;
        for (icon, action) in [
            (Icon::Start, Action::ToStart),
            (Icon::Back, Action::StepBack),
            (if playing { Icon::Pause } else { Icon::Play }, Action::Play),
            (Icon::Forward, Action::StepForward),
            (Icon::End, Action::ToEnd),
        ] {
            if button(ui, icon, &palette, action).clicked() {
                actions.push(action);
            }
        }
        ui.add_space(4.0);
        speed(ui, cx);
        let repeat = ui.selectable_label(cx.timeline.repeat, "Repeat");
        if repeat.on_hover_text("at the end, start again").clicked() {
            cx.timeline.repeat = !cx.timeline.repeat;
        }
        ui.add_space(4.0);
        let step = if cx.document.recording().steps() == 0 { 0 } else { cx.step() + 1 };
        let text = format!("{:7.2} s  step {step}", cx.timeline.time);
        ui.add_sized([132.0, 20.0], egui::Label::new(RichText::new(text).monospace()));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            status(ui, cx);
            scrub(ui, cx, duration);
        });
    });
    actions
}

fn speed(ui: &mut Ui, cx: &mut Cx<'_>) {
    let name = |index: usize| {
        let speed = SPEEDS[index];
        if speed < 1.0 { format!("1/{:.0} ×", 1.0 / speed) } else { format!("{speed:.0} ×") }
    };
    let list = egui::ComboBox::from_id_salt("speed").width(58.0).selected_text(name(cx.timeline.speed));
    let shown = list.show_ui(ui, |ui| {
        for index in 0..SPEEDS.len() {
            ui.selectable_value(&mut cx.timeline.speed, index, name(index));
        }
    });
    shown.response.on_hover_text("speed (+ and −)");
}

/// How the episode stands, at the right.
fn status(ui: &mut Ui, cx: &Cx<'_>) {
    let recording = cx.document.recording();
    let (text, colour) = match (&cx.document.live, recording.end) {
        (Some(_), End::Open) if cx.timeline.at_end => ("live", cx.palette.series[2]),
        (Some(_), End::Open) => ("history", cx.palette.minus),
        (_, End::Terminated) => ("terminated", cx.palette.error),
        (_, End::Truncated) => ("time limit", cx.palette.weak),
        (None, End::Open) => ("open end", cx.palette.weak),
    };
    ui.label(RichText::new(text).small().color(colour));
    if let Some(pace) = cx.pace.filter(|_| cx.timeline.playing) {
        let text = RichText::new(format!("{pace:4.2}×")).small().monospace().weak();
        ui.label(text).on_hover_text("seconds of the robot's time per second");
    }
    ui.label(RichText::new(format!("{:.2} s", recording.duration())).small().monospace().weak());
}

/// The whole episode as a rail, with the repeated section.
fn scrub(ui: &mut Ui, cx: &mut Cx<'_>, duration: f64) {
    let size = Vec2::new((ui.available_width() - 6.0).max(40.0), 20.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let rail = Rect::from_center_size(rect.center(), Vec2::new(rect.width() - 10.0, 4.0));
    let chart = Chart { rect: rail, x: (0.0, duration.max(1e-9)), y: (0.0, 1.0) };
    if let Some(pointer) = response.interact_pointer_pos() {
        let time_at = |x: f32| chart.x_at(x).clamp(0.0, duration);
        if let Some((pressed, shift)) = ui.input(pressed) {
            cx.timeline.marking = shift.then(|| time_at(pressed.x));
        }
        let time = time_at(pointer.x);
        if let Some(start) = cx.timeline.marking {
            cx.timeline.section = (start != time).then(|| (start.min(time), start.max(time)));
        } else {
            cx.timeline.seek(time, duration);
            cx.timeline.reveal(duration);
        }
    }
    if !response.is_pointer_button_down_on() {
        cx.timeline.marking = None;
    }
    let response = response.on_hover_text("Shift+drag repeats a section");
    let painter = ui.painter();
    painter.rect_filled(rail, 2.0, cx.palette.grid);
    painter.rect_filled(
        rail.with_max_x(chart.px(cx.timeline.time)),
        2.0,
        cx.palette.accent.gamma_multiply(0.7),
    );
    if let Some((start, end)) = cx.timeline.section {
        let section = Rect::from_x_y_ranges(chart.px(start)..=chart.px(end.min(duration)), rect.y_range());
        painter.rect_stroke(section, 2.0, Stroke::new(1.5, cx.palette.minus), StrokeKind::Inside);
    }
    let knob = if response.hovered() || response.dragged() { 7.0 } else { 6.0 };
    painter.circle_filled(Pos2::new(chart.px(cx.timeline.time), rail.center().y), knob, cx.palette.accent);
}

/// Where the button went down in this frame, and whether Shift was held then: in slow frames much may have happened
/// since.
fn pressed(input: &egui::InputState) -> Option<(Pos2, bool)> {
    input.events.iter().rev().find_map(|event| match *event {
        egui::Event::PointerButton { pos, button: PointerButton::Primary, pressed: true, modifiers } => {
            Some((pos, modifiers.shift))
        }
        _ => None,
    })
}

#[derive(Clone, Copy)]
enum Icon {
    Start,
    Back,
    Play,
    Pause,
    Forward,
    End,
}

/// A button with a drawn icon, so that it looks the same with any font.
fn button(ui: &mut Ui, icon: Icon, palette: &Palette, action: Action) -> Response {
    let main = matches!(icon, Icon::Play | Icon::Pause);
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(if main { 34.0 } else { 26.0 }, 24.0), Sense::click());
    let visuals = ui.style().interact(&response);
    let fill = if main { palette.accent.gamma_multiply(0.85) } else { visuals.weak_bg_fill };
    let fill = if main && response.hovered() { palette.accent } else { fill };
    ui.painter().rect_filled(rect, 5.0, fill);
    let colour = if main { egui::Color32::WHITE } else { palette.text };
    let at = |x: f32, y: f32| rect.center() + Vec2::new(x, y);
    let right = |x: f32| {
        let points = vec![at(x - 3.5, -5.0), at(x + 4.5, 0.0), at(x - 3.5, 5.0)];
        Shape::convex_polygon(points, colour, Stroke::NONE)
    };
    let left = |x: f32| {
        let points = vec![at(x + 3.5, -5.0), at(x - 4.5, 0.0), at(x + 3.5, 5.0)];
        Shape::convex_polygon(points, colour, Stroke::NONE)
    };
    let bar = |x: f32| {
        let bar = Rect::from_center_size(at(x, 0.0), Vec2::new(2.5, 10.0));
        Shape::rect_filled(bar, 0.5, colour)
    };
    let shapes = match icon {
        Icon::Start => vec![bar(-4.5), left(1.5)],
        Icon::Back => vec![left(-2.0), bar(4.5)],
        Icon::Play => vec![right(0.0)],
        Icon::Pause => vec![bar(-3.0), bar(3.0)],
        Icon::Forward => vec![bar(-4.5), right(2.0)],
        Icon::End => vec![right(-1.5), bar(4.5)],
    };
    ui.painter().extend(shapes);
    let text = shortcuts::TABLE.iter().find(|line| line.action == action).map_or("", |line| line.text);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, text));
    let keys = shortcuts::keys(action);
    response.on_hover_text(format!("{text} ({keys})"))
}
