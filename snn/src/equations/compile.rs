//! Statements of a model → operations.

use super::error::{EquationError, Position, unknown};
use super::formula::{Formula, Function, Operation};
use super::kernel::{Builder, Kernel, MAX_OPERATIONS, Op, Parts, Spike};
use super::model::{FUNCTIONS, INPUTS, Model, SpikeLine, Statement};
use super::syntax::{Binary, Expression, Kind};

/// Largest power of a value that changes from tick to tick.
const MAX_POWER: f64 = 16.0;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// A formula over the parameters.
    Static(u32),
    /// An operation of the tick.
    Tick(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number,
    Truth,
    /// The symbol `spike`: a truth that counts as 0 or 1 where a number is due.
    Spike,
}

#[derive(Clone, Copy, Debug)]
struct Typed {
    value: Value,
    kind: Type,
}

impl Model {
    /// Reads a model and checks all of it.
    ///
    /// # Errors
    ///
    /// The first mistake with its place, the symbol, and what would be valid.
    pub fn parse(text: &str) -> Result<Self, EquationError> {
        let model = Self::read(text)?;
        let defaults: Vec<f64> = model.parameters.iter().map(|parameter| parameter.default).collect();
        compile(&model, None, false)?.check(&defaults)?;
        for reset in &model.resets {
            compile(&model, Some(reset), false)?.check(&defaults)?;
        }
        Ok(model)
    }

    /// One tick of the model with the reset called `reset` (`None`: the first), and with a
    /// refractory period if asked for: then each spike starts a count of ticks in the extra state
    /// variable `refractory`, during which the other state variables hold and the neuron is
    /// silent. The period is the last parameter, a whole number from 0 to [`MAX_REFRACTORY`](super::MAX_REFRACTORY).
    ///
    /// # Errors
    ///
    /// If there is no such reset, if a readout is asked for a refractory period, or if the model
    /// is too large.
    pub fn kernel(&self, reset: Option<&str>, refractory: bool) -> Result<Kernel, EquationError> {
        if let Some(name) = reset
            && !self.resets.iter().any(|known| known == name)
        {
            let resets = self.resets.iter().map(String::as_str);
            let kind = format!("reset of model `{}`:", self.name);
            return Err(self.reset_position().error(unknown(&kind, name, resets)));
        }
        if refractory && !self.spikes() {
            let message = format!("model `{}` never spikes, so it has no refractory period", self.name);
            return Err(Position::START.error(message));
        }
        compile(self, reset, refractory)
    }
}

/// One tick of `model`; `reset` is the name of one of its resets or `None` for the first.
fn compile(model: &Model, reset: Option<&str>, refractory: bool) -> Result<Kernel, EquationError> {
    let reset = reset.or(model.resets.first().map(String::as_str));
    let mut compiler = Compiler {
        model,
        builder: Builder::default(),
        states: Vec::new(),
        locals: Vec::new(),
        spike: None,
        apart: false,
        phase: Phase::Start,
    };
    let mut start = Vec::new();
    for expression in &model.starts {
        match compiler.number(expression)? {
            Value::Static(formula) => start.push(formula),
            Value::Tick(_) => return Err(expression.at.error("a start value depends on parameters only")),
        }
    }
    compiler.phase = Phase::Tick;
    compiler.states = (0..model.states.len())
        .map(|state| Value::Tick(compiler.builder.push(Op::State(state as u32))))
        .collect();
    compiler.apart = reads_apart(model);
    for statement in &model.statements {
        compiler.statement(statement, reset)?;
    }
    compiler.finish(start, refractory)
}

/// Whether the statements tell recurrent input from the rest.
fn reads_apart(model: &Model) -> bool {
    fn reads(expression: &Expression) -> bool {
        match &expression.kind {
            Kind::Number(_) => false,
            Kind::Symbol(name) => name == "I_in" || name == "I_rec",
            Kind::Negate(a) | Kind::Not(a) => reads(a),
            Kind::Binary(_, a, b) => reads(a) || reads(b),
            Kind::Call(_, arguments) => arguments.iter().any(reads),
        }
    }
    model.statements.iter().any(|statement| match statement {
        Statement::Let(line) | Statement::Assign(line) => reads(&line.value),
        Statement::Spike(line) => reads(&line.left) || reads(&line.right),
        Statement::Reset { assignments, .. } => assignments.iter().any(|line| reads(&line.value)),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// In the start values: parameters only.
    Start,
    Tick,
}

struct Compiler<'m> {
    model: &'m Model,
    builder: Builder,
    /// Present value of each state variable.
    states: Vec<Value>,
    locals: Vec<(&'m str, Typed)>,
    spike: Option<Spike>,
    /// Whether recurrent input comes apart.
    apart: bool,
    phase: Phase,
}

impl<'m> Compiler<'m> {
    fn statement(&mut self, statement: &'m Statement, reset: Option<&str>) -> Result<(), EquationError> {
        match statement {
            Statement::Let(line) => {
                let value = self.expression(&line.value)?;
                self.locals.push((&line.name.text, value));
            }
            Statement::Assign(line) => {
                let state = self.state(&line.name.text, line.name.at)?;
                self.states[state] = self.number(&line.value)?;
            }
            Statement::Spike(line) => self.spike_line(line)?,
            Statement::Reset { name, assignments, .. } if Some(name.as_str()) == reset => {
                for line in assignments {
                    let state = self.state(&line.name.text, line.name.at)?;
                    let value = self.number(&line.value)?;
                    self.states[state] = self.where_spiked(value, self.states[state], line.name.at);
                }
            }
            Statement::Reset { .. } => {}
        }
        Ok(())
    }

    fn spike_line(&mut self, line: &'m SpikeLine) -> Result<(), EquationError> {
        let (left, right) = (self.number(&line.left)?, self.number(&line.right)?);
        let (left, right) = (self.tick(left, line.left.at), self.tick(right, line.right.at));
        let fired = self.builder.push(match line.inclusive {
            true => Op::LessEqual(right, left),
            false => Op::Less(right, left),
        });
        self.spike = Some(Spike { fired, left, right });
        Ok(())
    }

    /// `new` where the neuron spiked, `old` elsewhere.
    fn where_spiked(&mut self, new: Value, old: Value, at: Position) -> Value {
        let Some(spike) = self.spike else { return old };
        let (new, old) = (self.tick(new, at), self.tick(old, at));
        Value::Tick(self.builder.push(Op::Select(spike.fired, new, old)))
    }

    fn state(&self, name: &str, at: Position) -> Result<usize, EquationError> {
        let states = &self.model.states;
        if let Some(index) = states.iter().position(|state| state.name == name) {
            return Ok(index);
        }
        let kind = if self.model.parameter(name).is_some() {
            "a parameter"
        } else if self.locals.iter().any(|(local, _)| *local == name) {
            "a local value, set once"
        } else if INPUTS.contains(&name) {
            "the input current"
        } else if name == "spike" {
            return Err(at.error("`spike` is not assigned; write the condition, as in `spike v > threshold`"));
        } else {
            let message = unknown("state", name, states.iter().map(|state| state.name.as_str()));
            let message = format!("{message}. Declare it with `state {name} = 0`, or write `let {name} = …`");
            return Err(at.error(message));
        };
        Err(at.error(format!("`{name}` is {kind}; only a state can be assigned")))
    }

    /// The operation that has `value`.
    fn tick(&mut self, value: Value, at: Position) -> u32 {
        match value {
            Value::Tick(op) => op,
            Value::Static(formula) => self.builder.constant(formula, at),
        }
    }

    fn number(&mut self, expression: &'m Expression) -> Result<Value, EquationError> {
        let Typed { value, kind } = self.expression(expression)?;
        match kind {
            Type::Number => Ok(value),
            Type::Spike => {
                let (one, zero) = (self.builder.literal(1.0), self.builder.literal(0.0));
                let condition = self.tick(value, expression.at);
                Ok(Value::Tick(self.builder.push(Op::Select(condition, one, zero))))
            }
            Type::Truth => {
                let message = "a condition stands where a number is due; write `if(condition, 1, 0)`";
                Err(expression.at.error(message))
            }
        }
    }

    fn truth(&mut self, expression: &'m Expression) -> Result<Value, EquationError> {
        let Typed { value, kind } = self.expression(expression)?;
        match kind {
            Type::Truth | Type::Spike => Ok(value),
            Type::Number => {
                let message = "a number stands where a condition is due; write a comparison such as `v > 0`";
                Err(expression.at.error(message))
            }
        }
    }

    /// The truth operation of a condition.
    fn tick_truth(&mut self, value: Value, at: Position) -> u32 {
        match value {
            Value::Tick(op) => op,
            Value::Static(formula) => {
                let number = self.builder.constant(formula, at);
                let zero = self.builder.literal(0.0);
                self.builder.push(Op::Less(zero, number))
            }
        }
    }

    fn expression(&mut self, expression: &'m Expression) -> Result<Typed, EquationError> {
        let at = expression.at;
        if self.builder.full() {
            let message = format!("the model takes too many operations; at most {MAX_OPERATIONS} per tick");
            return Err(at.error(message));
        }
        let number = |value| Typed { value, kind: Type::Number };
        let truth = |value| Typed { value, kind: Type::Truth };
        let result = match &expression.kind {
            Kind::Number(value) => number(Value::Static(self.builder.formulas.add(Formula::Number(*value)))),
            Kind::Symbol(name) => self.symbol(name, at)?,
            Kind::Negate(a) => {
                let a = self.number(a)?;
                number(self.unary(Function::Negate, a))
            }
            Kind::Not(a) => {
                let a = self.truth(a)?;
                truth(self.unary(Function::Not, a))
            }
            Kind::Binary(operator, a, b) => self.binary(*operator, a, b, at)?,
            Kind::Call(name, arguments) => number(self.call(name, arguments, at)?),
        };
        if let Value::Static(formula) = result.value
            && let Some(value) = self.builder.formulas.number(formula)
            && !(value as f32).is_finite()
        {
            return Err(at.error(format!("this is {value:?}, which is not a finite 32-bit number")));
        }
        Ok(result)
    }

    fn symbol(&mut self, name: &str, at: Position) -> Result<Typed, EquationError> {
        let number = |value| Ok(Typed { value, kind: Type::Number });
        if let Some(index) = self.model.parameter(name) {
            return number(Value::Static(self.builder.formulas.add(Formula::Parameter(index as u32))));
        }
        if self.phase == Phase::Start {
            let valid = self.model.parameters.iter().map(|parameter| parameter.name.as_str());
            return Err(at.error(unknown("parameter in a start value", name, valid)));
        }
        if let Some(index) = self.model.states.iter().position(|state| state.name == name) {
            return number(self.states[index]);
        }
        if let Some((_, value)) = self.locals.iter().find(|(local, _)| *local == name) {
            return Ok(*value);
        }
        match (name, self.spike) {
            ("I", _) => {
                let forward = self.builder.push(Op::Forward);
                if !self.apart {
                    return number(Value::Tick(forward));
                }
                let recurrent = self.builder.push(Op::Recurrent);
                number(Value::Tick(self.builder.push(Op::Add(forward, recurrent))))
            }
            ("I_in", _) => number(Value::Tick(self.builder.push(Op::Forward))),
            ("I_rec", _) => number(Value::Tick(self.builder.push(Op::Recurrent))),
            ("spike", Some(spike)) => Ok(Typed { value: Value::Tick(spike.fired), kind: Type::Spike }),
            ("spike", None) => Err(at.error("`spike` is known only after the `spike` line")),
            _ => Err(at.error(self.unknown_symbol(name))),
        }
    }

    fn unknown_symbol(&self, name: &str) -> String {
        if self.model.statements.iter().any(|s| matches!(s, Statement::Let(line) if line.name.text == name)) {
            return format!("`{name}` is used before its `let` line");
        }
        if FUNCTIONS.iter().any(|(function, _)| *function == name) {
            return format!("`{name}` is a function; write `{name}(…)`");
        }
        let parameters = self.model.parameters.iter().map(|parameter| parameter.name.as_str());
        let states = self.model.states.iter().map(|state| state.name.as_str());
        let locals = self.locals.iter().map(|(local, _)| *local);
        let spike = self.spike.iter().map(|_| "spike");
        unknown("symbol", name, parameters.chain(states).chain(locals).chain(INPUTS).chain(spike))
    }

    fn unary(&mut self, function: Function, a: Value) -> Value {
        let builder = &mut self.builder;
        let a = match a {
            Value::Static(a) => return Value::Static(builder.formulas.add(Formula::Unary(function, a))),
            Value::Tick(a) => a,
        };
        Value::Tick(match function {
            Function::Negate => builder.push(Op::Neg(a)),
            Function::Not => builder.push(Op::Not(a)),
            Function::Abs => builder.push(Op::Abs(a)),
            Function::Floor => builder.push(Op::Floor(a)),
            Function::Exp => builder.exp(a),
            Function::Ln => builder.ln(a),
            Function::Sqrt => builder.sqrt(a),
            Function::Tanh => builder.tanh(a),
            Function::Sigmoid => builder.sigmoid(a),
        })
    }

    fn binary(
        &mut self,
        operator: Binary,
        a: &'m Expression,
        b: &'m Expression,
        at: Position,
    ) -> Result<Typed, EquationError> {
        let (operation, swap, negate) = match operator {
            Binary::Add => (Operation::Add, false, false),
            Binary::Subtract => (Operation::Subtract, false, false),
            Binary::Multiply => (Operation::Multiply, false, false),
            Binary::Divide => (Operation::Divide, false, false),
            Binary::Power => (Operation::Power, false, false),
            Binary::Less => (Operation::Less, false, false),
            Binary::LessEqual => (Operation::LessEqual, false, false),
            Binary::Greater => (Operation::Less, true, false),
            Binary::GreaterEqual => (Operation::LessEqual, true, false),
            Binary::Equal => (Operation::Equal, false, false),
            Binary::NotEqual => (Operation::Equal, false, true),
            Binary::And => (Operation::And, false, false),
            Binary::Or => (Operation::Or, false, false),
        };
        let kind = match operator {
            Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Power => {
                Type::Number
            }
            _ => Type::Truth,
        };
        let (first, second) = match operator {
            Binary::And | Binary::Or => (self.truth(a)?, self.truth(b)?),
            _ => (self.number(a)?, self.number(b)?),
        };
        let ((a, first), (b, second)) =
            if swap { ((b, second), (a, first)) } else { ((a, first), (b, second)) };
        let mut value = self.operation(operation, (first, a.at), (second, b.at), at)?;
        if negate {
            value = self.unary(Function::Not, value);
        }
        Ok(Typed { value, kind })
    }

    fn operation(
        &mut self,
        operation: Operation,
        (a, a_at): (Value, Position),
        (b, b_at): (Value, Position),
        at: Position,
    ) -> Result<Value, EquationError> {
        if let (Value::Static(a), Value::Static(b)) = (a, b) {
            return Ok(Value::Static(self.builder.formulas.add(Formula::Binary(operation, a, b))));
        }
        match (operation, b) {
            // One division, done once.
            (Operation::Divide, Value::Static(divisor)) => {
                if self.builder.formulas.number(divisor) == Some(0.0) {
                    return Err(at.error("division by zero"));
                }
                let one = self.builder.formulas.add(Formula::Number(1.0));
                let inverse = Formula::Binary(Operation::Divide, one, divisor);
                let inverse = self.builder.formulas.add(inverse);
                let (a, inverse) = (self.tick(a, a_at), self.builder.constant(inverse, b_at));
                return Ok(Value::Tick(self.builder.push(Op::Mul(a, inverse))));
            }
            (Operation::Power, exponent) => return self.power(a, exponent, a_at, b_at),
            (Operation::And | Operation::Or, _) => {
                let (a, b) = (self.tick_truth(a, a_at), self.tick_truth(b, b_at));
                let op = if operation == Operation::And { Op::And(a, b) } else { Op::Or(a, b) };
                return Ok(Value::Tick(self.builder.push(op)));
            }
            _ => {}
        }
        let (a, b) = (self.tick(a, a_at), self.tick(b, b_at));
        let builder = &mut self.builder;
        Ok(Value::Tick(match operation {
            Operation::Add => builder.push(Op::Add(a, b)),
            Operation::Subtract => builder.push(Op::Sub(a, b)),
            Operation::Multiply => builder.push(Op::Mul(a, b)),
            Operation::Min => builder.min(a, b),
            Operation::Max => builder.max(a, b),
            Operation::Less => builder.push(Op::Less(a, b)),
            Operation::LessEqual => builder.push(Op::LessEqual(a, b)),
            Operation::Equal => builder.push(Op::Equal(a, b)),
            _ => builder.divide(a, b),
        }))
    }

    /// A whole power of a value of the tick.
    fn power(
        &mut self,
        base: Value,
        exponent: Value,
        base_at: Position,
        exponent_at: Position,
    ) -> Result<Value, EquationError> {
        let known = match exponent {
            Value::Static(formula) => self.builder.formulas.number(formula),
            Value::Tick(_) => None,
        };
        let Some(n) = known.filter(|n| n.fract() == 0.0 && n.abs() <= MAX_POWER) else {
            let message = format!(
                "a power of a value that changes from tick to tick needs a whole exponent from -{MAX_POWER} \
                 to {MAX_POWER}; write `exp(b*ln(a))` for others"
            );
            return Err(exponent_at.error(message));
        };
        let base = self.tick(base, base_at);
        let power = self.builder.power(base, n.abs() as u32);
        if n >= 0.0 {
            return Ok(Value::Tick(power));
        }
        let one = self.builder.literal(1.0);
        Ok(Value::Tick(self.builder.divide(one, power)))
    }

    fn call(
        &mut self,
        name: &str,
        arguments: &'m [Expression],
        at: Position,
    ) -> Result<Value, EquationError> {
        let Some((_, count)) = FUNCTIONS.into_iter().find(|(function, _)| *function == name) else {
            let message = unknown("function", name, FUNCTIONS.iter().map(|(function, _)| *function));
            return Err(at.error(message));
        };
        if arguments.len() != count {
            let s = if count == 1 { "" } else { "s" };
            return Err(at.error(format!("`{name}` takes {count} argument{s}, not {}", arguments.len())));
        }
        let function = match name {
            "abs" => Function::Abs,
            "exp" => Function::Exp,
            "floor" => Function::Floor,
            "ln" => Function::Ln,
            "sigmoid" => Function::Sigmoid,
            "sqrt" => Function::Sqrt,
            "tanh" => Function::Tanh,
            "if" => return self.choice(arguments),
            _ => {
                let mut values = Vec::new();
                for argument in arguments {
                    values.push((self.number(argument)?, argument.at));
                }
                return match name {
                    "min" => self.operation(Operation::Min, values[0], values[1], at),
                    "max" => self.operation(Operation::Max, values[0], values[1], at),
                    _ => {
                        let raised = self.operation(Operation::Max, values[0], values[1], at)?;
                        self.operation(Operation::Min, (raised, at), values[2], at)
                    }
                };
            }
        };
        let argument = self.number(&arguments[0])?;
        Ok(self.unary(function, argument))
    }

    /// `if(condition, a, b)`.
    fn choice(&mut self, arguments: &'m [Expression]) -> Result<Value, EquationError> {
        let [condition, a, b] = arguments else { unreachable!("the number of arguments is checked") };
        let (condition_at, a_at, b_at) = (condition.at, a.at, b.at);
        let (condition, a, b) = (self.truth(condition)?, self.number(a)?, self.number(b)?);
        if let Value::Static(condition) = condition {
            if let (Value::Static(a), Value::Static(b)) = (a, b) {
                return Ok(Value::Static(self.builder.formulas.add(Formula::Select(condition, a, b))));
            }
            if let Some(value) = self.builder.formulas.number(condition) {
                return Ok(if value != 0.0 { a } else { b });
            }
        }
        let condition = self.tick_truth(condition, condition_at);
        let (a, b) = (self.tick(a, a_at), self.tick(b, b_at));
        Ok(Value::Tick(self.builder.push(Op::Select(condition, a, b))))
    }

    fn finish(mut self, start: Vec<u32>, refractory: bool) -> Result<Kernel, EquationError> {
        let model = self.model;
        let mut parts = Parts {
            model: model.name.clone(),
            states: model.states.iter().map(|state| state.name.clone()).collect(),
            parameters: model.parameters.len(),
            next: Vec::new(),
            spike: self.spike,
            recurrent: self.apart,
            named: Vec::new(),
            start,
        };
        for (index, state) in model.states.iter().enumerate() {
            let value = self.tick(self.states[index], Position::START);
            parts.next.push(value);
            parts.named.push((state.name.clone(), value));
        }
        for (name, local) in self.locals.clone() {
            // A truth is no number to draw.
            if local.kind == Type::Number {
                let value = self.tick(local.value, Position::START);
                parts.named.push((name.to_owned(), value));
            }
        }
        if refractory && let Some(spike) = self.spike {
            self.refractory(&mut parts, spike);
        }
        self.builder.finish(parts)
    }

    /// Adds the state `refractory` r: while r > 0 the other states hold and nothing spikes; a
    /// spike sets it to the period, the last parameter.
    fn refractory(&mut self, parts: &mut Parts, spike: Spike) {
        let builder = &mut self.builder;
        let period = builder.formulas.add(Formula::Parameter(parts.parameters as u32));
        let period = builder.constant(period, Position::START);
        let rest = builder.push(Op::State(parts.states.len() as u32));
        let (zero, one) = (builder.literal(0.0), builder.literal(1.0));
        let holds = builder.push(Op::Less(zero, rest));
        let free = builder.push(Op::Not(holds));
        let fired = builder.push(Op::And(spike.fired, free));
        for (index, next) in parts.next.iter_mut().enumerate() {
            let old = builder.push(Op::State(index as u32));
            *next = builder.push(Op::Select(holds, old, *next));
            parts.named[index].1 = *next;
        }
        let less = builder.push(Op::Sub(rest, one));
        let next = builder.push(Op::Select(fired, period, rest));
        let next = builder.push(Op::Select(holds, less, next));
        parts.next.push(next);
        parts.named.push(("refractory".to_owned(), next));
        parts.states.push("refractory".to_owned());
        parts.start.push(builder.formulas.add(Formula::Number(0.0)));
        parts.parameters += 1;
        parts.spike = Some(Spike { fired, ..spike });
    }
}
