//! From checked XML to tables: default classes, bodies and their masses.

use std::collections::{BTreeMap, BTreeSet};

use nalgebra::Matrix3;
use roxmltree::Node;

use super::attrs::{Attrs, Switch};
use super::compiler::Compiler;
use super::pose::{ORIENTATIONS, orientation, position};
use super::source::{Result, Source};
use super::xml::{elements, named, shorten};
use crate::inertia::{self, MIN_MASS, MassProperties};
use crate::{Body, Model, PhysicsOption};

/// More bodies than this are a mistake or an attack, not a robot.
const MAX_BODIES: usize = 10_000;

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
    pub(super) left_out: bool,
    /// The cameras' elements, whose targets may be bodies further down.
    pub(super) targets: Vec<Node<'a, 'a>>,
}

/// What a body hands down to its contents.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) body: usize,
    pub(super) class: &'a str,
    /// Whether a joint moves this body or one above it.
    pub(super) moving: bool,
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
                meshes: Vec::new(),
                excludes: Vec::new(),
                actuators: Vec::new(),
                qpos0: Vec::new(),
                keyframes: Vec::new(),
                cameras: Vec::new(),
                warnings: Vec::new(),
            },
            left_out: false,
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
            format!("unknown default class '{name}'; valid: {}", shorten(self.classes.keys().copied()));
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
            for mesh in named(node, "mesh") {
                self.mesh(mesh)?;
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
                attrs.error(which, format!("unknown body '{wanted}'; valid: {names}"))
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
