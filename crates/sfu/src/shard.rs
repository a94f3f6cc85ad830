//! A shard: its own rooms, its own port, its own thread, no locks. A room never leaves its shard. Pure: datagrams and
//! commands come in with the time, datagrams and news come out.
//!
//! A packet from an unknown address makes no state: it is looked at only when it is a STUN request for one of our own ICE
//! names, and the address is remembered only once the connection has answered it, which it does to whoever knows its
//! password. A panic in one room closes that room.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use visavis_domain::{
    Code, Fault, Timestamp,
    id::{ParticipantId, RoomId},
    room::{
        Allowed,
        slots::Origin,
        tap::{Consumer, Demand, Sample},
    },
};

use crate::{
    burst::{Burst, Route},
    call::{Call, Counts, Effects, JoinCall, News},
    negotiate::Common,
    stun,
};

/// Rooms of one shard: far more than its thread can carry.
const MAX_ROOMS: usize = 20_000;
/// Longest sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(1);

/// What somebody is to be told of a command.
pub type Ticket = u64;

/// What the rooms' role asks for.
#[derive(Debug)]
pub enum Command {
    /// Answers somebody's offer; opens the room's media with the first.
    Join {
        /// Which room.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Their offer.
        offer: String,
        /// What they say is on, if they have said so.
        media: Option<Allowed>,
        /// Who gets nothing of them, nor they of who.
        apart: Vec<ParticipantId>,
        /// Most people of the room.
        limit: usize,
        /// Fresh random bits.
        random: u64,
        /// Comes back with the answer.
        ticket: Ticket,
    },
    /// Ends somebody's connection.
    Leave {
        /// Which room.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
    },
    /// What others may have of somebody.
    Media {
        /// Which room.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// What is on and allowed.
        media: Allowed,
    },
    /// Neither of two gets anything of the other any more.
    Apart {
        /// Which room.
        room: RoomId,
        /// The two.
        pair: [ParticipantId; 2],
    },
    /// What somebody shows, and how large.
    View {
        /// Which room.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Pictures and their heights.
        wanted: Vec<(Origin, u16)>,
    },
    /// The room may have more people.
    Limit {
        /// Which room.
        room: RoomId,
        /// Most people.
        limit: usize,
    },
    /// What a consumer of samples wants from now on.
    Tap {
        /// Of which room; `None`: of all there are and will be.
        room: Option<RoomId>,
        /// Who.
        consumer: Consumer,
        /// What; nothing: no more samples.
        demand: Option<Demand>,
    },
    /// A consumer of samples wants a picture now; it must have a demand for pictures.
    Picture {
        /// Which room.
        room: RoomId,
        /// Who.
        consumer: Consumer,
        /// Of what.
        origin: Origin,
    },
    /// Ends a room's media.
    Close(RoomId),
    /// For tests of the boundary: this room fails.
    #[cfg(any(test, feature = "testing"))]
    Break(RoomId),
}

/// What happens to a shard.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram, or a frame of a TCP connection.
    Datagram {
        /// Its way; `to` is the sender.
        route: Route,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A command.
    Command(Command),
    /// The batch is over, or time has passed: forward and send what is due.
    Tick,
}

/// What a shard has to say.
#[derive(Debug)]
pub enum Output {
    /// Send these.
    Send(Burst),
    /// The answer to a join.
    Answered(Ticket, Result<String, Fault>),
    /// Something about a room.
    News(RoomId, News),
    /// Something for a consumer of samples.
    Sample(Consumer, Sample),
    /// A room has failed and is closed; its people may come back.
    Failed(RoomId),
    /// Tick at this time at the latest.
    WakeAt(Instant),
}

/// Where a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    room: usize,
    peer: usize,
}

/// One room and when it wants to be called.
struct Held {
    call: Call,
    wake: Instant,
}

/// The machine.
pub struct Shard {
    common: Common,
    epoch: (Instant, Timestamp),
    rooms: Vec<Option<Held>>,
    by_id: HashMap<RoomId, usize>,
    by_address: HashMap<SocketAddr, Place>,
    by_ufrag: HashMap<String, Place>,
    fx: Effects,
    out: VecDeque<Output>,
    closed: Counts,
    /// What consumers want of every room.
    standing: Vec<(Consumer, Demand)>,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("rooms", &self.by_id.len()).finish_non_exhaustive()
    }
}

impl Shard {
    /// Without rooms. `at` is the wall clock at `now`.
    pub fn new(now: Instant, at: Timestamp, common: Common) -> Self {
        Self {
            common,
            epoch: (now, at),
            rooms: Vec::new(),
            by_id: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            fx: Effects::default(),
            out: VecDeque::new(),
            closed: Counts::default(),
            standing: Vec::new(),
        }
    }

    /// A sample as its consumer has it: its time is of the machines, which begin at a wall clock that may have been set since.
    pub fn by_the_wall(&self, now: Instant, wall: Timestamp, sample: Sample) -> Sample {
        let machines = self.epoch.1 + now.saturating_duration_since(self.epoch.0);
        Sample { at: wall - machines.since(sample.at), ready: wall, ..sample }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Datagram { route, bytes } => self.datagram(now, route, bytes),
            Input::Command(command) => self.command(now, command),
            Input::Tick => self.tick(now),
        }
    }

    /// Rooms with media.
    pub fn rooms(&self) -> usize {
        self.by_id.len()
    }

    /// Addresses that are known to belong to somebody.
    pub fn addresses(&self) -> usize {
        self.by_address.len()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.rooms.iter().flatten().fold(self.closed, |sum, held| sum.plus(held.call.counts))
    }

    /// Gives a burst's buffer back.
    pub fn recycle(&mut self, burst: Burst) {
        if let Some(place) = self.by_address.get(&burst.route.to)
            && let Some(held) = &mut self.rooms[place.room]
        {
            held.call.recycle(place.peer, burst.bytes);
        }
    }

    fn datagram(&mut self, now: Instant, route: Route, bytes: &[u8]) {
        let known = self.by_address.get(&route.to).copied();
        // STUN names its connection: an address may have moved to another one.
        let place = match stun::ufrag(bytes) {
            Some(ufrag) => self.by_ufrag.get(ufrag).copied(),
            None => known,
        };
        let Some(place) = place else { return };
        let fx = &mut self.fx;
        let Some(held) = &mut self.rooms[place.room] else { return };
        let receive = AssertUnwindSafe(|| held.call.receive(now, place.peer, route, bytes, fx));
        let failed = catch_unwind(receive).is_err();
        held.wake = now;
        self.carry(place.room, failed);
    }

    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Join { room, participant, offer, media, apart, limit, random, ticket } => {
                let join = JoinCall { participant, sdp: &offer, media, apart: &apart, random };
                let answer = self.join(now, room, limit, &join);
                self.out.push_back(Output::Answered(ticket, answer));
            }
            Command::Leave { room, participant } => {
                self.with(now, room, |call, fx| {
                    call.leave(now, participant, fx);
                });
                self.sweep(room);
            }
            Command::Media { room, participant, media } => {
                self.with(now, room, |call, fx| call.set_media(now, participant, media, fx));
            }
            Command::Apart { room, pair } => self.with(now, room, |call, fx| call.part(now, pair, fx)),
            Command::View { room, participant, wanted } => {
                self.with(now, room, |call, fx| call.set_view(now, participant, wanted, fx));
            }
            Command::Limit { room, limit } => self.with(now, room, |call, _| call.set_limit(limit)),
            Command::Tap { room, consumer, demand } => self.tap(now, room, consumer, demand),
            Command::Picture { room, consumer, origin } => {
                self.with(now, room, |call, _| call.request_picture(now, consumer, origin));
            }
            Command::Close(room) => self.close(room),
            #[cfg(any(test, feature = "testing"))]
            #[expect(clippy::panic, reason = "this is the injected failure")]
            Command::Break(room) => self.with(now, room, |_, _| panic!("injected")),
        }
    }

    fn join(
        &mut self,
        now: Instant,
        room: RoomId,
        limit: usize,
        join: &JoinCall<'_>,
    ) -> Result<String, Fault> {
        let index = self.open(now, room, limit)?;
        let (common, fx) = (&self.common, &mut self.fx);
        let Some(held) = &mut self.rooms[index] else { return Err(Fault::internal()) };
        let answered = catch_unwind(AssertUnwindSafe(|| held.call.join(now, common, join, fx)));
        held.wake = now;
        let answer = match answered {
            Ok(Ok((peer, answer))) => {
                self.forget(index, peer);
                self.name(index, peer);
                Ok(answer)
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => {
                self.carry(index, true);
                return Err(Fault::new(Code::Unavailable, "The room has failed; try again."));
            }
        };
        self.carry(index, false);
        self.sweep(room);
        answer
    }

    fn tap(&mut self, now: Instant, room: Option<RoomId>, consumer: Consumer, demand: Option<Demand>) {
        let rooms: Vec<RoomId> = room.map_or_else(|| self.by_id.keys().copied().collect(), |room| vec![room]);
        if room.is_none() {
            self.standing.retain(|(known, _)| *known != consumer);
            self.standing.extend(demand.map(|demand| (consumer, demand)));
        }
        for room in rooms {
            self.with(now, room, |call, _| call.set_demand(now, consumer, demand));
        }
    }

    fn open(&mut self, now: Instant, room: RoomId, limit: usize) -> Result<usize, Fault> {
        if let Some(index) = self.by_id.get(&room) {
            return Ok(*index);
        }
        if self.by_id.len() >= MAX_ROOMS {
            return Err(Fault::unavailable());
        }
        let mut call = Call::new(room, limit, now, self.epoch);
        for (consumer, demand) in &self.standing {
            call.set_demand(now, *consumer, Some(*demand));
        }
        let held = Held { call, wake: now };
        let index = self.rooms.iter().position(Option::is_none).unwrap_or(self.rooms.len());
        if index == self.rooms.len() {
            self.rooms.push(Some(held));
        } else {
            self.rooms[index] = Some(held);
        }
        self.by_id.insert(room, index);
        Ok(index)
    }

    /// Does something in a room, at the boundary that a panic doesn't cross.
    fn with(&mut self, now: Instant, room: RoomId, act: impl FnOnce(&mut Call, &mut Effects)) {
        let Some(&index) = self.by_id.get(&room) else { return };
        let fx = &mut self.fx;
        let Some(held) = &mut self.rooms[index] else { return };
        let failed = catch_unwind(AssertUnwindSafe(|| act(&mut held.call, fx))).is_err();
        held.wake = now;
        self.carry(index, failed);
    }

    fn tick(&mut self, now: Instant) {
        let mut wake = now + IDLE;
        for index in 0..self.rooms.len() {
            let fx = &mut self.fx;
            let Some(held) = &mut self.rooms[index] else { continue };
            if held.wake > now {
                wake = wake.min(held.wake);
                continue;
            }
            let advanced = catch_unwind(AssertUnwindSafe(|| held.call.advance(now, fx)));
            let failed = advanced.is_err();
            if let Ok(next) = advanced {
                held.wake = next;
                wake = wake.min(next);
            }
            self.carry(index, failed);
        }
        self.out.push_back(Output::WakeAt(wake));
    }

    /// Hands on what a room did.
    fn carry(&mut self, index: usize, failed: bool) {
        let Some(held) = &self.rooms[index] else { return };
        let room = held.call.id;
        for (address, peer) in self.fx.addresses.drain(..) {
            self.by_address.insert(address, Place { room: index, peer });
        }
        self.out.extend(self.fx.bursts.drain(..).map(Output::Send));
        self.out.extend(self.fx.news.drain(..).map(|news| Output::News(room, news)));
        self.out.extend(self.fx.samples.drain(..).map(|(consumer, sample)| Output::Sample(consumer, sample)));
        if failed {
            self.close(room);
            self.out.push_back(Output::Failed(room));
        }
    }

    fn close(&mut self, room: RoomId) {
        let Some(index) = self.by_id.remove(&room) else { return };
        if let Some(held) = self.rooms[index].take() {
            self.closed = self.closed.plus(held.call.counts);
        }
        self.by_address.retain(|_, place| place.room != index);
        self.by_ufrag.retain(|_, place| place.room != index);
    }

    /// Closes a room that nobody is in, and forgets the names of who has left.
    fn sweep(&mut self, room: RoomId) {
        let Some(&index) = self.by_id.get(&room) else { return };
        let Some(held) = &self.rooms[index] else { return };
        if held.call.is_empty() {
            return self.close(room);
        }
        let gone: Vec<usize> = held.call.vacant();
        for peer in gone {
            self.forget(index, peer);
        }
    }

    fn forget(&mut self, room: usize, peer: usize) {
        let place = Place { room, peer };
        let Some(held) = &self.rooms[room] else { return };
        let routes = held.call.routes(peer);
        self.by_address.retain(|address, p| *p != place || routes.contains(address));
        self.by_ufrag.retain(|_, p| *p != place);
    }

    fn name(&mut self, room: usize, peer: usize) {
        if let Some(ufrag) = self.rooms[room].as_mut().and_then(|held| held.call.ufrag(peer)) {
            self.by_ufrag.insert(ufrag, Place { room, peer });
        }
    }
}
