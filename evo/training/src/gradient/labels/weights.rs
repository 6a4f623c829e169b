//! Weights of another program, such as jaxsnn, as the start of a training.

use std::path::Path;

use records::npy::Array;
use snn::ControllerConfig;
use snn::events::{EventReadout, EventsConfig, Lif};
use snn::gradient::Trainer;

use crate::gradient::error::FinetuneError;
use crate::gradient::labels::classifier::Classifier;
use crate::gradient::labels::data::{DataError, arrays};

/// Parameters of a neuron may differ by the rounding of a 32-bit float.
const ROUNDING: f64 = 1e-6;

impl Classifier {
    /// Starts (at epoch 0) from the weights in a file of `numpy.savez`, for a network in continuous time.
    ///
    /// Arrays with two axes, `[source, target]` as in jaxsnn, are the weights from the inputs and the bias to the first
    /// hidden layer, those within it if it is recurrent, and so on to the outputs, in the order in which they were saved.
    /// Single numbers are the neurons' parameters as jaxsnn names them, `tau_mem`, `tau_syn`, `v_th`, `v_leak` and
    /// `v_reset`; they must be those of the config. Biases of the outputs are 0.
    ///
    /// # Errors
    /// [`DataError::File`] says what does not fit the config.
    pub fn start_from_weights(&mut self, path: &Path) -> Result<(), FinetuneError> {
        let failed = |reason: String| FinetuneError::from(DataError::File { path: path.to_owned(), reason });
        let ControllerConfig::Events(config) = &self.config.controller else {
            return Err(failed("weights in a .npz file are for controllers Events(…)".to_owned()));
        };
        let (numbers, weights): (Vec<_>, Vec<_>) = arrays::all(path)?
            .into_iter()
            .partition(|(_, array)| array.shape.len() < 2 && array.values.len() == 1);
        for (name, number) in &numbers {
            check(config, name, number.values[0]).map_err(failed)?;
        }
        let layout = self.network.layout();
        let blocks = || layout.blocks().iter().filter(|block| block.name != "readout.bias");
        let shapes = |shapes: &mut dyn Iterator<Item = String>| shapes.collect::<Vec<_>>().join(", ");
        let wanted = shapes(&mut blocks().map(|b| format!("{} [{}, {}]", b.name, b.rows, b.cols)));
        let found = shapes(&mut weights.iter().map(|(name, array)| format!("{name} {:?}", array.shape)));
        let fits = |((_, array), block): (&(String, Array), _)| {
            let block: &snn::Block = block;
            array.shape == [block.rows, block.cols]
        };
        if weights.len() != blocks().count() || !weights.iter().zip(blocks()).all(fits) {
            return Err(failed(format!("it has {found}; the network needs, in this order, {wanted}")));
        }
        let mut theta = vec![0.0; layout.len()];
        for ((name, array), block) in weights.iter().zip(blocks()) {
            for (theta, weight) in theta[block.range()].iter_mut().zip(&array.values) {
                *theta = (weight / f64::from(block.scale)) as f32;
                if !theta.is_finite() {
                    return Err(failed(format!(
                        "{name} holds {weight}, which is no finite weight of {} with a gain of {}",
                        block.name, block.scale
                    )));
                }
            }
        }
        self.trainer = Trainer::new(self.task.gradient.trainer(), &theta)?;
        Ok(())
    }
}

/// Refuses a parameter that is not that of every neuron which spikes.
fn check(config: &EventsConfig, name: &str, value: f64) -> Result<(), String> {
    let mut neurons: Vec<(String, Lif)> = config
        .hidden
        .iter()
        .enumerate()
        .map(|(index, layer)| (format!("hidden[{index}]"), layer.config().lif()))
        .collect();
    // The outputs are neurons of their own kind, but for jaxsnn's, which spike.
    if let EventReadout::FirstSpike(_) = config.readout {
        neurons.push(("readout".to_owned(), config.readout.lif()));
    }
    for (place, lif) in neurons {
        let (field, own) = match name {
            "tau_mem" => ("tau_mem", lif.tau_mem),
            "tau_syn" => ("tau_syn", lif.tau_syn),
            "v_th" => ("threshold", lif.threshold),
            "v_leak" => ("potential at rest", lif.leak),
            "v_reset" if place == "readout" => continue,
            "v_reset" => ("reset", lif.reset),
            _ => {
                let valid = "tau_mem, tau_syn, v_th, v_leak and v_reset";
                return Err(format!("it has a number '{name}'; valid beside matrices of weights: {valid}"));
            }
        };
        // Also refuses what is no number.
        let same = (value - own).abs() <= ROUNDING * own.abs();
        if !same {
            return Err(format!("{name} is {value}, but {field} of {place} is {own} in the config"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;
    use snn::gradient::Batch;

    use super::*;
    use crate::gradient::config::FinetuneConfig;

    /// What `tests/jaxsnn_events.py` has written.
    #[derive(Deserialize)]
    struct Answers {
        points: Vec<[f32; 4]>,
        first: Vec<[Option<f64>; 3]>,
    }

    #[test]
    fn a_network_with_the_weights_of_jaxsnn_spikes_when_jaxsnn_says() {
        let text = "(task: Classify(data: YinYang(train: 3, validation: 3, test: 3), normalize: false),
            controller: Events(encoder: Latency(window: 0.01), readout: FirstSpike(), step: 0.02,
                hidden: [Dense(neurons: 20, reset: -1000)]))";
        let config: FinetuneConfig = records::text::parse("test", text).unwrap();
        let mut learner = Classifier::new(&config, 1).unwrap();
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/events"));
        learner.start_from_weights(&folder.join("jaxsnn_parameters.npz")).unwrap();
        let answers = std::fs::read_to_string(folder.join("jaxsnn_parameters.json")).unwrap();
        let answers: Answers = serde_json::from_str(&answers).unwrap();
        let samples = answers.points.len();
        let inputs = answers.points.concat();
        let batch = Batch { samples, inputs: &inputs, ..Batch::default() };
        let values = learner.network.run(&learner.best_parameters(), &batch).unwrap().values;
        let mut spikes = 0;
        for (value, first) in values.iter().zip(answers.first.as_flattened()) {
            match first {
                Some(first) => {
                    spikes += 1;
                    let time = 0.02 - 0.001 * f64::from(*value);
                    // θ has 32 bits.
                    assert!((time - first).abs() < 2e-8, "{time} {first}");
                }
                None => assert_eq!(*value, 0.0),
            }
        }
        assert!(spikes > 12, "{spikes}");
    }
}
