//! The program's state: what is open, where the cursor is, what is selected.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egui_wgpu::RenderState;
use records::failure::told;
use web_time::Instant;

use crate::cards::Cards;
use crate::data::document::Document;
use crate::data::live::Live;
use crate::data::timeline::{PART, Timeline};
use crate::film::Film;
use crate::inbox::Inbox;
use crate::opening::Opening;
use crate::panels::start::Shelf;
use crate::panels::{Caches, Cx, Selection, network, weights};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::theme::Palette;

/// Seconds between two looks at a run folder.
pub(crate) const POLL: f64 = 0.5;

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
    /// Something that was done, such as where a picture went.
    pub note: Option<String>,
    /// Whether the list of keys is shown.
    pub help: bool,
    /// Whether it is asked if all panels are to be put back.
    pub asks_for_layout: bool,
    /// The scene fills the window, without bars, panels and buttons.
    pub film: Option<Film>,
    /// Where files arrive that are still being read.
    pub inbox: Inbox,
    /// Files that are being opened.
    pub(crate) opening: Opening,
    /// Pictures and films that are being taken.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) capture: crate::capture::Capture,
    pub(crate) shelf: Shelf,
    pub(crate) cards: Cards,
    /// Pictures of the robots on the start page, in dark or light colours.
    pub(crate) pictures: BTreeMap<PathBuf, egui::TextureId>,
    pub(crate) pictured_dark: bool,
    pub(crate) stage: Stage,
    pub(crate) caches: Caches,
    next_poll: f64,
    pub(crate) pace: Option<f64>,
    /// What the window is called.
    pub(crate) title: String,
    pub(crate) dressed: bool,
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
            note: None,
            help: false,
            asks_for_layout: false,
            film: None,
            inbox: Inbox::default(),
            opening: Opening::default(),
            #[cfg(not(target_arch = "wasm32"))]
            capture: crate::capture::Capture::default(),
            cards: Cards::default(),
            pictures: BTreeMap::new(),
            pictured_dark: true,
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

    /// The same without waiting for it: the window goes on meanwhile.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_soon(&mut self, path: &Path, beside: bool, ctx: &egui::Context) {
        self.opening.start(path, beside, ctx);
    }

    /// In a browser there are no paths to open.
    #[cfg(target_arch = "wasm32")]
    pub fn open_soon(&mut self, path: &Path, _beside: bool, _ctx: &egui::Context) {
        self.open(path);
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
        self.stage.prepare(&document.model);
        self.settings.turn_to_map(document.choice.is_some());
        self.document = Some(document);
    }

    fn changed_brain(&mut self) {
        self.caches.of::<network::Cache>().clear();
        self.caches.of::<weights::Cache>().clear();
    }

    /// Closes what is open and shows the start page.
    pub fn close(&mut self) {
        self.document = None;
        self.shelf = Shelf::find(Path::new(""));
        self.cards.look_again();
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
        let present = |live: &Live| {
            let dt = live.recording.header.control_dt;
            // One step behind, so that positions between two steps are known.
            (live.recording.duration() - dt + live.since_step()).max(0.0)
        };
        if !timeline.playing {
            return;
        }
        if timeline.at_end {
            simulate(live, seconds * timeline.factor(), deadline);
            timeline.time = present(live).min(live.recording.duration());
            timeline.keep_up(live.recording.duration());
            timeline.playing = !(live.is_over() && live.at_end == crate::data::world::AtEnd::Stop);
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
            live.at_end = crate::data::world::AtEnd::GoOn;
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
    pub(crate) fn poll(&mut self, now: f64, ctx: &egui::Context, whole: bool) {
        let Some(document) = self.document.as_mut().filter(|document| document.follow.is_some()) else {
            return;
        };
        if now < self.next_poll && !document.looks() {
            return;
        }
        self.next_poll = now + POLL;
        match poll(document, ctx, whole) {
            Ok(true) => self.changed_brain(),
            Ok(false) => {}
            Err(error) => self.message = Some(told(&error)),
        }
    }

    /// Shows a document, beside what is open if it is to be.
    fn shown(&mut self, opened: anyhow::Result<Document>, beside: bool) -> bool {
        match opened {
            Ok(other) => match self.document.as_mut().filter(|_| beside) {
                Some(document) => self.message = document.add_ghosts_of(other).err().as_ref().map(told),
                None => {
                    self.show_document(other);
                    return true;
                }
            },
            Err(error) => self.message = Some(told(&error)),
        }
        false
    }

    /// Opens what has been read meanwhile.
    pub(crate) fn arrived(&mut self) {
        while let Some(opened) = self.opening.take() {
            if self.shown(opened.document, opened.beside) {
                self.settings.remember(&opened.path);
            }
        }
        for file in self.inbox.take() {
            let opened = file.bytes.map_err(anyhow::Error::msg);
            let opened = opened.and_then(|bytes| Document::from_bytes(Path::new(&file.name), &bytes));
            self.shown(opened, file.beside);
        }
    }

    /// Gives panels what they draw; nothing without a document. `seconds` have passed.
    pub(crate) fn with<R>(
        &mut self,
        palette: &Palette,
        seconds: f64,
        f: impl FnOnce(&mut Cx<'_>) -> R,
    ) -> Option<R> {
        let bare = self.taking() && !self.settings.panels;
        let document = self.document.as_mut()?;
        let before = document.watching();
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
            film: self.film.as_ref(),
            bare,
        };
        let result = f(&mut cx);
        if self.document.as_ref().is_some_and(|document| document.watching() != before) {
            self.changed_brain();
        }
        Some(result)
    }

    /// Whether a picture of the window is being taken.
    pub(crate) fn taking(&self) -> bool {
        #[cfg(not(target_arch = "wasm32"))]
        return self.capture.takes();
        #[cfg(target_arch = "wasm32")]
        false
    }

    /// Changes from dark to light or back.
    pub fn toggle_theme(&mut self, dark: bool) {
        self.settings.theme = if dark { egui::ThemePreference::Light } else { egui::ThemePreference::Dark };
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

/// Lets a simulation go on; by another thread if somebody looks on meanwhile.
#[cfg(not(target_arch = "wasm32"))]
fn simulate(live: &mut Live, seconds: f64, deadline: Option<Instant>) {
    match deadline {
        Some(_) => live.advance_soon(seconds),
        None => drop(live.advance(seconds, None)),
    }
}

#[cfg(target_arch = "wasm32")]
fn simulate(live: &mut Live, seconds: f64, deadline: Option<Instant>) {
    live.advance(seconds, deadline);
}

/// Looks at the run folder of a document; by another thread if nothing is to wait for it.
#[cfg(not(target_arch = "wasm32"))]
fn poll(document: &mut Document, ctx: &egui::Context, whole: bool) -> anyhow::Result<bool> {
    let window = ctx.clone();
    if whole { document.poll() } else { document.poll_soon(move || window.request_repaint()) }
}

#[cfg(target_arch = "wasm32")]
fn poll(document: &mut Document, _ctx: &egui::Context, _whole: bool) -> anyhow::Result<bool> {
    document.poll()
}
