//! Pieces of a page. Text is escaped here and nowhere else.

use crate::plot::picture::{self, Picture};

const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 2] = [include_str!("page.js"), include_str!("hover.js")];

/// Text between tags or in an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

/// A whole page; `body` is markup, `title` and `subtitle` are text.
pub(super) fn page(title: &str, subtitle: &str, body: &str) -> String {
    let (title, subtitle) = (escape(title), escape(subtitle));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{subtitle}</p>\n</header>\n\
         <main>\n{body}</main>\n<footer>Written by evo {}</footer>\n<script>\n{}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        SCRIPTS.concat()
    )
}

/// A section with a heading; empty without a body.
pub(super) fn section(title: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{}</h2>\n{body}</section>\n", escape(title))
}

/// A paragraph of text.
pub(super) fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escape(text))
}

/// Key figures: what, how much, and a remark.
pub(super) fn tiles(tiles: &[(&str, String, String)]) -> String {
    let tile = |(what, value, remark): &(&str, String, String)| {
        format!(
            "<div><dt>{}</dt><dd>{}</dd><small>{}</small></div>\n",
            escape(what),
            escape(value),
            escape(remark)
        )
    };
    format!("<dl class=\"tiles\">\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

/// A picture with what it shows in words, and its values at the pointer.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn figure(picture: &impl Picture, shows: &str, caption: &str) -> Result<String, String> {
    let svg = picture::svg(picture)?;
    let name = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(shows));
    let svg = svg.replacen("<svg ", &name, 1);
    let caption = if caption.is_empty() {
        String::new()
    } else {
        format!("<figcaption>{}</figcaption>\n", escape(caption))
    };
    let charts = picture.charts();
    let values = if charts.is_empty() {
        String::new()
    } else {
        // A tag within a name would end the script.
        let charts = serde_json::Value::from(charts).to_string().replace('<', "\\u003c");
        format!("<script type=\"application/json\">{charts}</script>\n")
    };
    Ok(format!("<figure>\n{svg}{values}{caption}</figure>\n"))
}

/// A cell: text, perhaps with more below it, or with the class of a mark (`done`, `failed`, …).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    below: String,
    mark: Option<&'static str>,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Cell {
    /// A word with a mark.
    pub(super) fn marked(text: &str, mark: &'static str) -> Self {
        Self { text: text.to_owned(), mark: Some(mark), ..Self::default() }
    }

    /// Text with a softer line below it.
    pub(super) fn with_below(text: &str, below: &str) -> Self {
        Self { text: text.to_owned(), below: below.to_owned(), mark: None }
    }
}

/// A table. Columns whose name starts with `#` hold numbers: they are aligned to the right. `sortable`
/// ones sort by a click on the head.
pub(super) fn table(columns: &[&str], rows: &[Vec<Cell>], sortable: bool) -> String {
    let numeric: Vec<bool> = columns.iter().map(|name| name.starts_with('#')).collect();
    let class = |index: usize| if numeric[index] { " class=\"n\"" } else { "" };
    let head = columns.iter().enumerate().map(|(index, name)| {
        format!("<th scope=\"col\"{}>{}</th>", class(index), escape(name.trim_start_matches('#')))
    });
    let cell = |(index, Cell { text, below, mark }): (usize, &Cell)| {
        let text = match mark {
            Some(mark) => format!("<span class=\"mark {mark}\">{}</span>", escape(text)),
            None => escape(text),
        };
        let below =
            if below.is_empty() { String::new() } else { format!("<small>{}</small>", escape(below)) };
        format!("<td{}>{text}{below}</td>", class(index))
    };
    let row =
        |cells: &Vec<Cell>| format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>());
    let kind = if sortable { " class=\"sortable\"" } else { "" };
    // Long tables scroll by themselves, with their head in sight.
    let tall = if rows.len() > 40 { " tall" } else { "" };
    format!(
        "<div class=\"wide{tall}\"><table{kind}>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        head.collect::<String>(),
        rows.iter().map(row).collect::<String>()
    )
}

/// Text as it is, such as a config or commands.
pub(super) fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text.trim_end()))
}

/// Markup that is folded away until it is asked for.
pub(super) fn details(summary: &str, body: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{body}</details>\n", escape(summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_the_page() {
        let rows = [vec![Cell::from("a < b & \"c\""), Cell::marked("<i>", "failed")]];
        let below = table(&["name"], &[vec![Cell::with_below("<a>", "<b>")]], false);
        assert!(below.contains("<td>&lt;a&gt;<small>&lt;b&gt;</small></td>"), "{below}");
        let table = table(&["name", "#value"], &rows, true);
        assert!(table.contains("<td>a &lt; b &amp; &quot;c&quot;</td>"), "{table}");
        assert!(
            table.contains("<td class=\"n\"><span class=\"mark failed\">&lt;i&gt;</span></td>"),
            "{table}"
        );
        assert!(table.contains("<th scope=\"col\" class=\"n\">value</th>"), "{table}");
        let page = page("<script>", "a & b", &code("x < 1\n"));
        assert!(page.contains("<title>&lt;script&gt;</title>") && page.contains("<code>x &lt; 1</code>"));
        assert_eq!(section("empty", ""), "");
    }
}
