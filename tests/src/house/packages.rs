//! The crates of the workspace and what each depends on, from their `Cargo.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::order::Order;

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Folder, relative to the root of the workspace.
    pub folder: PathBuf,
    /// Crates that it, its build script included, is built from; those that only its tests use are left out.
    pub dependencies: BTreeSet<String>,
}

/// All crates of the workspace in `root`.
///
/// # Panics
/// If a `Cargo.toml` cannot be read or has no name.
#[must_use]
pub fn packages(root: &Path) -> Vec<Package> {
    let read = |folder: &Path| {
        let path = root.join(folder).join("Cargo.toml");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let package = |folder: &str| package(Path::new(folder), &read(Path::new(folder)));
    members(&read(Path::new(""))).iter().map(|folder| package(folder)).collect()
}

/// The folders that a workspace names as its members.
fn members(manifest: &str) -> Vec<String> {
    let list = manifest.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.expect("a workspace has a list of members");
    // Between quotation marks.
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn package(folder: &Path, manifest: &str) -> Package {
    let (mut name, mut dependencies, mut section) = (None, BTreeSet::new(), "");
    for line in manifest.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = title;
            // A section of its own, `[dependencies.NAME]`.
            let own = section.rsplit_once("dependencies.").filter(|(before, _)| !before.ends_with("dev-"));
            dependencies.extend(own.map(|(_, name)| name.to_owned()));
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim();
            if section == "package" && key == "name" {
                name = Some(value.trim().trim_matches('"').to_owned());
            } else if section.ends_with("dependencies") && !section.ends_with("dev-dependencies") {
                dependencies.extend(key.split('.').next().map(str::to_owned));
            }
        }
    }
    let name = name.unwrap_or_else(|| panic!("{} has no name", folder.display()));
    Package { name, folder: folder.to_owned(), dependencies }
}

/// Dependencies between the crates that the order does not allow, a line each.
#[must_use]
pub fn against(order: &Order, packages: &[Package]) -> Vec<String> {
    let ours: BTreeMap<&str, &Package> =
        packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let arrows = ours.values().flat_map(|user| user.dependencies.iter().map(move |used| (&user.name, used)));
    arrows
        .filter(|(user, used)| ours.contains_key(used.as_str()) && !order.allows(user, used))
        .map(|(user, used)| format!("`{user}` depends on `{used}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const WALLS: &str = "[package]\nname = \"walls\"\n\n[dependencies]\nground.workspace = true\nserde = \"1\"\n\n\
        [target.'cfg(unix)'.dependencies]\nyard = { path = \"../yard\" }\n\n[dependencies.cellar]\npath = \"../cellar\"\n\n\
        [build-dependencies]\ntools.workspace = true\n\n[dev-dependencies]\nroof.workspace = true\n\n\
        [dev-dependencies.attic]\npath = \"../attic\"\n\n[features]\nname = []\n";

    #[test]
    fn dependencies_are_read_but_not_those_of_tests() {
        let walls = package(Path::new("house/walls"), WALLS);
        assert_eq!(walls.name, "walls");
        assert_eq!(
            walls.dependencies.iter().map(String::as_str).collect::<Vec<_>>(),
            ["cellar", "ground", "serde", "tools", "yard"]
        );
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"a/b\",\n  \"c\"]\n";
        assert_eq!(members(workspace), ["a", "a/b", "c"]);
    }

    #[test]
    fn a_dependency_against_the_order_is_found() {
        let make = |name: &str, uses: &str| {
            package(Path::new(name), &format!("[package]\nname = \"{name}\"\n[dependencies]\n{uses}"))
        };
        let walls = make("walls", "ground.workspace = true\nserde = \"1\"\n");
        let order = Order::parse("ground < walls < roof").unwrap();
        let good =
            [make("ground", ""), walls.clone(), make("roof", "walls.workspace = true\n"), make("shed", "")];
        assert_eq!(against(&order, &good), [""; 0]);
        let bad = [
            make("ground", "roof.workspace = true\n"),
            walls,
            make("roof", ""),
            make("shed", "ground = {}\n"),
        ];
        assert_eq!(against(&order, &bad), ["`ground` depends on `roof`", "`shed` depends on `ground`"]);
    }
}
