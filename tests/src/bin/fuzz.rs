//! Reads files that are almost right, within limits of time and memory; see `tests::fuzz`.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use tests::fuzz::Kind;
use tests::fuzz::mutate::Corpus;

/// Memory that a case may have: most of it is what the largest network takes.
const MEMORY: u64 = 3 << 30;
/// What a case may take.
const TIME: Duration = Duration::from_secs(10);

/// Reads files of a kind: some that are given, or the corpus and variations of it.
#[derive(Parser)]
struct Arguments {
    /// Kind of file; without one, the kinds are listed, each with the folders that its corpus is in.
    kind: Option<String>,
    /// Files to read instead of the corpus.
    files: Vec<PathBuf>,
    /// Seed of the variations.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Variations.
    #[arg(long, default_value_t = 300)]
    cases: usize,
    /// Goes on for so long instead.
    #[arg(long)]
    seconds: Option<f64>,
    /// Where the case at work is kept: one that ends the program lies there.
    #[arg(long)]
    case: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Some(name) = &arguments.kind else {
        for kind in &Kind::ALL {
            out(&format!("{} {}", kind.name, kind.folders().join(" ")))?;
        }
        return Ok(());
    };
    limit_memory().context("the memory cannot be limited")?;
    let kind = Kind::named(name);
    let clock = Clock::start();
    let given = !arguments.files.is_empty();
    let corpus = Corpus::read(&if given { arguments.files } else { kind.files() });
    let seeds = corpus.len();
    let goes_on = |number: usize| match arguments.seconds {
        _ if given || number < seeds => number < seeds,
        Some(seconds) => clock.began.elapsed().as_secs_f64() < seconds,
        None => number < seeds + arguments.cases,
    };
    let mut number = 0;
    while goes_on(number) {
        let case = corpus.case(arguments.seed, number);
        if let Some(path) = &arguments.case {
            fs::write(path, &case).context("the case cannot be kept")?;
        }
        clock.next();
        (kind.read)(&case);
        number += 1;
    }
    clock.stop();
    let took = clock.began.elapsed().as_secs_f64();
    out(&format!("{}: {number} cases in {took:.1} s, {seeds} of them files", kind.name))
}

fn out(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// An allocation beyond it ends the program.
fn limit_memory() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })?;
    }
    Ok(())
}

/// Ends the program if a case takes too long.
struct Clock {
    began: Instant,
    /// When the case at work began, in milliseconds from then; the largest number if there is none.
    case: &'static AtomicU64,
}

impl Clock {
    fn start() -> Self {
        static CASE: AtomicU64 = AtomicU64::new(u64::MAX);
        let began = Instant::now();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(50));
                let case = CASE.load(Ordering::Relaxed);
                if began.elapsed() > Duration::from_millis(case).saturating_add(TIME) {
                    eprintln!("a case takes more than {TIME:?}");
                    std::process::exit(124);
                }
            }
        });
        Self { began, case: &CASE }
    }

    fn next(&self) {
        self.case.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.case.store(u64::MAX, Ordering::Relaxed);
    }
}
