//! RON text as plain data, with the place of every value: the one reader of configs, sweeps and `--set`.
//!
//! `ron::Value` cannot hold enum variants, but patching (`--set`, `base:`) needs exactly these. Here
//! `Variant(a: 1)` becomes `{"Variant": {"a": 1}}`, the shape in which serde writes enums as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::SyntaxError;
use super::scan::Scanner;

/// How deep values may be nested: far more than any config is, and far less than fits on the stack.
pub const MAX_DEPTH: usize = 128;

/// Bytes of all values' paths: a value deep below long names has a path that is far longer than itself.
const MAX_PATHS: usize = 128 << 20;

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

/// Parses one RON value that fills the whole text.
///
/// Bare words other than `true`, `false` and `None` become strings, as unit variants do in JSON.
///
/// # Errors
/// Malformed text, a field given twice, values nested deeper than [`MAX_DEPTH`], and numbers that are not finite.
pub fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let scan = Scanner { text, at: 0 };
    let mut parser = Parser { scan, path: String::new(), places: BTreeMap::new(), kept: 0, depth: 0 };
    match parser.whole() {
        Ok(value) => Ok(Parsed { value, places: parser.places }),
        // The path is left where reading stopped.
        Err(error) => Err(SyntaxError { path: parser.path, ..error }),
    }
}

/// Name and content of an enum variant with content; none if it is something else.
#[must_use]
pub fn variant(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| is_variant(map))?;
    map.iter().next().map(|(name, inner)| (name.as_str(), inner))
}

/// Whether this is an enum variant with content: one key that starts with a capital.
pub(super) fn is_variant(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key.starts_with(|c: char| c.is_ascii_uppercase()))
}

struct Parser<'a> {
    scan: Scanner<'a>,
    path: String,
    places: BTreeMap<String, Place>,
    /// Bytes of the paths of all values so far.
    kept: usize,
    /// Values that contain the current one.
    depth: usize,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Value, SyntaxError> {
        self.skip_attributes()?;
        let value = self.value()?;
        self.scan.space()?;
        if self.scan.at < self.scan.text.len() {
            return self.scan.fail("unexpected text after the value");
        }
        Ok(value)
    }

    fn eat(&mut self, c: char) -> Result<bool, SyntaxError> {
        self.scan.space()?;
        let hit = self.scan.peek() == Some(c);
        if hit {
            self.scan.at += c.len_utf8();
        }
        Ok(hit)
    }

    /// Skips `#![enable(...)]`; our extensions are always on.
    fn skip_attributes(&mut self) -> Result<(), SyntaxError> {
        self.scan.space()?;
        while self.scan.rest().starts_with("#!") {
            match self.scan.rest().find(']') {
                Some(end) => self.scan.at += end + 1,
                None => return self.scan.fail("this attribute is never closed"),
            }
            self.scan.space()?;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        self.scan.space()?;
        if self.depth > MAX_DEPTH {
            return self.scan.fail(format!("values are nested more than {MAX_DEPTH} deep"));
        }
        self.depth += 1;
        let value = self.inner();
        self.depth -= 1;
        value
    }

    fn inner(&mut self) -> Result<Value, SyntaxError> {
        let start = self.scan.at;
        if self.scan.at_literal() {
            return self.scan.literal().map(Value::String);
        }
        match self.scan.peek() {
            None => self.scan.fail("a value is missing"),
            Some('[') => {
                self.scan.at += 1;
                Ok(Value::Array(self.list(']')?.0))
            }
            Some('{') => {
                self.scan.at += 1;
                self.map()
            }
            Some('(') => {
                self.scan.at += 1;
                self.body(false)
            }
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => self.scan.number(),
            Some(_) => {
                let Some(word) = self.scan.word() else {
                    return self.scan.fail("expected a value");
                };
                match word {
                    "true" => Ok(Value::Bool(true)),
                    "false" => Ok(Value::Bool(false)),
                    "None" => Ok(Value::Null),
                    "NaN" | "inf" => Err(self.scan.not_finite(start, word)),
                    _ => self.variant(word),
                }
            }
        }
    }

    /// What follows a variant's name.
    fn variant(&mut self, name: &str) -> Result<Value, SyntaxError> {
        if !self.eat('(')? {
            return Ok(Value::String(name.to_owned()));
        }
        if name == "Some" {
            let value = self.value()?;
            self.eat(',')?;
            return if self.eat(')')? { Ok(value) } else { self.scan.fail("expected ')'") };
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
        let start = self.scan.at;
        let named = self.scan.word().is_some() && self.eat(':')?;
        self.scan.at = start;
        if named {
            return self.fields();
        }
        let (mut values, comma) = self.list(')')?;
        // As in Rust, `(x)` is x itself, `(x,)` is a list of one, and `Variant(x,)` holds x.
        Ok(if values.len() == 1 && (variant || !comma) { values.remove(0) } else { Value::Array(values) })
    }

    fn fields(&mut self) -> Result<Value, SyntaxError> {
        let mut fields = Map::new();
        loop {
            if self.eat(')')? {
                return Ok(Value::Object(fields));
            }
            let key = self.scan.at;
            let Some(name) = self.scan.word() else {
                return self.scan.fail("expected a field name or ')'");
            };
            if !self.eat(':')? {
                return self.scan.fail(format!("expected ':' after '{name}'"));
            }
            let length = self.push_field(name);
            let value = self.placed(key)?;
            self.path.truncate(length);
            if fields.insert(name.to_owned(), value).is_some() {
                return Err(self.scan.error(key, format!("field '{name}' is given twice")));
            }
            if !self.eat(',')? {
                return if self.eat(')')? {
                    Ok(Value::Object(fields))
                } else {
                    self.scan.fail("expected ',' or ')'")
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
            let start = self.scan.at;
            let key = match self.value()? {
                Value::String(key) => key,
                Value::Number(key) => key.to_string(),
                _ => return Err(self.scan.error(start, "a key must be a string or a number")),
            };
            if !self.eat(':')? {
                return self.scan.fail("expected ':' after the key");
            }
            let length = self.push_field(&key);
            let value = self.placed(start)?;
            self.path.truncate(length);
            if entries.insert(key.clone(), value).is_some() {
                return Err(self.scan.error(start, format!("key '{key}' is given twice")));
            }
            if !self.eat(',')? {
                return if self.eat('}')? {
                    Ok(Value::Object(entries))
                } else {
                    self.scan.fail("expected ',' or '}'")
                };
            }
        }
    }

    /// Values up to `close`, and whether a comma stands after the last one.
    fn list(&mut self, close: char) -> Result<(Vec<Value>, bool), SyntaxError> {
        let mut values = Vec::new();
        loop {
            if self.eat(close)? {
                let comma = !values.is_empty();
                return Ok((values, comma));
            }
            let length = self.path.len();
            self.path.push_str(&format!("[{}]", values.len()));
            values.push(self.placed(self.scan.at)?);
            self.path.truncate(length);
            if !self.eat(',')? {
                return if self.eat(close)? {
                    Ok((values, false))
                } else {
                    self.scan.fail(format!("expected ',' or '{close}'"))
                };
            }
        }
    }

    /// A nested value whose place is noted under the current path.
    fn placed(&mut self, key: usize) -> Result<Value, SyntaxError> {
        self.scan.space()?;
        self.kept += self.path.len();
        if self.kept > MAX_PATHS {
            return self.scan.fail("too many values with long names above them");
        }
        self.places.insert(self.path.clone(), Place { key, value: self.scan.at });
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
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn values_below_long_names_do_not_fill_the_memory() {
        let text = format!("({}: [{}])", "a".repeat(100_000), "1,".repeat(50_000));
        assert!(parse(&text).unwrap_err().to_string().contains("too many values with long names"));
    }

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
        assert_eq!(value(r#""\x41\xc3\xa4\u{1F600}\0""#), json!("Aä😀\0"));
        assert_eq!(value("r\"a\\n\""), json!("a\\n"));
        assert_eq!(value("r##\"a\"#b\"##"), json!("a\"#b"));
        assert_eq!(value("[r, r#r, r (r: 1), R]"), json!(["r", "r", {"r": {"r": 1}}, "R"]));
        assert_eq!(
            value("[-0x1F, +5, 0o17, 0b1_1, .5, 5., 1_0.2_5]"),
            json!([-31, 5, 15, 3, 0.5, 5.0, 10.25])
        );
        assert!(value("-0").as_f64().is_some_and(f64::is_sign_negative));
        assert_eq!(value("[(1), (1,), A(1), A(1,)]"), json!([1, [1], {"A": 1}, {"A": 1}]));
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
            ("r#\"a\"", 0, "this string is never closed by \"#"),
            ("'ab'", 0, "this character is never closed"),
            ("[b'a']", 1, "strings of bytes are not supported; text is written as \"...\""),
            ("\"\\x4\"", 1, "expected \\x and two hexadecimal digits"),
            ("\"\\xff\"", 1, "these bytes are no character in UTF-8"),
            ("\"\\u{+41}\"", 1, "expected \\u{...} with one to six hexadecimal digits"),
            ("--5", 0, "'--5' is not a number"),
            ("0x", 0, "'0x' is not a number"),
            ("0x-5", 0, "'0x-5' is not a number"),
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
