//! Buffers, dispatches and readback.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rayon::prelude::*;

use super::device::{BackendError, Gpu, GpuKernel};
use super::plan::{COUNTERS, Plan};
use super::resident::{self, Residents};
use super::shader;
use crate::activity::Activity;
use crate::controller::{Evaluator, check_step};
use crate::host::Host;
use crate::network::Network;
use crate::output::copy_active;
use crate::probe::Probe;

/// A driver that has not answered for so long is taken for dead.
const PATIENCE: Duration = Duration::from_secs(20);

/// Largest number of workgroups in one direction that the kernel counts with.
const ROW: u32 = 32768;

/// Slots whose observations one thread encodes, and whose actions it decodes.
const BLOCK: usize = 64;

/// Turns of the kernel's last loop, which shows whether the driver ends loops early.
const LAST_TURNS: u32 = 2;

/// Evaluates all slots on a graphics adapter.
pub(crate) struct GpuEvaluator {
    gpu: Gpu,
    network: Arc<Network>,
    plan: Plan,
    pipeline: wgpu::ComputePipeline,
    /// The kernel that records traces, and where to, once someone has watched.
    traced: Option<(wgpu::ComputePipeline, wgpu::Buffer)>,
    shards: Vec<Shard>,
    shard_slots: usize,
    settings: wgpu::Buffer,
    /// θ of each slot decides the start state; the words are kept.
    initial: Vec<Vec<u32>>,
    watched: Option<usize>,
    traces: Vec<f32>,
    words: Vec<u32>,
    /// Whether the driver has ended loops of the kernel before they were done.
    cut_short: bool,
}

/// As many individuals as fit into one binding.
struct Shard {
    first: usize,
    slots: usize,
    /// [`BLOCK`] slots each: threads share out what happens on the host.
    hosts: Vec<Host>,
    weights: wgpu::Buffer,
    state: wgpu::Buffer,
    active: wgpu::Buffer,
    inputs: wgpu::Buffer,
    outputs: wgpu::Buffer,
    readback: wgpu::Buffer,
    group: wgpu::BindGroup,
    /// Observations on their way up.
    staged: Vec<u32>,
    /// The present list on the device: how many slots, [`LAST_TURNS`], which to trace, then which slots.
    listed: Vec<u32>,
    /// Whether a step is under way, and how mapping the result went.
    pending: Option<Receiver<Result<(), wgpu::BufferAsyncError>>>,
}

impl GpuEvaluator {
    pub(crate) fn new(gpu: &Gpu, network: &Arc<Network>, slots: usize) -> Result<Self, BackendError> {
        let plan = Plan::new(network);
        let limit = gpu.largest;
        let largest = plan.weight_words.max(plan.state_words).max(plan.input_words).max(plan.output_words);
        let bytes = 4 * largest as u64;
        if bytes > limit {
            let adapter = gpu.name().to_owned();
            let (what, valid) = ("one individual", "a smaller network, or --backend cpu");
            return Err(BackendError::TooLarge { what, bytes, limit, adapter, valid });
        }
        let shard_slots = ((limit / bytes) as usize).min(slots).min((ROW * ROW) as usize).max(1);
        let pipeline = pipeline(gpu, network, &plan, false)?;
        let settings = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("settings"),
            size: 16,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue.write_buffer(&settings, 0, bytemuck::cast_slice(&[0_u32; 4]));
        let mut shards = Vec::new();
        let mut first = 0;
        while first < slots {
            let count = shard_slots.min(slots - first);
            shards.push(Shard::new(gpu, network, &plan, &pipeline, &settings, first..first + count, slots)?);
            first += count;
        }
        let mut evaluator = Self {
            gpu: gpu.clone(),
            network: Arc::clone(network),
            pipeline,
            traced: None,
            shards,
            shard_slots,
            settings,
            initial: vec![Vec::new(); slots],
            watched: None,
            traces: Vec::new(),
            words: Vec::new(),
            cut_short: false,
            plan,
        };
        let zero = vec![0.0; network.layout.len()];
        for slot in 0..slots {
            evaluator.load(slot, &zero);
            evaluator.reset(slot, 0);
        }
        gpu.check()?;
        Ok(evaluator)
    }

    fn shard(&self, slot: usize) -> (&Shard, usize) {
        let shard = &self.shards[slot / self.shard_slots];
        (shard, slot - shard.first)
    }

    /// The host's part of `slot`, and its place there.
    fn host(&self, slot: usize) -> (&Host, usize) {
        let (shard, index) = self.shard(slot);
        (&shard.hosts[index / BLOCK], index % BLOCK)
    }

    /// The same, to change it.
    fn host_mut(&mut self, slot: usize) -> (&mut Host, usize) {
        let shard = &mut self.shards[slot / self.shard_slots];
        let index = slot - shard.first;
        (&mut shard.hosts[index / BLOCK], index % BLOCK)
    }

    fn read(&self, buffer: &wgpu::Buffer, offset: usize, words: usize) -> Result<Vec<u32>, BackendError> {
        let size = 4 * words as u64;
        let copy = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("probe"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 4 * offset as u64, &copy, 0, size);
        self.gpu.queue.submit([encoder.finish()]);
        let (send, receive) = channel();
        copy.map_async(wgpu::MapMode::Read, .., move |result| drop(send.send(result)));
        self.wait(&receive)?;
        let view = copy.get_mapped_range(..).map_err(|error| self.gpu.lost(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view[..]))
    }

    /// Waits until a buffer is mapped.
    fn wait(&self, mapped: &Receiver<Result<(), wgpu::BufferAsyncError>>) -> Result<(), BackendError> {
        let poll = wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
        self.gpu.device.poll(poll).map_err(|error| self.gpu.lost(error.to_string()))?;
        self.gpu.check()?;
        match mapped.try_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.gpu.lost(error.to_string())),
            Err(_) => Err(self.gpu.lost(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}

/// Adds up what a step of the slot at `index` came to; says whether the driver has ended loops early.
fn take(host: &mut Host, index: usize, words: &[u32]) -> bool {
    let (readout, counters) = words.split_at(words.len() - COUNTERS);
    host.finish(index, readout.iter().map(|&word| f32::from_bits(word)));
    let episode = &mut host.episodes[index];
    let activity = &mut episode.activity;
    activity.spikes += u64::from(counters[0]);
    activity.synaptic_operations += u64::from(counters[1]);
    episode.fault |= counters[2] & 1 != 0;
    counters[2] & 2 != 0
}

/// Compiles the kernel.
fn pipeline(
    gpu: &Gpu,
    network: &Network,
    plan: &Plan,
    traced: bool,
) -> Result<wgpu::ComputePipeline, BackendError> {
    let widest = network.populations.iter().map(|p| p.neurons).max().unwrap_or(1);
    let residents = Residents::new(network).filter(|_| !traced && gpu.kernel == GpuKernel::Resident);
    let source = match residents {
        Some(residents) => resident::source(network, plan, &residents, widest.next_multiple_of(32) as u32),
        None => shader::source(network, plan, gpu.workgroup(widest), traced),
    };
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("control step"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("control step"),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            // The kernel sets what it reads.
            zero_initialize_workgroup_memory: false,
            ..wgpu::PipelineCompilationOptions::default()
        },
        cache: None,
    });
    match pollster::block_on(scope.pop()) {
        None => Ok(pipeline),
        Some(error) => {
            let reason = format!("it refuses the kernel: {error}");
            Err(BackendError::Unusable { adapter: gpu.name().into(), reason })
        }
    }
}

impl Shard {
    fn new(
        gpu: &Gpu,
        network: &Arc<Network>,
        plan: &Plan,
        pipeline: &wgpu::ComputePipeline,
        settings: &wgpu::Buffer,
        range: Range<usize>,
        all: usize,
    ) -> Result<Self, BackendError> {
        use wgpu::BufferUsages as Usage;
        let (first, slots) = (range.start, range.len());
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let mut bytes = 0;
        let mut buffer = |label, words: usize, more: usize, usage| {
            let size = 4 * (slots * words + more).max(4) as u64;
            bytes += size;
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let up = Usage::STORAGE | Usage::COPY_DST;
        let weights = buffer("weights", plan.weight_words, 0, up);
        let state = buffer("state", plan.state_words, 0, up | Usage::COPY_SRC);
        let active = buffer("slots", 1, 3, up);
        let inputs = buffer("inputs", plan.input_words, 0, up);
        let outputs = buffer("outputs", plan.output_words, 0, Usage::STORAGE | Usage::COPY_SRC);
        let readback = buffer("readback", plan.output_words, 0, Usage::MAP_READ | Usage::COPY_DST);
        if pollster::block_on(scope.pop()).is_some() {
            let adapter = gpu.name().into();
            return Err(BackendError::OutOfMemory {
                adapter,
                bytes: bytes * (all / slots) as u64,
                slots: all,
            });
        }
        let group = group(gpu, pipeline, &[settings, &active, &weights, &state, &inputs, &outputs]);
        Ok(Self {
            first,
            slots,
            hosts: (0..slots).step_by(BLOCK).map(|i| Host::new(network, BLOCK.min(slots - i))).collect(),
            weights,
            state,
            active,
            inputs,
            outputs,
            readback,
            group,
            staged: vec![0; slots * plan.input_words],
            listed: Vec::new(),
            pending: None,
        })
    }
}

fn group(gpu: &Gpu, pipeline: &wgpu::ComputePipeline, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
    let entries = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
    let entries: Vec<_> = entries.collect();
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}

impl Evaluator for GpuEvaluator {
    fn slots(&self) -> usize {
        self.initial.len()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        let network = Arc::clone(&self.network);
        let (host, index) = self.host_mut(slot);
        host.load(index, parameters);
        let mut words = std::mem::take(&mut self.words);
        self.plan.pack_weights(&network, parameters, &mut words);
        let (shard, index) = self.shard(slot);
        let offset = 4 * (index * self.plan.weight_words) as u64;
        self.gpu.queue.write_buffer(&shard.weights, offset, bytemuck::cast_slice(&words));
        self.words = words;
        self.plan.pack_states(&network, parameters, &mut self.initial[slot]);
    }

    fn reset(&mut self, slot: usize, seed: u64) {
        let (shard, index) = self.shard(slot);
        let offset = 4 * (index * self.plan.state_words) as u64;
        self.gpu.queue.write_buffer(&shard.state, offset, bytemuck::cast_slice(&self.initial[slot]));
        let (host, index) = self.host_mut(slot);
        host.reset(index, seed);
    }

    fn begin(&mut self, active: &[bool], observations: &[f32], rewards: &[f32]) {
        let network = &*self.network;
        check_step(self.slots(), network.inputs, active, observations);
        let traced = self.watched.filter(|&slot| active[slot]);
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let words = self.plan.input_words;
        for shard in &mut self.shards {
            let slots = shard.first..shard.first + shard.slots;
            let here = traced.filter(|slot| slots.contains(slot));
            let mut listed = vec![0, LAST_TURNS, here.map_or(u32::MAX, |slot| (slot - shard.first) as u32)];
            listed.extend((0..shard.slots as u32).filter(|&index| active[shard.first + index as usize]));
            let count = listed.len() as u32 - 3;
            if count == 0 {
                continue;
            }
            listed[0] = count;
            let plan = &self.plan;
            let blocks = shard.staged.par_chunks_mut((words * BLOCK).max(1)).zip(&mut shard.hosts);
            blocks.zip(slots.into_par_iter().step_by(BLOCK)).for_each(|((staged, host), first)| {
                for index in (0..host.episodes.len()).filter(|index| active[first + index]) {
                    let slot = first + index;
                    let observation = &observations[slot * network.inputs..(slot + 1) * network.inputs];
                    host.begin(index, observation, rewards[slot]);
                    let staged = &mut staged[index * words..(index + 1) * words];
                    plan.pack_input(network, &host.signal, staged);
                    plan.pack_modulators(&host.modulators, staged);
                }
            });
            self.gpu.queue.write_buffer(&shard.inputs, 0, bytemuck::cast_slice(&shard.staged));
            if listed != shard.listed {
                self.gpu.queue.write_buffer(&shard.active, 0, bytemuck::cast_slice(&listed));
                shard.listed = listed;
            }
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            match (&self.traced, here) {
                (Some((pipeline, traces)), Some(_)) => {
                    let Shard { active, weights, state, inputs, outputs, .. } = shard;
                    let buffers = [&self.settings, active, weights, state, inputs, outputs, traces];
                    pass.set_pipeline(pipeline);
                    pass.set_bind_group(0, &group(&self.gpu, pipeline, &buffers), &[]);
                }
                _ => {
                    pass.set_pipeline(&self.pipeline);
                    pass.set_bind_group(0, &shard.group, &[]);
                }
            }
            pass.dispatch_workgroups(count.min(ROW), count.div_ceil(ROW), 1);
            drop(pass);
            let size = 4 * (shard.slots * self.plan.output_words) as u64;
            encoder.copy_buffer_to_buffer(&shard.outputs, 0, &shard.readback, 0, size);
        }
        self.gpu.queue.submit([encoder.finish()]);
        for shard in &mut self.shards {
            if (shard.first..shard.first + shard.slots).any(|slot| active[slot]) {
                let (send, receive) = channel();
                shard.readback.map_async(wgpu::MapMode::Read, .., move |result| drop(send.send(result)));
                shard.pending = Some(receive);
            }
        }
    }

    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError> {
        for index in 0..self.shards.len() {
            let Some(pending) = self.shards[index].pending.take() else { continue };
            self.wait(&pending)?;
            let shard = &mut self.shards[index];
            let view =
                shard.readback.get_mapped_range(..).map_err(|error| self.gpu.lost(error.to_string()))?;
            let words: &[u32] = bytemuck::cast_slice(&view[..]);
            let (row, outputs) = (self.plan.output_words, self.network.outputs);
            let actions = &mut actions[shard.first * outputs..(shard.first + shard.slots) * outputs];
            let active = &active[shard.first..shard.first + shard.slots];
            let blocks = words[..row * shard.slots].par_chunks(row * BLOCK).zip(&mut shard.hosts);
            let blocks = blocks.zip(actions.par_chunks_mut(outputs * BLOCK)).zip(active.par_chunks(BLOCK));
            let cut_short = blocks.map(|(((words, host), actions), active)| {
                let mut cut_short = false;
                for (index, words) in words.chunks_exact(row).enumerate().filter(|(index, _)| active[*index])
                {
                    cut_short |= take(host, index, words);
                }
                copy_active(active, &host.actions, actions);
                cut_short
            });
            self.cut_short |= cut_short.reduce(|| false, |a, b| a | b);
            drop(view);
            shard.readback.unmap();
        }
        if self.cut_short {
            let reason = "its driver ends loops of a kernel after so many turns, too few for this network; take \
                          fewer ticks or neurons";
            return Err(BackendError::Unusable { adapter: self.gpu.name().into(), reason: reason.into() });
        }
        if let (Some((_, traces)), Some(slot)) = (&self.traced, self.watched)
            && active[slot]
        {
            let words = (traces.size() / 4) as usize;
            let bits = self.read(traces, 0, words)?;
            self.traces = bits.into_iter().map(f32::from_bits).collect();
        }
        Ok(())
    }

    fn activity(&self, slot: usize) -> Activity {
        let (host, index) = self.host(slot);
        host.episodes[index].activity
    }

    fn fault(&self, slot: usize) -> bool {
        let (host, index) = self.host(slot);
        host.episodes[index].fault
    }

    fn watch(&mut self, slot: Option<usize>) -> Result<(), BackendError> {
        self.watched = slot;
        self.traces.clear();
        if slot.is_some() && self.traced.is_none() {
            let populations = &self.network.populations;
            let words: usize =
                populations.iter().map(|p| shader::trace_rows(p) * p.neurons * self.network.ticks).sum();
            let traces = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("traces"),
                size: 4 * words as u64,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            });
            self.traced = Some((pipeline(&self.gpu, &self.network, &self.plan, true)?, traces));
        }
        Ok(())
    }

    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError> {
        let (network, plan) = (&*self.network, &self.plan);
        let (shard, index) = self.shard(slot);
        let words = self.read(&shard.state, index * plan.state_words, plan.state_words)?;
        let watched = self.watched == Some(slot) && !self.traces.is_empty();
        let mut traces = &self.traces[..];
        for (index, population) in network.populations.iter().enumerate() {
            let narrow = plan.words[index];
            let rows = &words[plan.spikes[index]..][..(network.history + network.ticks) * narrow];
            let spikes: Vec<u64> = rows[network.history * narrow..]
                .chunks(narrow.max(1))
                .flat_map(|row| row.chunks(2))
                .map(|pair| pair.iter().rev().fold(0, |word, &half| word << 32 | u64::from(half)))
                .collect();
            let neurons = population.neurons;
            let states = words[plan.states[index]..].chunks(neurons);
            let states = states.map(|values| values.iter().map(|&bits| f32::from_bits(bits)));
            let mut recorded = Vec::new();
            if watched {
                let size = neurons * network.ticks;
                let (own, rest) = traces.split_at(shader::trace_rows(population) * size);
                recorded.extend(own.chunks_exact(size).map(<[f32]>::to_vec));
                traces = rest;
            }
            probe.fill_population(network, index, &spikes, states, &recorded);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::SnnConfig;

    #[test]
    fn populations_beyond_a_binding_are_split() {
        let mut gpu = Gpu::open().expect("needs a Vulkan adapter: install mesa-vulkan-drivers");
        let network = Arc::new(Network::new(&SnnConfig::default(), 5, 3).unwrap());
        let actions = |gpu: &Gpu| {
            let mut evaluator = GpuEvaluator::new(gpu, &network, 7).unwrap();
            for slot in 0..7 {
                let theta = (0..network.layout.len()).map(|i| ((i * 7 + slot * 13) % 23) as f32 / 8.0 - 1.4);
                evaluator.load(slot, &theta.collect::<Vec<_>>());
                evaluator.reset(slot, 0);
            }
            let mut all = Vec::new();
            for step in 0..5 {
                let active: Vec<bool> = (0..7).map(|slot| slot != step).collect();
                let x: Vec<f32> = (0..35).map(|i| ((i + step) % 9) as f32 / 4.0 - 1.0).collect();
                let mut actions = [0.0; 21];
                evaluator.step(&active, &x, &mut actions).unwrap();
                all.extend(actions.map(f32::to_bits));
            }
            (evaluator.shards.len(), all)
        };
        let (shards, whole) = actions(&gpu);
        assert_eq!(shards, 1);
        let bytes = 4 * Plan::new(&network).weight_words as u64;
        gpu.largest = 3 * bytes + 10;
        let (shards, split) = actions(&gpu);
        assert_eq!((shards, split), (3, whole));
        gpu.largest = bytes - 1;
        let error = GpuEvaluator::new(&gpu, &network, 7).err().unwrap().to_string();
        assert!(
            error.starts_with(&format!("one individual takes {bytes} bytes, graphics adapter")),
            "{error}"
        );
    }
}
