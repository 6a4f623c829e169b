//! Tests through the public interface, in one binary.

mod config;
mod nir;
mod nir_export;
mod nir_graphs;
mod parity;
mod plasticity;
mod reference;
