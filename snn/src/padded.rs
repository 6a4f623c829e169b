//! Padded weights of dense layers.

use std::ops::Range;

use crate::lanes::{Lanes, WIDTH};
use crate::layout::Layout;

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
        for (i, block) in layout.blocks().iter().enumerate() {
            starts.push(starts[i] + block.rows * block.cols.div_ceil(WIDTH));
        }
        Self { layout, starts }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Lanes of all blocks of one individual.
    pub(crate) fn lanes(&self) -> usize {
        self.starts[self.layout.blocks().len()]
    }

    /// Lanes of the block with this index.
    pub(crate) fn range(&self, block: usize) -> Range<usize> {
        self.starts[block]..self.starts[block + 1]
    }

    /// Writes the weights of one individual; padding stays zero.
    pub(crate) fn load(&self, weights: &mut [Lanes], parameters: &[f32]) {
        assert_eq!(parameters.len(), self.layout.len(), "as many parameters as the layout has");
        for (index, block) in self.layout.blocks().iter().enumerate() {
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
