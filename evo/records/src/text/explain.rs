//! Messages about RON text that show the place.

use super::error::ConfigError;
use super::scan::Scanner;

/// Line and column, both from 1; columns count characters. With closing brackets added, a text ends later than here.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// How the brackets of a text do not balance.
pub(super) enum Unbalanced {
    /// These are missing at the end, in this order.
    Open(String),
    /// One is wrong.
    Wrong(String),
}

/// If brackets do not balance, a bracket is the likely cause of whatever else is reported.
pub(super) fn unbalanced(text: &str) -> Option<Unbalanced> {
    let mut missing: Vec<char> = Vec::new();
    let mut scan = Scanner { text, at: 0 };
    loop {
        scan.space().ok()?;
        let here = scan.at;
        if scan.at_literal() {
            scan.literal().ok()?;
            continue;
        }
        let Some(c) = scan.next() else { break };
        match c {
            '(' => missing.push(')'),
            '[' => missing.push(']'),
            '{' => missing.push('}'),
            ')' | ']' | '}' => match missing.pop() {
                Some(expected) if expected == c => {}
                found => {
                    let (line, _) = position(text, here);
                    return Some(Unbalanced::Wrong(match found {
                        Some(')') => format!("'(' is closed by '{c}' on line {line}"),
                        Some(']') => format!("'[' is closed by '{c}' on line {line}"),
                        Some(_) => format!("'{{' is closed by '{c}' on line {line}"),
                        None => format!("there is one '{c}' too many on line {line}"),
                    }));
                }
            },
            _ => {
                // Names as a whole: one may end with the letter that begins a raw string.
                scan.at = here;
                if scan.word().is_none() {
                    scan.next();
                }
            }
        }
    }
    (!missing.is_empty()).then(|| Unbalanced::Open(missing.into_iter().rev().collect()))
}

/// What is said of missing brackets beside a message about `offset`.
pub(super) fn missing_hint(text: &str, offset: usize, missing: &str) -> String {
    let (line, _) = position(text, offset);
    let first = missing.chars().next().unwrap_or(')');
    format!("the brackets do not balance: a '{first}' is missing, perhaps just before line {line}")
}

/// Characters of a line that are shown at most.
const LONGEST: usize = 160;

/// An error with the line that it is about.
pub(super) fn invalid(
    file: &str,
    text: &str,
    offset: usize,
    message: &str,
    hint: Option<String>,
) -> ConfigError {
    let (line, column) = position(text, offset);
    let number = line.to_string();
    let source = text.lines().nth(line - 1).unwrap_or_default();
    // Of a long line, what is around the place.
    let from = if source.chars().count() > LONGEST { (column - 1).saturating_sub(LONGEST / 2) } else { 0 };
    let source: String = source.chars().skip(from).take(LONGEST).collect();
    // Tabs stay tabs below the line, so that the caret stands under its column.
    let indent: String =
        source.chars().take(column - 1 - from).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let mut excerpt = format!("\n  {number} | {source}\n  {} | {indent}^", " ".repeat(number.len()));
    if let Some(hint) = hint {
        excerpt.push_str("\nhint: ");
        excerpt.push_str(&hint);
    }
    ConfigError::Invalid { file: file.to_owned(), line, column, message: message.to_owned(), excerpt }
}
