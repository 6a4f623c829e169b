//! Short ways on the command line: configs and runs by a word, lists of both, and what is said to words that mean nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tests::{evo, root, text};

/// A folder to be in, with configs of its own.
struct Desk {
    scratch: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("scratch folder");
        let configs = scratch.path().join("configs");
        fs::create_dir(&configs).expect("folder");
        for name in ["inverted_pendulum.ron", "yin_yang.ron"] {
            fs::copy(root().join("configs").join(name), configs.join(name)).expect("config");
        }
        Self { scratch }
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn runs(&self) -> PathBuf {
        self.path().join("results/runs")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        evo(arguments).current_dir(self.path()).output().expect("evo starts")
    }

    fn succeed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        assert!(output.status.success(), "evo {arguments:?}: {}", texts[1]);
        texts.into()
    }

    fn refuse(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "evo {arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(arguments).0).expect("stdout is JSON")
    }

    /// A short run in its default folder.
    fn train(&self, more: &[&str]) {
        let short = ["inverted_pendulum.ron", "--generations", "1", "--set", "strategy.population=4"];
        let shorter = ["--set", "rollout.horizon=20", "--set", "run.eval_episodes=2", "-q"];
        self.succeed(&[&short[..], &shorter, more].concat());
    }
}

#[test]
fn a_config_alone_is_trained() {
    let desk = Desk::new();
    let full = desk.succeed(&["--config", "inverted_pendulum.ron", "--seed", "3", "--dry-run"]).0;
    assert!(full.contains("seed: 3"), "{full}");
    let path = desk.path().join("configs/inverted_pendulum.ron");
    for words in [
        &["inverted_pendulum.ron", "--seed", "3", "--dry-run"][..],
        &["inverted_pendulum", "--seed", "3", "--dry-run"],
        &["configs/inverted_pendulum.ron", "--seed", "3", "--dry-run"],
        &[text(&path), "--seed", "3", "--dry-run"],
        &["--seed", "3", "inverted_pendulum.ron", "--dry-run"],
        &["train", "inverted_pendulum.ron", "--seed", "3", "--dry-run"],
    ] {
        assert_eq!(desk.succeed(words).0, full, "{words:?}");
    }
    // A verb is a verb, whatever lies there.
    fs::copy(&path, desk.path().join("configs/list.ron")).expect("config");
    assert!(desk.succeed(&["list", "envs"]).0.contains("inverted_pendulum"));
    assert_eq!(desk.succeed(&["list.ron", "--seed", "3", "--dry-run"]).0, full);
}

#[test]
fn words_that_mean_nothing_are_answered_with_what_was_meant() {
    let desk = Desk::new();
    for (words, expected) in [
        (&["evall", "r"][..], "'evall' is neither a command nor a config; did you mean 'evo eval'?"),
        (&["inverted_pendulm"], "did you mean 'evo inverted_pendulum.ron'?"),
        (
            &["inverted_pendulm.ron"],
            "no config 'inverted_pendulm.ron' (did you mean 'inverted_pendulum.ron'?)",
        ),
        (&["--config", "yinyang"], "no config 'yinyang' (did you mean 'yin_yang'?)"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["fly.ron"], "no config 'fly.ron': looked for fly.ron and configs/fly.ron (configs there: "),
    ] {
        let message = desk.refuse(words, 2);
        assert!(message.contains(expected), "{words:?}: {message}");
    }
}

#[test]
fn a_run_is_found_by_latest_and_by_the_beginning_of_its_name() {
    let desk = Desk::new();
    assert!(desk.refuse(&["eval", "latest"], 2).contains("latest: there are no runs in results/runs"));
    desk.train(&["--name", "walk", "--seed", "1"]);
    desk.train(&["--name", "walk", "--seed", "2"]);
    desk.train(&["--name", "stand", "--seed", "1"]);
    let (stdout, stderr) = desk.succeed(&["eval", "latest", "--episodes", "1"]);
    assert!(
        stderr.contains("latest is results/runs/stand__s1__") && stdout.contains("over 1 episodes"),
        "{stderr}"
    );
    let by_path = |run: &str| desk.succeed(&["eval", run, "--episodes", "2", "--json"]).0;
    let folder = fs::read_dir(desk.runs()).expect("runs").flatten().map(|entry| entry.path());
    let folder = folder.into_iter().find(|path| text(path).contains("walk__s2__")).expect("a run");
    assert_eq!(by_path("walk__s2"), by_path(text(&folder)));
    let message = desk.refuse(&["record", "walk"], 2);
    let names: Vec<&str> = message.lines().skip(1).map(str::trim).collect();
    assert!(
        message.starts_with("error: walk is the beginning of several runs in results/runs;"),
        "{message}"
    );
    assert!(names[0].starts_with("walk__s2__") && names[1].starts_with("walk__s1__") && names.len() == 2);
    assert!(
        desk.refuse(&["eval", "wlak__s2"], 2).contains("is not a run folder: it does not exist, and no run")
    );
    // Whatever a word could mean, a path that exists is that path.
    fs::create_dir(desk.path().join("stand")).expect("folder");
    assert!(desk.refuse(&["eval", "stand"], 2).contains("stand is not a run folder: it has no config.ron"));
    // Everywhere.
    for words in [
        &["check", "walk__s1"][..],
        &["plot", "walk__s1"],
        &["report", "walk__s1", "--no-robot"],
        &["resume", "walk__s1", "-q"],
        &["nir", "export", "walk__s1", "--out", "a.nir"],
        &["inverted_pendulum.ron", "--init", "walk__s1", "--dry-run"],
        &["eval", "results/runs/walk__s1", "--episodes", "1"],
    ] {
        desk.succeed(words);
    }
}

#[test]
fn runs_and_configs_are_listed_with_task_score_and_date() {
    let desk = Desk::new();
    assert_eq!(desk.succeed(&["list", "runs"]).0, "there are no runs in results/runs\n");
    desk.train(&["--seed", "1"]);
    desk.train(&["--seed", "2"]);
    desk.succeed(&["yin_yang.ron", "--generations", "1", "-q"]);
    let runs = desk.json(&["list", "runs", "--json"]);
    let runs = runs["runs"].as_array().expect("a list");
    let of = |key: &str| runs.iter().map(|run| run[key].to_string()).collect::<Vec<_>>();
    assert_eq!(of("task"), ["\"YinYang\"", "\"inverted_pendulum\"", "\"inverted_pendulum\""]);
    assert!(of("finished").iter().all(|finished| finished == "true"), "{runs:?}");
    assert_eq!(runs[0]["score"]["measure"], "accuracy");
    assert!(runs[0]["method"] == "Classify" && runs[1]["method"] == "open_es", "{runs:?}");
    let summary = fs::read_to_string(
        desk.path().join(runs[1]["folder"].as_str().expect("a path")).join("summary.json"),
    );
    let summary: Value = serde_json::from_str(&summary.expect("summary")).expect("JSON");
    assert!(summary["seed"] == 2 && runs[1]["score"]["last"] == summary["eval_return_mean"], "{runs:?}");
    // One that is damaged is listed all the same.
    let last = desk.path().join(runs[2]["folder"].as_str().expect("a path"));
    fs::write(last.join("metrics.csv"), "nonsense").expect("a file");
    let table = desk.succeed(&["list", "runs"]).0;
    let lines: Vec<&str> = table.lines().collect();
    let year = |line: &str| line.contains("  20") && line.contains(':');
    assert!(
        lines.len() == 4 && lines[0].starts_with("run ") && lines[1..].iter().all(|line| year(line)),
        "{table}"
    );
    assert!(
        lines[1].contains(" %") && lines[3].contains("damaged") && lines[2].contains("finished"),
        "{table}"
    );
    let configs = desk.json(&["list", "configs", "--json"]);
    let pendulum = &configs["configs"][0];
    assert!(pendulum["name"] == "inverted_pendulum.ron" && pendulum["runs"] == 2, "{configs}");
    assert_eq!(pendulum["best"]["best"], summary["eval_return_best"], "{configs}");
    let table = desk.succeed(&["list", "configs"]).0;
    assert!(table.contains("yin_yang.ron") && table.contains("Classify"), "{table}");
}

#[test]
fn every_shipped_config_can_be_listed() {
    let output = evo(&["list", "configs"]).output().expect("evo starts");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && table.contains("ant_hybrid.ron"), "{table}");
    assert!(!table.contains("cannot be read"), "{table}");
}

#[test]
fn several_seeds_are_a_run_each_with_one_table_and_one_curve() {
    let desk = Desk::new();
    let short = ["inverted_pendulum.ron", "--generations", "2", "--set", "strategy.population=4"];
    let shorter = ["--set", "rollout.horizon=20", "--set", "run.eval_episodes=2", "-q"];
    let seeds = |more: &[&'static str]| [&short[..], &shorter, more].concat();
    let (table, stderr) = desk.succeed(&seeds(&["--seeds", "1..3", "--out", "three"]));
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines.len() == 5 && lines[0].starts_with("seed  status ") && stderr.is_empty(),
        "{table}{stderr}"
    );
    for (seed, line) in lines[1..4].iter().enumerate() {
        let run = desk.path().join(format!("three/s{}", seed + 1));
        assert!(line.contains(" finished ") && line.ends_with(&format!("three/s{}", seed + 1)), "{table}");
        let config = fs::read_to_string(run.join("config.ron")).expect("config");
        assert!(config.contains(&format!("seed: {},", seed + 1)) && run.join("summary.json").exists());
    }
    assert!(lines[4].starts_with("3 seeds: mean ") && lines[4].contains("95 % interval"), "{table}");
    assert!(fs::read_to_string(desk.path().join("three/curve.svg")).expect("curve").contains("(3 seeds)"));
    assert!(desk.path().join("three/curve.png").exists());
    // A seed of several is the run that it is alone.
    desk.succeed(&seeds(&["--seed", "2", "--out", "alone"]));
    let last =
        |run: &str| fs::read(desk.path().join(run).join("checkpoints/last.safetensors")).expect("checkpoint");
    assert!(last("alone") == last("three/s2"));
    // Nothing is overwritten, and what is wrong with all of them is said once and early.
    let message = desk.refuse(&seeds(&["--seeds", "3,9", "--out", "three"]), 2);
    assert!(
        message.contains("three/s3 already contains a run") && !desk.path().join("three/s9").exists(),
        "{message}"
    );
    let message = desk.refuse(&seeds(&["--seeds", "1..3", "--set", "strategy.sigma=-1"]), 2);
    assert!(message.matches("sigma").count() == 1 && !desk.runs().exists(), "{message}");
    // In their usual folders.
    let (_, stderr) = desk.succeed(&[&seeds(&[])[..9], &["--seeds", "4,7"]].concat());
    assert!(
        stderr.contains("seed 7, 2 of 2")
            && stderr.contains("curve  results/runs/inverted_pendulum__2-seeds__")
    );
    assert_eq!(
        fs::read_dir(desk.runs())
            .expect("runs")
            .filter(|entry| entry.as_ref().is_ok_and(|e| e.path().is_dir()))
            .count(),
        2
    );
}

#[test]
fn a_seed_that_fails_does_not_keep_the_others_from_running() {
    let desk = Desk::new();
    fs::create_dir(desk.path().join("out")).expect("folder");
    fs::write(desk.path().join("out/s2"), "in the way").expect("file");
    let seeds = ["yin_yang.ron", "--generations", "1", "--seeds", "1..3", "--out", "out", "-q"];
    let output = desk.run(&seeds);
    let [table, message] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("out/s2") && message.contains("(seed 2)"), "{message}");
    assert!(message.ends_with("error: 1 of 3 seeds failed: 2\n"), "{message}");
    let statuses: Vec<&str> =
        table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(statuses[..3], ["finished", "failed", "finished"], "{table}");
    assert!(table.contains("2 seeds: mean ") && table.contains(" %"), "{table}");
    assert!(desk.path().join("out/s3/summary.json").exists() && desk.path().join("out/curve.svg").exists());
}

#[test]
fn runs_are_compared_on_the_same_episodes() {
    let desk = Desk::new();
    desk.train(&["--name", "a", "--seed", "1"]);
    desk.train(&["--name", "b", "--seed", "2"]);
    let compare = ["compare", "a__s1", "b__s2", "--episodes", "6", "--seed", "5"];
    let report = desk.json(&[&compare[..], &["--json"]].concat());
    assert!(
        report["env"] == "inverted_pendulum" && report["episodes"] == 6 && report["seed"] == 5,
        "{report}"
    );
    let runs = report["runs"].as_array().expect("a list");
    let alone = |run: &str| desk.json(&["eval", run, "--episodes", "6", "--seed", "5", "--json"]);
    let mut sums = Vec::new();
    for (row, run) in runs.iter().zip(["a__s1", "b__s2"]) {
        assert_eq!(row["returns"], alone(run)["returns"], "{run}");
        let interval = [0, 1].map(|end| row["return_interval"][end].as_f64().expect("a number"));
        let mean = row["return_mean"].as_f64().expect("a number");
        assert!(interval[0] <= mean && mean <= interval[1], "{row}");
        sums.push(mean);
    }
    assert!(runs[0]["difference"].is_null(), "{report}");
    let difference = &runs[1]["difference"];
    assert!((difference["mean"].as_f64().expect("a number") - (sums[1] - sums[0])).abs() < 1e-9, "{report}");
    let table = desk.succeed(&[&compare[..], &["--engine", "Rapier,lanes"]].concat()).0;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].starts_with("run ") && lines[1].contains("difference to the first"), "{table}");
    let engines: Vec<&str> = lines[2..6].iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(engines, ["rapier", "rapier", "lanes", "lanes"], "{table}");
    assert!(desk.refuse(&["compare", "a__s1"], 2).contains("2"));
    // Another task, and another setting of the same one.
    fs::copy(root().join("configs/reacher.ron"), desk.path().join("configs/reacher.ron")).expect("config");
    desk.succeed(&[
        "reacher",
        "--generations",
        "1",
        "--set",
        "strategy.population=4",
        "--out",
        "other",
        "-q",
    ]);
    let message = desk.refuse(&["compare", "a__s1", "other"], 2);
    assert!(message.contains("was trained for inverted_pendulum, other for reacher"), "{message}");
    desk.train(&["--name", "c", "--set", "changes=[(effect: Friction(Fixed(0.5)))]"]);
    let (_, stderr) = desk.succeed(&["compare", "a__s1", "c__s1", "--episodes", "1"]);
    assert!(stderr.contains("differ in: the changes of the environment"), "{stderr}");
}

#[test]
fn engines_have_the_same_words_everywhere_and_runs_can_be_changed() {
    let desk = Desk::new();
    let config = |word: &str| {
        let set = format!("physics.engine={word}");
        desk.succeed(&["inverted_pendulum", "--set", &set, "--dry-run"]).0
    };
    assert_eq!(config("lanes"), config("Lanes"));
    assert_eq!(config("RAPIER"), config("Rapier"));
    assert_eq!(config("auto"), config("Auto"));
    desk.train(&["--set", "physics.validate=rapier"]);
    let engine = |word: &str| {
        desk.json(&["eval", "latest", "--episodes", "1", "--engine", word, "--json"])["engine"].clone()
    };
    assert_eq!(["rapier", "Rapier", "LANES", "Auto"].map(engine), ["rapier", "rapier", "lanes", "lanes"]);
    assert!(desk.refuse(&["eval", "latest", "--engine", "bullet"], 2).contains("rapier, lanes, auto"));
    // Changes of what runs, not of what has trained it.
    let length = |sets: &[&str]| {
        desk.json(&[&["eval", "latest", "--episodes", "1", "--json"][..], sets].concat())["engine"].clone()
    };
    assert_eq!(length(&["--set", "physics.engine=rapier"]), "rapier");
    let message = desk.refuse(&["eval", "latest", "--set", "strategy.sigma=1"], 2);
    assert!(message.contains("`strategy` is about training; valid: fields of env, changes,"), "{message}");
    assert!(desk.refuse(&["record", "latest", "--set", "env.x=1"], 2).contains("no field 'x'"));
    desk.succeed(&[
        "record",
        "latest",
        "--set",
        "changes=[(effect: Friction(Fixed(0.5)))]",
        "--out",
        "f.rollout.safetensors",
    ]);
    // Differences to the plain task: in JSON if it is named.
    let changes = ["eval", "latest", "--episodes", "4", "--change", "none,low_gravity", "--json"];
    let rows = desk.json(&changes);
    let [plain, light] = [0, 1].map(|row| rows["rows"][row].clone());
    let mean = |row: &Value| row["return_mean"].as_f64().expect("a number");
    let difference = light["difference_to_none"]["mean"].as_f64().expect("a number");
    assert!(
        (difference - (mean(&light) - mean(&plain))).abs() < 1e-9 && plain["difference_to_none"].is_null(),
        "{rows}"
    );
    let alone = desk.json(&["eval", "latest", "--episodes", "4", "--change", "low_gravity", "--json"]);
    assert!(
        alone["returns"] == light["returns"]
            && alone["difference_to_none"].is_null()
            && alone["rows"].is_null()
    );
}

#[test]
fn shells_get_completions_and_man_gets_pages() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = desk.succeed(&["completions", shell]).0;
        assert!(
            script.contains("evo") && script.contains("compare") && script.contains("episodes"),
            "{shell}"
        );
    }
    assert!(desk.refuse(&["completions", "tcsh"], 2).contains("bash"));
    // bash takes it, and completes.
    let script = desk.path().join("evo.bash");
    fs::write(&script, desk.succeed(&["completions", "bash"]).0).expect("script");
    let line = format!(
        "source {}; COMP_WORDS=(evo comp); COMP_CWORD=1; _evo evo comp evo; printf '%s ' \"${{COMPREPLY[@]}}\"",
        text(&script)
    );
    if let Ok(output) = std::process::Command::new("bash").args(["-c", &line]).output() {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "compare completions", "{output:?}");
    }
    desk.succeed(&["man", "pages"]);
    let page = |name: &str| fs::read_to_string(desk.path().join("pages").join(name)).expect("a page");
    assert!(page("evo.1").contains(".TH evo 1") && page("evo-train.1").contains("seeds"));
    assert!(page("evo-nir-export.1").contains("nir") && page("evo-bench-physics.1").contains("engine"));
    assert!(desk.refuse(&["man", "configs/yin_yang.ron/pages"], 2).contains("cannot write man pages"));
}

#[test]
fn a_new_config_or_robot_is_a_copy_that_trains() {
    let desk = Desk::new();
    let (stdout, stderr) = desk.succeed(&["new", "config", "mine", "--from", "inverted_pendulum"]);
    assert!(stdout == "configs/mine.ron\n" && stderr.contains("evo mine.ron"), "{stdout}{stderr}");
    assert_eq!(desk.succeed(&["mine", "--dry-run"]).0, desk.succeed(&["inverted_pendulum", "--dry-run"]).0);
    let read = |name: &str| fs::read_to_string(desk.path().join("configs").join(name)).expect("a file");
    assert!(
        read("mine.ron").starts_with("// mine: a copy of inverted_pendulum.ron.\n"),
        "{}",
        read("mine.ron")
    );
    let message = desk.refuse(&["new", "robot", "mine"], 2);
    assert!(
        message.contains("configs/mine.ron exists") && !desk.path().join("configs/mine.xml").exists(),
        "{message}"
    );
    assert_eq!(desk.succeed(&["new", "robot", "rower"]).0, "configs/rower.xml\nconfigs/rower.ron\n");
    let short = ["--generations", "1", "--set", "strategy.population=2", "--set", "rollout.horizon=10", "-q"];
    desk.succeed(&[&["rower.ron", "--out", "own"][..], &short].concat());
    // Of a robot of one's own, whatever its bodies are called.
    let robot = root().join("envs/assets/hopper.xml");
    desk.succeed(&["new", "robot", "hop", "--from", text(&robot)]);
    assert!(
        read("hop.ron").contains("file: \"hop.xml\"") && !read("hop.ron").contains("healthy_z_range"),
        "{}",
        read("hop.ron")
    );
    // A neuron of one's own needs no compiler.
    assert_eq!(
        desk.succeed(&["new", "neuron", "slow_one", "--from", "alif"]).0,
        "configs/slow_one.neuron\nconfigs/slow_one.ron\n"
    );
    desk.succeed(&[&["slow_one.ron", "--out", "slow"][..], &short].concat());
    let resolved = fs::read_to_string(desk.path().join("slow/config.ron")).expect("a config");
    assert!(resolved.contains("model slow_one "), "{resolved}");
    assert!(
        desk.refuse(&["new", "neuron", "n", "--from", "li"], 2)
            .contains("no spiking model \"li\"; valid: adex, alif")
    );
    assert!(desk.refuse(&["new", "neuron", "Fast"], 2).contains("begin with a small letter"));
    // A task and a strategy are source, and have a place in a clone alone.
    assert!(desk.refuse(&["new", "env", "my_cart"], 2).contains("there is no envs/src/registry.rs here"));
    for folder in ["envs/src", "envs/assets", "evo/strategies/src"] {
        fs::create_dir_all(desk.path().join(folder)).expect("a folder");
    }
    for list in ["envs/src/registry.rs", "evo/strategies/src/config.rs"] {
        fs::write(desk.path().join(list), "").expect("a list");
    }
    let (files, next) = desk.succeed(&["new", "env", "my_cart"]);
    assert_eq!(files, "envs/src/my_cart.rs\nenvs/assets/my_cart.xml\nconfigs/my_cart.ron\n");
    assert!(next.contains("    MyCart = \"my_cart\" in my_cart,"), "{next}");
    let (files, next) = desk.succeed(&["new", "strategy", "mine2"]);
    assert_eq!(files, "evo/strategies/src/mine2.rs\nconfigs/mine2.ron\n");
    assert!(next.contains("    mine2: Mine2(Mine2Config),"), "{next}");
    let source = fs::read_to_string(desk.path().join("evo/strategies/src/mine2.rs")).expect("a source");
    assert!(source.contains("struct Mine2Config") && !source.contains("Cem"), "{source}");
    assert!(desk.refuse(&["new", "robot", "none", "--from", "none.xml"], 2).contains("none.xml"));
    assert!(desk.refuse(&["new", "config", "a/b"], 2).contains("use letters, digits, '-' and '_'"));
    assert!(desk.refuse(&["new", "config", "b", "--from", "none.ron"], 2).contains("no config 'none.ron'"));
}

#[test]
fn messages_say_what_is_meant() {
    let desk = Desk::new();
    fs::copy(root().join("configs/inverted_pendulum_imitate.ron"), desk.path().join("configs/imitate.ron"))
        .expect("config");
    let message = desk.refuse(&["imitate.ron"], 2);
    let expected = "task.teacher = \"results/runs/RUN\": must be a run folder, a checkpoint or a recording that exists \
                    (--set task.teacher=RUN)";
    assert!(message.contains(expected), "{message}");
    // Files that help names are there.
    for verb in ["train", "finetune", "sweep"] {
        let help = desk.succeed(&[verb, "--help"]).0;
        let words =
            help.split(|c: char| c.is_whitespace() || c == '=').map(|word| word.trim_end_matches(','));
        for config in
            words.filter(|word| word.ends_with(".ron") && !word.contains("NAME") && !word.starts_with('.'))
        {
            assert!(root().join("configs").join(config).is_file(), "{verb} --help names {config}");
        }
    }
    let (_, stderr) = desk.succeed(&[
        "inverted_pendulum",
        "--generations",
        "12",
        "--out",
        "run",
        "--set",
        "run.eval_every=5",
    ]);
    assert!(stderr.contains("4 observations, 1 action, ") && !stderr.contains("1 actions"), "{stderr}");
    assert!(!stderr.contains("0.0 s left"), "{stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("generation ")).collect();
    assert!(lines.last().is_some_and(|line| line.starts_with("generation 12/12  fitness ")), "{stderr}");
    assert!(lines.iter().any(|line| line.starts_with("generation  5/12  ")), "{stderr}");
    let log = fs::read_to_string(desk.path().join("run/log.txt")).expect("log");
    assert!(lines.iter().all(|line| log.contains(line)), "{log}");
    for list in ["neurons", "surrogates"] {
        let text = desk.succeed(&["list", list]).0;
        assert!(!text.contains("0.000000") && text.contains("0.5 "), "{text}");
    }
    assert!(desk.succeed(&["list", "envs"]).0.contains(" 1 action "));
}

/// An ant that stands still scores about 1000, and looks like success.
#[test]
fn a_return_for_survival_alone_is_said_to_be_that() {
    let desk = Desk::new();
    fs::copy(root().join("configs/ant.ron"), desk.path().join("configs/ant.ron")).expect("config");
    // Steps so small that it stays where it is.
    let still = ["--set", "strategy.sigma=0.000001"];
    let short = [
        "ant",
        "--generations",
        "1",
        "--set",
        "strategy.population=2",
        "--set",
        "run.eval_episodes=1",
        "--out",
        "still",
    ];
    let (_, stderr) = desk.succeed(&[&short[..], &still].concat());
    let expected = "note: nearly all of the return is `survive` (";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(fs::read_to_string(desk.path().join("still/log.txt")).expect("log").contains(expected));
    let (stdout, stderr) = desk.succeed(&["eval", "still", "--episodes", "1"]);
    assert!(stderr.contains(expected) && !stdout.contains("note"), "{stdout}{stderr}");
}
