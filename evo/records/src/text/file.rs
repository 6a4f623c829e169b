//! Reading typed configs, with errors that show the place.
//!
//! A file may name another one as `base: "ant.ron"` (one level): the rest of the file is then laid
//! over the base, see [`merge`](super::patch::merge).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::document::Document;
use super::error::{CONFIG_FOLDER, ConfigError};
use super::patch;

/// The folder of configs that come with the program.
static SHIPPED: OnceLock<PathBuf> = OnceLock::new();

/// Makes the configs in `folder` known to [`find`], which takes them where there is no other of a name; for programs that
/// bring theirs along. Only the first call counts.
pub fn ship(folder: PathBuf) {
    // A second folder changes nothing.
    let _ = SHIPPED.set(folder);
}

/// Path of a config: the name as given, else under [`CONFIG_FOLDER`], else as it comes with the program ([`ship`]); a name
/// without an ending stands for NAME.ron, too.
///
/// # Errors
/// [`ConfigError::Missing`], which lists the configs that exist.
pub fn find(name: &Path) -> Result<PathBuf, ConfigError> {
    find_in(Path::new(""), name).or_else(|error| {
        let Some(folder) = SHIPPED.get() else { return Err(error) };
        let names = [name.to_owned(), name.with_extension("ron")];
        let paths = names.map(|name| folder.join(name.strip_prefix(CONFIG_FOLDER).unwrap_or(&name)));
        paths.into_iter().find(|path| path.is_file()).ok_or_else(|| match error {
            ConfigError::Missing { name, mut tried, mut known } => {
                tried.push(folder.display().to_string());
                known.extend(configs_in(folder));
                known.sort();
                known.dedup();
                ConfigError::Missing { name, tried, known }
            }
            other => other,
        })
    })
}

/// [`find`] from the folder `root` instead of the current one.
///
/// # Errors
/// As [`find`].
pub fn find_in(root: &Path, name: &Path) -> Result<PathBuf, ConfigError> {
    let folder = root.join(CONFIG_FOLDER);
    let mut candidates = vec![root.join(name), folder.join(name)];
    if name.extension().is_none() {
        let full = name.with_extension("ron");
        candidates.extend([root.join(&full), folder.join(&full)]);
    }
    // Two and two are the same if the name is absolute.
    candidates.dedup();
    if let Some(found) = candidates.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    Err(ConfigError::Missing {
        name: name.display().to_string(),
        tried: candidates.iter().map(|path| path.display().to_string()).collect(),
        known: configs_in(&folder),
    })
}

/// Names of the configs in a folder, sorted; none if it cannot be read.
#[must_use]
pub fn configs_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".ron")).collect();
    names.sort();
    names
}

/// Reads a config file, with its `base` if it names one.
///
/// # Errors
/// See [`ConfigError`]; the path is taken as given ([`find`] comes first).
pub fn read<T>(path: &Path) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let mut document = Document::open(path)?;
    let Some(base) = document.parsed.value.as_object_mut().and_then(|fields| fields.remove("base")) else {
        return document.config(&document.parsed.value);
    };
    let Value::String(base) = base else {
        return Err(document.invalid("base", "base must be the name of a config, such as \"ant.ron\""));
    };
    let base_path = locate_base(path, &base).map_err(|error| document.invalid("base", &error.to_string()))?;
    let base = Document::open(&base_path)?;
    if base.parsed.value.get("base").is_some() {
        let message = format!("a base may not name a base itself (used by {})", document.file);
        return Err(base.invalid("base", &message));
    }
    let base: T = base.config(&base.parsed.value)?;
    let mut whole = serde_json::to_value(base).map_err(|error| ConfigError::Write(error.to_string()))?;
    patch::merge(&mut whole, document.parsed.value.take());
    document.config(&whole)
}

/// A base is looked for beside the file that names it, then like any config.
///
/// # Errors
/// As [`find`].
pub fn locate_base(path: &Path, base: &str) -> Result<PathBuf, ConfigError> {
    let beside = path.parent().unwrap_or(Path::new("")).join(base);
    // A sweep may be called like its config.
    if beside.is_file() && beside != path { Ok(beside) } else { find(Path::new(base)) }
}

/// Reads a config from text; `file` is named in errors.
///
/// # Errors
/// [`ConfigError::Invalid`] or [`ConfigError::NotFinite`].
pub fn parse<T>(file: &str, text: &str) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let document = Document::new(file, text.to_owned())?;
    document.config(&document.parsed.value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;
    use crate::text::write::to_text;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        env: Env,
        strategy: Strategy,
        #[serde(default)]
        run: Run,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Env {
        Ant(Ant),
        Pole,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Ant {
        healthy_z: Option<(f32, f32)>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Strategy {
        OpenEs(OpenEs),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct OpenEs {
        population: usize,
        sigma: f32,
    }

    impl Default for OpenEs {
        fn default() -> Self {
            Self { population: 128, sigma: 0.05 }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Run {
        seed: u64,
        name: String,
        note: Option<String>,
    }

    const GOOD: &str = "(
    env: Ant(healthy_z: (0.3, 0.9)), // robot
    strategy: OpenEs(sigma: 0.1),
    run: (seed: 3, note: \"a (b\"),
)
";

    fn refused(text: &str) -> String {
        parse::<Config>("configs/ant.ron", text).unwrap_err().to_string()
    }

    #[test]
    fn a_written_config_reads_back_equal() {
        let config: Config = parse("x", GOOD).unwrap();
        assert_eq!(config.env, Env::Ant(Ant { healthy_z: Some((0.3, 0.9)) }));
        let text = to_text(&config).unwrap();
        assert_eq!(parse::<Config>("x", &text).unwrap(), config);
        assert_eq!(to_text(&parse::<Config>("x", &text).unwrap()).unwrap(), text);
    }

    #[test]
    fn an_unknown_field_is_shown_in_its_line() {
        assert_eq!(
            refused("(\n    env: Pole,\n    strategy: OpenEs(sgima: 0.05),\n)\n"),
            "configs/ant.ron:3:22: unknown field 'sgima' in OpenEs (valid: population, sigma)
  3 |     strategy: OpenEs(sgima: 0.05),
    |                      ^"
        );
    }

    #[test]
    fn an_unknown_variant_is_named_by_its_field() {
        assert_eq!(
            refused("(\n    env: Antt(),\n    strategy: OpenEs(),\n)\n"),
            "configs/ant.ron:2:10: unknown env 'Antt' (valid: Ant, Pole)
  2 |     env: Antt(),
    |          ^"
        );
    }

    #[test]
    fn a_wrong_type_points_at_the_value() {
        let text = refused("(\n    env: Pole,\n    strategy: OpenEs(population: \"big\"),\n)\n");
        assert_eq!(
            text,
            "configs/ant.ron:3:34: at strategy.OpenEs.population: invalid type: string \"big\", expected usize
  3 |     strategy: OpenEs(population: \"big\"),
    |                                  ^"
        );
    }

    #[test]
    fn missing_and_repeated_fields_are_named() {
        assert!(refused("(env: Pole)").starts_with("configs/ant.ron:1:1: missing field 'strategy'\n"));
        let inner = refused("(env: Pole, strategy: OpenEs(),\n run: (seed: 1, seed: 2))");
        assert!(inner.contains(":2:17: field 'seed' is given twice"), "{inner}");
        let twice = refused("(env: Pole, strategy: OpenEs(sigma: 1, sigma: 2))");
        assert!(twice.contains(":1:40: field 'sigma' is given twice"), "{twice}");
    }

    #[test]
    fn a_missing_bracket_gives_a_hint() {
        let text = refused("(\n    env: Ant(healthy_z: (0.3, 0.9),\n    strategy: OpenEs(),\n)\n");
        assert!(text.contains(":3:5: unknown field 'strategy' in Ant"), "{text}");
        assert!(
            text.ends_with("hint: the brackets do not balance: a ')' is missing, perhaps just before line 3"),
            "{text}"
        );
        assert!(!refused("(env: Antt, strategy: OpenEs(), run: (note: \"(\"))").contains("hint"));
        let crossed = refused("(env: Pole, strategy: [OpenEs()))");
        assert!(crossed.ends_with("hint: '[' is closed by ')' on line 1"), "{crossed}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_shown_in_their_line() {
        for (word, shown) in [("NaN", "NaN"), ("inf", "inf"), ("1e999", "1e999"), ("1e39", "inf")] {
            let text = refused(&format!("(\n    env: Pole,\n    strategy: OpenEs(sigma: {word}),\n)\n"));
            let expected = format!(
                "configs/ant.ron:3:29: strategy.OpenEs.sigma: {shown} is not a finite number
  3 |     strategy: OpenEs(sigma: {word}),
    |                             ^"
            );
            assert_eq!(text, expected);
        }
        assert!(to_text(&f32::NAN).is_err());
    }

    #[test]
    fn what_may_be_left_out_or_added_is_the_same_everywhere() {
        let plain = "(env: Ant(), strategy: OpenEs(), run: (note: \"x\"))";
        let expected: Config = parse("x", plain).unwrap();
        for text in [
            "Config(env: Ant, strategy: OpenEs, run: Run(note: Some(\"x\")))",
            "(env: Ant((healthy_z: None)), strategy: OpenEs(OpenEs(population: 0x80)), run: (note: 'x'))",
            "(env: Ant(Ant()), strategy: OpenEs(sigma: 5e-2,), run: Run(note: r\"x\", name: \"\"))",
        ] {
            assert_eq!(parse::<Config>("x", text).unwrap(), expected, "{text}");
        }
        assert_eq!(parse::<Config>("x", &plain.replace("Ant()", "Pole()")).unwrap().env, Env::Pole);
    }

    #[test]
    fn values_that_cannot_be_read_say_what_would_be_valid() {
        for (env, place, message) in [
            ("Pole(1)", 6, "at env.Pole: invalid type: integer `1`, expected nothing in the brackets"),
            ("(x: 1, y: 2)", 1, "at env: invalid type: map, expected one of Ant, Pole"),
            ("Ant(healthy_z: (1, 2, 3))", 16, "at env.Ant.healthy_z: invalid length 3, expected 2 values"),
            ("Ant(healthy_z: (1, None))", 20, "at env.Ant.healthy_z[1]: invalid type: None, expected f32"),
            ("Ant([])", 5, "at env.Ant: invalid type: sequence, expected struct Ant"),
            ("Ant(healthy_z: b\"\")", 16, "strings of bytes are not supported; text is written as \"...\""),
        ] {
            let text = refused(&format!("(strategy: OpenEs(),\nenv: {env})"));
            let column = 5 + place;
            assert!(text.starts_with(&format!("configs/ant.ron:2:{column}: {message}\n")), "{env}: {text}");
        }
    }

    #[test]
    fn deep_values_are_refused_with_their_place() {
        for open in ["[", "(", "{1:", "Some(", "A(", "(a: "] {
            let text = refused(&format!("(env: Pole,\n  run: {}", open.repeat(100_000)));
            // The key of the last map is the value that is too deep.
            let column = if open == "{1:" { 8 + 3 * 127 + 1 } else { 8 + open.len() * 128 };
            let expected = format!("configs/ant.ron:2:{column}: values are nested more than 128 deep\n");
            assert!(text.starts_with(&expected) && text.len() < 600, "{open}: {}", &text[..100]);
        }
        // White space and comments do not nest values.
        let comments =
            format!("{}{}(env: Pole, strategy: OpenEs())", "/*".repeat(50_000), "*/".repeat(50_000));
        assert!(parse::<Config>("x", &comments).is_ok());
    }

    #[test]
    fn a_missing_file_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let missing = |name: &str| find_in(root, Path::new(name)).unwrap_err().to_string();
        assert!(missing("a.ron").ends_with("(there are no configs under configs/)"));
        std::fs::create_dir(root.join("configs")).unwrap();
        for name in ["b.ron", "a.ron", "notes.txt"] {
            std::fs::write(root.join("configs").join(name), GOOD).unwrap();
        }
        assert_eq!(find_in(root, Path::new("b.ron")).unwrap(), root.join("configs/b.ron"));
        assert_eq!(find_in(root, Path::new("b")).unwrap(), root.join("configs/b.ron"));
        std::fs::create_dir(root.join("b")).unwrap();
        assert_eq!(find_in(root, Path::new("b")).unwrap(), root.join("configs/b.ron"));
        let root_text = root.display();
        assert_eq!(
            missing("c.ron"),
            format!(
                "no config 'c.ron': looked for {root_text}/c.ron and {root_text}/configs/c.ron \
                 (configs there: a.ron, b.ron)"
            )
        );
        std::fs::write(root.join("configs/half_cheetah.ron"), GOOD).unwrap();
        let typed = missing("half_chetah.ron");
        assert!(
            typed.starts_with("no config 'half_chetah.ron' (did you mean 'half_cheetah.ron'?): looked"),
            "{typed}"
        );
        assert!(missing("half_chetah").contains("'half_chetah' (did you mean 'half_cheetah'?)"));
        let error = read::<Config>(&root.join("configs")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read config"), "{error}");
    }

    #[test]
    fn a_base_is_patched_by_the_rest_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("good.ron", GOOD);
        let patched: Config =
            read(&write("p.ron", "(base: \"good.ron\", strategy: (population: 8), run: (name: \"x\"))"))
                .unwrap();
        assert_eq!(patched.strategy, Strategy::OpenEs(OpenEs { population: 8, sigma: 0.1 }));
        assert_eq!(patched.run, Run { seed: 3, name: "x".to_owned(), note: Some("a (b".to_owned()) });
        assert_eq!(patched.env, Env::Ant(Ant { healthy_z: Some((0.3, 0.9)) }));

        let refused = |text: &str| {
            let path = write("q.ron", text);
            let error = read::<Config>(&path).unwrap_err().to_string();
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(
            refused("(\n    base: \"good.ron\",\n    strategy: OpenEs(sgima: 1),\n)"),
            "q.ron:3:22: unknown field 'sgima' in OpenEs (valid: population, sigma)
  3 |     strategy: OpenEs(sgima: 1),
    |                      ^"
        );
        assert_eq!(
            refused("(base: \"good.ron\", strategy: (sigma: big))"),
            "q.ron:1:38: at strategy.OpenEs.sigma: invalid type: string \"big\", expected f32
  1 | (base: \"good.ron\", strategy: (sigma: big))
    |                                      ^"
        );
        // Both strings and names have one grammar, with and without a base.
        for base in ["r\"good.ron\"", "r##\"good.ron\"##", r#""\x67ood\u{2e}ron""#] {
            let path =
                write("r.ron", &format!("(/* a /* b */ */ base: {base}, run: Run(r#name: r#\"\"\"#))"));
            assert_eq!(read::<Config>(&path).unwrap().run.name, "\"", "{base}");
        }
        assert!(refused("(base: 3)").starts_with("q.ron:1:8: base must be the name of a config"));
        assert!(refused("(base: \"p.ron\")").starts_with("p.ron:1:8: a base may not name a base itself"));
        assert!(refused("(base: \"none.ron\")").starts_with("q.ron:1:8: no config 'none.ron': looked for"));
    }
}
