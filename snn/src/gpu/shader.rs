//! The kernel's source: one workgroup per individual, all layers, all ticks of a control step.
//!
//! Invocations share out the neurons of a layer. Spikes meet in workgroup memory: each population
//! has *emitted* words, which its neurons set, and *arriving* words, which its targets read. Barriers
//! stand only in loops whose bounds are constants.

use std::fmt::Write as _;

use super::plan::Plan;
use super::plastic::Rule;
use crate::equations::wgsl::prelude;
use crate::network::{Network, Population, Source};
use crate::precision::storage::Site;

/// The source for workgroups of `size` invocations; if `traced`, of a kernel that also records what
/// happens in each tick of one individual.
pub(crate) fn source(network: &Network, plan: &Plan, size: u32, traced: bool) -> String {
    let mut text = String::new();
    let shader = Shader { network, plan, size, traced };
    shader.write(&mut text).expect("writing to a string cannot fail");
    text
}

/// What both kernels are made from.
pub(super) struct Shader<'a> {
    pub(super) network: &'a Network,
    pub(super) plan: &'a Plan,
    pub(super) size: u32,
    pub(super) traced: bool,
}

impl Shader<'_> {
    /// Functions and buffers.
    pub(super) fn head(&self, text: &mut String) -> std::fmt::Result {
        let network = self.network;
        text.push_str(&prelude(network.format.grid()));
        for (index, population) in network.populations.iter().enumerate() {
            let name = format!("tick_{index}");
            text.push_str(&population.neuron.kernel().wgsl(&name, network.format.grid(), self.traced));
        }
        text.push_str(HEADER);
        if !network.format.grid() {
            text.push_str("fn ex(x: f32) -> f32 { return x; }\n");
        }
        Ok(())
    }

    /// The beginning of the entry point.
    pub(super) fn main(&self, text: &mut String) -> std::fmt::Result {
        let Self { plan, size, .. } = *self;
        writeln!(text, "var<workgroup> counters: array<atomic<u32>, 3>;")?;
        writeln!(text, "@compute @workgroup_size({size})")?;
        text.push_str(MAIN);
        let word = |name: &str, words: usize| format!("let {name} = slot * {words}u;\n");
        text.push_str(&word("w0", plan.weight_words));
        text.push_str(&word("s0", plan.state_words));
        text.push_str(&word("i0", plan.input_words));
        text.push_str(&word("o0", plan.output_words));
        writeln!(text, "zero_bits = settings.x;\nvar spikes = 0u;\nvar operations = 0u;")?;
        writeln!(text, "if (lane < 3u) {{ atomicStore(&counters[lane], 0u); }}")
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Self { network, plan, size, .. } = *self;
        let populations = &network.populations;
        self.head(text)?;
        for index in 0..network.plastic.len() {
            self.rule(index).weight(text)?;
        }
        if self.traced {
            text.push_str("@group(0) @binding(6) var<storage, read_write> traces: array<f32>;\n");
        }
        for (index, population) in network.hidden().iter().enumerate() {
            let words = plan.words[index];
            writeln!(text, "var<workgroup> emitted_{index}: array<atomic<u32>, {words}>;")?;
            writeln!(text, "var<workgroup> arriving_{index}: array<u32, {words}>;")?;
            self.constants(text, index, population)?;
        }
        self.main(text)?;
        for index in 0..network.plastic.len() {
            self.rule(index).learn(text)?;
        }
        for index in 0..populations.len() {
            self.begin(text, index)?;
        }
        writeln!(text, "workgroupBarrier();\nfor (var t = 0u; t < {}u; t++) {{", network.ticks)?;
        for index in 0..populations.len() {
            self.population(text, index)?;
        }
        text.push_str("}\n");
        text.push_str(FOOTER);
        let readout = populations.len() - 1;
        let neurons = populations[readout].neurons;
        writeln!(
            text,
            "for (var j = lane; j < {neurons}u; j += {size}u) {{ outputs[o0 + j] = state[s0 + {}u + j]; }}\n\
             if (lane < 3u) {{ outputs[o0 + {neurons}u + lane] = atomicLoad(&counters[lane]); }}\n}}",
            plan.states[readout]
        )
    }

    /// What is the same for everyone: delays.
    fn constants(&self, text: &mut String, index: usize, population: &Population) -> std::fmt::Result {
        for (k, (_, select)) in population.delays.iter().enumerate() {
            let words = narrow(select, self.plan.words[index]);
            writeln!(text, "const delayed_{index}_{k} = array<u32, {}>({});", words.len(), list(&words))?;
        }
        Ok(())
    }

    fn rule(&self, index: usize) -> Rule<'_> {
        Rule { network: self.network, plan: self.plan, size: self.size, index }
    }

    /// Rules on the projections into a population.
    fn rules(&self, population: usize) -> impl Iterator<Item = Rule<'_>> {
        let rules = self.network.incoming(population).filter_map(|(_, projection)| projection.plastic);
        rules.map(|index| self.rule(index))
    }

    /// The weight in row `i` and column `j` of a projection of floats.
    fn weight(&self, projection: usize) -> String {
        let cols = self.network.projections[projection].cols;
        match self.network.projections[projection].plastic {
            Some(index) => format!("weight_{index}(w0, s0, i, j)"),
            None => {
                format!("bitcast<f32>(weights[w0 + {}u + i * {cols}u + j])", self.plan.weights[projection])
            }
        }
    }

    /// Where projection `at` is; `out` takes the weights of spikes.
    pub(super) fn site(&self, at: usize, out: &'static str) -> Site<'_> {
        let projection = &self.network.projections[at];
        let word = match projection.source {
            Source::Input => format!("inputs[i0 + t * {}u + w]", projection.rows.div_ceil(32)),
            Source::Population(source) => format!("arriving_{source}[w]"),
        };
        Site { projection, base: self.plan.weights[at], weight: self.weight(at), word, out }
    }

    /// What happens once, before the first tick.
    fn begin(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let Self { network, plan, size, .. } = *self;
        let population = &network.populations[index];
        let neurons = population.neurons;
        if population.clear {
            writeln!(text, "for (var j = lane; j < {neurons}u; j += {size}u) {{")?;
            for k in 0..population.neuron.kernel().states.len() {
                let from = constant_index(plan.initial[index], population, k);
                writeln!(
                    text,
                    "state[s0 + {}u + j] = weights[w0 + {from}];",
                    plan.states[index] + k * neurons
                )?;
            }
            writeln!(text, "}}")?;
        }
        for (at, _) in network.incoming(index).filter(|(_, p)| network.is_dense(p)) {
            let to = plan.currents[index].expect("a dense projection has room for its currents");
            writeln!(text, "for (var j = lane; j < {neurons}u; j += {size}u) {{")?;
            network.precision.storage().currents(text, &self.site(at, "sum"))?;
            writeln!(text, "state[s0 + {to}u + j] = bitcast<u32>(sum);\n}}")?;
        }
        let words = plan.words[index];
        if words > 0 {
            // Each word stays with one invocation, so rows need no barrier.
            let (rows, shift) = (network.history, network.ticks * words);
            writeln!(text, "for (var w = lane; w < {words}u; w += {size}u) {{")?;
            writeln!(text, "let rows = s0 + {}u + w;", plan.spikes[index])?;
            writeln!(text, "for (var r = 0u; r < {rows}u; r++) {{")?;
            writeln!(text, "state[rows + r * {words}u] = state[rows + r * {words}u + {shift}u];\n}}")?;
            writeln!(text, "let row = {}u;", rows - 1)?;
            self.arrive(text, index)?;
            writeln!(text, "atomicStore(&emitted_{index}[w], 0u);\n}}")?;
        }
        Ok(())
    }

    /// Sets word `w` of the arriving spikes once row `row` is written.
    fn arrive(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let words = self.plan.words[index];
        let delays = &self.network.populations[index].delays;
        if delays.is_empty() {
            return writeln!(text, "arriving_{index}[w] = state[rows + row * {words}u];");
        }
        writeln!(text, "var late = 0u;")?;
        for (k, (delay, _)) in delays.iter().enumerate() {
            writeln!(
                text,
                "{{ var select_ = delayed_{index}_{k}; \
                 late |= state[rows + (row - {delay}u) * {words}u] & select_[w]; }}"
            )?;
        }
        writeln!(text, "arriving_{index}[w] = late;")
    }

    /// One tick of one population.
    fn population(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let Self { network, plan, size, .. } = *self;
        let population = &network.populations[index];
        let (neurons, kernel) = (population.neurons, population.neuron.kernel());
        self.rules(index).try_for_each(|rule| rule.sources(text))?;
        writeln!(text, "for (var j = lane; j < {neurons}u; j += {size}u) {{")?;
        match plan.currents[index] {
            Some(at) => writeln!(text, "var forward = bitcast<f32>(state[s0 + {at}u + j]);")?,
            None => writeln!(text, "var forward = 0.0;")?,
        }
        writeln!(text, "var recurrent = 0.0;")?;
        for (at, projection) in network.incoming(index).filter(|(_, p)| !network.is_dense(p)) {
            let out = if projection.recurrent && kernel.recurrent { "recurrent" } else { "forward" };
            network.precision.storage().spikes(text, &self.site(at, out))?;
        }
        self.neuron(text, index)?;
        writeln!(text, "}}")?;
        if self.rules(index).next().is_some() {
            writeln!(text, "storageBarrier();\nworkgroupBarrier();")?;
            self.rules(index).try_for_each(|rule| rule.targets(text))?;
            // The sources' traces may change again only when all have read them.
            writeln!(text, "storageBarrier();")?;
            if plan.words[index] == 0 {
                writeln!(text, "workgroupBarrier();")?;
            }
        }
        let words = plan.words[index];
        if words > 0 {
            writeln!(text, "workgroupBarrier();\nfor (var w = lane; w < {words}u; w += {size}u) {{")?;
            writeln!(
                text,
                "let rows = s0 + {}u + w;\nlet row = {}u + t;",
                plan.spikes[index], network.history
            )?;
            writeln!(text, "state[rows + row * {words}u] = atomicExchange(&emitted_{index}[w], 0u);")?;
            self.arrive(text, index)?;
            writeln!(text, "}}\nworkgroupBarrier();")?;
        }
        Ok(())
    }

    /// Calls the neuron model and stores what it gives.
    fn neuron(&self, text: &mut String, index: usize) -> std::fmt::Result {
        let Self { network, plan, .. } = *self;
        let population = &network.populations[index];
        let (neurons, kernel) = (population.neurons, population.neuron.kernel());
        let mut arguments = Vec::new();
        for k in 0..kernel.constants {
            let at = constant_index(plan.constants[index], population, k);
            arguments.push(format!("bitcast<f32>(weights[w0 + {at}])"));
        }
        arguments.extend(["forward".into(), "recurrent".into()]);
        for k in 0..kernel.states.len() {
            arguments.push(format!("bitcast<f32>(state[s0 + {}u + j])", plan.states[index] + k * neurons));
        }
        writeln!(text, "let next = tick_{index}({});", arguments.join(", "))?;
        for k in 0..kernel.states.len() {
            let at = plan.states[index] + k * neurons;
            writeln!(text, "state[s0 + {at}u + j] = bitcast<u32>(next.s{k});")?;
        }
        if population.spiking() {
            let count = match network.same_fan_out(population) {
                Some(count) => format!("{count}u"),
                None => format!("weights[w0 + {}u + j]", plan.fan_out[index]),
            };
            writeln!(
                text,
                "if (next.fired) {{\natomicOr(&emitted_{index}[j / 32u], 1u << (j % 32u));\n\
                 spikes += 1u;\noperations += {count};\n}}"
            )?;
        }
        if self.traced {
            let before: usize =
                network.populations[..index].iter().map(|p| trace_rows(p) * p.neurons * network.ticks).sum();
            let mut values = vec!["forward + recurrent".to_owned()];
            if population.spiking() {
                values.extend(["next.left".into(), "next.right".into()]);
            }
            values.extend((0..kernel.states.len()).map(|k| format!("next.s{k}")));
            writeln!(text, "if (slot == slots[2]) {{")?;
            for (row, value) in values.iter().enumerate() {
                let at = before + row * neurons * network.ticks;
                writeln!(text, "traces[{at}u + t * {neurons}u + j] = {value};")?;
            }
            writeln!(text, "}}")?;
        }
        Ok(())
    }
}

/// Traces of a population: current, the two sides of the spike condition, states.
pub(crate) fn trace_rows(population: &Population) -> usize {
    1 + if population.spiking() { 2 } else { 0 } + population.neuron.kernel().states.len()
}

/// Index of value `k` of the neuron `j`, after the individual's first word.
pub(super) fn constant_index(base: usize, population: &Population, k: usize) -> String {
    if population.individual {
        format!("{}u + j", base + k * population.neurons)
    } else {
        format!("{}u", base + k)
    }
}

fn narrow(words: &[u64], count: usize) -> Vec<u32> {
    (0..count).map(|index| (words[index / 2] >> (index % 2 * 32)) as u32).collect()
}

fn list(values: &[u32]) -> String {
    values.iter().map(|value| format!("{value}u")).collect::<Vec<_>>().join(", ")
}

const HEADER: &str = "
// x: 0. Nothing that a branch depends on: a driver may compile in the value of that, and so the zero.
@group(0) @binding(0) var<uniform> settings: vec4<u32>;
// How many individuals take part, turns of the last loop, the individual to trace, then those that take part.
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> outputs: array<u32>;

fn byte_at(word: u32, j: u32) -> i32 {
    return extractBits(bitcast<i32>(word), 8u * (j % 4u), 8u);
}

fn faded(x: f32) -> f32 {
    return trunc(x * 1073741824.0) * (1.0 / 1073741824.0);
}

// 0 and a fault if x is infinite or no number.
fn sound(x: f32) -> f32 {
    let bad = (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
    fault |= select(0u, 1u, bad);
    return select(x, 0.0, bad);
}

fn snap_current(x: f32) -> f32 {
    return round(x * 4096.0) * (1.0 / 4096.0);
}
";

const MAIN: &str = "fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
// Rows of workgroups are whole, so the last may be longer than the list.
let place = group.x + group.y * 32768u;
if (place >= slots[0]) { return; }
let slot = slots[3u + place];
";

pub(super) const FOOTER: &str = "
// Where a driver ends all loops after so many turns, as Mesa's in software does, this one ends early, too.
var turns = 0u;
for (var turn = 0u; turn < slots[1]; turn++) { turns += 1u; }
atomicAdd(&counters[0], spikes);
atomicAdd(&counters[1], operations);
atomicOr(&counters[2], fault | select(0u, 2u, turns < slots[1]));
workgroupBarrier();
";

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use ron::extensions::Extensions;
    use wgpu::naga;

    use super::*;
    use crate::config::{Precision, SnnConfig};

    pub(in crate::gpu) fn network(text: &str) -> Network {
        let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
        Network::new(&options.from_str::<SnnConfig>(text).unwrap(), 5, 3).unwrap()
    }

    /// The nesting of blocks at each barrier: function, tick loop, nothing else.
    fn barriers(source: &str) -> Vec<Vec<String>> {
        let (mut open, mut found) = (Vec::new(), Vec::new());
        let main = &source[source.find("fn main(").unwrap()..];
        let mut head = String::new();
        for character in main.chars() {
            match character {
                '{' => open.push(std::mem::take(&mut head).trim().to_owned()),
                '}' => drop((open.pop(), head.clear())),
                ';' => {
                    if head.contains("workgroupBarrier") {
                        found.push(open.clone());
                    }
                    // The parts of a `for` belong together.
                    if !head.contains("for (") {
                        head.clear();
                    }
                }
                _ => head.push(character),
            }
        }
        found
    }

    /// Where weights lie on no common grid, a compiler must not reorder the sum over projections.
    #[test]
    fn sums_over_projections_keep_their_order() {
        for precision in ["Binary", "I8"] {
            let network = network(&format!(
                "(hidden: [Dense(), Recurrent()], encoder: Rate(), precision: {precision})"
            ));
            let source = source(&network, &Plan::new(&network), 32, false);
            // Into the first layer, twice into the second, into the readout.
            assert_eq!(source.matches("forward = ex(forward + ex(f32(").count(), 4, "{precision}");
            assert!(!source.contains("forward += "), "{precision}");
        }
    }

    #[test]
    fn kernels_are_valid_and_their_barriers_uniform() {
        let wired = "(hidden: [Recurrent(neurons: 70, delay: (0, 4), density: 0.5), \
                     Dense(neurons: 9, skip: [\"input\"], refractory: 2, evolve: {\"decay\": Neuron})], \
                     precision: PRECISION, ENCODER)";
        let rules = "plasticity: [(rule: RewardStdp(), blocks: [\"hidden.0.recurrent\", \"hidden.0.input\"]), \
                     (blocks: [\"hidden.1.input\"])]";
        for precision in Precision::ALL {
            for encoder in ["encoder: Current()", "encoder: Rate(), decoder: Count()", rules] {
                let learns = encoder == rules;
                if learns && !precision.storage().learns() {
                    continue;
                }
                let network = network(
                    &wired.replace("PRECISION", &format!("{precision:?}")).replace("ENCODER", encoder),
                );
                for traced in [false, true] {
                    let source = source(&network, &Plan::new(&network), 32, traced);
                    let module = naga::front::wgsl::parse_str(&source)
                        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&source)));
                    let (flags, none) =
                        (naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
                    let info = naga::valid::Validator::new(flags, none).validate(&module).unwrap();
                    let options = naga::back::spv::Options::default();
                    assert!(!naga::back::spv::write_vec(&module, &info, &options, None).unwrap().is_empty());
                    let barriers = barriers(&source);
                    // Before the ticks, two per hidden layer and tick, before the counters are read; one
                    // more where a layer's connections learn.
                    let each = if learns { 3 } else { 2 };
                    assert_eq!(barriers.len(), 2 + each * network.hidden().len());
                    for open in barriers {
                        let tick = format!("for (var t = 0u t < {}u t++)", network.ticks);
                        let inner = open.iter().skip(1).all(|head| head.replace(['\n', ';'], "") == tick);
                        assert!(open.len() <= 2 && inner, "{open:?}");
                    }
                }
            }
        }
    }
}
