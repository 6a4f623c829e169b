//! From a config to its controller.

use std::sync::Arc;

use crate::config::ControllerConfig;
use crate::controller::Controller;
use crate::error::SnnError;
use crate::events::controller::Events;
use crate::mlp::Mlp;
use crate::spiking::Snn;

impl ControllerConfig {
    /// Builds the controller for a task with `inputs` observations and `outputs` actions.
    ///
    /// # Errors
    /// [`SnnError`] names the field that is out of range and the valid values.
    pub fn build(&self, inputs: usize, outputs: usize) -> Result<Arc<dyn Controller>, SnnError> {
        SnnError::check_sizes(inputs, outputs)?;
        Ok(match self {
            Self::Snn(config) => Arc::new(Snn::new(config, inputs, outputs)?),
            Self::Events(config) => Arc::new(Events::new(config, inputs, outputs)?),
            Self::Mlp(config) => Arc::new(Mlp::new(config, inputs, outputs)?),
        })
    }
}
