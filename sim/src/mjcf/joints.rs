//! `<joint>` and `<freejoint>`.

use roxmltree::Node;

use super::attrs::{Attrs, SWITCH, Switch};
use super::build::{Builder, Place};
use super::pose::position;
use super::source::Result;
use crate::inertia::normalize;
use crate::{Joint, JointKind};

impl<'a> Builder<'a> {
    /// Adds a joint to the body of `place`, whose joints begin with number `first`.
    pub(super) fn joint(&mut self, node: Node<'a, 'a>, place: Place<'a>, first: usize) -> Result<()> {
        // A <freejoint> is a bare free joint, which takes no defaults.
        let bare = node.tag_name().name() == "freejoint";
        let attrs = if bare { Attrs::new(self.source, vec![node]) } else { self.attrs(node, place.class)? };
        let kinds = [
            ("hinge", JointKind::Hinge),
            ("slide", JointKind::Slide),
            ("ball", JointKind::Ball),
            ("free", JointKind::Free),
        ];
        let kind = match attrs.keyword("type", &kinds)? {
            _ if bare => JointKind::Free,
            kind => kind.unwrap_or(JointKind::Hinge),
        };
        self.check_joint_order(kind, &attrs, place, first)?;

        let angular = matches!(kind, JointKind::Hinge | JointKind::Ball);
        let convert = |x: f64| if angular { self.compiler.radians(x) } else { x };
        let (limited, range) = self.joint_limit(kind, &attrs)?;
        let directed = matches!(kind, JointKind::Slide | JointKind::Hinge);
        let z = [0.0, 0.0, 1.0];
        let axis = attrs.numbers("axis")?.unwrap_or(z);
        let axis = match normalize(axis) {
            _ if !directed => z,
            Some(axis) => axis,
            None => return Err(attrs.error("axis", "axis must not be zero")),
        };
        let pos = match kind {
            JointKind::Free => [0.0; 3],
            _ => position(&attrs)?,
        };
        let solref_limit = attrs.solref("solreflimit")?;
        let solimp_limit = attrs.solimp("solimplimit")?;
        let reference = convert(attrs.number("ref", 0.0)?);
        let springref = convert(attrs.number("springref", 0.0)?);
        let stiffness = attrs.non_negative("stiffness", 0.0)?;
        let damping = attrs.non_negative("damping", 0.0)?;
        let armature = attrs.non_negative("armature", 0.0)?;
        let margin = attrs.non_negative("margin", 0.0)?;
        let frictionloss = attrs.non_negative("frictionloss", 0.0)?;
        let (qpos_adr, dof_adr) = match self.model.joints.last() {
            Some(last) => (last.qpos_adr + last.kind.nq(), last.dof_adr + last.kind.nv()),
            None => (0, 0),
        };
        let body = &self.model.bodies[place.body];
        match kind {
            JointKind::Free => {
                self.model.qpos0.extend(body.pos);
                self.model.qpos0.extend(body.quat);
            }
            JointKind::Ball => self.model.qpos0.extend([1.0, 0.0, 0.0, 0.0]),
            JointKind::Slide | JointKind::Hinge => self.model.qpos0.push(reference),
        }
        let name = self.name("joint", &attrs)?;
        self.model.joints.push(Joint {
            name,
            kind,
            body: place.body,
            pos,
            axis,
            limited,
            range,
            stiffness,
            springref,
            damping,
            armature,
            margin,
            solref_limit,
            solimp_limit,
            frictionloss,
            qpos_adr,
            dof_adr,
        });
        Ok(())
    }

    fn check_joint_order(
        &self,
        kind: JointKind,
        attrs: &Attrs<'a>,
        place: Place<'a>,
        first: usize,
    ) -> Result<()> {
        let before = &self.model.joints[first..];
        let has = |kind| before.iter().any(|j| j.kind == kind);
        let message = if has(JointKind::Free) || (kind == JointKind::Free && !before.is_empty()) {
            "a free joint must be the only joint of its body"
        } else if kind == JointKind::Free && self.model.bodies[place.body].parent != 0 {
            "a free joint is valid only for a body directly in <worldbody>"
        } else if has(JointKind::Ball) && matches!(kind, JointKind::Ball | JointKind::Hinge) {
            "after a ball joint a body can have no further rotation"
        } else if before.len() >= 6 {
            "a body can have at most 6 joints"
        } else {
            return Ok(());
        };
        Err(attrs.error("", message))
    }

    /// Whether a joint is limited, and its range in radians or metres.
    fn joint_limit(&self, kind: JointKind, attrs: &Attrs<'a>) -> Result<(bool, [f64; 2])> {
        let (limited, range) = self.limit(attrs, "limited", "range")?;
        match kind {
            JointKind::Free => Ok((false, [0.0; 2])),
            JointKind::Slide => Ok((limited, range)),
            JointKind::Ball if limited && range[0] != 0.0 => {
                Err(attrs.error("range", "the range of a ball joint must start at 0"))
            }
            JointKind::Hinge | JointKind::Ball => Ok((limited, range.map(|x| self.compiler.radians(x)))),
        }
    }

    /// A switch and the range that it turns on; given alone, a range turns itself on.
    pub(super) fn limit(&self, attrs: &Attrs<'a>, switch: &str, range: &str) -> Result<(bool, [f64; 2])> {
        let given = attrs.numbers::<2>(range)?;
        let limited = match attrs.keyword(switch, &SWITCH)?.unwrap_or(Switch::Auto) {
            Switch::Off => false,
            Switch::On => true,
            Switch::Auto => {
                let wanted = given.is_some_and(|r| r != [0.0; 2]);
                if wanted && !self.compiler.autolimits {
                    let message = format!(
                        "{range} without {switch} is ambiguous under autolimits=\"false\": \
                         set {switch} to true or false"
                    );
                    return Err(attrs.error(range, message));
                }
                wanted
            }
        };
        match given {
            None if limited => {
                let message = format!("{} is limited but has no {range}", attrs.label());
                Err(attrs.error(switch, message))
            }
            Some([lo, hi]) if limited && lo >= hi => {
                let message = format!("{range} is {lo} {hi}, the first must be the smaller");
                Err(attrs.error(range, message))
            }
            _ => Ok((limited, given.unwrap_or([0.0; 2]))),
        }
    }
}
