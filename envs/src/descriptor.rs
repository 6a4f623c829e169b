//! What a task offers to tell one way of behaving from another: the descriptors of quality diversity.

use sim::Model;

use crate::anatomy::{moves, trunk};
use crate::senses::label;
use crate::{Channel, Spec};

/// Speed that the ranges of places allow for, m/s: what a slow robot makes.
const SPEED: f64 = 0.5;

/// What is measured in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How far the trunk has come along an axis of the world, 0 for x and 1 for y, from the start to the end, m.
    Way(usize),
    /// Height of the trunk's origin above the world's, mean over the control steps, m.
    Height,
    /// Part of the control steps after which a body touches something, 0 to 1.
    Contact(usize),
}

/// A descriptor that a task offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// Name, unit and the range that an archive covers unless a config says otherwise.
    pub channel: Channel,
    /// What it is.
    pub measure: Measure,
}

impl Descriptor {
    /// Those of any robot that is not fixed to the ground: `x` and `y` (if it can move along them), `height`, and
    /// `NAME contact` of every body that has a shape. None of one that is fixed.
    ///
    /// The trunk is the body that carries all that the first motor moves. `x` and `y` cover what half a metre per second
    /// makes in the time limit, `height` twice the height in the file's pose.
    #[must_use]
    pub fn of_robot(model: &Model, spec: &Spec) -> Vec<Self> {
        let root = trunk(model);
        let moves = moves(model, root);
        let along = |axis: usize| moves.iter().any(|(_, direction)| direction[axis].abs() > 1e-9);
        let far = (SPEED * spec.control_dt * spec.horizon as f64) as f32;
        let mut all = Vec::new();
        let mut add = |name: String, unit, (low, high), measure| {
            all.push(Self { channel: Channel::bounded(name, unit, low, high), measure });
        };
        for axis in (0..2).filter(|&axis| along(axis)) {
            add(["x", "y"][axis].to_owned(), "m", (-far, far), Measure::Way(axis));
        }
        if along(2) {
            let height = 2.0 * model.bodies[root].pos[2] as f32;
            let high = if height > 0.0 { height } else { 1.0 };
            add("height".to_owned(), "m", (0.0, high), Measure::Height);
        }
        if !moves.is_empty() {
            let shaped = |body: &usize| model.geoms.iter().any(|geom| geom.body == *body);
            for body in (1..model.bodies.len()).filter(shaped) {
                let name = format!("{} contact", label(model, body));
                add(name, "", (0.0, 1.0), Measure::Contact(body));
            }
        }
        all
    }
}
