//! What the tests share: the `evo` program, scratch folders, reference data, the comparison of the
//! physics engines with MuJoCo (see the programs `fidelity`, `stability` and `bench_engines`), and the
//! timing of controllers (`bench_controllers`).

pub mod docs;
pub mod fidelity;
pub mod figure;
pub mod fuzz;
pub mod house;
pub mod play;
pub mod reference;
pub mod stability;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Kind of processor, as far as it decides about speed.
#[must_use]
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::is_x86_feature_detected!("avx512f") {
        ", AVX-512"
    } else if std::is_x86_feature_detected!("avx2") {
        ", AVX2"
    } else {
        ""
    };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    format!("{cores} cores of {}{vectors}", std::env::consts::ARCH)
}

/// Processor seconds of this process, all threads together.
#[must_use]
pub fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A file of `tests/data`.
#[must_use]
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// The `evo` program of the same build, in the root folder.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn evo(arguments: &[&str]) -> Command {
    command("evo", arguments)
}

/// The `viewer` program, likewise.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn viewer(arguments: &[&str]) -> Command {
    command("viewer", arguments)
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(root());
    command
}

/// Where a program of the same build lies, `evo` or `viewer`.
///
/// # Panics
/// If it has not been built; `tests/run` and `cargo build -p NAME` do that.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a program knows its own path");
    // Tests are target/PROFILE/deps/test-HASH, programs target/PROFILE/NAME.
    let folder = this.parent().expect("programs lie in target/PROFILE");
    let folder = if folder.ends_with("deps") { folder.join("..") } else { folder.to_owned() };
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: run `cargo build -p {name}` first", program.display());
    program
}

/// Runs `evo` to its end.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    evo(arguments).output().expect("evo starts")
}

/// Runs `evo` and returns its stdout.
///
/// # Panics
/// If it does not exit with 0; the message holds its stderr.
#[must_use]
pub fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "evo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Runs `evo`, which must refuse with exit code `code` and without a panic; returns its stderr.
///
/// # Panics
/// If it exits otherwise.
#[must_use]
pub fn refuse(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "evo {arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// As [`refuse`], and within `limit`, after which the program is ended: a generous bound, so that a
/// program that hangs is an error and not a test that never ends.
///
/// # Panics
/// If it exits otherwise, or not in time.
#[must_use]
pub fn refuse_within(arguments: &[&str], code: i32, limit: Duration) -> String {
    let mut child = evo(arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("evo starts");
    let mut stderr = child.stderr.take().expect("a pipe");
    // Read aside: a full pipe would stop the program.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("messages are UTF-8");
        text
    });
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("status") {
            break Some(status);
        }
        if began.elapsed() > limit {
            child.kill().expect("evo can be ended");
            child.wait().expect("status");
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let stderr = reader.join().expect("the reader ends");
    let status = status.unwrap_or_else(|| panic!("evo {arguments:?} runs for more than {limit:?}: {stderr}"));
    assert_eq!(status.code(), Some(code), "evo {arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// Starts a training run of the inverted pendulum that would take hours, and waits for `rows`
/// generations. Kill it.
///
/// # Panics
/// If it ends by itself.
#[must_use]
pub fn endless_run(folder: &Path, more: &[&str], rows: usize) -> Child {
    let basics =
        ["--config", "inverted_pendulum.ron", "--out", text(folder), "--generations", "100000", "-q"];
    let mut child = evo(&[&basics[..], more].concat()).spawn().expect("evo starts");
    while generations(folder) < rows {
        assert!(child.try_wait().expect("status").is_none(), "evo ended early");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// Number of generations in a run's metrics.
#[must_use]
pub fn generations(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("metrics.csv"))
        .map_or(0, |table| table.lines().count().saturating_sub(1))
}

/// A column of a run's metrics, a value per generation; `None` for empty cells.
///
/// # Panics
/// If the table cannot be read, or has no such column.
#[must_use]
pub fn column(folder: &Path, name: &str) -> Vec<Option<f64>> {
    let table = records::metrics::Metrics::read(&folder.join("metrics.csv")).expect("metrics");
    table.column(name).expect("the column")
}

/// A run's metrics, the names first, without the columns that hold times: what must be the same in every run.
///
/// # Panics
/// If the table cannot be read, or lacks those columns.
#[must_use]
pub fn untimed_metrics(folder: &Path) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(folder.join("metrics.csv")).expect("metrics");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let is_time = |column: usize| ["wall_s", "env_steps_per_s", "samples_per_s"].contains(&rows[0][column]);
    let kept: Vec<usize> = (0..rows[0].len()).filter(|&column| !is_time(column)).collect();
    assert_eq!(kept.len() + 2, rows[0].len(), "both time columns are there");
    rows.iter().map(|row| kept.iter().map(|&column| row[column].to_owned()).collect()).collect()
}

/// Ends a program that must still be at work, so that there is something left to do; whether it was.
///
/// # Panics
/// If the system refuses.
#[must_use]
pub fn killed_at_work(mut child: Child) -> bool {
    child.kill().expect("a program can be killed");
    // What has ended by itself has an exit code, also if it ended just before the signal.
    child.wait().expect("status").code().is_none()
}

/// A [`column()`] without empty cells.
///
/// # Panics
/// As [`column()`], and if a cell is empty.
#[must_use]
pub fn full_column(folder: &Path, name: &str) -> Vec<f64> {
    column(folder, name).into_iter().map(|cell| cell.expect("a number")).collect()
}

/// A path as an argument.
///
/// # Panics
/// If it is not UTF-8.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}
