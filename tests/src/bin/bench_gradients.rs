//! Times the training step of a spiking network and writes the table.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use snn::gradient::{
    ActivityConfig, Batch, Bptt, BpttConfig, Loss, LossConfig, SurrogateConfig, Switches, Targets, Trainer,
    TrainerConfig,
};
use snn::{HiddenLayer, LayerConfig, Precision, SnnConfig};
use tests::machine;

/// Times the training step 140 → 512 → 512 → 20, batch 128, 128 ticks, on all cores.
#[derive(Parser)]
struct Arguments {
    /// Steps per figure, after one to warm up.
    #[arg(long, default_value_t = 10)]
    steps: usize,
    /// Folder to write gradients.md into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

const INPUTS: usize = 140;
const NEURONS: usize = 512;
const CLASSES: usize = 20;
const SAMPLES: usize = 128;
const TICKS: usize = 128;
/// Scales of the weights, which set the activity.
const GAINS: [f32; 4] = [1.0, 2.0, 4.0, 8.0];

fn main() -> anyhow::Result<()> {
    let began = Instant::now();
    let arguments = Arguments::parse();
    let mut text = format!(
        "# Speed of surrogate gradients\n\n\
         Written by `cargo run -p tests --bin bench_gradients`, all figures in one sitting, on {}.\n\
         Training step (forward, back through all {TICKS} ticks, Adam) of {INPUTS} → {NEURONS} → {NEURONS} LIF → {CLASSES} leaky\n\
         integrators, batch {SAMPLES}, inputs that spike in 5 % of the ticks, neurons and surrogate of Spyx, f32; median of\n\
         {} steps. Activity: share of neurons that spike per tick, in the first and the second layer.\n\n\
         | weights | activity | training step, s | forward only, s |\n| --- | --- | --- | --- |\n",
        machine(),
        arguments.steps
    );
    let mut random = SmallRng::seed_from_u64(0);
    let inputs: Vec<f32> =
        (0..TICKS * SAMPLES * INPUTS).map(|_| f32::from(u8::from(random.random_bool(0.05)))).collect();
    let labels: Vec<usize> = (0..SAMPLES).map(|sample| sample % CLASSES).collect();
    let batch = Batch { samples: SAMPLES, inputs: &inputs, ..Batch::default() };
    let mut first = None;
    for gain in GAINS {
        let bptt = Bptt::new(&config(gain), INPUTS, CLASSES, &options())?;
        // Of mean 0 and variance 1.
        let theta: Vec<f32> =
            (0..bptt.layout().len()).map(|_| 3_f32.sqrt() * random.random_range(-1.0..1.0)).collect();
        let shape = (SAMPLES, TICKS);
        let targets = Targets::Labels(&labels);
        let loss = Loss::new(&LossConfig::default(), ActivityConfig::default(), targets, &bptt, shape)?;
        let mut trainer = Trainer::new(TrainerConfig::default(), &theta)?;
        let rates = trainer.step(&bptt, &batch, &loss)?.rates;
        first.get_or_insert_with(|| began.elapsed().as_secs_f64());
        let step = median(arguments.steps, || trainer.step(&bptt, &batch, &loss).map(drop))?;
        let forward = median(arguments.steps, || bptt.run(&theta, &batch).map(drop))?;
        writeln!(text, "| {gain} | {:.3}, {:.3} | {step:.3} | {forward:.3} |", rates[0], rates[1])?;
        eprintln!("gain {gain}: {step:.3} s");
    }
    let first = first.context("there is a first step")?;
    writeln!(text, "\nStart of the program to the end of its first step: {first:.2} s.")?;
    if let Some(peak) = peak() {
        writeln!(text, "Peak memory of the whole sitting: {peak:.0} MB.")?;
    }
    print(&text);
    std::fs::create_dir_all(&arguments.out)?;
    std::fs::write(arguments.out.join("gradients.md"), text)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn print(text: &str) {
    println!("{text}");
}

fn config(gain: f32) -> SnnConfig {
    let layer = || LayerConfig { neurons: NEURONS, model: Switches::SPYX.model(), ..LayerConfig::default() };
    SnnConfig {
        hidden: vec![HiddenLayer::Dense(layer()), HiddenLayer::Dense(layer())],
        ticks: 1,
        precision: Precision::F32Free,
        input_gain: gain,
        output_gain: 1.0,
        ..SnnConfig::default()
    }
}

fn options() -> BpttConfig {
    BpttConfig {
        surrogate: SurrogateConfig::named("fast_sigmoid"),
        detach_reset: Switches::SPYX.detached,
        window: None,
    }
}

/// Median time of a call, s.
fn median<E>(count: usize, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut times = Vec::new();
    for _ in 0..count.max(1) {
        let began = Instant::now();
        call()?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Peak resident memory of this process in MB, where the system tells.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}
