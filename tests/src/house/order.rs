//! Which crate may use which, as a page states it.

use std::collections::{BTreeMap, BTreeSet};

use crate::docs::markdown::blocks;

/// What each crate may use, directly or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(BTreeMap<String, BTreeSet<String>>);

impl Order {
    /// Reads the first `text` block of a page that consists of chains, see [`Order::parse`].
    ///
    /// # Errors
    /// If there is none, or it contradicts itself.
    pub fn from_page(page: &str) -> Result<Self, String> {
        let block = blocks(page).into_iter().find(|block| {
            block.language == "text" && block.text.lines().next().is_some_and(|line| chain(line).is_some())
        });
        let block = block.ok_or("no `text` block with chains of crates, such as `a, b < c < d`")?;
        Self::parse(&block.text)
    }

    /// Reads chains, one a line: names between commas, groups of them between `<`, which means "may be used by
    /// what is to its right". What is reachable over several chains may be used, too.
    ///
    /// # Errors
    /// If a line is no chain, or a crate comes before itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let groups = chain(line).ok_or_else(|| format!("`{line}` is no chain such as `a, b < c < d`"))?;
            let mut left: BTreeSet<String> = BTreeSet::new();
            for group in groups {
                for name in &group {
                    uses.entry(name.clone()).or_default().extend(left.iter().cloned());
                }
                left.extend(group);
            }
        }
        // What may be used by what may be used.
        loop {
            let more: BTreeMap<String, BTreeSet<String>> = uses
                .iter()
                .map(|(name, used)| {
                    let further = used.iter().filter_map(|name| uses.get(name)).flatten();
                    (name.clone(), used.iter().chain(further).cloned().collect())
                })
                .collect();
            if more == uses {
                break;
            }
            uses = more;
        }
        match uses.iter().find(|(name, used)| used.contains(*name)) {
            Some((name, _)) => Err(format!("`{name}` comes before itself")),
            None => Ok(Self(uses)),
        }
    }

    /// Whether a crate may depend on another; what the order does not name uses nothing and is used by nothing.
    #[must_use]
    pub fn allows(&self, user: &str, used: &str) -> bool {
        self.0.get(user).is_some_and(|may| may.contains(used))
    }
}

/// The groups of a line `a, b < c`; `None` if it is no such line.
fn chain(line: &str) -> Option<Vec<Vec<String>>> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
    };
    let group = |text: &str| -> Option<Vec<String>> {
        text.split(',').map(str::trim).map(|name| is_name(name).then(|| name.to_owned())).collect()
    };
    let groups: Vec<Vec<String>> = line.split('<').map(group).collect::<Option<_>>()?;
    (groups.len() > 1).then_some(groups)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_to_the_left_may_be_used() {
        let order = Order::parse("ground, yard < walls < roof\nwalls < window < tests\n").unwrap();
        for (user, used) in [
            ("walls", "ground"),
            ("walls", "yard"),
            ("roof", "ground"),
            ("roof", "walls"),
            ("window", "walls"),
            // Over both chains.
            ("window", "ground"),
            ("tests", "yard"),
        ] {
            assert!(order.allows(user, used), "{user} uses {used}");
            assert!(!order.allows(used, user), "{used} uses {user}");
        }
        for (user, used) in [("ground", "yard"), ("roof", "window"), ("window", "roof"), ("tests", "roof")] {
            assert!(!order.allows(user, used), "{user} uses {used}");
        }
        assert!(!order.allows("walls", "walls") && !order.allows("walls", "cellar"));
        assert!(!order.allows("cellar", "ground"));
    }

    #[test]
    fn the_block_of_a_page_is_found_by_its_first_line() {
        let page = "# House\n\n```text\nground ──► walls\n```\n\n```text\nground < walls\n```\n";
        assert_eq!(Order::from_page(page), Order::parse("ground < walls"));
        assert!(
            Order::from_page("```text\nground ──► walls\n```\n").unwrap_err().contains("no `text` block")
        );
        // A mistake further down is told.
        let error = Order::from_page("```text\na < b\nb: c\n```\n").unwrap_err();
        assert!(error.contains("`b: c`"), "{error}");
    }

    #[test]
    fn contradictions_are_told() {
        let error = Order::parse("a < b < c\nc < a").unwrap_err();
        assert!(error.contains("comes before itself"), "{error}");
        assert!(Order::parse("a < a").is_err());
        assert!(Order::parse("a < ").is_err());
        assert!(Order::parse("a").is_err());
    }
}
