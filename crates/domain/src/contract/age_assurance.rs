//! Whoever says how old somebody is: their own word, or another service.

use serde::{Deserialize, Serialize};

use crate::{age::AgeClass, id::UserId};

crate::contract! {
    /// Says how old people are, as far as it matters here.
    "age-assurance" => trait AgeAssurance {
        /// The class of somebody who has just declared to be an adult; none when it can't be confirmed.
        fn assess(Assess) -> Option<AgeClass> [idempotent, 5000 ms];
    }
}

/// Somebody whose age is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assess {
    /// Who.
    pub user: UserId,
    /// They say that they are 18 or older.
    pub declares_adult: bool,
}
