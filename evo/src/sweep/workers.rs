//! How to run a sweep.

/// How to run a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Workers {
    /// Processes side by side, at least 1.
    pub count: usize,
    /// Threads of each, at least 1.
    pub threads: usize,
    /// Threads that fewer runs than workers share, 0 to leave it at `threads` each.
    pub shared: usize,
    /// `--backend` of each.
    pub backend: &'static str,
    /// Whether to show how far it is.
    pub quiet: bool,
}

impl Workers {
    /// Threads of a run that starts while `left` runs, itself included, are not finished.
    pub(super) fn threads_of(&self, left: usize) -> usize {
        self.threads.max(self.shared / self.count.min(left).max(1))
    }
}
