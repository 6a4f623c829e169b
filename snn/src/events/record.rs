//! What happened, for whoever looks at it and for the way back.

/// No spike, or no event, of this number.
pub(super) const NONE: u32 = u32::MAX;

/// A spike of a neuron.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Number of the interval, from 0.
    pub interval: usize,
    /// Time in seconds from the beginning of its interval.
    pub time: f64,
    /// Population.
    pub population: usize,
    /// Neuron of the population.
    pub neuron: usize,
    /// dV/dt just before it, above 0 away from a maximum that just touches the threshold.
    pub slope: f64,
    /// dV/dt when the potential is free again.
    pub(super) after: f64,
    /// Interval and time at which that is; [`NONE`]: not yet.
    pub(super) release: (u32, f64),
    /// The spike before this one of the same neuron.
    pub(super) previous: u32,
}

/// Something that changes a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event {
    /// An input spike arrives.
    Input { time: f64, input: u32, amplitude: f64 },
    /// A spike of the record arrives at all its targets.
    Arrival { time: f64, spike: u32 },
    /// A neuron spikes: its number in the record.
    Spike(u32),
}

/// What the potential of a neuron that does not spike did in an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Its largest value; NaN unless asked for.
    pub peak: f64,
    /// When that was, in seconds from the beginning of the interval.
    pub peak_time: f64,
    /// Integral over time, in seconds times the unit of potentials.
    pub integral: f64,
    /// Its value at the end.
    pub last: f64,
    /// The arrival that ended the rise, if the peak is a kink, and dV/dt before it.
    pub(super) kink: (u32, f64),
}

impl Measured {
    pub(super) fn from(value: f64) -> Self {
        Self { peak: value, peak_time: 0.0, integral: 0.0, last: value, kink: (NONE, 0.0) }
    }
}

/// One interval of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) duration: f64,
    /// Where its events end.
    pub(super) events: usize,
}

/// What happened in some intervals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub(super) spikes: Vec<Spike>,
    pub(super) events: Vec<Event>,
    pub(super) spans: Vec<Span>,
    /// Per interval: of all neurons that do not spike, in order.
    pub(super) measured: Vec<Measured>,
    /// Additions to the currents of neurons.
    pub(super) operations: u64,
}

impl Record {
    /// All spikes in the order in which they happened.
    #[must_use]
    pub fn spikes(&self) -> &[Spike] {
        &self.spikes
    }

    /// Of an interval: what was measured of each neuron that does not spike.
    ///
    /// # Panics
    /// If there is no such interval.
    #[must_use]
    pub fn measured(&self, interval: usize) -> &[Measured] {
        let each = self.measured.len() / self.spans.len();
        &self.measured[interval * each..(interval + 1) * each]
    }

    /// Number of intervals.
    #[must_use]
    pub fn intervals(&self) -> usize {
        self.spans.len()
    }

    /// Arrivals and spikes.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Additions of a weight to the current of a neuron.
    #[must_use]
    pub fn synaptic_operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn clear(&mut self) {
        self.spikes.clear();
        self.events.clear();
        self.spans.clear();
        self.measured.clear();
        self.operations = 0;
    }
}
