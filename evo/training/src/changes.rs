//! Changed environments by name, as the command line asks for them.

use envs::{Change, EnvError, presets};

use crate::change_names::{NONE, OWN};
use crate::config::Config;

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
}
