//! Processor time of control steps of a robot with and without their derivatives, as JSON, in µs per world.
//!
//! `cargo run -p sim --example jacobian_speed -- MODEL.xml SUBSTEPS SWEEPS SECONDS`, on Linux. Random play
//! from the model's own configuration, anew every 100 control steps; see `tests/jacobian_speed.py`.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::sync::Arc;

use sim::{EngineKind, Jacobian, Model, StepOptions, Worlds};

/// Nanoseconds that this thread has had a processor.
fn used() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Uniform numbers from -1 to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// µs per world and control step.
fn measure(
    model: &Arc<Model>,
    options: StepOptions,
    n: usize,
    derivatives: bool,
    seconds: f64,
) -> Result<f64, Box<dyn Error>> {
    let mut worlds = Worlds::new(model, n, options, &[])?;
    let mut jacobians = vec![Jacobian::default(); n];
    let qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
    let ranges: Vec<[f32; 2]> = model.actuators.iter().map(|a| a.ctrlrange.map(|x| x as f32)).collect();
    let mut random = Random(1);
    let (mut steps, mut time) = (0, 0);
    while (time as f64) < seconds * 1e9 {
        if steps % 100 == 0 {
            for world in 0..n {
                let qvel: Vec<f32> = (0..model.nv()).map(|_| 0.1 * random.next()).collect();
                worlds.reset(world, &qpos, &qvel);
            }
        }
        let controls: Vec<f32> = (0..n)
            .flat_map(|_| &ranges)
            .map(|[low, high]| low + (high - low) * 0.5 * (1.0 + random.next()))
            .collect();
        let active = vec![true; n];
        let before = used()?;
        if derivatives {
            worlds.step_with_jacobian(&active, &controls, &[], &mut jacobians)?;
        } else {
            worlds.step(&active, &controls);
        }
        time += used()? - before;
        steps += 1;
    }
    Ok(time as f64 / 1e3 / (steps * n) as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, substeps, sweeps, seconds] = &arguments[..] else {
        return Err("MODEL.xml SUBSTEPS SWEEPS SECONDS".into());
    };
    let model = Arc::new(Model::from_mjcf_file(path)?);
    let options = StepOptions {
        engine: EngineKind::Lanes,
        timestep: model.option.timestep,
        substeps: substeps.parse()?,
        iterations: sweeps.parse()?,
    };
    let seconds: f64 = seconds.parse()?;
    let mut cells = Vec::new();
    for (name, n, derivatives) in
        [("plain_1", 1, false), ("plain_64", 64, false), ("jacobian_1", 1, true), ("jacobian_64", 64, true)]
    {
        cells.push(format!("\"{name}\": {:.3}", measure(&model, options, n, derivatives, seconds)?));
    }
    println!("{{{}}}", cells.join(", "));
    Ok(())
}
