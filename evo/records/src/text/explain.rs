//! Messages about RON text that show the place.

use ron::error::{Error as Code, Position};

use super::error::ConfigError;
use super::report::Report;

/// Our words for ron's errors, and the place to show.
pub(super) fn explain(code: &Code, text: &str, start: Position, end: Position) -> (String, Position) {
    let of = |outer: &Option<String>| outer.as_ref().map(|outer| format!(" in {outer}")).unwrap_or_default();
    match Report::of(code) {
        Some(Report::UnknownField { found, outer, valid }) => (
            format!("unknown field '{found}'{} (valid: {})", of(&outer), valid.join(", ")),
            word_at(text, &found, start, end),
        ),
        Some(Report::UnknownVariant { found, outer, valid }) => {
            let place = word_at(text, &found, start, end);
            let what = field_before(text, place).or_else(|| outer.clone());
            let what = what.as_deref().unwrap_or("variant");
            (format!("unknown {what} '{found}' (valid: {})", valid.join(", ")), place)
        }
        Some(Report::MissingField { field, outer }) => {
            (format!("missing field '{field}'{}", of(&outer)), start)
        }
        Some(Report::DuplicateField { field, outer }) => {
            (format!("field '{field}' is given twice{}", of(&outer)), word_at(text, &field, start, end))
        }
        None => {
            let mut message = code.to_string();
            // One message style everywhere: a lower-case start, quotes instead of backticks.
            if let Some(first) = message.get(..1) {
                message = first.to_lowercase() + &message[1..];
            }
            (message.replace('`', "'"), value_at(text, start))
        }
    }
}

/// Place of `word` in the span; ron's own cursor stands beside it.
fn word_at(text: &str, word: &str, start: Position, end: Position) -> Position {
    let (from, to) = (offset(text, start), offset(text, end));
    let whole = |at: usize| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    };
    let inside = text[from..].match_indices(word).map(|(at, _)| from + at);
    let mut before = text[..from].rmatch_indices(word).map(|(at, _)| at);
    let hit = inside.take_while(|&at| at <= to).find(|&at| whole(at));
    hit.or_else(|| before.find(|&at| whole(at))).map_or(start, |at| position(text, at))
}

/// ron points just before a wrong value: move to it.
fn value_at(text: &str, start: Position) -> Position {
    let at = offset(text, start);
    let rest = &text[at..];
    let value = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    if value.is_empty() { start } else { position(text, at + rest.len() - value.len()) }
}

/// Name of the field whose value starts here.
fn field_before(text: &str, place: Position) -> Option<String> {
    let before = text[..offset(text, place)].trim_end().strip_suffix(':')?.trim_end();
    let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    (start < before.len()).then(|| before[start..].to_owned())
}

fn offset(text: &str, place: Position) -> usize {
    let line: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
    let column: usize = text[line..].chars().take(place.col - 1).map(char::len_utf8).sum();
    line + column
}

/// Line and column of an offset.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() + 1, col: before[line_start..].chars().count() + 1 }
}

/// If brackets do not balance, a bracket is the likely cause of whatever else is reported.
pub(super) fn bracket_hint(text: &str, line: usize) -> Option<String> {
    let mut open: Vec<char> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let end = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    end
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ => {
                match c {
                    '(' | '[' | '{' => open.push(c),
                    ')' | ']' | '}' => {
                        let partner = match c {
                            ')' => '(',
                            ']' => '[',
                            _ => '{',
                        };
                        match open.pop() {
                            Some(last) if last == partner => {}
                            Some(last) => {
                                return Some(format!(
                                    "'{last}' is closed by '{c}' on line {}",
                                    position(text, at).line
                                ));
                            }
                            None => {
                                return Some(format!(
                                    "there is a '{c}' too many on line {}",
                                    position(text, at).line
                                ));
                            }
                        }
                    }
                    _ => {}
                }
                c.len_utf8()
            }
        };
    }
    let close = match open.last()? {
        '(' => ')',
        '[' => ']',
        _ => '}',
    };
    Some(format!("the brackets do not balance: a '{close}' is missing, perhaps just before line {line}"))
}

/// An error with the line that it is about.
pub(super) fn invalid(
    file: &str,
    text: &str,
    place: Position,
    message: &str,
    hint: Option<String>,
) -> ConfigError {
    let Position { line, col } = place;
    let number = line.to_string();
    let source = text.lines().nth(line - 1).unwrap_or_default();
    // Tabs stay tabs below the line, so that the caret stands under its column.
    let indent: String = source.chars().take(col - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let mut excerpt = format!("\n  {number} | {source}\n  {} | {indent}^", " ".repeat(number.len()));
    if let Some(hint) = hint {
        excerpt.push_str("\nhint: ");
        excerpt.push_str(&hint);
    }
    ConfigError::Invalid { file: file.to_owned(), line, column: col, message: message.to_owned(), excerpt }
}
