//! The operations over MPI.
//!
//! One thread makes all calls of MPI, so that whoever waits for a rank can give up when that rank has gone.

use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferrompi::{Communicator, Mpi, Request, ThreadLevel};
use training::ranks::{Ranks, RanksError};

use crate::message::Word;
use crate::monitor::{KEY, Monitor, OnStop};

/// Most bytes in one call of MPI, whose counts have 32 bits.
const MOST: usize = 1 << 30;

/// How long a waiting rank keeps its core busy before it begins to sleep between looks: about what a gathering takes if
/// nobody is late.
const EAGER: Duration = Duration::from_micros(20);

/// Which part of the time that it has waited a rank sleeps until it looks again; so much longer may it wait than it has to.
const NAP: u32 = 8;

/// How long a rank that has failed waits for rank 0 to end first.
const PARTING: Duration = Duration::from_secs(5);

enum Call {
    /// Gather these rows of this width, in the group if that is wanted.
    Gather(bool, Vec<u8>, usize),
    /// Replace these bytes by rank 0's, likewise.
    Broadcast(bool, Vec<u8>),
    /// Make the group of this number; its rank and size come back.
    Split(usize),
    /// End MPI.
    Finish,
}

/// Why a call failed.
enum Fault {
    /// This rank has rows of another width.
    Width(usize),
    /// MPI says this.
    Mpi(ferrompi::Error),
    /// It says nothing and has made no group.
    NoGroup,
}

impl From<ferrompi::Error> for Fault {
    fn from(error: ferrompi::Error) -> Self {
        Self::Mpi(error)
    }
}

/// What a call came to: bytes of every rank.
type Answer = Result<Vec<Vec<u8>>, Fault>;

/// The ranks of an MPI job.
pub(crate) struct World {
    rank: usize,
    size: usize,
    /// Machine and process of every rank.
    places: Vec<String>,
    calls: Mutex<(Sender<Call>, Receiver<Answer>)>,
    monitor: Monitor,
}

impl World {
    /// Starts MPI and meets the others. `on_stop` is called when one of them asks to stop.
    pub(crate) fn start(on_stop: OnStop) -> Result<Self, RanksError> {
        let (calls, from_here) = mpsc::channel();
        let (to_here, answers) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let serve = move || {
            let mpi = match Mpi::init_thread(ThreadLevel::Funneled) {
                Ok(mpi) => mpi,
                Err(error) => {
                    let _ = begin.send(Err(error.to_string()));
                    return;
                }
            };
            let world = mpi.world();
            let host = world.processor_name().unwrap_or_else(|_| "a machine".to_owned());
            if begin.send(Ok((world.rank(), world.size(), host))).is_ok() {
                serve(&world, &from_here, &to_here);
            }
            drop(world);
            // Ends MPI.
            drop(mpi);
            let _ = to_here.send(Ok(Vec::new()));
        };
        let thread = std::thread::Builder::new().name("mpi".to_owned());
        thread.spawn(serve).map_err(|error| RanksError::Connection(error.to_string()))?;
        let begun = begun.recv().unwrap_or_else(|_| Err("MPI does not start".to_owned()));
        let (rank, size, host) = begun.map_err(RanksError::Connection)?;
        let (rank, size) = (rank.unsigned_abs() as usize, size.unsigned_abs() as usize);
        let mut world = Self {
            rank,
            size,
            places: Vec::new(),
            calls: Mutex::new((calls, answers)),
            monitor: Monitor::default(),
        };
        world.meet(&host, on_stop)?;
        Ok(world)
    }

    /// Learns where the others are, and connects the monitors.
    fn meet(&mut self, host: &str, on_stop: OnStop) -> Result<(), RanksError> {
        let place = format!("{host}, process {}", std::process::id());
        let places = self.all_gather(place.as_bytes(), 1)?;
        self.places = places.iter().map(|place| String::from_utf8_lossy(place).into_owned()).collect();
        if self.size == 1 {
            return Ok(());
        }
        let failed = |error: std::io::Error| RanksError::Connection(error.to_string());
        // Machine, port and key of rank 0.
        let mut invitation = Vec::new();
        let listener = match self.rank {
            0 => Some(
                TcpListener::bind(("::", 0))
                    .or_else(|_| TcpListener::bind(("0.0.0.0", 0)))
                    .map_err(failed)?,
            ),
            _ => None,
        };
        if let Some(listener) = &listener {
            invitation.extend(key().map_err(failed)?);
            invitation.extend(listener.local_addr().map_err(failed)?.port().to_le_bytes());
            invitation.extend(host.as_bytes());
        }
        self.broadcast(&mut invitation)?;
        let Some((key, [low, high, lead @ ..])) = invitation.split_first_chunk::<KEY>() else {
            return Err(RanksError::Connection("rank 0 does not say where it is".to_owned()));
        };
        let (port, lead) = (u16::from_le_bytes([*low, *high]), String::from_utf8_lossy(lead).into_owned());
        let missing = match &listener {
            Some(listener) => {
                let (monitor, connected) = Monitor::lead(listener, self.size - 1, key, on_stop);
                self.monitor = monitor;
                self.size - 1 - connected
            }
            None => {
                // On the same machine, its name need not be known to the network.
                let hosts = if lead == host { vec!["127.0.0.1".to_owned(), lead] } else { vec![lead] };
                let monitor = Monitor::follow(&hosts, port, key, (self.rank, on_stop));
                let missing = monitor.is_none();
                self.monitor = monitor.unwrap_or_default();
                usize::from(missing)
            }
        };
        if missing > 0 && self.rank == 0 {
            return Err(RanksError::Connection(format!(
                "{missing} of {} ranks cannot reach rank 0 on {host}, port {port}, over TCP, by which ranks notice that \
                 one has died",
                self.size
            )));
        }
        Ok(())
    }

    /// Has the thread of MPI make a call, and waits for its answer as long as nobody has gone.
    fn call(&self, call: Call) -> Result<Vec<Vec<u8>>, RanksError> {
        let ended = || RanksError::Connection("MPI has ended".to_owned());
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.0.send(call).map_err(|_| ended())?;
        loop {
            match calls.1.recv_timeout(Duration::from_millis(20)) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Fault::Mpi(error))) => return Err(RanksError::Connection(error.to_string())),
                Ok(Err(Fault::NoGroup)) => {
                    return Err(RanksError::Connection("MPI has made no group of ranks".to_owned()));
                }
                Ok(Err(Fault::Width(rank))) => {
                    let (what, advice) = ("width of rows", "this is a fault of the program");
                    return Err(RanksError::Differs { rank, what, advice });
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((rank, told)) = self.monitor.gone() {
                        let place = self.places.get(rank).cloned().unwrap_or_default();
                        return Err(RanksError::Gone { rank, place, told });
                    }
                }
            }
        }
    }

    fn broadcast_in(&self, group: bool, bytes: &mut Vec<u8>) -> Result<(), RanksError> {
        *bytes = self.call(Call::Broadcast(group, std::mem::take(bytes)))?.swap_remove(0);
        Ok(())
    }

    /// Waits for all, then ends MPI.
    pub(crate) fn finish(&self) -> Result<(), RanksError> {
        self.barrier()?;
        self.monitor.leave(Some(Word::Done));
        self.call(Call::Finish).map(drop)
    }

    /// Asks all others to stop, for `by`.
    pub(crate) fn ask(&self, by: i32) {
        self.monitor.ask(by);
    }

    /// Whether rank 0 has gone within a little while. Not on rank 0.
    pub(crate) fn lead_goes(&self) -> bool {
        let began = Instant::now();
        while !self.monitor.lead_gone() {
            if self.rank == 0 || began.elapsed() > PARTING {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Says that this process goes because of an error, and leaves MPI as it is: what waits for it must not hold it up.
    /// Rank 0 is waited for, since a launcher that sees a rank end ends the others, too, and that one has something to
    /// write.
    pub(crate) fn fail(&self) {
        self.monitor.leave(Some(Word::Failed));
        self.lead_goes();
    }
}

/// A word that nobody else knows.
fn key() -> std::io::Result<[u8; KEY]> {
    let mut key = [0; KEY];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut key)?;
    Ok(key)
}

impl Ranks for World {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, rows: &[u8], width: usize) -> Result<Vec<Vec<u8>>, RanksError> {
        self.call(Call::Gather(false, rows.to_vec(), width))
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), RanksError> {
        self.broadcast_in(false, bytes)
    }

    fn barrier(&self) -> Result<(), RanksError> {
        self.all_gather(&[], 1).map(drop)
    }
}

/// Some of the ranks of a job, which work by themselves.
pub(crate) struct Group {
    world: Arc<World>,
    rank: usize,
    size: usize,
}

impl Group {
    /// Those that call this with the same number, in the order of their ranks. All ranks of the job must call it, once.
    pub(crate) fn of(world: &Arc<World>, number: usize) -> Result<Self, RanksError> {
        let answer = world.call(Call::Split(number))?;
        let number = |index: usize| {
            let bytes = answer.get(index).and_then(|bytes| bytes.first_chunk().copied());
            bytes.map_or(0, |bytes| u64::from_le_bytes(bytes) as usize)
        };
        Ok(Self { world: Arc::clone(world), rank: number(0), size: number(1).max(1) })
    }
}

impl Ranks for Group {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, rows: &[u8], width: usize) -> Result<Vec<Vec<u8>>, RanksError> {
        self.world.call(Call::Gather(true, rows.to_vec(), width))
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), RanksError> {
        self.world.broadcast_in(true, bytes)
    }

    fn barrier(&self) -> Result<(), RanksError> {
        self.all_gather(&[], 1).map(drop)
    }
}

/// Makes calls until the last one.
fn serve(world: &Communicator, calls: &Receiver<Call>, answers: &Sender<Answer>) {
    let mut group: Option<Communicator> = None;
    while let Ok(call) = calls.recv() {
        let those = |in_group: bool| group.as_ref().filter(|_| in_group).unwrap_or(world);
        let answer = match call {
            Call::Gather(in_group, rows, width) => gather(those(in_group), &rows, width),
            Call::Broadcast(in_group, bytes) => broadcast(those(in_group), bytes),
            Call::Split(number) => split(world, number).map(|made| {
                let numbers = [made.rank(), made.size()].map(|number| u64::from(number.unsigned_abs()));
                group = Some(made);
                numbers.map(|number| number.to_le_bytes().to_vec()).to_vec()
            }),
            Call::Finish => return,
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn split(world: &Communicator, number: usize) -> Result<Communicator, Fault> {
    let color = i32::try_from(number).unwrap_or(i32::MAX);
    // Without a number a rank would be in none.
    let made = world.split(Some(color), world.rank())?;
    made.ok_or(Fault::NoGroup)
}

/// Waits for a call to be complete, without keeping a core busy all the time: MPI's own waiting does, and takes it away
/// from a rank on the same machine that still works.
fn wait(request: &mut Request<'_>) -> ferrompi::Result<()> {
    let began = Instant::now();
    while request.test()?.is_none() {
        match began.elapsed() {
            waited if waited < EAGER => std::thread::yield_now(),
            waited => std::thread::sleep((waited / NAP).min(Duration::from_millis(1))),
        }
    }
    Ok(())
}

fn gather(world: &Communicator, rows: &[u8], width: usize) -> Answer {
    let ranks = world.size().unsigned_abs() as usize;
    let (own, mut sizes) = ([rows.len() as u64, width as u64], vec![0_u64; 2 * ranks]);
    // Here the first to come wait for the last.
    ferrompi::scope(|scope| wait(&mut world.iallgather(scope, &own[..], &mut sizes[..])?))?;
    let (lengths, widths): (Vec<usize>, Vec<u64>) =
        sizes.chunks_exact(2).map(|pair| (pair[0] as usize, pair[1])).unzip();
    if let Some(rank) = widths.iter().position(|&other| other != widths[0]) {
        return Err(Fault::Width(rank));
    }
    let mut all: Vec<Vec<u8>> = lengths.iter().map(|&length| Vec::with_capacity(length)).collect();
    // In as many rounds as it takes for each to fit into one call.
    let most = MOST / ranks;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for first in (0..longest).step_by(most) {
        let part = |length: usize| first.min(length)..(first + most).min(length);
        // At most 2^30 all together.
        let counts: Vec<i32> = lengths.iter().map(|&length| part(length).len() as i32).collect();
        let mut sum = 0;
        let mut places = Vec::with_capacity(ranks);
        for count in &counts {
            places.push(sum);
            sum += count;
        }
        let mut bytes = vec![0_u8; sum as usize];
        let own = &rows[part(rows.len())];
        ferrompi::scope(|scope| wait(&mut world.iallgatherv(scope, own, &mut bytes, &counts, &places)?))?;
        for ((own, &count), &place) in all.iter_mut().zip(&counts).zip(&places) {
            own.extend_from_slice(&bytes[place as usize..(place + count) as usize]);
        }
    }
    Ok(all)
}

fn broadcast(world: &Communicator, mut bytes: Vec<u8>) -> Answer {
    let mut length = [bytes.len() as u64];
    world.broadcast(&mut length, 0)?;
    bytes.resize(length[0] as usize, 0);
    for part in bytes.chunks_mut(MOST) {
        world.broadcast(part, 0)?;
    }
    Ok(vec![bytes])
}
