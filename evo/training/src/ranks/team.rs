//! The ranks of a run, and which work is whose.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::ranks::error::RanksError;
use crate::ranks::operations::{Alone, Ranks};

/// The ranks of a run, and which work is whose.
#[derive(Clone)]
pub struct Team {
    ranks: Arc<dyn Ranks>,
    /// Share of each rank in a row of `shares[size]` pieces of work: from its own number up to the next one's.
    shares: Vec<usize>,
    broken: Arc<OnceLock<RanksError>>,
}

impl Default for Team {
    fn default() -> Self {
        Self::alone()
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team")
            .field("rank", &self.rank())
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}

impl Team {
    /// This process alone.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(Arc::new(Alone))
    }

    /// All `ranks`, with equal shares of the work.
    #[must_use]
    pub fn new(ranks: Arc<dyn Ranks>) -> Self {
        let shares = (0..=ranks.size()).collect();
        Self { ranks, shares, broken: Arc::default() }
    }

    /// Shares the work by the number of threads, of which this rank has `threads`.
    ///
    /// # Errors
    /// If a rank has gone.
    pub fn by_threads(mut self, threads: usize) -> Result<Self, RanksError> {
        let all = self.gather(&(threads.max(1) as u64).to_le_bytes())?;
        let number =
            |bytes: &Vec<u8>| bytes.as_chunks().0.first().map_or(1, |&chunk| u64::from_le_bytes(chunk));
        let threads: Vec<usize> = all.iter().map(|bytes| number(bytes).max(1) as usize).collect();
        let unit = threads.iter().copied().fold(0, gcd).max(1);
        self.shares = vec![0];
        for threads in threads {
            self.shares.push(self.shares[self.shares.len() - 1] + threads / unit);
        }
        Ok(self)
    }

    /// Number of this rank.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.ranks.rank()
    }

    /// How many ranks there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.ranks.size()
    }

    /// Whether there is but one.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.size() == 1
    }

    /// Whether this is the rank that owns the run's folder and talks.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.rank() == 0
    }

    /// Which rank does piece `index` of some work: in turns, so that what is uneven is spread.
    #[must_use]
    pub fn owner(&self, index: usize) -> usize {
        let all = self.shares[self.shares.len() - 1];
        let place = index % all;
        self.shares.partition_point(|&first| first <= place) - 1
    }

    /// Whether this rank does piece `index`.
    #[must_use]
    pub fn owns(&self, index: usize) -> bool {
        self.owner(index) == self.rank()
    }

    /// What broke the team, once something has.
    #[must_use]
    pub fn broken(&self) -> Option<&RanksError> {
        self.broken.get()
    }

    /// Gives some bytes to all and gets those of every rank.
    ///
    /// # Errors
    /// If a rank has gone.
    pub fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, RanksError> {
        self.noted(self.ranks.all_gather(bytes, 1))
    }

    /// As [`gather`](Self::gather) with rows of `width` bytes. What failed on one rank fails on all.
    ///
    /// # Errors
    /// [`RanksError::Failed`] if this or another rank has no rows.
    pub fn exchange(&self, rows: Result<Vec<u8>, String>, width: usize) -> Result<Vec<Vec<u8>>, RanksError> {
        self.agree(rows.as_ref().map(|_| ()).map_err(Clone::clone))?;
        self.noted(self.ranks.all_gather(&rows.unwrap_or_default(), width))
    }

    /// Goes on only if all can.
    ///
    /// # Errors
    /// [`RanksError::Failed`], the same on all, of the first rank that cannot.
    pub fn agree(&self, ready: Result<(), String>) -> Result<(), RanksError> {
        if self.is_alone() {
            return ready.map_err(|reason| RanksError::Failed { rank: 0, reason });
        }
        let word = ready.err().map_or_else(Vec::new, |reason| [b"!", reason.as_bytes()].concat());
        let words = self.gather(&word)?;
        let failed = words.iter().enumerate().find_map(|(rank, word)| Some((rank, word.split_first()?.1)));
        let Some((rank, reason)) = failed else { return Ok(()) };
        let reason = String::from_utf8_lossy(reason).into_owned();
        self.noted(Err(RanksError::Failed { rank, reason }))
    }

    /// Goes on only if all have the same bytes as rank 0; `what` they are, and what would be right.
    ///
    /// # Errors
    /// [`RanksError::Differs`], the same on all.
    pub fn same(&self, bytes: &[u8], what: &'static str, advice: &'static str) -> Result<(), RanksError> {
        if self.is_alone() {
            return Ok(());
        }
        let all = self.gather(bytes)?;
        match all.iter().position(|bytes| *bytes != all[0]) {
            Some(rank) => self.noted(Err(RanksError::Differs { rank, what, advice })),
            None => Ok(()),
        }
    }

    fn noted<T>(&self, result: Result<T, RanksError>) -> Result<T, RanksError> {
        result.inspect_err(|error| {
            // The first reason is the reason.
            let _ = self.broken.set(error.clone());
        })
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::ranks::threads::together;

    #[test]
    fn work_is_shared_by_threads_and_every_piece_has_one_owner() {
        let owners = together(3, |team| {
            let threads = [4, 2, 2][team.rank()];
            let team = team.by_threads(threads).unwrap();
            let mine: Vec<usize> = (0..9).filter(|&index| team.owns(index)).collect();
            ((0..9).map(|index| team.owner(index)).collect::<Vec<_>>(), mine)
        });
        assert_eq!(owners[0].0, [0, 0, 1, 2, 0, 0, 1, 2, 0]);
        assert!(owners.iter().all(|(all, _)| *all == owners[0].0));
        let mut all: Vec<usize> = owners.into_iter().flat_map(|(_, mine)| mine).collect();
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn what_fails_on_one_fails_on_all_and_names_it() {
        let failed = RanksError::Failed { rank: 1, reason: "no disk".to_owned() };
        for result in together(3, |team| {
            let mine = if team.rank() == 1 { Err("no disk".to_owned()) } else { Ok(vec![1, 2]) };
            (team.exchange(mine, 2), team.broken().cloned())
        }) {
            assert_eq!(result, (Err(failed.clone()), Some(failed.clone())));
        }
        assert_eq!(failed.to_string(), "rank 1: no disk");
        let alone = Team::alone();
        assert_eq!(alone.exchange(Ok(vec![7]), 1), Ok(vec![vec![7]]));
        assert!(alone.owns(5) && alone.leads() && alone.is_alone());
    }

    #[test]
    fn what_differs_is_named() {
        for result in together(3, |team| {
            let same = team.same(b"x", "build", "take one");
            (same, team.same(if team.rank() == 2 { b"y" } else { b"x" }, "build", "take one"))
        }) {
            let differs = RanksError::Differs { rank: 2, what: "build", advice: "take one" };
            assert_eq!(result, (Ok(()), Err(differs)));
        }
    }

    #[test]
    fn rows_may_be_uneven_but_not_their_width() {
        for result in together(2, |team| team.exchange(Ok(vec![team.rank() as u8; 2 * team.rank()]), 2)) {
            assert_eq!(result.unwrap(), [vec![], vec![1, 1]]);
        }
        for result in together(2, |team| team.exchange(Ok(vec![0; 6]), 2 + team.rank())) {
            assert!(matches!(result, Err(RanksError::Differs { rank: 1, .. })), "{result:?}");
        }
    }
}
