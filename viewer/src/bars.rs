//! The bars at the top: what is open, buttons, what was done and what went wrong.

use egui::{Color32, Frame, Margin, Modal, Panel, RichText, Ui};

use crate::app::App;
use crate::settings::default_layout;
use crate::theme::{BAR, Palette};

/// Room for the buttons at the right, points.
const BUTTONS: f32 = 340.0;

impl App {
    /// What is open, and buttons.
    pub(crate) fn title(&mut self, ui: &mut Ui, palette: &Palette) {
        let home = egui::Button::new(RichText::new("Spindle").strong()).frame(false);
        if ui.add(home).on_hover_text("start page").clicked() {
            self.close();
        }
        let text = self.document.as_ref().map(|document| {
            let path = document.source.path();
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let header = &document.recording().header;
            let mut about =
                vec![document.source.kind().to_owned(), header.env.clone(), header.engine.clone()];
            about.extend(document.watching());
            let brain = &document.brain.summary;
            about.extend((!brain.is_empty()).then(|| brain.clone()));
            (name, about.join("  ·  "))
        });
        if let Some((name, about)) = text {
            ui.label(RichText::new("›").color(palette.weak));
            ui.label(name);
            let room = ui.available_width() - BUTTONS;
            ui.allocate_ui(egui::vec2(room.max(20.0), BAR), |ui| {
                ui.add(egui::Label::new(RichText::new(about).small().color(palette.weak)).truncate());
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("?").on_hover_text("keys (F1)").clicked() {
                self.help = !self.help;
            }
            let dark = palette.dark;
            if ui.button(if dark { "Light" } else { "Dark" }).on_hover_text("light or dark (L)").clicked() {
                self.toggle_theme(dark);
            }
            if self.document.is_some() {
                let tip = "puts all panels back where they were at the first start";
                if ui.button("Layout").on_hover_text(tip).clicked() {
                    self.asks_for_layout = true;
                }
                self.camera_buttons(ui, palette);
            }
            if let Some(path) = self.opening.path() {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                ui.label(RichText::new(format!("opening {name} …")).small().color(palette.weak));
            }
        });
    }

    /// Whether all panels are to be put back is asked before it is done.
    pub(crate) fn ask_for_layout(&mut self, ctx: &egui::Context, palette: &Palette) {
        if !self.asks_for_layout {
            return;
        }
        let frame = Frame::popup(&ctx.style_of(ctx.theme())).inner_margin(18);
        let modal = Modal::new(egui::Id::unique("layout")).frame(frame).show(ctx, |ui| {
            ui.heading("Put all panels back?");
            ui.label(RichText::new("They go where they were at the first start.").color(palette.weak));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                if ui.button("Put them back").clicked() {
                    self.settings.layout = default_layout();
                    self.settings.panels = true;
                    self.asks_for_layout = false;
                }
                if ui.button("Cancel").clicked() {
                    self.asks_for_layout = false;
                }
            });
        });
        if modal.should_close() {
            self.asks_for_layout = false;
        }
    }

    /// What went wrong, and what was done.
    pub(crate) fn messages(&mut self, ui: &mut Ui, palette: &Palette) {
        if line(ui, "message", self.message.as_deref(), palette.error, palette.error) {
            self.message = None;
        }
        if line(ui, "note", self.note.as_deref(), palette.accent, palette.text) {
            self.note = None;
        }
    }
}

/// A bar with a text that can be closed. True if it was.
fn line(ui: &mut Ui, id: &'static str, text: Option<&str>, ground: Color32, colour: Color32) -> bool {
    let Some(text) = text else { return false };
    let fill = Palette::of(ui).base.lerp_to_gamma(ground, 0.18);
    let frame = Frame::new().fill(fill).inner_margin(Margin::symmetric(10, 6));
    let shown = Panel::top(id).frame(frame).show_separator_line(false).show(ui, |ui| {
        let row = ui.horizontal(|ui| {
            let close = ui.small_button("Close").clicked();
            let label = egui::Label::new(RichText::new(text).color(colour)).wrap().selectable(true);
            ui.add(label);
            close
        });
        row.inner
    });
    shown.inner
}
