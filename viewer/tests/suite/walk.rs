//! A scripted walk through the window: open, play, scrub, select, reset, switch panels.
#![expect(clippy::unwrap_used, reason = "tests")]

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use viewer::app::App;
use viewer::data::channel::Channel;
use viewer::data::world::Driver;
use viewer::panels::Pane;
use viewer::scene::headless;
use viewer::settings::{Settings, panes};

use super::common;

fn window(app: App) -> Harness<'static, App> {
    // However slow the machine is.
    let show = |ui: &mut egui::Ui, app: &mut App| app.show_exactly(ui, 0.1);
    let harness = Harness::builder().with_size([1280.0, 800.0]).with_step_dt(0.1);
    let mut harness = harness.build_ui_state(show, app);
    harness.run_steps(3);
    harness
}

#[test]
fn a_recording_is_played_stepped_and_looped() {
    let mut app = App::new(Settings::default(), None);
    app.show_document(common::ant());
    let mut window = window(app);
    let time = |window: &Harness<'_, App>| window.state().timeline.time;
    assert_eq!(time(&window), 0.0);
    window.key_press(Key::Space);
    window.run_steps(6);
    assert!(window.state().timeline.playing && time(&window) > 0.2, "{}", time(&window));
    window.key_press(Key::Space);
    window.run_steps(2);
    let paused = time(&window);
    window.run_steps(3);
    assert_eq!(time(&window), paused);
    window.key_press(Key::Home);
    window.run_steps(1);
    window.key_press(Key::ArrowRight);
    window.run_steps(1);
    assert!((time(&window) - 0.05).abs() < 1e-9);
    window.key_press_modifiers(egui::Modifiers::SHIFT, Key::ArrowRight);
    window.run_steps(1);
    assert!((time(&window) - 1.05).abs() < 1e-9);
    window.key_press(Key::OpenBracket);
    window.key_press(Key::End);
    window.key_press(Key::CloseBracket);
    window.run_steps(2);
    assert_eq!(window.state().timeline.section.map(|section| section.0), Some(1.05));
    window.key_press(Key::Backslash);
    window.key_press(Key::Plus);
    window.run_steps(1);
    assert_eq!((window.state().timeline.section, window.state().timeline.factor()), (None, 2.0));
    // A section that is drawn on the rail stays when the button is let go, and the cursor where it was.
    let before = time(&window);
    let (from, to) = (egui::pos2(640.0, 781.0), egui::pos2(760.0, 781.0));
    let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::SHIFT);
    let button = |pos, pressed| egui::Event::PointerButton { pos, button, pressed, modifiers };
    for event in [
        egui::Event::PointerMoved(from),
        button(from, true),
        egui::Event::PointerMoved(to),
        button(to, false),
    ] {
        window.event(event);
        window.run_steps(2);
    }
    assert!(window.state().timeline.section.is_some_and(|(start, end)| 0.0 < start && start < end));
    assert_eq!(time(&window), before);
}

#[test]
fn panels_are_switched_and_neurons_selected() {
    let mut app = App::new(Settings::default(), None);
    app.show_document(common::ant());
    let mut window = window(app);
    for tab in ["Observations", "Actions", "Weights", "Run", "Map", "Controls", "Network"] {
        window.get_by_label(tab).click();
        window.run_steps(2);
    }
    assert_eq!(window.state().selection.neuron, None);
    let next = window.get_by_label("next neuron");
    next.click();
    window.run_steps(2);
    let (layer, first) = window.state().selection.neuron.clone().unwrap();
    assert_eq!(layer, "hidden.0");
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    assert_eq!(window.state().selection.in_layer("hidden.0"), Some((first + 1) % 64));
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!(window.state().selection.neuron, None);
    window.key_press(Key::Tab);
    window.run_steps(2);
    assert!(!window.state().settings.panels && window.query_by_label("Weights").is_none());
    window.key_press(Key::Tab);
    window.run_steps(2);
    assert!(window.state().settings.panels);
    // Tab has not handed the keyboard to a button.
    window.key_press(Key::Space);
    window.run_steps(2);
    assert!(window.state().timeline.playing);
}

#[test]
fn a_simulation_runs_goes_back_and_is_taken_over() {
    let root = tempfile::tempdir().unwrap();
    let (run, _) = common::run_and_recording(root.path());
    let mut app = App::new(Settings::default(), None);
    app.open(&run);
    let mut window = window(app);
    window.run_steps(8);
    let steps = window.state().document.as_ref().unwrap().recording().steps();
    assert!(steps >= 5, "{steps}");
    window.key_press(Key::Space);
    window.run_steps(2);
    window.key_press(Key::ArrowLeft);
    window.run_steps(1);
    assert!(!window.state().timeline.at_end);
    window.key_press(Key::R);
    window.key_press(Key::B);
    window.run_steps(1);
    let document = window.state().document.as_ref().unwrap();
    assert_eq!(document.recording().steps(), 0);
    assert!(matches!(document.live.as_ref().unwrap().driver, Driver::Hand(_)));
    // Every fall has already led to the next seed.
    let seed =
        |window: &Harness<'_, App>| window.state().document.as_ref().unwrap().live.as_ref().unwrap().seed;
    let before = seed(&window);
    window.key_press_modifiers(egui::Modifiers::SHIFT, Key::R);
    window.run_steps(1);
    assert_eq!(seed(&window), before + 1);
    window.key_press_modifiers(egui::Modifiers::COMMAND, Key::W);
    window.run_steps(2);
    assert!(window.state().document.is_none());
    assert!(window.query_by_label("Robots").is_some());
}

#[test]
fn a_simulation_is_pushed_by_the_pointer() {
    let mut app = App::new(Settings::default(), Some(headless().unwrap()));
    app.open(&tests::root().join("configs/ant.ron"));
    let mut window = window(app);
    let live = |window: &Harness<'_, App>| {
        let live = window.state().document.as_ref().unwrap().live.as_ref().unwrap();
        live.disturbance.push.map(|push| push.force.map(f32::abs).into_iter().fold(0.0, f32::max))
    };
    // The robot stands in the middle of the scene.
    let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::COMMAND);
    let at = |x, y| egui::Event::PointerMoved(egui::pos2(x, y));
    let pressed = |pos, pressed| egui::Event::PointerButton { pos, button, pressed, modifiers };
    window.event_modifiers(at(384.0, 275.0), modifiers);
    window.event_modifiers(pressed(egui::pos2(384.0, 275.0), true), modifiers);
    for x in [400.0, 420.0, 450.0] {
        window.event_modifiers(at(x, 262.0), modifiers);
        window.run_steps(2);
    }
    assert!(live(&window).is_some_and(|force| force > 1.0), "{:?}", live(&window));
    let recording = window.state().document.as_ref().unwrap().recording();
    assert!(recording.pushes.iter().flatten().count() > 0, "the push acts and is recorded");
    window.event(pressed(egui::pos2(450.0, 262.0), false));
    window.run_steps(2);
    assert_eq!(live(&window), None, "it is let go");
}

#[test]
fn the_layout_is_put_back_only_after_a_question() {
    let mut app = App::new(Settings::default(), None);
    app.show_document(common::ant());
    let tile = app.settings.layout.tiles.find_pane(&Pane::Weights).unwrap();
    app.settings.layout.remove_recursively(tile);
    let mut window = window(app);
    let whole = |window: &Harness<'_, App>| panes(&window.state().settings.layout) == Pane::ALL;
    for (answer, after) in [("Cancel", false), ("Put them back", true)] {
        window.get_by_label("Layout").click();
        window.run_steps(2);
        assert!(!whole(&window), "before the answer");
        window.get_by_label(answer).click();
        window.run_steps(2);
        assert_eq!((whole(&window), window.state().asks_for_layout), (after, false), "{answer}");
    }
}

#[test]
fn channels_are_put_into_the_plot_and_taken_out() {
    let mut app = App::new(Settings::default(), None);
    app.show_document(common::ant());
    app.seek(2.5);
    let mut window = window(app);
    window.get_by_label("Plot").click();
    window.run_steps(2);
    window.get_by_label("Channels").click();
    window.run_steps(3);
    window.get_by_label_contains("Firing rates").click();
    window.run_steps(3);
    window.get_by_label("hidden.0, spikes/s").click();
    window.run_steps(3);
    let rate = Channel::Rate("hidden.0".into());
    assert_eq!(window.state().settings.plotted, [Channel::Reward, rate.clone()]);
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.query_all_by_label("×").next().unwrap().click();
    window.run_steps(3);
    assert_eq!(window.state().settings.plotted, [rate]);
}

#[test]
fn a_file_is_opened_while_the_window_goes_on() {
    let mut window = window(App::new(Settings::default(), None));
    let ant = tests::root().join("configs/ant.ron");
    let ctx = window.ctx.clone();
    window.state_mut().open_soon(&ant, false, &ctx);
    assert!(window.state().document.is_none());
    let start = std::time::Instant::now();
    while window.state().document.is_none() {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", window.state().message);
        window.run_steps(1);
    }
    assert_eq!(window.state().settings.recent, [ant]);
    window.state_mut().open_soon(std::path::Path::new("/nonexistent/a.ron"), true, &ctx);
    while window.state().message.is_none() {
        assert!(start.elapsed() < std::time::Duration::from_secs(60));
        window.run_steps(1);
    }
    assert!(window.state().document.is_some(), "what was open stays");
}
