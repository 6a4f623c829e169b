//! RON text as plain data, with the place of every value.
//!
//! `ron::Value` cannot hold enum variants, but patching (`--set`, `base:`) needs exactly these. Here
//! `Variant(a: 1)` becomes `{"Variant": {"a": 1}}`, the shape in which serde writes enums as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

/// Where a value stands in the text, as byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Start of the field's name (of the value itself in a list).
    pub key: usize,
    /// Start of the value.
    pub value: usize,
}

/// Parsed text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The value as JSON data.
    pub value: Value,
    /// Place of every nested value by its path, e.g. `strategy.OpenEs.sigma` or `hidden[0]`.
    pub places: BTreeMap<String, Place>,
}

/// Why text is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Byte offset of the problem.
    pub offset: usize,
    /// Path of the value that was being read; empty at the top.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// Whether the problem is a number that is not finite (and not the syntax).
    pub non_finite: bool,
}

/// Parses one RON value that fills the whole text.
///
/// Bare words other than `true`, `false` and `None` become strings, as unit variants do in JSON.
///
/// # Errors
/// Malformed text, a field given twice, and numbers that are not finite.
pub fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let mut parser = Parser { text, at: 0, path: String::new(), places: BTreeMap::new() };
    parser.skip_attributes()?;
    let value = parser.value()?;
    parser.space()?;
    if parser.at < text.len() {
        return parser.fail("unexpected text after the value");
    }
    Ok(Parsed { value, places: parser.places })
}

/// Whether this is an enum variant with content: one key that starts with a capital.
pub(super) fn is_variant(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key.starts_with(|c: char| c.is_ascii_uppercase()))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: String,
    places: BTreeMap<String, Place>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset, path: self.path.clone(), message: message.into(), non_finite: false }
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(self.error(self.at, message))
    }

    fn not_finite(&self, offset: usize, word: &str) -> SyntaxError {
        SyntaxError { non_finite: true, ..self.error(offset, format!("{word} is not a finite number")) }
    }

    /// Skips white space and comments (block comments nest, as in RON).
    fn space(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let start = self.at;
                let mut depth = 0usize;
                loop {
                    let rest = self.rest();
                    if rest.starts_with("/*") {
                        depth += 1;
                        self.at += 2;
                    } else if rest.starts_with("*/") {
                        depth -= 1;
                        self.at += 2;
                        if depth == 0 {
                            break;
                        }
                    } else if let Some(c) = rest.chars().next() {
                        self.at += c.len_utf8();
                    } else {
                        return Err(self.error(start, "this comment is never closed"));
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    fn eat(&mut self, c: char) -> Result<bool, SyntaxError> {
        self.space()?;
        let hit = self.peek() == Some(c);
        if hit {
            self.at += c.len_utf8();
        }
        Ok(hit)
    }

    /// Skips `#![enable(...)]`; our extensions are always on.
    fn skip_attributes(&mut self) -> Result<(), SyntaxError> {
        self.space()?;
        while self.rest().starts_with("#!") {
            match self.rest().find(']') {
                Some(end) => self.at += end + 1,
                None => return self.fail("this attribute is never closed"),
            }
            self.space()?;
        }
        Ok(())
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        Some(&rest[..end])
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        self.space()?;
        let start = self.at;
        match self.peek() {
            None => self.fail("a value is missing"),
            Some('"') => Ok(Value::String(self.string()?)),
            Some('\'') => self.character(),
            Some('[') => {
                self.at += 1;
                Ok(Value::Array(self.list(']')?))
            }
            Some('{') => {
                self.at += 1;
                self.map()
            }
            Some('(') => {
                self.at += 1;
                self.body(false)
            }
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => self.number(),
            Some(_) => {
                let Some(word) = self.word() else {
                    return self.fail("expected a value");
                };
                match word {
                    "true" => Ok(Value::Bool(true)),
                    "false" => Ok(Value::Bool(false)),
                    "None" => Ok(Value::Null),
                    "NaN" | "inf" => Err(self.not_finite(start, word)),
                    "r" if self.rest().starts_with(['"', '#']) => {
                        Err(self.error(start, "raw strings are not supported here"))
                    }
                    _ => self.variant(word),
                }
            }
        }
    }

    /// What follows a variant's name.
    fn variant(&mut self, name: &str) -> Result<Value, SyntaxError> {
        if !self.rest().trim_start().starts_with('(') {
            return Ok(Value::String(name.to_owned()));
        }
        self.space()?;
        self.at += 1;
        if name == "Some" {
            let value = self.value()?;
            self.eat(',')?;
            return if self.eat(')')? { Ok(value) } else { self.fail("expected ')'") };
        }
        let length = self.push_field(name);
        let inner = self.body(true)?;
        self.path.truncate(length);
        Ok(Value::Object(Map::from_iter([(name.to_owned(), inner)])))
    }

    /// The inside of brackets: named fields, or values. Empty brackets are a struct without fields.
    fn body(&mut self, variant: bool) -> Result<Value, SyntaxError> {
        if self.eat(')')? {
            return Ok(Value::Object(Map::new()));
        }
        let start = self.at;
        let named = self.word().is_some() && self.eat(':')?;
        self.at = start;
        if named {
            return self.fields();
        }
        let mut values = self.list(')')?;
        // `Variant(x)` holds x itself, `(x,)` is a list of one.
        Ok(if variant && values.len() == 1 { values.remove(0) } else { Value::Array(values) })
    }

    fn fields(&mut self) -> Result<Value, SyntaxError> {
        let mut fields = Map::new();
        loop {
            if self.eat(')')? {
                return Ok(Value::Object(fields));
            }
            let key = self.at;
            let Some(name) = self.word() else {
                return self.fail("expected a field name or ')'");
            };
            if !self.eat(':')? {
                return self.fail(format!("expected ':' after '{name}'"));
            }
            let length = self.push_field(name);
            let value = self.placed(key)?;
            self.path.truncate(length);
            if fields.insert(name.to_owned(), value).is_some() {
                return Err(self.error(key, format!("field '{name}' is given twice")));
            }
            if !self.eat(',')? {
                return if self.eat(')')? {
                    Ok(Value::Object(fields))
                } else {
                    self.fail("expected ',' or ')'")
                };
            }
        }
    }

    fn map(&mut self) -> Result<Value, SyntaxError> {
        let mut entries = Map::new();
        loop {
            if self.eat('}')? {
                return Ok(Value::Object(entries));
            }
            let start = self.at;
            let key = match self.value()? {
                Value::String(key) => key,
                Value::Number(key) => key.to_string(),
                _ => return Err(self.error(start, "a key must be a string or a number")),
            };
            if !self.eat(':')? {
                return self.fail("expected ':' after the key");
            }
            let length = self.push_field(&key);
            let value = self.placed(start)?;
            self.path.truncate(length);
            if entries.insert(key.clone(), value).is_some() {
                return Err(self.error(start, format!("key '{key}' is given twice")));
            }
            if !self.eat(',')? {
                return if self.eat('}')? {
                    Ok(Value::Object(entries))
                } else {
                    self.fail("expected ',' or '}'")
                };
            }
        }
    }

    fn list(&mut self, close: char) -> Result<Vec<Value>, SyntaxError> {
        let mut values = Vec::new();
        loop {
            if self.eat(close)? {
                return Ok(values);
            }
            let length = self.path.len();
            self.path.push_str(&format!("[{}]", values.len()));
            values.push(self.placed(self.at)?);
            self.path.truncate(length);
            if !self.eat(',')? {
                return if self.eat(close)? {
                    Ok(values)
                } else {
                    self.fail(format!("expected ',' or '{close}'"))
                };
            }
        }
    }

    /// A nested value whose place is noted under the current path.
    fn placed(&mut self, key: usize) -> Result<Value, SyntaxError> {
        self.space()?;
        self.places.insert(self.path.clone(), Place { key, value: self.at });
        self.value()
    }

    fn push_field(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        length
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        let plain = word.replace('_', "");
        let plain = plain.strip_prefix('+').unwrap_or(&plain);
        if matches!(plain, "inf" | "-inf" | "NaN" | "-NaN") {
            return Err(self.not_finite(start, word));
        }
        let integer = match plain.split_at_checked(2) {
            Some(("0x", digits)) => u64::from_str_radix(digits, 16).ok(),
            Some(("0b", digits)) => u64::from_str_radix(digits, 2).ok(),
            Some(("0o", digits)) => u64::from_str_radix(digits, 8).ok(),
            _ => plain.parse().ok(),
        };
        if let Some(n) = integer {
            return Ok(Value::from(n));
        }
        if let Ok(n) = plain.parse::<i64>() {
            return Ok(Value::from(n));
        }
        match plain.parse::<f64>() {
            // `1e` or `5s` are no numbers; nor are the words that std would accept ("infinity").
            Ok(x) if plain.contains(|c: char| c.is_ascii_digit()) => match Number::from_f64(x) {
                Some(number) => Ok(Value::Number(number)),
                None => Err(self.not_finite(start, word)),
            },
            _ => Err(self.error(start, format!("'{word}' is not a number"))),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.error(start, "this string is never closed"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c => out.push(c),
            }
        }
    }

    fn character(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let c = match self.peek() {
            Some('\\') => {
                self.at += 1;
                self.escape()?
            }
            Some(c) => {
                self.at += c.len_utf8();
                c
            }
            None => return Err(self.error(start, "this character is never closed")),
        };
        if self.rest().starts_with('\'') {
            self.at += 1;
            Ok(Value::String(c.to_string()))
        } else {
            Err(self.error(start, "this character is never closed"))
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at - 1;
        let Some(c) = self.peek() else {
            return Err(self.error(start, "unfinished escape"));
        };
        self.at += c.len_utf8();
        match c {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            '0' => Ok('\0'),
            '\\' | '"' | '\'' => Ok(c),
            'u' => {
                let code = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let Some((digits, _)) = code else {
                    return Err(self.error(start, "expected \\u{...}"));
                };
                self.at += digits.len() + 2;
                u32::from_str_radix(digits, 16)
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or_else(|| self.error(start, "no such character"))
            }
            _ => Err(self.error(start, format!("unknown escape '\\{c}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        parse(text).unwrap().value
    }

    #[test]
    fn values_have_the_shape_that_serde_gives_them_in_json() {
        assert_eq!(value("0.1"), json!(0.1));
        assert_eq!(value("1e-2"), json!(0.01));
        assert_eq!(value("-3"), json!(-3));
        assert_eq!(value("0x1F"), json!(31));
        assert_eq!(value("1_000"), json!(1000));
        assert_eq!(value("18446744073709551615"), json!(u64::MAX));
        assert_eq!(value("true"), json!(true));
        assert_eq!(value("None"), json!(null));
        assert_eq!(value("Some(4)"), json!(4));
        assert_eq!(value("(0.3, 0.9)"), json!([0.3, 0.9]));
        assert_eq!(value("[1, 2,]"), json!([1, 2]));
        assert_eq!(value("CartPole"), json!("CartPole"));
        assert_eq!(value("CartPole()"), json!({"CartPole": {}}));
        assert_eq!(
            value("Adam(rate: 0.1, /* x */ beta: (0.9, 0.99))"),
            json!({"Adam": {"rate": 0.1, "beta": [0.9, 0.99]}})
        );
        assert_eq!(value("Fixed(3)"), json!({"Fixed": 3}));
        assert_eq!(value("{\"a\": 1, \"b\": 2.5}"), json!({"a": 1, "b": 2.5}));
        assert_eq!(value("\"a \\\"b\\\" \\u{e4}\\n\""), json!("a \"b\" ä\n"));
        assert_eq!(value("'x'"), json!("x"));
        assert_eq!(
            value("#![enable(implicit_some)]\n// head\n(a: [R(n: 1), R(n: 2)])"),
            json!({"a": [{"R": {"n": 1}}, {"R": {"n": 2}}]})
        );
    }

    #[test]
    fn places_are_found_by_path() {
        let text = "(es: OpenEs(sigma: 0.5), hidden: [L(n: 3)])";
        let parsed = parse(text).unwrap();
        let at = |path: &str| {
            let place = parsed.places[path];
            (&text[place.key..place.key + 1], &text[place.value..place.value + 1])
        };
        assert_eq!(at("es.OpenEs.sigma"), ("s", "0"));
        assert_eq!(at("hidden[0].L.n"), ("n", "3"));
    }

    #[test]
    fn malformed_text_says_what_is_wrong_and_where() {
        for (text, offset, message) in [
            ("", 0, "a value is missing"),
            ("(a: 1", 5, "expected ',' or ')'"),
            ("(a 1, b: 2)", 1, "expected ',' or ')'"),
            ("[1 2]", 3, "expected ',' or ']'"),
            ("(a: 1, a: 2)", 7, "field 'a' is given twice"),
            ("\"abc", 0, "this string is never closed"),
            ("5s", 0, "'5s' is not a number"),
            ("1 2", 2, "unexpected text after the value"),
            ("/* x", 0, "this comment is never closed"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.non_finite);
            if text != "(a 1, b: 2)" {
                assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
            } else {
                assert_eq!(error.message, message, "{text}");
            }
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_named_by_path() {
        for text in ["NaN", "inf", "-inf", "+inf", "1e999"] {
            let error = parse(&format!("(es: OpenEs(lr: [1, {text}]))")).unwrap_err();
            assert!(error.non_finite, "{text}");
            assert_eq!(error.path, "es.OpenEs.lr[1]");
            assert_eq!(error.message, format!("{text} is not a finite number"));
        }
    }
}
