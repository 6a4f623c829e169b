//! The words between a rank and rank 0 beside MPI, over a connection that the system closes when a process ends.

use std::io::{self, Read, Write};

/// What one says before it goes, or, from rank 0, of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It goes because all is done.
    Done,
    /// It goes because of an error, which it has told.
    Failed,
    /// Rank 0 has seen this rank go, which has told why or not.
    Gone { rank: u32, told: bool },
    /// Something has asked one rank to stop, and so asks all; the number of what it was.
    Stop(i32),
}

/// Bytes of a word.
pub(crate) const BYTES: usize = 6;

impl Word {
    fn to_bytes(self) -> [u8; BYTES] {
        let (kind, rank, told) = match self {
            Self::Done => (b'D', 0, false),
            Self::Failed => (b'F', 0, true),
            Self::Gone { rank, told } => (b'G', rank, told),
            Self::Stop(by) => (b'S', by.cast_unsigned(), false),
        };
        let [a, b, c, d] = rank.to_le_bytes();
        [kind, a, b, c, d, u8::from(told)]
    }

    fn of([kind, a, b, c, d, told]: [u8; BYTES]) -> Option<Self> {
        match kind {
            b'D' => Some(Self::Done),
            b'F' => Some(Self::Failed),
            b'G' => Some(Self::Gone { rank: u32::from_le_bytes([a, b, c, d]), told: told != 0 }),
            b'S' => Some(Self::Stop(i32::from_le_bytes([a, b, c, d]))),
            _ => None,
        }
    }

    pub(crate) fn send(self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.to_bytes())?;
        to.flush()
    }

    /// The next word; none at the end.
    pub(crate) fn receive(from: &mut impl Read) -> Option<Self> {
        let mut bytes = [0; BYTES];
        from.read_exact(&mut bytes).ok()?;
        Self::of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_and_an_end_is_none() {
        let words = [Word::Done, Word::Failed, Word::Gone { rank: 70_000, told: true }, Word::Stop(-1)];
        let mut bytes = Vec::new();
        for word in words {
            word.send(&mut bytes).expect("a vector takes everything");
        }
        let mut from = &bytes[..];
        assert_eq!(
            [(); 5].map(|()| Word::receive(&mut from)),
            [Some(words[0]), Some(words[1]), Some(words[2]), Some(words[3]), None]
        );
        assert_eq!(Word::receive(&mut &b"D"[..]), None);
        assert_eq!(Word::receive(&mut &b"xxxxxx"[..]), None);
    }
}
