//! What a network in continuous time is made of.

use super::error::{EventsError, check, check_length};
use super::lif::{Constants, Lif};

/// Neurons of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Number of neurons, at least 1.
    pub neurons: usize,
    /// Their parameters.
    pub lif: Lif,
    /// Whether they spike. Neurons that do not have no threshold, and what their potential does is measured.
    pub spiking: bool,
    /// Axonal delay of each neuron in seconds, ≥ 0; empty: none.
    pub delays: Vec<f64>,
}

/// Where a projection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// At the input channels.
    Inputs,
    /// At the neurons of a population, which may be the target itself.
    Population(usize),
}

/// Connections from all neurons of a source to all neurons of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// Where they begin.
    pub source: Source,
    /// The population where they end.
    pub target: usize,
    /// Where their weights begin in the flat vector: `W[pre][post]` is entry `pre · neurons + post` from here.
    pub offset: usize,
}

/// A network: populations and projections in any wiring. Immutable; weights are given to whoever runs it.
#[derive(Clone, Debug)]
pub struct Network {
    inputs: usize,
    populations: Vec<Population>,
    projections: Vec<Projection>,
    /// Per population: number of its first neuron.
    pub(super) starts: Vec<usize>,
    pub(super) constants: Vec<Constants>,
    /// Projections of the inputs, then of each population.
    outgoing: Vec<Vec<Projection>>,
    weights: usize,
}

impl Network {
    /// A network with `inputs` channels of spikes, which may be 0.
    ///
    /// # Errors
    /// [`EventsError`] for parameters out of range and for projections from or to what is not there.
    pub fn new(
        inputs: usize,
        populations: Vec<Population>,
        projections: Vec<Projection>,
    ) -> Result<Self, EventsError> {
        let (mut starts, mut outgoing) = (vec![0], vec![Vec::new(); populations.len() + 1]);
        for (index, population) in populations.iter().enumerate() {
            let Population { neurons, lif, delays, .. } = population;
            let place = format!("populations[{index}].");
            lif.validate(&place)?;
            let some = (1..=1 << 24).contains(neurons);
            check(|| format!("{place}neurons"), *neurons as f64, some, "1 to 16777216")?;
            if !delays.is_empty() {
                check_length(&format!("{place}delays"), delays.len(), *neurons)?;
            }
            for &delay in delays {
                check(|| format!("{place}delays"), delay, delay >= 0.0, "finite and at least 0 s")?;
            }
            starts.push(starts[index] + neurons);
        }
        let mut weights = 0;
        for (projection, &own) in projections.iter().enumerate() {
            let named = [
                Some(own.target),
                match own.source {
                    Source::Inputs => None,
                    Source::Population(source) => Some(source),
                },
            ];
            if let Some(population) = named.into_iter().flatten().find(|&p| p >= populations.len()) {
                let last = populations.len().saturating_sub(1);
                return Err(EventsError::Population { projection, population, last });
            }
            let (place, rows) = match own.source {
                Source::Inputs => (0, inputs),
                Source::Population(population) if !populations[population].spiking => {
                    return Err(EventsError::Silent { projection, population });
                }
                Source::Population(population) => (population + 1, populations[population].neurons),
            };
            outgoing[place].push(own);
            weights = weights.max(own.offset + rows * populations[own.target].neurons);
        }
        let constants = populations.iter().map(|population| Constants::new(&population.lif)).collect();
        Ok(Self { inputs, populations, projections, starts, constants, outgoing, weights })
    }

    /// Channels of input spikes.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The populations.
    #[must_use]
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// The projections.
    #[must_use]
    pub fn projections(&self) -> &[Projection] {
        &self.projections
    }

    /// Neurons of all populations, which are numbered through in this order.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.starts[self.populations.len()]
    }

    /// Numbers of a population's neurons.
    ///
    /// # Panics
    /// If there is no such population.
    #[must_use]
    pub fn range(&self, population: usize) -> std::ops::Range<usize> {
        self.starts[population]..self.starts[population + 1]
    }

    /// Length of the flat vector of weights that the projections reach into.
    #[must_use]
    pub fn weights(&self) -> usize {
        self.weights
    }

    /// Projections that begin at `source`.
    pub(super) fn from(&self, source: Source) -> &[Projection] {
        match source {
            Source::Inputs => &self.outgoing[0],
            Source::Population(population) => &self.outgoing[population + 1],
        }
    }

    /// The weights of one neuron or channel in a projection.
    pub(super) fn row<'w>(&self, weights: &'w [f64], projection: &Projection, pre: usize) -> &'w [f64] {
        let neurons = self.populations[projection.target].neurons;
        &weights[projection.offset + pre * neurons..][..neurons]
    }
}
