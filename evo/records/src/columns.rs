//! Columns of `metrics.csv`.

/// Columns that every run has, in order.
pub const COLUMNS: [&str; 14] = [
    "generation",
    "env_steps",
    "evaluations",
    "wall_s",
    "fitness_best",
    "fitness_mean",
    "fitness_std",
    "eval_return_mean",
    "eval_return_std",
    "episode_length_mean",
    "spike_rate",
    "synops_per_step",
    "sigma",
    "env_steps_per_s",
];

/// Column after the reward terms: estimated energy of the controller per control step, pJ.
pub const ENERGY_COLUMN: &str = "energy_pj_per_step";

/// Column of runs with stages, after the reward terms and what methods measure: name of the stage.
pub const STAGE_COLUMN: &str = "stage";

/// Last columns of a run whose evaluations are repeated in another engine.
pub const VALIDATION_COLUMNS: [&str; 2] = ["validation_return_mean", "validation_return_std"];

/// Columns that depend on the clock: equal runs may differ here, and nowhere else.
pub const TIME_COLUMNS: [&str; 2] = ["wall_s", "env_steps_per_s"];

/// Whether a column depends on the clock, in runs of every kind.
pub(crate) fn is_time(column: &str) -> bool {
    TIME_COLUMNS.contains(&column) || column.ends_with("_per_s")
}

/// Header line of a run in a world, for a task with these reward terms; `validated` tells whether the run validates.
/// Names with commas or quotes do not occur in tasks.
pub fn header(terms: &[&str], validated: bool) -> String {
    let validation = if validated { &VALIDATION_COLUMNS[..] } else { &[] };
    let names = COLUMNS.iter().chain(terms).chain([&ENERGY_COLUMN]).chain(validation);
    names.copied().collect::<Vec<_>>().join(",") + "\n"
}
