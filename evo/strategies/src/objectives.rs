//! The objectives of a search.

use super::{StrategyError, check};

/// The objectives of a search, and where the volume that its front dominates begins.
#[derive(Clone, Copy, Debug)]
pub struct Objectives<'a> {
    /// Names of the objectives, each maximised.
    pub names: &'a [String],
    /// Lowest value of each that counts for the hypervolume; none where the first generation decides.
    pub reference: &'a [f64],
}

impl Objectives<'_> {
    pub(super) fn validate(&self, strategy: &'static str) -> Result<(), StrategyError> {
        let Self { names, reference } = *self;
        if !(2..=8).contains(&names.len()) {
            let expected = "2 to 8 names";
            return Err(check::error(strategy, "objectives", &format!("{names:?}"), expected));
        }
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(check::error(strategy, "objectives", name, "names that differ"));
        }
        let fits = reference.is_empty() || reference.len() == names.len();
        if !fits || reference.iter().any(|value| !value.is_finite()) {
            let expected = "a finite value for each of `objectives`, or none at all";
            return Err(check::error(strategy, "reference", &format!("{reference:?}"), expected));
        }
        Ok(())
    }
}
