//! Beginnings and ends of calls that the database couldn't take when they happened: kept for a while, and written as soon as
//! that can be. Who really met stands on them, and only who met can report the other.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    time::Duration,
};

use visavis_domain::{
    Fault, Timestamp,
    event::CloseReason,
    id::{RoomId, UserId},
    wire::LeftReason,
};
use visavis_platform::db::calls::{self, MemberLeft};

use super::Node;

/// Between two tries.
const SAVE_AGAIN: Duration = Duration::from_secs(1);
/// That wait for the database to come back; beyond that the start-up sweep closes the rows.
const MAX_UNSAVED: usize = 20_000;

/// What is to be kept of a call.
#[derive(Debug, Clone)]
pub(super) enum Unsaved {
    /// Both are in.
    Start { room: RoomId, at: Timestamp },
    /// It is over.
    End(EndedCall),
}

/// The end of a call.
#[derive(Debug, Clone)]
pub(super) struct EndedCall {
    pub(super) room: RoomId,
    pub(super) at: Timestamp,
    pub(super) reason: CloseReason,
    pub(super) shown: CloseReason,
    pub(super) left: Vec<(UserId, LeftReason)>,
}

/// What waits, oldest first.
pub(super) type Waiting = VecDeque<Unsaved>;

impl Node {
    /// Writes it, now or later.
    pub(super) async fn keep(&self, what: Unsaved) {
        match &what {
            Unsaved::Start { .. } => metrics::counter!("visavis_calls_started_total").increment(1),
            Unsaved::End(call) => {
                let reason = call.reason.as_str();
                metrics::counter!("visavis_calls_ended_total", "reason" => reason).increment(1);
            }
        }
        if let Err(fault) = self.save(&what).await {
            tracing::warn!(fault.code = %fault.code, "a call's beginning or end waits to be kept");
            let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
            if unsaved.len() < MAX_UNSAVED {
                unsaved.push_back(what);
            }
        }
    }

    async fn save(&self, what: &Unsaved) -> Result<(), Fault> {
        let db = &self.deps.db;
        let call = match what {
            Unsaved::Start { room, at } => return Ok(calls::started(db, *room, *at).await?),
            Unsaved::End(call) => call,
        };
        let left = |(user, why): &(UserId, LeftReason)| MemberLeft {
            user: *user,
            at: call.at,
            reason: why.as_str(),
        };
        let left: Vec<_> = call.left.iter().map(left).collect();
        let reason = call.shown.as_str();
        if call.reason == call.shown {
            calls::ended(db, call.room, call.at, reason, &left).await?;
        } else {
            calls::blocked(db, call.room, call.at, reason, &left).await?;
        }
        Ok(())
    }

    /// Saves what waits.
    pub(super) async fn save_again(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SAVE_AGAIN).await;
            loop {
                let next = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(what) = next else { break };
                if self.save(&what).await.is_err() {
                    // At the end: one that is never taken must not stand before all others. Their order changes nothing.
                    self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).push_back(what);
                    break;
                }
            }
        }
    }
}
