//! Sweeps over configs that are trained by gradient.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{data, full_column, refuse, run, succeed, text};

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, content).expect("scratch file");
    file
}

fn sweep(file: &Path, out: &Path) -> Vec<String> {
    let _ = succeed(&["sweep", "--config", text(file), "--out", text(out), "--threads", "1", "-q"]);
    let table = fs::read_to_string(out.join("sweep.csv")).expect("sweep.csv");
    table.lines().skip(1).map(str::to_owned).collect()
}

fn last(run: &Path) -> Vec<u8> {
    fs::read(run.join("checkpoints/last.safetensors")).expect("a checkpoint")
}

/// What of a run's metrics only PPO has.
fn is_ppo(run: &Path) -> bool {
    fs::read_to_string(run.join("metrics.csv")).expect("metrics").contains("policy_loss")
}

#[test]
fn trials_of_a_config_with_a_task_are_what_finetune_makes_of_it() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = write(
        folder.path(),
        "ppo.ron",
        r#"(
            config: "inverted_pendulum_ppo.ron",
            set: ["task.steps=16", "run.generations=3", "run.eval_every=0", "run.eval_episodes=2"],
            axes: [List(path: "task.gradient.optimizer.learning_rate", values: [0.003, 0.01])],
            halving: (first: 1, factor: 3),
        )"#,
    );
    let out = folder.path().join("out");
    let rows = sweep(&file, &out);
    assert!(rows[0].contains(",done,3,") && rows[1].contains(",stopped,1,"), "{rows:?}");
    let best = rows[0].split(',').next().expect("a name");
    let trial = out.join("trials").join(best).join("s1");
    assert!(is_ppo(&trial), "evolution has no such column");
    // By hand.
    let alone = folder.path().join("alone");
    let rate = if best == "t0000" { "0.003" } else { "0.01" };
    let set = format!("task.gradient.optimizer.learning_rate={rate}");
    let base = out.join("base.ron");
    let arguments = ["finetune", "--config", text(&base), "--set", &set, "--generations", "3", "-q", "--out"];
    let _ = succeed(&[&arguments[..], &[text(&alone)]].concat());
    assert_eq!(full_column(&trial, "policy_loss"), full_column(&alone, "policy_loss"));
    let mean = |run: &Path| {
        let bytes = last(run);
        let file = records::checkpoint::Checkpoint::from_bytes(run, &bytes).expect("a checkpoint");
        format!("{:?}", file.tensor("trainer.theta").expect("parameters"))
    };
    assert_eq!(mean(&trial), mean(&alone));
    let page = fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page.contains("evo finetune --config"), "the command that makes the best again");
    // Nothing is left to do, and a copy of the sweep does the same.
    assert_eq!(sweep(&file, &out), rows);
    assert_eq!(sweep(&out.join("sweep.ron"), &folder.path().join("again")), rows);
}

#[test]
fn a_task_may_be_an_axis_and_needs_no_strategy() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let small = r#"set: ["run.generations=1", "run.eval_episodes=2"]"#;
    let ppo = "Ppo(worlds: 2, steps: 16, minibatches: 2, critic: Mlp(hidden: [4]))";
    let content = format!(
        "(config: \"inverted_pendulum.ron\", {small}, axes: [List(path: \"task\", values: [None, {ppo}])])"
    );
    let out = folder.path().join("both");
    assert_eq!(sweep(&write(folder.path(), "both.ron", &content), &out).len(), 2);
    let run = |trial: &str| out.join("trials").join(trial).join("s1");
    assert_eq!(["t0000", "t0001"].map(|trial| is_ppo(&run(trial))), [false, true]);

    write(folder.path(), "own.ron", &format!("(env: InvertedPendulum(), task: {ppo})"));
    let content = format!("(config: \"own.ron\", {small}, axes: [List(path: \"task.clip\", values: [0.1])])");
    let out = folder.path().join("own");
    assert_eq!(sweep(&write(folder.path(), "sweep.ron", &content), &out).len(), 1);
    assert!(is_ppo(&out.join("trials/t0000/s1")));
}

/// However many trials learn from it.
#[test]
fn a_teacher_is_read_once() {
    let folder = tempfile::tempdir().expect("scratch folder");
    // Without a hash, which is told whenever it is read.
    let teacher = format!("task.teacher={:?}", text(&data("run_9529ebc")));
    let content = format!(
        "(config: \"inverted_pendulum_imitate.ron\", set: [{teacher:?}], axes: [
            List(path: \"task.epochs\", values: [1, 2, 3]), List(path: \"task.mix\", values: [0, 0.5])])"
    );
    let file = write(folder.path(), "students.ron", &content);
    let output = run(&["sweep", "--config", text(&file), "--dry-run"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 6);
    assert_eq!(stderr.matches("is from an earlier version and has no hash").count(), 1, "{stderr}");
}

#[test]
fn what_a_sweep_cannot_train_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("out");
    for (config, axis, messages) in [
        (
            "yin_yang.ron",
            r#"List(path: "task.batch", values: [32])"#,
            &["yin_yang.ron: task = Classify(…) needs a data set, not a world; valid: "][..],
        ),
        (
            "inverted_pendulum_ppo.ron",
            r#"List(path: "strategy.sigma", values: [0.1])"#,
            &[":1:", "axis strategy.sigma: task = Ppo(…) does not use strategy"],
        ),
        (
            "inverted_pendulum_ppo.ron",
            r#"List(path: "task.steps", values: [100])"#,
            &[":1:", "task.steps = 100: must be a multiple of task.sequence = 16"],
        ),
        (
            "inverted_pendulum_imitate.ron",
            r#"List(path: "task.teacher", values: ["/none"])"#,
            &[
                ":1:",
                "task.teacher = \"/none\": must be a run folder, a checkpoint or a recording that exists",
            ],
        ),
        (
            "inverted_pendulum_ppo.ron",
            r#"List(path: "controller.precision", values: [Binary])"#,
            &[":1:", "no gradient"],
        ),
    ] {
        let file = write(folder.path(), "bad.ron", &format!("(config: {config:?}, axes: [{axis}])"));
        let message = refuse(&["sweep", "--config", text(&file), "--out", text(&out)], 2);
        for expected in messages {
            assert!(message.contains(expected), "{config} {axis}: {message}");
        }
        assert!(!out.exists(), "nothing was started");
    }
}
