//! Processes that train together, called ranks as in MPI, and what passes between them.
//!
//! Every rank holds the whole search and comes to the same state from the same numbers. Only episodes are shared out;
//! what they came to is gathered by all. So no result depends on how many ranks there are.

mod error;
mod operations;
mod team;
#[cfg(test)]
pub(crate) mod threads;

pub use error::RanksError;
pub use operations::{Alone, Ranks};
pub use team::Team;
