//! Networks of sigmoid units as in the paper.

use strategies::WeightBlock;

/// Inputs, a bias, hidden units at the most, outputs.
pub const fn shape(inputs: usize, hidden: usize) -> [usize; 4] {
    [inputs, 1, hidden, 1]
}

/// The blocks of weights of the largest network: from all units to all that are no inputs.
pub fn blocks([inputs, bias, hidden, outputs]: [usize; 4]) -> Vec<WeightBlock> {
    let sizes = [("input", inputs), ("bias", bias), ("hidden", hidden), ("output", outputs)];
    let block =
        |(from, rows): (&str, usize), (to, columns): (&str, usize)| WeightBlock::new(from, to, rows, columns);
    sizes.iter().flat_map(|&from| sizes[2..].iter().map(move |&to| block(from, to))).collect()
}

/// A member as a network: its connections alone.
pub struct Network {
    /// With the bias.
    inputs: usize,
    outputs: usize,
    /// From, to and weight, by `to`; units are numbered from inputs to outputs.
    connections: Vec<(usize, usize, f64)>,
    /// Units that have connections from others, by number.
    active: Vec<usize>,
    values: Vec<f64>,
    sums: Vec<f64>,
}

impl Network {
    pub fn new(sizes: [usize; 4], parameters: &[f64]) -> Self {
        let starts: [usize; 4] = std::array::from_fn(|group| sizes[..group].iter().sum());
        let mut connections = Vec::new();
        let mut rest = parameters;
        for from in 0..4 {
            for to in 2..4 {
                let (block, after) = rest.split_at(sizes[from] * sizes[to]);
                rest = after;
                for (place, &weight) in block.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                    let (row, column) = (place / sizes[to], place % sizes[to]);
                    connections.push((starts[from] + row, starts[to] + column, weight));
                }
            }
        }
        connections.sort_by_key(|&(from, to, _)| (to, from));
        let mut active: Vec<usize> = connections.iter().map(|connection| connection.1).collect();
        active.dedup();
        let (units, inputs, outputs) = (sizes.iter().sum(), sizes[0] + sizes[1], sizes[3]);
        Self { inputs, outputs, connections, active, values: vec![0.0; units], sums: vec![0.0; units] }
    }

    /// Forgets what was before.
    pub fn reset(&mut self) {
        self.values.fill(0.0);
    }

    /// Hidden units and connections that are in use.
    pub fn size(&self) -> (usize, usize) {
        let hidden = self.active.iter().filter(|&&unit| unit < self.values.len() - self.outputs);
        (hidden.count(), self.connections.len())
    }

    /// All units at once, each from what the others were before; the output. The sigmoid is the paper's, with its
    /// steepness of 4.9.
    pub fn step(&mut self, inputs: &[f64]) -> f64 {
        self.values[..self.inputs].copy_from_slice(inputs);
        self.active.iter().for_each(|&unit| self.sums[unit] = 0.0);
        for &(from, to, weight) in &self.connections {
            self.sums[to] += weight * self.values[from];
        }
        for &unit in &self.active {
            self.values[unit] = 1.0 / (1.0 + libm::exp(-4.9 * self.sums[unit]));
        }
        self.values[self.values.len() - 1]
    }
}
