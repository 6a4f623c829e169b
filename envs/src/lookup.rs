//! The names in a list of changes, looked up on a robot.

use sim::Model;

use crate::changes::{Change, Effect, Motors, Value, error};
use crate::{Channel, EnvError, Goal};

/// What is recorded of a change.
pub(crate) fn columns_of(change: &Change, goals: &[Goal], goal: usize) -> Vec<Channel> {
    let name = change.effect.name();
    let one = |what: &str, unit| vec![Channel::unbounded(format!("{name}{what}"), unit)];
    match &change.effect {
        Effect::Friction(_) | Effect::Gravity(_) | Effect::Mass(_) => one(" factor", ""),
        Effect::Slope(_) => one("", "rad"),
        Effect::Payload { .. } => one("", "kg"),
        Effect::Noise(_) => one(" deviation", ""),
        Effect::Delay(_) => one(" steps", ""),
        Effect::Terrain { .. } => [one(" x", "m"), one(" y", "m")].concat(),
        Effect::Pushes { .. } | Effect::Wind { .. } => [one(" x", "N"), one(" y", "N")].concat(),
        Effect::Motors { which: Motors::AnyLimb, .. } => [one(" factor", ""), one(" limb", "")].concat(),
        Effect::Motors { which: Motors::AnyOne, .. } => [one(" factor", ""), one(" number", "")].concat(),
        Effect::Motors { .. } => one(" factor", ""),
        Effect::Target { .. } => {
            let channel = goals[goal].channel.clone();
            vec![Channel { name: format!("{name} {}", channel.name), ..channel }]
        }
    }
}

/// The root of the tree that the first motor moves.
pub(crate) fn trunk(model: &Model) -> usize {
    let first = (model.bodies.len() - 1).min(1);
    let mut body = model.actuators.first().map_or(first, |a| model.joints[a.joint].body);
    while body != 0 && model.bodies[body].parent != 0 {
        body = model.bodies[body].parent;
    }
    body
}

pub(crate) fn body_of(model: &Model, name: Option<&str>) -> Result<usize, EnvError> {
    let body = name.map_or_else(|| Some(trunk(model)), |name| model.body(name));
    let heavy = |body: &usize| *body > 0 && model.bodies[*body].mass > 0.0;
    body.filter(heavy).ok_or_else(|| {
        let valid: Vec<&str> =
            (0..model.bodies.len()).filter(heavy).map(|b| model.bodies[b].name.as_str()).collect();
        let what = name.map_or_else(|| "the trunk has no mass".to_owned(), |n| format!("unknown body '{n}'"));
        error("payload", format!("{what} (valid: {})", valid.join(", ")))
    })
}

pub(crate) fn goal_of(goals: &[Goal], name: &str, value: Value) -> Result<usize, EnvError> {
    let Some(index) = goals.iter().position(|g| g.channel.name == name) else {
        let valid: Vec<&str> = goals.iter().map(|g| g.channel.name.as_str()).collect();
        let valid = match &valid[..] {
            [] => "this task has no goals".to_owned(),
            valid => format!("valid: {}", valid.join(", ")),
        };
        return Err(error("target", format!("unknown goal '{name}' ({valid})")));
    };
    let channel = &goals[index].channel;
    value
        .check(f64::from(channel.low), f64::from(channel.high))
        .map_err(|problem| error("target", format!("value = {problem}")))?;
    Ok(index)
}

/// The sets of motors that `which` may mean; an episode draws one if there are several.
pub(crate) fn motors(model: &Model, which: &Motors) -> Result<Vec<Vec<usize>>, EnvError> {
    let mut sets = choices(model, which)?;
    for set in &mut sets {
        set.sort_unstable();
        set.dedup();
    }
    if sets.iter().any(Vec::is_empty) {
        return Err(error("motors", format!("{which:?} is no motor")));
    }
    Ok(sets)
}

fn choices(model: &Model, which: &Motors) -> Result<Vec<Vec<usize>>, EnvError> {
    let all = 0..model.nu();
    let joint = |motor: usize| model.joints[model.actuators[motor].joint].name.as_str();
    match which {
        Motors::All => Ok(vec![all.collect()]),
        Motors::AnyOne => Ok(all.map(|motor| vec![motor]).collect()),
        Motors::AnyLimb => Ok(limb_motors(model)),
        Motors::Limb(limb) => {
            let limbs = limb_motors(model);
            let names: Vec<Vec<&str>> =
                limbs.iter().map(|l| l.iter().map(|&motor| joint(motor)).collect()).collect();
            limbs.get(*limb).map(|l| vec![l.clone()]).ok_or_else(|| {
                let valid: Vec<String> =
                    names.iter().enumerate().map(|(i, n)| format!("{i}: {}", n.join(" "))).collect();
                error("motors", format!("unknown limb {limb} (valid: {})", valid.join(", ")))
            })
        }
        Motors::Numbered(numbers) => match numbers.iter().find(|&&motor| motor >= model.nu()) {
            Some(motor) => {
                Err(error("motors", format!("unknown motor {motor} (valid: 0 to {})", model.nu() - 1)))
            }
            None => Ok(vec![numbers.clone()]),
        },
        Motors::Named(names) => {
            let find = |name: &String| {
                let named = |&motor: &usize| joint(motor) == name || model.actuators[motor].name == *name;
                all.clone().find(named).ok_or_else(|| {
                    let valid: Vec<&str> = all.clone().map(joint).collect();
                    let problem = format!("unknown motor or joint '{name}' (valid: {})", valid.join(", "));
                    error("motors", problem)
                })
            };
            Ok(vec![names.iter().map(find).collect::<Result<_, _>>()?])
        }
    }
}

/// A leg, an arm or the like: what moves between a tip of the robot and the body where limbs meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limb {
    /// Its first body, next to the one where limbs meet.
    pub root: usize,
    /// Its motors, in ascending order, at least one.
    pub motors: Vec<usize>,
}

/// The motors of each limb, of the last motor if there are no limbs; see [`Motors`].
fn limb_motors(model: &Model) -> Vec<Vec<usize>> {
    let limbs = limbs(model);
    if limbs.is_empty() {
        return vec![(0..model.nu()).max_by_key(|&m| model.actuators[m].joint).into_iter().collect()];
    }
    limbs.into_iter().map(|limb| limb.motors).collect()
}

/// The limbs of a robot in the order of their tips; none if there are fewer than two, since these meet
/// nowhere.
#[must_use]
pub fn limbs(model: &Model) -> Vec<Limb> {
    // Bodies that joints move, and for each the nearest such body above it.
    let jointed = |body: usize| model.joints.iter().any(|j| j.body == body);
    let above = |mut body: usize| {
        body = model.bodies[body].parent;
        while body != 0 && !jointed(body) {
            body = model.bodies[body].parent;
        }
        body
    };
    let links: Vec<(usize, usize)> =
        (1..model.bodies.len()).filter(|&b| jointed(b)).map(|b| (b, above(b))).collect();
    let children = |body: usize| links.iter().filter(|l| l.1 == body).count();
    let mut limbs = Vec::new();
    for &(tip, parent) in links.iter().filter(|l| children(l.0) == 0) {
        let (mut bodies, mut next) = (vec![tip], parent);
        while next != 0 && children(next) == 1 {
            bodies.push(next);
            next = above(next);
        }
        let moves = |&motor: &usize| bodies.contains(&model.joints[model.actuators[motor].joint].body);
        let motors: Vec<usize> = (0..model.nu()).filter(moves).collect();
        if !motors.is_empty() {
            limbs.push(Limb { root: bodies[bodies.len() - 1], motors });
        }
    }
    if limbs.len() < 2 {
        limbs.clear();
    }
    limbs
}
