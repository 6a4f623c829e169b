//! How a call from Python computes, and what becomes of its errors.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::{PyErr, PyResult, Python};
use records::failure::{Failure, told};

/// Bad input, as `ValueError`.
pub fn invalid(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Work that failed, as `RuntimeError`.
pub fn failed(error: impl Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// A failed command with the text that the command line prints: bad usage is a `ValueError`, all else a `RuntimeError`.
pub fn of_failure(failure: &Failure) -> PyErr {
    match failure {
        Failure::Usage(error) => invalid(told(error)),
        Failure::Run(error) => failed(told(error)),
    }
}

/// Runs `work` without holding the interpreter. A panic in it becomes a `RuntimeError`.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> PyResult<T> + Send) -> PyResult<T> {
    py.detach(|| caught(work))
}

/// Runs `work` on the state behind `state` without holding the interpreter; other threads wait for it.
pub fn with<S: Send, T: Send>(
    py: Python<'_>,
    state: &Mutex<S>,
    work: impl FnOnce(&mut S) -> PyResult<T> + Send,
) -> PyResult<T> {
    detached(py, || work(&mut locked(state)))
}

/// The state behind a lock, also after a panic: what was half done has been told to be so.
pub fn locked<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn caught<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // What was half done is told to be so; the state is never used to draw conclusions from.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(failed(format!("internal error, please report it: {}", words(panic.as_ref()))))
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
