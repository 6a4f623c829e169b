//! What the timings share.

/// CPU time of all threads so far, ms, in steps of 10; 0 where there is no /proc. Other programs
/// disturb it less than the time that passes.
#[must_use]
pub fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, counted from the program's name in brackets.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
}
