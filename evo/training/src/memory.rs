//! Refusing what takes more memory than there is, with what would fit.

use std::fmt::{self, Display, Formatter};

use records::memory::{in_words, most};

/// A part of what a training takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub what: &'static str,
    /// How much, bytes.
    pub bytes: u64,
    /// The setting that makes it so, and its value.
    pub setting: (String, u64),
    /// Whether `bytes` grow with the square of that value, or else in proportion.
    pub is_square: bool,
}

/// A training takes more memory than there is.
#[derive(Clone, Debug, PartialEq)]
pub struct NotEnough {
    /// Everything, the largest first.
    pub parts: Vec<Part>,
    /// How much there is, bytes.
    pub most: u64,
}

impl NotEnough {
    /// The largest value of a part's setting that can fit: with everything else, or alone if that does not fit anyway.
    fn fitting(&self, part: &Part) -> Option<u64> {
        let rest = total(&self.parts) - u128::from(part.bytes);
        let room = u128::from(self.most).checked_sub(rest).unwrap_or(self.most.into());
        let share = Some(room as f64 / part.bytes as f64).filter(|share| *share < 1.0)?;
        let value = part.setting.1 as f64 * if part.is_square { share.sqrt() } else { share };
        // Two digits are enough for an estimate.
        let digit = 10_f64.powi((libm::log10(value.max(1.0)).floor() as i32 - 1).max(0));
        Some(((value / digit).floor() * digit) as u64).filter(|value| *value > 0)
    }
}

impl Display for NotEnough {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = u64::try_from(total(&self.parts)).unwrap_or(u64::MAX);
        write!(
            f,
            "this would take about {} of memory, but only {} are available",
            in_words(all),
            in_words(self.most)
        )?;
        // What is small beside the rest is not the reason.
        for part in self.parts.iter().filter(|part| part.bytes > all / 10 || part.bytes > self.most) {
            let Part { what, bytes, setting: (name, value), .. } = part;
            write!(f, "; {} for {what}, with {name} = {value}", in_words(*bytes))?;
            if let Some(value) = self.fitting(part) {
                write!(f, " (at most about {value} would fit)")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for NotEnough {}

/// Refuses what does not fit into this machine.
///
/// # Errors
/// If there is less memory than the parts take together.
pub fn check(parts: Vec<Part>) -> Result<(), NotEnough> {
    check_against(parts, most())
}

pub(crate) fn check_against(mut parts: Vec<Part>, most: u64) -> Result<(), NotEnough> {
    if total(&parts) <= u128::from(most) {
        return Ok(());
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    Err(NotEnough { parts, most })
}

fn total(parts: &[Part]) -> u128 {
    parts.iter().map(|part| u128::from(part.bytes)).sum()
}

pub(crate) fn part(what: &'static str, name: impl Into<String>, value: usize, each: u64) -> Part {
    let value = value as u64;
    Part { what, bytes: value.saturating_mul(each), setting: (name.into(), value), is_square: false }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Each number of the message does fit, and is not far from what does not.
    #[test]
    fn what_would_fit_fits() {
        let parts = |n: u64| {
            let rest = part("rest", "x", 10, 7_000);
            let square = Part { what: "a", bytes: n * n, setting: ("n".into(), n), is_square: true };
            vec![rest, square, part("b", "k", 50, 1_000)]
        };
        let most = 1_000_000;
        let error = check_against(parts(10_000), most).unwrap_err();
        assert_eq!(error.parts[0].what, "a");
        let fitting = error.fitting(&error.parts[0]).unwrap();
        assert!(check_against(parts(fitting), most).is_ok() && fitting > 900, "{fitting}");
        assert!(check_against(parts(fitting + fitting / 10), most).is_err());
        // Not by the small ones, as long as the large one is there.
        assert_eq!(error.fitting(&error.parts[1]), None);
        // Two that are each too large.
        let error =
            check_against(vec![part("a", "x", 100, 30_000), part("b", "y", 100, 20_000)], most).unwrap_err();
        let fitting: Vec<Option<u64>> = error.parts.iter().map(|part| error.fitting(part)).collect();
        assert_eq!(fitting, [Some(33), Some(50)]);
        let words = "this would take about 5.0 MB of memory, but only 1.0 MB are available; 3.0 MB for a, with x = 100 (at most \
                     about 33 would fit); 2.0 MB for b, with y = 100 (at most about 50 would fit)";
        assert_eq!(error.to_string(), words);
        assert!(check_against(parts(800), most).is_ok());
    }
}
