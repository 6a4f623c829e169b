//! Data sets by their configs.

use super::{arrays, heidelberg, randman, yin_yang};
use crate::gradient::labels::data::error::DataError;
use crate::gradient::labels::data::set::DataSet;
use crate::gradient::labels::data_config::DataConfig;

impl DataSet {
    /// Generates or reads a data set; with `labels`, or else with values.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn load(config: &DataConfig, labels: bool) -> Result<Self, DataError> {
        config.validate()?;
        match config {
            DataConfig::Arrays(config) => arrays::read(config, labels),
            other if !labels => {
                let text = "Regress needs target values: Arrays(x: …, y: …), where y is";
                Err(DataError::Kind(format!("{} has labels; {text} [samples, outputs]", other.name())))
            }
            DataConfig::YinYang(config) => Ok(yin_yang::generate(config)),
            DataConfig::Randman(config) => Ok(randman::generate(config)),
            DataConfig::Heidelberg(config) => heidelberg::read(config),
        }
    }
}
