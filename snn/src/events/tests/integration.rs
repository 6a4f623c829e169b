//! The same networks in small steps of a Runge-Kutta method, which knows nothing of closed forms.

use super::*;

/// V and I of each neuron.
type States = Vec<(f64, f64)>;

struct Stepper<'a> {
    case: &'a Case,
    states: States,
    held: Vec<f64>,
    /// When, from which population and neuron.
    pending: Vec<(f64, usize, usize)>,
    spikes: Vec<(usize, f64, usize, usize)>,
}

fn step(lif: &Lif, drive: f64, (v, i): (f64, f64), h: f64) -> (f64, f64) {
    let slope = |v: f64, i: f64| ((drive - v + i) / lif.tau_mem, -i / lif.tau_syn);
    let a = slope(v, i);
    let b = slope(v + 0.5 * h * a.0, i + 0.5 * h * a.1);
    let c = slope(v + 0.5 * h * b.0, i + 0.5 * h * b.1);
    let d = slope(v + h * c.0, i + h * c.1);
    (v + h / 6.0 * (a.0 + 2.0 * b.0 + 2.0 * c.0 + d.0), i + h / 6.0 * (a.1 + 2.0 * b.1 + 2.0 * c.1 + d.1))
}

impl Stepper<'_> {
    fn population(&self, neuron: usize) -> usize {
        (0..3).find(|&p| self.case.network.range(p).contains(&neuron)).unwrap()
    }

    fn moved(&self, neuron: usize, currents: &[f64], time: f64, h: f64) -> (f64, f64) {
        let lif = &self.case.network.populations()[self.population(neuron)].lif;
        let (v, i) = self.states[neuron];
        if self.held[neuron] > time {
            let held = (self.held[neuron] - time).min(h);
            let (_, i) = step(lif, 0.0, (v, i), held);
            return step(lif, lif.leak + currents[neuron], (lif.reset, i), h - held);
        }
        step(lif, lif.leak + currents[neuron], (v, i), h)
    }

    fn arrive(&mut self, source: Source, pre: usize, amplitude: f64) {
        for projection in self.case.network.from(source).to_vec() {
            let row = self.case.network.row(&self.case.weights, &projection, pre);
            for (neuron, weight) in self.case.network.range(projection.target).zip(row) {
                self.states[neuron].1 += amplitude * weight;
            }
        }
    }

    fn run(&mut self, interval: usize, h: f64) {
        let (duration, inputs, currents) = &self.case.intervals[interval];
        let mut inputs = inputs.clone();
        inputs.sort_by(|a, b| a.time.total_cmp(&b.time));
        let (mut time, mut input) = (0.0, 0);
        while time < *duration {
            let first = |pending: &[(f64, usize, usize)]| {
                (0..pending.len()).min_by(|&a, &b| pending[a].0.total_cmp(&pending[b].0))
            };
            let due = first(&self.pending).map_or(f64::INFINITY, |at| self.pending[at].0);
            let next = inputs.get(input).map_or(f64::INFINITY, |spike| spike.time);
            if next <= time {
                self.arrive(Source::Inputs, inputs[input].input, inputs[input].amplitude);
                input += 1;
                continue;
            }
            if due <= time {
                let (_, population, neuron) = self.pending.remove(first(&self.pending).unwrap());
                self.arrive(Source::Population(population), neuron, 1.0);
                continue;
            }
            let mut length = h.min(duration - time).min(next - time).min(due - time);
            let crosses = |own: &Self, neuron: usize, length: f64| {
                let kind = &own.case.network.populations()[own.population(neuron)];
                kind.spiking && own.moved(neuron, currents, time, length).0 >= kind.lif.threshold
            };
            let neurons = self.states.len();
            if let Some(_any) = (0..neurons).find(|&neuron| crosses(self, neuron, length)) {
                let (mut low, mut high) = (0.0, length);
                for _ in 0..70 {
                    let middle = 0.5 * (low + high);
                    if (0..neurons).any(|neuron| crosses(self, neuron, middle)) {
                        high = middle;
                    } else {
                        low = middle;
                    }
                }
                length = high;
                let neuron = (0..neurons).find(|&neuron| crosses(self, neuron, high)).unwrap();
                self.states = (0..neurons).map(|n| self.moved(n, currents, time, length)).collect();
                let population = self.population(neuron);
                let kind = &self.case.network.populations()[population];
                let within = neuron - self.case.network.range(population).start;
                self.states[neuron].0 = kind.lif.reset;
                self.held[neuron] = time + length + kind.lif.refractory;
                let delay = kind.delays.get(within).copied().unwrap_or(0.0);
                self.pending.push((time + length + delay, population, within));
                self.spikes.push((interval, time + length, population, within));
            } else {
                self.states = (0..neurons).map(|n| self.moved(n, currents, time, length)).collect();
            }
            time += length;
            // The last digit of a sum must not leave a step that is none.
            time = [next, due, *duration].into_iter().find(|end| (time - end).abs() < 1e-15).unwrap_or(time);
        }
        self.pending.iter_mut().for_each(|pending| pending.0 -= duration);
        self.held.iter_mut().for_each(|held| *held -= duration);
    }
}

#[test]
fn spike_times_are_those_of_a_fine_step_integration() {
    let mut spikes = 0;
    for (seed, ratio, refractory) in
        [(1, 2.0, 0.0), (2, 1.0, 0.0), (3, 0.6, 0.001), (4, 2.0, 0.002), (5, 3.7, 0.0)]
    {
        let case = Case::random(seed, ratio, refractory);
        let simulator = case.run(&case.weights);
        let leak = 0.1;
        let mut stepper = Stepper {
            case: &case,
            states: vec![(leak, 0.0); 13],
            held: vec![f64::NEG_INFINITY; 13],
            pending: Vec::new(),
            spikes: Vec::new(),
        };
        (0..case.intervals.len()).for_each(|interval| stepper.run(interval, 4e-6));
        let found = simulator.record().spikes();
        assert_eq!(found.len(), stepper.spikes.len(), "ratio {ratio}");
        for (spike, &(interval, time, population, neuron)) in found.iter().zip(&stepper.spikes) {
            assert_eq!((spike.interval, spike.population, spike.neuron), (interval, population, neuron));
            assert!(
                (spike.time - time).abs() <= 1e-9 * time.max(1e-3),
                "{} and {time}, ratio {ratio}",
                spike.time
            );
        }
        for neuron in 0..13 {
            let ((v, i), (own_v, own_i)) = (simulator.state(neuron), stepper.states[neuron]);
            assert!(
                (v - own_v).abs() < 1e-7 && (i - own_i).abs() < 1e-7,
                "neuron {neuron}: {v} {own_v} {i} {own_i}"
            );
        }
        spikes += found.len();
    }
    assert!(spikes > 100, "{spikes}");
}
