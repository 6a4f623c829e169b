//! Networks in continuous time: exact spike times between events, and exact gradients by EventProp.
//!
//! The neurons are leaky integrate-and-fire with an exponential synaptic current ([`Lif`]). Between events each has a
//! closed-form solution, so nothing is stepped: the time of the next spike is a logarithm (τ_mem = 2 τ_syn), Lambert's W
//! (τ_mem = τ_syn), or a root inside a bracket that is known in closed form.
//!
//! - [`Network`]: populations and projections in any wiring, with axonal delays.
//! - [`Simulator`]: one individual, which goes from event to event and keeps a [`Record`].
//! - [`Adjoint`]: derivatives of a loss with respect to weights and currents, from a record.
//! - [`to_graph`], [`from_graph`]: to NIR and back; [`InTicks`]: a trained network in ticks, and what that keeps.
//!
//! # Order of events
//!
//! Events are taken by time. At equal times arrivals come before spikes, those from input channels before those from
//! neurons, and lower numbers of population and neuron before higher ones. A spike without delay arrives at the time at
//! which it happens, before any further spike. So the result does not depend on the order in which anything is given.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use snn::events::{InputSpike, Interval, Lif, Network, Peaks, Population, Projection, Simulator, Source};
//!
//! let lif = Lif { tau_mem: 0.02, tau_syn: 0.01, ..Lif::default() };
//! let population = Population { neurons: 1, lif, spiking: true, delays: Vec::new() };
//! let projection = Projection { source: Source::Inputs, target: 0, offset: 0 };
//! let network = Arc::new(Network::new(1, vec![population], vec![projection])?);
//!
//! let mut simulator = Simulator::new(&network, Peaks::Ignored, 1000);
//! let spikes = [InputSpike { time: 0.001, input: 0, amplitude: 1.0 }];
//! simulator.run(&[5.0], &Interval { duration: 0.05, spikes: &spikes, currents: &[] })?;
//! // x − x² = 1/5 with x = exp(−t / 20 ms).
//! let expected = 0.001 - 0.02 * ((1.0 + 0.2_f64.sqrt()) / 2.0).ln();
//! assert!((simulator.record().spikes()[0].time - expected).abs() < 1e-15);
//! # Ok::<(), snn::events::EventsError>(())
//! ```

mod adjoint;
mod config;
pub(crate) mod controller;
mod crossing;
mod error;
mod lambert;
mod lif;
mod network;
mod nir;
pub(crate) mod plan;
mod queue;
mod record;
mod simulator;
#[cfg(test)]
mod tests;
mod ticks;

pub use adjoint::{Adjoint, Derivatives, Slopes};
pub use config::{
    EventEncoder, EventLayer, EventLayerConfig, EventReadout, EventsConfig, FirstSpikeReadout, LeakyReadout,
};
pub use error::EventsError;
pub use lif::Lif;
pub use network::{Network, Population, Projection, Source};
pub use nir::{FromGraph, from_graph, to_graph};
pub use record::{Measured, Record, Spike};
pub use simulator::{InputSpike, Interval, Peaks, Simulator};
pub use ticks::{InTicks, Kept, TicksError};
