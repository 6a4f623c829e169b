//! Files that are damaged, newer, or not what they should be: a message, never a crash.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use super::common::{run_and_recording, said, viewer};
use proptest::prelude::*;
use records::checkpoint::{Checkpoint, Tensor, TensorData};
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

/// The same file as a later version would write it.
fn newer(bytes: &[u8]) -> Vec<u8> {
    of_format(bytes, b'9')
}

/// The same file with another number of its format.
fn of_format(bytes: &[u8], digit: u8) -> Vec<u8> {
    let place = String::from_utf8_lossy(bytes).find("format").unwrap();
    let mut bytes = bytes.to_vec();
    let at = place + bytes[place..].iter().position(u8::is_ascii_digit).unwrap();
    bytes[at] = digit;
    bytes
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
    #[cfg(target_os = "linux")]
    assert!(refused(Path::new("/dev/zero")).contains("it is a device, not a regular file"));
    fs::write(&cut, newer(&bytes)).unwrap();
    assert!(refused(&cut).contains("has format 9; this version reads up to format 2"));

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
    let huge = changed(&recording, |file| {
        file.meta["episodes"][0]["length"] = json!(u64::MAX);
    });
    assert!(huge.contains("episode 0: it has 18446744073709551615 steps"), "{huge}");
    let layer = json!([{"name": "hidden.0", "neurons": 0, "ticks": 0, "states": []}]);
    assert!(message("layers", layer).contains("layer hidden.0 has 0 neurons"));
    let astray = changed(&recording, |file| {
        let steps = file.tensors["0.contact_offsets"].shape()[0];
        let data = Tensor::new(&[steps], TensorData::F64(vec![7.0; steps]));
        file.tensors.insert("0.contact_offsets".into(), data);
    });
    assert!(astray.contains("episode 0: contact_offsets do not go from 0 to"), "{astray}");
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
        let newer = ["parameters", "membrane", "threshold", "contacts", "contact_offsets"];
        !newer.iter().any(|end| name.ends_with(end))
    });
    file.meta.remove("goals");
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

/// What the program says, and that it ends as it should on bad input.
fn program(words: &[&Path], environment: &[(&str, &str)]) -> String {
    let output = viewer().args(words).envs(environment.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
    assert!(!said(&output).contains("panicked"), "{}", said(&output));
    said(&output)
}

#[test]
fn the_program_ends_with_a_message_and_code_2() {
    let root = tempfile::tempdir().unwrap();
    let (_, recording) = run_and_recording(root.path());
    let bytes = fs::read(&recording).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = root.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let cut = write("cut.rollout.safetensors", &bytes[..bytes.len() / 2]);
    assert!(program(&[&cut], &[]).contains("truncated"));
    let newer = write("newer.rollout.safetensors", &newer(&bytes));
    assert!(program(&[&newer], &[]).contains("has format 9; this version reads up to format 2"));
    let foreign = write("foreign.rollout.safetensors", b"GIF89a and so on");
    assert!(program(&[&foreign], &[]).contains("is not a Spindle checkpoint"));
    let robot = write("robot.ron", b"(env: Mjcf(file: \"/nonexistent/robot.xml\"), strategy: OpenEs())");
    let message = program(&[&robot], &[]);
    assert!(message.contains("/nonexistent/robot.xml"), "{message}");
    assert!(program(&[Path::new("/nonexistent/run")], &[]).contains("/nonexistent/run does not exist"));

    let picture = root.path().join("a.png");
    // OpenGL would draw, too.
    let nothing = [
        ("VK_DRIVER_FILES", "/nonexistent"),
        ("VK_ICD_FILENAMES", "/nonexistent"),
        ("WGPU_BACKEND", "vulkan"),
    ];
    let message = program(&[&recording, Path::new("--screenshot"), &picture], &nothing);
    assert!(message.contains("no graphics adapter") && message.contains("lavapipe"), "{message}");
    assert!(!picture.exists());
    let message = program(&[&recording], &[]);
    assert!(message.contains("cannot open a window (--screenshot and --record work without"), "{message}");
}

/// A recording's bytes, made once: as an earlier version would write it, without a hash that would find each change.
fn bytes() -> &'static [u8] {
    static BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BYTES.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        of_format(&fs::read(run_and_recording(root.path()).1).unwrap(), b'1')
    })
}

/// Whatever happens to a file on its way, it is shown or refused: some bytes at these places are others, in its
/// header or anywhere, and it may be cut.
fn never_ends_the_program(places: Vec<(f64, u8)>, in_header: bool, cut: Option<f64>) {
    let mut bytes = bytes().to_vec();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let reach = if in_header { header } else { bytes.len() };
    for (place, byte) in places {
        bytes[(place * reach as f64) as usize] = byte;
    }
    if let Some(cut) = cut {
        bytes.truncate((cut * bytes.len() as f64) as usize);
    }
    if let Ok(document) = Document::from_bytes(Path::new("a.rollout.safetensors"), &bytes) {
        let mut app = App::new(Settings::default(), None);
        app.show_document(document);
        app.seek(0.3);
    }
}

fn places() -> impl Strategy<Value = Vec<(f64, u8)>> {
    prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..4)
}

fn cut() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(0.0..1.0f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_bytes_never_end_the_program(places in places(), in_header in any::<bool>(), cut in cut()) {
        never_ends_the_program(places, in_header, cut);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    #[ignore = "slow: ./tests/run --full"]
    fn many_damaged_bytes_never_end_the_program(places in places(), in_header in any::<bool>(), cut in cut()) {
        never_ends_the_program(places, in_header, cut);
    }
}
