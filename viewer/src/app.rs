//! The whole window: what is open, the bars around the panels, and what keys do.

use std::path::Path;

use egui::{Frame, Margin, Panel, RichText, Ui};
use egui_wgpu::RenderState;
use records::failure::told;
use web_time::{Duration, Instant};

use crate::data::document::Document;
use crate::data::timeline::{PART, Timeline};
use crate::inbox::Inbox;
use crate::panels::start::{self, Shelf};
use crate::panels::{self, Caches, Cx, Pane, Selection, help, transport};
use crate::settings::{Settings, default_layout};
use crate::shortcuts;
use crate::stage::Stage;
use crate::theme::{self, BAR, Palette};
use crate::{keys, layout};

/// Seconds between two looks at a run folder.
const POLL: f64 = 0.5;
/// Longest real time that one frame moves the cursor by, s: after a hang it goes on from where it was.
const FRAME: f64 = 0.1;
/// Time that a frame may spend on simulation, and on ghosts.
const BUDGET: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(8)];
/// Time over which [`Pace`] is averaged, s.
const PACE: f64 = 0.7;

/// The program's state.
pub struct App {
    /// What is kept on disk.
    pub settings: Settings,
    /// What is open.
    pub document: Option<Document>,
    /// The cursor.
    pub timeline: Timeline,
    /// What is selected.
    pub selection: Selection,
    /// Something that went wrong.
    pub message: Option<String>,
    /// Whether the list of keys is shown.
    pub help: bool,
    /// Where files arrive that are still being read.
    pub inbox: Inbox,
    shelf: Shelf,
    stage: Stage,
    caches: Caches,
    next_poll: f64,
    pace: Option<f64>,
    /// What the window is called.
    title: String,
    dressed: bool,
}

impl App {
    /// A window with nothing open. Without `gpu`, panels work but there is no 3D scene.
    #[must_use]
    pub fn new(settings: Settings, gpu: Option<RenderState>) -> Self {
        Self::with_stage(settings, Stage::new(gpu, None))
    }

    /// The same for pictures, which are drawn as well as can be, however long it takes.
    #[must_use]
    pub fn for_pictures(settings: Settings, gpu: Option<RenderState>) -> Self {
        Self::with_stage(settings, Stage::new(gpu, Some(crate::scene::Renderer::SAMPLES)))
    }

    fn with_stage(settings: Settings, stage: Stage) -> Self {
        Self {
            settings,
            document: None,
            timeline: Timeline::default(),
            selection: Selection::default(),
            message: None,
            help: false,
            inbox: Inbox::default(),
            shelf: Shelf::find(Path::new("")),
            stage,
            caches: Caches::default(),
            next_poll: 0.0,
            pace: None,
            title: String::new(),
            dressed: false,
        }
    }

    /// Lists other runs and configs on the start page.
    pub fn set_shelf(&mut self, shelf: Shelf) {
        self.shelf = shelf;
    }

    /// Opens a path; what goes wrong is said in the window, and what was open stays.
    pub fn open(&mut self, path: &Path) {
        match Document::open(path) {
            Ok(document) => {
                self.settings.remember(path);
                self.show_document(document);
            }
            Err(error) => self.message = Some(told(&error)),
        }
    }

    /// Shows what a path leads to beside what is open, or opens it if nothing is.
    pub fn add_ghost_from(&mut self, path: &Path) {
        let Some(document) = &mut self.document else { return self.open(path) };
        let added = Document::open(path).and_then(|other| document.add_ghosts_of(other));
        self.message = added.err().as_ref().map(told);
    }

    /// Shows what has been opened.
    pub fn show_document(&mut self, document: Document) {
        let live = document.live.is_some();
        let long = live || document.recording().duration() > 1.2 * PART;
        self.timeline = Timeline {
            at_end: live,
            playing: live,
            speed: self.timeline.speed,
            window: long.then_some((0.0, PART)),
            ..Timeline::default()
        };
        self.selection = Selection::default();
        self.message = None;
        self.changed_brain();
        self.stage.prepare(&document);
        self.document = Some(document);
    }

    fn changed_brain(&mut self) {
        self.caches.network.clear();
        self.caches.weights.clear();
    }

    /// Closes what is open and shows the start page.
    pub fn close(&mut self) {
        self.document = None;
        self.shelf = Shelf::find(Path::new(""));
    }

    /// Moves time by `seconds` of real time; simulations stop at `deadline`, if there is one.
    pub fn advance(&mut self, seconds: f64, deadline: Option<Instant>) {
        let Some(document) = &mut self.document else { return };
        let timeline = &mut self.timeline;
        let Some(live) = &mut document.live else {
            let duration = document.recording().duration();
            timeline.advance(seconds, duration);
            if timeline.playing {
                timeline.reveal(duration);
            }
            return;
        };
        let present = |live: &crate::data::live::Live| {
            let dt = live.recording.header.control_dt;
            // One step behind, so that positions between two steps are known.
            (live.recording.duration() - dt + live.since_step()).max(0.0)
        };
        if !timeline.playing {
            return;
        }
        if timeline.at_end {
            live.advance(seconds * timeline.factor(), deadline);
            timeline.time = present(live).min(live.recording.duration());
            timeline.keep_up(live.recording.duration());
            timeline.playing = !(live.is_over() && live.at_end == crate::data::live::AtEnd::Stop);
        } else {
            let end = present(live);
            timeline.time += seconds * timeline.factor();
            if let Some((start, stop)) = timeline.section.filter(|(start, stop)| stop > start) {
                if timeline.time >= stop {
                    timeline.time = start;
                }
            } else if timeline.time >= end {
                timeline.time = end;
                timeline.at_end = true;
            }
            timeline.reveal(live.recording.duration());
        }
    }

    /// Puts the cursor at a time; a simulation runs until then.
    pub fn simulate_until(&mut self, time: f64) {
        if let Some(live) = self.document.as_mut().and_then(|document| document.live.as_mut()) {
            let dt = live.recording.header.control_dt;
            // Whoever asks for a time wants to see it, also after a fall.
            live.at_end = crate::data::live::AtEnd::GoOn;
            let steps = ((time / dt).round() as usize + 1).min(100_000);
            for _ in 0..steps {
                live.step();
            }
            let duration = live.recording.duration();
            self.timeline.seek(duration, duration);
            self.timeline.time = (duration - dt).max(0.0);
            self.timeline.keep_up(duration);
        } else {
            self.seek(time);
            let duration = self.duration();
            self.timeline.reveal(duration);
        }
    }

    /// Looks at the run folder now and then.
    fn poll(&mut self, now: f64) {
        let Some(document) = self.document.as_mut().filter(|document| document.follow.is_some()) else {
            return;
        };
        if now < self.next_poll {
            return;
        }
        self.next_poll = now + POLL;
        match document.poll() {
            Ok(true) => self.changed_brain(),
            Ok(false) => {}
            Err(error) => self.message = Some(told(&error)),
        }
    }

    /// Draws the window for somebody who looks on, after the real time since the last frame.
    pub fn show(&mut self, ui: &mut Ui) {
        let real = ui.input(|input| f64::from(input.unstable_dt));
        let deadline = BUDGET.map(|budget| Some(Instant::now() + budget));
        let before = self.timeline.time;
        self.show_after(ui, real.min(FRAME), deadline);
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
        self.show_after(ui, seconds, [None; 2]);
    }

    fn show_after(&mut self, ui: &mut Ui, seconds: f64, [deadline, ghosts]: [Option<Instant>; 2]) {
        let ctx = ui.ctx().clone();
        self.dress(&ctx);
        let now = ctx.input(|input| input.time);
        self.dropped(&ctx);
        self.arrived();
        for action in shortcuts::pressed(&ctx) {
            keys::perform(self, &ctx, action);
        }
        self.poll(now);
        self.advance(seconds, deadline);
        let growing = self.document.as_mut().is_some_and(|document| document.grow(ghosts));
        self.name_window(&ctx);

        let palette = Palette::of(ui);
        let bar = |margin: Margin| Frame::new().fill(palette.base).inner_margin(margin);
        Panel::top("title")
            .exact_size(BAR)
            .frame(bar(Margin::symmetric(10, 0)))
            .show_separator_line(false)
            .show(ui, |ui| {
                ui.horizontal_centered(|ui| self.title(ui, &palette));
            });
        if self.message.is_some() {
            self.complain(ui, &palette);
        }
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
            } else if let Some(path) = start::show(ui, &self.shelf, &self.settings, &palette) {
                self.open(&path);
            }
        });
        if self.help {
            self.help = help::show(&ctx, &palette);
        }
        shortcuts::keep_keyboard(&ctx);
        self.settings.zoom = ctx.zoom_factor();
        let moving = self.timeline.playing && self.document.is_some();
        if moving || growing || self.stage.held.is_some() || self.stage.settling {
            ctx.request_repaint();
        } else if self.document.as_ref().is_some_and(|document| document.follow.is_some()) {
            ctx.request_repaint_after(Duration::from_secs_f64(POLL));
        }
    }

    /// Opens what has been read meanwhile.
    fn arrived(&mut self) {
        for file in self.inbox.take() {
            let opened = file.bytes.map_err(anyhow::Error::msg);
            match opened.and_then(|bytes| Document::from_bytes(Path::new(&file.name), &bytes)) {
                Ok(other) => match self.document.as_mut().filter(|_| file.beside) {
                    Some(document) => {
                        self.message = document.add_ghosts_of(other).err().as_ref().map(told);
                    }
                    None => self.show_document(other),
                },
                Err(error) => self.message = Some(told(&error)),
            }
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

    /// Gives panels what they draw; nothing without a document. `seconds` have passed.
    fn with<R>(&mut self, palette: &Palette, seconds: f64, f: impl FnOnce(&mut Cx<'_>) -> R) -> Option<R> {
        let document = self.document.as_mut()?;
        let before = document.generation;
        let mut cx = Cx {
            document,
            timeline: &mut self.timeline,
            selection: &mut self.selection,
            settings: &mut self.settings,
            stage: &mut self.stage,
            caches: &mut self.caches,
            message: &mut self.message,
            palette: *palette,
            seconds,
            pace: self.pace,
        };
        let result = f(&mut cx);
        let changed = before != self.document.as_ref().and_then(|document| document.generation);
        if changed {
            self.changed_brain();
        }
        Some(result)
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

    /// The bar at the top: what is open.
    fn title(&mut self, ui: &mut Ui, palette: &Palette) {
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
            about.extend(document.generation.map(|generation| format!("generation {generation}")));
            let brain = &document.brain.summary;
            about.extend((!brain.is_empty()).then(|| brain.clone()));
            (name, about.join("  ·  "))
        });
        if let Some((name, about)) = text {
            ui.label(RichText::new("›").color(palette.weak));
            ui.label(name);
            let room = ui.available_width() - 190.0;
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
            if self.document.is_some()
                && ui.button("Layout").on_hover_text("panels as at the first start").clicked()
            {
                self.settings.layout = default_layout();
                self.settings.panels = true;
            }
        });
    }

    /// Changes from dark to light or back.
    pub fn toggle_theme(&mut self, dark: bool) {
        self.settings.theme = if dark { egui::ThemePreference::Light } else { egui::ThemePreference::Dark };
    }

    /// The bar with what went wrong.
    fn complain(&mut self, ui: &mut Ui, palette: &Palette) {
        let frame =
            Frame::new().fill(palette.error.gamma_multiply(0.18)).inner_margin(Margin::symmetric(10, 6));
        let mut close = false;
        Panel::top("message").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                close = ui.small_button("Close").clicked();
                let text = self.message.clone().unwrap_or_default();
                ui.add(egui::Label::new(RichText::new(text).color(palette.error)).wrap());
            });
        });
        if close {
            self.message = None;
        }
    }

    /// Opens the first file that was dropped onto the window, and shows the others beside it. With Shift
    /// held, all are shown beside what is open.
    fn dropped(&mut self, ctx: &egui::Context) {
        let (files, beside) = ctx.input(|input| (input.raw.dropped_files.clone(), input.modifiers.shift));
        for (index, file) in files.iter().enumerate() {
            crate::dropped::open(self, file, beside || index > 0);
        }
    }

    /// What is kept until the next start.
    #[must_use]
    pub fn stored(&self) -> String {
        self.settings.to_text()
    }

    /// Seeks in what is open, s.
    pub fn seek(&mut self, time: f64) {
        if let Some(document) = &self.document {
            self.timeline.seek(time, document.recording().duration());
        }
    }

    /// Looks from a direction or through a camera, by its place among the names that there are.
    pub fn look(&mut self, view: usize) {
        self.stage.look(view);
    }

    /// Body and camera state for keys.
    pub(crate) fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// Perform a key's action on the timeline needs to know the length.
    pub(crate) fn duration(&self) -> f64 {
        self.document.as_ref().map_or(0.0, |document| document.recording().duration())
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
