//! Configs as a person writes them, and what a wrong one is told.

use envs::{EnvConfig, ant};
use ron::extensions::Extensions;

fn read(text: &str) -> Result<EnvConfig, ron::error::SpannedError> {
    ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES).from_str(text)
}

#[test]
fn configs_are_short_and_default_to_the_reference() {
    assert_eq!(read("Ant()").unwrap(), EnvConfig::Ant(ant::Config::default()));
    let expected = ant::Config { healthy_reward: 0.5, ..ant::Config::default() };
    assert_eq!(read("Ant(healthy_reward: 0.5)").unwrap(), EnvConfig::Ant(expected));
    let range = read("Ant(healthy_z_range: (0.3, 0.9))").unwrap();
    let expected = ant::Config { healthy_z_range: (0.3, 0.9), ..ant::Config::default() };
    assert_eq!(range, EnvConfig::Ant(expected));
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let error = read("Ant(helthy_reward: 0.5)").unwrap_err().to_string();
    assert!(error.contains("helthy_reward") && error.contains("`healthy_reward`"), "{error}");
    let error = read("Ent()").unwrap_err().to_string();
    assert!(error.contains("Ent") && error.contains("HalfCheetah"), "{error}");
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    for (text, message) in [
        (
            "Ant(healthy_z_range: (1.0, 0.2))",
            "env ant: healthy_z_range = (1, 0.2): expected (low, high), both finite, low < high",
        ),
        (
            "Ant(reset_noise_scale: -0.1)",
            "env ant: reset_noise_scale = -0.1: expected a finite number of at least 0",
        ),
        (
            "HalfCheetah(forward_reward_weight: NaN)",
            "env half_cheetah: forward_reward_weight = NaN: expected a finite number",
        ),
        (
            "InvertedPendulum(max_angle: 0.0)",
            "env inverted_pendulum: max_angle = 0: expected a finite number above 0",
        ),
        (
            "InvertedPendulum(max_angle: inf)",
            "env inverted_pendulum: max_angle = inf: expected a finite number above 0",
        ),
    ] {
        let error = read(text).unwrap().build().err().unwrap();
        assert_eq!(error.to_string(), message);
    }
}
