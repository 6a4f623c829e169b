//! Short trainings of searches that keep many members: an archive or a front.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::{refuse, succeed, text, untimed_metrics as metrics};

const SMALL: [&str; 6] = [
    "strategy.population=12",
    "rollout.horizon=30",
    "rollout.episodes=2",
    "run.eval_every=3",
    "run.eval_episodes=2",
    "run.checkpoint_every=2",
];

/// A config of such a search, made small.
pub(crate) struct Short {
    pub config: &'static str,
    /// What else is set.
    pub sets: &'static [&'static str],
    /// The file that lists the members.
    pub table: &'static str,
}

impl Short {
    fn words<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let sets = SMALL.iter().chain(self.sets).chain(more).flat_map(|set| ["--set", *set]);
        ["--config", self.config].into_iter().chain(sets).collect()
    }

    pub(crate) fn train(&self, out: &Path, threads: &str, generations: &str, more: &[&str]) {
        let own = ["--out", text(out), "--threads", threads, "--generations", generations, "-q"];
        let _ = succeed(&[&self.words(more)[..], &own].concat());
    }

    /// Asserts that runs of each kind, a name and what it sets, have the same bits for any number of threads and after
    /// they are resumed.
    pub(crate) fn has_the_same_bits(&self, kinds: &[(&str, &[&str])]) {
        let folder = tempfile::tempdir().expect("scratch folder");
        for &(name, more) in kinds {
            let at = |which: &str| folder.path().join(format!("{name}_{which}"));
            let (one, two, parts) = (at("one"), at("two"), at("parts"));
            self.train(&one, "1", "6", more);
            self.train(&two, "2", "6", more);
            self.train(&parts, "2", "3", more);
            let _ = succeed(&["resume", text(&parts), "--generations", "6", "--threads", "1", "-q"]);
            for other in [&two, &parts] {
                assert_eq!(metrics(&one), metrics(other), "{name}");
                let table = |run: &Path| fs::read(run.join(self.table)).expect("table");
                assert_eq!(table(&one), table(other));
            }
            let last = |run: &Path| fs::read(run.join("checkpoints/last.safetensors")).expect("checkpoint");
            assert!(last(&one) == last(&two), "{name}: checkpoints differ");
        }
    }

    /// What is said to settings that are refused before anything runs.
    pub(crate) fn refused(&self, more: &[&str]) -> String {
        let folder = tempfile::tempdir().expect("scratch folder");
        let out = folder.path().join("run");
        let error = refuse(&[&self.words(more)[..], &["--out", text(&out)]].concat(), 2);
        assert!(!out.exists(), "{error}");
        error
    }
}

/// The evaluation of a run, or of one of its members.
pub(crate) fn score(run: &Path, more: &[&str]) -> Value {
    let eval = ["eval", text(run), "--episodes", "2", "--json"];
    serde_json::from_str(&succeed(&[&eval[..], more].concat())).expect("JSON")
}
