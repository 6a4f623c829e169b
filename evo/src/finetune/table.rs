//! `metrics.csv` of runs without a world: the columns are the learner's own.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::metrics::MetricsError;
use crate::run_folder::write_atomic;

/// Appends rows to a metrics file. The first column is the generation, from 1.
#[derive(Debug)]
pub(crate) struct Table {
    file: File,
    path: PathBuf,
}

impl Table {
    /// Starts a file.
    pub(crate) fn create(path: &Path, columns: &[&str]) -> Result<Self, MetricsError> {
        let failed = |source| MetricsError::File { action: "write", path: path.to_owned(), source };
        let mut file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
        file.write_all(header(columns).as_bytes()).map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Goes on after a generation: later rows go, and so does half a row. A missing file is started.
    pub(crate) fn resume(path: &Path, columns: &[&str], generation: u64) -> Result<Self, MetricsError> {
        let failed = |action| move |source| MetricsError::File { action, path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::create(path, columns),
            Err(error) => return Err(failed("read")(error)),
        };
        let expected = header(columns);
        let Some(rows) = text.strip_prefix(&expected) else {
            let expected = expected.trim_end().to_owned();
            return Err(MetricsError::Columns { path: path.to_owned(), expected });
        };
        let earlier = |row: &&str| {
            let of_row = row.split(',').next().and_then(|cell| cell.parse::<u64>().ok());
            row.ends_with('\n') && of_row.is_some_and(|of_row| of_row <= generation)
        };
        let kept: String = rows.split_inclusive('\n').take_while(earlier).collect();
        write_atomic(path, (expected + &kept).as_bytes()).map_err(failed("write"))?;
        let file = File::options().append(true).open(path).map_err(failed("write"))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends a row; what was not measured is an empty cell.
    pub(crate) fn push(&mut self, generation: u64, cells: &[Option<f64>]) -> Result<(), MetricsError> {
        let mut line = generation.to_string();
        for cell in cells {
            line.push(',');
            if let Some(value) = cell {
                line.push_str(&format!("{value:?}"));
            }
        }
        line.push('\n');
        let path = || self.path.clone();
        let failed = |source| MetricsError::File { action: "write", path: path(), source };
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}

fn header(columns: &[&str]) -> String {
    columns.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_resumed_table_is_that_of_an_uninterrupted_run() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("whole.csv"), folder.path().join("cut.csv"));
        let columns = ["generation", "loss", "accuracy"];
        let fill = |path: &Path, generations| {
            let mut table = Table::create(path, &columns).unwrap();
            for generation in 1..=generations {
                table.push(generation, &[Some(1.0 / generation as f64), None]).unwrap();
            }
        };
        fill(&whole, 4);
        fill(&cut, 3);
        File::options().append(true).open(&cut).unwrap().write_all(b"4,0.2").unwrap();
        let mut table = Table::resume(&cut, &columns, 2).unwrap();
        for generation in 3..=4 {
            table.push(generation, &[Some(1.0 / generation as f64), None]).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&whole), read(&cut));
        assert!(read(&whole).starts_with("generation,loss,accuracy\n1,1.0,\n2,0.5,\n"));
        assert!(Table::resume(&cut, &["generation", "other"], 2).is_err());
    }
}
