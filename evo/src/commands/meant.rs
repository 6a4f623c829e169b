//! Words for runs on the command line, as the paths that they mean.

use std::path::PathBuf;

use records::failure::{Blame as _, Failure};
use records::words::to_stderr;

use crate::cli::{Nir, Verb};
use crate::runs;

/// Puts the run's path in the place of `latest` and of beginnings of names, wherever a verb expects a run, and says which
/// it is.
pub(super) fn find_runs(verb: &mut Verb) -> Result<(), Failure> {
    let (words, quiet): (Vec<&mut PathBuf>, bool) = match verb {
        Verb::Train(args) | Verb::Finetune(args) => (args.init.iter_mut().collect(), args.output.quiet),
        Verb::Resume(args) => (vec![&mut args.run], args.output.quiet),
        Verb::Eval(args) => (vec![&mut args.source], false),
        Verb::Compare(args) => (args.sources.iter_mut().collect(), false),
        Verb::Check(args) => (args.paths.iter_mut().collect(), false),
        Verb::Plot(args) => (args.runs.iter_mut().collect(), false),
        Verb::Report(args) => (args.sources.iter_mut().collect(), false),
        Verb::Record(args) => (vec![&mut args.source], false),
        Verb::Export(args) => (vec![&mut args.source], false),
        Verb::Film(args) => (args.runs.iter_mut().collect(), false),
        Verb::Nir(Nir::Export(args)) => (vec![&mut args.source], false),
        Verb::Nir(Nir::Info(_) | Nir::Run(_))
        | Verb::Sweep(_)
        | Verb::Trace(_)
        | Verb::List(_)
        | Verb::New(_)
        | Verb::Bench(_)
        | Verb::Completions(_)
        | Verb::Man(_) => {
            return Ok(());
        }
    };
    for word in words {
        let found = runs::find(word).usage()?;
        if found != *word && !quiet {
            to_stderr(&format!("{} is {}", word.display(), found.display()));
        }
        *word = found;
    }
    Ok(())
}
