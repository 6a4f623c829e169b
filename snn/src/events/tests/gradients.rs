//! Gradients against finite differences.

use super::*;

/// Random derivatives with respect to everything that a record holds, so that the loss is their sum.
fn slopes(case: &Case, record: &Record, seed: u64) -> Slopes {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut some = |count: usize| (0..count).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f64>>();
    let measured = 3 * case.intervals.len();
    Slopes {
        times: some(record.spikes().len()).into_iter().map(|x| 100.0 * x).collect(),
        peaks: some(measured),
        integrals: some(measured).into_iter().map(|x| 100.0 * x).collect(),
        lasts: some(measured),
        charges: Vec::new(),
    }
}

fn loss(slopes: &Slopes, record: &Record) -> f64 {
    let times: f64 = record.spikes().iter().zip(&slopes.times).map(|(spike, slope)| spike.time * slope).sum();
    let each = (0..record.intervals()).flat_map(|interval| record.measured(interval)).enumerate();
    times
        + each
            .map(|(at, m)| {
                slopes.peaks[at] * m.peak + slopes.integrals[at] * m.integral + slopes.lasts[at] * m.last
            })
            .sum::<f64>()
}

/// Who spikes in which order, and which events end the rises to the peaks.
fn course(record: &Record) -> Vec<(usize, usize, usize)> {
    record.spikes().iter().map(|spike| (spike.interval, spike.population, spike.neuron)).collect()
}

fn compare(case: &Case, seed: u64) -> (usize, f64) {
    let record = case.run(&case.weights).record().clone();
    let slopes = slopes(case, &record, seed);
    let mut out = Derivatives::default();
    Adjoint::new(&case.network).run(&case.weights, &record, &slopes, &mut out);
    let size = out.weights.iter().fold(0.0_f64, |size, g| size.max(g.abs()));
    let (mut compared, mut worst) = (0, 0.0_f64);
    let mut difference = |own: f64, shifted: &dyn Fn(f64) -> Record| {
        // Richardson's extrapolation of two central differences. Where a spike is close to its creation, the loss has so
        // much curvature that only the short steps are right; elsewhere the long ones lose fewer digits.
        let error = |h: f64| {
            let ends = [h, 0.5 * h].map(|h| [shifted(h), shifted(-h)]);
            if ends.iter().flatten().any(|end| course(end) != course(&record)) {
                return f64::INFINITY;
            }
            let central =
                |at: usize, h: f64| (loss(&slopes, &ends[at][0]) - loss(&slopes, &ends[at][1])) / (2.0 * h);
            let found = (4.0 * central(1, 0.5 * h) - central(0, h)) / 3.0;
            (own - found).abs() / size.max(found.abs())
        };
        let least = error(4e-6);
        compared += 1;
        worst = worst.max(if least <= 1e-6 { least } else { error(4e-7).min(error(4e-8)) });
    };
    for place in 0..case.weights.len() {
        difference(out.weights[place], &|h| {
            let mut weights = case.weights.clone();
            weights[place] += h;
            case.run(&weights).record().clone()
        });
    }
    for place in 0..out.currents.len() {
        difference(out.currents[place], &|h| {
            let mut other = Case {
                network: Arc::clone(&case.network),
                weights: Vec::new(),
                intervals: case.intervals.clone(),
            };
            other.intervals[place / 13].2[place % 13] += h;
            other.run(&case.weights).record().clone()
        });
    }
    (compared, worst)
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut total = 0;
    // Every weight and every current, none left out.
    for (seed, ratio, refractory) in
        [(1, 2.0, 0.0), (2, 1.0, 0.0), (3, 0.6, 0.001), (4, 2.0, 0.002), (5, 3.7, 0.0), (6, 1.0, 0.003)]
    {
        let case = Case::random(seed, ratio, refractory);
        let (compared, worst) = compare(&case, seed);
        assert!(worst <= 1e-6, "ratio {ratio}, refractory {refractory}: {worst:e} of {compared}");
        total += compared;
    }
    assert_eq!(total, 6 * (4 * 6 + 6 * 6 + 6 * 4 + 6 * 3 + 4 * 3 + 2 * 13));
}

#[test]
fn a_silent_neuron_and_one_that_only_touches_its_threshold_have_finite_gradients() {
    let lif = Lif { tau_mem: 0.02, tau_syn: 0.01, ..Lif::default() };
    let population = Population { neurons: 1, lif, spiking: true, delays: Vec::new() };
    let projection = Projection { source: Source::Inputs, target: 0, offset: 0 };
    let network = Arc::new(Network::new(1, vec![population], vec![projection]).unwrap());
    let spikes = [InputSpike { time: 0.0, input: 0, amplitude: 1.0 }];
    let gradient = |weight: f64| {
        let mut simulator = Simulator::new(&network, Peaks::Ignored, 100);
        simulator.run(&[weight], &Interval { duration: 0.1, spikes: &spikes, currents: &[] }).unwrap();
        let record = simulator.record();
        let slopes = Slopes { times: vec![1.0; record.spikes().len()], ..Slopes::default() };
        let mut out = Derivatives::default();
        Adjoint::new(&network).run(&[weight], record, &slopes, &mut out);
        (record.spikes().len(), out.weights[0])
    };
    // The largest potential is weight/4: 4 only touches the threshold.
    assert_eq!(gradient(3.0), (0, 0.0));
    assert_eq!(gradient(4.0), (0, 0.0));
    // Just above, the time of the spike changes fast, as one over the square root of the distance.
    let near = gradient(4.0 + 1e-6);
    let far = gradient(4.0 + 1e-4);
    assert_eq!((near.0, far.0), (1, 1));
    assert!((near.1 / far.1 - 10.0).abs() < 0.1, "{near:?} {far:?}");
}

#[test]
fn the_charge_of_a_silent_neuron_has_its_own_gradient() {
    let lif = Lif { threshold: 100.0, ..Lif::default() };
    let population = Population { neurons: 2, lif, spiking: true, delays: Vec::new() };
    let projection = Projection { source: Source::Inputs, target: 0, offset: 0 };
    let network = Arc::new(Network::new(1, vec![population], vec![projection]).unwrap());
    let mut simulator = Simulator::new(&network, Peaks::Ignored, 100);
    let spikes = [InputSpike { time: 0.004, input: 0, amplitude: 2.0 }];
    simulator.run(&[0.5, 0.5], &Interval { duration: 0.01, spikes: &spikes, currents: &[] }).unwrap();
    let slopes = Slopes { charges: vec![0.0, -3.0], ..Slopes::default() };
    let mut out = Derivatives::default();
    Adjoint::new(&network).run(&[0.5, 0.5], simulator.record(), &slopes, &mut out);
    let charge = 2.0 * 0.005 * (1.0 - (-0.006_f64 / 0.005).exp());
    assert_eq!(out.weights[0], 0.0);
    assert!((out.weights[1] + 3.0 * charge).abs() < 1e-15, "{:?}", out.weights);
    assert!((out.currents[1] + 3.0 * 0.01).abs() < 1e-15, "{:?}", out.currents);
}
