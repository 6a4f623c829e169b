//! Results, on stdout: whatever a command prints goes through here, so that none is lost unnoticed.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use records::failure::{Blame as _, Failure};
use records::words::{escaped, is_mute};
use serde::Serialize;

/// The first line that could not be written; those after it are not tried.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line, [`escaped`]; [`finish`] says whether it has arrived.
pub fn line(text: &str) {
    if is_mute() {
        return;
    }
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    if lost.is_none() {
        *lost = write(&mut io::stdout(), text).err();
    }
}

/// Prints rows as an aligned table, see [`aligned`].
pub fn table<R: AsRef<[String]>>(rows: &[R]) {
    aligned(rows).iter().for_each(|text| line(text));
}

/// Rows as lines, the head first. Columns are aligned to the left, those whose head begins with `#` to the right, without
/// the `#`. A row may be shorter than the head.
#[must_use]
pub fn aligned<R: AsRef<[String]>>(rows: &[R]) -> Vec<String> {
    let Some(head) = rows.first().map(AsRef::as_ref) else { return Vec::new() };
    let right: Vec<bool> = head.iter().map(|name| name.starts_with('#')).collect();
    let cell = |row: usize, column: usize| {
        let text = rows[row].as_ref().get(column).map_or("", String::as_str);
        if row == 0 { text.strip_prefix('#').unwrap_or(text) } else { text }
    };
    let width = |column| (0..rows.len()).map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let text = |row: usize| {
        let cells =
            widths.iter().enumerate().map(|(column, &width)| match (cell(row, column), right[column]) {
                (text, true) => format!("{text:>width$}"),
                (text, false) => format!("{text:<width$}"),
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..rows.len()).map(text).collect()
}

/// Prints a value as one JSON object, the only thing on stdout.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    // Control characters occur within strings only, where their escapes mean the same.
    line(&serde_json::to_string(value).run()?);
    Ok(())
}

/// Ends the output.
///
/// # Errors
/// If not all of it could be written, to a full disk for example. A reader that has gone (`| head`) is no failure.
pub fn finish() -> Result<(), Failure> {
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner).take();
    checked(lost.map_or_else(|| io::stdout().flush(), Err))
}

/// The outcome of writing to stdout, as [`finish`] sees it.
///
/// # Errors
/// As [`finish`].
pub fn checked(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the result to standard output").run(),
    }
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", escaped(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_lost_result_fails_and_a_closed_pipe_does_not() {
        let failure = checked(Err(ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(failure.code(), 1);
        let message = failure.message();
        assert!(message.starts_with("error: cannot write the result to standard output: "), "{message}");
        assert!(checked(Err(ErrorKind::BrokenPipe.into())).is_ok() && checked(Ok(())).is_ok());
    }

    #[test]
    fn tables_are_aligned_by_their_heads() {
        let rows = [vec!["run", "#score", "by"], vec!["ant", "7.0 ± 2", "OpenEs"], vec!["walker", "12.5"]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.into_iter().map(str::to_owned).collect()).to_vec();
        assert_eq!(aligned(&rows), ["run       score  by", "ant     7.0 ± 2  OpenEs", "walker     12.5"]);
        assert!(aligned::<Vec<String>>(&[]).is_empty());
    }

    #[test]
    fn lines_and_json_are_shown_and_not_obeyed() {
        let mut out = Vec::new();
        let name = "a\u{1b}[2J";
        write(&mut out, name).unwrap();
        write(&mut out, &serde_json::to_string(&["\u{9b}"]).unwrap()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\\u001b[2J\n[\"\\u009b\"]\n");
    }
}
