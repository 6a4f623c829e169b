//! Text of a model → tokens.

use std::fmt;

use super::error::{EquationError, Position};

/// Longest text of a model, in bytes.
const MAX_TEXT: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Number(f64),
    /// A text in double quotes.
    Text(String),
    Sign(&'static str),
    Newline,
    End,
}

impl TokenKind {
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(other) if *other == sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(other) if other == word)
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Number(value) => write!(f, "the number {value}"),
            Self::Text(_) => f.write_str("a text in quotes"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::Newline => f.write_str("the end of the line"),
            Self::End => f.write_str("the end of the text"),
        }
    }
}

/// Longer ones first.
const SIGNS: [&str; 20] =
    ["<=", ">=", "==", "!=", "<", ">", "=", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", ":", ";", "\n"];

/// The tokens of `text`; the last is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, EquationError> {
    if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes; at most {MAX_TEXT}", text.len());
        return Err(Position::START.error(message));
    }
    let mut lexer = Lexer { rest: text, at: Position::START };
    let mut tokens = Vec::new();
    loop {
        lexer.skip();
        let at = lexer.at;
        let Some(kind) = lexer.token()? else {
            tokens.push(Token { kind: TokenKind::End, at });
            return Ok(tokens);
        };
        tokens.push(Token { kind, at });
    }
}

struct Lexer<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Lexer<'a> {
    /// Takes the first `bytes` bytes, which end at a character and hold no line break but as last.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        match taken.ends_with('\n') {
            true => self.at = Position { line: self.at.line + 1, column: 1 },
            // The text has at most 64 KiB.
            false => self.at.column += taken.chars().count() as u32,
        }
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let bytes = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.advance(bytes)
    }

    /// Skips blanks and comments.
    fn skip(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
        if self.rest.starts_with('#') {
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Option<TokenKind>, EquationError> {
        let at = self.at;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(Some(TokenKind::Word(word.to_owned())));
        }
        if first.is_ascii_digit() || first == '.' {
            return self.number(at).map(Some);
        }
        if first == '"' {
            self.advance(1);
            let text = self.take_while(|c| c != '"' && c != '\n').to_owned();
            if !self.rest.starts_with('"') {
                return Err(at.error("the text in quotes is not closed in this line"));
            }
            self.advance(1);
            return Ok(Some(TokenKind::Text(text)));
        }
        let Some(sign) = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) else {
            return Err(at.error(format!("the character {first:?} has no meaning here")));
        };
        self.advance(sign.len());
        Ok(Some(if sign == "\n" { TokenKind::Newline } else { TokenKind::Sign(sign) }))
    }

    fn number(&mut self, at: Position) -> Result<TokenKind, EquationError> {
        let start = self.rest;
        self.take_while(|c| c.is_ascii_digit() || c == '.');
        if self.rest.starts_with(['e', 'E']) {
            self.advance(1);
            if self.rest.starts_with(['+', '-']) {
                self.advance(1);
            }
        }
        // What belongs to no number makes it invalid instead of starting a new word.
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let text = &start[..start.len() - self.rest.len()];
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(TokenKind::Number(value)),
            Ok(_) => Err(at.error(format!("the number {text} is too large"))),
            Err(_) => {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '_');
                let hint = match digits.parse::<f64>() {
                    Ok(_) => format!("; to multiply, write `{digits}*{}`", &text[digits.len()..]),
                    Err(_) => String::new(),
                };
                Err(at.error(format!("`{text}` is not a number{hint}")))
            }
        }
    }
}
