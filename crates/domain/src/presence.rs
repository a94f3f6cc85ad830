//! Where a person is, as their friends see it. It follows from leases: every page holds one for as long as its node says
//! so, a call holds one, and what nobody renews is over. Nothing is ever set to "online" and forgotten there.
//!
//! What friends were told is kept beside it. [`Teller`] brings the two together, in steps that may race with those of
//! other tellers and end anywhere: whatever happens, whoever looks last leaves friends with what is so.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{RoomId, SocketId},
};

/// Whoever tells friends something is left to it for so long; two who took it from one another would never end.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What friends see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Has a page open.
    Online,
    /// In a call, or about to be.
    InCall,
    /// Has pages open and looks at none of them.
    Away,
    /// Has no page open, or doesn't want to be disturbed.
    #[default]
    Offline,
}

impl Seen {
    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::InCall => "in-call",
            Self::Away => "away",
            Self::Offline => "offline",
        }
    }
}

impl std::str::FromStr for Seen {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Online, Self::InCall, Self::Away, Self::Offline]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(())
    }
}

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tab {
    /// Its node has spoken for it until then.
    pub until: Timestamp,
    /// Nobody looks at it.
    pub away: bool,
}

/// What is known of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Their pages.
    pub tabs: BTreeMap<SocketId, Tab>,
    /// Their call, and until when that is known.
    pub call: Option<(RoomId, Timestamp)>,
    /// They don't want to be disturbed, or seen.
    pub hidden: bool,
}

impl Person {
    /// What friends see at `now`.
    pub fn seen(&self, now: Timestamp) -> Seen {
        let mut here = self.tabs.values().filter(|tab| tab.until > now).peekable();
        if self.hidden || here.peek().is_none() {
            return Seen::Offline;
        }
        if self.call.is_some_and(|(_, until)| until > now) {
            return Seen::InCall;
        }
        if here.all(|tab| tab.away) { Seen::Away } else { Seen::Online }
    }
}

/// What friends were told, as it is kept. Later claims have later times, so that a page can tell a late word from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What.
    pub seen: Seen,
    /// When somebody took it upon them to tell.
    pub at: Timestamp,
    /// Everybody was told; else somebody is telling, or has died doing so.
    pub sure: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self { seen: Seen::Offline, at: Timestamp::from_millis(0), sure: true }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.sure { "" } else { "?" };
        write!(f, "{} {}{mark}", self.at.as_millis(), self.seen.as_str())
    }
}

impl std::str::FromStr for Told {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, rest) = text.split_once(' ').ok_or(())?;
        let seen = rest.strip_suffix('?');
        Ok(Self {
            seen: seen.unwrap_or(rest).parse()?,
            at: Timestamp::from_millis(at.parse().map_err(|_| ())?),
            sure: seen.is_none(),
        })
    }
}

/// What a teller wants done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Look at the person and at what is kept.
    Look,
    /// Keep `new`, if what is kept is still `was`.
    Keep {
        /// As it was seen.
        was: Told,
        /// As it is to be.
        new: Told,
    },
    /// Tell all friends.
    Tell(Seen, Timestamp),
    /// Nothing more: the last that was told is what is so.
    Done,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Of [`Step::Look`].
    Looked {
        /// What is so.
        seen: Seen,
        /// What is kept.
        told: Told,
    },
    /// Of [`Step::Keep`]: whether it was still so.
    Kept(bool),
    /// Of [`Step::Tell`].
    Did,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Looking,
    /// About to keep that it tells.
    Claiming(Told, Told),
    Telling(Told),
    /// About to keep that it told.
    Settling(Told),
    Done,
}

/// Tells friends where somebody is.
#[derive(Debug, Clone)]
pub struct Teller {
    phase: Phase,
}

impl Default for Teller {
    fn default() -> Self {
        Self { phase: Phase::Looking }
    }
}

impl Teller {
    /// What is to be done next.
    pub const fn poll(&self) -> Step {
        match self.phase {
            Phase::Looking => Step::Look,
            Phase::Claiming(was, new) => Step::Keep { was, new },
            Phase::Telling(told) => Step::Tell(told.seen, told.at),
            Phase::Settling(was) => Step::Keep { was, new: Told { sure: true, ..was } },
            Phase::Done => Step::Done,
        }
    }

    /// Takes what came of it. What doesn't fit the step is ignored.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.phase = match (self.phase, input) {
            (Phase::Looking, Input::Looked { seen, told }) if told.sure && told.seen == seen => Phase::Done,
            // Somebody else is just telling the same. Should they die doing so, a later look finds it unsettled.
            (Phase::Looking, Input::Looked { seen, told })
                if told.seen == seen && now < told.at + PATIENCE && told.at < now + PATIENCE =>
            {
                Phase::Done
            }
            (Phase::Looking, Input::Looked { seen, told }) => {
                // Later than the one before, whatever this node's clock says.
                let at = now.max(told.at + Duration::from_millis(1));
                Phase::Claiming(told, Told { seen, at, sure: false })
            }
            (Phase::Claiming(_, told), Input::Kept(true)) => Phase::Telling(told),
            (Phase::Telling(told), Input::Did) => Phase::Settling(told),
            // It may have been looked at long ago.
            (Phase::Settling(_) | Phase::Claiming(..), Input::Kept(_)) => Phase::Looking,
            (phase, _) => phase,
        };
    }
}
