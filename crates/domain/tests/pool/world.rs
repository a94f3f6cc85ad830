//! The world around the leaders: store, database, rooms, signalling and people, and all that goes wrong between them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    time::Duration,
};

use crate::dice::Dice;
use visavis_domain::{
    Timestamp,
    id::{NodeId, RoomId, SocketId, TicketId, UserId},
    pool::{Answer, Claimed, Entry, Input, Leader, Lease, Op, Output, Pairing},
    queue::{Pool, Settings, Ticket},
    wire::{Band, Card},
};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// As the driver gives it to the store.
const LEASE: Duration = visavis_domain::pool::LEASE;
/// Bad days last so long, then nothing goes wrong any more.
const BAD: Duration = Duration::from_secs(25);
const GOOD: Duration = Duration::from_secs(50);
const USERS: u64 = 7;
const NODES: usize = 3;

/// What may be switched off, to see that the check notices.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// A claim holds only while the lease stands and both tickets are as they were read.
    pub fence: bool,
    /// The database takes a ticket once, and a person into one call at a time.
    pub once: bool,
    /// The store never falls back.
    pub firm: bool,
    /// One question in so many takes seconds to arrive.
    pub slow: u64,
}

pub const ALL: Guards = Guards { fence: true, once: true, firm: false, slow: 20 };

/// What the store holds, and loses when it falls back.
#[derive(Debug, Clone, Default)]
struct Store {
    lease: Option<(Lease, Timestamp)>,
    entries: BTreeMap<UserId, String>,
    changes: VecDeque<UserId>,
    pairings: BTreeMap<RoomId, String>,
    seats: BTreeMap<UserId, Seat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Ticket(TicketId),
    Room(RoomId),
}

/// What the database holds, and never loses.
#[derive(Debug, Default)]
struct Database {
    epoch: u64,
    calls: BTreeMap<RoomId, [TicketId; 2]>,
    used: BTreeMap<TicketId, RoomId>,
    /// In which call each person is, as far as it is written down.
    in_call: BTreeMap<UserId, RoomId>,
}

/// A room as its node holds it.
#[derive(Debug)]
struct Room {
    /// Who is in: those whose seat took it.
    members: BTreeSet<UserId>,
    expected: [UserId; 2],
    open: bool,
}

#[derive(Debug, Clone)]
enum Event {
    Execute(usize, u64, u64, Op),
    Answer(usize, u64, u64, Answer),
    Wake(usize),
    Comes(UserId),
    Enqueue(UserId, TicketId),
    Cancels(UserId),
    Found(Box<Pairing>),
    Void(UserId, TicketId, Option<RoomId>),
    Ended(UserId, TicketId),
    NotAllCame(RoomId),
    CallEnds(RoomId),
    Trouble,
    Resumes(usize),
    /// Some news was missed: every signalling node looks at the truth.
    Missed,
    Snapshot,
}

struct Node {
    leader: Leader,
    /// Answers to an earlier life of this process go nowhere.
    life: u64,
    paused: bool,
    /// What happened while it slept.
    inbox: VecDeque<Event>,
}

pub struct World {
    dice: Dice,
    guards: Guards,
    now: Timestamp,
    events: BTreeMap<u64, Event>,
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    count: u64,
    nodes: Vec<Node>,
    store: Store,
    past: VecDeque<Store>,
    database: Database,
    rooms: BTreeMap<RoomId, Room>,
    blocked: BTreeSet<(UserId, UserId)>,
    pub opened: u64,
    pub fallbacks: u64,
}

fn user(n: u64) -> UserId {
    UserId::from_bits(u128::from(n) + 1)
}

impl World {
    pub fn new(seed: u64, guards: Guards) -> Self {
        let mut world = Self {
            dice: Dice(seed),
            guards,
            now: T0,
            events: BTreeMap::new(),
            due: BinaryHeap::new(),
            count: 1,
            nodes: Vec::new(),
            store: Store::default(),
            past: VecDeque::new(),
            database: Database::default(),
            rooms: BTreeMap::new(),
            blocked: BTreeSet::new(),
            opened: 0,
            fallbacks: 0,
        };
        for n in 0..NODES {
            let leader = Leader::new(T0, NodeId::from_bits(n as u128 + 1), Settings::default());
            world.nodes.push(Node { leader, life: 0, paused: false, inbox: VecDeque::new() });
            world.listen(n);
        }
        for n in 0..USERS {
            let at = world.dice.millis(8_000);
            world.later(at, Event::Comes(user(n)));
        }
        let (a, b) = (user(world.dice.below(USERS)), user(world.dice.below(USERS)));
        world.blocked.extend([(a, b), (b, a)]);
        world.later(Duration::from_millis(500), Event::Trouble);
        world.later(Duration::ZERO, Event::Snapshot);
        world
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn later(&mut self, after: Duration, event: Event) {
        let number = self.number();
        self.events.insert(number, event);
        self.due.push(Reverse((self.now + after, number)));
    }

    fn is_bad(&self) -> bool {
        self.now < T0 + BAD
    }

    pub fn run(mut self) -> Self {
        while let Some(Reverse((at, number))) = self.due.pop() {
            if at > T0 + BAD + GOOD {
                break;
            }
            self.now = at;
            if let Some(event) = self.events.remove(&number) {
                self.happen(event);
            }
        }
        self
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Execute(node, life, number, op) => self.execute(node, life, number, op),
            Event::Answer(node, ..) | Event::Wake(node) if self.nodes[node].paused => {
                self.nodes[node].inbox.push_back(event);
            }
            Event::Answer(node, life, number, answer) if self.nodes[node].life == life => {
                self.give(node, Input::Answer(number, answer));
            }
            Event::Answer(..) => {}
            Event::Wake(node) => self.give(node, Input::Tick),
            Event::Resumes(node) => {
                self.nodes[node].paused = false;
                for event in std::mem::take(&mut self.nodes[node].inbox) {
                    self.happen(event);
                }
                self.give(node, Input::Tick);
            }
            Event::Comes(user) => self.comes(user),
            Event::Enqueue(user, ticket) => self.enqueue(user, ticket),
            Event::Cancels(user) => self.cancels(user),
            Event::Found(pairing) => self.found(&pairing),
            Event::Void(user, ticket, room) => self.void(user, ticket, room),
            Event::Ended(user, ticket) => {
                if self.store.seats.get(&user) == Some(&Seat::Ticket(ticket)) {
                    self.store.seats.remove(&user);
                }
            }
            Event::NotAllCame(room) => self.not_all_came(room),
            Event::CallEnds(room) => self.close(room, true),
            Event::Trouble => self.trouble(),
            Event::Missed => self.missed(),
            Event::Snapshot => {
                self.past.push_back(self.store.clone());
                if self.past.len() > 8 {
                    self.past.pop_front();
                }
                if self.is_bad() {
                    self.later(Duration::from_millis(150), Event::Snapshot);
                }
            }
        }
    }

    fn give(&mut self, node: usize, input: Input) {
        self.nodes[node].leader.handle(self.now, input);
        self.listen(node);
    }

    fn listen(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].leader.poll() {
            match output {
                Output::Ask(number, op) => {
                    let life = self.nodes[node].life;
                    let mut way = self.dice.millis(20);
                    if self.is_bad() && self.dice.one_in(self.guards.slow) {
                        way += self.dice.millis(4_000);
                    }
                    self.later(way, Event::Execute(node, life, number, op));
                }
                Output::WakeAt(at) => {
                    let after = at.since(self.now);
                    self.later(after, Event::Wake(node));
                }
                Output::Ended { user, ticket } => self.news(Event::Ended(user, ticket)),
                Output::Waiting { .. } | Output::Leads(_) => {}
            }
        }
    }

    /// News comes late, twice, or (as every signalling node is told then) never.
    fn news(&mut self, event: Event) {
        let late = self.dice.millis(if self.is_bad() { 800 } else { 20 });
        if self.is_bad() && self.dice.one_in(12) {
            return self.later(late, Event::Missed);
        }
        if self.is_bad() && self.dice.one_in(8) {
            let again = self.dice.millis(3_000);
            self.later(again, event.clone());
        }
        self.later(late, event);
    }

    fn execute(&mut self, node: usize, life: u64, number: u64, op: Op) {
        let lost_before = self.is_bad() && self.dice.one_in(25);
        let lost_after = self.is_bad() && self.dice.one_in(25);
        let answer = if lost_before { Answer::Failed } else { self.do_it(op) };
        let answer = if lost_after { Answer::Failed } else { answer };
        let way = self.dice.millis(20);
        self.later(way, Event::Answer(node, life, number, answer));
    }

    fn lease(&self) -> Option<Lease> {
        self.store.lease.filter(|(_, until)| *until > self.now).map(|(lease, _)| lease)
    }

    fn do_it(&mut self, op: Op) -> Answer {
        let yes = |is| if is { Answer::Yes } else { Answer::No };
        match op {
            Op::IsLed => yes(self.lease().is_some()),
            Op::NextEpoch => {
                self.database.epoch += 1;
                Answer::Epoch(self.database.epoch)
            }
            Op::Take(lease) => {
                let free = self.lease().is_none();
                if free {
                    self.store.lease = Some((lease, self.now + LEASE));
                }
                yes(free)
            }
            Op::Renew(lease) => {
                let ours = self.lease() == Some(lease);
                if ours {
                    self.store.lease = Some((lease, self.now + LEASE));
                }
                yes(ours)
            }
            Op::Release(lease) => {
                let ours = self.lease() == Some(lease);
                if ours {
                    self.store.lease = None;
                }
                yes(ours)
            }
            Op::ReadAll => Answer::All {
                entries: self.store.entries.clone().into_iter().collect(),
                pairings: self.store.pairings.values().cloned().collect(),
            },
            Op::ReadChanges(most) => {
                let most = most.min(self.store.changes.len());
                let users: BTreeSet<UserId> = self.store.changes.drain(..most).collect();
                self.read(users.into_iter().collect())
            }
            Op::Read(users) => self.read(users),
            Op::Claim { lease, texts, pairing } => self.claim(lease, &texts, *pairing),
            Op::Open(pairing) => self.open(&pairing),
            Op::GiveUp(pairing) => {
                for guest in &pairing.guests {
                    let (user, ticket) = (guest.ticket.user, guest.ticket.id);
                    let room = self.database.in_call.get(&user).copied();
                    self.news(Event::Void(user, ticket, room));
                }
                self.store.pairings.remove(&pairing.room);
                Answer::Yes
            }
            Op::Forget(room) => yes(self.store.pairings.remove(&room).is_some()),
            Op::Expire { lease, user, text } => {
                let is = self.lease() == Some(lease) && self.store.entries.get(&user) == Some(&text);
                if is {
                    self.store.entries.remove(&user);
                }
                yes(is)
            }
        }
    }

    fn read(&self, users: Vec<UserId>) -> Answer {
        let entries = users.into_iter().map(|user| (user, self.store.entries.get(&user).cloned())).collect();
        Answer::Changed { entries, more: !self.store.changes.is_empty() }
    }

    fn claim(&mut self, lease: Lease, texts: &[String; 2], claimed: Claimed) -> Answer {
        let users = claimed.guests.each_ref().map(|guest| guest.ticket.user);
        let stands = self.lease() == Some(lease)
            && users.iter().zip(texts).all(|(user, text)| self.store.entries.get(user) == Some(text));
        if self.guards.fence && !stands {
            return Answer::No;
        }
        for user in users {
            self.store.entries.remove(&user);
        }
        let Claimed { guests, common_interests } = claimed;
        let room = RoomId::from_bits(self.number().into());
        let pairing = Pairing { room, guests, common_interests, at: self.now };
        self.store.pairings.insert(room, serde_json::to_string(&pairing).unwrap());
        Answer::Claimed(Box::new(pairing))
    }

    fn open(&mut self, pairing: &Pairing) -> Answer {
        let users = pairing.guests.each_ref().map(|guest| guest.ticket.user);
        let tickets = pairing.guests.each_ref().map(|guest| guest.ticket.id);
        if self.blocked.contains(&(users[0], users[1])) {
            return Answer::No;
        }
        if self.database.calls.contains_key(&pairing.room) {
            // Opened before, and the answer was lost: it is told again, if it still stands.
            let stands = self.rooms[&pairing.room].open;
            if stands {
                self.news(Event::Found(Box::new(pairing.clone())));
            }
            return if stands { Answer::Yes } else { Answer::No };
        }
        let busy = |user| self.database.in_call.get(user).is_some_and(|room| self.rooms[room].open);
        let used = |ticket| self.database.used.contains_key(ticket);
        if self.guards.once && (tickets.iter().any(used) || users.iter().any(busy)) {
            return Answer::No;
        }
        self.database.calls.insert(pairing.room, tickets);
        for (user, ticket) in users.into_iter().zip(tickets) {
            self.database.used.insert(ticket, pairing.room);
            self.database.in_call.insert(user, pairing.room);
        }
        self.opened += 1;
        self.rooms.insert(pairing.room, Room { members: BTreeSet::new(), expected: users, open: true });
        self.later(Duration::from_secs(10), Event::NotAllCame(pairing.room));
        self.news(Event::Found(Box::new(pairing.clone())));
        Answer::Yes
    }

    /// A signalling node hears of a match: each seat takes it only if it still holds that very ticket.
    fn found(&mut self, pairing: &Pairing) {
        for guest in &pairing.guests {
            let user = guest.ticket.user;
            if self.store.seats.get(&user) != Some(&Seat::Ticket(guest.ticket.id)) {
                continue;
            }
            let is_in = |room: &Room| room.open && room.members.contains(&user);
            let elsewhere = self.rooms.iter().find(|(id, room)| **id != pairing.room && is_in(room));
            if let Some((room, _)) = elsewhere {
                panic!("{user} is in {room} and was matched into {}", pairing.room);
            }
            self.store.seats.insert(user, Seat::Room(pairing.room));
            let Some(room) = self.rooms.get_mut(&pairing.room).filter(|room| room.open) else { continue };
            room.members.insert(user);
            if room.members.len() == 2 {
                let [a, b] = room.expected;
                assert!(!self.blocked.contains(&(a, b)), "a blocked pair met");
                let lasts = Duration::from_secs(3) + self.dice.millis(12_000);
                self.later(lasts, Event::CallEnds(pairing.room));
            }
        }
    }

    fn not_all_came(&mut self, id: RoomId) {
        if self.rooms[&id].members.len() < 2 {
            self.close(id, false);
        }
    }

    /// Whoever is in searches on; after a good call some go.
    fn close(&mut self, id: RoomId, was_good: bool) {
        let Some(room) = self.rooms.get_mut(&id).filter(|room| room.open) else { return };
        room.open = false;
        for user in room.members.clone() {
            if self.store.seats.get(&user) == Some(&Seat::Room(id)) {
                self.store.seats.remove(&user);
            }
            if !was_good || !self.dice.one_in(4) {
                self.later(Duration::from_millis(5), Event::Comes(user));
            }
        }
    }

    fn comes(&mut self, user: UserId) {
        let over = self.now > T0 + BAD + GOOD - Duration::from_secs(3);
        if over || self.store.seats.contains_key(&user) || !self.is_free(user) {
            return;
        }
        let ticket = TicketId::from_bits(self.number().into());
        self.store.seats.insert(user, Seat::Ticket(ticket));
        let way = self.dice.millis(30);
        self.later(way, Event::Enqueue(user, ticket));
        if self.is_bad() && self.dice.one_in(6) {
            let after = self.dice.millis(5_000);
            self.later(after, Event::Cancels(user));
        }
    }

    /// Nobody whose page is in a call searches.
    fn is_free(&self, user: UserId) -> bool {
        !self.rooms.values().any(|room| room.open && room.members.contains(&user))
    }

    fn enqueue(&mut self, user: UserId, id: TicketId) {
        if self.store.seats.get(&user) != Some(&Seat::Ticket(id)) {
            return;
        }
        let blocked = self.blocked.iter().filter(|(a, _)| *a == user).map(|(_, b)| *b).collect();
        let ticket = Ticket {
            id,
            user,
            pool: Pool::Adult,
            reputation: 70,
            languages: Vec::new(),
            interests: Vec::new(),
            country: None,
            countries: Vec::new(),
            blocked,
            recent: Vec::new(),
            since: self.now,
        };
        let card = Card { id: user, display_name: String::new(), avatar_url: None, band: Band::New };
        let away = self.is_bad() && self.dice.one_in(20);
        let entry = Entry { ticket, session: SocketId::from_bits(user.bits()), card, away };
        self.store.entries.insert(user, serde_json::to_string(&entry).unwrap());
        self.store.changes.push_back(user);
        self.nudge();
    }

    fn nudge(&mut self) {
        for node in 0..NODES {
            let lost = self.is_bad() && self.dice.one_in(5);
            if !lost && !self.nodes[node].paused {
                self.give(node, Input::Nudge);
            }
        }
    }

    fn cancels(&mut self, user: UserId) {
        if let Some(Seat::Ticket(_)) = self.store.seats.get(&user)
            && self.store.entries.remove(&user).is_some()
        {
            self.store.seats.remove(&user);
            self.store.changes.push_back(user);
            let back = self.dice.millis(4_000);
            self.later(back, Event::Comes(user));
        }
    }

    /// The ticket is no good: a seat that still holds it goes back to the call it was for, or gets another ticket.
    fn void(&mut self, user: UserId, ticket: TicketId, room: Option<RoomId>) {
        if self.store.seats.get(&user) != Some(&Seat::Ticket(ticket)) {
            return;
        }
        let seated = room.filter(|room| self.rooms[room].open && self.rooms[room].members.contains(&user));
        if let Some(room) = seated {
            self.store.seats.insert(user, Seat::Room(room));
            return;
        }
        let ticket = TicketId::from_bits(self.number().into());
        self.store.seats.insert(user, Seat::Ticket(ticket));
        self.later(Duration::from_millis(5), Event::Enqueue(user, ticket));
    }

    /// Every waiting person's ticket is brought again, as it was.
    fn missed(&mut self) {
        for (user, seat) in self.store.seats.clone() {
            if let Seat::Ticket(ticket) = seat {
                self.later(Duration::from_millis(5), Event::Enqueue(user, ticket));
            }
        }
    }

    fn trouble(&mut self) {
        if !self.is_bad() {
            return self.settle();
        }
        let node = usize::try_from(self.dice.below(NODES as u64)).unwrap();
        match self.dice.below(6) {
            0 | 1 if !self.nodes[node].paused => {
                self.nodes[node].paused = true;
                let sleeps = self.dice.millis(10_000);
                self.later(sleeps, Event::Resumes(node));
            }
            2 => {
                // Killed and started again.
                let life = self.nodes[node].life + 1;
                let paused = self.nodes[node].paused;
                let leader = Leader::new(self.now, NodeId::from_bits(node as u128 + 1), Settings::default());
                self.nodes[node] = Node { leader, life, paused, inbox: VecDeque::new() };
                self.listen(node);
            }
            3 => {
                // A replica that lacks the last writes takes over.
                if !self.guards.firm
                    && let Some(past) = self.past.front().cloned()
                {
                    self.fallbacks += 1;
                    self.store = past;
                    self.later(Duration::from_millis(300), Event::Missed);
                }
            }
            _ => {}
        }
        let next = self.dice.millis(2_500);
        self.later(next, Event::Trouble);
    }

    /// The bad days are over: those whom the store forgot altogether have come back by themselves, as pages do.
    fn settle(&mut self) {
        self.later(Duration::from_millis(500), Event::Missed);
        for n in 0..USERS {
            let back = self.dice.millis(1_000);
            self.later(back, Event::Comes(user(n)));
        }
    }

    /// At the end everybody who waits does so with a ticket that a leader has, and nobody waits beside somebody who fits.
    pub fn account(&self) {
        let waiting: Vec<UserId> = self
            .store
            .seats
            .iter()
            .filter(|(_, seat)| matches!(seat, Seat::Ticket(_)))
            .map(|(user, _)| *user)
            .collect();
        for user in &waiting {
            let Some(Seat::Ticket(ticket)) = self.store.seats.get(user) else { continue };
            let text = self.store.entries.get(user);
            let entry = text.map(|text| serde_json::from_str::<Entry>(text).unwrap());
            let held = entry.is_some_and(|entry| entry.ticket.id == *ticket);
            let paired = self.store.pairings.values().any(|text| text.contains(&ticket.to_string()));
            assert!(held || paired, "{user}'s ticket was lost");
        }
        let leaders = self.nodes.iter().filter(|node| node.leader.leads()).count();
        assert_eq!(leaders, 1, "one leader in the end");
        assert!(self.opened > 0, "nobody met");
    }
}
