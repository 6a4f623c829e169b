//! How fast the whole window is drawn while it plays a recording, and how fast a recording opens:
//! `cargo run -p viewer --example window_speed -- FILE.rollout.safetensors`.

#![expect(clippy::print_stdout, reason = "it reports")]

use std::path::PathBuf;
use std::time::Instant;

use viewer::app::App;
use viewer::data::document::Document;
use viewer::offscreen::{Offscreen, render_state};
use viewer::settings::Settings;

/// Frames that are timed.
const FRAMES: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which recording?")?;
    let gpu = render_state()?;
    println!("{}", gpu.adapter.get_info().name);
    for size in [[1280, 800], [1920, 1080], [3840, 2160]] {
        let start = Instant::now();
        let document = Document::open(&path)?;
        let opened = start.elapsed().as_secs_f64() * 1e3;
        let steps = document.recording().steps();
        let mut app = App::new(Settings::default(), Some(gpu.clone()));
        app.show_document(document);
        let mut window = Offscreen::new(gpu.clone(), size, if size[0] > 2000 { 2.0 } else { 1.0 });
        window.picture(0.0, |ui| app.show(ui))?;
        let first = start.elapsed().as_secs_f64() * 1e3;
        app.timeline.playing = true;
        let mut times = Vec::with_capacity(FRAMES);
        for _ in 0..FRAMES {
            let start = Instant::now();
            window.picture(1.0 / 60.0, |ui| app.show(ui))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let [width, height] = size;
        println!(
            "{width} × {height}: {steps} steps opened in {opened:.0} ms, first frame after {first:.0} ms; \
             playing, {:.1} ms per frame (median of {FRAMES}), {:.1} ms at the 95th percentile, read back \
             included",
            times[FRAMES / 2],
            times[FRAMES * 95 / 100]
        );
    }
    Ok(())
}
