//! `<keyframe>`: named states to start from.

use roxmltree::Node;

use super::attrs::Attrs;
use super::build::Builder;
use super::source::Result;
use crate::inertia::normalize;
use crate::{JointKind, Keyframe};

impl<'a> Builder<'a> {
    /// Reads a `<key>`; joints and actuators are known.
    pub(super) fn key(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = Attrs::new(self.source, vec![node]);
        let name = self.name("key", &attrs)?;
        let model = &self.model;
        let mut qpos = attrs.list("qpos", model.nq())?.unwrap_or_else(|| model.qpos0.clone());
        let qvel = attrs.list("qvel", model.nv())?.unwrap_or_else(|| vec![0.0; model.nv()]);
        let ctrl = attrs.list("ctrl", model.nu())?.unwrap_or_else(|| vec![0.0; model.nu()]);
        for joint in &model.joints {
            let first = match joint.kind {
                JointKind::Free => joint.qpos_adr + 3,
                JointKind::Ball => joint.qpos_adr,
                JointKind::Slide | JointKind::Hinge => continue,
            };
            let quat = &mut qpos[first..first + 4];
            let Some(unit) = normalize([quat[0], quat[1], quat[2], quat[3]]) else {
                let message =
                    format!("the quaternion in qpos, numbers {} to {}, is all zeros", first + 1, first + 4);
                return Err(attrs.error("qpos", message));
            };
            quat.copy_from_slice(&unit);
        }
        self.model.keyframes.push(Keyframe { name, qpos, qvel, ctrl });
        Ok(())
    }
}
