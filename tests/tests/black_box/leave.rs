//! Ways out of Spindle: ONNX files, and the crates in a program of one's own (`docs/how-to/leave.md`).
//!
//! What ONNX Runtime makes of the files is checked by `tests/onnx_check.py`.

use std::error::Error;
use std::fs;
use std::path::Path;

use records::checkpoint::{Checkpoint, TensorData};
use snn::Evaluator;
use tests::{refuse, succeed, text};
use training::config::Config;
use training::evaluate::Policy;
use training::policy::{Which, load_policy};
use training::setup::Setup;

/// What acts in a run.
struct Acting {
    setup: Setup,
    policy: Policy,
    evaluator: Box<dyn Evaluator>,
}

impl Acting {
    /// The mean of a run's last checkpoint, at the start of an episode.
    fn load(run: &Path) -> Result<Self, Box<dyn Error>> {
        let checkpoint = Checkpoint::load(&run.join("checkpoints/last.safetensors"))?;
        let config: Config = checkpoint.meta("config")?;
        let setup = Setup::new(&config)?;
        let policy = load_policy(&checkpoint, &setup, Which::Mean, &config)?;
        let mut evaluator = setup.controller.evaluator(1);
        evaluator.load(0, &policy.parameters);
        evaluator.reset(0, 0);
        Ok(Self { setup, policy, evaluator })
    }

    /// From an observation as the task gives it to an action as the task takes it.
    fn act(&mut self, observation: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
        let mut x = vec![0.0; observation.len()];
        self.policy.normalizer.apply(observation, &mut x, None);
        let mut unit = vec![0.0; self.setup.controller.outputs()];
        self.evaluator.step(&[true], &x, &mut unit)?;
        let mut action = unit.clone();
        self.setup.task.spec().scale_action(&unit, &mut action);
        Ok(action)
    }
}

/// A short run with a setting of its controller.
fn train(folder: &Path, controller: &str) {
    let sets = ["strategy.population=4", "rollout.horizon=30", "run.eval_episodes=1", controller];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let basics = ["--config", "inverted_pendulum.ron", "--out", text(folder), "--generations", "2", "-q"];
    let _ = succeed(&[&basics[..], &sets].concat());
}

#[test]
fn a_program_of_ones_own_acts_as_recorded() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    train(&run, "controller.ticks=3");
    let _ = succeed(&["record", text(&run)]);
    let recording = Checkpoint::load(&run.join("episode.rollout.safetensors")).expect("a recording");
    let array = |name: &str| match recording.tensors[name].data() {
        TensorData::F32(values) => values.clone(),
        other => panic!("{name} is {other:?}"),
    };
    let (observations, actions) = (array("0.observation"), array("0.action"));
    let mut acting = Acting::load(&run).expect("a run");
    assert!(actions.len() > 5);
    for (observation, &expected) in observations.chunks_exact(4).zip(&actions) {
        assert_eq!(acting.act(observation).expect("an action"), [expected]);
    }
}

#[test]
fn a_policy_leaves_as_onnx_with_its_contract() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (run, file) = (folder.path().join("run"), folder.path().join("policy.onnx"));
    train(&run, "controller.ticks=3");
    assert_eq!(succeed(&["export", text(&run), "--onnx", text(&file)]).trim_end(), text(&file));
    let bytes = fs::read(&file).expect("file");
    let has = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    for words in
        ["observation", "next.hidden.0.v", "hidden.0.past_spikes", "control_step\x12\x040.04", "CumSum"]
    {
        assert!(has(words), "no '{words}' in the file");
    }
    assert!(has("\"unit\":\"rad/s\"") && has("nothing is random: the same observations"));
    let best = folder.path().join("best.onnx");
    let _ = succeed(&["export", text(&run), "--best", "--onnx", text(&best)]);
    assert_ne!(fs::read(&best).expect("file"), bytes);
    let lost = refuse(&["export", text(&run), "--stage", "walk", "--onnx", text(&best)], 2);
    assert!(lost.contains("walk"), "{lost}");
}

#[test]
fn what_onnx_cannot_carry_is_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = folder.path().join("policy.onnx");
    for (name, controller, words) in [
        (
            "rate",
            "controller=Snn(encoder: Rate())",
            "ONNX cannot carry the encoder 'Rate': it draws its spikes",
        ),
        (
            "plastic",
            r#"controller=Snn(plasticity: [(rule: Hebbian, blocks: ["readout.weight"])])"#,
            "ONNX cannot carry plasticity: its weights change",
        ),
    ] {
        let run = folder.path().join(name);
        train(&run, controller);
        let message = refuse(&["export", text(&run), "--onnx", text(&file)], 2);
        assert!(message.contains(words) && message.contains(name), "{message}");
        assert!(!file.exists());
    }
}
