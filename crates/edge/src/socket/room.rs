//! Events inside a call: join, leave, signals, tracks, chat.

use serde_json::{Value, json};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        rooms::{
            Caption, Chat, Hand, Join, Joined, LinkState, MediaState, Moderate, OpenGroup, React,
            Seat as RoomSeat, SfuAnswer, SfuOffer, Signal, SignalBody, SignalKind, View,
        },
    },
    id::RoomId,
    text::{self, Written},
};

use super::{
    Hub,
    inbound::done,
    payload::{
        Described, InRoom, Linked, Message, Moderated, Raised, Reacted, Read, Tracks, Trickled, Viewed,
    },
    session::Session,
};

impl Session {
    pub(super) const fn in_room(&self, room: RoomId) -> RoomSeat {
        RoomSeat { room, user: self.user, session: self.id }
    }
}

impl Hub {
    pub(super) async fn on_join_room(
        &self,
        cx: &Caller,
        session: &Session,
        at: InRoom,
    ) -> Result<Value, Fault> {
        let entry = self.enter(cx, session, at.room_id).await?;
        // Whoever holds this seat is known there: by the match, or since they came in. A call of two so goes on while the
        // accounts are away.
        let joined = match Box::pin(self.come_in(cx, session, at.room_id, entry.was_here())).await {
            Ok(joined) => joined,
            Err(fault) => {
                Box::pin(self.turn_back(cx, session, entry, &fault)).await;
                return Err(fault);
            }
        };
        Box::pin(self.sit_down(cx, session, entry)).await?;
        let mut ack = serde_json::to_value(&joined).map_err(|_| Fault::internal())?;
        if let Value::Object(fields) = &mut ack {
            fields.insert("ok".to_owned(), true.into());
            fields.insert("iceServers".to_owned(), json!((self.ice)(joined.transport)));
        }
        Ok(ack)
    }

    async fn come_in(
        &self,
        cx: &Caller,
        session: &Session,
        room: RoomId,
        known: bool,
    ) -> Result<Joined, Fault> {
        let (user, seen, life) = (session.user, session.seen, session.life());
        let card = if known {
            None
        } else {
            self.may_meet(cx, user).await?;
            Some(self.users.card(cx, user).await?)
        };
        let join = Join { room, user, session: session.id, seen, card, life, heard: session.heard };
        match self.rooms.join(cx, join.clone()).await {
            // A group's room that nobody is in: its record opens it.
            Err(fault) if fault.code == Code::NotInRoom => {
                match self.rooms.open_group(cx, OpenGroup { room }).await {
                    // Somebody else is just opening it.
                    Ok(()) | Err(Fault { code: Code::Conflict, .. }) => {}
                    Err(Fault { code: Code::NotFound, .. }) => return Err(fault),
                    Err(other) => return Err(other),
                }
            }
            // A group that has lost this person meanwhile, and knows them no more.
            Err(fault) if fault.code == Code::WrongState && known => {}
            joined => return joined,
        }
        let card = if let Some(card) = join.card {
            card
        } else {
            self.may_meet(cx, user).await?;
            self.users.card(cx, user).await?
        };
        self.rooms.join(cx, Join { card: Some(card), ..join }).await
    }

    /// Whether a person is in that call; one that no node knows is over.
    pub(super) async fn is_seated(&self, cx: &Caller, seat: RoomSeat) -> Result<bool, Fault> {
        match self.rooms.seated(cx, seat).await {
            Err(fault) if fault.code == Code::NotInRoom => Ok(false),
            answer => answer,
        }
    }

    pub(super) async fn on_leave_room(
        &self,
        cx: &Caller,
        session: &Session,
        at: InRoom,
    ) -> Result<Value, Fault> {
        let left = self.rooms.leave(cx, session.in_room(at.room_id)).await;
        if left.is_ok() && session.call() == Some(at.room_id) {
            session.set_call(None);
        }
        self.free_seat(session.user, |seat| seat.session == session.id && seat.room() == Some(at.room_id))
            .await?;
        left.map(|()| done())
    }

    pub(super) async fn on_offer(
        &self,
        cx: &Caller,
        session: &Session,
        offer: Described,
    ) -> Result<Value, Fault> {
        self.limit("description", session, self.settings.descriptions_per_min).await?;
        if offer.to.is_some() {
            return self.signal(cx, session, SignalKind::Offer, offer).await;
        }
        let room = offer.room_id;
        let to_server = SfuOffer { seat: session.in_room(room), sdp: offer.sdp.clone() };
        match self.rooms.offer(cx, to_server).await {
            Ok(SfuAnswer { sdp }) => Ok(json!({"ok": true, "answer": {"sdp": sdp}})),
            // A direct call: it is for the other side.
            Err(fault) if fault.code == Code::WrongState => {
                self.signal(cx, session, SignalKind::Offer, offer).await
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn on_answer(
        &self,
        cx: &Caller,
        session: &Session,
        answer: Described,
    ) -> Result<Value, Fault> {
        self.limit("description", session, self.settings.descriptions_per_min).await?;
        self.signal(cx, session, SignalKind::Answer, answer).await
    }

    async fn signal(
        &self,
        cx: &Caller,
        session: &Session,
        kind: SignalKind,
        d: Described,
    ) -> Result<Value, Fault> {
        let seat = session.in_room(d.room_id);
        let signal = Signal { seat, to: d.to, kind, body: SignalBody::Sdp(d.sdp) };
        self.rooms.signal(cx, signal).await.map(|()| done())
    }

    pub(super) async fn on_candidate(
        &self,
        cx: &Caller,
        session: &Session,
        t: Trickled,
    ) -> Result<Value, Fault> {
        let body = SignalBody::Candidate(t.candidate);
        let signal = Signal { seat: session.in_room(t.room_id), to: t.to, kind: SignalKind::Candidate, body };
        self.rooms.signal(cx, signal).await.map(|()| done())
    }

    pub(super) async fn on_link_state(
        &self,
        cx: &Caller,
        session: &Session,
        l: &Linked,
    ) -> Result<Value, Fault> {
        let link = LinkState { seat: session.in_room(l.room_id), path: l.path, state: l.state };
        self.rooms.link_state(cx, link).await.map(|()| done())
    }

    pub(super) async fn on_media_state(
        &self,
        cx: &Caller,
        session: &Session,
        t: &Tracks,
    ) -> Result<Value, Fault> {
        let state = MediaState { seat: session.in_room(t.room_id), media: t.media };
        self.rooms.media_state(cx, state).await.map(|()| done())
    }

    pub(super) async fn on_chat(&self, cx: &Caller, session: &Session, m: Message) -> Result<Value, Fault> {
        self.limit("chat", session, self.settings.chats_per_min).await?;
        let Written { text, held } = text::written(&m.text, m.anyway)?;
        let chat = Chat { seat: session.in_room(m.room_id), text, held, nonce: m.nonce };
        let id = self.rooms.chat(cx, chat).await?;
        Ok(json!({"ok": true, "id": id}))
    }

    pub(super) async fn on_view(&self, cx: &Caller, session: &Session, v: Viewed) -> Result<Value, Fault> {
        let view = View { seat: session.in_room(v.room_id), wanted: v.wanted };
        self.rooms.view(cx, view).await.map(|()| done())
    }

    pub(super) async fn on_hand(&self, cx: &Caller, session: &Session, r: &Raised) -> Result<Value, Fault> {
        let hand = Hand { seat: session.in_room(r.room_id), raised: r.raised };
        self.rooms.hand(cx, hand).await.map(|()| done())
    }

    pub(super) async fn on_reaction(
        &self,
        cx: &Caller,
        session: &Session,
        r: &Reacted,
    ) -> Result<Value, Fault> {
        self.limit("reaction", session, self.settings.chats_per_min).await?;
        let react = React { seat: session.in_room(r.room_id), kind: r.kind };
        self.rooms.react(cx, react).await.map(|()| done())
    }

    pub(super) async fn on_captions(&self, cx: &Caller, session: &Session, r: &Read) -> Result<Value, Fault> {
        if r.on && !self.watching.listens() {
            return Err(Fault::new(
                Code::WrongState,
                "Calls aren't listened to here, so there are no captions.",
            ));
        }
        let caption = Caption { seat: session.in_room(r.room_id), on: r.on };
        self.rooms.caption(cx, caption).await.map(|()| done())
    }

    pub(super) async fn on_moderate(
        &self,
        cx: &Caller,
        session: &Session,
        m: &Moderated,
    ) -> Result<Value, Fault> {
        let seat = session.in_room(m.room_id);
        let moderate = Moderate { seat, action: m.action, participant: m.participant_id };
        self.rooms.moderate(cx, moderate).await.map(|()| done())
    }
}
