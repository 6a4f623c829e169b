//! Pictures and videos by the program itself, without a display.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use viewer::app::App;
use viewer::film::Film;
use viewer::scene::headless;
use viewer::settings::Settings;
use viewer::theme;
use viewer::tiles::Tiles;

use super::common::{self, decode, run_and_recording, said, viewer};

const SIZE: &str = "640x400";
const WIDTH: usize = 640;
/// Rows of the bar at the top, with the title and buttons.
const BAR: Range<usize> = 0..30;
/// Rows of everything between the two bars.
const MIDDLE: Range<usize> = 62..350;
/// Columns of the scene, and of the panels at its right.
const SCENE: Range<usize> = 0..376;
const PANELS: Range<usize> = 400..WIDTH;

/// The colours of a part of a picture.
fn part(pixels: &[u8], rows: Range<usize>, columns: Range<usize>) -> Vec<[u8; 3]> {
    let pixel = |at: usize| [pixels[4 * at], pixels[4 * at + 1], pixels[4 * at + 2]];
    rows.flat_map(|row| columns.clone().map(move |column| row * WIDTH + column)).map(pixel).collect()
}

/// Columns and rows of the pixels of the scene that have a colour.
fn places(pixels: &[u8], columns: Range<usize>, colour: impl Fn([u8; 3]) -> bool) -> Vec<(usize, usize)> {
    let all = MIDDLE.flat_map(|row| columns.clone().map(move |column| (column, row)));
    all.filter(|&(column, row)| colour(part(pixels, row..row + 1, column..column + 1)[0])).collect()
}

/// The pole, which is orange.
fn pole(pixels: &[u8], columns: Range<usize>) -> Vec<(usize, usize)> {
    places(pixels, columns, |[r, g, b]| r > 110 && r > g.saturating_add(25) && g > b.saturating_add(15))
}

fn middle(places: &[(usize, usize)]) -> [f64; 2] {
    let sum = places.iter().fold([0, 0], |sum, place| [sum[0] + place.0, sum[1] + place.1]);
    sum.map(|sum| sum as f64 / places.len() as f64)
}

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
    let above = |pixels: &[u8]| part(pixels, 0..350, 0..WIDTH);
    let right = |pixels: &[u8]| part(pixels, 0..350, PANELS);
    assert!(above(&stills[0]) == above(&moving[0]), "the first picture is the one at --at");
    assert!(right(&stills[1]) == right(&moving[1]), "0.25 s later");
    // Later the pole is elsewhere, and so are the cursors in the panels; the bar at the top says the same.
    let [before, after] = [&stills[0], &stills[1]].map(|pixels| pole(pixels, SCENE));
    assert!(before.len() > 50 && after.len() > 50, "{} and {}", before.len(), after.len());
    assert_ne!(before, after, "the pole moves");
    assert_ne!(part(&stills[0], MIDDLE, PANELS), part(&stills[1], MIDDLE, PANELS), "the panels follow");
    assert!(part(&stills[0], BAR, 0..WIDTH) == part(&stills[1], BAR, 0..WIDTH), "the bar is the same");
    assert!(still("c.png", "0.1") == stills[0], "the same command gives the same picture");
}

#[test]
fn simulations_and_the_start_page_are_drawn_too() {
    let (root, run, _) = files();
    let picture = |name: &str, words: &[&str]| {
        let words = [&["--at", "0.3"][..], words].concat();
        decode(&made(&run, &root.path().join(name), &words)).remove(0)
    };
    let brightness = |colours: &[[u8; 3]]| {
        colours.iter().flatten().map(|&x| f64::from(x)).sum::<f64>() / (3 * colours.len()) as f64
    };
    let (dark, light) = (picture("a.png", &[]), picture("b.png", &["--light"]));
    for columns in [SCENE, PANELS] {
        let [dark, light] = [&dark, &light].map(|pixels| brightness(&part(pixels, MIDDLE, columns.clone())));
        assert!(dark < 70.0 && light > dark + 60.0, "{columns:?}: {dark} and {light}");
    }
    // The scene alone fills the picture: dark sky or ground along its edges, and the pole in the middle.
    let (plain, floating) =
        (picture("c.png", &["--scene-only"]), picture("d.png", &["--scene-only", "--change", "low_gravity"]));
    for pixels in [&plain, &floating] {
        for edge in [part(pixels, 0..400, 0..8), part(pixels, 0..400, WIDTH - 8..WIDTH)] {
            // The rail may reach the edge.
            let bright = edge.iter().filter(|colour| colour.iter().any(|&x| x >= 130)).count();
            assert!(10 * bright < edge.len(), "{bright} of {} are no background", edge.len());
        }
        let pole = pole(pixels, 0..WIDTH);
        let [column, _] = middle(&pole);
        assert!(pole.len() > 100 && (200.0..440.0).contains(&column), "{} around {column}", pole.len());
    }
    assert_ne!(pole(&plain, 0..WIDTH), pole(&floating, 0..WIDTH), "the pole falls more slowly");
    // Nor are there bars or buttons: neither their colours nor those of text, above, below and at the sides.
    for (pixels, theme) in
        [(&plain, theme::DARK), (&picture("e.png", &["--scene-only", "--light"]), theme::LIGHT)]
    {
        let chrome = [theme.base, theme.panel, theme.text, theme.accent].map(|c| [c.r(), c.g(), c.b()]);
        let border = [(0..60, 0..WIDTH), (350..400, 0..WIDTH), (0..400, 0..8), (0..400, WIDTH - 8..WIDTH)];
        for (rows, columns) in border {
            let found =
                part(pixels, rows.clone(), columns).into_iter().filter(|c| chrome.contains(c)).count();
            assert_eq!(found, 0, "chrome in rows {rows:?}, dark: {}", theme.dark);
        }
    }
    // A window without room for its panels.
    let small = root.path().join("small.png");
    let words = ["--at", "0.1", "--size", "320x240"];
    let output = viewer().arg(&run).arg("--screenshot").arg(&small).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let start = root.path().join("start.png");
    let output = viewer().arg("--screenshot").arg(&start).args(["--size", SIZE]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // Words and buttons on a plain background.
    let page = part(&decode(&fs::read(&start).unwrap())[0], 0..400, 0..WIDTH);
    let background = page.iter().filter(|colour| colour.iter().all(|&x| x < 60)).count();
    let words = page.iter().filter(|colour| colour.iter().all(|&x| x > 140)).count();
    assert!(
        2 * background > page.len() && (500..page.len() / 4).contains(&words),
        "{background} and {words}"
    );
}

#[test]
fn a_film_says_what_it_shows_and_shows_several_side_by_side() {
    let (root, _, recording) = files();
    let picture = |name: &str, words: &[&str]| {
        let bytes =
            made(&recording, &root.path().join(name), &[&["--scene-only", "--at", "0.2"], words].concat());
        decode(&bytes).remove(0)
    };
    let (bare, labelled, captioned) = (
        picture("a.png", &[]),
        picture("b.png", &["--label", "generation 2"]),
        picture("c.png", &["--caption"]),
    );
    let [top, middle, bottom] = [0..40, 40..360, 360..400];
    let same = |other: &[u8], rows: &Range<usize>| {
        part(&bare, rows.clone(), 0..WIDTH) == part(other, rows.clone(), 0..WIDTH)
    };
    let found = |other: &[u8]| [&top, &middle, &bottom].map(|rows| same(other, rows));
    assert_eq!(found(&labelled), [false, true, true], "a label stands at the top");
    assert_eq!(found(&captioned), [true, true, false], "a caption stands at the bottom");
    // The pole reaches from the cart far up, and no further.
    let rows: Vec<usize> = pole(&bare, 0..WIDTH).into_iter().map(|(_, row)| row).collect();
    let height = rows.iter().max().unwrap() - rows.iter().min().unwrap();
    assert!((120..300).contains(&height), "{height} of 400 rows");

    let file = recording.to_str().unwrap();
    let out = root.path().join("d.png");
    let words =
        ["--scene-only", "--at", "0.2", "--tile", file, "--label", "generation 2", "--label", "other"];
    let both = made(&recording, &out, &words);
    let size = png::Decoder::new(std::io::Cursor::new(&both)).read_info().unwrap();
    assert_eq!((size.info().width, size.info().height), (2 * WIDTH as u32 + 4, 400));
    let both = decode(&both).remove(0);
    let left: Vec<u8> =
        both.chunks_exact(4 * (2 * WIDTH + 4)).flat_map(|row| row[..4 * WIDTH].to_vec()).collect();
    assert!(
        part(&left, 0..400, 0..WIDTH) == part(&labelled, 0..400, 0..WIDTH),
        "each tile is a film of its own"
    );
    let refused = viewer().arg(&recording).args(["--label", "a"]).output().unwrap();
    assert!(
        refused.status.code() == Some(2) && said(&refused).contains("--scene-only"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_walking_robot_stays_in_the_middle_of_its_film_and_fills_it() {
    let gpu = headless().unwrap();
    let mut app = App::for_pictures(Settings::default(), Some(gpu.clone()));
    app.film = Some(Film::default());
    app.show_document(common::ant());
    app.timeline.playing = true;
    let mut film = Tiles::new(&gpu, [WIDTH as u32, 400], 1.0, vec![app]).unwrap();
    film.settle();
    for second in 0..4 {
        let mut picture = film.picture(0.0).unwrap();
        for _ in 0..25 {
            picture = film.picture(0.04).unwrap();
        }
        let robot = places(&picture.rgba, 0..WIDTH, |[r, g, b]| r > 110 && r > g.saturating_add(25) && g > b);
        let [column, row] = middle(&robot);
        assert!((column - 320.0).abs() < 40.0 && (row - 200.0).abs() < 60.0, "{second}: {column} {row}");
        let ends = |values: Vec<usize>| values.iter().max().unwrap() - values.iter().min().unwrap();
        let (width, height) =
            (ends(robot.iter().map(|at| at.0).collect()), ends(robot.iter().map(|at| at.1).collect()));
        assert!((240..600).contains(&width) || (200..380).contains(&height), "{second}: {width} × {height}");
    }
}

#[test]
fn nothing_is_said_of_a_display_that_nobody_asked_for() {
    let (root, _, recording) = files();
    let out = root.path().join("a.png");
    let mut command = viewer();
    command
        .arg(&recording)
        .arg("--screenshot")
        .arg(&out)
        .args(["--size", SIZE])
        .env_remove("XDG_RUNTIME_DIR");
    let output = command.output().unwrap();
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
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
    let red = |pixels: &[u8]| places(pixels, 0..WIDTH, |[r, g, b]| r > 90 && g < 60 && b < 60);
    let (nose, back) = (red(&picture("nose")), red(&picture("back")));
    assert!(nose.len() > 500 && back.len() > 500, "{} {}", nose.len(), back.len());
    // Its axis goes 0.2 m above the middle of the box, which is 2.2 m away: a fifth of half the picture's height.
    let [column, row] = middle(&nose);
    assert!((column - 320.0).abs() < 8.0 && (row - 240.0).abs() < 15.0, "{column} {row}");
    assert_ne!(nose, back);
    let output = viewer().arg(&config).args(["--screenshot", "x.png", "--camera", "nos"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(said.contains("there is no view 'nos'; valid: corner, side, front, back, top, nose"), "{said}");
}
