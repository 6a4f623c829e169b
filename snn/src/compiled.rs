//! Built-in models compiled to Rust by the build script.

#![allow(unused_imports, unused_variables, reason = "not every model uses every input and operation")]

use crate::equations::{Tick, bits, settle};

include!(concat!(env!("OUT_DIR"), "/neurons.rs"));

#[expect(
    clippy::single_component_path_imports,
    reason = "the macro is made by a build script; this gives it a path"
)]
pub(crate) use with_compiled;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::equations::{Constants, Kernel, Model, Scratch, interpret, wgsl};

    /// All kernels that are compiled in: model, reset, refractory, kernel.
    fn kernels() -> Vec<(Model, String, bool, Kernel)> {
        let mut kernels = Vec::new();
        for (_, text) in MODELS {
            let model = Model::parse(text).unwrap();
            let resets =
                if model.resets.is_empty() { vec![None] } else { model.resets.iter().map(Some).collect() };
            for reset in resets {
                for refractory in [false, true] {
                    if refractory && !model.spikes() {
                        continue;
                    }
                    let reset = reset.map(String::as_str);
                    let kernel = model.kernel(reset, refractory).unwrap();
                    kernels.push((model.clone(), reset.unwrap_or("").to_owned(), refractory, kernel));
                }
            }
        }
        kernels
    }

    /// Parameters near the defaults, inside the ranges; the refractory period is 0 to 3 ticks.
    fn parameters(model: &Model, refractory: bool, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut values: Vec<f64> = model.parameters.iter().map(|p| p.default).collect();
        for (value, parameter) in values.iter_mut().zip(&model.parameters) {
            let near = *value * rng.random_range(0.9..1.1) + rng.random_range(-0.01..0.01);
            if parameter.allows(near) {
                *value = near;
            }
        }
        values.extend(refractory.then(|| f64::from(rng.random_range(0_u8..4))));
        values
    }

    const NEURONS: usize = 80;

    /// One tick through the compiled form, in the layout of [`interpret`].
    fn tick<T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(
        constants: &[f32],
        currents: [&[f32]; 2],
        states: &mut [f32],
        spikes: &mut [u16],
    ) -> u32 {
        let mut fault = 0;
        spikes.fill(0);
        for i in 0..NEURONS {
            let c: [f32; C] = std::array::from_fn(|c| constants[c * NEURONS + i]);
            let s: [f32; S] = std::array::from_fn(|s| states[s * NEURONS + i]);
            let (next, fired) = T::tick::<GRID>(&c, currents[0][i], currents[1][i], s, &mut fault);
            for (s, next) in next.into_iter().enumerate() {
                states[s * NEURONS + i] = next;
            }
            spikes[i / 16] |= u16::from(fired) << (i % 16);
        }
        fault
    }

    fn interpreted_is_compiled<const GRID: bool>(ticks: usize, extreme: bool) {
        for (model, reset, refractory, kernel) in kernels() {
            let compiled = Compiled::find(&model.name, &reset, refractory).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let mut constants = vec![0.0; kernel.constants * NEURONS];
            let mut states = vec![0.0; kernel.states.len() * NEURONS];
            for i in 0..NEURONS {
                let parameters = parameters(&model, refractory, &mut rng);
                for (c, value) in kernel.constants(&parameters).into_iter().enumerate() {
                    constants[c * NEURONS + i] = value;
                }
                for (s, value) in kernel.initial(&parameters).into_iter().enumerate() {
                    states[s * NEURONS + i] = value;
                }
            }
            let mut scratch = Scratch::new(&kernel);
            let mut other = states.clone();
            let (mut spikes, mut other_spikes) = ([0_u16; NEURONS / 16], [0_u16; NEURONS / 16]);
            let (mut count, mut faults) = (0, 0);
            for t in 0..ticks {
                let current: Vec<f32> = (0..2 * NEURONS)
                    .map(|i| match (extreme, rng.random_range(0_u8..8)) {
                        (true, 0) => f32::from_bits(rng.random()),
                        (true, 1) => f32::INFINITY,
                        _ => rng.random_range(-1.5_f32..3.0) + if i % 3 == 0 { 0.5 } else { 0.0 },
                    })
                    .collect();
                let (forward, recurrent) = current.split_at(NEURONS);
                let own = Constants::Own(&constants);
                let fault = interpret::<GRID>(
                    &kernel,
                    &mut scratch,
                    own,
                    forward,
                    recurrent,
                    &mut states,
                    &mut spikes,
                );
                let currents = [forward, recurrent];
                let other_fault = with_compiled!(compiled, |T, S, C| {
                    tick::<T, S, C, GRID>(&constants, currents, &mut other, &mut other_spikes)
                });
                let what = format!("{} {reset} {refractory} tick {t}", model.name);
                assert_eq!(fault, other_fault, "{what}");
                assert_eq!(spikes, other_spikes, "{what}");
                let bits = |states: &[f32]| states.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&states), bits(&other), "{what}");
                assert!(states.iter().all(|s| s.is_finite()), "{what}");
                if GRID {
                    assert!(
                        states.iter().all(|s| (s * 65_536.0).fract() == 0.0 && s.abs() <= 128.0),
                        "{what}"
                    );
                }
                count += spikes.iter().map(|s| s.count_ones()).sum::<u32>();
                faults += fault;
            }
            let total = (ticks * NEURONS) as u32;
            if model.spikes() {
                assert!(count > total / 500 && count < total, "{} {reset} {refractory}: {count}", model.name);
            }
            assert!(extreme || faults == 0, "{} {reset} {refractory}: {faults} faults", model.name);
        }
    }

    /// A shader that calls the kernel once.
    fn shader(kernel: &Kernel, exact: bool) -> String {
        let read = |from: usize, count: usize| (from..from + count).map(|i| format!("data[{i}]"));
        let (c, s) = (kernel.constants, kernel.states.len());
        let arguments: Vec<String> = read(0, c + 2 + s).collect();
        let store = (0..s).map(|i| format!("    data[{}] = out.s{i};\n", c + 2 + i));
        let store: String = store.collect();
        format!(
            "{}{}\n@group(0) @binding(0) var<storage, read_write> data: array<f32>;\n\
             @group(0) @binding(1) var<uniform> zero: vec4<u32>;\n\
             @compute @workgroup_size(1) fn main() {{\n    zero_bits = zero.x;\n    \
             let out = neuron({});\n{store}    data[0] = select(0.0, 1.0, out.fired) + f32(fault);\n}}\n",
            wgsl::prelude(exact),
            kernel.wgsl("neuron", exact),
            arguments.join(", ")
        )
    }

    #[test]
    fn shaders_are_valid() {
        let everything = Model::parse(
            "model all\nparam p = 0.5\nstate v = 0\nstate w = p\n\
             let x = ln(abs(v) + p) + sqrt(abs(w)) - tanh(v)*sigmoid(w)/exp(v) + v^3 - v^-2\n\
             v = if((v < w and not (w <= 1) or v == w) or v != 2, min(x, I), max(x, p))\n\
             w = clamp(floor(w*I), -1e30, 1e-30) - -v\nspike v >= w\nv = v - spike",
        );
        let everything = everything.unwrap();
        let kernels = kernels().into_iter().map(|(_, _, _, kernel)| kernel);
        for kernel in kernels.chain([everything.kernel(None, true).unwrap()]) {
            for exact in [false, true] {
                let text = shader(&kernel, exact);
                let module = naga::front::wgsl::parse_str(&text)
                    .unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(&text)));
                let flags = naga::valid::ValidationFlags::all();
                let capabilities = naga::valid::Capabilities::empty();
                let info = naga::valid::Validator::new(flags, capabilities)
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{error:?}\n{text}"));
                let options = naga::back::spv::Options::default();
                let words = naga::back::spv::write_vec(&module, &info, &options, None).unwrap();
                assert!(!words.is_empty());
            }
        }
    }

    #[test]
    fn interpreted_is_compiled_on_the_grid() {
        interpreted_is_compiled::<true>(3000, false);
    }

    #[test]
    fn interpreted_is_compiled_off_the_grid() {
        interpreted_is_compiled::<false>(3000, false);
    }

    #[test]
    fn interpreted_is_compiled_for_any_input() {
        interpreted_is_compiled::<true>(500, true);
        interpreted_is_compiled::<false>(500, true);
    }
}
