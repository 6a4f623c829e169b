//! The threads that all calls share.

use std::process;
use std::sync::{Arc, Mutex};

use pyo3::PyResult;
use rayon::ThreadPool;
use training::setup::pool;

use crate::call::{failed, locked};

/// The threads, and the process that started them.
static SHARED: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// The threads of this process, one per processor or as many as `RAYON_NUM_THREADS` says; they start with the first call.
///
/// # Errors
/// In a process that was forked after they had started: threads do not come along, and waiting for them would never end.
pub fn shared() -> PyResult<Arc<ThreadPool>> {
    let mut shared = locked(&SHARED);
    match &*shared {
        Some((process, threads)) if *process == process::id() => Ok(Arc::clone(threads)),
        Some(_) => Err(failed(
            "spindle had started its threads before this process was forked, and they do not come along: start \
             processes with multiprocessing's method 'spawn' or 'forkserver', or fork before the first call",
        )),
        None => {
            let threads = pool(0).map_err(failed)?;
            *shared = Some((process::id(), Arc::clone(&threads)));
            Ok(threads)
        }
    }
}
