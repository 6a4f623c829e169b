//! Changes that several test programs try.

use envs::Value::{Fixed, Uniform};
use envs::{Change, Effect, Motors, When};

fn motors(strength: f64, which: Motors) -> Effect {
    Effect::Motors { strength: Fixed(strength), which }
}

/// One of every effect that fits every task.
pub fn everything() -> Vec<Change> {
    let when = When::From(Uniform(5, 25));
    vec![
        Change::always(Effect::Friction(Uniform(0.5, 1.5))),
        Change::always(Effect::Gravity(Uniform(0.9, 1.1))),
        Change { effect: Effect::Slope(Uniform(-0.05, 0.05)), when },
        Change::always(Effect::Mass(Uniform(0.8, 1.2))),
        Change { effect: Effect::Payload { mass: Uniform(0.0, 0.2), body: None }, when },
        Change::always(Effect::Motors { strength: Uniform(0.5, 1.0), which: Motors::AnyLimb }),
        Change { effect: motors(0.0, Motors::AnyOne), when },
        Change::always(Effect::Pushes { force: Uniform(0.0, 0.2), seconds: 0.1, pause: Uniform(0.0, 0.5) }),
        Change::always(Effect::Wind { force: Uniform(0.0, 0.1), direction: None }),
        Change::always(Effect::Noise(Uniform(0.0, 0.1))),
        Change { effect: Effect::Delay(Uniform(0, 4)), when },
    ]
}
