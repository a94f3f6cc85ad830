//! One side of a room.

use std::{collections::VecDeque, net::IpAddr};

use super::{Allowed, Who, restraint};
use crate::{
    Timestamp,
    contract::rooms::{Guest, Link, SignalBody, SignalKind},
    id::{MessageId, ParticipantId, SocketId, TicketId, UserId},
    wire::{Card, Media, Participant, Presence},
};

/// Nonces remembered per person, so that a repeated message is one message: a client repeats only its last few.
const NONCES: usize = 16;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Told, and not here yet.
    Expected {
        /// Then the other searches on.
        until: Timestamp,
    },
    /// Called, and hasn't answered.
    Rung,
    /// Here.
    In,
    /// The socket dropped.
    Parked {
        /// Then the seat is lost.
        until: Timestamp,
    },
    /// Not coming back.
    Gone,
}

/// A signal that waits for its receiver.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) kind: SignalKind,
    pub(super) body: SignalBody,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) participant: ParticipantId,
    pub(super) user: UserId,
    pub(super) session: SocketId,
    pub(super) ticket: TicketId,
    pub(super) since: Timestamp,
    pub(super) card: Card,
    pub(super) place: Place,
    pub(super) seen: Option<IpAddr>,
    pub(super) media: Media,
    /// What safety has decided about them here.
    pub(super) held_back: restraint::Held,
    pub(super) link: Option<Link>,
    /// Whether their page has said what is on.
    pub(super) told: bool,
    /// When their page last had a picture of the other.
    pub(super) sampled: Option<Timestamp>,
    /// Whether they have seen the other through the server.
    pub(super) through: bool,
    /// Until when a silent connection to the server is waited for.
    pub(super) silent: Option<Timestamp>,
    pub(super) held: VecDeque<Held>,
    nonces: VecDeque<(String, MessageId)>,
}

impl Member {
    pub(super) fn expected(participant: ParticipantId, guest: Guest, until: Timestamp) -> Self {
        Self {
            participant,
            user: guest.user,
            session: guest.session,
            ticket: guest.ticket,
            since: guest.since,
            card: guest.card,
            place: Place::Expected { until },
            seen: None,
            media: Media::default(),
            held_back: restraint::Held::default(),
            link: None,
            told: false,
            sampled: None,
            through: false,
            silent: None,
            held: VecDeque::new(),
            nonces: VecDeque::new(),
        }
    }

    /// Somebody of a call, matched by no ticket.
    pub(super) fn known(participant: ParticipantId, session: SocketId, card: Card, place: Place) -> Self {
        let (user, now) = (card.id, Timestamp::from_millis(0));
        let guest = Guest { user, session, ticket: TicketId::from_bits(0), since: now, card };
        Self { place, ..Self::expected(participant, guest, now) }
    }

    /// Until when a dropped socket is waited for.
    pub(super) const fn parked(&self) -> Option<Timestamp> {
        match self.place {
            Place::Parked { until } => Some(until),
            _ => None,
        }
    }

    /// The names of their last messages.
    pub(super) fn nonces(&self) -> VecDeque<(String, MessageId)> {
        self.nonces.clone()
    }

    /// Here, or on their way.
    pub(super) const fn is_awaited(&self) -> bool {
        !matches!(self.place, Place::Gone | Place::Rung)
    }

    pub(super) const fn is_in(&self) -> bool {
        matches!(self.place, Place::In | Place::Parked { .. })
    }

    pub(super) const fn who(&self) -> Who {
        Who { user: self.user, session: self.session }
    }

    /// What others may have of them.
    pub(super) const fn allowed(&self) -> Media {
        Media { audio: self.media.audio && !self.held_back.silenced, ..self.media }
    }

    /// The same, the sound of the screen apart.
    pub(super) const fn open(&self) -> Allowed {
        // Of whoever hasn't said what is on all may be, but not what is forbidden.
        let said = if self.told { self.media } else { Media::ALL };
        let media = Media { audio: said.audio && !self.held_back.silenced, ..said };
        Allowed::new(media, self.held_back.silenced)
    }

    pub(super) fn view(&self) -> Participant {
        let parked = matches!(self.place, Place::Parked { .. }) || self.silent.is_some();
        Participant {
            id: self.participant,
            user_id: self.user,
            display_name: self.card.display_name.clone(),
            avatar_url: self.card.avatar_url.clone(),
            band: self.card.band,
            state: if parked { Presence::Reconnecting } else { Presence::Connected },
            media: self.allowed(),
            host: false,
            hand_raised: false,
            muted: self.held_back.silenced,
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
