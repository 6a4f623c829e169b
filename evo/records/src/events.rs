//! TensorBoard event files: the numbers of `metrics.csv` as scalars.
//!
//! A file is a function of the rows of `metrics.csv`, so that a resumed run can always make it anew. It
//! is a series of TFRecords (length, masked CRC-32C of it, data, masked CRC-32C of that; little endian),
//! each a protobuf message `Event`, of which we write four fields: a crate for them would be larger than
//! this file.

use std::io;
use std::path::Path;

use crate::columns::{COLUMNS, ENERGY_COLUMN, STAGE_COLUMN, VALIDATION_COLUMNS};
use crate::disk::{self, Appender};

/// Tag of a column, as `GROUP/NAME`: TensorBoard puts what has the same group together. The step is not
/// a scalar, and neither is the time.
#[must_use]
pub fn tag(column: &str) -> Option<String> {
    Some(match column {
        "generation" | "wall_s" | STAGE_COLUMN => return None,
        "env_steps" | "evaluations" | "env_steps_per_s" => format!("progress/{column}"),
        // Of training with labels.
        "samples" | "steps" | "samples_per_s" => format!("progress/{column}"),
        "learning_rate" | "gradient_norm" => format!("gradient/{column}"),
        "train_loss" | "train_accuracy" => column.replacen("train_", "training/", 1),
        "validation_loss" | "validation_accuracy" => column.replacen('_', "/", 1),
        "sigma" | "members" | "noise_in_actions" | "step_length" | "step_along" => format!("search/{column}"),
        "episode_length_mean" => "training/episode_length_mean".to_owned(),
        "spike_rate" | "synops_per_step" | ENERGY_COLUMN => format!("controller/{column}"),
        _ if column.starts_with("fitness_") => format!("training/{column}"),
        _ if column.starts_with("eval_") => format!("evaluation/{}", &column[5..]),
        _ if VALIDATION_COLUMNS.contains(&column) => column.replacen('_', "/", 1),
        _ if COLUMNS.contains(&column) => column.to_owned(),
        term => format!("reward/{term}"),
    })
}

/// Appends generations to an event file.
#[derive(Debug)]
pub struct EventsWriter {
    file: Appender,
    columns: Vec<String>,
}

impl EventsWriter {
    /// Goes on with the file at `path`, or starts it, so that it holds `rows` and nothing else. `header`
    /// and `rows` are lines of `metrics.csv` with their ends. What is there already is not written
    /// again: a TensorBoard that watches the file goes on.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(path: &Path, header: &str, rows: &[&str]) -> io::Result<Self> {
        let columns: Vec<String> = header.trim_end().split(',').map(str::to_owned).collect();
        let mut expected = record(&version());
        for row in rows {
            expected.extend(record(&event(&columns, row)));
        }
        let found = disk::read_if_there(path)?.unwrap_or_default();
        if !found.starts_with(&expected) {
            disk::write_atomic(path, &expected)?;
        }
        let file = Appender::open(path)?;
        if found.starts_with(&expected) && found.len() > expected.len() {
            file.truncate(expected.len() as u64)?;
        }
        Ok(Self { file, columns })
    }

    /// Appends a line of `metrics.csv`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, row: &str) -> io::Result<()> {
        // One write per row: a reader seldom sees half of one.
        self.file.append(&record(&event(&self.columns, row)))
    }
}

/// The first event of every file.
fn version() -> Vec<u8> {
    let mut event = Vec::new();
    double(&mut event, 1, 0.0);
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// A generation. `wall_time` is the training time, as in `metrics.csv`, not the date.
fn event(columns: &[String], row: &str) -> Vec<u8> {
    let cells = || columns.iter().zip(row.trim_end().split(','));
    let number = |name: &str| cells().find(|(column, _)| *column == name).and_then(|(_, x)| x.parse().ok());
    let mut summary = Vec::new();
    for (column, cell) in cells() {
        if let (Some(tag), Ok(number)) = (tag(column), cell.parse::<f64>()) {
            let mut value = Vec::new();
            bytes(&mut value, 1, tag.as_bytes());
            key(&mut value, 2, 5);
            value.extend((number as f32).to_le_bytes());
            bytes(&mut summary, 1, &value);
        }
    }
    let mut event = Vec::new();
    double(&mut event, 1, number("wall_s").unwrap_or(0.0));
    key(&mut event, 2, 0);
    varint(&mut event, number("generation").unwrap_or(0.0) as u64);
    bytes(&mut event, 5, &summary);
    event
}

fn key(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// A TFRecord.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(data);
    out.extend(masked(crc32c(data)).to_le_bytes());
    out
}

/// So that the checksum of data that holds checksums is not a special one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let (mut crc, mut bit) = (index as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
                bit += 1;
            }
            table[index] = crc;
            index += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[((crc ^ u32::from(byte)) & 0xFF) as usize])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, appendix B.4, and the usual check value.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46DD_794E);
    }

    #[test]
    fn messages_are_encoded_as_protobuf_says() {
        // `protoc --encode` of step 300 at 1.5 s, with the scalar training/fitness_best = 2.
        let columns = ["generation", "wall_s", "fitness_best", "sigma"].map(str::to_owned);
        let tag = b"training/fitness_best";
        let mut expected =
            vec![0x09, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0x10, 0xAC, 0x02, 0x2A, 30, 0x0A, 28, 0x0A, 21];
        expected.extend(tag);
        expected.extend([0x15, 0, 0, 0, 0x40]);
        assert_eq!(event(&columns, "300,1.5,2.0,\n"), expected);
        let record = record(&expected);
        assert_eq!(
            (record.len(), record[..8].to_vec()),
            (expected.len() + 16, vec![44, 0, 0, 0, 0, 0, 0, 0])
        );
    }

    #[test]
    fn every_column_but_step_and_time_has_a_tag_of_its_own() {
        let columns = COLUMNS.iter().chain([&ENERGY_COLUMN, &"forward"]).chain(&VALIDATION_COLUMNS);
        let mut tags: Vec<String> = columns.filter_map(|column| tag(column)).collect();
        assert!(tags.iter().all(|tag| tag.split('/').count() == 2), "{tags:?}");
        assert!(tags.contains(&"evaluation/return_mean".to_owned()), "{tags:?}");
        assert!(tags.contains(&"validation/return_std".to_owned()), "{tags:?}");
        assert!(tags.contains(&"reward/forward".to_owned()), "{tags:?}");
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), COLUMNS.len() + 4 - 2);
    }

    #[test]
    fn a_reopened_file_holds_the_rows_it_should_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let header = "generation,wall_s,sigma\n";
        let rows = ["1,0.1,3.0\n", "2,0.2,\n", "3,0.3,1.0\n"];
        let mut writer = EventsWriter::open(&path, header, &[]).unwrap();
        for row in rows {
            writer.push(row).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        // Longer than it should be, torn, of another run, missing.
        for before in [whole.clone(), whole[..whole.len() - 3].to_vec(), b"other".to_vec(), Vec::new()] {
            std::fs::write(&path, before).unwrap();
            let mut writer = EventsWriter::open(&path, header, &rows[..2]).unwrap();
            writer.push(rows[2]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }
}
