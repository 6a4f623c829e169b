//! A network with the parameters of one individual: weights both ways round, and the constants of
//! the neurons.

use super::product::{Panels, SAMPLES};
use crate::lanes::WIDTH;
use crate::network::{Network, Parameter, Population, Source, Weights};
use crate::real::Real;

/// Values of one individual.
#[derive(Debug, Default)]
pub(super) struct Loaded<T> {
    /// θ of the individual.
    theta: Vec<T>,
    pub(super) projections: Vec<Connections<T>>,
    pub(super) populations: Vec<Neurons<T>>,
    /// Biases of the actions.
    pub(super) biases: Vec<T>,
}

#[derive(Debug, Default)]
pub(super) struct Connections<T> {
    /// `[sources (+ bias)][padded targets]`.
    pub(super) weights: Vec<T>,
    /// `[targets][padded sources]`, if the source is a population.
    pub(super) transposed: Panels<T>,
}

#[derive(Debug, Default)]
pub(super) struct Neurons<T> {
    /// Per constant, one value or one per neuron of the [`SAMPLES`] samples.
    pub(super) constants: Vec<T>,
    /// Per state variable, one value per padded neuron.
    pub(super) initial: Vec<T>,
}

/// Padded neurons of a population.
pub(super) fn stride(population: &Population) -> usize {
    population.stride * WIDTH
}

impl<T: Real> Loaded<T> {
    /// Takes over `theta`, in the layout of `network`, which is the same at every call. Costs nothing if
    /// it holds the same bits already, as in the control steps of an episode.
    pub(super) fn load(&mut self, network: &Network, theta: &[T]) {
        let bits = |x: &T| x.to_f64().to_bits();
        if self.theta.len() == theta.len() && self.theta.iter().map(bits).eq(theta.iter().map(bits)) {
            return;
        }
        self.theta.clear();
        self.theta.extend_from_slice(theta);
        self.projections.resize_with(network.projections.len(), Connections::default);
        for (projection, loaded) in network.projections.iter().zip(&mut self.projections) {
            let stride = stride(&network.populations[projection.target]);
            let rows = projection.rows + usize::from(projection.bias);
            loaded.weights.resize(rows * stride, T::ZERO);
            let back = match projection.source {
                Source::Input => false,
                Source::Population(source) => {
                    let sources = self::stride(&network.populations[source]);
                    loaded.transposed.resize(projection.cols, sources);
                    true
                }
            };
            let mut set = |pre: usize, post: usize, weight: T| {
                loaded.weights[pre * stride + post] = weight;
                if back {
                    loaded.transposed.set(post, pre, weight);
                }
            };
            match &projection.weights {
                Weights::Evolved(block) => {
                    network.layout.blocks()[*block].visit_indices(|pre, post, index, negative| {
                        let sign = projection.signs.get(pre).copied().unwrap_or(0);
                        let theta = if negative { -theta[index] } else { theta[index] };
                        set(pre, post, T::weight(network.format, &projection.unit, theta, sign));
                    });
                }
                Weights::Fixed(fixed) => {
                    for (place, &weight) in fixed.iter().enumerate() {
                        let weight = T::of(f64::from(weight));
                        set(place / projection.cols, place % projection.cols, weight);
                    }
                }
            }
        }
        self.populations.resize_with(network.populations.len(), Neurons::default);
        for (population, loaded) in network.populations.iter().zip(&mut self.populations) {
            loaded.load(network, population, theta);
        }
        self.biases.clear();
        match network.bias {
            Some(block) => {
                let block = &network.layout.blocks()[block];
                let scale = T::of(f64::from(block.scale));
                self.biases.extend(theta[block.range()].iter().map(|&theta| scale * theta));
            }
            None => self.biases.resize(network.outputs, T::ZERO),
        }
    }
}

impl<T: Real> Neurons<T> {
    fn load(&mut self, network: &Network, population: &Population, theta: &[T]) {
        let (kernel, stride) = (population.neuron.kernel(), stride(population));
        let n = SAMPLES * stride;
        let per_constant = if population.individual { n } else { 1 };
        self.constants.resize(kernel.constants * per_constant, T::ZERO);
        self.initial.resize(kernel.states.len() * stride, T::ZERO);
        let count = if population.individual { population.neurons } else { 1 };
        let mut parameters = Vec::new();
        for neuron in 0..count {
            neuron_parameters(network, population, theta, neuron, &mut parameters);
            // The last neuron's serve the padding as well.
            let padded = if neuron + 1 == count { stride } else { neuron + 1 };
            for (index, value) in T::constants(kernel, &parameters).into_iter().enumerate() {
                if population.individual {
                    for sample in 0..SAMPLES {
                        let row = index * n + sample * stride;
                        self.constants[row + neuron..row + padded].fill(value);
                    }
                } else {
                    self.constants[index] = value;
                }
            }
            for (index, value) in T::initial(kernel, &parameters).into_iter().enumerate() {
                self.initial[index * stride + neuron..index * stride + padded].fill(value);
            }
        }
    }
}

/// The parameters of one neuron in the order of its kernel.
pub(super) fn neuron_parameters<T: Real>(
    network: &Network,
    population: &Population,
    theta: &[T],
    neuron: usize,
    parameters: &mut Vec<f64>,
) {
    let value = |parameter: &Parameter| parameter.value(&network.layout, |i| theta[i].to_f64(), neuron);
    parameters.clear();
    parameters.extend(population.parameters.iter().map(value));
    if population.neuron.refractory() > 0 {
        parameters.push(population.neuron.refractory() as f64);
    }
}
