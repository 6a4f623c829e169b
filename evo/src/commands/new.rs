//! `evo new`: a file to begin with.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use records::failure::{Blame as _, Failure};
use records::text::{self, CONFIG_FOLDER};
use records::{input, words::to_stderr};

use crate::cli::{NewConfig, NewNeuron, NewRobot, NewSource};
use crate::out;

/// The robot of the how-to, and its config.
const ROBOT: [&str; 2] = [
    include_str!("../../../docs/how-to/robot/robot.xml"),
    include_str!("../../../docs/how-to/robot/robot.ron"),
];

/// The task of the tutorial: source, robot, config.
const TASK: [&str; 3] = [
    include_str!("../../../docs/tutorials/swing_up/src/swing_up.rs"),
    include_str!("../../../docs/tutorials/swing_up/assets/swing_up.xml"),
    include_str!("../../../docs/tutorials/swing_up/configs/swing_up.ron"),
];

/// The strategy of the tutorial: source, config.
const STRATEGY: [&str; 2] = [
    include_str!("../../../docs/tutorials/cem/src/cem.rs"),
    include_str!("../../../docs/tutorials/cem/cem.ron"),
];

/// How the config names its robot.
const NAMED: &str = "file: \"robot.xml\"";

/// Copies a config.
pub(super) fn config(args: &NewConfig) -> Result<(), Failure> {
    let name = &args.name;
    let file = place(name, "ron")?;
    let source = text::find(&args.from).usage()?;
    let whole = input::text(&source, input::TEXT)
        .with_context(|| format!("cannot read {}", source.display()))
        .usage()?;
    // The heading is about the original.
    let heading = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with("//");
    let body: String = whole.lines().skip_while(heading).map(|line| format!("{line}\n")).collect();
    let from = source.file_name().unwrap_or_default().to_string_lossy();
    write(&[(file, format!("// {name}: a copy of {from}.\n//\n//     evo {name}.ron\n{body}"))])?;
    to_stderr(&format!("next: change it, then evo {name}.ron"));
    Ok(())
}

/// Copies a robot, with a config.
pub(super) fn robot(args: &NewRobot) -> Result<(), Failure> {
    let [own, config] = ROBOT;
    let robot = match &args.from {
        None => own.to_owned(),
        // With what it includes, and only if it can be read as a robot.
        Some(from) => sim::read_mjcf(from).usage()?,
    };
    let name = &args.name;
    let config = config.replace(NAMED, &format!("file: \"{name}.xml\""));
    // How high another robot stands is not known.
    let known = |line: &&str| args.from.is_none() || !line.trim_start().starts_with("healthy_z_range:");
    let config: String = config.lines().filter(known).map(|line| format!("{line}\n")).collect();
    let config =
        format!("// {name}: a robot from {name}.xml learns to walk.\n//\n//     evo {name}.ron\n{config}");
    write(&[(place(name, "xml")?, robot), (place(name, "ron")?, config)])?;
    to_stderr(&format!("next: viewer {CONFIG_FOLDER}/{name}.ron shows it, evo {name}.ron trains it"));
    Ok(())
}

/// Copies a built-in neuron model, with a config that uses it.
pub(super) fn neuron(args: &NewNeuron) -> Result<(), Failure> {
    let (name, from) = (identifier(&args.name)?, &args.from);
    let spiking: Vec<_> =
        snn::neurons().into_iter().filter(|info| info.spikes).map(|info| info.name).collect();
    let Some(text) = snn::model_text(from).filter(|_| spiking.contains(from)) else {
        return Err(anyhow!("--from: no spiking model \"{from}\"; valid: {}", spiking.join(", "))).usage();
    };
    // Where it is from is said of the original.
    let lines = text.lines().filter(|line| !line.starts_with("source "));
    let model: String = lines.map(|line| format!("{line}\n")).collect();
    let model = model.replacen(&format!("model {from}"), &format!("model {name}"), 1);
    let config = format!(
        "// Balances a pole with neurons of {name}.neuron.\n//\n//     evo {name}.ron\n(\n    \
         base: \"inverted_pendulum.ron\",\n    controller: Snn(hidden: [Recurrent(neurons: 16, model: \
         \"{name}.neuron\")]),\n)\n"
    );
    write(&[(place(name, "neuron")?, model), (place(name, "ron")?, config)])?;
    to_stderr(&format!("next: change the equations, then evo {name}.ron"));
    Ok(())
}

/// The task of the tutorial under another name.
pub(super) fn env(args: &NewSource) -> Result<(), Failure> {
    let name = identifier(&args.name)?;
    let registry = clone("envs/src/registry.rs")?;
    let variant = camel(name);
    let renamed = |text: &str| {
        text.replace("swing_up", name).replace("SwingUp", &variant).replacen(
            "Swing-up:",
            &format!("`{name}`:"),
            1,
        )
    };
    let [source, robot, config] = TASK.map(renamed);
    write(&[
        (Path::new("envs/src").join(format!("{name}.rs")), source),
        (Path::new("envs/assets").join(format!("{name}.xml")), robot),
        (place(name, "ron")?, config),
    ])?;
    to_stderr(&format!(
        "next: add `pub mod {name};` to envs/src/lib.rs, and to the list in {registry}\n    {variant} = \"{name}\" \
         in {name},\nthen evo {name}.ron trains it; docs/tutorials/own-env.md explains the file"
    ));
    Ok(())
}

/// The strategy of the tutorial under another name.
pub(super) fn strategy(args: &NewSource) -> Result<(), Failure> {
    let name = identifier(&args.name)?;
    let registry = clone("evo/strategies/src/config.rs")?;
    let variant = camel(name);
    let [source, config] = STRATEGY;
    let source = source
        .replace("use strategies::", "use crate::")
        .replace("const INFO", "pub(super) const INFO")
        .replace("\"cem\"", &format!("\"{name}\""))
        .replace("Cem", &variant);
    let config = format!("// {name} balances a pole.\n{}", config.replace("Cem(", &format!("{variant}(")));
    write(&[
        (Path::new("evo/strategies/src").join(format!("{name}.rs")), source),
        (place(name, "ron")?, config),
    ])?;
    to_stderr(&format!(
        "next: add `mod {name};` and `pub use {name}::{variant}Config;` to evo/strategies/src/lib.rs, and to \
         `registry!` in {registry}\n    {name}: {variant}({variant}Config),\nthen evo {name}.ron trains with it; \
         docs/tutorials/own-strategy.md explains the file"
    ));
    Ok(())
}

/// Refuses what cannot be a name in Rust and in a model.
fn identifier(name: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
        return Ok(name);
    }
    Err(anyhow!("name '{name}': begin with a small letter, and use small letters, digits and '_'")).usage()
}

/// `my_task` as `MyTask`.
fn camel(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').filter(|part| !part.is_empty()).map(word).collect()
}

/// Refuses to write source where there is none to add to; `file` is the list that a new name goes into.
fn clone(file: &'static str) -> Result<&'static str, Failure> {
    if Path::new(file).is_file() {
        return Ok(file);
    }
    Err(anyhow!("there is no {file} here; run this in the folder of a clone of the project")).usage()
}

/// Where a new file goes.
fn place(name: &str, ending: &str) -> Result<PathBuf, Failure> {
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(anyhow!("name '{name}': use letters, digits, '-' and '_'")).usage();
    }
    Ok(Path::new(CONFIG_FOLDER).join(format!("{name}.{ending}")))
}

/// Writes files, none of which may be there.
fn write(files: &[(PathBuf, String)]) -> Result<(), Failure> {
    if let Some((file, _)) = files.iter().find(|(file, _)| file.exists()) {
        return Err(anyhow!("{} exists; choose another name (nothing is overwritten)", file.display()))
            .usage();
    }
    fs::create_dir_all(CONFIG_FOLDER).with_context(|| format!("cannot make {CONFIG_FOLDER}")).written()?;
    for (file, text) in files {
        let write = || File::create_new(file)?.write_all(text.as_bytes());
        write().with_context(|| format!("cannot write {}", file.display())).written()?;
        out::line(&file.display().to_string());
    }
    Ok(())
}
