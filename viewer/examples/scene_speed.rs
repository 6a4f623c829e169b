//! How long a picture of one ant takes, in the window's size and in that of a GIF:
//! `cargo run -p viewer --example scene_speed`.

#![expect(clippy::print_stdout, reason = "it reports")]

mod common;

use std::path::Path;
use std::time::Instant;

use common::cpu_ms;
use viewer::scene::{Actor, Camera, Draw, Renderer, Scene, Shapes, Studio, Target, View, headless};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envs/assets/ant.xml");
    let shapes = Shapes::from_model(&sim::Model::from_mjcf_file(path)?);
    let snapshot = shapes.snapshot(&shapes.qpos0()).ok_or("the reference configuration fits")?;
    let mut camera = Camera::default();
    camera.look(View::Corner);
    camera.frame(shapes.bounds(&snapshot.poses));
    let gpu = headless()?;
    let (device, queue) = (&gpu.device, &gpu.queue);
    println!("{}", gpu.adapter.get_info().name);
    for (size, samples) in [([1280, 800], 4), ([1280, 800], 1), ([320, 200], 4), ([1920, 1080], 4)] {
        for shadows in [true, false] {
            let draw = Draw { shadows, ..Draw::default() };
            let scene = Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw };
            let mut renderer = Renderer::new(device, Target::FORMAT, samples);
            let target = Target::new(device, size)?;
            let mut times = Vec::new();
            let before = cpu_ms();
            for _ in 0..20 {
                let start = Instant::now();
                renderer.render(device, queue, &scene, target.view(), size);
                device.poll(wgpu::PollType::wait_indefinitely())?;
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            let [width, height] = size;
            println!(
                "{width} × {height}, {samples} samples, shadows {shadows}: {:.1} ms (median of 20), {:.1} ms of CPU",
                times[10],
                (cpu_ms() - before) / 20.0
            );
        }
    }
    let start = Instant::now();
    let draw = Draw::default();
    let scene = Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw };
    Studio::new()?.picture(&scene, [1280, 800])?;
    println!("first picture, device and shaders included: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
