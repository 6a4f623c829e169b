//! The list of keys, made from the table that the keyboard uses.

use egui::{Align, Context, Grid, Layout, RichText, ScrollArea, Ui, Vec2};

use crate::shortcuts::{self, GROUPS, MOUSE, TABLE};
use crate::theme::Palette;

/// Size of the list, and what lies around it: frame and heading.
const SIZE: Vec2 = Vec2::new(720.0, 700.0);
const AROUND: Vec2 = Vec2::new(60.0, 100.0);

/// Draws the overlay; false if it was closed. In a small window it scrolls.
pub fn show(ctx: &Context, palette: &Palette) -> bool {
    let frame = egui::Frame::popup(&ctx.style_of(ctx.theme())).inner_margin(18);
    let room = SIZE.min(ctx.content_rect().size() - AROUND);
    let modal = egui::Modal::new(egui::Id::unique("help")).frame(frame).show(ctx, |ui| {
        ui.set_max_width(room.x);
        let mut close = false;
        ui.horizontal(|ui| {
            ui.heading("Keys");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| close = ui.button("Close").clicked());
        });
        ui.add_space(6.0);
        ScrollArea::both().max_height(room.y).min_scrolled_height(room.y).show(ui, |ui| list(ui, palette));
        close
    });
    !(modal.inner || modal.should_close())
}

fn list(ui: &mut Ui, palette: &Palette) {
    let (first, second) = GROUPS.split_at(GROUPS.len() / 2);
    ui.columns(2, |columns| {
        for (ui, groups) in columns.iter_mut().zip([first, second]) {
            for group in groups {
                let lines = TABLE.iter().filter(|line| line.group == *group);
                ui.label(RichText::new(*group).strong());
                table(
                    ui,
                    group,
                    palette,
                    lines.map(|line| (shortcuts::written(&line.keys), line.text.to_owned())),
                );
                ui.add_space(8.0);
            }
        }
    });
    ui.label(RichText::new("Mouse").strong());
    ui.columns(2, |columns| {
        let half = MOUSE.len().div_ceil(2);
        for (index, (ui, lines)) in columns.iter_mut().zip(MOUSE.chunks(half)).enumerate() {
            let lines = lines.iter();
            let lines =
                lines.map(|(place, gesture, text)| ((*gesture).to_owned(), format!("{place}: {text}")));
            table(ui, ("mouse", index), palette, lines);
        }
    });
}

/// Keys or gestures and what they do.
fn table(
    ui: &mut Ui,
    name: impl egui::AsIdSalt,
    palette: &Palette,
    lines: impl Iterator<Item = (String, String)>,
) {
    let grid = Grid::new(name).num_columns(2).min_col_width(92.0).min_row_height(16.0).spacing([8.0, 4.0]);
    grid.show(ui, |ui| {
        for (keys, text) in lines {
            ui.label(RichText::new(keys).monospace().color(palette.accent));
            ui.label(text);
            ui.end_row();
        }
    });
}
