//! `evo eval`.

use crate::cli::EvalArgs;
use crate::commands::{FRESH_SEED, load, print_json, print_line};
use crate::evaluate::{self, Evaluation};
use crate::failure::{Blame, Failure};
use crate::trainer::pool;

/// Scores a run on fresh episodes.
pub(super) fn eval(args: &EvalArgs) -> Result<(), Failure> {
    let trained = load(&args.source, args.which.best, args.engine)?;
    let spec = trained.setup.task.spec();
    let episodes = args.episodes.unwrap_or(trained.config.run.eval_episodes);
    let pool = pool(args.threads.unwrap_or(0)).run()?;
    let rollout = trained.setup.rollout(spec.horizon, Some(pool)).run()?;
    let seed = args.seed.unwrap_or(FRESH_SEED);
    let results = evaluate::run(&rollout, &trained.policy, episodes, seed, spec.terms).run()?;
    let evaluation = Evaluation::new(
        spec.name,
        trained.setup.options.engine,
        spec.terms,
        &results,
        trained.setup.controller.as_ref(),
    );
    if args.json {
        return print_json(&evaluation);
    }
    let terms: Vec<String> = spec.terms.iter().map(|t| format!("{t} {:.1}", evaluation.terms[*t])).collect();
    let worst = evaluation.returns.iter().copied().fold(f64::INFINITY, f64::min);
    print_line(&format!(
        "{} in {}: return {:.1} ± {:.1} over {} episodes (lowest {worst:.1}), length {:.0}",
        spec.name,
        evaluation.engine,
        evaluation.return_mean,
        evaluation.return_std,
        evaluation.episodes,
        evaluation.length_mean
    ));
    print_line(&format!("terms: {}", terms.join(", ")));
    print_line(&format!(
        "spike rate {:.3} per neuron and tick, {:.0} synaptic operations and about {:.1} nJ per step",
        evaluation.spike_rate,
        evaluation.synops_per_step,
        evaluation.energy_pj_per_step * 1e-3
    ));
    Ok(())
}
