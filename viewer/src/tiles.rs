//! One or more apps in a window in memory, side by side.

use egui::{Color32, Pos2, Rect, Ui, UiBuilder, Vec2};
use egui_wgpu::RenderState;

use crate::app::App;
use crate::offscreen::Offscreen;
use crate::scene::{Picture, SceneError};

/// Pixels between two tiles.
const GAP: u32 = 4;
/// Colour of what lies between them.
const BETWEEN: Color32 = Color32::from_rgb(128, 132, 140);

/// Tiles of one size in a window, in rows from the upper left.
pub struct Tiles {
    window: Offscreen,
    apps: Vec<App>,
    tile: [u32; 2],
    size: [u32; 2],
}

/// How many tiles stand in a row if there are `count`: all of up to three, then about as many as there are rows.
fn columns(count: usize) -> usize {
    if count <= 3 { count.max(1) } else { (1..).find(|side| side * side >= count).unwrap_or(1) }
}

/// Width and height of `count` tiles, pixels.
fn whole(count: usize, tile: [u32; 2]) -> [u32; 2] {
    let counts = [columns(count), count.div_ceil(columns(count))];
    std::array::from_fn(|i| (counts[i] as u32 * (tile[i] + GAP)).saturating_sub(GAP))
}

impl Tiles {
    /// Tiles of `tile` pixels each, with `scale` pixels per point, one for each of `apps`.
    ///
    /// # Errors
    /// [`SceneError::Size`].
    pub fn new(gpu: &RenderState, tile: [u32; 2], scale: f32, apps: Vec<App>) -> Result<Self, SceneError> {
        let size = whole(apps.len(), tile);
        Ok(Self { window: Offscreen::new(gpu.clone(), size, scale)?, apps, tile, size })
    }

    /// Width and height of a picture of all of them, pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// What the tiles show.
    pub fn apps(&mut self) -> impl Iterator<Item = &mut App> {
        self.apps.iter_mut()
    }

    /// Lets all find out how large things are; time stands still.
    pub fn settle(&mut self) {
        for _ in 0..4 {
            self.window.run(0.0, |ui| show(ui, &mut self.apps, self.tile, 0.0));
        }
    }

    /// A picture after `seconds`.
    ///
    /// # Errors
    /// If the adapter was lost.
    pub fn picture(&mut self, seconds: f64) -> Result<Picture, SceneError> {
        self.window.picture(seconds, |ui| show(ui, &mut self.apps, self.tile, seconds))
    }
}

/// Draws each app in its tile.
fn show(ui: &mut Ui, apps: &mut [App], tile: [u32; 2], seconds: f64) {
    if let [app] = apps {
        return app.show_exactly(ui, seconds);
    }
    let (point, columns) = (1.0 / ui.pixels_per_point(), columns(apps.len()));
    let whole = ui.ctx().content_rect();
    ui.painter().rect_filled(whole, 0.0, BETWEEN);
    let size = Vec2::new(tile[0] as f32, tile[1] as f32) * point;
    for (index, app) in apps.iter_mut().enumerate() {
        let place = [index % columns, index / columns];
        let [left, top] = std::array::from_fn(|i| place[i] as f32 * (tile[i] + GAP) as f32 * point);
        let rect = Rect::from_min_size(Pos2::new(left, top), size);
        ui.scope_builder(UiBuilder::new().id_salt(("tile", index)).max_rect(rect), |ui| {
            ui.set_clip_rect(rect);
            app.show_exactly(ui, seconds);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_tiles_stand_in_one_row_and_many_in_a_square() {
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 9, 10].map(columns), [1, 2, 3, 2, 3, 3, 3, 3, 4]);
        assert_eq!(whole(1, [320, 200]), [320, 200]);
        assert_eq!(whole(3, [320, 200]), [968, 200]);
        assert_eq!(whole(4, [320, 200]), [644, 404]);
    }
}
