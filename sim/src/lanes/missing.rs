//! What the engine refuses, by name.

use super::dispatch::Width;
use super::shape::refused;
use super::table::MAX_DOFS;
use super::weights::Weights;
use crate::softness::possible_power;
use crate::{JointKind, Model};

/// What the engine cannot do of what the model asks for, one entry each; empty if it can do it all.
pub(crate) fn missing(model: &Model) -> Vec<String> {
    let mut missing = Vec::new();
    if Width::widest().is_none() {
        // A developer's build, copied to another machine.
        missing.push(
            "the instructions that it was compiled for, on this processor (build here, or with --release)"
                .into(),
        );
    }
    if model.nv() > MAX_DOFS {
        missing.push(format!("{} degrees of freedom (at most {MAX_DOFS})", model.nv()));
        // The other complaints may be as many as there are pairs of geoms.
        return missing;
    }
    for joint in &model.joints {
        let (name, scalar) = (&joint.name, joint.kind.nv() == 1);
        if joint.kind == JointKind::Free && model.bodies[joint.body].parent != 0 {
            missing.push(format!("free joint '{name}' below the world"));
        }
        if !scalar && joint.limited {
            missing.push(format!("limits on joint '{name}', which is not a hinge or slide"));
        }
        if !scalar && (joint.stiffness != 0.0 || joint.frictionloss != 0.0) {
            missing.push(format!("spring or dry friction on joint '{name}', which is not a hinge or slide"));
        }
        if joint.limited && joint.range[1] - joint.range[0] < 2.0 * joint.margin {
            missing.push(format!("margin of joint '{name}' wider than half of its range"));
        }
        if joint.limited && !possible_power(joint.solimp_limit[4]) {
            let power = joint.solimp_limit[4];
            missing.push(format!("solimp power {power} of joint '{name}' (a multiple of 0.5, 1 to 8)"));
        }
    }
    missing.extend(refused(model));
    if missing.is_empty()
        && let Some((dof, inertia)) = Weights::lightest(model)
        && (inertia.is_nan() || inertia < 1e-12)
    {
        missing.push(format!("degree of freedom {dof}, which moves no mass"));
    }
    missing
}
