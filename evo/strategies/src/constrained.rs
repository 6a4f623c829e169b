//! Constraints around any strategy, by an augmented Lagrangian: "Augmented Lagrangian Constraint Handling for CMA-ES
//! – Case of a Single Linear Constraint" (Atamna, Auger and Hansen, PPSN 2016) and "Linearly Convergent Evolution
//! Strategies via Augmented Lagrangian Constraint Handling" (the same, FOGA 2017), with the updates of pycma 4.5
//! (`ConstrainedFitnessAL`).
//!
//! Fitness f is maximised where all g ≤ 0. The strategy is told, instead of f,
//!
//! f − Σ (γ g + ½ μ g²), with g at least −γ/μ.
//!
//! The coefficients γ and μ of each constraint follow the best member of a generation by that measure (n parameters,
//! ω = 2^(1/(5n))):
//!
//! - γ ← max(0, γ + μ g/5), unless no member was near the constraint;
//! - μ grows by ω^¼ if g > 0, or if more than 95 % of the last n + 5 such g were below 0; it shrinks by as much if g
//!   < 0
//!   and they were not below 0 in 90 %. Changes of the same sign in a row become larger.
//!
//! They begin at values made of the interquartile ranges of f and g, as soon as a tenth of the members of a
//! generation breaks the constraint.
//!
//! An equality h = 0 is the two constraints h ≤ 0 and −h ≤ 0.

use serde::{Deserialize, Serialize};

use super::multiplier::{Multiplier, Seen};
use super::wrapper::{self, from_inner};
use super::{
    CmaEsConfig, FieldInfo, Memory, Ranked, Settings, State, Strategy, StrategyConfig, StrategyError,
    StrategyInfo, check,
};

/// Settings of constraints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstrainedConfig {
    /// The strategy that searches, with its settings.
    pub of: Box<StrategyConfig>,
    /// How many constraints there are; ≥ 1. Each member is told with as many values, which are to be ≤ 0.
    pub constraints: usize,
}

impl Default for ConstrainedConfig {
    fn default() -> Self {
        Self { of: Box::new(StrategyConfig::CmaEs(CmaEsConfig::default())), constraints: 1 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "constrained",
    config: "Constrained",
    summary: "constraints around another strategy, by an augmented Lagrangian; for functions of your own",
    reference: "Atamna, Auger and Hansen 2017; updates of pycma 4.5",
    fields: &[
        FieldInfo::new("of", "", "CmaEs()", "any strategy that is told of fitness alone"),
        FieldInfo::new("constraints", "values", "1", "1 to 1000"),
    ],
};

impl Settings for ConstrainedConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        self.of.validate()?;
        wrapper::fits(INFO.name, &self.of, "None within Constrained: generations have one size")?;
        match self.constraints {
            1..=1000 => Ok(()),
            count => Err(check::error(INFO.name, "constraints", &count, "an integer from 1 to 1000")),
        }
    }

    fn of(&self) -> Option<&dyn Settings> {
        Some(self.of.settings())
    }

    fn action_sigma(&self) -> Option<f64> {
        self.of.action_sigma()
    }

    fn constraints(&self) -> usize {
        self.constraints
    }

    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        self.of.start(initial)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.of.memory(parameters)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let multipliers = (0..self.constraints).map(|_| Multiplier::new(x0.len())).collect();
        let inner = self.of.settings().build(x0, seed)?;
        Ok(Box::new(Constrained { multipliers, updates: 0, inner }))
    }
}

struct Constrained {
    multipliers: Vec<Multiplier>,
    /// Updates since all coefficients are set.
    updates: u64,
    inner: Box<dyn Strategy>,
}

impl Constrained {
    /// What a member loses by its constraints.
    fn penalty(&self, values: &[f64]) -> f64 {
        self.multipliers.iter().zip(values).map(|(multiplier, &g)| multiplier.penalty(g)).sum()
    }
}

impl Strategy for Constrained {
    from_inner!([inner]: population, dimension, ask, members, mean, sigma, deviations, stop_reason);

    /// Without values, no constraint is broken.
    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.inner.tell(fitness, ranked);
    }

    fn descriptors(&self) -> usize {
        self.multipliers.len()
    }

    fn tell_with(&mut self, fitness: &[f64], ranked: &Ranked, values: &[f64]) {
        let each = self.multipliers.len();
        let own = |member: usize| &values[member * each..][..each];
        let valid = &ranked.order()[..ranked.valid()];
        let sound: Vec<f64> = valid.iter().map(|&member| fitness[member]).collect();
        for (k, multiplier) in self.multipliers.iter_mut().enumerate() {
            let of_members: Vec<f64> = valid.iter().map(|&member| own(member)[k]).collect();
            multiplier.begin(&sound, &of_members, self.updates);
        }
        let mut told = vec![f64::NAN; fitness.len()];
        for &member in valid {
            told[member] = fitness[member] - self.penalty(own(member));
        }
        // Finite values can add up to one that is not, for all members only together with a failure of the function.
        let Some(order) = Ranked::new(&mut told) else { return };
        let best = order.order()[0];
        for (k, multiplier) in self.multipliers.iter_mut().enumerate() {
            let near = valid.iter().any(|&member| multiplier.is_near(own(member)[k]));
            multiplier.update(own(best)[k], near);
        }
        self.updates += 1;
        self.inner.tell(&told, &order);
    }

    fn state(&self) -> State {
        let mut state = self.inner.state();
        let seen: Vec<Seen> = self.multipliers.iter().map(Multiplier::seen).collect();
        state.set_integer("constraints.updates", self.updates);
        let column = |of: fn(&Seen) -> f64| seen.iter().map(of).collect::<Vec<f64>>();
        state.set_f64("constraints.gamma", &[seen.len()], &column(|seen| seen.gamma));
        state.set_f64("constraints.mu", &[seen.len()], &column(|seen| seen.mu));
        state.set_f64("constraints.set", &[seen.len()], &column(|seen| f64::from(u8::from(seen.is_set))));
        state.set_f64("constraints.changes", &[seen.len()], &column(|seen| seen.changes));
        let recent: Vec<f64> = seen.iter().flat_map(|seen| seen.recent.clone()).collect();
        let length = recent.len() / seen.len();
        state.set_integer("constraints.recent", length as u64);
        state.set_f64("constraints.values", &[seen.len(), length], &recent);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let count = self.multipliers.len();
        let length = state.integer("constraints.recent")? as usize;
        let column = |name: &str| state.f64(&format!("constraints.{name}"), &[count]);
        let (gamma, mu, set) = (column("gamma")?, column("mu")?, column("set")?);
        let changes = column("changes")?;
        let recent = state.f64("constraints.values", &[count, length])?;
        let updates = state.integer("constraints.updates")?;
        let n = self.dimension();
        self.inner.restore(state)?;
        self.updates = updates;
        let seen = |k: usize| Seen {
            gamma: gamma[k],
            mu: mu[k],
            is_set: set[k] > 0.0,
            changes: changes[k],
            recent: recent[k * length..][..length].to_vec(),
        };
        self.multipliers = (0..count).map(|k| Multiplier::saved(n, seen(k))).collect();
        Ok(())
    }
}
