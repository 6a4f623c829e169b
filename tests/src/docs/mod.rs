//! The documentation: what is generated, and what the tests read in it.

pub mod markdown;
pub mod reference;
mod settings;
mod source;
mod tasks;
