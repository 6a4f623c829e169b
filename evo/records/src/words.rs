//! Numbers in words, and saying something on stderr.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether another process says what there is to say.
static MUTE: AtomicBool = AtomicBool::new(false);

/// Leaves what there is to say, here and on stdout, to another process that does the same work.
pub fn mute() {
    MUTE.store(true, Ordering::Relaxed);
}

/// Ends what [`mute`] has begun.
pub fn unmute() {
    MUTE.store(false, Ordering::Relaxed);
}

/// Whether [`mute`] was called.
#[must_use]
pub fn is_mute() -> bool {
    MUTE.load(Ordering::Relaxed)
}

/// Prints a line, [`escaped`]. A reader that has gone is no reason to stop a run.
pub fn to_stderr(text: &str) {
    if !is_mute() {
        insist(text);
    }
}

/// As [`to_stderr`], also after [`mute`]: what nobody else can say.
pub fn insist(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escaped(text));
}

/// Text that a terminal shows and does not obey: control characters and those that turn the direction of writing
/// become `\u001b` and the like, as in JSON. Line breaks and tabs stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if commands(c) {
            // All of them fit into four digits, and writing into a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal does something else with this character than to show it.
fn commands(c: char) -> bool {
    let direction =
        matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || direction
}

/// A count in three or four figures: `950`, `12.3k`, `4.56M`.
#[must_use]
pub fn count(value: f64) -> String {
    for (limit, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        // 999.96k would be shown as 1000.0k: it belongs to the next unit.
        if value.abs() >= limit * 0.999_95 {
            let scaled = value / limit;
            let decimals = if scaled.abs() < 9.995 { 2 } else { 1 };
            return format!("{scaled:.decimals$}{unit}");
        }
    }
    format!("{value:.0}")
}

/// The unit for energies of which this is the largest, given in pJ, and that unit in pJ.
#[must_use]
pub fn energy_unit(pj: f64) -> (&'static str, f64) {
    match pj.abs() {
        x if x >= 1e9 => ("mJ", 1e9),
        x if x >= 1e6 => ("µJ", 1e6),
        x if x >= 1e3 => ("nJ", 1e3),
        _ => ("pJ", 1.0),
    }
}

/// An energy, given in pJ, in three figures: `469 pJ`, `10.8 nJ`, `1.20 µJ`.
#[must_use]
pub fn energy(pj: f64) -> String {
    // 999.6 pJ would be shown as 1000 pJ: it belongs to the next unit.
    let (unit, size) = energy_unit(pj * 1.0005);
    let value = pj / size;
    let decimals = match value.abs() {
        x if x < 9.995 => 2,
        x if x < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A count of things: `1 action`, `8 actions`.
#[must_use]
pub fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("{n} {what}") } else { format!("{n} {what}s") }
}

/// A time span in its two largest units: `42 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    // Saturates for absurd spans.
    let seconds = seconds.round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    if minutes == 0 {
        format!("{seconds} s")
    } else if hours == 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else if days == 0 {
        format!("{hours} h {} min", minutes % 60)
    } else {
        format!("{days} d {} h", hours % 24)
    }
}

/// Which of some names was probably meant by one that is none of them: the nearest, if at most a third of its letters
/// are wrong. Two that have changed places count as one.
#[must_use]
pub fn meant<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |known: &&'a str| {
        let longest = name.chars().count().max(known.chars().count());
        let wrong = strsim::damerau_levenshtein(name, known);
        (wrong <= longest / 3).then_some((wrong, *known))
    };
    names.into_iter().filter_map(|known| near(&known)).min_by_key(|(wrong, _)| *wrong).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_recognised_and_another_one_is_not() {
        let names = ["ant", "ant_hybrid", "half_cheetah", "humanoid"];
        for (typed, expected) in [
            ("atn", Some("ant")),
            ("ant_hybrd", Some("ant_hybrid")),
            ("halfcheetah", Some("half_cheetah")),
            ("humaniod", Some("humanoid")),
            ("robot", None),
            ("an", Some("ant")),
            ("", None),
        ] {
            assert_eq!(meant(typed, names), expected, "{typed}");
        }
        assert_eq!(meant("ant", []), None);
    }

    #[test]
    fn what_terminals_obey_is_spelled_out() {
        for plain in ["", "a\tb\nc", "30 ± 2 °, ü → 漢"] {
            assert!(matches!(escaped(plain), Cow::Borrowed(text) if text == plain));
        }
        assert_eq!(
            escaped("\u{1b}]0;owned\u{7}\r\u{9b}2J\0\u{7f}"),
            r"\u001b]0;owned\u0007\u000d\u009b2J\u0000\u007f"
        );
        assert_eq!(escaped("a\u{202e}b\u{2066}"), r"a\u202eb\u2066");
        // What is escaped within JSON stays the same text.
        let text = "\u{1b}\u{9b}\u{202e}\n\u{7f}";
        let json = serde_json::to_string(text).unwrap_or_default();
        assert_eq!(serde_json::from_str::<String>(&escaped(&json)).ok().as_deref(), Some(text));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (949.6, "950"),
            (999.4, "999"),
            (1000.0, "1.00k"),
            (12_345.0, "12.3k"),
            (999_960.0, "1.00M"),
            (4_560_000.0, "4.56M"),
            (9_996_000.0, "10.0M"),
            (3e9, "3.00G"),
        ] {
            assert_eq!(count(value), text);
        }
        for (pj, text) in [
            (0.0, "0.00 pJ"),
            (469.2, "469 pJ"),
            (999.7, "1.00 nJ"),
            (10_800.0, "10.8 nJ"),
            (28_040.0, "28.0 nJ"),
            (1.2e6, "1.20 µJ"),
            (3.5e9, "3.50 mJ"),
        ] {
            assert_eq!(energy(pj), text);
        }
        for (seconds, text) in [
            (-1.0, "0.0 s"),
            (0.26, "0.3 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min 0 s"),
            (200.0, "3 min 20 s"),
            (7500.0, "2 h 5 min"),
            (90_000.0, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
