//! `evo new`: a file to begin with.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use records::failure::{Blame as _, Failure};
use records::text::{self, CONFIG_FOLDER};
use records::{input, words::to_stderr};

use crate::cli::{NewConfig, NewRobot};
use crate::out;

/// The robot of the how-to, and its config.
const ROBOT: [&str; 2] = [
    include_str!("../../../docs/how-to/robot/robot.xml"),
    include_str!("../../../docs/how-to/robot/robot.ron"),
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
    write(&[(file, format!("// {name}: begun as a copy of {from}.\n//\n//     evo {name}.ron\n{body}"))])?;
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
    let config = match &args.from {
        None => config.replace(NAMED, &format!("file: \"{name}.xml\"")),
        // How high it stands is not known.
        Some(_) => {
            let config = config.replace(NAMED, &format!("file: \"{name}.xml\""));
            let lines = config.lines().filter(|line| !line.trim_start().starts_with("healthy_z_range:"));
            lines.collect::<Vec<_>>().join("\n") + "\n"
        }
    };
    let config =
        format!("// {name}: a robot from {name}.xml learns to walk.\n//\n//     evo {name}.ron\n{config}");
    write(&[(place(name, "xml")?, robot), (place(name, "ron")?, config)])?;
    to_stderr(&format!("next: viewer {CONFIG_FOLDER}/{name}.ron shows it, evo {name}.ron trains it"));
    Ok(())
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
