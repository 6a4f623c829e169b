//! Mesh files: STL, binary and as text, and Wavefront OBJ.

use std::io::Cursor;

use stl_io::{IndexedMesh, create_stl_reader};

/// Most triangles of a mesh, as in MuJoCo's STL files.
pub(super) const MAX_FACES: usize = 200_000;

/// Corners and triangles.
pub(super) type Parts = (Vec<[f32; 3]>, Vec<[u32; 3]>);

/// Reads a file whose name ends in `extension`.
///
/// # Errors
/// What is wrong with it, one clause.
pub(super) fn read(extension: &str, bytes: Vec<u8>) -> Result<Parts, String> {
    let (vertices, faces) = match extension.to_ascii_lowercase().as_str() {
        "stl" => stl(bytes)?,
        "obj" => obj(&bytes)?,
        other => return Err(format!("'.{other}' is not supported, valid: .stl, .obj")),
    };
    check(&vertices, &faces)?;
    Ok((vertices, faces))
}

/// Whether these are triangles of finite corners, not too many.
fn check(vertices: &[[f32; 3]], faces: &[[u32; 3]]) -> Result<(), String> {
    if faces.is_empty() {
        return Err("it holds no triangles".to_owned());
    }
    if faces.len() > MAX_FACES {
        return Err(format!("it holds {} triangles, at most {MAX_FACES} are read", faces.len()));
    }
    if let Some(index) = vertices.iter().position(|v| v.iter().any(|x| !x.is_finite())) {
        return Err(format!("a coordinate of corner {index} is not a finite number"));
    }
    if let Some(index) = faces.iter().position(|f| f.iter().any(|&i| i as usize >= vertices.len())) {
        return Err(format!("triangle {index} has a corner that does not exist"));
    }
    Ok(())
}

/// Bytes of a binary STL before its triangles: a free text, and their number.
const HEADER: usize = 84;
/// Bytes of a triangle.
const FACE: usize = 50;

fn stl(mut bytes: Vec<u8>) -> Result<Parts, String> {
    let count = bytes.get(HEADER - 4..HEADER).and_then(|n| n.try_into().ok()).map(u32::from_le_bytes);
    let expected = count.map(|count| HEADER + FACE * count as usize);
    if expected == Some(bytes.len()) {
        // The free text of a binary file may begin as a file of text does.
        bytes[..5].fill(b' ');
    } else if !bytes.starts_with(b"solid") {
        return Err(match (count, expected) {
            (Some(count), Some(expected)) => {
                format!(
                    "its header says {count} triangles, which make {expected} bytes; it has {}",
                    bytes.len()
                )
            }
            _ => format!("it has {} bytes, fewer than the header of an STL file", bytes.len()),
        });
    }
    // Several lines of text stand for a triangle, so this bounds them, too.
    if bytes.len() > HEADER + 1000 * MAX_FACES {
        return Err(format!("it is larger than {MAX_FACES} triangles can be"));
    }
    let mut cursor = Cursor::new(bytes);
    let reader = create_stl_reader(&mut cursor).and_then(|mut triangles| triangles.as_indexed_triangles());
    let IndexedMesh { vertices, faces } =
        reader.map_err(|error| format!("it is not a valid STL file: {error}"))?;
    let index = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
    Ok((
        vertices.into_iter().map(Into::into).collect(),
        faces.into_iter().map(|f| f.vertices.map(index)).collect(),
    ))
}

fn obj(mut bytes: &[u8]) -> Result<Parts, String> {
    let options = tobj::LoadOptions {
        triangulate: true,
        ignore_points: true,
        ignore_lines: true,
        ..Default::default()
    };
    // Colours are not read, so neither are the files that hold them.
    let no_materials = |_: &std::path::Path| Ok(Default::default());
    let (models, _) = tobj::load_obj_buf(&mut bytes, &options, no_materials)
        .map_err(|error| format!("it is not a valid OBJ file: {error}"))?;
    let (mut vertices, mut faces) = (Vec::new(), Vec::new());
    for tobj::Model { mesh, .. } in models {
        let start = u32::try_from(vertices.len()).map_err(|_| "it holds too many corners".to_owned())?;
        vertices.extend(mesh.positions.chunks_exact(3).map(|v| [v[0], v[1], v[2]]));
        let shifted =
            mesh.indices.chunks_exact(3).map(|f| [f[0], f[1], f[2]].map(|i| i.saturating_add(start)));
        faces.extend(shifted);
    }
    Ok((vertices, faces))
}
