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
}

impl Block {
    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.mask.as_ref().map_or(self.rows * self.cols, Vec::len)
    }

    /// Whether the block has no parameters; never so in a built controller.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the flat vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Index in the flat vector of the connection from `pre` to `post`; `None` if there is none.
    pub fn index(&self, pre: usize, post: usize) -> Option<usize> {
        debug_assert!(
            pre < self.rows && post < self.cols,
            "({pre}, {post}) is outside the {} × {} block {}",
            self.rows,
            self.cols,
            self.name
        );
        let place = pre * self.cols + post;
        let within = match &self.mask {
            None => Some(place),
            Some(mask) => mask.binary_search(&(place as u32)).ok(),
        };
        within.map(|index| self.offset + index)
    }

    /// Calls `each` with row, column and θ of every connection that exists.
    pub(crate) fn visit(&self, parameters: &[f32], mut each: impl FnMut(usize, usize, f32)) {
        self.visit_indices(|pre, post, index| each(pre, post, parameters[index]));
    }

    /// Calls `each` with row, column and index in the flat vector of every connection that exists.
    pub(crate) fn visit_indices(&self, mut each: impl FnMut(usize, usize, usize)) {
        match &self.mask {
            None => {
                for pre in 0..self.rows {
                    for post in 0..self.cols {
                        each(pre, post, self.offset + pre * self.cols + post);
                    }
                }
            }
            Some(mask) => {
                for (index, &place) in mask.iter().enumerate() {
                    each(place as usize / self.cols, place as usize % self.cols, self.offset + index);
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
        let (initial_mean, mask) = (0.0, None);
        self.blocks.push(Block { name, offset, rows, cols, scale, initial_mean, initial_std, mask });
        self.blocks.len() - 1
    }

    /// Sets what the last block has beyond [`push`](Self::push).
    pub(crate) fn refine(&mut self, mean: f32, mask: Option<Vec<u32>>) {
        let block = self.blocks.last_mut().expect("a block has been pushed");
        block.initial_mean = mean;
        block.mask = mask;
    }
}
