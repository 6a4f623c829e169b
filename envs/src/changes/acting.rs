//! An effect at work in one episode.

use rand::Rng;
use sim::Parameters;

use super::value::Value;
use crate::landscape::Landscape;

/// An effect at work: what an episode has drawn for it, and what that does. All but the first two do
/// nothing unless an effect says so.
pub(crate) trait Acting: Send + Sync + Copied {
    /// Draws what an episode needs; again each time that it begins anew, after `start` control steps.
    fn draw(&mut self, start: usize, rng: &mut dyn Rng);

    /// Writes what holds in the coming step, to the columns that it records and to the task's memory.
    fn set(&mut self, moment: Moment, rng: &mut dyn Rng, memory: &mut [f32], values: &mut [f32]);

    /// Gives back what it has set in the task's memory, before any effect sets something there. `fresh` if
    /// the task has just written it.
    fn give_back(&mut self, _fresh: bool, _memory: &mut [f32]) {}

    /// Puts the robot where the episode begins.
    fn start(&mut self, _start: &mut Start<'_>) {}

    /// Whether the physics depends on its values.
    fn is_physical(&self) -> bool {
        true
    }

    /// Whether it acts on the physics before those that do not: factors on what others add to.
    fn is_first(&self) -> bool {
        false
    }

    /// Changes the physics of the coming step, given what [`Acting::set`] has written.
    fn apply(&self, _values: &[f32], _parameters: &mut Parameters) {}

    /// Largest age of observations that it can ask for, control steps.
    fn oldest(&self) -> usize {
        0
    }

    /// Changes what is seen, given what [`Acting::set`] has written.
    fn sense(&self, _values: &[f32], _rng: &mut dyn Rng, _seen: &mut Seen<'_>) {}
}

/// The coming control step.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Steps before it.
    pub(crate) step: usize,
    /// Whether the change holds.
    pub(crate) on: bool,
}

/// The start of an episode.
pub(crate) struct Start<'a> {
    /// The ground, if it is not the task's.
    pub(crate) landscape: Option<&'a Landscape>,
    /// Where the task puts the robot.
    pub(crate) qpos: &'a mut [f32],
    /// How far along x and y it has been moved from there, m.
    pub(crate) moved: &'a mut [f64; 2],
}

/// What is about to be seen.
pub(crate) struct Seen<'a> {
    /// The observation.
    pub(crate) observation: &'a mut [f32],
    /// Whether it must be brought back into its range.
    pub(crate) clip: bool,
    /// How many control steps ago it was like that.
    pub(crate) age: usize,
}

/// Copies that do not know their type: saving an environment saves what it has drawn.
pub(crate) trait Copied {
    fn copied(&self) -> Box<dyn Acting>;
}

impl<A: Acting + Clone + 'static> Copied for A {
    fn copied(&self) -> Box<dyn Acting> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Acting> {
    fn clone(&self) -> Self {
        self.as_ref().copied()
    }
}

/// An effect of one number on the physics.
#[derive(Clone)]
pub(crate) struct Physical<F> {
    value: Value,
    drawn: f64,
    /// The number while the change does not hold.
    otherwise: f64,
    unit: f64,
    first: bool,
    apply: F,
}

impl<F: Fn(&mut Parameters, f32)> Physical<F> {
    /// A factor.
    pub(crate) fn factor(value: Value, apply: F) -> Self {
        Self { value, drawn: 0.0, otherwise: 1.0, unit: 1.0, first: false, apply }
    }

    /// An amount, told in multiples of `unit`.
    pub(crate) fn amount(value: Value, unit: f64, apply: F) -> Self {
        Self { otherwise: 0.0, unit, ..Self::factor(value, apply) }
    }

    /// Acts before others; see [`Acting::is_first`].
    pub(crate) fn first(self) -> Self {
        Self { first: true, ..self }
    }
}

impl<F: Fn(&mut Parameters, f32) + Clone + Send + Sync + 'static> Acting for Physical<F> {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.value.draw(rng);
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        let number = if moment.on { self.drawn } else { self.otherwise };
        values[0] = (number * self.unit) as f32;
    }

    fn is_first(&self) -> bool {
        self.first
    }

    fn apply(&self, values: &[f32], parameters: &mut Parameters) {
        (self.apply)(parameters, values[0]);
    }
}
