//! Links, anchors and paths.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tests::docs::markdown::{anchors, code, links};
use tests::root;

use super::{list, pages, report};

/// Folders and files of the repository that a path begins with.
const TOP: [&str; 12] = [
    "configs/",
    "docs/",
    "envs/",
    "evo/",
    "sim/",
    "snn/",
    "tests/",
    "viewer/",
    "results/benchmarks/",
    ".ci/",
    ".cargo/",
    "results/benchmarks",
];

/// README, guides and tables of results.
fn all_pages() -> Vec<(String, String)> {
    let mut paths = vec![PathBuf::from("CHANGELOG.md")];
    list(&root(), Path::new("results/benchmarks"), &mut paths);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("a page");
        (path.display().to_string(), text)
    };
    pages().into_iter().chain(paths.into_iter().map(read)).collect()
}

/// `docs/tutorials/../a.md` as `docs/a.md`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn every_link_leads_somewhere() {
    let mut problems = Vec::new();
    let mut count = 0;
    for (page, text) in all_pages() {
        let folder = Path::new(&page).parent().unwrap_or(Path::new("")).to_owned();
        for link in links(&text) {
            let target = link.target.as_str();
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { PathBuf::from(&page) } else { normal(&folder.join(file)) };
            let place = format!("{page}:{}: [{target}]", link.line);
            if !root().join(&path).exists() {
                problems.push(format!("{place}: there is no {}", path.display()));
            } else if !anchor.is_empty() {
                let found = fs::read_to_string(root().join(&path)).unwrap_or_default();
                let found = anchors(&found);
                if !found.iter().any(|name| name == anchor) {
                    problems.push(format!("{place}: no such heading; there are {}", found.join(", ")));
                }
            }
        }
    }
    assert!(count > 50, "only {count} links");
    report(&problems);
}

#[test]
fn every_path_named_exists() {
    let mut problems = Vec::new();
    let mut count = 0;
    for (page, text) in all_pages() {
        for (line, code) in code(&text) {
            let is_path = TOP.iter().any(|top| code.starts_with(top))
                && code.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            // NAME and the like stand for something.
            let stands_for = code
                .split(['/', '.'])
                .any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
            if is_path && !stands_for {
                count += 1;
                if !root().join(code).exists() {
                    problems.push(format!("{page}:{line}: there is no `{code}`"));
                }
            }
        }
    }
    assert!(count > 30, "only {count} paths");
    report(&problems);
}

#[test]
fn every_guide_is_in_the_index() {
    // That of all pages, and that of the tasks, to which it leads.
    let indices =
        ["docs/README.md", "docs/envs.md"].map(|page| fs::read_to_string(root().join(page)).expect("index"));
    let linked: Vec<PathBuf> = indices
        .iter()
        .flat_map(|index| links(index))
        .map(|link| normal(&Path::new("docs").join(link.target)))
        .collect();
    let mut problems = Vec::new();
    for (page, _) in pages() {
        if page.starts_with("docs/") && page != "docs/README.md" && !linked.contains(&PathBuf::from(&page)) {
            problems.push(format!("docs/README.md does not lead to {page}"));
        }
    }
    report(&problems);
}

#[test]
fn the_architecture_fits_on_a_page() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("page");
    let count = text.lines().count();
    assert!(count <= MOST_LINES, "ARCHITECTURE.md has {count} lines, at most {MOST_LINES}");
}

const MOST_LINES: usize = 80;
