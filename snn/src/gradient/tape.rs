//! What a pass through time remembers: currents, states and spikes of all ticks of some samples.
//!
//! On the way back the currents on the tape are replaced by their adjoints, from which the gradients of
//! the weights come last, projection by projection, so that their sums stay in the cache.

use super::loaded::stride;
use super::product::{Accumulator, Events, List, SAMPLES};
use super::program::{Program, Scratch};
use super::surrogate::Surrogate;
use crate::encoder::Signal;
use crate::network::{Network, Parameter, Population, Projection, Source, Weights};
use crate::real::Real;

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
    population.parameters.iter().any(|parameter| matches!(parameter, Parameter::Evolved { .. }))
}

/// Working memory for some samples; carries nothing from one use to the next.
#[derive(Default)]
pub(super) struct Workspace<T> {
    pub(super) tapes: Vec<Tape<T>>,
    /// Lists of what the encoder sends, per frame (currents) or tick (spikes) and sample.
    pub(super) input: Events<T>,
    /// Per frame and sample: the tick of the last reset.
    pub(super) since: Vec<isize>,
    pub(super) any_reset: bool,
    /// Memory of the decoder before each frame and after the last, per sample.
    pub(super) memory: Vec<T>,
    /// Readout after each frame, `[frames][SAMPLES][readout neurons]`.
    pub(super) readout: Vec<T>,
    pub(super) signal: Signal,
    /// Spikes of the encoder in one frame, per sample, tick and word.
    pub(super) words: Vec<u64>,
    pub(super) encoders: Vec<Vec<f32>>,
    pub(super) steps: [u64; SAMPLES],
    /// One row per sample.
    pub(super) row: Vec<T>,
}

impl<T: Real> Workspace<T> {
    /// The lists that `source` sends.
    pub(super) fn arriving(&self, source: Source) -> &Events<T> {
        match source {
            Source::Input => &self.input,
            Source::Population(source) => &self.tapes[source].arriving,
        }
    }
}

/// One population's part.
#[derive(Default)]
pub(super) struct Tape<T> {
    /// Currents of each tick, then their adjoints.
    pub(super) forward: Vec<T>,
    pub(super) recurrent: Vec<T>,
    /// Current of the encoder, constant over a frame; empty if there is none.
    pub(super) constant: Vec<T>,
    /// Its adjoints, per frame.
    pub(super) constant_adjoints: Vec<T>,
    /// States before each tick.
    pub(super) states: Vec<T>,
    /// State at hand, then its adjoints.
    pub(super) state: Vec<T>,
    /// Bit-packed: `history` rows from before, then one per tick; a row is `[SAMPLES][words]`.
    pub(super) spikes: Vec<u64>,
    pub(super) fired: Vec<T>,
    /// Smooth spikes of each tick.
    pub(super) soft: Vec<T>,
    /// Spikes that arrive at targets, from tick −1 on, per sample.
    pub(super) arriving: Events<T>,
    pub(super) spike_adjoints: Vec<T>,
    pub(super) parameters: Vec<T>,
    pub(super) initial: Vec<T>,
    pub(super) scratch: Option<Scratch<T>>,
}

/// Sets the length; what was there does not matter.
pub(super) fn size<T: Real>(values: &mut Vec<T>, length: usize) {
    values.resize(length, T::ZERO);
}

/// Sets the length and all values to 0.
pub(super) fn zeros<T: Real>(values: &mut Vec<T>, length: usize) {
    values.clear();
    values.resize(length, T::ZERO);
}

/// Appends the list of spikes of `sample` that arrive once those of `tick` have been emitted; none
/// from before `since`.
pub(super) fn arrive<T: Real>(
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

/// List `list` of `arriving`, what the source of `projection` sends: one per sample and tick (per frame,
/// for an encoder's currents). `since` has the last reset of each frame and sample.
pub(super) fn arrivals<'w, T: Real>(
    projection: &Projection,
    arriving: &'w Events<T>,
    since: &[isize],
    ticks: usize,
    list: usize,
) -> List<'w, T> {
    let Source::Population(source) = projection.source else { return arriving.list(list) };
    // Lists of arriving spikes begin one tick early.
    if source < projection.target {
        return arriving.list(list + SAMPLES);
    }
    let tick = list / SAMPLES;
    if since[tick / ticks * SAMPLES + list % SAMPLES] == tick as isize {
        return List { sources: &[], values: &[] };
    }
    arriving.list(list)
}
