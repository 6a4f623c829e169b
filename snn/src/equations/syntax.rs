//! Text of a model → lines with expressions. Knows the grammar, not the names.

use super::error::{EquationError, Position};
use super::lexer::{Token, TokenKind, tokens};

/// Deepest nesting of an expression in the text.
const MAX_NESTING: u32 = 64;
/// Deepest expression tree: `a + b + c + …` is a tree as deep as it has terms.
const MAX_DEPTH: u16 = 256;

#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) at: Position,
    depth: u16,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Number(f64),
    Symbol(String),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: Position,
}

#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) name: Name,
    pub(super) value: Expression,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct End {
    pub(super) value: f64,
    pub(super) open: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Line {
    Model { name: Name, summary: String },
    Source(String),
    Param { name: Name, default: Signed, range: Option<(End, End)>, evolve: Option<Name>, meaning: String },
    State { name: Name, start: Expression, meaning: String },
    Let(Assignment),
    Assign(Assignment),
    Spike { at: Position, condition: Expression },
    Reset { name: Name, assignments: Vec<Assignment> },
}

/// A number with its sign, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed {
    pub(super) value: f64,
    pub(super) at: Position,
}

/// The lines of `text`, empty ones left out.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, EquationError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, nesting: 0, parentheses: 0 };
    let mut lines = Vec::new();
    loop {
        while parser.eat(&TokenKind::Newline) {}
        if parser.peek().kind == TokenKind::End {
            return Ok(lines);
        }
        lines.push(parser.line()?);
        let token = parser.peek();
        if !matches!(token.kind, TokenKind::Newline | TokenKind::End) {
            let at = token.at;
            return Err(at.error(format!("expected the end of the line, found {}", token.kind)));
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    nesting: u32,
    /// Open parentheses: line breaks inside them mean nothing.
    parentheses: u32,
}

impl Parser {
    /// The next token; the last token is `End` and stays.
    fn peek(&mut self) -> &Token {
        while self.parentheses > 0 && self.tokens[self.next].kind == TokenKind::Newline {
            self.next += 1;
        }
        &self.tokens[self.next]
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        if token.kind != TokenKind::End {
            self.next += 1;
        }
        token
    }

    fn eat(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().kind == *kind;
        if found {
            self.next += 1;
        }
        found
    }

    fn eat_sign(&mut self, sign: &str) -> bool {
        let found = self.peek().kind.is_sign(sign);
        if found {
            self.next += 1;
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek().kind.is_word(word);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect(&mut self, sign: &str, place: &str) -> Result<(), EquationError> {
        if self.eat_sign(sign) {
            return Ok(());
        }
        let token = self.peek();
        Err(token.at.error(format!("expected `{sign}` {place}, found {}", token.kind)))
    }

    fn name(&mut self, what: &str) -> Result<Name, EquationError> {
        let token = self.take();
        match token.kind {
            TokenKind::Word(text) => Ok(Name { text, at: token.at }),
            kind => Err(token.at.error(format!("expected {what}, found {kind}"))),
        }
    }

    /// A text in quotes; empty if there is none.
    fn meaning(&mut self) -> String {
        match &self.peek().kind {
            TokenKind::Text(text) => {
                let text = text.clone();
                self.next += 1;
                text
            }
            _ => String::new(),
        }
    }

    fn line(&mut self) -> Result<Line, EquationError> {
        let first = self.peek().clone();
        let followed_by_assignment =
            self.tokens.get(self.next + 1).is_some_and(|token| token.kind.is_sign("="));
        let TokenKind::Word(word) = &first.kind else {
            return Err(first.at.error(format!("a line cannot start with {}; {STARTS}", first.kind)));
        };
        if followed_by_assignment {
            return Ok(Line::Assign(self.assignment()?));
        }
        self.next += 1;
        match word.as_str() {
            "model" => Ok(Line::Model { name: self.name("the name of the model")?, summary: self.meaning() }),
            "source" => {
                let token = self.peek().clone();
                match self.meaning() {
                    text if text.is_empty() => {
                        Err(token.at.error("expected a text in quotes after `source`"))
                    }
                    text => Ok(Line::Source(text)),
                }
            }
            "param" => self.param(),
            "state" => {
                let name = self.name("the name of a state")?;
                self.expect("=", "and the start value of the state")?;
                Ok(Line::State { name, start: self.expression()?, meaning: self.meaning() })
            }
            "let" => Ok(Line::Let(self.assignment()?)),
            "spike" => Ok(Line::Spike { at: first.at, condition: self.expression()? }),
            "reset" => {
                let name = self.name("the name of this kind of reset, as in `reset zero: v = 0`")?;
                self.expect(":", "after the name of the reset, as in `reset zero: v = 0`")?;
                let mut assignments = vec![self.assignment()?];
                while self.eat_sign(";") {
                    assignments.push(self.assignment()?);
                }
                Ok(Line::Reset { name, assignments })
            }
            word => Err(first.at.error(format!("`{word}` does not start a line; {STARTS}"))),
        }
    }

    fn assignment(&mut self) -> Result<Assignment, EquationError> {
        let name = self.name("a name to assign to")?;
        self.expect("=", &format!("after `{}`", name.text))?;
        Ok(Assignment { name, value: self.expression()? })
    }

    fn param(&mut self) -> Result<Line, EquationError> {
        let name = self.name("the name of a parameter")?;
        self.expect("=", "and the default of the parameter")?;
        let default = self.signed(false)?;
        let mut range = None;
        if self.eat_word("in") {
            let low_open = self.bracket("(", "[", "a range such as `[0, 1]` or `(0, inf)`")?;
            let low = self.signed(true)?;
            self.expect(",", "between the ends of the range")?;
            let high = self.signed(true)?;
            let high_open = self.bracket(")", "]", "the end of the range")?;
            if low.value >= high.value {
                return Err(low.at.error("the range is empty: its low end must be below its high end"));
            }
            let low = End { value: low.value, open: low_open || low.value.is_infinite() };
            let high = End { value: high.value, open: high_open || high.value.is_infinite() };
            range = Some((low, high));
        }
        let evolve = match self.eat_word("evolve") {
            true => Some(self.name("`layer` or `neuron`")?),
            false => None,
        };
        Ok(Line::Param { name, default, range, evolve, meaning: self.meaning() })
    }

    /// Whether the bracket is the open one.
    fn bracket(&mut self, open: &str, closed: &str, what: &str) -> Result<bool, EquationError> {
        if self.eat_sign(open) {
            return Ok(true);
        }
        if self.eat_sign(closed) {
            return Ok(false);
        }
        let token = self.peek();
        Err(token.at.error(format!("expected {what}, found {}", token.kind)))
    }

    fn signed(&mut self, infinite: bool) -> Result<Signed, EquationError> {
        let at = self.peek().at;
        let sign = if self.eat_sign("-") { -1.0 } else { 1.0 };
        let token = self.take();
        match token.kind {
            TokenKind::Number(value) => Ok(Signed { value: sign * value, at }),
            TokenKind::Word(word) if infinite && word == "inf" => {
                Ok(Signed { value: sign * f64::INFINITY, at })
            }
            kind => {
                let or = if infinite { " or `inf`" } else { "" };
                Err(token.at.error(format!("expected a number{or}, found {kind}")))
            }
        }
    }

    /// Checks the depth of a new node over `children`.
    fn node(at: Position, kind: Kind) -> Result<Expression, EquationError> {
        let deepest = match &kind {
            Kind::Number(_) | Kind::Symbol(_) => 0,
            Kind::Negate(a) | Kind::Not(a) => a.depth,
            Kind::Binary(_, a, b) => a.depth.max(b.depth),
            Kind::Call(_, arguments) => arguments.iter().map(|a| a.depth).max().unwrap_or(0),
        };
        if deepest >= MAX_DEPTH {
            return Err(at.error(format!(
                "the expression has more than {MAX_DEPTH} terms in a row; split it with `let`"
            )));
        }
        Ok(Expression { kind, at, depth: deepest + 1 })
    }

    fn binary(
        operator: Binary,
        at: Position,
        a: Expression,
        b: Expression,
    ) -> Result<Expression, EquationError> {
        Self::node(at, Kind::Binary(operator, Box::new(a), Box::new(b)))
    }

    /// Runs `inner` one level deeper.
    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Expression, EquationError>,
    ) -> Result<Expression, EquationError> {
        if self.nesting >= MAX_NESTING {
            let at = self.peek().at;
            return Err(at.error(format!("nested deeper than {MAX_NESTING}; split it with `let`")));
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    fn expression(&mut self) -> Result<Expression, EquationError> {
        self.nested(Self::disjunction)
    }

    fn disjunction(&mut self) -> Result<Expression, EquationError> {
        let mut left = self.conjunction()?;
        loop {
            let at = self.peek().at;
            if !self.eat_word("or") {
                return Ok(left);
            }
            left = Self::binary(Binary::Or, at, left, self.conjunction()?)?;
        }
    }

    fn conjunction(&mut self) -> Result<Expression, EquationError> {
        let mut left = self.negation()?;
        loop {
            let at = self.peek().at;
            if !self.eat_word("and") {
                return Ok(left);
            }
            left = Self::binary(Binary::And, at, left, self.negation()?)?;
        }
    }

    fn negation(&mut self) -> Result<Expression, EquationError> {
        let at = self.peek().at;
        if self.eat_word("not") {
            let operand = self.nested(Self::negation)?;
            return Self::node(at, Kind::Not(Box::new(operand)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, EquationError> {
        let left = self.sum()?;
        let Some((operator, at)) = self.comparison_sign() else { return Ok(left) };
        let right = self.sum()?;
        if let Some((_, at)) = self.comparison_sign() {
            return Err(at.error("comparisons do not chain; join them with `and`"));
        }
        Self::binary(operator, at, left, right)
    }

    fn comparison_sign(&mut self) -> Option<(Binary, Position)> {
        let at = self.peek().at;
        let signs = [
            ("<", Binary::Less),
            ("<=", Binary::LessEqual),
            (">", Binary::Greater),
            (">=", Binary::GreaterEqual),
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
        ];
        let (_, operator) = signs.into_iter().find(|(sign, _)| self.eat_sign(sign))?;
        Some((operator, at))
    }

    fn sum(&mut self) -> Result<Expression, EquationError> {
        let mut left = self.product()?;
        loop {
            let at = self.peek().at;
            let operator = if self.eat_sign("+") {
                Binary::Add
            } else if self.eat_sign("-") {
                Binary::Subtract
            } else {
                return Ok(left);
            };
            left = Self::binary(operator, at, left, self.product()?)?;
        }
    }

    fn product(&mut self) -> Result<Expression, EquationError> {
        let mut left = self.unary()?;
        loop {
            let at = self.peek().at;
            let operator = if self.eat_sign("*") {
                Binary::Multiply
            } else if self.eat_sign("/") {
                Binary::Divide
            } else {
                return Ok(left);
            };
            left = Self::binary(operator, at, left, self.unary()?)?;
        }
    }

    /// `-a^2` is −(a²).
    fn unary(&mut self) -> Result<Expression, EquationError> {
        let at = self.peek().at;
        if self.eat_sign("-") {
            let operand = self.nested(Self::unary)?;
            return Self::node(at, Kind::Negate(Box::new(operand)));
        }
        let base = self.atom()?;
        let at = self.peek().at;
        if self.eat_sign("^") {
            let exponent = self.nested(Self::unary)?;
            return Self::binary(Binary::Power, at, base, exponent);
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expression, EquationError> {
        let token = self.take();
        let at = token.at;
        match token.kind {
            TokenKind::Number(value) => Self::node(at, Kind::Number(value)),
            TokenKind::Word(word) if matches!(word.as_str(), "and" | "or" | "not" | "in") => {
                Err(at.error(format!("expected a value, found the word `{word}`")))
            }
            TokenKind::Word(word) => {
                if !self.peek().kind.is_sign("(") {
                    return Self::node(at, Kind::Symbol(word));
                }
                let arguments = self.arguments()?;
                Self::node(at, Kind::Call(word, arguments))
            }
            TokenKind::Sign("(") => {
                self.parentheses += 1;
                let inner = self.expression()?;
                self.close(at)?;
                Ok(inner)
            }
            TokenKind::Sign("=") => Err(at.error("expected a value, found `=`; to compare, write `==`")),
            kind => Err(at.error(format!("expected a value, found {kind}"))),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, EquationError> {
        let open = self.take().at;
        self.parentheses += 1;
        let mut arguments = Vec::new();
        if !self.peek().kind.is_sign(")") {
            arguments.push(self.expression()?);
            while self.eat_sign(",") {
                arguments.push(self.expression()?);
            }
        }
        self.close(open)?;
        Ok(arguments)
    }

    /// The `)` of the `(` at `open`. Line breaks count again only behind it.
    fn close(&mut self, open: Position) -> Result<(), EquationError> {
        if self.eat_sign(")") {
            self.parentheses -= 1;
            return Ok(());
        }
        let Position { line, column } = open;
        let token = self.peek();
        let found = format!("found {}", token.kind);
        Err(token.at.error(format!("the `(` of line {line}, column {column} is not closed; {found}")))
    }
}

const STARTS: &str = "a line starts with `model`, `source`, `param`, `state`, `let`, `spike`, `reset`, \
                      or assigns to a state, as in `v = …`";
