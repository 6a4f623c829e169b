//! Changes that several tests try.

use envs::Value::{Fixed, Uniform};
use envs::changes::{
    delay::Delay, friction::Friction, gravity::Gravity, mass::Mass, motors::MotorStrength, noise::Noise,
    payload::Payload, pushes::Pushes, slope::Slope, wind::Wind,
};
use envs::{Change, Effect, Motors, When};

fn motors(strength: f64, which: Motors) -> Effect {
    MotorStrength { strength: Fixed(strength), which }.into()
}

/// One of every effect that fits every task.
pub fn everything() -> Vec<Change> {
    let when = When::From(Uniform(5, 25));
    vec![
        Change::always(Friction(Uniform(0.5, 1.5))),
        Change::always(Gravity(Uniform(0.9, 1.1))),
        Change { effect: Slope(Uniform(-0.05, 0.05)).into(), when },
        Change::always(Mass(Uniform(0.8, 1.2))),
        Change { effect: Payload { mass: Uniform(0.0, 0.2), body: None }.into(), when },
        Change::always(MotorStrength { strength: Uniform(0.5, 1.0), which: Motors::AnyLimb }),
        Change { effect: motors(0.0, Motors::AnyOne), when },
        Change::always(Pushes { force: Uniform(0.0, 0.2), seconds: 0.1, pause: Uniform(0.0, 0.5) }),
        Change::always(Wind { force: Uniform(0.0, 0.1), direction: None }),
        Change::always(Noise(Uniform(0.0, 0.1))),
        Change { effect: Delay(Uniform(0, 4)).into(), when },
    ]
}
