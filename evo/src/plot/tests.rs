//! Figures of run folders.

#![expect(clippy::unwrap_used, reason = "tests")]

use records::columns::header;
use records::folder::{First, RunFolder};
use records::metrics::{MetricsRow, MetricsWriter};

use super::*;

/// A run whose evaluation rises to `top`, in a folder of its own.
fn run(root: &Path, name: &str, config: &str, generations: u64, top: f64) -> PathBuf {
    let validated = config.contains("validate");
    let first = First {
        config,
        provenance: "{}".to_owned(),
        metrics: header(&[], validated),
        checkpoint: Vec::new(),
        ended: None,
    };
    let (folder, _) = RunFolder::create(Some(&root.join(name)), "x", 1, &first).unwrap();
    let (mut metrics, _) = MetricsWriter::resume(&folder.metrics(), &[], validated, (0, None)).unwrap();
    for generation in 1..=generations {
        let x = generation as f64 / generations as f64;
        let wobble = libm::sin(generation as f64 * (1.0 + top / 1000.0)) * 40.0;
        let value = top * x * (2.0 - x) + wobble;
        metrics
            .push(&MetricsRow {
                generation,
                env_steps: generation * (20_000 + top as u64),
                wall_s: generation as f64 * 2.7,
                fitness_mean: value * 0.8 + wobble - if generation == 3 { 9000.0 } else { 0.0 },
                eval_return_mean: generation.is_multiple_of(5).then_some(value),
                validation_return_mean: generation.is_multiple_of(5).then_some(value * 1.5),
                ..MetricsRow::default()
            })
            .unwrap();
    }
    root.join(name)
}

fn config(sigma: f64, seed: u64) -> String {
    format!(
        "(env: Ant(healthy_z: (0.2, 1.0)), controller: Snn(), strategy: OpenEs(sigma: {sigma}), \
         run: (seed: {seed}))"
    )
}

#[test]
fn seeds_are_grouped_and_groups_named_by_what_differs() {
    let root = tempfile::tempdir().unwrap();
    let make = |name: &str, config: &str| run(root.path(), name, config, 10, 100.0);
    let runs = [make("a", &config(0.1, 1)), make("b", &config(0.1, 2)), make("c", &config(0.2, 1))];
    let figure = Figure::read(&runs, None).unwrap();
    assert_eq!(figure.title, "Ant");
    assert_eq!(figure.value, Value::Evaluation);
    let groups: Vec<_> = figure.groups.iter().map(|group| (group.label.as_str(), group.runs.len())).collect();
    assert_eq!(groups, [("sigma 0.1", 2), ("sigma 0.2", 1)]);
    assert!(figure.training.is_empty());

    let other =
        make("d", "(env: Ant(), controller: Snn(), strategy: CmaEs(sigma: 0.1, n: 3), run: (seed: 1))");
    let figure = Figure::read(&[runs[0].clone(), other], Some("T")).unwrap();
    let labels: Vec<_> = figure.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["healthy z (0.2, 1.0), OpenEs", "CmaEs"]);
    assert_eq!(figure.title, "T");
    let same_env = config(0.1, 1).replace("OpenEs", "CmaEs");
    let third = make("f", &same_env);
    let figure = Figure::read(&[runs[0].clone(), runs[2].clone(), third], None).unwrap();
    let labels: Vec<_> = figure.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["OpenEs, sigma 0.1", "OpenEs, sigma 0.2", "CmaEs"]);

    // Whatever else differs, by what trains.
    let with = |name: &str, field: &str| {
        make(
            name,
            &config(0.2, 1)
                .replace("(env", &format!("({field}, env"))
                .replace("seed", "generations: 9, seed"),
        )
    };
    let tuned = with("g", "task: Ppo(worlds: 4)");
    let both = with("h", "refine: (iterations: 3, ppo: (worlds: 4))");
    let figure = Figure::read(&[runs[0].clone(), tuned.clone(), both], None).unwrap();
    let labels: Vec<_> = figure.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["OpenEs", "Ppo", "OpenEs with gradients"]);
    assert_eq!(Figure::read(&[tuned], None).unwrap().groups[0].label, "Ppo, Snn");

    let single = Figure::read(&runs[..1], None).unwrap();
    assert_eq!(single.groups[0].label, "OpenEs, Snn");
    assert_eq!(single.training.len(), 10);
    assert_eq!(single.groups[0].runs[0].len(), 2);
    // The outlier of training does not set the scale.
    let long = Figure::read(&[run(root.path(), "e", &config(0.1, 1), 60, 100.0)], None).unwrap();
    assert!(long.range().0 > -1000.0, "{:?}", long.range());
}

#[test]
fn both_formats_are_written_and_hold_the_texts() {
    let root = tempfile::tempdir().unwrap();
    let runs = [
        run(root.path(), "a", &config(0.1, 1), 30, 900.0),
        run(root.path(), "b", &config(0.1, 2), 30, 1000.0),
    ];
    let figure = Figure::read(&runs, None).unwrap();
    let (svg, png) = (root.path().join("c.svg"), root.path().join("c.png"));
    figure.write(&svg).unwrap();
    figure.write(&png).unwrap();
    let text = std::fs::read_to_string(&svg).unwrap();
    for expected in [
        "Ant",
        "control steps",
        "wall time (s)",
        "evaluation return",
        "OpenEs, Snn (2 seeds)",
        "Line: interquartile mean over seeds. Band: its 95 % bootstrap interval.",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n"));
    figure.write(&root.path().join("again.svg")).unwrap();
    assert_eq!(text, std::fs::read_to_string(root.path().join("again.svg")).unwrap());
    let left: Vec<_> = std::fs::read_dir(root.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("tmp"))
        .collect();
    assert!(left.is_empty());
}

#[test]
fn evaluations_in_another_engine_are_drawn_beside() {
    let root = tempfile::tempdir().unwrap();
    let validated = |sigma: f64| config(sigma, 1).replace("(env", "(physics: (validate: Some(Rapier)), env");
    let runs = [
        run(root.path(), "a", &validated(0.1), 30, 900.0),
        run(root.path(), "b", &validated(0.2), 30, 900.0),
        run(root.path(), "c", &config(0.1, 1), 30, 900.0),
    ];
    let draw = |runs: &[PathBuf]| {
        let figure = Figure::read(runs, None).unwrap();
        let svg = root.path().join("c.svg");
        figure.write(&svg).unwrap();
        (figure, std::fs::read_to_string(&svg).unwrap())
    };
    let (figure, text) = draw(&runs[..1]);
    assert!(text.contains("evaluated in rapier"), "{text}");
    // A dot per evaluation in each of two panels, and one in the legend.
    assert_eq!(text.matches("<circle").count(), 2 * 6 + 1);
    let validation = figure.groups[0].validation.as_ref().unwrap();
    assert_eq!(validation.runs[0][0].value, 1.5 * figure.groups[0].runs[0][0].value);
    assert!(figure.range().1 > 1.4 * 900.0, "the scale holds both: {:?}", figure.range());
    let (_, text) = draw(&runs[..2]);
    assert!(text.contains("sigma 0.2, evaluated in rapier"), "{text}");
    let (figure, text) = draw(&runs[2..]);
    assert!(figure.groups[0].validation.is_none() && !text.contains("evaluated in"));
}

#[test]
fn a_line_reaches_as_far_as_its_longest_seed_and_shows_which_have_ended() {
    let root = tempfile::tempdir().unwrap();
    let runs = [
        run(root.path(), "a", &config(0.1, 1), 60, 100.0),
        run(root.path(), "b", &config(0.1, 2), 20, 100.0),
        run(root.path(), "c", &config(0.1, 3), 60, 100.0),
    ];
    let figure = Figure::read(&runs, None).unwrap();
    let generations = figure.abscissa(Axis::Generation);
    let series = figure.panel(&generations).series;
    let reach = |series: &&Series| series.points.last().map(|point| point.0);
    let whole = series.iter().find(|series| !series.band.is_empty()).unwrap();
    assert!(whole.seeds.iter().all(|&seeds| seeds == 3), "{:?}", whole.seeds);
    assert_eq!((reach(&whole), whole.band.last().map(|at| at.0)), (Some(20.0), Some(20.0)));
    let dashed: Vec<&Series> = series.iter().filter(|series| series.look.dashed).collect();
    assert_eq!((dashed.len(), reach(&dashed[0])), (1, Some(60.0)));
    assert_eq!(dashed[0].points[0], *whole.points.last().unwrap(), "it goes on from there");
    assert_eq!(dashed[0].seeds[..2], [3, 2], "and says of how many");
    let ends: Vec<&Series> = series.iter().filter(|series| series.look.dot > 0).collect();
    assert_eq!((ends.len(), ends[0].points.len(), ends[0].points[0].0), (1, 1, 20.0));
    assert!(
        figure.caption().contains("Dots: a seed ends. Dashed: only those that go on."),
        "{}",
        figure.caption()
    );
    let even = Figure::read(&[runs[0].clone(), runs[2].clone()], None).unwrap();
    let generations = even.abscissa(Axis::Generation);
    assert!(even.panel(&generations).series.iter().all(|series| !series.look.dashed && series.look.dot == 0));
    assert!(!even.caption().contains("Dashed"), "{}", even.caption());
}

#[test]
fn lines_are_called_and_axes_chosen_as_one_likes() {
    let root = tempfile::tempdir().unwrap();
    let spiking = config(0.1, 1)
        .replace("Snn()", "Snn(plasticity: [Stdp()], hidden: [Dense(decay: 0.951229424500714)])");
    let runs = [
        run(root.path(), "a", &spiking, 10, 100.0),
        run(root.path(), "b", &spiking.replace("[Stdp()]", "[]").replace("0.951229", "0.81873"), 10, 100.0),
    ];
    let figure = Figure::read(&runs, None).unwrap();
    let labels: Vec<&str> = figure.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["decay 0.951, with plasticity", "decay 0.819, no plasticity"]);
    let error = figure.clone().with_labels(&["one".to_owned()]).unwrap_err().to_string();
    let expected = "there are 1 labels for 2 lines: decay 0.951, with plasticity; decay 0.819, no plasticity";
    assert_eq!(error, expected);
    let error = figure.clone().with_axes(&[Axis::Processor]).unwrap_err().to_string();
    assert!(error.starts_with("processor time is not known"), "{error}");

    std::fs::write(runs[0].join("provenance.json"), "{\"threads\": 4}").unwrap();
    // As in a run of an earlier version.
    std::fs::remove_file(runs[0].join("hashes.json")).unwrap();
    let labels = ["learns".to_owned()];
    let figure = Figure::read(&runs[..1], None).unwrap().with_labels(&labels).unwrap();
    let figure = figure.with_axes(&[Axis::Processor, Axis::Generation]).unwrap();
    let svg = root.path().join("c.svg");
    figure.write(&svg).unwrap();
    let text = std::fs::read_to_string(&svg).unwrap();
    for expected in ["learns", "threads × wall time (s)", "generation", "evaluation return, training fitness"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("control steps"));
    let point = figure.groups[0].runs[0][0];
    assert_eq!((point.generation, point.processor), (5.0, 4.0 * point.wall));
}

#[test]
fn training_beside_evaluations_says_how_long_its_episodes_are() {
    let root = tempfile::tempdir().unwrap();
    let short = config(0.1, 1).replace("(env", "(rollout: (horizon: 500), env");
    let figure = Figure::read(&[run(root.path(), "a", &short, 10, 100.0)], None).unwrap();
    let svg = root.path().join("c.svg");
    figure.write(&svg).unwrap();
    let text = std::fs::read_to_string(&svg).unwrap();
    for expected in [
        "evaluation return, training fitness",
        "training fitness over 500 steps",
        "Training episodes have at most 500 steps.",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // With a config that can be read, both are named, and neither where they are the same.
    let readable =
        "(rollout: (horizon: HORIZON), env: Ant(), controller: Snn(), strategy: OpenEs(population: 4))";
    let draw = |name: &str, horizon: &str| {
        let config = readable.replace("HORIZON", horizon);
        Figure::read(&[run(root.path(), name, &config, 10, 100.0)], None).unwrap().write(&svg).unwrap();
        std::fs::read_to_string(&svg).unwrap()
    };
    let text = draw("b", "500");
    for expected in [
        "evaluation over 1000 steps (OpenEs, Snn)",
        "training fitness over 500 steps",
        "Their episodes have 500 and 1000 steps: two scales.",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!draw("c", "1000").contains("1000 steps"));
}

#[test]
fn a_best_so_far_never_falls() {
    let root = tempfile::tempdir().unwrap();
    let runs = read_all(&[run(root.path(), "a", &config(0.1, 1), 60, 100.0)]).unwrap();
    let figure = Figure::compared(group(runs), String::new(), Value::Best);
    let values: Vec<f64> = figure.groups[0].runs[0].iter().map(|point| point.value).collect();
    assert!(values.is_sorted() && values.len() == 12 && figure.training.is_empty(), "{values:?}");
    assert_eq!(figure.value_name(), "best evaluation return so far");
}

#[test]
fn errors_name_the_file() {
    let root = tempfile::tempdir().unwrap();
    let shown = root.path().display();
    let read = |path: PathBuf| Figure::read(&[path], None).unwrap_err().to_string();
    assert_eq!(
        read(root.path().join("none")),
        format!("{shown}/none is not a run folder: it does not exist")
    );
    let empty = run(root.path(), "empty", &config(0.1, 1), 0, 1.0);
    assert_eq!(read(empty), format!("{shown}/empty/metrics.csv has no finished generation to plot yet"));
    let figure = Figure::read(&[run(root.path(), "a", &config(0.1, 1), 6, 1.0)], None).unwrap();
    let error = figure.write(&root.path().join("c.pdf")).unwrap_err().to_string();
    assert_eq!(error, format!("cannot plot to {shown}/c.pdf: the name must end in .svg or .png"));
    for name in ["no/c.svg", "no/c.png"] {
        let error = figure.write(&root.path().join(name)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot plot to {shown}/{name}: ")), "{error}");
    }
}
