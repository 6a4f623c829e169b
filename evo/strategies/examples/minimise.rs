//! Minimises a function of one's own, the Rosenbrock function, by asking and telling.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use strategies::{CmaEsConfig, Search, StrategyError};

/// 0 at (1, …, 1), at the end of a narrow bent valley.
fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum()
}

fn main() -> Result<(), StrategyError> {
    let mut search: Search = Search::new(&CmaEsConfig::default(), &[0.0; 10], 1)?;
    let mut x = [0.0; 10];
    while search.stop_reason().is_none() {
        search.ask();
        let mut fitness = Vec::new();
        for index in 0..search.population() {
            search.member(index, &mut x);
            fitness.push(-rosenbrock(&x));
        }
        search.tell(&fitness)?;
    }
    let (fitness, best) = search.best().expect("told at least once");
    println!("{:.1e} after {} evaluations at {best:?}", -fitness, search.evaluations());
    Ok(())
}
