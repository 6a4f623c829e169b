//! Quality diversity from a config to a cell of the archive.

use std::fs;

use records::checkpoint::Checkpoint;
use tests::{full_column, refuse, succeed, text};

use crate::members::{Short, score};

const SHORT: Short = Short {
    config: "ant_archive.ron",
    sets: &["strategy.archive=Grid(cells: [8, 8])"],
    table: "archive.csv",
};

#[test]
fn archives_have_the_same_bits_for_any_number_of_threads_and_after_resume() {
    // One of each family; emitters begin anew within these generations.
    let emitters = ["strategy=CmaMae(descriptors: [\"x\", \"y\"], population: 12, separable: true)"];
    SHORT.has_the_same_bits(&[("map_elites", &[][..]), ("cma_mae", &emitters[..])]);
}

#[test]
fn an_archive_is_measured_drawn_and_each_of_its_cells_can_be_taken() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    SHORT.train(&run, "2", "6", &[]);
    let coverage = full_column(&run, "coverage");
    assert!(coverage.is_sorted() && coverage[5] > 0.0, "{coverage:?}");
    assert!(full_column(&run, "qd_score").is_sorted());
    let most = full_column(&run, "archive_max");
    assert!(most.is_sorted(), "{most:?}");

    let table = fs::read_to_string(run.join("archive.csv")).expect("table");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("cell,fitness,\"front_left_foot contact\",\"front_right_foot contact\""));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().expect("number")).collect()).collect();
    assert_eq!(rows.len() as f64, 64.0 * coverage[5]);
    for row in &rows {
        let place = |x: f64| ((x * 8.0) as usize).min(7);
        assert_eq!(row[0] as usize, 8 * place(row[2]) + place(row[3]), "{row:?}");
    }
    let best = rows.iter().map(|row| row[1]).fold(f64::MIN, f64::max);
    assert_eq!(best, most[5]);

    // Drawn at the end of the run, and again.
    for file in ["archive.svg", "archive.png", "archive.csv"] {
        fs::remove_file(run.join(file)).expect("file");
    }
    let said = succeed(&["plot", text(&run)]);
    for file in ["archive.svg", "archive.png", "archive.csv"] {
        assert!(said.contains(file) && run.join(file).exists(), "{file}: {said}");
    }
    assert_eq!(fs::read_to_string(run.join("archive.csv")).expect("table"), table);
    let map = fs::read_to_string(run.join("archive.svg")).expect("map");
    assert!(map.contains("front_left_foot contact") && map.contains(&format!("{} of 64 cells", rows.len())));

    // A cell is the elite that the checkpoint has of it, and the mean is the best one.
    let checkpoint = Checkpoint::load(&run.join("checkpoints/last.safetensors")).expect("checkpoint").told();
    let top = rows.iter().find(|row| row[1] == best).expect("one").clone();
    let shape = checkpoint.tensors["strategy.archive.parameters"].shape().to_vec();
    let all = checkpoint.f64("strategy.archive.parameters", &shape).expect("parameters");
    let index = rows.iter().position(|row| row[0] == top[0]).expect("one");
    let mean = checkpoint.f32("mean", &[shape[1]]).expect("mean");
    assert!(all[index * shape[1]..][..shape[1]].iter().zip(mean).all(|(&x, &mean)| x as f32 == mean));
    let score = |more: &[&str]| score(&run, more);
    let cell = |row: &[f64]| (row[0] as usize).to_string();
    assert_eq!(score(&["--cell", &cell(&top)]), score(&[]));
    if let Some(other) = rows.iter().find(|row| row[0] != top[0]) {
        assert_ne!(score(&["--cell", &cell(other)])["returns"], score(&[])["returns"]);
    }
    let film = folder.path().join("cell.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--cell", &cell(&top), "--out", text(&film)]);
    assert!(film.exists());
    let empty = (0..64).find(|cell| rows.iter().all(|row| row[0] != f64::from(*cell))).expect("one is empty");
    let error = refuse(&["eval", text(&run), "--cell", &empty.to_string()], 2);
    assert!(
        error.contains(&format!("has nothing in cell {empty} of its archive; {} cells", rows.len())),
        "{error}"
    );
}

#[test]
fn what_makes_no_archive_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let sets = |sets: &[&str]| SHORT.refused(sets);
    let error = sets(&["strategy.descriptors=[\"hight\"]"]);
    assert!(
        error.contains("env ant has no descriptor \"hight\" (valid: \"x\", \"y\", \"height\","),
        "{error}"
    );
    let error = sets(&["strategy.descriptors=[]", "strategy.archive=Cvt(cells: 9)"]);
    assert!(error.contains("env ant needs at least one of its descriptors"), "{error}");
    let error = sets(&["env=Reacher()", "rollout.weights={}"]);
    assert!(error.contains("env reacher has no descriptors: its robot is fixed to the ground"), "{error}");
    let error = sets(&["strategy.descriptors=[\"x\"]"]);
    assert!(error.contains("Grid(cells: [8, 8])") && error.contains("for each descriptor"), "{error}");
    let error = sets(&["rollout.normalize=true"]);
    assert!(error.contains("rollout.normalize = true: must be false with MapElites"), "{error}");
    let error = sets(&["strategy.ranges=[(0, 1), (1, 0)]"]);
    assert!(error.contains("`ranges` is (1.0, 0.0), expected finite numbers (low, high)"), "{error}");

    let run = folder.path().join("plain");
    let words = ["--config", "inverted_pendulum.ron", "--generations", "1", "-q", "--out", text(&run)];
    let _ = succeed(&[&words[..], &["--set", "strategy.population=8"]].concat());
    let error = refuse(&["eval", text(&run), "--cell", "3"], 2);
    assert!(error.contains("has no archive: its strategy keeps none"), "{error}");
}
