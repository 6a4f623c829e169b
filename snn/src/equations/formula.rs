//! Values that depend on parameters only: kept as formulas and computed once, in f64.
//!
//! `exp`, `ln`, `tanh` and powers are computed here from `+ − × ÷` alone, so that a network has
//! the same constants on every machine. Their relative error is far below that of an f32.

use super::error::Position;

/// A node of [`Formulas`]; operands are earlier nodes. A truth is 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Formula {
    Number(f64),
    Parameter(u32),
    Unary(Function, u32),
    Binary(Operation, u32, u32),
    Select(u32, u32, u32),
}

/// Functions of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Negate,
    Not,
    Abs,
    Floor,
    Exp,
    Ln,
    Sqrt,
    Tanh,
    Sigmoid,
}

/// Functions of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Min,
    Max,
    Less,
    LessEqual,
    Equal,
    And,
    Or,
}

/// Formulas over the parameters of a model, each stored once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Formulas {
    pub(super) nodes: Vec<Formula>,
}

impl Formulas {
    /// The index of `formula`, which is computed at once if its operands are numbers.
    pub(super) fn add(&mut self, formula: Formula) -> u32 {
        let number = |index: u32| self.number(index);
        let folded = match formula {
            Formula::Number(_) | Formula::Parameter(_) => None,
            Formula::Unary(function, a) => number(a).map(|a| unary(function, a)),
            Formula::Binary(operation, a, b) => {
                number(a).zip(number(b)).map(|(a, b)| binary(operation, a, b))
            }
            Formula::Select(condition, a, b) => match number(condition) {
                Some(condition) => return if condition != 0.0 { a } else { b },
                None => None,
            },
        };
        let formula = folded.map_or(formula, Formula::Number);
        let same = |other: &Formula| match (*other, formula) {
            (Formula::Number(a), Formula::Number(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        self.nodes.iter().position(same).unwrap_or_else(|| {
            self.nodes.push(formula);
            self.nodes.len() - 1
        }) as u32
    }

    /// The value of node `index`, if it is a number.
    pub(super) fn number(&self, index: u32) -> Option<f64> {
        match self.nodes[index as usize] {
            Formula::Number(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The values of all nodes; missing parameters count as NaN.
    pub(super) fn values(&self, parameters: &[f64]) -> Vec<f64> {
        let mut values: Vec<f64> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let value = |index: u32| values[index as usize];
            let result = match *node {
                Formula::Number(value) => value,
                Formula::Parameter(index) => parameters.get(index as usize).copied().unwrap_or(f64::NAN),
                Formula::Unary(function, a) => unary(function, value(a)),
                Formula::Binary(operation, a, b) => binary(operation, value(a), value(b)),
                Formula::Select(c, a, _) if value(c) != 0.0 => value(a),
                Formula::Select(_, _, b) => value(b),
            };
            values.push(result);
        }
        values
    }
}

/// A value computed once per neuron, and where the text asks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) formula: u32,
    pub(super) at: Position,
}

/// The nearest f32; what is too small for a normal f32 is 0, as graphics processors would have it.
pub(super) fn to_f32(value: f64) -> f32 {
    let value = value as f32;
    if value.abs() < f32::MIN_POSITIVE { 0.0 } else { value }
}

fn unary(function: Function, x: f64) -> f64 {
    match function {
        Function::Negate => -x,
        Function::Not => truth(x == 0.0),
        Function::Abs => x.abs(),
        Function::Floor => x.floor(),
        Function::Exp => exp(x),
        Function::Ln => ln(x),
        Function::Sqrt => x.sqrt(),
        Function::Tanh => tanh(x),
        Function::Sigmoid => 1.0 / (1.0 + exp(-x)),
    }
}

fn binary(operation: Operation, a: f64, b: f64) -> f64 {
    match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Power => power(a, b),
        Operation::Min => {
            if b < a {
                b
            } else {
                a
            }
        }
        Operation::Max => {
            if a < b {
                b
            } else {
                a
            }
        }
        Operation::Less => truth(a < b),
        Operation::LessEqual => truth(a <= b),
        Operation::Equal => truth(a == b),
        Operation::And => truth(a != 0.0 && b != 0.0),
        Operation::Or => truth(a != 0.0 || b != 0.0),
    }
}

fn truth(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

// ln 2 in two parts, the first short enough that a small integer times it is exact.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    if x < -708.0 {
        return 0.0;
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // Taylor's series: |r| ≤ 0.35.
    let sum = (1..=14).rev().fold(1.0, |sum, n| 1.0 + sum * r / f64::from(n));
    sum * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

pub(super) fn ln(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x.is_infinite() {
        return x;
    }
    // Subnormal numbers first.
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 2_f64.powi(64), -64.0) } else { (x, 0.0) };
    let bits = x.to_bits();
    let mut k = (bits >> 52) as f64 - 1023.0;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1.0;
    }
    // ln m = 2 artanh((m − 1)/(m + 1)).
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let sum = (0..=11).rev().fold(0.0, |sum, n| 1.0 / f64::from(2 * n + 1) + sum * z);
    let k = k + shift;
    (k * LN2_LOW + 2.0 * s * sum) + k * LN2_HIGH
}

fn tanh(x: f64) -> f64 {
    if x.abs() < 1e-3 {
        let z = x * x;
        return x * (1.0 + z * (-1.0 / 3.0 + z * (2.0 / 15.0)));
    }
    let e = exp(2.0 * x.clamp(-30.0, 30.0));
    (e - 1.0) / (e + 1.0)
}

pub(super) fn power(base: f64, exponent: f64) -> f64 {
    if exponent.fract() == 0.0 && exponent.abs() <= 1024.0 {
        let product = (0..exponent.abs() as u32).fold(1.0, |product, _| product * base);
        return if exponent < 0.0 { 1.0 / product } else { product };
    }
    match base {
        0.0 if exponent > 0.0 => 0.0,
        _ => exp(exponent * ln(base)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        a == b || (a - b).abs() <= 1e-12 * b.abs() || (a.is_nan() && b.is_nan())
    }

    #[test]
    fn functions_agree_with_libm() {
        for i in -20_000..=20_000 {
            let x = f64::from(i) * 0.035 + 0.001;
            assert!(near(exp(x), libm::exp(x)) || libm::exp(x) < 1e-300, "exp {x}");
            assert!(near(tanh(x), libm::tanh(x)), "tanh {x}: {} {}", tanh(x), libm::tanh(x));
            let y = x * 1e-4;
            assert!(near(tanh(y), libm::tanh(y)), "tanh {y}");
            let big = libm::exp(x);
            assert!((ln(big) - libm::log(big)).abs() < 1e-12 * x.abs().max(1.0), "ln {big}");
            assert!(near(power(x.abs(), 1.7), libm::pow(x.abs(), 1.7)), "power {x}");
            assert!(near(power(x, 3.0), libm::pow(x, 3.0)), "cube of {x}");
        }
        assert!(ln(0.0) == f64::NEG_INFINITY && ln(-1.0).is_nan() && ln(f64::INFINITY) == f64::INFINITY);
        assert!(near(ln(5e-324), libm::log(5e-324)));
        assert!(
            exp(f64::NEG_INFINITY) == 0.0 && exp(f64::INFINITY) == f64::INFINITY && exp(f64::NAN).is_nan()
        );
        assert!(power(0.0, 0.5) == 0.0 && power(-1.0, 0.5).is_nan() && power(2.0, -2.0) == 0.25);
    }
}
