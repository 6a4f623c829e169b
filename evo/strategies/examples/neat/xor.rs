//! XOR, section 4.2 of the paper.

use strategies::{NeatConfig, Search, StrategyError};

use crate::network::{self, Network, shape};

/// No solution comes near the limit of hidden units.
const SHAPE: [usize; 4] = shape(2, 20);

/// How a search went.
#[derive(Clone, Copy, Debug)]
pub struct Solved {
    /// Up to the end of the generation with the solution.
    pub evaluations: u64,
    /// Hidden units and connections of the solution.
    pub size: (usize, usize),
}

/// The output for both inputs, after as many steps as it takes from the inputs through all units.
fn answer(network: &mut Network, inputs: [f64; 2]) -> f64 {
    network.reset();
    let steps = network.size().0 + 1;
    (0..steps).fold(0.0, |_, _| network.step(&[inputs[0], inputs[1], 1.0]))
}

/// Fitness, (4 − Σ |error|)², and whether all answers are on the right side of ½.
fn score(network: &mut Network) -> (f64, bool) {
    let cases = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)];
    let errors = cases.map(|(inputs, right)| (answer(network, inputs) - right).abs());
    let sum: f64 = errors.iter().sum();
    ((4.0 - sum) * (4.0 - sum), errors.iter().all(|error| *error < 0.5))
}

/// Searches for a network that computes XOR, for so many generations at the most. Settings are the paper's.
pub fn solve(seed: u64, generations: u64) -> Result<Option<Solved>, StrategyError> {
    let settings = NeatConfig { blocks: network::blocks(SHAPE), recurrent: 0.0, ..NeatConfig::default() };
    let n = settings.blocks.iter().map(|block| block.rows * block.columns).sum();
    let mut search: Search = Search::new(&settings, &vec![0.0; n], seed)?;
    let mut members = Vec::new();
    for _ in 0..generations {
        search.ask();
        search.population_matrix(&mut members);
        let mut networks: Vec<Network> = members.chunks(n).map(|x| Network::new(SHAPE, x)).collect();
        let scores: Vec<(f64, bool)> = networks.iter_mut().map(score).collect();
        search.tell(&scores.iter().map(|score| score.0).collect::<Vec<_>>())?;
        if let Some(index) = scores.iter().position(|score| score.1) {
            return Ok(Some(Solved { evaluations: search.evaluations(), size: networks[index].size() }));
        }
    }
    Ok(None)
}
