//! The words of RON: white space and comments, names, numbers, strings and characters.

use serde_json::{Number, Value};

use super::error::SyntaxError;

/// A place in a text.
pub(super) struct Scanner<'a> {
    pub text: &'a str,
    /// Byte offset.
    pub at: usize,
}

impl<'a> Scanner<'a> {
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes one character.
    pub fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn starts_with(&self, starts: &[&str]) -> bool {
        starts.iter().any(|start| self.rest().starts_with(start))
    }

    pub fn error(&self, offset: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset, path: String::new(), message: message.into(), non_finite: false }
    }

    pub fn fail<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(self.error(self.at, message))
    }

    pub fn not_finite(&self, offset: usize, word: &str) -> SyntaxError {
        SyntaxError { non_finite: true, ..self.error(offset, format!("{word} is not a finite number")) }
    }

    /// Skips white space and comments; block comments nest.
    pub fn space(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let white = |c: char| c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}');
            let trimmed = rest.trim_start_matches(white);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn block_comment(&mut self) -> Result<(), SyntaxError> {
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if self.next().is_none() {
                return Err(self.error(start, "this comment is never closed"));
            }
        }
    }

    /// Whether a string or a character begins here, raw ones and those of bytes included.
    pub fn at_literal(&self) -> bool {
        let raw = self.rest().strip_prefix('r').map(|rest| rest.trim_start_matches('#'));
        self.starts_with(&["\"", "'", "b\"", "b'", "br\"", "br#"])
            || raw.is_some_and(|rest| rest.starts_with('"'))
    }

    /// The text of a string or a character.
    pub fn literal(&mut self) -> Result<String, SyntaxError> {
        match self.peek() {
            Some('"') => self.string(),
            Some('\'') => self.character(),
            Some('r') => self.raw_string(),
            _ => self.fail("strings of bytes are not supported; text is written as \"...\""),
        }
    }

    /// A name; `r#name` is one, too.
    pub fn word(&mut self) -> Option<&'a str> {
        let raw = self.rest().strip_prefix("r#");
        let rest = raw.unwrap_or(self.rest());
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) || self.at_literal() {
            return None;
        }
        self.at += end + if raw.is_some() { 2 } else { 0 };
        Some(&rest[..end])
    }

    pub fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')))
            .unwrap_or(rest.len());
        self.at += end;
        let word = &rest[..end];
        let plain = word.replace('_', "");
        let plain = plain.strip_prefix('+').unwrap_or(&plain);
        if matches!(plain, "inf" | "-inf" | "NaN" | "-NaN") {
            return Err(self.not_finite(start, word));
        }
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
        let (radix, digits) = match digits.split_at_checked(2) {
            Some(("0x", digits)) => (16, digits),
            Some(("0b", digits)) => (2, digits),
            Some(("0o", digits)) => (8, digits),
            _ => (10, digits),
        };
        // A second sign would be read as one, too.
        if digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let signed = format!("{sign}{digits}");
            let natural = u64::from_str_radix(&signed, radix).map(Number::from);
            let whole = natural.or_else(|_| i64::from_str_radix(&signed, radix).map(Number::from));
            // -0 is a float: as a whole number it would lose its sign.
            if let Ok(number) = whole
                && (sign.is_empty() || number.as_i64() != Some(0))
            {
                return Ok(Value::Number(number));
            }
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
            match self.next() {
                None => return Err(self.error(start, "this string is never closed")),
                Some('"') => return Ok(out),
                // A backslash at the end of a line: the text goes on where the next one begins.
                Some('\\') if self.starts_with(&["\n", "\r\n"]) => {
                    let rest = self.rest();
                    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
                    self.at += rest.len() - rest.trim_start_matches(white).len();
                }
                Some('\\') => out.push(self.escape()?),
                Some(c) => out.push(c),
            }
        }
    }

    /// `r"..."` or `r#"..."#`, with any number of `#`, and without escapes.
    fn raw_string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let rest = &self.rest()[1..];
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", &rest[..hashes]);
        let text = &rest[hashes + 1..];
        match text.split_once(&end) {
            Some((text, _)) => {
                self.at += 1 + hashes + 1 + text.len() + end.len();
                Ok(text.to_owned())
            }
            None => Err(self.error(start, format!("this string is never closed by {end}"))),
        }
    }

    fn character(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let c = match self.next() {
            Some('\\') => Some(self.escape()?),
            c => c,
        };
        match (c, self.next()) {
            (Some(c), Some('\'')) => Ok(c.to_string()),
            _ => Err(self.error(start, "this character is never closed")),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at - 1;
        match self.next() {
            None => Err(self.error(start, "unfinished escape")),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('0') => Ok('\0'),
            Some(c @ ('\\' | '"' | '\'')) => Ok(c),
            Some('x') => self.bytes(start),
            Some('u') => {
                let code = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let digits = code.map(|(digits, _)| digits).filter(|digits| (1..=6).contains(&digits.len()));
                let Some(digits) = digits.filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
                else {
                    return Err(self.error(start, "expected \\u{...} with one to six hexadecimal digits"));
                };
                self.at += digits.len() + 2;
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                code.ok_or_else(|| self.error(start, "no such character"))
            }
            Some(c) => Err(self.error(start, format!("unknown escape '\\{c}'"))),
        }
    }

    /// What follows `\x`: two hexadecimal digits, and more such escapes until they are a character in UTF-8.
    fn bytes(&mut self, start: usize) -> Result<char, SyntaxError> {
        let mut bytes = Vec::new();
        loop {
            let digits = self.rest().get(..2).filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let byte = byte.ok_or_else(|| self.error(start, "expected \\x and two hexadecimal digits"))?;
            self.at += 2;
            bytes.push(byte);
            if let Some(c) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()) {
                return Ok(c);
            }
            if bytes.len() == 4 || !self.rest().starts_with("\\x") {
                return Err(self.error(start, "these bytes are no character in UTF-8"));
            }
            self.at += 2;
        }
    }
}
