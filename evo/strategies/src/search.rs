//! The public ask/tell loop around a strategy: what all strategies share is done here, once.

use rayon::prelude::*;

use super::measure::{Before, Measure};
use super::real::Real;
use super::rows::PARALLEL_VALUES;
use super::{Archive, Front, Ranked, Settings, State, Steps, StopReason, Strategy, StrategyError, Topology};

/// A running search: `ask`, evaluate the members, `tell`, again. Higher fitness is better.
///
/// Members are `f64`; those of `Search<f32>`, for controllers, are `f32`.
///
/// Between `ask` and `tell`, [`Search::member`] may be called from many threads, in any order and repeatedly.
///
/// ```
/// use strategies::{CmaEsConfig, Search};
/// let mut search: Search = Search::new(&CmaEsConfig { sigma: 0.5, ..Default::default() }, &[2.0; 5], 1)?;
/// let mut x = [0.0; 5];
/// for _ in 0..100 {
///     search.ask();
///     let fitness: Vec<f64> = (0..search.population())
///         .map(|index| {
///             search.member(index, &mut x);
///             -x.iter().map(|v| v * v).sum::<f64>()
///         })
///         .collect();
///     search.tell(&fitness)?;
/// }
/// let (fitness, _member) = search.best().expect("told at least once");
/// assert!(fitness > -1e-6);
/// # Ok::<(), strategies::StrategyError>(())
/// ```
pub struct Search<R: Real = f64> {
    name: &'static str,
    strategy: Box<dyn Strategy>,
    generation: u64,
    evaluations: u64,
    asked: bool,
    best: Option<(f64, Vec<R>)>,
    /// Only if it was asked for.
    measure: Option<Measure>,
}

impl<R: Real> Search<R> {
    /// Starts a search at the mean `x0`, whose length is the number of parameters.
    ///
    /// # Errors
    /// A setting that is out of range; an empty or non-finite `x0`, or one that is outside of what the strategy
    /// searches; more parameters than the strategy can hold.
    pub fn new(settings: &dyn Settings, x0: &[f64], seed: u64) -> Result<Self, StrategyError> {
        settings.validate()?;
        if x0.is_empty() {
            return Err(StrategyError::NoParameters);
        }
        // In f32, what overflows is as useless as NaN.
        let precision = R::PRECISION;
        if let Some(index) = x0.iter().position(|&x| !precision.round(x).is_finite()) {
            let (precision, value) = (precision.name(), x0[index]);
            return Err(StrategyError::StartNotFinite { precision, index, value });
        }
        let (name, strategy) = (settings.info().name, settings.build(x0, seed)?);
        Ok(Self { name, strategy, generation: 0, evaluations: 0, asked: false, best: None, measure: None })
    }

    /// Members per generation (λ).
    #[must_use]
    pub fn population(&self) -> usize {
        self.strategy.population()
    }

    /// Most members that a generation may have; the population, unless the settings say more.
    #[must_use]
    pub fn max_population(&self) -> usize {
        self.strategy.max_population()
    }

    /// Parameters per member (n).
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.strategy.dimension()
    }

    /// Prepares the members of the next generation. Asking again before a `tell` gives the same members.
    pub fn ask(&mut self) {
        self.strategy.ask(self.generation);
        self.asked = true;
    }

    /// Writes the parameters of one member of the asked generation.
    ///
    /// # Panics
    /// Before the first `ask`, when `index` is not below the largest population, or when `out` does not have
    /// `dimension` elements.
    pub fn member(&self, index: usize, out: &mut [R]) {
        assert!(self.asked, "call ask() before member()");
        assert!(index < self.max_population(), "member {index} of {}", self.max_population());
        assert_eq!(out.len(), self.dimension(), "length of a member");
        R::members(&*self.strategy, index, out);
    }

    /// Writes consecutive members, from `first` on, one after another into `out`; faster than one call per
    /// member where members share work (antithetic pairs).
    ///
    /// # Panics
    /// As [`Search::member`]; `out` must be a whole number of members.
    pub fn members(&self, first: usize, out: &mut [R]) {
        let n = self.dimension();
        assert!(self.asked, "call ask() before members()");
        assert!(out.len().is_multiple_of(n), "not a whole number of members");
        assert!(first + out.len() / n <= self.max_population(), "more than the population");
        if out.len() < PARALLEL_VALUES {
            return R::members(&*self.strategy, first, out);
        }
        // Two rows each: an antithetic pair stays together.
        out.par_chunks_mut(2 * n)
            .enumerate()
            .for_each(|(chunk, rows)| R::members(&*self.strategy, first + 2 * chunk, rows));
    }

    /// Writes the whole population, `population` rows of `dimension` values; resizes `out`.
    ///
    /// # Panics
    /// Before the first `ask`.
    pub fn population_matrix(&self, out: &mut Vec<R>) {
        out.resize(self.population() * self.dimension(), R::default());
        self.members(0, out);
    }

    /// Gives the search the fitness of each member of the asked generation; higher is better.
    ///
    /// Where the largest population is above the population, an even number of members between the two may be told of:
    /// the first so many of the generation.
    ///
    /// A member with NaN or infinite fitness has failed: it ranks behind all others and never becomes the best.
    ///
    /// # Errors
    /// Wrong number of values, no `ask` before, or no finite fitness at all: the search is then unchanged.
    /// [`StrategyError::Diverged`] if the update left the finite numbers: the search is then of no use, but for
    /// [`Search::restore`] with the state before.
    pub fn tell(&mut self, fitness: &[f64]) -> Result<(), StrategyError> {
        self.tell_with(fitness, &[])
    }

    /// The same for a strategy that needs to know more of its members: [`Search::descriptors`] values of each, one
    /// member after another. For an archive they say how members behave; of several objectives, they are all of them
    /// (fitness is then the first one, or whatever [`Search::best`] is to mean); constraints hold where they are ≤ 0.
    /// A member with one that is not finite has failed.
    ///
    /// # Errors
    /// As [`Search::tell`]; and another number of descriptors than the strategy needs, which is 0 for one without an
    /// archive.
    pub fn tell_with(&mut self, fitness: &[f64], descriptors: &[f64]) -> Result<(), StrategyError> {
        if !self.asked {
            return Err(StrategyError::TellBeforeAsk);
        }
        let (least, most, found) = (self.population(), self.max_population(), fitness.len());
        if least == most && found != least {
            return Err(StrategyError::FitnessLength { expected: least, found });
        }
        if !(least..=most).contains(&found) || least < most && !found.is_multiple_of(2) {
            return Err(StrategyError::FitnessCount { least, most, found });
        }
        let (strategy, each, count) = (self.name, self.descriptors(), descriptors.len());
        if each == 0 && count > 0 {
            return Err(StrategyError::NoDescriptors { strategy });
        }
        if count != each * found {
            return Err(StrategyError::Descriptors { strategy, each, members: found, found: count });
        }
        let mut fitness = fitness.to_vec();
        if each > 0 {
            for (fitness, own) in fitness.iter_mut().zip(descriptors.chunks(each)) {
                if !own.iter().all(|x| x.is_finite()) {
                    *fitness = f64::NAN;
                }
            }
        }
        let ranked = Ranked::new(&mut fitness)
            .ok_or(StrategyError::NoFiniteFitness { generation: self.generation })?;
        let leader = ranked.order()[0];
        if self.best.as_ref().is_none_or(|(best, _)| fitness[leader] > *best) {
            let mut member = vec![R::default(); self.dimension()];
            R::members(&*self.strategy, leader, &mut member);
            self.best = Some((fitness[leader], member));
        }
        let before = self.measure.as_ref().map(|_| Before::of(&*self.strategy));
        self.strategy.tell_with(&fitness, &ranked, descriptors);
        if let Some((measure, before)) = self.measure.as_mut().zip(before) {
            measure.take(&*self.strategy, &before);
        }
        self.asked = false;
        self.generation += 1;
        self.evaluations += fitness.len() as u64;
        self.check()
    }

    /// Writes the mean of the search distribution.
    ///
    /// # Panics
    /// When `out` does not have `dimension` elements.
    pub fn mean(&self, out: &mut [R]) {
        assert_eq!(out.len(), self.dimension(), "length of the mean");
        out.iter_mut().zip(self.strategy.mean()).for_each(|(x, &mean)| *x = R::rounded(mean));
    }

    /// Moves the mean of the search distribution by `by`, for whoever knows a better place: what the
    /// distribution has learned of its shape and steps stays. Members must be asked for again.
    ///
    /// # Errors
    /// [`StrategyError::Diverged`] if the mean or sigma is no longer finite: the search is then of no use.
    ///
    /// # Panics
    /// When `by` does not have `dimension` elements.
    pub fn shift(&mut self, by: &[f64]) -> Result<(), StrategyError> {
        assert_eq!(by.len(), self.dimension(), "length of the shift");
        self.strategy.shift(by);
        self.asked = false;
        self.check()
    }

    fn check(&self) -> Result<(), StrategyError> {
        let mean = self.strategy.mean().iter().all(|&x| R::PRECISION.round(x).is_finite());
        if mean && self.strategy.sigma().is_finite() {
            return Ok(());
        }
        Err(StrategyError::Diverged { generation: self.generation })
    }

    /// Descriptors of each member that [`Search::tell_with`] needs, or objectives, or constraints; 0 for strategies
    /// that are told of fitness alone.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.strategy.descriptors()
    }

    /// The archive, of a strategy that keeps one.
    #[must_use]
    pub fn archive(&self) -> Option<&Archive> {
        self.strategy.archive()
    }

    /// The members that no other one dominates, of a strategy with several objectives.
    #[must_use]
    pub fn front(&self) -> Option<Front> {
        self.strategy.front()
    }

    /// Species, connections and neurons, of a strategy that evolves the wiring of a network.
    #[must_use]
    pub fn topology(&self) -> Option<Topology> {
        self.strategy.topology()
    }

    /// The best fitness told so far and its member.
    #[must_use]
    pub fn best(&self) -> Option<(f64, &[R])> {
        self.best.as_ref().map(|(fitness, member)| (*fitness, member.as_slice()))
    }

    /// Generations told so far.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Members told so far.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Whether one `tell` can lead to [`StrategyError::Diverged`], so that a [`Search::state`] from before it is worth
    /// its memory.
    #[must_use]
    pub fn can_diverge(&self) -> bool {
        self.strategy.can_diverge()
    }

    /// Whether to measure the steps of the mean, from the next `tell` on or not any more. It changes no step; what was
    /// measured becomes a part of the [`Search::state`].
    pub fn measure(&mut self, whether: bool) {
        self.strategy.measure(whether);
        self.measure = whether.then(Measure::default);
    }

    /// The steps of the mean as parts of the radius of the noise; none before the first `tell` that measures.
    #[must_use]
    pub fn steps(&self) -> Option<Steps> {
        self.measure.as_ref().and_then(|measure| measure.steps(self.dimension()))
    }

    /// Overall step size of the distribution, parameter units.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.strategy.sigma()
    }

    /// Why going on is unlikely to help, as of the last `tell`. The search itself never stops.
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.strategy.stop_reason(R::PRECISION)
    }

    /// Everything needed to go on bit for bit. Call it between `tell` and `ask`; after an `ask`, that
    /// generation is asked again on resume, with the same members.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = self.strategy.state();
        self.name.clone_into(&mut state.strategy);
        state.set_integer("generation", self.generation);
        state.set_integer("evaluations", self.evaluations);
        if let Some((fitness, member)) = &self.best {
            state.set_real("best.fitness", *fitness);
            R::save(&mut state, "best.member", member);
        }
        if let Some(measure) = &self.measure {
            measure.save(&mut state);
        }
        state
    }

    /// Takes over a saved state, including its seed. The search must have been started with the same
    /// settings, and have the same precision.
    ///
    /// # Errors
    /// When the state is of another strategy, lacks an entry, has another dimension or population, or is not
    /// finite (see [`State::check_finite`]). The search is then unchanged.
    pub fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        if state.strategy != self.name {
            return Err(StrategyError::State {
                name: "strategy".to_owned(),
                problem: format!("is {:?}, but the config says {:?}", state.strategy, self.name),
            });
        }
        state.check_finite()?;
        let generation = state.integer("generation")?;
        let evaluations = state.integer("evaluations")?;
        let best = match state.reals.get("best.fitness") {
            Some(&fitness) => Some((fitness, R::saved(state, "best.member", self.dimension())?)),
            None => None,
        };
        let measure = self.measure.as_ref().map(|_| Measure::saved(state)).transpose()?;
        self.strategy.restore(state)?;
        self.measure = measure;
        (self.generation, self.evaluations, self.best) = (generation, evaluations, best);
        self.asked = false;
        Ok(())
    }
}
