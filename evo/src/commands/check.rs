//! `evo check`: whether runs, sweeps and checkpoints are as they were written.

use std::path::Path;

use anyhow::anyhow;
use records::examine::{self, Condition, Finding};
use records::failure::{Blame, Failure};
use serde::Serialize;

use crate::cli::CheckArgs;
use crate::out;
use crate::sweep::{INIT, Stored};

#[derive(Serialize)]
struct Report<'a> {
    files: &'a [Finding],
    damaged: usize,
    unchecked: usize,
}

/// Looks everything over; damage is a failure.
pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(look_over(path)?);
    }
    let count = |wanted: fn(&Condition) -> bool| files.iter().filter(|file| wanted(&file.condition)).count();
    let damaged = count(|condition| matches!(condition, Condition::Damaged(_)));
    let unchecked = count(|condition| *condition == Condition::Unchecked);
    if args.json {
        out::json(&Report { files: &files, damaged, unchecked })?;
    } else {
        for Finding { path, condition } in &files {
            let path = path.display();
            match condition {
                Condition::Whole => {}
                Condition::Unchecked => out::line(&format!("without a hash  {path}")),
                Condition::Leftover => out::line(&format!("left over       {path}")),
                Condition::Damaged(reason) => out::line(&format!("damaged         {path}: {reason}")),
            }
        }
        let whole = count(|condition| *condition == Condition::Whole);
        out::line(&format!("{whole} of {} files are as they were written", files.len()));
    }
    if damaged > 0 {
        return Err(anyhow!("damaged files: {damaged} of {}", files.len())).run();
    }
    Ok(())
}

fn look_over(path: &Path) -> Result<Vec<Finding>, Failure> {
    if path.is_file() {
        return Ok(vec![examine::container(path)]);
    }
    if !Stored::is_in(path) {
        return examine::run(path).usage();
    }
    let mut files = Stored::journals(path).run()?;
    files.extend(Some(path.join(INIT)).filter(|init| init.exists()).map(|init| examine::container(&init)));
    files.extend(Stored::leftovers(path).run()?);
    for run in Stored::runs_in(path).run()? {
        files.extend(examine::run(&run).run()?);
    }
    Ok(files)
}
