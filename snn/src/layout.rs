//! The flat parameter vector: named blocks, and their padded copy in an evaluator.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::lanes::{Lanes, WIDTH};

/// Named blocks that tile a controller's parameter vector, in order and without gaps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    blocks: Vec<Block>,
}

/// One matrix (or row vector) of parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Such as `hidden.0.input`, `hidden.0.recurrent`, `readout.weight`, `readout.bias`.
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
    /// Standard deviation of θ at the start of the search; 0: starts at zero.
    pub initial_std: f32,
}

impl Block {
    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether the block has no parameters; never so in a built controller.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the flat vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Index in the flat vector of the connection from `pre` to `post`.
    pub fn index(&self, pre: usize, post: usize) -> usize {
        debug_assert!(
            pre < self.rows && post < self.cols,
            "({pre}, {post}) is outside the {} × {} block {}",
            self.rows,
            self.cols,
            self.name
        );
        self.offset + pre * self.cols + post
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
        self.blocks.push(Block { name, offset: self.len(), rows, cols, scale, initial_std });
        self.blocks.len() - 1
    }
}

/// The blocks of a [`Layout`] as an evaluator stores them for one individual: weights instead of
/// θ, and rows padded with zeros to whole [`Lanes`].
#[derive(Clone, Debug)]
pub(crate) struct Padded {
    layout: Layout,
    /// First lane of each block, and one past the last block.
    starts: Vec<usize>,
}

impl Padded {
    pub(crate) fn new(layout: Layout) -> Self {
        let mut starts = vec![0];
        for (i, block) in layout.blocks.iter().enumerate() {
            starts.push(starts[i] + block.rows * block.cols.div_ceil(WIDTH));
        }
        Self { layout, starts }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Lanes of all blocks of one individual.
    pub(crate) fn lanes(&self) -> usize {
        self.starts[self.layout.blocks.len()]
    }

    /// Lanes of the block with this index.
    pub(crate) fn range(&self, block: usize) -> Range<usize> {
        self.starts[block]..self.starts[block + 1]
    }

    /// Writes the weights of one individual; padding stays zero.
    pub(crate) fn load(&self, weights: &mut [Lanes], parameters: &[f32]) {
        assert_eq!(
            parameters.len(),
            self.layout.len(),
            "the length of a parameter vector is `layout().len()`"
        );
        for (index, block) in self.layout.blocks.iter().enumerate() {
            let source = parameters[block.range()].chunks_exact(block.cols);
            let target = weights[self.range(index)].chunks_exact_mut(block.cols.div_ceil(WIDTH));
            for (target, source) in target.zip(source) {
                for (lanes, values) in target.iter_mut().zip(source.chunks(WIDTH)) {
                    for (weight, &value) in lanes.0.iter_mut().zip(values) {
                        *weight = block.scale * value;
                    }
                }
            }
        }
    }
}
