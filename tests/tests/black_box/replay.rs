//! The page of `evo record --html`: it holds all that it needs, and headless Chromium shows and plays it.

use std::fs;
use std::path::Path;

use tests::{refuse, succeed, text};

use crate::browser::seen;

/// A short ant, recorded into a page; what the page says of itself in its head line.
fn page(folder: &Path, more: &[&str]) -> String {
    let (run, page) = (folder.join("run"), folder.join("a.html"));
    let sets = ["strategy.population=2", "rollout.horizon=10", "run.eval_episodes=1"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let basics = ["--config", "ant_lanes.ron", "--out", text(&run), "--generations", "1", "-q"];
    let _ = succeed(&[&basics[..], &sets].concat());
    let said = succeed(&[&["record", text(&run), "--html", text(&page)], more].concat());
    assert_eq!(said.lines().last(), Some(text(&page)));
    fs::read_to_string(&page).expect("a page")
}

#[test]
fn a_page_needs_nothing_else() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let page = page(folder.path(), &["--episodes", "2"]);
    for part in ["http:", "https:", "src=", "href=", "import ", "fetch("] {
        assert!(!page.contains(part), "'{part}' leads elsewhere");
    }
    assert!(page.starts_with("<!doctype html>") && page.contains("<title>ant: "));
    assert!(page.len() > 50_000 && page.len() < 10_000_000, "{} bytes", page.len());
    // The viewer itself goes in where it has been built.
    let (run, other) = (folder.path().join("run"), folder.path().join("b.html"));
    let none = folder.path().join("none");
    let message = refuse(&["record", text(&run), "--html", text(&other), "--web", text(&none)], 2);
    assert!(message.contains("`cargo run -p web -- build` makes the viewer"), "{message}");
}

/// An attribute of the page's body.
fn told(html: &str, name: &str) -> String {
    let body = html.split_once("<body").map_or("", |(_, rest)| rest.split('>').next().unwrap_or_default());
    let value = body.split_once(&format!("data-{name}=\"")).map(|(_, rest)| rest.split('"').next());
    value.flatten().unwrap_or_default().to_owned()
}

#[test]
fn a_browser_shows_and_plays_the_page() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let _ = page(folder.path(), &[]);
    let file = folder.path().join("a.html");
    // It starts there, plays for as long as there is time, and would not get as far from its beginning. A busy machine
    // may not draw a second picture in two seconds of the page's time.
    let (mut html, mut time) = (String::new(), 0.0);
    for seconds in [2, 10] {
        let Some(now) = seen(&file, "#t=2.5&play", 1000 * seconds) else {
            eprintln!("not checked for want of chromium");
            return;
        };
        assert_eq!((told(&now, "state"), told(&now, "playing")), ("ready".to_owned(), "true".to_owned()));
        (time, html) = (told(&now, "time").parse().expect("a time"), now);
        assert!((2.5..3.0 + f64::from(seconds)).contains(&time), "{time}");
        if time > 2.5 {
            break;
        }
    }
    assert!(time > 2.5, "it does not play");
    assert!(html.contains("return so far") && html.contains(&format!("{time:.2} s of 50.00 s")));
    // Rewards, a layer's spikes, the seconds.
    let charts = html.split_once("<div id=\"charts\"").expect("charts").1;
    assert_eq!(charts.split("<script").next().unwrap_or_default().matches("<canvas").count(), 3);
}
