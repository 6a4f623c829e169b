//! The command line's contracts: names, JSON keys, files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;
use tests::{refuse, succeed, text};

fn json(arguments: &[&str]) -> Value {
    let stdout = succeed(arguments);
    assert_eq!(stdout.trim_end().lines().count(), 1, "one JSON object on one line: {stdout}");
    serde_json::from_str(&stdout).expect("stdout is JSON")
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_verb_explains_itself() {
    for verb in [
        &["train"][..],
        &["resume"],
        &["eval"],
        &["compare"],
        &["completions"],
        &["man"],
        &["new", "config"],
        &["new", "robot"],
        &["sweep"],
        &["plot"],
        &["record"],
        &["trace"],
        &["list"],
        &["nir", "info"],
        &["nir", "run"],
        &["nir", "export"],
        &["bench", "physics"],
        &["bench", "controller"],
        &["bench", "strategy"],
        &["bench", "rollout"],
    ] {
        let help = succeed(&[verb, &["--help"]].concat());
        assert!(help.contains("Usage:") && help.contains("Example"), "{verb:?}: {help}");
    }
    assert!(succeed(&["--help"]).contains("evo --config ant.ron"));
    assert!(refuse(&["--config"], 2).contains("--config"));
    assert!(refuse(&["fly"], 2).contains("fly"));
}

#[test]
fn tasks_are_listed_with_their_sizes() {
    let list = json(&["list", "envs", "--json"]);
    let sizes: Vec<(&str, u64, u64, f64, u64)> = list["envs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| {
            let number = |key: &str| e[key].as_u64().expect("a number");
            let (name, dt) =
                (e["name"].as_str().expect("a name"), e["control_dt"].as_f64().expect("seconds"));
            (name, number("observations"), number("actions"), dt, number("horizon"))
        })
        .collect();
    for expected in [
        ("ant", 27, 8, 0.05, 1000),
        ("ant_direction", 29, 8, 0.05, 1000),
        ("ant_terrain", 42, 8, 0.05, 1000),
        ("grasp", 28, 5, 0.05, 100),
        ("half_cheetah", 17, 6, 0.05, 1000),
        ("hopper", 11, 3, 0.008, 1000),
        ("humanoid", 348, 17, 0.015, 1000),
        ("humanoid_standup", 348, 17, 0.015, 1000),
        ("inverted_double_pendulum", 9, 1, 0.05, 1000),
        ("inverted_pendulum", 4, 1, 0.04, 1000),
        ("push_to_goal", 16, 2, 0.05, 100),
        ("pusher", 23, 7, 0.05, 100),
        ("reacher", 10, 2, 0.02, 50),
        ("swimmer", 8, 2, 0.04, 1000),
        ("walker2d", 17, 6, 0.008, 1000),
    ] {
        assert!(sizes.contains(&expected), "{expected:?} is not in {sizes:?}");
    }
    for entry in list["envs"].as_array().expect("a list") {
        let engines = entry["engines"].as_array().expect("engines");
        assert!(engines.contains(&"rapier".into()), "{entry}");
    }
    assert!(json(&["list", "strategies", "--json"]).to_string().contains("cma_es"));
    assert!(json(&["list", "neurons", "--json"]).to_string().contains("lif"));
    let surrogates = json(&["list", "surrogates", "--json"]);
    let surrogates = surrogates["surrogates"].as_array().expect("a list");
    let triangular = surrogates.iter().find(|s| s["name"] == "triangular").expect("there is one");
    let slope = &triangular["parameters"][1];
    assert_eq!(
        (&slope["name"], &slope["default"], &slope["unit"]),
        (&"slope".into(), &2.0.into(), &"1/u".into())
    );
    let changes = json(&["list", "changes", "--json"]);
    let breaking =
        changes["changes"].as_array().expect("a list").iter().find(|c| c["name"] == "breaking_leg");
    assert!(breaking.expect("a leg breaks")["changes"].to_string().contains("AnyLimb"), "{changes}");
}

#[test]
fn every_task_has_a_config_of_its_own() {
    let list = json(&["list", "envs", "--json"]);
    for entry in list["envs"].as_array().expect("a list") {
        let name = entry["name"].as_str().expect("a name");
        let resolved = succeed(&["--config", &format!("{name}.ron"), "--dry-run"]);
        let variant: String = name.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        assert!(resolved.contains(&format!("env: {variant}(")), "{name}: {resolved}");
    }
}

/// A run with a robot of the user's own needs the robot's file only at the start.
#[test]
fn a_robot_from_a_file_trains_and_its_run_stands_alone() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let robot = "<mujoco><worldbody><geom type='plane' size='9 9 1'/>\
        <body name='trunk' pos='0 0 0.3'><freejoint/><geom type='box' size='0.2 0.1 0.05' mass='1'/>\
        <body name='left' pos='0 0.15 0'><joint name='left' axis='0 1 0' damping='0.5'/>\
        <geom type='capsule' size='0.03' fromto='0 0 0 0.1 0 -0.25'/></body>\
        <body name='right' pos='0 -0.15 0'><joint name='right' axis='0 1 0' damping='0.5'/>\
        <geom type='capsule' size='0.03' fromto='0 0 0 0.1 0 -0.25'/></body></body></worldbody>\
        <actuator><motor joint='left' gear='3' ctrlrange='-1 1'/><motor joint='right' gear='3' \
        ctrlrange='-1 1'/></actuator><custom/></mujoco>";
    fs::write(folder.path().join("rower.xml"), robot).expect("robot");
    let config = folder.path().join("rower.ron");
    let text_of_config = "(env: Mjcf(file: \"rower.xml\", observations: [Orientation, Velocities, \
        Touch([\"left\", \"right\"])], horizon: 20), physics: (engine: Auto), controller: Snn(hidden: \
        [Recurrent(neurons: 4)]), strategy: OpenEs(population: 4), run: (generations: 2, eval_every: 0, \
        eval_episodes: 1, checkpoint_every: 1))";
    fs::write(&config, text_of_config).expect("config");
    let run = folder.path().join("run");
    let _ = succeed(&["--config", text(&config), "--out", text(&run), "-q"]);
    let bench = ["bench", "physics", "--config", text(&config), "--engine", "lanes", "--seconds", "0.05"];
    let report = json(&[&bench[..], &["--json"]].concat());
    assert!(report["env"] == "mjcf" && report["blow_ups"] == 0, "{report}");
    let log = fs::read_to_string(run.join("log.txt")).expect("log");
    assert!(log.contains("warning: rower.xml:1:") && log.contains("custom"), "{log}");
    fs::remove_file(folder.path().join("rower.xml")).expect("robot");
    fs::remove_file(&config).expect("config");
    let _ = succeed(&["resume", text(&run), "--generations", "3", "-q"]);
    let changes = "none,pushes+noise,rough,turn";
    let eval = json(&["eval", text(&run), "--episodes", "2", "--change", changes, "--json"]);
    assert_eq!(eval["env"], "mjcf");
    assert!(eval["rows"][1]["change"] == "pushes+noise" && eval["rows"][3]["change"] == "turn", "{eval}");
    assert_ne!(eval["rows"][2]["returns"], eval["rows"][0]["returns"], "rough ground");
    let rough = folder.path().join("rough.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--change", "rough", "--out", text(&rough)]);
    assert_eq!(meta(&rough)["change_values"], serde_json::json!(["terrain x", "terrain y"]));
    // The resolved config runs again as it is.
    let again = folder.path().join("again");
    let resolved = run.join("config.ron");
    let _ = succeed(&["--config", text(&resolved), "--out", text(&again), "-q"]);
    let columns = |run: &Path| {
        let table = fs::read_to_string(run.join("metrics.csv")).expect("metrics");
        let rows = table.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
        rows.map(|row| row[4..7].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(columns(&run), columns(&again));
}

/// A robot under gravity that no physics can bear: it ends every episode, and everyone says so.
#[test]
fn worlds_that_blow_up_are_counted_and_told() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let robot = "<mujoco><option gravity='0 0 -1e6'/><worldbody><body name='trunk'><freejoint/>\
        <geom size='0.1' mass='1'/><body name='leg'><joint name='hip' axis='0 1 0'/>\
        <geom size='0.1' pos='0 0 -0.3' mass='1'/></body></body></worldbody>\
        <actuator><motor joint='hip' ctrlrange='-1 1'/></actuator><custom/></mujoco>";
    fs::write(folder.path().join("stone.xml"), robot).expect("robot");
    let config = folder.path().join("stone.ron");
    let short = "(env: Mjcf(file: \"stone.xml\", horizon: 20), controller: Snn(hidden: [Recurrent(neurons: 4)]), \
        strategy: OpenEs(population: 4), run: (generations: 1, eval_episodes: 2))";
    fs::write(&config, short).expect("config");
    let said = |arguments: &[&str], code: i32| {
        let output = tests::run(arguments);
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{error}");
        (String::from_utf8(output.stdout).expect("UTF-8"), error)
    };
    // One line that says what is ignored of the file.
    let ignored = "warning: stone.xml:1:";
    let (_, dry) = said(&["--config", text(&config), "--dry-run"], 0);
    assert!(dry.lines().count() == 1 && dry.starts_with(ignored) && dry.contains("custom"), "{dry}");
    let out = folder.path().join("run");
    // Where all members blow up there is nothing to learn from; the policy of the start remains.
    let (_, trained) = said(&["--config", text(&config), "--out", text(&out)], 1);
    assert!(trained.contains("of 4 episodes the physics blew up in 4"), "{trained}");
    let (tuned, task) = (folder.path().join("tuned"), "task=Ppo(worlds: 2, steps: 16, minibatches: 2)");
    let (_, trained) = said(
        &["finetune", "--config", text(&config), "--set", task, "--out", text(&tuned), "--threads", "1"],
        0,
    );
    let log = fs::read_to_string(tuned.join("log.txt")).expect("log");
    for told in [&trained, &log] {
        let message = "episodes of generation 1; the return that would have followed is estimated from the last finite observation";
        assert!(told.contains(message), "{told}");
        assert!(told.contains("the physics blew up in 2 of 2 episodes of the evaluation"), "{told}");
    }
    let summary: Value =
        serde_json::from_slice(&fs::read(tuned.join("summary.json")).expect("summary")).expect("JSON");
    assert!(summary["blow_ups"].as_u64() > Some(0), "{summary}");
    assert!(summary["eval_return_best"].is_null(), "{summary}");
    let (eval, told) = said(&["eval", text(&out), "--episodes", "3", "--change", "none,wind", "--json"], 0);
    let eval: Value = serde_json::from_str(&eval).expect("JSON");
    assert!(eval["blow_ups"] == 3 && eval["rows"][1]["blow_ups"] == 3, "{eval}");
    let lines: Vec<&str> = told.lines().collect();
    let [robot, plain, windy] = &lines[..] else { panic!("three lines: {told}") };
    assert!(robot.starts_with(ignored));
    assert_eq!(
        *plain,
        "warning: the physics blew up in 3 of 3 episodes with none; these count as terminated"
    );
    assert_eq!(
        *windy,
        "warning: the physics blew up in 3 of 3 episodes with wind; these count as terminated"
    );
    let (file, told) = said(&["record", text(&out)], 0);
    assert!(told.starts_with(ignored) && told.contains("the physics blew up in 1 of 1 episodes"), "{told}");
    let episode = &meta(Path::new(file.trim()))["episodes"][0];
    assert!(episode["blew_up"] == true && episode["terminated"] == true, "{episode}");
    let bench = ["--config", text(&config), "--seconds", "0.05", "--threads", "1", "--json"];
    let (report, told) = said(&[&["bench", "physics"], &bench[..]].concat(), 0);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert!(report["blow_ups"].as_u64() > Some(0), "{report}");
    assert!(told.starts_with(ignored) && told.contains("the physics blew up in"), "{told}");
    let (_, told) = said(&[&["bench", "rollout"], &bench[..]].concat(), 1);
    assert!(told.contains("of 4 episodes the physics blew up in 4"), "{told}");
}

#[test]
fn a_config_may_name_its_own_changed_environments() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let config = folder.path().join("own.ron");
    let text_of = |lists: &str| {
        let text = format!(
            "(env: InvertedPendulum(), changes: [(effect: Noise(Fixed(0.02)))], change_lists: {{{lists}}}, \
             controller: Snn(hidden: [Recurrent(neurons: 4)]), strategy: OpenEs(population: 4), run: \
             (generations: 1, eval_episodes: 3))"
        );
        fs::write(&config, text).expect("config");
    };
    text_of("\"gusts\": [(effect: Wind(force: Fixed(0.5)), when: Between(Fixed(2), Fixed(9)))]");
    let out = folder.path().join("run");
    let _ = succeed(&["--config", text(&config), "--out", text(&out), "-q"]);
    let own = json(&["eval", text(&out), "--json"]);
    let rows = json(&["eval", text(&out), "--change", "config,none,gusts,gusts+config", "--json"]);
    let returns = |row: usize| &rows["rows"][row]["returns"];
    assert_eq!(returns(0), &own["returns"]);
    assert!((1..4).all(|row| returns(row) != returns(0)) && returns(2) != returns(1), "{rows}");
    let gusts = folder.path().join("gusts.rollout.safetensors");
    let _ = succeed(&["record", text(&out), "--change", "gusts", "--out", text(&gusts)]);
    assert_eq!(meta(&gusts)["change_values"], serde_json::json!(["wind x", "wind y"]));
    let message = refuse(&["eval", text(&out), "--change", "gust"], 2);
    assert!(message.contains("unknown change 'gust' (valid: none, config, gusts, broken_leg, "), "{message}");
    let message = refuse(&["eval", text(&out), "--change", "turn"], 2);
    assert!(message.contains("unknown goal 'direction' (this task has no goals)"), "{message}");
    // Told when the run is made, not when it is evaluated.
    text_of("\"wind\": []");
    let message = refuse(&["--config", text(&config), "--dry-run"], 2);
    assert!(message.contains("change_lists = {\"wind\": …}: must be a name"), "{message}");
    text_of("\"rocks\": [(effect: Terrain(ground: Rough(height: 0.1)))]");
    let message = refuse(&["--config", text(&config), "--dry-run"], 2);
    assert!(message.contains("change terrain: inverted_pendulum has no level plane"), "{message}");
}

/// The engine that evolves also judges here: what is tested is everything around it.
#[test]
fn a_run_that_validates_shows_both_returns() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let basics = ["--config", "inverted_pendulum.ron", "--out", text(&run), "--generations", "4"];
    let sets = [
        "strategy.population=4",
        "rollout.horizon=20",
        "run.eval_every=2",
        "run.eval_episodes=3",
        "physics.engine=Auto",
        "physics.iterations=1",
        "physics.validate=Rapier",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let output = tests::run(&[&basics[..], &sets[..]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let config = fs::read_to_string(run.join("config.ron")).expect("config");
    assert!(config.contains("engine: Auto") && config.contains("validate: Rapier"), "{config}");
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(run.join("summary.json")).expect("summary")).expect("JSON");
    assert_eq!(summary["validation_engine"], "rapier");

    let table = fs::read_to_string(run.join("metrics.csv")).expect("metrics");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let columns = rows[0].len();
    assert_eq!(rows[0][columns - 2..], ["validation_return_mean", "validation_return_std"]);
    let evaluated: Vec<bool> = rows[1..].iter().map(|row| !row[columns - 2].is_empty()).collect();
    assert_eq!(evaluated, [false, true, false, true]);
    let mean = summary["validation_return_mean"].as_f64().expect("a number");
    assert_eq!(rows[4][columns - 2].parse(), Ok(mean));
    assert_eq!(rows[4][columns - 1].parse().ok(), summary["validation_return_std"].as_f64());

    // The start block names both and why; the progress line and the curve show both.
    let log = fs::read_to_string(run.join("log.txt")).expect("log");
    let physics = log.lines().find(|line| line.starts_with("physics ")).expect("a line on physics");
    assert!(physics.contains("1 solver iterations") && physics.contains("(Auto: lanes supports"), "{log}");
    let validation = log.lines().find(|line| line.starts_with("validation ")).expect("a line on validation");
    assert!(validation.contains("rapier at 0.02 s × 2, 2 solver iterations"), "{log}");
    let evaluation = log.lines().find(|line| line.starts_with("generation 2/4")).expect("an evaluation");
    assert!(evaluation.contains(" (rapier)  ") && evaluation.matches(" ± ").count() == 2, "{log}");
    assert!(fs::read_to_string(run.join("curve.svg")).expect("curve").contains("evaluated in rapier"));

    // Validation is `eval` on that engine with the task's settings, on the run's own episodes.
    let score = |more: &[&str]| {
        let result =
            json(&[&["eval", text(&run), "--json", "--seed", "1", "--engine", "rapier"], more].concat());
        assert_eq!(result["engine"], "rapier");
        result["return_mean"].as_f64().expect("a number")
    };
    let trained_in_rapier = summary["engine"] == "rapier";
    let expected =
        if trained_in_rapier { &summary["eval_return_mean"] } else { &summary["validation_return_mean"] };
    assert_eq!(Some(score(&[])), expected.as_f64());
    let out = folder.path().join("episode.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--engine", "rapier", "--out", text(&out)]);
    assert_eq!(meta(&out)["engine"], "rapier");
}

#[test]
fn benchmarks_report_the_agreed_keys() {
    let physics = json(&["bench", "physics", "--env", "ant", "--threads", "1", "--seconds", "0.2", "--json"]);
    for key in ["control_steps_per_s", "control_steps_per_cpu_s", "control_dt", "substeps", "iterations"] {
        assert!(physics[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {physics}");
    }
    assert_eq!(physics["engine"], "rapier");
    let controller = json(&[
        "bench",
        "controller",
        "--config",
        "ant.ron",
        "--population",
        "16",
        "--threads",
        "1",
        "--seconds",
        "0.2",
        "--json",
    ]);
    for key in ["controller_steps_per_s", "controller_steps_per_cpu_s", "spike_rate"] {
        assert!(controller[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {controller}");
    }
    let strategy =
        json(&["bench", "strategy", "--strategy", "cma_es", "--function", "sphere", "--dim", "5", "--json"]);
    for key in ["evaluations", "reached", "best", "mean_value", "generations", "ms_per_generation"] {
        assert!(!strategy[key].is_null(), "{key}: {strategy}");
    }
    assert_eq!(strategy["reached"], true);
    let rollout = json(&[
        "bench",
        "rollout",
        "--config",
        "ant.ron",
        "--seconds",
        "0.2",
        "--json",
        "--set",
        "rollout.horizon=10",
    ]);
    for key in ["control_steps_per_s", "first_generation_s", "peak_memory_mb"] {
        assert!(rollout[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {rollout}");
    }
    assert_eq!(keys(&rollout["share"]), BTreeSet::from(["controller", "other", "physics", "strategy"]));
    let sum: f64 = rollout["share"].as_object().expect("shares").values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-9, "shares add up to {sum}");
}

/// Reads the metadata that `evo` writes beside the tensors.
fn meta(path: &Path) -> Value {
    let bytes = fs::read(path).expect("safetensors file");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("safetensors header");
    let metadata = header.metadata().clone().expect("metadata");
    serde_json::from_str(&metadata["spindle"]).expect("metadata is JSON")
}

#[test]
fn a_run_leaves_the_agreed_files() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let _ = succeed(&[
        "--config",
        "ant.ron",
        "--out",
        text(&run),
        "--generations",
        "2",
        "-q",
        "--set",
        "strategy.population=4",
        "--set",
        "rollout.horizon=20",
        "--set",
        "run.checkpoint_every=1",
        "--set",
        "run.eval_episodes=1",
    ]);
    for file in [
        "config.ron",
        "provenance.json",
        "metrics.csv",
        "log.txt",
        "summary.json",
        "curve.svg",
        "curve.png",
        "checkpoints/gen_000001.safetensors",
        "checkpoints/gen_000002.safetensors",
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
    ] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    let metrics = fs::read_to_string(run.join("metrics.csv")).expect("metrics");
    assert!(
        metrics.starts_with(
            "generation,env_steps,evaluations,wall_s,fitness_best,fitness_mean,fitness_std,eval_return_mean,\
             eval_return_std,episode_length_mean,spike_rate,synops_per_step,sigma,env_steps_per_s,"
        ),
        "{metrics}"
    );
    let provenance: Value =
        serde_json::from_str(&fs::read_to_string(run.join("provenance.json")).expect("file")).expect("JSON");
    for key in ["commit", "rustc", "cpu", "threads", "command", "seed", "config_hash"] {
        assert!(provenance.get(key).is_some(), "{key} is missing");
    }
    // The resolved config runs again as it is, and gives the same run.
    let again = folder.path().join("again");
    let _ = succeed(&["--config", text(&run.join("config.ron")), "--out", text(&again), "-q"]);
    let last = |run: &Path| fs::read(run.join("checkpoints/last.safetensors")).expect("checkpoint");
    assert!(last(&run) == last(&again), "the resolved config gave another run");
    assert!(fs::read(run.join("curve.png")).expect("plot").starts_with(b"\x89PNG"), "a PNG file");
    let svg = folder.path().join("both.svg");
    let _ = succeed(&["plot", text(&run), text(&again), "--out", text(&svg)]);
    assert!(fs::read_to_string(&svg).expect("plot").contains("<svg"), "an SVG file");

    let eval = json(&["eval", text(&run), "--episodes", "2", "--json"]);
    let expected = [
        "env",
        "engine",
        "episodes",
        "return_mean",
        "return_std",
        "returns",
        "length_mean",
        "terms",
        "spike_rate",
        "synops_per_step",
    ];
    assert!(keys(&eval).is_superset(&BTreeSet::from(expected)), "{eval}");
    assert_eq!(eval["returns"].as_array().expect("returns").len(), 2);
    let terms: f64 = eval["terms"].as_object().expect("terms").values().filter_map(Value::as_f64).sum();
    assert!(
        (terms - eval["return_mean"].as_f64().expect("mean")).abs() < 1e-6 * terms.abs().max(1.0),
        "{eval}"
    );
    let best = json(&["eval", text(&run), "--best", "--episodes", "1", "--json"]);
    assert_ne!(best["returns"][0], eval["returns"][0], "the best member is not the mean");

    // The same start in changed environments; an unchanged one is the one before.
    let rows =
        json(&["eval", text(&run), "--episodes", "2", "--change", "none,wind,wind+low_gravity", "--json"]);
    let all = rows["rows"].as_array().expect("a row for each");
    let names: Vec<&str> = all.iter().filter_map(|row| row["change"].as_str()).collect();
    assert_eq!(names, ["none", "wind", "wind+low_gravity"]);
    assert_eq!(all[0]["returns"], eval["returns"]);
    assert_eq!((&rows["change"], &rows["returns"]), (&all[0]["change"], &all[0]["returns"]));
    assert!(all[1]["returns"] != all[0]["returns"] && all[2]["returns"] != all[1]["returns"], "{rows}");
    let printed = succeed(&["eval", text(&run), "--episodes", "1", "--change", "wind"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].contains(": 1 episode, the same for all, seed 1000000"), "{printed}");
    assert!(lines[1].starts_with("change ") && lines[1].contains("difference to none"), "{printed}");
    assert!(lines[2].starts_with("none ") && lines[3].starts_with("wind "), "{printed}");
    let windy = folder.path().join("windy.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--change", "wind", "--out", text(&windy)]);
    assert_eq!(meta(&windy)["change_values"].as_array().expect("names").len(), 2, "{}", meta(&windy));
    let bytes = fs::read(&windy).expect("rollout");
    let force = SafeTensors::deserialize(&bytes).expect("rollout");
    assert_eq!(force.tensor("0.changes").expect("what changed").shape()[1], 2);

    let rollout = folder.path().join("walk.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--out", text(&rollout)]);
    let header = meta(&rollout);
    for key in
        ["env", "engine", "version", "timestep", "substeps", "iterations", "observations", "actions", "terms"]
    {
        assert!(!header[key].is_null(), "{key} is missing");
    }
    let bytes = fs::read(&rollout).expect("rollout");
    let tensors = SafeTensors::deserialize(&bytes).expect("rollout");
    let length = header["episodes"][0]["length"].as_u64().expect("length") as usize;
    assert_eq!(tensors.tensor("0.qpos").expect("qpos").shape(), [length + 1, 15]);
    assert_eq!(tensors.tensor("0.action").expect("action").shape(), [length, 8]);
    assert_eq!(tensors.tensor("0.hidden.0.spikes").expect("spikes").shape(), [length, 4, 64]);
    assert_eq!(tensors.tensor("0.hidden.0.v").expect("membranes").shape(), [length, 64]);
    // What is recorded is what was evaluated.
    let recorded = header["episodes"][0]["return"].as_f64().expect("return");
    assert_eq!(eval["returns"][0].as_f64(), Some(recorded));

    let warm = folder.path().join("warm");
    let _ = succeed(&[
        "--config",
        "ant.ron",
        "--init",
        text(&run),
        "--out",
        text(&warm),
        "--generations",
        "1",
        "-q",
        "--set",
        "strategy.population=4",
        "--set",
        "rollout.horizon=10",
        "--set",
        "run.eval_episodes=1",
    ]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_the_generation_and_leaves_a_run_to_resume() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let sets = ["--set", "run.eval_every=0", "--set", "run.checkpoint_every=0"];
    let mut child = tests::endless_run(&run, &sets, 2);
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success(), "signal sent");
    assert_eq!(child.wait().expect("status").code(), Some(0), "an interrupted run is no failure");
    let done = tests::generations(&run) as u64;
    let last = meta(&run.join("checkpoints/last.safetensors"));
    assert_eq!(last["generation"].as_u64(), Some(done), "the last generation is in the checkpoint");
    assert!(!run.join("summary.json").exists(), "the run is not finished");
    let more = (done + 1).to_string();
    let _ = succeed(&["resume", text(&run), "--generations", &more, "-q"]);
    assert_eq!(tests::generations(&run) as u64, done + 1);
}
