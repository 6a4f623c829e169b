//! Circles in a graph of files.

use std::collections::{BTreeMap, BTreeSet};

/// From a file to the files that it imports from, with the names that it takes.
pub type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The files that import from each other, directly or around several: each group with all of its files, in order.
#[must_use]
pub fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (file.as_str(), reach(arrows, file))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (file, reached) in &reach {
        let back = |other: &&&str| reach.get(**other).is_some_and(|there| there.contains(file));
        let circle: BTreeSet<String> = reached.iter().filter(back).map(|&other| other.to_owned()).collect();
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// What is reached from a file by one arrow or more.
fn reach<'a>(arrows: &'a Arrows, file: &str) -> BTreeSet<&'a str> {
    let next = |file: &str| arrows.get(file).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
    let (mut reached, mut open) = (BTreeSet::new(), next(file).collect::<Vec<_>>());
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(next(file));
        }
    }
    reached
}

/// A circle in words: its files, and each arrow in it with the names.
#[must_use]
pub fn in_words(circle: &BTreeSet<String>, arrows: &Arrows) -> String {
    let mut words = format!("a circle of {} files:", circle.len());
    for from in circle {
        for (to, names) in arrows.get(from).into_iter().flatten().filter(|(to, _)| circle.contains(*to)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            words += &format!("\n  {from} imports from {to}: {}", names.join(", "));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(list: &[(&str, &str)]) -> Arrows {
        let mut arrows = Arrows::new();
        for (from, to) in list {
            let names = arrows.entry((*from).to_owned()).or_default().entry((*to).to_owned()).or_default();
            names.insert("Name".to_owned());
        }
        arrows
    }

    #[test]
    fn circles_are_found_whole_and_once() {
        let arrows = arrows(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            // Beside it.
            ("a", "d"),
            ("e", "a"),
            // Another one, which the first leads to.
            ("d", "f"),
            ("f", "d"),
        ]);
        let of = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(circles(&arrows), [of(&["a", "b", "c"]), of(&["d", "f"])]);
        let words = in_words(&of(&["d", "f"]), &arrows);
        assert_eq!(words, "a circle of 2 files:\n  d imports from f: Name\n  f imports from d: Name");
    }

    #[test]
    fn what_only_leads_down_is_none() {
        let arrows = arrows(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
        assert!(circles(&arrows).is_empty());
    }
}
