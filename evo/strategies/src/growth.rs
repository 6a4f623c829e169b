//! What changes in a genome: weights, and what is new in it.

use rand::{Rng, RngExt as _};

use super::genome::{Gene, Genome, Neuron, place};
use super::wiring::Wiring;

/// Numbers for what is new in a generation. What arises twice has the same ones.
pub(super) struct Innovations {
    pub next_gene: u64,
    pub next_neuron: u64,
    /// From, to and number.
    genes: Vec<(u64, u64, u64)>,
    /// Innovation of the connection that was split, group, and number.
    neurons: Vec<(u64, usize, u64)>,
}

impl Innovations {
    pub fn new(next_gene: u64, next_neuron: u64) -> Self {
        Self { next_gene, next_neuron, genes: Vec::new(), neurons: Vec::new() }
    }

    fn gene(&mut self, from: u64, to: u64) -> u64 {
        if let Some(&(_, _, known)) = self.genes.iter().find(|known| (known.0, known.1) == (from, to)) {
            return known;
        }
        self.genes.push((from, to, self.next_gene));
        self.next_gene += 1;
        self.next_gene - 1
    }

    fn neuron(&mut self, split: u64, group: usize) -> u64 {
        if let Some(&(_, _, known)) = self.neurons.iter().find(|known| (known.0, known.1) == (split, group)) {
            return known;
        }
        self.neurons.push((split, group, self.next_neuron));
        self.next_neuron += 1;
        self.next_neuron - 1
    }
}

/// How weights change.
#[derive(Clone, Copy)]
pub(super) struct Change {
    /// At the most by so much.
    pub width: f64,
    /// Probability of a new weight up to that instead.
    pub replaced: f64,
    /// Largest weight.
    pub limit: f64,
}

/// A uniform number from −width to width.
fn uniform(width: f64, stream: &mut impl Rng) -> f64 {
    width * (2.0 * stream.random::<f64>() - 1.0)
}

impl Genome {
    /// Draws all weights anew.
    pub fn draw(&mut self, width: f64, stream: &mut impl Rng) {
        self.genes.iter_mut().for_each(|gene| gene.weight = uniform(width, stream));
    }

    /// Changes all weights.
    pub fn perturb(&mut self, change: Change, stream: &mut impl Rng) {
        for gene in &mut self.genes {
            let (chance, by) = (stream.random::<f64>(), uniform(change.width, stream));
            let weight = if chance < change.replaced { by } else { gene.weight + by };
            gene.weight = weight.clamp(-change.limit, change.limit);
        }
    }

    /// Puts a hidden neuron into the middle of an enabled connection, not one of a bias, if a group has a place for it. The weight into it is
    /// 1, the one out of it that of the connection, which is disabled.
    pub fn add_neuron(&mut self, wiring: &Wiring, new: &mut Innovations, stream: &mut impl Rng) {
        let neurons = self.neurons(wiring);
        let splits = |gene: &Gene| {
            gene.enabled && place(&neurons, gene.from).is_some_and(|from| !wiring.is_bias(from.0))
        };
        let possible: Vec<usize> = (0..self.genes.len()).filter(|&i| splits(&self.genes[i])).collect();
        if possible.is_empty() {
            return;
        }
        let index = possible[stream.random_range(0..possible.len())];
        let gene = self.genes[index];
        let (Some(from), Some(to)) = (place(&neurons, gene.from), place(&neurons, gene.to)) else { return };
        let free = |&group: &usize| {
            let next = self.hidden.iter().filter(|neuron| neuron.group == group).count();
            let middle = (group, next);
            let fits = wiring.parameter(from, middle).is_some() && wiring.parameter(middle, to).is_some();
            fits && next < wiring.size(group)
        };
        let Some(group) = wiring.between(from.0, to.0).find(free) else { return };
        let number = new.neuron(gene.innovation, group);
        self.hidden.push(Neuron { number, group });
        self.genes[index].enabled = false;
        self.add(gene.from, number, 1.0, new);
        self.add(number, gene.to, gene.weight, new);
    }

    /// Adds a connection that is not there, if there is one: one that closes a circle, or one that does not.
    pub fn add_connection(
        &mut self,
        wiring: &Wiring,
        closes: bool,
        width: f64,
        new: &mut Innovations,
        stream: &mut impl Rng,
    ) {
        let neurons = self.neurons(wiring);
        let mut known: Vec<(u64, u64)> = self.genes.iter().map(|gene| (gene.from, gene.to)).collect();
        known.sort_unstable();
        let mut possible = Vec::new();
        for &(to, at) in neurons.iter().filter(|(_, (group, _))| !wiring.is_input(*group)) {
            let behind = self.behind(to);
            for &(from, source) in &neurons {
                let circle = behind.binary_search(&from).is_ok() || wiring.is_output(source.0);
                let exists = wiring.parameter(source, at).is_some();
                if exists && circle == closes && known.binary_search(&(from, to)).is_err() {
                    possible.push((from, to));
                }
            }
        }
        if possible.is_empty() {
            return;
        }
        let (from, to) = possible[stream.random_range(0..possible.len())];
        let weight = uniform(width, stream);
        self.add(from, to, weight, new);
    }

    /// Numbers of the neurons that one leads to, itself among them, in order.
    fn behind(&self, number: u64) -> Vec<u64> {
        let (mut found, mut next) = (vec![number], 0);
        while next < found.len() {
            let here = found[next];
            next += 1;
            for gene in self.genes.iter().filter(|gene| gene.from == here) {
                if !found.contains(&gene.to) {
                    found.push(gene.to);
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn add(&mut self, from: u64, to: u64, weight: f64, new: &mut Innovations) {
        let gene = Gene { innovation: new.gene(from, to), from, to, weight, enabled: true };
        let at = self.genes.partition_point(|known| known.innovation < gene.innovation);
        self.genes.insert(at, gene);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::genome::tests::{parents, stream, wiring};
    use super::*;

    #[test]
    fn what_arises_twice_in_a_generation_has_the_same_numbers() {
        let wiring = wiring();
        let start = Genome::minimal(&wiring);
        assert_eq!(start.genes.len(), 3);
        let mut new = Innovations::new(3, 4);
        let mut grown: Vec<Genome> = Vec::new();
        for seed in 0..20 {
            let mut genome = start.clone();
            genome.add_neuron(&wiring, &mut new, &mut stream(seed));
            assert!(
                genome.fits(&wiring, (new.next_gene, new.next_neuron))
                    && genome.hidden.len() == 1
                    && genome.genes.len() == 5
            );
            let split = genome.genes.iter().find(|gene| !gene.enabled).unwrap();
            assert_eq!(genome.genes[3].from, split.from);
            assert_eq!((genome.genes[3].weight, genome.genes[4].weight), (1.0, split.weight));
            for other in &grown {
                let same = other.genes.iter().find(|gene| !gene.enabled).unwrap().from == split.from;
                assert_eq!(other == &genome, same);
            }
            grown.push(genome);
        }
        assert_eq!((new.next_gene, new.next_neuron), (3 + 2 * 3, 4 + 3), "three connections to split");
        // In another generation, the same is new.
        let mut later = Innovations::new(new.next_gene, new.next_neuron);
        let mut genome = start.clone();
        genome.add_neuron(&wiring, &mut later, &mut stream(0));
        assert!(grown.iter().all(|other| other.hidden != genome.hidden));
    }

    #[test]
    fn connections_close_a_circle_or_not_as_asked() {
        let wiring = wiring();
        let [_, b] = parents();
        for seed in 0..50 {
            let mut new = Innovations::new(11, 6);
            let [mut forward, mut back] = [b.clone(), b.clone()];
            forward.add_connection(&wiring, false, 1.0, &mut new, &mut stream(seed));
            back.add_connection(&wiring, true, 1.0, &mut new, &mut stream(seed));
            let last = |genome: &Genome| (genome.genes[9].from, genome.genes[9].to);
            // 4 leads to 5: what is left are inputs to neurons, and the ways back.
            assert!([(0, 4), (1, 5), (2, 5)].contains(&last(&forward)), "{:?}", last(&forward));
            assert!([(4, 4), (5, 4), (5, 5)].contains(&last(&back)), "{:?}", last(&back));
            assert!(
                forward.fits(&wiring, (new.next_gene, new.next_neuron))
                    && back.fits(&wiring, (new.next_gene, new.next_neuron))
            );
        }
    }
}
