//! `<actuator>`: motors, and servos with an affine law, on slides and hinges.

use roxmltree::Node;

use super::attrs::Attrs;
use super::build::{Builder, MAIN};
use super::source::Result;
use super::xml::shorten;
use crate::{Actuator, JointKind, Servo};

/// The kinds that are read. In MuJoCo they are ways to write the same thing and share their defaults.
pub(super) const KINDS: [&str; 4] = ["motor", "general", "position", "velocity"];

/// The law of an actuator as its classes and it itself build it up: force = gain · control +
/// bias · (1, length, velocity).
#[derive(Clone, Copy)]
struct Law {
    gain: f64,
    affine: bool,
    bias: [f64; 3],
}

impl Law {
    /// What `node` alone says, on top of what stands behind it (MuJoCo's `mjs_setTo…`).
    fn read(&mut self, attrs: &Attrs<'_>, kind: &str) -> Result<()> {
        match kind {
            "motor" => *self = Self { gain: 1.0, affine: false, bias: self.bias },
            "general" => {
                let affine = attrs.keyword("biastype", &[("none", false), ("affine", true)])?;
                self.affine = affine.unwrap_or(self.affine);
                let [gain, ..] = attrs.prefix("gainprm", [self.gain; 10])?;
                self.gain = gain;
                let [a, b, c] = self.bias;
                let [a, b, c, ..] = attrs.prefix("biasprm", [a, b, c, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])?;
                self.bias = [a, b, c];
            }
            "position" => {
                self.gain = attrs.non_negative("kp", self.gain)?;
                self.bias = [0.0, -self.gain, self.bias[2]];
                if attrs.find("kv").is_some() {
                    self.bias[2] = -attrs.non_negative("kv", 0.0)?;
                }
                self.affine = true;
            }
            _ => {
                self.gain = attrs.non_negative("kv", self.gain)?;
                self.bias = [0.0, 0.0, -self.gain];
                self.affine = true;
            }
        }
        Ok(())
    }
}

impl<'a> Builder<'a> {
    pub(super) fn actuator(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = self.layered(node, MAIN, &KINDS)?;
        let kind = node.tag_name().name();
        let Some(target) = node.attribute("joint") else {
            let message = format!("<{kind}> needs joint, the name of a slide or hinge joint");
            return Err(attrs.error("", message));
        };
        let found = self.model.joints.iter().position(|j| j.name == target);
        let Some(joint) = found.filter(|_| !target.is_empty()) else {
            let names = self.model.joints.iter().map(|j| j.name.as_str());
            let message =
                format!("unknown joint '{target}'; valid: {}", shorten(names.filter(|n| !n.is_empty())));
            return Err(attrs.error("joint", message));
        };
        if matches!(self.model.joints[joint].kind, JointKind::Free | JointKind::Ball) {
            let message = format!("a {kind} acts on a slide or hinge joint only");
            return Err(attrs.error("joint", message));
        }
        let (limited, mut range) = self.limit(&attrs, "ctrllimited", "ctrlrange")?;
        let unlimited = [f64::NEG_INFINITY, f64::INFINITY];
        if !limited {
            range = unlimited;
        }
        let (bounded, forces) = self.limit(&attrs, "forcelimited", "forcerange")?;
        let mut law = Law { gain: 1.0, affine: false, bias: [0.0; 3] };
        for layer in attrs.layers().rev() {
            let tag = layer.tag_name().name();
            if matches!((kind, tag), ("position", "velocity") | ("velocity", "position")) {
                let message = format!("the defaults of a <{tag}> for a <{kind}> are not supported");
                return Err(attrs.error("class", message));
            }
            law.read(&Attrs::new(self.source, vec![layer]), tag)?;
        }
        if kind == "position" {
            range = self.inherited(&attrs, joint, range)?;
        }
        let law = Servo {
            gain: law.gain,
            bias: if law.affine { law.bias } else { [0.0; 3] },
            forcerange: if bounded { forces } else { unlimited },
        };
        // The other five numbers of gear concern free and ball joints.
        let [gear, ..] = attrs.prefix("gear", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])?;
        let name = self.name("actuator", &attrs)?;
        let servo = (law != Servo::MOTOR).then_some(law);
        self.model.actuators.push(Actuator { name, joint, gear, ctrlrange: range, servo });
        Ok(())
    }

    /// `inheritrange`: the range of the joint, scaled about its middle.
    fn inherited(&self, attrs: &Attrs<'a>, joint: usize, range: [f64; 2]) -> Result<[f64; 2]> {
        let scale = attrs.non_negative("inheritrange", 0.0)?;
        if scale == 0.0 {
            return Ok(range);
        }
        let joint = &self.model.joints[joint];
        if attrs.find("ctrlrange").is_some() {
            return Err(attrs.error("inheritrange", "inheritrange and ctrlrange exclude each other"));
        }
        if joint.range[0] >= joint.range[1] {
            let message = format!("inheritrange needs a range of joint '{}'", joint.name);
            return Err(attrs.error("inheritrange", message));
        }
        let (middle, half) =
            (0.5 * (joint.range[0] + joint.range[1]), 0.5 * (joint.range[1] - joint.range[0]));
        Ok([middle - half * scale, middle + half * scale])
    }
}
