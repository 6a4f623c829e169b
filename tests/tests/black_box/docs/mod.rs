//! The documentation is true: commands run, configs and models are read, excerpts are those of the files,
//! links and paths lead somewhere.

mod commands;
mod links;
mod promises;
mod tasks;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tests::docs::markdown::{Block, blocks, prose};
use tests::{refuse, root, succeed, text};

use commands::{Scene, lines};
use promises::missing;

/// Pages whose blocks in Python are run by `tests/python_data.py` and `tests/python_package.py`.
const PYTHON: [&str; 6] = [
    "README.md",
    "docs/data.md",
    "docs/nir.md",
    "docs/how-to/leave.md",
    "docs/how-to/python.md",
    "docs/tutorials/python.md",
];

/// Pages whose blocks of text are tested elsewhere: `house.rs` reads the one, `reference.rs` writes the other.
const ELSEWHERE: [&str; 2] = ["ARCHITECTURE.md", "docs/reference/command-line.md"];

/// README and guides, relative to the root, with their text.
fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(PathBuf::from).to_vec();
    list(&root(), Path::new("docs"), &mut paths);
    let read =
        |path: PathBuf| (text(&path).to_owned(), fs::read_to_string(root().join(&path)).expect("a page"));
    paths.into_iter().map(read).collect()
}

/// The Markdown files below a folder.
fn list(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root.join(folder)).expect("folder of pages").flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| folder.join(entry.file_name())).collect();
    names.sort();
    for path in names {
        if root.join(&path).is_dir() {
            list(root, &path, paths);
        } else if path.extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
}

/// Fails with all problems at once.
fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The blocks of a language that are run, as `page:line` and block.
fn run_blocks(language: &str) -> Vec<(String, Block)> {
    let all = pages().into_iter().flat_map(|(page, text)| {
        blocks(&text).into_iter().map(move |block| (format!("{page}:{}", block.line), block))
    });
    all.filter(|(_, block)| block.language == language && block.not_run.is_none()).collect()
}

#[test]
fn every_block_says_what_it_holds() {
    let mut problems = Vec::new();
    for (page, text) in pages() {
        for block in blocks(&text) {
            let tested = match block.language.as_str() {
                "sh" | "ron" | "neuron" | "text" | "xml" | "diff" => true,
                "rust" => block.file.is_some() || block.not_run.is_some(),
                "python" => PYTHON.contains(&page.as_str()) || block.not_run.is_some(),
                _ => false,
            };
            if !tested {
                problems
                    .push(format!("{page}:{}: nothing tests this {:?} block", block.line, block.language));
            }
            if block.not_run.as_deref() == Some("") {
                problems.push(format!("{page}:{}: not-run without a reason", block.line));
            }
        }
        let mut blank = false;
        for (line, text) in prose(&text) {
            if blank && text.starts_with("    ") {
                problems
                    .push(format!("{page}:{line}: an indented block; write a fence that says what it holds"));
            }
            blank = text.is_empty();
        }
    }
    report(&problems);
}

/// The tutorial to which the README leads. It has a scene of its own, see below.
const FIRST: &str = "docs/tutorials/first-run.md";

/// The blocks of a page that hold commands, or what they print. A block of text without a command before it is one, too,
/// and found to be wrong.
fn commands_and_output(page: &str, text: &str) -> Vec<Block> {
    let is_run = |block: &Block| matches!(block.language.as_str(), "sh" | "text") && block.not_run.is_none();
    blocks(text).into_iter().filter(|block| is_run(block) && !ELSEWHERE.contains(&page)).collect()
}

/// Runs the commands of a page and compares what they print with the blocks of text that follow them. Returns the
/// problems, and all that was printed.
fn run_page(page: &str, text: &str, scene: &Scene) -> (Vec<String>, String) {
    let (mut problems, mut printed, mut all) = (Vec::new(), String::new(), String::new());
    for block in commands_and_output(page, text) {
        let place = format!("{page}:{}", block.line);
        if block.language == "text" {
            let line = missing(&block.text, &printed);
            problems
                .extend(line.map(|line| format!("{place}: `{line}` is not in what is printed:\n{printed}")));
            continue;
        }
        printed.clear();
        for line in lines(&block.text) {
            match scene.run(&line) {
                Ok(output) => printed += &output,
                Err(problem) => problems.push(format!("{place}: `{line}`: {problem}")),
            }
        }
        all += &printed;
    }
    (problems, all)
}

#[test]
fn every_command_runs() {
    // In threads of its own: the physics of other tests wants the shared ones.
    let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
    let is_run =
        |(page, text): &(String, String)| page != FIRST && !commands_and_output(page, text).is_empty();
    let others = pages().into_par_iter().filter(is_run);
    let all = || others.flat_map(|(page, text)| run_page(&page, &text, &Scene::new()).0).collect::<Vec<_>>();
    report(&pool.install(all));
}

/// A block of RON as a whole file, and whether it is a sweep or trained by gradient.
fn whole(block: &str) -> (String, &'static str) {
    let without = |line: &&str| !line.trim_start().starts_with("//");
    let code: String = block.lines().filter(without).collect();
    let first = code.trim_start().split([':', '(']).next().unwrap_or_default().trim();
    let inside = block.trim().trim_end_matches(',');
    let (text, verb) = match first {
        "" => (block.to_owned(), "train"),
        "axes" | "sampler" | "halving" => {
            let axes = if inside.contains("axes:") { "" } else { AXES };
            (format!("(config: \"ant.ron\", {axes}{inside})"), "sweep")
        }
        "task" => (format!("({inside})"), "finetune"),
        "encoder" | "hidden" | "decoder" | "plasticity" => {
            (format!("(env: Ant(), strategy: OpenEs(), controller: Snn({inside}))"), "train")
        }
        "env" => (format!("(strategy: OpenEs(), {inside})"), "train"),
        "strategy" => (format!("(env: Ant(), {inside})"), "train"),
        _ => (format!("(env: Ant(), strategy: OpenEs(), {inside})"), "train"),
    };
    let verb = match verb {
        "train" if text.contains("axes:") => "sweep",
        "train" if text.contains("task: Classify") => "finetune",
        verb => verb,
    };
    (text, verb)
}

const AXES: &str = "axes: [LogRange(path: \"strategy.sigma\", from: 0.01, to: 0.1)], ";

#[test]
fn every_config_block_is_read() {
    let scene = Scene::new();
    let mut problems = Vec::new();
    for (place, block) in run_blocks("ron") {
        let (config, verb) = whole(&block.text);
        let path = scene.path("configs/block.ron");
        fs::write(&path, &config).expect("config");
        let words = [verb, "--config", "configs/block.ron", "--dry-run"].map(str::to_owned);
        if let Err(problem) = scene.start("evo", &words) {
            problems.push(format!("{place}: {problem}"));
        }
    }
    report(&problems);
}

#[test]
fn every_shipped_config_is_read() {
    let scene = Scene::new();
    let mut problems = Vec::new();
    let mut count = 0;
    for folder in ["configs", "configs/sweeps"] {
        for entry in fs::read_dir(root().join(folder)).expect("configs").flatten() {
            let path = entry.path().canonicalize().expect("a path");
            if path.extension().is_none_or(|end| end != "ron") {
                continue;
            }
            count += 1;
            let config = fs::read_to_string(&path).expect("a config");
            let verb = match folder {
                "configs/sweeps" => "sweep",
                _ if config.contains("task: ") && !config.contains("env: Mjcf") => "finetune",
                _ => "train",
            };
            let mut words = vec![verb, "--config", text(&path), "--dry-run"];
            if config.contains("teacher: ") {
                // The file names a run of the reader's.
                words.extend(["--set", "task.teacher=results/runs/first"]);
            }
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            if let Err(problem) = scene.start("evo", &words) {
                problems.push(format!("{}: {problem}", path.display()));
            }
        }
    }
    assert!(count > 20, "only {count} configs");
    report(&problems);
}

#[test]
fn every_model_block_is_a_neuron() {
    let mut problems = Vec::new();
    for (place, block) in run_blocks("neuron") {
        if let Err(error) = snn::check_model(&block.text) {
            problems.push(format!("{place}: {error}"));
        }
    }
    report(&problems);
}

#[test]
fn every_robot_block_is_read() {
    let mut problems = Vec::new();
    for (place, block) in run_blocks("xml") {
        if let Err(error) = sim::Model::from_mjcf(&block.text, "block.xml") {
            problems.push(format!("{place}: {error}"));
        }
    }
    report(&problems);
}

#[test]
fn excerpts_are_those_of_their_files() {
    let mut problems = Vec::new();
    for (page, text) in pages() {
        for block in blocks(&text) {
            let Some(file) = &block.file else { continue };
            match fs::read_to_string(root().join(file)) {
                Ok(source) if source.contains(&block.text) => {}
                Ok(_) => problems.push(format!("{page}:{}: {file} has other lines", block.line)),
                Err(error) => problems.push(format!("{page}:{}: {file}: {error}", block.line)),
            }
        }
    }
    report(&problems);
}

/// The first block of a language on a page that holds some text.
fn block_of(page: &str, language: &str, holds: &str) -> String {
    let text = fs::read_to_string(root().join(page)).expect("page");
    let found =
        blocks(&text).into_iter().find(|block| block.language == language && block.text.contains(holds));
    found.unwrap_or_else(|| panic!("{page} has no block of {language} with '{holds}'")).text
}

/// `docs/neurons.md` shows what a mistake is answered with.
#[test]
fn the_mistake_in_a_model_is_answered_as_shown() {
    let model = block_of("docs/neurons.md", "neuron", "v = decay*v");
    let shown = block_of("docs/neurons.md", "text", "decy");
    let error = snn::check_model(&model.replace("v = decay*v", "v = decy*v")).expect_err("`decy` is unknown");
    assert_eq!(error.to_string(), shown.trim());
}

/// The tutorial of a neuron ends with a mistake, its command and the answer.
#[test]
fn the_mistake_of_the_tutorial_is_answered_as_shown() {
    let page = "docs/tutorials/own-neuron.md";
    let (command, shown) = (block_of(page, "sh", "resonator.ron\n"), block_of(page, "text", "dampin"));
    let scene = Scene::new();
    let model = scene.path("docs/tutorials/resonator/resonator.neuron");
    let good = fs::read_to_string(&model).expect("model");
    fs::write(&model, good.replacen("(1 - damping)", "(1 - dampin)", 1)).expect("model");
    let command =
        lines(&command).into_iter().find(|line| line.ends_with("resonator.ron")).expect("a command");
    assert_eq!(scene.fail(&command), Ok((Some(2), shown)));
}

/// From the README to a walking ant, its plot, its picture and a sweep, in the words of the tutorial.
#[test]
fn a_newcomer_gets_from_the_readme_to_an_ant_and_a_sweep() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README");
    assert!(readme.contains("](docs/tutorials/first-run.md)"), "the README leads to the tutorial");
    let tutorial = fs::read_to_string(root().join(FIRST)).expect("tutorial");
    let scene = Scene::new();
    fs::remove_dir_all(scene.path("results")).expect("a newcomer has no results");
    let (problems, printed) = run_page(FIRST, &tutorial, &scene);
    report(&problems);
    assert!(printed.contains("return"), "the ant is scored: {printed}");
    for file in [
        "results/runs/my_ant/curve.png",
        "results/runs/my_ant/summary.json",
        "results/runs/my_ant/episode.rollout.safetensors",
        "ant.png",
        "ant.gif",
        "results/sweeps/inverted_pendulum/sweep.csv",
        "results/sweeps/inverted_pendulum/report.html",
    ] {
        let length = fs::metadata(scene.path(file)).map_or(0, |file| file.len());
        assert!(length > 100, "{file} is missing");
        let name = file.rsplit('/').next().expect("a name");
        assert!(tutorial.contains(name), "the tutorial speaks of {name}");
    }
}

/// A page that names a wrong field or command would be noticed.
#[test]
fn mistakes_in_pages_are_found() {
    let scene = Scene::new();
    assert!(scene.run("pip install nir").expect_err("refused").contains("no rule"));
    assert!(scene.run("evo eval results/runs/NONE").expect_err("refused").contains("NONE"));
    let (problems, _) = run_page("page.md", "```text\nno command prints this\n```\n", &scene);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (config, verb) = whole("plasticity: [(rule: Hebian)],\n");
    fs::write(scene.path("configs/block.ron"), config).expect("config");
    let words = [verb, "--config", "configs/block.ron", "--dry-run"].map(str::to_owned);
    assert!(scene.start("evo", &words).expect_err("refused").contains("Hebbian"));
    assert_eq!(lines("evo list envs # all\n# none\nevo a \\\n  b\n"), ["evo list envs", "evo a    b"]);
    assert!(refuse(&["--config", "no_such.ron"], 2).contains("no_such.ron"));
    assert!(succeed(&["list", "envs"]).contains("ant"));
}
