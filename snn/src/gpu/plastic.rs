//! Weights that change during an episode, in the kernel; the equations are in [`crate::plasticity`].
//!
//! Each column of a projection, the connections into one neuron, stays with one invocation; the traces
//! of the sources are shared, hence the barriers around what reads them.

use std::fmt::Write as _;

use super::plan::{Plan, PlasticPlan};
use crate::equations::wgsl::float;
use crate::network::{Network, Source};
use crate::plasticity::Plastic;
use crate::weights::LARGEST;

/// Writes the code of one rule.
pub(super) struct Rule<'a> {
    pub(super) network: &'a Network,
    pub(super) plan: &'a Plan,
    pub(super) size: u32,
    pub(super) index: usize,
}

impl Rule<'_> {
    fn parts(&self) -> (&Plastic, &PlasticPlan) {
        (&self.network.plastic[self.index], &self.plan.plastic[self.index])
    }

    /// `weight_N(w0, s0, i, j)`: the weight that counts now.
    pub(super) fn weight(&self, text: &mut String) -> std::fmt::Result {
        let (plastic, at) = self.parts();
        let projection = &self.network.projections[plastic.projection];
        let (base, cols) = (self.plan.weights[plastic.projection], projection.cols);
        let name = self.index;
        writeln!(text, "fn weight_{name}(w0: u32, s0: u32, i: u32, j: u32) -> f32 {{")?;
        writeln!(
            text,
            "let place = i * {cols}u + j;\n\
             var w = ex(bitcast<f32>(weights[w0 + {base}u + place]) + bitcast<f32>(state[s0 + {}u + place]));",
            at.change
        )?;
        let step = projection.unit.step;
        if step > 0.0 {
            let (inverse, step) = (float(1.0 / step), float(step));
            let (low, high) = (float(-LARGEST), float(LARGEST));
            writeln!(text, "w = clamp(ex(round(ex(w * {inverse})) * {step}), {low}, {high});")?;
        }
        if !projection.signs.is_empty() {
            let words: Vec<String> = projection
                .signs
                .chunks(32)
                .map(|signs| {
                    let bits = signs.iter().enumerate().map(|(bit, &sign)| u32::from(sign > 0) << bit);
                    format!("{}u", bits.sum::<u32>())
                })
                .collect();
            writeln!(
                text,
                "var excitatory = array<u32, {}>({});\n\
                 let positive = extractBits(excitatory[i / 32u], i % 32u, 1u) == 1u;\n\
                 w = select(min(w, 0.0), max(w, 0.0), positive);",
                words.len(),
                words.join(", ")
            )?;
        }
        if !plastic.mask.is_empty() {
            writeln!(
                text,
                "let there = extractBits(weights[w0 + {}u + place / 32u], place % 32u, 1u) == 1u;\n\
                 w = select(0.0, w, there);",
                at.mask
            )?;
        }
        writeln!(text, "return w;\n}}")
    }

    /// Coefficient `k` of the column `j`.
    fn coefficient(&self, k: usize) -> String {
        let (plastic, at) = self.parts();
        let cols = self.network.projections[plastic.projection].cols;
        match plastic.individual {
            true => format!("bitcast<f32>(weights[w0 + {}u + j])", at.coefficients + k * cols),
            false => format!("bitcast<f32>(weights[w0 + {}u])", at.coefficients + k),
        }
    }

    /// Changes the weights, at the beginning of a control step.
    pub(super) fn learn(&self, text: &mut String) -> std::fmt::Result {
        let (plastic, at) = self.parts();
        let projection = &self.network.projections[plastic.projection];
        let (rows, cols) = (projection.rows, projection.cols);
        let (keep, low, high) = (float(plastic.keep), float(-plastic.bound), float(plastic.bound));
        writeln!(text, "for (var j = lane; j < {cols}u; j += {}u) {{", self.size)?;
        match plastic.reward {
            Some(reward) => writeln!(
                text,
                "let surprise = bitcast<f32>(inputs[i0 + {}u]);\n\
                 for (var i = 0u; i < {rows}u; i++) {{\n\
                 let h = s0 + {}u + i * {cols}u + j;\nlet e = s0 + {}u + i * {cols}u + j;\n\
                 let eligible = bitcast<f32>(state[e]);\n\
                 let next = ex(ex({keep} * bitcast<f32>(state[h])) + ex(surprise * eligible));\n\
                 state[h] = bitcast<u32>(clamp(faded(sound(next)), {low}, {high}));\n\
                 state[e] = bitcast<u32>(faded(ex(eligible * {})));\n}}",
                self.plan.modulators + reward.index,
                at.change,
                at.eligibility,
                float(reward.eligibility)
            )?,
            None => {
                let [a, b, c, d] = std::array::from_fn(|k| self.coefficient(k));
                writeln!(
                    text,
                    "let y = bitcast<f32>(state[s0 + {}u + j]);\n\
                     let u = ex(ex({a} * y) + {b});\nlet v = ex(ex({c} * y) + {d});\n\
                     for (var i = 0u; i < {rows}u; i++) {{\n\
                     let h = s0 + {}u + i * {cols}u + j;\n\
                     let x = bitcast<f32>(state[s0 + {}u + i]);\n\
                     let next = ex(ex({keep} * bitcast<f32>(state[h])) + ex(ex(x * u) + v));\n\
                     state[h] = bitcast<u32>(clamp(faded(sound(next)), {low}, {high}));\n}}",
                    at.targets, at.change, at.sources
                )?;
            }
        }
        writeln!(text, "}}")
    }

    /// What source `i` did in this tick.
    fn present(&self) -> String {
        let projection = &self.network.projections[self.parts().0.projection];
        if self.network.is_dense(projection) {
            return "bitcast<f32>(inputs[i0 + i])".into();
        }
        let word = match projection.source {
            Source::Input => format!("inputs[i0 + t * {}u + i / 32u]", projection.rows.div_ceil(32)),
            Source::Population(source) => format!("arriving_{source}[i / 32u]"),
        };
        format!("f32(extractBits({word}, i % 32u, 1u))")
    }

    /// Brings the traces of the sources up to date, before the target neurons' tick.
    pub(super) fn sources(&self, text: &mut String) -> std::fmt::Result {
        let (plastic, at) = self.parts();
        let rows = self.network.projections[plastic.projection].rows;
        writeln!(
            text,
            "for (var i = lane; i < {rows}u; i += {}u) {{\nlet x = s0 + {}u + i;\n\
             state[x] = bitcast<u32>(faded(ex(ex({} * bitcast<f32>(state[x])) + ex({} * {}))));\n}}",
            self.size,
            at.sources,
            float(plastic.trace),
            float(plastic.share),
            self.present()
        )
    }

    /// Eligibility and traces of the targets, after their tick and a barrier.
    pub(super) fn targets(&self, text: &mut String) -> std::fmt::Result {
        let (plastic, at) = self.parts();
        let projection = &self.network.projections[plastic.projection];
        let (rows, cols, target) = (projection.rows, projection.cols, projection.target);
        let activity = match self.network.populations[target].spiking() {
            true => format!("f32(extractBits(atomicLoad(&emitted_{target}[j / 32u]), j % 32u, 1u))"),
            false => format!("clamp(bitcast<f32>(state[s0 + {}u + j]), -1.0, 1.0)", self.plan.states[target]),
        };
        writeln!(
            text,
            "for (var j = lane; j < {cols}u; j += {}u) {{\nlet acting = {activity};\n\
             let y = s0 + {}u + j;\nlet before = bitcast<f32>(state[y]);",
            self.size, at.targets
        )?;
        if plastic.reward.is_some() {
            writeln!(
                text,
                "let plus = ex({} * acting);\nlet minus = ex({} * before);\n\
                 for (var i = 0u; i < {rows}u; i++) {{\n\
                 let e = s0 + {}u + i * {cols}u + j;\n\
                 let x = bitcast<f32>(state[s0 + {}u + i]);\n\
                 let pair = ex(ex(x * plus) - ex({} * minus));\n\
                 state[e] = bitcast<u32>(ex(bitcast<f32>(state[e]) + pair));\n}}",
                self.coefficient(0),
                self.coefficient(1),
                at.eligibility,
                at.sources,
                self.present()
            )?;
        }
        writeln!(
            text,
            "state[y] = bitcast<u32>(faded(ex(ex({} * before) + ex({} * acting))));\n}}",
            float(plastic.trace),
            float(plastic.share)
        )
    }
}
