//! Pictures of every panel, compared with those in `snapshots`. `UPDATE_SNAPSHOTS=1` writes new ones.
//!
//! The 3D scene has goldens of its own; here it stays dark.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use viewer::app::App;
use viewer::panels::Pane;
use viewer::panels::start::Shelf;
use viewer::settings::Settings;

/// Text of another rasteriser version may differ at its edges.
fn options() -> SnapshotOptions {
    SnapshotOptions::new().threshold(1.0).max_failed_pixels(40)
}

fn app(light: bool) -> App {
    let mut settings = Settings::default();
    if light {
        settings.theme = egui::ThemePreference::Light;
    }
    let mut app = App::new(settings, None);
    app.show_document(common::ant());
    app.seek(2.5);
    app
}

fn panel(results: &mut SnapshotResults, app: App, pane: Pane, size: [f32; 2], name: &str) {
    let show = move |ui: &mut egui::Ui, app: &mut App| app.show_panel(ui, pane);
    let mut harness = Harness::builder().with_size(size).with_max_steps(30).wgpu().build_ui_state(show, app);
    harness.run_ok();
    harness.snapshot_options(name, &options());
    results.extend_harness(&mut harness);
}

#[test]
fn panels_in_the_dark() {
    let mut results = SnapshotResults::new();
    for pane in [
        Pane::Raster,
        Pane::Neuron,
        Pane::Network,
        Pane::Weights,
        Pane::Observations,
        Pane::Actions,
        Pane::Rewards,
    ] {
        panel(&mut results, app(false), pane, [520.0, 300.0], &format!("{pane:?}").to_lowercase());
    }
}

#[test]
fn panels_in_the_light() {
    let mut results = SnapshotResults::new();
    for pane in [Pane::Raster, Pane::Network, Pane::Rewards] {
        panel(&mut results, app(true), pane, [520.0, 300.0], &format!("{pane:?}_light").to_lowercase());
    }
}

#[test]
fn a_selected_neuron_is_marked_everywhere() {
    let mut results = SnapshotResults::new();
    for pane in [Pane::Raster, Pane::Neuron, Pane::Network] {
        let mut app = app(false);
        app.selection.neuron = Some(("hidden.0".into(), 17));
        panel(&mut results, app, pane, [520.0, 300.0], &format!("{pane:?}_selected").to_lowercase());
    }
}

#[test]
fn curves_of_a_run() {
    let mut results = SnapshotResults::new();
    let root = tempfile::tempdir().unwrap();
    let (run, _) = common::run_and_recording(root.path());
    let mut csv = String::from("generation,fitness_best,fitness_mean,fitness_std,eval_return_mean\n");
    for generation in 1..=60u32 {
        let x = f64::from(generation);
        let evaluation = if generation.is_multiple_of(10) { (x * 16.0).to_string() } else { String::new() };
        csv += &format!("{generation},{},{},{},{evaluation}\n", x * 20.0, x * 14.0, 60.0 + x);
    }
    std::fs::write(run.join("metrics.csv"), csv).unwrap();
    let mut app = App::new(Settings::default(), None);
    app.open(&run);
    panel(&mut results, app, Pane::Run, [520.0, 300.0], "run");
    let mut app = App::new(Settings::default(), None);
    app.open(&run);
    app.timeline.playing = false;
    panel(&mut results, app, Pane::Controls, [420.0, 560.0], "controls");
}

#[test]
fn the_whole_window_and_the_list_of_keys() {
    let show = |ui: &mut egui::Ui, app: &mut App| app.show(ui);
    let mut harness = Harness::builder().with_size([1280.0, 800.0]).wgpu().build_ui_state(show, app(false));
    harness.run_ok();
    harness.snapshot_options("window", &options());
    harness.key_press(egui::Key::F1);
    harness.run_ok();
    harness.snapshot_options("help", &options());
    harness.get_by_label("Close").click();
    harness.run_ok();
    assert!(!harness.state().help);
}

#[test]
fn the_start_page() {
    let mut app = App::new(Settings::default(), None);
    let paths = |names: &[&str]| names.iter().map(std::path::PathBuf::from).collect();
    app.set_shelf(Shelf {
        runs: paths(&["ant__s1__20260101-120000"]),
        configs: paths(&["ant.ron", "walker2d.ron"]),
    });
    let show = |ui: &mut egui::Ui, app: &mut App| app.show(ui);
    let mut harness = Harness::builder().with_size([1280.0, 800.0]).wgpu().build_ui_state(show, app);
    harness.run_ok();
    harness.snapshot_options("start", &options());
}
