//! The generated pages: environments, tasks, config file, strategies, neurons, surrogates, command line.

use std::fmt::Write as _;

use evo::sweep::config::SweepConfig;
use records::text;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sim::EngineKind;
use strategies::strategies;
use training::config::Config;

use super::settings::{Place, Sections, cell};
use super::source::{Shape, Source};
use super::tasks;

/// Command that writes the pages anew.
pub const UPDATE: &str = "UPDATE_DOCS=1 cargo test -p tests reference";

/// A page, or a part of one, as it should be.
pub struct Generated {
    /// Path, relative to the repository.
    pub path: String,
    /// The whole page, or a table that the page holds somewhere.
    pub text: String,
    /// Head of the table, if the page is more than it.
    pub head: Option<String>,
}

impl Generated {
    fn page(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text, head: None }
    }

    fn table(path: &str, text: String, head: &str) -> Self {
        Self { path: path.to_owned(), text, head: Some(head.to_owned()) }
    }

    /// The page as it should be, given the one that is there.
    ///
    /// # Panics
    /// If it lacks the table.
    #[must_use]
    pub fn applied(&self, page: &str) -> String {
        let Some(head) = &self.head else { return self.text.clone() };
        let (before, rest) =
            page.split_once(head).unwrap_or_else(|| panic!("{}: no table {head}", self.path));
        let rows = rest.split_inclusive('\n').take_while(|line| line.starts_with('|'));
        let end: usize = rows.map(str::len).sum();
        format!("{before}{}{}", self.text, &rest[end..])
    }
}

/// Everything that is generated.
///
/// # Panics
/// If something has no words, such as a field without doc comment.
#[must_use]
pub fn generated() -> Vec<Generated> {
    let source = Source::read(&crate::root());
    let engines = EngineKind::ALL.map(EngineKind::name).join(" | ");
    let mut pages = vec![
        Generated::page("docs/envs.md", envs::environments_page().expect("tasks build with their defaults")),
        Generated::page("docs/reference/config.md", config(&source)),
        Generated::page("docs/reference/sweep-file.md", sweep_file(&source)),
        Generated::page("docs/reference/strategies.md", strategy_page(&source)),
        Generated::page("docs/reference/neurons.md", neurons()),
        Generated::page("docs/reference/surrogates.md", surrogates()),
        Generated::page("docs/reference/command-line.md", command_line()),
        Generated::table(
            "docs/mjcf.md",
            sim::mjcf_support_table(),
            "| element | state | attributes or elements |\n",
        ),
        Generated::table(
            "docs/mjcf.md",
            sim::approximations_table(),
            &format!("| asked for | {engines} |\n"),
        ),
    ];
    let tasks = tasks::pages(&crate::root(), &source, &resolved::<Config>);
    pages.extend(tasks.into_iter().map(|(path, text)| Generated::page(path, text)));
    pages
}

fn resolved<T: DeserializeOwned + Serialize>(text: &str) -> Result<Value, String> {
    let value: T = text::parse("config", text).map_err(|e| e.to_string())?;
    serde_json::to_value(value).map_err(|e| e.to_string())
}

fn head(title: &str, from: &str) -> String {
    format!("# {title}\n\nGenerated from {from}. After a change, run `{UPDATE}`.\n\n")
}

fn config(source: &Source) -> String {
    let mut sections = Sections::new(source, &resolved::<Config>);
    let definition = source.get("evo/training/src/config.rs", "Config");
    let table = sections.table(definition, &Place::new("", "", ""));
    let page = format!(
        "{}The fields of a config file (RON). `evo --config NAME --dry-run` prints a config with all its fields, and \
         `--set PATH=VALUE` changes a field: `--set run.seed=2`. A file may name another one as `base: \"ant.ron\"` \
         and state only the fields that differ.\n\n{table}",
        head("Config file", "the doc comments of the settings")
    );
    sections.finish(page, 2)
}

fn sweep_file(source: &Source) -> String {
    let mut sections = Sections::new(source, &resolved::<SweepConfig>);
    let definition = source.get("evo/src/sweep/config.rs", "SweepConfig");
    let table = sections.table(definition, &Place::new("", "", ""));
    let page = format!(
        "{}The fields of a sweep file; see [sweeps](../sweeps.md).\n\n{table}",
        head("Sweep file", "the doc comments of the settings")
    );
    sections.finish(page, 2)
}

fn strategy_page(source: &Source) -> String {
    let mut sections = Sections::new(source, &resolved::<Config>);
    let mut page = format!(
        "{}To choose one, see [strategies](../strategies.md). n is the number of parameters. On the command line: \
         `--set strategy=Snes --set strategy.sigma=0.1`.\n",
        head("Strategies", "`evo list strategies` and the doc comments of the settings")
    );
    for info in strategies() {
        let definition =
            source.get(&format!("evo/strategies/src/{}.rs", info.name), &format!("{}Config", info.config));
        let place = Place::new(
            &format!("(env: InvertedPendulum(), strategy: {}", info.config),
            ")",
            &format!("/strategy/{}", info.config),
        );
        // For the sections of what the fields hold.
        let _ = sections.table(definition, &place);
        let Shape::Struct(known) = &definition.shape else { panic!("{} is no struct", info.config) };
        let _ = write!(
            page,
            "\n## {}\n\nOn the command line of `bench strategy`: `{}`. {}. Source: {}.\n\n\
             | field | default | unit | range | meaning |\n| --- | --- | --- | --- | --- |\n",
            info.config,
            info.name,
            capital(info.summary),
            info.reference
        );
        for field in info.fields {
            let own = known.iter().find(|f| f.name == field.name).expect("fields have doc comments");
            let meaning = cell(&own.doc);
            let (name, default) = (field.name, cell(field.default));
            let (unit, range) = (cell(field.unit), cell(field.range));
            let _ = writeln!(page, "| `{name}` | `{default}` | {unit} | {range} | {meaning} |");
        }
    }
    page += "\n## Values of settings\n";
    sections.finish(page, 3)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn neurons() -> String {
    let mut page = format!(
        "{}A layer names its neuron model in `model`. `parameters` sets other values, and `evolve` lets the search set \
         them. The language, and how to write your own model: [neurons](../neurons.md). Time is counted in ticks \
         unless a unit is given. Potentials without a unit are multiples of the default threshold.\n",
        head("Neuron models", "`snn/neurons`")
    );
    for neuron in snn::neurons() {
        let _ = write!(
            page,
            "\n## {}\n\n{}. Source: {}.\n",
            neuron.name,
            capital(&neuron.summary),
            neuron.source
        );
        let resets: Vec<String> = neuron.resets.iter().map(|reset| format!("`{reset}`")).collect();
        let resets = if resets.is_empty() { "none".to_owned() } else { resets.join(", ") };
        let spikes = if neuron.spikes { "yes" } else { "no: a readout" };
        let _ = write!(page, "\n- Spikes: {spikes}\n- Resets, the default first: {resets}\n");
        for state in &neuron.states {
            let _ = writeln!(page, "- State `{}`: {}", state.name, state.meaning);
        }
        if !neuron.parameters.is_empty() {
            page +=
                "\n| parameter | default | valid | evolved | meaning |\n| --- | --- | --- | --- | --- |\n";
        }
        for parameter in &neuron.parameters {
            let evolved = match parameter.evolve {
                snn::Scope::Fixed => "no",
                snn::Scope::Layer => "per layer",
                snn::Scope::Neuron => "per neuron",
            };
            let default = (parameter.default * 1e6).round() / 1e6;
            let (name, range, meaning) = (&parameter.name, &parameter.range, cell(&parameter.meaning));
            let _ = writeln!(page, "| `{name}` | {default} | {range} | {evolved} | {meaning} |");
        }
        let _ = write!(page, "\n```neuron\n{}\n```\n", neuron.equations.trim());
    }
    page
}

fn surrogates() -> String {
    let mut page = format!(
        "{}`surrogate: (function: \"NAME\", parameters: {{\"slope\": 5}})` chooses one, or an expression of your own. \
         u is how far the membrane potential is above the threshold. To see how they are used, read \
         [gradients](../gradients.md#how-it-works).\n",
        head("Surrogates", "`snn/src/gradient/surrogate.rs`")
    );
    for s in snn::gradient::surrogates() {
        let summary = capital(s.summary);
        let _ = write!(page, "\n## {}\n\n{summary}: `{}`. Source: {}.\n", s.name, s.expression, s.source);
        if !s.parameters.is_empty() {
            page += "\n| parameter | default | unit | valid | meaning |\n| --- | --- | --- | --- | --- |\n";
        }
        for p in s.parameters {
            let default = (p.default * 1e6).round() / 1e6;
            let (name, unit, range) = (p.name, cell(p.unit), cell(p.range));
            let _ = writeln!(page, "| `{name}` | {default} | {unit} | {range} | {} |", cell(p.meaning));
        }
    }
    page
}

fn command_line() -> String {
    let mut page = format!(
        "{}`evo` stands for `cargo run -p evo --`, `viewer` for `cargo run -p viewer --`. Exit codes: 0 done, 1 the run \
         failed, 2 bad usage or input; 143 and 129 if SIGTERM or SIGHUP stopped a training, which `resume` \
         continues.\n",
        head("Command line", "`--help`")
    );
    help("evo", &mut Vec::new(), &mut page);
    help("viewer", &mut Vec::new(), &mut page);
    page
}

fn help(program: &str, verb: &mut Vec<String>, page: &mut String) {
    let mut command = std::process::Command::new(crate::program(program));
    let output =
        command.args(&*verb).arg("--help").env_remove("COLUMNS").output().expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("help is UTF-8");
    let title = [&[program.to_owned()][..], verb.as_slice()].concat().join(" ");
    let _ = write!(page, "\n## {title}\n\n```text\n{}\n```\n", text.trim());
    let listed = text.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    for line in listed.lines().take_while(|line| !line.is_empty()) {
        let name = line.split_whitespace().next().unwrap_or_default();
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        if is_name && name != "help" {
            verb.push(name.to_owned());
            help(program, verb, page);
            verb.pop();
        }
    }
}
