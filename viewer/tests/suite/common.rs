//! Documents and runs for the tests, made without training.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests; a check that cannot be made is told")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use evo::commands;
use records::columns::header;
use records::folder::{First, RunFolder};
use records::metrics::MetricsWriter;
use records::text;
use training::backend::BackendChoice;
use training::config::Config;
use training::learner::Learner as _;
use training::trainer::Trainer;
use viewer::data::document::Document;
use viewer::data::recording::{End, Header, Layer, Recording, Row, Series};
use viewer::data::rollout_file::RolloutFile;
use viewer::data::source::Source;
use viewer::data::spikes::Spikes;
use viewer::scene::Shapes;

/// The program, as if there were no display.
pub fn viewer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewer"));
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(name);
    }
    command
}

/// What a program has printed.
pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Whether a program that a test needs can be started by `trial`. Under `tests/run`, which installs
/// them, it must; elsewhere its absence is said, and the test ends there.
pub fn required(name: &str, trial: &mut Command) -> bool {
    let found = trial.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("SPINDLE_ALL_TESTS").is_none(), "{name} was not found");
    if !found {
        eprintln!("not checked for want of {name}");
    }
    found
}

/// The pictures of a PNG, animated or not.
pub fn decode(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let count = reader.info().animation_control.map_or(1, |control| control.num_frames);
    let mut frame = || {
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    };
    (0..count).map(|_| frame()).collect()
}

/// A short config of the pendulum with a small spiking network.
pub const PENDULUM: &str = "(
    env: InvertedPendulum(),
    controller: Snn(hidden: [Recurrent(neurons: 12, model: \"lif\")]),
    strategy: OpenEs(population: 4),
    rollout: (horizon: 20),
    run: (generations: 5, seed: 1, eval_every: 0, checkpoint_every: 1),
)";

pub fn config(text: &str) -> Config {
    text::parse("test.ron", text).unwrap()
}

/// A number without a pattern, the same on every machine.
fn noise(seed: usize) -> f32 {
    let x = (seed as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(0x9E37_79B9);
    (x >> 8) as f32 / (1 << 24) as f32
}

/// An ant that was recorded for five seconds, invented: the same picture whatever the physics.
pub fn ant() -> Document {
    let config = config("(env: Ant(), strategy: OpenEs())");
    let task = config.env.build().unwrap();
    let (spec, model) = (task.spec(), task.model());
    let controller = config.controller.build(spec.observations.len(), spec.actions.len()).unwrap();
    let parameters = (0..controller.layout().len()).map(|i| noise(i) + noise(i + 7919) - 1.0).collect();
    let names = |channels: &[envs::Channel]| channels.iter().map(|c| c.name.clone()).collect();
    let header = Header {
        env: "ant".into(),
        engine: "rapier".into(),
        control_dt: 0.05,
        nq: model.nq(),
        observations: names(&spec.observations),
        actions: names(&spec.actions),
        terms: spec.terms.iter().map(|&term| term.to_owned()).collect(),
        goals: Vec::new(),
    };
    let mut start: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
    // On its feet, in the middle of each ankle's range.
    for (ankle, angle) in [(8, 0.9), (10, -0.9), (12, -0.9), (14, 0.9)] {
        start[ankle] = angle;
    }
    let shapes = Shapes::from_model(model);
    let mut recording = Recording::new(header, &start);
    recording.layers = vec![layer("hidden.0", 64, 4), layer("readout", 8, 0)];
    for step in 0..100 {
        let wave = |k: usize| (step as f32 * 0.11 + k as f32 * 0.7).sin();
        let mut qpos = start.clone();
        qpos[0] = step as f32 * 0.02;
        // Hips turn, ankles hardly: feet near the ground stay there.
        let swing = |k: usize| if k.is_multiple_of(2) { 0.05 } else { 0.2 };
        qpos.iter_mut().enumerate().skip(7).for_each(|(k, q)| *q += swing(k) * wave(k));
        // Its lowest foot touches the ground.
        let lowest = soles(&shapes, &qpos).map(|(_, sole)| sole[2]).into_iter().fold(f32::INFINITY, f32::min);
        qpos[2] -= lowest;
        let row = |n: usize| (0..n).map(wave).collect::<Vec<_>>();
        recording.push(&Row {
            qpos: &qpos,
            observation: &row(spec.observations.len()),
            action: &row(spec.actions.len()),
            terms: &[1.0 + wave(0), 1.0, -0.3 * wave(1).abs()],
            push: None,
            contacts: &feet(&shapes, &qpos),
            goals: &[],
        });
        grow(&mut recording.layers[0], step);
        recording.layers[1].states[0].values.extend(row(8));
    }
    recording.end = End::Truncated;
    let file = RolloutFile { config, parameters: Some(parameters), episodes: vec![recording] };
    Document::from_rollout(file, Source::Rollout(PathBuf::from("ant.rollout.safetensors"))).unwrap()
}

/// The lowest point of each foot of the ant, with its body. A foot is a capsule from the body's origin.
pub fn soles(shapes: &Shapes, qpos: &[f32]) -> [(usize, [f32; 3]); 4] {
    let poses = shapes.snapshot(qpos).unwrap().poses;
    [4, 7, 10, 13].map(|body| {
        let geom = shapes.geoms().iter().find(|geom| geom.body == body).unwrap();
        let [x, y, z, w, i, j, k] = poses[body];
        let turn = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, i, j, k));
        let tip = turn * nalgebra::Vector3::from(geom.pos.map(|p| 2.0 * p as f32));
        (body, [x + tip.x, y + tip.y, z + tip.z - 0.08])
    })
}

/// Where feet of the ant touch the ground, with their bodies. MuJoCo's soft contacts hold them up to 3 cm above it.
pub fn touching(shapes: &Shapes, qpos: &[f32]) -> Vec<(usize, [f32; 3])> {
    let near = |(body, [x, y, z]): (usize, [f32; 3])| (z.abs() < 0.03).then_some((body, [x, y, 0.0]));
    soles(shapes, qpos).into_iter().filter_map(near).collect()
}

/// The contacts of the ant's feet with the ground.
fn feet(shapes: &Shapes, qpos: &[f32]) -> Vec<sim::Contact> {
    let foot = |(body, position)| sim::Contact { bodies: [0, body], position, force: [2.0, 0.0, 5.0] };
    touching(shapes, qpos).into_iter().map(foot).collect()
}

fn layer(name: &str, neurons: usize, ticks: usize) -> Layer {
    let traces = if ticks > 0 { vec![Series::new("membrane"), Series::new("threshold")] } else { Vec::new() };
    Layer {
        name: name.into(),
        neurons,
        ticks,
        continuous: false,
        spikes: Spikes::new(ticks),
        states: vec![Series::new(if ticks > 0 { "v" } else { "r" })],
        traces,
    }
}

/// A control step of waves of spikes.
fn grow(layer: &mut Layer, step: usize) {
    let (neurons, ticks) = (layer.neurons, layer.ticks);
    let potential = |tick: usize, n: usize| {
        let t = (step * ticks + tick) as f32;
        (t * 0.05 + n as f32 * 0.3).sin() + 0.8 * noise((step * ticks + tick) * neurons + n)
    };
    let places = (0..ticks).flat_map(|tick| (0..neurons).map(move |n| (tick, n)));
    layer.spikes.push_step(places.clone().filter(|&(tick, n)| potential(tick, n) > 1.0));
    layer.traces[0].values.extend(places.map(|(tick, n)| potential(tick, n)));
    layer.traces[1].values.extend(vec![1.0; ticks * neurons]);
    layer.states[0].values.extend((0..neurons).map(|n| potential(ticks - 1, n)));
}

/// A run under way, generation by generation.
pub struct Training {
    pub folder: RunFolder,
    trainer: Trainer,
    metrics: MetricsWriter,
}

impl Training {
    pub fn start(path: &Path) -> Self {
        Self::of(&config(PENDULUM), path)
    }

    pub fn of(config: &Config, path: &Path) -> Self {
        let text = text::to_text(config).unwrap();
        let trainer = Trainer::new(config, 1, BackendChoice::Cpu).unwrap();
        let terms = trainer.columns();
        let first = First {
            config: &text,
            provenance: "{}".to_owned(),
            metrics: header(&terms, false),
            checkpoint: trainer.checkpoint().to_bytes(),
            ended: None,
        };
        let (folder, _) = RunFolder::create(Some(path), "run", 1, &first).unwrap();
        let (metrics, _) = MetricsWriter::resume(&folder.metrics(), &terms, false, (0, None)).unwrap();
        Self { folder, trainer, metrics }
    }

    pub fn generation(&mut self) {
        let row = self.trainer.advance().unwrap();
        self.metrics.push(&row).unwrap();
        let checkpoint = self.trainer.checkpoint();
        checkpoint.save(&self.folder.numbered(self.trainer.generation())).unwrap();
        checkpoint.save(&self.folder.last()).unwrap();
    }

    pub fn finish(&self) {
        self.folder.write_json(&self.folder.summary(), &serde_json::json!({})).unwrap();
    }
}

/// A finished run of two generations and a recording of it, as `evo record` writes it.
pub fn run_and_recording(root: &Path) -> (PathBuf, PathBuf) {
    let path = root.join("run");
    let mut training = Training::start(&path);
    (0..2).for_each(|_| training.generation());
    training.finish();
    let recording = root.join("a.rollout.safetensors");
    let words = ["evo", "record", &path.display().to_string(), "--episodes", "2", "--out"].map(str::to_owned);
    let verb = evo::cli::parse(words.into_iter().chain([recording.display().to_string()])).unwrap();
    commands::run(verb).unwrap();
    (path, recording)
}
