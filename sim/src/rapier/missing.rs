//! What the engine refuses, and where it cannot follow MuJoCo.

use super::contacts::Rules;
use super::limits::Limit;
use crate::{Cone, GeomKind, Joint, JointKind, Model};

/// What the engine cannot do of what the model asks for, one entry each; empty if it can do it all.
pub(crate) fn missing(model: &Model) -> Vec<String> {
    let mut missing = Vec::new();
    if model.option.cone == Cone::Elliptic {
        missing.push("elliptic friction cones (option cone)".into());
    }
    for joint in &model.joints {
        if joint.kind == JointKind::Ball && (joint.limited || joint.stiffness != 0.0) {
            missing.push(format!("limits and springs on ball joint '{}'", joint.name));
        }
        if joint.kind == JointKind::Free && model.bodies[joint.body].parent != 0 {
            missing.push(format!("free joint '{}' below the world", joint.name));
        }
        let asked = free_joint_forces(joint);
        if !asked.is_empty() {
            missing.push(format!(
                "{asked} of free joint '{}' (set to 0 what it has from a default class, or write <freejoint/>, \
                 which takes no defaults)",
                joint.name
            ));
        }
    }
    let rules = Rules::new(model);
    for (geom, touches) in model.geoms.iter().zip(&rules.asks) {
        if geom.kind == GeomKind::Ellipsoid && touches.is_some() {
            missing.push(format!("collisions of ellipsoid '{}'", geom.name));
        }
        if matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield) && model.carrier(geom.body) != 0 {
            let what = if geom.kind == GeomKind::Plane { "plane" } else { "heightfield" };
            missing.push(format!("{what} '{}' on a moving body", geom.name));
        }
    }
    missing
}

/// What a free joint asks for that rapier's free bodies do not have, with values; empty for other joints.
fn free_joint_forces(joint: &Joint) -> String {
    let Joint { damping, armature, stiffness, frictionloss, .. } = *joint;
    let forces = [
        ("damping", damping),
        ("armature", armature),
        ("stiffness", stiffness),
        ("frictionloss", frictionloss),
    ];
    let asked = forces.iter().filter(|(_, value)| joint.kind == JointKind::Free && *value != 0.0);
    asked.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// Whether a limit of MuJoCo's is too stiff for physics steps of `timestep` seconds.
pub(crate) fn limit_is_stiff(joint: &Joint, timestep: f64) -> bool {
    !Limit::possible(joint, timestep)
}
