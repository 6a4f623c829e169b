//! Mesh files become part of the text: corners and triangles instead of `file`, as MJCF can write them itself.

use std::fmt::Write as _;
use std::path::Path;

use super::attrs::{Attrs, BOOL};
use super::compiler::sections;
use super::file::{inside_folder, read_bytes};
use super::mark::{beside, marked};
use super::mesh_file;
use super::source::{Result, Source, parse};
use super::xml::named;

/// `text` of the file `main` with the meshes of its files in it; `left` bytes may still be read.
pub(super) fn embed(text: String, main: &str, mut left: u64) -> Result<String> {
    if !text.contains("<mesh") {
        return Ok(text);
    }
    let doc = parse(&text, main)?;
    let source = Source { file: main, doc: &doc };
    let compiler = sections(source, "compiler");
    let (mut out, mut at) = (String::new(), 0);
    for node in source.all("asset").flat_map(|asset| named(asset, "mesh")) {
        let attrs = Attrs::new(source, vec![node]);
        let Some(file) = node.attribute_node("file") else { continue };
        if let Some(other) = ["vertex", "face"].into_iter().find(|name| node.has_attribute(*name)) {
            return Err(attrs.error(other, format!("file and {other} exclude each other")));
        }
        let (bytes, extension) = open(&attrs, &compiler, file.value(), main, left)?;
        left -= bytes.len() as u64;
        let (vertices, faces) = mesh_file::read(&extension, bytes).map_err(|error| {
            attrs.error("file", format!("cannot read the mesh {}: {error}", file.value()))
        })?;
        // What follows in the element keeps its columns.
        out += &text[at..file.range().start];
        out.extend(std::iter::repeat_n(' ', text[file.range()].chars().count()));
        let last = node.attributes().map(|a| a.range().end).max().unwrap_or(file.range().end);
        out += &text[file.range().end..last];
        if !node.has_attribute("name") {
            let stem = Path::new(file.value()).file_stem().unwrap_or_default().to_string_lossy();
            let _ = write!(
                out,
                " name=\"{}\"",
                stem.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
            );
        }
        let numbers = vertices.iter().flatten().map(|&x| number(x)).collect::<Vec<_>>().join(" ");
        let corners = faces.iter().flatten().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let _ = write!(out, " vertex=\"{numbers}\" face=\"{corners}\"");
        out += &text[last..node.range().end];
        at = node.range().end;
        let (name, line, column) = source.place(at);
        out += &marked(line, column, name);
    }
    Ok(out + &text[at..])
}

/// The bytes of a mesh's file and what its name ends in.
fn open(
    attrs: &Attrs<'_>,
    compiler: &Attrs<'_>,
    name: &str,
    main: &str,
    left: u64,
) -> Result<(Vec<u8>, String)> {
    let strip = compiler.keyword("strippath", &BOOL)?.unwrap_or(false);
    let stripped = Path::new(name).file_name().filter(|_| strip).map(|n| n.to_string_lossy().into_owned());
    let name = stripped.unwrap_or_else(|| name.to_owned());
    let folder =
        ["meshdir", "assetdir"].into_iter().find_map(|dir| compiler.find(dir)).map_or("", |dir| dir.value());
    let name = Path::new(folder).join(name).display().to_string();
    let Some(path) = inside_folder(main, &name) else {
        let path = beside(main, &name);
        let message =
            format!("{} is outside the folder of {main}: put meshes there or below", path.display());
        return Err(attrs.error("file", message));
    };
    let bytes = read_bytes(&path, left)
        .map_err(|error| attrs.error("file", format!("cannot read {}: {error}", path.display())))?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    Ok((bytes, extension))
}

/// A number in the fewest letters that give it back.
fn number(x: f32) -> String {
    let (plain, short) = (format!("{x}"), format!("{x:e}"));
    if plain.len() <= short.len() { plain } else { short }
}
