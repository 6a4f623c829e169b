//! `<?source …?>`: which file a piece of a text with includes is from.

use std::path::{Path, PathBuf};

use roxmltree::Node;

/// Where a file is that the file `main` includes as `name`; `main` itself if that is empty.
pub(super) fn beside(main: &str, name: &str) -> PathBuf {
    if name.is_empty() { PathBuf::from(main) } else { Path::new(main).with_file_name("").join(name) }
}

/// The mark that a text goes on at a line and column of the file `name`.
pub(super) fn marked(line: u32, column: u32, name: &str) -> String {
    format!("<?source {line} {column} {name}?>")
}

/// What `<?source …?>` says: line, column and the file's name.
pub(super) fn mark<'a>(node: Node<'a, '_>) -> Option<(u32, u32, &'a str)> {
    let mark = node.pi().filter(|pi| pi.target == "source")?;
    let mut words = mark.value?.splitn(3, ' ');
    let mut number = || words.next()?.parse().ok();
    let (line, column) = (number()?, number()?);
    Some((line, column, words.next().unwrap_or("").trim_end()))
}
