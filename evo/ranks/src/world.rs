//! The operations over MPI.
//!
//! One thread makes all calls of MPI, so that whoever waits for a rank can give up when that rank has gone.

use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferrompi::{Communicator, Mpi, ThreadLevel};
use training::ranks::{Ranks, RanksError};

use crate::message::Word;
use crate::monitor::{KEY, Monitor};

/// Most bytes in one call of MPI, whose counts have 32 bits.
const MOST: usize = 1 << 30;

/// How long a waiting rank keeps its core busy before it begins to sleep between looks.
const EAGER: Duration = Duration::from_micros(200);

/// How long a rank that has failed waits for rank 0 to end first.
const PARTING: Duration = Duration::from_secs(5);

enum Call {
    /// Gather these rows of this width.
    Gather(Vec<u8>, usize),
    /// Replace these bytes by rank 0's.
    Broadcast(Vec<u8>),
    /// End MPI.
    Finish,
}

/// Why a call failed.
enum Fault {
    /// This rank has rows of another width.
    Width(usize),
    /// MPI says this.
    Mpi(ferrompi::Error),
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
    /// Starts MPI and meets the others.
    pub(crate) fn start() -> Result<Self, RanksError> {
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
        world.meet(&host)?;
        Ok(world)
    }

    /// Learns where the others are, and connects the monitors.
    fn meet(&mut self, host: &str) -> Result<(), RanksError> {
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
                let (monitor, connected) = Monitor::lead(listener, self.size - 1, key);
                self.monitor = monitor;
                self.size - 1 - connected
            }
            None => {
                // On the same machine, its name need not be known to the network.
                let hosts = if lead == host { vec!["127.0.0.1".to_owned(), lead] } else { vec![lead] };
                let monitor = Monitor::follow(&hosts, port, key, self.rank);
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

    /// Waits for all, then ends MPI.
    pub(crate) fn finish(&self) -> Result<(), RanksError> {
        self.barrier()?;
        self.monitor.leave(Some(Word::Done));
        self.call(Call::Finish).map(drop)
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
        self.call(Call::Gather(rows.to_vec(), width))
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), RanksError> {
        *bytes = self.call(Call::Broadcast(std::mem::take(bytes)))?.swap_remove(0);
        Ok(())
    }

    fn barrier(&self) -> Result<(), RanksError> {
        self.all_gather(&[], 1).map(drop)
    }
}

/// Makes calls until the last one.
fn serve(world: &Communicator, calls: &Receiver<Call>, answers: &Sender<Answer>) {
    while let Ok(call) = calls.recv() {
        let answer = match call {
            Call::Gather(rows, width) => gather(world, &rows, width),
            Call::Broadcast(bytes) => broadcast(world, bytes),
            Call::Finish => return,
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn gather(world: &Communicator, rows: &[u8], width: usize) -> Answer {
    let ranks = world.size().unsigned_abs() as usize;
    let (own, mut sizes) = ([rows.len() as u64, width as u64], vec![0_u64; 2 * ranks]);
    // Here the first to come wait for the last, without keeping a core busy all the time.
    ferrompi::scope(|scope| {
        let mut request = world.iallgather(scope, &own[..], &mut sizes[..])?;
        let began = Instant::now();
        while request.test()?.is_none() {
            match began.elapsed() {
                waited if waited < EAGER => std::thread::yield_now(),
                waited => std::thread::sleep((waited / 64).min(Duration::from_millis(1))),
            }
        }
        Ok(())
    })?;
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
        world.allgatherv(&rows[part(rows.len())], &mut bytes, &counts, &places)?;
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
