//! A recording and the viewer as one page that needs nothing else: no server, no network; and what every such page
//! needs.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use records::input;

/// The page; the parts in braces are filled in.
const PAGE: &str = include_str!("page.html");
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
    let (title, script) = (escaped(title), in_tag(script));
    let (file, program) = (packed(recording)?, packed(program)?);
    Ok(fill(
        PAGE,
        &[
            ("{title}", &title),
            ("{style}", STYLE),
            ("{file}", &file),
            ("{program}", &program),
            ("{script}", &script),
        ],
    ))
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

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

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
