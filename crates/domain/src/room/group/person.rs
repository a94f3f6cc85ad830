//! One person of a group.

use std::collections::VecDeque;

use crate::{
    Timestamp,
    id::{MessageId, ParticipantId, SocketId, UserId},
    room::{Who, member::Member, restraint},
    wire::{Card, Media, Participant, Presence},
};

/// Nonces remembered per person, so that a repeated message is one message: a client repeats only its last few.
const NONCES: usize = 16;

/// What is missing of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    Socket,
    Media,
}

#[derive(Debug)]
pub(super) struct Person {
    pub(super) participant: ParticipantId,
    pub(super) user: UserId,
    pub(super) session: SocketId,
    pub(super) card: Card,
    /// With whom they share a block, in the room or not.
    pub(super) apart: Vec<UserId>,
    /// What their page says is on, and whether it has said anything yet.
    pub(super) media: Media,
    pub(super) told: bool,
    /// By the host.
    pub(super) muted: bool,
    /// What safety has decided about them here.
    pub(super) held_back: restraint::Held,
    pub(super) hand: bool,
    /// Until when a dropped socket, or a silent connection, is waited for.
    pub(super) parked: Option<Timestamp>,
    pub(super) silent: Option<Timestamp>,
    nonces: VecDeque<(String, MessageId)>,
}

impl Person {
    pub(super) fn new(
        participant: ParticipantId,
        user: UserId,
        session: SocketId,
        card: Card,
        apart: Vec<UserId>,
    ) -> Self {
        Self {
            participant,
            user,
            session,
            card,
            apart,
            media: Media::default(),
            told: false,
            muted: false,
            held_back: restraint::Held::default(),
            hand: false,
            parked: None,
            silent: None,
            nonces: VecDeque::new(),
        }
    }

    /// Somebody of a call of two that has become a group.
    pub(super) fn of_member(member: &Member) -> Self {
        let (parked, silent, nonces) = (member.parked(), member.silent, member.nonces());
        let (media, told) = (member.media, member.told);
        let person =
            Self::new(member.participant, member.user, member.session, member.card.clone(), Vec::new());
        Self { media, told, parked, silent, nonces, held_back: member.held_back, ..person }
    }

    pub(super) const fn who(&self) -> Who {
        Who { user: self.user, session: self.session }
    }

    pub(super) const fn presence(&self) -> Presence {
        if self.parked.is_some() || self.silent.is_some() {
            Presence::Reconnecting
        } else {
            Presence::Connected
        }
    }

    pub(super) fn is_lost(&self, now: Timestamp) -> bool {
        [self.parked, self.silent].into_iter().flatten().any(|until| until <= now)
    }

    /// By the host or for safety.
    pub(super) const fn is_muted(&self) -> bool {
        self.muted || self.held_back.silenced
    }

    pub(super) fn view(&self, host: bool) -> Participant {
        Participant {
            id: self.participant,
            user_id: self.user,
            display_name: self.card.display_name.clone(),
            avatar_url: self.card.avatar_url.clone(),
            band: self.card.band,
            state: self.presence(),
            media: self.media,
            host,
            hand_raised: self.hand,
            muted: self.is_muted(),
            blurred: self.held_back.blurred,
        }
    }

    pub(super) fn said(&self, nonce: &str) -> Option<MessageId> {
        self.nonces.iter().find(|(n, _)| n == nonce).map(|(_, id)| *id)
    }

    pub(super) fn remember(&mut self, nonce: String, id: MessageId) {
        if self.nonces.len() >= NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back((nonce, id));
    }
}
