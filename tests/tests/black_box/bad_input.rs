//! Bad input: one clear message (what, where, what would be valid) and exit code 2.

use std::fs;
use std::time::Duration;

use tests::{refuse, refuse_within, succeed, text};

/// The message for a config with this text.
fn config_error(config: &str) -> String {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = folder.path().join("bad.ron");
    fs::write(&path, config).expect("config can be written");
    refuse(&["--config", text(&path), "--dry-run"], 2)
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no '{part}' in: {message}");
    }
}

const STRATEGY: &str = "strategy: OpenEs(population: 8)";

#[test]
fn an_unknown_field_is_named_with_line_column_and_the_valid_ones() {
    let message = config_error("(\n    env: Ant(),\n    strategy: OpenEs(sgima: 0.1),\n)");
    assert_says(&message, &["bad.ron:3:", "sgima", "sigma", "^"]);
}

#[test]
fn a_wrong_type_is_named_with_its_place() {
    let message = config_error("(\n    env: Ant(),\n    strategy: OpenEs(population: \"many\"),\n)");
    assert_says(&message, &["bad.ron:3:", "population"]);
}

#[test]
fn a_missing_config_is_answered_with_the_ones_there_are() {
    let message = refuse(&["--config", "ants.ron"], 2);
    assert_says(&message, &["ants.ron", "ant.ron", "half_cheetah.ron"]);
}

#[test]
fn unknown_tasks_and_strategies_are_answered_with_the_known_ones() {
    assert_says(&config_error(&format!("(env: Antt(), {STRATEGY})")), &["Antt", "Ant", "HalfCheetah"]);
    assert_says(&config_error("(env: Ant(), strategy: Magic())"), &["Magic", "OpenEs", "CmaEs"]);
    let trace = ["trace", "--env", "antt", "--start", "a.npy", "--control", "b.npy", "--out", "c.npy"];
    assert_says(&refuse(&trace, 2), &["antt", "ant", "half_cheetah"]);
    let bench = ["bench", "strategy", "--strategy", "magic", "--function", "sphere", "--dim", "4"];
    assert_says(&refuse(&bench, 2), &["magic", "open_es", "cma_es"]);
}

#[test]
fn unknown_engines_are_answered_with_the_known_ones() {
    let bench = ["bench", "physics", "--env", "ant", "--engine", "bullet"];
    assert_says(&refuse(&bench, 2), &["bullet", "rapier, lanes"]);
    for verb in [&["eval", "run"][..], &["record", "run"], &["bench", "rollout", "--config", "ant.ron"]] {
        assert_says(&refuse(&[verb, &["--engine", "bullet"]].concat(), 2), &["bullet", "rapier, lanes"]);
    }
    let config = |physics: &str| config_error(&format!("(env: Ant(), physics: ({physics}), {STRATEGY})"));
    assert_says(&config("engine: Bullet"), &["bad.ron:1:", "Bullet", "Rapier, Lanes, Auto"]);
    assert_says(&config("validate: Some(Auto)"), &["bad.ron:1:", "Auto", "Rapier, Lanes"]);
    assert_says(&config("engin: Rapier"), &["bad.ron:1:", "engin", "engine", "validate"]);
}

#[test]
fn populations_must_be_positive_and_even_for_pairs() {
    for population in ["0", "7"] {
        let set = format!("strategy.population={population}");
        let message = refuse(&["--config", "ant.ron", "--set", &set, "--dry-run"], 2);
        assert_says(&message, &["population", population]);
    }
}

#[test]
fn steps_to_reach_need_a_strategy_that_adds_members() {
    let refused = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        refuse(&[&["--config", "ant.ron", "--dry-run"], &sets[..]].concat(), 2)
    };
    let message = refused(&["strategy=CmaEs()", "rollout.min_steps=150000"]);
    assert_says(&message, &["rollout.min_steps = 150000", "CmaEs", "OpenEs, Pgpe, Snes, Ars, Ec"]);
    let message = refused(&["rollout.min_steps=150000"]);
    assert_says(&message, &["rollout.min_steps = 150000", "strategy.max_population"]);
    let message = refused(&["strategy.max_population=3200"]);
    assert_says(&message, &["strategy.max_population = 3200", "rollout.min_steps"]);
    let both = ["rollout.min_steps=150000", "strategy.max_population=31"];
    assert_says(&refused(&both), &["`max_population` is 31", "even"]);
    assert_says(&refused(&["rollout.action_noise=2"]), &["rollout.action_noise = 2", "0 to 1"]);
}

#[test]
fn noise_is_told_in_one_way() {
    let refused = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        refuse(&[&["--config", "ant.ron", "--dry-run"], &sets[..]].concat(), 2)
    };
    let message = refused(&["strategy.sigma=0.1", "strategy.radius=2"]);
    assert_says(&message, &["`radius` is 2", "`sigma: None`"]);
    let message = refused(&["strategy=CmaEs()", "strategy.schedule=Linear(to: 0, generations: 9)"]);
    assert_says(&message, &["schedule", "population, sigma, active, diagonal, adapt_rates, max_dimension"]);
    let message = refused(&["strategy=Ars(action_sigma: 1.99)"]);
    assert_says(&message, &["strategy.action_sigma = 1.99", "the nearest is"]);
    let told = succeed(&["--config", "ant.ron", "--dry-run", "--set", "strategy=Ars(action_sigma: 0.2)"]);
    assert!(told.contains("action_sigma: Some(0.2)") || told.contains("action_sigma: 0.2"), "{told}");
}

#[test]
fn numbers_that_are_none_are_refused() {
    assert_says(&config_error("(env: Ant(), strategy: OpenEs(population: 8, sigma: NaN))"), &["sigma"]);
    assert_says(&refuse(&["--config", "ant.ron", "--set", "strategy.sigma=inf", "--dry-run"], 2), &["sigma"]);
    assert_says(
        &refuse(&["--config", "ant.ron", "--set", "strategy.sigma=-1", "--dry-run"], 2),
        &["sigma", "-1"],
    );
}

#[test]
fn an_override_that_fits_nothing_is_answered_with_the_fields_there_are() {
    let message = refuse(&["--config", "ant.ron", "--set", "strategy.sgima=1", "--dry-run"], 2);
    assert_says(&message, &["sgima", "sigma", "population"]);
    let message =
        refuse(&["--config", "ant.ron", "--set", "rollout.weights={\"forwards\": 2.0}", "--dry-run"], 2);
    assert_says(&message, &["forwards"]);
}

/// A finished run of one small generation.
fn small_run(folder: &std::path::Path) {
    let _ = succeed(&[
        "--config",
        "inverted_pendulum.ron",
        "--out",
        text(folder),
        "--generations",
        "1",
        "-q",
        "--set",
        "run.eval_episodes=1",
    ]);
}

#[test]
fn unknown_changes_are_answered_with_the_known_ones() {
    let folder = tempfile::tempdir().expect("scratch folder");
    small_run(folder.path());
    let run = text(folder.path());
    let message = refuse(&["eval", run, "--change", "wind+storm"], 2);
    assert_says(&message, &["unknown change 'storm'", "none", "breaking_leg", "joined by +"]);
    let message = config_error(
        "(env: InvertedPendulum(), strategy: OpenEs(), changes: [(effect: Motors(strength: Fixed(0), \
         which: Limb(7)))])",
    );
    assert_says(&message, &["change motors", "limb 7"]);
    let message =
        config_error("(env: InvertedPendulum(), strategy: OpenEs(),\n changes: [(effect: Rain(Fixed(0)))])");
    assert_says(&message, &[":2:", "Rain", "Friction"]);
    let message = config_error(
        "(env: InvertedPendulum(), strategy: OpenEs(), controller: Snn(plasticity: [(blocks: [\"hidden\"])]))",
    );
    assert_says(&message, &["plasticity[0].blocks", "hidden.0.input", "readout.weight"]);
}

#[test]
fn mistakes_in_a_robot_file_are_named_with_their_place() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = folder.path().join("own.ron");
    fs::write(&path, format!("(env: Mjcf(file: \"own.xml\"), {STRATEGY})")).expect("config");
    let missing = refuse(&["--config", text(&path), "--dry-run"], 2);
    assert_says(&missing, &["cannot read robot", "own.xml"]);
    let leg = "<body name='leg'>\n<joint name='hip' axis='0 1 0'/><geom size='0.1' mass='1'/></body>";
    let robot = |inside: &str, motor: &str| {
        format!(
            "<mujoco><worldbody><body name='trunk'><freejoint/><geom size='0.2'/>{inside}</body>\n\
             </worldbody><actuator>{motor}</actuator></mujoco>"
        )
    };
    let motor = "<motor joint='hip' ctrlrange='-1 1'/>";
    for (xml, parts) in [
        (robot("<body>", motor), &["own.xml:2:"][..]),
        (robot(&leg.replace("axis=", "limited='true' axis="), motor), &["own.xml:2:", "range"]),
        (robot(&leg.replace("mass='1'", "mass='0'"), motor), &["own.xml:1:", "mass"]),
        (robot(leg, "<piston joint='hip'/>"), &["own.xml:3:", "piston", "motor"]),
        (robot(leg, "<muscle joint='hip'/>"), &["own.xml:3:", "muscle", "position"]),
        (robot("<geom type='mesh' mesh='hull'/>", motor), &["own.xml:1:", "mesh"]),
        (robot(leg, ""), &["own.xml", "at least one <motor>"]),
        (robot(leg, "<motor joint='hip'/>"), &["own.xml", "hip motor", "ctrlrange"]),
        (robot("<geom type='mesh' file='no.stl'/>", motor), &["own.xml:1:", "file"]),
        (robot("<replicate count='1000000000'/>", motor), &["own.xml:1:", "replicate"]),
        (
            "<mujoco><asset><hfield name='h' nrow='1000000000' ncol='1000000000' size='1 1 1 1'/></asset></mujoco>"
                .to_owned(),
            &["own.xml:1:", "nrow", "4096"],
        ),
        ("<body>".repeat(100_000), &["own.xml"]),
        (robot(&"<body><geom size='0.1'/></body>".repeat(20_000), motor), &["own.xml", "10000 bodies"]),
    ] {
        fs::write(folder.path().join("own.xml"), &xml).expect("robot");
        let message = refuse_within(&["--config", text(&path), "--dry-run"], 2, Duration::from_secs(60));
        assert_says(&message, parts);
        assert!(message.lines().count() <= 6, "short: {message}");
    }
    fs::write(folder.path().join("own.xml"), robot(leg, motor)).expect("robot");
    let task = |fields: &str| {
        fs::write(&path, format!("(env: Mjcf(file: \"own.xml\", {fields}), {STRATEGY})")).expect("config");
        refuse(&["--config", text(&path), "--dry-run"], 2)
    };
    assert_says(&task("observations: [Touch([\"foot\"])]"), &["unknown body 'foot'", "trunk, leg"]);
    assert_says(&task("task: Run()"), &["own.ron:1:", "Run", "Walk"]);
    assert_says(&task("task: Walk(healthy_z_range: Some((1, 0)))"), &["healthy_z_range"]);
}

#[test]
fn broken_checkpoints_are_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    small_run(&run);
    let last = run.join("checkpoints/last.safetensors");
    let whole = fs::read(&last).expect("checkpoint");
    fs::write(&last, &whole[..whole.len() / 2]).expect("checkpoint can be cut");
    for arguments in [["eval", text(&run)], ["resume", text(&run)], ["record", text(&run)]] {
        assert_says(&refuse(&arguments, 2), &["last.safetensors"]);
    }
    fs::write(&last, b"not a checkpoint").expect("checkpoint can be overwritten");
    assert_says(&refuse(&["eval", text(&last)], 2), &["last.safetensors"]);
    fs::remove_file(&last).expect("checkpoint can be removed");
    assert_says(&refuse(&["eval", text(&run)], 2), &["last.safetensors"]);
    assert_says(&refuse(&["eval", text(&folder.path().join("none"))], 2), &["none"]);
}

#[test]
fn a_checkpoint_of_another_config_is_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    small_run(&run);
    let config = run.join("config.ron");
    let other = fs::read_to_string(&config).expect("config").replace("neurons: 16", "neurons: 24");
    fs::write(&config, other).expect("config can be changed");
    let message = refuse(&["resume", text(&run), "--generations", "2"], 2);
    assert_says(&message, &["another config", "neurons: 16", "neurons: 24"]);
    let init = run.join("checkpoints/last.safetensors");
    let message = refuse(&["--config", "ant.ron", "--init", text(&init), "--dry-run"], 2);
    assert_says(&message, &["another controller", "27-64r(lif)-8"]);
}

#[test]
fn runs_are_never_overwritten_and_unusable_folders_are_named() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    small_run(&run);
    let again = ["--config", "inverted_pendulum.ron", "--out", text(&run), "--generations", "1"];
    assert_says(&refuse(&again, 2), &["already contains a run", text(&run)]);
    // A folder below a file cannot be made by anyone, root included.
    let file = folder.path().join("file");
    fs::write(&file, "").expect("file");
    let below = file.join("run");
    let message = refuse(&["--config", "inverted_pendulum.ron", "--out", text(&below)], 2);
    assert_says(&message, &[text(&below)]);
}

#[test]
fn a_search_that_leaves_the_finite_numbers_fails_the_run() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let set = "strategy.optimizer=Sgd(learning_rate: 1e300)";
    let message = refuse(&["--config", "inverted_pendulum.ron", "--out", text(&run), "--set", set, "-q"], 1);
    assert_says(&message, &["no longer finite", "learning rate"]);
}

#[test]
fn absurd_sizes_are_refused() {
    for set in
        ["rollout.episodes=18446744073709551615", "strategy.population=1000000000000", "rollout.horizon=0"]
    {
        let message = refuse(&["--config", "ant.ron", "--set", set, "--dry-run"], 2);
        assert_says(&message, &[set.split(['=', '.']).nth(1).expect("a field")]);
    }
    assert_says(&refuse(&["--config", "ant.ron", "--threads", "100000"], 2), &["1 to 1024"]);
}

#[test]
fn a_run_that_is_being_trained_is_left_alone() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let mut child = tests::endless_run(&run, &[], 1);
    let message = refuse(&["resume", text(&run)], 2);
    child.kill().expect("evo can be killed");
    child.wait().expect("evo has ended");
    assert_says(&message, &["is being trained by another process"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_fails_the_run_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (run, none) = (folder.path().join("run"), folder.path().join("none"));
    let start = ["--config", "ant.ron", "-q", "--set", "strategy.population=2", "--set", "rollout.horizon=5"];
    let new =
        |out| [&start[..], &["--set", "run.eval_episodes=1", "--generations", "1", "--out", out]].concat();
    // No file may grow over 8 KiB: the metrics fit, a checkpoint does not.
    let limited = |arguments: &[&str]| {
        let evo = tests::evo(arguments);
        let script = "ulimit -f 8; exec \"$@\"";
        let output = std::process::Command::new("bash")
            .args(["-c", script, "bash"])
            .arg(evo.get_program())
            .args(evo.get_args())
            .current_dir(tests::root())
            .output()
            .expect("bash starts");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!message.contains("panicked"), "{message}");
        (output.status.code(), message)
    };
    let (code, message) = limited(&new(text(&none)));
    assert_eq!(code, Some(2), "{message}");
    assert_says(&message, &["cannot write to run folder", text(&none)]);
    assert!(!none.exists(), "half a run");
    let _ = succeed(&new(text(&run)));
    let last = run.join("checkpoints/last.safetensors");
    let before = fs::read(&last).expect("a checkpoint");
    let (code, message) = limited(&["resume", text(&run), "--generations", "2", "-q"]);
    assert_eq!(code, Some(1), "{message}");
    assert_says(&message, &["cannot write", ".safetensors"]);
    let rows = fs::read_to_string(run.join("metrics.csv")).expect("metrics");
    assert_eq!(rows.lines().count(), 3, "the finished generation is in the table");
    assert!(fs::read(&last).expect("a checkpoint") == before, "the old checkpoint is there");
    let left: Vec<_> =
        fs::read_dir(run.join("checkpoints")).expect("folder").map(|e| e.expect("entry").path()).collect();
    assert!(left.iter().all(|file| file.extension().is_some_and(|end| end == "safetensors")), "{left:?}");
}

#[test]
fn wrong_arrays_are_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = folder.path().join("bad.npy");
    fs::write(&path, b"\x93NUMPY junk").expect("file");
    let arguments =
        ["trace", "--env", "ant", "--start", text(&path), "--control", text(&path), "--out", "/dev/null"];
    assert_says(&refuse(&arguments, 2), &["bad.npy"]);
}

#[test]
fn a_wrong_neuron_model_is_answered_with_file_line_and_column() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (config, model) = (folder.path().join("own.ron"), folder.path().join("own.neuron"));
    let text_of = |model: &str| {
        format!(
            "(env: InvertedPendulum(), strategy: OpenEs(population: 4), run: (generations: 1), \
             controller: Snn(hidden: [Dense(neurons: 4, model: \"{model}\")]))"
        )
    };
    fs::write(&config, text_of("own.neuron")).expect("written");
    let good = "model own\nparam decay = 0.9 in [0, 1]\nstate v = 0\nv = decay*v + I\nspike v > 1\nreset zero: v = 0\n";
    fs::write(&model, good.replace("decay*v", "decy*v")).expect("written");
    let out = folder.path().join("run");
    let run = ["--config", text(&config), "--out", text(&out), "-q"];
    let message = refuse(&run, 2);
    assert_says(&message, &["own.neuron:4:5: ", "unknown symbol `decy`", "did you mean `decay`?"]);
    fs::remove_file(&model).expect("removed");
    assert_says(&refuse(&run, 2), &["cannot read neuron model", "own.neuron"]);
    fs::write(&model, good).expect("written");
    let _ = succeed(&run);
    // The run folder stands alone: the text of the model is in its config.
    fs::remove_file(&model).expect("removed");
    let resolved = out.join("config.ron");
    let again = folder.path().join("again");
    let _ = succeed(&["--config", text(&resolved), "--out", text(&again), "-q"]);
    // A model that divides by zero for its parameters is refused before anything runs.
    fs::write(&model, good.replace("decay*v", "v/(decay - 0.9)")).expect("written");
    fs::write(&config, text_of("own.neuron")).expect("written");
    assert_says(
        &refuse(&["--config", text(&config), "--out", text(&folder.path().join("c"))], 2),
        &["own.neuron:4:14"],
    );
}

#[test]
fn states_that_explode_never_become_a_score() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (config, model) = (folder.path().join("own.ron"), folder.path().join("own.neuron"));
    fs::write(
        &config,
        "(env: InvertedPendulum(), strategy: OpenEs(population: 8), run: (generations: 2, eval_every: 0), \
         controller: Snn(hidden: [Dense(neurons: 4, model: \"own.neuron\")]))",
    )
    .expect("written");
    // 1/(v − v) after the first spike.
    let text_of = "model own\nstate v = 0\nv = v + I\nspike v > 1\nreset bang: v = 1/(v - v)\n";
    fs::write(&model, text_of).expect("written");
    let out = folder.path().join("run");
    // All members spike, so all fail.
    let said = refuse(&["--config", text(&config), "--out", text(&out)], 1);
    assert_says(&said, &["no member has a finite fitness"]);
    assert!(out.join("checkpoints/last.safetensors").is_file(), "what there was is kept");
}

/// A run that no machine has the memory for is refused before it takes any: the message says how much it would take, why, and
/// what would fit.
#[test]
fn what_does_not_fit_into_memory_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let large = "controller=Mlp(hidden: [4096, 4096])";
    for (sets, parts) in [
        (
            &["strategy=CmaEs(max_dimension: 100000000)", large][..],
            &["TB for the search, with parameters under CmaEs = 1692", "would fit"][..],
        ),
        (
            &["strategy=CmaEs(max_dimension: 100000, population: 1000000)", "controller=Mlp(hidden: [1000])"],
            &["for its members, with strategy.population = 1000000", "would fit"],
        ),
        (
            &["strategy.population=1000000", "rollout.episodes=1000000"],
            &["with strategy.population · rollout.episodes = 1000000000000", "would fit"],
        ),
    ] {
        let sets = sets.iter().flat_map(|set| ["--set", *set]);
        let words: Vec<&str> = ["--config", "ant.ron", "--out", text(&out)].into_iter().chain(sets).collect();
        for words in [words.clone(), [&words[..], &["--dry-run"]].concat()] {
            let message = refuse_within(&words, 2, Duration::from_secs(60));
            assert_says(&message, &["error: ", "this would take about ", " of memory, but only "]);
            assert_says(&message, parts);
            assert_eq!(message.trim_end().lines().count(), 1, "{message}");
            assert!(!out.exists(), "nothing was started");
        }
    }
    // Of a sweep, too.
    let file = folder.path().join("sweep.ron");
    let axis = r#"List(path: "strategy.population", values: [8, 1000000])"#;
    let base = r#"config: "ant.ron", set: ["strategy=CmaEs(max_dimension: 100000, population: 8)", "controller=Mlp(hidden: [300])"]"#;
    fs::write(&file, format!("({base}, axes: [{axis}])")).expect("a sweep");
    let message = refuse(&["sweep", "--config", text(&file), "--dry-run"], 2);
    assert_says(&message, &["sweep.ron:1:", "this would take about ", "strategy.population = 1000000"]);
}
