//! What an engine does in its own way although a model asks for another: one table that drives the
//! notes at the start of a run and the table in `docs/mjcf.md`.

use crate::rapier::limit_is_stiff;
use crate::{Cone, EngineKind, Geom, GeomKind, Integrator, Model, PhysicsOption};

/// Something that a model may ask for.
struct Approximation {
    /// In MJCF's words.
    asked: &'static str,
    /// Whether a model asks for it.
    by: fn(&Model) -> bool,
    /// What an engine does instead; one that is not listed does it.
    instead: &'static [(EngineKind, &'static str)],
}

/// Geoms that may touch another.
fn touching(model: &Model) -> impl Iterator<Item = &Geom> {
    let mut touches = vec![false; model.geoms.len()];
    model.pairs().into_iter().for_each(|(a, b)| (touches[a], touches[b]) = (true, true));
    model.geoms.iter().zip(touches).filter(|(_, touches)| *touches).map(|(geom, _)| geom)
}

const APPROXIMATIONS: [Approximation; 6] = [
    Approximation {
        asked: "`integrator` other than `Euler`",
        by: |model| model.option.integrator != Integrator::Euler,
        instead: &[
            (EngineKind::Rapier, "semi-implicit Euler, once per solver iteration"),
            (EngineKind::Lanes, "MuJoCo's semi-implicit Euler"),
        ],
    },
    Approximation {
        asked: "`impratio` other than 1 with pyramidal cones",
        by: |model| {
            let PhysicsOption { impratio, cone, .. } = model.option;
            impratio != 1.0 && cone == Cone::Pyramidal && touching(model).next().is_some()
        },
        instead: &[
            (EngineKind::Rapier, "friction that does not yield"),
            (EngineKind::Lanes, "as if it were 1"),
        ],
    },
    Approximation {
        asked: "`condim` 4 or 6",
        by: |model| touching(model).any(|geom| geom.condim > 3),
        instead: &[(EngineKind::Rapier, "sliding friction only")],
    },
    Approximation {
        asked: "contacts of a capsule with a box",
        by: |model| {
            let kinds = |(a, b): (usize, usize)| [model.geoms[a].kind, model.geoms[b].kind];
            let both = |k: [GeomKind; 2]| k.contains(&GeomKind::Capsule) && k.contains(&GeomKind::Box);
            model.pairs().into_iter().map(kinds).any(both)
        },
        instead: &[(
            EngineKind::Lanes,
            "one contact, at the closest points, although a capsule may lie on two points",
        )],
    },
    Approximation {
        asked: "`solref` or `solimp` of a geom that are not MuJoCo's defaults",
        by: |model| {
            let default = |g: &Geom| g.solref == [0.02, 1.0] && g.solimp == [0.9, 0.95, 0.001, 0.5, 2.0];
            touching(model).any(|geom| !default(geom))
        },
        instead: &[(EngineKind::Rapier, "hard contacts, except those of a robot with itself")],
    },
    Approximation {
        asked: "`solreflimit` with more damping than a physics step can follow",
        by: |model| {
            let long = |joint| limit_is_stiff(joint, model.option.timestep);
            model.joints.iter().any(|joint| joint.limited && joint.kind.nv() == 1 && long(joint))
        },
        instead: &[(EngineKind::Rapier, "a spring of 30 Hz, critically damped")],
    },
];

impl Approximation {
    /// What `engine` does instead; `None` if it does as asked.
    fn instead(&self, engine: EngineKind) -> Option<&'static str> {
        self.instead.iter().find(|row| row.0 == engine).map(|row| row.1)
    }
}

/// What an engine does otherwise than a model asks, one sentence each.
#[must_use]
pub fn approximated(model: &Model, engine: EngineKind) -> Vec<String> {
    let asked = APPROXIMATIONS.iter().filter(|entry| (entry.by)(model));
    let other = asked.filter_map(|entry| Some((entry.asked.replace('`', ""), entry.instead(engine)?)));
    other.map(|(asked, instead)| format!("{} approximates {asked}: {instead}", engine.name())).collect()
}

/// The same as Markdown, for every engine; `docs/mjcf.md` holds a copy.
#[must_use]
pub fn approximations_table() -> String {
    let engines = EngineKind::ALL;
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let head = [vec!["asked for"], engines.map(EngineKind::name).to_vec()].concat();
    let mut out = row(head) + &row(vec!["---"; engines.len() + 1]);
    for entry in &APPROXIMATIONS {
        let cells = engines.map(|engine| entry.instead(engine).unwrap_or("as in MuJoCo"));
        out += &row([vec![entry.asked], cells.to_vec()].concat());
    }
    out
}
