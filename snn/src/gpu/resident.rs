//! The kernel for networks that fit into registers: one invocation per target neuron.
//!
//! An invocation keeps its neuron's states, constants and incoming weights through all ticks, and adds up all
//! sources, spiking or not. Spikes lie in workgroup memory three times: those of this tick, those of the last one, and
//! room for the next, so that one barrier per layer and tick is enough. Buffers are those of [`super::shader`], and so
//! are the bits.

use std::fmt::Write as _;

use super::plan::Plan;
use super::shader::{FOOTER, Shader, constant_index};
use crate::network::{Network, Projection, Source};
use crate::precision::storage::{Resident, Site};

/// Most invocations of a workgroup that every device allows.
const LARGEST: usize = 256;
/// Words of weights per invocation, so that those of one workgroup fit into the registers of most devices.
const ROOM: usize = 128;

/// Which projections' weights stay in registers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Residents(Vec<bool>);

impl Residents {
    /// None if this kernel is nothing for the network: layers with delays, rules or too many neurons, or too few weights
    /// that find room.
    pub(crate) fn new(network: &Network) -> Option<Self> {
        let hidden = network.hidden();
        let simple = network.plastic.is_empty()
            && hidden.iter().all(|population| population.delays.is_empty())
            && network.populations.iter().all(|population| population.neurons <= LARGEST);
        let storage = network.precision.storage();
        let mut room = ROOM;
        let fits = |projection: &Projection| {
            let words = storage.column(projection);
            let readable = !(storage.reads_bytes() && projection.source == Source::Input);
            let fits = readable && !network.is_dense(projection) && words <= room;
            room -= if fits { words } else { 0 };
            fits
        };
        let resident: Vec<bool> = network.projections.iter().map(fits).collect();
        let recurrent = network.projections.iter().zip(&resident).any(|(p, &fits)| p.recurrent && !fits);
        (simple && !recurrent && resident.contains(&true)).then_some(Self(resident))
    }
}

/// The source for workgroups of `size` invocations, at least as many as the widest population has neurons.
pub(crate) fn source(network: &Network, plan: &Plan, residents: &Residents, size: u32) -> String {
    let mut text = String::new();
    let kernel = Kernel { shader: Shader { network, plan, size, traced: false }, residents };
    kernel.write(&mut text).expect("writing to a string cannot fail");
    text
}

struct Kernel<'a> {
    shader: Shader<'a>,
    residents: &'a Residents,
}

impl Kernel<'_> {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Shader { network, plan, .. } = self.shader;
        let bytes = network.precision.storage().reads_bytes();
        self.shader.head(text)?;
        for index in 0..network.hidden().len() {
            writeln!(text, "var<workgroup> emitted_{index}: array<atomic<u32>, {}>;", 3 * plan.words[index])?;
            if bytes {
                let words = 3 * self.byte_words(index);
                writeln!(text, "var<workgroup> bytes_{index}: array<atomic<u32>, {words}>;")?;
            }
        }
        self.shader.main(text)?;
        writeln!(text, "let j = lane;")?;
        for index in 0..network.populations.len() {
            self.begin(text, index)?;
        }
        writeln!(text, "workgroupBarrier();\nfor (var t = 0u; t < {}u; t++) {{", network.ticks)?;
        writeln!(text, "let present = t % 3u;\nlet past = (t + 2u) % 3u;\nlet coming = (t + 1u) % 3u;")?;
        for index in 0..network.populations.len() {
            self.population(text, index)?;
        }
        text.push_str("}\n");
        for (index, population) in network.populations.iter().enumerate() {
            let neurons = population.neurons;
            writeln!(text, "if (j < {neurons}u) {{")?;
            for k in 0..population.neuron.kernel().states.len() {
                let at = plan.states[index] + k * neurons;
                writeln!(text, "state[s0 + {at}u + j] = bitcast<u32>(s_{index}_{k});")?;
            }
            writeln!(text, "}}")?;
        }
        text.push_str(FOOTER);
        let readout = network.populations.len() - 1;
        let neurons = network.populations[readout].neurons;
        writeln!(
            text,
            "if (j < {neurons}u) {{ outputs[o0 + j] = bitcast<u32>(s_{readout}_0); }}\n\
             if (lane < 3u) {{ outputs[o0 + {neurons}u + lane] = atomicLoad(&counters[lane]); }}\n}}"
        )
    }

    /// Words in which each neuron of a population has a byte.
    fn byte_words(&self, population: usize) -> usize {
        self.shader.network.populations[population].neurons.div_ceil(4)
    }

    /// Where the weights of projection `at` are, and its sources' spikes.
    fn resident(&self, at: usize, out: &'static str) -> Resident<'_> {
        let projection = &self.shader.network.projections[at];
        let target = projection.target;
        let (words, bytes) = match projection.source {
            Source::Input => (self.shader.site(at, out).word, None),
            Source::Population(source) => {
                // Populations before the target have had this tick.
                let when = if source < target { "present" } else { "past" };
                let row = |words: usize| format!("{when} * {words}u");
                let words = row(self.shader.plan.words[source]);
                let bytes = row(self.byte_words(source));
                (
                    format!("atomicLoad(&emitted_{source}[{words} + w])"),
                    Some(format!("atomicLoad(&bytes_{source}[{bytes} + w])")),
                )
            }
        };
        let site = Site { word: words, ..self.shader.site(at, out) };
        Resident { site, name: format!("w_{at}"), bytes }
    }

    /// Takes states, constants, weights and the last spikes, and sums up what is the same in all ticks.
    fn begin(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let Shader { network, plan, .. } = self.shader;
        let population = &network.populations[index];
        let (neurons, kernel) = (population.neurons, population.neuron.kernel());
        let storage = network.precision.storage();
        for k in 0..kernel.states.len() {
            writeln!(text, "var s_{index}_{k} = 0.0;")?;
        }
        for k in 0..kernel.constants {
            writeln!(text, "var c_{index}_{k} = 0.0;")?;
        }
        writeln!(text, "var current_{index} = 0.0;")?;
        let incoming = || network.incoming(index).filter(|(_, p)| !network.is_dense(p));
        for (at, projection) in incoming().filter(|(at, _)| self.residents.0[*at]) {
            for k in 0..storage.column(projection) {
                writeln!(text, "var w_{at}_{k} = 0u;")?;
            }
        }
        let differ = population.spiking() && network.same_fan_out(population).is_none();
        if differ {
            writeln!(text, "var fan_out_{index} = 0u;")?;
        }
        writeln!(text, "if (j < {neurons}u) {{")?;
        for k in 0..kernel.states.len() {
            let from = match population.clear {
                true => format!("weights[w0 + {}]", constant_index(plan.initial[index], population, k)),
                false => format!("state[s0 + {}u + j]", plan.states[index] + k * neurons),
            };
            writeln!(text, "s_{index}_{k} = bitcast<f32>({from});")?;
        }
        for k in 0..kernel.constants {
            let at = constant_index(plan.constants[index], population, k);
            writeln!(text, "c_{index}_{k} = bitcast<f32>(weights[w0 + {at}]);")?;
        }
        if differ {
            writeln!(text, "fan_out_{index} = weights[w0 + {}u + j];", plan.fan_out[index])?;
        }
        for (at, _) in network.incoming(index).filter(|(_, p)| network.is_dense(p)) {
            writeln!(text, "{{")?;
            storage.currents(text, &self.shader.site(at, "sum"))?;
            writeln!(text, "current_{index} = sum;\n}}")?;
        }
        for (at, _) in incoming().filter(|(at, _)| self.residents.0[*at]) {
            storage.take(text, &self.resident(at, "forward"))?;
        }
        writeln!(text, "}}")?;
        let words = plan.words[index];
        if words > 0 {
            // Without delays there is one row from the last control step. The kernel begins with tick 0, whose past is 2.
            let (spikes, last) = (plan.spikes[index], network.ticks * words);
            writeln!(
                text,
                "if (lane < {words}u) {{\nlet word = state[s0 + {}u + lane];\nstate[s0 + {spikes}u + lane] = word;\n\
                 atomicStore(&emitted_{index}[{}u + lane], word);\natomicStore(&emitted_{index}[lane], 0u);\n}}",
                spikes + last,
                2 * words
            )?;
            if storage.reads_bytes() {
                let count = self.byte_words(index);
                writeln!(
                    text,
                    "if (lane < {count}u) {{\n\
                     let four = state[s0 + {}u + lane / 8u] >> (lane % 8u * 4u);\n\
                     let spread = (four & 1u) | (four & 2u) << 7u | (four & 4u) << 14u | (four & 8u) << 21u;\n\
                     atomicStore(&bytes_{index}[{}u + lane], spread);\natomicStore(&bytes_{index}[lane], 0u);\n}}",
                    spikes + last,
                    2 * count
                )?;
            }
        }
        Ok(())
    }

    /// One tick of one population.
    fn population(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let Shader { network, plan, .. } = self.shader;
        let population = &network.populations[index];
        let (neurons, kernel) = (population.neurons, population.neuron.kernel());
        let storage = network.precision.storage();
        writeln!(text, "if (j < {neurons}u) {{\nvar forward = current_{index};\nvar recurrent = 0.0;")?;
        for (at, projection) in network.incoming(index).filter(|(_, p)| !network.is_dense(p)) {
            let out = if projection.recurrent && kernel.recurrent { "recurrent" } else { "forward" };
            let resident = self.resident(at, out);
            match self.residents.0[at] {
                true => storage.all(text, &resident)?,
                false => storage.spikes(text, &resident.site)?,
            }
        }
        let constants = (0..kernel.constants).map(|k| format!("c_{index}_{k}"));
        let states = (0..kernel.states.len()).map(|k| format!("s_{index}_{k}"));
        let inputs = ["forward".to_owned(), "recurrent".to_owned()];
        let arguments: Vec<String> = constants.chain(inputs).chain(states).collect();
        writeln!(text, "let next = tick_{index}({});", arguments.join(", "))?;
        for k in 0..kernel.states.len() {
            writeln!(text, "s_{index}_{k} = next.s{k};")?;
        }
        let words = plan.words[index];
        if population.spiking() {
            let count = match network.same_fan_out(population) {
                Some(count) => format!("{count}u"),
                None => format!("fan_out_{index}"),
            };
            writeln!(
                text,
                "if (next.fired) {{\natomicOr(&emitted_{index}[present * {words}u + j / 32u], 1u << (j % 32u));"
            )?;
            if storage.reads_bytes() {
                let count = self.byte_words(index);
                writeln!(
                    text,
                    "atomicOr(&bytes_{index}[present * {count}u + j / 4u], 1u << (j % 4u * 8u));"
                )?;
            }
            writeln!(text, "spikes += 1u;\noperations += {count};\n}}")?;
        }
        writeln!(text, "}}")?;
        if words > 0 {
            writeln!(
                text,
                "if (lane < {words}u) {{ atomicStore(&emitted_{index}[coming * {words}u + lane], 0u); }}"
            )?;
            if storage.reads_bytes() {
                let count = self.byte_words(index);
                writeln!(
                    text,
                    "if (lane < {count}u) {{ atomicStore(&bytes_{index}[coming * {count}u + lane], 0u); }}"
                )?;
            }
            writeln!(
                text,
                "workgroupBarrier();\nif (lane < {words}u) {{\n\
                 state[s0 + {}u + t * {words}u + lane] = atomicLoad(&emitted_{index}[present * {words}u + lane]);\n}}",
                plan.spikes[index] + words
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use wgpu::naga;

    use super::super::shader::tests::network;
    use super::*;
    use crate::config::Precision;

    #[test]
    fn kernels_are_valid_and_have_a_barrier_per_layer_and_tick() {
        for precision in Precision::ALL {
            for encoder in ["Current(negated: true)", "Rate()"] {
                let network = network(&format!(
                    "(hidden: [Recurrent(neurons: 40), Dense(neurons: 9, skip: [\"input\"])], precision: {precision:?}, \
                     encoder: {encoder}, decoder: Count())"
                ));
                let source = source(&network, &Plan::new(&network), &Residents::new(&network).unwrap(), 64);
                let module = naga::front::wgsl::parse_str(&source)
                    .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&source)));
                let (flags, none) = (naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
                naga::valid::Validator::new(flags, none).validate(&module).unwrap();
                // Before the ticks, one per hidden layer, before the counters are read.
                assert_eq!(source.matches("workgroupBarrier();").count(), 2 + network.hidden().len());
            }
        }
    }

    #[test]
    fn what_does_not_fit_has_no_such_kernel() {
        for (text, fits) in [
            ("(hidden: [Recurrent(neurons: 128)])", true),
            ("(hidden: [Recurrent(neurons: 129)])", false),
            ("(hidden: [Recurrent(neurons: 256)], precision: I8)", true),
            ("(hidden: [Recurrent(neurons: 257)], precision: I8)", false),
            ("(hidden: [Recurrent(neurons: 20, delay: (0, 2))])", false),
            ("(hidden: [Recurrent(neurons: 20)], plasticity: [()])", false),
        ] {
            assert_eq!(Residents::new(&network(text)).is_some(), fits, "{text}");
        }
    }
}
