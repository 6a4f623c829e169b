//! EventProp: exact derivatives by one pass backwards from event to event (Wunderlich and Pehle, Event-based
//! backpropagation can compute exact gradients for spiking neural networks, Scientific Reports 2021).
//!
//! p_V and p_I are the derivatives of the loss with respect to V and I now. Between events they go backwards by the
//! transpose of the neuron's flow. At events:
//!
//! ```text
//! arrival at target n     dL/dw += p_I          dL/dt += w · (p_I/τ_syn − p_V/τ_mem)
//! spike at time t         p_V before it = (p_V · dV/dt at release − dL/dt) / (dV/dt at the threshold)
//! ```
//!
//! dL/dt of a spike is the sum over its arrivals, plus what the loss says of its time itself. While V is held, p_V is 0;
//! at the release its product with dV/dt is kept for the spike. The paper's λ_V is −τ_mem p_V, and λ_I is −τ_syn p_I.

use std::sync::Arc;

use super::lif::{Constants, Flows};
use super::network::{Network, Source};
use super::record::{Event, Measured, NONE, Record};

/// Derivatives of a loss with respect to what a [`Record`] holds. Empty lists are zeros.
#[derive(Clone, Debug, Default)]
pub struct Slopes {
    /// With respect to the time of each spike.
    pub times: Vec<f64>,
    /// With respect to [`Measured::peak`], one per interval and neuron that does not spike.
    pub peaks: Vec<f64>,
    /// With respect to [`Measured::integral`].
    pub integrals: Vec<f64>,
    /// With respect to [`Measured::last`].
    pub lasts: Vec<f64>,
    /// Per neuron of the network: with respect to the charge ∫ (I + E) dt that it gets over all intervals. Only the
    /// weights of its own synapses and its constant current take part, not the times at which spikes arrive. This is for
    /// penalties on silent neurons, whose spikes have no derivative.
    pub charges: Vec<f64>,
}

/// Derivatives of the loss, which are added to what is there.
#[derive(Clone, Debug, Default)]
pub struct Derivatives {
    /// With respect to the weights.
    pub weights: Vec<f64>,
    /// With respect to the constant currents, per interval and neuron.
    pub currents: Vec<f64>,
    /// With respect to the time of each input spike, in the order in which they arrived.
    pub inputs: Vec<f64>,
}

/// Memory for the way back through records of one network.
#[derive(Clone, Debug)]
pub struct Adjoint {
    network: Arc<Network>,
    time: Vec<f64>,
    p_v: Vec<f64>,
    p_i: Vec<f64>,
    /// Whether V is not held.
    free: Vec<bool>,
    /// p_V · dV/dt at the release that is later than now.
    released: Vec<f64>,
    /// The latest spike before now.
    spike: Vec<u32>,
    /// ∫ p_V dt / τ_mem over the interval.
    drive: Vec<f64>,
    /// dL/dt of each spike so far.
    times: Vec<f64>,
    /// Of neurons that do not spike: the time of the peak and dL/dpeak, which is 0 once the peak is behind.
    peaks: Vec<(f64, f64)>,
}

/// The state of a neuron at hand.
struct At<'a> {
    time: &'a mut f64,
    p_v: &'a mut f64,
    p_i: &'a mut f64,
    drive: &'a mut f64,
}

impl At<'_> {
    /// Goes back to `time` with V free; `source` is dL/dV per time.
    #[inline(always)]
    fn back(&mut self, constants: &Constants, time: f64, source: f64, flows: &mut Flows) {
        let over = *self.time - time;
        if *self.p_v == 0.0 && *self.p_i == 0.0 && source == 0.0 {
            *self.time = time;
            return;
        }
        let flow = flows.over(constants, over);
        let Constants { tau_mem, tau_syn, .. } = *constants;
        let lost = 1.0 - flow.mem;
        *self.drive += *self.p_v * lost;
        *self.p_i = flow.syn * *self.p_i + flow.cross * *self.p_v;
        *self.p_v *= flow.mem;
        if source != 0.0 {
            *self.drive += source * (over - tau_mem * lost);
            *self.p_v += source * tau_mem * lost;
            *self.p_i += source * (tau_syn * (1.0 - flow.syn) - tau_mem * flow.cross);
        }
        *self.time = time;
    }
}

impl Adjoint {
    /// For records of `network`.
    #[must_use]
    pub fn new(network: &Arc<Network>) -> Self {
        let neurons = network.neurons();
        Self {
            time: vec![0.0; neurons],
            p_v: vec![0.0; neurons],
            p_i: vec![0.0; neurons],
            free: vec![true; neurons],
            released: vec![0.0; neurons],
            spike: vec![NONE; neurons],
            drive: vec![0.0; neurons],
            times: Vec::new(),
            peaks: Vec::new(),
            network: Arc::clone(network),
        }
    }

    /// Adds the derivatives of a loss with `slopes` to `out`. The record must begin at a reset (or what was before it is
    /// taken for a constant), and `weights` be those that it was made with.
    ///
    /// The derivative of a spike is infinite where the potential only touches the threshold; such a spike, whose slope is
    /// not above 0, counts as a constant.
    ///
    /// # Panics
    /// If lengths do not fit the record.
    pub fn run(&mut self, weights: &[f64], record: &Record, slopes: &Slopes, out: &mut Derivatives) {
        let network = Arc::clone(&self.network);
        let (neurons, intervals) = (network.neurons(), record.spans.len());
        out.weights.resize(network.weights().max(out.weights.len()), 0.0);
        out.currents.clear();
        out.currents.resize(intervals * neurons, 0.0);
        out.inputs.clear();
        self.start(&network, record, slopes);
        for interval in (0..intervals).rev() {
            let span = record.spans[interval];
            let first = interval.checked_sub(1).map_or(0, |before| record.spans[before].events);
            let each = record.measured.len() / intervals;
            let part =
                |values: &[f64], place: usize| values.get(interval * each + place).copied().unwrap_or(0.0);
            let measured = &record.measured[interval * each..][..each];
            self.time.fill(span.duration);
            self.drive.fill(0.0);
            self.peaks.clear();
            self.peaks.extend(
                measured.iter().enumerate().map(|(place, m)| (m.peak_time, part(&slopes.peaks, place))),
            );
            let mut sources = Vec::with_capacity(each);
            let mut place = 0;
            for (index, population) in network.populations().iter().enumerate() {
                if !population.spiking {
                    for neuron in network.range(index) {
                        self.p_v[neuron] += part(&slopes.lasts, place);
                        sources.push(part(&slopes.integrals, place));
                        place += 1;
                    }
                }
            }
            let walk =
                Walk { network: &network, weights, record, slopes, interval, sources: &sources, measured };
            for number in (first..span.events).rev() {
                match record.events[number] {
                    Event::Spike(spike) => self.spike(&walk, spike as usize),
                    Event::Arrival { time, spike } => {
                        let of = record.spikes.get(spike as usize);
                        // One from before the record is a constant.
                        let Some(of) = of else { continue };
                        let source = (Source::Population(of.population), of.neuron);
                        self.times[spike as usize] += self.arrival(&walk, source, (time, number), 1.0, out);
                    }
                    Event::Input { time, input, amplitude } => {
                        let source = (Source::Inputs, input as usize);
                        let slope = self.arrival(&walk, source, (time, number), amplitude, out);
                        out.inputs.push(slope);
                    }
                }
            }
            self.finish(&walk, span.duration, out);
        }
        out.inputs.reverse();
    }

    /// The end of the record.
    fn start(&mut self, network: &Network, record: &Record, slopes: &Slopes) {
        self.p_v.fill(0.0);
        self.p_i.fill(0.0);
        self.free.fill(true);
        self.released.fill(0.0);
        self.spike.fill(NONE);
        for (number, spike) in record.spikes.iter().enumerate() {
            let neuron = network.starts[spike.population] + spike.neuron;
            self.spike[neuron] = number as u32;
            // One whose V is still held at the end.
            self.free[neuron] = spike.release.0 != NONE;
        }
        self.times.clear();
        self.times.extend_from_slice(&slopes.times);
        self.times.resize(record.spikes.len(), 0.0);
    }

    /// Brings a neuron that spikes back to `time`.
    #[inline(always)]
    fn back(&mut self, walk: &Walk<'_>, constants: &Constants, neuron: usize, time: f64, flows: &mut Flows) {
        let mut at = At {
            time: &mut self.time[neuron],
            p_v: &mut self.p_v[neuron],
            p_i: &mut self.p_i[neuron],
            drive: &mut self.drive[neuron],
        };
        if self.free[neuron] {
            let spike = walk.record.spikes.get(self.spike[neuron] as usize);
            match spike {
                // V was held before its release, which is not the spike itself.
                Some(spike)
                    if spike.release.0 as usize == walk.interval
                        && spike.release.1 > time
                        && (spike.interval, spike.time) != (walk.interval, spike.release.1) =>
                {
                    at.back(constants, spike.release.1, 0.0, flows);
                    self.released[neuron] = *at.p_v * spike.after;
                    *at.p_v = 0.0;
                    self.free[neuron] = false;
                }
                _ => {
                    at.back(constants, time, 0.0, flows);
                    return;
                }
            }
        }
        if *at.p_i != 0.0 {
            *at.p_i *= flows.over(constants, *at.time - time).syn;
        }
        *at.time = time;
    }

    /// Brings a neuron that does not spike back to `time`, past its peak if that lies between.
    #[inline(always)]
    fn back_silent(
        &mut self,
        walk: &Walk<'_>,
        constants: &Constants,
        (neuron, place): (usize, usize),
        time: f64,
        flows: &mut Flows,
    ) {
        let mut at = At {
            time: &mut self.time[neuron],
            p_v: &mut self.p_v[neuron],
            p_i: &mut self.p_i[neuron],
            drive: &mut self.drive[neuron],
        };
        let (peak, slope) = &mut self.peaks[place];
        if *slope != 0.0 && *peak > time {
            at.back(constants, *peak, walk.sources[place], flows);
            *at.p_v += *slope;
            *slope = 0.0;
        }
        at.back(constants, time, walk.sources[place], flows);
    }

    /// Goes back through a spike.
    fn spike(&mut self, walk: &Walk<'_>, number: usize) {
        let spike = &walk.record.spikes[number];
        let (population, network) = (spike.population, walk.network);
        let neuron = network.starts[population] + spike.neuron;
        self.back(walk, &network.constants[population], neuron, spike.time, &mut Flows::new());
        let released = if self.free[neuron] { self.p_v[neuron] * spike.after } else { self.released[neuron] };
        let grazing = spike.slope <= 0.0;
        self.p_v[neuron] = if grazing { 0.0 } else { (released - self.times[number]) / spike.slope };
        self.released[neuron] = 0.0;
        self.free[neuron] = true;
        self.spike[neuron] = spike.previous;
    }

    /// Goes back through an arrival; returns dL/dt of it.
    fn arrival(
        &mut self,
        walk: &Walk<'_>,
        (source, pre): (Source, usize),
        (time, number): (f64, usize),
        amplitude: f64,
        out: &mut Derivatives,
    ) -> f64 {
        let (network, charges) = (walk.network, &walk.slopes.charges);
        let mut slope = 0.0;
        for projection in network.from(source) {
            let (target, row) = (projection.target, network.row(walk.weights, projection, pre));
            let (start, constants) = (network.starts[target], &network.constants[target]);
            let Constants { tau_mem, tau_syn, .. } = *constants;
            let gradient = &mut out.weights[projection.offset + pre * row.len()..][..row.len()];
            let mut flows = Flows::new();
            let spiking = network.populations()[target].spiking;
            let rest =
                if charges.is_empty() { 0.0 } else { tau_syn * (1.0 - constants.flow(walk.rest(time)).syn) };
            for (post, (weight, gradient)) in row.iter().zip(gradient).enumerate() {
                let neuron = start + post;
                if spiking {
                    self.back(walk, constants, neuron, time, &mut flows);
                } else {
                    let place = walk.place(target) + post;
                    self.back_silent(walk, constants, (neuron, place), time, &mut flows);
                    let (event, rise) = walk.measured[place].kink;
                    if event as usize == number {
                        slope += self.peaks[place].1 * rise;
                    }
                }
                let (p_v, p_i) = (self.p_v[neuron], self.p_i[neuron]);
                *gradient += amplitude * p_i;
                if rest > 0.0 {
                    *gradient += amplitude * rest * charges[neuron];
                }
                slope += amplitude * weight * (p_i / tau_syn - p_v / tau_mem);
            }
        }
        slope
    }

    /// The beginning of an interval.
    fn finish(&mut self, walk: &Walk<'_>, duration: f64, out: &mut Derivatives) {
        let network = walk.network;
        let neurons = network.neurons();
        let mut place = 0;
        for (index, population) in network.populations().iter().enumerate() {
            let (constants, mut flows) = (&network.constants[index], Flows::new());
            for neuron in network.range(index) {
                if population.spiking {
                    self.back(walk, constants, neuron, 0.0, &mut flows);
                } else {
                    self.back_silent(walk, constants, (neuron, place), 0.0, &mut flows);
                    // A peak at the very beginning.
                    self.p_v[neuron] += std::mem::take(&mut self.peaks[place].1);
                    place += 1;
                }
                let charge = walk.slopes.charges.get(neuron).copied().unwrap_or(0.0);
                out.currents[walk.interval * neurons + neuron] = self.drive[neuron] + charge * duration;
            }
        }
    }
}

/// What stays the same on the way back through an interval.
struct Walk<'a> {
    network: &'a Network,
    weights: &'a [f64],
    record: &'a Record,
    slopes: &'a Slopes,
    interval: usize,
    /// dL/dV per time of each neuron that does not spike.
    sources: &'a [f64],
    measured: &'a [Measured],
}

impl Walk<'_> {
    /// Time from `time` to the end of the record.
    fn rest(&self, time: f64) -> f64 {
        self.record.spans[self.interval..].iter().map(|span| span.duration).sum::<f64>() - time
    }

    /// First place of a population among the neurons that do not spike.
    fn place(&self, population: usize) -> usize {
        let silent = self.network.populations()[..population].iter().filter(|p| !p.spiking);
        silent.map(|p| p.neurons).sum()
    }
}
