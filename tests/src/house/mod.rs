//! How the house is built: which file imports from which, and which crate may use which.

pub mod circles;
pub mod imports;
pub mod modules;
pub mod order;
pub mod packages;
pub mod tokens;
