//! The network as a graph: populations, and the weights between them.

use snn::{Controller, Layout};

/// A network with the weights of one individual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Brain {
    /// One line on shape and size.
    pub summary: String,
    /// Inputs, hidden layers, outputs.
    pub populations: Vec<Population>,
    /// What connects them.
    pub projections: Vec<Projection>,
}

/// A group of neurons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Population {
    /// Name as in recordings; the first one is `input`.
    pub name: String,
    /// Number of neurons.
    pub neurons: usize,
}

/// Weights from one population to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Name of its parameters.
    pub name: String,
    /// Index of the population that it comes from.
    pub from: usize,
    /// Index of the population that it goes to.
    pub to: usize,
    /// Connections that exist: source neuron, target neuron, weight.
    pub weights: Vec<(u16, u16, f32)>,
}

impl Brain {
    /// The graph of a controller. Weights are as the search sees them, scaled, before any rounding to
    /// the controller's precision.
    #[must_use]
    pub fn new(controller: &dyn Controller, parameters: &[f32]) -> Self {
        let layout = controller.layout();
        let mut brain = Self { summary: controller.describe(), ..Self::default() };
        if parameters.len() != layout.len() {
            return brain;
        }
        brain.populations = populations(layout, controller.inputs());
        for block in layout.blocks() {
            let Some((from, to)) = brain.ends(&block.name) else { continue };
            // A row beyond the sources is a bias.
            let sources = block.rows.min(brain.populations[from].neurons);
            let mut weights = Vec::with_capacity(block.len());
            let values = &parameters[block.range()];
            let mut add = |place: usize, theta: f32| {
                if place / block.cols < sources {
                    let (pre, post) = (place / block.cols, place % block.cols);
                    weights.push((pre as u16, post as u16, block.scale * theta));
                }
            };
            match &block.mask {
                Some(mask) => mask.iter().zip(values).for_each(|(&place, &theta)| add(place as usize, theta)),
                None => values.iter().enumerate().for_each(|(place, &theta)| add(place, theta)),
            }
            brain.projections.push(Projection { name: block.name.clone(), from, to, weights });
        }
        brain
    }

    /// Index of the population called `name`.
    #[must_use]
    pub fn population(&self, name: &str) -> Option<usize> {
        self.populations.iter().position(|population| population.name == name)
    }

    /// Populations that a block of parameters connects; none if it holds something else.
    fn ends(&self, block: &str) -> Option<(usize, usize)> {
        let readout = self.populations.len() - 1;
        if let Some(what) = block.strip_prefix("readout.") {
            return match what.strip_prefix("skip.") {
                Some(source) => Some((self.population(source)?, readout)),
                None => (what == "weight").then_some((readout - 1, readout)),
            };
        }
        let (index, what) = block.strip_prefix("hidden.")?.split_once('.')?;
        let to = index.parse::<usize>().ok()? + 1;
        match what {
            "input" | "weight" => Some((to - 1, to)),
            "recurrent" => Some((to, to)),
            _ => Some((self.population(what.strip_prefix("skip.")?)?, to)),
        }
    }
}

/// Inputs, hidden layers in order, outputs.
fn populations(layout: &Layout, inputs: usize) -> Vec<Population> {
    let block = |name: &str| layout.block(name);
    // An encoder may make several sources of one observation.
    let first = block("hidden.0.input").or_else(|| block("hidden.0.weight"));
    let sources = first.map_or(inputs, |block| if block.rows == inputs + 1 { inputs } else { block.rows });
    let mut populations = vec![Population { name: "input".to_owned(), neurons: sources }];
    for index in 0.. {
        let name = format!("hidden.{index}");
        let block = block(&format!("{name}.input")).or_else(|| block(&format!("{name}.weight")));
        let Some(block) = block else { break };
        populations.push(Population { name, neurons: block.cols });
    }
    let outputs = block("readout.weight").map_or(0, |block| block.cols);
    populations.push(Population { name: "readout".to_owned(), neurons: outputs });
    populations
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use snn::{ControllerConfig, MlpConfig};

    use super::*;

    fn sizes(brain: &Brain) -> Vec<(&str, usize)> {
        brain.populations.iter().map(|p| (p.name.as_str(), p.neurons)).collect()
    }

    fn links(brain: &Brain) -> Vec<(&str, usize, usize, usize)> {
        brain.projections.iter().map(|p| (p.name.as_str(), p.from, p.to, p.weights.len())).collect()
    }

    #[test]
    fn a_spiking_network_is_layers_with_their_connections() {
        let controller = ControllerConfig::default().build(27, 8).unwrap();
        let parameters: Vec<f32> = (0..controller.layout().len()).map(|i| i as f32).collect();
        let brain = Brain::new(controller.as_ref(), &parameters);
        assert_eq!(sizes(&brain), [("input", 27), ("hidden.0", 64), ("readout", 8)]);
        let expected = [
            ("hidden.0.input", 0, 1, 27 * 64),
            ("hidden.0.recurrent", 1, 1, 64 * 64),
            ("readout.weight", 1, 2, 64 * 8),
        ];
        assert_eq!(links(&brain), expected);
        let block = controller.layout().block("hidden.0.recurrent").unwrap();
        let at = block.index(5, 7).unwrap();
        let (_, _, weight) = brain.projections[1].weights[5 * 64 + 7];
        assert_eq!(weight, block.scale * at as f32);
    }

    #[test]
    fn a_perceptron_and_parameters_of_another_network() {
        let config = ControllerConfig::Mlp(MlpConfig { hidden: vec![5, 4], ..MlpConfig::default() });
        let controller = config.build(3, 2).unwrap();
        let brain = Brain::new(controller.as_ref(), &vec![1.0; controller.layout().len()]);
        assert_eq!(sizes(&brain), [("input", 3), ("hidden.0", 5), ("hidden.1", 4), ("readout", 2)]);
        assert_eq!(links(&brain).iter().map(|l| l.3).collect::<Vec<_>>(), [15, 20, 8]);
        assert!(Brain::new(controller.as_ref(), &[1.0]).populations.is_empty());
    }
}
