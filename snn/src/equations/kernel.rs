//! One tick of one neuron as straight-line code, and its builder.

use std::collections::BTreeMap;

use super::error::{EquationError, Position};
use super::formula::{Constant, Formulas, to_f32};
use super::grid::{STATE_LIMIT, snap};

/// Most operations of one tick.
pub(super) const MAX_OPERATIONS: usize = 1024;
/// Most values that depend on parameters only.
const MAX_CONSTANTS: usize = 128;

/// One operation. Operands are indices of earlier operations; each result is a number (f32) or a
/// truth. All of them round the same way on every machine, and none of them branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The number with these bits.
    Literal(u32),
    /// A value that depends on parameters only.
    Constant(u32),
    /// Input current; of feed-forward projections only if the model reads them apart.
    Forward,
    /// Input current of recurrent projections.
    Recurrent,
    /// A state variable at the start of the tick.
    State(u32),
    /// a + b.
    Add(u32, u32),
    /// a − b.
    Sub(u32, u32),
    /// a · b.
    Mul(u32, u32),
    /// −a.
    Neg(u32),
    /// |a|.
    Abs(u32),
    /// The largest integer not above a.
    Floor(u32),
    /// a < b, a truth.
    Less(u32, u32),
    /// a ≤ b, a truth.
    LessEqual(u32, u32),
    /// a = b, a truth.
    Equal(u32, u32),
    /// Both, of two truths.
    And(u32, u32),
    /// At least one, of two truths.
    Or(u32, u32),
    /// The other truth.
    Not(u32),
    /// b where the truth a holds, c elsewhere; b and c may both be truths.
    Select(u32, u32, u32),
    /// 2^a for a whole number a in [−126, 127].
    PowerOfTwo(u32),
    /// The whole number k with a = m·2^k and m in [√½, √2), for normal a > 0.
    Exponent(u32),
    /// That m.
    Mantissa(u32),
    /// A first guess of 1/a, off by up to 12 %.
    ReciprocalSeed(u32),
    /// A first guess of 1/√a, off by up to 4 %, for a > 0.
    RootSeed(u32),
}

impl Op {
    /// Its operands; unused places repeat the first.
    pub fn operands(self) -> ([u32; 3], usize) {
        match self {
            Self::Literal(_) | Self::Constant(_) | Self::Forward | Self::Recurrent | Self::State(_) => {
                ([0; 3], 0)
            }
            Self::Neg(a)
            | Self::Abs(a)
            | Self::Floor(a)
            | Self::Not(a)
            | Self::PowerOfTwo(a)
            | Self::Exponent(a)
            | Self::Mantissa(a)
            | Self::ReciprocalSeed(a)
            | Self::RootSeed(a) => ([a; 3], 1),
            Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Less(a, b)
            | Self::LessEqual(a, b)
            | Self::Equal(a, b)
            | Self::And(a, b)
            | Self::Or(a, b) => ([a, b, a], 2),
            Self::Select(a, b, c) => ([a, b, c], 3),
        }
    }

    /// The same operation on renumbered operands.
    fn renumbered(self, new: impl Fn(u32) -> u32) -> Self {
        match self {
            Self::Literal(_) | Self::Constant(_) | Self::Forward | Self::Recurrent | Self::State(_) => self,
            Self::Neg(a) => Self::Neg(new(a)),
            Self::Abs(a) => Self::Abs(new(a)),
            Self::Floor(a) => Self::Floor(new(a)),
            Self::Not(a) => Self::Not(new(a)),
            Self::PowerOfTwo(a) => Self::PowerOfTwo(new(a)),
            Self::Exponent(a) => Self::Exponent(new(a)),
            Self::Mantissa(a) => Self::Mantissa(new(a)),
            Self::ReciprocalSeed(a) => Self::ReciprocalSeed(new(a)),
            Self::RootSeed(a) => Self::RootSeed(new(a)),
            Self::Add(a, b) => Self::Add(new(a), new(b)),
            Self::Sub(a, b) => Self::Sub(new(a), new(b)),
            Self::Mul(a, b) => Self::Mul(new(a), new(b)),
            Self::Less(a, b) => Self::Less(new(a), new(b)),
            Self::LessEqual(a, b) => Self::LessEqual(new(a), new(b)),
            Self::Equal(a, b) => Self::Equal(new(a), new(b)),
            Self::And(a, b) => Self::And(new(a), new(b)),
            Self::Or(a, b) => Self::Or(new(a), new(b)),
            Self::Select(a, b, c) => Self::Select(new(a), new(b), new(c)),
        }
    }
}

/// How a kernel spikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spike {
    /// Whether the neuron spikes, a truth.
    pub fired: u32,
    /// Left side of the condition as a lower bound: the neuron spikes where left > right (or ≥).
    /// For most models the membrane potential before the reset.
    pub left: u32,
    /// Right side, for most models the threshold.
    pub right: u32,
}

/// One tick of one neuron in static single assignment form.
///
/// To run it: compute `ops` in order; the state afterwards is [`super::settle_within`] of the values
/// `next`; the neuron spiked if `spike.fired` holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Name of the model.
    pub model: String,
    /// Names of the state variables: the model's, then `refractory` if asked for.
    pub states: Vec<String>,
    /// Number of values that depend on parameters only; see [`Kernel::constants`].
    pub constants: usize,
    /// Number of parameters: the model's, plus the refractory period if asked for.
    pub parameters: usize,
    /// The operations, in order.
    pub ops: Vec<Op>,
    /// Per state variable, the operation that is its value after the tick.
    pub next: Vec<u32>,
    /// The spike, unless the model is a readout.
    pub spike: Option<Spike>,
    /// Largest magnitude of a state variable on the grid.
    pub limit: f32,
    /// Whether the model reads the recurrent input apart. If not, all input goes into `forward`.
    pub recurrent: bool,
    /// Locals and state variables by name with the operations that are their last values, for
    /// probes.
    pub named: Vec<(String, u32)>,
    pub(super) formulas: Formulas,
    pub(super) hoisted: Vec<Constant>,
    pub(super) start: Vec<u32>,
}

impl Kernel {
    /// The values that depend on parameters only, for `parameters` in the order of the model; the
    /// refractory period in ticks comes last if asked for. Computed in f64 and rounded once. Not
    /// finite where a formula divides by zero and the like: see [`Kernel::check`].
    pub fn constants(&self, parameters: &[f64]) -> Vec<f32> {
        let values = self.formulas.values(parameters);
        self.hoisted.iter().map(|constant| to_f32(values[constant.formula as usize])).collect()
    }

    /// The start values of the state variables, rounded to the grid of states.
    pub fn initial(&self, parameters: &[f64]) -> Vec<f32> {
        let values = self.formulas.values(parameters);
        self.start.iter().map(|&formula| snap(to_f32(values[formula as usize]))).collect()
    }

    /// Whether all constants and start values are finite for these parameters.
    ///
    /// # Errors
    ///
    /// The place of the first expression in the text that is not.
    pub fn check(&self, parameters: &[f64]) -> Result<(), EquationError> {
        let values = self.formulas.values(parameters);
        for constant in &self.hoisted {
            let value = values[constant.formula as usize];
            if !to_f32(value).is_finite() {
                let message = format!(
                    "this is {value:?} for the given parameters, which is not a finite 32-bit number"
                );
                return Err(constant.at.error(message));
            }
        }
        for (&formula, state) in self.start.iter().zip(&self.states) {
            let value = values[formula as usize];
            if !to_f32(value).is_finite() {
                let message =
                    format!("state `{state}` would start at {value:?}, which is not a finite 32-bit number");
                return Err(Position::START.error(message));
            }
        }
        Ok(())
    }

    /// Which operations the state and the spike after the tick need, and if `traced` the two sides
    /// of its condition (`named` values may need more).
    pub(super) fn needed(&self, traced: bool) -> Vec<bool> {
        let sides = self.spike.filter(|_| traced).map(|spike| [spike.left, spike.right]);
        let spike = self.spike.map(|spike| spike.fired);
        let roots = self.next.iter().copied().chain(spike);
        marked(&self.ops, roots.chain(sides.into_iter().flatten()))
    }
}

/// The operations that `roots` depend on.
fn marked(ops: &[Op], roots: impl Iterator<Item = u32>) -> Vec<bool> {
    let mut needed = vec![false; ops.len()];
    for root in roots {
        needed[root as usize] = true;
    }
    for index in (0..ops.len()).rev() {
        if needed[index] {
            let (operands, count) = ops[index].operands();
            for &operand in &operands[..count] {
                needed[operand as usize] = true;
            }
        }
    }
    needed
}

/// What a kernel is made of besides its operations.
pub(super) struct Parts {
    pub(super) model: String,
    pub(super) states: Vec<String>,
    pub(super) parameters: usize,
    pub(super) next: Vec<u32>,
    pub(super) spike: Option<Spike>,
    pub(super) recurrent: bool,
    pub(super) named: Vec<(String, u32)>,
    pub(super) start: Vec<u32>,
}

/// Builds a kernel: the same operation on the same operands is stored once, what is known is
/// computed at once, what nobody needs is left out.
#[derive(Default)]
pub(super) struct Builder {
    ops: Vec<Op>,
    index: BTreeMap<Op, u32>,
    pub(super) formulas: Formulas,
    hoisted: Vec<Constant>,
}

impl Builder {
    pub(super) fn literal(&mut self, value: f32) -> u32 {
        self.push(Op::Literal(value.to_bits()))
    }

    /// The f32 of formula `formula`, which the text asks for at `at`.
    pub(super) fn constant(&mut self, formula: u32, at: Position) -> u32 {
        if let Some(value) = self.formulas.number(formula) {
            return self.literal(to_f32(value));
        }
        let known = self.hoisted.iter().position(|constant| constant.formula == formula);
        let index = known.unwrap_or_else(|| {
            self.hoisted.push(Constant { formula, at });
            self.hoisted.len() - 1
        });
        self.push(Op::Constant(index as u32))
    }

    fn number(&self, index: u32) -> Option<f32> {
        match self.ops[index as usize] {
            Op::Literal(bits) => Some(f32::from_bits(bits)),
            _ => None,
        }
    }

    /// The index of `op`.
    pub(super) fn push(&mut self, op: Op) -> u32 {
        let number = |index: u32| self.number(index);
        let op = match op {
            // Sums and products do not depend on the order of two operands.
            Op::Add(a, b) if b < a => Op::Add(b, a),
            Op::Mul(a, b) if b < a => Op::Mul(b, a),
            op => op,
        };
        let folded = match op {
            Op::Add(a, b) => number(a).zip(number(b)).map(|(a, b)| a + b),
            Op::Sub(a, b) => number(a).zip(number(b)).map(|(a, b)| a - b),
            Op::Mul(a, b) => number(a).zip(number(b)).map(|(a, b)| a * b),
            Op::Neg(a) => number(a).map(|a| -a),
            Op::Abs(a) => number(a).map(f32::abs),
            _ => None,
        };
        match op {
            Op::Mul(a, b) if number(a) == Some(1.0) => return b,
            Op::Mul(a, b) if number(b) == Some(1.0) => return a,
            Op::Neg(a) => {
                if let Op::Neg(inner) = self.ops[a as usize] {
                    return inner;
                }
            }
            Op::Not(a) => {
                if let Op::Not(inner) = self.ops[a as usize] {
                    return inner;
                }
            }
            Op::Select(_, a, b) if a == b => return a,
            _ => {}
        }
        let op = folded.map_or(op, |value| Op::Literal(value.to_bits()));
        *self.index.entry(op).or_insert_with(|| {
            self.ops.push(op);
            (self.ops.len() - 1) as u32
        })
    }

    /// Whether there are already more operations than a kernel may have.
    pub(super) fn full(&self) -> bool {
        self.ops.len() > 4 * MAX_OPERATIONS || self.formulas.len() > 4 * MAX_OPERATIONS
    }

    /// The kernel without what neither the next state, the spike nor a named value needs.
    pub(super) fn finish(self, parts: Parts) -> Result<Kernel, EquationError> {
        let spike = parts.spike.iter().flat_map(|spike| [spike.fired, spike.left, spike.right]);
        let named = parts.named.iter().map(|(_, op)| *op);
        let needed = marked(&self.ops, parts.next.iter().copied().chain(spike).chain(named));

        let mut new = vec![0; self.ops.len()];
        let mut ops = Vec::new();
        let mut constants: Vec<Constant> = Vec::new();
        for (index, op) in self.ops.into_iter().enumerate() {
            if !needed[index] {
                continue;
            }
            let op = match op {
                Op::Constant(constant) => {
                    constants.push(self.hoisted[constant as usize]);
                    Op::Constant((constants.len() - 1) as u32)
                }
                op => op.renumbered(|operand| new[operand as usize]),
            };
            new[index] = ops.len() as u32;
            ops.push(op);
        }
        for (what, count, limit) in [
            ("operations", ops.len(), MAX_OPERATIONS),
            ("values of parameters", constants.len(), MAX_CONSTANTS),
        ] {
            if count > limit {
                let message = format!("one tick of the model takes {count} {what}; at most {limit}");
                return Err(Position::START.error(message));
            }
        }
        let new = |op: u32| new[op as usize];
        Ok(Kernel {
            model: parts.model,
            states: parts.states,
            constants: constants.len(),
            parameters: parts.parameters,
            ops,
            next: parts.next.into_iter().map(new).collect(),
            spike: parts.spike.map(|spike| Spike {
                fired: new(spike.fired),
                left: new(spike.left),
                right: new(spike.right),
            }),
            limit: STATE_LIMIT,
            recurrent: parts.recurrent,
            named: parts.named.into_iter().map(|(name, op)| (name, new(op))).collect(),
            formulas: self.formulas,
            hoisted: constants,
            start: parts.start,
        })
    }
}
