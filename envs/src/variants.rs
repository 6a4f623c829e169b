//! The settings that make a task Gymnasium's or Brax's own.

use crate::task::Observations;
use crate::{
    EnvConfig, Variant, ant, hopper, humanoid, humanoid_standup, inverted_double_pendulum, inverted_pendulum,
    pusher, reacher, walker2d,
};

/// Every task that both have, in alphabetical order, with the settings that follow either of them in
/// everything but what the task's list of differences says.
#[must_use]
pub fn variants() -> Vec<(Variant, EnvConfig)> {
    let standup = humanoid_standup::Config::default();
    let double = inverted_double_pendulum::Config::default();
    let brax = [
        EnvConfig::Ant(ant::Config { terminal_bonus: true, ..ant::Config::default() }),
        EnvConfig::HalfCheetah(crate::half_cheetah::Config::default()),
        EnvConfig::Hopper(hopper::Config { terminal_bonus: true, ..hopper::Config::default() }),
        EnvConfig::Humanoid(humanoid::Config {
            contact_cost_weight: 0.0,
            terminal_bonus: true,
            observations: Observations::Brax,
            ..humanoid::Config::default()
        }),
        EnvConfig::HumanoidStandup(humanoid_standup::Config {
            uph_cost_weight: 0.2,
            ctrl_cost_weight: 0.01,
            contact_cost_weight: 0.0,
            start: Variant::Brax,
            observations: Observations::Brax,
            ..standup
        }),
        EnvConfig::InvertedDoublePendulum(inverted_double_pendulum::Config {
            reset_noise_scale: 0.01,
            frame_skip: 2,
            observations: Observations::Brax,
            ..double
        }),
        EnvConfig::InvertedPendulum(inverted_pendulum::Config {
            terminal_bonus: true,
            ..inverted_pendulum::Config::default()
        }),
        EnvConfig::Pusher(pusher::Config {
            start: Variant::Brax,
            reward_before_step: true,
            horizon: 1000,
            ..pusher::Config::default()
        }),
        EnvConfig::Reacher(reacher::Config {
            targets: Variant::Brax,
            horizon: 1000,
            observations: Observations::Brax,
            ..reacher::Config::default()
        }),
        EnvConfig::Swimmer(crate::swimmer::Config::default()),
        EnvConfig::Walker2d(walker2d::Config { terminal_bonus: true, ..walker2d::Config::default() }),
    ];
    let gymnasium = |name: &str| match EnvConfig::from_name(name) {
        Some(EnvConfig::Ant(ant)) => EnvConfig::Ant(ant::Config {
            contact_cost_weight: 5e-4,
            start: Variant::Gymnasium,
            observations: Observations::Gymnasium,
            ..ant
        }),
        // The defaults are Gymnasium's.
        other => other.expect("every task has a name"),
    };
    let both = |brax: EnvConfig| [(Variant::Gymnasium, gymnasium(brax.name())), (Variant::Brax, brax)];
    brax.into_iter().flat_map(both).collect()
}
