//! The types of configs as their source files describe them: fields, variants, doc comments.
//!
//! Nothing is repeated for the reference pages: what they say about a field is its doc comment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Fields, Item, ItemEnum, Lit, Meta, Token, Type, UseTree};

/// Folders whose types may occur in a config.
const FOLDERS: [&str; 6] =
    ["sim/src", "snn/src", "envs/src", "evo/strategies/src", "evo/training/src", "evo/src"];

/// A struct or an enum of a config.
pub struct Definition {
    /// File, relative to the repository.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// Its doc comment.
    pub doc: String,
    /// What it consists of.
    pub shape: Shape,
}

/// What a type consists of.
pub enum Shape {
    /// A struct with named fields.
    Struct(Vec<Field>),
    /// An enum.
    Enum(Vec<Variant>),
}

/// A named field.
#[derive(Clone)]
pub struct Field {
    /// Name in the config.
    pub name: String,
    /// Its doc comment.
    pub doc: String,
    /// Its type.
    pub ty: Type,
    /// Whether a config may leave it out.
    pub optional: bool,
}

/// Enums whose variants configs write as what they hold; read by hand, not by a derive.
pub const BARE: [&str; 1] = ["EngineChoice"];

/// A variant of an enum.
#[derive(Clone)]
pub struct Variant {
    /// Name in the config.
    pub name: String,
    /// Its doc comment.
    pub doc: String,
    /// What it holds.
    pub content: Content,
}

/// What a variant holds.
#[derive(Clone)]
pub enum Content {
    /// Nothing.
    Unit,
    /// Values in order.
    Tuple(Vec<Type>),
    /// Named fields.
    Fields(Vec<Field>),
}

/// Doc comment and content of a variant.
type Row = (String, Content);

/// All types that a config may be made of.
pub struct Source {
    definitions: Vec<Definition>,
    /// Structs whose fields have no names; a row of a registry may hold one.
    tuples: Vec<(PathBuf, String, Row)>,
    /// Enums that a macro declares from rows without words, such as the effects of changes.
    registries: Vec<Definition>,
    /// Per file: names from elsewhere, and the first part of the path that they come from.
    imports: BTreeMap<PathBuf, BTreeMap<String, String>>,
}

impl Source {
    /// Reads the source files below `root`.
    ///
    /// # Panics
    /// If a file cannot be read or is not Rust.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut source = Self {
            definitions: Vec::new(),
            tuples: Vec::new(),
            registries: Vec::new(),
            imports: BTreeMap::new(),
        };
        for folder in FOLDERS {
            let mut files = Vec::new();
            list(&root.join(folder), &mut files);
            for path in files {
                let text = std::fs::read_to_string(&path).expect("source files are readable");
                let file = path.strip_prefix(root).expect("below the root").to_owned();
                let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
                source.add(&file, parsed.items);
            }
        }
        for mut registry in std::mem::take(&mut source.registries) {
            if let Shape::Enum(variants) = &mut registry.shape {
                for variant in variants {
                    (variant.doc, variant.content) = source.row(&registry.file, variant);
                }
            }
            source.definitions.push(registry);
        }
        source
    }

    /// What a row of a registry stands for: its words are those of the type that it names, and so is what it
    /// holds.
    fn row(&self, file: &Path, variant: &Variant) -> Row {
        let Content::Tuple(types) = &variant.content else { panic!("{}: no type in a row", file.display()) };
        let [Type::Path(path)] = types.as_slice() else { panic!("{}: no type in a row", file.display()) };
        let parts: Vec<String> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
        let (name, module) = (&parts[parts.len() - 1], &parts[parts.len() - 2]);
        let own = |place: &Path| place.file_stem().is_some_and(|stem| stem == module.as_str());
        if let Some((.., row)) = self.tuples.iter().find(|(place, other, _)| other == name && own(place)) {
            return row.clone();
        }
        let named = self.find(file, &format!("{module}::{name}"));
        let Some(Definition { doc, shape: Shape::Struct(fields), .. }) = named else {
            panic!("{}: nothing is known of {module}::{name}", file.display())
        };
        (doc.clone(), Content::Fields(fields.clone()))
    }

    fn add(&mut self, file: &Path, items: Vec<Item>) {
        let imports = self.imports.entry(file.to_owned()).or_default();
        for item in items {
            let (name, attributes, shape) = match item {
                Item::Use(item) => {
                    names(&item.tree, None, imports);
                    continue;
                }
                Item::Struct(item) => {
                    let named = match item.fields {
                        Fields::Named(named) => named,
                        Fields::Unnamed(fields) => {
                            let types = fields.unnamed.into_iter().map(|f| f.ty).collect();
                            let row = (doc(&item.attrs), Content::Tuple(types));
                            self.tuples.push((file.to_owned(), item.ident.to_string(), row));
                            continue;
                        }
                        Fields::Unit => continue,
                    };
                    let whole = has_default(&item.attrs);
                    let fields = named.named.into_iter().filter_map(|f| field(f, whole)).collect();
                    (item.ident, item.attrs, Shape::Struct(fields))
                }
                Item::Enum(item) => {
                    let variants = item.variants.into_iter().map(variant).collect();
                    (item.ident, item.attrs, Shape::Enum(variants))
                }
                Item::Macro(item) => {
                    let Ok(item) = item.mac.parse_body::<ItemEnum>() else { continue };
                    if is_deserialized(&item.attrs) {
                        let shape = Shape::Enum(item.variants.into_iter().map(variant).collect());
                        let (file, name, doc) = (file.to_owned(), item.ident.to_string(), doc(&item.attrs));
                        self.registries.push(Definition { file, name, doc, shape });
                    }
                    continue;
                }
                _ => continue,
            };
            if is_deserialized(&attributes) || BARE.iter().any(|bare| name == bare) {
                let (file, doc) = (file.to_owned(), doc(&attributes));
                self.definitions.push(Definition { file, name: name.to_string(), doc, shape });
            }
        }
    }

    /// The type called `name`, or `module::name`, in `file`, if it is one of ours.
    ///
    /// # Panics
    /// If several could be meant.
    #[must_use]
    pub fn find(&self, file: &Path, name: &str) -> Option<&Definition> {
        if let Some((module, name)) = name.split_once("::") {
            let inside = |d: &Definition| d.file.with_extension("").iter().any(|part| part == module);
            return self.definitions.iter().find(|d| d.name == name && inside(d));
        }
        let mut found: Vec<&Definition> = self.definitions.iter().filter(|d| d.name == name).collect();
        if let Some(own) = found.iter().position(|d| d.file == file) {
            return Some(found[own]);
        }
        // A crate is called as the folder of its `src`.
        let folder = |path: &Path| {
            let parts = path.iter().take_while(|part| *part != "src");
            parts.last().map(ToOwned::to_owned)
        };
        let from = self.imports.get(file).and_then(|names| names.get(name)).map_or("crate", String::as_str);
        let from = match from {
            "crate" | "super" | "self" => folder(file),
            module if self.is_beside(file, module) => folder(file),
            other => Some(other.into()),
        };
        // A name from another crate, such as `serde_json::Value`, is none of ours.
        found.retain(|d| folder(&d.file) == from);
        assert!(found.len() <= 1, "{}: {name} could be any of {} types", file.display(), found.len());
        found.first().copied()
    }

    /// Whether `module` is a file or folder beside `file`.
    fn is_beside(&self, file: &Path, module: &str) -> bool {
        let parent = file.parent();
        self.imports.keys().any(|other| {
            let as_file = other.parent() == parent && other.file_stem().is_some_and(|stem| stem == module);
            as_file || other.parent().is_some_and(|f| f.parent() == parent && f.ends_with(module))
        })
    }

    /// The type called `name` in the file at `path`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn get(&self, path: &str, name: &str) -> &Definition {
        let own = self.definitions.iter().find(|d| d.file == Path::new(path) && d.name == name);
        own.unwrap_or_else(|| panic!("{path} has no type {name} that configs hold"))
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn names(tree: &UseTree, first: Option<&str>, into: &mut BTreeMap<String, String>) {
    match tree {
        UseTree::Path(path) => {
            let own = path.ident.to_string();
            names(&path.tree, Some(first.unwrap_or(&own)), into);
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, first, into)),
        UseTree::Name(name) => {
            into.insert(name.ident.to_string(), first.unwrap_or_default().to_owned());
        }
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

fn field(field: syn::Field, whole: bool) -> Option<Field> {
    let name = field.ident?.to_string();
    let option = matches!(&field.ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"));
    let optional = whole || option || has_default(&field.attrs);
    Some(Field { name, doc: doc(&field.attrs), ty: field.ty, optional })
}

fn variant(variant: syn::Variant) -> Variant {
    let content = match variant.fields {
        Fields::Unit => Content::Unit,
        Fields::Unnamed(fields) => Content::Tuple(fields.unnamed.into_iter().map(|f| f.ty).collect()),
        Fields::Named(fields) => {
            Content::Fields(fields.named.into_iter().filter_map(|f| field(f, false)).collect())
        }
    };
    Variant { name: variant.ident.to_string(), doc: doc(&variant.attrs), content }
}

fn metas(attributes: &[Attribute], name: &str) -> Vec<Meta> {
    let lists = attributes.iter().filter(|a| a.path().is_ident(name));
    let parsed =
        lists.filter_map(|a| a.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok());
    parsed.flatten().collect()
}

fn has_default(attributes: &[Attribute]) -> bool {
    metas(attributes, "serde").iter().any(|meta| meta.path().is_ident("default"))
}

fn is_deserialized(attributes: &[Attribute]) -> bool {
    let derived = metas(attributes, "derive");
    derived.iter().any(|meta| meta.path().segments.last().is_some_and(|part| part.ident == "Deserialize"))
}

/// A doc comment as one paragraph of Markdown: links to items become code.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|a| a.path().is_ident("doc")).filter_map(|a| match &a.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text = lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>().join(" ");
    plain(text.split("  ").next().unwrap_or_default().trim())
}

/// Markdown without links to Rust items: their text stays.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find('[') {
        let end = rest[start..].find(']').map(|length| start + length);
        let Some(end) = end else { break };
        let (inner, after) = (&rest[start + 1..end], &rest[end + 1..]);
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        match target {
            Some((link, after)) if !link.starts_with("http") => {
                out.push_str(&rest[..start]);
                out.push_str(inner);
                rest = after;
            }
            None if inner.starts_with('`') && inner.ends_with('`') => {
                out.push_str(&rest[..start]);
                // `crate::a::B` is code as well, but not what a config says.
                let name = inner.trim_matches('`').rsplit("::").next().unwrap_or_default();
                out.push_str(&format!("`{name}`"));
                rest = after;
            }
            _ => {
                out.push_str(&rest[..=end]);
                rest = after;
            }
        }
    }
    out + rest
}
