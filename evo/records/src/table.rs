//! `metrics.csv` of runs without a world: the columns are the learner's own.

use std::path::Path;

use crate::rows::{MetricsError, Rows, RowsMark};

/// Appends rows to a metrics file. The first column is the generation, from 1.
#[derive(Debug)]
pub struct Table(Rows);

impl Table {
    /// Goes on after a generation: later rows go, and so does half a row. `mark` is what the checkpoint says of the rows.
    /// A missing file is started anew; a text then says what is lost, if anything.
    ///
    /// # Errors
    /// If the file is of another run, damaged, or cannot be read or written.
    pub fn resume(
        path: &Path,
        columns: &[&str],
        (generation, mark): (u64, Option<&RowsMark>),
    ) -> Result<(Self, Option<String>), MetricsError> {
        let (rows, warning) = Rows::resume(path, &(columns.join(",") + "\n"), generation, mark)?;
        Ok((Self(rows), warning))
    }

    /// Makes sure that the rows survive a power cut; see [`MetricsWriter::sync`](crate::metrics::MetricsWriter::sync).
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn sync(&self) -> Result<RowsMark, MetricsError> {
        self.0.sync()
    }

    /// Writes the same to an event file for TensorBoard.
    ///
    /// # Errors
    /// If one of the files cannot be read or written.
    pub fn with_events(self, path: &Path) -> Result<Self, MetricsError> {
        Ok(Self(self.0.with_events(path)?))
    }

    /// Appends a row; what was not measured is an empty cell.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn push(&mut self, generation: u64, cells: &[Option<f64>]) -> Result<(), MetricsError> {
        let mut line = generation.to_string();
        for cell in cells {
            line.push(',');
            if let Some(value) = cell {
                line.push_str(&format!("{value:?}"));
            }
        }
        line.push('\n');
        self.0.push(&line)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_resumed_table_is_that_of_an_uninterrupted_run() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("whole.csv"), folder.path().join("cut.csv"));
        let columns = ["generation", "loss", "accuracy"];
        let fill = |path: &Path, generations| {
            let mut table = Table::resume(path, &columns, (0, None)).unwrap().0;
            for generation in 1..=generations {
                table.push(generation, &[Some(1.0 / generation as f64), None]).unwrap();
            }
        };
        fill(&whole, 4);
        fill(&cut, 3);
        File::options().append(true).open(&cut).unwrap().write_all(b"4,0.2").unwrap();
        let mut table = Table::resume(&cut, &columns, (2, None)).unwrap().0;
        for generation in 3..=4 {
            table.push(generation, &[Some(1.0 / generation as f64), None]).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&whole), read(&cut));
        assert!(read(&whole).starts_with("generation,loss,accuracy\n1,1.0,\n2,0.5,\n"));
        assert!(Table::resume(&cut, &["generation", "other"], (2, None)).is_err());
    }
}
