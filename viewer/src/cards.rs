//! What the start page tells of runs, recordings, checkpoints and configs: task, score, date, and how the robot looks.
//! They are read by a thread of their own, one after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use records::failure::told;
use records::folder::RunFolder;
use records::metrics::Metrics;
use records::provenance;

use crate::chart::short;
use crate::data::document::Document;
use crate::data::world::AtEnd;
use crate::scene::{Shapes, Snapshot};

/// How long a trained robot has walked when its picture is taken, s.
const WALKED: f64 = 1.0;
/// Control steps of that at most.
const STEPS: usize = 150;

/// A robot in a posture.
#[derive(Clone, Debug)]
pub struct Still {
    /// What it looks like.
    pub shapes: Shapes,
    /// Where it is.
    pub snapshot: Snapshot,
}

/// What is told of a path.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// Task; empty if the path cannot be opened.
    pub task: String,
    /// What a run has reached, in words.
    pub score: Option<String>,
    /// When a run was started, local time to the minute.
    pub date: Option<String>,
    /// Its robot.
    pub still: Option<Still>,
    /// Why it cannot be opened.
    pub trouble: Option<String>,
}

impl Card {
    /// Opens a path and looks at it.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut card = Self::default();
        if let Some(folder) = path.is_dir().then(|| RunFolder::open(path).ok()).flatten() {
            let started = provenance::started(&folder.provenance());
            card.date = started.map(|(_, text)| text.get(..16).unwrap_or(&text).to_owned());
            card.score = Metrics::read(&folder.metrics()).ok().and_then(|metrics| score(&metrics));
        }
        match Document::open(path) {
            Ok(document) => {
                card.task = document.config.env.name().to_owned();
                card.still = still(document);
            }
            Err(error) => card.trouble = Some(told(&error)),
        }
        card
    }

    /// Task, score and date in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let task = if self.task.is_empty() { "nothing to watch" } else { &self.task };
        let parts = [Some(task), self.score.as_deref(), self.date.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("  ·  ")
    }
}

/// The last evaluation of a run, or else the fitness of its last generation, in words.
fn score(metrics: &Metrics) -> Option<String> {
    let last = |name: &str| metrics.column(name)?.into_iter().flatten().rfind(|value| value.is_finite());
    let evaluated = last("eval_return_mean").map(|value| format!("return {}", short(value)));
    let fitness = || last("fitness_mean").map(|value| format!("fitness {}", short(value)));
    let accuracy = || last("validation_accuracy").map(|value| format!("accuracy {:.1} %", 100.0 * value));
    evaluated.or_else(accuracy).or_else(fitness)
}

/// The robot as it starts; a trained one after a second, a recorded one in the middle of its episode.
fn still(mut document: Document) -> Option<Still> {
    let shapes = Shapes::from_model(&document.model);
    let trained = document.generation.is_some_and(|generation| generation > 0);
    if let Some(live) = document.live.as_mut().filter(|_| trained) {
        live.at_end = AtEnd::Stop;
        let steps = (WALKED / live.recording.header.control_dt) as usize;
        (0..steps.min(STEPS)).for_each(|_| live.step());
    }
    let recording = document.recording();
    let time = if document.live.is_some() { recording.duration() } else { recording.duration() / 2.0 };
    let snapshot = shapes.snapshot(&recording.qpos_at(time, &document.quaternions))?;
    Some(Still { shapes, snapshot })
}

/// Cards that have been read, and those on their way.
#[derive(Default)]
pub struct Cards {
    known: BTreeMap<PathBuf, Card>,
    asked: Vec<PathBuf>,
    #[cfg(not(target_arch = "wasm32"))]
    arriving: Vec<std::sync::mpsc::Receiver<(PathBuf, Card)>>,
}

impl Cards {
    /// What is known of a path.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Card> {
        self.known.get(path)
    }

    /// Reads all of them again when they are next asked for; what is known is shown until then.
    pub fn look_again(&mut self) {
        self.asked.clear();
    }

    /// Those of `paths` that have not been asked for, asked for from here on.
    fn new_ones(&mut self, paths: &[&PathBuf]) -> Vec<PathBuf> {
        let mut new: Vec<PathBuf> = Vec::new();
        for &path in paths {
            if !self.asked.contains(path) {
                self.asked.push(path.clone());
                new.push(path.clone());
            }
        }
        new
    }

    /// Reads them here and now.
    pub fn read(&mut self, paths: &[&PathBuf]) {
        for path in self.new_ones(paths) {
            let card = Card::read(&path);
            self.known.insert(path, card);
        }
    }

    /// Asks for them; `ctx` is drawn again whenever one has arrived. Takes in what has arrived.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn ask(&mut self, paths: &[&PathBuf], ctx: &egui::Context) {
        let new = self.new_ones(paths);
        if !new.is_empty() {
            let (send, receive) = std::sync::mpsc::channel();
            let ctx = ctx.clone();
            std::thread::spawn(move || {
                for path in new {
                    let card = Card::read(&path);
                    if send.send((path, card)).is_err() {
                        return;
                    }
                    ctx.request_repaint();
                }
            });
            self.arriving.push(receive);
        }
        for (path, card) in self.arriving.iter().flat_map(|arriving| arriving.try_iter()) {
            self.known.insert(path, card);
        }
    }

    /// In a browser there are no files to look at.
    #[cfg(target_arch = "wasm32")]
    pub fn ask(&mut self, paths: &[&PathBuf], _ctx: &egui::Context) {
        self.read(paths);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn configs_without_a_world_say_so_and_the_others_have_a_robot() {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        let ant = Card::read(&configs.join("ant.ron"));
        assert_eq!((ant.line().as_str(), ant.trouble.as_deref()), ("ant", None));
        assert!(ant.still.unwrap().shapes.geoms().len() > 8);
        let data = Card::read(&configs.join("yin_yang.ron"));
        assert!(data.still.is_none() && data.trouble.is_some(), "{data:?}");
        assert_eq!(data.line(), "nothing to watch");
    }

    #[test]
    fn a_run_tells_its_task_score_and_date() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        file("config.ron", "(env: Swimmer(), strategy: OpenEs())");
        file("provenance.json", "{\"started\": \"2026-11-30 08:30:59 +00:00\"}");
        file("metrics.csv", "generation,fitness_mean,eval_return_mean\n1,20,\n2,30,318.25\n3,35,\n");
        let card = Card::read(root.path());
        assert_eq!(card.line(), "swimmer  ·  return 318  ·  2026-11-30 08:30", "{:?}", card.trouble);
        file("metrics.csv", "generation,fitness_mean,eval_return_mean\n1,20.5,\n");
        assert_eq!(Card::read(root.path()).score.as_deref(), Some("fitness 20.5"));
    }

    #[test]
    fn cards_are_read_once_until_they_are_looked_at_again() {
        let missing = PathBuf::from("/nonexistent/a.ron");
        let mut cards = Cards::default();
        assert!(cards.get(&missing).is_none());
        cards.read(&[&missing, &missing]);
        assert!(cards.get(&missing).unwrap().trouble.is_some());
        assert!(cards.new_ones(&[&missing]).is_empty());
        cards.look_again();
        assert_eq!(cards.new_ones(&[&missing]), [missing]);
    }
}
