//! The list of effects: one line each.

use serde::{Deserialize, Serialize};

use super::rule::Rule;

/// Declares the enum of all effects from lines `Variant(settings)`. What a variant means is said where its
/// settings are.
macro_rules! effects {
    ($(#[$attribute:meta])* pub enum $name:ident { $($variant:ident($settings:path),)+ }) => {
        $(#[$attribute])*
        pub enum $name {
            $(
                #[doc = concat!("[`", stringify!($settings), "`]")]
                $variant($settings),
            )+
        }

        impl $name {
            /// Names of all effects in a config, in the order of the list.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($variant)),+];

            /// What it does.
            pub(crate) fn rule(&self) -> &dyn Rule {
                match self {
                    $(Self::$variant(settings) => settings,)+
                }
            }
        }

        $(
            impl From<$settings> for $name {
                fn from(settings: $settings) -> Self {
                    Self::$variant(settings)
                }
            }
        )+
    };
}

effects! {
    /// What a [`Change`](super::Change) changes.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub enum Effect {
        Friction(super::friction::Friction),
        Gravity(super::gravity::Gravity),
        Slope(super::slope::Slope),
        Mass(super::mass::Mass),
        Payload(super::payload::Payload),
        Motors(super::motors::MotorStrength),
        Pushes(super::pushes::Pushes),
        Wind(super::wind::Wind),
        Noise(super::noise::Noise),
        Delay(super::delay::Delay),
        Terrain(super::terrain::UnevenGround),
        Target(super::target::Target),
    }
}

impl Effect {
    /// Name in messages and recordings, e.g. `friction`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }
}
