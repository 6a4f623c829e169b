//! What can go wrong between ranks.

/// Why ranks cannot go on together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RanksError {
    /// One has ended.
    #[error("rank {rank} ({place}) has ended{}", if *.told { "" } else { " without a word: killed, or its machine is gone" })]
    Gone {
        /// Which.
        rank: usize,
        /// Machine and process.
        place: String,
        /// Whether it has said why.
        told: bool,
    },
    /// Something failed on one alone.
    #[error("rank {rank}: {reason}")]
    Failed {
        /// Which.
        rank: usize,
        /// Why.
        reason: String,
    },
    /// One is not like rank 0: together they would make what neither makes alone.
    #[error("rank {rank} has another {what} than rank 0; {advice}")]
    Differs {
        /// Which.
        rank: usize,
        /// What differs.
        what: &'static str,
        /// What would be right.
        advice: &'static str,
    },
    /// The connection does not work.
    #[error("the connection between ranks: {0}")]
    Connection(String),
}
