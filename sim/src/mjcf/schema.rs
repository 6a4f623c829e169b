//! Which MJCF elements and attributes exist and what the reader does with each: one table that
//! drives the checks, the error texts and the support table in `docs/mjcf.md`.

use std::collections::BTreeSet;
use std::fmt::Write;

use roxmltree::Node;

use super::source::{Result, Source};

/// Deepest nesting of elements; a robot needs a tenth of it.
const MAX_DEPTH: usize = 200;

/// What happens to an element or attribute.
#[derive(Clone, Copy)]
enum Use {
    /// It is read.
    Read,
    /// Accepted in silence: drawing, bookkeeping, or a setting of MuJoCo's own solver.
    Skip,
    /// Accepted with a warning, since it would change the physics.
    Warn,
    /// An error that says why, or what to write instead.
    Refuse(&'static str),
    /// Accepted at this value (MuJoCo's default), otherwise an error: we lack the feature.
    Only(&'static str),
}
use Use::{Only, Read, Refuse, Skip, Warn};

/// One element, its attributes and the elements that it may hold.
struct Element {
    name: &'static str,
    usage: Use,
    attributes: &'static [(&'static str, Use)],
    children: &'static [&'static Element],
}

const fn leaf(name: &'static str, usage: Use) -> Element {
    Element { name, usage, attributes: &[], children: &[] }
}

const LATER: &str = "not supported yet";
const NO_FIT: &str = "no shape is fitted to a mesh";
const NO_ATTACH: &str = "put its elements into this file, or <include> a file with them";
const ONLY_MOTOR: &str = "valid actuators are motor, position, velocity and general";

// It is gone before the check where it is valid.
static INCLUDE: Element =
    Element { name: "include", usage: Read, attributes: &[("file", Read)], children: &[] };
static PLUGIN: Element = leaf("plugin", Refuse("plugins are not supported"));

static ROOT: Element = Element {
    name: "mujoco",
    usage: Read,
    attributes: &[("model", Read)],
    children: &[
        &COMPILER,
        &OPTION,
        &DEFAULT,
        &ASSET,
        &WORLD,
        &CONTACT,
        &ACTUATOR,
        &KEYFRAME,
        &TENDON,
        &EQUALITY,
        &DEFORMABLE,
        &EXTENSION,
        &INCLUDE,
        &leaf("size", Warn),
        &leaf("statistic", Skip),
        &leaf("visual", Skip),
        &leaf("sensor", Warn),
        &leaf("custom", Warn),
    ],
};

static COMPILER: Element = Element {
    name: "compiler",
    usage: Read,
    attributes: &[
        ("angle", Read),
        ("assetdir", Read),
        ("autolimits", Read),
        ("balanceinertia", Read),
        ("boundinertia", Read),
        ("boundmass", Read),
        ("eulerseq", Read),
        ("inertiafromgeom", Read),
        ("inertiagrouprange", Read),
        ("meshdir", Read),
        ("settotalmass", Read),
        ("strippath", Read),
        ("coordinate", Only("local")),
        ("alignfree", Only("false")),
        ("conflict", Skip),
        ("convexhull", Skip),
        ("discardvisual", Skip),
        ("exactmeshinertia", Skip),
        ("fitaabb", Skip),
        ("fusestatic", Skip),
        ("passthrough", Skip),
        ("savecanonical", Skip),
        ("savecompiled", Skip),
        ("saveinertial", Skip),
        ("texturedir", Skip),
        ("usethread", Skip),
    ],
    children: &[&leaf("lengthrange", Skip)],
};

static OPTION: Element = Element {
    name: "option",
    usage: Read,
    attributes: &[
        ("cone", Read),
        ("density", Read),
        ("gravity", Read),
        ("impratio", Read),
        ("integrator", Read),
        ("timestep", Read),
        ("viscosity", Read),
        ("noslip_iterations", Warn),
        ("o_friction", Warn),
        ("o_margin", Warn),
        ("o_solimp", Warn),
        ("o_solref", Warn),
        ("wind", Only("0 0 0")),
        ("actuatorgroupdisable", Refuse("remove those actuators")),
        ("apirate", Skip),
        ("ccd_iterations", Skip),
        ("ccd_tolerance", Skip),
        ("collision", Only("all")),
        ("iterations", Skip),
        ("jacobian", Skip),
        ("ls_iterations", Skip),
        ("ls_tolerance", Skip),
        ("magnetic", Skip),
        ("mpr_iterations", Skip),
        ("mpr_tolerance", Skip),
        ("noslip_tolerance", Skip),
        ("sdf_initpoints", Skip),
        ("sdf_iterations", Skip),
        ("sleep_tolerance", Skip),
        ("solver", Skip),
        ("tolerance", Skip),
    ],
    children: &[&FLAG],
};

static FLAG: Element = Element {
    name: "flag",
    usage: Read,
    attributes: &[
        ("actuation", Warn),
        ("clampctrl", Warn),
        ("constraint", Warn),
        ("contact", Warn),
        ("damper", Warn),
        ("equality", Warn),
        ("eulerdamp", Warn),
        ("filterparent", Warn),
        ("frictionloss", Warn),
        ("gravity", Warn),
        ("limit", Warn),
        ("override", Warn),
        ("passive", Warn),
        ("refsafe", Warn),
        ("spring", Warn),
        ("autoreset", Skip),
        ("diagexact", Skip),
        ("energy", Skip),
        ("fwdinv", Skip),
        ("invdiscrete", Skip),
        ("ipc", Skip),
        ("island", Skip),
        ("midphase", Skip),
        ("multiccd", Skip),
        ("nativeccd", Skip),
        ("sensor", Skip),
        ("sleep", Skip),
        ("speculative", Skip),
        ("warmstart", Skip),
    ],
    children: &[],
};

static DEFAULT: Element = Element {
    name: "default",
    usage: Read,
    attributes: &[("class", Read)],
    children: &[
        &DEFAULT,
        &JOINT,
        &GEOM,
        &MOTOR,
        &GENERAL,
        &POSITION,
        &VELOCITY,
        // All actuator kinds share one default in MuJoCo, so these would change ours.
        &leaf("intvelocity", Refuse(ONLY_MOTOR)),
        &leaf("orientation", Refuse(ONLY_MOTOR)),
        &leaf("pid", Refuse(ONLY_MOTOR)),
        &leaf("damper", Refuse(ONLY_MOTOR)),
        &leaf("cylinder", Refuse(ONLY_MOTOR)),
        &leaf("muscle", Refuse(ONLY_MOTOR)),
        &leaf("adhesion", Refuse(ONLY_MOTOR)),
        &leaf("dcmotor", Refuse(ONLY_MOTOR)),
        // Without effect, since the elements that would use them are refused or only drawn.
        &CAMERA,
        &leaf("equality", Skip),
        &leaf("light", Skip),
        &MESH,
        &leaf("material", Skip),
        &leaf("pair", Skip),
        &leaf("site", Skip),
        &leaf("tendon", Skip),
        &leaf("texture", Skip),
        &INCLUDE,
    ],
};

static ASSET: Element = Element {
    name: "asset",
    usage: Read,
    attributes: &[],
    children: &[
        &leaf("material", Skip),
        &leaf("skin", Skip),
        &leaf("texture", Skip),
        &HFIELD,
        &MESH,
        &leaf("model", Refuse(NO_ATTACH)),
        &INCLUDE,
    ],
};

static HFIELD: Element = Element {
    name: "hfield",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("nrow", Read),
        ("ncol", Read),
        ("size", Read),
        ("elevation", Read),
        ("file", Refuse("write nrow, ncol and the heights into elevation")),
        ("content_type", Refuse("write nrow, ncol and the heights into elevation")),
    ],
    children: &[],
};

static MESH: Element = Element {
    name: "mesh",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("class", Read),
        ("file", Read),
        ("vertex", Read),
        ("face", Read),
        ("scale", Read),
        ("refpos", Read),
        ("refquat", Read),
        ("inertia", Read),
        // Corners of a hull are few enough for every engine, and drawing finds normals itself.
        ("maxhullvert", Skip),
        ("material", Skip),
        ("normal", Skip),
        ("smoothnormal", Skip),
        ("texcoord", Skip),
        ("content_type", Refuse("the file's name says what it is")),
        ("builtin", Refuse(LATER)),
        ("params", Refuse(LATER)),
    ],
    children: &[&PLUGIN],
};

static WORLD: Element = Element {
    name: "worldbody",
    usage: Read,
    attributes: &[],
    children: &[
        &BODY,
        &GEOM,
        &CAMERA,
        &leaf("light", Skip),
        &leaf("site", Skip),
        &leaf("joint", Refuse("the world cannot move: put it into a <body>")),
        &leaf("freejoint", Refuse("the world cannot move: put it into a <body>")),
        &leaf("inertial", Refuse("the world has no mass")),
        &ATTACH,
        &COMPOSITE,
        &FLEXCOMP,
        &FRAME,
        &REPLICATE,
        &PLUGIN,
        &INCLUDE,
    ],
};

static BODY: Element = Element {
    name: "body",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("pos", Read),
        ("quat", Read),
        ("axisangle", Read),
        ("euler", Read),
        ("xyaxes", Read),
        ("zaxis", Read),
        ("childclass", Read),
        ("gravcomp", Only("0")),
        ("mocap", Only("false")),
        ("fuse", Skip),
        ("simple", Skip),
        ("sleep", Skip),
        ("user", Skip),
    ],
    children: &[
        &BODY,
        &JOINT,
        &FREEJOINT,
        &GEOM,
        &INERTIAL,
        &CAMERA,
        &leaf("light", Skip),
        &leaf("site", Skip),
        &ATTACH,
        &COMPOSITE,
        &FLEXCOMP,
        &FRAME,
        &REPLICATE,
        &PLUGIN,
        &INCLUDE,
    ],
};

static ATTACH: Element = leaf("attach", Refuse(NO_ATTACH));
static COMPOSITE: Element = leaf("composite", Refuse("write its bodies out"));
static FLEXCOMP: Element = leaf("flexcomp", Refuse("soft bodies are not supported"));
static FRAME: Element = leaf("frame", Refuse("move its pose into its children"));
static REPLICATE: Element = leaf("replicate", Refuse("write its copies out"));

static INERTIAL: Element = Element {
    name: "inertial",
    usage: Read,
    attributes: &[
        ("pos", Read),
        ("mass", Read),
        ("diaginertia", Read),
        ("fullinertia", Read),
        ("quat", Read),
        ("axisangle", Read),
        ("euler", Read),
        ("xyaxes", Read),
        ("zaxis", Read),
    ],
    children: &[],
};

static JOINT: Element = Element {
    name: "joint",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("class", Read),
        ("type", Read),
        ("pos", Read),
        ("axis", Read),
        ("limited", Read),
        ("range", Read),
        ("ref", Read),
        ("stiffness", Read),
        ("springref", Read),
        ("damping", Read),
        ("armature", Read),
        ("frictionloss", Read),
        ("margin", Read),
        ("solreflimit", Read),
        ("solimplimit", Read),
        ("solimpfriction", Warn),
        ("solreffriction", Warn),
        ("actuatorfrclimited", Only("false")),
        ("actuatorfrcrange", Refuse("limit the motor's ctrlrange")),
        ("actuatorgravcomp", Only("false")),
        ("springdamper", Only("0 0")),
        ("springyield", Refuse(LATER)),
        ("group", Skip),
        ("user", Skip),
    ],
    children: &[],
};

static FREEJOINT: Element = Element {
    name: "freejoint",
    usage: Read,
    attributes: &[("name", Read), ("align", Only("false")), ("group", Skip)],
    children: &[],
};

static GEOM: Element = Element {
    name: "geom",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("class", Read),
        ("type", Read),
        ("size", Read),
        ("fromto", Read),
        ("pos", Read),
        ("quat", Read),
        ("axisangle", Read),
        ("euler", Read),
        ("xyaxes", Read),
        ("zaxis", Read),
        ("mass", Read),
        ("density", Read),
        ("friction", Read),
        ("contype", Read),
        ("conaffinity", Read),
        ("condim", Read),
        ("margin", Read),
        ("gap", Read),
        ("solref", Read),
        ("solimp", Read),
        ("rgba", Read),
        ("group", Read),
        ("priority", Warn),
        ("solmix", Warn),
        ("adhesion", Refuse(LATER)),
        ("fluidcoef", Refuse("only the box model of drag is supported")),
        ("fluidshape", Only("none")),
        ("hfield", Read),
        ("mesh", Read),
        ("fitscale", Refuse(NO_FIT)),
        ("shellinertia", Only("false")),
        ("surfacevel", Refuse(LATER)),
        ("castshadow", Skip),
        ("material", Skip),
        ("user", Skip),
    ],
    children: &[&PLUGIN],
};

static CONTACT: Element = Element {
    name: "contact",
    usage: Read,
    attributes: &[],
    children: &[
        &leaf("pair", Refuse("use contype, conaffinity and the geoms' own settings")),
        &EXCLUDE,
        &INCLUDE,
    ],
};

static EXCLUDE: Element = Element {
    name: "exclude",
    usage: Read,
    attributes: &[("name", Read), ("body1", Read), ("body2", Read)],
    children: &[],
};

static ACTUATOR: Element = Element {
    name: "actuator",
    usage: Read,
    attributes: &[],
    children: &[
        &MOTOR,
        &GENERAL,
        &POSITION,
        &VELOCITY,
        &leaf("intvelocity", Refuse(ONLY_MOTOR)),
        &leaf("orientation", Refuse(ONLY_MOTOR)),
        &leaf("pid", Refuse(ONLY_MOTOR)),
        &leaf("damper", Refuse(ONLY_MOTOR)),
        &leaf("cylinder", Refuse(ONLY_MOTOR)),
        &leaf("muscle", Refuse(ONLY_MOTOR)),
        &leaf("adhesion", Refuse(ONLY_MOTOR)),
        &leaf("dcmotor", Refuse(ONLY_MOTOR)),
        &PLUGIN,
        &INCLUDE,
    ],
};

/// The attributes of an actuator: its own, then those that all kinds share.
macro_rules! actuator {
    ($name:literal, $($own:expr),*) => {
        Element {
            name: $name,
            usage: Read,
            attributes: &[
                $($own,)*
                ("name", Read),
                ("class", Read),
                ("joint", Read),
                ("gear", Read),
                ("ctrllimited", Read),
                ("ctrlrange", Read),
                ("forcelimited", Read),
                ("forcerange", Read),
                ("armature", Only("0")),
                ("damping", Only("0")),
                ("delay", Only("0")),
                ("body", Refuse(ON_JOINT)),
                ("cranklength", Refuse(ON_JOINT)),
                ("cranksite", Refuse(ON_JOINT)),
                ("jointinparent", Refuse(ON_JOINT)),
                ("refsite", Refuse(ON_JOINT)),
                ("site", Refuse(ON_JOINT)),
                ("slidersite", Refuse(ON_JOINT)),
                ("tendon", Refuse(ON_JOINT)),
                ("group", Skip),
                ("interp", Skip),
                ("lengthrange", Skip),
                ("nsample", Skip),
                ("user", Skip),
            ],
            children: &[],
        }
    };
}

static MOTOR: Element = actuator!("motor",);
static GENERAL: Element = actuator!(
    "general",
    ("gainprm", Read),
    ("biastype", Read),
    ("biasprm", Read),
    ("gaintype", Only("fixed")),
    ("dyntype", Only("none")),
    ("dynprm", Skip),
    ("actlimited", Only("false")),
    ("actrange", Refuse(NO_STATE)),
    ("actdim", Refuse(NO_STATE)),
    ("actearly", Skip)
);
static POSITION: Element = actuator!(
    "position",
    ("kp", Read),
    ("kv", Read),
    ("inheritrange", Read),
    ("dampratio", Only("0")),
    ("timeconst", Only("0"))
);
static VELOCITY: Element = actuator!("velocity", ("kv", Read));
const NO_STATE: &str = "actuators with a state of their own are not supported";
const ON_JOINT: &str = "an actuator acts on a slide or hinge joint only";

static KEYFRAME: Element =
    Element { name: "keyframe", usage: Read, attributes: &[], children: &[&KEY, &INCLUDE] };

static KEY: Element = Element {
    name: "key",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("qpos", Read),
        ("qvel", Read),
        ("ctrl", Read),
        ("act", Refuse(NO_STATE)),
        ("mpos", Refuse("mocap bodies are not supported")),
        ("mquat", Refuse("mocap bodies are not supported")),
        ("time", Skip),
    ],
    children: &[],
};

static CAMERA: Element = Element {
    name: "camera",
    usage: Read,
    attributes: &[
        ("name", Read),
        ("class", Read),
        ("mode", Read),
        ("target", Read),
        ("fovy", Read),
        ("pos", Read),
        ("quat", Read),
        ("axisangle", Read),
        ("euler", Read),
        ("xyaxes", Read),
        ("zaxis", Read),
        ("focal", Skip),
        ("focalpixel", Skip),
        ("ipd", Skip),
        ("orthographic", Skip),
        ("output", Skip),
        ("principal", Skip),
        ("principalpixel", Skip),
        ("projection", Skip),
        ("resolution", Skip),
        ("sensorsize", Skip),
        ("user", Skip),
    ],
    children: &[],
};

static TENDON: Element = leaf("tendon", Refuse("tendons are not supported yet"));
static EQUALITY: Element = leaf("equality", Refuse("equality constraints are not supported yet"));
static DEFORMABLE: Element = leaf("deformable", Refuse("soft bodies are not supported"));
static EXTENSION: Element = leaf("extension", Refuse("plugins are not supported"));

/// Checks every element and attribute of a document against the table.
///
/// Returns one warning for each kind of thing that is accepted and not used.
pub(super) fn check(source: &Source<'_>) -> Result<Vec<String>> {
    let root = source.doc.root_element();
    if root.tag_name().name() != "mujoco" {
        return Err(source.error(
            root.range().start,
            format!("the file starts with <{}>, expected <mujoco>", root.tag_name().name()),
        ));
    }
    if let Some(node) = source.doc.descendants().find(|n| n.has_tag_name("include")) {
        let message =
            "a text has no folder to <include> from: read it as a file, or put the other text into it";
        return Err(source.error(node.range().start, message));
    }
    let mut checker = Checker { source, warned: BTreeSet::new(), warnings: Vec::new() };
    checker.element(root, &ROOT, 1, false)?;
    Ok(checker.warnings)
}

struct Checker<'s, 'a> {
    source: &'s Source<'a>,
    warned: BTreeSet<(&'static str, &'static str)>,
    warnings: Vec<String>,
}

impl Checker<'_, '_> {
    fn element(
        &mut self,
        node: Node<'_, '_>,
        element: &'static Element,
        depth: usize,
        in_default: bool,
    ) -> Result<()> {
        let tag = element.name;
        let start = node.range().start;
        if depth > MAX_DEPTH {
            let message = format!("elements are nested deeper than {MAX_DEPTH}");
            return Err(self.source.error(start, message));
        }
        match element.usage {
            Skip => return Ok(()),
            // An empty section asks for nothing.
            Refuse(_) if is_section(element) && !node.has_children() => return Ok(()),
            Refuse(why) => {
                let message = format!("<{tag}> is not supported: {why}");
                return Err(self.source.error(start, message));
            }
            Warn => {
                self.warn(start, tag, "", format!("<{tag}> is not used"));
                return Ok(());
            }
            Read | Only(_) => {}
        }
        self.attributes(node, element, in_default)?;
        let inside_default = in_default || tag == "default";
        for child in node.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            let Some(known) = element.children.iter().find(|e| e.name == name) else {
                let valid = element.children.iter().filter(|e| accepted(e.usage));
                let message =
                    format!("unknown element <{name}> in <{tag}>; valid: {}", list(valid.map(|e| e.name)));
                return Err(self.source.error(child.range().start, message));
            };
            self.element(child, known, depth + 1, inside_default)?;
        }
        Ok(())
    }

    fn attributes(&mut self, node: Node<'_, '_>, element: &'static Element, in_default: bool) -> Result<()> {
        let tag = element.name;
        // Names and references belong to one element, not to a class.
        let own =
            |name: &str| matches!(name, "name" | "class" | "joint" | "target" | "file" | "vertex" | "face");
        for attribute in node.attributes() {
            let name = attribute.name();
            let value = attribute.value();
            let start = attribute.range().start;
            let known = element.attributes.iter().find(|(n, _)| {
                *n == name
                    && attribute.namespace().is_none()
                    && !(in_default && tag != "default" && own(name))
            });
            let Some(&(known, usage)) = known else {
                let valid =
                    element.attributes.iter().filter(|(n, u)| accepted(*u) && !(in_default && own(n)));
                let place = if in_default { " in <default>" } else { "" };
                let message = format!(
                    "unknown attribute '{name}' of <{tag}>{place}; valid: {}",
                    list(valid.map(|(n, _)| *n))
                );
                return Err(self.source.error(start, message));
            };
            match usage {
                Read | Skip => {}
                Warn => {
                    let message = format!("attribute '{known}' of <{tag}> is not used");
                    self.warn(start, tag, known, message);
                }
                Refuse(why) => {
                    let message = format!("attribute '{known}' of <{tag}> is not supported: {why}");
                    return Err(self.source.error(start, message));
                }
                Only(default) => {
                    if !same(value, default) {
                        let message = format!(
                            "{known}=\"{value}\" of <{tag}> is not supported; \
                             the only valid value is \"{default}\""
                        );
                        return Err(self.source.error(start, message));
                    }
                }
            }
        }
        Ok(())
    }

    fn warn(&mut self, at: usize, tag: &'static str, name: &'static str, message: String) {
        if self.warned.insert((tag, name)) {
            self.warnings.push(self.source.error(at, message).to_string());
        }
    }
}

fn is_section(element: &Element) -> bool {
    matches!(element.name, "tendon" | "equality" | "deformable" | "extension")
}

fn accepted(usage: Use) -> bool {
    !matches!(usage, Refuse(_))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Equal as numbers where both are numbers ("0.0" is "0"), else as text.
fn same(value: &str, default: &str) -> bool {
    let parse =
        |s: &str| -> Option<Vec<f64>> { s.split_ascii_whitespace().map(|t| t.parse().ok()).collect() };
    match (parse(value), parse(default)) {
        (Some(a), Some(b)) => a == b,
        _ => value == default,
    }
}

/// The support table as Markdown, one row per element and state; `docs/mjcf.md` holds a copy.
#[must_use]
pub fn mjcf_support_table() -> String {
    let mut out = String::from("| element | state | attributes or elements |\n| --- | --- | --- |\n");
    let mut done: Vec<*const Element> = Vec::new();
    rows(&ROOT, &mut done, &mut out);
    out
}

fn rows(element: &'static Element, done: &mut Vec<*const Element>, out: &mut String) {
    if done.iter().any(|d| std::ptr::eq(*d, element)) || !matches!(element.usage, Read) {
        return;
    }
    done.push(element);
    let mut row = |state: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = writeln!(out, "| `{}` | {state} | {} |", element.name, items.join(", "));
        }
    };
    let pick = |keep: fn(Use) -> bool| -> Vec<String> {
        let attributes = element.attributes.iter().filter(|(_, u)| keep(*u));
        let attributes = attributes.map(|(name, usage)| match usage {
            Only(value) => format!("`{name}` (only `{value}`)"),
            _ => format!("`{name}`"),
        });
        let children = element.children.iter().filter(|e| keep(e.usage));
        attributes.chain(children.map(|e| format!("`<{}>`", e.name))).collect()
    };
    row("read", pick(|u| matches!(u, Read)));
    row("ignored", pick(|u| matches!(u, Skip)));
    row("warned", pick(|u| matches!(u, Warn)));
    row("one value", pick(|u| matches!(u, Only(_))));
    row("refused", pick(|u| matches!(u, Refuse(_))));
    for child in element.children {
        rows(child, done, out);
    }
}
