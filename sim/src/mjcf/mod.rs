//! Reads MJCF, MuJoCo's XML model format, into a [`Model`].
//!
//! The meaning of each attribute is that of MuJoCo 4.0 (its "XML Reference"). What is read, ignored,
//! warned about and refused stands in `schema.rs` and `docs/mjcf.md`; nothing is dropped in silence
//! that would change the motion. Every error is `file:line:column: message`.

mod actuator;
mod attrs;
mod build;
mod camera;
mod include;
mod keyframe;
mod pose;
mod schema;

use std::path::Path;

use roxmltree::{Document, Error, Node};

use crate::{Cone, Integrator, Model, PhysicsOption, SimError};
use attrs::{Attrs, BOOL, SWITCH, Switch};
pub use include::read_mjcf;
pub use schema::mjcf_support_table;

type Result<T> = std::result::Result<T, SimError>;

impl Model {
    /// Reads a model from MJCF text; `file` is the name that errors and warnings show.
    ///
    /// # Errors
    /// [`SimError::Mjcf`] with line and column for XML that is malformed, and for MJCF that is
    /// unknown, contradictory, not physical or not supported; for an `<include>`, too, which
    /// [`read_mjcf`] replaces.
    pub fn from_mjcf(xml: &str, file: &str) -> Result<Self> {
        let doc = Document::parse(xml).map_err(|error| xml_error(&error, xml, file))?;
        let source = Source { file, doc: &doc };
        let warnings = schema::check(&source)?;
        let root = doc.root_element();
        let compiler = Compiler::read(source)?;
        let mut model = build::Builder::new(source, compiler)?.build()?;
        model.name = root.attribute("model").unwrap_or("").to_owned();
        model.option = read_option(source)?;
        // In the order of the file's own sections: what the check found first, then what building did.
        model.warnings = [warnings, model.warnings].concat();
        Ok(model)
    }

    /// Reads a model from an MJCF file.
    ///
    /// # Errors
    /// As [`read_mjcf`] and [`Model::from_mjcf`].
    pub fn from_mjcf_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_mjcf(&read_mjcf(path)?, &path.display().to_string())
    }
}

/// A parsed document and the name under which its errors are reported.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    doc: &'a Document<'a>,
}

impl<'a> Source<'a> {
    /// The root's children of one name.
    fn all<'n>(self, name: &'n str) -> impl Iterator<Item = Node<'a, 'a>> + use<'a, 'n> {
        let children = self.doc.root_element().children();
        children.filter(move |n| n.is_element() && n.tag_name().name() == name)
    }

    /// An error at a byte offset of the text, in the file that this part of it is from.
    fn error(&self, offset: usize, message: impl Into<String>) -> SimError {
        let at = self.doc.text_pos_at(offset);
        let (mut file, mut line, mut column) = (self.file.to_owned(), at.row, at.col);
        let marks = self.doc.descendants().filter(|n| n.range().end <= offset);
        if let Some((mark, (row, first, name))) = marks.rev().find_map(|n| Some((n, include::mark(n)?))) {
            let start = self.doc.text_pos_at(mark.range().end);
            file = include::beside(self.file, name).display().to_string();
            // A mark can be edited, so it may say anything.
            line = row.saturating_add(at.row - start.row);
            column = if at.row == start.row { first.saturating_add(at.col - start.col) } else { at.col };
        }
        SimError::Mjcf { file, line, column, message: message.into() }
    }
}

fn xml_error(error: &Error, xml: &str, file: &str) -> SimError {
    let at = error.pos();
    let text = error.to_string().replace(&format!(" at {at}"), "");
    let (line, column, message) = match error {
        // These two have no position of their own: the text just ends too early.
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => {
            let last = xml.rsplit('\n').next().unwrap_or("");
            let line = xml.matches('\n').count() + 1;
            let column = last.chars().count() + 1;
            let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let message = "the file ends too early: an end tag, quote or comment is missing".to_owned();
            (narrow(line), narrow(column), message)
        }
        Error::NoRootNode => (1, 1, "the file holds no element, expected <mujoco>".to_owned()),
        Error::DtdDetected => (1, 1, "<!DOCTYPE> is not supported: remove it".to_owned()),
        _ => (at.row, at.col, format!("not valid XML: {text}")),
    };
    SimError::Mjcf { file: file.to_owned(), line, column, message }
}

/// All `<name>` sections of the root; later ones override earlier ones.
fn sections<'a>(source: Source<'a>, name: &str) -> Attrs<'a> {
    let mut layers: Vec<_> = source.all(name).collect();
    layers.reverse();
    // The document node defines nothing; with it there is always a layer.
    layers.push(source.doc.root());
    Attrs::new(source, layers)
}

/// `<compiler>`: how to read the rest.
struct Compiler {
    degrees: bool,
    autolimits: bool,
    /// Axis and whether it turns with the body, for each of the three angles.
    euler: [(usize, bool); 3],
    inertia_from_geom: Switch,
    inertia_groups: [f64; 2],
    bound_mass: f64,
    bound_inertia: f64,
    balance_inertia: bool,
    /// Total mass to scale to, kg; not positive: as it is.
    total_mass: f64,
}

impl Compiler {
    fn read(source: Source<'_>) -> Result<Self> {
        let attrs = sections(source, "compiler");
        let mut euler = [(0, true), (1, true), (2, true)];
        if let Some(sequence) = attrs.find("eulerseq") {
            let letters: Vec<char> = sequence.value().chars().collect();
            let valid = letters.len() == 3 && letters.iter().all(|c| "xyzXYZ".contains(*c));
            if !valid {
                return Err(attrs.error(
                    "eulerseq",
                    "eulerseq must be three letters of xyz (axes that turn along) or XYZ (fixed)",
                ));
            }
            for (slot, letter) in euler.iter_mut().zip(letters) {
                let axis = match letter.to_ascii_lowercase() {
                    'x' => 0,
                    'y' => 1,
                    _ => 2,
                };
                *slot = (axis, letter.is_ascii_lowercase());
            }
        }
        let angle = attrs.keyword("angle", &[("degree", true), ("radian", false)])?;
        Ok(Self {
            degrees: angle.unwrap_or(true),
            autolimits: attrs.keyword("autolimits", &BOOL)?.unwrap_or(true),
            euler,
            inertia_from_geom: attrs.keyword("inertiafromgeom", &SWITCH)?.unwrap_or(Switch::Auto),
            inertia_groups: attrs.numbers("inertiagrouprange")?.unwrap_or([0.0, 5.0]),
            bound_mass: attrs.non_negative("boundmass", 0.0)?,
            bound_inertia: attrs.non_negative("boundinertia", 0.0)?,
            balance_inertia: attrs.keyword("balanceinertia", &BOOL)?.unwrap_or(false),
            total_mass: attrs.number("settotalmass", -1.0)?,
        })
    }

    /// An angle of the file in radians.
    fn radians(&self, angle: f64) -> f64 {
        if self.degrees { angle * (core::f64::consts::PI / 180.0) } else { angle }
    }
}

fn read_option(source: Source<'_>) -> Result<PhysicsOption> {
    let attrs = sections(source, "option");
    let default = PhysicsOption::default();
    let positive = |name: &str, default: f64| -> Result<f64> {
        let value = attrs.number(name, default)?;
        if value > 0.0 {
            return Ok(value);
        }
        Err(attrs.error(name, format!("{name} is {value}, must be positive")))
    };
    let integrators = [
        ("Euler", Integrator::Euler),
        ("RK4", Integrator::Rk4),
        ("implicit", Integrator::Implicit),
        ("implicitfast", Integrator::ImplicitFast),
    ];
    let cones = [("pyramidal", Cone::Pyramidal), ("elliptic", Cone::Elliptic)];
    Ok(PhysicsOption {
        timestep: positive("timestep", default.timestep)?,
        integrator: attrs.keyword("integrator", &integrators)?.unwrap_or(default.integrator),
        gravity: attrs.numbers("gravity")?.unwrap_or(default.gravity),
        cone: attrs.keyword("cone", &cones)?.unwrap_or(default.cone),
        impratio: positive("impratio", default.impratio)?,
        density: attrs.non_negative("density", default.density)?,
        viscosity: attrs.non_negative("viscosity", default.viscosity)?,
    })
}
