//! What safety does about somebody in a call, whoever decided it: a rule or a person.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    event::ServerEvent,
    id::{DecisionId, RoomId},
    strikes::Action,
};

/// What holds for somebody from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restraint {
    /// Nothing else than before: they are told.
    Warn,
    /// Others see their pictures blurred.
    Blur,
    /// Others see them as they are again.
    Clear,
    /// Others don't hear them; no host can change that.
    Mute,
    /// They leave, and don't come back into this room.
    Remove,
}

/// What the person is told (protocol: `safety-notice`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What was done.
    pub action: Action,
    /// The rule it rests on.
    pub rule: String,
    /// Of a suspension: its end.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Where the statement of reasons is, and what an appeal names.
    pub decision_id: DecisionId,
    /// No person had a part in it.
    pub automated: bool,
}

impl Notice {
    /// For the page of whom it is about.
    pub(super) fn event(self, room: RoomId) -> ServerEvent {
        let Self { action, rule, until, decision_id, automated } = self;
        ServerEvent::SafetyNotice { room_id: Some(room), action, rule, until, decision_id, automated }
    }
}

/// What holds for one person in one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Held {
    /// See [`Restraint::Blur`].
    pub(super) blurred: bool,
    /// See [`Restraint::Mute`].
    pub(super) silenced: bool,
}

impl Held {
    /// What was done is taken back. True when others have to learn of it.
    pub(super) fn lift(&mut self, restraint: Restraint) -> bool {
        let before = *self;
        self.silenced &= restraint != Restraint::Mute;
        *self != before
    }

    /// Takes one on. True when others have to learn of it.
    pub(super) fn take(&mut self, restraint: Restraint) -> bool {
        let before = *self;
        match restraint {
            Restraint::Blur => self.blurred = true,
            Restraint::Clear => self.blurred = false,
            Restraint::Mute => self.silenced = true,
            Restraint::Warn | Restraint::Remove => {}
        }
        *self != before
    }
}
