//! The robot: turned, moved, followed, pushed and selected with the pointer.

use egui::{Align2, Color32, PointerButton, Pos2, Rect, Response, RichText, Sense, Ui, Vec2};

use crate::data::disturb::Push;
use crate::data::recording::Recording;
use crate::panels::{Cx, empty, over};
use crate::scene::{Actor, Arrow, ContactMark, Draw, Palette, Scene, Shapes, Snapshot, Tint, rotated};
use crate::settings::Overlays;

/// Opacity of ghosts that stand in the robot.
const GHOST: f32 = 0.35;
/// Share of the window's pixels along each side that quick pictures have.
const FEWER: f32 = 0.6;
/// Force of a push that pulls by the robot's own size, in weights of the robot.
const PULL: f32 = 3.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    if !cx.stage.lit() {
        return empty(ui, "No graphics adapter: the robot cannot be drawn");
    }
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let time = cx.timeline.time;
    cx.stage.rect = rect;
    let recording = cx.document.recording();
    let Some(mut snapshot) = cx.stage.snapshot(recording, &cx.document.quaternions, time) else { return };
    let others = ghosts(cx);
    let overlays = cx.settings.overlays;
    let apart = cx.stage.shapes().map_or(1.0, |shapes| shapes.bounds(&snapshot.poses).radius * 2.4);
    let offsets: Vec<[f32; 3]> = (0..others.len()).map(|index| beside(index, apart, overlays)).collect();
    let aspect = rect.width() / rect.height().max(1.0);
    if cx.film.is_some() {
        cx.stage.aim_film(&snapshot, time, cx.seconds, aspect);
    } else if overlays.side_by_side && !others.is_empty() {
        let ghosts = others.iter().zip(&offsets).map(|((ghost, _), &offset)| (ghost, offset));
        let robots: Vec<_> = [(&snapshot, [0.0; 3])].into_iter().chain(ghosts).collect();
        cx.stage.aim_all(&robots, (time, cx.seconds), aspect, overlays.track);
    } else {
        let recording = cx.document.recording();
        let start = || cx.stage.snapshot(recording, &cx.document.quaternions, 0.0);
        let start = cx.stage.fresh().then(start).flatten();
        cx.stage.aim((&snapshot, start.as_ref()), (time, cx.seconds), aspect, overlays.track);
    }
    navigate(ui, &response, rect, cx, &snapshot);
    marks(cx, &mut snapshot);

    let overlays = cx.settings.overlays;
    let fast = cx.stage.fast(cx.settings.fast);
    let draw = Draw {
        shadows: overlays.shadows && !fast,
        contacts: overlays.contacts,
        forces: overlays.contacts,
        joints: overlays.joints,
        com: overlays.com,
        trail: overlays.trail,
        dark: cx.palette.dark,
        // Feet that walk hit the ground with several weights.
        force_scale: 0.35,
        ..Draw::default()
    };
    let trail =
        if overlays.trail { cx.stage.trail(cx.document.recording(), time, &snapshot) } else { Vec::new() };
    let pixels = rect.size() * ui.pixels_per_point() * if fast { FEWER } else { 1.0 };
    let size = [pixels.x, pixels.y].map(|side| (side.round() as u32).clamp(1, 8192));
    let pointer = response.interact_pointer_pos().filter(|_| response.clicked());
    let highlighted = cx.selection.body;
    let drawn = cx.stage.draw(size, |shapes, camera, render| {
        let mut actors = vec![Actor { trail: &trail, highlighted, ..Actor::new(shapes, &snapshot) }];
        for ((other, colour), &offset) in others.iter().zip(&offsets) {
            let [r, g, b, _] = colour.to_normalized_gamma_f32();
            let tint = Tint::Colour([r, g, b, if overlays.side_by_side { 1.0 } else { GHOST }]);
            actors.push(Actor { offset, tint, ..Actor::new(shapes, other) });
        }
        let scene = Scene { actors, camera, draw: &draw };
        render(&scene);
        let picked = pointer.and_then(|at| scene.pick((at - rect.min).into(), rect.size().into()));
        picked.filter(|(actor, _)| *actor == 0).map(|(_, hit)| hit)
    });
    let Some((Some(texture), hit)) = drawn else { return };
    if pointer.is_some() {
        cx.selection.body = hit.map(|hit| hit.body).filter(|&body| body != 0);
    }
    let uv = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
    ui.painter().image(texture, rect, uv, Color32::WHITE);
    match cx.film {
        Some(film) => over::write(ui, rect, cx, film),
        None => {
            captions(ui, rect, cx);
            over::measure(ui, rect, cx);
            if !cx.bare {
                tools(ui, rect, cx);
            }
        }
    }
}

/// How far a ghost stands from its place, m: on both sides by turns.
fn beside(index: usize, apart: f32, overlays: Overlays) -> [f32; 3] {
    let side = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
    [0.0, if overlays.side_by_side { side * apart * (index / 2 + 1) as f32 } else { 0.0 }, 0.0]
}

/// Camera and pushes.
fn navigate(ui: &Ui, response: &Response, rect: Rect, cx: &mut Cx<'_>, snapshot: &Snapshot) {
    let drag = response.drag_delta();
    let height = rect.height().max(1.0);
    let push = ui.input(|input| input.modifiers.command);
    let at = response.interact_pointer_pos().map(|at| at - rect.min);
    if response.drag_started_by(PointerButton::Primary)
        && push
        // Where the button went down: the pointer may have moved on since.
        && let (Some(down), Some(shapes)) = (ui.input(|input| input.pointer.press_origin()), cx.stage.shapes())
    {
        let ray = cx.stage.camera.ray((down - rect.min).into(), rect.size().into());
        cx.stage.held = crate::scene::pick(shapes, snapshot, ray)
            .filter(|hit| hit.body != 0 && cx.document.live.is_some())
            .map(|hit| (hit.body, hit.local));
    }
    if response.drag_stopped() {
        cx.stage.held = None;
    }
    let pull = cx.stage.held.zip(at).and_then(|(held, at)| pull(cx, snapshot, held, at, rect.size()));
    if let Some(live) = &mut cx.document.live {
        live.disturbance.push = pull;
    }
    if cx.stage.held.is_none() && response.dragged_by(PointerButton::Primary) {
        cx.stage.orbit(-drag.x * 0.008, drag.y * 0.008);
    }
    if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
        // What is moved by hand is not followed any more.
        cx.settings.overlays.track = false;
        cx.stage.pan(drag.x / height, drag.y / height);
    }
    if response.hovered() {
        let (scroll, zoom) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        cx.stage.zoom((scroll * 0.004).exp() * zoom);
    }
    if response.double_clicked() {
        cx.settings.overlays.track = true;
        cx.stage.tracked = None;
    }
}

/// Force toward the pointer on the point that was taken hold of, in the plane through the point that
/// faces the camera.
fn pull(
    cx: &Cx<'_>,
    snapshot: &Snapshot,
    (body, point): (usize, [f32; 3]),
    at: Vec2,
    size: Vec2,
) -> Option<Push> {
    let shapes = cx.stage.shapes()?;
    let pose = *snapshot.poses.get(body)?;
    let held = placed(pose, point);
    let camera = &cx.stage.camera;
    let ray = camera.ray(at.into(), size.into());
    let [_, _, forward] = camera.axes();
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let to_point: [f32; 3] = std::array::from_fn(|i| held[i] - ray.origin[i]);
    let distance = dot(to_point, forward) / dot(ray.direction, forward).max(1e-3);
    let target = ray.at(distance);
    let scale = PULL * shapes.newtons(&snapshot.poses);
    let force = std::array::from_fn(|i| (target[i] - held[i]) * scale);
    Some(Push::new(&cx.document.model, body, point, pose, force))
}

/// A point of a body's frame in the world, m.
fn placed(pose: [f32; 7], point: [f32; 3]) -> [f32; 3] {
    let turned = rotated(pose, point);
    std::array::from_fn(|i| pose[i] + turned[i])
}

/// Contacts, pushes and goals at the cursor.
fn marks(cx: &Cx<'_>, snapshot: &mut Snapshot) {
    let recording = cx.document.recording();
    let state = recording.nearest_state(cx.timeline.time);
    let touching = state.checked_sub(1).map_or(&[][..], |step| recording.contacts.after(step));
    snapshot.contacts = touching
        .iter()
        .map(|contact| {
            // The force on the robot: the world is not drawn as pushed.
            let sign = if contact.bodies[1] == 0 { -1.0 } else { 1.0 };
            ContactMark { position: contact.position, force: contact.force.map(|f| sign * f) }
        })
        .collect();
    let Some(shapes) = cx.stage.shapes() else { return };
    let held =
        cx.document.live.as_ref().filter(|_| cx.timeline.at_end).and_then(|live| live.disturbance.push);
    let recorded = recording.pushes.get(recording.step_at(cx.timeline.time)).copied().flatten();
    if let Some(push) = held.or(recorded)
        && let Some(&pose) = snapshot.poses.get(push.body)
    {
        let metres = 1.0 / shapes.newtons(&snapshot.poses);
        let colour = cx.palette.minus.to_normalized_gamma_f32();
        let vector = push.force.map(|newton| newton * metres);
        snapshot.arrows.push(Arrow { from: placed(pose, push.point), vector, colour });
    }
    let aim = goal_arrow(recording, state, shapes, snapshot, cx.palette.dark);
    snapshot.arrows.extend(aim);
}

/// The direction that is asked of the robot, as an arrow before it; longer for a higher
/// speed, if one is asked for.
fn goal_arrow(
    recording: &Recording,
    state: usize,
    shapes: &Shapes,
    snapshot: &Snapshot,
    dark: bool,
) -> Option<Arrow> {
    let names = &recording.header.goals;
    let values = Recording::row(&recording.goals, names.len(), state);
    let goal = |name: &str| values.get(names.iter().position(|other| other == name)?).copied();
    let (sin, cos) = goal("direction")?.sin_cos();
    let [x, y, z] = snapshot.com?;
    let radius = shapes.bounds(&snapshot.poses).radius;
    let length = goal("speed").map_or(1.0, |speed| (0.4 * speed).clamp(0.15, 3.0)) * radius;
    let from = [x + 1.1 * radius * cos, y + 1.1 * radius * sin, z];
    Some(Arrow { from, vector: [length * cos, length * sin, 0.0], colour: Palette::of(dark).target })
}

/// Where the ghosts are, with their colours.
fn ghosts(cx: &Cx<'_>) -> Vec<(Snapshot, Color32)> {
    let ghost = |(index, ghost): (usize, &crate::data::document::Ghost)| {
        let snapshot = cx.stage.snapshot(ghost.recording(), &cx.document.quaternions, cx.timeline.time)?;
        Some((snapshot, cx.palette.series(index + 1)))
    };
    cx.document.ghosts.iter().enumerate().filter_map(ghost).collect()
}

/// What is written over the picture.
fn captions(ui: &Ui, rect: Rect, cx: &Cx<'_>) {
    let painter = ui.painter_at(rect);
    let palette = cx.palette;
    let mut lines: Vec<(String, Color32)> = Vec::new();
    if let Some(body) = cx.selection.body.and_then(|body| cx.document.model.bodies.get(body)) {
        lines.push((format!("{}, {:.2} kg", body.name, body.mass), palette.text));
    }
    if let Some(body) = cx.stage.tracked.filter(|_| cx.settings.overlays.track)
        && let Some(body) = cx.document.model.bodies.get(body)
    {
        lines.push((format!("camera follows {}", body.name), palette.weak));
    }
    if let Some(live) = &cx.document.live {
        if live.driver != crate::data::world::Driver::Brain {
            lines.push(("brain off".to_owned(), palette.minus));
        }
        if !live.disturbance.is_none() {
            lines.push(("world changed".to_owned(), palette.minus));
        }
        if let Some(push) = live.disturbance.push {
            let newton = push.force.iter().map(|f| f * f).sum::<f32>().sqrt();
            lines.push((format!("push {newton:.1} N"), palette.minus));
        }
        if let Some(refused) = &live.refused {
            lines.push((format!("the engine refuses: {refused}"), palette.error));
        }
    }
    for (index, ghost) in cx.document.ghosts.iter().enumerate() {
        lines.push((ghost.name.clone(), palette.series(index + 1)));
    }
    let mut place = rect.left_bottom() + Vec2::new(10.0, -8.0);
    for (text, colour) in lines.into_iter().rev() {
        painter.text(place, Align2::LEFT_BOTTOM, text, palette.small(), colour);
        place.y -= 16.0;
    }
}

/// Switches over the picture.
fn tools(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let place = Rect::from_min_size(rect.min + Vec2::new(8.0, 8.0), Vec2::new(rect.width() - 16.0, 24.0));
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(place));
    ui.set_clip_rect(rect);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.spacing_mut().button_padding = Vec2::new(7.0, 2.0);
        let Overlays { track, contacts, joints, com, trail, .. } = &mut cx.settings.overlays;
        for (text, tip, value) in [
            ("Follow", "camera follows the robot (F)", track),
            ("Contacts", "contact points and forces (C)", contacts),
            ("Joints", "joint axes (J)", joints),
            ("COM", "centre of mass (M)", com),
            ("Trail", "where it has been (T)", trail),
        ] {
            let text = RichText::new(text).small();
            if ui
                .add(egui::Button::selectable(*value, text).frame_when_inactive(true))
                .on_hover_text(tip)
                .clicked()
            {
                *value = !*value;
            }
        }
        let list =
            egui::ComboBox::from_id_salt("view").width(64.0).selected_text(RichText::new("View").small());
        let shown = list.show_ui(ui, |ui| {
            for (view, name) in cx.stage.views().into_iter().enumerate() {
                if ui.button(name).clicked() {
                    cx.stage.look(view);
                }
            }
        });
        shown.response.on_hover_text("direction of view (V)");
        let fast = cx.stage.fast(cx.settings.fast);
        let button = egui::Button::selectable(fast, RichText::new("Fast").small()).frame_when_inactive(true);
        let tip =
            "draws quickly rather than well: no shadows, fewer pixels; on by itself without a graphics card";
        if ui.add(button).on_hover_text(tip).clicked() {
            cx.settings.fast = Some(!fast);
        }
    });
}
