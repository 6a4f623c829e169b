//! What an engine does in its own way although a model asks for another: one table that drives the
//! notes at the start of a run and the table in `docs/mjcf.md`.

use crate::{Cone, EngineKind, Geom, Integrator, Model, PhysicsOption};

/// Something that a model may ask for.
struct Approximation {
    /// In MJCF's words.
    asked: &'static str,
    /// Whether a model asks for it.
    by: fn(&Model) -> bool,
    /// What rapier does instead; empty if it does it.
    rapier: &'static str,
    /// What lanes does instead.
    lanes: &'static str,
}

/// Geoms that may touch another.
fn touching(model: &Model) -> impl Iterator<Item = &Geom> {
    let pairs = model.pairs();
    let touches = move |i: usize| pairs.iter().any(|&(a, b)| a == i || b == i);
    model.geoms.iter().enumerate().filter(move |(i, _)| touches(*i)).map(|(_, geom)| geom)
}

const APPROXIMATIONS: [Approximation; 5] = [
    Approximation {
        asked: "`integrator` other than `Euler`",
        by: |model| model.option.integrator != Integrator::Euler,
        rapier: "semi-implicit Euler, once per solver iteration",
        lanes: "MuJoCo's semi-implicit Euler",
    },
    Approximation {
        asked: "`impratio` other than 1 with pyramidal cones",
        by: |model| {
            let PhysicsOption { impratio, cone, .. } = model.option;
            impratio != 1.0 && cone == Cone::Pyramidal && touching(model).next().is_some()
        },
        rapier: "friction that does not give way",
        lanes: "as if it were 1",
    },
    Approximation {
        asked: "`condim` 4 or 6",
        by: |model| touching(model).any(|geom| geom.condim > 3),
        rapier: "sliding friction only",
        lanes: "",
    },
    Approximation {
        asked: "`solref` or `solimp` of a geom that are not MuJoCo's defaults",
        by: |model| {
            let default = |g: &Geom| g.solref == [0.02, 1.0] && g.solimp == [0.9, 0.95, 0.001, 0.5, 2.0];
            touching(model).any(|geom| !default(geom))
        },
        rapier: "hard contacts, but for a robot's with itself",
        lanes: "",
    },
    Approximation {
        asked: "`solreflimit` with more damping than a physics step can follow",
        by: |model| {
            let long = |joint| crate::rapier::limit_is_stiff(joint, model.option.timestep);
            model.joints.iter().any(|joint| joint.limited && joint.kind.nv() == 1 && long(joint))
        },
        rapier: "a spring of 30 Hz, critically damped",
        lanes: "",
    },
];

impl Approximation {
    fn instead(&self, engine: EngineKind) -> &'static str {
        match engine {
            EngineKind::Rapier => self.rapier,
            EngineKind::Lanes => self.lanes,
        }
    }
}

/// What an engine does otherwise than a model asks, one sentence each.
#[must_use]
pub fn approximated(model: &Model, engine: EngineKind) -> Vec<String> {
    let other = APPROXIMATIONS.iter().filter(|entry| !entry.instead(engine).is_empty() && (entry.by)(model));
    other
        .map(|entry| {
            let asked = entry.asked.replace('`', "");
            format!("{} approximates {asked}: {}", engine.name(), entry.instead(engine))
        })
        .collect()
}

/// The same as Markdown, for every engine; `docs/mjcf.md` holds a copy.
#[must_use]
pub fn approximations_table() -> String {
    let mut out = String::from("| asked for | rapier | lanes |\n| --- | --- | --- |\n");
    for entry in &APPROXIMATIONS {
        let cell = |text: &'static str| if text.is_empty() { "as in MuJoCo" } else { text };
        out += &format!("| {} | {} | {} |\n", entry.asked, cell(entry.rapier), cell(entry.lanes));
    }
    out
}
