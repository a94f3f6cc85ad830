//! Records of groups' rooms, and the live rooms they open.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex as AsyncMutex;
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::rooms::{CreateGroup, DeleteGroup, GroupRecord, RoomKind, RoomView},
    event::CloseReason,
    id::{ParticipantId, RoomId, UserId},
    room::{
        Who,
        group::{FEWEST, Group, MOST, Plan, removed},
        restraint::Restraint,
    },
    wire::LeftReason,
};
use visavis_platform::db::{
    blocks,
    rooms::{self, GroupRoom},
    visits::{self, Visit},
};

use super::{
    Live, MAX_ROOMS, Node,
    live::{AnyRoom, Input},
};

/// A record lives so long after its last use (protocol section 2).
const KEPT: Duration = Duration::from_hours(24);

impl Node {
    /// With whom of these somebody shares a block, whoever made it.
    pub(super) async fn blocked_among(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Fault> {
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let mut blocked = blocks::either_way(&self.deps.db, user).await?;
        blocked.retain(|other| others.contains(other));
        Ok(blocked)
    }

    /// Blocks that were made, and people who came, between the first look and the join.
    pub(super) async fn part_newcomer(&self, id: RoomId, room: &Live, user: UserId) -> Result<(), Fault> {
        let here = room.lock().await.people();
        let blocked = match self.blocked_among(user, &here).await {
            Ok(blocked) => blocked,
            // Nobody is in whose blocks aren't known.
            Err(fault) => {
                let left =
                    room.lock().await.session_of(user).map(|session| Input::Leave(Who { user, session }));
                if let Some(leave) = left {
                    let _ = self.apply(id, room, leave).await;
                }
                return Err(fault);
            }
        };
        for other in blocked {
            self.apply(id, room, Input::Part { by: user, other }).await?;
        }
        Ok(())
    }

    pub(super) async fn make_record(&self, req: CreateGroup) -> Result<GroupRecord, Fault> {
        if !(FEWEST..=MOST).contains(&req.limit) {
            return Err(Fault::field("maxParticipants", format!("must be {FEWEST} to {MOST}")));
        }
        let now = self.deps.clock.now();
        let record = GroupRoom {
            id: req.room,
            owner: req.owner,
            name: req.name,
            seats: req.limit as u64,
            locked: req.locked,
            created_at: now,
            expires_at: now + KEPT,
        };
        rooms::insert(&self.deps.db, &record).await?;
        self.record(req.room).await.map(|record| show(&record))
    }

    async fn record(&self, room: RoomId) -> Result<GroupRoom, Fault> {
        let found = rooms::by_id(&self.deps.db, room, self.deps.clock.now()).await?;
        found.ok_or_else(|| Fault::not_found("This room"))
    }

    pub(super) async fn look_at(&self, room: RoomId) -> Result<GroupRecord, Fault> {
        self.record(room).await.map(|record| show(&record))
    }

    /// The record goes at once; where the room is live is told to close it.
    pub(super) async fn end_record(&self, req: DeleteGroup) -> Result<(), Fault> {
        if self.record(req.room).await?.owner != req.user {
            return Err(Fault::new(Code::Forbidden, "Only whoever made a room can end it."));
        }
        rooms::delete(&self.deps.db, req.room).await?;
        let live = self.lock_rooms().get(&req.room).cloned();
        if let Some(live) = live {
            self.apply(req.room, &live, Input::Close(CloseReason::Deleted)).await?;
        }
        Ok(())
    }

    /// Opens the live room of a record, unless it is open.
    pub(super) async fn open_record(&self, room: RoomId) -> Result<(), Fault> {
        if self.lock_rooms().contains_key(&room) {
            return Ok(());
        }
        if self.shards.is_none() {
            return Err(Fault::unavailable());
        }
        let record = self.record(room).await?;
        if !self.claim(room).await? {
            return Err(Fault::new(Code::Conflict, "The room is just being opened elsewhere."));
        }
        let plan = Plan {
            id: record.id,
            name: record.name,
            owner: record.owner,
            limit: usize::try_from(record.seats).unwrap_or(MOST).clamp(FEWEST, MOST),
            locked: record.locked,
            created_at: record.created_at,
            expires_at: record.expires_at,
        };
        let group = Group::new(self.deps.clock.now(), plan, &self.deps.settings);
        let live: Live = Arc::new(AsyncMutex::new(AnyRoom::Group(group)));
        {
            let mut rooms = self.lock_rooms();
            if rooms.len() >= MAX_ROOMS {
                return Err(Fault::unavailable());
            }
            // Two who come at once open one.
            if rooms.contains_key(&room) {
                return Ok(());
            }
            rooms.insert(room, Arc::clone(&live));
        }
        self.gauge();
        let mut opened = live.lock().await;
        self.carry(room, &mut opened).await;
        Ok(())
    }

    pub(super) async fn keep_used(&self, room: RoomId) {
        let until = self.deps.clock.now() + KEPT;
        if let Err(error) = rooms::used(&self.deps.db, room, until).await {
            let fault = Fault::from(error);
            tracing::warn!(room.id = %room, fault.code = %fault.code, "a room's use was not kept");
        }
    }

    pub(super) async fn keep_came(
        &self,
        room: RoomId,
        (participant, user): (ParticipantId, UserId),
        came_at: Timestamp,
        apart: &[ParticipantId],
    ) {
        let visit = Visit { participant, room, user, node: self.deps.node, came_at };
        if let Err(error) = visits::came_apart(&self.deps.db, &visit, apart).await {
            let fault = Fault::from(error);
            tracing::warn!(room.id = %room, fault.code = %fault.code, "a stay's beginning was not kept");
        }
    }

    pub(super) async fn keep_went(&self, participant: ParticipantId, at: Timestamp, reason: CloseReason) {
        if let Err(error) = visits::left(&self.deps.db, participant, at, reason.as_str()).await {
            let fault = Fault::from(error);
            tracing::warn!(fault.code = %fault.code, "a stay's end was not kept");
        }
    }

    pub(super) async fn keep_out(&self, room: RoomId, user: UserId) {
        if let Err(fault) = self.deps.places.keep_out(room, user).await {
            // While this live room lives, it remembers by itself.
            tracing::warn!(room.id = %room, fault.code = %fault.code, "that safety removed somebody was not kept");
        }
    }

    /// What safety did there was taken back. Whichever node hears it first lets them in, for the room may be open nowhere.
    pub(super) async fn pardon(&self, user: UserId, room: RoomId, restraint: Restraint) {
        if restraint == Restraint::Remove
            && let Err(fault) = self.deps.places.let_in(room, user).await
        {
            tracing::warn!(room.id = %room, fault.code = %fault.code, "somebody stays kept out though it was taken back");
        }
        let live = self.lock_rooms().get(&room).map(Arc::clone);
        if let Some(live) = live {
            let _ = self.apply(room, &live, Input::Pardon(user, restraint)).await;
        }
    }

    pub(super) async fn restrain_again(&self, user: UserId, room: RoomId, restraint: Restraint) {
        if restraint == Restraint::Remove {
            self.keep_out(room, user).await;
        }
        let live = self.lock_rooms().get(&room).map(Arc::clone);
        if let Some(live) = live {
            let _ = self.apply(room, &live, Input::RestrainAgain(user, restraint)).await;
        }
    }

    /// Whoever safety has removed stays out, also of a room that has been opened again.
    pub(super) async fn check_not_kept_out(&self, room: RoomId, user: UserId) -> Result<(), Fault> {
        if self.deps.places.is_kept_out(room, user).await? {
            return Err(removed(LeftReason::Safety));
        }
        Ok(())
    }

    pub(super) async fn keep_lock(&self, room: RoomId, locked: bool) {
        if let Err(error) = rooms::set_locked(&self.deps.db, room, locked).await {
            let fault = Fault::from(error);
            tracing::warn!(room.id = %room, fault.code = %fault.code, "a room's lock was not kept");
        }
    }
}

fn show(record: &GroupRoom) -> GroupRecord {
    let room = RoomView {
        id: record.id,
        kind: RoomKind::Group,
        created_at: record.created_at,
        name: record.name.clone(),
        max_participants: usize::try_from(record.seats).unwrap_or(MOST),
        locked: record.locked,
        screens_forbidden: false,
        expires_at: Some(record.expires_at),
        caller: None,
        ringing_until: None,
    };
    GroupRecord { room, owner: record.owner }
}
