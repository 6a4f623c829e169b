//! What the keys do.

use crate::app::App;
use crate::data::world::Driver;
use crate::shortcuts::Action;

/// Carries out a key's action.
pub fn perform(app: &mut App, ctx: &egui::Context, action: Action) {
    match action {
        Action::Help => app.help = !app.help,
        Action::Theme => app.toggle_theme(ctx.theme() == egui::Theme::Dark),
        Action::Panels => app.settings.panels = !app.settings.panels,
        Action::ZoomIn => ctx.set_zoom_factor((ctx.zoom_factor() * 1.1).min(3.0)),
        Action::ZoomOut => ctx.set_zoom_factor((ctx.zoom_factor() / 1.1).max(0.5)),
        Action::Screenshot => app.screenshot(),
        Action::Record => app.record(),
        Action::Close => app.close(),
        Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        Action::Faster => app.timeline.change_speed(1),
        Action::Slower => app.timeline.change_speed(-1),
        Action::Deselect => {
            app.selection = crate::panels::Selection::default();
            (app.help, app.asks_for_layout) = (false, false);
        }
        Action::Track => {
            app.settings.overlays.track ^= true;
            app.stage_mut().tracked = None;
        }
        Action::TrackBody => {
            app.stage_mut().tracked = app.selection.body;
            app.settings.overlays.track = true;
        }
        Action::Contacts => app.settings.overlays.contacts ^= true,
        Action::Joints => app.settings.overlays.joints ^= true,
        Action::CentreOfMass => app.settings.overlays.com ^= true,
        Action::Trail => app.settings.overlays.trail ^= true,
        Action::HomeCamera => app.stage_mut().home(),
        Action::NextCamera => app.stage_mut().next_camera(),
        Action::NextNeuron => select_neighbour(app, 1),
        Action::PreviousNeuron => select_neighbour(app, -1),
        Action::Reset => reset(app, 0),
        Action::NextSeed => reset(app, 1),
        Action::Brain => toggle_brain(app),
        _ => time(app, action),
    }
}

/// Actions on the cursor.
fn time(app: &mut App, action: Action) {
    let duration = app.duration();
    let Some(document) = &mut app.document else { return };
    let dt = document.recording().header.control_dt;
    let timeline = &mut app.timeline;
    match action {
        Action::Play if document.live.is_some() => timeline.playing = !timeline.playing,
        Action::Play => timeline.toggle(duration),
        Action::StepForward if timeline.at_end && document.live.is_some() => {
            timeline.playing = false;
            if let Some(live) = &mut document.live {
                live.step();
                timeline.seek(live.recording.duration(), live.recording.duration());
            }
        }
        Action::StepForward => timeline.step(1, dt, duration),
        Action::StepBack => timeline.step(-1, dt, duration),
        Action::SecondForward => timeline.seek(timeline.time + 1.0, duration),
        Action::SecondBack => timeline.seek(timeline.time - 1.0, duration),
        Action::ToStart => timeline.seek(0.0, duration),
        Action::ToEnd => timeline.seek(duration, duration),
        Action::SectionStart => {
            let end = timeline.section.map_or(duration, |section| section.1);
            timeline.section = Some((timeline.time, end.max(timeline.time)));
        }
        Action::SectionEnd => {
            let start = timeline.section.map_or(0.0, |section| section.0);
            timeline.section = Some((start.min(timeline.time), timeline.time));
        }
        Action::SectionClear => timeline.section = None,
        _ => {}
    }
    timeline.reveal(duration);
}

/// Starts the simulation again, `by` seeds further on.
fn reset(app: &mut App, by: u64) {
    if let Some(live) = app.document.as_mut().and_then(|document| document.live.as_mut()) {
        let seed = live.seed.wrapping_add(by);
        live.reset(seed);
        app.timeline.seek(0.0, 0.0);
        app.timeline.section = None;
    }
}

fn toggle_brain(app: &mut App) {
    if let Some(live) = app.document.as_mut().and_then(|document| document.live.as_mut()) {
        if live.driver == Driver::Brain {
            live.brain_off();
        } else {
            live.driver = Driver::Brain;
        }
    }
}

/// Selects the next or previous neuron of the selected one's layer.
fn select_neighbour(app: &mut App, by: isize) {
    let Some(document) = &app.document else { return };
    let layers = &document.recording().layers;
    let Some((name, neuron)) = &mut app.selection.neuron else { return };
    if let Some(layer) = layers.iter().find(|layer| layer.name == *name) {
        *neuron = (*neuron as isize + by).rem_euclid(layer.neurons.max(1) as isize) as usize;
    }
}
