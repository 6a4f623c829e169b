//! Typed configs in RON files: reading with errors that show the place, and writing.
//!
//! A file may name another one as `base: "ant.ron"` (one level): the rest of the file is then laid
//! over the base, see [`crate::patch::merge`].

use std::path::{Path, PathBuf};

use ron::error::{Error as Code, Position};
use ron::extensions::Extensions;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::patch::{self, TypeError};
use crate::ron_report::Report;
use crate::ron_value::{self, Parsed};

/// Folder under which configs are looked for, relative to the current one.
pub const CONFIG_FOLDER: &str = "configs";

/// What is wrong with a config file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("no config '{name}': looked for {}{}", .tried.join(" and "), list_known(.known))]
    Missing {
        /// Name as given.
        name: String,
        /// Paths that were tried.
        tried: Vec<String>,
        /// Configs that exist.
        known: Vec<String>,
    },
    /// The file exists but cannot be read.
    #[error("cannot read config {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a valid config. Display: `file:line:column: message`, the line and a caret.
    #[error("{file}:{line}:{column}: {message}{excerpt}")]
    Invalid {
        /// File name as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what would be valid.
        message: String,
        /// The source line with a caret below, and perhaps a hint, each after a line break.
        excerpt: String,
    },
    /// A number is not finite.
    #[error("{path}: {value} is not a finite number")]
    NotFinite {
        /// Path of the field.
        path: String,
        /// The number as text.
        value: String,
    },
    /// The value cannot be written as RON.
    #[error("cannot write the config as RON: {0}")]
    Write(String),
}

fn list_known(known: &[String]) -> String {
    if known.is_empty() {
        format!(" (there are no configs under {CONFIG_FOLDER}/)")
    } else {
        format!(" (configs there: {})", known.join(", "))
    }
}

/// A RON file as data, for types with fields that hold any value (such as an axis of a sweep), with
/// the place of every value for messages.
pub struct Document {
    file: String,
    text: String,
    parsed: Parsed,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or is not well-formed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let (file, text) = (path.display().to_string(), read_text(path)?);
        let parsed = ron_value::parse(&text).map_err(|error| {
            let place = position(&text, error.offset);
            invalid(&file, &text, place, &error.message, bracket_hint(&text, place.line))
        })?;
        Ok(Self { file, text, parsed })
    }

    /// The data as a typed value.
    ///
    /// # Errors
    /// Where it does not fit the type, and what was expected.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        patch::from_value(self.parsed.value.clone()).map_err(|error| {
            let place = position(&self.text, place_of(&self.parsed, &error));
            invalid(&self.file, &self.text, place, &error.describe(), None)
        })
    }

    /// An error at the value with this path (as `axes[0].List.values[1]`), or at what contains it.
    #[must_use]
    pub fn invalid(&self, path: &str, message: &str) -> ConfigError {
        let mut path = path;
        let place = loop {
            if let Some(place) = self.parsed.places.get(path) {
                break place.value;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => break 0,
            }
        };
        invalid(&self.file, &self.text, position(&self.text, place), message, None)
    }
}

/// How configs are written: `Some` may be left out, and so may the struct inside a variant.
fn options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES)
}

/// Path of a config: the name as given, else under [`CONFIG_FOLDER`].
///
/// # Errors
/// [`ConfigError::Missing`], which lists the configs that exist.
pub fn find(name: &Path) -> Result<PathBuf, ConfigError> {
    find_in(Path::new(""), name)
}

/// [`find`] from the folder `root` instead of the current one.
///
/// # Errors
/// As [`find`].
pub fn find_in(root: &Path, name: &Path) -> Result<PathBuf, ConfigError> {
    let folder = root.join(CONFIG_FOLDER);
    let mut candidates = vec![root.join(name), folder.join(name)];
    // Both are the same if the name is absolute.
    candidates.dedup();
    if let Some(found) = candidates.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let mut known: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".ron"))
        .collect();
    known.sort();
    Err(ConfigError::Missing {
        name: name.display().to_string(),
        tried: candidates.iter().map(|path| path.display().to_string()).collect(),
        known,
    })
}

/// Reads a config file, with its `base` if it names one.
///
/// # Errors
/// See [`ConfigError`]; the path is taken as given ([`find`] comes first).
pub fn read<T>(path: &Path) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let file = path.display().to_string();
    let text = read_text(path)?;
    // Only well-formed text can be searched for a base; ron says best what is wrong with the rest.
    let Some((mut patch, base)) = ron_value::parse(&text).ok().and_then(split_base) else {
        return parse(&file, &text);
    };
    let place = |patch: &Parsed| patch.places.get("base").map_or(0, |place| place.value);
    let base_path = locate_base(path, &base)
        .map_err(|error| invalid(&file, &text, position(&text, place(&patch)), &error.to_string(), None))?;
    let base_file = base_path.display().to_string();
    let base_text = read_text(&base_path)?;
    if let Some((inner, _)) = ron_value::parse(&base_text).ok().and_then(split_base) {
        let message = format!("a base may not name a base itself (used by {file})");
        return Err(invalid(&base_file, &base_text, position(&base_text, place(&inner)), &message, None));
    }
    let mut whole = serde_json::to_value(parse::<T>(&base_file, &base_text)?)
        .map_err(|error| ConfigError::Write(error.to_string()))?;
    patch::merge(&mut whole, patch.value.take());
    let value = patch::from_value(whole).map_err(|error| {
        let offset = place_of(&patch, &error);
        invalid(&file, &text, position(&text, offset), &error.describe(), None)
    })?;
    check_finite(&value)?;
    Ok(value)
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

/// Takes the field `base` out of a config that has one.
fn split_base(mut parsed: Parsed) -> Option<(Parsed, String)> {
    match parsed.value.as_object_mut()?.remove("base")? {
        Value::String(base) => Some((parsed, base)),
        _ => None,
    }
}

/// A base is looked for beside the file that names it, then like any config.
///
/// # Errors
/// As [`find`].
pub fn locate_base(path: &Path, base: &str) -> Result<PathBuf, ConfigError> {
    let beside = path.parent().unwrap_or(Path::new("")).join(base);
    // A sweep may be called like its config.
    if beside.is_file() && beside != path { Ok(beside) } else { find(Path::new(base)) }
}

/// Offset of the text behind a type error: the longest known part of its path.
fn place_of(parsed: &Parsed, error: &TypeError) -> usize {
    let mut path = error.path.as_str();
    if let Some(place) = parsed.places.get(path) {
        return if error.field { place.key } else { place.value };
    }
    // The text may leave out a variant's name: `strategy: (sigma: 1)`.
    let name = error.path.rsplit('.').next().unwrap_or_default();
    while let Some(dot) = path.rfind('.') {
        path = &path[..dot];
        for candidate in [format!("{path}.{name}"), path.to_owned()] {
            if let Some(place) = parsed.places.get(&candidate) {
                return if error.field { place.key } else { place.value };
            }
        }
    }
    0
}

/// Reads a config from text; `file` is named in errors.
///
/// # Errors
/// [`ConfigError::Invalid`] or [`ConfigError::NotFinite`].
pub fn parse<T>(file: &str, text: &str) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let value: T = options().from_str(text).map_err(|error| {
        let (message, place) = explain(&error.code, text, error.span.start, error.span.end);
        invalid(file, text, place, &message, bracket_hint(text, place.line))
    })?;
    if let Err(ConfigError::NotFinite { path, value }) = check_finite(&value) {
        let message = format!("{path}: {value} is not a finite number");
        // The source has the same number at the same path, in words or too large.
        let place = match ron_value::parse(text) {
            Err(error) => error.offset,
            Ok(parsed) => parsed.places.get(&path).map_or(0, |place| place.value),
        };
        return Err(invalid(file, text, position(text, place), &message, None));
    }
    Ok(value)
}

/// The config as RON text that [`parse`] reads back as an equal value.
///
/// # Errors
/// A value that RON cannot hold, or a number that is not finite.
pub fn to_text<T: Serialize>(value: &T) -> Result<String, ConfigError> {
    check_finite(value)?;
    let pretty = ron::ser::PrettyConfig::new().new_line("\n").struct_names(false).compact_arrays(true);
    let mut text =
        options().to_string_pretty(value, pretty).map_err(|error| ConfigError::Write(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// As [`to_text`], on one line.
///
/// # Errors
/// As [`to_text`].
pub fn to_line<T: Serialize>(value: &T) -> Result<String, ConfigError> {
    check_finite(value)?;
    options().to_string(value).map_err(|error| ConfigError::Write(error.to_string()))
}

/// Data in the shape of [`crate::patch`] as a RON value on one line, as `--set` takes it.
#[must_use]
pub fn value_text(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(value_text).collect::<Vec<_>>().join(", ");
    let fields = |map: &serde_json::Map<String, Value>| {
        let name = |key: &str| {
            key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !map.is_empty() && !map.keys().all(|key| name(key)) {
            let entries = map.iter().map(|(key, value)| format!("{key:?}: {}", value_text(value)));
            return format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
        }
        let fields = map.iter().map(|(key, value)| format!("{key}: {}", value_text(value)));
        format!("({})", fields.collect::<Vec<_>>().join(", "))
    };
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && text.starts_with(|c: char| c.is_ascii_uppercase());
            // A bare word is what unit variants look like. These three mean something else.
            if word && !["None", "Some", "NaN"].contains(&text.as_str()) {
                text.clone()
            } else {
                format!("{text:?}")
            }
        }
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Object(map) => match map.iter().next() {
            Some((name, inner)) if patch::is_variant(map) => match inner {
                Value::Object(inner) => format!("{name}{}", fields(inner)),
                inner => format!("{name}({})", value_text(inner)),
            },
            _ => fields(map),
        },
    }
}

/// Refuses NaN and infinities anywhere in a value.
///
/// # Errors
/// [`ConfigError::NotFinite`] with the path of the first one.
pub fn check_finite<T: Serialize>(value: &T) -> Result<(), ConfigError> {
    let text = options().to_string(value).map_err(|error| ConfigError::Write(error.to_string()))?;
    match ron_value::parse(&text) {
        Err(error) if error.non_finite => {
            let value = error.message.split(' ').next().unwrap_or_default().to_owned();
            Err(ConfigError::NotFinite { path: error.path, value })
        }
        _ => Ok(()),
    }
}

/// Our words for ron's errors, and the place to show.
fn explain(code: &Code, text: &str, start: Position, end: Position) -> (String, Position) {
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

fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() + 1, col: before[line_start..].chars().count() + 1 }
}

/// If brackets do not balance, a bracket is the likely cause of whatever else is reported.
fn bracket_hint(text: &str, line: usize) -> Option<String> {
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

fn invalid(file: &str, text: &str, place: Position, message: &str, hint: Option<String>) -> ConfigError {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        env: Env,
        strategy: Strategy,
        #[serde(default)]
        run: Run,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Env {
        Ant(Ant),
        Pole,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Ant {
        healthy_z: Option<(f32, f32)>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Strategy {
        OpenEs(OpenEs),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct OpenEs {
        population: usize,
        sigma: f32,
    }

    impl Default for OpenEs {
        fn default() -> Self {
            Self { population: 128, sigma: 0.05 }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Run {
        seed: u64,
        name: String,
        note: Option<String>,
    }

    const GOOD: &str = "(
    env: Ant(healthy_z: (0.3, 0.9)), // robot
    strategy: OpenEs(sigma: 0.1),
    run: (seed: 3, note: \"a (b\"),
)
";

    fn refused(text: &str) -> String {
        parse::<Config>("configs/ant.ron", text).unwrap_err().to_string()
    }

    #[test]
    fn a_written_config_reads_back_equal() {
        let config: Config = parse("x", GOOD).unwrap();
        assert_eq!(config.env, Env::Ant(Ant { healthy_z: Some((0.3, 0.9)) }));
        let text = to_text(&config).unwrap();
        assert_eq!(parse::<Config>("x", &text).unwrap(), config);
        assert_eq!(to_text(&parse::<Config>("x", &text).unwrap()).unwrap(), text);
    }

    #[test]
    fn an_unknown_field_is_shown_in_its_line() {
        assert_eq!(
            refused("(\n    env: Pole,\n    strategy: OpenEs(sgima: 0.05),\n)\n"),
            "configs/ant.ron:3:22: unknown field 'sgima' in OpenEs (valid: population, sigma)
  3 |     strategy: OpenEs(sgima: 0.05),
    |                      ^"
        );
    }

    #[test]
    fn an_unknown_variant_is_named_by_its_field() {
        assert_eq!(
            refused("(\n    env: Antt(),\n    strategy: OpenEs(),\n)\n"),
            "configs/ant.ron:2:10: unknown env 'Antt' (valid: Ant, Pole)
  2 |     env: Antt(),
    |          ^"
        );
    }

    #[test]
    fn a_wrong_type_points_at_the_value() {
        let text = refused("(\n    env: Pole,\n    strategy: OpenEs(population: \"big\"),\n)\n");
        assert_eq!(
            text,
            "configs/ant.ron:3:34: expected integer
  3 |     strategy: OpenEs(population: \"big\"),
    |                                  ^"
        );
    }

    #[test]
    fn missing_and_repeated_fields_are_named() {
        assert!(refused("(env: Pole)").contains("missing field 'strategy' in Config"));
        let twice = refused("(env: Pole, strategy: OpenEs(sigma: 1, sigma: 2))");
        assert!(twice.contains("field 'sigma' is given twice in OpenEs"), "{twice}");
    }

    #[test]
    fn a_missing_bracket_gives_a_hint() {
        let text = refused("(\n    env: Ant(healthy_z: (0.3, 0.9),\n    strategy: OpenEs(),\n)\n");
        assert!(text.contains(":3:5: unknown field 'strategy' in Ant"), "{text}");
        assert!(
            text.ends_with("hint: the brackets do not balance: a ')' is missing, perhaps just before line 3"),
            "{text}"
        );
        assert!(!refused("(env: Antt, strategy: OpenEs(), run: (note: \"(\"))").contains("hint"));
        let crossed = refused("(env: Pole, strategy: [OpenEs()))");
        assert!(crossed.ends_with("hint: '[' is closed by ')' on line 1"), "{crossed}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_shown_in_their_line() {
        for (word, shown) in [("NaN", "NaN"), ("inf", "inf"), ("1e999", "inf"), ("1e39", "inf")] {
            let text = refused(&format!("(\n    env: Pole,\n    strategy: OpenEs(sigma: {word}),\n)\n"));
            let expected = format!(
                "configs/ant.ron:3:29: strategy.OpenEs.sigma: {shown} is not a finite number
  3 |     strategy: OpenEs(sigma: {word}),
    |                             ^"
            );
            assert_eq!(text, expected);
        }
        assert!(to_text(&f32::NAN).is_err());
    }

    #[test]
    fn a_missing_file_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let missing = |name: &str| find_in(root, Path::new(name)).unwrap_err().to_string();
        assert!(missing("a.ron").ends_with("(there are no configs under configs/)"));
        std::fs::create_dir(root.join("configs")).unwrap();
        for name in ["b.ron", "a.ron", "notes.txt"] {
            std::fs::write(root.join("configs").join(name), GOOD).unwrap();
        }
        assert_eq!(find_in(root, Path::new("b.ron")).unwrap(), root.join("configs/b.ron"));
        let root_text = root.display();
        assert_eq!(
            missing("c.ron"),
            format!(
                "no config 'c.ron': looked for {root_text}/c.ron and {root_text}/configs/c.ron \
                 (configs there: a.ron, b.ron)"
            )
        );
        let error = read::<Config>(&root.join("configs")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read config"), "{error}");
    }

    #[test]
    fn a_base_is_patched_by_the_rest_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("good.ron", GOOD);
        let patched: Config =
            read(&write("p.ron", "(base: \"good.ron\", strategy: (population: 8), run: (name: \"x\"))"))
                .unwrap();
        assert_eq!(patched.strategy, Strategy::OpenEs(OpenEs { population: 8, sigma: 0.1 }));
        assert_eq!(patched.run, Run { seed: 3, name: "x".to_owned(), note: Some("a (b".to_owned()) });
        assert_eq!(patched.env, Env::Ant(Ant { healthy_z: Some((0.3, 0.9)) }));

        let refused = |text: &str| {
            let path = write("q.ron", text);
            let error = read::<Config>(&path).unwrap_err().to_string();
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(
            refused("(\n    base: \"good.ron\",\n    strategy: OpenEs(sgima: 1),\n)"),
            "q.ron:3:22: unknown field 'sgima' in OpenEs (valid: population, sigma)
  3 |     strategy: OpenEs(sgima: 1),
    |                      ^"
        );
        assert_eq!(
            refused("(base: \"good.ron\", strategy: (sigma: big))"),
            "q.ron:1:38: at strategy.OpenEs.sigma: invalid type: string \"big\", expected f32
  1 | (base: \"good.ron\", strategy: (sigma: big))
    |                                      ^"
        );
        assert!(refused("(base: \"p.ron\")").starts_with("p.ron:1:8: a base may not name a base itself"));
        assert!(refused("(base: \"none.ron\")").starts_with("q.ron:1:8: no config 'none.ron': looked for"));
    }
}
