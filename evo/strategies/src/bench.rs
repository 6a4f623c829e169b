//! `evo bench strategy`: how many evaluations a strategy needs on a test function, and how long it takes itself.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::functions::{Function, Problem};
use super::{Archive, OptimizerConfig, Search, StopReason, StrategyConfig, StrategyError, projection};

/// Most parameters generated at a time; bounds the memory whatever the population (4 MB).
const BATCH_VALUES: usize = 1 << 19;

/// What to run. `None` means the default named at the field.
#[derive(Clone, Debug)]
pub struct BenchArgs {
    /// Name of the strategy, as in [`super::strategies`].
    pub strategy: String,
    /// Name of the function, as in [`Function::name`].
    pub function: String,
    /// Number of parameters.
    pub dim: usize,
    /// Members per generation; default: the strategy's own.
    pub population: Option<usize>,
    /// Every coordinate of the start point; default: [`Function::start`], or the strategy's own start.
    pub x0: Option<f64>,
    /// First step size, or the fixed one of OpenES and ARS; default: [`Function::sigma`], for the latter two 0.1.
    /// Strategies without a step size take none.
    pub sigma: Option<f64>,
    /// Seed of the search.
    pub seed: u64,
    /// The run ends at the first evaluation below this value.
    pub target: f64,
    /// Most evaluations; default: 20,000 per parameter.
    pub budget: Option<u64>,
}

/// How a run went. Values are those of the function, to be minimised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// Evaluations up to and including the first below the target, else all.
    pub evaluations: u64,
    /// Whether the target was reached.
    pub reached: bool,
    /// Lowest value seen.
    pub best: f64,
    /// Value at the mean of the distribution at the end.
    pub mean_value: f64,
    /// Generations begun.
    pub generations: u64,
    /// Wall time of `ask`, the making of the members and `tell`, without the function, milliseconds per
    /// generation told; 0 when none was.
    pub ms_per_generation: f64,
    /// Why the strategy gave up before target and budget, if it did.
    pub stop: Option<StopReason>,
    /// Part of the archive's cells with an elite, for strategies that keep one; descriptors are those of
    /// [`projection`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// Σ of the fitness (minus the function's value) over them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qd_score: Option<f64>,
}

/// The strategy of the arguments. What the reference runs in the tests' `evosax.json` set is set as there.
fn config(args: &BenchArgs, function: Function) -> Result<StrategyConfig, StrategyError> {
    let mut config = StrategyConfig::from_name(&args.strategy)?;
    let mut usual_sigma = function.sigma();
    match &mut config {
        StrategyConfig::OpenEs(open_es) => {
            open_es.optimizer = OptimizerConfig::adam(0.05);
            usual_sigma = 0.1;
        }
        StrategyConfig::Pgpe(pgpe) => pgpe.optimizer = OptimizerConfig::clip_up(0.1),
        StrategyConfig::Ars(_) => usual_sigma = 0.1,
        _ => {}
    }
    let info = config.info();
    let sigma = args.sigma.unwrap_or(usual_sigma);
    let mut has_sigma = false;
    // Fields by name, as `--set` reaches them, whatever the strategy.
    let changed = config.with(|fields| {
        if let Some(population) = args.population {
            fields.insert("population".to_owned(), population.into());
        }
        has_sigma = fields.contains_key("sigma");
        if has_sigma {
            fields.insert("sigma".to_owned(), sigma.into());
        }
    });
    if let (false, Some(sigma)) = (has_sigma, args.sigma) {
        let expected = "none: the strategy has no such setting";
        let (strategy, value) = (info.name, sigma.to_string());
        return Err(StrategyError::Field { strategy, field: "sigma", value, expected });
    }
    changed.map_err(|_| {
        // Infinite and NaN are no JSON; everything else fits its field.
        let (strategy, value) = (info.name, format!("{sigma:?}"));
        StrategyError::Field { strategy, field: "sigma", value, expected: "a finite number > 0" }
    })
}

/// Runs a strategy on a function until target, budget or its own stop criterion.
///
/// # Errors
/// Unknown names, a dimension or setting out of range, or a generation without any finite value.
pub fn run(args: &BenchArgs) -> Result<BenchReport, StrategyError> {
    let function = Function::from_name(&args.function)?;
    let problem = Problem::new(function, args.dim)?;
    let config = config(args, function)?.with_ranges(&projection::ranges(args.dim));
    if config.constraints() > 0 || config.objectives().is_some() {
        let name = config.name();
        let expected = "a strategy that is told of fitness, and of descriptors at the most";
        return Err(StrategyError::Field {
            strategy: name,
            field: "strategy",
            value: name.to_owned(),
            expected,
        });
    }
    let x0 = match args.x0 {
        Some(x) => vec![x; args.dim],
        None => config.start(vec![function.start(); args.dim]),
    };
    let mut search: Search = config.build(&x0, args.seed)?;
    let budget = args.budget.unwrap_or(20_000 * args.dim as u64);

    let (population, dim) = (search.population(), args.dim);
    // An even number of rows keeps antithetic pairs together.
    let rows = (BATCH_VALUES / dim / 2 * 2).clamp(2, population.next_multiple_of(2));
    let mut members = vec![0.0; rows * dim];
    let mut fitness = vec![0.0; population];
    let each = search.descriptors();
    let mut descriptors = vec![0.0; population * each];
    let mut spent = Duration::ZERO;
    let (mut evaluations, mut generations, mut told) = (0, 0, 0);
    let (mut best, mut stop) = (f64::INFINITY, None);

    'run: while evaluations < budget && stop.is_none() {
        generations += 1;
        let clock = Instant::now();
        search.ask();
        spent += clock.elapsed();
        for first in (0..population).step_by(rows) {
            let count = rows.min(population - first);
            let batch = &mut members[..count * dim];
            let clock = Instant::now();
            search.members(first, batch);
            spent += clock.elapsed();
            for (index, member) in (first..).zip(batch.chunks(dim)) {
                if evaluations == budget {
                    break 'run;
                }
                let value = problem.value(member);
                evaluations += 1;
                best = value.min(best);
                fitness[index] = -value;
                if each > 0 {
                    descriptors[index * each..][..each].copy_from_slice(&projection::descriptors(member));
                }
                if value < args.target {
                    break 'run;
                }
            }
        }
        let clock = Instant::now();
        search.tell_with(&fitness, &descriptors)?;
        spent += clock.elapsed();
        told += 1;
        stop = search.stop_reason();
    }
    search.mean(&mut members[..dim]);
    let milliseconds = spent.as_secs_f64() * 1e3;
    Ok(BenchReport {
        evaluations,
        reached: best < args.target,
        best,
        mean_value: problem.value(&members[..dim]),
        generations,
        ms_per_generation: if told == 0 { 0.0 } else { milliseconds / f64::from(told) },
        stop,
        coverage: search.archive().map(Archive::coverage),
        qd_score: search.archive().map(Archive::qd_score),
    })
}
