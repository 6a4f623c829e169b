//! What cannot leave as ONNX.

use thiserror::Error;

/// A controller that no ONNX file can hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("ONNX cannot carry {what}: {why}")]
pub struct OnnxError {
    /// Part of the controller.
    pub what: String,
    /// Why, and what can be carried instead.
    pub why: String,
}

impl OnnxError {
    pub(crate) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}
