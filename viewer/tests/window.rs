//! A walk through the program in a real window, under Xvfb: open, play, push, switch panels, quit.
//!
//! Needs `Xvfb` and `xdotool`; without them there is nothing to test on, which is said.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "says why it was skipped")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts Xvfb on a free display and returns its name.
fn display() -> Option<(Ends, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1280x800x24"]);
    let mut server = Ends(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?);
    let mut number = String::new();
    BufReader::new(server.0.stdout.take()?).read_line(&mut number).ok()?;
    Some((server, format!(":{}", number.trim())))
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_window_opens_obeys_and_closes() {
    let Some((_server, display)) = display() else {
        eprintln!("skipped: no Xvfb");
        return;
    };
    let tool = |words: &[&str]| Command::new("xdotool").args(words).env("DISPLAY", &display).output();
    if tool(&["version"]).is_err() {
        eprintln!("skipped: no xdotool");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (run, _) = common::run_and_recording(root.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewer"));
    command
        .arg(&run)
        .env("DISPLAY", &display)
        .env("XDG_DATA_HOME", root.path())
        .env_remove("WAYLAND_DISPLAY");
    let mut program = Ends(command.spawn().unwrap());
    let find = || {
        let found = tool(&["search", "--name", "Spindle"]).unwrap();
        String::from_utf8(found.stdout).unwrap().trim().to_owned()
    };
    wait_for("the window", || !find().is_empty());
    let window = find();
    tool(&["windowfocus", &window]).unwrap();
    let keys = ["space", "Right", "Right", "Left", "c", "j", "b", "r", "space", "F1", "F1", "l", "Tab"];
    for key in keys {
        tool(&["key", key]).unwrap();
        std::thread::sleep(Duration::from_millis(150));
        assert!(program.0.try_wait().unwrap().is_none(), "the program ended after {key}");
    }
    for words in [
        &["mousemove", "400", "300", "mousedown", "1", "mousemove_relative", "60", "20", "mouseup", "1"][..],
        &[
            "keydown",
            "ctrl",
            "mousedown",
            "1",
            "mousemove_relative",
            "40",
            "10",
            "mouseup",
            "1",
            "keyup",
            "ctrl",
        ],
    ] {
        tool(words).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(program.0.try_wait().unwrap().is_none(), "the program ended after a push");
    tool(&["windowquit", &window]).unwrap();
    wait_for("the end", || program.0.try_wait().unwrap().is_some());
    assert!(program.0.wait().unwrap().success());
    // What the keys changed was kept: light colours, the scene alone, the run among the recent ones.
    let kept = settings(root.path());
    assert!(kept.contains(r#"\"panels\":false"#) && kept.contains(r#"\"theme\":\"Light\""#), "{kept}");
    assert!(kept.contains(&run.display().to_string()), "{kept}");
}

/// What the program has stored.
fn settings(folder: &Path) -> String {
    let file = folder.join("spindle-viewer").join("app.ron");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
