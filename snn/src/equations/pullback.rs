//! Derivatives of what depends on parameters only: the constants and start values of a kernel.

use super::formula::{Formula, Formulas, Function, Operation, ln, power};
use super::kernel::Kernel;

impl Kernel {
    /// [`Kernel::constants`] before they are rounded.
    pub fn exact_constants(&self, parameters: &[f64]) -> Vec<f64> {
        let values = self.formulas.values(parameters);
        self.hoisted.iter().map(|constant| values[constant.formula as usize]).collect()
    }

    /// [`Kernel::initial`] before they are rounded.
    pub fn exact_initial(&self, parameters: &[f64]) -> Vec<f64> {
        let values = self.formulas.values(parameters);
        self.start.iter().map(|&formula| values[formula as usize]).collect()
    }

    /// Derivatives of a number with respect to `parameters`, from those with respect to the
    /// constants and to the start values. Rounding counts as the identity.
    pub fn pull_parameters(&self, parameters: &[f64], constants: &[f64], initial: &[f64]) -> Vec<f64> {
        let mut adjoints = vec![0.0; self.formulas.len()];
        for (constant, &adjoint) in self.hoisted.iter().zip(constants) {
            adjoints[constant.formula as usize] += adjoint;
        }
        for (&formula, &adjoint) in self.start.iter().zip(initial) {
            adjoints[formula as usize] += adjoint;
        }
        self.formulas.pull(parameters, adjoints)
    }
}

impl Formulas {
    /// From derivatives with respect to the nodes to derivatives with respect to `parameters`.
    fn pull(&self, parameters: &[f64], mut adjoints: Vec<f64>) -> Vec<f64> {
        let values = self.values(parameters);
        let mut result = vec![0.0; parameters.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let (adjoint, v) = (adjoints[index], values[index]);
            // What does not matter stays 0, even where a slope is infinite.
            if adjoint == 0.0 {
                continue;
            }
            let value = |index: u32| values[index as usize];
            match *node {
                Formula::Number(_) => {}
                Formula::Parameter(parameter) => result[parameter as usize] += adjoint,
                Formula::Unary(function, a) => {
                    adjoints[a as usize] += adjoint * slope(function, value(a), v);
                }
                Formula::Binary(operation, a, b) => {
                    let (da, db) = slopes(operation, value(a), value(b), v);
                    adjoints[a as usize] += adjoint * da;
                    adjoints[b as usize] += adjoint * db;
                }
                Formula::Select(c, a, b) => {
                    adjoints[if value(c) != 0.0 { a } else { b } as usize] += adjoint;
                }
            }
        }
        result
    }
}

/// Derivative of a function at `x`, where its value is `y`.
fn slope(function: Function, x: f64, y: f64) -> f64 {
    match function {
        Function::Negate => -1.0,
        Function::Not | Function::Floor => 0.0,
        Function::Abs => x.signum(),
        Function::Exp => y,
        Function::Ln => 1.0 / x,
        Function::Sqrt => 0.5 / y,
        Function::Tanh => 1.0 - y * y,
        Function::Sigmoid => y * (1.0 - y),
    }
}

/// Derivatives of an operation on `a` and `b`, where its value is `y`.
fn slopes(operation: Operation, a: f64, b: f64, y: f64) -> (f64, f64) {
    let first = |first: bool| if first { (1.0, 0.0) } else { (0.0, 1.0) };
    match operation {
        Operation::Add => (1.0, 1.0),
        Operation::Subtract => (1.0, -1.0),
        Operation::Multiply => (b, a),
        Operation::Divide => (1.0 / b, -y / b),
        Operation::Power => {
            let da = if b == 0.0 { 0.0 } else { b * power(a, b - 1.0) };
            (da, if a > 0.0 { y * ln(a) } else { 0.0 })
        }
        Operation::Min => first(a <= b),
        Operation::Max => first(a >= b),
        Operation::Less | Operation::LessEqual | Operation::Equal | Operation::And | Operation::Or => {
            (0.0, 0.0)
        }
    }
}
