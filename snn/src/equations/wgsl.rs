//! WGSL source of kernels.
//!
//! WGSL lets a device fuse and reorder `+ − ×`, and nothing in the language forbids it. In exact
//! mode each sum and product therefore passes `ex`, which flips bits by a number that is always 0
//! but that the compiler cannot know: so each is rounded by itself, as on the processor.

use std::fmt::Write as _;

use super::kernel::{Kernel, Op};

/// A literal with exactly this value.
#[allow(dead_code, reason = "the build script does not use it")]
pub fn float(value: f32) -> String {
    format!("bitcast<f32>({}u)", value.to_bits())
}

/// Helpers of the functions that [`Kernel::wgsl`] makes; stands once in a shader.
///
/// Declares `fault` (per invocation; its lowest bit is set if a state became infinite or not a
/// number) and `zero_bits`, which the entry point must set to 0 *from a uniform or storage buffer*
/// before the first call. `exact` selects the grid of states, as `GRID` does in
/// [`super::interpret()`].
pub fn prelude(exact: bool) -> String {
    let settle = if exact { SNAP } else { FREE };
    let ex = if exact { EX } else { "" };
    let sum = if exact { "ex(x + 12583039.0)" } else { "x + 12583039.0" };
    format!(
        "var<private> fault: u32;\nvar<private> zero_bits: u32;\n{ex}{settle}\
         fn power_of_two(x: f32) -> f32 {{\n    \
         return bitcast<f32>(bitcast<u32>({sum}) << 23u);\n}}\n{BITS}"
    )
}

const EX: &str = "
// Keeps the compiler from fusing or reordering around x.
fn ex(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ zero_bits);
}
";

const SNAP: &str = "
// A state after the tick: on the grid of 2^-16 in [-limit, limit]; 0 and a fault if not finite.
fn settle(x: f32, limit: f32) -> f32 {
    let bad = (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
    fault |= select(0u, 1u, bad);
    let limited = ex(clamp(select(x, 0.0, bad), -limit, limit));
    let snapped = ex(round(ex(limited * 65536.0)) * 1.52587890625e-5);
    // +0 for -0.
    let bits = bitcast<u32>(snapped);
    return bitcast<f32>(select(bits, 0u, bits == 0x80000000u));
}
";

const FREE: &str = "
// A state after the tick: 0 if subnormal; 0 and a fault if not finite.
fn settle(x: f32, limit: f32) -> f32 {
    let exponent = bitcast<u32>(x) & 0x7f800000u;
    let bad = exponent == 0x7f800000u;
    fault |= select(0u, 1u, bad);
    return select(x, 0.0, bad || exponent == 0u);
}
";

const BITS: &str = "
fn shifted(x: f32) -> u32 {
    return bitcast<u32>(x) + (0x3f800000u - 0x3f3504f3u);
}
fn exponent(x: f32) -> f32 {
    return f32(bitcast<i32>(shifted(x) >> 23u) - 127);
}
fn mantissa(x: f32) -> f32 {
    return bitcast<f32>((shifted(x) & 0x007fffffu) + 0x3f3504f3u);
}
fn reciprocal_seed(x: f32) -> f32 {
    return bitcast<f32>(0x7ef311c7u - bitcast<u32>(x));
}
fn root_seed(x: f32) -> f32 {
    return bitcast<f32>(0x5f375a86u - (bitcast<u32>(x) >> 1u));
}
";

impl Kernel {
    /// A WGSL function called `name` that computes this kernel, with the type of its result:
    ///
    /// ```text
    /// struct NAME_out { s0: f32, s1: f32, …, fired: bool }
    /// fn NAME(c0: f32, c1: f32, …, forward: f32, recurrent: f32, s0: f32, s1: f32, …) -> NAME_out
    /// ```
    ///
    /// `c…` are the constants, `s…` the states. The shader needs [`prelude`] of the same `exact`
    /// once. Without `exact` the device may fuse and reorder. If `traced`, the result of a spiking
    /// kernel also has `left` and `right`, the two sides of its condition.
    pub fn wgsl(&self, name: &str, exact: bool, traced: bool) -> String {
        let states = || (0..self.states.len()).map(|index| format!("s{index}: f32"));
        let sides = self.spike.filter(|_| traced);
        let extra = sides.map(|_| ["left: f32".to_owned(), "right: f32".to_owned()]);
        let fields: Vec<String> =
            states().chain(["fired: bool".to_owned()]).chain(extra.into_iter().flatten()).collect();
        let constants = (0..self.constants).map(|index| format!("c{index}: f32"));
        let inputs = ["forward: f32".to_owned(), "recurrent: f32".to_owned()];
        let arguments: Vec<String> = constants.chain(inputs).chain(states()).collect();
        let mut text = format!(
            "struct {name}_out {{ {} }}\nfn {name}({}) -> {name}_out {{\n",
            fields.join(", "),
            arguments.join(", ")
        );
        let needed = self.needed(traced);
        for (index, op) in self.ops.iter().enumerate() {
            if needed[index] {
                let value = expression(*op, exact);
                writeln!(text, "    let x{index} = {value};").expect("writing to a String does not fail");
            }
        }
        let next = self.next.iter().map(|op| format!("settle(x{op}, {})", literal(self.limit)));
        let fired = self.spike.map_or("false".to_owned(), |spike| format!("x{}", spike.fired));
        let sides = sides.map(|spike| [format!("x{}", spike.left), format!("x{}", spike.right)]);
        let values: Vec<String> = next.chain([fired]).chain(sides.into_iter().flatten()).collect();
        text + &format!("    return {name}_out({});\n}}\n", values.join(", "))
    }
}

fn expression(op: Op, exact: bool) -> String {
    let rounded = |value: String| if exact { format!("ex({value})") } else { value };
    match op {
        Op::Literal(bits) => literal(f32::from_bits(bits)),
        Op::Constant(index) => format!("c{index}"),
        Op::Forward => "forward".into(),
        Op::Recurrent => "recurrent".into(),
        Op::State(index) => format!("s{index}"),
        Op::Add(a, b) => rounded(format!("x{a} + x{b}")),
        Op::Sub(a, b) => rounded(format!("x{a} - x{b}")),
        Op::Mul(a, b) => rounded(format!("x{a} * x{b}")),
        Op::Neg(a) => format!("-x{a}"),
        Op::Abs(a) => format!("abs(x{a})"),
        Op::Floor(a) => format!("floor(x{a})"),
        Op::Less(a, b) => format!("x{a} < x{b}"),
        Op::LessEqual(a, b) => format!("x{a} <= x{b}"),
        Op::Equal(a, b) => format!("x{a} == x{b}"),
        Op::And(a, b) => format!("x{a} && x{b}"),
        Op::Or(a, b) => format!("x{a} || x{b}"),
        Op::Not(a) => format!("!x{a}"),
        Op::Select(c, a, b) => format!("select(x{b}, x{a}, x{c})"),
        Op::PowerOfTwo(a) => format!("power_of_two(x{a})"),
        Op::Exponent(a) => format!("exponent(x{a})"),
        Op::Mantissa(a) => format!("mantissa(x{a})"),
        Op::ReciprocalSeed(a) => format!("reciprocal_seed(x{a})"),
        Op::RootSeed(a) => format!("root_seed(x{a})"),
    }
}

/// WGSL has no infinite literals, and may not be shown one.
fn literal(value: f32) -> String {
    match value.is_finite() {
        true => format!("{value:?}f"),
        false => format!("bitcast<f32>({:#x}u ^ zero_bits)", value.to_bits()),
    }
}
