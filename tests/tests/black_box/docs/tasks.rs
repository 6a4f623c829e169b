//! The pages of the tasks have the parts that people write, and films that load quickly.

use std::fs;
use std::path::Path;

use tests::root;

use super::report;

/// Largest film on a page, bytes.
const MOST: u64 = 300_000;

/// The text between the marks `by hand: NAME` of a page; `None` without the marks.
fn by_hand<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("<!-- by hand: {name} -->"))?;
    Some(rest.split_once("<!-- end -->")?.0.trim())
}

#[test]
fn every_task_says_where_to_begin_and_what_its_film_shows() {
    let mut problems = Vec::new();
    for name in envs::names() {
        let page = fs::read_to_string(root().join(format!("docs/tasks/{name}.md"))).expect("a page");
        if by_hand(&page, "begin").is_none_or(str::is_empty) {
            problems.push(format!("docs/tasks/{name}.md does not say where to begin"));
        }
        if page.contains(".gif)") && by_hand(&page, "film").is_none_or(str::is_empty) {
            problems.push(format!("docs/tasks/{name}.md does not say what its film shows"));
        }
    }
    report(&problems);
}

#[test]
fn films_are_of_tasks_and_small() {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("docs/pictures/tasks")).expect("films").flatten() {
        let file = entry.file_name().into_string().expect("a name");
        let task = Path::new(&file).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !envs::names().contains(&task) {
            problems.push(format!("docs/pictures/tasks/{file}: no task is called so"));
        }
        let size = entry.metadata().expect("metadata").len();
        if size > MOST {
            problems.push(format!("docs/pictures/tasks/{file} has {size} bytes, at most {MOST}"));
        }
    }
    report(&problems);
}
