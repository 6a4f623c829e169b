//! The map of an archive or a front: what it shows, and what a click on it does.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use records::checkpoint::Checkpoint;
use viewer::app::App;
use viewer::data::document::Document;
use viewer::data::follow::Wanted;
use viewer::data::world::AtEnd;
use viewer::panels::Pane;
use viewer::settings::Settings;

use super::common::{Training, config, run_and_recording, said, viewer};

/// A config of a search that keeps members.
fn keeping(strategy: &str) -> String {
    format!(
        "(
    env: Ant(),
    physics: (engine: Lanes),
    controller: Snn(hidden: [Recurrent(neurons: 6, model: \"lif\")]),
    strategy: {strategy},
    rollout: (normalize: false, horizon: 30),
    run: (generations: 9, eval_every: 0, checkpoint_every: 1),
)"
    )
}

pub fn archive(layout: &str) -> String {
    let names = "[\"front_left_foot contact\", \"front_right_foot contact\"]";
    keeping(&format!("MapElites(population: 30, sigma: 0.5, descriptors: {names}, archive: {layout})"))
}

pub fn front() -> String {
    keeping("Nsga2(objectives: [\"return\", \"energy\"], population: 24, sigma: 0.5)")
}

/// A run of a few generations.
pub fn run(root: &Path, name: &str, text: &str) -> (PathBuf, Training) {
    let path = root.join(name);
    let mut training = Training::of(&config(text), &path);
    (0..3).for_each(|_| training.generation());
    (path, training)
}

/// The parameters that the simulation has now.
fn watched(document: &Document) -> &[f32] {
    document.live.as_ref().unwrap().parameters()
}

/// The numbers of all members, and the parameters of each.
fn members(document: &Document) -> Vec<(usize, Vec<f32>)> {
    let all = document.choice.as_ref().unwrap().members.all();
    let narrow = |parameters: &[f64]| parameters.iter().map(|&x| x as f32).collect();
    all.iter().map(|member| (member.cell, narrow(member.parameters))).collect()
}

#[test]
fn a_member_is_watched_and_the_world_goes_on_with_it() {
    let root = tempfile::tempdir().unwrap();
    let (path, mut training) = run(root.path(), "archive", &archive("Grid(cells: [6, 6])"));
    let mut document = Document::open(&path).unwrap();
    let all = members(&document);
    assert!(all.len() > 3, "{}", all.len());
    // The mean is the best elite.
    let best = document.choice.as_ref().unwrap().shown().unwrap();
    assert_eq!(watched(&document), all.iter().find(|member| member.0 == best).unwrap().1);
    let &(cell, ref parameters) = all.iter().find(|member| member.0 != best).unwrap();
    (0..4).for_each(|_| document.live.as_mut().unwrap().step());
    let weights = document.brain.clone();
    document.watch(Some(cell)).unwrap();
    assert_eq!((watched(&document), document.recording().steps()), (&parameters[..], 4));
    assert_ne!(document.brain, weights);
    assert_eq!(document.watching(), ["generation 3".to_owned(), format!("cell {cell}")]);
    document.live.as_mut().unwrap().step();
    assert_eq!(document.recording().steps(), 5);
    document.add_ghost().unwrap();
    assert_eq!(document.ghosts[0].name, format!("generation 3, cell {cell}, seed 1000000"));

    // A new checkpoint may have a better elite in that cell, which is watched then.
    let told = |training: &mut Training| {
        training.generation();
        Checkpoint::load(&training.folder.last()).unwrap()
    };
    let last = told(&mut training);
    assert!(document.poll().unwrap());
    let now = members(&document).into_iter().find(|member| member.0 == cell).unwrap().1;
    assert_eq!((watched(&document), document.generation), (&now[..], Some(4)));
    document.watch(None).unwrap();
    let mean = last.f32("mean", &[now.len()]).unwrap();
    assert_eq!(watched(&document), mean);
    document.want(Wanted::Generation(3)).unwrap();
    assert_eq!(members(&document), all);
    let empty = (0..36).find(|cell| all.iter().all(|member| member.0 != *cell)).unwrap();
    let error = document.watch(Some(empty)).unwrap_err().to_string();
    assert!(error.ends_with(&format!("has no cell {empty}")), "{error}");
    assert_eq!(document.watching(), ["generation 3"]);
}

#[test]
fn a_member_of_a_front_is_watched_as_long_as_it_is_there() {
    let root = tempfile::tempdir().unwrap();
    let (path, mut training) = run(root.path(), "front", &front());
    let mut document = Document::open(&path).unwrap();
    let all = members(&document);
    assert!(all.len() > 1, "{}", all.len());
    assert_eq!(document.choice.as_ref().unwrap().shown(), Some(all[0].0), "the best by the first objective");
    let (cell, parameters) = all.last().unwrap();
    document.watch(Some(*cell)).unwrap();
    assert_eq!(watched(&document), parameters);
    assert_eq!(document.watching()[1], format!("member {cell}"));
    // With the next generation numbers may change, but not the member.
    training.generation();
    assert!(document.poll().unwrap());
    let now = members(&document);
    let shown = document.choice.as_ref().unwrap().shown();
    match now.iter().find(|member| member.1 == *parameters) {
        Some(member) => assert_eq!((watched(&document), shown), (&parameters[..], Some(member.0))),
        None => assert_eq!(document.watching(), ["generation 4"]),
    }
}

#[test]
fn a_cell_is_opened_from_the_command_line_as_evo_records_it() {
    let root = tempfile::tempdir().unwrap();
    let (path, _) = run(root.path(), "archive", &archive("Cvt(cells: 40)"));
    let all = members(&Document::open(&path).unwrap());
    let best = Document::open(&path).unwrap().choice.unwrap().shown();
    let cell = all.iter().map(|member| member.0).find(|cell| Some(*cell) != best).unwrap();
    let out = root.path().join("cell.rollout.safetensors");
    let _ = tests::succeed(&[
        "record",
        tests::text(&path),
        "--cell",
        &cell.to_string(),
        "--out",
        tests::text(&out),
    ]);
    let recorded = Document::open(&out).unwrap();
    let mut document = Document::open_member(&path, Some(cell)).unwrap();
    let live = document.live.as_mut().unwrap();
    live.at_end = AtEnd::Stop;
    (0..recorded.recording().steps() + 3).for_each(|_| live.step());
    let (a, b) = (document.recording(), recorded.recording());
    assert_eq!((a.steps(), &a.qpos, &a.actions), (b.steps(), &b.qpos, &b.actions));
    assert_eq!(document.brain, recorded.brain);
    // Also of a checkpoint file.
    let last = path.join("checkpoints/last.safetensors");
    let file = Document::open_member(&last, Some(cell)).unwrap();
    assert_eq!(watched(&file), watched(&document));

    let refused = |source: &Path, cell: &str| {
        let picture = root.path().join("none.png");
        let mut command = viewer();
        let output =
            command.arg(source).args(["--cell", cell, "--screenshot"]).arg(&picture).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        said(&output)
    };
    let empty = (0..40).find(|cell| all.iter().all(|member| member.0 != *cell)).unwrap();
    let told = refused(&path, &empty.to_string());
    assert!(told.contains(&format!("has nothing in cell {empty} of its archive")), "{told}");
    assert!(refused(&out, "3").contains("a recording has no archive to choose from"));
    let (plain, _) = run_and_recording(root.path());
    assert!(refused(&plain, "3").contains("has no archive: its strategy keeps none"));
    assert!(refused(&plain, "x").contains("invalid value 'x'"));
}

/// A window with the map alone.
fn map(app: App) -> Harness<'static, App> {
    let show = |ui: &mut egui::Ui, app: &mut App| app.show_panel(ui, Pane::Map);
    let mut harness = Harness::builder().with_size([520.0, 420.0]).build_ui_state(show, app);
    harness.run_steps(3);
    harness
}

#[test]
fn a_click_on_the_map_watches_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("grid", archive("Grid(cells: [6, 6])")),
        ("tessellation", archive("Cvt(cells: 40)")),
        ("front", front()),
    ] {
        let (path, _) = run(root.path(), name, &text);
        let mut app = App::new(Settings::default(), None);
        app.open(&path);
        app.timeline.playing = false;
        let mut window = map(app);
        let click = |window: &mut Harness<'_, App>, pos: egui::Pos2| {
            let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::default());
            let button = |pressed| egui::Event::PointerButton { pos, button, pressed, modifiers };
            for event in [egui::Event::PointerMoved(pos), button(true), button(false)] {
                window.event(event);
                window.run_steps(1);
            }
        };
        let cell = |window: &Harness<'_, App>| {
            let choice = window.state().document.as_ref().unwrap().choice.as_ref().unwrap();
            choice.watched.as_ref().map(|watched| watched.cell)
        };
        // Somewhere on it there is each of the members.
        let mut seen = Vec::new();
        for step in 0..26 * 20 {
            let pos = egui::pos2(10.0 + 20.0 * (step % 26) as f32, 10.0 + 20.0 * (step / 26) as f32);
            click(&mut window, pos);
            seen.extend(cell(&window));
            if let Some(cell) = cell(&window) {
                let document = window.state().document.as_ref().unwrap();
                let all = members(document);
                let member = all.iter().find(|member| member.0 == cell).unwrap();
                assert_eq!(watched(document), member.1);
            }
        }
        seen.sort_unstable();
        seen.dedup();
        let count = members(window.state().document.as_ref().unwrap()).len();
        assert!(seen.len() * 2 > count && seen.len() > 1, "{name}: {} of {count}", seen.len());
        // And back.
        let label = if name == "front" { "first objective" } else { "highest fitness" };
        window.get_by_label(label).click();
        window.run_steps(2);
        assert_eq!(cell(&window), None);
    }
}
