//! What must hold for every network, and what is said of bad input.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn later_inputs_are_later_spikes(seed in any::<u64>(), shift in 0.0..0.05_f64, ratio in 0.3..4.0_f64) {
        let mut case = Case::random(seed, ratio, 0.001);
        case.intervals.truncate(1);
        // At rest without currents, nothing happens before the first input.
        case.intervals[0].2.fill(0.0);
        let spikes = case.run(&case.weights).record().spikes().to_vec();
        case.intervals[0].0 += shift;
        case.intervals[0].1.iter_mut().for_each(|spike| spike.time += shift);
        let later = case.run(&case.weights).record().spikes().to_vec();
        prop_assert_eq!(spikes.len(), later.len());
        for (a, b) in spikes.iter().zip(&later) {
            prop_assert_eq!((a.population, a.neuron), (b.population, b.neuron));
            // A spike that only just touches the threshold has a time with fewer digits.
            prop_assert!((a.time + shift - b.time).abs() < 1e-9, "{a:?} {b:?}");
        }
    }

    #[test]
    fn numbers_of_neurons_do_not_matter(seed in any::<u64>(), turn in 1..6_usize, ratio in 0.3..4.0_f64) {
        let case = Case::random(seed, ratio, 0.0);
        let mut other = Case::random(seed, ratio, 0.0);
        // Neuron n of the first population becomes n + turn.
        let to = |n: usize| (n + turn) % 6;
        let mut populations = case.network.populations().to_vec();
        for n in 0..6 {
            populations[0].delays[to(n)] = case.network.populations()[0].delays[n];
            for row in 0..4 {
                other.weights[row * 6 + to(n)] = case.weights[row * 6 + n];
            }
            for m in 0..6 {
                other.weights[24 + to(n) * 6 + to(m)] = case.weights[24 + n * 6 + m];
            }
            for m in 0..4 {
                other.weights[60 + to(n) * 4 + m] = case.weights[60 + n * 4 + m];
            }
            for m in 0..3 {
                other.weights[84 + to(n) * 3 + m] = case.weights[84 + n * 3 + m];
            }
            for (from, interval) in case.intervals.iter().zip(&mut other.intervals) {
                interval.2[to(n)] = from.2[n];
            }
        }
        let projections = case.network.projections().to_vec();
        other.network = Arc::new(Network::new(4, populations, projections).unwrap());
        let (a, b) = (case.run(&case.weights), other.run(&other.weights));
        prop_assert_eq!(a.record().spikes().len(), b.record().spikes().len());
        for (a, b) in a.record().spikes().iter().zip(b.record().spikes()) {
            let neuron = if a.population == 0 { to(a.neuron) } else { a.neuron };
            prop_assert_eq!((a.interval, a.population, neuron), (b.interval, b.population, b.neuron));
            prop_assert_eq!(a.time, b.time);
        }
    }
}

#[test]
fn an_individual_goes_on_from_its_words() {
    let case = Case::random(9, 2.0, 0.001);
    let through = case.run(&case.weights);
    let mut halves = Simulator::new(&case.network, Peaks::Found, 1000);
    for (duration, spikes, currents) in &case.intervals {
        let words = halves.words();
        halves = Simulator::new(&case.network, Peaks::Found, 1000);
        halves.restore(&words);
        halves.run(&case.weights, &Interval { duration: *duration, spikes, currents }).unwrap();
    }
    assert_eq!(halves.words(), through.words());
}

#[test]
fn equal_times_are_taken_in_the_stated_order() {
    // Two neurons that cross at the same time, each of which would stop the other.
    let population = Population { neurons: 2, lif: Lif::default(), spiking: true, delays: Vec::new() };
    let projections = [Source::Inputs, Source::Population(0)];
    let projections =
        projections.iter().zip([0, 2]).map(|(&source, offset)| Projection { source, target: 0, offset });
    let network = Arc::new(Network::new(1, vec![population], projections.collect()).unwrap());
    let mut simulator = Simulator::new(&network, Peaks::Ignored, 100);
    let weights = [6.0, 6.0, 0.0, -100.0, -100.0, 0.0];
    let spikes = [InputSpike { time: 0.0, input: 0, amplitude: 1.0 }];
    simulator.run(&weights, &Interval { duration: 0.02, spikes: &spikes, currents: &[] }).unwrap();
    let spikes: Vec<usize> = simulator.record().spikes().iter().map(|spike| spike.neuron).collect();
    // The first one's spike arrives before the second one's is taken, but moves its current, not its potential.
    assert_eq!(spikes[..2], [0, 1]);
    assert_eq!(simulator.record().spikes()[0].time, simulator.record().spikes()[1].time);
}

#[test]
fn bad_parameters_are_named() {
    let network = |lif: Lif| {
        let population = Population { neurons: 1, lif, spiking: true, delays: Vec::new() };
        Network::new(0, vec![population], Vec::new()).map(drop).map_err(|error| error.to_string())
    };
    let good = Lif::default();
    assert_eq!(network(good), Ok(()));
    for (lif, message) in [
        (Lif { tau_mem: 0.0, ..good }, "`populations[0].tau_mem` is 0; valid: 1e-9 to 1e6 s"),
        (Lif { tau_syn: -0.001, ..good }, "`populations[0].tau_syn` is -0.001; valid: 1e-9 to 1e6 s"),
        (Lif { tau_syn: f64::NAN, ..good }, "`populations[0].tau_syn` is NaN; valid: 1e-9 to 1e6 s"),
        (Lif { reset: 1.0, ..good }, "`populations[0].threshold` is 1; valid: finite and above `reset`"),
        (
            Lif { refractory: -1.0, ..good },
            "`populations[0].refractory` is -1; valid: finite and at least 0 s",
        ),
    ] {
        assert_eq!(network(lif).unwrap_err(), message);
    }
    let population = |spiking| Population { neurons: 1, lif: good, spiking, delays: Vec::new() };
    let projection =
        |source, target| vec![Projection { source: Source::Population(source), target, offset: 0 }];
    let built = |spiking, projections| Network::new(0, vec![population(spiking)], projections).map(drop);
    let unknown = EventsError::Population { projection: 0, population: 3, last: 0 };
    assert_eq!(built(true, projection(0, 3)), Err(unknown));
    assert_eq!(built(false, projection(0, 0)), Err(EventsError::Silent { projection: 0, population: 0 }));
    let delayed = Population { delays: vec![-0.1], ..population(true) };
    assert!(Network::new(0, vec![delayed], Vec::new()).is_err());
}

#[test]
fn bad_input_and_activity_that_runs_away_are_errors() {
    let population = Population { neurons: 2, lif: Lif::default(), spiking: true, delays: Vec::new() };
    let projections = [(Source::Inputs, 0), (Source::Population(0), 2)];
    let projections = projections.map(|(source, offset)| Projection { source, target: 0, offset });
    let network = Arc::new(Network::new(1, vec![population], projections.into()).unwrap());
    let run = |weights: &[f64], duration, spikes: &[InputSpike], currents: &[f64]| {
        Simulator::new(&network, Peaks::Ignored, 500).run(weights, &Interval { duration, spikes, currents })
    };
    let weights = [5.0; 6];
    let spike = |time, input, amplitude| [InputSpike { time, input, amplitude }];
    let message = |result: Result<(), EventsError>| result.unwrap_err().to_string();
    assert!(message(run(&weights, 0.0, &[], &[])).contains("`duration` is 0"));
    assert!(message(run(&weights, f64::INFINITY, &[], &[])).contains("`duration` is inf"));
    assert!(
        message(run(&weights, 0.1, &spike(0.1, 0, 1.0), &[])).contains("`time of an input spike` is 0.1")
    );
    assert!(message(run(&weights, 0.1, &spike(f64::NAN, 0, 1.0), &[])).contains("is NaN"));
    assert!(
        message(run(&weights, 0.1, &spike(0.0, 1, 1.0), &[])).contains("`channel of an input spike` is 1")
    );
    assert!(message(run(&weights, 0.1, &spike(0.0, 0, f64::INFINITY), &[])).contains("`amplitude of"));
    assert!(message(run(&weights, 0.1, &[], &[0.0, f64::INFINITY])).contains("`current` is inf"));
    assert!(message(run(&weights, 0.1, &[], &[0.0])).contains("currents: 1, but 2 are needed"));
    assert!(message(run(&weights[1..], 0.1, &[], &[])).contains("weights: 5, but 6 are needed"));
    let unusable = run(&[f64::NAN; 6], 0.1, &spike(0.0, 0, 1.0), &[]);
    assert!(matches!(unusable, Err(EventsError::NotFinite { .. })), "{unusable:?}");
    // Each spike makes more than one.
    let wild = run(&[50.0; 6], 10.0, &spike(0.0, 0, 1.0), &[]).unwrap_err();
    assert!(matches!(wild, EventsError::TooManyEvents { limit: 500, .. }), "{wild}");
    let huge = run(&[1e300; 6], 10.0, &spike(0.0, 0, 1.0), &[]);
    assert!(huge.is_err());
    assert_eq!(run(&[0.1; 6], 0.1, &[spike(0.0, 0, 1.0)[0]; 3], &[]), Ok(()));
    // A drive so strong that time stands still between spikes ends like any other activity that runs away.
    let fast = run(&weights, 0.1, &[], &[1e300, 0.0]).unwrap_err();
    assert!(matches!(fast, EventsError::TooManyEvents { .. }), "{fast}");
    // Finite currents whose sum is not.
    let twice = [InputSpike { time: 0.0, input: 0, amplitude: 1e300 }; 2];
    assert!(run(&[1e10, 1e10, 0.0, 0.0, 0.0, 0.0], 0.1, &twice, &[]).is_err());
    // The message says what happened and what to do.
    let words = run(&[50.0; 6], 10.0, &spike(0.0, 0, 1.0), &[]).unwrap_err().to_string();
    assert!(words.contains("the activity runs away, or `max_events` is too small"), "{words}");
}

#[test]
fn equal_times_are_taken_in_a_stated_order_whatever_the_order_of_the_input() {
    // Two channels excite and inhibit the same neuron at the same time; a third spike comes at that time twice.
    let population = Population { neurons: 3, lif: Lif::default(), spiking: true, delays: Vec::new() };
    let projection = Projection { source: Source::Inputs, target: 0, offset: 0 };
    let network = Arc::new(Network::new(3, vec![population], vec![projection]).unwrap());
    let weights = [9.0, 4.5, 0.0, -2.0, 0.5, 0.0, 0.25, 4.0, 0.0];
    let spike = |input| InputSpike { time: 0.001, input, amplitude: 1.0 };
    let run = |order: &[usize]| {
        let mut simulator = Simulator::new(&network, Peaks::Ignored, 100);
        let spikes: Vec<InputSpike> = order.iter().map(|&input| spike(input)).collect();
        simulator.run(&weights, &Interval { duration: 0.02, spikes: &spikes, currents: &[] }).unwrap();
        (simulator.record().spikes().to_vec(), simulator.state(0), simulator.state(1))
    };
    let first = run(&[0, 1, 2, 2]);
    assert!(first.0.len() > 1);
    for order in [[2, 1, 0, 2], [2, 2, 1, 0], [1, 2, 0, 2]] {
        assert_eq!(run(&order), first);
    }
}
