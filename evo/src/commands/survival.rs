//! Returns that are nearly all for having survived.

/// Terms that a robot gets for each step in which it has not fallen.
const SURVIVAL: [&str; 2] = ["survive", "alive"];

/// The term for what a robot is there for, in tasks where surviving is not all.
const GOAL: &str = "forward";

/// Share of the return from which on it is said.
const NEARLY_ALL: f64 = 0.95;

/// What to say of a return whose terms (name and mean sum per episode) are nearly all for surviving, in a task that is about
/// moving forward.
pub(super) fn note(terms: &[(&str, f64)]) -> Option<String> {
    let total: f64 = terms.iter().map(|(_, value)| value).sum();
    let (name, survival) = *terms.iter().find(|(name, _)| SURVIVAL.contains(name))?;
    let (_, forward) = *terms.iter().find(|(name, _)| *name == GOAL)?;
    // A return that costs eat up is no success to warn of.
    let is_all = survival > 0.0 && total > 0.0 && survival >= NEARLY_ALL * total;
    is_all.then(|| {
        format!(
            "note: nearly all of the return is `{name}` ({survival:.1} of {total:.1}), which a robot that does not \
             move also gets; `{GOAL}` is {forward:.1}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_still_is_told_from_walking() {
        let still = note(&[("forward", -0.3), ("survive", 1000.0), ("control", -1.0)]);
        let expected = "note: nearly all of the return is `survive` (1000.0 of 998.7), which a robot that does not \
                        move also gets; `forward` is -0.3";
        assert_eq!(still.as_deref(), Some(expected));
        assert_eq!(note(&[("forward", 300.0), ("survive", 1000.0), ("control", -20.0)]), None);
        // Surviving is the task.
        assert_eq!(note(&[("alive", 300.0)]), None);
        assert_eq!(note(&[("forward", 3.0), ("control", -1.0)]), None);
        assert_eq!(note(&[("forward", 0.0), ("survive", 0.0)]), None);
    }
}
