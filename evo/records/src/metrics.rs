//! `metrics.csv`: one row per generation, written at once, so that a run can be watched and resumed.
//!
//! Readers go by the columns' names, see [`columns`](crate::columns).

use std::path::Path;

use crate::columns::{STAGE_COLUMN, header};
use crate::hashes::{self, Hashes, Verdict};
use crate::rows::{MetricsError, Rows, RowsMark};

/// One generation. `None` where nothing was measured (written as an empty cell).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsRow {
    /// Generation, from 1: how many have been completed.
    pub generation: u64,
    /// Control steps of training episodes so far.
    pub env_steps: u64,
    /// Members scored so far.
    pub evaluations: u64,
    /// Seconds of training so far.
    pub wall_s: f64,
    /// Best fitness in this generation.
    pub fitness_best: f64,
    /// Mean fitness in this generation.
    pub fitness_mean: f64,
    /// Standard deviation of the fitness in this generation.
    pub fitness_std: f64,
    /// Mean return of the distribution's mean, in generations that evaluate.
    pub eval_return_mean: Option<f64>,
    /// Standard deviation of the return over the evaluation's episodes.
    pub eval_return_std: Option<f64>,
    /// Mean return of the distribution's mean in the engine that validates.
    pub validation_return_mean: Option<f64>,
    /// Standard deviation of that return over the episodes.
    pub validation_return_std: Option<f64>,
    /// Mean length of the training episodes, control steps.
    pub episode_length_mean: f64,
    /// Spikes per neuron and tick; none for a controller without spikes.
    pub spike_rate: Option<f64>,
    /// Synaptic operations per control step and member.
    pub synops_per_step: Option<f64>,
    /// Step size of the search.
    pub sigma: f64,
    /// Control steps per second in this generation.
    pub env_steps_per_s: f64,
    /// Mean sum of each reward term per training episode, in the task's order, then what the method measures; NaN where
    /// nothing was measured.
    pub terms: Vec<f64>,
    /// Estimated energy of the controller per control step, pJ; see `snn::Activity::energy_pj`.
    pub energy_pj_per_step: f64,
    /// Name of the stage, in runs that have stages; column `stage`, the last of those that are called terms.
    pub stage: Option<String>,
}

impl MetricsRow {
    fn line(&self, validated: bool) -> String {
        let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
        let mut cells = vec![
            self.generation.to_string(),
            self.env_steps.to_string(),
            self.evaluations.to_string(),
            number(self.wall_s),
            number(self.fitness_best),
            number(self.fitness_mean),
            number(self.fitness_std),
            optional(self.eval_return_mean),
            optional(self.eval_return_std),
            number(self.episode_length_mean),
            optional(self.spike_rate),
            optional(self.synops_per_step),
            number(self.sigma),
            number(self.env_steps_per_s),
        ];
        cells.extend(self.terms.iter().map(|&term| optional(Some(term).filter(|term| !term.is_nan()))));
        cells.extend(self.stage.clone());
        cells.push(number(self.energy_pj_per_step));
        if validated {
            cells.extend([self.validation_return_mean, self.validation_return_std].map(optional));
        }
        cells.join(",") + "\n"
    }
}

/// The shortest text that reads back as the same f64.
fn number(value: f64) -> String {
    format!("{value:?}")
}

/// Appends rows to a metrics file, and to the run's event file if it has one.
#[derive(Debug)]
pub struct MetricsWriter {
    rows: Rows,
    validated: bool,
}

impl MetricsWriter {
    /// Continues a file after `generation`: later rows, and a last row cut off by a crash, go, so
    /// that the file becomes that of an uninterrupted run. `terms` are the task's reward terms, `validated` tells whether
    /// the run validates, `mark` is what the checkpoint says of the rows. A missing file is started anew; a text then
    /// says what is lost, if anything.
    ///
    /// # Errors
    /// If the file is of another run, damaged, or cannot be read or written.
    pub fn resume(
        path: &Path,
        terms: &[&str],
        validated: bool,
        (generation, mark): (u64, Option<&RowsMark>),
    ) -> Result<(Self, Option<String>), MetricsError> {
        let (rows, warning) = Rows::resume(path, &header(terms, validated), generation, mark)?;
        Ok((Self { rows, validated }, warning))
    }

    /// Makes sure that the rows survive a power cut. Call before a checkpoint that relies on them, and put into it what
    /// this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sync(&self) -> Result<RowsMark, MetricsError> {
        self.rows.sync()
    }

    /// Appends a row; it is in the file when this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, row: &MetricsRow) -> Result<(), MetricsError> {
        self.rows.push(&row.line(self.validated))
    }

    /// Writes the same to the event file at `path` too, beginning with the rows that are there.
    ///
    /// # Errors
    /// If one of the files cannot be read or written.
    pub fn with_events(self, path: &Path) -> Result<Self, MetricsError> {
        Ok(Self { rows: self.rows.with_events(path)?, validated: self.validated })
    }
}

/// A metrics file as columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Rows, each with a value per column; `None` for empty cells.
    pub rows: Vec<Vec<Option<f64>>>,
    /// Names of stages, in order; the column `stage` has their numbers in this list.
    pub stages: Vec<String>,
}

impl Metrics {
    /// Reads a file. A last line that is still being written is left out.
    ///
    /// # Errors
    /// A missing or damaged file, a cell that is no number, a row of another length.
    pub fn read(path: &Path) -> Result<Self, MetricsError> {
        let owned = || path.to_owned();
        let failed = |source| MetricsError::File { action: "read", path: owned(), source };
        let (bytes, verdict) = hashes::read_judged(path, Hashes::verdict_of_growing).map_err(failed)?;
        let damaged = |message: &str| MetricsError::Damaged { path: owned(), message: message.to_owned() };
        if verdict == Verdict::Damaged {
            return Err(damaged("it does not match its hash in hashes.json"));
        }
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8"))?;
        let complete = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let mut reader = csv::ReaderBuilder::new().from_reader(complete.as_bytes());
        let line = |line: u64, message: String| MetricsError::Line { path: owned(), line, message };
        let header = reader.headers().map_err(|error| line(1, error.to_string()))?;
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let (mut rows, mut stages) = (Vec::new(), Vec::<String>::new());
        for record in reader.records() {
            let record = record.map_err(|error| {
                let at = error.position().map_or(0, csv::Position::line);
                line(at, "the number of cells is not that of the header".to_owned())
            })?;
            let at = record.position().map_or(0, csv::Position::line);
            let cells = record.iter().zip(&names).map(|(cell, name)| match cell {
                "" => Ok(None),
                stage if name == STAGE_COLUMN => {
                    let known = stages.iter().position(|known| known == stage);
                    Ok(Some(known.unwrap_or_else(|| {
                        stages.push(stage.to_owned());
                        stages.len() - 1
                    }) as f64))
                }
                cell => cell
                    .parse()
                    .map(Some)
                    .map_err(|_| line(at, format!("'{cell}' in column {name} is not a number"))),
            });
            rows.push(cells.collect::<Result<_, _>>()?);
        }
        Ok(Self { names, rows, stages })
    }

    /// Values of a column, one per row; `None` if there is no such column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Vec<Option<f64>>> {
        let index = self.names.iter().position(|other| other == name)?;
        Some(self.rows.iter().map(|row| row[index]).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::columns::{COLUMNS, ENERGY_COLUMN, TIME_COLUMNS};

    const TERMS: [&str; 2] = ["forward", "survive"];

    fn row(generation: u64) -> MetricsRow {
        let x = generation as f64;
        MetricsRow {
            generation,
            env_steps: 1000 * generation,
            evaluations: 8 * generation,
            fitness_best: x / 3.0,
            fitness_mean: f64::NEG_INFINITY,
            fitness_std: 1e-7,
            eval_return_mean: generation.is_multiple_of(2).then_some(x * 1e17),
            terms: vec![x, -0.1],
            ..MetricsRow::default()
        }
    }

    /// A writer that goes on after a generation.
    fn resumed(path: &Path, generation: u64) -> MetricsWriter {
        MetricsWriter::resume(path, &TERMS, false, (generation, None)).unwrap().0
    }

    fn write_rows(path: &Path, generations: std::ops::RangeInclusive<u64>) {
        let mut writer = resumed(path, 0);
        for generation in generations {
            writer.push(&row(generation)).unwrap();
        }
    }

    #[test]
    fn rows_can_be_read_while_the_file_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        let mut writer = resumed(&path, 0);
        writer.push(&row(1)).unwrap();
        writer.push(&row(2)).unwrap();
        let metrics = Metrics::read(&path).unwrap();
        assert_eq!(metrics.names[..14], COLUMNS);
        assert_eq!(metrics.names[14..16], TERMS);
        assert_eq!(metrics.names[16..], [ENERGY_COLUMN]);
        assert_eq!(metrics.column("eval_return_mean").unwrap(), [None, Some(2e17)]);
        assert_eq!(metrics.column("fitness_mean").unwrap()[0], Some(f64::NEG_INFINITY));
        assert_eq!(metrics.column("fitness_best").unwrap()[1], Some(2.0 / 3.0));
        assert_eq!(metrics.column("survive").unwrap()[0], Some(-0.1));
        assert_eq!(metrics.column("none"), None);
        assert!(TIME_COLUMNS.iter().all(|name| COLUMNS.contains(name)));
    }

    #[test]
    fn a_resumed_file_equals_an_uninterrupted_one() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("whole.csv"), folder.path().join("cut.csv"));
        write_rows(&whole, 1..=6);
        write_rows(&cut, 1..=5);
        // The crash came in the middle of a row.
        File::options().append(true).open(&cut).unwrap().write_all(b"6,60").unwrap();
        assert_eq!(Metrics::read(&cut).unwrap().rows.len(), 5);
        let mut writer = resumed(&cut, 4);
        writer.push(&row(5)).unwrap();
        writer.push(&row(6)).unwrap();
        assert_eq!(std::fs::read(&whole).unwrap(), std::fs::read(&cut).unwrap());
    }

    #[test]
    fn validation_stands_at_the_end_of_the_row_in_runs_that_validate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        let mut writer = MetricsWriter::resume(&path, &TERMS, true, (0, None)).unwrap().0;
        writer.push(&row(1)).unwrap();
        let scored =
            MetricsRow { validation_return_mean: Some(7.5), validation_return_std: Some(0.5), ..row(2) };
        writer.push(&scored).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&header(&TERMS, false).replace('\n', ",validation_return_mean,")), "{text}");
        assert!(text.ends_with(",2.0,-0.1,0.0,7.5,0.5\n"), "{text}");
        let metrics = Metrics::read(&path).unwrap();
        assert_eq!(metrics.column("validation_return_mean").unwrap(), [None, Some(7.5)]);
        assert_eq!(metrics.column("validation_return_std").unwrap(), [None, Some(0.5)]);
        assert!(
            MetricsWriter::resume(&path, &TERMS, false, (1, None)).is_err(),
            "that is another run's table"
        );
        let mut writer = MetricsWriter::resume(&path, &TERMS, true, (1, None)).unwrap().0;
        writer.push(&scored).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        let shown = path.display();
        write_rows(&path, 1..=1);
        let error = MetricsWriter::resume(&path, &["other"], false, (1, None)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{shown}: the columns are not those of this run")), "{error}");
        std::fs::write(&path, "generation,wall_s\n1,2\n2,x\n").unwrap();
        let error = Metrics::read(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{shown} is damaged: it does not match its hash")), "{error}");
        std::fs::remove_file(folder.path().join(hashes::HASHES)).unwrap();
        let error = Metrics::read(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{shown}: line 3: 'x' in column wall_s is not a number"));
        std::fs::write(&path, "generation,wall_s\n1\n").unwrap();
        let error = Metrics::read(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{shown}: line 2: the number of cells is not that of the header"));
        std::fs::write(&path, header(&TERMS, false) + "one,2\n").unwrap();
        let error = MetricsWriter::resume(&path, &TERMS, false, (1, None)).unwrap_err().to_string();
        assert_eq!(error, format!("{shown}: line 2: 'one' is not a generation"));
    }

    #[test]
    fn rows_that_are_not_those_before_the_checkpoint_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, noted) = (folder.path().join("m.csv"), folder.path().join(hashes::HASHES));
        let mut writer = resumed(&path, 0);
        for generation in 1..=4 {
            writer.push(&row(generation)).unwrap();
        }
        let mark = writer.sync().unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let resume = |text: &str, mark: Option<&RowsMark>| {
            std::fs::write(&path, text).unwrap();
            MetricsWriter::resume(&path, &TERMS, false, (4, mark)).map(|(_, warning)| warning)
        };
        assert_eq!(resume(&whole, Some(&mark)).unwrap(), None);
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let gap = [&lines[..2], &lines[3..]].concat().concat();
        let other = whole.replace("1e-7", "2e-7");
        // With the hash of the file, with that in the checkpoint alone, and with neither.
        for (text, mark) in
            [(&gap, Some(&mark)), (&other, Some(&mark)), (&lines[..4].concat(), Some(&mark)), (&gap, None)]
        {
            let error = resume(text, mark).unwrap_err().to_string();
            assert!(error.contains("m.csv is damaged: "), "{error}");
            std::fs::remove_file(&noted).unwrap();
            let error = resume(text, mark).unwrap_err().to_string();
            assert!(error.contains("m.csv is damaged: "), "{error}");
            let warning = resume(&whole, mark).unwrap();
            assert_eq!(warning.is_some_and(|warning| warning.contains("no hash")), mark.is_some());
        }
        // The checkpoint knows nothing of times; another hash in the list does not make the rows wrong.
        let error =
            resume(&whole.replace("1000,8,0.0,", "1000,8,0.5,"), Some(&mark)).unwrap_err().to_string();
        assert!(error.contains("Delete hashes.json to take the table as it is"), "{error}");
        std::fs::remove_file(&path).unwrap();
        let (_, warning) = MetricsWriter::resume(&path, &TERMS, false, (4, Some(&mark))).unwrap();
        assert!(warning.unwrap().contains("continues without those up to generation 4"));
    }

    proptest! {
        #[test]
        fn numbers_read_back_bit_for_bit(bits: u64) {
            let value = f64::from_bits(bits);
            let back: f64 = number(value).parse().unwrap();
            prop_assert!(back.to_bits() == bits || value.is_nan() && back.is_nan());
        }
    }
}
