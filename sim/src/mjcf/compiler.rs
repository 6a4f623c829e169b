//! `<compiler>` and `<option>`: how to read the rest, and the physics of the whole model.

use super::attrs::{Attrs, BOOL, SWITCH, Switch};
use super::source::{Result, Source};
use crate::{Cone, Integrator, PhysicsOption};

/// All `<name>` sections of the root; later ones override earlier ones.
pub(super) fn sections<'a>(source: Source<'a>, name: &str) -> Attrs<'a> {
    let mut layers: Vec<_> = source.all(name).collect();
    layers.reverse();
    // The document node defines nothing; with it there is always a layer.
    layers.push(source.doc.root());
    Attrs::new(source, layers)
}

/// `<compiler>`: how to read the rest.
pub(super) struct Compiler {
    pub(super) degrees: bool,
    pub(super) autolimits: bool,
    /// Axis and whether it turns with the body, for each of the three angles.
    pub(super) euler: [(usize, bool); 3],
    pub(super) inertia_from_geom: Switch,
    pub(super) inertia_groups: [f64; 2],
    pub(super) bound_mass: f64,
    pub(super) bound_inertia: f64,
    pub(super) balance_inertia: bool,
    /// Total mass to scale to, kg; not positive: as it is.
    pub(super) total_mass: f64,
}

impl Compiler {
    pub(super) fn read(source: Source<'_>) -> Result<Self> {
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
    pub(super) fn radians(&self, angle: f64) -> f64 {
        if self.degrees { angle * (core::f64::consts::PI / 180.0) } else { angle }
    }
}

/// The physics of the whole model.
pub(super) fn read_option(source: Source<'_>) -> Result<PhysicsOption> {
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
