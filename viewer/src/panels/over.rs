//! What is written over the scene: in films label and caption, in the window speed, distance and a scale.

use egui::{Align2, FontId, Pos2, Rect, Stroke, Ui, Vec2};

use crate::film::{Film, Motion, scale};
use crate::panels::Cx;

/// Longest bar of the scale, points.
const BAR: f32 = 120.0;

/// The motion of the robot under the cursor; none of robots that stay where they are.
fn motion(cx: &Cx<'_>) -> Option<Motion> {
    let (recording, quaternions) = (cx.document.recording(), &cx.document.quaternions);
    cx.stage.travels().then_some(())?;
    Motion::at(cx.timeline.time, |time| cx.stage.snapshot(recording, quaternions, time)?.com)
}

/// Writes label and caption over the picture.
pub(super) fn write(ui: &Ui, rect: Rect, cx: &Cx<'_>, film: &Film) {
    let size = (rect.height() / 22.0).clamp(9.0, 30.0);
    if let Some(label) = &film.label {
        line(ui, rect, cx, label, (Align2::LEFT_TOP, size));
    }
    if film.caption {
        let time = format!("time {:.1} s", cx.timeline.time);
        let moved = motion(cx).map_or_else(String::new, |motion| format!("   {}", motion.words()));
        line(ui, rect, cx, &(time + &moved), (Align2::LEFT_BOTTOM, size));
    }
}

/// Writes speed and distance at the lower right, with the length of a part of the picture at the robot's depth.
pub(super) fn measure(ui: &Ui, rect: Rect, cx: &Cx<'_>) {
    let painter = ui.painter_at(rect);
    let (font, colour) = (cx.palette.small(), cx.palette.text);
    let camera = &cx.stage.camera;
    let metres = scale(2.0 * camera.distance * (camera.fov_y / 2.0).tan() * BAR / rect.height().max(1.0));
    let length = BAR * metres.1;
    let end = rect.right_bottom() - Vec2::new(12.0, 12.0);
    let start = end - Vec2::new(length, 0.0);
    let stroke = Stroke::new(1.5, colour);
    painter.line_segment([start, end], stroke);
    for at in [start, end] {
        painter.line_segment([at - Vec2::new(0.0, 4.0), at + Vec2::new(0.0, 4.0)], stroke);
    }
    let above = end - Vec2::new(0.0, 7.0);
    painter.text(above, Align2::RIGHT_BOTTOM, &metres.0, font.clone(), colour);
    if let Some(motion) = motion(cx) {
        painter.text(above - Vec2::new(0.0, 16.0), Align2::RIGHT_BOTTOM, motion.words(), font, colour);
    }
}

/// A line of text in a corner, on a ground that lets the scene through; smaller if it is too long.
fn line(ui: &Ui, rect: Rect, cx: &Cx<'_>, text: &str, (corner, size): (Align2, f32)) {
    let painter = ui.painter_at(rect);
    let room = rect.shrink(0.6 * size);
    let laid =
        |size: f32| painter.layout_no_wrap(text.to_owned(), FontId::proportional(size), cx.palette.text);
    let mut galley = laid(size);
    if galley.size().x > room.width() {
        galley = laid(size * room.width() / galley.size().x);
    }
    let place = corner.align_size_within_rect(galley.size(), room);
    let ground = place.expand2(Vec2::new(0.4, 0.2) * size);
    painter.rect_filled(ground, 0.25 * size, cx.palette.panel.gamma_multiply(0.72));
    painter.galley(Pos2::new(place.min.x, place.min.y), galley, cx.palette.text);
}
