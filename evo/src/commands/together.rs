//! Runs over several ranks: what they agree on, and what all but the first do.

use std::time::Duration;

use anyhow::anyhow;
use ranks::{Job, Launch, launch};
use records::failure::{Blame as _, Failure};
use records::hashes::Mark;
use records::words::{insist, is_mute, mute, to_stderr};
use training::golden::golden;
use training::ranks::{RanksError, Team};
use training::stages::Staged;

use crate::interrupt;
use crate::sweep::Share;

/// How long a rank that has failed gives rank 0 to say the same, and to end the job.
const PARTING: Duration = Duration::from_secs(5);

/// Does `work` as one of several workers, if this process is one of several ranks. They need no MPI for that: what passes
/// between them lies in a folder.
pub(super) fn as_worker(work: impl FnOnce(Option<Share>) -> Result<(), Failure>) -> Result<(), Failure> {
    let share = match launch() {
        None => None,
        Some(Launch { size: Some(size), rank, .. }) => Share::new(rank + 1, size).filter(|_| size > 1),
        Some(Launch { size: None, by, .. }) => {
            return Err(anyhow!(
                "{by} says that this is one of several processes, but not of how many; valid: a launcher that says it, or \
                 --worker I/N without this environment variable"
            ))
            .usage();
        }
    };
    work(share).inspect_err(|failure| {
        if is_mute() {
            std::thread::sleep(PARTING);
            insist(&failure.message());
        }
    })
}

/// Does `work` with all ranks of the job that this process is a part of, and ends with them.
pub(super) fn with_ranks<T>(work: impl FnOnce(&Job, &Team) -> Result<T, Failure>) -> Result<T, Failure> {
    let job = Job::join(interrupt::ask).usage()?;
    let team = Team::new(job.ranks());
    let done = work(&job, &team).and_then(|done| job.finish().run().map(|()| done));
    let (Err(failure), false) = (&done, team.is_alone()) else { return done };
    // Said before the others see this process end.
    if team.leads() {
        to_stderr(&failure.message());
        mute();
    } else if let Some(RanksError::Gone { rank: 0, told: false, .. }) = team.broken() {
        if team.rank() == 1 {
            insist(
                "error: rank 0 has ended without a word, and the run with it; `evo resume` goes on from the checkpoint \
                 that its folder has",
            );
        }
    } else if team.broken().is_none() && !job.lead_goes() {
        insist(&format!("rank {}: {}", team.rank(), failure.message()));
    }
    job.fail();
    done
}

/// What is ready on this rank, if all are; else why the first that is not is not.
pub(super) fn agreed<T>(team: &Team, ready: Result<T, Failure>) -> Result<T, Failure> {
    let reason = ready.as_ref().map(|_| ()).map_err(|failure| {
        let (Failure::Usage(error) | Failure::Run(error)) = failure;
        records::failure::told(error)
    });
    if team.is_alone() {
        return ready;
    }
    match (team.agree(reason), ready) {
        // Rank 0 says it in its own words.
        (_, Err(own)) => Err(own),
        (agreed, Ok(ready)) => agreed.usage().map(|()| ready),
    }
}

/// Refuses what ranks cannot share.
pub(super) fn alone(team: &Team, what: &str) -> Result<(), Failure> {
    if team.is_alone() {
        return Ok(());
    }
    Err(anyhow!("{what} does not run over several ranks, and these are {}; valid: one process", team.size()))
        .usage()
}

/// Shares the work of `learner` with all ranks, once it is sure that they would come to the same by themselves: they
/// have one program, one config, whose text is `text`, one start, and the same bits from a few episodes.
pub(super) fn shared(team: &Team, learner: &mut Staged, text: &str) -> Result<Team, Failure> {
    if team.is_alone() {
        return Ok(team.clone());
    }
    same_build(team)?;
    team.same(text.as_bytes(), "config", "all must read the same files").usage()?;
    let start = Mark::of(&learner.checkpoint().to_bytes()).blake3;
    team.same(start.as_bytes(), "start of the run", "all must read the same checkpoint").usage()?;
    let episodes = agreed(team, golden(learner.setup(), learner.config().run.seed).usage())?;
    let advice = "its processor or C library gives other bits; valid: machines of one kind, or physics.engine=Lanes, which \
                  is the same on all";
    team.same(&episodes, "result of the same episodes", advice).usage()?;
    let team = team.clone().by_threads(learner.threads()).usage()?;
    learner.share(&team);
    Ok(team)
}

/// Goes on only if all ranks are the same program.
pub(super) fn same_build(team: &Team) -> Result<(), Failure> {
    if team.is_alone() {
        return Ok(());
    }
    let build = agreed(team, build())?;
    let all = "start the same program on all machines";
    team.same(build.as_bytes(), "build of this program", all).usage()
}

/// Hash of this program's file.
fn build() -> Result<String, Failure> {
    let file = std::env::current_exe().usage()?;
    Ok(Mark::of(&std::fs::read(file).usage()?).blake3)
}

/// Whether to stop after this generation, in which all ranks must have come to the same.
pub(super) fn stops(team: &Team, learner: &Staged, is_last: bool) -> Result<bool, RanksError> {
    if team.is_alone() {
        return Ok(!is_last && interrupt::stops_here());
    }
    let own = learner.mark();
    let words = team.gather(&[&interrupt::asked_by().to_le_bytes()[..], own.as_bytes()].concat())?;
    let signal = |word: &Vec<u8>| word.first_chunk().map_or(0, |&bytes| i32::from_le_bytes(bytes));
    if let Some(rank) = words.iter().position(|word| word.get(4..) != words[0].get(4..)) {
        let (what, advice) = ("state after the same generation", "the run cannot go on with it");
        return Err(RanksError::Differs { rank, what, advice });
    }
    // What has come to this rank since then, the others do not know: that is for the next time.
    let Some(by) = words.iter().map(signal).find(|&by| by != 0) else { return Ok(false) };
    interrupt::ask(by);
    Ok(!is_last && interrupt::stops_here())
}

/// The training loop of all ranks but the first: they do the same work in the same order, and record nothing.
pub(super) fn follow(mut learner: Staged, team: &Team) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let mut interrupted = false;
    while !learner.is_over() && !interrupted {
        learner.next_stage().run()?;
        let every = learner.stage_config().run.eval_every;
        let mut row = learner.advance().run()?;
        if learner.is_stage_over() || (every > 0 && learner.generation().is_multiple_of(every)) {
            learner.evaluate(&mut row).run()?;
        }
        interrupted = stops(team, &learner, learner.is_over()).run()?;
    }
    Ok(())
}
