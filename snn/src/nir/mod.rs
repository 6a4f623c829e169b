//! NIR: networks of spiking neurons as files that other libraries read.
//!
//! The Neuromorphic Intermediate Representation (Pedersen et al., Nature Communications 15, 8122,
//! 2024, doi:10.1038/s41467-024-52259-9) describes a network as a graph of nodes with
//! continuous-time equations, kept in an HDF5 file. This module reads and writes all node types of
//! version 1.0.

mod cell;
mod check;
pub(crate) mod controller;
mod error;
mod execute;
pub mod export;
mod exported;
mod graph;
pub mod perceptron;
mod plan;
mod read;
mod reset;
mod spatial;
mod units;
mod write;

pub use error::NirError;
pub use execute::{Executor, Options, Port, guess_dt};
pub use exported::Exported;
pub use graph::{Array, Conv, Data, Field, Graph, Metadata, Node, NodeKind, Padding, Pool, TYPES, Value};
pub use read::{from_bytes, half, read, version};
pub use reset::ResetMode;
pub(crate) use units::{Unit, units};
pub use write::{VERSION, to_bytes, write};
