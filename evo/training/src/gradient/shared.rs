//! What ranks tell each other in training by gradient.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::gradient::error::FinetuneError;
use crate::ranks::{RanksError, Team};
use crate::rollout::RolloutError;

/// What this rank has come to, and all others, in the order of ranks. What fails on one fails on all.
///
/// # Errors
/// If a rank failed or has gone.
pub(super) fn shared<T: Serialize + DeserializeOwned>(
    team: &Team,
    own: Result<T, FinetuneError>,
) -> Result<Vec<T>, FinetuneError> {
    if team.is_alone() {
        return Ok(vec![own?]);
    }
    let bytes = match &own {
        Ok(own) => postcard::to_allocvec(own).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let all = match (team.exchange(bytes, 1), own) {
        (Err(_), Err(own)) => return Err(own),
        (all, _) => all.map_err(broken)?,
    };
    let read = |(rank, bytes): (usize, Vec<u8>)| {
        postcard::from_bytes(&bytes)
            .map_err(|error| broken(RanksError::Failed { rank, reason: error.to_string() }))
    };
    all.into_iter().enumerate().map(read).collect()
}

fn broken(error: RanksError) -> FinetuneError {
    RolloutError::Ranks(error).into()
}
