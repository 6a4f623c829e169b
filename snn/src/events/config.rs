//! The controller in continuous time, as it stands in a config file.

use serde::{Deserialize, Serialize};

use super::error::{EventsError, check};
use super::lif::Lif;

/// Network of spiking neurons in continuous time: exact spike times instead of ticks. All times are in seconds.
///
/// In RON: `Events(hidden: [Dense(neurons: 120)], encoder: Latency(window: 0.01), readout: Peak())`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsConfig {
    /// How the observation enters the network. Default `Current()`.
    pub encoder: EventEncoder,
    /// Hidden layers from input to output, at least one. Default `[Recurrent()]`.
    pub hidden: Vec<EventLayer>,
    /// How the spikes of the last hidden layer become actions. Default `Last()`.
    pub readout: EventReadout,
    /// Time that passes in the network per control step, or per frame of a sample; above 0. Default 0.02.
    pub step: f64,
    /// Most events (spikes and arrivals) per control step, at least 1. More are a fault of the individual in evolution,
    /// and an error in training by gradient. Default 100000.
    pub max_events: usize,
    /// Weights from the encoder (and its bias), and weights from one hidden layer to the next, are
    /// `input_gain / √sources · θ`. Finite, ≥ 0. Default 4.
    pub input_gain: f32,
    /// Mean of these θ at the start. Their deviation is 1. Finite. Default 0.
    pub input_mean: f32,
    /// Weights within a recurrent layer are `recurrent_gain / √neurons · θ`. Finite, ≥ 0. Default 1.
    pub recurrent_gain: f32,
    /// Weights to the outputs are `output_gain / √neurons · θ`. Finite, ≥ 0. Default 8.
    pub output_gain: f32,
    /// Mean of these θ at the start. Finite. Default 0.
    pub output_mean: f32,
    /// Deviation of these θ at the start. Finite, ≥ 0. Default 0.
    pub output_deviation: f32,
    /// Seed of the axonal delays, which are drawn once for the whole population. Default 0.
    pub wiring_seed: u64,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            encoder: EventEncoder::default(),
            hidden: vec![EventLayer::Recurrent(EventLayerConfig::default())],
            readout: EventReadout::default(),
            step: 0.02,
            max_events: 100_000,
            input_gain: 4.0,
            input_mean: 0.0,
            recurrent_gain: 1.0,
            output_gain: 8.0,
            output_mean: 0.0,
            output_deviation: 0.0,
            wiring_seed: 0,
        }
    }
}

/// How the observation enters a network in continuous time. The bias is a further observation that is always the largest
/// one: a current of 1, or a spike at the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum EventEncoder {
    /// Each observation is a current that stays the same over the control step.
    Current {},
    /// Each observation is one spike per control step, the larger the earlier: at `window · (high − x) / (high − low)`,
    /// with x limited to the range.
    Latency {
        /// When the spike of the lowest observation comes, in (0, `step`). Default 0.01.
        #[serde(default = "window")]
        window: f64,
        /// Observation whose spike comes last. Default 0.
        #[serde(default)]
        low: f64,
        /// Observation whose spike comes at once; above `low`. Default 1.
        #[serde(default = "one")]
        high: f64,
    },
    /// Each observation x other than 0 is a spike at the beginning of the control step, x times as strong; for data that
    /// are spikes already.
    Spikes {},
}

impl Default for EventEncoder {
    fn default() -> Self {
        Self::Current {}
    }
}

fn window() -> f64 {
    0.01
}
fn one() -> f64 {
    1.0
}

/// One hidden layer of a network in continuous time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EventLayer {
    /// Feed-forward only.
    Dense(EventLayerConfig),
    /// Also with connections between all neurons of the layer, including self-connections.
    Recurrent(EventLayerConfig),
}

impl EventLayer {
    /// Settings of the layer, whichever its kind.
    #[must_use]
    pub fn config(&self) -> &EventLayerConfig {
        match self {
            Self::Dense(config) | Self::Recurrent(config) => config,
        }
    }

    /// Whether the layer's neurons are connected to each other.
    #[must_use]
    pub fn is_recurrent(&self) -> bool {
        matches!(self, Self::Recurrent(_))
    }
}

/// Size and neurons of one hidden layer in continuous time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventLayerConfig {
    /// Number of neurons, 1 to 4096. Default 64.
    pub neurons: usize,
    /// Time constant of the membrane, 1e-9 to 1e6. With `tau_mem = 2 · tau_syn` or `tau_mem = tau_syn`, spike times have
    /// a closed form. Default 0.01.
    pub tau_mem: f64,
    /// Time constant of the synaptic current, 1e-9 to 1e6. Default 0.005.
    pub tau_syn: f64,
    /// Potential at which a neuron spikes; above `reset`. Default 1.
    pub threshold: f64,
    /// Potential after a spike. A very low one allows one spike per neuron and sample. Default 0.
    pub reset: f64,
    /// Time after a spike for which the potential is held at `reset`; ≥ 0. Default 0.
    pub refractory: f64,
    /// Range of the axonal delay, from and to. Each neuron's delay is drawn once for the whole population. ≥ 0.
    /// Default `(0, 0)`.
    pub delay: (f64, f64),
}

impl Default for EventLayerConfig {
    fn default() -> Self {
        let Lif { tau_mem, tau_syn, threshold, reset, refractory, .. } = Lif::default();
        Self { neurons: 64, tau_mem, tau_syn, threshold, reset, refractory, delay: (0.0, 0.0) }
    }
}

impl EventLayerConfig {
    /// The neurons' parameters.
    pub fn lif(&self) -> Lif {
        let Self { tau_mem, tau_syn, threshold, reset, refractory, .. } = *self;
        Lif { tau_mem, tau_syn, threshold, reset, leak: 0.0, refractory }
    }
}

/// What of a control step becomes the action, before bias and tanh: one neuron per output gives one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EventReadout {
    /// The potential of a leaky integrator at the end.
    Last(LeakyReadout),
    /// The largest potential of a leaky integrator.
    Peak(LeakyReadout),
    /// The mean potential of a leaky integrator over time.
    Integral(LeakyReadout),
    /// The time of a neuron's first spike, the earlier the larger: (`step` − time) / `unit`, 0 without a spike. The
    /// cross-entropy of these values is the loss of Göltz et al. (2021).
    FirstSpike(FirstSpikeReadout),
}

impl Default for EventReadout {
    fn default() -> Self {
        Self::Last(LeakyReadout::default())
    }
}

/// A leaky integrator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakyReadout {
    /// Time constant of the membrane, 1e-9 to 1e6. Default 0.01.
    pub tau_mem: f64,
    /// Time constant of the synaptic current, 1e-9 to 1e6. Default 0.005.
    pub tau_syn: f64,
}

impl Default for LeakyReadout {
    fn default() -> Self {
        let Lif { tau_mem, tau_syn, .. } = Lif::default();
        Self { tau_mem, tau_syn }
    }
}

/// Neurons whose first spikes are the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirstSpikeReadout {
    /// Time constant of the membrane, 1e-9 to 1e6. Default 0.01.
    pub tau_mem: f64,
    /// Time constant of the synaptic current, 1e-9 to 1e6. Default 0.005.
    pub tau_syn: f64,
    /// Potential at which a neuron spikes; above 0. Default 1.
    pub threshold: f64,
    /// Time by which a spike must be earlier for a value larger by 1; above 0. Default 0.001.
    pub unit: f64,
    /// What training does for a silent neuron that should spike earlier: its charge, in units of what fills its membrane
    /// up to the threshold, counts as this many times the value. ≥ 0. Default 1.
    pub silent: f64,
}

impl Default for FirstSpikeReadout {
    fn default() -> Self {
        let Lif { tau_mem, tau_syn, threshold, .. } = Lif::default();
        Self { tau_mem, tau_syn, threshold, unit: 0.001, silent: 1.0 }
    }
}

impl EventReadout {
    /// The neurons' parameters.
    pub fn lif(&self) -> Lif {
        match self {
            Self::Last(leaky) | Self::Peak(leaky) | Self::Integral(leaky) => {
                Lif { tau_mem: leaky.tau_mem, tau_syn: leaky.tau_syn, ..Lif::default() }
            }
            Self::FirstSpike(FirstSpikeReadout { tau_mem, tau_syn, threshold, .. }) => {
                Lif { tau_mem: *tau_mem, tau_syn: *tau_syn, threshold: *threshold, ..Lif::default() }
            }
        }
    }

    /// Whether its neurons spike.
    pub(super) fn spikes(&self) -> bool {
        matches!(self, Self::FirstSpike(_))
    }
}

impl EventsConfig {
    /// Checks every field but the sizes.
    ///
    /// # Errors
    /// [`EventsError::OutOfRange`] names the first that is wrong.
    pub(super) fn validate(&self) -> Result<(), EventsError> {
        let field = |name: &'static str| move || name.to_owned();
        check(field("step"), self.step, self.step > 0.0, "finite and above 0 s")?;
        check(field("max_events"), self.max_events as f64, self.max_events >= 1, "at least 1")?;
        for (name, gain) in [
            ("input_gain", self.input_gain),
            ("recurrent_gain", self.recurrent_gain),
            ("output_gain", self.output_gain),
            ("output_deviation", self.output_deviation),
        ] {
            check(field(name), gain.into(), gain >= 0.0, "finite and at least 0")?;
        }
        check(field("input_mean"), self.input_mean.into(), true, "finite")?;
        check(field("output_mean"), self.output_mean.into(), true, "finite")?;
        if let EventEncoder::Latency { window, low, high } = self.encoder {
            let inside = window > 0.0 && window < self.step;
            check(field("encoder.window"), window, inside, "above 0 and less than `step`")?;
            check(field("encoder.low"), low, true, "finite")?;
            check(field("encoder.high"), high, high > low, "finite and above `low`")?;
        }
        for (index, layer) in self.hidden.iter().enumerate() {
            let (from, to) = layer.config().delay;
            layer.config().lif().validate(&format!("hidden[{index}]."))?;
            check(|| format!("hidden[{index}].delay"), from, from >= 0.0, "finite and at least 0 s")?;
            check(|| format!("hidden[{index}].delay"), to, to >= from, "finite, and first the smaller one")?;
        }
        self.readout.lif().validate("readout.")?;
        if let EventReadout::FirstSpike(FirstSpikeReadout { unit, silent, .. }) = self.readout {
            check(field("readout.unit"), unit, unit > 0.0, "finite and above 0 s")?;
            check(field("readout.silent"), silent, silent >= 0.0, "finite and at least 0")?;
        }
        Ok(())
    }
}
