//! Threads as ranks, for tests: the same operations without MPI.

use std::sync::{Arc, Barrier, Mutex};

use crate::ranks::error::RanksError;
use crate::ranks::operations::Ranks;
use crate::ranks::team::Team;

struct Table {
    rows: Mutex<Vec<(Vec<u8>, usize)>>,
    barrier: Barrier,
}

struct Thread {
    rank: usize,
    size: usize,
    table: Arc<Table>,
}

impl Ranks for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, rows: &[u8], width: usize) -> Result<Vec<Vec<u8>>, RanksError> {
        self.table.rows.lock().expect("no panic")[self.rank] = (rows.to_vec(), width);
        self.table.barrier.wait();
        let all = self.table.rows.lock().expect("no panic").clone();
        self.table.barrier.wait();
        match all.iter().position(|(_, other)| *other != all[0].1) {
            Some(rank) => Err(RanksError::Differs { rank, what: "width of rows", advice: "" }),
            None => Ok(all.into_iter().map(|(rows, _)| rows).collect()),
        }
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), RanksError> {
        *bytes = self.all_gather(bytes, 1)?.swap_remove(0);
        Ok(())
    }

    fn barrier(&self) -> Result<(), RanksError> {
        self.table.barrier.wait();
        Ok(())
    }
}

/// What `work` comes to on each of `size` ranks.
pub(crate) fn together<T: Send>(size: usize, work: impl Fn(Team) -> T + Sync) -> Vec<T> {
    let rows = Mutex::new(vec![(Vec::new(), 0); size]);
    let table = Arc::new(Table { rows, barrier: Barrier::new(size) });
    std::thread::scope(|scope| {
        let start = |rank| {
            let ranks = Thread { rank, size, table: Arc::clone(&table) };
            let work = &work;
            scope.spawn(move || work(Team::new(Arc::new(ranks))))
        };
        let threads: Vec<_> = (0..size).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("a rank panicked")).collect()
    })
}
