//! Training by gradient through the program: what a run leaves, what it goes on from, what it refuses.

use std::fs;
use std::path::Path;

use records::checkpoint::Checkpoint;
use serde_json::Value;
use tests::{full_column, refuse, succeed, text};

const YIN_YANG: [&str; 8] = [
    "finetune",
    "--config",
    "yin_yang.ron",
    "--set",
    "task.data=YinYang(train: 600, validation: 100, test: 100)",
    "--set",
    "controller.hidden=[Dense(neurons: 20, parameters: {\"decay\": 0.5})]",
    "-q",
];

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(arguments)).expect("one JSON object")
}

/// Runs `evo`, which must exit with 0.
fn done(arguments: &[&str]) {
    let _ = succeed(arguments);
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

#[test]
fn yin_yang_is_learned_and_leaves_a_run_like_any_other() {
    let scratch = scratch();
    let folder = scratch.path().join("run");
    let out = ["--out", text(&folder), "--generations", "12"];
    done(&[&YIN_YANG[..], &out].concat());
    for file in [
        "config.ron",
        "provenance.json",
        "metrics.csv",
        "log.txt",
        "summary.json",
        "curve.svg",
        "curve.png",
        "confusion.csv",
        "confusion.svg",
        "confusion.png",
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "checkpoints/gen_000010.safetensors",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let summary = fs::read_to_string(folder.join("summary.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let accuracy = summary["test_accuracy"].as_f64().expect("a number");
    assert!(accuracy > 0.8, "{summary}");
    let report = json(&["eval", text(&folder), "--best", "--json"]);
    assert_eq!((&report["accuracy"], &report["samples"]), (&accuracy.into(), &100.into()));
    let svg = folder.join("plot.svg");
    done(&["plot", text(&folder), "--out", text(&svg)]);
    assert!(fs::read_to_string(svg).expect("a plot").contains("validation"));
    let stderr = refuse(&["record", text(&folder)], 2);
    assert!(stderr.contains("was trained with labels, without a world"), "{stderr}");
    let teacher = format!("task.teacher={:?}", text(&folder));
    for arguments in [
        vec!["--config", "inverted_pendulum.ron", "--init", text(&folder)],
        vec!["finetune", "--config", "inverted_pendulum_ppo.ron", "--init", text(&folder)],
        vec!["finetune", "--config", "inverted_pendulum_imitate.ron", "--set", &teacher],
    ] {
        let stderr = refuse(&arguments, 2);
        assert!(stderr.contains("was trained with labels, without a world; valid here"), "{stderr}");
    }
    // The resolved config can be run again as it is.
    let again = scratch.path().join("again");
    let config = folder.join("config.ron");
    let arguments = ["finetune", "--config", text(&config), "--out", text(&again), "-q", "--threads", "1"];
    done(&arguments);
    let last = |folder: &Path| fs::read(folder.join("checkpoints/last.safetensors")).expect("a checkpoint");
    assert_eq!(last(&folder), last(&again));
}

#[test]
fn runs_go_on_to_the_same_bits() {
    let scratch = scratch();
    let [whole, parts] = ["whole", "parts"].map(|name| scratch.path().join(name));
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--set", "task.steps=32", "-q"];
    let of = |folder: &Path, generations: &str| {
        done(&[&ppo[..], &["--out", text(folder), "--generations", generations]].concat());
    };
    of(&whole, "4");
    of(&parts, "2");
    done(&["resume", text(&parts), "--generations", "4", "-q"]);
    let bytes = |folder: &Path| fs::read(folder.join("checkpoints/last.safetensors")).expect("a checkpoint");
    // The evaluation after the second generation may only have found a best policy.
    let mean = |folder: &Path| {
        let bytes = bytes(folder);
        let file = Checkpoint::from_bytes(folder, &bytes).expect("a checkpoint");
        format!("{:?} {:?}", file.tensor("mean"), file.tensor("critic.theta"))
    };
    assert_eq!(mean(&whole), mean(&parts));
}

#[test]
fn ppo_raises_the_return_and_what_it_made_is_imitated_and_evolved_on() {
    let scratch = scratch();
    let [trained, student, evolved] = ["ppo", "student", "evolved"].map(|name| scratch.path().join(name));
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "-q"];
    done(&[&ppo[..], &["--generations", "40", "--out", text(&trained)]].concat());
    let score = |folder: &Path| {
        let report = json(&["eval", text(folder), "--episodes", "8", "--json"]);
        report["return_mean"].as_f64().expect("a number")
    };
    // Random controllers keep the pole up for some ten steps of 1000.
    let teacher = score(&trained);
    assert!(teacher > 500.0, "{teacher}");

    let teach = format!("task.teacher={:?}", text(&trained));
    let imitate = ["finetune", "--config", "inverted_pendulum_imitate.ron", "--set", &teach, "-q"];
    done(&[&imitate[..], &["--generations", "12", "--out", text(&student)]].concat());
    assert!(score(&student) > 0.5 * teacher, "{}", score(&student));
    let nir = scratch.path().join("student.nir");
    done(&["nir", "export", text(&student), "--out", text(&nir)]);
    done(&["plot", text(&student)]);

    let on = ["--config", "inverted_pendulum.ron", "--init", text(&student), "--generations", "2", "-q"];
    done(&[&on[..], &["--out", text(&evolved)]].concat());
    let first = full_column(&evolved, "fitness_mean")[0];
    // 300 steps at most; a search that starts from nothing has about 20.
    assert!(first > 60.0, "{first}");
    // And back again.
    let back = [&ppo[..], &["--init", text(&evolved), "--generations", "1"]].concat();
    done(&[&back[..], &["--out", text(&scratch.path().join("back"))]].concat());
}

#[test]
fn recordings_are_cloned() {
    let scratch = scratch();
    let [trained, student] = ["ppo", "student"].map(|name| scratch.path().join(name));
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "-q"];
    done(&[&ppo[..], &["--generations", "12", "--out", text(&trained)]].concat());
    let recording = scratch.path().join("r.rollout.safetensors");
    done(&["record", text(&trained), "--episodes", "2", "--out", text(&recording)]);
    let teach = format!("task.teacher={:?}", text(&recording));
    let imitate = ["finetune", "--config", "inverted_pendulum_imitate.ron", "--set", &teach, "-q"];
    done(&[&imitate[..], &["--generations", "40", "--out", text(&student)]].concat());
    let losses = full_column(&student, "imitation_loss");
    assert!(losses[39] < 0.9 * losses[0], "{} after {}", losses[39], losses[0]);
}

#[test]
fn runs_find_their_data_from_any_folder_and_values_are_learned_too() {
    let scratch = scratch();
    let path = |name: &str| scratch.path().join(name);
    fs::copy(tests::data("labels").join("stored.npz"), path("data.npz")).expect("a copy");
    let config = |task: &str, y: &str| {
        format!(
            "(task: {task}(data: Arrays(x: \"data.npz:X\", y: \"data.npz:{y}\")), \
             controller: Snn(hidden: [Dense(neurons: 8, like: \"norse\")]), run: (generations: 1))"
        )
    };
    // Samples are their own goals, frame by frame.
    let regress = config("Regress", "X").replace("\")),", "\"), loss: SquareMembrane(over: Each)),");
    for (name, text_of, key) in [("labels", config("Classify", "y"), "accuracy"), ("values", regress, "loss")]
    {
        fs::write(path(&format!("{name}.ron")), text_of).expect("a config");
        let arguments = ["finetune", "--config", &format!("{name}.ron"), "--out", name, "-q"];
        // Its own folder, and then the root.
        let output = tests::evo(&arguments).current_dir(scratch.path()).output().expect("evo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let folder = path(name);
        done(&["resume", text(&folder), "--generations", "3", "-q"]);
        let report = json(&["eval", text(&folder), "--json"]);
        assert!(report[key].is_number() && report["samples"] == 3, "{report}");
        assert_eq!(report["confusion"].is_null(), name == "values");
        assert_eq!(folder.join("confusion.svg").exists(), name == "labels");
        assert!(folder.join("curve.svg").is_file());
        done(&["plot", text(&folder), "--out", text(&path("plot.svg"))]);
    }
}

#[test]
fn what_is_trained_for_is_what_the_config_says() {
    for verb in ["train", "finetune"] {
        let text = succeed(&[verb, "--config", "inverted_pendulum_ppo.ron", "--dry-run"]);
        assert!(text.contains("task: Ppo("), "{text}");
        assert!(!succeed(&[verb, "--config", "inverted_pendulum.ron", "--dry-run"]).contains("task: "));
    }
    let listed = succeed(&["list", "neurons"]);
    assert!(listed.contains("spyx") && listed.contains("spike:Old"), "{listed}");
    assert_eq!(json(&["list", "neurons", "--json"])["like"][1]["switches"]["spike"], "Old");
}

#[test]
fn bad_input_is_refused_before_a_folder_exists() {
    let scratch = scratch();
    let folder = scratch.path().join("run");
    let data = |name: &str| text(&tests::data("labels").join(name)).to_owned();
    let arrays = |x: &str, y: &str| format!("task.data=Arrays(x: {:?}, y: {:?})", data(x), data(y));
    for (config, set, message) in [
        (
            "yin_yang.ron",
            arrays("stored.npz:y", "stored.npz:y"),
            "has shape [30], expected [samples, features]",
        ),
        ("yin_yang.ron", arrays("stored.npz:X", "stored.npz:X"), "expected [samples]"),
        ("yin_yang.ron", arrays("none.npy", "none.npy"), "cannot read"),
        ("yin_yang.ron", arrays("stored.npz:X", "stored.npz:Y"), "it has no array 'Y'; it has: X, y"),
        (
            "yin_yang.ron",
            "task.gradient.surrogate=(function: \"1/(1 + abs(v))\")".into(),
            "`surrogate.function`: column 12: unknown symbol `v`",
        ),
        ("yin_yang.ron", "task.batches=3".into(), "batch"),
        ("yin_yang.ron", "controller.plasticity=[()]".into(), "gradients do not go through weights"),
        (
            "inverted_pendulum.ron",
            "task=Imitate()".into(),
            "task.teacher = \"\": must be a run folder, a checkpoint or a recording",
        ),
        (
            "inverted_pendulum_imitate.ron",
            "run.seed=2".into(),
            "task.teacher = \"results/runs/RUN\": must be a run folder, a checkpoint or a recording that exists",
        ),
        ("inverted_pendulum_ppo.ron", "task.steps=100".into(), "a multiple of task.sequence = 16"),
    ] {
        let arguments = ["finetune", "--config", config, "--set", &set, "--out", text(&folder), "-q"];
        let stderr = refuse(&arguments, 2);
        assert!(stderr.contains(message), "{set}: {stderr}");
        assert!(stderr.matches("os error").count() <= 1, "{set}: {stderr}");
        assert!(!folder.exists());
    }
    // A mistake in the file itself is shown with its place.
    let file = scratch.path().join("mistake.ron");
    fs::write(&file, "(\n    task: Clasify(data: YinYang()),\n)\n").expect("a file");
    let stderr = refuse(&["finetune", "--config", text(&file)], 2);
    assert!(stderr.contains("mistake.ron:2:11: ") && stderr.contains("Classify"), "{stderr}");
    fs::write(&file, "(\n    task: Ppo(\n        world: 3,\n    ),\n)\n").expect("a file");
    let stderr = refuse(&["finetune", "--config", text(&file)], 2);
    assert!(stderr.contains("mistake.ron:3:9: ") && stderr.contains("worlds"), "{stderr}");
}

#[test]
fn labels_out_of_range_are_refused() {
    let scratch = scratch();
    let data = |name: &str| text(&tests::data("labels").join(name)).to_owned();
    let set = format!(
        "task.data=Heidelberg(train: {:?}, units: 20, frames: 10, dt: 0.01, classes: 2, validation: 0)",
        data("spikes.h5")
    );
    let folder = scratch.path().join("run");
    let arguments = ["finetune", "--config", "yin_yang.ron", "--set", &set, "-q", "--generations", "1"];
    done(&[&arguments[..], &["--out", text(&folder)]].concat());
    let arrays =
        format!("task.data=Arrays(x: {:?}, y: {:?}, classes: 2)", data("stored.npz:X"), data("stored.npz:y"));
    let labels = scratch.path().join("y.npy");
    records::npy::write_f32(&labels, &[30], &[7.0; 30]).expect("a file");
    let wrong = arrays.replace(&data("stored.npz:y"), text(&labels));
    let stderr = refuse(&["finetune", "--config", "yin_yang.ron", "--set", &wrong], 2);
    assert!(stderr.contains("label 7 of sample 0 is out of range; valid: 0 to 1"), "{stderr}");
}

fn last(folder: &Path) -> Checkpoint {
    Checkpoint::load(&folder.join("checkpoints/last.safetensors")).expect("a checkpoint")
}

fn mean(folder: &Path) -> String {
    format!("{:?}", last(folder).tensor("mean").expect("parameters"))
}

#[test]
fn a_perceptron_teaches_a_spiking_network_and_a_student_goes_on_learning() {
    let scratch = scratch();
    let [teacher, student, again] = ["teacher", "student", "again"].map(|name| scratch.path().join(name));
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--generations", "20", "-q"];
    let perceptron = ["--set", "controller=Mlp(hidden: [16])", "--out", text(&teacher)];
    done(&[&ppo[..], &perceptron].concat());
    let score = |folder: &Path| {
        let report = json(&["eval", text(folder), "--episodes", "8", "--json"]);
        report["return_mean"].as_f64().expect("a number")
    };
    let best = score(&teacher);
    assert!(best > 500.0, "{best}");
    let teach = format!("task.teacher={:?}", text(&teacher));
    let imitate = ["finetune", "--config", "inverted_pendulum_imitate.ron", "--set", &teach, "-q"];
    done(&[&imitate[..], &["--generations", "12", "--out", text(&student)]].concat());
    assert!(score(&student) > 0.5 * best, "{} of {best}", score(&student));
    // What it knows already shows in the first round.
    let more = ["--init", text(&student), "--generations", "1", "--out", text(&again)];
    done(&[&imitate[..], &more].concat());
    let (first, later) =
        (full_column(&student, "imitation_loss")[0], full_column(&again, "imitation_loss")[0]);
    assert!(later < 0.5 * first, "{later} after {first}");
}

#[test]
fn evolution_with_gradients_goes_on_to_the_same_bits_and_can_be_tuned_on() {
    let scratch = scratch();
    let [whole, parts, tuned] = ["whole", "parts", "tuned"].map(|name| scratch.path().join(name));
    let refine = "refine=(iterations: 1, ppo: (worlds: 4, steps: 32, minibatches: 2, critic_first: 1))";
    let config = ["--config", "inverted_pendulum.ron", "--set", refine, "-q"];
    let of = |folder: &Path, generations: &str| {
        done(&[&config[..], &["--out", text(folder), "--generations", generations]].concat());
    };
    of(&whole, "4");
    of(&parts, "2");
    done(&["resume", text(&parts), "--generations", "4", "-q"]);
    assert_eq!(mean(&whole), mean(&parts));
    assert_eq!(full_column(&whole, "kl_divergence"), full_column(&parts, "kl_divergence"));
    assert_eq!(full_column(&whole, "policy_steps"), [0.0, 8.0, 8.0, 8.0]);
    done(&["plot", text(&whole)]);
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--generations", "1", "-q"];
    done(&[&ppo[..], &["--init", text(&whole), "--out", text(&tuned)]].concat());
    let refused = refuse(&[&config[..], &["--set", "refine.ppo.worlds=0"]].concat(), 2);
    assert!(refused.contains("refine.ppo.worlds = 0: must be 1 to 100000"), "{refused}");
}

#[test]
fn the_viewer_shows_a_tuned_controller_and_refuses_a_classifier() {
    let scratch = scratch();
    let [tuned, classifier] = ["tuned", "classifier"].map(|name| scratch.path().join(name));
    let picture = scratch.path().join("picture.png");
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--generations", "1", "-q"];
    done(&[&ppo[..], &["--out", text(&tuned)]].concat());
    done(&[&YIN_YANG[..], &["--generations", "1", "--out", text(&classifier)]].concat());
    let watch = |run: &Path| {
        let output = tests::viewer(&[text(run), "--screenshot", text(&picture), "--at", "0.2"]).output();
        let output = output.expect("the viewer starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = watch(&classifier);
    assert_eq!(code, Some(2), "{stderr}");
    let message = "was trained with labels, without a world: there is nothing to watch; valid: evo eval";
    assert!(stderr.contains(message), "{stderr}");
    assert!(!picture.exists());
    let (code, stderr) = watch(&tuned);
    assert_eq!(code, Some(0), "{stderr}");
    let bytes = fs::read(&picture).expect("a picture");
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 10_000, "{} bytes", bytes.len());
}

/// Runs `evo` into a failure after a whole generation or more; what it leaves must be what a run of so
/// many generations leaves. Returns stderr.
fn stops_late(scratch: &Path, name: &str, arguments: &[&str]) -> String {
    let [folder, shorter] = [name.to_owned(), format!("{name}-shorter")].map(|name| scratch.join(name));
    // No checkpoint is due before.
    let rare = ["--set", "run.checkpoint_every=0", "--set", "run.eval_every=0", "--out"];
    let stderr = refuse(&[arguments, &rare, &[text(&folder)]].concat(), 1);
    assert!(stderr.contains("is not finite (") && stderr.contains("step "), "{name}: {stderr}");
    assert!(stderr.contains("training stopped; "), "{name}: {stderr}");
    let generation: u64 = last(&folder).meta("generation").expect("a number");
    assert!(generation >= 1, "{name}: {stderr}");
    assert!(stderr.contains(&format!("has the state after generation {generation}")), "{name}: {stderr}");
    assert_eq!(tests::generations(&folder) as u64, generation, "{name}");
    assert!(!folder.join("summary.json").exists());
    let generations = generation.to_string();
    done(&[arguments, &rare, &[text(&shorter), "--generations", &generations]].concat());
    assert_eq!(mean(&folder), mean(&shorter), "{name}");
    stderr
}

#[test]
fn what_becomes_infinite_stops_with_step_and_layer_and_leaves_the_last_good_generation() {
    let scratch = scratch();
    // Parameters that grow by a factor per step, here and below.
    let grow = |place: &str, factor: f64| {
        format!("{place}gradient.optimizer=AdamW(learning_rate: 1, weight_decay: {factor})")
    };
    // 600 samples are 10 steps an epoch.
    let by = grow("task.", 1000.0);
    let stderr = stops_late(scratch.path(), "labels", &[&YIN_YANG[..], &["--set", &by]].concat());
    assert!(stderr.contains("parameter of hidden.0."), "{stderr}");

    let by = grow("task.", 30.0);
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--set", &by, "--set"];
    let few = [&ppo[..], &["task.epochs=1", "--set", "task.steps=32"]].concat();
    let stderr = stops_late(scratch.path(), "ppo", &few);
    assert!(stderr.contains("parameter of hidden.0.") && !stderr.contains("critic"), "{stderr}");
    let teacher = scratch.path().join("ppo-shorter");
    let of = format!("task.teacher={:?}", text(&teacher));
    let by = grow("task.", 100.0);
    let imitate = ["finetune", "--config", "inverted_pendulum_imitate.ron", "--set", &of, "--set", &by];
    let _ = stops_late(scratch.path(), "imitate", &imitate);

    let by = grow("refine.ppo.", 30.0);
    let small = "refine=(iterations: 1, ppo: (worlds: 4, steps: 32, minibatches: 2, epochs: 1))";
    let hybrid = ["--config", "inverted_pendulum.ron", "--set", small, "--set", &by];
    let stderr = stops_late(scratch.path(), "hybrid", &hybrid);
    assert!(stderr.contains(": refine: parameter of hidden.0."), "{stderr}");
}
