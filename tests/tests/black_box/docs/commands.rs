//! Runs the `sh` blocks of a page, line by line, in a folder with everything that they name.
//!
//! Each verb has a rule that makes it short: fewer members, generations, steps and pixels. A command without
//! a rule is a mistake of the page; its block says why it is not run (`not-run="reason"`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use records::npy::Matrix;
use tempfile::TempDir;
use tests::{program, root, text};

use super::promises::{files, said};

/// Short training, whatever the config says.
const SHORT: [&str; 6] = [
    "strategy.population=4",
    "rollout.horizon=16",
    "run.generations=2",
    "run.eval_every=1",
    "run.eval_episodes=2",
    "run.checkpoint_every=1",
];

/// A folder in which the commands of one page run.
pub struct Scene {
    folder: TempDir,
}

impl Scene {
    /// With the shipped configs and the run folders that pages speak of: `RUN` and `ant__*` are ants of
    /// `ant_lanes.ron`, `FINETUNED` likewise, `first` is a pendulum.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("scratch folder");
        copy(&root().join("configs"), &folder.path().join("configs"));
        shorten_sweeps(&folder.path().join("configs/sweeps"));
        let runs = fixtures();
        for (from, to) in [
            ("ant", "RUN"),
            ("ant", "FINETUNED"),
            ("ant", "ant__s1"),
            ("ant2", "ant__s2"),
            ("first", "first"),
        ] {
            copy(&runs.join(from), &folder.path().join("results/runs").join(to));
        }
        for part in ["docs/tutorials", "docs/how-to"] {
            copy(&root().join(part), &folder.path().join(part));
        }
        let input = Matrix::new(5, 27, vec![0.1; 5 * 27]).expect("sizes agree");
        records::npy::write(&folder.path().join("x.npy"), &input).expect("input of a network");
        // Where a page names a robot of the reader's.
        fs::copy(root().join("docs/how-to/robot/robot.xml"), folder.path().join("robot.xml")).expect("robot");
        Self { folder }
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs one line, which has to write the files that it names; returns what it printed, stdout first.
    pub fn run(&self, line: &str) -> Result<String, String> {
        let words = split(line);
        let Some((name, arguments)) = program_of(&words) else {
            return Err("no rule for this command: the block needs `not-run=\"reason\"`".to_owned());
        };
        let arguments: Vec<String> = arguments.iter().flat_map(|word| self.glob(word)).collect();
        let arguments = shortened(name, arguments);
        // Pages make runs that others only name, and runs are never overwritten.
        let out = arguments.iter().skip_while(|word| *word != "--out").nth(1);
        if let Some(run) = out.filter(|out| out.starts_with("results/runs/")).map(|out| self.path(out))
            && run.exists()
        {
            fs::remove_dir_all(run).map_err(|error| error.to_string())?;
        }
        let (stdout, stderr) = self.start(name, &arguments)?;
        for file in files(name, &arguments).into_iter().chain(said(name, &arguments, &stdout)) {
            let empty = fs::metadata(self.folder.path().join(&file)).map_or(true, |found| found.len() == 0);
            if empty {
                return Err(format!("{name} {}: {} was not written", arguments.join(" "), file.display()));
            }
        }
        Ok(stdout + &stderr)
    }

    /// Runs a program of ours as it is, which must succeed; returns its stdout and stderr.
    pub fn start(&self, name: &str, arguments: &[String]) -> Result<(String, String), String> {
        let (status, stdout, stderr) = self.end(name, arguments)?;
        if status == Some(0) {
            Ok((stdout, stderr))
        } else {
            Err(format!("{name} {}: {stderr}", arguments.join(" ")))
        }
    }

    /// Runs one line as it is; returns its exit code and stderr.
    pub fn fail(&self, line: &str) -> Result<(Option<i32>, String), String> {
        let words = split(line);
        let (name, arguments) = program_of(&words).ok_or("no program of ours")?;
        let (status, _, stderr) = self.end(name, arguments)?;
        Ok((status, stderr))
    }

    fn end(&self, name: &str, arguments: &[String]) -> Result<(Option<i32>, String, String), String> {
        let mut command = Command::new(program(name));
        let output = command.args(arguments).current_dir(self.folder.path()).output();
        let output = output.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
    }

    /// What a word with `*` stands for, as in a shell.
    fn glob(&self, word: &str) -> Vec<String> {
        let Some((before, after)) = word.split_once('*') else { return vec![word.to_owned()] };
        let (folder, start) = before.rsplit_once('/').unwrap_or((".", before));
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let fit = names.filter(|name| name.starts_with(start) && name.ends_with(after));
        let mut fit: Vec<String> = fit.map(|name| format!("{folder}/{name}")).collect();
        fit.sort();
        fit
    }
}

/// Runs made once for all pages.
fn fixtures() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // A static is never dropped, so this one lies where cargo keeps such things.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("folder of an earlier run");
        }
        for (name, config, seed) in [
            ("ant", "ant_lanes.ron", "1"),
            ("ant2", "ant_lanes.ron", "2"),
            ("first", "inverted_pendulum.ron", "1"),
        ] {
            let out = folder.join(name);
            let arguments = ["--config", config, "--seed", seed, "--out", text(&out)];
            let arguments = shortened("evo", arguments.map(str::to_owned).to_vec());
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let _ = tests::succeed(&arguments);
            let _ = tests::succeed(&["record", text(&out)]);
        }
        folder
    })
}

/// The lines of a block: without comments, and continued where they end in `\`.
pub fn lines(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split_once('#').map_or(line, |(command, _)| command).trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Words as a shell sees them; of its quotes, `'` and `"`.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (c, quote) {
            (_, Some(end)) if c == end => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            _ => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

fn program_of(words: &[String]) -> Option<(&str, &[String])> {
    let words_of =
        |texts: &[&str]| words.iter().map(String::as_str).take(texts.len()).eq(texts.iter().copied());
    match words.first()?.as_str() {
        name @ ("evo" | "viewer") => Some((name, &words[1..])),
        "cargo" if words_of(&["cargo", "run", "-p", "evo", "--"]) => Some(("evo", &words[5..])),
        "cargo" if words_of(&["cargo", "run", "-p", "viewer"]) => {
            Some(("viewer", words.get(5..).unwrap_or_default()))
        }
        _ => None,
    }
}

/// The command with less to do.
fn shortened(name: &str, mut words: Vec<String>) -> Vec<String> {
    let verb = words.first().cloned().unwrap_or_default();
    let mut more: Vec<&str> = Vec::new();
    match (name, verb.as_str()) {
        ("viewer", _) => {
            for (option, value) in
                [("--seconds", "0.1"), ("--size", "160x120"), ("--at", "0.1"), ("--fps", "20")]
            {
                replace(&mut words, option, Some(value));
            }
            if !words.iter().any(|word| word == "--screenshot" || word == "--record") {
                more = vec!["--screenshot", "window.png", "--size", "160x120"];
            }
            // Panels want more room than a small picture has.
            if !words.iter().any(|word| word == "--scene-only") {
                more.push("--scene-only");
            }
        }
        (_, verb) if ["train", "finetune", "--config"].contains(&verb) || verb.ends_with(".ron") => {
            replace(&mut words, "--generations", None);
            if !words.iter().any(|word| word == "--dry-run") {
                let config = words.iter().find(|word| word.ends_with(".ron")).map_or("", String::as_str);
                let tasks = [
                    ("yin_yang", &["task.data.train=64", "task.data.validation=8", "task.data.test=8"][..]),
                    ("randman", &["task.data.train=64", "task.data.validation=8", "task.data.test=8"]),
                    ("imitate", &["task.episodes=1", "task.epochs=1"]),
                    ("ppo", &["task.worlds=2", "task.steps=16", "task.epochs=1", "task.minibatches=1"]),
                    (
                        "hybrid",
                        &[
                            "refine.iterations=1",
                            "refine.ppo.worlds=2",
                            "refine.ppo.steps=16",
                            "refine.ppo.epochs=1",
                            "refine.ppo.minibatches=1",
                        ],
                    ),
                ];
                let labels = ["yin_yang", "randman"].iter().any(|name| config.contains(name));
                let own =
                    tasks.iter().find(|(task, _)| config.contains(task)).map_or(&[][..], |(_, sets)| *sets);
                // What is trained by labels has neither worlds nor a search.
                let general = SHORT.iter().filter(|set| !labels || set.starts_with("run."));
                more = general.chain(own).flat_map(|set| ["--set", *set]).collect();
            }
        }
        (_, "resume") => replace(&mut words, "--generations", Some("3")),
        (_, "eval" | "compare") => replace(&mut words, "--episodes", Some("2")),
        // What draws it has a test of its own, see `report.rs`.
        (_, "report") => more = vec!["--no-robot"],
        (_, "film") => more = vec!["--seconds", "0.1", "--size", "120x90"],
        (_, "bench") => {
            replace(&mut words, "--seconds", Some("0.1"));
            replace(&mut words, "--population", Some("64"));
        }
        _ => {}
    }
    words.retain(|word| word != "-q" && word != "-v");
    words.into_iter().chain(more.into_iter().map(str::to_owned)).collect()
}

/// Gives the option, if it is there, another value, or takes it away.
fn replace(words: &mut Vec<String>, option: &str, value: Option<&str>) {
    let Some(at) = words.iter().position(|word| word == option) else { return };
    match value {
        Some(value) => words[at + 1] = value.to_owned(),
        None => drop(words.drain(at..at + 2)),
    }
}

/// A small population and short episodes for every trial, and few of them.
fn shorten_sweeps(folder: &Path) {
    for entry in fs::read_dir(folder).expect("configs have sweeps") {
        let path = entry.expect("an entry").path();
        let sweep = fs::read_to_string(&path).expect("sweep file");
        let own = "\"strategy.population=4\", \"rollout.horizon=16\", \"run.eval_episodes=1\"";
        let sweep = match sweep.split_once("set: [") {
            Some((before, after)) => {
                // Later settings win.
                let (sets, after) = after.split_once(']').expect("a list ends");
                format!("{before}set: [{sets}, {own}]{after}")
            }
            None => sweep.replacen("axes:", &format!("set: [{own}],\n    axes:"), 1),
        };
        let lines = sweep.lines().map(shorten_list).collect::<Vec<_>>().join("\n");
        fs::write(&path, lines.replace("seeds: [1, 2, 3]", "seeds: [1]")).expect("sweep file");
    }
}

/// An axis that is a list, with its first two values.
fn shorten_list(line: &str) -> String {
    let values = line.trim_start().starts_with("List(").then(|| line.split_once("values: [")).flatten();
    let Some((before, (values, after))) =
        values.and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
    else {
        return line.to_owned();
    };
    let few: Vec<&str> = values.split(", ").take(2).collect();
    format!("{before}values: [{}]{after}", few.join(", "))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder to copy").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("file to copy");
        }
    }
}
