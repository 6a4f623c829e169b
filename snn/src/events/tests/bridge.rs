//! To NIR and back, and into ticks.

use super::*;
use crate::nir::{Executor, Graph, NodeKind, Options, from_bytes, to_bytes};

/// Names of the populations of a [`Case`].
fn names() -> Vec<String> {
    ["first", "second", "out"].map(str::to_owned).to_vec()
}

fn refused(graph: &Graph) -> String {
    from_graph(graph, None).map(drop).unwrap_err().to_string()
}

#[test]
fn a_network_comes_back_from_a_file_with_every_spike_at_its_time() {
    for (seed, ratio) in [(1, 2.0), (2, 1.0), (3, 0.6), (4, 3.7)] {
        let mut case = Case::random(seed, ratio, 0.0);
        // Currents into the membrane are no part of a graph of spikes.
        case.intervals.iter_mut().for_each(|(_, _, currents)| currents.clear());
        let graph = to_graph(&case.network, &case.weights, &names(), 1e-4).unwrap();
        let graph = from_bytes(to_bytes(&graph).unwrap()).unwrap();
        let NodeKind::CubaLif { tau_mem, tau_syn, w_in, .. } = &graph.nodes["second"].kind else {
            panic!("{graph:?}")
        };
        assert_eq!(tau_syn.to_f64().unwrap(), [0.005; 4]);
        assert_eq!(tau_mem.to_f64().unwrap(), [ratio * 0.005; 4]);
        assert_eq!(w_in.to_f64().unwrap(), [50.0; 4]);
        let back = from_graph(&graph, None).unwrap();
        assert_eq!(back.names, names());
        let original = case.run(&case.weights).record().clone();
        let other = Case { network: Arc::new(back.network), weights: Vec::new(), intervals: case.intervals };
        let again = other.run(&back.weights).record().clone();
        assert!(original.spikes().len() > 30, "{}", original.spikes().len());
        assert_eq!(original.spikes(), again.spikes());
        assert_eq!((original.measured(0), original.measured(1)), (again.measured(0), again.measured(1)));
    }
}

/// Every kind of encoder, layer and readout.
fn configs() -> Vec<EventsConfig> {
    let layer = |neurons, delay| EventLayerConfig { neurons, delay, ..EventLayerConfig::default() };
    let two = vec![
        EventLayer::Recurrent(layer(9, (0.0, 0.003))),
        EventLayer::Dense(EventLayerConfig { refractory: 0.02, ..layer(6, (0.0, 0.0)) }),
    ];
    let one = vec![EventLayer::Recurrent(layer(12, (0.0, 0.0)))];
    let (last, peak, integral) = (EventReadout::Last, EventReadout::Peak, EventReadout::Integral);
    let base = EventsConfig { input_mean: 1.0, output_mean: 1.0, ..EventsConfig::default() };
    let latency = EventEncoder::Latency { window: 0.01, low: 0.0, high: 1.0 };
    let first = EventReadout::FirstSpike(FirstSpikeReadout::default());
    [
        (EventEncoder::Current {}, one.clone(), last(LeakyReadout::default())),
        (EventEncoder::Current {}, two.clone(), integral(LeakyReadout::default())),
        (EventEncoder::Spikes {}, one, peak(LeakyReadout::default())),
        (latency.clone(), two.clone(), peak(LeakyReadout::default())),
        (latency, two, first),
    ]
    .map(|(encoder, hidden, readout)| {
        let input_gain = if encoder == EventEncoder::default() { 5.0 } else { 10.0 };
        EventsConfig { encoder, hidden, readout, input_gain, ..base.clone() }
    })
    .into()
}

fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(0.0..1.0)).collect()
}

#[test]
fn the_more_ticks_the_more_spikes_are_kept() {
    for (number, config) in configs().into_iter().enumerate() {
        let plan = plan::Plan::new(&config, 4, 3).unwrap();
        let theta: Vec<f32> = numbers(5, plan.layout.len()).into_iter().map(|x| 2.0 * x - 0.7).collect();
        let samples: Vec<Vec<f32>> = (0..12).map(|sample| numbers(sample, 4)).collect();
        let network = InTicks::new(&config, (4, 3), &theta, Some(1)).unwrap();
        let [few, many] = [32, 2048].map(|ticks| network.kept(&samples, ticks).unwrap());
        assert!(many.spikes > 100, "{number}: {many:?}");
        assert!(many.rate() < 0.05 && many.rate() < 0.5 * few.rate() + 1e-9, "{number}: {few:?} {many:?}");
        // Within a few ticks, and with the same answers.
        assert!(many.shift < 4.0 * many.dt && many.actions < 0.03, "{number}: {many:?}");
        assert!(many.answers <= 1, "{number}: {many:?}");
        let found = network.fewest(&samples, 0.05).unwrap();
        assert!(found.rate() <= 0.05 && found.ticks <= 2048, "{number}: {found:?}");
        let graph = network.graph(found.ticks).unwrap();
        assert_eq!(graph.dt(), Some(found.dt));
        // What a reader finds is what was measured.
        let graph = from_bytes(to_bytes(&graph).unwrap()).unwrap();
        assert!(Executor::new(&graph, &Options::default()).is_ok());
        if number == 0 {
            let error = network.fewest(&samples[..1], -1.0).unwrap_err().to_string();
            assert!(error.starts_with("with 16384 ticks per control step"), "{error}");
        }
    }
}

#[test]
fn what_nir_or_continuous_time_cannot_carry_is_refused_by_name() {
    let case = Case::random(1, 2.0, 0.001);
    let error = to_graph(&case.network, &case.weights, &names(), 1e-4).unwrap_err().to_string();
    assert!(error.contains("the refractory time of first, 0.001 s"), "{error}");
    let case = Case::random(1, 2.0, 0.0);
    let good = to_graph(&case.network, &case.weights, &names(), 1e-4).unwrap();
    let mut other = good.clone();
    other.metadata.remove("dt");
    assert!(refused(&other).contains("time step"), "{}", refused(&other));
    let one = || vec![1.0_f64; 4].into();
    let lif = |v: f64| NodeKind::Lif {
        tau: one(),
        r: one(),
        v_leak: one(),
        v_threshold: vec![v; 4].into(),
        v_reset: one(),
    };
    other.clone_from(&good);
    other.add("second", lif(2.0));
    assert!(refused(&other).starts_with("node 'second' (LIF) has no place in a network of spikes"));
    let mut other = good.clone();
    if let NodeKind::CubaLif { tau_mem, .. } = &mut other.nodes.get_mut("second").unwrap().kind {
        *tau_mem = vec![0.01, 0.01, 0.02, 0.01].into();
    }
    assert_eq!(refused(&other), "node 'second' (CubaLIF): 'tau_mem' holds 0.01 and 0.02; expected one value");
    let mut other = good.clone();
    if let NodeKind::CubaLif { tau_syn, .. } = &mut other.nodes.get_mut("first").unwrap().kind {
        *tau_syn = vec![0.0; 6].into();
    }
    assert!(refused(&other).contains("tau_syn` is 0; valid: 1e-9 to 1e6 s"), "{}", refused(&other));
}
