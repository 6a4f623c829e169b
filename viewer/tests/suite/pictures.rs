//! Pictures and videos by the program itself, without a display.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use super::common::{self, decode, run_and_recording, said, viewer};

const SIZE: &str = "640x400";

/// What the program has written, after it has ended well.
fn made(source: &Path, out: &Path, words: &[&str]) -> Vec<u8> {
    let kind = if out.extension().unwrap() == "png" && !words.contains(&"--fps") {
        "--screenshot"
    } else {
        "--record"
    };
    let output = viewer().arg(source).arg(kind).arg(out).args(["--size", SIZE]).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    fs::read(out).unwrap()
}

fn files() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (run, recording) = run_and_recording(root.path());
    (root, run, recording)
}

#[test]
fn a_video_shows_the_times_that_were_asked_for() {
    let (root, _, recording) = files();
    let still = |name: &str, at: &str| {
        let bytes = made(&recording, &root.path().join(name), &["--at", at]);
        decode(&bytes).remove(0)
    };
    let out = root.path().join("moving.png");
    // Fewer pictures per second than a window would draw: time must not pass more slowly. The recording
    // lasts 0.44 s: later, a still shows its end and a video its start again.
    let moving = decode(&made(&recording, &out, &["--at", "0.1", "--seconds", "0.5", "--fps", "4"]));
    assert_eq!(moving.len(), 2);
    let stills = [still("a.png", "0.1"), still("b.png", "0.35")];
    // The bar at the bottom shows that a video plays, and the camera at the left follows smoothly; the
    // panels at the right are the same.
    let rows = |pixels: &[u8]| pixels.chunks(640 * 4).take(350).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let right = |pixels: &[u8]| rows(pixels).iter().map(|row| row[4 * 400..].to_vec()).collect::<Vec<_>>();
    assert!(rows(&stills[0]) == rows(&moving[0]), "the first picture is the one at --at");
    assert!(right(&stills[1]) == right(&moving[1]), "0.25 s later");
    assert!(right(&stills[0]) != right(&stills[1]));
    assert!(still("c.png", "0.1") == stills[0], "the same command gives the same picture");
}

#[test]
fn simulations_and_the_start_page_are_drawn_too() {
    let (root, run, _) = files();
    let live = decode(&made(&run, &root.path().join("a.png"), &["--at", "0.3"])).remove(0);
    let light = decode(&made(&run, &root.path().join("b.png"), &["--at", "0.3", "--light"])).remove(0);
    let brightness = |pixels: &[u8]| pixels.iter().map(|&x| u64::from(x)).sum::<u64>() / pixels.len() as u64;
    assert!(brightness(&light) > brightness(&live) + 60);
    let alone = ["--at", "0.3", "--scene-only", "--change", "low_gravity"];
    assert!(decode(&made(&run, &root.path().join("c.png"), &alone)).remove(0) != live);
    // A window without room for its panels.
    let small = root.path().join("small.png");
    let words = ["--at", "0.1", "--size", "320x240"];
    let output = viewer().arg(&run).arg("--screenshot").arg(&small).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let start = root.path().join("start.png");
    let output = viewer().arg("--screenshot").arg(&start).args(["--size", SIZE]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(brightness(&decode(&fs::read(&start).unwrap())[0]) > 10);
}

#[test]
fn a_gif_lasts_as_long_as_what_it_shows() {
    let (root, _, recording) = files();
    let bytes = made(&recording, &root.path().join("a.gif"), &["--seconds", "0.5", "--fps", "30"]);
    let mut reader = gif::DecodeOptions::new().read_info(bytes.as_slice()).unwrap();
    let mut delays = Vec::new();
    while let Some(frame) = reader.read_next_frame().unwrap() {
        delays.push(frame.delay);
    }
    assert_eq!((delays.len(), delays.iter().sum::<u16>()), (15, 50));
    assert_eq!((reader.width(), reader.height()), (640, 400));
}

#[test]
fn mp4_takes_ffmpeg_and_spares_what_is_there_without() {
    let (root, _, recording) = files();
    let out = root.path().join("a.mp4");
    fs::write(&out, "precious").unwrap();
    let record = |path: &str| {
        let mut command = viewer();
        command.arg(&recording).arg("--record").arg(&out).args(["--size", SIZE, "--seconds", "0.2"]);
        command.env("PATH", path).output().unwrap()
    };
    let without = record("/nonexistent");
    assert_eq!(without.status.code(), Some(2), "{}", said(&without));
    assert!(said(&without).contains("writing MP4 needs ffmpeg, which was not found"), "{}", said(&without));
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    if common::required("ffmpeg", std::process::Command::new("ffmpeg").arg("-version")) {
        let with = record(&std::env::var("PATH").unwrap());
        assert!(with.status.success(), "{}", said(&with));
        assert_eq!(&fs::read(&out).unwrap()[4..8], b"ftyp");
    }
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_drawn() {
    let (root, run, recording) = files();
    let refused = |words: &[&str]| {
        let output = viewer().args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        said(&output)
    };
    let (recording, run) = (recording.to_str().unwrap(), run.to_str().unwrap());
    let gif = root.path().join("a.gif");
    let gif = gif.to_str().unwrap();
    assert!(refused(&[recording, "--record", gif, "--fps", "60"]).contains("at most 50 pictures per second"));
    assert!(
        refused(&[recording, "--record", "/nonexistent/a.gif"]).contains("there is no folder /nonexistent")
    );
    assert!(refused(&[recording, "--record", "a.avi"]).contains("write .gif, .png (animated) or .mp4"));
    assert!(refused(&["--record", gif]).contains("--record needs something to show"));
    assert!(
        refused(&[recording, "--change", "wind", "--record", gif]).contains("a recording cannot be changed")
    );
    assert!(refused(&[run, "--change", "storm", "--record", gif]).contains("unknown change 'storm'"));
    let ant = tests::root().join("configs/ant.ron").display().to_string();
    assert!(refused(&[run, "--beside", &ant, "--record", gif]).contains("ant cannot stand beside"));
    assert!(!Path::new(gif).exists());
}

#[test]
fn a_camera_of_the_robots_file_is_looked_through() {
    let root = tempfile::tempdir().unwrap();
    let robot = "<mujoco><worldbody><light/><geom type='plane' size='9 9 1'/>
        <body name='cart' pos='0 0 0.5'><joint name='x' type='slide' axis='1 0 0'/>
        <geom type='box' size='0.2 0.1 0.1' mass='1' rgba='1 0 0 1'/>
        <camera name='nose' pos='-2 0 1' xyaxes='0 -1 0 0.4 0 1'/></body></worldbody>
        <actuator><motor joint='x' ctrlrange='-1 1'/></actuator></mujoco>";
    fs::write(root.path().join("cart.xml"), robot).unwrap();
    let config = root.path().join("cart.ron");
    fs::write(&config, "(env: Mjcf(file: \"cart.xml\"), strategy: OpenEs())").unwrap();
    let picture = |camera: &str| {
        let out = root.path().join(format!("{camera}.png"));
        decode(&made(&config, &out, &["--camera", camera, "--scene-only"])).remove(0)
    };
    let red = |pixels: &[u8]| pixels.chunks(4).filter(|p| p[0] > 90 && p[1] < 60 && p[2] < 60).count();
    let (nose, back) = (picture("nose"), picture("back"));
    assert!(red(&nose) > 500 && red(&back) > 500, "{} {}", red(&nose), red(&back));
    assert!(nose != back);
    let output = viewer().arg(&config).args(["--screenshot", "x.png", "--camera", "nos"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("there is no view 'nos'; there are corner, side, front, back, top, nose"),
        "{said}"
    );
}
