//! How fast a recording opens, the whole window is drawn while it plays it, and a raster of a million
//! spikes scrolls: `cargo run -p viewer --example window_speed -- FILE.rollout.safetensors`.

#![expect(clippy::print_stdout, reason = "it reports")]

mod common;

use std::path::{Path, PathBuf};
use std::time::Instant;

use common::cpu_ms;
use egui_wgpu::RenderState;
use viewer::app::App;
use viewer::data::document::Document;
use viewer::data::recording::{Layer, Series};
use viewer::data::spikes::Spikes;
use viewer::offscreen::Offscreen;
use viewer::panels::Pane;
use viewer::scene::headless;
use viewer::settings::Settings;

/// Frames that are timed.
const FRAMES: usize = 100;
/// Spikes of the synthetic raster.
const SPIKES: usize = 1_000_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Median and 95th percentile of what `frame` takes by the clock, and mean CPU time of all threads, which
/// other programs disturb less; the first calls are not counted.
fn time(mut frame: impl FnMut(usize) -> Outcome<()>) -> Outcome<String> {
    let mut times = Vec::with_capacity(FRAMES);
    let mut before = 0.0;
    for index in 0..FRAMES + 5 {
        if index == 5 {
            before = cpu_ms();
        }
        let start = Instant::now();
        frame(index)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let cpu = (cpu_ms() - before) / FRAMES as f64;
    let mut times = times.split_off(5);
    times.sort_by(f64::total_cmp);
    let (median, late) = (times[FRAMES / 2], times[FRAMES * 95 / 100]);
    Ok(format!("{median:.1} ms, {late:.1} ms at the 95th percentile, {cpu:.1} ms of CPU"))
}

fn main() -> Outcome<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which recording?")?;
    let gpu = headless()?;
    println!("{}; medians of {FRAMES} frames, read back included", gpu.adapter.get_info().name);
    for size in [[1280, 800], [1920, 1080], [3840, 2160]] {
        for fast in [false, true] {
            playing(&gpu, &path, size, fast)?;
        }
    }
    scrolling(&gpu, &path)
}

/// The whole window while it plays, drawn quickly or well.
fn playing(gpu: &RenderState, path: &Path, size: [u32; 2], fast: bool) -> Outcome<()> {
    let (start, before) = (Instant::now(), cpu_ms());
    let document = Document::open(path)?;
    let (opened, cpu) = (start.elapsed().as_secs_f64() * 1e3, cpu_ms() - before);
    let recording = document.recording();
    let (steps, neurons) = (recording.steps(), recording.layers[0].neurons);
    let settings = Settings { fast: Some(fast), ..Settings::default() };
    let mut app = App::new(settings, Some(gpu.clone()));
    app.show_document(document);
    let mut window = Offscreen::new(gpu.clone(), size, if size[0] > 2000 { 2.0 } else { 1.0 })?;
    window.picture(0.0, |ui| app.show_exactly(ui, 0.0))?;
    let first = start.elapsed().as_secs_f64() * 1e3;
    app.timeline.playing = true;
    let step = 1.0 / 60.0;
    let frames = time(|_| Ok(window.picture(step, |ui| app.show_exactly(ui, step)).map(drop)?))?;
    // What is not drawing pixels: simulation of the interface, layout, shapes.
    let layout = time(|_| {
        window.run(step, |ui| app.show_exactly(ui, step));
        Ok(())
    })?;
    let [width, height] = size;
    println!(
        "{width} × {height}, fast {fast}: {steps} steps of {neurons} neurons opened in {opened:.0} ms ({cpu:.0} ms of \
         CPU), first frame after {first:.0} ms; a frame {frames}; of it layout and scene {layout}"
    );
    Ok(())
}

/// The panel with the spikes as it scrolls through a million of them.
fn scrolling(gpu: &RenderState, path: &Path) -> Outcome<()> {
    let mut document = Document::open(path)?;
    let recording = &mut document.episodes[0];
    let (neurons, ticks) = (256, 4);
    let steps = recording.steps();
    let mut spikes = Spikes::new(ticks);
    let (mut made, mut x) = (0, 1u32);
    for step in 0..steps {
        let due = SPIKES * (step + 1) / steps;
        let all = neurons * ticks;
        let mut fired: Vec<usize> = Vec::new();
        while made < due {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            fired.push((x >> 8) as usize % all);
            made += 1;
        }
        fired.sort_unstable();
        spikes.push_step(fired.into_iter().map(|at| (at / neurons, at % neurons)));
    }
    recording.layers = vec![Layer {
        name: "hidden.0".into(),
        neurons,
        ticks,
        continuous: false,
        spikes,
        states: vec![Series::new("v")],
        traces: Vec::new(),
    }];
    let duration = recording.duration();
    let mut app = App::new(Settings::default(), Some(gpu.clone()));
    app.show_document(document);
    let mut window = Offscreen::new(gpu.clone(), [1280, 400], 1.0)?;
    for share in [0.2, 1.0] {
        let length = share * duration * 0.99;
        let frames = time(|index| {
            let start = (duration - length) * (index as f64 / (FRAMES + 5) as f64);
            app.timeline.window = Some((start, start + length));
            Ok(window.picture(0.01, |ui| app.show_panel(ui, Pane::Raster)).map(drop)?)
        })?;
        println!(
            "{SPIKES} spikes, {:.0} % of them in view, scrolling by every frame: {frames}",
            share * 100.0
        );
    }
    Ok(())
}
