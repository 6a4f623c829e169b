//! Where a run comes from: program, machine, command.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::input;

/// Where a run comes from: `provenance.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// Git commit of the source; none outside of a repository.
    pub commit: Option<String>,
    /// Whether the source has changes that are not in the commit.
    pub dirty: Option<bool>,
    /// Compiler.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Instruction sets that the compiler could use.
    pub target_features: String,
    /// Optimised build or not.
    pub debug_assertions: bool,
    /// Processor model.
    pub cpu: String,
    /// Threads used.
    pub threads: usize,
    /// Command line, quoted for a shell.
    pub command: String,
    /// Seed.
    pub seed: u64,
    /// Hash of the resolved config's text, see [`config_hash`].
    pub config_hash: String,
    /// Local time at the start.
    pub started: String,
}

impl Provenance {
    /// Gathers it for a run of this process.
    #[must_use]
    pub fn collect(seed: u64, threads: usize, config: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let commit = git(source, &["rev-parse", "HEAD"]);
        let dirty = commit.as_ref().and_then(|_| git(source, &["status", "--porcelain"]));
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit,
            dirty: dirty.map(|changes| !changes.is_empty()),
            rustc: env!("SPINDLE_RUSTC").to_owned(),
            target: env!("SPINDLE_TARGET").to_owned(),
            target_features: env!("SPINDLE_FEATURES").to_owned(),
            debug_assertions: cfg!(debug_assertions),
            cpu: cpu_model(),
            threads,
            command: std::env::args_os().map(|word| quote_os(&word)).collect::<Vec<_>>().join(" "),
            seed,
            config_hash: config_hash(config),
            started: jiff::ZonedDateTime::now().strftime(STARTED).to_string(),
        }
    }
}

/// How `started` is written.
const STARTED: &str = "%Y-%m-%d %H:%M:%S %:z";

/// When the run of a `provenance.json` was started: seconds since 1970 and the text. None if the file does not tell.
#[must_use]
pub fn started(file: &Path) -> Option<(i64, String)> {
    #[derive(Deserialize)]
    struct Start {
        started: String,
    }
    let text = input::text(file, input::TEXT).ok()?;
    let Start { started } = serde_json::from_str(&text).ok()?;
    let timestamp = jiff::fmt::strtime::parse(STARTED, &started).and_then(|time| time.to_timestamp()).ok()?;
    Some((timestamp.as_second(), started))
}

/// Output of git about a folder. It must not write there: `status` would refresh the index, under a lock that stays
/// if the process is killed.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").arg("--no-optional-locks").arg("-C").arg(folder).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn cpu_model() -> String {
    let linux = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let mac = || {
        let output = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    let other = || std::env::var("PROCESSOR_IDENTIFIER").ok();
    linux.or_else(mac).or_else(other).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// A word of a command line as a POSIX shell takes it.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// As [`quote`]. A word that is no text, such as a file name that is no UTF-8, has its bytes in octal, which bash and
/// zsh read as the same word.
fn quote_os(word: &OsStr) -> String {
    if let Some(word) = word.to_str() {
        return quote(word);
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'\\');
    let mut out = String::from("$'");
    for &byte in word.as_encoded_bytes() {
        match byte {
            b' ' => out.push(' '),
            byte if plain(byte) => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('\'');
    out
}

/// Hash of a config's text: 64-bit FNV-1a, as `fnv1a64:` and 16 hexadecimal digits.
#[must_use]
pub fn config_hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("fnv1a64:{hash:016x}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[cfg(unix)]
    #[test]
    fn words_that_are_no_text_are_quoted_by_their_bytes() {
        use std::os::unix::ffi::OsStrExt as _;
        assert_eq!(quote_os(OsStr::new("it's")), "'it'\\''s'");
        let word = OsStr::from_bytes(b"run \xff'\\\x1b.ron");
        assert_eq!(quote_os(word), r"$'run \377\047\134\033.ron'");
        let shell =
            Command::new("bash").args(["-c", &format!("printf %s {}", quote_os(word))]).output().unwrap();
        assert_eq!(shell.stdout, word.as_bytes());
    }

    #[test]
    fn asking_git_does_not_write_into_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let (file, index) = (folder.path().join("a.txt"), folder.path().join(".git/index"));
        fs::write(&file, "a").unwrap();
        git(folder.path(), &["init", "-q"]).unwrap();
        git(folder.path(), &["add", "a.txt"]).unwrap();
        let before = fs::read(&index).unwrap();
        // The same text at another time: `status` would like to note that.
        let other = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&file).unwrap().set_modified(other).unwrap();
        assert_eq!(git(folder.path(), &["status", "--porcelain"]).as_deref(), Some("A  a.txt"));
        assert!(fs::read(&index).unwrap() == before, "the index was written");
    }

    #[test]
    fn the_config_hash_is_fnv1a() {
        // Test vectors of the algorithm's authors.
        assert_eq!(config_hash(""), "fnv1a64:cbf29ce484222325");
        assert_eq!(config_hash("a"), "fnv1a64:af63dc4c8601ec8c");
        assert_eq!(config_hash("foobar"), "fnv1a64:85944171f73967e8");
    }

    #[test]
    fn provenance_names_compiler_processor_and_command() {
        let provenance = Provenance::collect(7, 2, "x");
        assert!(provenance.rustc.starts_with("rustc 1."), "{}", provenance.rustc);
        assert_eq!((provenance.seed, provenance.threads), (7, 2));
        assert!(!provenance.cpu.is_empty() && !provenance.command.is_empty());
        assert_eq!(provenance.dirty.is_some(), provenance.commit.is_some());
        assert_eq!(quote("--set"), "--set");
        assert_eq!(quote("es=(a: 'b')"), "'es=(a: '\\''b'\\'')'");
    }
}
