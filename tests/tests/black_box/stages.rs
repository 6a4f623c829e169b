//! Runs in stages.

use std::fs;
use std::path::{Path, PathBuf};

use records::checkpoint::Checkpoint;
use serde_json::Value;
use tests::{data, refuse, succeed, text, untimed_metrics};

const NAMES: [&str; 3] = ["linear", "student", "evolve"];

fn config() -> PathBuf {
    data("stages.ron")
}

fn train(out: &Path, more: &[&str]) {
    let file = config();
    let _ = succeed(&[&["--config", text(&file), "--out", text(out), "-q"], more].concat());
}

fn checkpoint(run: &Path, name: &str) -> Vec<u8> {
    fs::read(run.join(format!("checkpoints/{name}.safetensors"))).expect("a checkpoint")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(arguments)).expect("JSON")
}

/// The column `stage`.
fn stages(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("metrics.csv")).expect("metrics");
    let at =
        text.lines().next().expect("a header").split(',').position(|name| name == "stage").expect("a column");
    text.lines().skip(1).map(|line| line.split(',').nth(at).expect("a cell").to_owned()).collect()
}

fn config_of(file: &Path) -> Value {
    Checkpoint::load(file).expect("a checkpoint").meta["config"].clone()
}

#[test]
fn a_stage_begins_where_the_one_before_it_has_ended() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let run = scratch.path().join("run");
    train(&run, &["--set", "run.keep=0"]);
    assert_eq!(stages(&run), ["linear", "linear", "student", "student", "evolve", "evolve"]);
    let summary: Value =
        serde_json::from_slice(&fs::read(run.join("summary.json")).expect("a summary")).expect("JSON");
    assert_eq!((summary["generations"].as_u64(), summary["stage"].as_str()), (Some(6), Some("evolve")));
    assert!(run.join("curve.svg").is_file());
    // Every stage's last checkpoint can be used alone; the network of the first is another one.
    let file = |name: &str| run.join(format!("checkpoints/stage_{name}.safetensors"));
    for (name, kind) in NAMES.into_iter().zip(["Mlp", "Snn", "Snn"]) {
        let config = config_of(&file(name));
        assert!(config["controller"][kind].is_object(), "{name}");
        let of_run = json(&["eval", text(&run), "--stage", name, "--episodes", "3", "--json"]);
        let of_file = json(&["eval", text(&file(name)), "--episodes", "3", "--json"]);
        assert_eq!(of_run, of_file);
    }
    assert_eq!(checkpoint(&run, "stage_evolve"), checkpoint(&run, "last"));
    // What is used has the policy alone, what is gone on from the demonstrations as well.
    let demonstrations = |name: &str| {
        let file =
            Checkpoint::load(&run.join(format!("checkpoints/{name}.safetensors"))).expect("a checkpoint");
        let tensors = file.tensors.keys().filter(|name| name.starts_with("demonstration.")).count();
        (tensors > 0, file.meta.contains_key("demonstrations"))
    };
    assert_eq!(demonstrations("gen_000004"), (true, true));
    assert_eq!(demonstrations("stage_student"), (false, false));
    // By hand, the last stage is what a run from the student's checkpoint makes of it.
    let (student, hand) = (file("student"), scratch.path().join("hand"));
    train(&hand, &["--from-stage", "evolve", "--init", text(&student)]);
    assert_eq!(stages(&hand), ["evolve", "evolve"]);
    let mean = |run: &Path| {
        let file = Checkpoint::load(&run.join("checkpoints/last.safetensors")).expect("a checkpoint");
        format!("{:?}", file.tensor("mean").expect("parameters"))
    };
    assert_eq!(mean(&hand), mean(&run));
    // And the student has learned from the linear one's checkpoint, which a folder of these stages has.
    let again = scratch.path().join("again");
    train(&again, &["--from-stage", "student", "--init", text(&run), "--threads", "2"]);
    assert_eq!(mean(&again), mean(&run));
    assert_eq!(checkpoint(&again, "stage_linear"), checkpoint(&run, "stage_linear"));
    let record = scratch.path().join("a.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--stage", "linear", "--out", text(&record)]);
    let _ = succeed(&["check", text(&run), text(&again)]);
}

#[test]
fn a_run_goes_on_bit_for_bit_from_any_generation_of_any_stage() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let whole = scratch.path().join("whole");
    train(&whole, &[]);
    let files = ["last", "best", "stage_linear", "stage_student", "stage_evolve", "gen_000006"];
    for stop in 1..6 {
        let run = scratch.path().join(format!("stopped{stop}"));
        // The config knows no total: what the command line says is undone by the text of the whole run.
        train(&run, &["--generations", &stop.to_string()]);
        assert_eq!(stages(&run).len(), stop);
        let _ = succeed(&["resume", text(&run), "--generations", "6", "--threads", "2", "-q"]);
        for file in files {
            assert!(checkpoint(&run, file) == checkpoint(&whole, file), "{file} after {stop}");
        }
        assert_eq!(untimed_metrics(&run), untimed_metrics(&whole));
    }
    // A later stage that is not what it was is refused, by whatever hand.
    let edited = scratch.path().join("edited");
    train(&edited, &["--generations", "1"]);
    let file = edited.join("config.ron");
    let text_of = fs::read_to_string(&file).expect("a config");
    fs::write(&file, text_of.replacen("sigma: 0.03", "sigma: 0.13", 1)).expect("a file");
    let stderr = refuse(&["resume", text(&edited), "--generations", "6", "-q"], 2);
    assert!(stderr.contains("was made with another config") && stderr.contains("0.13"), "{stderr}");
    // The last stage becomes longer, in one run or in two.
    let (once, twice) = (scratch.path().join("once"), scratch.path().join("twice"));
    train(&once, &["--generations", "8"]);
    train(&twice, &[]);
    let _ = succeed(&["resume", text(&twice), "--generations", "8", "-q"]);
    assert_eq!(stages(&once)[5..], ["evolve"; 3]);
    assert!(checkpoint(&once, "last") == checkpoint(&twice, "last"));
}

#[test]
fn changes_reach_the_stages_that_they_are_about() {
    let file = config();
    let resolved = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        succeed(&[&["--config", text(&file), "--dry-run"][..], &sets.collect::<Vec<_>>()].concat())
    };
    let lines = |text: &str, name: &str| -> Vec<String> {
        let stages = &text[text.find("stages: [").expect("stages")..];
        let own = &stages[stages.find(&format!("name: \"{name}\"")).expect("a name")..];
        own.lines().take_while(|line| line.trim() != "),").map(|line| line.trim().to_owned()).collect()
    };
    let plain = resolved(&[]);
    assert_eq!(lines(&plain, "evolve")[1..], ["rollout: (horizon: 30),", "strategy: (sigma: 0.03),"]);
    let named = resolved(&["strategy.OpenEs.sigma=0.2", "stages[1].task.epochs=3"]);
    assert!(lines(&named, "evolve")[2].contains("sigma: 0.2"), "{named}");
    assert!(lines(&named, "student")[1].contains("epochs: 3"), "{named}");
    // The base and every stage that sets it; another variant sets all of its fields.
    let population = resolved(&["strategy.population=6"]);
    assert!(population.contains("population: 6,") && !population.contains("population: 4"), "{population}");
    let sigma = resolved(&["strategy.sigma=0.2"]);
    assert!(lines(&sigma, "evolve")[2].contains("sigma: 0.2"), "{sigma}");
    assert!(lines(&sigma, "linear")[2].contains("sigma: 0.2"), "{sigma}");
    let horizon = resolved(&["rollout.horizon=25"]);
    assert!(lines(&horizon, "evolve")[1].contains("horizon: 25"), "{horizon}");
    assert_eq!(lines(&horizon, "student"), lines(&plain, "student"));
    // One stage alone, whether it sets it or not.
    let one = resolved(&["stages.student.task.episodes=7", "stages.linear.run.generations=9"]);
    assert!(lines(&one, "student")[1].contains("episodes: 7"), "{one}");
    assert!(lines(&one, "linear")[2] == "run: (generations: 9),", "{one}");
    assert_eq!(lines(&one, "evolve"), lines(&plain, "evolve"));
    for (set, message) in [
        ("stages.walk.strategy.sigma=1", "no field 'walk' (have: linear, student, evolve)"),
        ("stages.linear.strategy.sgima=1", "no field 'sgima'"),
        ("stages.student.run.seed=3", "run.seed is not a field of a stage"),
        ("strategy.sgima=1", "no field 'sgima'"),
    ] {
        let stderr = refuse(&["--config", text(&file), "--dry-run", "--set", set], 2);
        assert!(stderr.contains(message), "{set}: {stderr}");
    }
}

#[test]
fn what_is_wrong_with_a_stage_is_said_with_its_place_before_the_first_begins() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let (file, out) = (scratch.path().join("bad.ron"), scratch.path().join("run"));
    let good = fs::read_to_string(config()).expect("a config");
    for (from, to, place, message) in [
        ("(sigma: 0.03)", "(sgima: 0.03)", ":12:36: ", "stage 'evolve': unknown field 'sgima' in OpenEs"),
        ("horizon: 30", "horizon: -1", ":12:", "stage 'evolve': at rollout.horizon: "),
        ("\"evolve\"", "\"linear\"", ":12:", "stages 1 and 3 have the same name"),
        ("\"evolve\"", "\"a/b\"", "", "must be of letters, digits, '-' and '_'"),
        ("task: Imitate(episodes: 2, epochs: 1)", "rollout: ()", "", "task: Imitate(…) it can imitate"),
        (
            "task: Imitate(episodes: 2, epochs: 1)",
            "task: Imitate(episodes: 0)",
            "",
            "stage 'student': task.episodes = 0",
        ),
        ("(sigma: 0.03)", "(sigma: -1)", "", "stage 'evolve': "),
        ("strategy: (sigma: 0.03)", "seed: 1", ":12:32: ", "unknown field 'seed' (valid: name, env"),
        ("strategy: (sigma: 0.03)", "run: (keep: 1)", "", "run.keep is not a field of a stage"),
        (
            "rollout: (horizon: 30)",
            "rollout: (clip: 9.0)",
            "",
            "stage 'evolve': rollout = normalize: true, clip: 9",
        ),
        (
            "rollout: (horizon: 30)",
            "run: (patience: 1, eval_every: 0)",
            "",
            "stage 'evolve': run.eval_every = 0",
        ),
        ("strategy: (sigma: 0.03)", "env: Ant()", "", "every stage has the config's task, inverted_pendulum"),
        (
            "controller: Mlp(hidden: []), strategy",
            "task: Imitate(), strategy",
            "",
            "there is no stage before",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&file, good.replacen(from, to, 1)).expect("a file");
        let stderr = refuse(&["--config", text(&file), "--out", text(&out)], 2);
        assert!(stderr.contains(message) && stderr.contains(place), "{to}: {stderr}");
        assert!(!out.exists());
    }
    let init = ["--from-stage", "student"];
    let stderr = refuse(&[&["--config", text(&config())][..], &init].concat(), 2);
    assert!(stderr.contains("--init RUN|FILE is missing"), "{stderr}");
    train(&out, &["--generations", "1"]);
    let stderr = refuse(&["eval", text(&out), "--stage", "evolve"], 2);
    assert!(stderr.contains("has no stage 'evolve' yet; it is in 'linear'"), "{stderr}");
}

#[test]
fn a_stage_ends_when_a_return_is_reached_or_nothing_gets_better() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let run = scratch.path().join("run");
    // Every evaluation returns at least one step; of two equal ones the second is no better.
    let sets = [
        "stages.linear.run.target=1.0",
        "stages.student.run.patience=1",
        "stages.student.run.generations=50",
        "rollout.horizon=5",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    train(&run, &[&sets[..], &["--generations", "40"]].concat());
    let stages = stages(&run);
    let count = |name: &str| stages.iter().filter(|stage| *stage == name).count();
    assert_eq!(count("linear"), 1);
    assert!((2..38).contains(&count("student")) && stages.len() == 40, "{stages:?}");
    let log = fs::read_to_string(run.join("log.txt")).expect("a log");
    assert!(log.contains("stage linear has ended after generation 1: run.target is reached"), "{log}");
    // As bit-equal as any: stopped right after the evaluation that ends a stage, and in the middle of the next.
    for stop in ["1", "2"] {
        let stopped = scratch.path().join(stop);
        train(&stopped, &[&sets[..], &["--generations", stop]].concat());
        let _ = succeed(&["resume", text(&stopped), "--generations", "40", "-q"]);
        assert!(checkpoint(&stopped, "last") == checkpoint(&run, "last"));
    }
    // Without stages, too.
    let plain = scratch.path().join("plain");
    let file = scratch.path().join("plain.ron");
    let text_of = "(env: InvertedPendulum(), strategy: OpenEs(population: 4), rollout: (horizon: 5), \
                   run: (generations: 9, eval_every: 1, eval_episodes: 1, target: 1.0))";
    fs::write(&file, text_of).expect("a file");
    let _ = succeed(&["--config", text(&file), "--out", text(&plain), "-q"]);
    let summary = fs::read_to_string(plain.join("summary.json")).expect("a summary");
    assert!(
        summary.contains("\"generations\": 1,") && summary.contains("\"stopped\": \"Target\""),
        "{summary}"
    );
}

#[test]
fn a_field_of_a_stage_is_an_axis_of_a_sweep() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let file = scratch.path().join("sweep.ron");
    let content = format!(
        "(config: {:?}, axes: [List(path: \"stages.student.task.episodes\", values: [1, 2])])",
        text(&config())
    );
    fs::write(&file, content).expect("a file");
    let out = scratch.path().join("out");
    let _ = succeed(&["sweep", "--config", text(&file), "--out", text(&out), "--threads", "1", "-q"]);
    let episodes = |trial: &str| {
        let run = out.join("trials").join(trial).join("s1");
        config_of(&run.join("checkpoints/stage_student.safetensors"))["task"]["Imitate"]["episodes"].clone()
    };
    assert_eq!(["t0000", "t0001"].map(episodes), [Value::from(1), Value::from(2)]);
}
