//! Following a run that another process writes, finishes, breaks or deletes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;

use common::{Training, run_and_recording};
use viewer::data::document::Document;
use viewer::data::follow::{RunState, Wanted};
use viewer::data::live::AtEnd;

#[test]
fn a_run_is_followed_from_its_first_generation_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let mut training = Training::start(&root.path().join("run"));
    // Nothing but a config: the untrained robot.
    let mut document = Document::open(training.folder.path()).unwrap();
    assert_eq!(document.generation, None);
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
fn a_simulation_repeats_what_was_recorded() {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = run_and_recording(root.path());
    let recorded = Document::open(&recording).unwrap();
    let mut document = Document::open(&run).unwrap();
    let live = document.live.as_mut().unwrap();
    live.at_end = AtEnd::Stop;
    (0..recorded.recording().steps() + 3).for_each(|_| live.step());
    let (a, b) = (document.recording(), recorded.recording());
    assert_eq!((a.steps(), &a.qpos, &a.actions), (b.steps(), &b.qpos, &b.actions));
    assert_eq!((&a.observations, &a.terms, a.end), (&b.observations, &b.terms, b.end));
    assert_eq!(a.layers[0].spikes, b.layers[0].spikes);
    assert_eq!(a.layers[0].series("membrane"), b.layers[0].series("membrane"));
    assert_eq!(document.brain, recorded.brain);
    assert_eq!(recorded.episodes.len(), 2);
}
