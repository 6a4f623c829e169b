//! Evolution with gradients: PPO from the mean of the search distribution.

use std::sync::Arc;

use records::checkpoint::Checkpoint;

use crate::config::Config;
use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::{self, Ppo};
use crate::gradient::task_config::RefineConfig;
use crate::gradient::world::{Method as _, World, put_trainer, take_trainer};
use crate::normalizer::Statistics;
use crate::ranks::Team;
use crate::setup::Setup;

/// What refines the mean of each generation. Its worlds, critic, noise and the memory of its optimizer
/// go on over the generations; its parameters are given to it.
pub(crate) struct Refiner {
    iterations: u64,
    world: World,
    ppo: Ppo,
}

/// What a refinement came to.
pub(crate) struct Refined {
    /// By how much each parameter moved.
    pub(crate) shift: Vec<f64>,
    /// Observation statistics with those of its steps.
    pub(crate) statistics: Statistics,
    /// Control steps.
    pub(crate) steps: u64,
    /// Episodes that ended because the physics blew up.
    pub(crate) blow_ups: u64,
    /// Values of [`Refiner::columns`], means over the iterations.
    pub(crate) extras: Vec<f64>,
}

impl Refiner {
    /// For runs of `config`.
    ///
    /// # Errors
    /// If a setting is wrong or the controller has no gradient.
    pub(crate) fn new(
        refine: &RefineConfig,
        config: &Config,
        setup: &Setup,
        pool: &Arc<rayon::ThreadPool>,
    ) -> Result<Self, FinetuneError> {
        refine.validate()?;
        let world = World::new(config, &refine.ppo.gradient, setup.clone(), Arc::clone(pool))?;
        let ppo = Ppo::new(&refine.ppo, &world)?;
        Ok(Self { iterations: refine.iterations, world, ppo })
    }

    /// Shares its worlds with the other ranks of `team` from here on.
    pub(crate) fn share(&mut self, team: &Team) {
        self.world.team = team.clone();
    }

    /// Names of what it measures.
    pub(crate) fn columns() -> &'static [&'static str] {
        &ppo::COLUMNS
    }

    /// What it is about to do, a label and a text per line.
    pub(crate) fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = self.ppo.describe();
        lines[0] = ("refinement", format!("{} × {}", self.iterations, lines[0].1));
        lines
    }

    /// Trains from the parameters `mean`.
    ///
    /// # Errors
    /// [`FinetuneError::Gradient`] if something is not finite; the refiner is then not to be used.
    pub(crate) fn refine(&mut self, mean: &[f32], statistics: &Statistics) -> Result<Refined, FinetuneError> {
        let Self { world, ppo, .. } = self;
        let start: Vec<f64> = mean.iter().map(|&x| f64::from(x)).collect();
        let (_, optimizer) = world.trainer.state();
        let (first, second) = (optimizer.first.clone(), optimizer.second.clone());
        world.trainer.restore(&start, &first, &second, world.trainer.steps())?;
        world.statistics = statistics.clone();
        let (mut steps, mut blow_ups) = (0, 0);
        let mut extras = vec![0.0; Self::columns().len()];
        for _ in 0..self.iterations {
            let round = ppo.advance(world)?;
            world.generation += 1;
            steps += round.steps;
            blow_ups += round.blow_ups();
            extras.iter_mut().zip(round.extras).for_each(|(sum, x)| *sum += x / self.iterations as f64);
        }
        let (end, _) = world.trainer.state();
        Ok(Refined {
            shift: end.iter().zip(start).map(|(end, start)| end - start).collect(),
            statistics: world.statistics.clone(),
            steps,
            blow_ups,
            extras,
        })
    }

    /// Adds what [`restore`](Self::restore) needs to a checkpoint.
    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) {
        checkpoint.meta.insert("refinements".to_owned(), self.world.generation.into());
        put_trainer(checkpoint, "trainer", &self.world.trainer);
        self.ppo.save(checkpoint);
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// If it does not fit; the refiner is then not to be used.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        self.world.generation = checkpoint.meta("refinements")?;
        take_trainer(checkpoint, "trainer", &mut self.world.trainer)?;
        self.ppo.restore(&self.world, checkpoint)
    }
}
