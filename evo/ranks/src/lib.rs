//! The processes of an MPI job as [`Ranks`]. Without the feature `mpi` there is only one, and a job with more is
//! refused.

mod launch;
#[cfg(any(test, feature = "mpi"))]
mod message;
#[cfg(any(test, feature = "mpi"))]
#[cfg_attr(not(feature = "mpi"), allow(dead_code, reason = "some of it is only called where there is MPI"))]
mod monitor;
#[cfg(feature = "mpi")]
mod world;

use std::sync::Arc;

use training::ranks::{Alone, Ranks, RanksError};

pub use launch::{Launch, hide, launch};

/// The job that this process is a part of.
pub struct Job {
    ranks: Arc<dyn Ranks>,
    #[cfg(feature = "mpi")]
    world: Option<Arc<world::World>>,
}

impl Job {
    /// This process by itself.
    #[must_use]
    pub fn alone() -> Self {
        Self {
            ranks: Arc::new(Alone),
            #[cfg(feature = "mpi")]
            world: None,
        }
    }

    /// Joins the others if an MPI launcher has started this process. Once per process. `on_stop` is called, in a thread of
    /// its own, when another rank [asks](Self::ask) to stop, with its number.
    ///
    /// # Errors
    /// If there are others and they cannot be joined.
    pub fn join(on_stop: fn(i32)) -> Result<Self, RanksError> {
        match launch() {
            None => Ok(Self::alone()),
            Some(launch) => Self::of(launch, on_stop),
        }
    }

    #[cfg(feature = "mpi")]
    fn of(_: Launch, on_stop: fn(i32)) -> Result<Self, RanksError> {
        let world = Arc::new(world::World::start(on_stop)?);
        Ok(Self { ranks: Arc::clone(&world) as Arc<dyn Ranks>, world: Some(world) })
    }

    #[cfg(not(feature = "mpi"))]
    fn of(launch: Launch, _: fn(i32)) -> Result<Self, RanksError> {
        if launch.size == Some(1) {
            return Ok(Self::alone());
        }
        let size = launch.size.map_or_else(|| "several".to_owned(), |size| size.to_string());
        Err(RanksError::Connection(format!(
            "this is one of {size} processes of an MPI job, but this program was built without MPI; valid: one built \
             with `cargo build -p evo --features mpi`, or one process by itself, without the environment variable {}",
            launch.by
        )))
    }

    /// The operations between its ranks.
    #[must_use]
    pub fn ranks(&self) -> Arc<dyn Ranks> {
        Arc::clone(&self.ranks)
    }

    /// The ranks in `count` groups of about equal size, each with operations of its own; the number of this one's group and
    /// its ranks. All ranks must call it, and with the same number, from 1 to that of the ranks.
    ///
    /// # Errors
    /// If a rank has gone.
    pub fn groups(&self, count: usize) -> Result<(usize, Arc<dyn Ranks>), RanksError> {
        #[cfg(feature = "mpi")]
        if let Some(world) = &self.world {
            let group = world.rank() * count / world.size();
            return Ok((group, Arc::new(world::Group::of(world, group)?)));
        }
        let _ = count;
        Ok((0, self.ranks()))
    }

    /// Asks all other ranks to stop, for `by`, a number that they know what to do with.
    pub fn ask(&self, by: i32) {
        #[cfg(feature = "mpi")]
        if let Some(world) = &self.world {
            world.ask(by);
        }
        let _ = by;
    }

    /// Ends the job: waits for all, then takes leave of MPI.
    ///
    /// # Errors
    /// If a rank has gone before.
    pub fn finish(&self) -> Result<(), RanksError> {
        #[cfg(feature = "mpi")]
        if let Some(world) = &self.world {
            return world.finish();
        }
        Ok(())
    }

    /// Whether rank 0 has gone within a little while, as it does for what goes wrong on all ranks alike. Not on rank 0.
    #[must_use]
    pub fn lead_goes(&self) -> bool {
        #[cfg(feature = "mpi")]
        if let Some(world) = &self.world {
            return world.lead_goes();
        }
        false
    }

    /// Ends the part of this process in a job that has failed, once it has said why. The others end, too.
    pub fn fail(&self) {
        #[cfg(feature = "mpi")]
        if let Some(world) = &self.world {
            world.fail();
        }
    }
}
