//! Pieces of Rust as tokens: words, marks, attributes, imports.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::UseTree;

/// A path as written, in segments.
pub type Path = Vec<String>;

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The name that it brings; `None` for all of a module.
    pub name: Option<String>,
    /// What it names.
    pub path: Path,
    /// Whether it hands the name on (`pub use`, `pub(crate) use`).
    pub handed_on: bool,
}

/// The word at a token.
pub(super) fn word_at(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => {
            let word = word.to_string();
            Some(word.strip_prefix("r#").map_or(word.clone(), str::to_owned))
        }
        _ => None,
    }
}

pub(super) fn is_mark(tokens: &[TokenTree], at: usize, mark: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

pub(super) fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    is_mark(tokens, at, ':') && is_mark(tokens, at + 1, ':')
}

/// Whether a word stands after `::` or after a lone `.`, but not after `..`.
pub(super) fn after_colons(tokens: &[TokenTree], at: usize) -> bool {
    let twice = at >= 2 && is_mark(tokens, at - 2, '.') && is_mark(tokens, at - 1, '.');
    (is_mark(tokens, at - 1, '.') && !twice) || (at >= 2 && is_double_colon(tokens, at - 2))
}

/// The attribute at a `#`: its inside, what comes after, and whether it is `cfg(test)`.
pub(super) fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, usize, bool)> {
    let at = if is_mark(tokens, at + 1, '!') { at + 2 } else { at + 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            let text: String = group.stream().to_string().split_whitespace().collect();
            Some((group, at + 1, text == "cfg(test)" || text.starts_with("cfg(all(test,")))
        }
        _ => None,
    }
}

/// After the item that begins here, with a body in braces or a semicolon at its end.
pub(super) fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    };
    tokens[at..].iter().position(ends).map_or(tokens.len(), |length| at + length + 1)
}

pub(super) fn end_of_use(tokens: &[TokenTree], at: usize) -> usize {
    (at..tokens.len()).find(|&at| is_mark(tokens, at, ';')).map_or(tokens.len(), |end| end + 1)
}

/// After `pub` or `pub(in path)`.
pub(super) fn after_visibility(tokens: &[TokenTree], at: usize) -> usize {
    match tokens.get(at + 1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => at + 2,
        _ => at + 1,
    }
}

/// The imports of a `use` line.
pub(super) fn imports(tokens: &[TokenTree], handed_on: bool) -> Result<Vec<Use>, String> {
    let line: TokenStream = tokens.iter().cloned().collect();
    let line: syn::ItemUse = syn::parse2(line).map_err(|error| error.to_string())?;
    let mut uses = Vec::new();
    if line.leading_colon.is_none() {
        flatten(&line.tree, &mut Vec::new(), handed_on, &mut uses);
    }
    Ok(uses)
}

fn flatten(tree: &UseTree, before: &mut Path, handed_on: bool, uses: &mut Vec<Use>) {
    let mut push = |last: Option<String>, name: Option<String>| {
        // `{self}` is the module before it.
        let last = last.filter(|last| last != "self" || before.is_empty());
        let path: Path = before.iter().cloned().chain(last).collect();
        let name = name.map(|name| if name == "self" { path[path.len() - 1].clone() } else { name });
        uses.push(Use { name, path, handed_on });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, handed_on, uses);
            before.pop();
        }
        UseTree::Name(name) => push(Some(name.ident.to_string()), Some(name.ident.to_string())),
        UseTree::Rename(name) => push(Some(name.ident.to_string()), Some(name.rename.to_string())),
        UseTree::Glob(_) => push(None, None),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, handed_on, uses)),
    }
}
