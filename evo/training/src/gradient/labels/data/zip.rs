//! As much of ZIP archives as `numpy.savez` and `savez_compressed` write.

use std::io::Read as _;

/// Deflate shrinks a file by a factor of 1032 at most.
const MAX_RATIO: u64 = 1100;

/// An entry of an archive.
pub(super) struct Entry<'a> {
    data: &'a [u8],
    is_deflated: bool,
    /// Bytes when unpacked.
    pub(super) size: u64,
}

impl Entry<'_> {
    /// Its first bytes, as many as are asked for and no more: a small archive may hold very much.
    pub(super) fn unpack(&self, bytes: u64) -> Result<Vec<u8>, String> {
        let mut unpacked = Vec::new();
        let read = match self.is_deflated {
            true => flate2::read::DeflateDecoder::new(self.data).take(bytes).read_to_end(&mut unpacked),
            false => self.data.take(bytes).read_to_end(&mut unpacked),
        };
        let is_complete = read.is_ok() && unpacked.len() as u64 == bytes;
        if is_complete { Ok(unpacked) } else { Err(broken()) }
    }
}

fn broken() -> String {
    "it is not a complete .npz archive".to_owned()
}

/// Name and head of an entry.
type Head<'a> = (&'a [u8], &'a [u8]);

/// The entries of the directory in their order, or what is wrong with the archive.
fn directory(archive: &[u8]) -> Result<Vec<Head<'_>>, String> {
    // The end record is 22 bytes and a comment of at most 65535.
    let first = archive.len().saturating_sub(22 + 65_535);
    let end = archive[first..].windows(4).rposition(|window| window == b"PK\x05\x06").ok_or_else(broken)?;
    let end = &archive[first + end..];
    let count = number(end, 10, 2).ok_or_else(broken)?;
    let mut at = number(end, 16, 4).ok_or_else(broken)? as usize;
    let mut entries = Vec::new();
    for _ in 0..count {
        let head = archive.get(at..).filter(|head| head.starts_with(b"PK\x01\x02")).ok_or_else(broken)?;
        let field = |offset: usize| number(head, offset, 2).map(|length| length as usize).ok_or_else(broken);
        let lengths = [field(28)?, field(30)?, field(32)?];
        entries.push((head.get(46..46 + lengths[0]).ok_or_else(broken)?, head));
        at += 46 + lengths.iter().sum::<usize>();
    }
    Ok(entries)
}

fn without_end(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches(".npy").to_owned()
}

/// Names of all arrays, in the order in which they were saved; or what is wrong with the archive.
pub(super) fn names(archive: &[u8]) -> Result<Vec<String>, String> {
    Ok(directory(archive)?.into_iter().map(|(name, _)| without_end(name)).collect())
}

/// The entry called `name`, or what is wrong with the archive.
pub(super) fn entry<'a>(archive: &'a [u8], name: &str) -> Result<Entry<'a>, String> {
    let entries = directory(archive)?;
    let Some((_, head)) = entries.iter().find(|(own, _)| *own == name.as_bytes()) else {
        let names: Vec<String> = entries.iter().map(|(name, _)| without_end(name)).collect();
        let wanted = name.trim_end_matches(".npy");
        return Err(format!("it has no array '{wanted}'; it has: {}", names.join(", ")));
    };
    let field = |offset: usize, size: usize| number(head, offset, size).ok_or_else(broken);
    let (method, packed, size, place) = (field(10, 2)?, field(20, 4)?, field(24, 4)?, field(42, 4)?);
    if [packed, size, place].contains(&0xFFFF_FFFF) {
        return Err(format!("'{name}' is larger than 4 GiB: save it as a .npy file"));
    }
    let local = archive.get(place as usize..).filter(|local| local.starts_with(b"PK\x03\x04"));
    let local = local.ok_or_else(broken)?;
    let skip = [26, 28].map(|offset| number(local, offset, 2).unwrap_or(0) as usize);
    let data = local.get(30 + skip[0] + skip[1]..).and_then(|data| data.get(..packed as usize));
    let data = data.ok_or_else(broken)?;
    match method {
        0 => Ok(Entry { data, is_deflated: false, size: packed }),
        8 if size <= packed.saturating_mul(MAX_RATIO) => Ok(Entry { data, is_deflated: true, size }),
        _ => Err(broken()),
    }
}

/// A little-endian number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;
    use std::path::Path;

    use records::npy;

    use super::*;

    /// An archive with one deflated entry `x.npy`: bytes of this shape, and `zeros` of them.
    fn archive(shape: &str, zeros: usize) -> Vec<u8> {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((header.len() as u16).to_le_bytes());
        array.extend(header.as_bytes());
        let size = (array.len() + zeros) as u32;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&array).unwrap();
        encoder.write_all(&vec![0; zeros]).unwrap();
        let data = encoder.finish().unwrap();
        let mut archive = b"PK\x03\x04".to_vec();
        archive.resize(26, 0);
        archive.extend([0, 0, 0, 0]);
        archive.extend(&data);
        let directory = archive.len() as u32;
        let mut head = b"PK\x01\x02".to_vec();
        head.resize(46, 0);
        head[10] = 8;
        head[20..24].copy_from_slice(&(data.len() as u32).to_le_bytes());
        head[24..28].copy_from_slice(&size.to_le_bytes());
        head[28] = 5;
        archive.extend(head);
        archive.extend(b"x.npy");
        let mut end = b"PK\x05\x06".to_vec();
        end.resize(22, 0);
        end[10] = 1;
        end[16..20].copy_from_slice(&directory.to_le_bytes());
        archive.extend(end);
        archive
    }

    #[test]
    fn a_small_archive_does_not_fill_the_memory() {
        let length = |bomb: &[u8], most: u64| {
            let entry = entry(bomb, "x.npy").unwrap();
            let start = entry.unpack(entry.size.min(npy::HEADER)).unwrap();
            let length = npy::length(Path::new("x.npy"), &start, entry.size, most);
            length.map(|length| entry.unpack(length).unwrap().len()).map_err(|error| error.to_string())
        };
        let bomb = archive("(40000000,)", 40_000_000);
        assert!(bomb.len() < 50_000, "{}", bomb.len());
        assert_eq!(
            length(&bomb, 500_000_000).unwrap_err(),
            "x.npy has shape [40000000], which takes 520 MB of memory; there are 500 MB"
        );
        assert_eq!(length(&bomb, 520_000_000).unwrap(), entry(&bomb, "x.npy").unwrap().size as usize);
        // What the header does not speak of is not unpacked.
        let bomb = archive("(3, 2)", 40_000_000);
        assert!(length(&bomb, 1000).unwrap() < 100);
        assert!(length(&archive("(40000001,)", 40_000_000), u64::MAX).unwrap_err().contains("ends early"));
    }
}
