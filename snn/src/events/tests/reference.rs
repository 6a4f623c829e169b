//! The same networks in jaxsnn 0.3.0; `tests/jaxsnn_events.py` has made the file.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct File {
    cases: Vec<Layered>,
}

/// 5 channels with a spike each, a hidden layer and 3 outputs.
#[derive(Deserialize)]
struct Layered {
    tau_mem: f64,
    tau_syn: f64,
    reset: f64,
    duration: f64,
    inputs: Vec<f64>,
    hidden: usize,
    weights: [Vec<f64>; 2],
    loss: f64,
    spikes: [Vec<(f64, usize)>; 2],
    gradient: [Vec<f64>; 2],
}

#[test]
fn spike_times_and_gradients_are_those_of_jaxsnn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/events/jaxsnn.json");
    let file: File = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(file.cases.len(), 4);
    for case in file.cases {
        let Layered { tau_mem, tau_syn, reset, hidden, .. } = case;
        let lif = Lif { tau_mem, tau_syn, reset, ..Lif::default() };
        let populations =
            [hidden, 3].map(|neurons| Population { neurons, lif, spiking: true, delays: Vec::new() });
        let first = case.weights[0].len();
        let projections = [(Source::Inputs, 0, 0), (Source::Population(0), 1, first)];
        let projections = projections.map(|(source, target, offset)| Projection { source, target, offset });
        let network = Arc::new(Network::new(5, populations.into(), projections.into()).unwrap());
        let spikes = case.inputs.iter().enumerate();
        let spikes: Vec<InputSpike> =
            spikes.map(|(input, &time)| InputSpike { time, input, amplitude: 1.0 }).collect();
        let weights = case.weights.concat();
        let mut simulator = Simulator::new(&network, Peaks::Ignored, 10_000);
        simulator
            .run(&weights, &Interval { duration: case.duration, spikes: &spikes, currents: &[] })
            .unwrap();
        let record = simulator.record();
        for (population, expected) in case.spikes.iter().enumerate() {
            let own: Vec<_> = record.spikes().iter().filter(|spike| spike.population == population).collect();
            assert_eq!(own.len(), expected.len(), "population {population}");
            for (spike, &(time, neuron)) in own.into_iter().zip(expected) {
                assert_eq!(spike.neuron, neuron);
                // jaxsnn takes a root of at least 1e-6 (τ_mem = 2 τ_syn) and five steps of Lambert's W.
                assert!((spike.time - time).abs() < 1e-9 * tau_syn.max(time), "{} and {time}", spike.time);
            }
        }
        let (mut loss, mut slopes) = (0.0, vec![0.0; record.spikes().len()]);
        for (output, factor) in [1.0, -2.0, 0.5].into_iter().enumerate() {
            let first = record.spikes().iter().position(|s| s.population == 1 && s.neuron == output);
            if let Some(number) = first {
                loss += factor * record.spikes()[number].time / tau_syn;
                slopes[number] = factor / tau_syn;
            }
        }
        assert!((loss - case.loss).abs() < 1e-9, "{loss} and {}", case.loss);
        let mut out = Derivatives::default();
        let slopes = Slopes { times: slopes, ..Slopes::default() };
        Adjoint::new(&network).run(&weights, record, &slopes, &mut out);
        let expected = case.gradient.concat();
        let size = expected.iter().fold(0.0_f64, |size, g| size.max(g.abs()));
        for (own, expected) in out.weights.iter().zip(&expected) {
            assert!((own - expected).abs() <= 1e-6 * size, "{own} and {expected}, of {size}");
        }
    }
}
