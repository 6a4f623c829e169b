//! The viewer.
#![allow(missing_docs, reason="wip")]
pub mod data;
