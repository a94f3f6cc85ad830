//! What is between people, as far as their pages hear of it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use visavis_domain::{
    Fault,
    contract::Caller,
    event::{Event, ServerEvent, Topic},
    id::{RequestId, RoomId, SocketId, UserId},
    strikes::Action,
};
use visavis_platform::{Board, Pages, board::PARTING, bus::News};

use super::{Hub, inbound::done, payload::Looked, seat::Seat, session::Session};

/// Tries to carry a suspension out, and the pause between them.
const STANDING_TRIES: u32 = 8;
const STANDING_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);
/// Between telling a page and cutting it off: long enough for the word to reach it.
const HEARD: std::time::Duration = std::time::Duration::from_millis(300);
/// A lease has ended for certain after so long.
const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(200);

impl Hub {
    pub(super) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    pub(super) fn board(&self) -> &Board {
        &self.0.board
    }

    /// Has their friends told where a person is, if that has changed. Nobody waits for it.
    pub(super) fn look_at(&self, user: UserId) {
        let hub = self.clone();
        self.lifecycle.spawn("presence", async move {
            if let Err(fault) = hub.friends.look(&Caller::internal("presence"), user).await {
                tracing::debug!(fault.code = %fault.code, "friends could not be told where somebody is");
            }
        });
    }

    /// The page is open, or still is. Who is suspended comes to read why, and is nowhere to friends.
    pub(super) async fn is_here(&self, session: &Session) -> Result<(), Fault> {
        if session.suspended_until() > self.clock.now() {
            return Ok(());
        }
        self.board().hold(session.user, session.id, session.is_away()).await
    }

    /// A page has come: its person may be online now.
    pub(super) fn arrived(&self, session: &Arc<Session>) {
        let (hub, session) = (self.clone(), Arc::clone(session));
        self.lifecycle.spawn("presence", async move {
            // Should that not be known, their calls are refused all the same.
            let standing = hub.moderation.standing(&Caller::internal("presence"), session.user).await;
            if let Some(suspended) = standing.ok().and_then(|standing| standing.suspended) {
                session.suspend(suspended.until);
            }
            if hub.is_here(&session).await.is_ok() {
                hub.look_at(session.user);
            }
            hub.rings_here_too(&session).await;
        });
    }

    /// A page's connection is gone: when it doesn't come back soon its person may be offline.
    pub(super) async fn departed(&self, user: UserId, session: SocketId) {
        let _ = self.board().part(user, session).await;
        let hub = self.clone();
        self.lifecycle.spawn("presence", async move {
            tokio::time::sleep(PARTING + A_MOMENT).await;
            hub.look_at(user);
        });
    }

    /// A page is gone for good.
    pub(super) async fn gone(&self, user: UserId, session: SocketId) {
        let _ = self.board().leave(user, session).await;
        self.look_at(user);
    }

    /// The seat went from one thing to another.
    pub(super) async fn seat_moved(&self, user: UserId, was: Option<&str>, to: Option<&Seat>) {
        let before = was.and_then(|text| serde_json::from_str::<Seat>(text).ok());
        let (before, after) = (before.as_ref().and_then(Seat::room), to.and_then(Seat::room));
        if before != after {
            // Should that fail, the next renewal says it, or the lease ends.
            let _ = self.board().call(user, after).await;
            self.look_at(user);
        }
    }

    /// Puts off the end of a person's call, if this session holds its seat; and looks once more, should a look have failed.
    pub(super) async fn still_here(&self, session: &Session) -> Result<(), Fault> {
        self.is_here(session).await?;
        let seat = self.seat(session.user).await?.map(|(seat, _)| seat);
        if let Some(room) = seat.filter(|seat| seat.session == session.id).and_then(|seat: Seat| seat.room())
        {
            self.call_goes_on(session.user, room).await?;
        }
        let person = self.board().read(session.user).await?;
        let told = self.board().told(session.user).await?;
        if !told.sure || told.seen != person.seen(self.clock.now()) {
            self.look_at(session.user);
        }
        Ok(())
    }

    async fn call_goes_on(&self, user: UserId, room: RoomId) -> Result<(), Fault> {
        self.board().call(user, Some(room)).await
    }

    pub(super) async fn on_presence(&self, session: &Session, looked: &Looked) -> Result<Value, Fault> {
        if session.set_away(looked.away) != looked.away {
            self.is_here(session).await?;
            self.look_at(session.user);
        }
        Ok(done())
    }

    /// Whoever loses a friend, or a request by a block, hears that their lists have changed. Every node hears of it; the
    /// pages are told once.
    pub(super) async fn hear_people(self) {
        let mut news = self.bus.subscribe(Topic::People);
        while let Some(next) = news.next().await {
            match next {
                News::Event(Event::Parted { user, other, request }) => {
                    for person in [user, other] {
                        if let Err(fault) = self.tell_parted(person, request).await {
                            tracing::warn!(fault.code = %fault.code, "the end of a friendship could not be told");
                        }
                    }
                }
                News::Event(Event::StandingChanged { user }) => {
                    self.look_at_standing([user].into());
                }
                News::Event(Event::RoleChanged { user, at }) => {
                    let mark = format!("role{}", at.as_millis());
                    let told = self.pages().tell_once(user, &ServerEvent::AccountChanged {}, &mark).await;
                    if let Err(fault) = told {
                        tracing::warn!(fault.code = %fault.code, "pages could not be told of a role");
                    }
                }
                // Anybody who has a page here may be suspended meanwhile.
                News::Missed => {
                    let here = self.sessions().iter().map(|session| session.user).collect();
                    self.look_at_standing(here);
                }
                News::Event(_) => {}
            }
        }
    }

    /// Whoever is suspended and has a page here is taken out of whatever they are in, told, and cut off. They may come again,
    /// to read why.
    fn look_at_standing(&self, users: BTreeSet<UserId>) {
        let hub = self.clone();
        self.lifecycle.spawn("standing", async move {
            for user in users {
                for _ in 0..STANDING_TRIES {
                    match hub.end_if_suspended(user).await {
                        Ok(()) => break,
                        Err(fault) => {
                            tracing::warn!(fault.code = %fault.code, "a suspension could not be carried out yet");
                            tokio::time::sleep(STANDING_AGAIN).await;
                        }
                    }
                }
            }
        });
    }

    async fn end_if_suspended(&self, user: UserId) -> Result<(), Fault> {
        let here: Vec<_> = self.sessions().into_iter().filter(|session| session.user == user).collect();
        if here.is_empty() {
            return Ok(());
        }
        let cx = Caller::internal("standing");
        let Some(suspended) = self.moderation.standing(&cx, user).await?.suspended else {
            for session in here.iter().filter(|session| session.suspended_until() > self.clock.now()) {
                session.suspend(self.clock.now());
                self.is_here(session).await?;
                self.look_at(user);
            }
            return Ok(());
        };
        let decisions = self.moderation.decisions(&cx, user).await?;
        if let Some(one) = decisions.into_iter().find(|one| one.id == suspended.decision_id) {
            let notice = ServerEvent::SafetyNotice {
                room_id: None,
                action: Action::Suspend,
                rule: one.rule,
                until: one.until,
                decision_id: one.id,
                automated: one.automated,
            };
            self.pages().tell_once(user, &notice, &format!("suspended{}", one.id.bits())).await?;
        }
        self.give_up_seat(&cx, user).await?;
        tokio::time::sleep(HEARD).await;
        for session in here {
            session.cut();
        }
        Ok(())
    }

    async fn tell_parted(&self, user: UserId, request: RequestId) -> Result<(), Fault> {
        let mark = format!("parted{}", request.bits());
        self.pages().tell_once(user, &ServerEvent::FriendsChanged {}, &mark).await
    }
}
