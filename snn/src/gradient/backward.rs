//! Backwards in time: from the derivatives of the outputs to those of weights and neuron parameters.

use super::adjoint::Adjoints;
use super::batch::Sensitivity;
use super::loaded::stride;
use super::pass::Pass;
use super::product::SAMPLES;
use super::program::Tick;
use super::tape::{Sums, Tape, Workspace, arrivals, evolved, size, zeros};
use crate::network::{Population, Source};
use crate::real::Real;

impl<T: Real> Pass<'_, T> {
    /// Goes back in time after [`forward`](Self::forward) and adds to `sums`; `sensitivity` is that of all
    /// frames of the batch.
    pub(super) fn backward(&self, work: &mut Workspace<T>, sensitivity: &Sensitivity, sums: &mut Sums<T>) {
        let network = self.network;
        self.begin_backward(work, sensitivity);
        let mut memory = vec![T::ZERO; SAMPLES * network.outputs];
        let several = network.ticks > 1;
        for tick in (0..self.ticks()).rev() {
            let frame = tick / network.ticks;
            if self.setting.window.is_some_and(|window| (tick + 1).is_multiple_of(window)) {
                work.tapes.iter_mut().for_each(|tape| tape.state.fill(T::ZERO));
                memory.fill(T::ZERO);
            }
            if (tick + 1).is_multiple_of(network.ticks) {
                self.pull_outputs(work, sensitivity, frame, &mut memory, sums);
            }
            for index in (0..network.populations.len()).rev() {
                self.pull_tick(work, tick, index);
                let tape = &mut work.tapes[index];
                if several && !tape.constant.is_empty() {
                    let n = tape.constant.len();
                    let to = &mut tape.constant_adjoints[frame * n..(frame + 1) * n];
                    let from = &tape.forward[tick * n..(tick + 1) * n];
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
                }
            }
            if tick.is_multiple_of(network.ticks) {
                for sample in 0..self.samples.len() {
                    let reset = self.batch.resets(self.first + frame, self.samples.start + sample);
                    let fresh = reset || tick == 0 && self.start.is_empty();
                    if reset {
                        memory[sample * network.outputs..][..network.outputs].fill(T::ZERO);
                    }
                    for (population, tape) in network.populations.iter().zip(&mut work.tapes) {
                        if fresh || population.clear {
                            to_initial(population, tape, sample);
                        }
                    }
                }
            }
        }
        self.sum(work, sums);
    }

    fn begin_backward(&self, work: &mut Workspace<T>, sensitivity: &Sensitivity) {
        let network = self.network;
        for (index, (population, tape)) in network.populations.iter().zip(&mut work.tapes).enumerate() {
            let (kernel, stride) = (population.neuron.kernel(), stride(population));
            let n = SAMPLES * stride;
            tape.state.fill(T::ZERO);
            let evolved = if evolved(population) { n } else { 0 };
            zeros(&mut tape.parameters, kernel.constants * evolved);
            zeros(&mut tape.initial, kernel.states.len() * evolved);
            let several = if network.ticks > 1 { self.frames } else { 0 };
            zeros(&mut tape.constant_adjoints, several * tape.constant.len());
            if !population.spiking() {
                continue;
            }
            zeros(&mut tape.spike_adjoints, self.ticks() * n);
            let last = index + 2 == network.populations.len();
            let counts = &sensitivity.counts[index];
            let spikes = if last { &sensitivity.spikes[..] } else { &[] };
            if counts.is_empty() && spikes.is_empty() {
                continue;
            }
            let neurons = population.neurons;
            for row in 0..self.ticks() * SAMPLES {
                let sample = row % SAMPLES;
                if sample >= self.samples.len() {
                    continue;
                }
                let to = &mut tape.spike_adjoints[row * stride..][..neurons];
                let all = self.first * network.ticks * SAMPLES + row;
                for from in [counts.get(sample * neurons..), spikes.get(all * neurons..)] {
                    for (to, &from) in to.iter_mut().zip(from.unwrap_or(&[])) {
                        *to += T::of(from);
                    }
                }
            }
        }
    }

    /// From the outputs of a frame to the readout's state.
    fn pull_outputs(
        &self,
        work: &mut Workspace<T>,
        sensitivity: &Sensitivity,
        frame: usize,
        memory: &mut [T],
        sums: &mut Sums<T>,
    ) {
        let network = self.network;
        let (neurons, outputs) = (network.readout().neurons, network.outputs);
        let stride = stride(network.readout());
        let mut out = vec![T::ZERO; outputs];
        for sample in 0..self.samples.len() {
            let at = frame * SAMPLES + sample;
            let all = self.first * SAMPLES + at;
            for (out, &value) in out.iter_mut().zip(&sensitivity.values[all * outputs..]) {
                *out = T::of(value);
            }
            if network.decoder.squash() {
                sums.biases.iter_mut().zip(&out).for_each(|(sum, &out)| *sum += out);
            }
            let readout = &work.readout[at * neurons..(at + 1) * neurons];
            let memory = &mut memory[sample * outputs..(sample + 1) * outputs];
            let tape = work.tapes.last_mut().expect("there is a readout");
            let adjoints = &mut tape.state[sample * stride..][..neurons];
            network.decoder.pull(network.ticks, readout, &out, memory, adjoints);
        }
    }

    /// Derivatives of one tick of one population, and what its sources get of them.
    fn pull_tick(&self, work: &mut Workspace<T>, tick: usize, index: usize) {
        let network = self.network;
        let (population, loaded) = (&network.populations[index], &self.loaded.populations[index]);
        let (kernel, stride) = (population.neuron.kernel(), stride(population));
        let n = SAMPLES * stride;
        let here = tick * n..(tick + 1) * n;
        let mut tape = std::mem::take(&mut work.tapes[index]);
        let states = tick * tape.state.len()..(tick + 1) * tape.state.len();
        // The currents are read before their adjoints are written, block by block.
        size(&mut work.row, 2 * n);
        let (forward, recurrent) = work.row.split_at_mut(n);
        forward.copy_from_slice(&tape.forward[here.clone()]);
        let recurrent = if kernel.recurrent {
            recurrent.copy_from_slice(&tape.recurrent[here.clone()]);
            recurrent
        } else {
            &mut []
        };
        self.setting.programs[index].pull(
            tape.scratch.as_mut().expect("set in `begin`"),
            &Tick {
                constants: &loaded.constants,
                individual: population.individual,
                forward,
                recurrent,
                states: &tape.states[states],
                rows: (stride, population.neurons),
                smooth: self.setting.smooth,
            },
            &mut Adjoints {
                states: &mut tape.state,
                spikes: tape.spike_adjoints.get(here.clone()).unwrap_or(&[]),
                forward: &mut tape.forward[here.clone()],
                recurrent: tape.recurrent.get_mut(here.clone()).unwrap_or(&mut []),
                constants: &mut tape.parameters,
            },
            &self.setting.surrogate,
        );
        work.tapes[index] = tape;

        let window = self.setting.window.map_or(0, |window| tick / window * window);
        for (at, projection) in network.incoming(index) {
            let Source::Population(source) = projection.source else { continue };
            let late = usize::from(source >= index);
            let Some(arrival) = tick.checked_sub(late).filter(|&arrival| arrival >= window) else {
                continue;
            };
            let apart = projection.recurrent && kernel.recurrent;
            let transposed = &self.loaded.projections[at].transposed;
            let sources = &network.populations[source];
            let columns = SAMPLES * self::stride(sources);
            let simple = sources.delays.is_empty() && !(work.any_reset && late == 1);
            if simple && source == index {
                let Tape { forward, recurrent, spike_adjoints, .. } = &mut work.tapes[index];
                let deltas = if apart { recurrent } else { forward };
                let out = &mut spike_adjoints[arrival * columns..(arrival + 1) * columns];
                transposed.multiply(&deltas[here.clone()], stride, out);
                continue;
            }
            if simple {
                let [from, to] =
                    work.tapes.get_disjoint_mut([index, source]).expect("a population and another one");
                let deltas = if apart { &from.recurrent } else { &from.forward };
                let out = &mut to.spike_adjoints[arrival * columns..(arrival + 1) * columns];
                transposed.multiply(&deltas[here.clone()], stride, out);
                continue;
            }
            let mut row = std::mem::take(&mut work.row);
            zeros(&mut row, columns);
            let tape = &work.tapes[index];
            let deltas = if apart { &tape.recurrent } else { &tape.forward };
            transposed.multiply(&deltas[here.clone()], stride, &mut row);
            let frame = tick / network.ticks;
            for sample in 0..self.samples.len() {
                let oldest = work.since[frame * SAMPLES + sample].max(window as isize);
                let stride = self::stride(sources);
                let row = &row[sample * stride..(sample + 1) * stride];
                let adjoints = &mut work.tapes[source].spike_adjoints;
                let mut add = |emitted: isize, neuron: usize| {
                    if emitted >= oldest {
                        adjoints[(emitted as usize * SAMPLES + sample) * stride + neuron] += row[neuron];
                    }
                };
                if sources.delays.is_empty() {
                    (0..sources.neurons).for_each(|neuron| add(arrival as isize, neuron));
                }
                for (delay, select) in &sources.delays {
                    let neurons = 0..sources.neurons;
                    for neuron in neurons.filter(|neuron| select[neuron / 64] >> (neuron % 64) & 1 == 1) {
                        add(arrival as isize - *delay as isize, neuron);
                    }
                }
            }
            work.row = row;
        }
    }

    /// Gradients of weights and of neuron parameters, from the adjoints on the tape.
    fn sum(&self, work: &Workspace<T>, sums: &mut Sums<T>) {
        let network = self.network;
        for (index, projection) in network.projections.iter().enumerate() {
            let Some(accumulator) = &mut sums.weights[index] else { continue };
            let tape = &work.tapes[projection.target];
            let stride = stride(&network.populations[projection.target]);
            let constant = network.is_dense(projection);
            let apart =
                projection.recurrent && network.populations[projection.target].neuron.kernel().recurrent;
            let deltas = match (constant, apart) {
                (true, _) if network.ticks > 1 => &tape.constant_adjoints,
                (_, true) => &tape.recurrent,
                (_, false) => &tape.forward,
            };
            let lists = SAMPLES * if constant { self.frames } else { self.ticks() };
            let arriving = work.arriving(projection.source);
            let list = |list: usize| arrivals(projection, arriving, &work.since, network.ticks, list);
            let bias = constant && projection.bias;
            accumulator.add(lists, list, |list| list * stride, deltas, bias);
        }
        for (index, population) in network.populations.iter().enumerate() {
            let (tape, stride) = (&work.tapes[index], stride(population));
            for (sums, tape) in
                [(&mut sums.constants[index], &tape.parameters), (&mut sums.initial[index], &tape.initial)]
            {
                for (row, values) in tape.chunks_exact(stride).enumerate() {
                    let to = &mut sums[row / SAMPLES * stride..][..stride];
                    to.iter_mut().zip(values).for_each(|(to, &value)| *to += value);
                }
            }
        }
    }
}

/// Hands the adjoints of one sample's states on to the start values.
fn to_initial<T: Real>(population: &Population, tape: &mut Tape<T>, sample: usize) {
    let stride = stride(population);
    for variable in 0..population.neuron.kernel().states.len() {
        let range = (variable * SAMPLES + sample) * stride..(variable * SAMPLES + sample + 1) * stride;
        if let Some(initial) = tape.initial.get_mut(range.clone()) {
            initial.iter_mut().zip(&tape.state[range.clone()]).for_each(|(to, &from)| *to += from);
        }
        tape.state[range].fill(T::ZERO);
    }
}
