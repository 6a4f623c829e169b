//! Changed environments by name, as the command line asks for them.

use envs::{Change, EnvError, presets};

use crate::config::{Config, InvalidField, require};

/// The name of the task as it is, without changes.
pub const NONE: &str = "none";
/// The name of the config's own list, [`Config::changes`].
pub const OWN: &str = "config";

/// The changes that `text` names, joined by `+`: ready-made ones, lists that `config` defines, its own
/// list as [`OWN`], or [`NONE`].
///
/// # Errors
/// [`EnvError::Preset`] with the names that there are.
pub fn named(text: &str, config: &Config) -> Result<Vec<Change>, EnvError> {
    let one = |name: &str| match (name, config.change_lists.get(name)) {
        (NONE, _) => Ok(Vec::new()),
        (OWN, _) => Ok(config.changes.clone()),
        (_, Some(list)) => Ok(list.clone()),
        _ => Change::preset(name),
    };
    let lists: Result<Vec<_>, _> = text.split('+').map(one).collect();
    lists.map(|lists| lists.concat()).map_err(|error| match error {
        EnvError::Preset { name, valid } => {
            let own: String = config.change_lists.keys().map(|name| format!("{name}, ")).collect();
            EnvError::Preset { name, valid: format!("{NONE}, {OWN}, {own}{valid}; several joined by +") }
        }
        other => other,
    })
}

/// Checks the name of a list that a config defines.
///
/// # Errors
/// If [`named`] could not tell it from another one.
pub fn check_name(name: &str) -> Result<(), InvalidField> {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let taken = [NONE, OWN].contains(&name) || presets().iter().any(|preset| preset.0 == name);
    let valid = !name.is_empty() && name.chars().all(plain) && !taken;
    let expected = "a name of letters, digits, _ and - that no ready-made change has (evo list changes)";
    require(valid, "change_lists", format!("{{\"{name}\": …}}"), expected)
}

/// Name, description and contents of everything that [`named`] knows but [`NONE`].
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Vec<Change>)> {
    presets().iter().map(|&(name, summary)| (name, summary, Change::preset(name).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text;

    use super::*;

    #[test]
    fn names_compose_and_unknown_ones_are_refused() {
        let text = r#"(env: Ant(), strategy: OpenEs(), changes: [(effect: Mass(Fixed(1.5)))],
            change_lists: {"icy": [(effect: Friction(Fixed(0.1)))]})"#;
        let config: Config = text::parse("a.ron", text).unwrap();
        let (wind, noise) = (Change::preset("wind").unwrap(), Change::preset("noise").unwrap());
        assert_eq!(named("wind+noise", &config).unwrap(), [wind, noise.clone()].concat());
        assert_eq!(named(NONE, &config).unwrap(), []);
        assert_eq!(named(OWN, &config).unwrap(), config.changes);
        let icy = config.change_lists["icy"].clone();
        assert_eq!(
            named("icy+config+noise", &config).unwrap(),
            [icy, config.changes.clone(), noise].concat()
        );
        let error = named("wind+storm", &config).unwrap_err().to_string();
        assert!(
            error.starts_with("unknown change 'storm' (valid: none, config, icy, broken_leg, "),
            "{error}"
        );
        assert!(all().all(|(_, _, changes)| !changes.is_empty()));
    }

    #[test]
    fn names_of_lists_are_their_own() {
        assert_eq!(check_name("icy-slope_2"), Ok(()));
        for name in ["", "none", "config", "wind", "wind+noise", "a,b", "a b"] {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("change_lists = {{\"{name}\": …}}: must be")), "{error}");
        }
    }
}
