//! What can be changed by hand while the robot moves.

use egui::{RichText, Slider, Ui};

use crate::data::disturb::Disturbance;
use crate::data::document::Document;
use crate::data::live::{AtEnd, Driver, Live};
use crate::panels::{Cx, empty};

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if cx.document.live.is_some() {
            episode(ui, cx);
            world(ui, cx.document);
            driver(ui, cx.document);
            joints(ui, cx);
            ghosts(ui, cx);
        } else if cx.document.episodes.len() > 1 {
            recorded(ui, cx);
        } else {
            empty(ui, "A recording cannot be changed: open its run or checkpoint to take part");
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(4.0);
    ui.label(RichText::new(text).strong());
}

/// Choice among the episodes of a recording.
fn recorded(ui: &mut Ui, cx: &mut Cx<'_>) {
    heading(ui, "Episodes");
    for index in 0..cx.document.episodes.len() {
        let recording = &cx.document.episodes[index];
        let total = recording.returns().last().copied().unwrap_or_default();
        let text = format!("{index}: {} steps, return {total:.1}", recording.steps());
        if ui.selectable_label(cx.document.episode == index, text).clicked() {
            cx.document.episode = index;
            cx.timeline.window = None;
            cx.timeline.seek(0.0, cx.document.recording().duration());
        }
    }
}

/// Seed, reset, what happens at the end.
fn episode(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(live) = &mut cx.document.live else { return };
    heading(ui, "Episode");
    let mut seed = live.seed;
    let mut start = false;
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("seed");
        start |= ui.add(egui::DragValue::new(&mut seed)).labelled_by(label.id).changed();
        if ui.button("Reset").clicked() {
            start = true;
        }
        if ui.button("Next seed").clicked() {
            seed = seed.wrapping_add(1);
            start = true;
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("at the end");
        for (at_end, text) in [(AtEnd::Restart, "next seed"), (AtEnd::Stop, "stop"), (AtEnd::GoOn, "go on")] {
            ui.selectable_value(&mut live.at_end, at_end, text);
        }
    });
    if start {
        live.reset(seed);
        cx.timeline.seek(0.0, 0.0);
    }
}

/// Friction, gravity, motors.
fn world(ui: &mut Ui, document: &mut Document) {
    let Some(live) = &mut document.live else { return };
    heading(ui, "World");
    let change = &mut live.disturbance;
    for (text, value, most) in [
        ("friction", &mut change.friction, 3.0),
        ("gravity", &mut change.gravity, 3.0),
        ("motor strength", &mut change.strength, 2.0),
    ] {
        ui.add(Slider::new(value, 0.0..=most).suffix(" ×").fixed_decimals(2).text(text));
    }
    let limbs = Disturbance::limbs(&document.model);
    ui.horizontal_wrapped(|ui| {
        let alone = (0..document.model.nu()).map(|motor| vec![motor]);
        let name = |motor: usize| document.model.joints[document.model.actuators[motor].joint].name.clone();
        let sets: Vec<(String, Vec<usize>)> = if limbs.is_empty() {
            alone.map(|motors| (name(motors[0]), motors)).collect()
        } else {
            limbs.into_iter().map(|limb| (limb.name, limb.motors)).collect()
        };
        ui.label("break");
        for (name, motors) in sets {
            let mut broken = motors.iter().all(|&motor| change.broken[motor]);
            if ui.checkbox(&mut broken, name).changed() {
                motors.iter().for_each(|&motor| change.broken[motor] = broken);
            }
        }
    });
    if !change.is_none() && ui.button("As the model says").clicked() {
        *change = Disturbance { push: change.push, ..Disturbance::none(&document.model) };
    }
}

/// Brain or sliders.
fn driver(ui: &mut Ui, document: &mut Document) {
    let Some(live) = &mut document.live else { return };
    heading(ui, "Brain");
    ui.horizontal(|ui| {
        if ui.selectable_label(live.driver == Driver::Brain, "on").clicked() {
            live.driver = Driver::Brain;
        }
        if ui.selectable_label(live.driver != Driver::Brain, "off: actions by hand").clicked() {
            live.brain_off();
        }
    });
    let spec = live.task().spec().actions.clone();
    let Driver::Hand(actions) = &mut live.driver else { return };
    for (action, channel) in actions.iter_mut().zip(&spec) {
        let slider = Slider::new(action, channel.low..=channel.high).suffix(channel.unit);
        ui.add(slider.fixed_decimals(2).text(&channel.name));
    }
    if ui.button("All to zero").clicked() {
        actions.fill(0.0);
    }
}

/// Sliders of the joints, if the brain is off.
fn joints(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Document { model, live: Some(live), .. } = &mut *cx.document else { return };
    if live.driver == Driver::Brain {
        return;
    }
    heading(ui, "Joints");
    let mut qpos = live.worlds().view(0).qpos.to_vec();
    let mut moved = false;
    for joint in &model.joints {
        if !matches!(joint.kind, sim::JointKind::Hinge | sim::JointKind::Slide) {
            continue;
        }
        let free = if joint.kind == sim::JointKind::Hinge { std::f64::consts::PI } else { 2.0 };
        let [low, high] = if joint.limited { joint.range } else { [-free, free] };
        let slider = Slider::new(&mut qpos[joint.qpos_adr], low as f32..=high as f32);
        moved |= ui.add(slider.fixed_decimals(2).text(&joint.name)).changed();
    }
    if moved {
        live.place(&qpos);
        cx.timeline.seek(0.0, 0.0);
    }
}

/// Other episodes in the same scene.
fn ghosts(ui: &mut Ui, cx: &mut Cx<'_>) {
    heading(ui, "Compare");
    ui.horizontal_wrapped(|ui| {
        if ui.button("Keep as ghost").on_hover_text("plays a whole episode of this controller").clicked()
            && let Err(error) = cx.document.add_ghost()
        {
            *cx.message = Some(format!("{error:#}"));
        }
        ui.checkbox(&mut cx.settings.overlays.side_by_side, "side by side");
    });
    let mut gone = None;
    for (index, ghost) in cx.document.ghosts.iter().enumerate() {
        ui.horizontal(|ui| {
            let total = ghost.recording.returns().last().copied().unwrap_or_default();
            crate::chart::legend(ui, cx.palette.series(index + 1), &ghost.name, Some(format!("{total:.0}")));
            if ui.small_button("remove").clicked() {
                gone = Some(index);
            }
        });
    }
    if let Some(index) = gone {
        cx.document.ghosts.remove(index);
    }
}

impl Live {
    /// Hands the robot over to sliders that stand where the last action was.
    pub fn brain_off(&mut self) {
        let size = self.recording.header.actions.len();
        let last = self.recording.steps().checked_sub(1);
        let row = last.map(|step| self.recording.actions[step * size..(step + 1) * size].to_vec());
        self.driver = Driver::Hand(row.unwrap_or_else(|| vec![0.0; size]));
    }
}
