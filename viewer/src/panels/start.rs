//! The page without anything open: recent paths, runs and the robots of the shipped configs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egui::{Align2, Rect, RichText, Sense, Stroke, StrokeKind, TextureId, Ui, Vec2};

use crate::cards::Cards;
use crate::chart::elided;
use crate::settings::Settings;
use crate::theme::{GAP, Palette, size};

/// What there is to open, looked up once.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Runs in the folder of runs, the latest start first.
    pub runs: Vec<PathBuf>,
    /// Shipped configs, by name.
    pub configs: Vec<PathBuf>,
}

/// Runs listed at most.
const RUNS: usize = 12;
/// Recent paths listed at most.
const RECENT: usize = 6;
/// Runs listed beside a shorter list of recent paths.
const FEW: usize = 4;
/// Size of a picture in a list, points.
const SMALL: Vec2 = Vec2::new(72.0, 45.0);
/// Size of a robot's picture, points.
const LARGE: Vec2 = Vec2::new(152.0, 95.0);
/// Pixels of a robot's picture.
pub const PICTURE: [u32; 2] = [304, 190];
/// Widest page, points.
const WIDEST: f32 = 1120.0;

impl Shelf {
    /// Looks under `root` for runs and configs.
    #[must_use]
    pub fn find(root: &Path) -> Self {
        let list = |folder: PathBuf| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let started = |run: &PathBuf| records::provenance::started(&run.join("provenance.json"));
        let mut runs = list(root.join(records::folder::RUNS));
        runs.retain(|run| run.join("config.ron").is_file());
        runs.sort_by_key(|run| std::cmp::Reverse(started(run)));
        runs.truncate(RUNS);
        let mut configs = list(root.join(records::text::CONFIG_FOLDER));
        configs.retain(|config| config.extension().is_some_and(|extension| extension == "ron"));
        configs.sort();
        Self { runs, configs }
    }

    /// All that the page shows: what was opened last, runs, configs.
    #[must_use]
    pub fn paths<'a>(&'a self, settings: &'a Settings) -> Vec<&'a PathBuf> {
        settings.recent.iter().take(RECENT).chain(&self.runs).chain(&self.configs).collect()
    }
}

/// What the page is made of.
pub struct Page<'a> {
    /// What there is to open.
    pub shelf: &'a Shelf,
    /// What was opened last.
    pub settings: &'a Settings,
    /// What is told of it.
    pub cards: &'a Cards,
    /// Pictures of the robots.
    pub pictures: &'a BTreeMap<PathBuf, TextureId>,
    /// Colours.
    pub palette: Palette,
}

/// Draws the page; returns what was chosen.
pub fn show(ui: &mut Ui, page: &Page<'_>) -> Option<PathBuf> {
    let Page { shelf, settings, palette, .. } = page;
    let mut chosen = None;
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = (ui.available_width() - 2.0 * GAP).min(WIDEST);
        let side = (ui.available_width() - width) / 2.0;
        let room = ui.available_rect_before_wrap();
        let room = Rect::from_min_size(room.min + Vec2::new(side, 0.0), Vec2::new(width, room.height()));
        ui.scope_builder(egui::UiBuilder::new().max_rect(room), |ui| {
            ui.add_space(24.0);
            ui.horizontal(|ui| {
                ui.label(RichText::new("Spindle").size(30.0).strong());
                ui.label(RichText::new("bodies and spiking brains, on one timeline").color(palette.weak));
            });
            ui.add_space(14.0);
            let recent: Vec<PathBuf> = settings.recent.iter().take(RECENT).cloned().collect();
            let none = "Train one: cargo run -p evo -- --config ant.ron";
            if recent.is_empty() {
                chosen = list(ui, page, "Runs", 2, &shelf.runs, none);
            } else {
                ui.columns(2, |columns| {
                    chosen = list(&mut columns[0], page, "Recent", 1, &recent, "");
                    let runs = &shelf.runs[..shelf.runs.len().min(recent.len().max(FEW))];
                    chosen = chosen.take().or(list(&mut columns[1], page, "Runs", 1, runs, none));
                });
            }
            ui.add_space(GAP);
            chosen = chosen.take().or(robots(ui, page));
            ui.add_space(18.0);
            let text = "Drop a run folder, a recording, a checkpoint or a config anywhere in this window. \
                        F1 lists the keys.";
            ui.label(RichText::new(text).color(palette.weak));
            ui.add_space(18.0);
        });
    });
    chosen
}

/// A frame with a heading.
fn card<R>(ui: &mut Ui, title: &str, palette: &Palette, content: impl FnOnce(&mut Ui) -> R) -> R {
    let frame = egui::Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.border))
        .corner_radius(8)
        .inner_margin(12);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(title).strong());
        ui.add_space(4.0);
        content(ui)
    });
    shown.inner
}

/// Paths with picture, name, task, score and date, in columns.
fn list(
    ui: &mut Ui,
    page: &Page<'_>,
    title: &str,
    columns: usize,
    paths: &[PathBuf],
    none: &str,
) -> Option<PathBuf> {
    let palette = &page.palette;
    card(ui, title, palette, |ui| {
        if paths.is_empty() {
            ui.label(RichText::new(none).color(palette.weak));
            return None;
        }
        let mut chosen = None;
        ui.columns(columns, |columns| {
            let each = paths.len().div_ceil(columns.len());
            for (ui, paths) in columns.iter_mut().zip(paths.chunks(each)) {
                chosen = chosen.take().or(rows(ui, page, paths));
            }
        });
        chosen
    })
}

fn rows(ui: &mut Ui, page: &Page<'_>, paths: &[PathBuf]) -> Option<PathBuf> {
    let palette = &page.palette;
    ui.spacing_mut().item_spacing.y = 2.0;
    let mut chosen = None;
    for path in paths {
        let size = Vec2::new(ui.available_width(), SMALL.y + 6.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = name(path);
        let about = page.cards.get(path).map(crate::cards::Card::line);
        hovered(ui, rect, &response, palette);
        let place = Rect::from_min_size(rect.min + Vec2::splat(3.0), SMALL);
        picture(ui, place, page, path);
        let left = place.right() + 10.0;
        let room = Rect::from_min_max(egui::pos2(left, rect.top()), rect.max - Vec2::new(4.0, 0.0));
        let line = |y: f32, text: &str, size: f32, colour| {
            let text = elided(ui, text, size, colour, room.width());
            ui.painter().galley(egui::pos2(left, y), text, colour);
        };
        line(rect.top() + 7.0, &name, size::BODY, palette.text);
        line(rect.top() + 27.0, about.as_deref().unwrap_or("…"), size::SMALL, palette.weak);
        if said(response, &name, path, page).clicked() {
            chosen = Some(path.clone());
        }
    }
    chosen
}

/// Configs with a robot, as pictures; those that train on data sets are not among them.
fn robots(ui: &mut Ui, page: &Page<'_>) -> Option<PathBuf> {
    let palette = &page.palette;
    card(ui, "Robots", palette, |ui| {
        if page.shelf.configs.is_empty() {
            let none = "Start in the project's folder to see its configs.";
            ui.label(RichText::new(none).color(palette.weak));
        }
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(10.0);
            for path in &page.shelf.configs {
                if page.cards.get(path).is_some_and(|card| card.still.is_none()) {
                    continue;
                }
                let (rect, response) = ui.allocate_exact_size(LARGE + Vec2::new(6.0, 26.0), Sense::click());
                hovered(ui, rect, &response, palette);
                let place = Rect::from_min_size(rect.min + Vec2::splat(3.0), LARGE);
                picture(ui, place, page, path);
                let name = name(path);
                let text = elided(ui, name.trim_end_matches(".ron"), size::BODY, palette.text, LARGE.x);
                let at = Align2::CENTER_CENTER.anchor_size(
                    egui::pos2(rect.center().x, (place.bottom() + rect.bottom()) / 2.0),
                    text.size(),
                );
                ui.painter().galley(at.min, text, palette.text);
                if said(response, &name, path, page).clicked() {
                    chosen = Some(path.clone());
                }
            }
        });
        chosen
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn hovered(ui: &Ui, rect: Rect, response: &egui::Response, palette: &Palette) {
    if response.hovered() {
        ui.painter().rect_filled(rect, 6.0, palette.accent.gamma_multiply(0.18));
    }
}

/// The robot, or an empty place until it is drawn.
fn picture(ui: &Ui, place: Rect, page: &Page<'_>, path: &Path) {
    let palette = &page.palette;
    match page.pictures.get(path) {
        Some(&texture) => {
            let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            ui.painter().image(texture, place, uv, egui::Color32::WHITE);
        }
        None => {
            ui.painter().rect_filled(place, 4.0, palette.plot);
        }
    }
    ui.painter().rect_stroke(place, 4.0, Stroke::new(1.0, palette.border), StrokeKind::Inside);
}

/// The whole path, and why it cannot be opened, under the pointer.
fn said(response: egui::Response, name: &str, path: &Path, page: &Page<'_>) -> egui::Response {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    let trouble = page.cards.get(path).and_then(|card| card.trouble.clone());
    let text = trouble.map_or_else(String::new, |trouble| format!("\n{trouble}"));
    response.on_hover_text(format!("{}{text}", path.display()))
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
