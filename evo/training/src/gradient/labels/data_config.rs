//! Which data set, as it stands in a config.

use serde::{Deserialize, Serialize};

use crate::field::{InvalidField, require};

/// Most classes that can be told apart.
pub(in crate::gradient) const MAX_CLASSES: usize = 1024;

/// A data set with labels, or with values instead of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataConfig {
    /// Points in a yin-yang symbol, generated; 4 features, 3 classes.
    YinYang(YinYangConfig),
    /// Spike times on random manifolds, generated.
    Randman(RandmanConfig),
    /// Arrays in `.npy` or `.npz` files.
    Arrays(ArraysConfig),
    /// Spikes in the HDF5 layout of the Heidelberg data sets SHD and SSC.
    Heidelberg(HeidelbergConfig),
}

/// The yin-yang data set (Kriener, Göltz and Petrovici, The yin-yang dataset, NICE 2022): in which of yin,
/// yang and dot a point lies, from its coordinates x, y, 1 − x, 1 − y. The three parts use separate streams
/// of random numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct YinYangConfig {
    /// Training samples. Default 5000.
    pub train: usize,
    /// Validation samples. Default 1000.
    pub validation: usize,
    /// Test samples. Default 1000.
    pub test: usize,
    /// Seed of the points. Default 42.
    pub seed: u64,
    /// Radius of the dots. Default 0.1.
    pub r_small: f64,
    /// Radius of the symbol; more than 2 · `r_small`. Default 0.5.
    pub r_big: f64,
}

impl Default for YinYangConfig {
    fn default() -> Self {
        Self { train: 5000, validation: 1000, test: 1000, seed: 42, r_small: 0.1, r_big: 0.5 }
    }
}

/// Random manifolds (Zenke and Vogels, The remarkable robustness of surrogate gradient learning for
/// instilling complex function in spiking neural networks, Neural Computation 2021): each unit spikes once
/// per sample, and only the time of the spike tells the class. A class is a smooth random function from
/// coordinates in [0, 1] to the time of each unit; a sample is a random point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandmanConfig {
    /// Training samples. Default 2000.
    pub train: usize,
    /// Validation samples. Default 500.
    pub validation: usize,
    /// Test samples. Default 500.
    pub test: usize,
    /// Classes, 2 to 1024. Default 10.
    pub classes: usize,
    /// Number of units, which are the features. Default 20.
    pub units: usize,
    /// Coordinates of a manifold, 1 to 16. Default 1.
    pub dimensions: usize,
    /// Smoothness: the amplitude of frequency k falls as k^−`smoothness`; above 0. Default 1.
    pub smoothness: f64,
    /// Number of frames; a unit may spike in any of them. Default 50.
    pub frames: usize,
    /// Seed of manifolds and points. Default 42.
    pub seed: u64,
}

impl Default for RandmanConfig {
    fn default() -> Self {
        let (train, validation, test) = (2000, 500, 500);
        let (classes, units, dimensions, smoothness, frames) = (10, 20, 1, 1.0, 50);
        Self { train, validation, test, classes, units, dimensions, smoothness, frames, seed: 42 }
    }
}

/// Arrays: samples `[samples, frames, features]`, or `[samples, features]` for one frame each; labels
/// `[samples]`, whole numbers from 0. For `Regress`, the desired output of the network instead of labels:
/// `[samples, outputs]`, or `[samples, frames, outputs]` for a loss of each frame, or
/// `[samples, ticks, neurons]` for a loss of spike trains. A file is a `.npy`, or `FILE.npz:NAME` for an
/// array in a `.npz`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraysConfig {
    /// Training samples.
    pub x: String,
    /// Their labels.
    pub y: String,
    /// Validation samples; default: a share of `x`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_validation: Option<String>,
    /// Their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_validation: Option<String>,
    /// Test samples; default: a share of `x`.
    #[serde(default)]
    pub x_test: Option<String>,
    /// Their labels.
    #[serde(default)]
    pub y_test: Option<String>,
    /// Share of `x` set aside for validation if there are no separate samples for it, in [0, 1). Default 0.1.
    #[serde(default = "share")]
    pub validation: f64,
    /// Share of `x` set aside as test samples if there are no separate ones, in [0, 1). Default 0.1.
    #[serde(default = "share")]
    pub test: f64,
    /// Number of classes; default: one more than the largest label.
    #[serde(default)]
    pub classes: Option<usize>,
    /// Seed that draws the samples to set aside. Default 0.
    #[serde(default)]
    pub seed: u64,
}

fn share() -> f64 {
    0.1
}

/// Spike trains as in the Heidelberg data sets (Cramer, Stradmann, Schemmel and Zenke, The Heidelberg spiking
/// data sets, IEEE TNNLS 2022): `spikes/times` and `spikes/units`, a list per sample, and `labels`. A frame
/// contains the number of spikes of each unit in its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeidelbergConfig {
    /// File with training samples, such as `shd_train.h5`.
    pub train: String,
    /// File with validation samples, such as `ssc_valid.h5`; default: a share of `train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
    /// File with test samples; default: none.
    #[serde(default)]
    pub test: Option<String>,
    /// Share of `train` set aside for validation if there is no file for it, in [0, 1). Default 0.1.
    #[serde(default = "share")]
    pub validation: f64,
    /// Number of units. Default 700.
    #[serde(default = "units")]
    pub units: usize,
    /// Number of neighbouring units that are counted together, ≥ 1. Default 5.
    #[serde(default = "pool")]
    pub pool: usize,
    /// Number of frames; later spikes are left out. Default 100.
    #[serde(default = "frames")]
    pub frames: usize,
    /// Seconds per frame; > 0. Default 0.014.
    #[serde(default = "dt")]
    pub dt: f64,
    /// Number of classes; default: one more than the largest label.
    #[serde(default)]
    pub classes: Option<usize>,
    /// Seed that draws the samples to set aside. Default 0.
    #[serde(default)]
    pub seed: u64,
}

fn units() -> usize {
    700
}
fn pool() -> usize {
    5
}
fn frames() -> usize {
    100
}
fn dt() -> f64 {
    0.014
}

/// A `.npy` file, or an array in a `.npz` file: path and name.
pub(in crate::gradient) fn array_name(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(".npz:") {
        Some((path, name)) => (&text[..path.len() + 4], Some(name)),
        None => (text, None),
    }
}

impl DataConfig {
    /// Name in configs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::YinYang(_) => "YinYang",
            Self::Randman(_) => "Randman",
            Self::Arrays(_) => "Arrays",
            Self::Heidelberg(_) => "Heidelberg",
        }
    }

    /// Replaces the name of every file by what `find` makes of it. The array in a `.npz` file is kept.
    pub fn find_files(&mut self, find: impl Fn(&str) -> String) {
        let files: Vec<&mut String> = match self {
            Self::YinYang(_) | Self::Randman(_) => Vec::new(),
            Self::Arrays(c) => {
                let ArraysConfig { x, y, x_validation, y_validation, x_test, y_test, .. } = c;
                let optional = [x_validation, y_validation, x_test, y_test].into_iter().flatten();
                [x, y].into_iter().chain(optional).collect()
            }
            Self::Heidelberg(c) => {
                [&mut c.train].into_iter().chain(&mut c.valid).chain(&mut c.test).collect()
            }
        };
        for file in files {
            let (path, name) = array_name(file);
            let name = name.map_or(String::new(), |name| format!(":{name}"));
            *file = find(path) + &name;
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        // Sums of sizes stay far below what memory can have.
        let parts = |train: usize, validation: usize, test: usize| {
            let many = |name: &str, count: usize, least: usize| {
                let valid = (least..=10_000_000).contains(&count);
                require(valid, &format!("task.data.{name}"), count, format!("{least} to 10000000"))
            };
            many("train", train, 1)?;
            many("validation", validation, 0)?;
            many("test", test, 0)
        };
        let share = |name: &str, x: f64| {
            require((0.0..1.0).contains(&x), &format!("task.data.{name}"), x, "at least 0 and below 1")
        };
        let classes = |n: Option<usize>| match n {
            None => Ok(()),
            Some(n) => require(
                (2..=MAX_CLASSES).contains(&n),
                "task.data.classes",
                n,
                format!("2 to {MAX_CLASSES}, or None for one more than the largest label"),
            ),
        };
        match self {
            Self::YinYang(c) => {
                parts(c.train, c.validation, c.test)?;
                let (small, big) = (c.r_small, c.r_big);
                let valid = big.is_finite() && big > 0.0;
                require(valid, "task.data.r_big", big, "above 0 and finite")?;
                let range = format!("above 0 and below task.data.r_big / 2 = {}", 0.5 * big);
                require(small > 0.0 && small < 0.5 * big, "task.data.r_small", small, range)
            }
            Self::Randman(c) => {
                parts(c.train, c.validation, c.test)?;
                classes(Some(c.classes))?;
                require((1..=65_536).contains(&c.units), "task.data.units", c.units, "1 to 65536")?;
                let dimensions = (1..=16).contains(&c.dimensions);
                require(dimensions, "task.data.dimensions", c.dimensions, "1 to 16")?;
                let smooth = c.smoothness > 0.0 && c.smoothness.is_finite();
                require(smooth, "task.data.smoothness", c.smoothness, "above 0 and finite")?;
                let spikes = (c.train + c.validation + c.test).saturating_mul(c.units);
                let few = "at most 1000000000 spikes (samples × units)";
                require(spikes <= 1_000_000_000, "task.data", format!("{spikes} spikes"), few)?;
                require((1..=65_535).contains(&c.frames), "task.data.frames", c.frames, "1 to 65535")
            }
            Self::Arrays(c) => {
                share("validation", c.validation)?;
                share("test", c.test)?;
                for (part, of_x, of_y) in [
                    ("validation", c.x_validation.is_some(), c.y_validation.is_some()),
                    ("test", c.x_test.is_some(), c.y_test.is_some()),
                ] {
                    let value = format!("{}_{part}: None", if of_x { 'y' } else { 'x' });
                    let both = format!("both x_{part} and y_{part}, or neither");
                    require(of_x == of_y, "task.data", value, both)?;
                }
                classes(c.classes)
            }
            Self::Heidelberg(c) => {
                share("validation", c.validation)?;
                require((1..=65_536).contains(&c.units), "task.data.units", c.units, "1 to 65536")?;
                let pool = (1..=c.units).contains(&c.pool);
                require(pool, "task.data.pool", c.pool, format!("1 to task.data.units = {}", c.units))?;
                require((1..=65_535).contains(&c.frames), "task.data.frames", c.frames, "1 to 65535")?;
                let dt = c.dt > 0.0 && c.dt.is_finite();
                require(dt, "task.data.dt", c.dt, "above 0 and finite, in seconds")?;
                classes(c.classes)
            }
        }
    }
}
