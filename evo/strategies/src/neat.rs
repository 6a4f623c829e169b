//! NEAT: "Evolving Neural Networks through Augmenting Topologies" (Stanley and Miikkulainen, Evolutionary Computation 10,
//! 2002). It evolves which connections and hidden neurons a network has, with their weights.
//!
//! A genome has genes of connections and of hidden neurons. Connections have innovation numbers, so that those of common
//! descent are crossed with each other. Networks begin with no hidden neuron, or as few as the wiring needs, and grow:
//! by connections, and by neurons in the middle of a connection. Genomes with
//!
//! δ = c₁E/N + c₂D/N + c₃W < `threshold`
//!
//! are of one species (E excess and D disjoint genes, N genes of the larger genome, 1 below 20, W the mean difference of
//! weights). Each species has children in proportion to the mean fitness of its members, so that what is new is not lost
//! before its weights are adapted.
//!
//! **Members are parameters of one maximal network** of fixed shape, which all evaluators run as any other: `blocks` says
//! what its weights are. A genome's first hidden neuron of a group takes the first place there, and so on; a connection
//! that it does not have is a weight of exactly 0. When all places are taken, no more neurons are added.
//!
//! The start is a network, too: its parameters that are not 0 are connections. The first generation has their weights
//! changed, but for member 0. If all are 0, it is the smallest network, with weights drawn at random.
//!
//! Differences from the paper: where fitness is negative, its height above the lowest of the generation is shared; and
//! the species with the best member has a child at least. What the paper does not say is as in its authors' program: a
//! child gets a new neuron or a new connection or changed weights; of parents that are equally fit, the smaller one
//! counts as fitter; a part of new connections is recurrent (`recurrent`); weights have a `limit`; connections of a bias
//! are not split; and after 20 generations without a better member, only two species have children, once.

use std::cmp::Ordering;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

use super::genome::{Gene, Genome};
use super::genome_state;
use super::growth::{Change, Innovations};
use super::noise::Noise;
use super::species::{self, Species};
use super::wiring::Wiring;
use super::{
    FieldInfo, Memory, Ranked, Settings, State, Strategy, StrategyError, StrategyInfo, Topology, WeightBlock,
    check,
};

/// Generations without a better member after which only the two best species have children.
const REFOCUS: u64 = 20;
/// Members of a species above which its best goes on unchanged.
const CHAMPION: usize = 5;

/// Settings of NEAT. Defaults are those of the paper for small populations, and, where it names none, of its authors'
/// program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeatConfig {
    /// Members per generation, ≥ 2.
    pub population: usize,
    /// The weights of the largest network, which the parameters are, in order. Empty is the controller's in training.
    pub blocks: Vec<WeightBlock>,
    /// c₁, coefficient of excess genes in the distance of genomes; ≥ 0.
    pub excess: f64,
    /// c₂, of disjoint genes; ≥ 0.
    pub disjoint: f64,
    /// c₃, of the mean difference of weights; ≥ 0.
    pub weights: f64,
    /// Distance within a species; > 0.
    pub threshold: f64,
    /// Part of each species that has children; > 0, at the most 1.
    pub survivors: f64,
    /// Generations after which a species that has not become better has no children; ≥ 1.
    pub stagnation: u64,
    /// Part of the children that have one parent; 0 to 1.
    pub asexual: f64,
    /// Probability that a parent is of another species; 0 to 1.
    pub interspecies: f64,
    /// Probability that a connection that is disabled in either parent is so in the child; 0 to 1.
    pub disabled: f64,
    /// Probability of a new neuron; 0 to 1.
    pub add_neuron: f64,
    /// Probability of a new connection, if there is no new neuron; 0 to 1.
    pub add_connection: f64,
    /// Part of the new connections that close a circle, and so need a network with memory; 0 to 1.
    pub recurrent: f64,
    /// Probability that weights change, if no neuron or connection is new; 0 to 1.
    pub mutation: f64,
    /// Largest change of a weight, which is uniform, parameter units; > 0.
    pub perturbation: f64,
    /// Part of these that are replaced by a uniform number up to `perturbation` instead; 0 to 1.
    pub replaced: f64,
    /// Largest weight of the first connections and of new ones, uniform, parameter units; > 0.
    pub initial: f64,
    /// Largest weight at all, parameter units; > 0. Changes end there.
    pub limit: f64,
}

impl Default for NeatConfig {
    fn default() -> Self {
        Self {
            population: 150,
            blocks: Vec::new(),
            excess: 1.0,
            disjoint: 1.0,
            weights: 0.4,
            threshold: 3.0,
            survivors: 0.4,
            stagnation: 15,
            asexual: 0.25,
            interspecies: 0.001,
            disabled: 0.75,
            add_neuron: 0.03,
            add_connection: 0.05,
            recurrent: 0.2,
            mutation: 0.8,
            perturbation: 2.5,
            replaced: 0.1,
            initial: 1.0,
            limit: 8.0,
        }
    }
}

const PROBABILITY: &str = "0 to 1";

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "neat",
    config: "Neat",
    summary: "evolves which connections and neurons a network has, in species; needs the network's blocks of weights",
    reference: "Stanley and Miikkulainen 2002",
    fields: &[
        FieldInfo::new("population", "members", "150", "≥ 2"),
        FieldInfo::new("blocks", "", "[]", "(from, to, rows, columns) of each; empty is the controller's"),
        FieldInfo::new("excess", "1", "1.0", "≥ 0"),
        FieldInfo::new("disjoint", "1", "1.0", "≥ 0"),
        FieldInfo::new("weights", "1 / parameter units", "0.4", "≥ 0"),
        FieldInfo::new("threshold", "1", "3.0", "> 0"),
        FieldInfo::new("survivors", "1", "0.4", "> 0, ≤ 1"),
        FieldInfo::new("stagnation", "generations", "15", "≥ 1"),
        FieldInfo::new("asexual", "1", "0.25", PROBABILITY),
        FieldInfo::new("interspecies", "1", "0.001", PROBABILITY),
        FieldInfo::new("disabled", "1", "0.75", PROBABILITY),
        FieldInfo::new("add_neuron", "1", "0.03", PROBABILITY),
        FieldInfo::new("add_connection", "1", "0.05", PROBABILITY),
        FieldInfo::new("recurrent", "1", "0.2", PROBABILITY),
        FieldInfo::new("mutation", "1", "0.8", PROBABILITY),
        FieldInfo::new("perturbation", "parameter units", "2.5", "> 0"),
        FieldInfo::new("replaced", "1", "0.1", PROBABILITY),
        FieldInfo::new("initial", "parameter units", "1.0", "> 0"),
        FieldInfo::new("limit", "parameter units", "8.0", "> 0"),
    ],
};

impl Settings for NeatConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::at_least_two(name, Some(self.population))?;
        for (field, value) in
            [("excess", self.excess), ("disjoint", self.disjoint), ("weights", self.weights)]
        {
            check::at_least_zero(name, field, value)?;
        }
        check::positive(name, "threshold", self.threshold)?;
        if !(self.survivors > 0.0 && self.survivors <= 1.0) {
            return Err(check::error(name, "survivors", &self.survivors, "a number > 0, at the most 1"));
        }
        check::at_least_one(name, "stagnation", self.stagnation)?;
        for (field, value) in [
            ("asexual", self.asexual),
            ("interspecies", self.interspecies),
            ("disabled", self.disabled),
            ("add_neuron", self.add_neuron),
            ("add_connection", self.add_connection),
            ("recurrent", self.recurrent),
            ("mutation", self.mutation),
            ("replaced", self.replaced),
        ] {
            check::probability(name, field, value)?;
        }
        check::positive(name, "perturbation", self.perturbation)?;
        check::positive(name, "initial", self.initial)?;
        check::positive(name, "limit", self.limit)?;
        if self.blocks.is_empty() { Ok(()) } else { Wiring::new(name, &self.blocks).map(|_| ()) }
    }

    fn blocks(&self) -> Option<&[WeightBlock]> {
        Some(&self.blocks)
    }

    /// The smallest network.
    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        vec![0.0; initial.len()]
    }

    /// With genomes that have all connections.
    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        // Genomes, their children, and two copies for a checkpoint.
        let member = (parameters as u64).saturating_mul(4 * size_of::<Gene>() as u64);
        Ok(Memory { population: self.population, member, ..Memory::linear(parameters) })
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        if self.blocks.is_empty() {
            let expected =
                "the blocks of weights that the parameters are: only networks have connections to evolve";
            return Err(check::error(INFO.name, "blocks", &"[]", expected));
        }
        let wiring = Wiring::new(INFO.name, &self.blocks)?;
        if wiring.parameters() != x0.len() {
            let value = format!("{} weights for {} parameters", wiring.parameters(), x0.len());
            return Err(check::error(INFO.name, "blocks", &value, "a weight for each parameter"));
        }
        Ok(Box::new(Neat::new(self, wiring, x0, seed)))
    }
}

struct Neat {
    config: NeatConfig,
    wiring: Wiring,
    noise: Noise,
    /// The start, then the best member of the last generation.
    mean: Vec<f64>,
    genomes: Vec<Genome>,
    /// The species of each genome.
    of: Vec<usize>,
    species: Vec<Species>,
    next_gene: u64,
    next_neuron: u64,
    told: u64,
    /// Highest fitness so far, and the generation that it is of, or that species were chosen in since.
    best: f64,
    improved: u64,
}

/// A generation that was told: members of each species, best first, and the fitness of all.
struct Told<'a> {
    members: Vec<Vec<usize>>,
    fitness: &'a [f64],
}

impl Neat {
    fn new(config: &NeatConfig, wiring: Wiring, x0: &[f64], seed: u64) -> Self {
        let noise = Noise::new(seed);
        let is_minimal = x0.iter().all(|&weight| weight == 0.0);
        let start = match is_minimal {
            true => Genome::minimal(&wiring),
            false => Genome::of_parameters(&wiring, x0),
        };
        let genome = |member: usize| {
            let mut genome = start.clone();
            // Apart from the draws of all generations.
            let mut stream = noise.stream(config.population + 1 + member);
            match is_minimal {
                true => genome.draw(config.initial, &mut stream),
                false if member > 0 => genome.perturb(config.change(), &mut stream),
                false => {}
            }
            genome
        };
        let genomes: Vec<Genome> = (0..config.population).map(genome).collect();
        let (next_gene, next_neuron) = (start.genes.len() as u64, wiring.fixed() + start.hidden.len() as u64);
        let (of, count) = species::sorted(&genomes, Vec::new(), |a, b| config.is_near(a, b));
        Self {
            noise,
            mean: x0.to_vec(),
            of,
            species: vec![Species { best: f64::MIN, improved: 0 }; count],
            genomes,
            next_gene,
            next_neuron,
            told: 0,
            best: f64::MIN,
            improved: 0,
            config: config.clone(),
            wiring,
        }
    }

    /// Children of each species. Of one, `leader` is a member.
    fn shared(&mut self, told: &Told<'_>, worth: &[f64], leader: usize) -> Vec<usize> {
        let mean = |members: &Vec<usize>| {
            members.iter().map(|&m| worth[m]).sum::<f64>() / members.len().max(1) as f64
        };
        let mut shares: Vec<f64> = told.members.iter().map(mean).collect();
        if self.told - self.improved >= REFOCUS {
            self.improved = self.told;
            let top = |species: &usize| told.members[*species].first().map(|&member| told.fitness[member]);
            let mut order: Vec<usize> = (0..shares.len()).filter(|i| top(i).is_some()).collect();
            order.sort_by(|i, j| top(j).partial_cmp(&top(i)).unwrap_or(Ordering::Equal).then(i.cmp(j)));
            for &chosen in order.iter().take(2) {
                self.species[chosen].improved = self.told;
            }
            let half = |i| if order.iter().take(2).any(|&chosen| chosen == i) { 1.0 } else { 0.0 };
            shares = (0..shares.len()).map(half).collect();
        } else {
            for (share, species) in shares.iter_mut().zip(&self.species) {
                if self.told - species.improved >= self.config.stagnation {
                    *share = 0.0;
                }
            }
        }
        if shares.iter().all(|share| *share == 0.0) {
            // All have stagnated: all may go on, but for those whose members have failed.
            shares = told.members.iter().map(|own| if own.is_empty() { 0.0 } else { 1.0 }).collect();
        }
        species::children(&shares, self.config.population, self.of[leader])
    }

    /// A child of a species.
    fn child(&self, told: &Told<'_>, species: usize, new: &mut Innovations, stream: &mut impl Rng) -> Genome {
        let config = &self.config;
        let elite = |species: usize| {
            let members = &told.members[species];
            &members[..((config.survivors * members.len() as f64 + 1.0) as usize).min(members.len())]
        };
        let own = elite(species);
        let first = own[stream.random_range(0..own.len())];
        let mut child = if stream.random::<f64>() < config.asexual {
            self.genomes[first].clone()
        } else {
            let others: Vec<usize> =
                (0..self.species.len()).filter(|&i| i != species && !told.members[i].is_empty()).collect();
            let second = if stream.random::<f64>() < config.interspecies && !others.is_empty() {
                told.members[others[stream.random_range(0..others.len())]][0]
            } else {
                own[stream.random_range(0..own.len())]
            };
            let (a, b) = (&self.genomes[first], &self.genomes[second]);
            let is_fitter = match told.fitness[first].partial_cmp(&told.fitness[second]) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Less) => false,
                _ => a.genes.len() <= b.genes.len(),
            };
            let (fitter, other) = if is_fitter { (a, b) } else { (b, a) };
            fitter.crossed(other, config.disabled, stream)
        };
        let [neuron, connection, circle, weights] = [(); 4].map(|()| stream.random::<f64>());
        if neuron < config.add_neuron {
            child.add_neuron(&self.wiring, new, stream);
        } else if connection < config.add_connection {
            child.add_connection(&self.wiring, circle < config.recurrent, config.initial, new, stream);
        } else if weights < config.mutation {
            child.perturb(config.change(), stream);
        }
        child
    }
}

impl NeatConfig {
    fn change(&self) -> Change {
        Change { width: self.perturbation, replaced: self.replaced, limit: self.limit }
    }

    fn is_near(&self, a: &Genome, b: &Genome) -> bool {
        let apart = a.distance(b);
        self.excess * apart.excess + self.disjoint * apart.disjoint + self.weights * apart.weights
            < self.threshold
    }
}

impl Strategy for Neat {
    fn population(&self) -> usize {
        self.config.population
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        for (genome, row) in self.genomes[first..].iter().zip(out.chunks_mut(self.mean.len())) {
            genome.write(&self.wiring, row);
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let leader = ranked.order()[0];
        self.genomes[leader].write(&self.wiring, &mut self.mean);
        self.told += 1;
        if self.told == 1 || fitness[leader] > self.best {
            (self.best, self.improved) = (fitness[leader], self.told);
        }
        // Failed members have no children.
        let mut members = vec![Vec::new(); self.species.len()];
        for &member in &ranked.order()[..ranked.valid()] {
            members[self.of[member]].push(member);
        }
        for (species, members) in self.species.iter_mut().zip(&members) {
            if let Some(&best) = members.first()
                && (species.improved == 0 || fitness[best] > species.best)
            {
                *species = Species { best: fitness[best], improved: self.told };
            }
        }
        let told = Told { members, fitness };
        let counts = self.shared(&told, &species::worth(fitness, &ranked.failed()), leader);

        let mut new = Innovations::new(self.next_gene, self.next_neuron);
        let mut children = Vec::with_capacity(self.config.population);
        for (species, &count) in counts.iter().enumerate() {
            let size = self.of.iter().filter(|&&of| of == species).count();
            for index in 0..count {
                let mut stream = self.noise.stream(children.len());
                children.push(match index {
                    0 if size > CHAMPION => self.genomes[told.members[species][0]].clone(),
                    _ => self.child(&told, species, &mut new, &mut stream),
                });
            }
        }
        let mut stream = self.noise.stream(self.config.population);
        let mut known = Vec::new();
        let mut going_on = Vec::new();
        for (species, _) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let all: Vec<usize> = (0..self.of.len()).filter(|&member| self.of[member] == species).collect();
            known.push(self.genomes[all[stream.random_range(0..all.len())]].clone());
            going_on.push(self.species[species]);
        }
        let (of, count) = species::sorted(&children, known, |a, b| self.config.is_near(a, b));
        going_on.resize(count, Species { best: f64::MIN, improved: 0 });
        (self.next_gene, self.next_neuron) = (new.next_gene, new.next_neuron);
        (self.genomes, self.of, self.species) = (children, of, going_on);
    }

    fn topology(&self) -> Option<Topology> {
        let mean = Genome::of_parameters(&self.wiring, &self.mean);
        let mut used: Vec<u64> = mean.genes.iter().flat_map(|gene| [gene.from, gene.to]).collect();
        used.retain(|number| *number >= self.wiring.fixed());
        used.sort_unstable();
        used.dedup();
        let mut alive = self.of.clone();
        alive.sort_unstable();
        alive.dedup();
        Some(Topology { species: alive.len(), connections: mean.genes.len(), neurons: used.len() })
    }

    fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Connections that are not there stay so.
    fn shift(&mut self, by: &[f64]) {
        self.genomes.iter_mut().for_each(|genome| genome.shift(&self.wiring, by));
        let moved = self.mean.iter_mut().zip(by).filter(|(weight, _)| **weight != 0.0);
        moved.for_each(|(weight, by)| *weight += by);
    }

    fn can_diverge(&self) -> bool {
        false
    }

    /// Of the change of a weight.
    fn sigma(&self) -> f64 {
        self.config.perturbation / 3.0_f64.sqrt()
    }

    fn state(&self) -> State {
        let species = self.species.len();
        let of: Vec<f64> = self.of.iter().map(|&species| species as f64).collect();
        let best = |species: &Species| [species.best, species.improved as f64];
        let mut state = State::default();
        self.noise.save(&mut state);
        for (name, value) in [
            ("population", self.genomes.len() as u64),
            ("told", self.told),
            ("improved", self.improved),
            ("next.gene", self.next_gene),
            ("next.neuron", self.next_neuron),
            ("species", species as u64),
        ] {
            state.set_integer(name, value);
        }
        state.set_f64("mean", &[self.mean.len()], &self.mean);
        genome_state::save(&self.genomes, &mut state);
        state.set_f64("species.of", &[of.len()], &of);
        state.set_f64("species.best", &[species, 2], &self.species.iter().flat_map(best).collect::<Vec<_>>());
        state.set_real("best", self.best);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let count = self.genomes.len();
        state.expect("population", count as u64)?;
        let noise = self.noise.loaded(state)?;
        let (told, improved) = (state.integer("told")?, state.integer("improved")?);
        let next = (state.integer("next.gene")?, state.integer("next.neuron")?);
        let mean = state.f64("mean", &[self.mean.len()])?.to_vec();
        let genomes = genome_state::saved(state, count, &self.wiring, next)?;
        let of = state.f64("species.of", &[count])?;
        let of: Vec<usize> = of.iter().map(|&species| species as usize).collect();
        let species = state.f64("species.best", &[state.integer("species")? as usize, 2])?;
        let species: Vec<Species> =
            species.chunks(2).map(|row| Species { best: row[0], improved: row[1] as u64 }).collect();
        let best = state.real("best")?;
        let latest = species.iter().map(|species| species.improved).max();
        if of.iter().any(|&of| of >= species.len()) || latest.max(Some(improved)) > Some(told) {
            let problem = "has species that there are not, or generations to come".to_owned();
            return Err(StrategyError::State { name: "species.of".to_owned(), problem });
        }
        (self.noise, self.told, self.improved, self.best) = (noise, told, improved, best);
        (self.next_gene, self.next_neuron) = next;
        (self.mean, self.genomes, self.of, self.species) = (mean, genomes, of, species);
        Ok(())
    }
}
