//! Built-in models compiled to Rust by the build script.

#![allow(
    clippy::approx_constant,
    unused_imports,
    unused_variables,
    reason = "generated; not every model uses every input and operation"
)]

use crate::vector::{Vector, settle};

/// One tick of [`WIDTH`](crate::lanes::WIDTH) neurons, compiled in: `S` state variables, `C` constants.
///
/// Written without branches.
pub(crate) trait Tick<const S: usize, const C: usize> {
    /// Takes the constants ([`Kernel::constants`](crate::equations::Kernel::constants)), the input currents and the
    /// states; returns the states after the tick and which neurons spiked. `GRID` snaps the states. Adds to `fault`
    /// the neurons of which a state became infinite or not a number.
    fn tick<V: Vector, const GRID: bool>(
        constants: &[V; C],
        forward: V,
        recurrent: V,
        states: [V; S],
        fault: &mut V::Mask,
    ) -> ([V; S], V::Mask);
}

include!(concat!(env!("OUT_DIR"), "/neurons.rs"));

pub(crate) use with_compiled;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt as _, SeedableRng as _};
    use wgpu::naga;

    use super::*;
    use crate::equations::{Constants, Kernel, Model, Scratch, interpret, snap, wgsl};
    use crate::lanes::{Lanes, WIDTH};
    use crate::vector::{Set, compiled_for};

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

    /// One tick through the compiled form, in the layout of `interpret`.
    #[inline(always)]
    fn tick<V: Vector, T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(
        constants: &[f32],
        currents: [&[f32]; 2],
        states: &mut [f32],
        spikes: &mut [u16],
    ) -> u32 {
        let mut faults = 0;
        for (column, spikes) in spikes.iter_mut().enumerate() {
            let load = |values: &[f32], row: usize| {
                let first = row * NEURONS + column * WIDTH;
                V::load(&Lanes(*values[first..].first_chunk().unwrap()))
            };
            let c: [V; C] = std::array::from_fn(|c| load(constants, c));
            let s: [V; S] = std::array::from_fn(|s| load(states, s));
            let mut fault = V::none();
            let [forward, recurrent] = currents.map(|current| load(current, 0));
            let (next, fired) = T::tick::<V, GRID>(&c, forward, recurrent, s, &mut fault);
            for (s, next) in next.into_iter().enumerate() {
                let mut lanes = Lanes::ZERO;
                next.store(&mut lanes);
                states[s * NEURONS + column * WIDTH..][..WIDTH].copy_from_slice(&lanes.0);
            }
            *spikes = V::bits(fired) as u16;
            faults |= V::bits(fault);
        }
        faults
    }

    /// Ticks neurons with these constants and currents; writes states and spikes, and returns faults.
    type Ticks = unsafe fn(&[f32], [&[f32]; 2], &mut [f32], &mut [u16]) -> u32;

    fn chosen<T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(set: Set) -> Ticks {
        compiled_for!(
            set,
            tick[T, S, C, GRID](
                constants: &[f32], currents: [&[f32]; 2], states: &mut [f32], spikes: &mut [u16]
            ) -> u32,
            [T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool]
        )
    }

    fn interpreted_is_compiled<const GRID: bool>(ticks: usize, extreme: bool) {
        for set in Set::available() {
            interpreted_is_compiled_for::<GRID>(set, ticks, extreme);
        }
    }

    fn interpreted_is_compiled_for<const GRID: bool>(set: Set, ticks: usize, extreme: bool) {
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
                let tick = with_compiled!(compiled, |T, S, C| chosen::<T, S, C, GRID>(set));
                #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
                // SAFETY: the set is available.
                let other_fault = unsafe { tick(&constants, currents, &mut other, &mut other_spikes) };
                let what = format!("{} {reset} {refractory} tick {t}, {set:?}", model.name);
                let fault = u32::from(fault != 0);
                assert_eq!(fault, u32::from(other_fault != 0), "{what}");
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

    /// A shader with one tick per invocation. Row `i` of `data` holds constants, currents and
    /// states of neuron `i`; the states after the tick replace the states, twice the fault plus
    /// the spike replaces the first current.
    fn shader(kernel: &Kernel, exact: bool) -> String {
        let (c, s) = (kernel.constants, kernel.states.len());
        let width = c + 2 + s;
        let arguments: Vec<String> = (0..width).map(|k| format!("data[row + {k}u]")).collect();
        let store = (0..s).map(|k| format!("    data[row + {}u] = out.s{k};\n", c + 2 + k));
        let store: String = store.collect();
        format!(
            "{}{}\n@group(0) @binding(0) var<storage, read_write> data: array<f32>;\n\
             @group(0) @binding(1) var<uniform> zero: vec4<u32>;\n\
             @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n    \
             zero_bits = zero.x;\n    let row = id.x * {width}u;\n    \
             let out = neuron({});\n{store}    \
             data[row + {c}u] = f32(2u * fault) + select(0.0, 1.0, out.fired);\n}}\n",
            wgsl::prelude(exact),
            kernel.wgsl("neuron", exact, false),
            arguments.join(", ")
        )
    }

    /// A model that uses every operation.
    fn everything() -> Kernel {
        let text = "model all
            param p = 0.5
            state v = 0
            state w = p
            let x = ln(abs(v) + p) + sqrt(abs(w)) - tanh(v)*sigmoid(w)/exp(0.1*v) + v^3 - 1/(v*w + 300)
            v = if((v < w and not (w <= 1) or v == w) or v != 2, min(x, I), max(x, p))
            w = clamp(floor(w*I)/v, -1e30, 1e-30) - -v + I_rec
            spike v >= w
            v = v - spike";
        Model::parse(text).unwrap().kernel(None, true).unwrap()
    }

    #[test]
    fn shaders_are_valid() {
        let kernels = kernels().into_iter().map(|(_, _, _, kernel)| kernel);
        for kernel in kernels.chain([everything()]) {
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

    /// Runs the shader of `kernel` over the rows of `data`, 64 rows per workgroup.
    fn on_device(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        kernel: &Kernel,
        data: &[f32],
        rows: u32,
    ) -> Vec<f32> {
        let source = wgpu::ShaderSource::Wgsl(shader(kernel, true).into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let buffer = |size: usize, usage| {
            let (size, mapped_at_creation) = (size as u64, false);
            device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation })
        };
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let copy = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let values = buffer(bytes.len(), wgpu::BufferUsages::STORAGE | copy);
        let zero = buffer(16, wgpu::BufferUsages::UNIFORM | copy);
        let result = buffer(bytes.len(), wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        queue.write_buffer(&values, 0, bytes);
        queue.write_buffer(&zero, 0, &[0; 16]);
        let entries = [(0, &values), (1, &zero)]
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
        let layout = &pipeline.get_bind_group_layout(0);
        let group =
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(rows / 64, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&values, 0, &result, 0, bytes.len() as u64);
        queue.submit([encoder.finish()]);
        result.map_async(wgpu::MapMode::Read, .., |mapped| mapped.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        bytemuck::pod_collect_to_vec(&result.get_mapped_range(..).unwrap())
    }

    /// Random states on the grid, random currents; both also at and beyond their limits.
    #[test]
    fn shaders_give_the_same_bits() {
        const ROWS: usize = 1 << 14;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()));
        let adapter = adapter.expect("needs a graphics adapter; mesa-vulkan-drivers has one in software");
        let (device, queue) =
            pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let built_in =
            kernels().into_iter().map(|(model, _, refractory, kernel)| (Some(model), refractory, kernel));
        for (model, refractory, kernel) in built_in.chain([(None, true, everything())]) {
            let (c, s) = (kernel.constants, kernel.states.len());
            let width = c + 2 + s;
            let mut data = vec![0.0_f32; ROWS * width];
            for row in data.chunks_exact_mut(width) {
                let parameters = match &model {
                    Some(model) => parameters(model, refractory, &mut rng),
                    None => vec![rng.random_range(0.0..2.0), f64::from(rng.random_range(0_u8..4))],
                };
                row[..c].copy_from_slice(&kernel.constants(&parameters));
                for current in &mut row[c..c + 2] {
                    *current = match rng.random_range(0_u8..16) {
                        0 => rng.random_range(-1e38..1e38),
                        1 => 0.0,
                        2 => f32::INFINITY,
                        _ => snap(rng.random_range(-4.0..4.0)),
                    };
                }
                for (state, initial) in row[c + 2..].iter_mut().zip(kernel.initial(&parameters)) {
                    *state = match rng.random_range(0_u8..8) {
                        0 => rng.random_range(-128.0..128.0),
                        1 => 128.0,
                        2 => 0.0,
                        _ => initial + rng.random_range(-2.0..2.0),
                    };
                    *state = snap(*state);
                }
                if refractory {
                    row[width - 1] = f32::from(rng.random_range(0_u8..3));
                }
            }
            let column = |k: usize| data.iter().skip(k).step_by(width).copied();
            let constants: Vec<f32> = (0..c).flat_map(column).collect();
            let (forward, recurrent): (Vec<f32>, Vec<f32>) = (column(c).collect(), column(c + 1).collect());
            let device_data = on_device(&device, &queue, &kernel, &data, ROWS as u32);
            let mut scratch = Scratch::new(&kernel);
            let mut fired = 0;
            for i in 0..ROWS {
                // One neuron at a time, for its own fault.
                let pick = |values: &[f32]| [values[i]; 16];
                let own: Vec<f32> = (0..c).flat_map(|k| [constants[k * ROWS + i]; 16]).collect();
                let row = &data[i * width..][..width];
                let mut states: Vec<f32> = row[c + 2..].iter().flat_map(|&s| [s; 16]).collect();
                let mut spikes = [0];
                let fault = interpret::<true>(
                    &kernel,
                    &mut scratch,
                    Constants::Own(&own),
                    &pick(&forward),
                    &pick(&recurrent),
                    &mut states,
                    &mut spikes,
                );
                let other = &device_data[i * width..][..width];
                let name = &kernel.model;
                let what = || format!("{name}: {row:?}");
                let faults = 2 * u32::from(fault != 0) + u32::from(spikes[0] & 1);
                assert_eq!(other[c], faults as f32, "{}", what());
                for (k, state) in states.iter().step_by(16).enumerate() {
                    assert_eq!(state.to_bits(), other[c + 2 + k].to_bits(), "state {k} of {}", what());
                }
                fired += u32::from(spikes[0] & 1);
            }
            assert!((fired > 0) == kernel.spike.is_some(), "{}", kernel.model);
        }
    }
}
