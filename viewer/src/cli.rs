//! The command line: a window, or pictures without one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use training::stages;

use crate::app::App;
use crate::data::document::Document;
use crate::film::Film;
use crate::scene::headless;
use crate::settings::{Overlays, Settings};
use crate::stage::views;
use crate::state::Reported;
use crate::tiles::Tiles;
use crate::video::{Video, write_png};
use crate::window::{STORAGE, title};

/// Watch bodies and spiking brains.
#[derive(Clone, Debug, Parser)]
#[command(name = "viewer", version, about, long_about = None)]
pub struct Args {
    /// A run folder, a recording, a checkpoint or a config; without it, the start page
    pub source: Option<PathBuf>,

    /// Stage of the run; default: the current one
    #[arg(long, value_name = "NAME", requires = "source")]
    pub stage: Option<String>,

    /// Watch the elite of this cell of the archive of a run with quality diversity, or this member of the front of a run
    /// with several objectives, instead of the mean; archive.csv and front.csv in the run folder list them
    #[arg(long, value_name = "N", requires = "source")]
    pub cell: Option<usize>,

    /// Simulate under this changed environment instead of the config's (`evo list changes`), or `none` for
    /// the plain task; `+` combines changes
    #[arg(long, value_name = "NAME", requires = "source")]
    pub change: Option<String>,

    /// Show this recording, run, checkpoint or config beside the source (repeatable)
    #[arg(long, value_name = "FILE", requires = "source")]
    pub beside: Vec<PathBuf>,

    /// Write a picture of the window to this PNG file instead of opening it
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    pub screenshot: Option<PathBuf>,

    /// Write a video of the window to this .gif, .png (animated) or .mp4 file instead of opening it
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Time of the picture, or start of the video, s. Simulations run up to that time
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = seconds)]
    pub at: f64,

    /// Length of the video, s
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,

    /// Pictures per second of the video
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub fps: u16,

    /// Size of the picture or video in pixels
    #[arg(long, value_name = "WxH", default_value = "1280x800", value_parser = size)]
    pub size: [u32; 2],

    /// Size of text and buttons
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = scale)]
    pub scale: f32,

    /// Direction of view (corner, side, front, back, top), or a camera of the robot's file
    #[arg(long, value_name = "NAME", requires = "source")]
    pub camera: Option<String>,

    /// Show the scene alone: no panels, and in pictures and videos no bars or buttons either
    #[arg(long)]
    pub scene_only: bool,

    /// Show this run, checkpoint, recording or config in a tile of its own, beside the source (repeatable).
    /// Only for pictures and videos of the scene alone; --size is the size of each tile
    #[arg(long, value_name = "FILE", requires = "scene_only", requires = "source")]
    pub tile: Vec<PathBuf>,

    /// A line of text over the scene, at the top left. If you give it again, it is for the next tile
    #[arg(long, value_name = "TEXT", requires = "scene_only")]
    pub label: Vec<String>,

    /// Show time, speed and distance from the start over the scene, at the bottom left
    #[arg(long, requires = "scene_only")]
    pub caption: bool,

    /// Marks in the scene: contacts, joints, com (centre of mass), trail or none; several, separated by
    /// commas. Default: trail; none in pictures and videos of the scene alone
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    pub show: Vec<Mark>,

    /// Use light colours
    #[arg(long)]
    pub light: bool,

    /// Write what the window shows into this JSON file whenever it changes; for scripts
    #[arg(long, value_name = "FILE", hide = true)]
    pub state: Option<PathBuf>,
}

/// What can be marked in the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mark {
    /// Contact points and forces
    Contacts,
    /// Joint axes
    Joints,
    /// Centre of mass
    Com,
    /// Where the robot has been
    Trail,
    /// Nothing
    None,
}

/// Longest time that pictures can be asked for, s.
const LONGEST: f64 = 3600.0;

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of seconds"))?;
    if (0.0..=LONGEST).contains(&value) { Ok(value) } else { Err(format!("must be 0 to {LONGEST} s")) }
}

fn scale(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| format!("'{text}' is not a number"))?;
    if (0.5..=4.0).contains(&value) { Ok(value) } else { Err("must be 0.5 to 4".to_owned()) }
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    let sides: [u32; 2] = sides.ok_or_else(|| format!("'{text}' is not a size such as 1280x800"))?;
    if sides.iter().all(|side| (64..=8192).contains(side)) {
        Ok(sides)
    } else {
        Err("each side must be 64 to 8192 pixels".to_owned())
    }
}

/// The place of the wanted view among those that there are.
fn view(args: &Args, document: Option<&Document>) -> anyhow::Result<Option<usize>> {
    let (Some(wanted), Some(document)) = (&args.camera, document) else { return Ok(None) };
    let names = views(&document.model.cameras);
    let Some(view) = names.iter().position(|name| name == wanted) else {
        anyhow::bail!("--camera: there is no view '{wanted}'; valid: {}", names.join(", "));
    };
    Ok(Some(view))
}

/// Carries out a command line.
///
/// # Errors
/// [`Failure::Usage`] for bad input, [`Failure::Run`] if drawing or writing failed.
pub fn run(args: &Args) -> Result<(), Failure> {
    // Opened here even for the window, so that bad input ends with a message and exit code 2.
    let document = args.source.as_deref().map(|source| open(args, source)).transpose().usage()?;
    let view = view(args, document.as_ref()).usage()?;
    match (&args.screenshot, &args.record) {
        (Some(path), _) => screenshot(args, document, view, path),
        (None, Some(path)) => record(args, document, view, path),
        (None, None) => window(args, document, view),
    }
}

/// What the command line wants to see.
fn open(args: &Args, source: &Path) -> anyhow::Result<Document> {
    let of_stage =
        |stage: &String| stages::stage_file(&RunFolder::open(source)?, stage).map_err(anyhow::Error::from);
    let file = args.stage.as_ref().map(of_stage).transpose()?;
    let mut document = Document::open_member(file.as_deref().unwrap_or(source), args.cell)?;
    if let Some(change) = &args.change {
        let changes = training::changes::named(change, &document.config)?;
        document.change(&changes)?;
    }
    for other in &args.beside {
        document.add_ghosts_of(Document::open(other)?)?;
    }
    Ok(document)
}

/// Windows in memory that show the document, and the other ones of tiles, at the wanted time.
fn prepare(args: &Args, document: Option<Document>, view: Option<usize>) -> Result<Tiles, Failure> {
    let gpu = headless().usage()?;
    let tiles = args.tile.iter().map(|file| Document::open(file).map(Some));
    let tiles = tiles.collect::<anyhow::Result<Vec<_>>>().usage()?;
    let mut apps = Vec::new();
    for (index, document) in [document].into_iter().chain(tiles).enumerate() {
        let mut start = Settings::default();
        if args.scene_only {
            mark(&[Mark::None], &mut start.overlays);
        }
        let mut app = App::for_pictures(settings(args, start), Some(gpu.clone()));
        let label = args.label.get(index).cloned();
        app.film = args.scene_only.then_some(Film { label, caption: args.caption });
        if let Some(document) = document {
            app.show_document(document);
        }
        if let Some(view) = view {
            app.look(view);
        }
        app.timeline.playing = false;
        app.simulate_until(args.at);
        apps.push(app);
    }
    let mut tiles = Tiles::new(&gpu, args.size, args.scale, apps).usage()?;
    // The first frames only find out how large things are.
    tiles.settle();
    Ok(tiles)
}

fn screenshot(
    args: &Args,
    document: Option<Document>,
    view: Option<usize>,
    path: &Path,
) -> Result<(), Failure> {
    let picture = prepare(args, document, view)?.picture(0.0).run()?;
    write_png(path, &picture).usage()
}

fn record(args: &Args, document: Option<Document>, view: Option<usize>, path: &Path) -> Result<(), Failure> {
    Video::check(path, args.fps).usage()?;
    if document.is_none() {
        return Err(anyhow::anyhow!(
            "--record needs something to show: a run, recording, checkpoint or config"
        ))
        .usage();
    }
    let mut tiles = prepare(args, document, view)?;
    let frames = (args.seconds * f64::from(args.fps)).round().max(1.0) as u32;
    let mut video = Video::create(path, tiles.size(), args.fps, frames).usage()?;
    tiles.apps().for_each(|app| app.timeline.playing = true);
    for frame in 0..frames {
        // The first picture is the one at the wanted time.
        let step = if frame > 0 { 1.0 / f64::from(args.fps) } else { 0.0 };
        video.add(&tiles.picture(step).run()?).run()?;
    }
    video.finish().run()
}

/// Settings as the command line wants them.
fn settings(args: &Args, mut settings: Settings) -> Settings {
    if args.light {
        settings.theme = egui::ThemePreference::Light;
    }
    if args.scene_only {
        settings.panels = false;
    }
    mark(&args.show, &mut settings.overlays);
    settings
}

/// Switches on what is to be marked, and the rest off; as it is if nothing is said.
fn mark(marks: &[Mark], overlays: &mut Overlays) {
    if !marks.is_empty() {
        let on = |mark| marks.contains(&mark);
        overlays.contacts = on(Mark::Contacts);
        overlays.joints = on(Mark::Joints);
        overlays.com = on(Mark::Com);
        overlays.trail = on(Mark::Trail);
    }
}

fn window(args: &Args, document: Option<Document>, view: Option<usize>) -> Result<(), Failure> {
    let title = title(document.as_ref());
    let viewport = egui::ViewportBuilder::default()
        .with_title(title)
        .with_app_id("spindle-viewer")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([480.0, 320.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let (args, state) = (args.clone(), args.state.clone());
    let start = move |cc: &eframe::CreationContext<'_>| {
        let stored = cc.storage.and_then(|storage| storage.get_string(STORAGE));
        let kept = settings(&args, stored.map_or_else(Settings::default, |text| Settings::from_text(&text)));
        let mut app = App::new(kept, cc.wgpu_render_state.clone());
        if let Some(document) = document {
            app.settings.remember(document.source.path());
            app.show_document(document);
        }
        if let Some(view) = view {
            app.look(view);
        }
        Ok(Box::new(Reported::new(app, state)) as Box<dyn eframe::App>)
    };
    let result = eframe::run_native("spindle-viewer", options, Box::new(start));
    result
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("cannot open a window (--screenshot and --record work without a display)")
        .usage()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn refused(words: &[&str]) -> String {
        Args::try_parse_from(["viewer"].iter().chain(words)).unwrap_err().to_string()
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        assert!(refused(&["--at=-1"]).contains("must be 0 to 3600 s"));
        assert!(refused(&["--seconds", "x"]).contains("'x' is not a number of seconds"));
        assert!(refused(&["--size", "12"]).contains("'12' is not a size such as 1280x800"));
        assert!(refused(&["--size", "10x10000"]).contains("each side must be 64 to 8192 pixels"));
        assert!(refused(&["--scale", "9"]).contains("must be 0.5 to 4"));
        assert!(refused(&["--fps", "0"]).contains("1..=60"));
        assert!(refused(&["--screenshot", "a.png", "--record", "b.gif"]).contains("cannot be used with"));
        let args = Args::try_parse_from(["viewer", "run", "--size", "1920x1080"]).unwrap();
        assert_eq!((args.size, args.source), ([1920, 1080], Some(PathBuf::from("run"))));
    }

    #[test]
    fn bad_input_is_usage_with_a_message() {
        let message = |path: &str| {
            let failure = run(&Args::try_parse_from(["viewer", path]).unwrap()).unwrap_err();
            assert_eq!(failure.code(), 2);
            failure.message()
        };
        assert!(message("/nonexistent/file").contains("/nonexistent/file does not exist"));
        assert!(message("/nonexistent/a.ron").contains("a.ron"));
        let folder = tempfile::tempdir().unwrap();
        assert!(message(&folder.path().display().to_string()).contains("it has no config.ron"));
        let file = folder.path().join("a.rollout.safetensors");
        std::fs::write(&file, "nonsense").unwrap();
        assert!(message(&file.display().to_string()).contains("is not a Spindle checkpoint"));
    }
}
