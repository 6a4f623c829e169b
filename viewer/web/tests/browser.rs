//! The viewer in a browser: headless Chromium opens a recording by its address and a page of
//! `evo record --html --web`, plays it, and must show what the program itself draws; and it replays a page without the
//! viewer.
//!
//! Needs Chromium, and for the viewer the folder that `cargo run -p web -- build` makes, in `SPINDLE_WEB`; without them
//! there is nothing to test on, which is said (and is a failure under `tests/run`).
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "says why it was skipped")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Size of the page.
const SIZE: [u32; 2] = [1280, 800];
/// Difference of two bytes that counts as none: text is smoothed differently, and so are edges.
const NEAR: u8 = 40;
/// Share of bytes that may differ more between the browser and the program.
const SHARE: f64 = 0.03;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program and waits for the line on its stderr that contains `sign`; returns what follows it.
fn start(command: &mut Command, sign: &str) -> Option<(Ends, String)> {
    let mut child =
        Ends(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?);
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok()?.split_once(sign).map(|(_, rest)| rest.to_owned()));
    // What it says later must be read, or it would wait.
    std::thread::spawn(move || lines.for_each(drop));
    line.map(|line| (child, line))
}

/// A browser with one page, spoken to by the DevTools protocol through two pipes.
struct Browser {
    calls_to: File,
    answers: BufReader<File>,
    session: String,
    calls: u64,
    _program: Ends,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let pipes = ["calls", "answers"].map(|name| profile.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().ok()?.success());
        // The protocol wants the pipes as files 3 and 4, which a shell can give.
        let mut command = Command::new("sh");
        command.args(["-c", r#"calls=$1 answers=$2; shift 2; exec "$@" 3<"$calls" 4>"$answers""#, "sh"]);
        command.args(&pipes).args([
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Ends(command.spawn().ok()?);
        // Opening a pipe waits for the other end.
        let calls_to = File::options().write(true).open(&pipes[0]).unwrap();
        let answers = BufReader::new(File::open(&pipes[1]).unwrap());
        let mut browser = Self {
            calls_to,
            answers,
            session: String::new(),
            calls: 0,
            _program: program,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        browser.session =
            browser.call("Target.attachToTarget", &target)["sessionId"].as_str().unwrap().into();
        let [width, height] = SIZE;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.call("Emulation.setDeviceMetricsOverride", &metrics);
        Some(browser)
    }

    /// Calls a method that must succeed.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.try_call(method, params);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// Calls a method and waits for its answer, which holds `result` or `error`.
    fn try_call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if !self.session.is_empty() {
            call["sessionId"] = self.session.clone().into();
        }
        self.calls_to.write_all(format!("{call}\0").as_bytes()).unwrap();
        loop {
            let mut text = Vec::new();
            self.answers.read_until(0, &mut text).unwrap();
            assert_eq!(text.pop(), Some(0), "the browser has ended during {method}");
            let answer: Value = serde_json::from_slice(&text).unwrap();
            if answer["id"] == self.calls {
                return answer;
            }
        }
    }

    fn go_to(&mut self, address: &str) {
        self.call("Page.navigate", &json!({"url": address}));
    }

    fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let name = if key == " " { "Space" } else { key };
            let event = json!({"type": kind, "key": key, "code": name, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", &event);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the page says below the canvas: nothing once the program runs.
    fn waiting(&mut self) -> Option<String> {
        self.told("document.getElementById('waiting')?.textContent")
    }

    /// The text that an expression gives in the page.
    fn told(&mut self, expression: &str) -> Option<String> {
        let look = json!({"expression": expression});
        self.call("Runtime.evaluate", &look)["result"]["value"].as_str().map(str::to_owned)
    }

    fn picture(&mut self) -> Vec<u8> {
        let start = Instant::now();
        // While one page gives way to the next there is nothing to be seen.
        let data = loop {
            let answer = self.try_call("Page.captureScreenshot", &json!({"format": "png"}));
            if answer["error"].is_null() {
                break answer["result"].clone();
            }
            assert!(start.elapsed() < PATIENCE, "no picture of the page: {}", answer["error"]);
            std::thread::sleep(Duration::from_millis(100));
        };
        let png = data_encoding::BASE64.decode(data["data"].as_str().unwrap().as_bytes()).unwrap();
        rgb(&png)
    }

    /// Waits until the page shows something that `good` likes.
    fn until(&mut self, what: &str, mut good: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
        let start = Instant::now();
        loop {
            let picture = self.picture();
            if good(&picture) {
                return picture;
            }
            if start.elapsed() > PATIENCE {
                let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser.png");
                write(&file, &picture);
                panic!("{what}: not seen; the page says {:?}; {} shows it", self.waiting(), file.display());
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// The colours of a PNG.
fn rgb(bytes: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!([info.width, info.height], SIZE);
    match info.color_type {
        png::ColorType::Rgba => pixels.as_chunks::<4>().0.iter().flat_map(|p| [p[0], p[1], p[2]]).collect(),
        _ => pixels,
    }
}

fn write(path: &Path, rgb: &[u8]) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), SIZE[0], SIZE[1]);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(rgb).unwrap();
}

/// Share of bytes that differ.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let off = a.iter().zip(b).filter(|(a, b)| a.abs_diff(**b) > NEAR).count();
    off as f64 / a.len() as f64
}

/// The panels at the right: the scene at the left depends also on how far its camera has come.
fn panels(rgb: &[u8]) -> Vec<u8> {
    let row = 3 * SIZE[0] as usize;
    rgb.chunks(row).flat_map(|row| &row[row.len() * 62 / 100..]).copied().collect()
}

const CONFIG: &str = "(
    env: Ant(),
    controller: Snn(hidden: [Recurrent(neurons: 24, model: \"lif\")]),
    strategy: OpenEs(population: 4),
    rollout: (horizon: 60),
    run: (generations: 1, seed: 1, eval_every: 0),
)";

/// Something that tests need and that may be missing outside of `tests/run`.
fn needed<T>(name: &str, found: Option<T>) -> Option<T> {
    assert!(found.is_some() || std::env::var_os("SPINDLE_ALL_TESTS").is_none(), "{name} is missing");
    if found.is_none() {
        eprintln!("not checked for want of {name}");
    }
    found
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn recordings_are_shown_and_played() {
    if std::env::var_os("SPINDLE_NO_WEB").is_some() {
        eprintln!("not checked, as SPINDLE_NO_WEB says");
        return;
    }
    let web = std::env::var_os("SPINDLE_WEB").map(|folder| tests::root().join(folder));
    let Some(web) = needed("the viewer for browsers (SPINDLE_WEB)", web) else { return };
    let chromium = Command::new("chromium").arg("--version").stdout(Stdio::null()).status().ok();
    if needed("chromium", chromium).is_none() {
        return;
    }
    let mut browser = Browser::open().unwrap();
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let text = |path: &PathBuf| path.display().to_string();
    std::fs::write(path("ant.ron"), CONFIG).unwrap();
    let (run, recording, page) = (path("run"), path("a.rollout.safetensors"), path("a.html"));
    let _ = tests::succeed(&["--config", &text(&path("ant.ron")), "--out", &text(&run), "-q"]);
    let made = ["--out", &text(&recording), "--html", &text(&page), "--web", &text(&web)];
    let _ = tests::succeed(&[&["record", &text(&run)], &made[..]].concat());

    // What the program itself draws, in the same size.
    let own = path("own.png");
    let viewer = tests::program("viewer");
    let drawn = Command::new(viewer).arg(&recording).arg("--screenshot").arg(&own).status().unwrap();
    assert!(drawn.success());
    let own = rgb(&std::fs::read(&own).unwrap());

    let mut serve = Command::new(env!("CARGO_BIN_EXE_web"));
    serve.args(["serve", "--as-it-is", "--port", "0", "--out"]).arg(&web).arg(&recording);
    let (_server, address) = start(&mut serve, "http://").unwrap();
    let address = format!("http://{address}?file=a.rollout.safetensors");
    for (what, address) in [("served", address), ("page", format!("file://{}", page.display()))] {
        browser.go_to(&address);
        // Nothing moves the mouse or presses a key until it is there.
        let first = browser.until(what, |picture| difference(picture, &own) < SHARE);
        assert_eq!(browser.waiting().as_deref(), Some(""));
        write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser_{what}.png")), &first);
        browser.press(" ", 32);
        browser.until("playing", |picture| difference(&panels(picture), &panels(&first)) > 0.002);
        browser.press(" ", 32);
        std::thread::sleep(Duration::from_millis(500));
        let paused = browser.picture();
        assert!(difference(&panels(&paused), &panels(&first)) > 0.002, "it has moved on");
        // The camera still comes up to the robot.
        let mut last = paused;
        browser.until("it stands still", |picture| {
            let still = difference(&last, picture) < 1e-4;
            last = picture.to_vec();
            still
        });
        browser.press("Home", 36);
        browser.until("the start", |picture| difference(&panels(picture), &panels(&first)) < 1e-4);
    }
}

/// Bytes of a picture that belong to the scene of a replay: below the head line, above the controls.
fn scene(rgb: &[u8]) -> Vec<u8> {
    let row = 3 * SIZE[0] as usize;
    rgb[60 * row..300 * row].to_vec()
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn replays_need_no_viewer() {
    let Some(mut browser) = needed("chromium", Browser::open()) else { return };
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).display().to_string();
    std::fs::write(path("ant.ron"), CONFIG).unwrap();
    let _ = tests::succeed(&["--config", &path("ant.ron"), "--out", &path("run"), "-q"]);
    let _ = tests::succeed(&["record", &path("run"), "--html", &path("a.html")]);
    browser.go_to(&format!("file://{}", path("a.html")));
    let start = Instant::now();
    while browser.told("document.body?.dataset.state").as_deref() != Some("ready") {
        assert!(start.elapsed() < PATIENCE, "{:?}", browser.told("document.body?.innerText"));
        std::thread::sleep(Duration::from_millis(100));
    }
    let first = browser.picture();
    write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser_replay.png"), &first);
    // A robot before a ground: many colours.
    let pixels = scene(&first);
    let colours: BTreeSet<[u8; 3]> = pixels.as_chunks::<3>().0.iter().copied().collect();
    assert!(colours.len() > 100, "{} colours", colours.len());
    let time = |browser: &mut Browser| -> f64 {
        browser.told("document.body.dataset.time").unwrap().parse().unwrap()
    };
    browser.press(" ", 32);
    browser.until("playing", |picture| difference(&scene(picture), &scene(&first)) > 0.002);
    browser.press(" ", 32);
    let paused = time(&mut browser);
    std::thread::sleep(Duration::from_millis(300));
    assert!(paused > 0.0 && time(&mut browser) == paused, "it stands at {paused} s");
    browser.press("Home", 36);
    assert_eq!(time(&mut browser), 0.0);
    browser.until("the start", |picture| difference(picture, &first) < 1e-3);
    // A click into the timeline, half way along it.
    let place = "(() => { const b = document.getElementById('charts').getBoundingClientRect(); \
                 return `${92 + (b.width - 100) / 2} ${b.top + 60}`; })()";
    let place = browser.told(place).unwrap();
    let (x, y) = place.split_once(' ').unwrap();
    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
    for kind in ["mousePressed", "mouseReleased"] {
        let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
        browser.call("Input.dispatchMouseEvent", &event);
    }
    let half: f64 = browser.told("`${window.replay.end / 2}`").unwrap().parse().unwrap();
    let there = time(&mut browser);
    assert!((there - half).abs() < 0.1 * half, "{there} s instead of {half}");
}
