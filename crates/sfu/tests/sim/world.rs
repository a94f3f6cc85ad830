//! A shard and its guests in virtual time, with a network of its own for each of them.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use visavis_domain::{
    Timestamp,
    id::{ParticipantId, RoomId},
    room::tap::{Consumer, Sample},
    wire::Source,
};
use visavis_sfu::{
    burst::{Carrier, Route},
    call::{LinkNews, News, SlotView},
    guest::{Guest, Plan, Shown},
    negotiate::Common,
    shard::{Command, Input, Output, Shard},
};
use visavis_testkit::link::{Link, Nature};

/// Longest stretch that a step skips, so that whatever is waited for is looked at often enough.
const STEP: Duration = Duration::from_millis(5);
/// Shortest.
const LEAST: Duration = Duration::from_micros(50);
/// IP and UDP headers, which the bottleneck carries too.
const OVERHEAD: usize = 28;

pub fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 7882))
}

pub fn id(n: u32) -> ParticipantId {
    ParticipantId::from_bits(u128::from(n) + 1)
}

pub struct Person {
    pub guest: Guest,
    pub at: SocketAddr,
    pub up: Link<Vec<u8>>,
    pub down: Link<Vec<u8>>,
    pub slots: Vec<SlotView>,
    pub link: Vec<(Instant, LinkNews)>,
    pub answer: String,
    pub offer: String,
    /// What of its datagrams leaves it.
    pub passes: fn(&[u8]) -> bool,
}

pub struct World {
    pub now: Instant,
    pub shard: Shard,
    pub wake: Instant,
    pub people: BTreeMap<u32, Person>,
    pub speaking: Vec<(Instant, Option<ParticipantId>)>,
    pub failed: Vec<RoomId>,
    pub samples: Vec<(Consumer, Sample)>,
    /// Bytes that went to each address.
    pub sent: HashMap<SocketAddr, usize>,
    /// Counts something that the shard uses up, and how much of it that was.
    pub meter: Option<fn() -> u64>,
    pub metered: u64,
    /// Times that the shard wanted to be called at once again, which keeps a real one's thread busy.
    pub spins: u64,
    pub answers: HashMap<u64, Result<String, visavis_domain::Fault>>,
    rooms: HashMap<u32, RoomId>,
    /// From whom somebody is kept apart when they offer.
    apart: HashMap<u32, Vec<ParticipantId>>,
    /// Told before whom it is about has taken its answer.
    early: HashMap<u32, Vec<SlotView>>,
    by_address: HashMap<SocketAddr, u32>,
    ticket: u64,
    seed: u64,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
    pub fn new(seed: u64) -> Self {
        let start = Instant::now();
        let common = Common::new(vec![server()], vec![]).unwrap();
        let shard = Shard::new(start, Timestamp::from_millis(1_800_000_000_000), common);
        Self {
            now: start,
            shard,
            wake: start,
            people: BTreeMap::new(),
            speaking: Vec::new(),
            failed: Vec::new(),
            samples: Vec::new(),
            sent: HashMap::new(),
            meter: None,
            metered: 0,
            spins: 0,
            answers: HashMap::new(),
            rooms: HashMap::new(),
            apart: HashMap::new(),
            early: HashMap::new(),
            by_address: HashMap::new(),
            ticket: 0,
            seed,
        }
    }

    pub fn room(n: u32) -> RoomId {
        RoomId::from_bits(u128::from(n) + 1)
    }

    /// Somebody joins; the answer is there at once (what it takes is signalling's matter).
    pub fn join(&mut self, room: u32, n: u32, plan: &Plan, nature: Nature) {
        self.join_with(room, n, plan, nature, str::to_owned);
    }

    /// Somebody joins with another offer than their own.
    pub fn join_with(
        &mut self,
        room: u32,
        n: u32,
        plan: &Plan,
        nature: Nature,
        change: impl FnOnce(&str) -> String,
    ) {
        let at = SocketAddr::from(([203, 0, 113, u8::try_from(n % 250).unwrap() + 1], 40_000));
        let (mut guest, offer) = Guest::new(self.now, at, plan).unwrap();
        self.rooms.insert(n, Self::room(room));
        self.by_address.insert(at, n);
        let seed = self.seed.wrapping_mul(1_000) + u64::from(n) * 2;
        self.people.remove(&n);
        let answer = self.offer(n, &change(&offer), plan.limit).unwrap();
        guest.accept(self.now, &answer).unwrap();
        let person = Person {
            guest,
            at,
            up: Link::new(nature, seed),
            down: Link::new(nature, seed + 1),
            slots: self.early.remove(&n).unwrap_or_default(),
            link: Vec::new(),
            answer,
            offer,
            passes: |_| true,
        };
        self.people.insert(n, person);
        self.collect();
    }

    /// From whom somebody is kept apart when they offer next.
    pub fn apart(&mut self, n: u32, from: Vec<ParticipantId>) {
        self.apart.insert(n, from);
    }

    /// In which room somebody's offers are.
    pub fn place(&mut self, room: u32, n: u32) {
        self.rooms.insert(n, Self::room(room));
    }

    /// Somebody who was answered another way.
    pub fn adopt(&mut self, n: u32, guest: Guest, at: SocketAddr, answer: String, offer: String) {
        self.by_address.insert(at, n);
        let nature = Nature::clean(Duration::from_millis(10));
        let (up, down) = (Link::new(nature, self.seed + 1), Link::new(nature, self.seed + 2));
        let slots = self.early.remove(&n).unwrap_or_default();
        let link = Vec::new();
        self.people.insert(n, Person { guest, at, up, down, slots, link, answer, offer, passes: |_| true });
        self.collect();
    }

    pub fn offer(&mut self, n: u32, offer: &str, limit: usize) -> Result<String, visavis_domain::Fault> {
        self.ticket += 1;
        let room = self.rooms.get(&n).copied().unwrap_or(Self::room(0));
        let command = Command::Join {
            room,
            participant: id(n),
            offer: offer.to_owned(),
            media: None,
            apart: self.apart.get(&n).cloned().unwrap_or_default(),
            limit,
            random: self.seed ^ self.ticket,
            ticket: self.ticket,
        };
        self.handle(Input::Command(command));
        self.wake = self.now;
        self.collect();
        self.answers.remove(&self.ticket).unwrap()
    }

    pub fn leave(&mut self, n: u32) {
        let room = self.rooms[&n];
        self.command(Command::Leave { room, participant: id(n) });
        self.people.remove(&n);
    }

    pub fn command(&mut self, command: Command) {
        self.handle(Input::Command(command));
        self.wake = self.now;
        self.collect();
    }

    /// A datagram from anybody.
    pub fn inject(&mut self, from: SocketAddr, bytes: &[u8]) {
        let route = Route { carrier: Carrier::Udp, to: from, at: server() };
        self.handle(Input::Datagram { route, bytes });
        self.handle(Input::Tick);
        self.collect();
    }

    /// Moves a person to another address, as a change of network does.
    pub fn move_to(&mut self, n: u32, at: SocketAddr) {
        self.by_address.insert(at, n);
        self.people.get_mut(&n).unwrap().at = at;
    }

    fn handle(&mut self, input: Input<'_>) {
        let before = self.meter.map(|meter| meter());
        self.shard.handle(self.now, input);
        self.metered += self.meter.zip(before).map_or(0, |(meter, before)| meter() - before);
    }

    fn collect(&mut self) {
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Send(burst) => {
                    *self.sent.entry(burst.route.to).or_default() += burst.bytes.len();
                    if let Some(person) =
                        self.by_address.get(&burst.route.to).and_then(|n| self.people.get_mut(n))
                        && person.at == burst.route.to
                    {
                        for datagram in burst.datagrams() {
                            person.down.send(self.now, datagram.len() + OVERHEAD, datagram.to_vec());
                        }
                    }
                    self.shard.recycle(burst);
                }
                Output::Answered(ticket, answer) => drop(self.answers.insert(ticket, answer)),
                Output::News(_, news) => self.news(news),
                Output::Failed(room) => self.failed.push(room),
                Output::Sample(consumer, sample) => self.samples.push((consumer, sample)),
                Output::WakeAt(at) => self.wake = at,
            }
        }
    }

    fn news(&mut self, news: News) {
        let number = |who: ParticipantId| u32::try_from(who.bits() - 1).unwrap();
        match news {
            News::Slots(who, slots) => match self.people.get_mut(&number(who)) {
                Some(person) => person.slots = slots,
                None => drop(self.early.insert(number(who), slots)),
            },
            News::Speaking(who, _) => self.speaking.push((self.now, who)),
            News::Link(who, news) => {
                if let Some(person) = self.people.get_mut(&number(who)) {
                    person.link.push((self.now, news));
                }
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    /// Lets time pass until `done`, at most `patience`; true when it was.
    pub fn run_until(&mut self, patience: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + patience;
        while self.now < end {
            if done(self) {
                return true;
            }
            self.step((self.now + STEP).min(end));
        }
        done(self)
    }

    fn step(&mut self, end: Instant) {
        let mut next = end.min(self.wake);
        for person in self.people.values() {
            // A guest that can't get on must not hold the clock.
            next = next.min(person.guest.wake().max(self.now + LEAST));
            next = [person.up.due(), person.down.due()].into_iter().flatten().fold(next, Instant::min);
        }
        self.now = next.max(self.now);
        let now = self.now;
        let mut came = Vec::new();
        for person in self.people.values_mut() {
            while let Some(datagram) = person.down.receive(now) {
                person.guest.receive(now, server(), &datagram).unwrap();
            }
            person.guest.advance(now).unwrap();
            while let Some((to, datagram)) = person.guest.poll() {
                if to == server() && (person.passes)(&datagram) {
                    person.up.send(now, datagram.len() + OVERHEAD, datagram);
                }
            }
            let route = Route { carrier: Carrier::Udp, to: person.at, at: server() };
            while let Some(datagram) = person.up.receive(now) {
                came.push((route, datagram));
            }
        }
        let any = !came.is_empty();
        for (route, datagram) in came {
            self.handle(Input::Datagram { route, bytes: &datagram });
        }
        if any || self.wake <= now {
            self.handle(Input::Tick);
            self.collect();
        }
        if self.wake <= now {
            self.wake = now + Duration::from_micros(1);
            self.spins += 1;
        }
    }

    /// On which line `viewer` has a source of `of`.
    pub fn line(&self, viewer: u32, of: u32, source: Source) -> Option<String> {
        let slots = &self.people.get(&viewer)?.slots;
        slots.iter().find(|s| s.participant == Some(id(of)) && s.source == source).map(|s| s.mid.clone())
    }

    /// What `viewer` has seen on the line that shows `of` now.
    pub fn shown(&self, viewer: u32, of: u32) -> Shown {
        let line = self.line(viewer, of, Source::Camera);
        line.map(|mid| self.people[&viewer].guest.shown(&mid)).unwrap_or_default()
    }
}
