//! The list of keys, made from the table that the keyboard uses.

use egui::{Context, RichText};

use crate::shortcuts::{self, GROUPS, MOUSE, TABLE};
use crate::theme::Palette;

/// Draws the overlay; false if it was closed.
pub fn show(ctx: &Context, palette: &Palette) -> bool {
    let frame = egui::Frame::popup(&ctx.style_of(ctx.theme())).inner_margin(18);
    let modal = egui::Modal::new(egui::Id::unique("help")).frame(frame).show(ctx, |ui| {
        ui.set_max_width(720.0);
        ui.heading("Keys");
        ui.add_space(6.0);
        let half = GROUPS.len().div_ceil(2);
        ui.columns(2, |columns| {
            for (ui, groups) in columns.iter_mut().zip([&GROUPS[..half - 1], &GROUPS[half - 1..]]) {
                for group in groups {
                    ui.label(RichText::new(*group).strong());
                    egui::Grid::new(*group).num_columns(2).min_col_width(76.0).show(ui, |ui| {
                        for line in TABLE.iter().filter(|line| line.group == *group) {
                            let keys = shortcuts::written(&line.keys);
                            ui.label(RichText::new(keys).monospace().color(palette.accent));
                            ui.label(line.text);
                            ui.end_row();
                        }
                    });
                    ui.add_space(8.0);
                }
            }
        });
        ui.label(RichText::new("Mouse").strong());
        ui.columns(2, |columns| {
            let half = MOUSE.len().div_ceil(2);
            for (index, (ui, lines)) in columns.iter_mut().zip(MOUSE.chunks(half)).enumerate() {
                egui::Grid::new(("mouse", index)).num_columns(2).min_col_width(76.0).show(ui, |ui| {
                    for (place, gesture, text) in lines {
                        ui.label(RichText::new(*gesture).monospace().color(palette.accent));
                        ui.label(RichText::new(format!("{place}: {text}")));
                        ui.end_row();
                    }
                });
            }
        });
        ui.add_space(6.0);
        ui.button("Close").clicked()
    });
    !(modal.inner || modal.should_close())
}
