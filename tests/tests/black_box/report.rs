//! Pages about runs and sweeps, and plots over seeds.

use std::fs;
use std::path::Path;
use std::process::Command;

use records::folder::RunFolder;
use tests::{program, refuse, succeed, text};

use crate::browser::seen;

/// Tags that have no end.
const VOID: [&str; 4] = ["meta", "br", "img", "!doctype"];

/// Fails unless every tag is closed in order and nothing is loaded from elsewhere.
fn check_page(page: &str) {
    assert!(page.starts_with("<!doctype html>"), "{}", &page[..80]);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let tag = &rest[..rest.find('>').expect("a tag ends")];
        let name = tag.split_whitespace().next().expect("a tag has a name");
        rest = &rest[tag.len()..];
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
            if matches!(name, "style" | "script") {
                // Up to its own end there are no tags.
                rest = &rest[rest.find(&format!("</{name}>")).expect("an end")..];
            }
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    for outside in ["url(", "@import", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for attribute in ["src=", "href="] {
        let within = format!("{attribute}\"data:image/");
        assert_eq!(page.matches(attribute).count(), page.matches(&within).count(), "{attribute}");
    }
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count(), "only SVG's name");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A short run.
fn run(out: &Path, seed: &str, sigma: &str) {
    let set = format!("strategy.sigma={sigma}");
    let _ = succeed(
        &[
            &["--config", "inverted_pendulum.ron", "--set", "strategy.population=16", "--set", &set][..],
            &["--set", "run.eval_every=2", "--generations", "6", "--seed", seed, "--out", text(out), "-q"],
        ]
        .concat(),
    );
}

#[test]
fn runs_are_compared_on_one_page() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = |name: &str| folder.path().join(name);
    for (name, seed, sigma) in [("a1", "1", "0.1"), ("a2", "2", "0.1"), ("b1", "1", "0.3")] {
        run(&out(name), seed, sigma);
    }
    let (a1, a2, b1, page) = (out("a1"), out("a2"), out("b1"), out("page.html"));
    let all = [text(&a1), text(&a2), text(&b1)];
    let arguments =
        [&["report"][..], &all, &["--out", text(&page), "--title", "a < b", "--no-robot"]].concat();
    assert_eq!(succeed(&arguments).trim_end(), text(&page));
    let first = read(&page);
    check_page(&first);
    for expected in [
        "<h1>a &lt; b</h1>",
        "sigma 0.1 (2 seeds)",
        "interquartile mean over seeds",
        "IQM [95 % interval]",
        "prefers-color-scheme: dark",
        "config hash",
        &format!("evo --config {}/config.ron", a2.display()),
        "log: [Csv]",
    ] {
        assert!(first.contains(expected), "no '{expected}'");
    }
    let _ = succeed(&arguments);
    assert_eq!(read(&page), first, "the same runs give the same page");
    // Runs of two programs are checked out one by one.
    let origin = b1.join("provenance.json");
    let mut value: serde_json::Value = serde_json::from_str(&read(&origin)).expect("JSON");
    value["commit"] = "feedfeedfeed".into();
    let folder = RunFolder::open(&b1).expect("a run");
    folder.write(&origin, value.to_string().as_bytes()).expect("provenance");
    let _ = succeed(&arguments);
    let page = read(&page);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no '{text}'"));
    let (checkout, run) =
        (place("git checkout feedfeedfeed"), place(&format!("evo --config {}/", b1.display())));
    assert!(checkout < run && page[checkout..run].matches("evo --config").count() == 0);
    // The last evaluation stands in the table.
    let last =
        read(&b1.join("metrics.csv")).lines().last().expect("row").split(',').nth(7).map(str::to_owned);
    let last: f64 = last.expect("cell").parse().expect("number");
    assert!(first.contains(&format!(">{last:.1} ±")), "{last}");

    let _ = succeed(&["report", text(&a1)]);
    let single = read(&a1.join("report.html"));
    check_page(&single);
    assert!(single.contains("<h1>InvertedPendulum</h1>") && single.contains("training fitness"));
    // The robot, and what its network does.
    let bytes = |kind: &str| {
        let (_, rest) = single.split_once(&format!("src=\"data:image/{kind};base64,")).expect("a picture");
        rest.split('"').next().unwrap_or_default().len()
    };
    assert!(bytes("png") > 10_000 && bytes("gif") > 100_000, "{} and {}", bytes("png"), bytes("gif"));
    assert!(single.contains("Spikes in one episode of a1 (OpenEs, Snn), with a return of "), "the raster");
    assert!(!first.contains("The robot"), "it was left out");
    // Terms are those of the task, not all else that is measured.
    let terms = single.split_once("<h2>Reward terms</h2>").map_or("", |(_, rest)| rest);
    assert!(!terms.split("</section>").next().unwrap_or_default().contains("step_length"));
    values_are_shown_at_the_pointer(&first, &folder.path().join("pointed.html"));
}

/// Moves the pointer over the middle of the first chart of a page, in a browser if there is one.
fn values_are_shown_at_the_pointer(page: &str, file: &Path) {
    let point = "<script>
        const chart = document.querySelector('figure svg');
        const box = chart.getBoundingClientRect();
        const at = { clientX: box.left + 0.25 * box.width, clientY: box.top + 0.3 * box.height };
        chart.dispatchEvent(new PointerEvent('pointermove', at));
        </script></body>";
    fs::write(file, page.replace("</body>", point)).expect("scratch file");
    let Some(html) = seen(file, "", 100) else {
        eprintln!("not checked for want of chromium");
        return;
    };
    let tips: Vec<&str> = html.split("class=\"tip\"").skip(1).collect();
    let shown: Vec<&&str> = tips.iter().filter(|tip| !tip.starts_with(" hidden")).collect();
    assert_eq!(shown.len(), 1, "one chart is pointed at");
    let text = shown[0].split("</figure>").next().unwrap_or_default();
    for expected in ["control steps ", "sigma 0.1: ", ", 2 seeds", "sigma 0.3: "] {
        assert!(text.contains(expected), "no '{expected}' in {text}");
    }
}

/// Without the program that draws the robot, the rest of a report is there, and says how to get that.
#[test]
fn a_report_comes_without_the_viewer_too() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (out, alone) = (folder.path().join("run"), folder.path().join("evo"));
    run(&out, "1", "0.1");
    fs::hard_link(program("evo"), &alone)
        .or_else(|_| fs::copy(program("evo"), &alone).map(drop))
        .expect("evo");
    let output = Command::new(&alone).args(["report", text(&out)]).env("PATH", "/nonexistent").output();
    assert!(output.expect("it starts").status.success());
    let page = read(&out.join("report.html"));
    check_page(&page);
    for expected in
        ["There are no pictures of the robot: ", "`cargo build -p viewer` makes it", "Spikes in one episode"]
    {
        assert!(page.contains(expected), "no '{expected}'");
    }
}

#[test]
fn seeds_are_drawn_as_asked() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (a, b, svg) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c.svg"));
    run(&a, "1", "0.1");
    run(&b, "2", "0.1");
    let plot = |more: &[&str]| {
        let _ = succeed(&[&["plot", text(&a), text(&b), "--out", text(&svg)], more].concat());
        read(&svg)
    };
    assert!(plot(&[]).contains("Line: interquartile mean over seeds. Band: its 95 % bootstrap interval."));
    let other = plot(&["--line", "median", "--band", "range"]);
    assert!(other.contains("Line: median over seeds. Band: lowest to highest seed."));
    let message = refuse(&["plot", text(&a), "--line", "mode"], 2);
    assert!(message.contains("possible values: iqm, mean, median"), "{message}");
}

#[test]
fn a_sweep_ends_with_a_page_that_names_what_failed() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = folder.path().join("some.ron");
    // No member of a search that wide has a finite fitness.
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=4", "run.eval_every=2", "run.eval_episodes=2", "rollout.horizon=20",
              "strategy.population=8"],
        axes: [
            List(path: "strategy.sigma", values: [0.1, 1e300]),
            LogRange(path: "rollout.clip", from: 4, to: 8, steps: 2),
            Choice(name: "size", options: {"a <b>": ["rollout.episodes=1"], "two": ["rollout.episodes=2"]}),
        ],
        seeds: [1, 2],
    )"#;
    fs::write(&file, content).expect("scratch file");
    let out = folder.path().join("out");
    let _ = succeed(&["sweep", "--config", text(&file), "--out", text(&out), "-q"]);
    let page = read(&out.join("report.html"));
    check_page(&page);
    for expected in [
        "Failed trials",
        "4 done, 4 failed",
        "t0005",
        "has a finite fitness",
        "a &lt;b&gt;",
        "parallel coordinates",
        "variance explained",
        "best so far",
        "--set strategy.sigma=0.1",
        &format!("evo sweep --config {}/sweep.ron", out.display()),
    ] {
        assert!(page.contains(expected), "no '{expected}'");
    }
    // The same pictures as files.
    let pictures = succeed(&["plot", text(&out)]);
    assert_eq!(pictures.lines().count(), 8, "{pictures}");
    for (kind, expected) in [
        ("curves", "t0000: sigma 0.1"),
        ("history", "best so far"),
        ("history", "return of the last evaluation, median over seeds"),
        ("curves", "Line: median over seeds."),
        ("curves", "evaluation return"),
        ("parallel", "return of the last evaluation"),
        ("parallel", "failed or unfinished trial"),
        ("effects", "strategy.sigma"),
    ] {
        let svg = read(&out.join(format!("{kind}.svg")));
        assert!(
            svg.contains(expected) || svg.contains(expected.trim_start_matches("strategy.")),
            "{kind}: {svg}"
        );
    }
    let one = folder.path().join("one.png");
    let printed = succeed(&["plot", text(&out), "--kind", "effects", "--out", text(&one)]);
    assert_eq!(printed.trim_end(), text(&one));
    assert!(fs::read(&one).expect("picture").starts_with(b"\x89PNG"));
    let message = refuse(&["plot", text(&out), "--out", text(&one)], 2);
    assert!(message.contains("give a --kind"), "{message}");
    let message = refuse(&["plot", text(&out.join("trials/t0000/s1")), "--kind", "effects"], 2);
    assert!(message.contains("--kind effects is a picture of a sweep"), "{message}");
    // What cannot be written is no mistake in the request.
    let message = refuse(&["report", text(&out), "--out", text(&out.join("none/page.html"))], 1);
    assert!(message.contains("cannot write report"), "{message}");
    fs::remove_file(out.join("report.html")).expect("report");
    let again = ["report", text(&out), "--no-robot"];
    assert_eq!(succeed(&again).trim_end(), text(&out.join("report.html")));
    assert_eq!(read(&out.join("report.html")), page, "the same folder gives the same page");

    // A row per run, for pandas.
    let trials = read(&out.join("trials.csv"));
    let rows: Vec<&str> = trials.lines().collect();
    assert_eq!(
        rows[0],
        "trial,seed,generations,value,env_steps,wall_s,folder,strategy.sigma,rollout.clip,size"
    );
    assert_eq!(rows.len(), 1 + 4 * 2);
    assert!(rows[1].starts_with("t0000,1,4,") && rows[1].ends_with(",trials/t0000/s1,0.1,4.0,a <b>"));

    // The command of the page does the same again.
    let again = folder.path().join("again");
    let sweep = out.join("sweep.ron");
    let _ = succeed(&["sweep", "--config", text(&sweep), "--out", text(&again), "-q"]);
    assert_eq!(read(&again.join("sweep.csv")), read(&out.join("sweep.csv")));

    let message = refuse(&["report", text(&out), text(&again)], 2);
    assert!(message.contains("about runs or about one sweep"), "{message}");
    let message = refuse(&["report", text(&folder.path().join("none"))], 2);
    assert!(message.contains("is not a run folder: it does not exist"), "{message}");
    // Without its runs it still tells what the journal knows; damaged, it is refused.
    fs::remove_dir_all(out.join("trials")).expect("trials");
    let _ = succeed(&["report", text(&out), "--no-robot"]);
    check_page(&read(&out.join("report.html")));
    fs::write(out.join("journal.jsonl"), "{}\n").expect("journal");
    assert!(refuse(&["report", text(&out), "--no-robot"], 2).contains("journal.jsonl:1: "));
}

#[test]
fn training_with_labels_has_a_page_too() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = |name: &str| {
        let out = folder.path().join(name);
        let train = ["finetune", "--config", "yin_yang.ron", "--generations", "2", "-q", "--out", text(&out)];
        let _ = succeed(&train);
        out
    };
    let (a, other) = (run("a"), folder.path().join("b"));
    let _ = succeed(&["report", text(&a)]);
    let page = read(&a.join("report.html"));
    check_page(&page);
    for expected in ["YinYang", "#test accuracy", "Confusion", "loss and accuracy over epochs", "evo eval"] {
        assert!(page.contains(expected.trim_start_matches('#')), "no '{expected}'");
    }
    let summary: serde_json::Value = serde_json::from_str(&read(&a.join("summary.json"))).expect("JSON");
    let accuracy = 100.0 * summary["test_accuracy"].as_f64().expect("number");
    assert!(page.contains(&format!(">{accuracy:.2} %<")), "{accuracy}");
    self::run(&other, "1", "0.1");
    let message = refuse(&["report", text(&a), text(&other)], 2);
    assert!(message.contains("cannot be reported together with others"), "{message}");
}
