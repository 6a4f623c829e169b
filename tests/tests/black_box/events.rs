//! Event files for TensorBoard, read back by a reader of our own that checks every checksum.
//! `python_data.py` reads them with TensorBoard itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tests::{column, endless_run, evo, generations, refuse, succeed, text};

const LOG: &str = "run.log=[Csv, TensorBoard]";

/// A generation in an event file.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    wall_time: f64,
    step: u64,
    scalars: BTreeMap<String, f32>,
}

/// CRC-32C bit by bit, masked as TFRecords have it.
fn masked_crc(data: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn varint(data: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = data[*at];
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// Fields of a protobuf message: number and bytes (of a varint, its value).
fn fields(data: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let (mut at, mut fields) = (0, Vec::new());
    while at < data.len() {
        let key = varint(data, &mut at);
        let length = match key & 7 {
            0 => {
                fields.push((key >> 3, varint(data, &mut at).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            5 => 4,
            2 => varint(data, &mut at) as usize,
            wire => panic!("wire type {wire}"),
        };
        fields.push((key >> 3, data[at..at + length].to_vec()));
        at += length;
    }
    fields
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().expect("eight bytes")
}

fn scalar(value: &[u8]) -> (String, f32) {
    let parts: BTreeMap<u64, Vec<u8>> = fields(value).into_iter().collect();
    let number = f32::from_le_bytes(parts[&2][..].try_into().expect("a float"));
    (String::from_utf8(parts[&1].clone()).expect("UTF-8"), number)
}

fn event(data: &[u8]) -> Event {
    let mut event = Event { wall_time: f64::NAN, step: 0, scalars: BTreeMap::new() };
    for (field, bytes) in fields(data) {
        match field {
            1 => event.wall_time = f64::from_le_bytes(eight(&bytes)),
            2 => event.step = u64::from_le_bytes(eight(&bytes)),
            5 => event.scalars.extend(fields(&bytes).iter().map(|(_, value)| scalar(value))),
            _ => panic!("field {field}"),
        }
    }
    event
}

/// The generations in a run's event file.
fn read(run: &Path) -> Vec<Event> {
    let bytes = fs::read(run.join("events.out.tfevents.0")).expect("event file");
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_at(8);
        let size = u64::from_le_bytes(eight(length)) as usize;
        let crc = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        assert_eq!(crc(&after[..4]), masked_crc(length), "checksum of a length");
        let data = &after[4..4 + size];
        assert_eq!(crc(&after[4 + size..8 + size]), masked_crc(data), "checksum of a record");
        records.push(data.to_vec());
        rest = &after[8 + size..];
    }
    let first = fields(&records[0]);
    assert_eq!(first[1], (3, b"brain.Event:2".to_vec()), "the first record is the version");
    records[1..].iter().map(|record| event(record)).collect()
}

/// Steps, times and scalars are those of the table.
fn check(run: &Path) {
    let events = read(run);
    let steps: Vec<u64> = events.iter().map(|event| event.step).collect();
    assert_eq!(steps, (1..=generations(run) as u64).collect::<Vec<_>>(), "a generation once each");
    let walls: Vec<Option<f64>> = events.iter().map(|event| Some(event.wall_time)).collect();
    assert_eq!(walls, column(run, "wall_s"));
    for (tag, name) in [
        ("training/fitness_mean", "fitness_mean"),
        ("evaluation/return_mean", "eval_return_mean"),
        ("progress/env_steps", "env_steps"),
        ("controller/spike_rate", "spike_rate"),
        ("search/sigma", "sigma"),
    ] {
        let found: Vec<Option<f32>> = events.iter().map(|event| event.scalars.get(tag).copied()).collect();
        let expected: Vec<Option<f32>> = column(run, name).iter().map(|x| x.map(|x| x as f32)).collect();
        assert_eq!(found, expected, "{tag}");
    }
    assert!(events[0].scalars.keys().any(|tag| tag.starts_with("reward/")), "{events:?}");
}

fn train<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let basics = ["--config", "inverted_pendulum.ron", "--set", "strategy.population=16", "--out", text(out)];
    [&basics[..], &["--set", "run.eval_every=3", "-q"], more].concat()
}

#[test]
fn events_are_the_rows_of_the_metrics() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let _ = succeed(&train(&run, &["--generations", "8", "--set", LOG]));
    check(&run);
    assert_eq!(read(&run).len(), 8);
    // Extended by some generations.
    let _ = succeed(&["resume", text(&run), "--generations", "11", "-q"]);
    check(&run);
    assert_eq!(read(&run).len(), 11);
    // Not asked for: not there. Asked for later: complete from the first generation.
    let plain = folder.path().join("plain");
    let _ = succeed(&train(&plain, &["--generations", "4"]));
    assert!(!plain.join("events.out.tfevents.0").exists());
    let config = fs::read_to_string(plain.join("config.ron")).expect("config");
    assert!(config.contains("log: [Csv]"), "{config}");
    fs::write(plain.join("config.ron"), config.replace("log: [Csv]", "log: [TensorBoard]")).expect("config");
    let _ = succeed(&["resume", text(&plain), "--generations", "6", "-q"]);
    check(&plain);
    assert_eq!(read(&plain).len(), 6);
    let bad = folder.path().join("bad");
    let message = refuse(&train(&bad, &["--set", "run.log=[Wandb]"]), 2);
    assert!(message.contains("Wandb") && message.contains("Csv, TensorBoard"), "{message}");
}

/// Killed between two checkpoints, so that rows after the last one are there already, and torn in the
/// middle of a record.
#[test]
fn a_killed_run_has_every_step_once() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let sets = ["--set", LOG, "--set", "run.checkpoint_every=7", "--set", "strategy.population=16"];
    let mut child = endless_run(&run, &[&sets[..], &["--set", "run.eval_every=3"]].concat(), 12);
    child.kill().expect("SIGKILL");
    let _ = child.wait();
    let before = generations(&run);
    let file = run.join("events.out.tfevents.0");
    let length = fs::metadata(&file).expect("event file").len();
    fs::File::options().write(true).open(&file).and_then(|file| file.set_len(length - 5)).expect("torn");
    let target = (before + 9).to_string();
    let status = evo(&["resume", text(&run), "--generations", &target, "-q"]).status().expect("evo starts");
    assert!(status.success());
    check(&run);
    assert_eq!(read(&run).len(), before + 9);
}

/// Training with labels has other columns.
#[test]
fn training_with_labels_has_events_too() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let train = ["finetune", "--config", "yin_yang.ron", "--set", LOG, "-q", "--out", text(&run)];
    let _ = succeed(&[&train[..], &["--generations", "2"]].concat());
    let _ = succeed(&["resume", text(&run), "--generations", "3", "-q"]);
    let events = read(&run);
    assert_eq!(events.iter().map(|event| event.step).collect::<Vec<_>>(), [1, 2, 3]);
    for (tag, name) in [
        ("training/loss", "train_loss"),
        ("validation/accuracy", "validation_accuracy"),
        ("gradient/learning_rate", "learning_rate"),
        ("progress/samples", "samples"),
    ] {
        let found: Vec<Option<f32>> = events.iter().map(|event| event.scalars.get(tag).copied()).collect();
        let expected: Vec<Option<f32>> = column(&run, name).iter().map(|x| x.map(|x| x as f32)).collect();
        assert_eq!(found, expected, "{tag}");
    }
}
