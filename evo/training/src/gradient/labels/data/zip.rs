//! As much of ZIP archives as `numpy.savez` and `savez_compressed` write.

use std::io::Read as _;

/// Deflate shrinks a file by a factor of 1032 at most.
const MAX_RATIO: u64 = 1100;

/// The bytes of the entry called `name`, or what is wrong with the archive.
pub(super) fn entry(archive: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let broken = || "it is not a complete .npz archive".to_owned();
    // The end record is 22 bytes and a comment of at most 65535.
    let first = archive.len().saturating_sub(22 + 65_535);
    let end = archive[first..].windows(4).rposition(|window| window == b"PK\x05\x06").ok_or_else(broken)?;
    let end = &archive[first + end..];
    let count = number(end, 10, 2).ok_or_else(broken)?;
    let mut at = number(end, 16, 4).ok_or_else(broken)? as usize;
    let mut names = Vec::new();
    for _ in 0..count {
        let head = archive.get(at..).filter(|head| head.starts_with(b"PK\x01\x02")).ok_or_else(broken)?;
        let field = |offset: usize, size: usize| number(head, offset, size).ok_or_else(broken);
        let lengths = [field(28, 2)? as usize, field(30, 2)? as usize, field(32, 2)? as usize];
        let own = head.get(46..46 + lengths[0]).ok_or_else(broken)?;
        if own != name.as_bytes() {
            names.push(String::from_utf8_lossy(own).trim_end_matches(".npy").to_owned());
            at += 46 + lengths.iter().sum::<usize>();
            continue;
        }
        let (method, packed, size, place) = (field(10, 2)?, field(20, 4)?, field(24, 4)?, field(42, 4)?);
        if [packed, size, place].contains(&0xFFFF_FFFF) {
            return Err(format!("'{name}' is larger than 4 GiB: save it as a .npy file"));
        }
        let local = archive.get(place as usize..).filter(|local| local.starts_with(b"PK\x03\x04"));
        let local = local.ok_or_else(broken)?;
        let skip = [26, 28].map(|offset| number(local, offset, 2).unwrap_or(0) as usize);
        let data = local.get(30 + skip[0] + skip[1]..).and_then(|data| data.get(..packed as usize));
        let data = data.ok_or_else(broken)?;
        return match method {
            0 => Ok(data.to_vec()),
            8 if size <= packed.saturating_mul(MAX_RATIO) => {
                let mut bytes = Vec::new();
                let mut reader = flate2::read::DeflateDecoder::new(data).take(size + 1);
                reader.read_to_end(&mut bytes).map_err(|_| broken())?;
                if bytes.len() as u64 == size { Ok(bytes) } else { Err(broken()) }
            }
            _ => Err(broken()),
        };
    }
    let wanted = name.trim_end_matches(".npy");
    Err(format!("it has no array '{wanted}'; it has: {}", names.join(", ")))
}

/// A little-endian number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
