//! The window: the bars around the panels, what keys and dropped files do.

use egui::{Frame, Margin, Panel, Ui};
use web_time::{Duration, Instant};

use crate::app::{App, POLL};
use crate::data::document::Document;
use crate::data::timeline::Timeline;
use crate::panels::{self, Pane, help, transport};
use crate::theme::{self, BAR, Palette};
use crate::{dropped, keys, layout, shortcuts};

/// Longest real time that one frame moves the cursor by, s: after a hang it goes on from where it was. Without a graphics
/// card a frame may take that long.
const FRAME: f64 = 0.25;
/// Time that a frame may spend on simulation, and on ghosts.
const BUDGET: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(8)];
/// Time over which the pace is averaged, s.
const PACE: f64 = 0.7;

impl App {
    /// Draws the window for somebody who looks on, after the real time since the last frame.
    pub fn show(&mut self, ui: &mut Ui) {
        let real = ui.input(|input| f64::from(input.unstable_dt));
        let deadline = BUDGET.map(|budget| Some(Instant::now() + budget));
        let before = self.timeline.time;
        self.taken(ui.ctx());
        // A film has as many pictures per second as it shall, however long drawing takes.
        match self.film_seconds() {
            Some(seconds) => self.show_after(ui, seconds, [None; 2], false),
            None => self.show_after(ui, real.min(FRAME), deadline, false),
        }
        if self.taking() {
            self.pace = None;
            return;
        }
        let moved = self.timeline.time - before;
        let (Timeline { playing, .. }, real) = (&self.timeline, real.max(1e-6));
        // A jump back is a new start or a repetition.
        self.pace = match self.pace.filter(|_| *playing) {
            Some(pace) if moved >= 0.0 => Some(pace + (moved / real - pace) * (real / PACE).min(1.0)),
            kept => kept.or_else(|| playing.then(|| self.timeline.factor())),
        };
    }

    /// Draws the window after exactly `seconds`, however long the simulation takes: the same picture every
    /// time.
    pub fn show_exactly(&mut self, ui: &mut Ui, seconds: f64) {
        self.taken(ui.ctx());
        self.show_after(ui, seconds, [None; 2], true);
    }

    /// `whole` waits for what is read in the background.
    fn show_after(
        &mut self,
        ui: &mut Ui,
        seconds: f64,
        [deadline, ghosts]: [Option<Instant>; 2],
        whole: bool,
    ) {
        let ctx = ui.ctx().clone();
        self.dress(&ctx);
        let now = ctx.input(|input| input.time);
        self.dropped(&ctx);
        self.arrived();
        for action in shortcuts::pressed(&ctx) {
            keys::perform(self, &ctx, action);
        }
        self.poll(now, &ctx, whole);
        self.advance(seconds, deadline);
        let growing = self.document.as_mut().is_some_and(|document| document.grow(ghosts));
        self.name_window(&ctx);

        let palette = Palette::of(ui);
        if self.film.is_some() && self.document.is_some() {
            egui::CentralPanel::no_frame().show(ui, |ui| {
                self.with(&palette, seconds, |cx| panels::show(Pane::Scene, ui, cx));
            });
            return;
        }
        let bar = |margin: Margin| Frame::new().fill(palette.base).inner_margin(margin);
        Panel::top("title")
            .exact_size(BAR)
            .frame(bar(Margin::symmetric(10, 0)))
            .show_separator_line(false)
            .show(ui, |ui| {
                ui.horizontal_centered(|ui| self.title(ui, &palette));
            });
        self.messages(ui, &palette);
        if self.document.is_some() {
            let frame = bar(Margin::symmetric(10, 0));
            let shown = Panel::bottom("transport")
                .exact_size(BAR + 4.0)
                .frame(frame)
                .show_separator_line(false)
                .show(ui, |ui| self.with(&palette, seconds, |cx| transport::show(ui, cx)));
            for action in shown.inner.unwrap_or_default() {
                keys::perform(self, &ctx, action);
            }
        }
        egui::CentralPanel::no_frame().frame(Frame::new().fill(palette.base)).show(ui, |ui| {
            if self.document.is_some() {
                self.with(&palette, seconds, |cx| layout::show(ui, cx));
            } else if let Some(path) = self.start_page(ui, &palette, whole) {
                self.open_soon(&path, false, &ctx);
            }
        });
        if self.help {
            self.help = help::show(&ctx, &palette);
        }
        self.ask_for_layout(&ctx, &palette);
        shortcuts::keep_keyboard(&ctx);
        self.take(&ctx);
        self.settings.zoom = ctx.zoom_factor();
        let moving = self.timeline.playing && self.document.is_some();
        if moving || growing || self.stage.held.is_some() || self.stage.settling {
            ctx.request_repaint();
        } else if self.document.as_ref().is_some_and(|document| document.follow.is_some()) {
            ctx.request_repaint_after(Duration::from_secs_f64(POLL));
        }
    }

    /// Calls the window after what is open.
    fn name_window(&mut self, ctx: &egui::Context) {
        let title = title(self.document.as_ref());
        if self.title != title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Draws one panel of what is open, alone; nothing without a document.
    pub fn show_panel(&mut self, ui: &mut Ui, pane: Pane) {
        let ctx = ui.ctx().clone();
        self.dress(&ctx);
        let palette = Palette::of(ui);
        Frame::new().fill(palette.panel).inner_margin(8).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            self.with(&palette, 0.0, |cx| panels::show(pane, ui, cx));
        });
    }

    /// Sets the theme.
    fn dress(&mut self, ctx: &egui::Context) {
        if !self.dressed {
            theme::install(ctx);
            ctx.set_zoom_factor(self.settings.zoom);
            self.dressed = true;
        }
        ctx.set_theme(self.settings.theme);
    }

    /// Opens the first file that was dropped onto the window, and shows the others beside it. With Shift
    /// held, all are shown beside what is open.
    fn dropped(&mut self, ctx: &egui::Context) {
        let (files, beside) = ctx.input(|input| (input.raw.dropped_files.clone(), input.modifiers.shift));
        for (index, file) in files.iter().enumerate() {
            dropped::open(self, file, beside || index > 0, ctx);
        }
    }
}

/// What a window is called that shows `document`.
#[must_use]
pub fn title(document: Option<&Document>) -> String {
    let name = document.map(|document| {
        let path = document.source.path();
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    });
    name.map_or_else(|| "Spindle".to_owned(), |name| format!("{name} – Spindle"))
}

/// Key of the settings in the window's storage.
pub const STORAGE: &str = "spindle";

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        storage.set_string(STORAGE, self.stored());
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}
