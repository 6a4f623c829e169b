//! The individuals of an evaluator: what its loops work on.

use std::ops::Range;
use std::sync::Arc;

use super::plan::{Plan, Row};
use super::synapses::Synapses;
use super::tick;
use crate::host::Host;
use crate::lanes::Lanes;
use crate::network::Network;
use crate::vector::Ints;

/// [`Synapses::sum`].
pub(super) type SumFn<S> = unsafe fn(&S, usize, &Row, Range<usize>, &[u64], &[Lanes], &mut [Lanes]);

/// All slots, with weights as `S` keeps them.
pub(super) struct Individuals<S: Synapses> {
    pub(super) network: Arc<Network>,
    pub(super) plan: Plan,
    pub(super) synapses: S,
    /// Per population: its neurons, if they are compiled in.
    pub(super) ticks: Vec<Option<tick::TickFn>>,
    pub(super) sum: SumFn<S>,
    /// Per slot: constants of the neuron models.
    pub(super) constants: Vec<Lanes>,
    /// Per slot: state variables at the start of an episode, and now.
    pub(super) initial: Vec<Lanes>,
    pub(super) states: Vec<Lanes>,
    /// Per slot and population: bit-packed spikes of earlier ticks and of those of the last control
    /// step.
    pub(super) spikes: Vec<u64>,
    /// Connections out of each neuron of the hidden layers, each padded; per slot if individuals differ.
    pub(super) fan_out: Vec<Ints>,
    /// From slot to slot; 0 if they have the same.
    pub(super) fan_out_size: usize,
    pub(super) host: Host,
    pub(super) watched: Option<usize>,
    pub(super) scratch: Scratch,
}

/// Buffers that carry nothing from one control step to the next.
pub(super) struct Scratch {
    pub(super) forward: Vec<Lanes>,
    pub(super) recurrent: Vec<Lanes>,
    /// Per population.
    pub(super) tick: Vec<tick::Scratch>,
    pub(super) projections: Projections,
    pub(super) rows: Rows,
}

/// Those of the loop over projections.
pub(super) struct Projections {
    /// Spiking sources of the encoder in the tick at hand.
    pub(super) input: Vec<u16>,
    /// Per population: current that is constant over the ticks, if it has any.
    pub(super) constant: Vec<Vec<Lanes>>,
    /// Per population: spikes that arrive at its targets now.
    pub(super) arriving: Vec<Arriving>,
    /// For plasticity: what the targets did.
    pub(super) activities: Vec<Lanes>,
    /// Per population: per trace, values of all ticks.
    pub(super) traces: Vec<Vec<Vec<f32>>>,
}

#[derive(Default)]
pub(super) struct Arriving {
    pub(super) indices: Vec<u16>,
    pub(super) words: Vec<u64>,
}

/// Those of the loop over rows, laid out by the plan.
pub(super) struct Rows {
    /// Constant currents.
    pub(super) constants: Vec<Lanes>,
    pub(super) sums: Vec<Lanes>,
    /// As many as the widest population has.
    pub(super) zeros: Vec<Lanes>,
}

impl<S: Synapses> Individuals<S> {
    pub(super) fn slots(&self) -> usize {
        self.host.episodes.len()
    }
}

impl Scratch {
    pub(super) fn new(network: &Network, plan: &Plan) -> Self {
        let populations = &network.populations;
        let widest = populations.iter().map(|p| p.stride).max().unwrap_or(0);
        let zeros = vec![Lanes::ZERO; widest];
        Self {
            forward: zeros.clone(),
            recurrent: zeros.clone(),
            tick: populations.iter().map(|_| tick::Scratch::default()).collect(),
            projections: Projections {
                input: Vec::new(),
                constant: vec![Vec::new(); populations.len()],
                arriving: populations.iter().map(|_| Arriving::default()).collect(),
                activities: zeros.clone(),
                traces: vec![Vec::new(); populations.len()],
            },
            rows: Rows {
                constants: vec![Lanes::ZERO; plan.constants],
                sums: vec![Lanes::ZERO; plan.sums],
                zeros,
            },
        }
    }
}
