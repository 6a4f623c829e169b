//! Networks as genes: connections with innovation numbers, and hidden neurons.

use rand::{Rng, RngExt as _};

use super::wiring::{Kind, Place, Wiring};

/// A connection. The same one in two genomes has the same innovation number if they have it from the same ancestor, or
/// if it arose in both in one generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gene {
    pub innovation: u64,
    /// Numbers of neurons.
    pub from: u64,
    pub to: u64,
    pub weight: f64,
    pub enabled: bool,
}

/// A hidden neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neuron {
    /// Above those of inputs and outputs.
    pub number: u64,
    pub group: usize,
}

/// A network. There is one gene per connection, disabled ones included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Genome {
    /// By innovation number.
    pub genes: Vec<Gene>,
    /// By number. The first one of a group has the first place in it, and so on.
    pub hidden: Vec<Neuron>,
}

/// How far two genomes are apart: parts of their genes that only one has, between those of the other or after them, and
/// the mean difference of the weights that both have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Distance {
    pub excess: f64,
    pub disjoint: f64,
    pub weights: f64,
}

impl Genome {
    /// Fewest connections: all inputs to all outputs; where there are no such weights, through one hidden neuron for each
    /// output (of each group on the way).
    pub fn minimal(wiring: &Wiring) -> Self {
        let mut genome = Self::default();
        let mut pairs: Vec<(Place, Place)> = Vec::new();
        let all = |from: usize, count: usize, to: usize, targets: usize| {
            (0..count).flat_map(move |i| (0..targets).map(move |j| ((from, i), (to, j))))
        };
        let outputs: Vec<usize> = wiring.of_kind(Kind::Output).collect();
        let mut made = vec![0; wiring.groups().len()];
        let inputs = || wiring.of_kind(Kind::Input);
        for (input, &output) in inputs().flat_map(|input| outputs.iter().map(move |output| (input, output))) {
            pairs.extend(all(input, wiring.size(input), output, wiring.size(output)));
        }
        for (input, &output) in inputs().flat_map(|input| outputs.iter().map(move |output| (input, output))) {
            let Some(path) = wiring.path(input, output).filter(|path| !path.is_empty()) else { continue };
            for (step, &group) in path.iter().enumerate() {
                let count = wiring.size(output).min(wiring.size(group));
                made[group] = count.max(made[group]);
                match step.checked_sub(1) {
                    // Inputs with a way of their own, such as the bias, too.
                    None => {
                        pairs.extend(inputs().flat_map(|input| all(input, wiring.size(input), group, count)));
                    }
                    Some(before) => {
                        let before = path[before];
                        pairs.extend((0..count).map(|j| ((before, j % made[before]), (group, j))));
                    }
                }
            }
            let last = path[path.len() - 1];
            pairs.extend((0..wiring.size(output)).map(|j| ((last, j % made[last]), (output, j))));
        }
        let parameters = pairs.iter().filter_map(|&(from, to)| wiring.parameter(from, to));
        genome.grow(wiring, &made);
        genome.connect(wiring, parameters.map(|parameter| (parameter, 0.0)).collect());
        genome
    }

    /// The network of the parameters that are not 0.
    pub fn of_parameters(wiring: &Wiring, parameters: &[f64]) -> Self {
        let mut genome = Self::default();
        let weights: Vec<(usize, f64)> =
            parameters.iter().copied().enumerate().filter(|(_, weight)| *weight != 0.0).collect();
        let mut made = vec![0; wiring.groups().len()];
        for &(parameter, _) in &weights {
            let (from, to) = wiring.connection(parameter);
            for (group, place) in [from, to].into_iter().filter(|(group, _)| wiring.is_hidden(*group)) {
                made[group] = made[group].max(place + 1);
            }
        }
        genome.grow(wiring, &made);
        genome.connect(wiring, weights);
        genome
    }

    /// Adds so many hidden neurons of each group.
    fn grow(&mut self, wiring: &Wiring, made: &[usize]) {
        let groups = made.iter().enumerate().flat_map(|(group, &count)| vec![group; count]);
        self.hidden.extend((wiring.fixed()..).zip(groups).map(|(number, group)| Neuron { number, group }));
    }

    /// Adds connections by their parameters, without repetition.
    fn connect(&mut self, wiring: &Wiring, mut weights: Vec<(usize, f64)>) {
        weights.sort_by_key(|(parameter, _)| *parameter);
        weights.dedup_by_key(|(parameter, _)| *parameter);
        for (innovation, (parameter, weight)) in (0..).zip(weights) {
            let number = |place: Place| match wiring.is_hidden(place.0) {
                true => self.hidden.iter().filter(|neuron| neuron.group == place.0).nth(place.1),
                false => None,
            };
            let (from, to) = wiring.connection(parameter);
            let [from, to] = [from, to].map(|p| number(p).map_or_else(|| wiring.number(p), |n| n.number));
            self.genes.push(Gene { innovation, from, to, weight, enabled: true });
        }
    }

    /// All neurons with their places, by number.
    pub fn neurons(&self, wiring: &Wiring) -> Vec<(u64, Place)> {
        let mut made = vec![0; wiring.groups().len()];
        let fixed = (0..wiring.fixed()).filter_map(|number| Some((number, wiring.place(number)?)));
        let mut neurons: Vec<(u64, Place)> = fixed.collect();
        for neuron in &self.hidden {
            neurons.push((neuron.number, (neuron.group, made[neuron.group])));
            made[neuron.group] += 1;
        }
        neurons
    }

    /// The weight of each parameter: 0 where there is no connection, or a disabled one.
    pub fn write(&self, wiring: &Wiring, out: &mut [f64]) {
        let neurons = self.neurons(wiring);
        out.fill(0.0);
        for gene in self.genes.iter().filter(|gene| gene.enabled) {
            if let Some(parameter) = parameter(wiring, &neurons, gene) {
                out[parameter] = gene.weight;
            }
        }
    }

    /// Adds to the weight of each enabled connection that of its parameter.
    pub fn shift(&mut self, wiring: &Wiring, by: &[f64]) {
        let neurons = self.neurons(wiring);
        for gene in self.genes.iter_mut().filter(|gene| gene.enabled) {
            if let Some(parameter) = parameter(wiring, &neurons, gene) {
                gene.weight += by[parameter];
            }
        }
    }

    /// Whether it is a network of this wiring, with numbers below the next ones: after reading it.
    pub fn fits(&self, wiring: &Wiring, (next_gene, next_neuron): (u64, u64)) -> bool {
        let mut made = vec![0; wiring.groups().len()];
        for neuron in &self.hidden {
            if !wiring.is_hidden(neuron.group) || neuron.number < wiring.fixed() {
                return false;
            }
            made[neuron.group] += 1;
        }
        let neurons = self.neurons(wiring);
        wiring.groups().all(|group| made[group] <= wiring.size(group))
            && self.hidden.is_sorted_by(|a, b| a.number < b.number)
            && self.genes.is_sorted_by(|a, b| a.innovation < b.innovation)
            && self.hidden.last().is_none_or(|neuron| neuron.number < next_neuron)
            && self.genes.last().is_none_or(|gene| gene.innovation < next_gene)
            && self.genes.iter().all(|gene| parameter(wiring, &neurons, gene).is_some())
    }

    pub fn distance(&self, other: &Self) -> Distance {
        let (mut i, mut j) = (0, 0);
        let (mut disjoint, mut both, mut difference) = (0_usize, 0_usize, 0.0);
        while let (Some(a), Some(b)) = (self.genes.get(i), other.genes.get(j)) {
            if a.innovation == b.innovation {
                both += 1;
                difference += (a.weight - b.weight).abs();
            } else {
                disjoint += 1;
            }
            i += usize::from(a.innovation <= b.innovation);
            j += usize::from(b.innovation <= a.innovation);
        }
        let excess = self.genes.len() - i + other.genes.len() - j;
        let most = self.genes.len().max(other.genes.len());
        // As in the paper: small genomes are compared gene by gene.
        let scale = if most < 20 { 1.0 } else { most as f64 };
        Distance {
            excess: excess as f64 / scale,
            disjoint: disjoint as f64 / scale,
            weights: if both == 0 { 0.0 } else { difference / both as f64 },
        }
    }

    /// A child with the genes of the fitter one of two. The weight of a gene that both have comes from either. One that
    /// is disabled in either is disabled with this probability, else enabled.
    pub fn crossed(&self, other: &Self, disabled: f64, stream: &mut impl Rng) -> Self {
        let mut child = self.clone();
        let mut j = 0;
        for gene in &mut child.genes {
            while other.genes.get(j).is_some_and(|known| known.innovation < gene.innovation) {
                j += 1;
            }
            let (coin, chance) = (stream.random::<bool>(), stream.random::<f64>());
            let same = other.genes.get(j).filter(|known| known.innovation == gene.innovation);
            let is_off = !gene.enabled || same.is_some_and(|same| !same.enabled);
            if let Some(same) = same.filter(|_| coin) {
                gene.weight = same.weight;
            }
            gene.enabled = !(is_off && chance < disabled);
        }
        child
    }
}

/// The place of a neuron.
pub(super) fn place(neurons: &[(u64, Place)], number: u64) -> Option<Place> {
    neurons.binary_search_by_key(&number, |known| known.0).ok().map(|index| neurons[index].1)
}

/// The parameter of a gene; every gene of a sound genome has one.
fn parameter(wiring: &Wiring, neurons: &[(u64, Place)], gene: &Gene) -> Option<usize> {
    wiring.parameter(place(neurons, gene.from)?, place(neurons, gene.to)?)
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::WeightBlock;
    use super::super::random::{Purpose, Stream};
    use super::*;

    pub fn stream(number: u64) -> Stream {
        Stream::new(number, Purpose::Bench, 0, 0, 0)
    }

    /// Three inputs (0 to 2), one output (3), and hidden neurons (from 4 on).
    pub fn wiring() -> Wiring {
        let sizes = [("input", 3), ("hidden", 3), ("output", 1)];
        let block = |(from, rows): (&str, usize), (to, columns): (&str, usize)| {
            WeightBlock::new(from, to, rows, columns)
        };
        // The output is the second group, after the inputs.
        let blocks = [block(sizes[0], sizes[2]), block(sizes[0], sizes[1]), block(sizes[1], sizes[1])];
        Wiring::new("neat", &[&blocks[..], &[block(sizes[1], sizes[2])]].concat()).unwrap()
    }

    fn genome(genes: &[(u64, u64, u64, bool)], hidden: &[u64], weight: f64) -> Genome {
        let gene = |&(innovation, from, to, enabled)| Gene { innovation, from, to, weight, enabled };
        let group = wiring().of_kind(Kind::Hidden).next().unwrap();
        Genome {
            genes: genes.iter().map(gene).collect(),
            hidden: hidden.iter().map(|&number| Neuron { number, group }).collect(),
        }
    }

    /// The parents of figure 4 of the paper; its neurons 1 to 3 are ours 0 to 2, and its output 4 is 3.
    pub fn parents() -> [Genome; 2] {
        let first = [(1, 0, 3, true), (2, 1, 3, false), (3, 2, 3, true), (4, 1, 4, true), (5, 4, 3, true)];
        let second = [&first[..4], &[(5, 4, 3, false), (6, 4, 5, true), (7, 5, 3, true)]].concat();
        let more = [(9, 2, 4, true), (10, 0, 5, true)];
        [
            genome(&[&first[..], &[(8, 0, 4, true)]].concat(), &[4], 1.0),
            genome(&[&second[..], &more].concat(), &[4, 5], 3.0),
        ]
    }

    #[test]
    fn distance_counts_what_the_paper_counts() {
        let [a, b] = parents();
        // 8 is disjoint in the first, 6 and 7 in the second, where 9 and 10 are excess genes.
        let expected = Distance { excess: 2.0, disjoint: 3.0, weights: 2.0 };
        assert_eq!((a.distance(&b), b.distance(&a)), (expected, expected));
        assert_eq!(a.distance(&a), Distance { excess: 0.0, disjoint: 0.0, weights: 0.0 });
        let large: Vec<(u64, u64, u64, bool)> = (0..40).map(|i| (i, 0, 3, true)).collect();
        let [large, small] = [genome(&large, &[], 1.0), genome(&large[..10], &[], 1.0)];
        assert_eq!(large.distance(&small).excess, 30.0 / 40.0);
    }

    #[test]
    fn a_child_has_the_genes_of_the_fitter_parent_and_weights_of_both() {
        let [a, b] = parents();
        let (mut from_first, mut enabled) = (0, 0);
        for seed in 0..400 {
            let child = b.crossed(&a, 0.75, &mut stream(seed));
            assert_eq!(child.hidden, b.hidden);
            assert!(child.genes.iter().map(|g| g.innovation).eq([1, 2, 3, 4, 5, 6, 7, 9, 10]));
            assert!(child.genes[5..].iter().all(|gene| gene.weight == 3.0 && gene.enabled));
            from_first += child.genes[..5].iter().filter(|gene| gene.weight == 1.0).count();
            // Disabled in both, and in one.
            enabled += [1, 4].iter().filter(|&&i| child.genes[i].enabled).count();
            assert!(child.genes[0].enabled && child.genes[2].enabled);
        }
        assert!((900..1100).contains(&from_first), "{from_first}");
        assert!((150..250).contains(&enabled), "{enabled} of 800");
    }

    #[test]
    fn parameters_are_places_of_the_neurons_in_order() {
        let wiring = wiring();
        let [_, b] = parents();
        let mut theta = vec![0.0; wiring.parameters()];
        b.write(&wiring, &mut theta);
        // Disabled: 1 to the output, and 4 to it.
        let expected = [0, 2, 3 + 3, 3 + 6, 3 + 1, 12 + 1, 21 + 1];
        let found: Vec<usize> = (0..theta.len()).filter(|&i| theta[i] != 0.0).collect();
        let mut sorted = expected.to_vec();
        sorted.sort_unstable();
        assert_eq!(found, sorted);
        let again = Genome::of_parameters(&wiring, &theta);
        let mut written = vec![0.0; theta.len()];
        again.write(&wiring, &mut written);
        assert_eq!(written, theta);
    }
}
