//! A recording and the viewer as one page that needs nothing else: no server, no network; and what every such page
//! needs.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use records::input;

use crate::base64::base64;

/// What every page has around its body; the parts in braces are filled in.
const FRAME: &str = include_str!("frame.html");
/// The body of the page with the viewer.
const BODY: &str = include_str!("page.html");
/// Its style, which the page of `cargo run -p web -- build` has too.
const STYLE: &str = include_str!("page.css");

/// Writes the page `out` with `recording` (a file's bytes) and the viewer from `folder`, which
/// `cargo run -p web -- build` makes.
pub(super) fn write(out: &Path, title: &str, recording: &[u8], folder: &Path) -> anyhow::Result<()> {
    let part = |name: &str| {
        let path = folder.join(name);
        input::bytes(&path, input::DATA).with_context(|| {
            format!(
                "cannot read {}; `cargo run -p web -- build` makes the viewer for browsers",
                path.display()
            )
        })
    };
    let script = String::from_utf8(part("viewer.js")?).context("viewer.js is not text")?;
    let page = with_viewer(title, recording, &part("viewer_bg.wasm")?, &script)?;
    fs::write(out, page).with_context(|| format!("cannot write {}", out.display()))
}

fn with_viewer(title: &str, recording: &[u8], program: &[u8], script: &str) -> std::io::Result<String> {
    let (file, program) = (packed(recording)?, packed(program)?);
    let body = fill(BODY, &[("{file}", &file), ("{program}", &program), ("{script}", &in_tag(script))]);
    Ok(whole(title, STYLE, &body))
}

/// A page with this body, which is markup as `style` is; `title` is text.
pub(super) fn whole(title: &str, style: &str, body: &str) -> String {
    fill(FRAME, &[("{title}", &escaped(title)), ("{style}", style), ("{body}", body)])
}

/// Text between tags.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A script between its tags; a closing tag within it would end it.
pub(super) fn in_tag(script: &str) -> String {
    script.replace("</script", "<\\/script")
}

/// `page` with its parts filled in.
///
/// # Panics
/// If the page does not name them in this order.
pub(super) fn fill(page: &str, parts: &[(&str, &str)]) -> String {
    let mut whole =
        String::with_capacity(page.len() + parts.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut rest = page;
    for (name, text) in parts {
        let (before, after) = rest.split_once(name).expect("the page names its parts in this order");
        whole.push_str(before);
        whole.push_str(text);
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// Compressed by gzip, in base64.
pub(super) fn packed(bytes: &[u8]) -> std::io::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(base64(&encoder.finish()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_page_holds_everything_and_asks_for_nothing_else() {
        let script = "let a = '</script>';";
        let page = with_viewer("ant & <b>", &[1, 2, 3], b"program", script).unwrap();
        assert!(page.contains("<title>ant &amp; &lt;b></title>"));
        assert!(page.contains("let a = '<\\/script>';"));
        assert!(page.contains(&packed(&[1, 2, 3]).unwrap()) && page.contains(&packed(b"program").unwrap()));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
    }

    #[test]
    fn without_a_built_viewer_the_command_that_makes_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("a.html"), "a", &[], folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("`cargo run -p web -- build` makes the viewer"), "{error:#}");
    }
}
