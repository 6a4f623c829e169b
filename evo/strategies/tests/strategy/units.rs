//! Widths and steps that mean the same for any number of parameters, and schedules in every strategy.

use strategies::{OptimizerConfig, Search, StrategyConfig};

use super::{mean, population};

fn read(json: &str) -> StrategyConfig {
    serde_json::from_str(json).unwrap()
}

fn start(json: &str, n: usize) -> Search {
    let config = read(json);
    config.build(&config.start(vec![0.4; n]), 5).unwrap()
}

/// A generation with a slope in every coordinate; returns the step of the mean.
fn advance(search: &mut Search) -> Vec<f64> {
    let before = mean(search);
    let fitness: Vec<f64> = population(search).iter().map(|x| x.iter().sum()).collect();
    search.tell(&fitness).unwrap();
    mean(search).iter().zip(before).map(|(after, before)| after - before).collect()
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn a_radius_is_sigma_times_the_root_of_the_dimension() {
    for name in ["OpenEs", "Ars", "Pgpe", "Snes"] {
        for n in [4, 100] {
            let population = r#""population": 10"#;
            let radius = start(&format!(r#"{{"{name}": {{"radius": 0.6, {population}}}}}"#), n);
            let sigma = 0.6 / (n as f64).sqrt();
            assert!((radius.sigma() / sigma - 1.0).abs() < 1e-12, "{name}");
            let mut told = start(&format!(r#"{{"{name}": {{"sigma": {sigma}, {population}}}}}"#), n);
            let mut radius = radius;
            assert_eq!(advance(&mut radius), advance(&mut told), "{name}");
        }
    }
}

#[test]
fn steps_in_parts_of_the_radius_have_the_same_relative_length_for_any_width() {
    let optimizers = [
        r#"{"Sgd": {"learning_rate": 0.1, "momentum": 0.0}}"#,
        r#"{"ClipUp": {"learning_rate": 0.1}}"#,
        r#"{"Adam": {"learning_rate": 0.1}}"#,
    ];
    for name in ["OpenEs", "Ars", "Pgpe"] {
        for optimizer in optimizers {
            let step = |radius: f64, more: &str| {
                let text = format!(
                    r#"{{"{name}": {{"population": 20, "radius": {radius}, "optimizer": {optimizer} {more}}}}}"#
                );
                length(&advance(&mut start(&text, 50))) / radius
            };
            let unit = r#", "step_unit": "Radius""#;
            let (narrow, wide) = (step(0.2, unit), step(3.0, unit));
            assert!((narrow / wide - 1.0).abs() < 1e-4, "{name}, {optimizer}: {narrow} {wide}");
            if !optimizer.contains("Sgd") {
                assert!((narrow - 0.1).abs() < 1e-3, "{name}, {optimizer}: {narrow}");
            }
            // The gradient of PGPE is in parameter units already.
            if name == "Pgpe" && optimizer.contains("Sgd") {
                continue;
            }
            let (narrow, wide) = (step(0.2, ""), step(3.0, ""));
            assert!((narrow / wide - 1.0).abs() > 0.5, "{name}, {optimizer}: {narrow} {wide}");
        }
    }
    // The whole ClipUp: with a constant direction, steps grow up to the part `max_speed`.
    let text = r#"{"Pgpe": {"population": 400, "radius": 0.5, "step_unit": "Radius", "sigma_rate": 0.0,
        "optimizer": {"ClipUp": {"learning_rate": 0.0075, "max_speed": 0.015}}}}"#;
    let mut search = start(text, 3);
    let longest = (0..20).map(|_| length(&advance(&mut search))).fold(0.0, f64::max);
    assert!((longest - 0.015 * 0.5).abs() < 1e-6, "{longest}");
}

#[test]
fn learning_rates_follow_their_schedule_in_every_strategy_that_has_one() {
    let info = |config: &StrategyConfig| config.info().config;
    let mut tried = Vec::new();
    for config in StrategyConfig::defaults().iter().filter(|config| config.has("schedule")) {
        tried.push(config.name());
        let started = |schedule: &str| {
            let mut json = serde_json::to_value(config).unwrap();
            let fields = json[info(config)].as_object_mut().unwrap();
            fields.insert("population".to_owned(), 10.into());
            fields.insert("schedule".to_owned(), serde_json::from_str(schedule).unwrap());
            if fields.contains_key("optimizer") {
                let sgd = OptimizerConfig::Sgd { learning_rate: 0.01, momentum: 0.0 };
                fields.insert("optimizer".to_owned(), serde_json::to_value(sgd).unwrap());
            }
            start(&json.to_string(), 7)
        };
        let mut constant = started(r#""Constant""#);
        let mut falling = started(r#"{"Linear": {"to": 0.25, "generations": 2}}"#);
        for factor in [1.0, 0.625, 0.25, 0.25] {
            // From the same place.
            falling.restore(&constant.state()).unwrap();
            let (whole, part) = (advance(&mut constant), advance(&mut falling));
            for (whole, part) in whole.iter().zip(part) {
                assert!((factor * whole - part).abs() < 1e-9, "{config:?}: {factor} {whole} {part}");
            }
        }
    }
    assert_eq!(tried, ["open_es", "pgpe", "snes", "xnes", "ars", "ec", "low_rank_es"]);
}

#[test]
fn fixed_noise_follows_its_schedule() {
    for name in ["OpenEs", "Ars"] {
        let text = format!(
            r#"{{"{name}": {{"population": 400, "radius": 5.0, "optimizer": {{"Sgd": {{"learning_rate": 1e-9}}}},
            "sigma_schedule": {{"Exponential": {{"to": 0.01, "generations": 2}}}}}}}}"#
        );
        let mut search = start(&text, 25);
        for sigma in [1.0, 0.1, 0.01, 0.01] {
            let members = population(&mut search);
            let square = members.concat().iter().map(|x| (x - 0.4).powi(2)).sum::<f64>() / 1e4;
            assert!((square.sqrt() / sigma - 1.0).abs() < 0.03, "{name}: {} for {sigma}", square.sqrt());
            let _ = advance(&mut search);
            assert!((search.sigma() - sigma).abs() < 1e-12);
            // The next generation of a run that went on has the noise that is due.
            let mut resumed = start(&text, 25);
            resumed.restore(&search.state()).unwrap();
            assert_eq!(population(&mut resumed), population(&mut search));
        }
    }
}

#[test]
fn noise_told_in_actions_needs_somebody_who_measures_it() {
    let config = read(r#"{"Ars": {"action_sigma": 0.2}}"#);
    assert_eq!((config.validate(), config.action_sigma()), (Ok(()), Some(0.2)));
    let error = config.build::<f64>(&[0.0; 3], 1).err().unwrap().to_string();
    assert!(error.contains("`action_sigma` is 0.2, expected None here: only the training of"), "{error}");
    let told = config.with_sigma(0.03);
    assert_eq!(told.action_sigma(), None);
    assert_eq!(told.build::<f64>(&[0.0; 3], 1).unwrap().sigma(), 0.03);
}
