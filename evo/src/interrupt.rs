//! What asks a run to stop after its generation: Ctrl-C, the signals SIGTERM (batch systems, `kill`) and SIGHUP (a
//! terminal that closes), and a parent that has gone. A further Ctrl-C ends the process at once; further signals of
//! the other kinds change nothing, since a terminal that closes sends two and a batch system kills by itself.

use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The first signal that came; 0 before.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// Whether the parent has gone.
static LEFT: AtomicBool = AtomicBool::new(false);
/// Whether the first call of [`install`] has been.
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Whether work was left undone because of a signal.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// What is said at the first Ctrl-C of a run.
pub const FINISHING: &str =
    "\nfinishing this generation, then writing a checkpoint; Ctrl-C again stops at once";

/// Number of the signal of Ctrl-C.
const INTERRUPT: i32 = 2;

/// Starts listening; `message` is said at the first signal. Before work begins; only the first
/// call counts.
///
/// # Errors
/// If the system refuses a handler, or, where there are no signals, one is installed already.
#[cfg(unix)]
pub fn install(message: &'static str) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let hangup = (!hangup_is_ignored()).then_some(SIGHUP);
    let signals = [SIGINT, SIGTERM].into_iter().chain(hangup);
    let mut signals = signal_hook::iterator::Signals::new(signals)?;
    let listen = move || signals.forever().for_each(|signal| came(signal, message));
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(())
}

/// Starts listening; `message` is said at the first Ctrl-C. Before work begins; only the first
/// call counts.
///
/// # Errors
/// If the system refuses a handler, or one is installed already.
#[cfg(not(unix))]
pub fn install(message: &'static str) -> io::Result<()> {
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    ctrlc::set_handler(|| came(INTERRUPT, message)).map_err(io::Error::other)
}

fn came(signal: i32, message: &str) {
    if note(signal) {
        records::words::to_stderr(message);
    } else if signal == INTERRUPT {
        std::process::exit(code(signal));
    }
}

/// Notes a signal; whether it is the first.
fn note(signal: i32) -> bool {
    FIRST.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Exit code of a process that a signal ended, as shells report it.
fn code(signal: i32) -> i32 {
    128 + signal
}

/// Whether SIGHUP was ignored before this process began, as `nohup` does: then it stays so. Known on Linux only.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0)
}

/// Makes a write beyond the limit on the size of files (`ulimit -f`) an error like any other, which is told,
/// instead of the end of the process. Call it before anything is written.
pub fn survive_file_limits() {
    // What a handler does not matter: that there is one makes the write fail. Without one, all is as before.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(
        signal_hook::consts::SIGXFSZ,
        std::sync::Arc::new(AtomicBool::new(false)),
    );
}

/// Asks to stop, as one Ctrl-C does, when stdin ends. A parent that holds the other end of the pipe
/// can so stop its workers, and they stop when it is killed.
pub fn stop_with_stdin() {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        while let Ok(n) = io::stdin().read(&mut buffer) {
            if n == 0 {
                break;
            }
        }
        LEFT.store(true, Ordering::Relaxed);
    });
}

/// Whether somebody has asked to stop.
#[must_use]
pub fn requested() -> bool {
    FIRST.load(Ordering::Relaxed) != 0 || LEFT.load(Ordering::Relaxed)
}

/// What has asked to stop, as a number for other ranks: a signal's, −1 for a parent that has gone, 0 for nothing.
#[must_use]
pub fn asked_by() -> i32 {
    match FIRST.load(Ordering::Relaxed) {
        0 if LEFT.load(Ordering::Relaxed) => -1,
        signal => signal,
    }
}

/// Takes over what has asked another rank to stop, see [`asked_by`].
pub fn ask(by: i32) {
    match by {
        0 => {}
        -1 => LEFT.store(true, Ordering::Relaxed),
        signal => {
            note(signal);
        }
    }
}

/// Whether to stop now. Who is told so leaves work undone, which [`exit_code`] then says.
#[must_use]
pub fn stops_here() -> bool {
    let stops = requested();
    STOPPED.fetch_or(stops, Ordering::Relaxed);
    stops
}

/// Exit code of a process that did its work as far as a signal let it: 143 after SIGTERM and 129 after SIGHUP, so
/// that batch systems see what has ended it. None if it did all of it, and after Ctrl-C.
#[must_use]
pub fn exit_code() -> Option<u8> {
    let signal = FIRST.load(Ordering::Relaxed);
    let stopped = STOPPED.load(Ordering::Relaxed) && signal != 0 && signal != INTERRUPT;
    stopped.then(|| u8::try_from(code(signal)).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since there is one process.
    #[test]
    fn the_first_signal_asks_and_decides_about_the_exit_code() {
        assert!(!requested() && !stops_here());
        ask(asked_by());
        assert!(!requested(), "nobody asks");
        assert!(note(15) && requested());
        assert_eq!(exit_code(), None, "nothing was left undone");
        assert!(stops_here());
        assert_eq!(exit_code(), Some(143));
        assert_eq!(asked_by(), 15);
        ask(INTERRUPT);
        assert!(!note(INTERRUPT));
        assert_eq!(exit_code(), Some(143), "the first one counts");
        FIRST.store(INTERRUPT, Ordering::Relaxed);
        assert_eq!(exit_code(), None, "Ctrl-C is no failure");
        FIRST.store(0, Ordering::Relaxed);
        STOPPED.store(false, Ordering::Relaxed);
    }
}
