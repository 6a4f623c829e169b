//! `evo film`: generations and runs side by side, by the program `viewer`.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{program, refuse, succeed, text};

fn train(folder: &Path, name: &str, seed: &str) -> PathBuf {
    let out = folder.join(name);
    let few = ["--set", "run.checkpoint_every=1", "--set", "run.keep=0", "--set", "run.eval_every=1"];
    let short =
        ["--set", "run.eval_episodes=1", "--set", "strategy.population=4", "--generations", "4", "-q"];
    let run = ["--config", "inverted_pendulum.ron", "--seed", seed, "--out", text(&out)];
    let _ = succeed(&[&run[..], &few, &short].concat());
    out
}

/// Width, height and number of pictures of an animated PNG.
fn measures(file: &Path) -> [u32; 3] {
    let bytes = fs::read(file).expect("a film");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let control = bytes.windows(4).position(|chunk| chunk == b"acTL").expect("it is animated");
    [number(16), number(20), number(control + 4)]
}

#[test]
fn generations_of_a_run_and_runs_stand_side_by_side() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (a, b) = (train(folder.path(), "a", "1"), train(folder.path(), "b", "2"));
    let out = folder.path().join("film.png");
    let film = |sources: &[&str], words: &[&str]| {
        let short = ["--seconds", "0.2", "--fps", "10", "--size", "120x90", "--out", text(&out)];
        let printed = succeed(&[&["film"], sources, words, &short].concat());
        assert_eq!(printed.trim_end(), text(&out));
        measures(&out)
    };
    // First, middle and last; with a gap of four pixels between tiles.
    assert_eq!(film(&[text(&a)], &[]), [3 * 120 + 2 * 4, 90, 2]);
    assert_eq!(film(&[text(&a)], &["--generations", "1,2,3,4", "--dark"]), [2 * 120 + 4, 2 * 90 + 4, 2]);
    assert_eq!(film(&[text(&a), text(&b)], &["--camera", "side"]), [2 * 120 + 4, 90, 2]);

    let message = refuse(&["film", text(&a), "--generations", "1,7"], 2);
    assert!(message.contains("has no checkpoint of generation 7; there are 1, 2, 3, 4"), "{message}");
    let message = refuse(&["film", text(&a), text(&b), "--generations", "1"], 2);
    assert!(message.contains("--generations are those of one run"), "{message}");
    // What the viewer has to say is said once, as it says it.
    let message = refuse(&["film", text(&a), "--camera", "below"], 2);
    assert!(message.contains("error: viewer: --camera: there is no view 'below'"), "{message}");
}

#[test]
fn without_the_viewer_the_command_that_makes_it_is_named() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = train(folder.path(), "a", "1");
    let alone = folder.path().join("evo");
    fs::hard_link(program("evo"), &alone)
        .or_else(|_| fs::copy(program("evo"), &alone).map(drop))
        .expect("evo");
    let film =
        std::process::Command::new(&alone).args(["film", text(&run)]).env("PATH", "/nonexistent").output();
    let output = film.expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("`cargo build -p viewer` makes it"), "{message}");
}
