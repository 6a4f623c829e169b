//! What can be changed by hand while the robot moves.

use egui::{RichText, Slider, Ui};
use records::failure::told;
use training::change_names::NONE;

use crate::data::disturb::Disturbance;
use crate::data::document::{Document, Ghost};
use crate::data::live::Live;
use crate::data::world::{AtEnd, Driver};
use crate::panels::Cx;
use crate::shortcuts::{Action, keys};

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if cx.document.live.is_some() {
            episode(ui, cx);
            changes(ui, cx);
            world(ui, cx.document);
            driver(ui, cx.document);
            joints(ui, cx);
        } else {
            recorded(ui, cx);
        }
        ghosts(ui, cx);
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
        ui.horizontal(|ui| {
            let recording = &cx.document.episodes[index];
            let text = format!("{index}: {} steps, return {:.1}", recording.steps(), recording.total());
            let shown = cx.document.episode == index;
            if ui.selectable_label(shown, text).clicked() {
                cx.document.episode = index;
                cx.timeline.window = None;
                cx.timeline.seek(0.0, cx.document.recording().duration());
            }
            if !shown && ui.small_button("add as ghost").on_hover_text("shows it with the other").clicked() {
                let ghost = Ghost::new(format!("episode {index}"), cx.document.episodes[index].clone());
                cx.document.ghosts.push(ghost);
            }
        });
    }
    ui.weak("A recording cannot be changed. To take a hand in it, open its run or checkpoint.");
}

/// What is different from the task: by the config, or by a ready-made list.
fn changes(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Document { live: Some(live), config, .. } = &*cx.document else { return };
    heading(ui, "Environment");
    let own = || ("as the config says", "What the config lists.", config.changes.clone());
    let plain = || (NONE, "The task as it is.", Vec::new());
    let config_changes = !config.changes.is_empty();
    let choices = config_changes.then(own).into_iter().chain([plain()]).chain(training::changes::all());
    let choices: Vec<_> = choices.collect();
    let present =
        choices.iter().find(|choice| choice.2 == live.changes()).map_or("others", |choice| choice.0);
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        egui::ComboBox::new("changes", "changes").selected_text(present).show_ui(ui, |ui| {
            for (name, summary, list) in &choices {
                if ui.selectable_label(*name == present, *name).on_hover_text(*summary).clicked() {
                    wanted = Some(list.clone());
                }
            }
        });
        for (name, value) in live.changed() {
            ui.weak(format!("{name} {value:.2}"));
        }
    });
    if let Some(list) = wanted {
        match cx.document.change(&list) {
            Ok(()) => cx.timeline.seek(0.0, 0.0),
            Err(error) => *cx.message = Some(told(&error)),
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
        let label = ui.label("start state");
        start |= ui.add(egui::DragValue::new(&mut seed)).labelled_by(label.id).changed();
        if ui.button("Start again").on_hover_text(keys(Action::Reset)).clicked() {
            start = true;
        }
        if ui.button("Next start state").on_hover_text(keys(Action::NextSeed)).clicked() {
            seed = seed.wrapping_add(1);
            start = true;
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("when it ends");
        for (at_end, text, tip) in [
            (AtEnd::Restart, "next start state", "begins the next episode"),
            (AtEnd::Stop, "stop", "stops there"),
            (AtEnd::GoOn, "carry on", "neither a fall nor the time limit ends it"),
        ] {
            ui.selectable_value(&mut live.at_end, at_end, text).on_hover_text(tip);
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
    heading(ui, "By hand");
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
        ui.label("without motors").on_hover_text("the motors of what is ticked do nothing");
        for (name, motors) in sets {
            let mut broken = motors.iter().all(|&motor| change.broken[motor]);
            if ui.checkbox(&mut broken, name).changed() {
                motors.iter().for_each(|&motor| change.broken[motor] = broken);
            }
        }
    });
    if !change.is_none() && ui.button("Undo these changes").clicked() {
        *change = Disturbance { push: change.push, ..Disturbance::none(&document.model) };
    }
}

/// Brain or sliders.
fn driver(ui: &mut Ui, document: &mut Document) {
    let Some(live) = &mut document.live else { return };
    heading(ui, "Controller");
    ui.horizontal(|ui| {
        if ui.selectable_label(live.driver == Driver::Brain, "drives the robot").clicked() {
            live.driver = Driver::Brain;
        }
        if ui.selectable_label(live.driver != Driver::Brain, "is off, drive by hand").clicked() {
            live.brain_off();
        }
    });
    let spec = live.task().spec().actions.clone();
    let Driver::Hand(actions) = &mut live.driver else { return };
    for (action, channel) in actions.iter_mut().zip(&spec) {
        let slider = Slider::new(action, channel.low..=channel.high).suffix(channel.unit);
        ui.add(slider.fixed_decimals(2).text(&channel.name));
    }
    if ui.button("Set all to zero").clicked() {
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
    let mut qpos = live.qpos().to_vec();
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
        let keep = "simulates a whole episode of the present controller and shows it with those that follow";
        if cx.document.live.is_some()
            && ui.button("Keep as ghost").on_hover_text(keep).clicked()
            && let Err(error) = cx.document.add_ghost()
        {
            *cx.message = Some(told(&error));
        }
        ui.checkbox(&mut cx.settings.overlays.side_by_side, "side by side")
            .on_hover_text("ghosts stand beside the robot, not in it");
    });
    let mut gone = None;
    for (index, ghost) in cx.document.ghosts.iter().enumerate() {
        ui.horizontal(|ui| {
            let total = ghost.recording().total();
            let grows = if ghost.grows() { " …" } else { "" };
            let text = format!("{total:.0}{grows}");
            crate::chart::legend(ui, cx.palette.series(index + 1), &ghost.name, Some(text));
            if ui.small_button("remove").clicked() {
                gone = Some(index);
            }
        });
    }
    if let Some(index) = gone {
        cx.document.ghosts.remove(index);
    }
    if cx.document.ghosts.is_empty() {
        ui.weak("Drop a run or a recording with Shift held to see it with this one.");
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
