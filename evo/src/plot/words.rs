//! Settings as people would say them.

/// Significant digits of numbers in names: as few as tell runs apart.
pub(super) const DIGITS: [usize; 3] = [3, 6, 17];

/// Names of config fields: their last parts, with the part before where two are the same.
pub(super) fn names(paths: &[String]) -> Vec<String> {
    let parts = |path: &str| -> Vec<String> {
        let words = path.split('.').filter(|part| part.parse::<usize>().is_err());
        words.map(|part| part.replace('_', " ")).collect()
    };
    let last = |path: &str, count: usize| {
        let parts = parts(path);
        parts[parts.len().saturating_sub(count)..].join(" ")
    };
    let name = |path: &String| {
        let short = last(path, 1);
        let alone = paths.iter().filter(|other| last(other, 1) == short).count() == 1;
        if alone { short } else { last(path, 2) }
    };
    paths.iter().map(name).collect()
}

/// A field's name and value, the value as a config's text has it.
pub(super) fn setting(name: &str, value: &str, digits: usize) -> String {
    match value {
        "true" => return format!("{name} on"),
        "false" => return format!("{name} off"),
        "None" | "()" => return format!("no {name}"),
        _ => {}
    }
    match value.strip_suffix(" entries") {
        Some("1") => format!("with {name}"),
        Some(count) => format!("with {count} × {name}"),
        None => format!("{name} {}", rounded(value, digits)),
    }
}

/// A number with at most that many significant digits, if it has decimals; other text as it is.
fn rounded(text: &str, digits: usize) -> String {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && text.contains(['.', 'e']));
    let short = number.and_then(|number| format!("{number:.*e}", digits - 1).parse::<f64>().ok());
    short.map_or_else(|| text.to_owned(), |short| short.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_said_in_words() {
        for (value, said) in [
            ("0.951229424500714", "decay 0.951"),
            ("0.1", "decay 0.1"),
            ("0.0", "decay 0"),
            ("1024", "decay 1024"),
            ("1 entries", "with decay"),
            ("3 entries", "with 3 × decay"),
            ("()", "no decay"),
            ("None", "no decay"),
            ("true", "decay on"),
            ("Recurrent", "decay Recurrent"),
        ] {
            assert_eq!(setting("decay", value, DIGITS[0]), said);
        }
        assert_eq!(setting("decay", "0.951229424500714", DIGITS[2]), "decay 0.951229424500714");
        let paths =
            ["strategy.sigma", "env.healthy_z", "controller.hidden.0.neurons", "run.seed", "env.seed"];
        let names = names(&paths.map(str::to_owned));
        assert_eq!(names, ["sigma", "healthy z", "neurons", "run seed", "env seed"]);
    }
}
