//! The neuron: leaky integrate-and-fire with exponential synaptic current, and its exact flow.
//!
//! ```text
//! τ_mem dV/dt = E − V + I      E = leak + constant current
//! τ_syn dI/dt = −I             a spike of weight w adds w to I
//! V reaches the threshold: spike, V becomes `reset` and stays there for `refractory`
//! ```

use serde::{Deserialize, Serialize};

use super::error::{EventsError, check};

/// Parameters of a neuron. Times are in seconds; currents and potentials have one unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lif {
    /// Time constant of the membrane; above 0.
    pub tau_mem: f64,
    /// Time constant of the synaptic current; above 0.
    pub tau_syn: f64,
    /// Potential at which it spikes; above `reset`.
    pub threshold: f64,
    /// Potential after a spike.
    pub reset: f64,
    /// Potential at rest.
    pub leak: f64,
    /// Time after a spike for which the potential is held at `reset`; ≥ 0.
    pub refractory: f64,
}

impl Default for Lif {
    fn default() -> Self {
        Self { tau_mem: 0.01, tau_syn: 0.005, threshold: 1.0, reset: 0.0, leak: 0.0, refractory: 0.0 }
    }
}

impl Lif {
    /// Checks every parameter; `place` names the neuron in messages, such as `hidden[0].`.
    ///
    /// # Errors
    /// [`EventsError::OutOfRange`] names the first that is wrong.
    pub fn validate(&self, place: &str) -> Result<(), EventsError> {
        let Self { tau_mem, tau_syn, threshold, reset, leak, refractory } = *self;
        let field = |name: &'static str| move || format!("{place}{name}");
        // Between these, no quotient of two time constants is too large or too small for a number.
        let time = |value: f64| (1e-9..=1e6).contains(&value);
        check(field("tau_mem"), tau_mem, time(tau_mem), "1e-9 to 1e6 s")?;
        check(field("tau_syn"), tau_syn, time(tau_syn), "1e-9 to 1e6 s")?;
        check(field("reset"), reset, true, "finite")?;
        check(field("leak"), leak, true, "finite")?;
        check(field("threshold"), threshold, threshold > reset, "finite and above `reset`")?;
        check(field("refractory"), refractory, refractory >= 0.0, "finite and at least 0 s")
    }
}

/// Which solution the next spike time has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ratio {
    /// τ_mem = 2 τ_syn: a quadratic equation.
    Two,
    /// τ_mem = τ_syn: Lambert's W.
    One,
    /// Any other: a bracket and a root finder.
    Other,
}

/// What follows from the time constants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    pub(super) tau_mem: f64,
    pub(super) tau_syn: f64,
    /// 1/τ_syn − 1/τ_mem.
    pub(super) delta: f64,
    pub(super) ratio: Ratio,
}

impl Constants {
    pub(super) fn new(lif: &Lif) -> Self {
        let Lif { tau_mem, tau_syn, .. } = *lif;
        let ratio = if tau_mem == 2.0 * tau_syn {
            Ratio::Two
        } else if tau_mem == tau_syn {
            Ratio::One
        } else {
            Ratio::Other
        };
        Self { tau_mem, tau_syn, delta: (tau_mem - tau_syn) / (tau_mem * tau_syn), ratio }
    }

    /// The flow over `time` ≥ 0.
    pub(super) fn flow(&self, time: f64) -> Flow {
        let mem = libm::exp(-time / self.tau_mem);
        match self.ratio {
            Ratio::Two => {
                let syn = mem * mem;
                Flow { mem, syn, cross: mem - syn }
            }
            Ratio::One => Flow { mem, syn: mem, cross: time / self.tau_mem * mem },
            Ratio::Other => {
                // τ_syn / (τ_mem − τ_syn) · (e^(−t/τ_mem) − e^(−t/τ_syn)), without its cancellation.
                let (syn, power) = (libm::exp(-time / self.tau_syn), time * self.delta);
                let cross = if power > 0.0 { -mem * libm::expm1(-power) } else { syn * libm::expm1(power) };
                Flow { mem, syn, cross: cross * (self.tau_syn / (self.tau_mem - self.tau_syn)) }
            }
        }
    }

    /// When V − E of a neuron at (`u`, `i`) is stationary: later than now, if ever.
    pub(super) fn stationary(&self, u: f64, i: f64) -> Option<f64> {
        if i == 0.0 {
            return None;
        }
        let gap = 1.0 - u / i;
        let time = if self.delta == 0.0 {
            gap * self.tau_syn
        } else {
            let part = gap * self.tau_syn * self.delta;
            if part >= 1.0 {
                return None;
            }
            -libm::log1p(-part) / self.delta
        };
        (time > 0.0 && time.is_finite()).then_some(time)
    }
}

impl Constants {
    /// Time and height of the maximum of u = V − E within `time`, over which `flow` goes, if it is above `floor`.
    #[inline(always)]
    pub(super) fn peak(&self, (u, i): (f64, f64), flow: &Flow, time: f64, floor: f64) -> Option<(f64, f64)> {
        if i <= u {
            return None;
        }
        if self.ratio == Ratio::Two {
            // (u + I) x − I x² with x = e^(−t/τ_mem).
            let x = 0.5 * (u + i) / i;
            let value = 0.5 * (u + i) * x;
            let inside = x > flow.mem && x < 1.0 && value > floor;
            return inside.then(|| (-self.tau_mem * libm::log(x), value));
        }
        let after = self.stationary(u, i).filter(|&after| after < time)?;
        let value = self.flow(after).potential(u, i);
        (value > floor).then_some((after, value))
    }
}

/// How a state moves over some time: V − E becomes mem · (V − E) + cross · I, and I becomes syn · I.
///
/// Its transpose moves derivatives with respect to the state backwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) mem: f64,
    pub(super) syn: f64,
    pub(super) cross: f64,
}

impl Flow {
    pub(super) const NONE: Self = Self { mem: 1.0, syn: 1.0, cross: 0.0 };

    /// V − E afterwards.
    #[inline(always)]
    pub(super) fn potential(&self, u: f64, i: f64) -> f64 {
        self.mem * u + self.cross * i
    }
}

/// The flows over the two times asked for last. Of neighbours, most share one time, and others have their own.
pub(super) struct Flows {
    times: [f64; 2],
    flows: [Flow; 2],
    /// Which of them was found last.
    last: usize,
}

impl Flows {
    pub(super) const fn new() -> Self {
        Self { times: [0.0; 2], flows: [Flow::NONE; 2], last: 0 }
    }

    #[inline(always)]
    pub(super) fn over(&mut self, constants: &Constants, time: f64) -> Flow {
        if time != self.times[self.last] {
            self.last = 1 - self.last;
            if time != self.times[self.last] {
                self.times[self.last] = time;
                self.flows[self.last] = constants.flow(time);
                // The other one stays for the next miss, too.
                self.last = 1 - self.last;
                return self.flows[1 - self.last];
            }
        }
        self.flows[self.last]
    }
}
