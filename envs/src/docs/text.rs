//! Lines of Markdown.

use std::fmt::Write as _;

/// A row of a table; what ends a cell in Markdown is escaped.
pub fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    line(page, &format!("| {} |", cells.join(" | ")));
}

/// A line of the page, or several.
pub fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}
