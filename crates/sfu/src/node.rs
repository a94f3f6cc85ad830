//! The rooms of this node: drives every [`Room`] machine, carries its outputs to the call table, the session logs
//! and the bus, and wakes it on time. It decides nothing.

mod captions;
mod claims;
mod groups;
mod live;
mod media;
mod ringing;
mod samples;
pub mod seats;
mod strangers;
mod timer;
mod unsaved;
mod untold;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        rooms::{
            Add, Call, Called, Cancel, Caption, Chat, CreateGroup, DeleteGroup, GroupRecord, Hand, Join,
            Joined, LinkState, MediaState, Miss, Moderate, OpenGroup, OpenPair, PairOpened, React, Restrain,
            Rooms, Said, Sampled, Seat, SfuAnswer, SfuOffer, Signal, View, Whose,
        },
    },
    event::{CloseReason, Event, Topic},
    id::{MessageId, NodeId, RoomId, UserId},
    room::{Output, Reply, Room, Settings, Who, captions::Captions},
    text::Written,
    wire::Path,
};
use visavis_platform::{
    Bus, Clock, Db, Dials, Dice, Lifecycle, Pages, Places, Seats,
    bus::News,
    db::calls::{self, CallMember, CallOpened, Opening},
    session_log::SessionLog,
};

use crate::{
    media::{Ports, Reach, Shards},
    udp::Report,
};
use live::{AnyRoom, Input};
use timer::Timer;
use unsaved::{EndedCall, Unsaved, Waiting};
use untold::Untold;

/// Live rooms a node takes: at about 4 KiB a pair this is 400 MiB, and far more than its sockets could carry.
const MAX_ROOMS: usize = 100_000;

/// What a node stands on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// For the call table.
    pub db: Db,
    /// For the participants' events.
    pub log: SessionLog,
    /// For those who are called, whichever of their pages they look at.
    pub pages: Pages,
    /// Who is being called.
    pub dials: Dials,
    /// Whether people in rooms still have their seats there.
    pub seats: Seats,
    /// For news to other roles.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// For the node's own tasks.
    pub lifecycle: Lifecycle,
    /// This process.
    pub node: NodeId,
    /// Which room is at which node.
    pub places: Places,
    /// Deadlines of a room.
    pub settings: Settings,
}

/// The `rooms` role.
#[derive(Debug)]
pub struct Node {
    deps: Deps,
    /// The media; none where calls run between browsers only.
    shards: Option<Box<Shards>>,
    rooms: Mutex<HashMap<RoomId, Live>>,
    timer: Timer,
    unsaved: Mutex<Waiting>,
    untold: Mutex<Untold>,
    captions: Mutex<HashMap<RoomId, Captions>>,
    /// The store may have forgotten what this node holds.
    claim_again: Notify,
}

/// One room; its lock is held while an input's outputs are carried, so that they go out in order.
type Live = Arc<AsyncMutex<AnyRoom>>;

impl Node {
    /// A node without rooms, with its tasks running, and with media on these ports.
    pub fn start_with(deps: Deps, ports: Vec<Ports>, reach: &Reach) -> std::io::Result<Arc<Self>> {
        let (clock, dice, lifecycle) = (&deps.clock, &deps.dice, &deps.lifecycle);
        let (shards, reports) = Shards::start(ports, reach, clock, dice, lifecycle)?;
        Ok(Self::run(deps, Some((shards, reports))))
    }

    /// A node without rooms, with its tasks running. Its calls run between browsers only.
    pub fn start(deps: Deps) -> Arc<Self> {
        Self::run(deps, None)
    }

    fn run(deps: Deps, media: Option<(Shards, tokio::sync::mpsc::Receiver<Report>)>) -> Arc<Self> {
        let (shards, reports) = media.unzip();
        let node = Arc::new(Self {
            deps,
            shards: shards.map(Box::new),
            rooms: Mutex::default(),
            timer: Timer::default(),
            unsaved: Mutex::default(),
            untold: Mutex::default(),
            captions: Mutex::default(),
            claim_again: Notify::new(),
        });
        let lifecycle = node.deps.lifecycle.clone();
        lifecycle.keep("rooms-timer", Arc::clone(&node).keep_time());
        lifecycle.keep("rooms-people", Arc::clone(&node).hear_people());
        lifecycle.keep("rooms-ages", Arc::clone(&node).hear_ages());
        lifecycle.keep("rooms-unsaved", Arc::clone(&node).save_again());
        lifecycle.keep("rooms-untold", Arc::clone(&node).tell_again());
        lifecycle.keep("rooms-seats", Arc::clone(&node).keep_seats());
        lifecycle.keep("rooms-claims", Arc::clone(&node).keep_claims());
        if let Some(reports) = reports {
            lifecycle.keep("rooms-media", Arc::clone(&node).hear_media(reports));
            lifecycle.keep("rooms-vigil", Arc::clone(&node).keep_vigil());
        }
        node
    }

    /// Closes every room with a word to its guests, for a shutdown.
    pub async fn close_all(&self) {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        for (id, room) in rooms {
            if let Err(fault) = self.apply(id, &room, Input::Close(CloseReason::Shutdown)).await {
                tracing::warn!(room.id = %id, fault.code = %fault.code, "a room could not be closed");
            }
        }
    }

    fn lock_rooms(&self) -> std::sync::MutexGuard<'_, HashMap<RoomId, Live>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, id: RoomId) -> Result<Live, Fault> {
        let not_in_room = || Fault::new(Code::NotInRoom, "You are not in that room.");
        self.lock_rooms().get(&id).cloned().ok_or_else(not_in_room)
    }

    async fn act(&self, id: RoomId, input: Input) -> Result<Reply, Fault> {
        let room = self.room(id)?;
        self.apply(id, &room, input).await
    }

    async fn apply(&self, id: RoomId, room: &Live, input: Input) -> Result<Reply, Fault> {
        let mut room = room.lock().await;
        let reply = room.handle(self.deps.clock.now(), input);
        self.carry(id, &mut room).await;
        reply
    }

    async fn carry(&self, id: RoomId, room: &mut AnyRoom) {
        while let Some(output) = room.poll() {
            match output {
                Output::Started { at } => self.keep(Unsaved::Start { room: id, at }).await,
                Output::Ended { at, reason, shown, left } => {
                    self.keep(Unsaved::End(EndedCall { room: id, at, reason, shown, left })).await;
                }
                Output::Emit { to, event } => self.emit(to, event).await,
                Output::Pages { user, except, event } => self.ring_at(user, except, event).await,
                Output::Quiet { user, from } => self.ring_no_more(id, user, from).await,
                Output::Missed { from, user, reason, heard } => {
                    self.note_missed((from, user), reason, heard).await;
                }
                Output::Answered(who) => self.hears_answer(who),
                Output::Media(order) => self.order_media(id, order),
                Output::Used => self.keep_used(id).await,
                Output::Came { participant, user, at, apart } => {
                    self.keep_came(id, (participant, user), at, &apart).await;
                }
                Output::KeepOut { user } => self.keep_out(id, user).await,
                Output::Went { participant, at, reason } => self.keep_went(participant, at, reason).await,
                Output::Keep { locked } => self.keep_lock(id, locked).await,
                Output::SeatEnded(Who { user, session }) => {
                    self.hears_no_more(session);
                    self.tell(Event::SeatEnded { user, session, room: id }).await;
                }
                Output::SearchAgain(Who { user, session }, since) => {
                    self.hears_no_more(session);
                    self.tell(Event::SearchAgain { user, session, room: id, since }).await;
                }
                Output::WakeAt(at) => self.timer.set(at, id),
                Output::Gone => {
                    self.lock_rooms().remove(&id);
                    self.forget_captions(id);
                    self.gauge();
                    self.release(id).await;
                }
            }
        }
    }

    async fn keep_time(self: Arc<Self>) {
        loop {
            self.timer.wait(&self.deps.clock).await;
            for id in self.timer.due(self.deps.clock.now()) {
                // A room that is gone has nothing left to be late for.
                let _ = self.act(id, Input::Tick).await;
            }
        }
    }

    async fn hear_people(self: Arc<Self>) {
        let mut people = self.deps.bus.subscribe(Topic::People);
        while let Some(news) = people.next().await {
            match news {
                News::Event(Event::Blocked { user, other }) => self.part(user, other).await,
                News::Event(Event::Parted { user, other, .. }) => self.stop_rings(user, other).await,
                News::Event(Event::Reported { user, .. }) => {
                    let node = Arc::clone(&self);
                    let within = self.deps.settings.watch_within_s * 1_000;
                    let pause = Duration::from_millis(self.deps.dice.below(within.max(1)));
                    self.deps.lifecycle.spawn("rooms-watch", async move {
                        tokio::time::sleep(pause).await;
                        node.watch(user).await;
                    });
                }
                News::Event(Event::Pardoned { user, room, restraint }) => {
                    self.pardon(user, room, restraint).await;
                }
                News::Event(Event::Restrained { user, room, restraint }) => {
                    self.restrain_again(user, room, restraint).await;
                }
                News::Event(_) => {}
                News::Missed => self.claim_again.notify_one(),
            }
        }
    }

    /// A block ends whatever the two share. Blocks are rare, so looking through the rooms is cheap enough.
    async fn part(&self, by: UserId, other: UserId) {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        for (id, room) in rooms {
            if room.lock().await.concerns(by, other) {
                let _ = self.apply(id, &room, Input::Part { by, other }).await;
            }
        }
    }

    /// Who are friends no more don't ring at one another's. A call that was answered goes on.
    async fn stop_rings(&self, by: UserId, other: UserId) {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        for (id, room) in rooms {
            if room.lock().await.rings_between(by, other) {
                let _ = self.apply(id, &room, Input::Part { by, other }).await;
            }
        }
    }

    /// Whoever was reported goes on talking where the server can look. Reports are as rare as blocks.
    async fn watch(&self, user: UserId) {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        for (id, room) in rooms {
            if room.lock().await.is_seated(user) {
                let _ = self.apply(id, &room, Input::Watch).await;
            }
        }
    }

    /// How many rooms there are.
    pub fn load(&self) -> u64 {
        self.lock_rooms().len() as u64
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge; rooms are far below 2^52")]
    fn gauge(&self) {
        metrics::gauge!("visavis_rooms").set(self.lock_rooms().len() as f64);
    }

    /// Makes the room, or returns the one this match opened before.
    fn place(&self, req: OpenPair) -> Result<(Live, bool), Fault> {
        let mut rooms = self.lock_rooms();
        if let Some(room) = rooms.get(&req.room) {
            return Ok((Arc::clone(room), false));
        }
        if rooms.len() >= MAX_ROOMS {
            return Err(Fault::unavailable());
        }
        let participants = [self.deps.dice.id(&self.deps.clock), self.deps.dice.id(&self.deps.clock)];
        let now = self.deps.clock.now();
        let movable = req.movable && self.shards.is_some();
        // Without media of its own this node can only let them talk directly.
        let transport = if self.shards.is_some() { req.transport } else { Path::P2p };
        let room = Room::pair(now, req.room, req.guests, participants, transport, &self.deps.settings);
        let room = Arc::new(AsyncMutex::new(AnyRoom::Pair(room.movable(movable))));
        rooms.insert(req.room, Arc::clone(&room));
        Ok((room, true))
    }

    async fn keep_open(&self, id: RoomId, room: &Room, transport: Path) -> Result<Opening, Fault> {
        let now = self.deps.clock.now();
        let members = room.guests().map(|guest| CallMember {
            user: guest.user,
            participant: guest.participant,
            waited_ms: u64::try_from(now.since(guest.since).as_millis()).unwrap_or(u64::MAX),
            ticket: Some(guest.ticket),
        });
        let transport = match transport {
            Path::P2p => "p2p",
            Path::Sfu => "sfu",
        };
        let call = CallOpened {
            room: id,
            kind: "random",
            node: self.deps.node,
            opened_at: now,
            transport,
            members: members.into(),
        };
        Ok(calls::open(&self.deps.db, &call).await?)
    }
}

const fn who(seat: Seat) -> Who {
    Who { user: seat.user, session: seat.session }
}

#[async_trait]
impl Rooms for Node {
    async fn open_pair(&self, _cx: &Caller, req: OpenPair) -> Result<PairOpened, Fault> {
        let (id, transport, common) = (req.room, req.transport, req.common_interests.clone());
        let (room, new) = self.place(req)?;
        let mut held = room.lock().await;
        let AnyRoom::Pair(room) = &mut *held else { return Ok(PairOpened::Over) };
        if new {
            // Claimed before it is written down: a row of a room that is elsewhere would outlive this node's rooms.
            let opening = match self.claim(id).await {
                Ok(true) => self.keep_open(id, room, transport).await,
                Ok(false) => Ok(Opening::Known),
                Err(fault) => Err(fault),
            };
            if !matches!(opening, Ok(Opening::New)) {
                self.lock_rooms().remove(&id);
                self.release(id).await;
            }
            match opening? {
                Opening::New => {}
                Opening::Known | Opening::TicketUsed => return Ok(PairOpened::Over),
                Opening::InCall(who) => return Ok(PairOpened::InCall(who)),
            }
            self.carry(id, &mut held).await;
            self.gauge();
        }
        let AnyRoom::Pair(room) = &*held else { return Ok(PairOpened::Over) };
        if room.is_over() {
            return Ok(PairOpened::Over);
        }
        Ok(PairOpened::Open(Box::new(room.match_seats(&common))))
    }

    async fn call(&self, _cx: &Caller, req: Call) -> Result<Called, Fault> {
        self.open_call(req).await
    }

    async fn miss(&self, _cx: &Caller, req: Miss) -> Result<(), Fault> {
        self.keep_missed(req).await
    }

    async fn answer(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.take_call(seat).await
    }

    async fn decline(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.act(seat.room, Input::Decline(who(seat))).await.map(drop)
    }

    async fn cancel(&self, _cx: &Caller, req: Cancel) -> Result<(), Fault> {
        self.act(req.seat.room, Input::Cancel(who(req.seat), req.user)).await.map(drop)
    }

    async fn add(&self, _cx: &Caller, req: Add) -> Result<(), Fault> {
        self.call_in(req).await
    }

    async fn ring(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.ring_once_more(seat).await
    }

    async fn join(&self, _cx: &Caller, req: Join) -> Result<Joined, Fault> {
        let (id, participant) = (req.room, self.deps.dice.id(&self.deps.clock));
        let place = self.room(id)?;
        let (user, here) = (req.user, place.lock().await.hosts_and_guests(req.user));
        if !here.is_empty() {
            self.check_not_kept_out(id, user).await?;
        }
        let apart = self.blocked_among(user, &here).await?;
        if self.keep_apart(id, &place).await? {
            return Err(Fault::new(Code::PeerGone, "They have left."));
        }
        let hides = self.one_hides(&place).await;
        let reply = {
            let mut room = place.lock().await;
            if hides {
                room.handle(self.deps.clock.now(), Input::Hide)?;
            }
            let (before, session, life, heard) = (room.session_of(user), req.session, req.life, req.heard);
            let reply = room.handle(self.deps.clock.now(), Input::Join(req, participant, apart));
            if reply.is_ok() {
                self.hears_now(before, session, life, heard);
            }
            self.carry(id, &mut room).await;
            reply
        };
        let Reply::Joined(joined) = reply? else { return Err(Fault::internal()) };
        if !here.is_empty() {
            self.part_newcomer(id, &place, user).await?;
        }
        Ok(*joined)
    }

    async fn leave(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.act(seat.room, Input::Leave(who(seat))).await.map(drop)
    }

    async fn signal(&self, _cx: &Caller, req: Signal) -> Result<(), Fault> {
        let (room, from) = (req.seat.room, who(req.seat));
        self.act(room, Input::Signal(req, from)).await.map(drop)
    }

    async fn link_state(&self, _cx: &Caller, req: LinkState) -> Result<(), Fault> {
        self.act(req.seat.room, Input::Link(req)).await.map(drop)
    }

    async fn media_state(&self, _cx: &Caller, req: MediaState) -> Result<(), Fault> {
        self.act(req.seat.room, Input::Media(who(req.seat), req.media)).await.map(drop)
    }

    async fn chat(&self, _cx: &Caller, req: Chat) -> Result<MessageId, Fault> {
        let id = self.deps.dice.id(&self.deps.clock);
        let (room, text) = (req.seat.room, req.text.clone());
        let input = Input::Chat {
            from: who(req.seat),
            text: Written { text: req.text, held: req.held },
            nonce: req.nonce,
            id,
        };
        let Reply::Said(said) = self.act(room, input).await? else { return Err(Fault::internal()) };
        // A repeated message is read once.
        if said == id {
            self.show_written(room, req.seat.user, &text).await;
        }
        Ok(said)
    }

    async fn park(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.act(seat.room, Input::Park(who(seat))).await.map(drop)
    }

    async fn seated(&self, _cx: &Caller, seat: Seat) -> Result<bool, Fault> {
        // A room that isn't here may be elsewhere: who doesn't know where asks the others too.
        Ok(self.room(seat.room)?.lock().await.is_seated(seat.user))
    }

    async fn create(&self, _cx: &Caller, req: CreateGroup) -> Result<GroupRecord, Fault> {
        self.make_record(req).await
    }

    async fn look(&self, _cx: &Caller, room: RoomId) -> Result<GroupRecord, Fault> {
        self.look_at(room).await
    }

    async fn delete(&self, _cx: &Caller, req: DeleteGroup) -> Result<(), Fault> {
        self.end_record(req).await
    }

    async fn open_group(&self, _cx: &Caller, req: OpenGroup) -> Result<(), Fault> {
        self.open_record(req.room).await
    }

    async fn offer(&self, _cx: &Caller, req: SfuOffer) -> Result<SfuAnswer, Fault> {
        self.answer_offer(req).await
    }

    async fn view(&self, _cx: &Caller, req: View) -> Result<(), Fault> {
        self.take_view(req).await
    }

    async fn hand(&self, _cx: &Caller, req: Hand) -> Result<(), Fault> {
        self.act(req.seat.room, Input::Hand(who(req.seat), req.raised)).await.map(drop)
    }

    async fn react(&self, _cx: &Caller, req: React) -> Result<(), Fault> {
        self.act(req.seat.room, Input::React(who(req.seat), req.kind)).await.map(drop)
    }

    async fn caption(&self, _cx: &Caller, req: Caption) -> Result<(), Fault> {
        self.set_caption(req).await
    }

    async fn said(&self, _cx: &Caller, req: Said) -> Result<(), Fault> {
        self.tell_said(req).await
    }

    async fn moderate(&self, _cx: &Caller, req: Moderate) -> Result<(), Fault> {
        self.act(req.seat.room, Input::Moderate(who(req.seat), req.action, req.participant)).await.map(drop)
    }

    async fn restrain(&self, _cx: &Caller, req: Restrain) -> Result<(), Fault> {
        let Restrain { room, participant, restraint, notice } = req;
        self.act(room, Input::Restrain(participant, restraint, notice)).await.map(drop)
    }

    async fn whose(&self, _cx: &Caller, req: Whose) -> Result<UserId, Fault> {
        let gone = || Fault::new(Code::PeerGone, "They aren't in the room any more.");
        self.room(req.room)?.lock().await.user(req.participant).ok_or_else(gone)
    }

    async fn sample(&self, _cx: &Caller, req: Sampled) -> Result<(), Fault> {
        self.take_sample(req).await
    }

    async fn suspect(&self, _cx: &Caller, req: Whose) -> Result<bool, Fault> {
        self.look_for_itself(req).await
    }

    async fn unpark(&self, _cx: &Caller, seat: Seat) -> Result<(), Fault> {
        self.act(seat.room, Input::Unpark(who(seat))).await.map(drop)
    }
}
