//! A network on its way from event to event.
//!
//! Between events every neuron follows its exact solution, and only an event that reaches it moves its state. Spikes are
//! taken in the order of [`queue`](super::queue).

use std::sync::Arc;

use super::crossing::{Horizon, crossing};
use super::error::{EventsError, check, check_length};
use super::lif::{Constants, Flows, Lif};
use super::network::{Network, Projection, Source};
use super::queue::{Delivery, Earliest, Queue};
use super::record::{Event, Measured, NONE, Record, Span, Spike};

/// A spike of an input channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpike {
    /// Seconds from the beginning of the interval, in [0, duration).
    pub time: f64,
    /// Channel.
    pub input: usize,
    /// Factor on the channel's weights; 1 for a plain spike.
    pub amplitude: f64,
}

/// What enters a network over some time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval<'a> {
    /// Length in seconds; above 0.
    pub duration: f64,
    /// Input spikes in any order; equal times are taken in the order of channels, then as given.
    pub spikes: &'a [InputSpike],
    /// Constant current into each neuron of the network; empty: none.
    pub currents: &'a [f64],
}

/// Whether the peaks of neurons that do not spike are looked for, which costs a logarithm per event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peaks {
    /// They are.
    Found,
    /// They are not.
    Ignored,
}

/// The state of each neuron.
#[derive(Clone, Debug)]
struct Cells {
    /// The time of the state.
    time: Vec<f64>,
    v: Vec<f64>,
    i: Vec<f64>,
    /// Until when V is held.
    held: Vec<f64>,
    /// E: leak plus constant current.
    drive: Vec<f64>,
    /// The latest spike in the record.
    spike: Vec<u32>,
}

/// One individual of a [`Network`]: its state, and what it did.
#[derive(Clone, Debug)]
pub struct Simulator {
    network: Arc<Network>,
    cells: Cells,
    /// When each neuron spikes next, per population.
    next: Vec<Earliest>,
    queue: Queue,
    record: Record,
    peaks: Peaks,
    /// Most events per interval.
    max_events: usize,
    inputs: Vec<InputSpike>,
    /// How many of them have arrived, and when the interval ends.
    arrived: usize,
    end: f64,
    /// Of the interval at hand: neurons that do not spike.
    measured: Vec<Measured>,
    /// Per population: its first place there.
    places: Vec<usize>,
}

impl Simulator {
    /// In the rest state. More than `max_events` events in an interval are an error.
    #[must_use]
    pub fn new(network: &Arc<Network>, peaks: Peaks, max_events: usize) -> Self {
        let neurons = network.neurons();
        let (mut places, mut silent) = (Vec::new(), 0);
        for population in network.populations() {
            places.push(silent);
            silent += if population.spiking { 0 } else { population.neurons };
        }
        let mut new = Self {
            cells: Cells {
                time: vec![0.0; neurons],
                v: vec![0.0; neurons],
                i: vec![0.0; neurons],
                held: vec![f64::NEG_INFINITY; neurons],
                drive: vec![0.0; neurons],
                spike: vec![NONE; neurons],
            },
            next: network.populations().iter().map(|p| Earliest::new(p.neurons)).collect(),
            queue: Queue::default(),
            record: Record::default(),
            peaks,
            max_events,
            inputs: Vec::new(),
            arrived: 0,
            end: 0.0,
            measured: vec![Measured::from(0.0); silent],
            places,
            network: Arc::clone(network),
        };
        new.reset();
        new
    }

    /// Returns to rest and forgets the record.
    pub fn reset(&mut self) {
        for (index, population) in self.network.populations().iter().enumerate() {
            self.cells.v[self.network.range(index)].fill(population.lif.leak);
        }
        self.cells.i.fill(0.0);
        self.cells.held.fill(f64::NEG_INFINITY);
        self.queue.clear();
        self.forget();
    }

    /// Forgets what happened, and stays in its state.
    pub fn forget(&mut self) {
        self.record.clear();
        self.cells.spike.fill(NONE);
    }

    /// What happened since the last [`forget`](Self::forget).
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Potential and current of a neuron, numbered through the whole network, at the end of the last interval.
    ///
    /// # Panics
    /// If there is no such neuron.
    #[must_use]
    pub fn state(&self, neuron: usize) -> (f64, f64) {
        (self.cells.v[neuron], self.cells.i[neuron])
    }

    /// Goes on over an interval.
    ///
    /// # Errors
    /// [`EventsError`] for input out of range, for more events than allowed, and for states that are not finite. The
    /// individual is then somewhere within the interval: only [`reset`](Self::reset) makes sense of it.
    pub fn run(&mut self, weights: &[f64], interval: &Interval<'_>) -> Result<(), EventsError> {
        self.begin(weights, interval)?;
        let network = Arc::clone(&self.network);
        let Interval { duration, .. } = *interval;
        let first = self.record.events.len();
        loop {
            let of_inputs = self.inputs.get(self.arrived).map_or(f64::INFINITY, |spike| spike.time);
            let arrival = of_inputs.min(self.queue.time());
            let (mut spike, mut population) = (f64::INFINITY, 0);
            for (index, next) in self.next.iter().enumerate() {
                if next.time() < spike {
                    (spike, population) = (next.time(), index);
                }
            }
            if arrival.min(spike) >= duration {
                break;
            }
            if self.record.events.len() - first >= self.max_events {
                let (limit, time) = (self.max_events, arrival.min(spike));
                return Err(EventsError::TooManyEvents { limit, time, duration });
            }
            if spike < arrival {
                // Nothing can come between a spike without delay and its arrival if nothing arrives at the same time.
                let fired = self.fire(&network, population, spike, arrival);
                if let Some(Delivery { time, population, neuron, spike }) = fired {
                    if self.record.events.len() - first >= self.max_events {
                        return Err(EventsError::TooManyEvents { limit: self.max_events, time, duration });
                    }
                    self.record.events.push(Event::Arrival { time, spike });
                    let source = (Source::Population(population as usize), neuron as usize);
                    self.arrive(&network, weights, source, 1.0, time);
                }
            } else if of_inputs <= arrival {
                let InputSpike { time, input: channel, amplitude } = self.inputs[self.arrived];
                self.arrived += 1;
                self.record.events.push(Event::Input { time, input: channel as u32, amplitude });
                self.arrive(&network, weights, (Source::Inputs, channel), amplitude, time);
            } else if let Some(Delivery { time, population, neuron, spike }) = self.queue.pop() {
                self.record.events.push(Event::Arrival { time, spike });
                let source = (Source::Population(population as usize), neuron as usize);
                self.arrive(&network, weights, source, 1.0, time);
            }
        }
        self.end(&network, duration)
    }

    /// Checks and sorts what enters, and predicts every neuron's next spike.
    fn begin(&mut self, weights: &[f64], interval: &Interval<'_>) -> Result<(), EventsError> {
        let Interval { duration, spikes, currents } = *interval;
        let network = &*self.network;
        check(|| "duration".into(), duration, duration > 0.0, "finite and above 0 s")?;
        if weights.len() < network.weights() {
            check_length("weights", weights.len(), network.weights())?;
        }
        for spike in spikes {
            let InputSpike { time, input, amplitude } = *spike;
            let inside = (0.0..duration).contains(&time);
            check(|| "time of an input spike".into(), time, inside, "0 s to less than the duration")?;
            check(|| "amplitude of an input spike".into(), amplitude, true, "finite")?;
            let known = input < network.inputs();
            check(|| "channel of an input spike".into(), input as f64, known, "one of the input channels")?;
        }
        if !currents.is_empty() {
            check_length("currents", currents.len(), network.neurons())?;
        }
        for &current in currents {
            check(|| "current".into(), current, true, "finite")?;
        }
        self.inputs.clear();
        self.inputs.extend_from_slice(spikes);
        // Stable: what has the same time and channel stays in order.
        self.inputs.sort_by(|a, b| a.time.total_cmp(&b.time).then(a.input.cmp(&b.input)));
        (self.arrived, self.end) = (0, duration);
        self.cells.time.fill(0.0);
        for (index, population) in network.populations().iter().enumerate() {
            let (range, horizon) = (network.range(index), self.horizon(network, index, 0.0));
            let cells = &mut self.cells;
            cells.drive[range.clone()].fill(population.lif.leak);
            for (drive, current) in
                cells.drive[range.clone()].iter_mut().zip(currents.get(range.clone()).unwrap_or(&[]))
            {
                *drive += current;
            }
            if population.spiking {
                let (lif, constants) = (&population.lif, &network.constants[index]);
                let players = self.next[index].players();
                for (player, neuron) in players.iter_mut().zip(range) {
                    *player = cells.predict(neuron, lif, constants, horizon);
                }
                self.next[index].settle();
            } else {
                let first = self.places[index];
                for (measured, neuron) in self.measured[first..].iter_mut().zip(range) {
                    *measured = Measured::from(cells.v[neuron]);
                }
            }
        }
        Ok(())
    }

    /// How far a prediction for a population must look at `time`: to the next input spike that reaches it, as that
    /// makes a new one, or to the end.
    fn horizon(&self, network: &Network, population: usize, time: f64) -> Horizon {
        let reached = network.from(Source::Inputs).iter().any(|own| own.target == population);
        let next = self.inputs.get(self.arrived).filter(|_| reached).map_or(self.end, |spike| spike.time);
        Horizon::new(&network.constants[population], next - time)
    }

    /// A neuron reaches its threshold. Its spike is put into the queue, or returned if it arrives before anything that is
    /// there, the first of which comes at `arrival`.
    fn fire(&mut self, network: &Network, population: usize, time: f64, arrival: f64) -> Option<Delivery> {
        let player = self.next[population].player();
        let (kind, constants) = (&network.populations()[population], &network.constants[population]);
        let (lif, neuron, cells) = (&kind.lif, network.starts[population] + player, &mut self.cells);
        cells.advance(neuron, lif, constants, time, &mut Flows::new(), &mut self.record);
        let number = self.record.spikes.len() as u32;
        let slope = |v: f64| (cells.drive[neuron] - v + cells.i[neuron]) / lif.tau_mem;
        let interval = self.record.spans.len();
        let held = time + lif.refractory;
        let free = held <= time;
        self.record.spikes.push(Spike {
            interval,
            time,
            population,
            neuron: player,
            slope: slope(lif.threshold),
            after: if free { slope(lif.reset) } else { 0.0 },
            release: if free { (interval as u32, time) } else { (NONE, 0.0) },
            previous: cells.spike[neuron],
        });
        self.record.events.push(Event::Spike(number));
        cells.spike[neuron] = number;
        cells.v[neuron] = lif.reset;
        if !free {
            cells.held[neuron] = held;
        }
        // Whoever is held till the end does not spike again, which needs no exponential.
        let next = if held > self.end {
            f64::INFINITY
        } else {
            let horizon = self.horizon(network, population, time);
            self.cells.predict(neuron, lif, constants, horizon)
        };
        self.next[population].set(player, next);
        if network.from(Source::Population(population)).is_empty() {
            return None;
        }
        let time = time + kind.delays.get(player).copied().unwrap_or(0.0);
        let (population, neuron) = (population as u32, player as u32);
        let delivery = Delivery { time, population, neuron, spike: number };
        if kind.delays.is_empty() && time < arrival {
            return Some(delivery);
        }
        self.queue.push(delivery);
        None
    }

    /// A spike reaches all targets of its source.
    fn arrive(
        &mut self,
        network: &Network,
        weights: &[f64],
        (source, pre): (Source, usize),
        amplitude: f64,
        time: f64,
    ) {
        for projection in network.from(source) {
            let row = network.row(weights, projection, pre);
            let &Projection { target, .. } = projection;
            let (kind, constants, start) =
                (&network.populations()[target], &network.constants[target], network.starts[target]);
            let horizon = self.horizon(network, target, time);
            let (cells, mut flows) = (&mut self.cells, Flows::new());
            self.record.operations += row.len() as u64;
            if kind.spiking {
                let players = self.next[target].players();
                for (place, (weight, player)) in row.iter().zip(players).enumerate() {
                    let neuron = start + place;
                    cells.advance(neuron, &kind.lif, constants, time, &mut flows, &mut self.record);
                    cells.i[neuron] += amplitude * weight;
                    *player = cells.predict(neuron, &kind.lif, constants, horizon);
                }
                self.next[target].settle();
            } else {
                let event = self.record.events.len() as u32 - 1;
                for (place, weight) in row.iter().enumerate() {
                    let (neuron, measured) = (start + place, &mut self.measured[self.places[target] + place]);
                    cells.measure(neuron, constants, (time, event), self.peaks, &mut flows, measured);
                    cells.i[neuron] += amplitude * weight;
                }
            }
        }
    }

    /// Brings every neuron to the end of the interval, which becomes the beginning of the next one.
    fn end(&mut self, network: &Network, duration: f64) -> Result<(), EventsError> {
        let cells = &mut self.cells;
        for (index, population) in network.populations().iter().enumerate() {
            let (constants, mut flows) = (&network.constants[index], Flows::new());
            for (place, neuron) in network.range(index).enumerate() {
                if population.spiking {
                    let record = &mut self.record;
                    cells.advance(neuron, &population.lif, constants, duration, &mut flows, record);
                    cells.held[neuron] -= duration;
                } else {
                    let measured = &mut self.measured[self.places[index] + place];
                    cells.measure(neuron, constants, (duration, NONE), self.peaks, &mut flows, measured);
                    measured.last = cells.v[neuron];
                }
                if !(cells.v[neuron].is_finite() && cells.i[neuron].is_finite()) {
                    return Err(EventsError::NotFinite { population: index, neuron: place, time: duration });
                }
            }
        }
        self.queue.shift(duration);
        self.record.measured.extend_from_slice(&self.measured);
        self.record.spans.push(Span { duration, events: self.record.events.len() });
        Ok(())
    }

    /// The state as words, exact to the last bit.
    pub(crate) fn words(&self) -> Vec<u64> {
        let Cells { v, i, held, .. } = &self.cells;
        let mut words: Vec<u64> = v.iter().chain(i).chain(held).map(|x| x.to_bits()).collect();
        let mut pending: Vec<Delivery> = self.queue.iter().copied().collect();
        pending.sort();
        words.extend(
            pending
                .iter()
                .flat_map(|d| [d.time.to_bits(), u64::from(d.population) << 32 | u64::from(d.neuron)]),
        );
        words
    }

    /// Goes on from what [`words`](Self::words) gave.
    pub(crate) fn restore(&mut self, words: &[u64]) {
        self.reset();
        let neurons = self.network.neurons();
        let Cells { v, i, held, .. } = &mut self.cells;
        for (to, word) in v.iter_mut().chain(i).chain(held).zip(words) {
            *to = f64::from_bits(*word);
        }
        for pair in words[3 * neurons..].chunks_exact(2) {
            let (population, neuron) = ((pair[1] >> 32) as u32, pair[1] as u32);
            self.queue.push(Delivery { time: f64::from_bits(pair[0]), population, neuron, spike: NONE });
        }
    }
}

impl Cells {
    /// When a neuron spikes next if nothing arrives before, which is up to `horizon` from now.
    #[inline(always)]
    fn predict(&self, neuron: usize, lif: &Lif, constants: &Constants, horizon: Horizon) -> f64 {
        let (drive, time, held) = (self.drive[neuron], self.time[neuron], self.held[neuron]);
        let (from, u, i) = if held > time {
            if held - time > horizon.time {
                return f64::INFINITY;
            }
            let flow = constants.flow(held - time);
            (held, lif.reset - drive, flow.syn * self.i[neuron])
        } else {
            (time, self.v[neuron] - drive, self.i[neuron])
        };
        crossing(constants, (u, i), lif.threshold - drive, horizon)
            .map_or(f64::INFINITY, |after| from + after)
    }

    /// Brings a neuron to `time`.
    #[inline(always)]
    fn advance(
        &mut self,
        neuron: usize,
        lif: &Lif,
        constants: &Constants,
        time: f64,
        flows: &mut Flows,
        record: &mut Record,
    ) {
        let held = self.held[neuron];
        if held > self.time[neuron] {
            let until = held.min(time);
            self.i[neuron] *= flows.over(constants, until - self.time[neuron]).syn;
            self.time[neuron] = until;
            if held > time {
                return;
            }
            if let Some(spike) = record.spikes.get_mut(self.spike[neuron] as usize) {
                spike.after = (self.drive[neuron] - lif.reset + self.i[neuron]) / lif.tau_mem;
                spike.release = (record.spans.len() as u32, held);
            }
        }
        let (drive, flow) = (self.drive[neuron], flows.over(constants, time - self.time[neuron]));
        self.v[neuron] = drive + flow.potential(self.v[neuron] - drive, self.i[neuron]);
        self.i[neuron] *= flow.syn;
        self.time[neuron] = time;
    }

    /// The same for a neuron that does not spike, with what its potential does on the way; `event` is the one that ends
    /// it.
    #[inline(always)]
    fn measure(
        &mut self,
        neuron: usize,
        constants: &Constants,
        (time, event): (f64, u32),
        peaks: Peaks,
        flows: &mut Flows,
        measured: &mut Measured,
    ) {
        let (drive, from) = (self.drive[neuron], self.time[neuron]);
        let flow = flows.over(constants, time - from);
        let (u, i) = (self.v[neuron] - drive, self.i[neuron]);
        let end = flow.potential(u, i);
        let Constants { tau_mem, tau_syn, .. } = *constants;
        // From τ_mem du/dt = I − u, integrated.
        measured.integral += drive * (time - from) + tau_syn * (1.0 - flow.syn) * i + tau_mem * (u - end);
        if peaks == Peaks::Found {
            if let Some((after, value)) = constants.peak((u, i), &flow, time - from, measured.peak - drive) {
                let peak_time = from + after;
                *measured = Measured { peak: drive + value, peak_time, kink: (NONE, 0.0), ..*measured };
            }
            if drive + end > measured.peak {
                let slope = (flow.syn * i - end) / tau_mem;
                let kink = (event, slope);
                *measured = Measured { peak: drive + end, peak_time: time, kink, ..*measured };
            }
        }
        self.v[neuron] = drive + end;
        self.i[neuron] *= flow.syn;
        self.time[neuron] = time;
    }
}
