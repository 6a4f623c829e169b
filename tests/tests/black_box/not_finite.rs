//! What leaves the finite numbers, a search or the physics, neither destroys a result nor pays.

use std::fs;
use std::path::Path;

use records::checkpoint::{Checkpoint, TensorData};
use serde_json::Value;
use tests::{full_column, refuse, run, succeed, text};

fn last(folder: &Path) -> std::path::PathBuf {
    folder.join("checkpoints/last.safetensors")
}

fn is_finite(checkpoint: &Checkpoint) -> bool {
    checkpoint.tensors.values().all(|tensor| match tensor.data() {
        TensorData::F32(values) => values.iter().all(|x| x.is_finite()),
        TensorData::F64(values) => values.iter().all(|x| x.is_finite()),
        TensorData::U8(_) => true,
    })
}

#[test]
fn a_search_that_diverges_leaves_its_last_finite_state() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let sets = [
        "--set",
        "strategy.optimizer=Sgd(learning_rate: 1e12, momentum: 0.99)",
        "--set",
        "strategy.weight_decay=1e-3",
        "--set",
        "run.checkpoint_every=1",
    ];
    let config = ["--config", "inverted_pendulum.ron", "--generations", "40", "--out", text(&out), "-q"];
    let message = refuse(&[&config[..], &sets].concat(), 1);
    assert!(message.contains("no longer finite"), "{message}");
    let left = fs::read(last(&out)).expect("a checkpoint");
    let checkpoint = Checkpoint::load(&last(&out)).expect("a checkpoint");
    assert!(is_finite(&checkpoint), "{:?}", checkpoint.tensors.keys());
    let generation: u64 = checkpoint.meta("generation").expect("a number");
    assert!(generation >= 1);
    assert!(message.contains(&format!("has the state after generation {generation}")), "{message}");
    assert_eq!(tests::generations(&out) as u64, generation);
    let numbered = fs::read(out.join(format!("checkpoints/gen_{generation:06}.safetensors")));
    assert!(numbered.expect("a checkpoint") == left, "the last good generation is the last one");
    let _ = succeed(&["eval", text(&out), "--episodes", "1"]);
    // It diverges again, and nothing is lost by that either.
    let again = refuse(&["resume", text(&out), "-q"], 1);
    assert!(again.contains("no longer finite"), "{again}");
    assert!(fs::read(last(&out)).expect("a checkpoint") == left);
}

#[test]
fn no_run_goes_on_from_numbers_that_are_not_finite() {
    let folder = tempfile::tempdir().expect("scratch folder");
    for (name, arguments, tensors) in [
        ("evolved", &["--config", "inverted_pendulum.ron"][..], &["strategy.optimizer.first", "mean"][..]),
        (
            "ppo",
            &["finetune", "--config", "inverted_pendulum_ppo.ron", "--set", "task.steps=16"],
            &["trainer.second", "critic.theta", "noise.log", "world.discounted", "reward_scale"],
        ),
    ] {
        let out = folder.path().join(name);
        let _ = succeed(&[arguments, &["--generations", "1", "-q", "--out", text(&out)]].concat());
        let good = Checkpoint::load(&last(&out)).expect("a checkpoint");
        for tensor in tensors {
            let mut bad = good.clone();
            let before = &bad.tensors[*tensor];
            let shape = before.shape().to_vec();
            let data = match before.data().clone() {
                TensorData::F32(mut values) => {
                    values[0] = f32::NAN;
                    TensorData::F32(values)
                }
                TensorData::F64(mut values) => {
                    values[0] = f64::INFINITY;
                    TensorData::F64(values)
                }
                TensorData::U8(_) => panic!("{tensor} has numbers"),
            };
            bad.tensors.insert((*tensor).to_owned(), records::checkpoint::Tensor::new(&shape, data));
            bad.save(&last(&out)).expect("a checkpoint");
            let message = refuse(&["resume", text(&out), "--generations", "2", "-q"], 2);
            let expected = format!("last.safetensors: tensor '{tensor}' holds numbers that are not finite");
            assert!(message.contains(&expected), "{message}");
        }
        good.save(&last(&out)).expect("a checkpoint");
        let _ = succeed(&["resume", text(&out), "--generations", "2", "-q"]);
    }
}

/// A blow-up ends an episode early, and each step of this task costs.
#[test]
fn blowing_up_does_not_pay() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let strong = ["--set", "changes=[(effect: Motors(strength: Fixed(300.0), which: All))]"];
    let small = [
        "stages=[]",
        "controller=Snn(hidden: [Recurrent(neurons: 64)])",
        "strategy=OpenEs(population: 32, sigma: 0.05, optimizer: Adam(learning_rate: 0.02))",
        "rollout.episodes=2",
        "run.eval_every=0",
        "run.eval_episodes=16",
        "physics.validate=None",
    ];
    let config = ["--config", "reacher.ron", "--generations", "20", "--out", text(&out)];
    let sets = small.iter().flat_map(|set| ["--set", set]).chain(strong);
    let output = run(&config.into_iter().chain(sets).collect::<Vec<_>>());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let log = fs::read_to_string(out.join("log.txt")).expect("a log");
    for told in [&*stderr, &log] {
        assert!(told.contains("episodes of generation 1; members with such an episode rank last"), "{told}");
    }
    let summary = fs::read_to_string(out.join("summary.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    assert!(summary["blow_ups"].as_u64() > Some(0), "{summary}");
    // Of 50 steps; with a reward for blowing up it falls to 2.
    let lengths = full_column(&out, "episode_length_mean");
    assert!(lengths[0] < 30.0 && lengths[15..].iter().all(|&length| length > 40.0), "{lengths:?}");
    let report = succeed(&["eval", text(&out), "--episodes", "16", "--json"]);
    let report: Value = serde_json::from_str(&report).expect("one JSON object");
    assert!(report["blow_ups"].as_u64().is_some_and(|count| count <= 2), "{report}");
}

#[test]
fn a_generation_in_which_every_member_blows_up_says_so() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let set = "changes=[(effect: Motors(strength: Fixed(1000.0), which: All))]";
    let controller = "controller=Snn(hidden: [Recurrent(neurons: 64)])";
    let strategy = "strategy=OpenEs(population: 4, sigma: 0.05)";
    let sets = ["stages=[]", controller, strategy, "rollout.episodes=2", set];
    let small: Vec<&str> = sets.into_iter().flat_map(|set| ["--set", set]).chain(["-q"]).collect();
    let message = refuse(&[&["--config", "reacher.ron", "--out", text(&out)], &small[..]].concat(), 1);
    let expected = "generation 0: no member has a finite fitness; of 8 episodes the physics blew up in ";
    assert!(message.contains(expected), "{message}");
}
