//! Files that are almost right.

use std::fs;
use std::path::PathBuf;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt as _, SeedableRng as _};

/// What programs stumble over, in place of a number or a word.
const TROUBLE: [&str; 24] = [
    "0",
    "-1",
    "1e308",
    "-1e-320",
    "1e999",
    "18446744073709551615",
    "9223372036854775808",
    "4294967296",
    "65537",
    "0.5",
    "NaN",
    "inf",
    "None",
    "\"\"",
    "()",
    "((((((((((((((((",
    "[[[[[[[[[[[[[[[[",
    "ä\u{0}😀",
    "\n",
    ":",
    ",",
    "Some(",
    "<!--",
    "\u{7f}\u{1b}[2J",
];

/// Most bytes of a file.
const LONGEST: usize = 1 << 18;

/// Files to begin with.
pub struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    /// Reads them.
    ///
    /// # Panics
    /// If one cannot be read, or there are none.
    #[must_use]
    pub fn read(files: &[PathBuf]) -> Self {
        assert!(!files.is_empty(), "there is no file to begin with");
        let read =
            |path: &PathBuf| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(files.iter().map(read).collect())
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A case by its number: first the files as they are, then variations that `seed` and the number draw.
    #[must_use]
    pub fn case(&self, seed: u64, number: usize) -> Vec<u8> {
        if let Some(file) = self.0.get(number) {
            return file.clone();
        }
        let mut random = SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number as u64);
        let mut file = self.any(&mut random).to_vec();
        for _ in 0..random.random_range(1..=4) {
            self.change(&mut file, &mut random);
            file.truncate(LONGEST);
        }
        file
    }

    fn any(&self, random: &mut SmallRng) -> &[u8] {
        &self.0[random.random_range(0..self.0.len())]
    }

    fn change(&self, file: &mut Vec<u8>, random: &mut SmallRng) {
        let at = random.random_range(0..=file.len());
        match random.random_range(0..9) {
            0 => file.truncate(at),
            1 => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            2 => {
                let end = file.len().min(at + random.random_range(1..=8));
                random.fill_bytes(&mut file[at..end]);
            }
            3 => {
                let piece = piece(file, random).to_vec();
                file.splice(at..at, piece.repeat(random.random_range(1..=40)));
            }
            4 => {
                let end = file.len().min(at + random.random_range(1..=64));
                file.drain(at..end);
            }
            5 => {
                let piece = piece(self.any(random), random).to_vec();
                file.splice(at..at, piece);
            }
            6 => {
                // Another file from here on.
                let other = self.any(random);
                let from = random.random_range(0..=other.len());
                file.truncate(at);
                file.extend_from_slice(&other[from..]);
            }
            7 => {
                let word = word(file, at);
                file.splice(word, trouble(random));
            }
            _ => {
                let word = word(file, at);
                let other = self.any(random);
                let place = random.random_range(0..=other.len());
                file.splice(word, other[self::word(other, place)].to_vec());
            }
        }
    }
}

fn trouble(random: &mut SmallRng) -> Vec<u8> {
    TROUBLE[random.random_range(0..TROUBLE.len())].as_bytes().to_vec()
}

/// A short part of a file.
fn piece<'a>(file: &'a [u8], random: &mut SmallRng) -> &'a [u8] {
    let from = random.random_range(0..=file.len());
    &file[from..file.len().min(from + random.random_range(1..=64))]
}

/// The number or word at a place, or in front of it.
fn word(file: &[u8], at: usize) -> std::ops::Range<usize> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-+".contains(byte);
    let at = at.min(file.len());
    let from = file[..at].iter().rposition(|byte| !inside(byte)).map_or(0, |before| before + 1);
    let to = file[at..].iter().position(|byte| !inside(byte)).map_or(file.len(), |length| at + length);
    from..to
}

#[cfg(test)]
mod tests {
    use super::Corpus;

    #[test]
    fn files_come_first_and_a_seed_gives_the_same_variations_again() {
        let files = [b"(a: 1)".to_vec(), b"[2, 3]".to_vec()];
        let corpus = Corpus(files.to_vec());
        assert_eq!([corpus.case(1, 0), corpus.case(2, 1)], files);
        let cases = |seed| (2..50).map(|number| corpus.case(seed, number)).collect::<Vec<_>>();
        assert_eq!(cases(1), cases(1));
        assert_ne!(cases(1), cases(2));
        let changed = cases(1).iter().filter(|case| !files.contains(case)).count();
        assert!(changed > 40, "{changed}");
    }
}
