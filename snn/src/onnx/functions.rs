//! Functions made of several operators.

use super::graph::{Graph, Value};

/// The rational function [`tanh`](crate::tanh), with the same operations in the same order.
pub(crate) fn tanh(graph: &mut Graph, x: &Value) -> Value {
    let x = graph.clip(x, -4.97, 4.97);
    let q = graph.op("Mul", &[&x, &x]);
    let above = graph.number(378.0);
    let above = graph.op("Add", &[&above, &q]);
    let above = horner(graph, above, &q, &[17_325.0, 135_135.0]);
    let above = graph.op("Mul", &[&x, &above]);
    let below = graph.number(28.0);
    let below = horner(graph, below, &q, &[3_150.0, 62_370.0, 135_135.0]);
    let ratio = graph.op("Div", &[&above, &below]);
    graph.clip(&ratio, -1.0, 1.0)
}

/// `coefficient + q · total` for each coefficient in turn.
fn horner(graph: &mut Graph, mut total: Value, q: &Value, coefficients: &[f32]) -> Value {
    for &coefficient in coefficients {
        let product = graph.op("Mul", &[q, &total]);
        let coefficient = graph.number(coefficient);
        total = graph.op("Add", &[&coefficient, &product]);
    }
    total
}

/// x · scale rounded to a whole number, half to even, times 1 / scale; `scale` is a power of two.
pub(super) fn snap(graph: &mut Graph, x: &Value, scale: f32) -> Value {
    let (up, down) = (graph.number(scale), graph.number(1.0 / scale));
    let x = graph.op("Mul", &[x, &up]);
    let x = graph.op("Round", &[&x]);
    graph.op("Mul", &[&x, &down])
}

/// 2ˣ for a whole number x.
pub(super) fn power_of_two(graph: &mut Graph, x: &Value) -> Value {
    let two = graph.number(2.0);
    graph.op("Pow", &[&two, x])
}

/// `libm::expf` for x ≤ 0, operation by operation: FreeBSD's `e_expf.c`.
pub(crate) fn exp(graph: &mut Graph, x: &Value) -> Value {
    let given = x;
    let x = &graph.clip(x, -104.0, 0.0);
    let size = graph.op("Neg", &[x]);
    let [small, medium, tiny] =
        [0x3eb1_7218, 0x3f85_1592, 0x3900_0000].map(|bits| graph.number(f32::from_bits(bits)));
    // k: 0 up to ½ ln 2, −1 up to 1½ ln 2, beyond x / ln 2 rounded.
    let (inverse, half) = (graph.number(f32::from_bits(0x3fb8_aa3b)), graph.number(0.5));
    let k = graph.op("Mul", &[&inverse, x]);
    let k = graph.op("Sub", &[&k, &half]);
    let k = graph.op("Ceil", &[&k]);
    let (zero, one, two, minus) =
        (graph.number(0.0), graph.number(1.0), graph.number(2.0), graph.number(-1.0));
    let far = graph.op("Greater", &[&size, &medium]);
    let near = graph.op("Greater", &[&size, &small]);
    let k = graph.op("Where", &[&far, &k, &minus]);
    let k = graph.op("Where", &[&near, &k, &zero]);
    let [high, low] = [0x3f31_7200, 0x35bf_be8e].map(|bits| graph.number(f32::from_bits(bits)));
    let high = graph.op("Mul", &[&k, &high]);
    let high = graph.op("Sub", &[x, &high]);
    let rest = graph.op("Mul", &[&k, &low]);
    let r = graph.op("Sub", &[&high, &rest]);
    let square = graph.op("Mul", &[&r, &r]);
    let p1 = graph.number(11_184_783.0 / (1_u32 << 26) as f32);
    let p2 = graph.number(-11_883_029.0 / (1_u64 << 32) as f32);
    let c = graph.op("Mul", &[&square, &p2]);
    let c = graph.op("Add", &[&p1, &c]);
    let c = graph.op("Mul", &[&square, &c]);
    let c = graph.op("Sub", &[&r, &c]);
    let above = graph.op("Mul", &[&r, &c]);
    let below = graph.op("Sub", &[&two, &c]);
    let y = graph.op("Div", &[&above, &below]);
    let y = graph.op("Sub", &[&y, &rest]);
    let y = graph.op("Add", &[&y, &high]);
    let y = graph.op("Add", &[&one, &y]);
    let power = power_of_two(graph, &k);
    let y = graph.op("Mul", &[&y, &power]);
    let line = graph.op("Add", &[&one, x]);
    let normal = graph.op("Greater", &[&size, &tiny]);
    let y = graph.op("Where", &[&normal, &y, &line]);
    let lowest = graph.number(f32::from_bits(0xc2cf_f1b5));
    let vanished = graph.op("LessOrEqual", &[given, &lowest]);
    graph.op("Where", &[&vanished, &zero, &y])
}
