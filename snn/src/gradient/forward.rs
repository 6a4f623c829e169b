//! Forwards in time, in the precision of the evaluators, with everything kept on the tape.

use super::loaded::stride;
use super::pass::Pass;
use super::product::{SAMPLES, add_rows};
use super::program::Tick;
use super::tape::{Fault, Workspace, arrivals, arrive};
use crate::encoder::Moment;
use crate::network::Source;
use crate::real::Real;

impl<T: Real> Pass<'_, T> {
    /// Runs the samples and keeps all on the tape of `work`.
    pub(super) fn forward(&self, work: &mut Workspace<T>) -> Result<(), Fault> {
        self.begin(work);
        for frame in 0..self.frames {
            self.begin_frame(work, frame);
            for tick in frame * self.network.ticks..(frame + 1) * self.network.ticks {
                for population in 0..self.network.populations.len() {
                    match self.network.format.grid() {
                        true => self.tick::<true>(work, tick, population)?,
                        false => self.tick::<false>(work, tick, population)?,
                    }
                }
            }
            self.read(work, frame);
        }
        Ok(())
    }

    /// Resets, encodes, and sums the encoder's currents.
    fn begin_frame(&self, work: &mut Workspace<T>, frame: usize) {
        let network = self.network;
        let (input_words, first) = (network.width.div_ceil(64), frame * network.ticks);
        work.words.clear();
        work.words.resize(if self.currents() { 0 } else { SAMPLES * network.ticks * input_words }, 0);
        for sample in 0..SAMPLES {
            if frame > 0 {
                work.since[frame * SAMPLES + sample] = work.since[(frame - 1) * SAMPLES + sample];
            }
            let at = self.samples.start + sample;
            let real = at < self.samples.end;
            let reset = real && self.batch.resets(self.first + frame, at);
            if reset {
                work.since[frame * SAMPLES + sample] = first as isize;
                work.any_reset = true;
                work.encoders[sample].fill(0.0);
                work.steps[sample] = 0;
                let memory = (frame * SAMPLES + sample) * network.outputs;
                work.memory[memory..memory + network.outputs].fill(T::ZERO);
            }
            for (index, (population, tape)) in network.populations.iter().zip(&mut work.tapes).enumerate() {
                if reset || population.clear {
                    self.reset(population, tape, sample, index);
                }
            }
            if real {
                let row = (self.first + frame) * self.batch.samples + at;
                let x = &self.batch.inputs[row * network.inputs..];
                let moment =
                    Moment { seed: self.batch.seed(at), step: work.steps[sample], ticks: network.ticks };
                work.steps[sample] += 1;
                let x = &x[..network.inputs];
                network.encode(moment, x, &mut work.encoders[sample], &mut work.signal);
                if self.currents() {
                    for (source, &x) in work.signal.currents.iter().enumerate() {
                        let x = T::source(network.format, x);
                        if x != T::ZERO {
                            work.input.value(source, x);
                        }
                    }
                } else {
                    let size = network.ticks * input_words;
                    work.words[sample * size..(sample + 1) * size].copy_from_slice(&work.signal.spikes);
                }
            }
            if self.currents() {
                work.input.end();
            }
        }
        if !self.currents() {
            for tick in 0..network.ticks {
                for sample in 0..SAMPLES {
                    let at = (sample * network.ticks + tick) * input_words;
                    work.input.bits(work.words[at..at + input_words].iter().copied());
                    work.input.end();
                }
            }
            return;
        }
        for (index, projection) in network.projections.iter().enumerate() {
            if projection.source != Source::Input {
                continue;
            }
            let constant = &mut work.tapes[projection.target].constant;
            let weights = &self.loaded.projections[index].weights;
            let stride = constant.len() / SAMPLES;
            constant.fill(T::ZERO);
            for (sample, out) in constant.chunks_exact_mut(stride).enumerate() {
                add_rows(work.input.list(frame * SAMPLES + sample), weights, out);
                if projection.bias && sample < self.samples.len() {
                    let bias = &weights[projection.rows * stride..];
                    out.iter_mut().zip(bias).for_each(|(out, &bias)| *out += bias);
                }
                T::round_currents(network.format, out);
            }
        }
    }

    /// One tick of one population.
    fn tick<const GRID: bool>(
        &self,
        work: &mut Workspace<T>,
        tick: usize,
        index: usize,
    ) -> Result<(), Fault> {
        let network = self.network;
        let (population, loaded) = (&network.populations[index], &self.loaded.populations[index]);
        let (kernel, stride) = (population.neuron.kernel(), stride(population));
        let n = SAMPLES * stride;
        let here = tick * n..(tick + 1) * n;

        // Out of the tape while the lists of other populations are read.
        let mut tape = std::mem::take(&mut work.tapes[index]);
        match &tape.constant[..] {
            [] => tape.forward[here.clone()].fill(T::ZERO),
            constant => tape.forward[here.clone()].copy_from_slice(constant),
        }
        if kernel.recurrent {
            tape.recurrent[here.clone()].fill(T::ZERO);
        }
        for (at, projection) in network.incoming(index) {
            if network.is_dense(projection) {
                continue;
            }
            let apart = projection.recurrent && kernel.recurrent;
            let own = projection.source == Source::Population(index);
            for sample in 0..SAMPLES {
                let list = arrivals(
                    projection,
                    if own { &tape.arriving } else { work.arriving(projection.source) },
                    &work.since,
                    network.ticks,
                    tick * SAMPLES + sample,
                );
                if !list.sources.is_empty() {
                    let currents = if apart { &mut tape.recurrent } else { &mut tape.forward };
                    let out = &mut currents[tick * n + sample * stride..][..stride];
                    add_rows(list, &self.loaded.projections[at].weights, out);
                }
            }
        }

        let before = tick * tape.state.len()..(tick + 1) * tape.state.len();
        tape.states[before.clone()].copy_from_slice(&tape.state);
        let scratch = tape.scratch.as_mut().expect("set in `begin`");
        let fault = self.setting.programs[index].tick::<T, GRID>(
            scratch,
            &Tick {
                constants: &loaded.constants,
                individual: population.individual,
                forward: &tape.forward[here.clone()],
                recurrent: tape.recurrent.get(here.clone()).unwrap_or(&[]),
                states: &tape.states[before],
                rows: (stride, population.neurons),
                smooth: self.setting.smooth,
            },
            &mut tape.state,
            &mut tape.fired,
        );
        if population.spiking() {
            let words = population.words;
            let row = (network.history + tick) * SAMPLES * words;
            for (sample, fired) in tape.fired.chunks_exact(stride).enumerate() {
                let row = &mut tape.spikes[row + sample * words..][..words];
                for (word, fired) in row.iter_mut().zip(fired[..population.neurons].chunks(64)) {
                    let bit = |(i, &fired): (usize, &T)| u64::from(fired > T::ZERO) << i;
                    *word = fired.iter().enumerate().map(bit).fold(0, |word, bit| word | bit);
                }
            }
            if self.setting.smooth.is_some() {
                tape.soft[here].copy_from_slice(&tape.fired);
            }
            for sample in 0..SAMPLES {
                let since = work.since[tick / network.ticks * SAMPLES + sample];
                let smooth = self.setting.smooth;
                arrive(population, &mut tape, network.history, tick as isize, sample, since, smooth);
            }
        }
        work.tapes[index] = tape;
        match fault.filter(|&neuron| neuron / stride < self.samples.len()) {
            Some(_) => Err(Fault { tick, population: index }),
            None => Ok(()),
        }
    }

    /// The readout after a frame.
    fn read(&self, work: &mut Workspace<T>, frame: usize) {
        let network = self.network;
        let (neurons, outputs) = (network.readout().neurons, network.outputs);
        let stride = stride(network.readout());
        let state = &work.tapes[work.tapes.len() - 1].state;
        let mut out = vec![T::ZERO; outputs];
        for sample in 0..SAMPLES {
            let at = frame * SAMPLES + sample;
            let values = &state[sample * stride..][..neurons];
            work.readout[at * neurons..(at + 1) * neurons].copy_from_slice(values);
            let (before, after) = work.memory.split_at_mut((at + SAMPLES) * outputs);
            let memory = &mut after[..outputs];
            memory.copy_from_slice(&before[at * outputs..(at + 1) * outputs]);
            network.decoder.decode(network.ticks, values, memory, &mut out);
        }
    }
}
