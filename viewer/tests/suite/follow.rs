//! Following a run that another process writes, finishes, breaks or deletes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::common::{self, Training, run_and_recording};
use viewer::data::document::Document;
use viewer::data::follow::{RunState, Wanted};
use viewer::data::world::AtEnd;

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
fn a_run_is_followed_by_another_thread_too() {
    let root = tempfile::tempdir().unwrap();
    let mut training = Training::start(&root.path().join("run"));
    let mut document = Document::open(training.folder.path()).unwrap();
    training.generation();
    let (send, woken) = std::sync::mpsc::channel();
    let look = |document: &mut Document| {
        let send = send.clone();
        document.poll_soon(move || send.send(()).unwrap()).unwrap()
    };
    assert!(!look(&mut document) && document.looks());
    woken.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(look(&mut document) && !document.looks());
    assert_eq!(document.generation, Some(1));
    // What is found after something else was asked for is not taken over.
    training.generation();
    assert!(!look(&mut document));
    document.want(Wanted::Generation(1)).unwrap();
    assert!(!document.looks() && document.generation == Some(1));
}

#[test]
fn a_simulation_in_the_background_goes_the_same_way() {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = run_and_recording(root.path());
    let recorded = Document::open(&recording).unwrap();
    let mut document = Document::open(&run).unwrap();
    let live = document.live.as_mut().unwrap();
    live.at_end = AtEnd::Stop;
    let (dt, start) = (live.recording.header.control_dt, Instant::now());
    let mut shown = 0.0;
    while !live.is_over() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} steps", live.recording.steps());
        live.advance_soon(0.3 * dt);
        // Time never goes back.
        let now = live.recording.duration() + live.since_step();
        assert!(now >= shown - 1e-9, "{now} after {shown}");
        shown = now;
        std::thread::sleep(Duration::from_micros(200));
    }
    let (a, b) = (&live.recording, recorded.recording());
    assert_eq!((a.steps(), &a.qpos, &a.actions, a.end), (b.steps(), &b.qpos, &b.actions, b.end));
    assert_eq!(a.layers[0].spikes, b.layers[0].spikes);
    // A reset waits for what is on its way.
    live.reset(7);
    live.advance_soon(dt);
    live.reset(8);
    assert_eq!((live.recording.steps(), live.seed), (0, 8));
}

#[test]
fn the_curves_of_other_runs_are_found_beside_a_run() {
    let root = tempfile::tempdir().unwrap();
    for name in ["b", "a", "c"] {
        Training::start(&root.path().join(name)).generation();
    }
    fs::create_dir(root.path().join("none")).unwrap();
    let mut document = Document::open(&root.path().join("a")).unwrap();
    let others = document.follow.as_ref().unwrap().siblings();
    let name = |run: &records::folder::RunFolder| run.path().file_name().unwrap().to_owned();
    assert_eq!(others.iter().map(name).collect::<Vec<_>>(), ["b", "c"]);
    document.add_curve(&others[0]).unwrap();
    document.add_ghosts_of(Document::open(others[1].path()).unwrap()).unwrap();
    let names: Vec<&str> = document.curves.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(document.curves[0].1.rows.len(), 1);
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
    let train = ["--config", "ant_plastic.ron", "--generations", "1", "--out", &path, "-q"];
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
