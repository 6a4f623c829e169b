//! A model: its declarations, checked, and its statements.

use super::error::{EquationError, Position, unknown};
use super::syntax::{Assignment, Binary, End, Expression, Kind, Line, Name, lines};

/// Most parameters.
const MAX_PARAMETERS: usize = 64;
/// Most state variables.
const MAX_STATES: usize = 16;
/// Most lines.
const MAX_LINES: usize = 256;

/// Longest refractory period, in ticks: what a state variable on the grid can count.
pub const MAX_REFRACTORY: usize = 128;

/// Words that are no names.
const WORDS: [&str; 14] = [
    "model",
    "source",
    "param",
    "state",
    "let",
    "spike",
    "reset",
    "in",
    "inf",
    "evolve",
    "and",
    "or",
    "not",
    "refractory",
];
/// Symbols of the input current.
pub(super) const INPUTS: [&str; 3] = ["I", "I_in", "I_rec"];
/// Functions of an expression with their number of arguments.
pub(super) const FUNCTIONS: [(&str, usize); 11] = [
    ("abs", 1),
    ("clamp", 3),
    ("exp", 1),
    ("floor", 1),
    ("if", 3),
    ("ln", 1),
    ("max", 2),
    ("min", 2),
    ("sigmoid", 1),
    ("sqrt", 1),
    ("tanh", 1),
];

/// A neuron model, read from text.
///
/// ```text
/// model lif "leaky integrate-and-fire"
/// param decay = 0.7 in [0, 1] "share of the membrane potential kept per tick"
/// param threshold = 1 in (0, inf) "membrane potential above which the neuron spikes"
/// state v = 0 "membrane potential"
/// v = decay*v + (1 - decay)*I
/// spike v > threshold
/// reset zero: v = 0
/// reset subtract: v = v - threshold
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    /// Name, as in configs.
    pub name: String,
    /// What it is, in a few words.
    pub summary: String,
    /// Where it is from; may be empty.
    pub source: String,
    /// The text it was read from.
    pub text: String,
    /// Parameters, in the order of the text.
    pub parameters: Vec<Parameter>,
    /// State variables, in the order of the text.
    pub states: Vec<State>,
    /// Names of the kinds of reset; the first is the default. May be empty.
    pub resets: Vec<String>,
    pub(super) starts: Vec<Expression>,
    pub(super) statements: Vec<Statement>,
}

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name in equations and configs.
    pub name: String,
    /// Default.
    pub default: f64,
    /// Low end of the valid values; −∞ (open) if the text gives no range.
    pub low: Bound,
    /// High end of the valid values; ∞ (open) if the text gives no range.
    pub high: Bound,
    /// What it does.
    pub meaning: String,
    /// Whether it is the same everywhere or evolved.
    pub evolve: Scope,
}

impl Parameter {
    /// Whether `value` is finite and in the range.
    pub fn allows(&self, value: f64) -> bool {
        let above = if self.low.open { value > self.low.value } else { value >= self.low.value };
        let below = if self.high.open { value < self.high.value } else { value <= self.high.value };
        value.is_finite() && above && below
    }

    /// The valid values as written in a model, such as `[0, 1]` or `(0, inf)`.
    pub fn range(&self) -> String {
        let open = if self.low.open { '(' } else { '[' };
        let close = if self.high.open { ')' } else { ']' };
        format!("{open}{}, {}{close}", self.low.value, self.high.value)
    }
}

/// One end of a range of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The end; may be infinite.
    pub value: f64,
    /// Whether the end itself is outside.
    pub open: bool,
}

/// Who has a value of a parameter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nobody: the config's value holds.
    Fixed,
    /// Each layer: one evolved value.
    Layer,
    /// Each neuron: evolved values.
    Neuron,
}

/// A state variable of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Symbol in the equations.
    pub name: String,
    /// What it stands for.
    pub meaning: String,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Let(Assignment),
    Assign(Assignment),
    Spike(SpikeLine),
    Reset { name: String, at: Position, assignments: Vec<Assignment> },
}

/// `left > right`, or `≥` if `inclusive`.
#[derive(Clone, Debug)]
pub(super) struct SpikeLine {
    pub(super) at: Position,
    pub(super) left: Expression,
    pub(super) right: Expression,
    pub(super) inclusive: bool,
}

impl Model {
    /// Whether its neurons spike. The others are readouts: their output is the first state
    /// variable.
    pub fn spikes(&self) -> bool {
        self.spike_line().is_some()
    }

    fn spike_line(&self) -> Option<&SpikeLine> {
        self.statements.iter().find_map(|statement| match statement {
            Statement::Spike(line) => Some(line),
            _ => None,
        })
    }

    /// Index of the parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name == name)
    }

    pub(super) fn reset_position(&self) -> Position {
        let resets = self.statements.iter().find_map(|statement| match statement {
            Statement::Reset { at, .. } => Some(*at),
            _ => None,
        });
        resets.unwrap_or(Position::START)
    }

    /// Reads a model and checks its declarations.
    pub(super) fn read(text: &str) -> Result<Self, EquationError> {
        let all = lines(text)?;
        let mut lines = all.into_iter();
        let Some(Line::Model { name, summary }) = lines.next() else {
            let message = "a model starts with a line such as `model lif \"leaky integrate-and-fire\"`";
            return Err(Position::START.error(message));
        };
        let mut model = Self {
            name: name.text,
            summary,
            source: String::new(),
            text: text.to_owned(),
            parameters: Vec::new(),
            states: Vec::new(),
            resets: Vec::new(),
            starts: Vec::new(),
            statements: Vec::new(),
        };
        let mut names = Names(Vec::new());
        if lines.len() >= MAX_LINES {
            let message = format!("the model has {} lines; at most {MAX_LINES}", lines.len() + 1);
            return Err(name.at.error(message));
        }
        for line in lines {
            model.line(line, &mut names)?;
        }
        if model.states.is_empty() && !model.spikes() {
            return Err(name
                .at
                .error("the model has neither a `state` nor a `spike` line, so it does nothing"));
        }
        Ok(model)
    }

    fn line(&mut self, line: Line, names: &mut Names) -> Result<(), EquationError> {
        let full = |at: Position, what: &str, limit: usize| {
            Err(at.error(format!("more than {limit} {what}; a model may have no more")))
        };
        match line {
            Line::Model { name, .. } => {
                return Err(name.at.error("a second `model` line; one text is one model"));
            }
            Line::Source(source) => self.source = source,
            Line::Param { name, default, range, evolve, meaning } => {
                let at = name.at;
                if self.parameters.len() == MAX_PARAMETERS {
                    return full(at, "parameters", MAX_PARAMETERS);
                }
                let open = |value| End { value, open: true };
                let (low, high) = range.unwrap_or((open(f64::NEG_INFINITY), open(f64::INFINITY)));
                let bound = |end: End| Bound { value: end.value, open: end.open };
                let evolve = scope(evolve)?;
                let name = names.declare(name)?;
                let parameter = Parameter {
                    name,
                    default: default.value,
                    low: bound(low),
                    high: bound(high),
                    meaning,
                    evolve,
                };
                if !parameter.allows(default.value) {
                    let (name, range) = (&parameter.name, parameter.range());
                    let message =
                        format!("the default {} of `{name}` is outside its range {range}", default.value);
                    return Err(default.at.error(message));
                }
                self.parameters.push(parameter);
            }
            Line::State { name, start, meaning } => {
                if self.states.len() == MAX_STATES {
                    return full(name.at, "state variables", MAX_STATES);
                }
                self.states.push(State { name: names.declare(name)?, meaning });
                self.starts.push(start);
            }
            Line::Let(assignment) => {
                names.declare(assignment.name.clone())?;
                self.statements.push(Statement::Let(assignment));
            }
            Line::Assign(assignment) => {
                self.statements.push(Statement::Assign(assignment));
            }
            Line::Spike { at, condition } => {
                if let Some(first) = self.spike_line() {
                    let message = format!("a second `spike` line; the first is line {}", first.at.line);
                    return Err(at.error(message));
                }
                self.statements.push(Statement::Spike(spike_line(at, condition)?));
            }
            Line::Reset { name, assignments } => {
                if !self.spikes() {
                    return Err(name.at.error("a `reset` line comes after the `spike` line"));
                }
                if self.resets.contains(&name.text) {
                    let message = format!(
                        "a second reset `{}`; write its statements in one line, separated by `;`",
                        name.text
                    );
                    return Err(name.at.error(message));
                }
                self.resets.push(name.text.clone());
                let (name, at) = (name.text, name.at);
                self.statements.push(Statement::Reset { name, at, assignments });
            }
        }
        Ok(())
    }
}

/// Brings the larger side of the condition to the left.
fn spike_line(at: Position, condition: Expression) -> Result<SpikeLine, EquationError> {
    let place = condition.at;
    let (left, right, inclusive) = match condition.kind {
        Kind::Binary(Binary::Greater, a, b) => (a, b, false),
        Kind::Binary(Binary::GreaterEqual, a, b) => (a, b, true),
        Kind::Binary(Binary::Less, a, b) => (b, a, false),
        Kind::Binary(Binary::LessEqual, a, b) => (b, a, true),
        _ => {
            let message = "expected one comparison with `>`, `>=`, `<` or `<=`, as in `spike v > threshold`";
            return Err(place.error(message));
        }
    };
    Ok(SpikeLine { at, left: *left, right: *right, inclusive })
}

fn scope(evolve: Option<Name>) -> Result<Scope, EquationError> {
    match evolve {
        None => Ok(Scope::Fixed),
        Some(name) => match name.text.as_str() {
            "layer" => Ok(Scope::Layer),
            "neuron" => Ok(Scope::Neuron),
            other => {
                Err(name.at.error(unknown("scope of `evolve`:", other, ["layer", "neuron"].into_iter())))
            }
        },
    }
}

/// Declared names with their places.
struct Names(Vec<Name>);

impl Names {
    fn declare(&mut self, name: Name) -> Result<String, EquationError> {
        let text = name.text.as_str();
        if let Some(first) = self.0.iter().find(|known| known.text == text) {
            let message = format!("`{text}` is already declared in line {}", first.at.line);
            return Err(name.at.error(message));
        }
        let taken = if INPUTS.contains(&text) {
            Some("the input current")
        } else if FUNCTIONS.iter().any(|(function, _)| *function == text) {
            Some("a function")
        } else if WORDS.contains(&text) {
            Some("a word of the language")
        } else {
            None
        };
        if let Some(meaning) = taken {
            return Err(name.at.error(format!("`{text}` is {meaning}; choose another name")));
        }
        let text = name.text.clone();
        self.0.push(name);
        Ok(text)
    }
}
