//! The flat parameter vector: named blocks.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Named blocks that tile a controller's parameter vector, in order and without gaps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    blocks: Vec<Block>,
}

/// One matrix (or row vector) of parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Such as `hidden.0.input`, `hidden.0.recurrent`, `hidden.1.skip.input`, `readout.weight`,
    /// `readout.bias`, `hidden.0.parameter.decay`.
    pub name: String,
    /// Index of the first parameter in the flat vector.
    pub offset: usize,
    /// Sources (presynaptic). The last row of `hidden.0.input` of a spiking network is the bias:
    /// a source that is always 1.
    pub rows: usize,
    /// Targets (postsynaptic).
    pub cols: usize,
    /// Weight = `scale · θ`.
    pub scale: f32,
    /// Mean of θ at the start of the search; 0 but for binary connections.
    pub initial_mean: f32,
    /// Standard deviation of θ at the start of the search.
    pub initial_std: f32,
    /// Of a sparse block: the connections that exist, as ascending flat indices
    /// `pre · cols + post`. Only they have parameters, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Vec<u32>>,
    /// Which of its neurons are push-pull pairs, so that several weights are one parameter or its negative.
    #[serde(default, skip_serializing_if = "Pairs::is_none")]
    pub pairs: Pairs,
}

/// Push-pull pairs among the sources and targets of a block: neuron 2k + 1 has the negative weights of neuron 2k.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Sources in a row, the bias aside, that share their parameters; 1 or an even number of them.
    pub sources: usize,
    /// Whether all targets are pairs. Both of a pair have the same bias.
    pub targets: bool,
    /// Whether the last row is a bias.
    pub bias: bool,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { sources: 1, targets: false, bias: false }
    }
}

impl Pairs {
    fn is_none(&self) -> bool {
        self.sources == 1 && !self.targets
    }

    /// Rows and columns of the parameters of a block of `rows` and `cols`.
    fn shape(&self, rows: usize, cols: usize) -> (usize, usize) {
        let bias = usize::from(self.bias);
        ((rows - bias) / self.sources + bias, if self.targets { cols / 2 } else { cols })
    }

    /// Row and column of the parameter of a connection, and whether its weight is the negative of it.
    fn place(&self, rows: usize, pre: usize, post: usize) -> (usize, usize, bool) {
        let is_bias = self.bias && pre + 1 == rows;
        let pull = self.sources > 1 && !is_bias && pre % 2 == 1;
        // The bias comes after all of them.
        let row = pre / self.sources;
        let (col, pulled) = if self.targets { (post / 2, post % 2 == 1 && !is_bias) } else { (post, false) };
        (row, col, pull != pulled)
    }
}

impl Block {
    /// Number of parameters.
    pub fn len(&self) -> usize {
        let (rows, cols) = self.pairs.shape(self.rows, self.cols);
        self.mask.as_ref().map_or(rows * cols, Vec::len)
    }

    /// Whether the block has no parameters; never so in a built controller.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the flat vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Index in the flat vector of the connection from `pre` to `post`; `None` if there is none. With
    /// [`pairs`](Self::pairs), several connections have one parameter.
    pub fn index(&self, pre: usize, post: usize) -> Option<usize> {
        debug_assert!(
            pre < self.rows && post < self.cols,
            "({pre}, {post}) is outside the {} × {} block {}",
            self.rows,
            self.cols,
            self.name
        );
        let within = match &self.mask {
            None => {
                let (row, col, _) = self.pairs.place(self.rows, pre, post);
                Some(row * self.pairs.shape(self.rows, self.cols).1 + col)
            }
            Some(mask) => mask.binary_search(&((pre * self.cols + post) as u32)).ok(),
        };
        within.map(|index| self.offset + index)
    }

    /// Calls `each` with row, column and θ of every connection that exists; of a pair's second neuron, −θ.
    pub(crate) fn visit(&self, parameters: &[f32], mut each: impl FnMut(usize, usize, f32)) {
        self.visit_indices(|pre, post, index, negative| {
            each(pre, post, if negative { -parameters[index] } else { parameters[index] });
        });
    }

    /// Calls `each` with row, column and index in the flat vector of every connection that exists, and whether
    /// its weight is the negative of that parameter's.
    pub(crate) fn visit_indices(&self, mut each: impl FnMut(usize, usize, usize, bool)) {
        match &self.mask {
            None => {
                let cols = self.pairs.shape(self.rows, self.cols).1;
                for pre in 0..self.rows {
                    for post in 0..self.cols {
                        let (row, col, negative) = self.pairs.place(self.rows, pre, post);
                        each(pre, post, self.offset + row * cols + col, negative);
                    }
                }
            }
            Some(mask) => {
                for (index, &place) in mask.iter().enumerate() {
                    each(place as usize / self.cols, place as usize % self.cols, self.offset + index, false);
                }
            }
        }
    }
}

impl Layout {
    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block called `name`.
    pub fn block(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.name == name)
    }

    /// Length of the flat parameter vector.
    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.range().end)
    }

    /// Whether there are no parameters; never so in a built controller.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a block of shape `(rows, cols)` and returns its index.
    pub(crate) fn push(
        &mut self,
        name: String,
        (rows, cols): (usize, usize),
        scale: f32,
        initial_std: f32,
    ) -> usize {
        let offset = self.len();
        let (initial_mean, mask, pairs) = (0.0, None, Pairs::default());
        self.blocks.push(Block { name, offset, rows, cols, scale, initial_mean, initial_std, mask, pairs });
        self.blocks.len() - 1
    }

    /// Sets what the last block has beyond [`push`](Self::push).
    pub(crate) fn refine(&mut self, mean: f32, mask: Option<Vec<u32>>, pairs: Pairs) {
        let block = self.blocks.last_mut().expect("a block has been pushed");
        block.initial_mean = mean;
        block.mask = mask;
        block.pairs = pairs;
    }
}
