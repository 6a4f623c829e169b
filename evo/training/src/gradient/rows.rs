//! Rows of flat arrays.

use std::ops::Range;

/// Row `index` of rows of `width` values.
pub(super) fn row(width: usize, index: usize) -> Range<usize> {
    index * width..(index + 1) * width
}
