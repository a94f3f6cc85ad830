//! A room of up to ten: who is in, who hosts, what the host decides, how it empties. Pure, like the room of two.
//!
//! Nobody's address passes here at all: media runs through the server, and this machine only says who may be heard.

mod apart;
mod departed;
mod hosting;
mod of_call;
mod person;

use std::{collections::VecDeque, time::Duration};

use crate::{
    Code, Fault, Timestamp,
    contract::rooms::{Action, Joined, LinkState},
    event::{CloseReason, ServerEvent},
    id::{MessageId, ParticipantId, RoomId, SocketId, UserId},
    room::{
        Allowed, MediaOrder, Output, Reply, Settings, Who, not_in_room,
        restraint::{Notice, Restraint},
    },
    text::Written,
    wire::{Card, LeftReason, Media, Path, ReactionKind},
};
use departed::Departed;
pub(super) use of_call::Grown;
use of_call::Invited;
use person::{Absence, Person};

/// Most people of a room.
pub const MOST: usize = 10;
/// Fewest that a room can be made for.
pub const FEWEST: usize = 2;
/// A room that everybody has left stays so long: whoever reloads the page finds it as it was.
const EMPTY_FOR: Duration = Duration::from_secs(20);
/// A silent connection is told after about this; the rest of the grace it has left.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// People kept out that are remembered; with more the one removed first may come back.
const MAX_REMOVED: usize = 100;

/// What a room is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The room.
    pub id: RoomId,
    /// What it is called.
    pub name: Option<String>,
    /// Who made it: hosts it whenever they are in.
    pub owner: UserId,
    /// Most people.
    pub limit: usize,
    /// Nobody but the owner comes in.
    pub locked: bool,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Input {
    /// Somebody comes in, or comes again.
    Join {
        /// Who.
        user: UserId,
        /// Through which session; it is the seat from now on.
        session: SocketId,
        /// What others see; whoever is in already needs none.
        card: Option<Card>,
        /// With whom of those who are here, or whose room it is, they share a block.
        apart: Vec<UserId>,
        /// The participant they become, if they are new.
        participant: ParticipantId,
    },
    /// Somebody leaves on purpose.
    Leave(Who),
    /// Somebody's tracks.
    Media(Who, Media),
    /// Somebody writes.
    Chat {
        /// From whom.
        from: Who,
        /// The checked text.
        text: Written,
        /// The client's name for it.
        nonce: String,
        /// The id it gets, unless this nonce has one.
        id: MessageId,
    },
    /// Somebody wants to speak, or no longer.
    Hand(Who, bool),
    /// Somebody reacts.
    React(Who, ReactionKind),
    /// The host decides.
    Moderate(Who, Action, Option<ParticipantId>),
    /// A socket dropped.
    Park(Who),
    /// A socket is back.
    Unpark(Who),
    /// Nothing comes over somebody's media connection any more, or it does again.
    Silent(ParticipantId, bool),
    /// What somebody's media connection says.
    Link(LinkState),
    /// Somebody is called into what was a call of two.
    Add {
        /// By whom.
        from: Who,
        /// Who is to come.
        guest: Card,
        /// With whom the guest shares a block.
        unwelcome: Vec<UserId>,
    },
    /// They come, through this session.
    Answer(Who),
    /// They don't.
    Decline(Who),
    /// They needn't; or whoever says so leaves.
    Cancel(Who, Option<UserId>),
    /// One of the two has blocked the other: they are kept apart.
    Part {
        /// Who acted.
        by: UserId,
        /// Towards whom.
        other: UserId,
    },
    /// Safety does something about somebody.
    Restrain(ParticipantId, Restraint, Option<Notice>),
    /// And takes it back.
    Pardon(UserId, Restraint),
    /// And does it again, wherever they are by now.
    RestrainAgain(UserId, Restraint),
    /// The room ends for everybody.
    Close(CloseReason),
    /// Time has passed.
    Tick,
}

/// The machine.
#[derive(Debug)]
pub struct Group {
    plan: Plan,
    settings: Settings,
    people: Vec<Person>,
    host: Option<ParticipantId>,
    /// Who may not come again, and by whom they were removed.
    removed: VecDeque<(UserId, LeftReason)>,
    departed: Departed,
    screens_forbidden: bool,
    empty_since: Option<Timestamp>,
    ended: bool,
    /// It was a call of two.
    call: Option<Invited>,
    out: VecDeque<Output>,
}

impl Group {
    /// An empty room.
    pub fn new(now: Timestamp, plan: Plan, settings: &Settings) -> Self {
        let out = VecDeque::from([Output::WakeAt(now + EMPTY_FOR)]);
        Self {
            plan,
            settings: settings.clone(),
            people: Vec::new(),
            host: None,
            removed: VecDeque::new(),
            departed: Departed::default(),
            screens_forbidden: false,
            empty_since: Some(now),
            ended: false,
            call: None,
            out,
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input. A fault changes nothing.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Result<Reply, Fault> {
        if self.ended {
            return Err(not_in_room());
        }
        match input {
            Input::Join { user, session, card, apart, participant } => {
                let newcomer = card.map(|card| Person::new(participant, user, session, card, apart));
                self.join(now, Who { user, session }, newcomer)
            }
            Input::Leave(who) => self.leave(now, who),
            Input::Media(who, media) => self.media(who, media),
            Input::Chat { from, text, nonce, id } => self.chat(now, from, text, nonce, id),
            Input::Hand(who, raised) => self.hand(who, raised),
            Input::React(who, kind) => self.react(who, kind),
            Input::Moderate(who, action, target) => self.moderate(now, who, action, target),
            Input::Park(who) => self.park(now, who),
            Input::Unpark(who) => self.unpark(who),
            Input::Silent(participant, silent) => Ok(self.silent(now, participant, silent)),
            Input::Link(link) => self.link(link),
            Input::Add { from, guest, unwelcome } => self.add(now, from, &guest, &unwelcome),
            Input::Answer(who) => self.answer(who),
            Input::Decline(who) => self.decline(who),
            Input::Cancel(who, only) => self.cancel(now, who, only),
            Input::Part { by, other } => {
                self.part(now, by, other);
                Ok(Reply::Done)
            }
            Input::Restrain(about, restraint, notice) => self.restrain(now, about, restraint, notice),
            Input::Pardon(user, restraint) => Ok(self.pardon(user, restraint)),
            Input::RestrainAgain(user, restraint) => self.restrain_again(now, user, restraint),
            Input::Close(reason) => Ok(self.close(now, reason)),
            Input::Tick => Ok(self.tick(now)),
        }
    }

    /// Whether this user is in.
    pub fn is_seated(&self, user: UserId) -> bool {
        self.people.iter().any(|p| p.user == user)
    }

    /// The participant that acts through this seat.
    pub fn participant(&self, who: Who) -> Result<ParticipantId, Fault> {
        self.seated(who).map(|i| self.people[i].participant)
    }

    /// Through which session somebody is told of things.
    pub fn session(&self, participant: ParticipantId) -> Option<SocketId> {
        self.people.iter().find(|p| p.participant == participant).map(|p| p.session)
    }

    /// The participant that somebody is.
    pub fn participant_of(&self, user: UserId) -> Option<ParticipantId> {
        self.people.iter().find(|p| p.user == user).map(|p| p.participant)
    }

    /// Whose that participant is.
    pub fn user(&self, participant: ParticipantId) -> Option<UserId> {
        self.people.iter().find(|p| p.participant == participant).map(|p| p.user)
    }

    /// The session that holds somebody's place.
    pub fn session_of(&self, user: UserId) -> Option<SocketId> {
        self.people.iter().find(|p| p.user == user).map(|p| p.session)
    }

    /// Whose blocks matter to somebody who comes in: everybody who is here, and whose room it is.
    pub fn hosts_and_guests(&self) -> Vec<UserId> {
        self.people.iter().map(|p| p.user).chain([self.plan.owner]).collect()
    }

    /// Everybody's session.
    pub fn sessions(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.people.iter().map(|p| p.session)
    }

    /// Those whose page isn't known to be away.
    pub fn here(&self) -> impl Iterator<Item = Who> + '_ {
        self.people.iter().filter(|p| p.parked.is_none()).map(Person::who)
    }

    /// What others may have of somebody, whether their page has said what is on or not.
    pub fn tracks(&self, participant: ParticipantId) -> Option<Allowed> {
        let person = self.people.iter().find(|p| p.participant == participant)?;
        Some(self.allowed(person))
    }

    /// Most people.
    pub const fn limit(&self) -> usize {
        self.plan.limit
    }

    fn seated(&self, who: Who) -> Result<usize, Fault> {
        let holds = |p: &Person| p.user == who.user && p.session == who.session;
        self.people.iter().position(holds).ok_or_else(not_in_room)
    }

    fn join(&mut self, now: Timestamp, who: Who, newcomer: Option<Person>) -> Result<Reply, Fault> {
        let index = match (self.people.iter().position(|p| p.user == who.user), newcomer) {
            (Some(index), _) => {
                self.return_to(index, who.session);
                index
            }
            (None, Some(person)) => self.come_in(now, person)?,
            (None, None) => return Err(Fault::new(Code::WrongState, "The room must know who comes in.")),
        };
        let joined = Joined {
            room: self.view(),
            me: self.people[index].participant,
            participants: self.seen_by(index).collect(),
            transport: Path::Sfu,
        };
        Ok(Reply::Joined(Box::new(joined)))
    }

    fn return_to(&mut self, index: usize, session: SocketId) {
        let person = &mut self.people[index];
        let was = person.presence();
        person.session = session;
        person.parked = None;
        if person.presence() != was {
            self.tell_state(index);
        }
    }

    fn come_in(&mut self, now: Timestamp, mut person: Person) -> Result<usize, Fault> {
        let owner = person.user == self.plan.owner;
        if self.call.as_ref().is_some_and(|call| !call.has(person.user)) {
            return Err(not_in_room());
        }
        if let Some((_, why)) = self.removed.iter().find(|(user, _)| *user == person.user) {
            return Err(removed(*why));
        }
        if self.plan.locked && !owner {
            return Err(Fault::new(Code::RoomLocked, "The host has locked this room."));
        }
        self.check_welcome(&person)?;
        if self.people.len() >= self.plan.limit {
            let most = self.plan.limit;
            return Err(Fault::new(Code::RoomFull, format!("The room is full: {most} people are in it.")));
        }
        let (participant, user) = (person.participant, person.user);
        person.held_back = self.departed.held(user);
        self.people.push(person);
        self.empty_since = None;
        let apart = self.apart_from(participant);
        self.out.push_back(Output::Came { participant, user, at: now, apart });
        if owner || self.host.is_none() {
            self.give_host(now, participant);
        }
        let index = self.people.len() - 1;
        let participant = self.show(&self.people[index]);
        self.tell_others(index, &ServerEvent::ParticipantJoined { room_id: self.plan.id, participant });
        self.out.push_back(Output::Used);
        Ok(index)
    }

    fn leave(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        self.depart(now, index, LeftReason::Left);
        Ok(Reply::Done)
    }

    /// Somebody goes, whatever the reason; the host's chair goes to whoever has been here longest.
    fn depart(&mut self, now: Timestamp, index: usize, reason: LeftReason) {
        let participant = self.show(&self.people[index]);
        let event = ServerEvent::ParticipantLeft { room_id: self.plan.id, participant, reason };
        self.tell_others(index, &event);
        let person = self.people.remove(index);
        self.departed.keep(&person);
        self.out.push_back(Output::Went { participant: person.participant, at: now, reason: reason.into() });
        self.out.push_back(Output::Media(MediaOrder::Leave(person.participant)));
        self.out.push_back(Output::SeatEnded(person.who()));
        self.out.push_back(Output::Used);
        self.stop_rings(Some(person.user));
        self.may_have_moved();
        if self.host == Some(person.participant) {
            self.host = None;
            if let Some(next) = self.people.first().map(|p| p.participant) {
                self.give_host(now, next);
            }
        }
        if self.people.is_empty() {
            self.empty_since = Some(now);
            self.out.push_back(Output::WakeAt(now + EMPTY_FOR));
        }
    }

    fn give_host(&mut self, now: Timestamp, to: ParticipantId) {
        let was = self.host.replace(to);
        for i in 0..self.people.len() {
            let concerned = |p: ParticipantId| Some(p) == was || p == to;
            if was != Some(to) && concerned(self.people[i].participant) {
                self.tell_state(i);
            }
        }
        self.clear_chair(now);
    }

    fn media(&mut self, who: Who, media: Media) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        let person = &self.people[index];
        if media.audio && person.is_muted() {
            let by = if person.held_back.silenced {
                "You were muted for safety."
            } else {
                "The host has muted you."
            };
            return Err(Fault::new(Code::Forbidden, by));
        }
        let screens = self.people.iter().filter(|p| p.media.screen && p.user != who.user).count();
        if media.screen && !person.media.screen {
            if self.screens_forbidden && self.host != Some(person.participant) {
                return Err(Fault::new(Code::Forbidden, "The host has switched screen sharing off."));
            }
            if screens >= super::slots::SCREENS {
                return Err(Fault::new(Code::Conflict, "Two screens are shared already."));
            }
        }
        let person = &mut self.people[index];
        let changed = person.media != media || !person.told;
        (person.media, person.told) = (media, true);
        if changed {
            self.order_tracks(index);
            self.tell_state(index);
        }
        Ok(Reply::Done)
    }

    fn allowed(&self, person: &Person) -> Allowed {
        let (host, muted) = (self.host == Some(person.participant), person.is_muted());
        // Of whoever hasn't said what is on all may be, but not what is forbidden.
        let said = if person.told { person.media } else { Media::ALL };
        let media = Media {
            audio: said.audio && !muted,
            video: said.video,
            screen: said.screen && (host || !self.screens_forbidden),
        };
        Allowed::new(media, muted)
    }

    fn order_tracks(&mut self, index: usize) {
        let person = &self.people[index];
        let order = MediaOrder::Tracks(person.participant, self.allowed(person));
        self.out.push_back(Output::Media(order));
    }

    fn chat(
        &mut self,
        now: Timestamp,
        from: Who,
        Written { text, held }: Written,
        nonce: String,
        id: MessageId,
    ) -> Result<Reply, Fault> {
        let index = self.seated(from)?;
        if let Some(said) = self.people[index].said(&nonce) {
            return Ok(Reply::Said(said));
        }
        self.people[index].remember(nonce, id);
        let from = self.people[index].participant;
        let event = ServerEvent::ChatMessage { room_id: self.plan.id, id, from, text, held, at: now };
        self.tell_others(index, &event);
        Ok(Reply::Said(id))
    }

    fn hand(&mut self, who: Who, raised: bool) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        if std::mem::replace(&mut self.people[index].hand, raised) != raised {
            let from = self.people[index].participant;
            self.tell_others(index, &ServerEvent::Hand { room_id: self.plan.id, from, raised });
            self.tell_state(index);
        }
        Ok(Reply::Done)
    }

    fn react(&mut self, who: Who, kind: ReactionKind) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        let from = self.people[index].participant;
        self.tell_others(index, &ServerEvent::Reaction { room_id: self.plan.id, from, kind });
        Ok(Reply::Done)
    }

    fn park(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        let until = now + Duration::from_secs(self.settings.seat_grace_s);
        self.set_absence(index, Absence::Socket, Some(until));
        Ok(Reply::Done)
    }

    fn unpark(&mut self, who: Who) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        self.set_absence(index, Absence::Socket, None);
        Ok(Reply::Done)
    }

    fn silent(&mut self, now: Timestamp, participant: ParticipantId, silent: bool) -> Reply {
        if let Some(index) = self.people.iter().position(|p| p.participant == participant) {
            let grace = Duration::from_secs(self.settings.seat_grace_s).saturating_sub(SILENT_AFTER);
            self.set_absence(index, Absence::Media, silent.then(|| now + grace));
        }
        Reply::Done
    }

    fn set_absence(&mut self, index: usize, what: Absence, until: Option<Timestamp>) {
        let person = &mut self.people[index];
        let was = person.presence();
        match what {
            Absence::Socket => person.parked = until,
            Absence::Media => person.silent = until,
        }
        self.out.extend(until.map(Output::WakeAt));
        if person.presence() != was {
            self.tell_state(index);
        }
    }

    fn close(&mut self, now: Timestamp, reason: CloseReason) -> Reply {
        self.ended = true;
        self.stop_rings(None);
        for person in &self.people {
            self.out.push_back(Output::Went { participant: person.participant, at: now, reason });
            let event = ServerEvent::RoomClosed { room_id: self.plan.id, reason };
            self.out.push_back(Output::Emit { to: person.session, event });
            self.out.push_back(Output::SeatEnded(person.who()));
        }
        self.people.clear();
        self.out.push_back(Output::Media(MediaOrder::Close));
        self.out.push_back(Output::Gone);
        Reply::Done
    }

    fn tick(&mut self, now: Timestamp) -> Reply {
        self.ring_tick(now);
        while let Some(index) = self.people.iter().position(|p| p.is_lost(now)) {
            self.depart(now, index, LeftReason::Lost);
        }
        if self.empty_since.is_some_and(|since| now >= since + EMPTY_FOR) {
            self.ended = true;
            self.out.push_back(Output::Media(MediaOrder::Close));
            self.out.push_back(Output::Gone);
        }
        Reply::Done
    }

    fn show(&self, person: &Person) -> crate::wire::Participant {
        person.view(self.host == Some(person.participant))
    }

    /// Everybody whom somebody sees, themselves too.
    fn seen_by(&self, viewer: usize) -> impl Iterator<Item = crate::wire::Participant> + '_ {
        let seen = (0..self.people.len()).filter(move |i| !self.are_apart(viewer, *i));
        seen.map(|i| self.show(&self.people[i]))
    }

    /// To everybody, whoever it is about: the muted person's page learns it the same way.
    fn tell_state(&mut self, index: usize) {
        let participant = self.show(&self.people[index]);
        let event = ServerEvent::ParticipantState { room_id: self.plan.id, participant };
        self.out.push_back(Output::Emit { to: self.people[index].session, event: event.clone() });
        self.tell_others(index, &event);
    }

    fn tell_changed(&mut self) {
        let event = ServerEvent::RoomChanged {
            room_id: self.plan.id,
            max_participants: self.plan.limit,
            locked: self.plan.locked,
            screens_forbidden: self.screens_forbidden,
        };
        for person in &self.people {
            self.out.push_back(Output::Emit { to: person.session, event: event.clone() });
        }
    }

    /// To all who see them.
    fn tell_others(&mut self, index: usize, event: &ServerEvent) {
        for i in 0..self.people.len() {
            if i != index && !self.are_apart(index, i) {
                self.out.push_back(Output::Emit { to: self.people[i].session, event: event.clone() });
            }
        }
    }
}

/// To whoever was removed and comes again.
pub fn removed(why: LeftReason) -> Fault {
    let by = match why {
        LeftReason::Safety => "You were removed from this room for safety.",
        LeftReason::Left | LeftReason::Lost | LeftReason::Removed => {
            "The host has removed you from this room."
        }
    };
    Fault::new(Code::Removed, by)
}

#[cfg(test)]
mod tests;
