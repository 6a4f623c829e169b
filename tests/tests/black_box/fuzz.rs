//! Files that are almost right: whatever reads them must not panic, run for long or take much memory.
//!
//! A failure names its seed and keeps the file. `SPINDLE_FUZZ_SEED=N` takes a seed again, `SPINDLE_FUZZ_SECONDS=N` goes on
//! for so long with every kind.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use tests::fuzz::Kind;
use tests::text;

#[test]
fn no_file_ends_the_program_or_takes_long_or_much_memory() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
    let seed = env::var("SPINDLE_FUZZ_SEED").unwrap_or_else(|_| now.to_string());
    let folder = tempfile::tempdir().expect("a scratch folder");
    for kind in &Kind::ALL {
        let case = folder.path().join(kind.name);
        let mut command = Command::new(tests::program("fuzz"));
        command.args([kind.name, "--seed", &seed, "--case", text(&case)]);
        if let Ok(seconds) = env::var("SPINDLE_FUZZ_SECONDS") {
            command.args(["--seconds", &seconds]);
        }
        let output = command.output().expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let kept = folder.keep();
            panic!(
                "{}, seed {seed}, {}: {}\n{stderr}",
                kind.name,
                output.status,
                kept.join(kind.name).display()
            );
        }
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
    }
    eprintln!("seed {seed}");
}

#[test]
fn every_kind_of_file_has_a_target_and_something_to_begin_with() {
    let folder = tests::root().join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest");
    assert_eq!(manifest.matches("[[bin]]").count(), Kind::ALL.len());
    for kind in &Kind::ALL {
        let name = kind.name;
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
        let target = fs::read_to_string(folder.join(format!("targets/{name}.rs"))).expect("a target");
        assert!(target.contains(&format!("Kind::named(\"{name}\")")), "{target}");
        assert!(!kind.files().is_empty(), "{name}");
    }
}
