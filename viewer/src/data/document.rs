//! What is open: one robot with its brain, from a file, a run or a config.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::mpsc::{TryRecvError, channel};

use envs::Change;
use records::checkpoint::Checkpoint;
use records::folder::RunFolder;
use records::metrics::Metrics;
use records::text;
use sim::{JointKind, Model};
use training::config::Config;
use training::evaluate::Policy;
use training::named_files;
use training::setup::Setup;
use web_time::Instant;

use crate::data::brain::Brain;
use crate::data::choice::{Choice, Watched, Wish};
use crate::data::follow::{Follow, Wanted};
use crate::data::live::Live;
use crate::data::look::{Look, Taken};
use crate::data::recording::Recording;
use crate::data::rollout_file::RolloutFile;
use crate::data::source::Source;
use crate::data::world::AtEnd;

/// The first start state of live simulations, as in `evo eval` and `evo record`.
pub const FIRST_SEED: u64 = 1_000_000;

/// What is open.
pub struct Document {
    /// Where it comes from.
    pub source: Source,
    /// Its config.
    pub config: Config,
    /// The robot and its surroundings.
    pub model: Arc<Model>,
    /// First entries of quaternions in `qpos`.
    pub quaternions: Vec<usize>,
    /// The network, if its parameters are known.
    pub brain: Brain,
    /// Recorded episodes; empty for live simulations.
    pub episodes: Vec<Recording>,
    /// Which of them is shown.
    pub episode: usize,
    /// The running simulation, if it is one.
    pub live: Option<Live>,
    /// The run that is followed, if it is one.
    pub follow: Option<Follow>,
    /// Generation of the controller, if known.
    pub generation: Option<u64>,
    /// What there is to choose from, if its search keeps members.
    pub choice: Option<Choice>,
    /// Episodes of other controllers or seeds.
    pub ghosts: Vec<Ghost>,
    /// Learning curves of other runs, with their names.
    pub curves: Vec<(String, Arc<Metrics>)>,
    /// What another thread has found in the run folder.
    looking: Option<Receiver<Look>>,
}

impl Document {
    /// Opens a path.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_member(path, None)
    }

    /// Opens a path; of a run or checkpoint the member `cell` of its archive or front, if one is wanted.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn open_member(path: &Path, cell: Option<usize>) -> anyhow::Result<Self> {
        let wish = cell.map_or(Wish::Mean, Wish::Cell);
        match Source::detect(path)? {
            (source @ Source::Checkpoint(_), Some(file)) => Self::from_checkpoint(&file, source, wish),
            (Source::Run(path), None) => Self::from_run(&path, wish),
            (source, _) if cell.is_some() => {
                anyhow::bail!(
                    "{}: a {} has no archive to choose from",
                    source.path().display(),
                    source.kind()
                )
            }
            (source, Some(file)) => Self::from_file(&file, source),
            (source, None) => {
                let mut config: Config = text::read(source.path())?;
                named_files::inline(&mut config, source.path())?;
                Self::untrained(&config, source)
            }
        }
    }

    fn from_file(file: &Checkpoint, source: Source) -> anyhow::Result<Self> {
        match source {
            Source::Rollout(_) => Self::from_rollout(RolloutFile::from_checkpoint(file)?, source),
            _ => Self::from_checkpoint(file, source, Wish::Mean),
        }
    }

    fn from_run(path: &Path, wish: Wish<'_>) -> anyhow::Result<Self> {
        let source = Source::Run(path.to_owned());
        let mut follow = Follow::new(RunFolder::open(path)?);
        // A run that has only just begun has no checkpoint yet: an untrained robot until then.
        let mut document = match follow.poll() {
            Some(checkpoint) => Self::from_checkpoint(&checkpoint, source, wish)?,
            None => {
                let config: Config = text::read(&RunFolder::open(path)?.config())?;
                Self::untrained(&config, source)?
            }
        };
        document.follow = Some(follow);
        Ok(document)
    }

    /// Opens a file whose bytes have been read; its name says what to call it.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> anyhow::Result<Self> {
        if name.extension().is_some_and(|extension| extension == "ron") {
            let text = std::str::from_utf8(bytes)?;
            let config: Config = text::parse(&name.display().to_string(), text)?;
            return Self::untrained(&config, Source::Config(name.to_owned()));
        }
        let file = Checkpoint::from_bytes(name, bytes)?;
        Self::from_file(&file, Source::of(&file, name))
    }

    fn untrained(config: &Config, source: Source) -> anyhow::Result<Self> {
        Self::from_live(config, Live::new(config, &config.changes, None, FIRST_SEED)?, source)
    }

    /// Shows a recording that has been read.
    ///
    /// # Errors
    /// If its config does not describe the robot that was recorded.
    pub fn from_rollout(file: RolloutFile, source: Source) -> anyhow::Result<Self> {
        let setup = Setup::new(&file.config)?;
        let model = setup.model()?;
        let nq = file.episodes[0].header.nq;
        if nq != model.nq() {
            anyhow::bail!(
                "{}: recorded with {nq} coordinates, but {} has {}",
                source.path().display(),
                file.config.env.name(),
                model.nq()
            );
        }
        let brain = file.parameters.map(|parameters| Brain::new(setup.controller.as_ref(), &parameters));
        Ok(Self {
            quaternions: quaternions(&model),
            brain: brain.unwrap_or_default(),
            config: file.config,
            model,
            episodes: file.episodes,
            episode: 0,
            live: None,
            follow: None,
            generation: None,
            choice: None,
            ghosts: Vec::new(),
            curves: Vec::new(),
            looking: None,
            source,
        })
    }

    fn from_checkpoint(checkpoint: &Checkpoint, source: Source, wish: Wish<'_>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            !checkpoint.is_classifier(),
            "{} was trained with labels, without a world: there is nothing to watch; valid: evo eval, evo plot",
            source.path().display()
        );
        let config: Config = checkpoint.meta("config")?;
        let setup = Setup::new(&config)?;
        let (policy, choice) = Choice::of(checkpoint, &setup, &config, wish)?;
        let live = Live::new(&config, &config.changes, Some(policy), FIRST_SEED)?;
        let mut document = Self::from_live(&config, live, source)?;
        document.generation = checkpoint.meta("generation").ok();
        document.choice = choice;
        Ok(document)
    }

    fn from_live(config: &Config, live: Live, source: Source) -> anyhow::Result<Self> {
        let setup = Setup::new(config)?;
        let model = live.model()?;
        Ok(Self {
            quaternions: quaternions(&model),
            brain: Brain::new(setup.controller.as_ref(), live.parameters()),
            config: config.clone(),
            model,
            episodes: Vec::new(),
            episode: 0,
            live: Some(live),
            follow: None,
            generation: None,
            choice: None,
            ghosts: Vec::new(),
            curves: Vec::new(),
            looking: None,
            source,
        })
    }

    /// The episode under the cursor.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        match &self.live {
            Some(live) => &live.recording,
            None => &self.episodes[self.episode.min(self.episodes.len() - 1)],
        }
    }

    /// Looks at the run folder and takes over a new checkpoint. True if there was one.
    ///
    /// # Errors
    /// If the checkpoint is of another robot or network; what is open stays as it was.
    pub fn poll(&mut self) -> anyhow::Result<bool> {
        self.looking = None;
        let Some(follow) = self.follow.take() else { return Ok(false) };
        let look = Look::at(follow, &self.config, self.watched().cloned());
        self.take(look)
    }

    /// The same by another thread, which calls `wake` when it is done; what it has found is taken over by the next call.
    ///
    /// # Errors
    /// As [`Document::poll`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn poll_soon(&mut self, wake: impl FnOnce() + Send + 'static) -> anyhow::Result<bool> {
        let Some(follow) = &self.follow else { return Ok(false) };
        if let Some(looking) = &self.looking {
            let look = match looking.try_recv() {
                Ok(look) => look,
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => {
                    self.looking = None;
                    return Ok(false);
                }
            };
            self.looking = None;
            // Something else may be wanted by now.
            let same = look.follow.wanted == follow.wanted && look.watched.as_ref() == self.watched();
            return if same { self.take(look) } else { Ok(false) };
        }
        let (send, looking) = channel();
        let (follow, config, watched) = (follow.clone(), self.config.clone(), self.watched().cloned());
        std::thread::spawn(move || {
            // Nobody waits any more if something else was opened.
            let _ = send.send(Look::at(follow, &config, watched));
            wake();
        });
        self.looking = Some(looking);
        Ok(false)
    }

    /// Whether another thread is looking at the run folder.
    #[must_use]
    pub fn looks(&self) -> bool {
        self.looking.is_some()
    }

    fn take(&mut self, look: Look) -> anyhow::Result<bool> {
        self.follow = Some(look.follow);
        let Some(Taken { policy, brain, generation, choice }) = look.taken? else { return Ok(false) };
        (self.brain, self.generation, self.choice) = (brain, generation, choice);
        if let Some(live) = &mut self.live {
            live.set_policy(policy);
        }
        Ok(true)
    }

    /// Watches another checkpoint of the run.
    ///
    /// # Errors
    /// As [`Document::poll`].
    pub fn want(&mut self, wanted: Wanted) -> anyhow::Result<()> {
        if let Some(follow) = &mut self.follow {
            follow.wanted = wanted;
        }
        self.poll().map(drop)
    }

    /// The member that is watched, of an archive or a front.
    fn watched(&self) -> Option<&Watched> {
        self.choice.as_ref()?.watched.as_ref()
    }

    /// Watches a member of the archive or of the front, or the mean of the search again; the world goes on with it.
    ///
    /// # Errors
    /// If there is no such member.
    pub fn watch(&mut self, cell: Option<usize>) -> anyhow::Result<()> {
        let path = self.source.path().display();
        let Self { choice: Some(choice), live: Some(live), .. } = self else {
            anyhow::bail!("{path} has no archive to choose from");
        };
        let Some(parameters) = choice.want(cell) else {
            anyhow::bail!("{path} has no {} {}", choice.word(), cell.unwrap_or_default());
        };
        self.brain = Brain::new(Setup::new(&self.config)?.controller.as_ref(), &parameters);
        // Searches that keep members leave observations as they are.
        live.set_policy(Policy { parameters, ..live.policy().clone() });
        Ok(())
    }

    /// What is watched, in words: generation and member.
    #[must_use]
    pub fn watching(&self) -> Vec<String> {
        let generation = self.generation.map(|generation| format!("generation {generation}"));
        generation.into_iter().chain(self.choice.as_ref().and_then(Choice::label)).collect()
    }

    /// Simulates under other changes than those of the config, from the start of the present episode.
    ///
    /// # Errors
    /// If nothing is simulated, or the changes do not fit the task; what is open stays as it was.
    pub fn change(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        let Some(live) = &mut self.live else {
            anyhow::bail!(
                "{}: a recording cannot be changed; open its run, checkpoint or config",
                self.source.path().display()
            );
        };
        let mut changed = Live::new(&self.config, changes, Some(live.policy().clone()), live.seed)?;
        changed.at_end = live.at_end;
        changed.driver = live.driver.clone();
        changed.disturbance = live.disturbance.clone();
        self.model = changed.model()?;
        *live = changed;
        Ok(())
    }

    /// Adds a ghost: a whole episode of the present controller from the present start, simulated bit by
    /// bit in [`Document::grow`].
    ///
    /// # Errors
    /// If it cannot be simulated.
    pub fn add_ghost(&mut self) -> anyhow::Result<()> {
        let Some(live) = &self.live else { return Ok(()) };
        let name = match self.watching() {
            watching if watching.is_empty() => format!("untrained, seed {}", live.seed),
            watching => format!("{}, seed {}", watching.join(", "), live.seed),
        };
        let mut ghost = Live::new(&self.config, live.changes(), Some(live.policy().clone()), live.seed)?;
        ghost.at_end = AtEnd::Stop;
        self.ghosts.push(Ghost { name, episode: GhostEpisode::Growing(Box::new(ghost)) });
        Ok(())
    }

    /// Shows what another document shows as ghosts beside this one: its episode, or a whole episode of
    /// its controller.
    ///
    /// # Errors
    /// If it is of another robot.
    pub fn add_ghosts_of(&mut self, other: Self) -> anyhow::Result<()> {
        let (own, its) = (self.recording().header.nq, other.recording().header.nq);
        if own != its || self.model.bodies.len() != other.model.bodies.len() {
            let (own, its) = (self.config.env.name(), other.config.env.name());
            anyhow::bail!("{}: {its} cannot stand beside {own}", other.source.path().display());
        }
        let path = other.source.path();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let curve = other.follow.and_then(|follow| follow.metrics);
        self.curves.extend(curve.map(|metrics| (name.clone(), metrics)));
        let episode = match other.live {
            Some(mut live) => {
                live.at_end = AtEnd::Stop;
                GhostEpisode::Growing(Box::new(live))
            }
            None => {
                let shown = other.episode;
                match other.episodes.into_iter().nth(shown) {
                    Some(recording) => GhostEpisode::Whole(Box::new(recording)),
                    None => return Ok(()),
                }
            }
        };
        self.ghosts.push(Ghost { name, episode });
        Ok(())
    }

    /// Adds the learning curves of another run.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn add_curve(&mut self, folder: &RunFolder) -> anyhow::Result<()> {
        let name = folder.path().file_name().unwrap_or(folder.path().as_os_str()).to_string_lossy();
        let metrics = Metrics::read(&folder.metrics())?;
        self.curves.push((name.into_owned(), Arc::new(metrics)));
        Ok(())
    }

    /// Goes on simulating ghosts, until `deadline` if there is one. True if any is unfinished.
    pub fn grow(&mut self, deadline: Option<Instant>) -> bool {
        for ghost in &mut self.ghosts {
            let GhostEpisode::Growing(live) = &mut ghost.episode else { continue };
            while !live.is_over() {
                live.step();
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return true;
                }
            }
            let header = live.recording.header.clone();
            let whole = std::mem::replace(&mut live.recording, Recording::new(header, &[]));
            ghost.episode = GhostEpisode::Whole(Box::new(whole));
        }
        false
    }
}

/// Another episode of the same robot, drawn beside or over the main one.
pub struct Ghost {
    /// What it is, such as `generation 100, seed 3`.
    pub name: String,
    episode: GhostEpisode,
}

enum GhostEpisode {
    Whole(Box<Recording>),
    Growing(Box<Live>),
}

impl Ghost {
    /// A ghost that has been recorded.
    #[must_use]
    pub fn new(name: String, recording: Recording) -> Self {
        Self { name, episode: GhostEpisode::Whole(Box::new(recording)) }
    }

    /// The episode as far as it is known.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        match &self.episode {
            GhostEpisode::Whole(recording) => recording,
            GhostEpisode::Growing(live) => &live.recording,
        }
    }

    /// Whether it is still being simulated.
    #[must_use]
    pub fn grows(&self) -> bool {
        matches!(self.episode, GhostEpisode::Growing(_))
    }
}

/// First entries of quaternions in `qpos`.
fn quaternions(model: &Model) -> Vec<usize> {
    let place = |joint: &sim::Joint| match joint.kind {
        JointKind::Free => Some(joint.qpos_adr + 3),
        JointKind::Ball => Some(joint.qpos_adr),
        JointKind::Slide | JointKind::Hinge => None,
    };
    model.joints.iter().filter_map(place).collect()
}
