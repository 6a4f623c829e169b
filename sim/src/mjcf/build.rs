//! From checked XML to tables: default classes, bodies, joints and geoms.

use std::collections::{BTreeMap, BTreeSet};

use nalgebra::Matrix3;
use roxmltree::Node;

use super::attrs::{Attrs, SWITCH, Switch};
use super::pose::{ORIENTATIONS, orientation, position, z_to};
use super::{Compiler, Result, Source};
use crate::inertia::{self, MIN_MASS, MassProperties, normalize};
use crate::{Body, Geom, GeomKind, Heightfield, Joint, JointKind, Model, PhysicsOption};

/// More bodies than this are a mistake or an attack, not a robot.
const MAX_BODIES: usize = 10_000;

/// Rows and columns of a heightfield: the same for its grid points.
const MAX_SIDE: i64 = 4096;

/// The name of the default class that every other one inherits from.
pub(super) const MAIN: &str = "main";

/// One `<default>` class: its elements and its parent's name.
struct Class<'a> {
    parent: Option<&'a str>,
    nodes: Vec<Node<'a, 'a>>,
}

/// The model as it grows.
pub(super) struct Builder<'a> {
    pub(super) source: Source<'a>,
    pub(super) compiler: Compiler,
    classes: BTreeMap<&'a str, Class<'a>>,
    names: BTreeSet<(&'static str, &'a str)>,
    pub(super) model: Model,
    /// Whether a mesh was left out.
    meshes: bool,
    /// The cameras' elements, whose targets may be bodies further down.
    pub(super) targets: Vec<Node<'a, 'a>>,
}

/// What a body hands down to its contents.
#[derive(Clone, Copy)]
struct Place<'a> {
    body: usize,
    class: &'a str,
    /// Whether a joint moves this body or one above it.
    moving: bool,
}

impl<'a> Builder<'a> {
    /// Reads the default classes, which may stand anywhere in the file.
    pub(super) fn new(source: Source<'a>, compiler: Compiler) -> Result<Self> {
        let world = Body {
            name: "world".to_owned(),
            parent: 0,
            pos: [0.0; 3],
            quat: [1.0, 0.0, 0.0, 0.0],
            mass: 0.0,
            com: [0.0; 3],
            inertia: [0.0; 3],
            inertia_quat: [1.0, 0.0, 0.0, 0.0],
        };
        let main = Class { parent: None, nodes: Vec::new() };
        let mut builder = Self {
            source,
            compiler,
            classes: BTreeMap::from([(MAIN, main)]),
            names: BTreeSet::from([("body", "world")]),
            model: Model {
                name: String::new(),
                option: PhysicsOption::default(),
                bodies: vec![world],
                joints: Vec::new(),
                geoms: Vec::new(),
                heightfields: Vec::new(),
                excludes: Vec::new(),
                actuators: Vec::new(),
                qpos0: Vec::new(),
                keyframes: Vec::new(),
                cameras: Vec::new(),
                warnings: Vec::new(),
            },
            meshes: false,
            targets: Vec::new(),
        };
        for node in source.all("default") {
            if let Some(class) = node.attribute_node("class")
                && class.value() != MAIN
            {
                let message = "the outermost <default> is class 'main'; \
                               put other classes inside it";
                return Err(source.error(class.range_value().start, message));
            }
            builder.default_class(node, MAIN)?;
        }
        Ok(builder)
    }

    fn default_class(&mut self, node: Node<'a, 'a>, name: &'a str) -> Result<()> {
        for child in elements(node) {
            if child.tag_name().name() != "default" {
                if let Some(class) = self.classes.get_mut(name) {
                    class.nodes.push(child);
                }
                continue;
            }
            let attrs = Attrs::new(self.source, vec![child]);
            let inner = child.attribute("class").unwrap_or("");
            if inner.is_empty() {
                return Err(attrs.error("class", "a <default> inside another needs a class name"));
            }
            if self.classes.contains_key(inner) {
                let message = format!("there is already a default class '{inner}'");
                return Err(attrs.error("class", message));
            }
            let class = Class { parent: Some(name), nodes: Vec::new() };
            self.classes.insert(inner, class);
            self.default_class(child, inner)?;
        }
        Ok(())
    }

    /// An element's attributes with those of its default classes behind them.
    pub(super) fn attrs(&self, node: Node<'a, 'a>, inherited: &'a str) -> Result<Attrs<'a>> {
        self.layered(node, inherited, &[node.tag_name().name()])
    }

    /// The same where elements called `tags` share their defaults.
    pub(super) fn layered(&self, node: Node<'a, 'a>, inherited: &'a str, tags: &[&str]) -> Result<Attrs<'a>> {
        let mut name = Some(match node.attribute_node("class") {
            Some(class) => self.known_class(class)?,
            None => inherited,
        });
        let mut layers = vec![node];
        while let Some(class) = name.and_then(|n| self.classes.get(n)) {
            let same = class.nodes.iter().rev();
            layers.extend(same.filter(|n| tags.contains(&n.tag_name().name())));
            name = class.parent;
        }
        Ok(Attrs::new(self.source, layers))
    }

    fn known_class(&self, class: roxmltree::Attribute<'a, 'a>) -> Result<&'a str> {
        let name = class.value();
        if self.classes.contains_key(name) {
            return Ok(name);
        }
        let message =
            format!("unknown default class '{name}'; there is: {}", shorten(self.classes.keys().copied()));
        Err(self.source.error(class.range_value().start, message))
    }

    /// An element's name, unique among its kind unless empty.
    pub(super) fn name(&mut self, kind: &'static str, attrs: &Attrs<'a>) -> Result<String> {
        let name = attrs.own_name();
        if !name.is_empty() && !self.names.insert((kind, name)) {
            let message = format!("there is already a {kind} called '{name}'");
            return Err(attrs.error("name", message));
        }
        Ok(name.to_owned())
    }

    /// Builds bodies and actuators, then checks and scales masses.
    pub(super) fn build(mut self) -> Result<Model> {
        for node in self.source.all("asset") {
            for hfield in named(node, "hfield") {
                self.heightfield(hfield)?;
            }
        }
        let world = Place { body: 0, class: MAIN, moving: false };
        for node in self.source.all("worldbody") {
            for geom in named(node, "geom") {
                self.geom(geom, world)?;
            }
        }
        for node in self.source.all("worldbody") {
            for camera in named(node, "camera") {
                self.camera(camera, 0, MAIN)?;
            }
            for body in named(node, "body") {
                self.body(body, world)?;
            }
        }
        self.camera_targets()?;
        for node in self.source.all("contact") {
            for exclude in named(node, "exclude") {
                self.exclude(exclude)?;
            }
        }
        for node in self.source.all("actuator") {
            for actuator in elements(node) {
                self.actuator(actuator)?;
            }
        }
        for node in self.source.all("keyframe") {
            for key in named(node, "key") {
                self.key(key)?;
            }
        }
        self.scale_mass()?;
        Ok(self.model)
    }

    fn heightfield(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = Attrs::new(self.source, vec![node]);
        let name = self.name("hfield", &attrs)?;
        if name.is_empty() {
            return Err(attrs.error("name", "<hfield> needs a name, to which geoms refer"));
        }
        for needed in ["nrow", "ncol", "size"] {
            if attrs.find(needed).is_none() {
                return Err(attrs.error("", format!("{} needs nrow, ncol and size", attrs.label())));
            }
        }
        let side = |name: &str| -> Result<usize> {
            Ok(usize::try_from(attrs.integer(name, 2, 2..=MAX_SIDE)?).unwrap_or(2))
        };
        let (nrow, ncol) = (side("nrow")?, side("ncol")?);
        let size = attrs.numbers::<4>("size")?.unwrap_or([0.0; 4]);
        if size.iter().any(|s| *s <= 0.0) {
            let message = "size must be four positive numbers: x radius, y radius, elevation, base";
            return Err(attrs.error("size", message));
        }
        let heights = attrs.list("elevation", nrow * ncol)?.unwrap_or_else(|| vec![0.0; nrow * ncol]);
        let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = highest - lowest;
        if !span.is_finite() {
            return Err(attrs.error("elevation", "the heights in elevation lie too far apart"));
        }
        let scale = if span > 0.0 { 1.0 / span } else { 0.0 };
        // The text runs from the far edge (+y) to the near one.
        let rows = heights.chunks(ncol).rev().flatten();
        let data = rows.map(|h| ((h - lowest) * scale).min(1.0) as f32).collect();
        self.model.heightfields.push(Heightfield { name, nrow, ncol, size, data });
        Ok(())
    }

    /// The heightfield that a geom shows.
    fn shown_field(&self, kind: GeomKind, attrs: &Attrs<'a>) -> Result<Option<usize>> {
        let field = attrs.find("hfield");
        let Some(wanted) = field.map(|a| a.value()).filter(|_| kind == GeomKind::Heightfield) else {
            return match (kind, field) {
                (GeomKind::Heightfield, None) => {
                    let message = format!("{} needs hfield, the name of an <hfield>", attrs.label());
                    Err(attrs.error("", message))
                }
                (_, Some(_)) => {
                    Err(attrs.error("hfield", "hfield is valid only for a geom of type \"hfield\""))
                }
                _ => Ok(None),
            };
        };
        let fields = &self.model.heightfields;
        let found = fields.iter().position(|f| f.name == wanted);
        if found.is_none() {
            let names = fields.iter().map(|f| f.name.as_str());
            let message = format!("unknown hfield '{wanted}'; there is: {}", shorten(names));
            return Err(attrs.error("hfield", message));
        }
        Ok(found)
    }

    fn body(&mut self, node: Node<'a, 'a>, parent: Place<'a>) -> Result<()> {
        let attrs = Attrs::new(self.source, vec![node]);
        let id = self.model.bodies.len();
        if id > MAX_BODIES {
            let message = format!("there are more than {MAX_BODIES} bodies");
            return Err(attrs.error("", message));
        }
        let name = self.name("body", &attrs)?;
        let pos = position(&attrs)?;
        let quat = orientation(&attrs, &self.compiler)?;
        self.model.bodies.push(Body {
            name,
            parent: parent.body,
            pos,
            quat,
            mass: 0.0,
            com: [0.0; 3],
            inertia: [0.0; 3],
            inertia_quat: [1.0, 0.0, 0.0, 0.0],
        });
        let mut place = Place { body: id, ..parent };
        if let Some(class) = node.attribute_node("childclass") {
            place.class = self.known_class(class)?;
        }

        let first_joint = self.model.joints.len();
        for child in elements(node) {
            if matches!(child.tag_name().name(), "joint" | "freejoint") {
                self.joint(child, place, first_joint)?;
                place.moving = true;
            }
        }
        let mut parts = Vec::new();
        for child in named(node, "geom") {
            parts.extend(self.geom(child, place)?);
        }
        let mass = self.mass_properties(node, &parts)?;
        let has_joint = self.model.joints.len() > first_joint;
        if has_joint && !(mass.mass > MIN_MASS && mass.moments.iter().all(|i| *i > MIN_MASS)) {
            let message = format!(
                "{} moves but has mass {} and moments of inertia {:?}: \
                 give it a <geom> with mass or an <inertial>",
                attrs.label(),
                mass.mass,
                mass.moments
            );
            return Err(attrs.error("", message));
        }
        let body = &mut self.model.bodies[id];
        body.mass = mass.mass;
        body.com = mass.com;
        body.inertia = mass.moments;
        body.inertia_quat = mass.quat;

        for camera in named(node, "camera") {
            self.camera(camera, id, place.class)?;
        }
        for child in named(node, "body") {
            self.body(child, place)?;
        }
        Ok(())
    }

    /// From `<inertial>` or the geoms, then the compiler's bounds.
    fn mass_properties(&self, node: Node<'a, 'a>, parts: &[MassProperties]) -> Result<MassProperties> {
        let mut inertials = named(node, "inertial");
        let inertial = inertials.next();
        if let Some(second) = inertials.next() {
            let message = "this body has a second <inertial>; one is valid";
            return Err(self.source.error(second.range().start, message));
        }
        let at = |message: String| self.source.error(node.range().start, message);
        let weighed = parts.iter().any(|p| p.mass > MIN_MASS);
        let mut sum = match (self.compiler.inertia_from_geom, inertial) {
            (Switch::Auto | Switch::Off, Some(inertial)) => self.inertial(inertial)?,
            // Where no geom has mass, there is nothing to take it from.
            (Switch::On, Some(inertial)) if !weighed => self.inertial(inertial)?,
            (Switch::Off, None) => MassProperties::NONE,
            (Switch::Auto, None) | (Switch::On, _) => MassProperties::sum(parts).ok_or_else(|| {
                let message = "the mass or inertia of this body is not finite: \
                                   its geoms are too large";
                at(message.to_owned())
            })?,
        };
        sum.mass = sum.mass.max(self.compiler.bound_mass);
        sum.moments = sum.moments.map(|m| m.max(self.compiler.bound_inertia));
        let [a, b, c] = sum.moments;
        // Thin shapes reach equality, so leave room for rounding.
        let slack = 1e-9 * (a + b + c);
        if a + b + slack < c || a + c + slack < b || b + c + slack < a {
            if !self.compiler.balance_inertia {
                return Err(at(format!(
                    "moments of inertia {a} {b} {c} are impossible: each must be at most the sum \
                     of the others; <compiler balanceinertia=\"true\"/> would average them"
                )));
            }
            sum.moments = [(a + b + c) / 3.0; 3];
        }
        Ok(sum)
    }

    fn inertial(&self, node: Node<'a, 'a>) -> Result<MassProperties> {
        let attrs = Attrs::new(self.source, vec![node]);
        let Some(com) = attrs.numbers("pos")? else {
            return Err(attrs.error("", "<inertial> needs pos, the centre of mass"));
        };
        let Some([mass]) = attrs.numbers("mass")? else {
            return Err(attrs.error("", "<inertial> needs mass"));
        };
        let mass = if mass < 0.0 {
            return Err(attrs.error("mass", format!("mass is {mass}, must not be negative")));
        } else {
            mass
        };
        let diagonal = attrs.numbers::<3>("diaginertia")?;
        let Some([xx, yy, zz, xy, xz, yz]) = attrs.numbers("fullinertia")? else {
            let moments = diagonal.unwrap_or([0.0; 3]);
            if moments.iter().any(|m| *m < 0.0) {
                return Err(attrs.error("diaginertia", "diaginertia must not be negative"));
            }
            return Ok(MassProperties { mass, com, moments, quat: orientation(&attrs, &self.compiler)? });
        };
        if diagonal.is_some() || attrs.nearest(&ORIENTATIONS).is_some() {
            let message = "fullinertia excludes diaginertia and an orientation";
            return Err(attrs.error("fullinertia", message));
        }
        let tensor = Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz);
        match inertia::principal_axes(&tensor) {
            Some((moments, quat)) if moments[2] > 0.0 && moments[0].is_finite() => {
                Ok(MassProperties { mass, com, moments, quat })
            }
            _ => Err(attrs.error("fullinertia", "fullinertia is not positive definite")),
        }
    }

    fn joint(&mut self, node: Node<'a, 'a>, place: Place<'a>, first: usize) -> Result<()> {
        // A <freejoint> is a bare free joint, which takes no defaults.
        let bare = node.tag_name().name() == "freejoint";
        let attrs = if bare { Attrs::new(self.source, vec![node]) } else { self.attrs(node, place.class)? };
        let kinds = [
            ("hinge", JointKind::Hinge),
            ("slide", JointKind::Slide),
            ("ball", JointKind::Ball),
            ("free", JointKind::Free),
        ];
        let kind = match attrs.keyword("type", &kinds)? {
            _ if bare => JointKind::Free,
            kind => kind.unwrap_or(JointKind::Hinge),
        };
        self.check_joint_order(kind, &attrs, place, first)?;

        let angular = matches!(kind, JointKind::Hinge | JointKind::Ball);
        let convert = |x: f64| if angular { self.compiler.radians(x) } else { x };
        let (limited, range) = self.joint_limit(kind, &attrs)?;
        let directed = matches!(kind, JointKind::Slide | JointKind::Hinge);
        let z = [0.0, 0.0, 1.0];
        let axis = attrs.numbers("axis")?.unwrap_or(z);
        let axis = match normalize(axis) {
            _ if !directed => z,
            Some(axis) => axis,
            None => return Err(attrs.error("axis", "axis must not be zero")),
        };
        let pos = match kind {
            JointKind::Free => [0.0; 3],
            _ => position(&attrs)?,
        };
        let solref_limit = attrs.solref("solreflimit")?;
        let solimp_limit = attrs.solimp("solimplimit")?;
        let reference = convert(attrs.number("ref", 0.0)?);
        let springref = convert(attrs.number("springref", 0.0)?);
        let stiffness = attrs.non_negative("stiffness", 0.0)?;
        let damping = attrs.non_negative("damping", 0.0)?;
        let armature = attrs.non_negative("armature", 0.0)?;
        let margin = attrs.non_negative("margin", 0.0)?;
        let frictionloss = attrs.non_negative("frictionloss", 0.0)?;
        let (qpos_adr, dof_adr) = match self.model.joints.last() {
            Some(last) => (last.qpos_adr + last.kind.nq(), last.dof_adr + last.kind.nv()),
            None => (0, 0),
        };
        let body = &self.model.bodies[place.body];
        match kind {
            JointKind::Free => {
                self.model.qpos0.extend(body.pos);
                self.model.qpos0.extend(body.quat);
            }
            JointKind::Ball => self.model.qpos0.extend([1.0, 0.0, 0.0, 0.0]),
            JointKind::Slide | JointKind::Hinge => self.model.qpos0.push(reference),
        }
        let name = self.name("joint", &attrs)?;
        self.model.joints.push(Joint {
            name,
            kind,
            body: place.body,
            pos,
            axis,
            limited,
            range,
            stiffness,
            springref,
            damping,
            armature,
            margin,
            solref_limit,
            solimp_limit,
            frictionloss,
            qpos_adr,
            dof_adr,
        });
        Ok(())
    }

    fn check_joint_order(
        &self,
        kind: JointKind,
        attrs: &Attrs<'a>,
        place: Place<'a>,
        first: usize,
    ) -> Result<()> {
        let before = &self.model.joints[first..];
        let has = |kind| before.iter().any(|j| j.kind == kind);
        let message = if has(JointKind::Free) || (kind == JointKind::Free && !before.is_empty()) {
            "a free joint must be the only joint of its body"
        } else if kind == JointKind::Free && self.model.bodies[place.body].parent != 0 {
            "a free joint is valid only for a body directly in <worldbody>"
        } else if has(JointKind::Ball) && matches!(kind, JointKind::Ball | JointKind::Hinge) {
            "after a ball joint a body can have no further rotation"
        } else if before.len() >= 6 {
            "a body can have at most 6 joints"
        } else {
            return Ok(());
        };
        Err(attrs.error("", message))
    }

    /// Whether a joint is limited, and its range in radians or metres.
    fn joint_limit(&self, kind: JointKind, attrs: &Attrs<'a>) -> Result<(bool, [f64; 2])> {
        let (limited, range) = self.limit(attrs, "limited", "range")?;
        match kind {
            JointKind::Free => Ok((false, [0.0; 2])),
            JointKind::Slide => Ok((limited, range)),
            JointKind::Ball if limited && range[0] != 0.0 => {
                Err(attrs.error("range", "the range of a ball joint must start at 0"))
            }
            JointKind::Hinge | JointKind::Ball => Ok((limited, range.map(|x| self.compiler.radians(x)))),
        }
    }

    /// A switch and the range that it turns on; given alone, a range turns itself on.
    pub(super) fn limit(&self, attrs: &Attrs<'a>, switch: &str, range: &str) -> Result<(bool, [f64; 2])> {
        let given = attrs.numbers::<2>(range)?;
        let limited = match attrs.keyword(switch, &SWITCH)?.unwrap_or(Switch::Auto) {
            Switch::Off => false,
            Switch::On => true,
            Switch::Auto => {
                let wanted = given.is_some_and(|r| r != [0.0; 2]);
                if wanted && !self.compiler.autolimits {
                    let message = format!(
                        "{range} without {switch} is ambiguous under autolimits=\"false\": \
                         set {switch} to true or false"
                    );
                    return Err(attrs.error(range, message));
                }
                wanted
            }
        };
        match given {
            None if limited => {
                let message = format!("{} is limited but has no {range}", attrs.label());
                Err(attrs.error(switch, message))
            }
            Some([lo, hi]) if limited && lo >= hi => {
                let message = format!("{range} is {lo} {hi}, the first must be the smaller");
                Err(attrs.error(range, message))
            }
            _ => Ok((limited, given.unwrap_or([0.0; 2]))),
        }
    }

    /// Adds a geom; returns its mass properties if they count for its body.
    fn geom(&mut self, node: Node<'a, 'a>, place: Place<'a>) -> Result<Option<MassProperties>> {
        let attrs = self.attrs(node, place.class)?;
        if self.drawn_mesh(node, &attrs)? {
            return Ok(None);
        }
        let kinds = [
            ("sphere", GeomKind::Sphere),
            ("capsule", GeomKind::Capsule),
            ("cylinder", GeomKind::Cylinder),
            ("box", GeomKind::Box),
            ("ellipsoid", GeomKind::Ellipsoid),
            ("plane", GeomKind::Plane),
            ("hfield", GeomKind::Heightfield),
        ];
        let kind = attrs.keyword("type", &kinds)?.unwrap_or(GeomKind::Sphere);
        if matches!(kind, GeomKind::Plane | GeomKind::Heightfield) && place.moving {
            let what = if kind == GeomKind::Plane { "plane" } else { "heightfield" };
            let message = format!("a {what} is valid only in the world or in a body that no joint moves");
            return Err(attrs.error("", message));
        }
        let heightfield = self.shown_field(kind, &attrs)?;
        let (mut size, pos, quat) = self.shape(kind, &attrs)?;
        if let Some(field) = heightfield {
            let [x, y, elevation, base] = self.model.heightfields[field].size;
            size = [x, y, 0.25 * elevation + 0.5 * base];
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
        let geom = Geom {
            name: self.name("geom", &attrs)?,
            kind,
            body: place.body,
            size,
            heightfield,
            pos,
            quat,
            friction,
            contype: bits(&attrs, "contype")?,
            conaffinity: bits(&attrs, "conaffinity")?,
            margin: attrs.non_negative("margin", 0.0)?,
            gap: attrs.non_negative("gap", 0.0)?,
            condim: u32::try_from(condim).unwrap_or(3),
            solref: attrs.solref("solref")?,
            solimp: attrs.solimp("solimp")?,
            rgba: rgba.map(|c| c as f32),
        };
        let density = attrs.non_negative("density", 1000.0)?;
        let mass = match attrs.find("mass") {
            Some(_) => attrs.non_negative("mass", 0.0)?,
            None => density * inertia::volume(kind, size),
        };
        let group = attrs.number("group", 0.0)?;
        let [first, last] = self.compiler.inertia_groups;
        let part = inertia::of_geom(&geom, mass);
        self.model.geoms.push(geom);
        Ok((first..=last).contains(&group).then_some(part))
    }

    /// Whether a geom is a mesh that neither touches nor weighs anything: it is left out, with a warning.
    fn drawn_mesh(&mut self, node: Node<'a, 'a>, attrs: &Attrs<'a>) -> Result<bool> {
        let kind = attrs.find("type").map(|a| a.value());
        if kind != Some("mesh") && attrs.find("mesh").is_none() {
            return Ok(false);
        }
        if kind.is_some_and(|kind| kind != "mesh") {
            return Err(
                attrs.error("mesh", "a shape that is fitted to a mesh is not supported: write its size")
            );
        }
        let valid = "use sphere, capsule, cylinder, box or ellipsoid";
        if bits(attrs, "contype")? != 0 || bits(attrs, "conaffinity")? != 0 {
            let message = format!(
                "a mesh that can touch is not supported: {valid}, and set contype and conaffinity of the \
                 mesh to 0 to keep it as decoration"
            );
            return Err(attrs.error("mesh", message));
        }
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
        if weighed && !ignored && node.parent().is_some_and(|body| body.tag_name().name() == "body") {
            let message =
                "the mass of a mesh is not known: give its body an <inertial>, or the mesh mass=\"0\"";
            return Err(attrs.error("mesh", message));
        }
        if !std::mem::replace(&mut self.meshes, true) {
            let message = "meshes that touch nothing are left out, also of the picture";
            self.model.warnings.push(attrs.error("mesh", message).to_string());
        }
        Ok(true)
    }

    /// Size, position and orientation, from `fromto` where that is given.
    fn shape(&self, kind: GeomKind, attrs: &Attrs<'a>) -> Result<([f64; 3], [f64; 3], [f64; 4])> {
        let needed = match kind {
            // Its size is its <hfield>'s.
            GeomKind::Heightfield => 0,
            GeomKind::Sphere => 1,
            GeomKind::Capsule | GeomKind::Cylinder => 2,
            GeomKind::Plane | GeomKind::Box | GeomKind::Ellipsoid => 3,
        };
        let mut size = attrs.prefix("size", [0.0; 3])?;
        size[needed..].fill(0.0);
        let mut pos = position(attrs)?;
        let mut quat = orientation(attrs, &self.compiler)?;
        if let Some([x0, y0, z0, x1, y1, z1]) = attrs.numbers::<6>("fromto")? {
            if matches!(kind, GeomKind::Plane | GeomKind::Sphere | GeomKind::Heightfield) {
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
                GeomKind::Heightfield => "finite, and so must its position",
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

    /// `<exclude>`: two bodies whose geoms do not touch each other.
    fn exclude(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = Attrs::new(self.source, vec![node]);
        let body = |which: &str| {
            let Some(wanted) = node.attribute(which) else {
                return Err(attrs.error("", "<exclude> needs body1 and body2, the names of two bodies"));
            };
            self.model.body(wanted).filter(|_| !wanted.is_empty()).ok_or_else(|| {
                let names = self.model.bodies.iter().map(|b| b.name.as_str());
                let names = shorten(names.filter(|n| !n.is_empty()));
                attrs.error(which, format!("unknown body '{wanted}'; there is: {names}"))
            })
        };
        let (a, b) = (body("body1")?, body("body2")?);
        if a == b {
            return Err(attrs.error("body2", "body1 and body2 must be two bodies"));
        }
        self.model.excludes.push((a.min(b), a.max(b)));
        Ok(())
    }

    /// `settotalmass`: scales all masses and moments of inertia.
    fn scale_mass(&mut self) -> Result<()> {
        let target = self.compiler.total_mass;
        let total = self.model.total_mass();
        if !total.is_finite() {
            return Err(self.source.error(0, "the total mass is not finite"));
        }
        if target <= 0.0 || total <= MIN_MASS {
            return Ok(());
        }
        let scale = target / total;
        for body in &mut self.model.bodies {
            body.mass *= scale;
            body.inertia = body.inertia.map(|m| m * scale);
        }
        Ok(())
    }
}

/// Contact bits: MuJoCo writes them as a signed 32-bit number.
fn bits(attrs: &Attrs<'_>, name: &str) -> Result<u32> {
    let value = attrs.integer(name, 1, i64::from(i32::MIN)..=i64::from(u32::MAX))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "-1 stands for all 32 bits")]
    Ok(value as u32)
}

fn elements<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(Node::is_element)
}

fn named<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    elements(node).filter(move |n| n.tag_name().name() == name)
}

/// A list of names for a message, cut where it gets long.
pub(super) fn shorten<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let shown = names.len().min(20);
    match names.len() {
        0 => "none".to_owned(),
        n if n > shown => format!("{}, …", names[..shown].join(", ")),
        _ => names.join(", "),
    }
}
