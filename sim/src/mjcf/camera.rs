//! `<camera>`: places to look from, for pictures. They have no part in the motion.

use roxmltree::Node;

use super::build::{Builder, MAIN};
use super::pose::{orientation, position};
use super::source::Result;
use super::xml::shorten;
use crate::{Camera, CameraMode};

/// What `mode` may be.
const MODES: [(&str, CameraMode); 5] = [
    ("fixed", CameraMode::Fixed),
    ("track", CameraMode::Track),
    ("trackcom", CameraMode::TrackCom),
    ("targetbody", CameraMode::TargetBody),
    ("targetbodycom", CameraMode::TargetBodyCom),
];

/// MuJoCo's vertical field of view, degrees.
const FOVY: f64 = 45.0;

impl<'a> Builder<'a> {
    pub(super) fn camera(&mut self, node: Node<'a, 'a>, body: usize, class: &'a str) -> Result<()> {
        let attrs = self.attrs(node, class)?;
        let name = self.name("camera", &attrs)?;
        let mode = attrs.keyword("mode", &MODES)?.unwrap_or(CameraMode::Fixed);
        let fovy = attrs.number("fovy", FOVY)?;
        if !(fovy > 0.0 && fovy < 180.0) {
            return Err(attrs.error("fovy", format!("fovy is {fovy}, expected degrees between 0 and 180")));
        }
        let (pos, quat) = (position(&attrs)?, orientation(&attrs, &self.compiler)?);
        self.model.cameras.push(Camera { name, body, mode, target: 0, pos, quat, fovy });
        self.targets.push(node);
        Ok(())
    }

    /// What the cameras look at, once all bodies are known.
    pub(super) fn camera_targets(&mut self) -> Result<()> {
        for (index, node) in std::mem::take(&mut self.targets).into_iter().enumerate() {
            let mode = self.model.cameras[index].mode;
            if !matches!(mode, CameraMode::TargetBody | CameraMode::TargetBodyCom) {
                continue;
            }
            let attrs = self.attrs(node, MAIN)?;
            let wanted = node.attribute("target").unwrap_or("");
            let Some(body) = self.model.body(wanted).filter(|_| !wanted.is_empty()) else {
                let names = self.model.bodies.iter().map(|b| b.name.as_str()).filter(|n| !n.is_empty());
                let message = format!("unknown target body '{wanted}'; valid: {}", shorten(names));
                return Err(attrs.error("target", message));
            };
            self.model.cameras[index].target = body;
        }
        Ok(())
    }
}
