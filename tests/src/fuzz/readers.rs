//! Reading a file of a kind, and what a program does with it at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::{env, fs, process};

use evo::sweep::config::SweepConfig;
use evo::sweep::{Plan, check_sources};
use records::checkpoint::Checkpoint;
use records::text::{self, Document, patch};
use sim::{EngineKind, Model, StepOptions, Worlds};
use snn::nir::{self, Executor, Options};
use snn::{ControllerConfig, HiddenLayer, LayerConfig, SnnConfig};
use training::config::Config;
use training::gradient::labels::data::DataSet;
use training::gradient::{self, ArraysConfig, DataConfig, FinetuneConfig, HeidelbergConfig, Task, Teachers};
use training::policy::{Which, load_policy, not_finite};
use training::setup::Setup;

/// Bodies of a robot beyond which it is read, but not built.
const BODIES: usize = 40;
/// Configs of a sweep beyond which it is read, but not planned.
const SOURCES: usize = 8;

/// A config of evolution or of training by gradient: read, written, checked, built.
pub(super) fn config(data: &[u8]) {
    let Ok(file) = str::from_utf8(data) else { return };
    if let Ok(mut config) = text::parse::<Config>("fuzz.ron", file) {
        let again = text::to_text(&config).expect("what was read can be written");
        assert_eq!(text::parse::<Config>("again.ron", &again).expect("and read"), config);
        build(&mut config);
        let _ = (config.strategy.validate(), config.refine.map(|refine| refine.validate()));
    }
    if let Ok(config) = text::parse::<FinetuneConfig>("fuzz.ron", file) {
        let _ = match &config.task {
            None => Ok(()),
            Some(Task::Classify(task) | Task::Regress(task)) => task.validate().and(task.data.validate()),
            Some(Task::Imitate(task)) => task.validate(),
            Some(Task::Ppo(task)) => task.validate("task"),
        };
    }
}

/// Task and network, unless the config names files.
fn build(config: &mut Config) -> Option<Setup> {
    config.controller.inline_models(|_| Err(())).ok()?;
    config.env.inline_robot(|_| Err(())).ok()?;
    Setup::new(config).ok()
}

fn base() -> Config {
    static BASE: LazyLock<Config> = LazyLock::new(|| {
        let file = "(env: Ant(), strategy: OpenEs(), refine: Some(()), task: Some(Ppo()), changes: [(effect: Wind(force: Fixed(1)))])";
        text::parse("base.ron", file).expect("a config")
    });
    BASE.clone()
}

/// Options `--set`, one per line.
pub(super) fn set(data: &[u8]) {
    // The command line may hold anything, but clap takes only UTF-8.
    let Ok(file) = str::from_utf8(data) else { return };
    let sets: Vec<String> = file.lines().take(20).map(str::to_owned).collect();
    match patch::apply(base(), &sets) {
        Ok(config) => drop(text::to_text(&config).expect("what was read can be written")),
        Err(error) => drop(error.to_string()),
    }
}

/// A neuron model, which is run for some steps.
pub(super) fn equations(data: &[u8]) {
    let Ok(file) = str::from_utf8(data) else { return };
    if snn::check_model(file).is_err() {
        return;
    }
    let layer = LayerConfig { neurons: 2, model: file.to_owned(), ..LayerConfig::default() };
    let config = SnnConfig { hidden: vec![HiddenLayer::Recurrent(layer)], ..SnnConfig::default() };
    let Ok(controller) = ControllerConfig::Snn(config).build(3, 2) else { return };
    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, &vec![0.5; controller.layout().len()]);
    evaluator.reset(0, 1);
    let mut actions = [0.0; 2];
    for _ in 0..4 {
        evaluator.step(&[true], &[1.0, -2.0, 100.0], &mut actions).expect("the CPU is not lost");
        assert!(
            evaluator.fault(0) || actions.iter().all(|action| (-1.0..=1.0).contains(action)),
            "{actions:?}"
        );
    }
}

/// A robot, which moves a little in both engines.
pub(super) fn mjcf(data: &[u8]) {
    let Ok(file) = str::from_utf8(data) else { return };
    let Ok(model) = Model::from_mjcf(file, "fuzz.xml") else { return };
    if model.bodies.len() > BODIES {
        return;
    }
    let model = Arc::new(model);
    for engine in EngineKind::ALL {
        let options = StepOptions { engine, timestep: model.option.timestep, substeps: 2, iterations: 4 };
        let Ok(mut worlds) = Worlds::new(&model, 1, options, &[]) else { continue };
        worlds.step(&[true], &vec![1.0; model.nu()]);
        let _ = (worlds.bad(0), worlds.contacts(0));
    }
}

/// A network of another library, which runs for a tick.
pub(super) fn nir(data: &[u8]) {
    let Ok(graph) = nir::from_bytes(data.to_vec()) else { return };
    let _ = (nir::to_bytes(&graph), nir::guess_dt(&graph));
    let options = Options { dt: graph.dt().or(Some(1e-3)), ..Options::default() };
    let Ok(mut executor) = Executor::new(&graph, &options) else { return };
    let inputs: Vec<Vec<f32>> = executor.inputs().map(|port| vec![1.0; port.len()]).collect();
    executor.tick(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// A checkpoint of evolution or of training by gradient, with its config and its controller.
pub(super) fn checkpoint(data: &[u8]) {
    let Ok(file) = Checkpoint::from_bytes(Path::new("fuzz.safetensors"), data) else { return };
    let _ = (file.warning(), file.is_classifier(), not_finite(&file));
    let Ok(mut config) = file.meta::<Config>("config") else { return };
    let Some(setup) = build(&mut config) else { return };
    for which in [Which::Mean, Which::Best] {
        let _ = load_policy(&file, &setup, which, &config);
    }
}

/// A recording, as a teacher.
pub(super) fn recording(data: &[u8]) {
    static STUDENT: LazyLock<(Config, Setup)> = LazyLock::new(|| {
        let file = r#"(env: InvertedPendulum(), strategy: OpenEs(), task: Some(Imitate(teacher: "")))"#;
        let config = text::parse("student.ron", file).expect("a config");
        let setup = Setup::new(&config).expect("which can be built");
        (config, setup)
    });
    let Ok(recording) = Checkpoint::from_bytes(Path::new("fuzz.safetensors"), data) else { return };
    if recording.meta.get("kind").is_none_or(|kind| kind != "rollout") {
        return;
    }
    // With its hash, so that nothing is said of a missing one.
    let file = Scratch::new(&recording.to_bytes(), "safetensors");
    let (mut config, setup) = STUDENT.clone();
    if let Some(Task::Imitate(task)) = &mut config.task {
        task.teacher = file.0.display().to_string();
    }
    let _ = gradient::check(&config, &setup, &mut Teachers::default());
}

/// An array.
pub(super) fn npy(data: &[u8]) {
    let _ = records::npy::any_from_bytes(Path::new("fuzz.npy"), data);
}

/// Two arrays in an archive, `x` and `y`, as a data set.
pub(super) fn npz(data: &[u8]) {
    let file = Scratch::new(data, "npz");
    let array = |name: &str| format!("{}:{name}", file.0.display());
    let config = ArraysConfig {
        x: array("x"),
        y: array("y"),
        x_validation: None,
        y_validation: None,
        x_test: None,
        y_test: None,
        validation: 0.1,
        test: 0.1,
        classes: None,
        seed: 0,
    };
    for labels in [true, false] {
        let _ = DataSet::load(&DataConfig::Arrays(config.clone()), labels);
    }
}

/// Spike trains with labels.
pub(super) fn spikes(data: &[u8]) {
    let file = Scratch::new(data, "h5");
    let config = HeidelbergConfig {
        train: file.0.display().to_string(),
        valid: None,
        test: None,
        validation: 0.1,
        units: 700,
        pool: 5,
        frames: 100,
        dt: 0.014,
        classes: None,
        seed: 0,
    };
    let _ = DataSet::load(&DataConfig::Heidelberg(config), true);
}

/// A sweep over a config.
pub(super) fn sweep(data: &[u8]) {
    let file = Scratch::new(data, "ron");
    let Ok(document) = Document::read(&file.0) else { return };
    let Ok(sweep) = document.typed::<SweepConfig>() else { return };
    let sources = sweep.sources();
    if check_sources(&document, &sweep).is_err() || sources.len() > SOURCES {
        return;
    }
    let mut bases = Vec::new();
    for source in sources {
        let base = Config { task: None, refine: None, ..base() };
        let Ok(base) = patch::apply(base, &[&sweep.set[..], &source.set].concat()) else { return };
        if base.validate().is_err() {
            return;
        }
        bases.push(base);
    }
    let Ok(plan) = Plan::new(&document, sweep, bases, &mut Teachers::default()) else { return };
    let _ = (plan.known(), plan.short_names(), plan.tasks());
}

/// A file that is gone in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(data: &[u8], end: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("fuzz-{}-{}.{end}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::write(&path, data).expect("a file for a case");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
