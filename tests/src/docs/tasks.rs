//! The pages of the tasks, `docs/tasks/NAME.md`: written from the specs, but for two parts that people write.

use std::fs;
use std::path::Path;

use envs::{EnvConfig, TaskWords};
use serde_json::Value;

use super::settings::{Place, Resolve, Sections};
use super::source::Source;

/// The pages below `docs/tasks`, as path and text. What stands there between `<!-- by hand: NAME -->` and
/// `<!-- end -->` is kept.
///
/// # Panics
/// If a task cannot be built with its defaults, or a setting has no words.
pub fn pages(root: &Path, source: &Source, resolve: Resolve<'_>) -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> =
        envs::defaults().iter().map(|config| page(root, source, resolve, config)).collect();
    pages.push(("docs/tasks/mjcf.md".to_owned(), own_robot(source, resolve)));
    pages
}

fn page(root: &Path, source: &Source, resolve: Resolve<'_>, config: &EnvConfig) -> (String, String) {
    let name = config.name();
    let path = format!("docs/tasks/{name}.md");
    let stored = fs::read_to_string(root.join(&path)).unwrap_or_default();
    let Ok(Value::Object(map)) = serde_json::to_value(config) else { panic!("configs are objects") };
    let variant = map.keys().next().expect("an enum has a variant");
    let fields = fields(source, resolve, name, name, variant);
    let picture = format!("docs/pictures/tasks/{name}.gif");
    let film = match root.join(&picture).exists() {
        true => {
            format!("![a film of {name}](../pictures/tasks/{name}.gif)\n\n{}\n", by_hand(&stored, "film"))
        }
        false => String::new(),
    };
    let words = TaskWords { film: &film, begin: &by_hand(&stored, "begin"), fields: &fields };
    (path, envs::task_page(config, &words).expect("tasks build with their defaults"))
}

fn own_robot(source: &Source, resolve: Resolve<'_>) -> String {
    let table = fields(source, resolve, "mjcf", "own_robot", "Mjcf");
    format!(
        "# mjcf\n\nA robot of your own: [how to train it](../how-to/own-robot.md), [MJCF support](../mjcf.md). \
         [All environments](../envs.md)\n\n## Config\n\n`env: Mjcf(…)` has these fields:\n\n{table}"
    )
}

/// The table of the fields of a task's config in `envs/src/FILE.rs`, with sections for what they hold.
fn fields(source: &Source, resolve: Resolve<'_>, name: &str, file: &str, variant: &str) -> String {
    let config = |file: &str| source.get(&format!("envs/src/{file}.rs"), "Config");
    let mut sections = Sections::new(source, resolve);
    for other in envs::names().into_iter().filter(|other| *other != name) {
        sections.link(config(other), &format!("{other}.md#config"));
    }
    let place = Place::new(&format!("(env: {variant}"), ", strategy: OpenEs())", &format!("/env/{variant}"));
    let table = sections.table(config(file), &place);
    sections.finish(table, 3)
}

/// A part of a page with its marks, as it is there; empty between the marks if it is not.
fn by_hand(page: &str, name: &str) -> String {
    let (begin, end) = (format!("<!-- by hand: {name} -->\n"), "<!-- end -->\n");
    let text =
        page.split_once(&begin).and_then(|(_, rest)| Some(rest.split_once(end)?.0)).unwrap_or_default();
    format!("{begin}{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_is_kept() {
        let page =
            "# a\n<!-- by hand: film -->\nx\n<!-- end -->\n\ny\n<!-- by hand: begin -->\n<!-- end -->\n";
        assert_eq!(by_hand(page, "film"), "<!-- by hand: film -->\nx\n<!-- end -->\n");
        assert_eq!(by_hand(page, "begin"), "<!-- by hand: begin -->\n<!-- end -->\n");
        assert_eq!(by_hand("", "begin"), "<!-- by hand: begin -->\n<!-- end -->\n");
    }
}
