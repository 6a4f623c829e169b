//! Neurons: forward Euler in constants that are made once.

use super::check::At;
use super::error::NirError;
use super::graph::{Array, NodeKind};
use super::reset::ResetMode;

/// Rounding of an `f32` parameter, with room for the operations behind it.
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;
/// Gains this close to 1 were 1 before they were stored as `r` and `tau`.
const UNIT_GAIN: f64 = 1e-5;

/// `state ← decay·state + gain·x` for each neuron.
struct Leaky {
    decay: Vec<f32>,
    gain: Vec<f32>,
}

/// The neurons of one node.
pub(super) struct Cell {
    /// Filter of the input, and its state.
    synapse: Option<(Leaky, Vec<f32>)>,
    membrane: Leaky,
    /// Added per tick, `dt/tau·v_leak`; empty if 0 for all.
    leak: Vec<f32>,
    /// Membrane potential at the start.
    start: Vec<f32>,
    v: Vec<f32>,
    /// Threshold, and what a spike takes away or leaves.
    spike: Option<(Vec<f32>, Vec<f32>)>,
    reset: ResetMode,
}

/// How to run neurons.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Seconds per tick, above 0.
    pub(super) dt: f64,
    pub(super) reset: ResetMode,
    /// Whether `v` starts at `v_leak` instead of 0.
    pub(super) rest: bool,
    /// Whether `I` and `IF` take `dt·r·x` per tick instead of `r·x`.
    pub(super) if_dt: bool,
}

impl Cell {
    /// The neurons of a node, which must be of a neuron type.
    pub(super) fn new(at: At<'_>, kind: &NodeKind, rules: Rules) -> Result<Self, NirError> {
        let fields = kind.neuron();
        let find = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, array)| *array);
        let get = |name: &str| find(name).map(|array| numbers(at, name, array)).transpose();
        let n = fields.first().map_or(0, |(_, array)| array.data().len());
        let r = get("r")?.unwrap_or_default();
        let synapse = match (find("tau_syn"), get("w_in")?) {
            (Some(tau), Some(w_in)) => Some((Leaky::new(at, "tau_syn", tau, &w_in, rules.dt)?, vec![0.0; n])),
            _ => None,
        };
        let v_leak = get("v_leak")?.unwrap_or_default();
        let tau = ["tau", "tau_mem"].into_iter().find_map(|name| find(name).map(|tau| (name, tau)));
        let mut leak = Vec::new();
        let membrane = match tau {
            Some((name, tau)) => {
                if v_leak.iter().any(|&v| v != 0.0) {
                    let tau = times(at, name, tau)?;
                    leak = v_leak.iter().zip(tau).map(|(v, tau)| (rules.dt / tau * v) as f32).collect();
                }
                Leaky::new(at, name, tau, &r, rules.dt)?
            }
            None => {
                let dt = if rules.if_dt { rules.dt } else { 1.0 };
                Leaky { decay: vec![1.0; n], gain: r.iter().map(|r| (dt * r) as f32).collect() }
            }
        };
        let spike = match (find("v_threshold"), get("v_reset")?) {
            (Some(threshold), Some(v_reset)) => {
                let threshold = threshold.to_f64().unwrap_or_default();
                if threshold.iter().any(|x| x.is_nan()) {
                    return Err(at.field("v_threshold", "holds NaN"));
                }
                let change = match rules.reset {
                    ResetMode::ToVReset => v_reset,
                    ResetMode::Subtract => threshold.iter().zip(v_reset).map(|(t, v)| t - v).collect(),
                };
                Some((narrow(&threshold), narrow(&change)))
            }
            _ => None,
        };
        let start = if rules.rest && !v_leak.is_empty() { narrow(&v_leak) } else { vec![0.0; n] };
        Ok(Self { synapse, membrane, leak, v: start.clone(), start, spike, reset: rules.reset })
    }

    /// Goes back to the start, and writes what the neurons gave before it.
    pub(super) fn reset(&mut self, output: &mut [f32]) {
        self.v.copy_from_slice(&self.start);
        if let Some((_, i)) = &mut self.synapse {
            i.fill(0.0);
        }
        if self.spike.is_some() {
            output.fill(0.0);
        } else {
            output.copy_from_slice(&self.v);
        }
    }

    /// One tick: all slices have one value per neuron.
    pub(super) fn tick(&mut self, input: &[f32], output: &mut [f32]) {
        output.copy_from_slice(input);
        if let Some((synapse, i)) = &mut self.synapse {
            synapse.tick(i, output);
            output.copy_from_slice(i);
        }
        self.membrane.tick(&mut self.v, output);
        for (v, leak) in self.v.iter_mut().zip(&self.leak) {
            *v += leak;
        }
        let Some((threshold, change)) = &self.spike else {
            return output.copy_from_slice(&self.v);
        };
        let subtract = self.reset == ResetMode::Subtract;
        let neurons = self.v.iter_mut().zip(output).zip(threshold.iter().zip(change));
        for ((v, z), (threshold, change)) in neurons {
            let spike = *v > *threshold;
            *z = if spike { 1.0 } else { 0.0 };
            let after = if subtract { *v - change } else { *change };
            *v = if spike { after } else { *v };
        }
    }

    /// The state called `v` or `i`.
    pub(super) fn state(&self, name: &str) -> Option<&[f32]> {
        match name {
            "v" => Some(&self.v),
            "i" => self.synapse.as_ref().map(|(_, i)| i.as_slice()),
            _ => None,
        }
    }
}

/// Decay and gain per tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Constants {
    pub(super) decay: f32,
    pub(super) gain: f32,
}

/// `decay = 1 − dt/tau` and `gain = r·dt/tau`, made in `f64`.
///
/// Stored in `f32`, `tau` and `r` no longer give exactly the decay and gain that they were made from.
/// Where the gain can only have been `1 − decay` (`r` is 1) or 1, it is taken as such.
pub(super) fn leaky(at: At<'_>, field: &str, tau: f64, r: f64, dt: f64) -> Result<Constants, NirError> {
    let share = dt / tau;
    if share > 1.0 + ROUNDING {
        let problem = format!("is {tau}, less than the time step {dt}: Euler steps would overshoot");
        return Err(at.field(field, problem));
    }
    let decay = if share > 1.0 - ROUNDING { 0.0 } else { (1.0 - share) as f32 };
    let complement = 1.0 - decay;
    let gain = if r == 1.0 && (f64::from(complement) - share).abs() <= ROUNDING * share {
        complement
    } else if r != 1.0 && (r * share - 1.0).abs() < UNIT_GAIN {
        1.0
    } else {
        (r * share) as f32
    };
    Ok(Constants { decay, gain })
}

impl Leaky {
    fn new(at: At<'_>, field: &str, tau: &Array, r: &[f64], dt: f64) -> Result<Self, NirError> {
        let (mut decay, mut gain) = (Vec::with_capacity(r.len()), Vec::with_capacity(r.len()));
        for (tau, &r) in times(at, field, tau)?.into_iter().zip(r) {
            let constants = leaky(at, field, tau, r, dt)?;
            decay.push(constants.decay);
            gain.push(constants.gain);
        }
        Ok(Self { decay, gain })
    }

    fn tick(&self, state: &mut [f32], input: &[f32]) {
        let constants = self.decay.iter().zip(&self.gain);
        for ((state, x), (decay, gain)) in state.iter_mut().zip(input).zip(constants) {
            *state = decay * *state + gain * x;
        }
    }
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// Time constants: above 0.
fn times(at: At<'_>, field: &str, array: &Array) -> Result<Vec<f64>, NirError> {
    let values = array.to_f64().unwrap_or_default();
    match values.iter().find(|&&tau| tau.is_nan() || tau <= 0.0) {
        Some(tau) => Err(at.field(field, format!("holds {tau}, expected times above 0"))),
        None => Ok(values),
    }
}

/// Finite numbers.
pub(super) fn numbers(at: At<'_>, field: &str, array: &Array) -> Result<Vec<f64>, NirError> {
    let values = array.to_f64().unwrap_or_default();
    match values.iter().find(|x| !(**x as f32).is_finite()) {
        Some(x) => Err(at.field(field, format!("holds {x}, expected finite numbers"))),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const AT: At<'static> = At { node: "n", kind: "LIF" };

    /// A decay and gain that were stored as f32 time constants come back to the bit.
    #[test]
    fn constants_survive_storage_in_f32() {
        let dt = 0.0125;
        for k in 1..1000 {
            let d = 0.5 + k as f32 * 0.000_49;
            let tau = f64::from((dt / (1.0 - f64::from(d))) as f32);
            let found = leaky(AT, "tau", tau, 1.0, dt).unwrap();
            assert_eq!(found, Constants { decay: d, gain: 1.0 - d });
            let found = leaky(AT, "tau", tau, f64::from((tau / dt) as f32), dt).unwrap();
            assert_eq!(found, Constants { decay: d, gain: 1.0 });
        }
    }

    #[test]
    fn a_gain_is_otherwise_what_the_equation_says() {
        let found = leaky(AT, "tau", 0.02, 3.0, 0.001).unwrap();
        assert_eq!(found, Constants { decay: 0.95, gain: 0.15 });
        // 1 − decay would be off by 2e-4 of itself here.
        assert_eq!(leaky(AT, "tau", 1.0, 1.0, 1e-4).unwrap().gain, 1e-4);
        let found = leaky(AT, "tau", f64::from(0.001_f32), 1.0, 0.001).unwrap();
        assert_eq!(found, Constants { decay: 0.0, gain: 1.0 });
    }

    #[test]
    fn time_constants_must_be_positive_and_not_shorter_than_a_tick() {
        let message = |tau: f64| {
            let tau: Array = vec![tau].into();
            Leaky::new(AT, "tau", &tau, &[1.0], 0.001).err().unwrap().to_string()
        };
        assert_eq!(message(-1.0), "node 'n' (LIF): 'tau' holds -1, expected times above 0");
        assert!(message(f64::NAN).contains("NaN"));
        assert!(message(1e-5).contains("less than the time step 0.001"));
    }
}
