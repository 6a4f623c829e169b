//! `<include>`: several files become one text that stands alone and knows where its pieces are from.
//!
//! As in MuJoCo, an `<include file="…"/>` stands for what is inside the root element of that file, which is
//! looked for from the main file's folder on, and each file is included once. Every piece behind the
//! first starts with `<?source LINE COLUMN FILE?>`, where FILE is empty for the main file.
//!
//! Meshes are then read into the text as well.
//!
//! A model may be from anybody, so an included file lies in the main file's folder or below it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use roxmltree::Node;

use super::embed::embed;
use super::file::{MAX_BYTES, inside_folder, read_text};
use super::mark::{beside, marked};
use super::source::{Result, Source, parse};
use crate::SimError;

/// Files that may lie inside each other.
const MAX_DEPTH: usize = 32;

/// The text of an MJCF file with the files that it includes in their places, for
/// [`Model::from_mjcf`](crate::Model::from_mjcf), and with the corners and triangles of its meshes instead of
/// their files; one without `<include>` and meshes is returned as it is.
///
/// # Errors
/// [`SimError::Read`] if the file cannot be read as UTF-8, is no regular file or is larger than 64 MiB;
/// [`SimError::Mjcf`] if it or an included file is not XML, if an included file is included twice, if a mesh is
/// not one, or if one of these files cannot be read, lies outside the file's folder, or makes more than 64 MiB
/// together with the others.
pub fn read_mjcf(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let xml =
        read_text(path, MAX_BYTES).map_err(|source| SimError::Read { path: path.to_owned(), source })?;
    let mut merged = Merged {
        main: path.display().to_string(),
        seen: vec![identity(path)],
        left: MAX_BYTES - xml.len() as u64,
        depth: 0,
        text: String::new(),
    };
    merged.add(&xml, "")?;
    embed(merged.text, &merged.main, merged.left)
}

/// A file by any of its names.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The text as it grows.
struct Merged {
    main: String,
    seen: Vec<PathBuf>,
    /// Bytes that may still be read.
    left: u64,
    /// Files that the one being added lies inside of.
    depth: usize,
    text: String,
}

impl Merged {
    /// Adds a file that is included as `name`: what is inside its root element. The main file has no
    /// name and is added whole.
    fn add(&mut self, xml: &str, name: &str) -> Result<()> {
        let file = beside(&self.main, name).display().to_string();
        let doc = parse(xml, &file)?;
        let source = Source { file: &file, doc: &doc };
        let part = if name.is_empty() { 0..xml.len() } else { inside(doc.root_element(), xml) };
        if !name.is_empty() {
            self.mark(source, part.start, name);
        }
        let mut at = part.start;
        for node in doc.descendants().filter(|n| n.has_tag_name("include")) {
            let range = node.range();
            // One inside another is gone with it, and the root itself is no part.
            if range.start < at || range.end > part.end {
                continue;
            }
            let (inner, inner_name) = self.open(source, node)?;
            self.text += &xml[at..range.start];
            self.depth += 1;
            self.add(&inner, inner_name)?;
            self.depth -= 1;
            at = range.end;
            self.mark(source, at, name);
        }
        self.text += &xml[at..part.end];
        Ok(())
    }

    /// Text and name of the file that `node` includes.
    fn open<'n>(&mut self, source: Source<'_>, node: Node<'n, '_>) -> Result<(String, &'n str)> {
        let fail = |message: String| Err(source.error(node.range().start, message));
        let Some(name) = node.attribute("file").filter(|name| !name.is_empty()) else {
            return fail("<include> needs file, the name of an MJCF file".to_owned());
        };
        if name.contains("?>") || name.contains('\n') {
            return fail("the name of an included file holds '?>' or a line break".to_owned());
        }
        let Some(path) = inside_folder(&self.main, name) else {
            let path = beside(&self.main, name);
            let (path, main) = (path.display(), &self.main);
            return fail(format!(
                "{path} is outside the folder of {main}: include files from there or below"
            ));
        };
        if self.depth >= MAX_DEPTH {
            return fail(format!("files are included more than {MAX_DEPTH} deep"));
        }
        let known = identity(&path);
        if self.seen.contains(&known) {
            return fail(format!("{} is included a second time", path.display()));
        }
        self.seen.push(known);
        match read_text(&path, self.left) {
            Ok(text) => {
                self.left -= text.len() as u64;
                Ok((text, name))
            }
            Err(error) => fail(format!("cannot read {}: {error}", path.display())),
        }
    }

    /// Says where the text goes on.
    fn mark(&mut self, source: Source<'_>, at: usize, name: &str) {
        let place = source.doc.text_pos_at(at);
        self.text += &marked(place.row, place.col, name);
    }
}

/// The part of a text that is inside an element.
fn inside(element: Node<'_, '_>, xml: &str) -> Range<usize> {
    let end = element.range().end;
    match element.first_child() {
        Some(first) => first.range().start..xml[..end].rfind("</").unwrap_or(end),
        None => end..end,
    }
}
