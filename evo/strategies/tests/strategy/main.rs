//! Strategies as users of the library see them.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod bounds;
/// The strategy of `docs/tutorials/own-strategy.md`, which another crate registers.
#[path = "../../../../docs/tutorials/cem/src/cem.rs"]
mod cem;
mod constraints;
mod diversity;
mod ec;
mod golden;
mod grow;
mod measure;
mod neat;
#[path = "../../examples/neat/network.rs"]
mod network;
mod objectives;
mod peers;
#[path = "../../examples/neat/poles.rs"]
mod poles;
mod reference;
mod registry;
mod restarts;
mod steps;
mod suite;
mod tell;
mod units;
mod variants;
#[path = "../../examples/neat/xor.rs"]
mod xor;

use strategies::functions::{Function, Problem};
use strategies::{Real, Search};

fn population<R: Real + Into<f64>>(search: &mut Search<R>) -> Vec<Vec<f64>> {
    search.ask();
    let mut matrix = Vec::new();
    search.population_matrix(&mut matrix);
    let row = |row: &[R]| row.iter().map(|&x| x.into()).collect();
    matrix.chunks(search.dimension()).map(row).collect()
}

/// One generation with fitness = f(x).
fn step<R: Real + Into<f64>>(search: &mut Search<R>, mut f: impl FnMut(&[f64]) -> f64) {
    let fitness: Vec<f64> = population(search).iter().map(|x| f(x)).collect();
    search.tell(&fitness).unwrap();
}

fn mean(search: &Search) -> Vec<f64> {
    let mut mean = vec![0.0; search.dimension()];
    search.mean(&mut mean);
    mean
}

fn minus(function: Function, n: usize) -> impl Fn(&[f64]) -> f64 + Clone {
    let problem = Problem::new(function, n).unwrap();
    move |x: &[f64]| -problem.value(x)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What other packages were measured at, from `tests/data/es`.
fn reference(name: &str) -> serde_json::Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/es/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}")).unwrap()).unwrap()
}
