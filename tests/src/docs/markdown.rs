//! What the tests read in Markdown: headings, links, fenced blocks.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Line of its first line, from 1.
    pub line: usize,
    /// Language: the first word after the fence.
    pub language: String,
    /// Why it is not run, if it is not: `not-run="reason"` after the language.
    pub not_run: Option<String>,
    /// File that it is an excerpt of: `file="path"` after the language.
    pub file: Option<String>,
    /// Its lines.
    pub text: String,
}

/// A link or picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Line, from 1.
    pub line: usize,
    /// Path, anchor or address as written.
    pub target: String,
}

/// The fenced blocks of a page.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (i, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(head) => {
                inside = true;
                let language = head.split_whitespace().next().unwrap_or_default().to_owned();
                let (not_run, file) = (attribute(head, "not-run"), attribute(head, "file"));
                blocks.push(Block { line: i + 2, language, not_run, file, text: String::new() });
            }
            None if inside => {
                let block = blocks.last_mut().expect("a block has begun");
                block.text += line;
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next().unwrap_or_default().to_owned())
}

/// The lines of a page that are not in fenced blocks, numbered from 1.
pub fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    page.lines().enumerate().filter_map(move |(i, line)| {
        let fence = line.starts_with("```");
        inside ^= fence;
        (!inside && !fence).then_some((i + 1, line))
    })
}

/// The links of a page.
#[must_use]
pub fn links(page: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, text) in prose(page) {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            links.push(Link { line, target: target.to_owned() });
            rest = after;
        }
    }
    links
}

/// What a page calls code, `like this`, outside of blocks.
pub fn code(page: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(page).flat_map(|(line, text)| {
        text.split('`').enumerate().filter(|(i, _)| i % 2 == 1).map(move |(_, code)| (line, code))
    })
}

/// The anchors of a page's headings, as GitHub makes them.
#[must_use]
pub fn anchors(page: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(page) {
        let title = line.trim_start_matches('#');
        if title.len() < line.len() && title.starts_with(' ') {
            let base = slug(title.trim());
            let same = (1..).map(|n| format!("{base}-{n}"));
            let mut names = std::iter::once(base.clone()).chain(same);
            let free = names.find(|name| !anchors.contains(name));
            anchors.extend(free);
        }
    }
    anchors
}

/// The anchor of a heading.
#[must_use]
pub fn slug(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page: `x` \n\nSee [this](a.md#b), `code` and [that](#c-d).\n\n```sh not-run=\"slow\"\n\
        evo [x](y)\n```\n\n## A page: x\n```rust file=\"a/b.rs\"\nfn f() {}\n```\n";

    #[test]
    fn blocks_have_language_reason_and_place() {
        let found = blocks(PAGE);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].line, found[0].language.as_str(), found[0].text.as_str()),
            (6, "sh", "evo [x](y)\n")
        );
        assert_eq!((found[0].not_run.as_deref(), found[0].file.as_deref()), (Some("slow"), None));
        assert_eq!((found[1].not_run.as_deref(), found[1].file.as_deref()), (None, Some("a/b.rs")));
    }

    #[test]
    fn links_and_code_outside_of_blocks_are_found() {
        let targets: Vec<String> = links(PAGE).into_iter().map(|link| link.target).collect();
        assert_eq!(targets, ["a.md#b", "#c-d"]);
        assert_eq!(code(PAGE).collect::<Vec<_>>(), [(1, "x"), (3, "code")]);
    }

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(anchors(PAGE), ["a-page-x", "a-page-x-1"]);
        assert_eq!(slug("`task: Classify(…)`"), "task-classify");
        assert_eq!(slug("CPU or GPU"), "cpu-or-gpu");
    }
}
