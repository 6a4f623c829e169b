//! Names of lists of changes.

use envs::presets;

use crate::field::{InvalidField, require};

/// The name of the task as it is, without changes.
pub const NONE: &str = "none";
/// The name of the config's own list, [`Config::changes`](crate::config::Config::changes).
pub const OWN: &str = "config";

/// Checks the name of a list that a config defines.
///
/// # Errors
/// If [`named`](crate::changes::named) could not tell it from another one.
pub fn check_name(name: &str) -> Result<(), InvalidField> {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let taken = [NONE, OWN].contains(&name) || presets().iter().any(|preset| preset.0 == name);
    let valid = !name.is_empty() && name.chars().all(plain) && !taken;
    let expected = "a name of letters, digits, _ and - that no ready-made change has (evo list changes)";
    require(valid, "change_lists", format!("{{\"{name}\": …}}"), expected)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_of_lists_are_their_own() {
        assert_eq!(check_name("icy-slope_2"), Ok(()));
        for name in ["", "none", "config", "wind", "wind+noise", "a,b", "a b"] {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("change_lists = {{\"{name}\": …}}: must be")), "{error}");
        }
    }
}
