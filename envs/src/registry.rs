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
            /// [`crate::own_robot`]: a robot of the user's own. Not in [`names`], since it needs a file.
            Mjcf(crate::own_robot::Config),
        }

        impl EnvConfig {
            /// Registry name, e.g. `half_cheetah`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                    Self::Mjcf(_) => crate::own_robot::NAME,
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
            /// [`EnvError::Config`] names a field that is out of range; [`EnvError::Sim`] says what is
            /// wrong with a robot file.
            pub fn build(&self) -> Result<Arc<dyn Task>, EnvError> {
                Ok(match self {
                    $(Self::$variant(config) => {
                        Arc::new(crate::$module::$variant::new(config.clone())?)
                    })+
                    Self::Mjcf(config) => Arc::new(crate::own_robot::Mjcf::new(config.clone())?),
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
    AntDirection = "ant_direction" in ant_direction,
    AntTerrain = "ant_terrain" in ant_terrain,
    Grasp = "grasp" in grasp,
    HalfCheetah = "half_cheetah" in half_cheetah,
    Hopper = "hopper" in hopper,
    Humanoid = "humanoid" in humanoid,
    HumanoidStandup = "humanoid_standup" in humanoid_standup,
    InvertedDoublePendulum = "inverted_double_pendulum" in inverted_double_pendulum,
    InvertedPendulum = "inverted_pendulum" in inverted_pendulum,
    PushToGoal = "push_to_goal" in push_to_goal,
    Pusher = "pusher" in pusher,
    Reacher = "reacher" in reacher,
    Swimmer = "swimmer" in swimmer,
    Walker2d = "walker2d" in walker2d,
}

impl EnvConfig {
    /// Puts the text of the robot's file into the config, if it names one, so that the config stands
    /// alone. `read` gives the text of a file.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn inline_robot<E>(&mut self, read: impl FnOnce(&str) -> Result<String, E>) -> Result<(), E> {
        if let Self::Mjcf(config) = self
            && config.text.is_none()
        {
            config.text = Some(read(&config.file)?);
        }
        Ok(())
    }
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
