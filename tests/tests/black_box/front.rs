//! Several objectives from a config to a member of the front.

use std::fs;

use records::checkpoint::Checkpoint;
use tests::{full_column, refuse, succeed, text};

use crate::members::{Short, score};

const SHORT: Short = Short { config: "half_cheetah_front.ron", sets: &[], table: "front.csv" };

#[test]
fn fronts_have_the_same_bits_for_any_number_of_threads_and_after_resume() {
    let objectives = "objectives: [\"speed\", \"robustness\", \"height\"], population: 12";
    let mo_cma_es = format!("strategy=MoCmaEs({objectives})");
    let perceptron = [&*mo_cma_es, "controller=Mlp(hidden: [])"];
    SHORT.has_the_same_bits(&[("nsga2", &[][..]), ("mo_cma_es", &perceptron[..])]);
}

#[test]
fn a_front_is_measured_drawn_and_each_of_its_members_can_be_taken() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    SHORT.train(&run, "2", "6", &[]);
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
    let score = |more: &[&str]| score(&run, more);
    assert_eq!(score(&["--cell", &first.to_string()]), score(&[]));
    let error = refuse(&["eval", text(&run), "--cell", "12"], 2);
    assert!(error.contains("has no member 12") && error.contains("12, counted from 0"), "{error}");
}

#[test]
fn what_makes_no_front_is_refused_before_anything_runs() {
    let sets = |sets: &[&str]| SHORT.refused(sets);
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
