//! The saved state of a search: named arrays and numbers, for whoever writes checkpoints.

use std::collections::BTreeMap;

use super::StrategyError;

/// The numbers of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Double precision.
    F64(Vec<f64>),
    /// Single precision.
    F32(Vec<f32>),
}

/// An array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length of each axis; their product is the number of values.
    pub shape: Vec<usize>,
    /// The values.
    pub data: Data,
}

/// Everything a search needs to go on bit for bit.
///
/// Reals may be infinite (a search that has not seen a fitness yet), never NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Name of the strategy that wrote it, as in [`super::StrategyConfig::name`].
    pub strategy: String,
    /// Arrays by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Counters and the seed by name.
    pub integers: BTreeMap<String, u64>,
    /// Single numbers by name.
    pub reals: BTreeMap<String, f64>,
}

impl State {
    /// Adds an array of double precision; its `shape` has as many elements as `values`.
    pub fn set_f64(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        let tensor = Tensor { shape: shape.to_vec(), data: Data::F64(values.to_vec()) };
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// Adds an array of single precision, likewise.
    pub fn set_f32(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let tensor = Tensor { shape: shape.to_vec(), data: Data::F32(values.to_vec()) };
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// Adds a counter or a seed.
    pub fn set_integer(&mut self, name: &str, value: u64) {
        self.integers.insert(name.to_owned(), value);
    }

    /// Adds a number.
    pub fn set_real(&mut self, name: &str, value: f64) {
        self.reals.insert(name.to_owned(), value);
    }

    /// Checks that a search can go on from it: finite arrays, and no number that is NaN.
    ///
    /// # Errors
    /// Names the first entry that is not so.
    pub fn check_finite(&self) -> Result<(), StrategyError> {
        let first = |data: &Data| match data {
            Data::F64(values) => values.iter().position(|x| !x.is_finite()),
            Data::F32(values) => values.iter().position(|x| !x.is_finite()),
        };
        let tensors = self.tensors.iter().find_map(|(name, tensor)| Some((name, first(&tensor.data)?)));
        let wrong = |name: &str, problem: String| StrategyError::State { name: name.to_owned(), problem };
        if let Some((name, index)) = tensors {
            return Err(wrong(name, format!("is not finite: element {index} is NaN or infinite")));
        }
        match self.reals.iter().find(|(_, value)| value.is_nan()) {
            Some((name, _)) => Err(wrong(name, "is NaN".to_owned())),
            None => Ok(()),
        }
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, StrategyError> {
        let tensor = self.tensors.get(name).ok_or_else(|| missing(name))?;
        if tensor.shape == shape {
            return Ok(tensor);
        }
        Err(StrategyError::State {
            name: name.to_owned(),
            problem: format!("has shape {:?}, expected {shape:?}", tensor.shape),
        })
    }

    /// The values of an array.
    ///
    /// # Errors
    /// If it is missing, or has another shape or precision.
    pub fn f64(&self, name: &str, shape: &[usize]) -> Result<&[f64], StrategyError> {
        match &self.tensor(name, shape)?.data {
            Data::F64(values) if values.len() == shape.iter().product::<usize>() => Ok(values),
            _ => Err(wrong(name)),
        }
    }

    /// The values of an array of single precision.
    ///
    /// # Errors
    /// As [`State::f64`].
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<&[f32], StrategyError> {
        match &self.tensor(name, shape)?.data {
            Data::F32(values) if values.len() == shape.iter().product::<usize>() => Ok(values),
            _ => Err(wrong(name)),
        }
    }

    /// A counter or a seed.
    ///
    /// # Errors
    /// If it is missing.
    pub fn integer(&self, name: &str) -> Result<u64, StrategyError> {
        self.integers.get(name).copied().ok_or_else(|| missing(name))
    }

    /// A number.
    ///
    /// # Errors
    /// If it is missing.
    pub fn real(&self, name: &str) -> Result<f64, StrategyError> {
        self.reals.get(name).copied().ok_or_else(|| missing(name))
    }

    /// Checks that an integer in the state is what the strategy was built with.
    ///
    /// # Errors
    /// If it is missing or another one.
    pub fn expect(&self, name: &str, built: u64) -> Result<(), StrategyError> {
        let saved = self.integer(name)?;
        if saved == built {
            return Ok(());
        }
        Err(StrategyError::State {
            name: name.to_owned(),
            problem: format!("is {saved}, but the strategy was built with {built}"),
        })
    }
}

fn missing(name: &str) -> StrategyError {
    StrategyError::State { name: name.to_owned(), problem: "is missing".to_owned() }
}

fn wrong(name: &str) -> StrategyError {
    let problem = "has the wrong type or number of values".to_owned();
    StrategyError::State { name: name.to_owned(), problem }
}
