//! Some samples through the network, forwards and backwards in time.
//!
//! [`SAMPLES`] sequences at a time run through all ticks; their currents, states and spikes stay on a
//! tape. On the way back the currents on the tape are replaced by their adjoints, from which the
//! gradients of the weights come last, projection by projection, so that their sums stay in the cache.
//!
//! With a window, no gradient crosses its ends, so the tape is that of the ticks between two of them:
//! the samples run through all ticks once for the loss, and then piece by piece again.

use std::ops::Range;

use super::batch::{Batch, NetworkState, Outputs, Sensitivity};
use super::decode;
use super::loaded::{Loaded, stride};
use super::product::{Accumulator, Events, List, SAMPLES, add_rows};
use super::program::{Adjoints, Program, Scratch, Tick};
use super::real::Real;
use super::surrogate::Surrogate;
use crate::encoder::{Moment, Signal};
use crate::network::{Network, Population, Projection, Source, Weights};

/// What stays the same over a training.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) surrogate: Surrogate,
    /// Per population.
    pub(super) programs: Vec<Program>,
    /// Ticks through which a gradient flows.
    pub(super) window: Option<usize>,
    /// Slope of logistic spikes in place of steps, to check gradients by differences.
    pub(super) smooth: Option<f64>,
}

/// Where something became infinite or no number.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) tick: usize,
    pub(super) population: usize,
}

/// Sums over samples and time, from which the gradient comes.
pub(super) struct Sums<T> {
    /// Per projection; none for fixed weights.
    pub(super) weights: Vec<Option<Accumulator<T>>>,
    /// Per population, per constant and padded neuron; empty if nothing is evolved.
    pub(super) constants: Vec<Vec<T>>,
    /// Per population, per state variable and padded neuron; likewise.
    pub(super) initial: Vec<Vec<T>>,
    pub(super) biases: Vec<T>,
}

impl<T: Real> Sums<T> {
    pub(super) fn new(network: &Network) -> Self {
        let weights = |projection: &Projection| match projection.weights {
            Weights::Evolved(_) => {
                let rows = projection.rows + usize::from(projection.bias);
                Some(Accumulator::new(rows, stride(&network.populations[projection.target])))
            }
            Weights::Fixed(_) => None,
        };
        let neurons = |count: fn(&Population) -> usize| {
            let size = |p: &Population| if evolved(p) { count(p) * stride(p) } else { 0 };
            network.populations.iter().map(|p| vec![T::ZERO; size(p)]).collect()
        };
        Self {
            weights: network.projections.iter().map(weights).collect(),
            constants: neurons(|p| p.neuron.kernel().constants),
            initial: neurons(|p| p.neuron.kernel().states.len()),
            biases: vec![T::ZERO; network.outputs],
        }
    }

    pub(super) fn clear(&mut self) {
        self.weights.iter_mut().flatten().for_each(Accumulator::clear);
        let rest = self.constants.iter_mut().chain(&mut self.initial);
        rest.for_each(|values| values.fill(T::ZERO));
        self.biases.fill(T::ZERO);
    }
}

/// Whether a population has evolved parameters.
pub(super) fn evolved(population: &Population) -> bool {
    use crate::network::Parameter;
    population.parameters.iter().any(|parameter| matches!(parameter, Parameter::Evolved { .. }))
}

/// Working memory for some samples; carries nothing from one use to the next.
#[derive(Default)]
pub(super) struct Workspace<T> {
    tapes: Vec<Tape<T>>,
    /// Lists of what the encoder sends, per frame (currents) or tick (spikes) and sample.
    input: Events<T>,
    /// Per frame and sample: the tick of the last reset.
    since: Vec<isize>,
    any_reset: bool,
    /// Memory of the decoder before each frame and after the last, per sample.
    memory: Vec<T>,
    /// Readout after each frame, `[frames][SAMPLES][readout neurons]`.
    readout: Vec<T>,
    signal: Signal,
    /// Spikes of the encoder in one frame, per sample, tick and word.
    words: Vec<u64>,
    encoders: Vec<Vec<f32>>,
    steps: [u64; SAMPLES],
    /// One row per sample.
    row: Vec<T>,
}

/// One population's part.
#[derive(Default)]
struct Tape<T> {
    /// Currents of each tick, then their adjoints.
    forward: Vec<T>,
    recurrent: Vec<T>,
    /// Current of the encoder, constant over a frame; empty if there is none.
    constant: Vec<T>,
    /// Its adjoints, per frame.
    constant_adjoints: Vec<T>,
    /// States before each tick.
    states: Vec<T>,
    /// State at hand, then its adjoints.
    state: Vec<T>,
    /// Bit-packed: `history` rows from before, then one per tick; a row is `[SAMPLES][words]`.
    spikes: Vec<u64>,
    fired: Vec<T>,
    /// Smooth spikes of each tick.
    soft: Vec<T>,
    /// Spikes that arrive at targets, from tick −1 on, per sample.
    arriving: Events<T>,
    spike_adjoints: Vec<T>,
    parameters: Vec<T>,
    initial: Vec<T>,
    scratch: Option<Scratch<T>>,
}

/// Sets the length; what was there does not matter.
fn size<T: Real>(values: &mut Vec<T>, length: usize) {
    values.resize(length, T::ZERO);
}

/// Sets the length and all values to 0.
fn zeros<T: Real>(values: &mut Vec<T>, length: usize) {
    values.clear();
    values.resize(length, T::ZERO);
}

/// All that one pass needs.
#[derive(Clone)]
pub(super) struct Pass<'a, T> {
    pub(super) network: &'a Network,
    pub(super) setting: &'a Setting,
    pub(super) loaded: &'a Loaded<T>,
    pub(super) batch: &'a Batch<'a>,
    /// The first frame of the batch that it runs through, and how many.
    pub(super) first: usize,
    pub(super) frames: usize,
    pub(super) samples: Range<usize>,
    /// Where each of the samples begins; empty: in the reset state.
    pub(super) start: &'a [NetworkState],
}

impl<T: Real> Pass<'_, T> {
    fn ticks(&self) -> usize {
        self.frames * self.network.ticks
    }

    fn currents(&self) -> bool {
        !self.network.encoder.encoder().spiking()
    }

    /// Runs the samples and keeps all on the tape of `work`.
    pub(super) fn forward(&self, work: &mut Workspace<T>) -> Result<(), Fault> {
        self.begin(work);
        for frame in 0..self.frames {
            self.begin_frame(work, frame);
            for tick in frame * self.network.ticks..(frame + 1) * self.network.ticks {
                for population in 0..self.network.populations.len() {
                    match self.network.precision.grid() {
                        true => self.tick::<true>(work, tick, population)?,
                        false => self.tick::<false>(work, tick, population)?,
                    }
                }
            }
            self.read(work, frame);
        }
        Ok(())
    }

    fn begin(&self, work: &mut Workspace<T>) {
        let (network, ticks) = (self.network, self.ticks());
        work.tapes.resize_with(network.populations.len(), Tape::default);
        for (index, (population, tape)) in network.populations.iter().zip(&mut work.tapes).enumerate() {
            let (kernel, stride) = (population.neuron.kernel(), stride(population));
            let n = SAMPLES * stride;
            size(&mut tape.forward, ticks * n);
            size(&mut tape.recurrent, if kernel.recurrent { ticks * n } else { 0 });
            size(&mut tape.states, ticks * kernel.states.len() * n);
            size(&mut tape.state, kernel.states.len() * n);
            size(&mut tape.fired, if population.spiking() { n } else { 0 });
            size(&mut tape.soft, if self.setting.smooth.is_some() { ticks * n } else { 0 });
            tape.scratch.get_or_insert_with(|| self.setting.programs[index].scratch(&self.setting.surrogate));
            let from_encoder = |p: &Projection| p.source == Source::Input;
            let direct = self.currents() && network.incoming(index).any(|(_, p)| from_encoder(p));
            size(&mut tape.constant, if direct { n } else { 0 });
            tape.spikes.clear();
            tape.spikes.resize((network.history + ticks) * SAMPLES * population.words, 0);
            for sample in 0..SAMPLES {
                self.reset(population, tape, sample, index);
            }
        }
        work.encoders.clear();
        work.encoders.resize(SAMPLES, vec![0.0; network.encoder.encoder().memory(network.inputs)]);
        work.steps = [0; SAMPLES];
        zeros(&mut work.memory, (self.frames + 1) * SAMPLES * network.outputs);
        size(&mut work.readout, self.frames * SAMPLES * network.readout().neurons);
        work.since.clear();
        work.since.resize(self.frames * SAMPLES, -(network.history as isize));
        work.any_reset = false;
        work.input.clear();
        for (sample, state) in self.start.iter().enumerate() {
            self.restore(work, sample, state);
        }
        for (population, tape) in network.hidden().iter().zip(&mut work.tapes) {
            tape.arriving.clear();
            for sample in 0..SAMPLES {
                arrive(population, tape, network.history, -1, sample, isize::MIN, self.setting.smooth);
            }
        }
    }

    fn restore(&self, work: &mut Workspace<T>, sample: usize, state: &NetworkState) {
        let (mut states, mut spikes) = (&state.states[..], &state.spikes[..]);
        for (population, tape) in self.network.populations.iter().zip(&mut work.tapes) {
            let stride = stride(population);
            for variable in 0..population.neuron.kernel().states.len() {
                let (own, rest) = states.split_at(population.neurons);
                states = rest;
                let at = (variable * SAMPLES + sample) * stride;
                for (to, &from) in tape.state[at..].iter_mut().zip(own) {
                    *to = T::of(f64::from(from));
                }
            }
            if population.spiking() {
                for row in 0..self.network.history {
                    let (own, rest) = spikes.split_at(population.words);
                    spikes = rest;
                    let at = (row * SAMPLES + sample) * population.words;
                    tape.spikes[at..at + population.words].copy_from_slice(own);
                }
            }
        }
        work.encoders[sample].copy_from_slice(&state.encoder);
        let outputs = self.network.outputs;
        for (to, &from) in work.memory[sample * outputs..].iter_mut().zip(&state.decoder) {
            *to = T::of(f64::from(from));
        }
        work.steps[sample] = state.steps;
    }

    /// What `sample` remembers after the last frame.
    pub(super) fn state(&self, work: &Workspace<T>, sample: usize) -> NetworkState {
        let network = self.network;
        let mut state = NetworkState {
            encoder: work.encoders[sample].clone(),
            steps: work.steps[sample],
            ..NetworkState::default()
        };
        let last = (self.frames * SAMPLES + sample) * network.outputs;
        let memory = &work.memory[last..last + network.outputs];
        state.decoder.extend(memory.iter().map(|value| value.to_f64() as f32));
        let since = work.since[(self.frames - 1) * SAMPLES + sample];
        for (population, tape) in network.populations.iter().zip(&work.tapes) {
            let stride = stride(population);
            for variable in 0..population.neuron.kernel().states.len() {
                let own = &tape.state[(variable * SAMPLES + sample) * stride..][..population.neurons];
                state.states.extend(own.iter().map(|value| value.to_f64() as f32));
            }
            if population.spiking() {
                for row in self.ticks()..self.ticks() + network.history {
                    let at = (row * SAMPLES + sample) * population.words;
                    let words = &tape.spikes[at..at + population.words];
                    // Spikes from before a reset are gone.
                    let kept = row as isize - network.history as isize >= since;
                    state.spikes.extend(words.iter().map(|&word| if kept { word } else { 0 }));
                }
            }
        }
        state
    }

    /// Sets the states of one sample to their start values.
    fn reset(&self, population: &Population, tape: &mut Tape<T>, sample: usize, index: usize) {
        let stride = stride(population);
        let initial = self.loaded.populations[index].initial.chunks_exact(stride);
        for (variable, initial) in initial.enumerate() {
            tape.state[(variable * SAMPLES + sample) * stride..][..stride].copy_from_slice(initial);
        }
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
                        let x = T::source(x, network.precision);
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
                out.iter_mut().for_each(|out| *out = out.current(network.precision));
            }
        }
    }

    /// What `projection` carries into its target at a tick.
    fn arrivals<'w>(&self, work: &'w Workspace<T>, projection: &Projection, index: usize) -> List<'w, T> {
        match projection.source {
            Source::Input => work.input.list(index),
            Source::Population(source) => {
                // Lists of arriving spikes begin one tick early.
                let late = usize::from(source >= projection.target);
                let tick = index / SAMPLES;
                if work.any_reset && late == 1 {
                    let frame = tick / self.network.ticks;
                    if work.since[frame * SAMPLES + index % SAMPLES] == tick as isize {
                        return List { sources: &[], values: &[] };
                    }
                }
                work.tapes[source].arriving.list(index + (1 - late) * SAMPLES)
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
            if projection.source == Source::Input && self.currents() {
                continue;
            }
            let apart = projection.recurrent && kernel.recurrent;
            for sample in 0..SAMPLES {
                let list = tick * SAMPLES + sample;
                let list = if projection.source == Source::Population(index) {
                    own_arrivals(&work.since, &tape.arriving, network.ticks, list)
                } else {
                    self.arrivals(work, projection, list)
                };
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
            decode::decode(&network.decoder, network.ticks, values, memory, &mut out);
        }
    }

    /// What the objective sees.
    pub(super) fn outputs(&self, work: &Workspace<T>, spikes: bool) -> Outputs {
        let network = self.network;
        let (neurons, actions) = (network.readout().neurons, network.outputs);
        let mut outputs = Outputs {
            samples: self.samples.clone(),
            batch: self.batch.samples,
            frames: self.frames,
            ticks: self.ticks(),
            outputs: actions,
            neurons: network.hidden().iter().map(|layer| layer.neurons).collect(),
            values: Vec::with_capacity(self.frames * SAMPLES * actions),
            counts: Vec::new(),
            spikes: Vec::new(),
        };
        let mut out = vec![T::ZERO; actions];
        let mut memory = vec![T::ZERO; actions];
        for at in 0..self.frames * SAMPLES {
            memory.copy_from_slice(&work.memory[at * actions..(at + 1) * actions]);
            let readout = &work.readout[at * neurons..(at + 1) * neurons];
            decode::decode(&network.decoder, network.ticks, readout, &mut memory, &mut out);
            let squash = network.decoder.decoder().squash();
            let biases = &self.loaded.biases;
            let value = |(&out, &bias): (&T, &T)| if squash { out + bias } else { out }.to_f64();
            outputs.values.extend(out.iter().zip(biases).map(value));
        }
        for (population, tape) in network.hidden().iter().zip(&work.tapes) {
            let mut counts = vec![0.0; SAMPLES * population.neurons];
            self.visit_spikes(population, tape, |_, place, value| counts[place] += value);
            outputs.counts.push(counts);
        }
        if spikes && let Some((population, tape)) = network.hidden().iter().zip(&work.tapes).next_back() {
            let row = SAMPLES * population.neurons;
            outputs.spikes.resize(self.ticks() * row, 0.0);
            self.visit_spikes(population, tape, |tick, place, value| {
                outputs.spikes[tick * row + place] = value;
            });
        }
        outputs
    }

    /// Calls `each` with tick, place in `[SAMPLES][neurons]` and value of every spike.
    fn visit_spikes(&self, population: &Population, tape: &Tape<T>, mut each: impl FnMut(usize, usize, f64)) {
        let (neurons, stride, words) = (population.neurons, stride(population), population.words);
        for tick in 0..self.ticks() {
            for sample in 0..self.samples.len() {
                if self.setting.smooth.is_some() {
                    let soft = &tape.soft[(tick * SAMPLES + sample) * stride..][..neurons];
                    for (neuron, &value) in soft.iter().enumerate() {
                        each(tick, sample * neurons + neuron, value.to_f64());
                    }
                    continue;
                }
                let row = ((self.network.history + tick) * SAMPLES + sample) * words;
                for (word, &bits) in tape.spikes[row..row + words].iter().enumerate() {
                    let mut bits = bits;
                    while bits != 0 {
                        let neuron = word * 64 + bits.trailing_zeros() as usize;
                        each(tick, sample * neurons + neuron, 1.0);
                        bits &= bits - 1;
                    }
                }
            }
        }
    }

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
            if network.decoder.decoder().squash() {
                sums.biases.iter_mut().zip(&out).for_each(|(sum, &out)| *sum += out);
            }
            let readout = &work.readout[at * neurons..(at + 1) * neurons];
            let memory = &mut memory[sample * outputs..(sample + 1) * outputs];
            let tape = work.tapes.last_mut().expect("there is a readout");
            let adjoints = &mut tape.state[sample * stride..][..neurons];
            decode::pull(&network.decoder, network.ticks, readout, &out, memory, adjoints);
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
            let constant = projection.source == Source::Input && self.currents();
            let apart =
                projection.recurrent && network.populations[projection.target].neuron.kernel().recurrent;
            let deltas = match (constant, apart) {
                (true, _) if network.ticks > 1 => &tape.constant_adjoints,
                (_, true) => &tape.recurrent,
                (_, false) => &tape.forward,
            };
            let lists = SAMPLES * if constant { self.frames } else { self.ticks() };
            let list = |list: usize| self.arrivals(work, projection, list);
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

/// What a population gets from itself: list `list` of those that `arriving` begins one tick early.
fn own_arrivals<'t, T: Real>(
    since: &[isize],
    arriving: &'t Events<T>,
    ticks: usize,
    list: usize,
) -> List<'t, T> {
    let tick = list / SAMPLES;
    if since[tick / ticks * SAMPLES + list % SAMPLES] == tick as isize {
        return List { sources: &[], values: &[] };
    }
    arriving.list(list)
}

/// Appends the list of spikes of `sample` that arrive once those of `tick` have been emitted; none
/// from before `since`.
fn arrive<T: Real>(
    population: &Population,
    tape: &mut Tape<T>,
    history: usize,
    tick: isize,
    sample: usize,
    since: isize,
    smooth: Option<f64>,
) {
    let Tape { spikes, arriving, soft, .. } = tape;
    let words = population.words;
    let row = |delay: usize| {
        let emitted = tick - delay as isize;
        // Rows begin `history` ticks before the first.
        let row = (emitted + history as isize) as usize;
        let at = (row * SAMPLES + sample) * words;
        (emitted, &spikes[at..at + words])
    };
    if smooth.is_some() {
        let stride = stride(population);
        let delay = |neuron: usize| {
            let own =
                population.delays.iter().find(|(_, select)| select[neuron / 64] >> (neuron % 64) & 1 == 1);
            own.map_or(0, |(delay, _)| *delay)
        };
        for neuron in 0..population.neurons {
            let emitted = tick - delay(neuron) as isize;
            if emitted >= since.max(0) {
                let value = soft[(emitted as usize * SAMPLES + sample) * stride + neuron];
                arriving.value(neuron, value);
            }
        }
    } else if population.delays.is_empty() {
        arriving.bits(row(0).1.iter().copied());
    } else {
        let select = |word: usize| {
            let delayed = population.delays.iter().map(|(delay, select)| {
                let (emitted, bits) = row(*delay);
                if emitted >= since { bits[word] & select[word] } else { 0 }
            });
            delayed.fold(0, |all, bits| all | bits)
        };
        let selected: Vec<u64> = (0..words).map(select).collect();
        arriving.bits(selected.into_iter());
    }
    arriving.end();
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
