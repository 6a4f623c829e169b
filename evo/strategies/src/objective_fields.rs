//! The settings for several objectives.

use super::FieldInfo;

/// The settings that all strategies of the kind share.
pub(super) const OBJECTIVES: FieldInfo = FieldInfo::new(
    "objectives",
    "",
    "[\"return\", \"energy\"]",
    "2 to 8 names; in training, those of docs/how-to/objectives.md",
);
pub(super) const REFERENCE: FieldInfo = FieldInfo::new(
    "reference",
    "of the objectives",
    "[]",
    "one value for each; empty is the worst of the first generation",
);
