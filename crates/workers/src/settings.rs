//! What an operator may set about looking at calls.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How calls that run through the server are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether they are. Without it nothing is noticed but what people report.
    pub on: bool,
    /// The folder that `cargo xtask models` fills.
    pub models: PathBuf,
    /// Threads that look, each with models of its own in memory. They get what calls leave.
    #[schemars(range(min = 1, max = 64))]
    pub threads: usize,
    /// A picture of each camera and screen so often, in seconds; less often by itself when the threads can't keep up.
    #[schemars(range(min = 1, max = 60))]
    pub picture_every_s: u64,
    /// The file of rules: what follows what is noticed. Not set: those that come along (docs/moderation.md). Read again
    /// when it changes.
    pub rules: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { on: true, models: "models".into(), threads: 1, picture_every_s: 5, rules: None }
    }
}
