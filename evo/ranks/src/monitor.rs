//! Who has gone. MPI itself does not tell: what waits for a dead rank waits for ever, or is ended with it.
//!
//! Every rank keeps a TCP connection to rank 0. The system closes it in the moment in which either process ends,
//! however it ends; of a machine that is gone, it learns by probes. Rank 0 passes on who has gone.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use crate::message::Word;

/// How long connections may take to be made.
const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds between probes of a silent connection, and how many may stay without an answer.
const PROBE: (Duration, u32) = (Duration::from_secs(5), 4);

/// Bytes of the word by which ranks of this job know each other.
pub(crate) const KEY: usize = 16;

/// What is done when something has asked another rank to stop, with the number of what it was.
pub(crate) type OnStop = fn(i32);

/// What is known of the others.
#[derive(Default)]
struct State {
    /// The first that has gone before its time, and whether it has told why.
    gone: Option<(usize, bool)>,
    /// Whether rank 0 has gone, in whichever way.
    lead_gone: bool,
    /// Whether this process is going itself.
    leaving: bool,
    /// On rank 0, all others; else, rank 0.
    peers: Vec<TcpStream>,
    on_stop: Option<OnStop>,
}

/// Watches over the other ranks.
#[derive(Clone, Default)]
pub(crate) struct Monitor(Arc<Mutex<State>>);

impl Monitor {
    fn new(on_stop: OnStop) -> Self {
        let monitor = Self::default();
        monitor.lock().on_stop = Some(on_stop);
        monitor
    }

    /// Rank 0's: waits for `others` connections that begin with `key`. With fewer after a while, those that are there
    /// are watched; how many.
    pub(crate) fn lead(
        listener: &TcpListener,
        others: usize,
        key: &[u8; KEY],
        on_stop: OnStop,
    ) -> (Self, usize) {
        let monitor = Self::new(on_stop);
        let began = Instant::now();
        let mut connected = 0;
        // So that one that never comes does not stop all.
        let polled = listener.set_nonblocking(true).is_ok();
        while polled && connected < others && began.elapsed() < PATIENCE {
            match listener.accept() {
                Ok((stream, _)) => connected += usize::from(monitor.greet(stream, key).is_some()),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        (monitor, connected)
    }

    /// Takes a connection of one that knows the key.
    fn greet(&self, mut stream: TcpStream, key: &[u8; KEY]) -> Option<()> {
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let (mut its, mut rank) = ([0; KEY], [0; 4]);
        stream.read_exact(&mut its).ok()?;
        stream.read_exact(&mut rank).ok()?;
        if its != *key {
            return None;
        }
        stream.set_read_timeout(None).ok()?;
        self.watch(stream, u32::from_le_bytes(rank) as usize)
    }

    /// Another rank's: connects to rank 0; none if that is not possible.
    pub(crate) fn follow(
        addresses: &[String],
        port: u16,
        key: &[u8; KEY],
        (rank, on_stop): (usize, OnStop),
    ) -> Option<Self> {
        let resolved = addresses.iter().filter_map(|host| (host.as_str(), port).to_socket_addrs().ok());
        let reached = |address| TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok();
        let mut stream = resolved.flatten().find_map(reached)?;
        let rank = u32::try_from(rank).ok()?;
        stream.write_all(&[&key[..], &rank.to_le_bytes()].concat()).ok()?;
        let monitor = Self::new(on_stop);
        monitor.watch(stream, 0)?;
        Some(monitor)
    }

    /// Listens to a rank in a thread of its own.
    fn watch(&self, stream: TcpStream, rank: usize) -> Option<()> {
        // A word is short and must not wait for others.
        stream.set_nodelay(true).ok()?;
        let (every, count) = PROBE;
        // Without probes, only a machine that is gone is noticed late.
        let _ = sockopt::set_socket_keepalive(&stream, true);
        let _ = sockopt::set_tcp_keepidle(&stream, every);
        let _ = sockopt::set_tcp_keepintvl(&stream, every);
        let _ = sockopt::set_tcp_keepcnt(&stream, count);
        let mut reader = stream.try_clone().ok()?;
        self.lock().peers.push(stream);
        let monitor = self.clone();
        let listen = move || {
            let (mut told, mut done) = (false, false);
            while let Some(word) = Word::receive(&mut reader) {
                match word {
                    Word::Done => done = true,
                    Word::Failed => told = true,
                    Word::Gone { rank, told } => monitor.note(rank as usize, told),
                    Word::Stop(by) => monitor.stop(rank, by),
                }
            }
            monitor.lock().lead_gone |= rank == 0;
            if !done {
                monitor.note(rank, told);
            }
        };
        let thread = std::thread::Builder::new().name(format!("rank {rank}")).stack_size(64 << 10);
        thread.spawn(listen).ok().map(drop)
    }

    fn note(&self, rank: usize, told: bool) {
        let mut state = self.lock();
        if state.leaving || state.gone.is_some() {
            return;
        }
        state.gone = Some((rank, told));
        let word = Word::Gone { rank: u32::try_from(rank).unwrap_or(u32::MAX), told };
        // Rank 0 has nobody above who would pass it on; to it, this is not said.
        if rank != 0 && state.peers.len() > 1 {
            for peer in &mut state.peers {
                let _ = word.send(peer);
            }
        }
    }

    /// Another rank, `from`, or one that it speaks for is asked to stop.
    fn stop(&self, from: usize, by: i32) {
        let on_stop = self.lock().on_stop;
        if let Some(on_stop) = on_stop {
            on_stop(by);
        }
        // Rank 0 passes it on.
        if from != 0 {
            self.ask(by);
        }
    }

    /// Asks all others to stop, for `by`.
    pub(crate) fn ask(&self, by: i32) {
        for peer in &mut self.lock().peers {
            // One that has gone needs not stop.
            let _ = Word::Stop(by).send(peer);
        }
    }

    /// The first rank that has gone before its time, and whether it has told why.
    pub(crate) fn gone(&self) -> Option<(usize, bool)> {
        self.lock().gone
    }

    /// Whether rank 0 has gone, in whichever way; not on rank 0 itself.
    pub(crate) fn lead_gone(&self) -> bool {
        self.lock().lead_gone
    }

    /// Says why this process goes.
    pub(crate) fn leave(&self, word: Option<Word>) {
        let mut state = self.lock();
        state.leaving = true;
        for peer in &mut state.peers {
            if let Some(word) = word {
                let _ = word.send(peer);
            }
            let _ = peer.shutdown(std::net::Shutdown::Write);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const KEY_OF_TESTS: [u8; KEY] = [7; KEY];

    /// How often somebody was asked to stop by 15 in this test process.
    static STOPS: AtomicUsize = AtomicUsize::new(0);

    fn note_stop(by: i32) {
        STOPS.fetch_add(usize::from(by == 15), Ordering::SeqCst);
    }

    /// Rank 0 and two others on this machine.
    fn three() -> [Monitor; 3] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let follow = move |rank| {
            Monitor::follow(&["127.0.0.1".to_owned()], port, &KEY_OF_TESTS, (rank, note_stop)).unwrap()
        };
        let others = std::thread::spawn(move || {
            // One that does not belong here is not counted.
            let mut stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stranger.write_all(&[1; KEY + 4]).unwrap();
            [1, 2].map(follow)
        });
        let (lead, connected) = Monitor::lead(&listener, 2, &KEY_OF_TESTS, note_stop);
        assert_eq!(connected, 2);
        let [one, two] = others.join().unwrap();
        [lead, one, two]
    }

    fn wait_for(monitor: &Monitor) -> (usize, bool) {
        let began = Instant::now();
        loop {
            if let Some(gone) = monitor.gone() {
                return gone;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "nobody is missed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn one_that_goes_is_missed_by_all() {
        for (word, told) in [(None, false), (Some(Word::Failed), true)] {
            let [lead, one, two] = three();
            two.leave(word);
            assert_eq!([wait_for(&lead), wait_for(&one)], [(2, told); 2]);
            assert_eq!(two.gone(), None);
        }
        let [lead, one, two] = three();
        lead.leave(None);
        assert_eq!([wait_for(&one), wait_for(&two)], [(0, false); 2]);
    }

    #[test]
    fn one_that_is_asked_to_stop_asks_all() {
        let [lead, one, two] = three();
        one.ask(15);
        let began = Instant::now();
        // Rank 0, and those to which it passes it on, of which the one that asked is one.
        while STOPS.load(Ordering::SeqCst) < 3 {
            assert!(began.elapsed() < Duration::from_secs(20), "not all are asked");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!([lead.gone(), two.gone()], [None, None]);
    }

    #[test]
    fn one_whose_work_is_done_is_not() {
        let [lead, one, two] = three();
        one.leave(Some(Word::Done));
        two.leave(Some(Word::Failed));
        assert_eq!(wait_for(&lead), (2, true));
    }
}
