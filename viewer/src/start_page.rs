//! The start page: what its cards say is read, and its robots are drawn, while it is shown.

use std::path::PathBuf;

use egui::Ui;

use crate::app::App;
use crate::panels::start::{self, PICTURE, Page};
use crate::theme::Palette;

/// Robots drawn per frame, so that the page answers meanwhile.
const PER_FRAME: usize = 1;

impl App {
    /// Draws the page; returns what was chosen. `whole` waits until all of it is known.
    pub(crate) fn start_page(&mut self, ui: &mut Ui, palette: &Palette, whole: bool) -> Option<PathBuf> {
        let paths = self.shelf.paths(&self.settings);
        if whole {
            self.cards.read(&paths);
        } else {
            self.cards.ask(&paths, ui.ctx());
        }
        if self.pictured_dark != palette.dark {
            std::mem::take(&mut self.pictures)
                .into_values()
                .for_each(|picture| self.stage.drop_picture(picture));
            self.pictured_dark = palette.dark;
        }
        let mut left = if whole { usize::MAX } else { PER_FRAME };
        for path in paths {
            if self.pictures.contains_key(path) {
                continue;
            }
            let Some(still) = self.cards.get(path).and_then(|card| card.still.as_ref()) else { continue };
            if left == 0 {
                ui.ctx().request_repaint();
                break;
            }
            left -= 1;
            if let Some(picture) = self.stage.picture(still, palette.dark, PICTURE) {
                self.pictures.insert(path.clone(), picture);
            }
        }
        let (shelf, settings) = (&self.shelf, &self.settings);
        let page = Page { shelf, settings, cards: &self.cards, pictures: &self.pictures, palette: *palette };
        start::show(ui, &page)
    }
}
