//! The operations that connect ranks, and one rank alone.

use crate::ranks::error::RanksError;

/// What connects the ranks. All of them must call the same operations in the same order.
pub trait Ranks: Send + Sync {
    /// Number of this one, from 0.
    fn rank(&self) -> usize;

    /// How many there are, at least 1.
    fn size(&self) -> usize;

    /// Gives `rows`, each of `width` bytes, to all; returns those of every rank, in the order of ranks. Each may have
    /// another number of rows, but all have the same width.
    ///
    /// # Errors
    /// If a rank has gone or has another width.
    fn all_gather(&self, rows: &[u8], width: usize) -> Result<Vec<Vec<u8>>, RanksError>;

    /// Replaces `bytes` by those of rank 0.
    ///
    /// # Errors
    /// If a rank has gone.
    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), RanksError>;

    /// Waits until all have come here.
    ///
    /// # Errors
    /// If a rank has gone.
    fn barrier(&self) -> Result<(), RanksError>;
}

/// One process by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Ranks for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_gather(&self, rows: &[u8], _: usize) -> Result<Vec<Vec<u8>>, RanksError> {
        Ok(vec![rows.to_vec()])
    }

    fn broadcast(&self, _: &mut Vec<u8>) -> Result<(), RanksError> {
        Ok(())
    }

    fn barrier(&self) -> Result<(), RanksError> {
        Ok(())
    }
}
