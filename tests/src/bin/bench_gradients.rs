//! Steps of surrogate-gradient training on the word of `tests/gradients_speed.py`, which compares
//! libraries and writes the table.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use snn::gradient::{
    ActivityConfig, Batch, Bptt, BpttConfig, Loss, LossConfig, SurrogateConfig, Targets, Trainer,
    TrainerConfig,
};
use snn::{DecoderConfig, HiddenLayer, LayerConfig, Membrane, Precision, SnnConfig, Switches};

/// Does the training step 140 → 512 → 512 → 20, batch 128, 128 ticks, on all cores: one at the start,
/// then one for each line of standard input. Answers each with a line of JSON.
#[derive(Parser)]
struct Arguments {
    /// Folder with `x.u8` `[ticks][samples][inputs]` of 0 and 1, and the weights `w0.f32`, `w1.f32` and
    /// `w2.f32` `[sources][targets]`, little-endian.
    inputs: PathBuf,
    /// The library whose neurons and surrogate it takes.
    #[arg(long, default_value = "spyx", value_parser = Switches::NAMES)]
    like: String,
    /// What the weights are multiplied with, which sets the activity.
    #[arg(long, default_value_t = 1.0)]
    gain: f32,
    /// Ticks through which a gradient flows; default all.
    #[arg(long)]
    window: Option<usize>,
    /// Only run the network, without gradients.
    #[arg(long)]
    forward: bool,
}

const INPUTS: usize = 140;
const NEURONS: usize = 512;
const CLASSES: usize = 20;
const SAMPLES: usize = 128;
const TICKS: usize = 128;
/// The readout of the other libraries, whose input is not scaled.
const INTEGRATOR: &str = "model integrator\nparam decay = 0.8\nstate r = 0\nr = decay*r + I\n";

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let bytes = read(&arguments.inputs, "x.u8", TICKS * SAMPLES * INPUTS)?;
    let inputs: Vec<f32> = bytes.into_iter().map(f32::from).collect();
    let labels: Vec<usize> = (0..SAMPLES).map(|sample| sample % CLASSES).collect();
    let batch = Batch { samples: SAMPLES, inputs: &inputs, ..Batch::default() };
    let options = BpttConfig {
        surrogate: SurrogateConfig::of_library(&arguments.like).context("the name is one of the list")?,
        window: arguments.window,
        ..BpttConfig::default()
    };
    let bptt = Bptt::new(&config(&arguments.like), INPUTS, CLASSES, &options)?;
    let mut theta = vec![0.0; bptt.layout().len()];
    for (index, name) in ["hidden.0.input", "hidden.1.input", "readout.weight"].into_iter().enumerate() {
        let (sources, targets) = ([INPUTS, NEURONS, NEURONS][index], [NEURONS, NEURONS, CLASSES][index]);
        let weights = read(&arguments.inputs, &format!("w{index}.f32"), 4 * sources * targets)?;
        let block = bptt.layout().block(name).with_context(|| format!("the network has a block {name}"))?;
        for (place, bytes) in weights.as_chunks().0.iter().enumerate() {
            let at = block.index(place / targets, place % targets).context("all connections exist")?;
            theta[at] = arguments.gain * f32::from_le_bytes(*bytes) / block.scale;
        }
    }
    let targets = Targets::Labels(&labels);
    let loss =
        Loss::new(&LossConfig::default(), ActivityConfig::default(), targets, &bptt, (SAMPLES, TICKS))?;
    let mut trainer = Trainer::new(TrainerConfig::default(), &theta)?;
    let mut step = || -> anyhow::Result<()> {
        let began = Instant::now();
        let (value, rates) = if arguments.forward {
            bptt.run(&theta, &batch)?;
            (0.0, Vec::new())
        } else {
            let gradient = trainer.step(&bptt, &batch, &loss)?;
            (gradient.loss, gradient.rates)
        };
        let seconds = began.elapsed().as_secs_f64();
        let line = serde_json::json!({ "seconds": seconds, "loss": value, "rates": rates });
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    };
    step()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        step()?;
    }
    Ok(())
}

fn read(folder: &Path, name: &str, bytes: usize) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(name);
    let read = std::fs::read(&path).with_context(|| path.display().to_string())?;
    anyhow::ensure!(read.len() == bytes, "{} has {} bytes, not {bytes}", path.display(), read.len());
    Ok(read)
}

fn config(like: &str) -> SnnConfig {
    let layer = || LayerConfig { neurons: NEURONS, like: Some(like.into()), ..LayerConfig::default() };
    SnnConfig {
        hidden: vec![HiddenLayer::Dense(layer()), HiddenLayer::Dense(layer())],
        decoder: DecoderConfig::Membrane(Membrane { model: INTEGRATOR.into(), ..Membrane::default() }),
        ticks: 1,
        precision: Precision::F32Free,
        ..SnnConfig::default()
    }
}
