//! Motors that are weaker, stronger, reversed or dead.

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{Model, Parameters};

use super::acting::{Acting, Moment};
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;
use crate::anatomy::limbs;
use crate::error::change_error;

/// Factor on the strength of motors, −1000..=1000; 0 breaks them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct MotorStrength {
    /// The factor.
    pub strength: Value,
    /// Which motors.
    #[serde(default)]
    pub which: Motors,
}

/// A choice of motors.
///
/// A limb is what moves between the tip of the robot and the body where limbs meet, such as a leg of
/// the ant; limbs are numbered from 0 in the order of their tips. A limb of a robot that has no such
/// body is its last motor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Motors {
    /// All of them.
    #[default]
    All,
    /// By name, or by the name of the joint that the motor drives.
    Named(Vec<String>),
    /// By number, from 0, in the order of the actions.
    Numbered(Vec<usize>),
    /// The motors of a limb.
    Limb(usize),
    /// The motors of a limb that is drawn for each episode.
    AnyLimb,
    /// One motor that is drawn for each episode.
    AnyOne,
}

impl Rule for MotorStrength {
    fn name(&self) -> &'static str {
        "motors"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.strength.within(self.name(), "strength", -MAX_FACTOR, MAX_FACTOR)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let sets = sets(site.model, &self.which).map_err(|problem| change_error(self.name(), problem))?;
        let acting = Motored { strength: self.strength, sets, drawn: 0.0, choice: 0 };
        let columns: &[(&str, &str)] = match self.which {
            Motors::AnyLimb => &[("motors factor", ""), ("motors limb", "")],
            Motors::AnyOne => &[("motors factor", ""), ("motors number", "")],
            _ => &[("motors factor", "")],
        };
        Ok(Plan::new(acting, columns))
    }
}

#[derive(Clone)]
struct Motored {
    strength: Value,
    /// Motors to choose from, one set or one per limb or motor.
    sets: Vec<Vec<usize>>,
    drawn: f64,
    choice: usize,
}

impl Acting for Motored {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.strength.draw(rng);
        self.choice = if self.sets.len() > 1 { rng.random_range(0..self.sets.len()) } else { 0 };
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        values[0] = (if moment.on { self.drawn } else { 1.0 }) as f32;
        values[1..].fill(self.choice as f32);
    }

    fn apply(&self, values: &[f32], parameters: &mut Parameters) {
        self.sets[self.choice].iter().for_each(|&motor| parameters.gear[motor] *= values[0]);
    }
}

/// The sets of motors that `which` may mean; an episode draws one if there are several.
fn sets(model: &Model, which: &Motors) -> Result<Vec<Vec<usize>>, String> {
    let mut sets = choices(model, which)?;
    for set in &mut sets {
        set.sort_unstable();
        set.dedup();
    }
    if sets.iter().any(Vec::is_empty) {
        return Err(format!("{which:?} is not a motor"));
    }
    Ok(sets)
}

fn choices(model: &Model, which: &Motors) -> Result<Vec<Vec<usize>>, String> {
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
                format!("unknown limb {limb} (valid: {})", valid.join(", "))
            })
        }
        Motors::Numbered(numbers) => match numbers.iter().find(|&&motor| motor >= model.nu()) {
            Some(motor) => Err(format!("unknown motor {motor} (valid: 0 to {})", model.nu() - 1)),
            None => Ok(vec![numbers.clone()]),
        },
        Motors::Named(names) => {
            let find = |name: &String| {
                let named = |&motor: &usize| joint(motor) == name || model.actuators[motor].name == *name;
                all.clone().find(named).ok_or_else(|| {
                    let valid: Vec<&str> = all.clone().map(joint).collect();
                    format!("unknown motor or joint '{name}' (valid: {})", valid.join(", "))
                })
            };
            Ok(vec![names.iter().map(find).collect::<Result<_, _>>()?])
        }
    }
}

/// The motors of each limb, of the last motor if there are no limbs; see [`Motors`].
fn limb_motors(model: &Model) -> Vec<Vec<usize>> {
    let limbs = limbs(model);
    if limbs.is_empty() {
        return vec![(0..model.nu()).max_by_key(|&m| model.actuators[m].joint).into_iter().collect()];
    }
    limbs.into_iter().map(|limb| limb.motors).collect()
}
