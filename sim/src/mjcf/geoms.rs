//! `<geom>`.

use nalgebra::Vector3;
use roxmltree::Node;

use super::attrs::Attrs;
use super::build::{Builder, Place};
use super::meshes::Shown;
use super::pose::{orientation, position, z_to};
use super::source::Result;
use crate::inertia::{self, MassProperties};
use crate::{Geom, GeomKind};

impl<'a> Builder<'a> {
    /// Adds a geom; returns its mass properties if they count for its body.
    pub(super) fn geom(&mut self, node: Node<'a, 'a>, place: Place<'a>) -> Result<Option<MassProperties>> {
        let attrs = self.attrs(node, place.class)?;
        let mesh = match self.shown_mesh(node, &attrs)? {
            Some(Shown::Nothing) => return Ok(None),
            Some(Shown::Mesh(index)) => Some(index),
            None => None,
        };
        let kinds = [
            ("sphere", GeomKind::Sphere),
            ("capsule", GeomKind::Capsule),
            ("cylinder", GeomKind::Cylinder),
            ("box", GeomKind::Box),
            ("ellipsoid", GeomKind::Ellipsoid),
            ("plane", GeomKind::Plane),
            ("hfield", GeomKind::Heightfield),
            ("mesh", GeomKind::Mesh),
        ];
        let kind = attrs.keyword("type", &kinds)?.unwrap_or(GeomKind::Sphere);
        if matches!(kind, GeomKind::Plane | GeomKind::Heightfield) && place.moving {
            let what = if kind == GeomKind::Plane { "plane" } else { "heightfield" };
            let message = format!("a {what} is valid only in the world or in a body that no joint moves");
            return Err(attrs.error("", message));
        }
        let heightfield = self.shown_field(kind, &attrs)?;
        let (mut size, mut pos, mut quat) = self.shape(kind, &attrs)?;
        if let Some(field) = heightfield {
            let [x, y, elevation, base] = self.model.heightfields[field].size;
            size = [x, y, 0.25 * elevation + 0.5 * base];
        }
        if let Some(mesh) = mesh.map(|index| &self.model.meshes[index]) {
            size = mesh.half_lengths();
            let shift = inertia::quat_to_matrix(quat) * Vector3::from(mesh.pos);
            pos = (Vector3::from(pos) + shift).into();
            quat = inertia::quat_mul(quat, mesh.quat);
        }

        let friction = attrs.prefix("friction", [1.0, 0.005, 0.0001])?;
        if friction.iter().any(|f| *f < 0.0) {
            return Err(attrs.error("friction", "friction must not be negative"));
        }
        let condim = attrs.integer("condim", 3, 1..=6)?;
        if !matches!(condim, 1 | 3 | 4 | 6) {
            let message = format!("condim is {condim}, valid: 1, 3, 4, 6");
            return Err(attrs.error("condim", message));
        }
        let rgba = attrs.prefix("rgba", [0.5, 0.5, 0.5, 1.0])?;
        if rgba.iter().any(|c| !(0.0..=1.0).contains(c)) {
            return Err(attrs.error("rgba", "the four numbers of rgba must lie in 0..1"));
        }
        let group = attrs.number("group", 0.0)?;
        let geom = Geom {
            name: self.name("geom", &attrs)?,
            kind,
            body: place.body,
            size,
            heightfield,
            mesh,
            pos,
            quat,
            friction,
            contype: attrs.bits("contype")?,
            conaffinity: attrs.bits("conaffinity")?,
            margin: attrs.non_negative("margin", 0.0)?,
            gap: attrs.non_negative("gap", 0.0)?,
            condim: u32::try_from(condim).unwrap_or(3),
            solref: attrs.solref("solref")?,
            solimp: attrs.solimp("solimp")?,
            rgba: rgba.map(|c| c as f32),
            group: group.clamp(-1e6, 1e6) as i32,
        };
        let density = attrs.non_negative("density", 1000.0)?;
        let mass = match attrs.find("mass") {
            Some(_) => attrs.non_negative("mass", 0.0)?,
            None => {
                density * mesh.map_or_else(|| inertia::volume(kind, size), |m| self.model.meshes[m].volume)
            }
        };
        let [first, last] = self.compiler.inertia_groups;
        let mut part = inertia::of_geom(&geom, mass);
        if let Some(mesh) = mesh {
            part.moments = self.model.meshes[mesh].moments.map(|moment| moment * mass);
        }
        self.model.geoms.push(geom);
        Ok((first..=last).contains(&group).then_some(part))
    }

    /// Size, position and orientation, from `fromto` where that is given.
    fn shape(&self, kind: GeomKind, attrs: &Attrs<'a>) -> Result<([f64; 3], [f64; 3], [f64; 4])> {
        let needed = match kind {
            // Their sizes are those of the <hfield> and the <mesh>.
            GeomKind::Heightfield | GeomKind::Mesh => 0,
            GeomKind::Sphere => 1,
            GeomKind::Capsule | GeomKind::Cylinder => 2,
            GeomKind::Plane | GeomKind::Box | GeomKind::Ellipsoid => 3,
        };
        let mut size = attrs.prefix("size", [0.0; 3])?;
        size[needed..].fill(0.0);
        let mut pos = position(attrs)?;
        let mut quat = orientation(attrs, &self.compiler)?;
        if let Some([x0, y0, z0, x1, y1, z1]) = attrs.numbers::<6>("fromto")? {
            if matches!(kind, GeomKind::Plane | GeomKind::Sphere | GeomKind::Heightfield | GeomKind::Mesh) {
                let message = "fromto is valid only for capsule, cylinder, box and ellipsoid";
                return Err(attrs.error("fromto", message));
            }
            if attrs.find("pos").is_some() {
                return Err(attrs.error("fromto", "pos and fromto exclude each other"));
            }
            // MuJoCo's local z points from the second point to the first.
            let z = [x0 - x1, y0 - y1, z0 - z1];
            let length = z.iter().map(|d| d * d).sum::<f64>().sqrt();
            match z_to(z) {
                Some(turn) if length > 1e-14 => quat = turn,
                _ => return Err(attrs.error("fromto", "the two points of fromto coincide")),
            }
            pos = [(x0 + x1) / 2.0, (y0 + y1) / 2.0, (z0 + z1) / 2.0];
            if needed == 2 {
                size[1] = length / 2.0;
            } else {
                size = [size[0], size[0], length / 2.0];
            }
        }
        let valid = match kind {
            // Half-widths of a plane may be 0, for infinite; the third is the grid spacing.
            GeomKind::Plane => size[0] >= 0.0 && size[1] >= 0.0 && size[2] > 0.0,
            _ => size[..needed].iter().all(|s| *s > 0.0),
        };
        if !valid || size.iter().chain(&pos).any(|x| !x.is_finite()) {
            let expected = match kind {
                GeomKind::Plane => "two half-widths (0: infinite) and a positive grid spacing",
                GeomKind::Heightfield | GeomKind::Mesh => "finite, and so must its position",
                GeomKind::Sphere => "a positive radius",
                GeomKind::Capsule | GeomKind::Cylinder => {
                    "a positive radius and half-length (the latter may come from fromto)"
                }
                GeomKind::Box | GeomKind::Ellipsoid => {
                    "three positive half-lengths (or a half-width and fromto)"
                }
            };
            return Err(attrs.error("size", format!("{}: size must be {expected}", attrs.label())));
        }
        Ok((size, pos, quat))
    }
}
