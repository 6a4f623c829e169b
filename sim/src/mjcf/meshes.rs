//! `<mesh>` and the geoms that show one.

use nalgebra::Vector3;
use roxmltree::Node;

use super::attrs::{Attrs, Switch};
use super::build::{Builder, MAIN};
use super::mesh_file::MAX_FACES;
use super::source::Result;
use super::xml::{named, shorten};
use crate::Mesh;
use crate::inertia::{normalize, quat_to_matrix};
use crate::mesh::{self, MassRule};

const RULES: [(&str, MassRule); 4] = [
    ("legacy", MassRule::Legacy),
    ("exact", MassRule::Exact),
    ("convex", MassRule::Convex),
    ("shell", MassRule::Shell),
];

/// What a geom of type `mesh` shows.
pub(super) enum Shown {
    /// This mesh.
    Mesh(usize),
    /// Nothing: the text stands alone, so its file is out of reach, and it neither touches nor weighs anything.
    Nothing,
}

impl<'a> Builder<'a> {
    /// Reads a `<mesh>` with its corners in the text; one with a file only is nothing but a name.
    pub(super) fn mesh(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = self.layered(node, MAIN, &["mesh"])?;
        let own = Attrs::new(self.source, vec![node]);
        if own.find("vertex").is_none() {
            return match own.find("file") {
                // Without a name it is called as its file is; whoever shows it is told.
                Some(_) => Ok(()),
                None => Err(own.error("", format!("{} needs file or vertex", own.label()))),
            };
        }
        let name = self.name("mesh", &own)?;
        if name.is_empty() {
            return Err(own.error("name", "<mesh> needs a name, to which geoms refer"));
        }
        let place = reference(&attrs)?;
        let mut corners: Vec<Vector3<f64>> = triples(&own, "vertex")?.into_iter().map(place).collect();
        if corners.len() < 4 {
            return Err(own.error("vertex", "a mesh has at least 4 corners"));
        }
        let mut faces = Vec::new();
        for [a, b, c] in triples(&own, "face")? {
            let index =
                |x: f64| (x >= 0.0 && x.fract() == 0.0 && x < corners.len() as f64).then_some(x as u32);
            match [index(a), index(b), index(c)] {
                [Some(a), Some(b), Some(c)] => faces.push([a, b, c]),
                _ => {
                    let message = format!("the triangle {a} {b} {c} has a corner that does not exist");
                    return Err(own.error("face", message));
                }
            }
        }
        if faces.len() > MAX_FACES {
            return Err(own.error("face", format!("a mesh has at most {MAX_FACES} triangles")));
        }
        if faces.is_empty() {
            (corners, faces) = mesh::hull(&corners).map_err(|e| own.error("vertex", e))?;
        } else if attrs.numbers::<3>("scale")?.is_some_and(|scale| scale.iter().product::<f64>() < 0.0) {
            // What is mirrored would look inward.
            faces.iter_mut().for_each(|face| face.swap(1, 2));
        }
        let rule = attrs.keyword("inertia", &RULES)?.unwrap_or(MassRule::Legacy);
        let mesh = Mesh::new(&name, &corners, faces, rule)
            .map_err(|error| own.error("", format!("mesh '{name}': {error}")))?;
        self.model.meshes.push(mesh);
        Ok(())
    }

    /// The mesh that a geom shows; `None` for geoms of other types.
    pub(super) fn shown_mesh(&mut self, node: Node<'a, 'a>, attrs: &Attrs<'a>) -> Result<Option<Shown>> {
        let kind = attrs.find("type").map(|a| a.value());
        let Some(wanted) = attrs.find("mesh") else {
            return match kind {
                Some("mesh") => {
                    Err(attrs.error("", format!("{} needs mesh, the name of a <mesh>", attrs.label())))
                }
                _ => Ok(None),
            };
        };
        if kind != Some("mesh") {
            let message =
                "a shape that is fitted to a mesh is not supported: write its size, or type=\"mesh\"";
            return Err(attrs.error("mesh", message));
        }
        let touches = attrs.bits("contype")? != 0 || attrs.bits("conaffinity")? != 0;
        if let Some(index) = self.model.meshes.iter().position(|m| m.name == wanted.value()) {
            let mesh = &self.model.meshes[index];
            if let (true, Err(why)) = (touches, mesh.hull_shape()) {
                let message = format!(
                    "mesh '{}' cannot touch: {why}; use another shape, and set contype and conaffinity of the \
                     mesh to 0",
                    mesh.name
                );
                return Err(attrs.error("mesh", message));
            }
            if mesh.volume == 0.0 && self.weighs(node, attrs)? {
                let message = format!(
                    "mesh '{}' has no volume, so its mass is not known: give its body an <inertial>, or the geom mass=\"0\"",
                    mesh.name
                );
                return Err(attrs.error("mesh", message));
            }
            return Ok(Some(Shown::Mesh(index)));
        }
        if !self.files().any(|name| name == wanted.value()) {
            let names = self.model.meshes.iter().map(|m| m.name.as_str());
            let message = format!("unknown mesh '{}'; there is: {}", wanted.value(), shorten(names));
            return Err(attrs.error("mesh", message));
        }
        if touches || self.weighs(node, attrs)? {
            let message = "the file of this mesh is out of reach of a text: read the robot as a file, or write vertex \
                           and face of the mesh";
            return Err(attrs.error("mesh", message));
        }
        if !std::mem::replace(&mut self.left_out, true) {
            let message = "meshes whose files are out of reach of this text are left out of the picture";
            self.model.warnings.push(attrs.error("mesh", message).to_string());
        }
        Ok(Some(Shown::Nothing))
    }

    /// Names of the meshes of which only a file is known.
    fn files(&self) -> impl Iterator<Item = &'a str> {
        let all = self.source.all("asset").flat_map(|asset| named(asset, "mesh"));
        all.filter(|node| !node.has_attribute("vertex")).filter_map(|node| {
            let file = node.attribute("file")?;
            node.attribute("name").or_else(|| std::path::Path::new(file).file_stem()?.to_str())
        })
    }

    /// Whether the mass of a geom counts for a body.
    fn weighs(&self, node: Node<'a, 'a>, attrs: &Attrs<'a>) -> Result<bool> {
        let weightless = |name| attrs.find(name).is_some() && attrs.number(name, 1.0).is_ok_and(|x| x == 0.0);
        let group = attrs.number("group", 0.0)?;
        let [first, last] = self.compiler.inertia_groups;
        let weighed = (first..=last).contains(&group) && !weightless("mass") && !weightless("density");
        let inertial = node.parent().is_some_and(|body| named(body, "inertial").next().is_some());
        let ignored = match self.compiler.inertia_from_geom {
            Switch::On => false,
            Switch::Auto => inertial,
            Switch::Off => true,
        };
        Ok(weighed && !ignored && node.parent().is_some_and(|body| body.tag_name().name() == "body"))
    }
}

/// Where `refpos`, `refquat` and `scale` put a corner of the file.
fn reference(attrs: &Attrs<'_>) -> Result<impl Fn([f64; 3]) -> Vector3<f64> + use<>> {
    let from = Vector3::from(attrs.numbers::<3>("refpos")?.unwrap_or([0.0; 3]));
    let turn = attrs.numbers::<4>("refquat")?.unwrap_or([1.0, 0.0, 0.0, 0.0]);
    let turn = normalize(turn).ok_or_else(|| attrs.error("refquat", "refquat must not be all zeros"))?;
    let turn = quat_to_matrix(turn).transpose();
    let scale = Vector3::from(attrs.numbers::<3>("scale")?.unwrap_or([1.0; 3]));
    Ok(move |corner| (turn * (Vector3::from(corner) - from)).component_mul(&scale))
}

/// Numbers in threes; none without the attribute.
fn triples(attrs: &Attrs<'_>, name: &str) -> Result<Vec<[f64; 3]>> {
    let Some(attribute) = attrs.find(name) else { return Ok(Vec::new()) };
    let count = attribute.value().split_ascii_whitespace().count();
    if count % 3 != 0 {
        return Err(attrs.error(name, format!("{name} has {count} numbers, not a multiple of 3")));
    }
    let numbers = attrs.list(name, count)?.unwrap_or_default();
    Ok(numbers.chunks_exact(3).map(|t| [t[0], t[1], t[2]]).collect())
}
