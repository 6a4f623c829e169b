//! 200 steps of every task, plain, under changes and as its variants: the same bits for any place, batch,
//! number of threads, process and interruption, and, in lanes, on any machine.
//!
//! After a wanted change of a task or of lanes run `UPDATE_GOLDEN=1 cargo test -p envs --test suite golden`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use envs::{Change, Envs, Fidelity, Task, changed_model, defaults, variants};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::EngineKind;

use crate::common::everything;

const STEPS: usize = 200;
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/golden.txt");

/// 64-bit FNV-1a.
fn hash(hash: u64, value: u32) -> u64 {
    let bytes = value.to_le_bytes().into_iter();
    bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Hash of observations, rewards and ends of environment `slot` of `n`, whose neighbours do something
/// else. It is saved and put back after `restore` steps.
fn course(case: &Case, engine: EngineKind, n: usize, slot: usize, restore: usize) -> u64 {
    let Case { task, changes, .. } = case;
    let options = task.physics(engine, Fidelity::Default);
    let mut envs = Envs::with_changes(task.clone(), n, options, 1000, changes).unwrap();
    let mut rngs: Vec<_> =
        (0..n).map(|i| ChaCha8Rng::seed_from_u64(if i == slot { 1 } else { 90 + i as u64 })).collect();
    let size = task.spec().observations.len();
    let mut sum = 0xcbf2_9ce4_8422_2325;
    for step in 0..STEPS {
        let mut actions = Vec::new();
        for (i, rng) in rngs.iter_mut().enumerate() {
            if envs.is_resting(i) {
                envs.reset(i, rng);
            }
            actions.extend(task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)));
        }
        if step == restore {
            let saved = envs.save(slot);
            envs.step(&vec![true; n], &vec![0.0; actions.len()]);
            envs.load(slot, &saved);
        }
        envs.step(&vec![true; n], &actions);
        let seen = envs.observations()[slot * size..(slot + 1) * size].iter().chain(envs.terms(slot));
        sum = seen.fold(sum, |sum, x| hash(sum, x.to_bits()));
        sum = hash(sum, u32::from(envs.outcome(slot).terminated));
    }
    sum
}

fn on_threads(threads: usize, work: impl FnOnce() -> u64 + Send) -> u64 {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// A task, maybe with changes.
struct Case {
    name: String,
    task: Arc<dyn Task>,
    changes: Vec<Change>,
}

/// Every task as it is, as either of its variants, under everything at once, on rough ground, with a
/// turning goal.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, task: &Arc<dyn Task>, changes: Vec<Change>| {
        cases.push(Case { name: format!("{}{name}", task.spec().name), task: task.clone(), changes });
    };
    for config in defaults() {
        let task = config.build().unwrap();
        add("", &task, Vec::new());
        add(" everything", &task, everything());
        for preset in ["rough", "steps", "turn"] {
            let changes = Change::preset(preset).unwrap();
            if changed_model(task.as_ref(), &changes).is_ok() {
                add(&format!(" {preset}"), &task, changes);
            }
        }
        for (variant, other) in variants() {
            if other.name() == config.name() && other != config {
                add(&format!(" {variant:?}"), &other.build().unwrap(), Vec::new());
            }
        }
    }
    cases
}

/// Quick by itself, for `tests/processors`.
#[test]
fn lanes_has_the_courses_that_it_had() {
    let mut lines = String::new();
    for case in cases() {
        writeln!(lines, "{} {:016x}", case.name, course(&case, EngineKind::Lanes, 1, 0, STEPS)).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PATH, &lines).unwrap();
    }
    // Each line is a task and the hash of its course in lanes.
    assert_eq!(lines, std::fs::read_to_string(PATH).unwrap());
}

#[test]
fn every_course_is_the_same_everywhere() {
    for case in cases() {
        for engine in EngineKind::ALL {
            let name = format!("{} {}", case.name, engine.name());
            let first = course(&case, engine, 1, 0, STEPS);
            assert_eq!(on_threads(2, || course(&case, engine, 3, 2, 7)), first, "{name} interrupted");
            if case.changes.is_empty() {
                assert_eq!(
                    on_threads(1, || course(&case, engine, 3, 1, STEPS)),
                    first,
                    "{name} among others"
                );
            }
        }
    }
}

/// Rapier's bits may differ from one type of processor to another, so nothing of them is stored.
fn courses_in_rapier() -> String {
    let plain = |case: &Case| case.changes.is_empty();
    let line =
        |case: &Case| format!("course {} {:016x}\n", case.name, course(case, EngineKind::Rapier, 1, 0, 7));
    cases().iter().filter(|case| plain(case)).map(line).collect()
}

/// Set for the process that the test below starts: the file that it writes its courses to.
const COURSES: &str = "SPINDLE_TEST_COURSES";

#[test]
fn another_process_sees_the_same_courses_in_rapier() {
    if let Some(path) = std::env::var_os(COURSES) {
        return std::fs::write(path, courses_in_rapier()).unwrap();
    }
    // This test again, alone, in a process with its own addresses, its own order of hash maps and another
    // number of threads.
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("courses_{}.txt", std::process::id()));
    let name = "golden::another_process_sees_the_same_courses_in_rapier";
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", name]).env("RAYON_NUM_THREADS", "1").env(COURSES, &path);
    let output = other.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let courses = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(courses, courses_in_rapier());
}
