//! Runs of a rung side by side.

use std::collections::VecDeque;

use super::board::Board;
use super::claims::Claims;
use super::error::SweepError;
use super::journal::{Done, Failed, Key};
use super::memory::{self, Use};
use super::names::trial_name;
use super::worker::{self, Context, Job, Outcome, Running};
use super::workers::Workers;
use crate::interrupt;

/// Crashes of a run after which it is given up until the next time.
const CRASHES: u32 = 2;

/// How a run ended.
pub(super) enum Event {
    Done(Done),
    Failed(Failed),
}

/// Runs at work and in line.
pub(super) struct Pool {
    context: Context,
    workers: Workers,
    queue: VecDeque<Job>,
    running: Vec<Running>,
    stopping: bool,
    /// Most memory that a run has taken, bytes.
    peak: u64,
    /// With other workers: whose runs are whose. Those of others leave the queue.
    claims: Option<Claims>,
}

impl Pool {
    pub(super) fn new(
        jobs: VecDeque<Job>,
        context: Context,
        workers: Workers,
        claims: Option<Claims>,
    ) -> Self {
        Self { context, workers, queue: jobs, running: Vec::new(), stopping: false, peak: 0, claims }
    }

    /// Whether something has asked to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether nothing is left to do, or all have stopped.
    pub(super) fn is_over(&self) -> bool {
        self.running.is_empty() && (self.stopping || self.queue.is_empty())
    }

    /// Starts what can be started and says what has ended.
    ///
    /// # Errors
    /// If a process cannot be started or watched.
    pub(super) fn step(&mut self, board: &mut Board) -> Result<Vec<Event>, SweepError> {
        if !self.stopping && interrupt::stops_here() {
            self.stopping = true;
            self.running.iter_mut().for_each(Running::stop);
        }
        while !self.stopping && self.running.len() < self.workers.count && self.start_one(board)? {}
        self.collect()
    }

    /// False if no run can be started now.
    fn start_one(&mut self, board: &mut Board) -> Result<bool, SweepError> {
        let first = self.running.is_empty();
        if !first && (self.running.iter().any(|running| running.job.alone) || !self.has_room()) {
            return Ok(false);
        }
        let (mut at, mut found) = (0, None);
        while let Some(job) = self.queue.get(at) {
            if job.alone && !first {
                at += 1;
                continue;
            }
            if let Some(claims) = &self.claims
                && !claims.take(&job.folder, job.key).map_err(failure(job.key))?
            {
                self.queue.remove(at);
                continue;
            }
            if let Some(log) = worker::claim(&job.folder).map_err(failure(job.key))? {
                found = Some((at, log));
                break;
            }
            board.waiting(&job.folder);
            at += 1;
        }
        let left = self.running.len() + self.queue.len();
        let Some((job, log)) = found.and_then(|(at, log)| Some((self.queue.remove(at)?, log))) else {
            return Ok(false);
        };
        let (key, threads) = (job.key, self.workers.threads_of(left));
        self.running.push(Running::start(job, log, &self.context, threads).map_err(failure(key))?);
        Ok(true)
    }

    /// Whether memory is left for one more run like those before.
    fn has_room(&mut self) -> bool {
        let uses: Vec<Use> = self.running.iter().filter_map(Running::memory).collect();
        self.peak = uses.iter().map(|usage| usage.peak).fold(self.peak, u64::max);
        let need = self.peak.max(memory::LEAST);
        records::memory::available().is_none_or(|available| memory::has_room(available, need, &uses))
    }

    fn collect(&mut self) -> Result<Vec<Event>, SweepError> {
        let mut events = Vec::new();
        let mut index = 0;
        while index < self.running.len() {
            let key = self.running[index].job.key;
            let objective = self.context.objective;
            let Some(outcome) = self.running[index].poll(objective).map_err(failure(key))? else {
                index += 1;
                continue;
            };
            let Running { mut job, resumed, .. } = self.running.swap_remove(index);
            let (trial, seed, generations) = key;
            let failed = |reason| Event::Failed(Failed { trial, seed, generations, reason });
            match outcome {
                Outcome::Done(value, env_steps, wall_s) => {
                    events.push(Event::Done(Done { trial, seed, generations, value, env_steps, wall_s }));
                }
                // Its Ctrl-C was meant for all of us, or it goes on from its checkpoint next time.
                _ if self.stopping || interrupt::stops_here() => self.stopping = true,
                Outcome::Crashed { for_memory, .. } if job.crashes + 1 < CRASHES => {
                    job.crashes += 1;
                    job.alone |= for_memory;
                    self.queue.push_back(job);
                }
                // What it went on from may be the reason.
                Outcome::Refused(_) if resumed => {
                    job.fresh = true;
                    self.queue.push_back(job);
                }
                Outcome::Crashed { reason, .. } if job.alone => {
                    events.push(failed(format!("{reason}, with no other run beside it")));
                }
                Outcome::Crashed { reason, .. } | Outcome::Failed(reason) | Outcome::Refused(reason) => {
                    events.push(failed(reason));
                }
                Outcome::Stopped => events.push(failed("it was stopped before its end".to_owned())),
            }
        }
        Ok(events)
    }
}

fn failure(key: Key) -> impl Fn(std::io::Error) -> SweepError {
    move |source| SweepError::Worker { trial: trial_name(key.0), source }
}
