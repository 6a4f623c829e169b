//! Data sets with labels or with values for them: generated, from arrays, from spike trains.

pub(super) mod arrays;
mod error;
mod heidelberg;
mod load;
mod randman;
mod samples;
mod set;
mod yin_yang;
mod zip;

pub use error::DataError;
pub use samples::{Answers, Samples};
pub use set::DataSet;
