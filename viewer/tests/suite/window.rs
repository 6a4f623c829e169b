//! A walk through the program in a real window, under Xvfb: open, play, scrub, push, switch panels.
//!
//! Needs `Xvfb` and `xdotool`; without them there is nothing to test on, which is said (and is a failure
//! with `SPINDLE_ALL_TESTS=1`). What the window shows is read from the file that `--state` names. Without a real
//! window `walk.rs` does much the same, quicker.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::common;

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
    // Without `-noreset` it starts anew when the last client leaves, which xdotool may be, and turns others away meanwhile.
    command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-noreset"]);
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

/// The program in a window on a display of its own.
struct Window {
    program: Ends,
    display: String,
    id: String,
    state: PathBuf,
    _server: Ends,
    _turn: MutexGuard<'static, ()>,
}

/// Drawing in software takes every core: one window after the other.
static TURN: Mutex<()> = Mutex::new(());

impl Window {
    /// Opens `source`; the program keeps its settings in `folder`.
    fn open(source: &Path, folder: &Path) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, display) = display()?;
        let state = folder.join("state.json");
        let mut command = common::viewer();
        command.arg(source).arg("--state").arg(&state).env("DISPLAY", &display).env("XDG_DATA_HOME", folder);
        let program = Ends(command.spawn().unwrap());
        let mut window = Self { program, display, id: String::new(), state, _server: server, _turn: turn };
        wait_for("the window", || {
            window.id = window.tool(&["search", "--onlyvisible", "--name", "Spindle"]).trim().to_owned();
            !window.id.is_empty()
        });
        window.tool(&["windowmove", &window.id, "0", "0"]);
        window.tool(&["windowfocus", &window.id]);
        let path = source.display().to_string();
        window.until("the source is open", |state| state["source"] == path.as_str());
        Some(window)
    }

    fn tool(&self, words: &[&str]) -> String {
        let output = Command::new("xdotool").args(words).env("DISPLAY", &self.display).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn key(&self, key: &str) {
        self.tool(&["key", key]);
    }

    fn mouse(&self, words: &str) {
        for step in words.split(", ") {
            self.tool(&step.split(' ').collect::<Vec<_>>());
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    fn click(&self, x: u32, y: u32) {
        self.mouse(&format!("mousemove {x} {y}, click 1"));
    }

    /// What the window shows; nothing if it has not written it.
    fn state(&self) -> Value {
        // It may be in the middle of writing.
        for _ in 0..100 {
            let text = std::fs::read_to_string(&self.state).unwrap_or_default();
            if let Ok(state) = serde_json::from_str(&text) {
                return state;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Value::Null
    }

    /// Waits until the window shows something.
    fn until(&mut self, what: &str, mut good: impl FnMut(&Value) -> bool) -> Value {
        let mut state = Value::Null;
        let start = Instant::now();
        while !good(&state) {
            state = self.state();
            assert!(self.program.0.try_wait().unwrap().is_none(), "the program ended before: {what}");
            assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen: {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
        state
    }
}

/// Not a number while nothing is told.
fn seconds(state: &Value) -> f64 {
    state["time"].as_f64().unwrap_or(f64::NAN)
}

/// Whether there is a display to test on; it must be with `SPINDLE_ALL_TESTS=1`.
fn displays() -> bool {
    common::required("Xvfb", Command::new("Xvfb").arg("-version"))
        && common::required("xdotool", Command::new("xdotool").arg("version"))
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn a_recording_is_played_scrubbed_and_looked_at() {
    if !displays() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (_, recording) = common::run_and_recording(root.path());
    let mut window = Window::open(&recording, root.path()).unwrap();
    assert_eq!((window.state()["kind"].as_str(), seconds(&window.state())), (Some("recording"), 0.0));
    window.key("minus");
    window.key("minus");
    window.until("it is slower", |state| state["speed"] == 0.25);
    window.key("space");
    window.until("it plays", |state| state["playing"] == true && seconds(state) > 0.0);
    window.key("space");
    window.until("it pauses", |state| state["playing"] == false);
    window.key("Home");
    window.until("the start", |state| seconds(state) == 0.0);
    window.key("Right");
    let step = window.until("a step", |state| seconds(state) > 0.0);
    // The rail at the bottom: the farther right, the later.
    let length = step["duration"].as_f64().unwrap();
    window.click(700, 781);
    let middle = seconds(&window.until("a click on the rail", |state| seconds(state) > 0.2 * length));
    window.click(900, 781);
    let late = window.until("a click farther right", |state| seconds(state) > middle);
    assert!(seconds(&late) < length);
    // Held until it is seen: what is pressed and let go within a frame is a click.
    window.mouse("keydown shift, mousemove 640 781, mousedown 1, mousemove 700 781, mousemove 760 781");
    let section = |state: &Value| -> Option<(f64, f64)> {
        Some((state["section"][0].as_f64()?, state["section"][1].as_f64()?))
    };
    window.until("a section is marked", |state| section(state).is_some_and(|(start, end)| end > start));
    window.mouse("mouseup 1, keyup shift");
    window.key("Home");
    window.until("the start", |state| seconds(state) == 0.0);
    window.key("space");
    let mut before = 0.0;
    for _ in 0..2 {
        window.until("it comes to the end of the section", |state| {
            let Some((start, end)) = section(state) else { return false };
            assert!(
                0.0 < start && end < length && seconds(state) <= end + 1e-6,
                "beyond the section: {state}"
            );
            let back = seconds(state) < before;
            before = seconds(state);
            back && before >= start
        });
    }
    window.key("space");
    window.key("backslash");
    window.until("no section", |state| state["section"].is_null() && state["playing"] == false);
    // Tab shows the scene alone, and must not hand the keyboard to a button.
    window.key("Tab");
    window.until("the scene alone", |state| state["panes"] == json!(["Scene"]));
    window.key("Tab");
    window.until("all panels", |state| state["panes"].as_array().is_some_and(|panes| panes.len() == 5));
    window.key("space");
    window.until("Space plays after Tab", |state| state["playing"] == true);
    window.key("space");
    window.until("and pauses", |state| state["playing"] == false);
    for (pane, y, from) in [("Weights", 47, 775), ("Controls", 47, 775), ("Actions", 500, 5)] {
        // Where the tabs are depends on the font: try along the bar.
        let found = (0..12).any(|step| {
            window.click(from + 25 * step, y);
            window.state()["panes"].as_array().is_some_and(|panes| panes.contains(&pane.into()))
        });
        assert!(found, "{pane} was not switched to: {}", window.state());
    }
    window.key("Down");
    window.key("c");
    window.key("l");
    window.until("light colours, contacts", |state| state["dark"] == false && state["contacts"] == true);
    window.key("F1");
    window.until("the list of keys", |state| state["help"] == true);
    window.key("F1");
    window.until("no list", |state| state["help"] == false);
    window.key("Tab");
    window.until("the scene alone", |state| state["panes"] == json!(["Scene"]));
    window.key("ctrl+q");
    wait_for("the end of the program", || window.program.0.try_wait().unwrap().is_some());
    assert!(window.program.0.wait().unwrap().success());
    drop(window);
    // What was changed by hand is there again.
    let mut window = Window::open(&recording, root.path()).unwrap();
    window.until("the same window as before", |state| {
        state["panes"] == json!(["Scene"]) && state["dark"] == false && state["contacts"] == true
    });
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn a_simulation_is_pushed_and_its_brain_switched_off() {
    if !displays() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let ant = tests::root().join("configs/ant.ron");
    let mut window = Window::open(&ant, root.path()).unwrap();
    window.until("it runs by itself", |state| state["steps"].as_u64() > Some(3));
    window.key("r");
    window.key("space");
    window.until("it pauses", |state| state["playing"] == false);
    // The robot stands in the middle of the scene.
    window.mouse("mousemove 384 275, click 1");
    window.until("a body is selected", |state| state["body"].is_u64());
    window.mouse("keydown ctrl, mousemove 384 275, mousedown 1, mousemove 410 270, mousemove 450 262");
    let size = |force: &Value| -> f64 {
        force.as_array().into_iter().flatten().map(|f| f.as_f64().unwrap().powi(2)).sum::<f64>().sqrt()
    };
    window.until("it is pulled", |state| size(&state["push"]["force"]) > 1.0);
    window.mouse("keyup ctrl");
    window.key("space");
    window.until("the push acts", |state| state["pushed"].as_u64() > Some(2));
    window.mouse("mouseup 1");
    window.until("it is let go", |state| state["push"].is_null());
    window.key("b");
    window.until("the brain is off", |state| state["brain"] == false);
    let seed = window.state()["seed"].as_u64().unwrap();
    window.key("shift+r");
    window.until("the next seed", |state| state["seed"].as_u64() > Some(seed));
}
