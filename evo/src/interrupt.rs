//! Ctrl-C: once asks the run to stop after this generation, twice ends the process at once.

use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

static PRESSED: AtomicU8 = AtomicU8::new(0);
static LEFT: AtomicBool = AtomicBool::new(false);

/// What is said at the first Ctrl-C of a run.
pub const FINISHING: &str =
    "\nfinishing this generation, then writing a checkpoint; Ctrl-C again stops at once";

/// Exit code of a process that a second Ctrl-C ended (128 + SIGINT, as shells report it).
const STOPPED: i32 = 130;

/// Starts listening; `message` is said at the first Ctrl-C. Call once, before work begins.
///
/// # Errors
/// If the system refuses a handler, or one is installed already.
pub fn install(message: &'static str) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if press() > 1 {
            std::process::exit(STOPPED);
        }
        records::words::to_stderr(message);
    })
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

/// Whether the run should stop after the current generation.
#[must_use]
pub fn requested() -> bool {
    PRESSED.load(Ordering::Relaxed) > 0 || LEFT.load(Ordering::Relaxed)
}

/// Counts a Ctrl-C and returns how many there have been.
fn press() -> u8 {
    PRESSED.fetch_add(1, Ordering::Relaxed).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_press_asks_and_the_second_counts_on() {
        assert!(!requested());
        assert_eq!(press(), 1);
        assert!(requested());
        assert_eq!(press(), 2);
        PRESSED.store(0, Ordering::Relaxed);
    }
}
