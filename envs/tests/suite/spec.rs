//! What a task says about itself.

use envs::{Channel, EnvConfig};

#[test]
fn actions_are_scaled_to_their_range_and_clipped() {
    let mut spec = EnvConfig::from_name("inverted_pendulum").unwrap().build().unwrap().spec().clone();
    let mut action = [0.0];
    for (unit, expected) in [(-1.0, -3.0), (0.0, 0.0), (0.5, 1.5), (1.0, 3.0), (7.0, 3.0), (-7.0, -3.0)] {
        spec.scale_action(&[unit], &mut action);
        assert_eq!(action[0], expected);
    }
    (spec.actions[0].low, spec.actions[0].high) = (0.0, 4.0);
    spec.scale_action(&[-0.5], &mut action);
    assert_eq!(action[0], 1.0);
    (spec.actions[0].low, spec.actions[0].high) = (-1.0, 1.0);
    spec.scale_action(&[0.123_456_79], &mut action);
    assert_eq!(action[0].to_bits(), 0.123_456_79_f32.to_bits());
}

#[test]
fn channels_are_named_after_the_robot() {
    let ant = EnvConfig::from_name("ant").unwrap().build().unwrap();
    let names = |channels: &[Channel]| -> Vec<String> { channels.iter().map(|c| c.name.clone()).collect() };
    let observations = names(&ant.spec().observations);
    assert_eq!(
        observations[..7],
        [
            "torso z",
            "torso quaternion w",
            "torso quaternion x",
            "torso quaternion y",
            "torso quaternion z",
            "hip_1 angle",
            "ankle_1 angle"
        ]
    );
    assert_eq!(observations[13], "torso velocity x");
    assert_eq!(observations[16], "torso angular velocity x");
    assert_eq!(observations[26], "ankle_4 velocity");
    assert_eq!(names(&ant.spec().actions)[..3], ["hip_4 motor", "ankle_4 motor", "hip_1 motor"]);
}
