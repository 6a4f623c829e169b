//! The experiments of the paper on NEAT: how many evaluations a solution takes.
//!
//! ```sh
//! cargo run --release -p strategies --example neat -- xor 100
//! cargo run --release -p strategies --example neat -- poles 20
//! ```
//!
//! The words are an experiment and a number of seeds.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

mod network;
mod poles;
mod xor;

/// Mean, deviation, median, lowest and highest number.
fn show(what: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let (count, middle) = (values.len() as f64, values.len() / 2);
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
    let (low, high) = (values[0], values[values.len() - 1]);
    println!("{what}: mean {mean:.2}, deviation {deviation:.2}, median {}, {low} to {high}", values[middle]);
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seeds = words.get(1).map_or(Ok(20), |word| word.parse::<u64>())?;
    let experiment = words.first().map_or("xor", String::as_str);
    let mut found: Vec<[f64; 4]> = Vec::new();
    for seed in 1..=seeds {
        let solved = match experiment {
            "xor" => xor::solve(seed, 300)?.map(|s| (s.evaluations, 0, s.size)),
            "poles" => poles::solve(seed, 300)?.map(|s| (s.evaluations, s.generalisation, s.size)),
            other => return Err(format!("no experiment {other:?}: xor or poles").into()),
        };
        let row = solved.map(|(e, g, (hidden, all))| [e as f64, hidden as f64, all as f64, g as f64]);
        found.extend(row);
    }
    println!("{experiment}: {} of {seeds} seeds solve it in 300 generations", found.len());
    let columns = ["evaluations", "hidden units", "connections", "generalisation"];
    for (index, what) in columns.into_iter().enumerate().filter(|_| !found.is_empty()) {
        show(what, found.iter().map(|row| row[index]).collect());
    }
    Ok(())
}
