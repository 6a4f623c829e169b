//! Memory that runs take, where the system tells (Linux).

use std::fs;

use records::memory::kibibytes;

/// Memory that a run takes at least, bytes: what one of a small task does.
pub(super) const LEAST: u64 = 64 << 20;

/// What a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// Now, bytes.
    pub now: u64,
    /// At most so far, bytes.
    pub peak: u64,
}

/// What the process takes.
pub(super) fn of_process(process: u32) -> Option<Use> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(Use { now: kibibytes(&text, "VmRSS:")?, peak: kibibytes(&text, "VmHWM:")? })
}

/// Whether one more process fits that takes `need`, if those that run grow to as much.
pub(super) fn has_room(available: u64, need: u64, running: &[Use]) -> bool {
    let growth: u64 = running.iter().map(|usage| need.saturating_sub(usage.now)).sum();
    need.saturating_add(growth) <= available
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_run_may_still_grow() {
        let run = |now| Use { now, peak: now };
        assert!(has_room(10, 5, &[run(5)]) && has_room(10, 5, &[run(0)]));
        assert!(!has_room(9, 5, &[run(0)]) && has_room(9, 5, &[run(7)]));
        assert!(has_room(5, 5, &[]) && !has_room(4, 5, &[]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_takes_something() {
        let usage = of_process(std::process::id());
        assert!(usage.is_some_and(|usage| usage.now > 1 << 20 && usage.peak >= usage.now), "{usage:?}");
    }
}
