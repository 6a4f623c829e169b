//! What the verbs of the command line do.

mod bench;
mod check;
mod common;
mod compare;
mod eval;
mod export;
mod film;
mod in_ticks;
mod introduction;
mod job;
mod judge;
mod kept;
mod labels;
mod learning;
mod list;
mod meant;
mod new;
mod nir;
mod page;
mod plot;
mod record;
mod replay;
mod report;
mod robot;
mod score;
mod seeds;
mod shell;
mod stored;
mod survival;
mod sweep;
mod together;
mod trace;
mod train;

use records::failure::Failure;

pub use common::{Trained, load};
pub use export::onnx;
pub use nir::nir;

use crate::cli::{Bench, New, Nir, Verb};

/// Carries out a command.
///
/// # Errors
/// [`Failure::Usage`] for bad input, [`Failure::Run`] if the work itself failed.
pub fn run(mut verb: Verb) -> Result<(), Failure> {
    meant::find_runs(&mut verb)?;
    match verb {
        Verb::Train(args) | Verb::Finetune(args) => together::with_ranks(|job, team| match &args.run.seeds {
            Some(seeds) => seeds::train(&args, seeds, (job, team)),
            None => train::train(&args, train::Wanted::of(&args), team).map(drop),
        }),
        Verb::Resume(args) => together::with_ranks(|_, team| train::resume(&args, team)),
        Verb::Eval(args) if job::is_classifier(&args.source) => labels::eval(&args),
        Verb::Eval(args) => eval::eval(&args),
        Verb::Sweep(args) => together::as_worker(|share| sweep::sweep(&args, share)),
        Verb::Compare(args) => compare::compare(&args),
        Verb::Check(args) => check::check(&args),
        Verb::Plot(args) if args.runs.iter().any(|run| job::is_classifier(run)) => labels::plot(&args),
        Verb::Plot(args) => plot::plot(&args),
        Verb::Report(args) => report::report(&args),
        Verb::Record(args) => record::record(&args),
        Verb::Export(args) => export::export(&args),
        Verb::Film(args) => film::film(&args),
        Verb::Trace(args) => trace::trace(&args),
        Verb::List(args) => list::list(&args),
        Verb::Completions(args) => shell::completions(&args),
        Verb::Man(args) => shell::man(&args),
        Verb::New(New::Config(args)) => new::config(&args),
        Verb::New(New::Robot(args)) => new::robot(&args),
        Verb::New(New::Neuron(args)) => new::neuron(&args),
        Verb::New(New::Env(args)) => new::env(&args),
        Verb::New(New::Strategy(args)) => new::strategy(&args),
        Verb::Nir(Nir::Info(args)) => nir::info(&args),
        Verb::Nir(Nir::Run(args)) => nir::run(&args),
        Verb::Nir(Nir::Export(args)) => nir::export(&args),
        Verb::Bench(Bench::Physics(args)) => bench::physics(&args),
        Verb::Bench(Bench::Controller(args)) => bench::controller(&args),
        Verb::Bench(Bench::Strategy(args)) => bench::strategy(&args),
        Verb::Bench(Bench::Rollout(args)) => bench::rollout(&args),
    }
}
