//! What the window shows, as data: for tests and scripts that work the real window.

use std::path::{Path, PathBuf};

use egui_tiles::Tile;
use serde_json::{Value, json};

use crate::app::App;
use crate::panels::Pane;

/// The window's state as an object.
#[must_use]
pub fn state(app: &App) -> Value {
    let document = app.document.as_ref();
    let live = document.and_then(|document| document.live.as_ref());
    let recording = document.map(crate::data::document::Document::recording);
    let layout = &app.settings.layout;
    let pane = |id| match layout.tiles.get(id) {
        Some(Tile::Pane(pane)) => Some(pane.title()),
        _ => None,
    };
    let mut panes: Vec<&str> = if app.settings.panels {
        layout.active_tiles().into_iter().filter_map(pane).collect()
    } else {
        vec![Pane::Scene.title()]
    };
    panes.sort_unstable();
    json!({
        "source": document.map(|document| document.source.path()),
        "kind": document.map(|document| document.source.kind()),
        "generation": document.and_then(|document| document.generation),
        "cell": document.and_then(|document| document.choice.as_ref()?.watched.as_ref()).map(|watched| watched.cell),
        "run": document.and_then(|document| document.follow.as_ref()).map(|follow| format!("{:?}", follow.state)),
        "trouble": document.and_then(|document| document.follow.as_ref()?.trouble.clone()),
        "message": app.message,
        "steps": recording.map(crate::data::recording::Recording::steps),
        "duration": recording.map(crate::data::recording::Recording::duration),
        "pushed": recording.map(|recording| recording.pushes.iter().flatten().count()),
        "push": live.and_then(|live| live.disturbance.push).map(|push| json!({
            "body": push.body, "force": push.force, "torque": push.torque,
        })),
        "brain": live.map(|live| live.driver == crate::data::world::Driver::Brain),
        "seed": live.map(|live| live.seed),
        "time": app.timeline.time,
        "playing": app.timeline.playing,
        "speed": app.timeline.factor(),
        "section": app.timeline.section,
        "neuron": app.selection.neuron,
        "body": app.selection.body,
        "dark": app.settings.theme != egui::ThemePreference::Light,
        "contacts": app.settings.overlays.contacts,
        "panes": panes,
        "help": app.help,
    })
}

/// A window that writes its state into a file whenever it has changed.
pub struct Reported {
    /// The window.
    pub app: App,
    /// The file, if it is wanted.
    pub file: Option<PathBuf>,
    written: String,
}

impl Reported {
    /// A window that reports to `file`.
    #[must_use]
    pub fn new(app: App, file: Option<PathBuf>) -> Self {
        Self { app, file, written: String::new() }
    }

    fn report(&mut self) {
        let Some(file) = &self.file else { return };
        let text = state(&self.app).to_string();
        if text != self.written && write(file, &text).is_ok() {
            self.written = text;
        }
    }
}

/// Replaces the file at once, so that nobody reads half of it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension("tmp");
    std::fs::write(&new, text)?;
    std::fs::rename(new, file)
}

impl eframe::App for Reported {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.app.show(ui);
        self.report();
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::App::save(&mut self.app, storage);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}
