//! Whether an MPI launcher has started this process, as its environment tells before MPI itself is asked.

/// What a launcher has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Number of this process.
    pub rank: usize,
    /// How many there are, where it says so.
    pub size: Option<usize>,
    /// Name of the environment variable that says so.
    pub by: &'static str,
}

/// Names of the number and the count of processes: Open MPI's `mpirun`; MPICH's, Intel's and Slurm's PMI; and PMIx,
/// which leaves the count to Slurm.
const NAMES: [(&str, &str); 3] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
];

/// What the launcher of this process has said; none without one.
#[must_use]
pub fn launch() -> Option<Launch> {
    of(|name| std::env::var(name).ok())
}

/// Takes what a launcher has said from the environment of a process that is to be started: it is no rank itself.
pub fn hide(command: &mut std::process::Command) {
    for (rank, size) in NAMES {
        command.env_remove(rank).env_remove(size);
    }
}

fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Launch> {
    let number = |name| variable(name)?.trim().parse().ok();
    NAMES.into_iter().find_map(|(by, size)| Some(Launch { rank: number(by)?, size: number(size), by }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_known_by_what_they_set() {
        let of = |set: &[(&str, &str)]| {
            of(|name| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("SLURM_PROCID", "1"), ("PMI_RANK", "")]), None, "a job array is no MPI job");
        let open = [("OMPI_COMM_WORLD_RANK", "2"), ("OMPI_COMM_WORLD_SIZE", "4"), ("PMIX_RANK", "2")];
        assert_eq!(of(&open), Some(Launch { rank: 2, size: Some(4), by: "OMPI_COMM_WORLD_RANK" }));
        let slurm = of(&[("PMI_RANK", "0"), ("PMI_SIZE", "3")]);
        assert_eq!(slurm, Some(Launch { rank: 0, size: Some(3), by: "PMI_RANK" }));
        assert_eq!(of(&[("PMIX_RANK", "1")]), Some(Launch { rank: 1, size: None, by: "PMIX_RANK" }));
    }
}
