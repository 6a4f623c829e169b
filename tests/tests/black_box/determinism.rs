//! Same config and seed, same bits: for any number of threads, on CPU and GPU, and with an interruption.

use std::fs;
use std::path::Path;

use records::checkpoint::Checkpoint;
use tests::{generations, killed_at_work, succeed, text, untimed_metrics as metrics};

const SMALL: [&str; 18] = [
    "--config",
    "ant.ron",
    "--set",
    "physics.engine=Rapier",
    "--set",
    "strategy.population=8",
    "--set",
    "rollout.horizon=30",
    "--set",
    "run.eval_every=2",
    "--set",
    "run.eval_episodes=2",
    "--set",
    "run.checkpoint_every=2",
    "--set",
    "run.keep=9",
    "--set",
    "physics.validate=Rapier",
];

fn train(out: &Path, threads: &str, generations: &str) {
    let more = ["--out", text(out), "--threads", threads, "--generations", generations, "-q"];
    let _ = succeed(&[&SMALL[..], &more[..]].concat());
}

fn checkpoint(run: &Path) -> Vec<u8> {
    fs::read(run.join("checkpoints/last.safetensors")).expect("checkpoint")
}

#[test]
fn threads_do_not_change_a_bit() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    train(&one, "1", "4");
    train(&two, "2", "4");
    assert_eq!(metrics(&one), metrics(&two));
    assert!(checkpoint(&one) == checkpoint(&two), "checkpoints differ");
    assert_eq!(metrics(&one).len(), 5, "a header and four generations");
}

/// Generations that grow until they hold enough steps, with all that changes from one to the next.
const GROWING: [&str; 14] = [
    "--set",
    "strategy.max_population=64",
    "--set",
    "rollout.min_steps=700",
    "--set",
    "rollout.action_noise=0.1",
    "--set",
    "rollout.episodes_schedule=Linear(to: 2, generations: 2)",
    "--set",
    "rollout.weight_schedules.survive=Linear(to: 0.2, generations: 3)",
    "--set",
    "rollout.starts=Population",
    "--set",
    "run.checkpoint_every=1",
];

#[test]
fn growing_generations_have_the_same_bits_everywhere() {
    let folder = tempfile::tempdir().expect("scratch folder");
    for engine in ["Rapier", "Lanes"] {
        let engine_set = format!("physics.engine={engine}");
        let result = |out: &Path| (metrics(out), checkpoint(out));
        let run = |name: &str, generations: &str, more: &[&str]| {
            let out = folder.path().join(format!("{engine}_{name}"));
            let sets = ["--set", &engine_set, "--out", text(&out), "--generations", generations, "-q"];
            let _ = succeed(&[&SMALL[..], &GROWING[..], &sets[..], more].concat());
            out
        };
        let one = result(&run("one", "4", &["--threads", "1"]));
        assert!(one == result(&run("two", "4", &["--threads", "2"])), "{engine}: threads differ");
        assert!(one == result(&run("gpu", "4", &["--backend", "gpu"])), "{engine}: CPU and GPU differ");
        let resumed = run("resumed", "2", &["--threads", "2"]);
        let _ = succeed(&["resume", text(&resumed), "--generations", "4", "-q"]);
        assert!(one == result(&resumed), "{engine}: a run that was resumed differs");
        let rows = one.0;
        // The steps are those of the episodes that count, and reached each time.
        let column = |name: &str| rows[0].iter().position(|cell| cell == name).expect("column");
        let number = |row: usize, name: &str| rows[row][column(name)].parse::<f64>().expect("a number");
        let so_far = |row: usize, name: &str| if row == 0 { 0.0 } else { number(row, name) };
        for row in 1..=4 {
            let of = |name: &str| so_far(row, name) - so_far(row - 1, name);
            let (members, steps) = (number(row, "members"), of("env_steps"));
            assert_eq!(of("evaluations"), members);
            assert!((8.0..=64.0).contains(&members) && members % 2.0 == 0.0, "{members}");
            assert!(steps >= 700.0 || members == 64.0, "{steps} steps of {members} members");
        }
        assert!(number(1, "members") > 8.0, "it grew");
    }
}

/// The population on the adapter in two halves, against one episode at a time on the CPU.
#[test]
fn the_backend_does_not_change_a_bit() {
    let folder = tempfile::tempdir().expect("scratch folder");
    for precision in ["F32", "I8", "Binary"] {
        let run = |backend: &str| {
            let out = folder.path().join(format!("{precision}_{backend}"));
            let set = format!("controller.precision={precision}");
            let more = ["--set", &set, "--backend", backend, "--out", text(&out), "--generations", "3", "-q"];
            let _ = succeed(&[&SMALL[..], &more[..]].concat());
            (metrics(&out), checkpoint(&out))
        };
        assert!(run("cpu") == run("gpu"), "{precision}: CPU and GPU differ");
    }
}

/// Weights that learn in worlds that change, where much is drawn per episode.
#[test]
fn plasticity_and_changes_have_the_same_bits_everywhere() {
    let folder = tempfile::tempdir().expect("scratch folder");
    for engine in ["Rapier", "Lanes"] {
        let run = |name: &str, more: &[&str]| {
            let out = folder.path().join(format!("{engine}_{name}"));
            let engine = format!("physics.engine={engine}");
            let sets = [
                "--set",
                &engine,
                "--set",
                "controller.plasticity=[(scope: Neuron), (rule: RewardStdp(), blocks: [\"hidden.0.recurrent\"])]",
                "--set",
                "changes=[(effect: Motors(strength: Fixed(0), which: AnyLimb), when: From(Uniform(3, 20))), \
                 (effect: Noise(Uniform(0, 0.1))), (effect: Friction(Uniform(0.3, 1)))]",
                "--out",
                text(&out),
                "--generations",
                "3",
                "-q",
            ];
            let _ = succeed(&[&SMALL[..], &sets[..], more].concat());
            (metrics(&out), checkpoint(&out))
        };
        let one = run("one", &["--threads", "1"]);
        assert!(one == run("two", &["--threads", "2"]), "{engine}: threads differ");
        assert!(one == run("gpu", &["--backend", "gpu"]), "{engine}: CPU and GPU differ");
    }
}

/// How often a run is started that must be killed before it ends, on a machine that is busy otherwise.
const ATTEMPTS: usize = 5;

/// Starts a run in `out` and kills it as soon as there is `sign` in it. Starts anew if it has ended before that, or
/// has come further than `most` generations.
fn kill_at(sign: &str, out: &Path, arguments: &[&str], most: usize) {
    for _ in 0..ATTEMPTS {
        let mut child = tests::evo(arguments).spawn().expect("evo starts");
        while !out.join(sign).exists() && child.try_wait().expect("status").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        if killed_at_work(child) && generations(out) <= most {
            assert!(!out.join("summary.json").exists(), "a run that was killed is not finished");
            return;
        }
        fs::remove_dir_all(out).expect("the run can be removed");
    }
    panic!("each of {ATTEMPTS} kills came too late");
}

#[test]
fn a_killed_run_ends_like_an_uninterrupted_one() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    train(&whole, "2", "25");
    let more = ["--out", text(&killed), "--threads", "1", "--generations", "25", "-q"];
    kill_at("checkpoints/gen_000004.safetensors", &killed, &[&SMALL[..], &more[..]].concat(), 24);
    // Half a row, as a power cut may leave it.
    let table = killed.join("metrics.csv");
    let mut rows = fs::read_to_string(&table).expect("metrics");
    rows.push_str("99,1,2,3");
    fs::write(&table, rows).expect("metrics can be written");
    let _ = succeed(&["resume", text(&killed), "-q"]);
    assert_eq!(metrics(&whole), metrics(&killed));
    assert!(checkpoint(&whole) == checkpoint(&killed), "checkpoints differ");
}

#[test]
fn validation_changes_nothing_but_its_own_columns() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    train(&with, "2", "2");
    let more = ["--out", text(&without), "--generations", "2", "-q", "--set", "physics.validate=None"];
    let _ = succeed(&[&SMALL[..], &more[..]].concat());
    let (with, without) = (metrics(&with), metrics(&without));
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with.len(), without.len() + 2);
        assert_eq!(with[..without.len()], without[..]);
    }
    // Here the judge is the engine that evolves, with the same settings.
    let column = |name: &str| with[0].iter().position(|cell| cell == name).expect("column");
    assert_eq!(with[2][column("eval_return_mean")], with[2][column("validation_return_mean")]);
    assert_eq!(with[2][column("eval_return_std")], with[2][column("validation_return_std")]);
}

#[test]
fn runs_from_before_there_was_a_choice_of_engines_go_on() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (whole, old) = (folder.path().join("whole"), folder.path().join("old"));
    let more = ["--generations", "4", "-q", "--set", "physics.validate=None", "--set", "stages=[]", "--out"];
    let _ = succeed(&[&SMALL[..], &more[..], &[text(&whole)]].concat());
    let more = ["--generations", "2", "-q", "--set", "physics.validate=None", "--set", "stages=[]", "--out"];
    let _ = succeed(&[&SMALL[..], &more[..], &[text(&old)]].concat());
    let config = old.join("config.ron");
    let before = fs::read_to_string(&config).expect("config");
    let after: String =
        before.lines().filter(|line| !line.contains("validate:")).map(|l| format!("{l}\n")).collect();
    assert_ne!(before, after, "there was a line to leave out");
    fs::write(&config, after).expect("config can be written");
    let last = old.join("checkpoints/last.safetensors");
    let mut checkpoint = Checkpoint::load(&last).expect("checkpoint");
    assert!(checkpoint.meta.remove("engine").is_some());
    let stored = checkpoint.meta["config"]["physics"].as_object_mut().expect("physics");
    assert!(stored.remove("validate").is_some());
    checkpoint.save(&last).expect("checkpoint can be written");
    let _ = succeed(&["eval", text(&old), "--episodes", "1"]);
    let _ = succeed(&["resume", text(&old), "--generations", "4", "-q"]);
    assert_eq!(metrics(&whole), metrics(&old));
}

#[test]
fn a_warm_start_survives_a_kill_before_the_first_checkpoint() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = |name: &str| folder.path().join(name);
    let (first, whole, cut) = (path("first"), path("whole"), path("cut"));
    train(&first, "2", "2");
    // A generation that takes a while.
    let warm = ["--init", text(&first), "--set", "rollout.horizon=200", "--threads", "1", "-q"];
    let warm = [&SMALL[..], &warm[..]].concat();
    let _ = succeed(&[&warm[..], &["--out", text(&whole), "--generations", "2"]].concat());
    let more = ["--out", text(&cut), "--generations", "2", "--set", "run.checkpoint_every=0"];
    kill_at("config.ron", &cut, &[&warm[..], &more[..]].concat(), 0);
    let _ = succeed(&["resume", text(&cut), "-q"]);
    assert_eq!(metrics(&whole), metrics(&cut));
}

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    train(&one, "2", "1");
    let more = ["--out", text(&two), "--seed", "2", "--generations", "1", "-q"];
    let _ = succeed(&[&SMALL[..], &more[..]].concat());
    assert_ne!(metrics(&one)[1], metrics(&two)[1]);
}
