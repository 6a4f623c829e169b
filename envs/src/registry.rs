//! The list of tasks: one line each.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{EnvError, Task};

/// Declares [`EnvConfig`] from lines `Variant = "registry name" in module`, where the module holds
/// a `Config` and a task called like the variant with `new(Config) -> Result<Self, EnvError>`.
macro_rules! registry {
    ($($variant:ident = $name:literal in $module:ident,)+) => {
        /// A task and its settings. In RON, where `unwrap_variant_newtypes` is on: `Ant()` or
        /// `Ant(healthy_reward: 0.5)`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum EnvConfig {
            $(
                #[doc = concat!("[`crate::", stringify!($module), "`]")]
                $variant(crate::$module::Config),
            )+
        }

        impl EnvConfig {
            /// Registry name, e.g. `half_cheetah`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            /// The task called `name` with its default settings.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant(Default::default())),)+
                    _ => None,
                }
            }

            /// Checks the settings and makes the task.
            ///
            /// # Errors
            /// [`EnvError::Config`] names a field that is out of range.
            pub fn build(&self) -> Result<Arc<dyn Task>, EnvError> {
                Ok(match self {
                    $(Self::$variant(config) => {
                        Arc::new(crate::$module::$variant::new(config.clone())?)
                    })+
                })
            }
        }

        /// Registry names of all tasks, in alphabetical order.
        #[must_use]
        pub fn names() -> Vec<&'static str> {
            vec![$($name),+]
        }
    };
}

registry! {
    Ant = "ant" in ant,
    HalfCheetah = "half_cheetah" in half_cheetah,
    Hopper = "hopper" in hopper,
    Humanoid = "humanoid" in humanoid,
    HumanoidStandup = "humanoid_standup" in humanoid_standup,
    InvertedDoublePendulum = "inverted_double_pendulum" in inverted_double_pendulum,
    InvertedPendulum = "inverted_pendulum" in inverted_pendulum,
    Pusher = "pusher" in pusher,
    Reacher = "reacher" in reacher,
    Swimmer = "swimmer" in swimmer,
    Walker2d = "walker2d" in walker2d,
}

/// All tasks with their default settings, in the order of [`names`].
#[must_use]
pub fn defaults() -> Vec<EnvConfig> {
    names().into_iter().filter_map(EnvConfig::from_name).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_lead_to_tasks_and_back() {
        assert!(names().is_sorted());
        assert_eq!(defaults().len(), names().len());
        for name in names() {
            let config = EnvConfig::from_name(name).unwrap();
            assert_eq!(config.name(), name);
            assert_eq!(config.build().unwrap().spec().name, name);
        }
        assert_eq!(EnvConfig::from_name("Ant"), None);
    }
}
