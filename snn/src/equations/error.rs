//! Where and why a model text is wrong.

use std::fmt;

/// A mistake in the text of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EquationError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong and what would be valid.
    pub message: String,
}

impl fmt::Display for EquationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for EquationError {}

/// A place in the text, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };

    pub(super) fn error(self, message: impl Into<String>) -> EquationError {
        EquationError { line: self.line, column: self.column, message: message.into() }
    }
}

/// "unknown KIND `name`; did you mean `x`? valid: a, b, c".
pub(super) fn unknown<'a>(kind: &str, name: &str, valid: impl Iterator<Item = &'a str>) -> String {
    let mut valid: Vec<&str> = valid.collect();
    let mut message = format!("unknown {kind} `{name}`");
    if let Some(close) = closest(name, &valid) {
        message += &format!(" (did you mean `{close}`?)");
    }
    valid.dedup();
    match valid.is_empty() {
        true => message += "; there is none here",
        false => message += &format!("; valid: {}", valid.join(", ")),
    }
    message
}

/// The entry nearest to `name`, if a typing error explains the difference.
fn closest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let near = valid.iter().map(|&other| (distance(name, other), other));
    // A name that shares no letter is no typing error.
    let near = near.filter(|(d, other)| *d <= limit && *d < other.chars().count().max(name.chars().count()));
    near.min_by_key(|(d, _)| *d).map(|(_, other)| other)
}

/// Number of letters to insert, delete, replace, or swap with the next (Damerau–Levenshtein,
/// optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("v", "", 1),
            ("thresold", "threshold", 1),
            ("dceay", "decay", 1),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_typing_errors() {
        let valid = ["decay", "threshold", "v", "I"];
        assert_eq!(closest("thresold", &valid), Some("threshold"));
        assert_eq!(closest("w", &valid), None);
        assert_eq!(closest("voltage", &valid), None);
    }
}
