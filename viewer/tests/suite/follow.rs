//! Following a run that another process writes, finishes, breaks or deletes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::common::{self, Training, run_and_recording};
use viewer::data::document::Document;
use viewer::data::follow::{RunState, Wanted};
use viewer::data::live::AtEnd;

#[test]
fn a_run_is_followed_from_its_first_generation_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let mut training = Training::start(&root.path().join("run"));
    // The untrained controller.
    let mut document = Document::open(training.folder.path()).unwrap();
    assert_eq!(document.generation, Some(0));
    assert!(!document.poll().unwrap());
    training.generation();
    assert!(document.poll().unwrap());
    assert_eq!(document.generation, Some(1));
    let weights = document.brain.projections[0].weights.clone();
    assert!(!document.poll().unwrap(), "the same file is not read again");
    training.generation();
    assert!(document.poll().unwrap());
    assert_eq!(document.generation, Some(2));
    assert_ne!(document.brain.projections[0].weights, weights);
    let follow = document.follow.as_ref().unwrap();
    assert_eq!((follow.state, follow.generation()), (RunState::Running, Some(2)));
    assert_eq!(follow.generations, [1, 2]);
    training.finish();
    document.poll().unwrap();
    assert_eq!(document.follow.as_ref().unwrap().state, RunState::Finished);
    document.want(Wanted::Generation(1)).unwrap();
    assert_eq!(document.generation, Some(1));
    assert_eq!(document.brain.projections[0].weights, weights);
}

#[test]
fn half_written_files_are_left_until_they_are_whole() {
    let root = tempfile::tempdir().unwrap();
    let mut training = Training::start(&root.path().join("run"));
    training.generation();
    let mut document = Document::open(training.folder.path()).unwrap();
    training.generation();
    let last = training.folder.last();
    let whole = fs::read(&last).unwrap();
    fs::write(&last, &whole[..whole.len() / 2]).unwrap();
    let metrics = fs::read_to_string(training.folder.metrics()).unwrap();
    fs::write(training.folder.metrics(), &metrics[..metrics.len() - 7]).unwrap();
    assert!(!document.poll().unwrap());
    let follow = document.follow.as_ref().unwrap();
    assert!(follow.trouble.as_ref().unwrap().contains("truncated"), "{:?}", follow.trouble);
    assert_eq!((document.generation, follow.generation()), (Some(1), Some(1)));
    fs::write(&last, &whole).unwrap();
    fs::write(training.folder.metrics(), &metrics).unwrap();
    assert!(document.poll().unwrap());
    let follow = document.follow.as_ref().unwrap();
    assert_eq!((document.generation, follow.generation()), (Some(2), Some(2)));
    assert_eq!(follow.trouble, None);
}

#[test]
fn a_deleted_run_stays_on_the_screen() {
    let root = tempfile::tempdir().unwrap();
    let mut training = Training::start(&root.path().join("run"));
    training.generation();
    let mut document = Document::open(training.folder.path()).unwrap();
    fs::remove_dir_all(training.folder.path()).unwrap();
    assert!(!document.poll().unwrap());
    let follow = document.follow.as_ref().unwrap();
    assert_eq!(follow.state, RunState::Gone);
    assert!(follow.metrics.is_some());
    let live = document.live.as_mut().unwrap();
    (0..5).for_each(|_| live.step());
    assert_eq!(document.recording().steps(), 5);
}

#[test]
fn training_in_another_process_is_followed_to_its_end_and_beyond() {
    let root = tempfile::tempdir().unwrap();
    let (config, run) = (root.path().join("pendulum.ron"), root.path().join("run"));
    fs::write(&config, common::PENDULUM).unwrap();
    let [config, path] = [&config, &run].map(|path| path.display().to_string());
    let generations = "40";
    let words = ["--config", &config, "--out", &path, "--generations", generations, "--threads", "1", "-q"];
    let mut evo = tests::evo(&words).spawn().unwrap();
    let start = Instant::now();
    let patience = |what: &str| {
        assert!(start.elapsed() < Duration::from_secs(120), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    };
    // From the moment on when there is anything, whole or not.
    let mut document = loop {
        match Document::open(&run) {
            Ok(document) => break document,
            Err(_) => patience("the run's beginning"),
        }
    };
    let mut seen = Vec::new();
    while document.follow.as_ref().unwrap().state == RunState::Running {
        if document.poll().unwrap() {
            seen.push(document.generation.unwrap());
        }
        document.live.as_mut().unwrap().step();
        patience("the run's end");
    }
    assert!(evo.wait().unwrap().success());
    document.poll().unwrap();
    assert!(seen.len() >= 2 && seen.is_sorted(), "it was seen to grow: {seen:?}");
    assert_eq!(document.generation, Some(40));
    let follow = document.follow.as_ref().unwrap();
    assert_eq!((follow.generation(), follow.trouble.as_deref()), (Some(40), None));
    // The run keeps the latest few.
    assert_eq!(follow.generations.last(), Some(&40));
    fs::remove_dir_all(&run).unwrap();
    document.poll().unwrap();
    assert_eq!(document.follow.as_ref().unwrap().state, RunState::Gone);
    document.live.as_mut().unwrap().step();
}

/// The simulation of a run's controller is, bit for bit, what was recorded of it.
fn same(run: &Path, recording: &Path) -> (Document, Document) {
    let recorded = Document::open(recording).unwrap();
    let mut document = Document::open(run).unwrap();
    let live = document.live.as_mut().unwrap();
    live.at_end = AtEnd::Stop;
    (0..recorded.recording().steps() + 3).for_each(|_| live.step());
    let (a, b) = (document.recording(), recorded.recording());
    assert_eq!((a.steps(), &a.qpos, &a.actions), (b.steps(), &b.qpos, &b.actions));
    assert_eq!((&a.observations, &a.terms, a.end), (&b.observations, &b.terms, b.end));
    assert_eq!((&a.contacts, &a.goals), (&b.contacts, &b.goals));
    assert_eq!(a.layers[0].spikes, b.layers[0].spikes);
    assert_eq!(a.layers[0].series("membrane"), b.layers[0].series("membrane"));
    assert_eq!(document.brain, recorded.brain);
    (document, recorded)
}

#[test]
fn a_simulation_repeats_what_was_recorded() {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = run_and_recording(root.path());
    assert_eq!(same(&run, &recording).1.episodes.len(), 2);
}

#[test]
fn a_leg_breaks_in_the_simulation_as_in_the_recording() {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = (root.path().join("run"), root.path().join("a.rollout.safetensors"));
    let [path, out] = [&run, &recording].map(|path| path.display().to_string());
    let short =
        ["--set", "strategy.population=4", "--set", "rollout.horizon=20", "--set", "run.eval_every=0"];
    let train = ["--config", "ant_breaking_leg.ron", "--generations", "1", "--out", &path, "-q"];
    let _ = tests::succeed(&[&train[..], &short].concat());
    let _ = tests::succeed(&["record", &path, "--out", &out]);
    let (mut document, recorded) = same(&run, &recording);
    let live = document.live.as_ref().unwrap();
    let factor = live.changed().next().unwrap();
    assert_eq!(factor.1, 0.0, "{factor:?} after {} steps", recorded.recording().steps());
    let contacts = &recorded.recording().contacts;
    assert!((0..contacts.steps()).any(|step| !contacts.after(step).is_empty()), "feet touch the ground");
    // Without the change the same episode goes another way.
    document.change(&[]).unwrap();
    let live = document.live.as_mut().unwrap();
    live.at_end = AtEnd::Stop;
    (0..recorded.recording().steps()).for_each(|_| live.step());
    assert_ne!(document.recording().qpos, recorded.recording().qpos);
}
