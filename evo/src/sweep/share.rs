//! Which part of a sweep's work a process takes, if several share it.

use std::fmt;
use std::str::FromStr;

/// Most workers; more is a typing error.
const WORKERS_MAX: usize = 100_000;

/// Worker `number` of `of`, from 1. Several work in one folder on a file system that they share: tasks of a job array, or
/// ranks of an MPI job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    number: usize,
    of: usize,
}

/// Why this is no worker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not I/N.
    #[error("must be a worker and their number such as 1/4, the first of 4, up to {WORKERS_MAX}")]
    Text,
    /// Not in a job array.
    #[error("{name} is not set: this is no task of a Slurm job array; valid: --worker I/N")]
    NoArray {
        /// The environment variable.
        name: &'static str,
    },
    /// In a job array whose numbers have gaps.
    #[error(
        "task {id} is none of {count} in steps of {step} from {first}; valid: evenly spaced tasks such as --array=1-{count}, \
         or --worker I/N"
    )]
    Uneven {
        /// Number of the task.
        id: usize,
        /// How many there are.
        count: usize,
        /// The first one's number.
        first: usize,
        /// Step from one to the next.
        step: usize,
    },
}

impl Share {
    /// Worker `number` of `of`, counted from 1; none for one that is not among them.
    #[must_use]
    pub fn new(number: usize, of: usize) -> Option<Self> {
        ((1..=WORKERS_MAX).contains(&of) && (1..=of).contains(&number)).then_some(Self { number, of })
    }

    /// The task of a Slurm job array that this process is, by its environment.
    ///
    /// # Errors
    /// If it is none, or the numbers of the tasks have gaps.
    pub fn of_slurm_array() -> Result<Self, ShareError> {
        Self::of_array(|name| std::env::var(name).ok())
    }

    fn of_array(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ShareError> {
        let number = |name: &'static str| {
            let number = variable(name).and_then(|text| text.trim().parse::<usize>().ok());
            number.ok_or(ShareError::NoArray { name })
        };
        let (id, count) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?);
        let first = number("SLURM_ARRAY_TASK_MIN")?;
        let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
        let uneven = ShareError::Uneven { id, count, first, step };
        let distance = id.checked_sub(first).filter(|distance| distance.is_multiple_of(step));
        distance.and_then(|distance| Self::new(distance / step + 1, count)).ok_or(uneven)
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self.number
    }

    /// Part `part` of this one's work; none if that makes too many workers.
    #[must_use]
    pub fn divided(self, part: Self) -> Option<Self> {
        Self::new((self.number - 1) * part.of + part.number, self.of.checked_mul(part.of)?)
    }

    /// Whether what worker `other` began is this one's to end: its own, and that of every one that had a number above the
    /// present ones, in turns.
    #[must_use]
    pub fn owns(self, other: usize) -> bool {
        other > 0 && (other - 1) % self.of + 1 == self.number
    }

    /// Where in a row of `length` jobs this one begins, so that not all reach for the same ones.
    pub(super) fn begin(self, length: usize) -> usize {
        length * (self.number - 1) / self.of
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} of {}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let number = |text: &str| text.trim().parse().map_err(|_| ShareError::Text);
        let (own, of) = text.split_once('/').ok_or(ShareError::Text)?;
        Self::new(number(own)?, number(of)?).ok_or(ShareError::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_one_of_them_and_everything_is_somebodys() {
        assert_eq!("2/4".parse(), Ok(Share { number: 2, of: 4 }));
        for text in ["", "2", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/1000000"] {
            assert_eq!(text.parse::<Share>(), Err(ShareError::Text), "{text}");
        }
        for other in 1..=9 {
            let owners: Vec<usize> = (1..=3).filter(|&number| Share { number, of: 3 }.owns(other)).collect();
            assert_eq!(owners, [(other - 1) % 3 + 1]);
        }
        let of = |number, of| Share { number, of };
        let parts = [of(1, 2), of(2, 2)].map(|own| [1, 2, 3].map(|part| own.divided(of(part, 3))));
        assert_eq!(parts.concat(), [1, 2, 3, 4, 5, 6].map(|number| Some(of(number, 6))));
        assert!(!Share { number: 1, of: 1 }.owns(0));
        assert_eq!([1, 2, 3].map(|number| Share { number, of: 3 }.begin(10)), [0, 3, 6]);
    }

    #[test]
    fn a_task_of_an_array_is_a_worker() {
        let of = |set: &[(&str, &str)]| {
            Share::of_array(|name| set.iter().find(|(other, _)| *other == name).map(|(_, v)| (*v).to_owned()))
        };
        let array = |id, count, first, step| {
            of(&[
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_COUNT", count),
                ("SLURM_ARRAY_TASK_MIN", first),
                ("SLURM_ARRAY_TASK_STEP", step),
            ])
        };
        assert_eq!(array("3", "4", "0", "1"), Ok(Share { number: 4, of: 4 }));
        assert_eq!(array("11", "3", "1", "5"), Ok(Share { number: 3, of: 3 }));
        // --array=1,2,7
        let uneven = ShareError::Uneven { id: 7, count: 3, first: 1, step: 1 };
        assert_eq!(array("7", "3", "1", "1"), Err(uneven));
        assert_eq!(of(&[]), Err(ShareError::NoArray { name: "SLURM_ARRAY_TASK_ID" }));
    }
}
