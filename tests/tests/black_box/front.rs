//! Several objectives from a config to a member of the front.

use std::fs;
use std::path::Path;

use records::checkpoint::Checkpoint;
use tests::{full_column, refuse, succeed, text, untimed_metrics as metrics};

const SMALL: [&str; 14] = [
    "--config",
    "half_cheetah_front.ron",
    "--set",
    "strategy.population=12",
    "--set",
    "rollout.horizon=30",
    "--set",
    "rollout.episodes=2",
    "--set",
    "run.eval_every=3",
    "--set",
    "run.eval_episodes=2",
    "--set",
    "run.checkpoint_every=2",
];

fn train(out: &Path, threads: &str, generations: &str, more: &[&str]) {
    let own = ["--out", text(out), "--threads", threads, "--generations", generations, "-q"];
    let _ = succeed(&[&SMALL[..], &own[..], more].concat());
}

fn last(run: &Path) -> Vec<u8> {
    fs::read(run.join("checkpoints/last.safetensors")).expect("checkpoint")
}

#[test]
fn fronts_have_the_same_bits_for_any_number_of_threads_and_after_resume() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let objectives = "objectives: [\"speed\", \"robustness\", \"height\"], population: 12";
    let mo_cma_es = format!("strategy=MoCmaEs({objectives})");
    let perceptron = ["--set", &mo_cma_es, "--set", "controller=Mlp(hidden: [])"];
    for (name, more) in [("nsga2", &[][..]), ("mo_cma_es", &perceptron[..])] {
        let at = |which: &str| folder.path().join(format!("{name}_{which}"));
        let (one, two, parts) = (at("one"), at("two"), at("parts"));
        train(&one, "1", "6", more);
        train(&two, "2", "6", more);
        train(&parts, "2", "3", more);
        let _ = succeed(&["resume", text(&parts), "--generations", "6", "--threads", "1", "-q"]);
        for other in [&two, &parts] {
            assert_eq!(metrics(&one), metrics(other), "{name}");
            let table = |run: &Path| fs::read(run.join("front.csv")).expect("table");
            assert_eq!(table(&one), table(other));
        }
        assert!(last(&one) == last(&two), "{name}: checkpoints differ");
    }
}

#[test]
fn a_front_is_measured_drawn_and_each_of_its_members_can_be_taken() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    train(&run, "2", "6", &[]);
    assert!(full_column(&run, "hypervolume").is_sorted());
    let front = full_column(&run, "front")[5];
    let table = fs::read_to_string(run.join("front.csv")).expect("table");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("cell,\"return\",\"energy\""));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().expect("number")).collect()).collect();
    assert_eq!(rows.len() as f64, front);
    // By falling return, which costs more and more operations.
    assert!(rows.windows(2).all(|pair| pair[0][1] >= pair[1][1] && pair[0][2] >= pair[1][2]), "{rows:?}");
    assert!(rows.iter().all(|row| row[2] > 0.0), "operations are shown as they are counted");

    for file in ["front.svg", "front.png", "front.csv"] {
        fs::remove_file(run.join(file)).expect("file");
    }
    let said = succeed(&["plot", text(&run)]);
    for file in ["front.svg", "front.png", "front.csv"] {
        assert!(said.contains(file) && run.join(file).exists(), "{file}: {said}");
    }
    let picture = fs::read_to_string(run.join("front.svg")).expect("picture");
    assert!(picture.contains("synaptic operations per control step"));

    // The mean is the member with the best return.
    let checkpoint = Checkpoint::load(&run.join("checkpoints/last.safetensors")).expect("checkpoint").told();
    let shape = checkpoint.tensors["strategy.front.parameters"].shape().to_vec();
    let all = checkpoint.f64("strategy.front.parameters", &shape).expect("parameters");
    let mean = checkpoint.f32("mean", &[shape[1]]).expect("mean");
    let first = rows[0][0] as usize;
    assert!(all[first * shape[1]..][..shape[1]].iter().zip(mean).all(|(&x, &mean)| x as f32 == mean));
    let score = |more: &[&str]| {
        let eval = ["eval", text(&run), "--episodes", "2", "--json"];
        serde_json::from_str::<serde_json::Value>(&succeed(&[&eval[..], more].concat())).expect("JSON")
    };
    assert_eq!(score(&["--cell", &first.to_string()]), score(&[]));
    let error = refuse(&["eval", text(&run), "--cell", "12"], 2);
    assert!(error.contains("has no member 12") && error.contains("12, counted from 0"), "{error}");
}

#[test]
fn what_makes_no_front_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let sets = |sets: &[&str]| {
        let words = sets.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = SMALL.iter().copied().chain(words).chain(["--out", text(&out)]).collect();
        let error = refuse(&words, 2);
        assert!(!out.exists(), "{error}");
        error
    };
    let error = sets(&["strategy.objectives=[\"return\", \"hight\"]"]);
    let valid = "has no objective \"hight\" (valid: return, energy, robustness, speed, x, height,";
    assert!(error.contains(valid), "{error}");
    let error = sets(&["env=Reacher()", "strategy.objectives=[\"return\", \"speed\"]"]);
    assert!(error.contains("has no objective \"speed\" (valid: return, energy, robustness)"), "{error}");
    let error = sets(&["rollout.normalize=true"]);
    assert!(error.contains("rollout.normalize = true: must be false with Nsga2"), "{error}");
    let error = sets(&["strategy=Constrained()"]);
    assert!(error.contains("constraints are for functions of your own"), "{error}");
}
