//! One tick of a population: the operations of its kernel.

use super::functions::{power_of_two, snap};
use super::graph::{Graph, Value};
use crate::equations::{Kernel, Op};

/// The values that a tick reads. `None` is zero.
pub(super) struct Tick<'a> {
    /// Of each of the kernel's constants.
    pub(super) constants: &'a [Value],
    /// `[batch, neurons]`.
    pub(super) forward: &'a Value,
    pub(super) recurrent: Option<&'a Value>,
    /// One value per state variable.
    pub(super) states: &'a [Value],
    /// Whether states lie on their grid.
    pub(super) grid: bool,
}

/// States after the tick and, if the model spikes, spikes as 1 or 0, all `[batch, neurons]`.
pub(super) fn tick(graph: &mut Graph, kernel: &Kernel, tick: &Tick<'_>) -> (Vec<Value>, Option<Value>) {
    // A value, whether it is a truth, and whether it has all axes.
    let mut values: Vec<(Value, bool, bool)> = Vec::with_capacity(kernel.ops.len());
    for op in &kernel.ops {
        let (operands, count) = op.operands();
        let full = operands[..count].iter().any(|&operand| values[operand as usize].2);
        let value = |operand: u32| values[operand as usize].0.clone();
        let number = |value| (value, false, full);
        let result = match *op {
            Op::Literal(bits) => number(graph.number(f32::from_bits(bits))),
            Op::Constant(index) => number(tick.constants[index as usize].clone()),
            Op::Forward => (tick.forward.clone(), false, true),
            Op::Recurrent => match tick.recurrent {
                Some(current) => (current.clone(), false, true),
                None => number(graph.number(0.0)),
            },
            Op::State(index) => (tick.states[index as usize].clone(), false, true),
            Op::Add(a, b) => number(graph.op("Add", &[&value(a), &value(b)])),
            Op::Sub(a, b) => number(graph.op("Sub", &[&value(a), &value(b)])),
            Op::Mul(a, b) => number(graph.op("Mul", &[&value(a), &value(b)])),
            Op::Neg(a) => number(graph.op("Neg", &[&value(a)])),
            Op::Abs(a) => number(graph.op("Abs", &[&value(a)])),
            Op::Floor(a) => number(graph.op("Floor", &[&value(a)])),
            Op::PowerOfTwo(a) => number(power_of_two(graph, &value(a))),
            Op::Exponent(a) => number(split(graph, &value(a)).0),
            Op::Mantissa(a) => number(split(graph, &value(a)).1),
            // The steps of Newton's method that follow lead to the same value from any guess.
            Op::ReciprocalSeed(a) => number(graph.op("Reciprocal", &[&value(a)])),
            Op::RootSeed(a) => {
                let root = graph.op("Sqrt", &[&value(a)]);
                number(graph.op("Reciprocal", &[&root]))
            }
            Op::Less(a, b) => (graph.op("Less", &[&value(a), &value(b)]), true, full),
            Op::LessEqual(a, b) => (graph.op("LessOrEqual", &[&value(a), &value(b)]), true, full),
            Op::Equal(a, b) => (graph.op("Equal", &[&value(a), &value(b)]), true, full),
            Op::And(a, b) => (graph.op("And", &[&value(a), &value(b)]), true, full),
            Op::Or(a, b) => (graph.op("Or", &[&value(a), &value(b)]), true, full),
            Op::Not(a) => (graph.op("Not", &[&value(a)]), true, full),
            Op::Select(c, a, b) => {
                let truth = values[a as usize].1;
                let (c, a, b) = (value(c), value(a), value(b));
                (
                    if truth { choose(graph, &c, &a, &b) } else { graph.op("Where", &[&c, &a, &b]) },
                    truth,
                    full,
                )
            }
        };
        values.push(result);
    }
    let mut whole = |index: u32| {
        let (value, truth, full) = &values[index as usize];
        let value = if *truth { graph.cast(value, false) } else { value.clone() };
        if *full { value } else { graph.expand(&value, tick.forward) }
    };
    let next: Vec<Value> = kernel.next.iter().map(|&op| whole(op)).collect();
    let spikes = kernel.spike.map(|spike| whole(spike.fired));
    (next.iter().map(|state| settle(graph, state, kernel.limit, tick.grid)).collect(), spikes)
}

/// The truth a where c holds, b elsewhere. `Where` need not take truths.
fn choose(graph: &mut Graph, c: &Value, a: &Value, b: &Value) -> Value {
    let first = graph.op("And", &[c, a]);
    let other = graph.op("Not", &[c]);
    let other = graph.op("And", &[&other, b]);
    graph.op("Or", &[&first, &other])
}

/// k and m with a = m·2ᵏ and m in [√½, √2), for normal a > 0. The logarithm is off by less than 1.
fn split(graph: &mut Graph, a: &Value) -> (Value, Value) {
    let scale = graph.number(std::f32::consts::LOG2_E);
    let k = graph.op("Log", &[a]);
    let k = graph.op("Mul", &[&k, &scale]);
    let k = graph.op("Round", &[&k]);
    let mantissa = |graph: &mut Graph, k: &Value| {
        let minus = graph.op("Neg", &[k]);
        let power = power_of_two(graph, &minus);
        graph.op("Mul", &[a, &power])
    };
    let m = mantissa(graph, &k);
    let [low, high] = [0x3f35_04f3, 0x3fb5_04f3].map(|bits| graph.number(f32::from_bits(bits)));
    let below = graph.op("Less", &[&m, &low]);
    let above = graph.op("LessOrEqual", &[&high, &m]);
    let (below, above) = (graph.cast(&below, false), graph.cast(&above, false));
    let k = graph.op("Add", &[&k, &above]);
    let k = graph.op("Sub", &[&k, &below]);
    let m = mantissa(graph, &k);
    (k, m)
}

/// A state after the tick: on the grid within ±limit, or else freed of numbers below 2⁻¹²⁶.
fn settle(graph: &mut Graph, x: &Value, limit: f32, grid: bool) -> Value {
    if grid {
        let x = graph.clip(x, -limit, limit);
        return snap(graph, &x, 65_536.0);
    }
    let size = graph.op("Abs", &[x]);
    let (least, zero) = (graph.number(f32::MIN_POSITIVE), graph.number(0.0));
    let small = graph.op("Less", &[&size, &least]);
    graph.op("Where", &[&small, &zero, x])
}
