//! The modules of a crate: what each defines, imports and names, read from the tokens of its files.
//!
//! Tokens and not a syntax tree, so that what stands in macros is read as well; comments and strings are no tokens of
//! interest. What holds only for `cfg(test)` is left out, and so is what macros or `include!` make.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::tokens::{
    Path, Use, after_colons, after_visibility, attribute, end_of_item, end_of_use, imports, is_double_colon,
    is_mark, word_at,
};

/// Paths to sources and their text.
pub type Files = BTreeMap<String, String>;

/// A module.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// File that it is written in.
    pub file: String,
    /// Module around it; `None` for the root.
    pub parent: Option<usize>,
    /// Modules in it.
    pub children: BTreeMap<String, usize>,
    /// What is defined in it, with the file.
    pub items: BTreeMap<String, String>,
    /// Its imports.
    pub uses: Vec<Use>,
    /// Paths of two segments and more in its code, imports in functions among them.
    pub paths: Vec<Path>,
}

/// The modules of a crate; the first is its root.
#[derive(Clone, Debug)]
pub struct Modules(pub Vec<Module>);

/// Words before the name of something that is defined.
const DEFINES: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

impl Modules {
    /// Reads the crate whose root is the file `root`. A module whose file is not among `files` is left out.
    ///
    /// # Errors
    /// If a file is no Rust.
    pub fn read(root: &str, files: &Files) -> Result<Self, String> {
        let mut modules = Self(vec![Module { file: root.to_owned(), ..Module::default() }]);
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        modules.file(0, folder, files)?;
        Ok(modules)
    }

    /// Reads the file of a module, whose modules lie in `folder`.
    fn file(&mut self, module: usize, folder: &str, files: &Files) -> Result<(), String> {
        let file = self.0[module].file.clone();
        let text = files.get(&file).ok_or_else(|| format!("there is no {file}"))?;
        let tokens: TokenStream = text.parse().map_err(|error| format!("{file}: {error}"))?;
        self.top(module, folder, tokens, files)
    }

    /// Reads what stands in a module itself.
    fn top(&mut self, module: usize, folder: &str, tokens: TokenStream, files: &Files) -> Result<(), String> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut item = Item::default();
        let mut at = 0;
        while at < tokens.len() {
            let word = word_at(&tokens, at).unwrap_or_default();
            let name = word_at(&tokens, at + 1);
            match (&tokens[at], word.as_str(), name) {
                (TokenTree::Punct(hash), ..) if hash.as_char() == '#' => {
                    at = match attribute(&tokens, at) {
                        Some((_, after, true)) => end_of_item(&tokens, after),
                        Some((group, after, false)) => {
                            item.note(group);
                            after
                        }
                        None => at + 1,
                    };
                }
                (_, "pub", _) => {
                    item.visible = true;
                    at = after_visibility(&tokens, at);
                }
                (_, "use", _) if !is_mark(&tokens, at + 1, '<') => {
                    let end = end_of_use(&tokens, at);
                    let uses = imports(&tokens[at..end], item.visible);
                    let mut uses = uses.map_err(|error| format!("{}: {error}", self.0[module].file))?;
                    self.0[module].uses.append(&mut uses);
                    (item, at) = (Item::default(), end);
                }
                (_, "mod", Some(name)) => {
                    let child = Module { parent: Some(module), ..Module::default() };
                    match tokens.get(at + 2) {
                        Some(TokenTree::Group(body)) => {
                            let file = self.0[module].file.clone();
                            let child = self.add(name.clone(), Module { file, ..child });
                            self.top(child, &format!("{folder}/{name}"), body.stream(), files)?;
                        }
                        _ => {
                            let (file, folder) = item.place(folder, &self.0[module].file, &name, files);
                            if files.contains_key(&file) {
                                let child = self.add(name, Module { file, ..child });
                                self.file(child, &folder, files)?;
                            }
                        }
                    }
                    (item, at) = (Item::default(), at + 3);
                }
                (_, "macro_rules", _) => {
                    if let Some(name) = word_at(&tokens, at + 2) {
                        let file = self.0[module].file.clone();
                        let home = if item.exported { 0 } else { module };
                        self.0[home].items.insert(name, file);
                    }
                    at += 3;
                }
                (_, word, Some(name)) if DEFINES.contains(&word) => {
                    let file = self.0[module].file.clone();
                    self.0[module].items.insert(name, file);
                    at += 2;
                }
                (TokenTree::Group(group), ..) => {
                    self.code(module, group.stream());
                    if group.delimiter() == Delimiter::Brace {
                        item = Item::default();
                    }
                    at += 1;
                }
                _ => at = self.path(module, &tokens, at),
            }
        }
        Ok(())
    }

    /// Reads what stands in functions, types and macros.
    fn code(&mut self, module: usize, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let word = word_at(&tokens, at).unwrap_or_default();
            match (&tokens[at], word.as_str()) {
                (TokenTree::Punct(hash), _) if hash.as_char() == '#' => {
                    at = match attribute(&tokens, at) {
                        Some((_, after, true)) => end_of_item(&tokens, after),
                        Some((_, after, false)) => after,
                        None => at + 1,
                    };
                }
                (_, "pub") => at = after_visibility(&tokens, at),
                (_, "use") if !is_mark(&tokens, at + 1, '<') => {
                    let end = end_of_use(&tokens, at);
                    // In a macro it may be the pattern of an import.
                    let uses = imports(&tokens[at..end], false).unwrap_or_default();
                    self.0[module].paths.extend(uses.into_iter().map(|import| import.path));
                    at = end;
                }
                (TokenTree::Group(group), _) => {
                    self.code(module, group.stream());
                    at += 1;
                }
                _ => at = self.path(module, &tokens, at),
            }
        }
    }

    /// Notes the path that begins at a token, if one does; returns what comes after.
    fn path(&mut self, module: usize, tokens: &[TokenTree], at: usize) -> usize {
        let Some(first) = word_at(tokens, at) else { return at + 1 };
        let (mut path, mut end) = (vec![first], at + 1);
        while let (true, Some(segment)) = (is_double_colon(tokens, end), word_at(tokens, end + 2)) {
            path.push(segment);
            end += 3;
        }
        // A field or method, what follows a type in angle brackets, and a macro's argument are no beginnings.
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let begins = match before {
            Some(TokenTree::Punct(mark)) if mark.as_char() == '$' => path[0] == "crate",
            Some(TokenTree::Punct(mark)) => !matches!(mark.as_char(), '.' | ':') || !after_colons(tokens, at),
            _ => true,
        };
        if path.len() > 1 && begins {
            self.0[module].paths.push(path);
        }
        end
    }

    fn add(&mut self, name: String, child: Module) -> usize {
        let index = self.0.len();
        let parent = child.parent.unwrap_or_default();
        self.0.push(child);
        self.0[parent].children.insert(name, index);
        index
    }
}

/// What stands before an item.
#[derive(Default)]
struct Item {
    visible: bool,
    exported: bool,
    path: Option<String>,
}

impl Item {
    fn note(&mut self, attribute: &Group) {
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        match word_at(&tokens, 0).as_deref() {
            Some("macro_export") => self.exported = true,
            Some("path") => {
                self.path = tokens.get(2).map(|text| text.to_string().trim_matches('"').to_owned());
            }
            _ => {}
        }
    }

    /// File of the module `name` that is declared in `file`, whose modules lie in `folder`, and the folder of its own.
    fn place(&self, folder: &str, file: &str, name: &str, files: &Files) -> (String, String) {
        if let Some(path) = &self.path {
            let around = file.rsplit_once('/').map_or("", |(around, _)| around);
            return (format!("{around}/{path}"), format!("{folder}/{name}"));
        }
        let own = format!("{folder}/{name}");
        let beside = format!("{own}.rs");
        (if files.contains_key(&beside) { beside } else { format!("{own}/mod.rs") }, own)
    }
}
