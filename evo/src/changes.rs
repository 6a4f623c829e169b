//! Changed environments by name, as the command line asks for them.

use envs::{Change, EnvError, presets};

/// The name of the task as it is, without changes.
pub const NONE: &str = "none";

/// The changes that `text` names: ready-made ones, joined by `+`, or [`NONE`].
///
/// # Errors
/// [`EnvError::Preset`] with the names that there are.
pub fn named(text: &str) -> Result<Vec<Change>, EnvError> {
    if text == NONE {
        return Ok(Vec::new());
    }
    let lists: Result<Vec<_>, _> = text.split('+').map(Change::preset).collect();
    lists.map(|lists| lists.concat()).map_err(|error| match error {
        EnvError::Preset { name, valid } => {
            EnvError::Preset { name, valid: format!("{NONE}, {valid}; several joined by +") }
        }
        other => other,
    })
}

/// Name, description and contents of everything that [`named`] knows but [`NONE`].
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Vec<Change>)> {
    presets().iter().map(|&(name, summary)| (name, summary, Change::preset(name).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_compose_and_unknown_ones_are_refused() {
        let (wind, noise) = (Change::preset("wind").unwrap(), Change::preset("noise").unwrap());
        assert_eq!(named("wind+noise").unwrap(), [wind, noise].concat());
        assert_eq!(named(NONE).unwrap(), []);
        let error = named("wind+storm").unwrap_err().to_string();
        assert!(error.starts_with("unknown change 'storm' (valid: none, broken_leg, "), "{error}");
        assert!(all().all(|(_, _, changes)| !changes.is_empty()));
    }
}
