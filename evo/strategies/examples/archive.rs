//! Quality diversity on the functions on which it is usually compared: an archive of solutions that are as different as
//! they are good.
//!
//! ```sh
//! cargo run --release -p strategies --example archive -- cma_mae sphere 500 1
//! ```
//!
//! The words are a strategy, a domain (`sphere`, `rastrigin` or `arm`), generations and a seed. Prints JSON.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::time::{Duration, Instant};

use strategies::functions::{Function, Problem};
use strategies::{CmaMaeConfig, CmaMeConfig, Layout, MapElitesConfig, Search, StrategyConfig, projection};

/// Parameters, and cells along each of two descriptors.
const N: usize = 20;
const CELLS: usize = 100;

/// A function of a member.
type Fitness = Box<dyn Fn(&[f64]) -> f64>;

/// A function to be maximised, from 0 to 100 near its optimum, and its two descriptors.
struct Domain {
    fitness: Fitness,
    descriptors: fn(&[f64]) -> [f64; 2],
    ranges: [(f64, f64); 2],
}

impl Domain {
    /// As in Fontaine et al. 2020 and 2023: functions with their optimum at 40 % of the bounds, 100 there and 0 at the worst
    /// corner of the bounds; and an arm of links of length 1, which should reach each place with its angles much alike.
    fn named(name: &str) -> Result<Self, Box<dyn Error>> {
        let function = match name {
            "arm" => {
                return Ok(Self {
                    fitness: Box::new(|angles| {
                        let mean = angles.iter().sum::<f64>() / N as f64;
                        100.0 * (1.0 - angles.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / N as f64)
                    }),
                    descriptors: |angles| {
                        let (mut sum, mut at) = (0.0, [0.0; 2]);
                        for angle in angles {
                            sum += angle;
                            at = [at[0] + libm::cos(sum), at[1] + libm::sin(sum)];
                        }
                        at
                    },
                    ranges: [(-(N as f64), N as f64); 2],
                });
            }
            other => Function::from_name(other)?,
        };
        let problem = Problem::new(function, N)?;
        let shift = 0.4 * projection::BOUND;
        let worst = problem.value(&[-projection::BOUND - shift; N]);
        let fitness = move |x: &[f64]| {
            let moved: Vec<f64> = x.iter().map(|x| x - shift).collect();
            100.0 * (1.0 - problem.value(&moved) / worst)
        };
        Ok(Self {
            fitness: Box::new(fitness),
            descriptors: projection::descriptors,
            ranges: projection::ranges(N),
        })
    }
}

/// The settings of the papers.
fn config(name: &str, ranges: Vec<(f64, f64)>) -> Result<StrategyConfig, Box<dyn Error>> {
    let archive = Layout::Grid { cells: vec![CELLS; 2] };
    Ok(match name {
        "map_elites" => StrategyConfig::MapElites(MapElitesConfig {
            population: 540,
            sigma: 0.5,
            iso_sigma: 0.1,
            archive,
            ranges,
            ..MapElitesConfig::default()
        }),
        "cma_me" => StrategyConfig::CmaMe(CmaMeConfig { archive, ranges, ..CmaMeConfig::default() }),
        "cma_mae" => {
            let threshold_min = Some(0.0);
            StrategyConfig::CmaMae(CmaMaeConfig { threshold_min, archive, ranges, ..CmaMaeConfig::default() })
        }
        other => return Err(format!("{other:?} is none of map_elites, cma_me and cma_mae").into()),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [strategy, domain, generations, seed] = &words[..] else {
        return Err("expected a strategy, a domain, generations and a seed".into());
    };
    let (generations, seed): (u32, u64) = (generations.parse()?, seed.parse()?);
    let domain = Domain::named(domain)?;
    let mut search: Search = config(strategy, domain.ranges.to_vec())?.build(&[0.0; N], seed)?;
    let (mut members, mut spent) = (Vec::new(), Duration::ZERO);
    for _ in 0..generations {
        let clock = Instant::now();
        search.ask();
        search.population_matrix(&mut members);
        spent += clock.elapsed();
        let fitness: Vec<f64> = members.chunks(N).map(&domain.fitness).collect();
        let descriptors: Vec<f64> = members.chunks(N).flat_map(domain.descriptors).collect();
        let clock = Instant::now();
        search.tell_with(&fitness, &descriptors)?;
        spent += clock.elapsed();
    }
    let archive = search.archive().ok_or("a strategy without an archive")?;
    let result = serde_json::json!({
        "evaluations": search.evaluations(),
        "coverage": archive.coverage(),
        "qd_score": archive.qd_score() / archive.cells() as f64,
        "maximum": archive.best().map(|(_, elite)| elite.fitness),
        "ms_per_generation": spent.as_secs_f64() * 1e3 / f64::from(generations.max(1)),
    });
    println!("{result}");
    Ok(())
}
