//! From which file each file of a crate imports: an arrow leads to the file that defines a name, however many
//! modules hand it on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path as FilePath;

use super::circles::Arrows;
use super::modules::{Files, Module, Modules};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// Something that this file defines.
    Item(String),
    /// A module, with nothing after it.
    Module(usize),
    /// A name that this module does not show to have: made by a macro, say.
    Unknown(usize),
    /// Another crate, or a local name.
    Outside,
}

/// The sources below a folder of the workspace `root`, by their path from there.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn sources(root: &FilePath, folder: &FilePath) -> Files {
    let mut files = Files::new();
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    for path in entries.map(|entry| folder.join(entry.file_name())) {
        if root.join(&path).is_dir() {
            files.extend(sources(root, &path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(root.join(&path)).expect("a source");
            files.insert(path.to_string_lossy().replace('\\', "/"), text);
        }
    }
    files
}

/// Imports from the file of a module around one's own: what a module declares for its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    /// They are arrows like any other.
    Counted,
    /// A module with its parts is one thing: `panels/mod.rs` shows each panel, and each panel uses what it declares.
    LeftOut,
}

/// Whether a module around this one is written in `file`.
fn is_above(modules: &Modules, module: usize, file: &str) -> bool {
    let around = |&module: &usize| modules.0[module].parent;
    std::iter::successors(Some(module), around).skip(1).any(|module| modules.0[module].file == file)
}

/// The arrows between the files of a package, whose library, program and further programs lie in `folder/src`.
///
/// # Errors
/// If a file is no Rust.
pub fn of_package(root: &FilePath, folder: &FilePath, above: Above) -> Result<Arrows, String> {
    let files = sources(root, &folder.join("src"));
    let source = format!("{}/src/", folder.to_string_lossy().replace('\\', "/"));
    let is_root = |file: &&String| {
        let name = &file[source.len()..];
        matches!(name, "lib.rs" | "main.rs")
            || name.strip_prefix("bin/").is_some_and(|name| !name.contains('/'))
    };
    let mut all = Arrows::new();
    for root in files.keys().filter(is_root) {
        for (from, to) in arrows(&Modules::read(root, &files)?, above) {
            let known = all.entry(from).or_default();
            for (to, names) in to {
                known.entry(to).or_default().extend(names);
            }
        }
    }
    Ok(all)
}

/// The arrows between the files of a crate. Handing a name on (`pub use`) and `mod x;` are none by themselves, nor
/// is a path within a file.
#[must_use]
pub fn arrows(modules: &Modules, above: Above) -> Arrows {
    let mut arrows = Arrows::new();
    for (index, module) in modules.0.iter().enumerate() {
        let uses = module.uses.iter().filter(|import| !import.handed_on).map(|import| &import.path);
        for path in uses.chain(&module.paths) {
            let file = match resolve(modules, index, path, &mut BTreeSet::new()) {
                Found::Item(file) => file,
                Found::Module(other) | Found::Unknown(other) => modules.0[other].file.clone(),
                Found::Outside => continue,
            };
            let left_out = above == Above::LeftOut && is_above(modules, index, &file);
            if file != module.file && !left_out {
                let names = arrows.entry(module.file.clone()).or_default().entry(file).or_default();
                names.insert(path[path.len() - 1].clone());
            }
        }
    }
    arrows
}

/// Names that are being looked for, and where: a name that is handed on in a circle is found nowhere.
type Visited = BTreeSet<(usize, String)>;

fn resolve(modules: &Modules, from: usize, path: &[String], visited: &mut Visited) -> Found {
    let parent = |module: usize| modules.0[module].parent.unwrap_or(module);
    let mut rest = path;
    let mut found = Found::Module(from);
    let mut explicit = false;
    while let (Found::Module(module), Some((segment, after))) = (&found, rest.split_first()) {
        let module = *module;
        found = match segment.as_str() {
            "crate" if !explicit => Found::Module(0),
            "self" => Found::Module(module),
            "super" => Found::Module(parent(module)),
            name => match lookup(modules, module, name, visited) {
                Found::Outside if explicit => Found::Unknown(module),
                found => found,
            },
        };
        (rest, explicit) = (after, true);
    }
    found
}

/// What a name means in a module.
fn lookup(modules: &Modules, module: usize, name: &str, visited: &mut Visited) -> Found {
    if !visited.insert((module, name.to_owned())) {
        return Found::Outside;
    }
    let Module { children, items, uses, .. } = &modules.0[module];
    if let Some(&child) = children.get(name) {
        return Found::Module(child);
    }
    if let Some(file) = items.get(name) {
        return Found::Item(file.clone());
    }
    if let Some(import) = uses.iter().find(|import| import.name.as_deref() == Some(name)) {
        return resolve(modules, module, &import.path, visited);
    }
    for import in uses.iter().filter(|import| import.name.is_none()) {
        if let Found::Module(other) = resolve(modules, module, &import.path, visited) {
            match lookup(modules, other, name, visited) {
                Found::Outside | Found::Unknown(_) => {}
                found => return found,
            }
        }
    }
    Found::Outside
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::circles::circles;
    use super::*;

    /// Arrows as `from -> to: names`.
    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned())).collect();
        let arrows = arrows(&Modules::read("src/lib.rs", &files).unwrap(), Above::Counted);
        let words = |path: &str| path.trim_start_matches("src/").to_owned();
        arrows
            .iter()
            .flat_map(|(from, to)| to.iter().map(move |(to, names)| (from, to, names)))
            .map(|(from, to, names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("{} -> {}: {}", words(from), words(to), names.join(" "))
            })
            .collect()
    }

    #[test]
    fn names_lead_to_the_files_that_define_them() {
        let lib = "mod roof; mod walls;\npub use walls::door::Door;\npub use walls::*;";
        let walls = "pub mod door; mod window;\npub use window::Window as Pane;\npub struct Brick;";
        let roof = "use crate::{Door, Brick, walls::{self, Pane}};\nuse std::fmt;\n\
            fn beam() { super::walls::door::open(); walls::door::close(); fmt::write(); }";
        assert_eq!(
            read(&[
                ("lib.rs", lib),
                ("roof.rs", roof),
                ("walls/mod.rs", walls),
                ("walls/door.rs", "pub struct Door;\npub fn open() {}\npub fn close() {}"),
                ("walls/window.rs", "pub struct Window;"),
            ]),
            [
                "roof.rs -> walls/door.rs: Door close open",
                "roof.rs -> walls/mod.rs: Brick walls",
                "roof.rs -> walls/window.rs: Pane",
            ]
        );
    }

    #[test]
    fn a_circle_is_found_also_through_what_is_handed_on() {
        let files = |door: &str| {
            let files = [
                ("src/lib.rs", "mod door; mod hall; pub(crate) use hall::Hall;".to_owned()),
                ("src/door.rs", door.to_owned()),
                ("src/hall.rs", "use super::door::Door;\npub struct Hall(Door);".to_owned()),
            ];
            files.map(|(path, text)| (path.to_owned(), text)).into_iter().collect::<Files>()
        };
        let found = |door: &str| {
            circles(&arrows(&Modules::read("src/lib.rs", &files(door)).unwrap(), Above::Counted))
        };
        assert_eq!(found("pub struct Door;").len(), 0);
        let both: BTreeSet<String> = ["src/door.rs", "src/hall.rs"].map(str::to_owned).into();
        for door in [
            "use crate::Hall;\npub struct Door;",
            "pub struct Door;\nfn leads() { let _ = crate::Hall::new(); }",
            "pub struct Door;\nfn leads() { println!(\"{}\", $crate::hall::Hall) }",
            "pub struct Door;\nimpl Door { fn leads() { use super::{hall as inner}; } }",
        ] {
            assert_eq!(found(door), std::slice::from_ref(&both), "{door}");
        }
        for door in [
            "pub struct Door; // use crate::Hall;\n/// See [`crate::Hall`].\nconst TEXT: &str = \"crate::Hall\";",
            "pub struct Door;\n#[cfg(test)]\nmod tests { use crate::Hall; }",
            "pub struct Door;\n#[cfg(test)] use crate::Hall;",
            "pub struct Door { pub(in crate::hall) handle: u8 }",
            "pub struct Door;\nfn f<'a>(x: &'a Door) -> impl Sized + use<'a> { x.hall::<u8>(); other::Hall::new() }",
        ] {
            assert_eq!(found(door).len(), 0, "{door}");
        }
    }

    #[test]
    fn modules_in_modules_macros_and_unknown_names_have_a_file() {
        let lib = "mod tools; mod work;";
        let tools = "macro_rules! saw { () => {} }\npub(crate) use saw;\nmake! { Hammer }\n\
            pub mod small { pub fn file() {} }\n#[macro_export] macro_rules! drill { () => {} }";
        let work = "fn f() { crate::tools::saw!(); crate::drill!(); crate::tools::small::file(); }\n\
            use crate::tools::Hammer;\nuse crate::tools::small::*;";
        let found = read(&[("lib.rs", lib), ("tools.rs", tools), ("work.rs", work)]);
        assert_eq!(found, ["work.rs -> tools.rs: Hammer drill file saw small"]);
    }

    #[test]
    fn a_module_and_its_parts_are_one_thing_if_asked() {
        let files = [
            ("src/lib.rs", "mod hall;"),
            ("src/hall/mod.rs", "mod door; mod stairs;\npub struct Key;\nfn enter() { door::open(); }"),
            ("src/hall/door.rs", "use super::{Key, stairs::Stairs};\npub fn open() {}\npub struct Door;"),
            ("src/hall/stairs.rs", "pub struct Stairs;"),
        ];
        let mut files: Files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let count = |files: &Files, above: Above| {
            circles(&arrows(&Modules::read("src/lib.rs", files).unwrap(), above)).len()
        };
        assert_eq!([Above::Counted, Above::LeftOut].map(|above| count(&files, above)), [1, 0]);
        // Two parts are not.
        files
            .insert("src/hall/stairs.rs".to_owned(), "use super::door::Door;\npub struct Stairs;".to_owned());
        assert_eq!([Above::Counted, Above::LeftOut].map(|above| count(&files, above)), [1, 1]);
    }

    #[test]
    fn files_that_are_no_rust_are_named() {
        let files = [("src/lib.rs".to_owned(), "mod a { }}".to_owned())].into();
        assert!(Modules::read("src/lib.rs", &files).unwrap_err().starts_with("src/lib.rs: "));
    }
}
