//! Genomes in the saved state of a search.

use super::genome::{Gene, Genome, Neuron};
use super::wiring::Wiring;
use super::{State, StrategyError};

/// Numbers of a gene.
const GENE: usize = 5;

/// Adds genomes to a state.
pub(super) fn save(genomes: &[Genome], state: &mut State) {
    let gene = |gene: &Gene| {
        let enabled = f64::from(u8::from(gene.enabled));
        [gene.innovation as f64, gene.from as f64, gene.to as f64, gene.weight, enabled]
    };
    let sizes = |genome: &Genome| [genome.genes.len() as f64, genome.hidden.len() as f64];
    let sizes: Vec<f64> = genomes.iter().flat_map(sizes).collect();
    let genes: Vec<f64> = genomes.iter().flat_map(|genome| &genome.genes).flat_map(gene).collect();
    let neurons = genomes.iter().flat_map(|genome| &genome.hidden);
    let neurons: Vec<f64> = neurons.flat_map(|n| [n.number as f64, n.group as f64]).collect();
    let (gene_count, neuron_count) = (genes.len() / GENE, neurons.len() / 2);
    state.set_integer("genes", gene_count as u64);
    state.set_integer("neurons", neuron_count as u64);
    state.set_f64("genomes.sizes", &[genomes.len(), 2], &sizes);
    state.set_f64("genomes.genes", &[gene_count, GENE], &genes);
    state.set_f64("genomes.neurons", &[neuron_count, 2], &neurons);
}

/// The genomes of a state, `count` of them, whose numbers are below the next ones (of genes, and of neurons).
pub(super) fn saved(
    state: &State,
    count: usize,
    wiring: &Wiring,
    next: (u64, u64),
) -> Result<Vec<Genome>, StrategyError> {
    let sizes = state.f64("genomes.sizes", &[count, 2])?;
    let genes = state.f64("genomes.genes", &[state.integer("genes")? as usize, GENE])?;
    let neurons = state.f64("genomes.neurons", &[state.integer("neurons")? as usize, 2])?;
    let mut genes = genes.chunks(GENE).map(|row| Gene {
        innovation: row[0] as u64,
        from: row[1] as u64,
        to: row[2] as u64,
        weight: row[3],
        enabled: row[4] != 0.0,
    });
    let mut neurons = neurons.chunks(2).map(|row| Neuron { number: row[0] as u64, group: row[1] as usize });
    let mut genomes = Vec::with_capacity(count);
    for size in sizes.chunks(2) {
        let (genes_here, neurons_here) = (size[0] as usize, size[1] as usize);
        let genes = genes.by_ref().take(genes_here).collect::<Vec<_>>();
        let hidden = neurons.by_ref().take(neurons_here).collect::<Vec<_>>();
        let complete = (genes.len(), hidden.len()) == (genes_here, neurons_here);
        let genome = Genome { genes, hidden };
        if !complete || !genome.fits(wiring, next) {
            let problem = "is no population of networks of this wiring".to_owned();
            return Err(StrategyError::State { name: "genomes.genes".to_owned(), problem });
        }
        genomes.push(genome);
    }
    Ok(genomes)
}
