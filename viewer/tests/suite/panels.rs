//! Pictures of every panel and of the whole window with its scene, compared with those in `snapshots`.
//! `UPDATE_SNAPSHOTS=1` writes new ones: look at them before you commit.
#![expect(clippy::unwrap_used, reason = "tests")]

use egui_kittest::kittest::Queryable as _;
use egui_kittest::wgpu::WgpuTestRenderer;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use viewer::app::App;
use viewer::data::channel::Channel;
use viewer::data::document::{Document, Ghost};
use viewer::panels::start::Shelf;
use viewer::panels::{Pane, Selection};
use viewer::scene::headless;
use viewer::settings::Settings;

use super::{common, map};

/// Text of another rasteriser version may differ at its edges.
fn options() -> SnapshotOptions {
    SnapshotOptions::new().threshold(1.0).max_failed_pixels(40)
}

/// Of other drivers, the scene differs along its edges.
fn with_scene() -> SnapshotOptions {
    SnapshotOptions::new().threshold(1.5).max_failed_pixels(4000)
}

fn settings(light: bool) -> Settings {
    let theme = if light { egui::ThemePreference::Light } else { egui::ThemePreference::Dark };
    Settings { theme, ..Settings::default() }
}

fn app(light: bool) -> App {
    let mut app = App::new(settings(light), None);
    app.show_document(common::ant());
    app.seek(2.5);
    app
}

/// A window of the app over all of the picture, which the harness alone would frame in white.
fn whole(ui: &mut egui::Ui, app: &mut App, show: impl FnOnce(&mut App, &mut egui::Ui)) {
    let rect = ui.ctx().content_rect();
    ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
        ui.set_clip_rect(rect);
        show(app, ui);
    });
}

/// A window that draws the scene on the same adapter as everything else.
fn window(size: [f32; 2], document: Option<Document>, light: bool) -> Harness<'static, App> {
    let gpu = headless().unwrap();
    let mut app = App::for_pictures(settings(light), Some(gpu.clone()));
    // On the machine of whoever runs this there may be anything.
    app.set_shelf(Shelf::default());
    if let Some(document) = document {
        app.show_document(document);
        app.seek(2.5);
    }
    let show = |ui: &mut egui::Ui, app: &mut App| whole(ui, app, |app, ui| app.show_exactly(ui, 0.0));
    let renderer = WgpuTestRenderer::from_render_state(gpu);
    Harness::builder().with_size(size).with_max_steps(30).renderer(renderer).build_ui_state(show, app)
}

fn panel(results: &mut SnapshotResults, app: App, pane: Pane, size: [f32; 2], name: &str) {
    let show = move |ui: &mut egui::Ui, app: &mut App| whole(ui, app, |app, ui| app.show_panel(ui, pane));
    let mut harness = Harness::builder().with_size(size).wgpu().build_ui_state(show, app);
    // A panel of a run at work asks to be drawn again without end.
    harness.run_steps(12);
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
    // As in a run of an earlier version.
    std::fs::remove_file(run.join("hashes.json")).unwrap();
    let mut app = App::new(Settings::default(), None);
    app.open(&run);
    panel(&mut results, app, Pane::Run, [520.0, 300.0], "run");
    let mut app = App::new(Settings::default(), None);
    app.open(&run);
    app.timeline.playing = false;
    panel(&mut results, app, Pane::Controls, [420.0, 560.0], "controls");
}

#[test]
fn maps_of_archives_and_fronts() {
    let mut results = SnapshotResults::new();
    let root = tempfile::tempdir().unwrap();
    for (name, text, light) in [
        ("map_grid", map::archive("Grid(cells: [12, 8])"), false),
        ("map_tessellation", map::archive("Cvt(cells: 60)"), true),
        ("map_front", map::front(), false),
    ] {
        let (run, _) = map::run(root.path(), name, &text);
        let mut app = App::new(settings(light), None);
        app.open(&run);
        app.timeline.playing = false;
        let document = app.document.as_mut().unwrap();
        let last = document.choice.as_ref().unwrap().members.all().last().unwrap().cell;
        document.watch(Some(last)).unwrap();
        panel(&mut results, app, Pane::Map, [520.0, 420.0], name);
    }
}

#[test]
fn the_whole_window_and_the_list_of_keys() {
    let mut harness = window([1280.0, 800.0], Some(common::ant()), false);
    harness.run_ok();
    harness.snapshot_options("window", &with_scene());
    harness.key_press(egui::Key::F1);
    harness.run_ok();
    harness.snapshot_options("help", &with_scene());
    harness.key_press(egui::Key::F1);
    harness.run_steps(4);
    assert!(!harness.state().help);
    harness.key_press(egui::Key::F1);
    harness.run_steps(4);
    harness.get_by_label("Close").click();
    harness.run_steps(4);
    assert!(!harness.state().help);
}

#[test]
fn a_large_window_in_the_light_with_a_ghost_and_a_selection() {
    let mut document = common::ant();
    let ghost = common::ant().recording().clone();
    document.ghosts.push(Ghost::new("another episode".to_owned(), ghost));
    let mut harness = window([1920.0, 1080.0], Some(document), true);
    let app = harness.state_mut();
    (app.settings.overlays.side_by_side, app.settings.overlays.com) = (true, true);
    app.selection = Selection { neuron: Some(("hidden.0".into(), 17)), body: Some(4) };
    app.timeline.section = Some((1.5, 3.5));
    harness.run_ok();
    harness.snapshot_options("window_large", &with_scene());
}

#[test]
fn the_start_page() {
    let mut harness = window([1280.0, 800.0], None, false);
    let run = std::path::PathBuf::from("ant__s1__20260101-120000");
    let config = |name: &str| tests::root().join("configs").join(name);
    // A config that trains on a data set has no robot.
    let configs = ["ant.ron", "grasp.ron", "walker2d.ron", "yin_yang.ron"].map(config).to_vec();
    harness.state_mut().set_shelf(Shelf { runs: vec![run], configs });
    harness.run_ok();
    harness.snapshot_options("start", &with_scene());
    assert!(
        harness.query_by_label("grasp.ron").is_some() && harness.query_by_label("yin_yang.ron").is_none()
    );
}

#[test]
fn pictures_and_films_of_the_window_are_written_and_it_is_said_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window([640.0, 400.0], Some(common::ant()), false);
    harness.state_mut().save_in(folder.path());
    let note = |harness: &mut Harness<'_, App>, word: &str| {
        for _ in 0..200 {
            harness.run_steps(1);
            harness.render().unwrap();
            if let Some(note) = harness.state().note.clone().filter(|note| note.starts_with(word)) {
                return note;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no {word}: {:?} {:?}", harness.state().note, harness.state().message);
    };
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::P);
    let picture = note(&mut harness, "Picture");
    let path = folder.path().join("ant.rollout-2.50s.png");
    assert_eq!(picture, format!("Picture: {}", path.display()));
    let size = |path: &std::path::Path| {
        let bytes = std::fs::read(path).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        (reader.info().width, reader.info().height)
    };
    assert_eq!(size(&path), (640, 400));
    // The scene alone, without bars and buttons.
    harness.key_press(egui::Key::Tab);
    harness.run_steps(2);
    harness.state_mut().note = None;
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::P);
    note(&mut harness, "Picture");
    let (width, height) = size(&folder.path().join("ant.rollout-2.50s-2.png"));
    assert!(width == 640 && (300..400).contains(&height), "{width} × {height}");
    let film = egui::Modifiers::COMMAND | egui::Modifiers::SHIFT;
    harness.key_press_modifiers(film, egui::Key::P);
    for _ in 0..6 {
        harness.run_steps(1);
        harness.render().unwrap();
    }
    harness.key_press_modifiers(film, egui::Key::P);
    let film = note(&mut harness, "Film");
    let path = std::path::PathBuf::from(film.split_once(": ").unwrap().1);
    assert!(path.starts_with(folder.path()) && std::fs::metadata(&path).unwrap().len() > 1000, "{film}");
}

#[test]
fn the_plot_compares_episodes() {
    let mut results = SnapshotResults::new();
    let mut app = app(true);
    let mut other = app.document.as_ref().unwrap().recording().clone();
    other.terms.iter_mut().chain(&mut other.observations).for_each(|value| *value *= 0.6);
    app.document.as_mut().unwrap().ghosts.push(Ghost::new("another episode".to_owned(), other));
    app.settings.plotted = vec![
        Channel::Reward,
        Channel::Observation("hip_1 angle".into()),
        Channel::Position("root".into(), 2),
    ];
    panel(&mut results, app, Pane::Plot, [520.0, 300.0], "plot");
}
