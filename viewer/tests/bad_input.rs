//! Files that are damaged, newer, or not what they should be: a message, never a crash.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::run_and_recording;
use evo::checkpoint::{Checkpoint, Tensor, TensorData};
use serde_json::json;
use viewer::app::App;
use viewer::data::document::Document;
use viewer::settings::Settings;

fn refused(path: &Path) -> String {
    format!("{:#}", Document::open(path).err().unwrap())
}

/// The message for a recording that `change` has been done to.
fn changed(recording: &Path, change: impl FnOnce(&mut Checkpoint)) -> String {
    let mut file = Checkpoint::load(recording).unwrap();
    change(&mut file);
    let path = recording.with_file_name("changed.rollout.safetensors");
    file.save(&path).unwrap();
    refused(&path)
}

#[test]
fn damaged_recordings_are_refused_with_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let (_, recording) = run_and_recording(root.path());
    assert!(Document::open(&recording).is_ok());
    let bytes = fs::read(&recording).unwrap();
    let cut = root.path().join("cut.rollout.safetensors");
    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&cut, &bytes[..length]).unwrap();
        assert!(refused(&cut).contains("truncated"), "{length}: {}", refused(&cut));
    }
    let newer = String::from_utf8_lossy(&bytes).find("format").unwrap();
    let mut text = bytes.clone();
    let digit = newer + text[newer..].iter().position(u8::is_ascii_digit).unwrap();
    text[digit] = b'9';
    fs::write(&cut, &text).unwrap();
    assert!(refused(&cut).contains("has format 9; this version reads up to format 1"));

    let set = |key: &'static str, value: serde_json::Value| {
        move |file: &mut Checkpoint| {
            file.meta.insert(key.to_owned(), value);
        }
    };
    let message = |key, value| changed(&recording, set(key, value));
    assert!(message("episodes", json!([])).contains("it has no episodes"));
    assert!(message("control_dt", json!(0.0)).contains("a control step of 0 s"));
    assert!(message("observations", json!(["one"])).contains("observation"));
    assert!(message("layers", json!([{"name": "x"}])).contains("'layers' is malformed"));
    assert!(message("config", json!({"env": {"Dragon": {}}})).contains("'config' is malformed"));
    let lost = changed(&recording, |file| drop(file.tensors.remove("0.qpos")));
    assert!(lost.contains("has no tensor '0.qpos'"), "{lost}");
    let wrong = changed(&recording, |file| {
        let data = Tensor::new(&[1, 1], TensorData::F32(vec![0.0]));
        file.tensors.insert("1.action".into(), data);
    });
    assert!(wrong.contains("tensor '1.action' is F32 of shape [1, 1]"), "{wrong}");
    let other = changed(&recording, |file| {
        file.meta.insert("config".into(), json!({"env": {"Ant": {}}, "strategy": {"OpenEs": {}}}));
    });
    assert!(other.contains("coordinates, but ant has 15"), "{other}");
}

#[test]
fn recordings_of_older_versions_are_shown_without_what_they_lack() {
    let root = tempfile::tempdir().unwrap();
    let (_, recording) = run_and_recording(root.path());
    let mut file = Checkpoint::load(&recording).unwrap();
    file.tensors.retain(|name, _| {
        name != "parameters" && !name.ends_with("membrane") && !name.ends_with("threshold")
    });
    file.save(&recording).unwrap();
    let document = Document::open(&recording).unwrap();
    assert!(document.brain.populations.is_empty());
    assert!(document.recording().layers[0].traces.is_empty());
    assert!(document.recording().layers[0].series("v").is_some());
}

#[test]
fn a_failed_opening_leaves_what_was_open_and_says_why() {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = run_and_recording(root.path());
    let mut app = App::new(Settings::default(), None);
    app.open(&recording);
    assert!(app.document.is_some() && app.message.is_none());
    fs::remove_file(run.join("config.ron")).unwrap();
    app.open(&run);
    assert_eq!(app.document.as_ref().unwrap().source.path(), recording);
    assert!(app.message.as_ref().unwrap().contains("it has no config.ron"));
    assert_eq!(app.settings.recent, [recording]);
}
