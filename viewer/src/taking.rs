//! Pictures and films of the window, by buttons and keys.

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use egui::{RichText, Ui};

    use crate::app::App;
    use crate::shortcuts::{Action, keys};
    use crate::theme::Palette;

    impl App {
        /// Where pictures and films go, instead of the folder in which the program was started.
        pub fn save_in(&mut self, folder: &std::path::Path) {
            self.capture.folder = Some(folder.to_owned());
        }

        /// Takes a picture of the window; of the scene without bars and buttons if it is shown alone.
        pub fn screenshot(&mut self) {
            let name = self.film_name();
            self.capture.picture(name);
        }

        /// Begins a film of the same, or ends it.
        pub fn record(&mut self) {
            let name = self.film_name();
            if !self.capture.films() && self.document.is_some() {
                self.timeline.playing = true;
            }
            self.capture.film(name);
        }

        /// What pictures are called: after what is open, and when.
        fn film_name(&self) -> String {
            let path = self.document.as_ref().map(|document| document.source.path());
            let name = path.and_then(|path| path.file_stem()).map(|name| name.to_string_lossy().into_owned());
            format!("{}-{:.2}s", name.as_deref().unwrap_or("spindle"), self.timeline.time)
        }

        /// Time that a frame of a film takes, s; none if there is no film.
        pub(crate) fn film_seconds(&self) -> Option<f64> {
            self.capture.seconds()
        }

        /// Says where what has been taken went.
        pub(crate) fn taken(&mut self, ctx: &egui::Context) {
            let scene = (self.document.is_some() && !self.settings.panels).then_some(self.stage.rect);
            match self.capture.arrived(ctx, scene) {
                Some(Ok(note)) => self.note = Some(note),
                Some(Err(message)) => self.message = Some(message),
                None => {}
            }
        }

        /// Takes a picture of this frame if one is wanted.
        pub(crate) fn take(&mut self, ctx: &egui::Context) {
            self.capture.ask(ctx);
        }

        /// Buttons for pictures and films.
        pub(crate) fn camera_buttons(&mut self, ui: &mut Ui, palette: &Palette) {
            let films = self.capture.films();
            let text = RichText::new(if films { "Stop" } else { "Record" });
            let text = if films { text.color(palette.error).strong() } else { text };
            let of = "of the window, or of the scene alone after Tab, into the folder in which the viewer was started";
            let tip = if films {
                "ends the film".to_owned()
            } else {
                format!("a film {of} ({})", keys(Action::Record))
            };
            if ui.button(text).on_hover_text(tip).clicked() {
                self.record();
            }
            let tip = format!("a picture {of} ({})", keys(Action::Screenshot));
            if ui.button("Screenshot").on_hover_text(tip).clicked() {
                self.screenshot();
            }
        }
    }
}

/// A browser takes its own pictures.
#[cfg(target_arch = "wasm32")]
mod browser {
    use egui::Ui;

    use crate::app::App;
    use crate::theme::Palette;

    impl App {
        /// Says what to do instead.
        pub fn screenshot(&mut self) {
            self.note = Some("Pictures and films are made by the viewer outside of a browser.".to_owned());
        }

        /// Says what to do instead.
        pub fn record(&mut self) {
            self.screenshot();
        }

        pub(crate) fn film_seconds(&self) -> Option<f64> {
            None
        }

        pub(crate) fn taken(&mut self, _ctx: &egui::Context) {}

        pub(crate) fn take(&mut self, _ctx: &egui::Context) {}

        pub(crate) fn camera_buttons(&mut self, _ui: &mut Ui, _palette: &Palette) {}
    }
}
