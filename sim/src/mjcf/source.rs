//! The text that is read, and errors with their place in it.

use roxmltree::{Document, Error, Node, ParsingOptions};

use super::mark::{beside, mark};
use crate::SimError;

pub(super) type Result<T> = std::result::Result<T, SimError>;

/// A parsed document and the name under which its errors are reported.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) doc: &'a Document<'a>,
}

impl<'a> Source<'a> {
    /// The root's children of one name.
    pub(super) fn all<'n>(self, name: &'n str) -> impl Iterator<Item = Node<'a, 'a>> + use<'a, 'n> {
        let children = self.doc.root_element().children();
        children.filter(move |n| n.is_element() && n.tag_name().name() == name)
    }

    /// An error at a byte offset of the text, in the file that this part of it is from.
    pub(super) fn error(&self, offset: usize, message: impl Into<String>) -> SimError {
        let (name, line, column) = self.place(offset);
        let file = beside(self.file, name).display().to_string();
        SimError::Mjcf { file, line, column, message: message.into() }
    }

    /// The name, empty for the main file, line and column of where a byte of the text is from.
    pub(super) fn place(&self, offset: usize) -> (&'a str, u32, u32) {
        let at = self.doc.text_pos_at(offset);
        let marks = self.doc.descendants().filter(|n| n.range().end <= offset);
        if let Some((mark, (row, first, name))) = marks.rev().find_map(|n| Some((n, mark(n)?))) {
            let start = self.doc.text_pos_at(mark.range().end);
            // A mark can be edited, so it may say anything.
            let line = row.saturating_add(at.row - start.row);
            let column = if at.row == start.row { first.saturating_add(at.col - start.col) } else { at.col };
            return (name, line, column);
        }
        ("", at.row, at.col)
    }
}

/// Elements and pieces of text in a document; each takes far more memory than it has letters.
const MAX_NODES: u32 = 1_000_000;

/// Attributes of an element. The parser compares each with every other.
const MAX_ATTRIBUTES: usize = 1000;

/// What stands between `<` and `>`, with the line in which it begins; no comments.
fn tags(xml: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut row = 1;
    xml.split('<').filter_map(move |part| {
        let begins = row;
        row += part.matches('\n').count() as u32;
        let tag = part.split('>').next().unwrap_or(part);
        (!tag.starts_with('!')).then_some((begins, tag))
    })
}

/// The document that `xml` is, from a file called `file`.
pub(super) fn parse<'a>(xml: &'a str, file: &str) -> Result<Document<'a>> {
    if let Some((row, tag)) = tags(xml).find(|(_, tag)| tag.matches('=').count() > MAX_ATTRIBUTES) {
        let name = tag.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let message = format!("<{name}> has more than {MAX_ATTRIBUTES} attributes");
        return Err(SimError::Mjcf { file: file.to_owned(), line: row, column: 1, message });
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(xml, options).map_err(|error| xml_error(&error, xml, file))
}

/// An error of the XML parser with its place.
fn xml_error(error: &Error, xml: &str, file: &str) -> SimError {
    let at = error.pos();
    let text = error.to_string().replace(&format!(" at {at}"), "");
    let (line, column, message) = match error {
        // These two have no position of their own: the text just ends too early.
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => {
            let last = xml.rsplit('\n').next().unwrap_or("");
            let line = xml.matches('\n').count() + 1;
            let column = last.chars().count() + 1;
            let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let message = "the file ends too early: an end tag, quote or comment is missing".to_owned();
            (narrow(line), narrow(column), message)
        }
        Error::NoRootNode => (1, 1, "the file holds no element, expected <mujoco>".to_owned()),
        Error::DtdDetected => (1, 1, "<!DOCTYPE> is not supported: remove it".to_owned()),
        Error::NodesLimitReached => {
            (1, 1, format!("the file holds more than {MAX_NODES} elements and pieces of text"))
        }
        _ => (at.row, at.col, format!("not valid XML: {text}")),
    };
    SimError::Mjcf { file: file.to_owned(), line, column, message }
}
