//! Reference tables of the settings in a config: type, default and meaning of every field.
//!
//! Names and meanings come from [`Source`], defaults from the program: a text with nothing but what is
//! required is read as a config and the resolved value looked up.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use syn::{GenericArgument, PathArguments, Type};

use super::markdown::anchors;
use super::source::{BARE, Content, Definition, Field, Shape, Source, Variant};

/// Reads a config (or sweep file) from RON and gives it back with all defaults.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<Value, String>;

/// Where in a config a value stands.
#[derive(Clone)]
pub struct Place {
    before: String,
    after: String,
    /// JSON pointer of the resolved value.
    at: String,
}

impl Place {
    /// Between these texts, and in the resolved config at `at`.
    #[must_use]
    pub fn new(before: &str, after: &str, at: &str) -> Self {
        Self { before: before.to_owned(), after: after.to_owned(), at: at.to_owned() }
    }

    fn inside(&self, before: &str, after: &str, at: &str) -> Self {
        let Self { before: outer, after: end, at: above } = self;
        Self::new(&format!("{outer}{before}"), &format!("{after}{end}"), &format!("{above}{at}"))
    }

    fn put(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

/// The sections of a page, one per type.
pub struct Sections<'a> {
    source: &'a Source,
    resolve: Resolve<'a>,
    sections: Vec<Section>,
}

struct Section {
    file: PathBuf,
    name: String,
    /// Its heading, or its address where it is on another page.
    title: String,
    /// Nothing in what is on another page.
    text: Option<String>,
}

impl<'a> Sections<'a> {
    /// No sections yet.
    pub fn new(source: &'a Source, resolve: Resolve<'a>) -> Self {
        Self { source, resolve, sections: Vec::new() }
    }

    /// A type that has its section at this address, on another page.
    pub fn link(&mut self, definition: &Definition, address: &str) {
        let (file, name) = (definition.file.clone(), definition.name.clone());
        self.sections.push(Section { file, name, title: address.to_owned(), text: None });
    }

    /// The table of the fields of a type; empty if it has none.
    pub fn table(&mut self, definition: &Definition, place: &Place) -> String {
        match &definition.shape {
            Shape::Struct(fields) => self.fields(definition, fields, place),
            Shape::Enum(_) => String::new(),
        }
    }

    /// The page with the sections at its end, under headings of `level`, and with links to them.
    #[must_use]
    pub fn finish(self, mut page: String, level: usize) -> String {
        let mut links = Vec::new();
        for section in self.sections {
            let mark = mark(&section.file, &section.name);
            match section.text {
                None => links.push((mark, section.title)),
                Some(text) => {
                    let _ = write!(page, "\n{} {}\n\n{text}", "#".repeat(level), section.title);
                    links.push((mark, format!("#{}", anchors(&page).pop().expect("there is a heading"))));
                }
            }
        }
        for (mark, address) in links {
            page = page.replace(&mark, &address);
        }
        page
    }

    /// Adds the section of a type, and of all that occur in it. What has a section is left out.
    pub fn add(&mut self, definition: &Definition, place: &Place, title: &str) {
        let known = |s: &Section| s.file == definition.file && s.name == definition.name;
        if self.sections.iter().any(known) {
            return;
        }
        let (file, name) = (definition.file.clone(), definition.name.clone());
        let index = self.sections.len();
        self.sections.push(Section { file, name, title: title.to_owned(), text: Some(String::new()) });
        let text = match &definition.shape {
            Shape::Struct(fields) => {
                let table = self.fields(definition, fields, place);
                format!("{}\n\n{table}", definition.doc)
            }
            Shape::Enum(_) => self.variants(definition, place, title),
        };
        self.sections[index].text = Some(text);
    }

    /// The table of the fields of a struct, which may have none.
    pub fn fields(&mut self, definition: &Definition, fields: &[Field], place: &Place) -> String {
        if fields.is_empty() {
            return String::new();
        }
        let rows = self.rows(definition, fields, place, "");
        format!("| field | type | default | meaning |\n| --- | --- | --- | --- |\n{rows}")
    }

    fn rows(&mut self, definition: &Definition, fields: &[Field], place: &Place, first: &str) -> String {
        let required = self.required(&definition.file, fields, None);
        let resolved = (self.resolve)(&place.put(&format!("({required})")));
        let resolved = resolved.unwrap_or_else(|e| panic!("{}: {e}", place.put(&format!("({required})"))));
        let value = resolved.pointer(&place.at).cloned().unwrap_or_default();
        let mut rows = String::new();
        for field in fields {
            let default = match field.optional {
                true => {
                    self.show(value.get(&field.name).unwrap_or(&Value::Null), &field.ty, &definition.file)
                }
                false => String::new(),
            };
            let meaning =
                without_default(&field.doc, &default, &format!("{}.{}", definition.name, field.name));
            let kind = self.kind(&field.ty, &definition.file);
            let shown = if field.optional { format!("`{default}`") } else { "required".to_owned() };
            let _ = writeln!(rows, "| {first}`{}` | {kind} | {shown} | {} |", field.name, cell(&meaning));
            let others = self.required(&definition.file, fields, Some(&field.name));
            let others = if others.is_empty() { others } else { format!("{others}, ") };
            let inner = place.inside(&format!("({others}{}: ", field.name), ")", &format!("/{}", field.name));
            self.visit(&field.ty, &definition.file, &inner, &field.name);
        }
        rows
    }

    /// The fields that a config must have, but one.
    fn required(&self, file: &Path, fields: &[Field], but: Option<&str>) -> String {
        let needed = fields.iter().filter(|field| !field.optional && Some(field.name.as_str()) != but);
        needed.map(|f| format!("{}: {}", f.name, self.minimal(&f.ty, file))).collect::<Vec<_>>().join(", ")
    }

    fn variants(&mut self, definition: &Definition, place: &Place, title: &str) -> String {
        let Shape::Enum(variants) = &definition.shape else { return String::new() };
        let variants = self.written(definition, variants);
        let mut rows = String::from("| value | meaning |\n| --- | --- |\n");
        let mut tables = String::new();
        let field = title.trim_matches('`').to_owned();
        for variant in &variants {
            let name = &variant.name;
            let written = match &variant.content {
                Content::Unit => format!("`{name}`"),
                Content::Tuple(types) => match self.one_struct(types, &definition.file) {
                    Some(inner) => format!("[`{name}(…)`]({})", mark(&inner.file, &inner.name)),
                    None => {
                        let kinds = types.iter().map(|ty| self.kind(ty, &definition.file));
                        format!("`{name}(`{}`)`", kinds.collect::<Vec<_>>().join(", "))
                    }
                },
                Content::Fields(_) => format!("`{name}(…)`"),
            };
            let _ = writeln!(rows, "| {written} | {} |", cell(&variant.doc));
            match &variant.content {
                Content::Unit => {}
                Content::Tuple(types) => match self.one_struct(types, &definition.file) {
                    Some(inner) => {
                        let inner_place = place.inside(name, "", &format!("/{name}"));
                        self.add(inner, &inner_place, &format!("`{field}: {name}(…)`"));
                    }
                    None => self.visit_tuple(types, definition, place, name),
                },
                Content::Fields(fields) => {
                    let inner = place.inside(name, "", &format!("/{name}"));
                    tables += &self.rows(definition, fields, &inner, &format!("`{name}` | "));
                }
            }
        }
        if !tables.is_empty() {
            rows += "\n| of | field | type | default | meaning |\n| --- | --- | --- | --- | --- |\n";
            rows += &tables;
        }
        format!("{}\n\n{rows}", definition.doc)
    }

    /// The variants of an enum as configs name them: those of [`BARE`] stand for what they hold.
    fn written(&self, definition: &Definition, variants: &[Variant]) -> Vec<Variant> {
        let inner = |variant: &Variant| match &variant.content {
            Content::Tuple(types) if BARE.contains(&definition.name.as_str()) => {
                let [Type::Path(path)] = &types[..] else { return None };
                let name = path.path.segments.last()?.ident.to_string();
                match &self.source.find(&definition.file, &name)?.shape {
                    Shape::Enum(inner) => Some(inner.clone()),
                    Shape::Struct(_) => None,
                }
            }
            _ => None,
        };
        variants.iter().flat_map(|variant| inner(variant).unwrap_or_else(|| vec![variant.clone()])).collect()
    }

    fn visit_tuple(&mut self, types: &[Type], definition: &Definition, place: &Place, name: &str) {
        let minimal: Vec<String> = types.iter().map(|ty| self.minimal(ty, &definition.file)).collect();
        for (i, ty) in types.iter().enumerate() {
            let (first, last) = (minimal[..i].join(", "), minimal[i + 1..].join(", "));
            let first = if first.is_empty() { first } else { format!("{first}, ") };
            let last = if last.is_empty() { last } else { format!(", {last}") };
            let at = if types.len() == 1 { format!("/{name}") } else { format!("/{name}/{i}") };
            let inner = place.inside(&format!("{name}({first}"), &format!("{last})"), &at);
            let title = match parts(ty) {
                Parts::Named(kind, _) => words(&kind),
                Parts::Tuple(_) => name.to_owned(),
            };
            self.visit(ty, &definition.file, &inner, &title);
        }
    }

    /// The struct that a variant consists of, if that is all.
    fn one_struct(&self, types: &[Type], file: &Path) -> Option<&'a Definition> {
        let [Type::Path(path)] = types else { return None };
        let definition = self.source.find(file, &path.path.segments.last()?.ident.to_string())?;
        matches!(definition.shape, Shape::Struct(_)).then_some(definition)
    }

    /// Adds the sections of the types that occur in `ty`.
    fn visit(&mut self, ty: &Type, file: &Path, place: &Place, field: &str) {
        match parts(ty) {
            Parts::Named(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("EnvConfig" | "StrategyConfig", _) => {}
                ("Option", [inner]) => self.visit(inner, file, place, field),
                ("Vec", [inner]) => self.visit(inner, file, &place.inside("[", "]", "/0"), field),
                ("BTreeMap", [_, inner]) => {
                    self.visit(inner, file, &place.inside("{\"a\": ", "}", "/a"), field);
                }
                _ => {
                    if let Some(definition) = self.source.find(file, &name) {
                        self.add(definition, place, &format!("`{field}`"));
                    }
                }
            },
            Parts::Tuple(types) => {
                types.iter().for_each(|ty| self.visit(ty, file, place, field));
            }
        }
    }

    /// The shortest text that reads as a value of the type.
    fn minimal(&self, ty: &Type, file: &Path) -> String {
        match parts(ty) {
            Parts::Tuple(types) => {
                format!("({})", types.iter().map(|ty| self.minimal(ty, file)).collect::<Vec<_>>().join(", "))
            }
            Parts::Named(name, _) => match name.as_str() {
                "bool" => "false".to_owned(),
                "String" | "PathBuf" => "\"a\"".to_owned(),
                "Option" => "None".to_owned(),
                "Vec" => "[]".to_owned(),
                "BTreeMap" => "{}".to_owned(),
                "EnvConfig" => "InvertedPendulum()".to_owned(),
                "StrategyConfig" => "OpenEs()".to_owned(),
                _ => match self.source.find(file, &name).map(|d| (d, &d.shape)) {
                    None => "1".to_owned(),
                    Some((d, Shape::Struct(fields))) => format!("({})", self.required(&d.file, fields, None)),
                    Some((d, Shape::Enum(variants))) => {
                        let first = &variants[0];
                        match &first.content {
                            Content::Unit => first.name.clone(),
                            Content::Fields(fields) => {
                                format!("{}({})", first.name, self.required(&d.file, fields, None))
                            }
                            Content::Tuple(types) if self.one_struct(types, &d.file).is_some() => {
                                format!("{}{}", first.name, self.minimal(&types[0], &d.file))
                            }
                            Content::Tuple(types) => {
                                let values: Vec<String> =
                                    types.iter().map(|ty| self.minimal(ty, &d.file)).collect();
                                format!("{}({})", first.name, values.join(", "))
                            }
                        }
                    }
                },
            },
        }
    }

    /// A type in words, with links.
    pub fn kind(&self, ty: &Type, file: &Path) -> String {
        match parts(ty) {
            Parts::Tuple(types) => {
                let kinds = types.iter().map(|ty| self.kind(ty, file)).collect::<Vec<_>>();
                format!("({})", kinds.join(", "))
            }
            Parts::Named(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("f32" | "f64" | "T", _) => "number".to_owned(),
                ("usize" | "u64" | "u32" | "u8", _) => "whole number".to_owned(),
                ("bool", _) => "`true`, `false`".to_owned(),
                ("String", _) => "text".to_owned(),
                ("PathBuf", _) => "path".to_owned(),
                ("Source", _) => "config name or `(config: …, name: …, set: […])`".to_owned(),
                ("EnvConfig", _) => "[environment](../envs.md)".to_owned(),
                ("Stage", _) => "[stage](../how-to/stages.md)".to_owned(),
                ("StrategyConfig", _) => "[strategy](strategies.md)".to_owned(),
                ("Option", [inner]) => format!("{} or `None`", self.kind(inner, file)),
                ("Vec", [inner]) => format!("list of {}", self.kind(inner, file)),
                ("BTreeMap", [_, inner]) => format!("names with {}", self.kind(inner, file)),
                _ => match self.source.find(file, &name) {
                    Some(found) => format!("[{}]({})", words(&name), mark(&found.file, &found.name)),
                    None if name == "Value" => "any value".to_owned(),
                    None => panic!("{}: no words for the type {name}", file.display()),
                },
            },
        }
    }

    /// A default as a config would say it.
    fn show(&self, value: &Value, ty: &Type, file: &Path) -> String {
        match (value, parts(ty)) {
            (Value::Null, _) => "None".to_owned(),
            (Value::Bool(flag), _) => flag.to_string(),
            (Value::Number(number), Parts::Named(name, _)) => match number.as_f64() {
                Some(x) if name == "f32" => (x as f32).to_string(),
                Some(x) if x != 0.0 && x.abs() < 1e-3 => format!("{x:e}"),
                Some(x) => x.to_string(),
                None => number.to_string(),
            },
            (_, Parts::Named(name, arguments)) if name == "Option" => self.show(value, &arguments[0], file),
            (Value::String(text), Parts::Named(name, _)) => match self.source.find(file, &name) {
                Some(_) => text.clone(),
                None => format!("\"{text}\""),
            },
            (Value::Array(values), Parts::Named(_, arguments)) => {
                let shown: Vec<String> = values.iter().map(|v| self.show(v, &arguments[0], file)).collect();
                format!("[{}]", shown.join(", "))
            }
            (Value::Array(values), Parts::Tuple(types)) => {
                let shown: Vec<String> =
                    values.iter().zip(&types).map(|(v, ty)| self.show(v, ty, file)).collect();
                format!("({})", shown.join(", "))
            }
            (Value::Object(map), Parts::Named(name, _)) => {
                let definition = self.source.find(file, &name);
                match (definition.map(|d| &d.shape), map.iter().next()) {
                    (None, None) => "{}".to_owned(),
                    (Some(Shape::Struct(_)), _) => "(…)".to_owned(),
                    (Some(Shape::Enum(_)), Some((variant, content))) => match content {
                        Value::Object(fields) if fields.is_empty() => format!("{variant}()"),
                        Value::Array(values) => format!("{variant}({})", plain(values)),
                        Value::Object(_) => format!("{variant}(…)"),
                        one => format!("{variant}({})", plain(std::slice::from_ref(one))),
                    },
                    _ => "{…}".to_owned(),
                }
            }
            (other, _) => other.to_string(),
        }
    }
}

fn plain(values: &[Value]) -> String {
    let number = |value: &Value| value.as_f64().map_or_else(|| value.to_string(), |x| x.to_string());
    values.iter().map(number).collect::<Vec<_>>().join(", ")
}

enum Parts {
    Named(String, Vec<Type>),
    Tuple(Vec<Type>),
}

fn parts(ty: &Type) -> Parts {
    match ty {
        Type::Tuple(tuple) => Parts::Tuple(tuple.elems.iter().cloned().collect()),
        Type::Path(path) => {
            let last = path.path.segments.last().expect("a path has parts");
            let arguments: Vec<Type> = match &last.arguments {
                PathArguments::AngleBracketed(list) => list
                    .args
                    .iter()
                    .filter_map(|a| if let GenericArgument::Type(ty) = a { Some(ty.clone()) } else { None })
                    .collect(),
                _ => Vec::new(),
            };
            let mut name = last.ident.to_string();
            // A config is written without boxes.
            if let ("Box", [inner]) = (name.as_str(), &arguments[..]) {
                return parts(inner);
            }
            // Every environment has a `Config`, and `Task` is a trait as well.
            if matches!(name.as_str(), "Config" | "Task") && path.path.segments.len() > 1 {
                name = format!("{}::{name}", path.path.segments[path.path.segments.len() - 2].ident);
            }
            Parts::Named(name, arguments)
        }
        _ => panic!("configs hold plain types only"),
    }
}

/// What a doc comment says beside the default, which has a column of its own.
///
/// # Panics
/// If it says another number.
fn without_default(doc: &str, default: &str, what: &str) -> String {
    let Some((rest, said)) = doc.rsplit_once("Default ") else { return doc.to_owned() };
    let Some(said) = said.strip_suffix('.') else { return doc.to_owned() };
    let said = said.trim_matches('`');
    if said == default || said.trim_end_matches("()") == default.trim_end_matches("()") {
        return rest.trim_end().to_owned();
    }
    let numbers = said.parse::<f64>().ok().zip(default.parse::<f64>().ok());
    assert!(numbers.is_none_or(|(said, real)| said == real), "{what}: says the default {said}, is {default}");
    if numbers.is_some() { rest.trim_end().to_owned() } else { doc.to_owned() }
}

/// Escaped for a cell of a table.
#[must_use]
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// `OptimizerConfig` as "optimizer".
fn words(name: &str) -> String {
    let name = name.rsplit("::").next().unwrap_or(name);
    let name = name.strip_suffix("Config").filter(|rest| !rest.is_empty()).unwrap_or(name);
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// Stands for a link until all sections have their headings.
fn mark(file: &Path, name: &str) -> String {
    format!("<{}#{name}>", file.display())
}
