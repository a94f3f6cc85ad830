//! How old somebody is, as far as it matters: people of two classes never meet by chance.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A class of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgeClass {
    /// 18 or older.
    Adult,
    /// Younger. Only where an operator takes them in, and only by the word of another service: nobody declares it.
    Youth,
}

impl AgeClass {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Adult, Self::Youth];

    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Youth => "youth",
        }
    }
}

impl FromStr for AgeClass {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(())
    }
}
