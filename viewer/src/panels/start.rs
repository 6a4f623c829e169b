//! The page without anything open: recent paths, runs and shipped configs.

use std::path::{Path, PathBuf};

use egui::{Align, Layout, RichText, Ui};

use crate::settings::Settings;
use crate::theme::{GAP, Palette};

/// What there is to open, looked up once.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Runs in the folder of runs, latest first.
    pub runs: Vec<PathBuf>,
    /// Shipped configs, by name.
    pub configs: Vec<PathBuf>,
}

/// Runs listed at most.
const RUNS: usize = 12;

impl Shelf {
    /// Looks under `root` for runs and configs.
    #[must_use]
    pub fn find(root: &Path) -> Self {
        let list = |folder: PathBuf| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let changed = |run: &PathBuf| std::fs::metadata(run).and_then(|data| data.modified()).ok();
        let mut runs = list(root.join(records::folder::RUNS));
        runs.retain(|run| run.join("config.ron").is_file());
        runs.sort_by_key(|run| std::cmp::Reverse(changed(run)));
        runs.truncate(RUNS);
        let mut configs = list(root.join(records::text::CONFIG_FOLDER));
        configs.retain(|config| config.extension().is_some_and(|extension| extension == "ron"));
        configs.sort();
        Self { runs, configs }
    }
}

/// Draws the page; returns what was chosen.
pub fn show(ui: &mut Ui, shelf: &Shelf, settings: &Settings, palette: &Palette) -> Option<PathBuf> {
    let mut chosen = None;
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.10).max(16.0));
            ui.label(RichText::new("Spindle").size(34.0).strong());
            ui.label(RichText::new("bodies and spiking brains, on one timeline").color(palette.weak));
            ui.add_space(28.0);
        });
        let width = ui.available_width().min(900.0);
        let side = (ui.available_width() - width) / 2.0;
        ui.horizontal_top(|ui| {
            ui.add_space((side - GAP).max(0.0));
            let column = (width - 2.0 * GAP) / 3.0;
            let mut list = |ui: &mut Ui, title: &str, paths: &[PathBuf], none: &str| {
                ui.allocate_ui_with_layout(egui::vec2(column, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(column);
                    if let Some(path) = card(ui, title, paths, none, palette) {
                        chosen = Some(path);
                    }
                });
            };
            list(ui, "Recent", &settings.recent, "What you open appears here.");
            list(ui, "Runs", &shelf.runs, "Train one: cargo run -p evo -- --config ant.ron");
            list(ui, "Robots", &shelf.configs, "Start in the project's folder to see its configs.");
        });
        ui.add_space(28.0);
        ui.vertical_centered(|ui| {
            let text = "Drop a run folder, a recording, a checkpoint or a config anywhere in this window.";
            ui.label(RichText::new(text).color(palette.weak));
            ui.label(RichText::new("F1 lists the keys.").color(palette.weak));
        });
    });
    chosen
}

fn card(ui: &mut Ui, title: &str, paths: &[PathBuf], none: &str, palette: &Palette) -> Option<PathBuf> {
    let mut chosen = None;
    let frame = egui::Frame::new()
        .fill(palette.panel)
        .stroke(egui::Stroke::new(1.0, palette.border))
        .corner_radius(8)
        .inner_margin(12);
    frame.show(ui, |ui| {
        ui.set_min_height(220.0);
        ui.set_width(ui.available_width());
        ui.label(RichText::new(title).strong());
        ui.add_space(4.0);
        if paths.is_empty() {
            ui.label(RichText::new(none).color(palette.weak));
        }
        for path in paths {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            let label = egui::Button::selectable(false, name.as_ref()).truncate();
            let response = ui.add_sized([ui.available_width(), 22.0], left(label));
            if response.on_hover_text(path.display().to_string()).clicked() {
                chosen = Some(path.clone());
            }
        }
    });
    chosen
}

/// A button whose text begins at the left, as in a list.
fn left(button: egui::Button<'_>) -> impl egui::Widget + '_ {
    move |ui: &mut Ui| ui.with_layout(Layout::left_to_right(Align::Center), |ui| ui.add(button)).inner
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn runs_and_configs_are_found_and_other_things_are_not() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        file("results/runs/a/config.ron");
        file("results/runs/b/notes.txt");
        file("configs/ant.ron");
        file("configs/readme.md");
        file("configs/sweeps/x.ron");
        let shelf = Shelf::find(root.path());
        assert_eq!(shelf.runs, [root.path().join("results/runs/a")]);
        assert_eq!(shelf.configs, [root.path().join("configs/ant.ron")]);
        assert!(Shelf::find(Path::new("/nonexistent")).runs.is_empty());
    }
}
