//! Memory of this machine, where the system tells (Linux).

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// What [`most`] is where the system does not tell, bytes: more is a typing error on most machines. A 32-bit program
/// has no more than 4 GiB of addresses.
const UNKNOWN: u64 = if cfg!(target_pointer_width = "32") { 2 << 30 } else { 32 << 30 };

/// Memory that a program can have at most, bytes: that of the machine, or of the control group that it runs in, as in a
/// container or a batch job. Where the system does not tell, 32 GiB.
#[must_use]
pub fn most() -> u64 {
    static MOST: OnceLock<u64> = OnceLock::new();
    *MOST.get_or_init(|| {
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kibibytes(&text, "MemTotal:"));
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let group = of_groups(&groups, Path::new("/sys/fs/cgroup"));
        machine.into_iter().chain(group).min().unwrap_or(UNKNOWN)
    })
}

/// Memory that can be had now without swapping, bytes.
#[must_use]
pub fn available() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// A line `NAME  N kB` of a system's file, in bytes.
#[must_use]
pub fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// The lowest limit of the control groups in `list`, as `/proc/self/cgroup` has them, and of those around them. Both
/// versions of control groups; one without a limit holds a word, or more than there is.
fn of_groups(list: &str, root: &Path) -> Option<u64> {
    let limit = |line: &str| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let (folder, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let groups = Path::new(group.trim_start_matches('/')).ancestors();
        let limits = groups.filter_map(|group| fs::read_to_string(folder.join(group).join(file)).ok());
        limits.filter_map(|text| text.trim().parse().ok()).min()
    };
    list.lines().filter_map(limit).min()
}

/// Bytes in words, three digits or so: `512 MB`, `81.5 GB`.
#[must_use]
pub fn in_words(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let value = bytes as f64;
    let (unit, name) = units.into_iter().find(|(unit, _)| value >= *unit).unwrap_or((1.0, "bytes"));
    let value = value / unit;
    if value < 100.0 && unit > 1.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn fields_are_kibibytes() {
        let text = "MemTotal:  100 kB\nMemAvailable:     12 kB\nOdd: x kB\n";
        assert_eq!(kibibytes(text, "MemAvailable:"), Some(12 << 10));
        assert_eq!((kibibytes(text, "Odd:"), kibibytes(text, "None:")), (None, None));
    }

    #[test]
    fn the_lowest_limit_of_all_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let of = |list: &str| of_groups(list, root.path());
        assert_eq!(of("0::/job/step\n"), None);
        write("job/step/memory.max", "max\n");
        assert_eq!(of("0::/job/step\n"), None);
        write("job/memory.max", "1000\n");
        assert_eq!(of("0::/job/step\n"), Some(1000));
        write("memory/a/memory.limit_in_bytes", "900\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(of("9:name=systemd:/\n4:cpu,memory:/a\n0::/job\n"), Some(900));
        assert_eq!(of("4:memory:/b\n"), Some(9_223_372_036_854_771_712));
        // In a container, the group's own name may not be there.
        write("memory.max", "800\n");
        assert_eq!(of("0::/not/here\n"), Some(800));
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn bytes_are_told_in_words() {
        let words = [12, 1234, 512_000_000, 81_460_000_000, 3_000_000_000_000].map(in_words);
        assert_eq!(words, ["12 bytes", "1.2 kB", "512 MB", "81.5 GB", "3.0 TB"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_some() {
        assert!(most() > 1 << 28 && available().is_some());
    }
}
