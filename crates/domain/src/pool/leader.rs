//! The one who leads a pool, or would like to.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use super::{Answer, Claimed, Entry, Input, Lease, Op, Output, Pairing};
use crate::{
    Timestamp,
    id::{NodeId, RoomId, UserId},
    queue::{self, Queue},
};

/// How long a lease stands without being renewed. A follower takes over at most this and [`LOOK_EVERY`] after a leader
/// has gone.
pub const LEASE: Duration = Duration::from_secs(2);
/// Between two renewals: three may be lost.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// Between two looks of a follower.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A question without an answer by then has none.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest time until a change is seen whose nudge was lost.
const READ_EVERY: Duration = Duration::from_millis(250);
/// Everything is read anew so often, for whatever was missed.
const READ_ALL_EVERY: Duration = Duration::from_secs(30);
/// Between a read that failed and the next.
const READ_AGAIN: Duration = Duration::from_millis(500);
/// Changes read at once.
const BATCH: usize = 512;
/// Claims and openings under way at once: each waits for the network and the database; more would only queue there.
const UNDER_WAY: usize = 64;
/// Between two tries to open a room.
const OPEN_AGAIN: Duration = Duration::from_secs(1);
/// After so many tries the two get new tickets: half a minute of a database that is away.
const OPEN_TRIES: u32 = 30;

/// What is known of somebody's place.
#[derive(Debug)]
struct Place {
    text: String,
    entry: Entry,
}

/// What a question was about.
#[derive(Debug)]
enum About {
    IsLed,
    Epoch,
    Take(Lease),
    Renew,
    All,
    Changes,
    Look,
    Claim([UserId; 2]),
    Open(RoomId),
    Rest,
}

#[derive(Debug)]
enum State {
    Follows,
    Leads(Box<Reign>),
}

/// What only a leader has.
#[derive(Debug)]
struct Reign {
    lease: Lease,
    queue: Queue,
    places: HashMap<UserId, Place>,
    /// People whom the queue has paired, until it is known what came of it. What the store says of them meanwhile is
    /// looked up afterwards.
    claiming: HashSet<UserId>,
    /// Claims that wait for their turn.
    to_claim: VecDeque<Claim>,
    claims: usize,
    pairings: HashMap<RoomId, Opening>,
    to_open: VecDeque<RoomId>,
    opening: usize,
    /// Everything has been read once: before that there is nobody to pair.
    ready: bool,
    reads: Reads,
}

/// Reading goes one question at a time, so that an older answer never overwrites a newer one.
#[derive(Debug, Default)]
struct Reads {
    under_way: bool,
    all: bool,
    these: BTreeSet<UserId>,
    changes: bool,
}

/// Two people to be claimed.
#[derive(Debug)]
struct Claim {
    places: [Place; 2],
    common_interests: Vec<String>,
}

/// A pairing on its way to a room.
#[derive(Debug)]
struct Opening {
    pairing: Pairing,
    tries: u32,
}

/// Things to do at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Look,
    Renew,
    Read,
    ReadAll,
    ReadAgain,
    Queue,
    OpenAgain(RoomId),
    Overdue(u64),
}

/// The machine: one for each pool and process.
#[derive(Debug)]
pub struct Leader {
    node: NodeId,
    settings: queue::Settings,
    state: State,
    /// Until when the lease holds, by our clock at the time we asked for it.
    valid_until: Timestamp,
    asked: HashMap<u64, (About, Timestamp)>,
    numbers: u64,
    /// Alarms of an earlier reign are not for this one.
    reigns: u64,
    alarms: BinaryHeap<Reverse<(Timestamp, u64, Alarm)>>,
    announced: Option<Timestamp>,
    /// The latest time that was told.
    latest: Timestamp,
    retired: bool,
    out: VecDeque<Output>,
}

impl Leader {
    /// A follower that will look at once.
    pub fn new(now: Timestamp, node: NodeId, settings: queue::Settings) -> Self {
        let mut leader = Self {
            node,
            settings,
            state: State::Follows,
            valid_until: now,
            asked: HashMap::new(),
            numbers: 0,
            reigns: 0,
            alarms: BinaryHeap::new(),
            announced: None,
            latest: now,
            retired: false,
            out: VecDeque::new(),
        };
        leader.ask(now, About::IsLed, Op::IsLed);
        leader.announce(now);
        leader
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether this process leads.
    pub const fn leads(&self) -> bool {
        matches!(self.state, State::Leads(_))
    }

    /// How many wait, as far as a leader knows.
    pub fn waiting(&self) -> usize {
        match &self.state {
            State::Leads(reign) => reign.queue.len(),
            State::Follows => 0,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.set_back(self.latest.since(now));
        self.latest = now;
        if self.leads() && now >= self.valid_until {
            // Slept through it, or the store is away: somebody else may lead by now.
            self.step_down(now);
        }
        match input {
            Input::Answer(number, answer) => self.answered(now, number, answer),
            Input::Nudge => self.want(|reads| reads.changes = true),
            Input::Block { a, b } => {
                if let State::Leads(reign) = &mut self.state {
                    reign.queue.handle(now, queue::Input::Block { a, b });
                }
            }
            Input::Retire => self.retire(now),
            Input::Tick => self.announced = None,
        }
        self.ring(now);
        self.listen(now);
        self.press_on(now);
        self.read(now);
        self.announce(now);
    }

    /// The clock was: what is due stays due after as long as before, and a lease holds no longer.
    fn set_back(&mut self, by: Duration) {
        if by.is_zero() {
            return;
        }
        self.valid_until = self.valid_until - by;
        self.announced = None;
        self.asked.values_mut().for_each(|(_, at)| *at = *at - by);
        let alarms = std::mem::take(&mut self.alarms).into_iter();
        self.alarms = alarms.map(|Reverse((at, reign, alarm))| Reverse((at - by, reign, alarm))).collect();
    }

    fn ask(&mut self, now: Timestamp, about: About, op: Op) {
        self.numbers += 1;
        let number = self.numbers;
        self.asked.insert(number, (about, now));
        self.set(now + PATIENCE, Alarm::Overdue(number));
        self.out.push_back(Output::Ask(number, op));
    }

    fn set(&mut self, at: Timestamp, alarm: Alarm) {
        self.alarms.push(Reverse((at, self.reigns, alarm)));
    }

    fn ring(&mut self, now: Timestamp) {
        while let Some(Reverse((at, reign, alarm))) = self.alarms.peek().copied() {
            if at > now {
                break;
            }
            self.alarms.pop();
            match alarm {
                Alarm::Overdue(number) => {
                    if self.asked.contains_key(&number) {
                        self.answered(now, number, Answer::Failed);
                    }
                }
                _ if reign != self.reigns => {}
                Alarm::Look => {
                    if !self.leads() && !self.retired {
                        self.ask(now, About::IsLed, Op::IsLed);
                    }
                }
                Alarm::Renew => self.renew(now),
                Alarm::Read => {
                    self.want(|reads| reads.changes = true);
                    self.set(now + READ_EVERY, Alarm::Read);
                }
                Alarm::ReadAll => {
                    self.want(|reads| reads.all = true);
                    self.set(now + READ_ALL_EVERY, Alarm::ReadAll);
                }
                Alarm::ReadAgain => self.want(|reads| reads.all = true),
                Alarm::OpenAgain(room) => {
                    if let State::Leads(reign) = &mut self.state {
                        reign.to_open.push_back(room);
                    }
                }
                Alarm::Queue => {
                    if let State::Leads(reign) = &mut self.state {
                        reign.queue.handle(now, queue::Input::Tick);
                    }
                }
            }
        }
    }

    fn renew(&mut self, now: Timestamp) {
        if let State::Leads(reign) = &self.state {
            let lease = reign.lease;
            self.ask(now, About::Renew, Op::Renew(lease));
            self.set(now + RENEW_EVERY, Alarm::Renew);
        }
    }

    fn want(&mut self, what: impl FnOnce(&mut Reads)) {
        if let State::Leads(reign) = &mut self.state {
            what(&mut reign.reads);
        }
    }

    /// The next read, if none is under way: everything, then those to be looked at, then changes.
    fn read(&mut self, now: Timestamp) {
        let State::Leads(reign) = &mut self.state else { return };
        let reads = &mut reign.reads;
        if reads.under_way {
            return;
        }
        let (about, op) = if reads.all {
            (reads.all, reads.under_way) = (false, true);
            reads.these.clear();
            (About::All, Op::ReadAll)
        } else if reign.ready && !reads.these.is_empty() {
            let these = std::mem::take(&mut reads.these).into_iter().collect();
            reads.under_way = true;
            (About::Look, Op::Read(these))
        } else if reign.ready && reads.changes {
            (reads.changes, reads.under_way) = (false, true);
            (About::Changes, Op::ReadChanges(BATCH))
        } else {
            return;
        };
        self.ask(now, about, op);
    }

    fn step_down(&mut self, now: Timestamp) {
        self.state = State::Follows;
        self.reigns += 1;
        // Answers that are still to come belong to a reign that is over.
        self.asked.clear();
        self.out.push_back(Output::Leads(false));
        if !self.retired {
            self.set(now + LOOK_EVERY, Alarm::Look);
        }
    }

    fn retire(&mut self, now: Timestamp) {
        self.retired = true;
        if let State::Leads(reign) = &self.state {
            let lease = reign.lease;
            self.step_down(now);
            self.ask(now, About::Rest, Op::Release(lease));
        }
    }

    fn answered(&mut self, now: Timestamp, number: u64, answer: Answer) {
        let Some((about, asked_at)) = self.asked.remove(&number) else { return };
        match (about, answer) {
            (About::IsLed, Answer::No) if !self.retired => self.ask(now, About::Epoch, Op::NextEpoch),
            (About::Epoch, Answer::Epoch(epoch)) => {
                let lease = Lease { node: self.node, epoch };
                self.ask(now, About::Take(lease), Op::Take(lease));
            }
            (About::Take(lease), Answer::Yes) => self.begin(now, asked_at, lease),
            (About::IsLed | About::Epoch | About::Take(_), _) => self.set(now + LOOK_EVERY, Alarm::Look),
            (About::Renew, Answer::Yes) => self.valid_until = self.valid_until.max(asked_at + LEASE),
            (About::Renew, Answer::No) => self.step_down(now),
            // Whether it was renewed isn't known; the next one may say, else the lease runs out.
            (About::Renew, _) => {}
            (about, answer) => self.told(now, about, answer),
        }
    }

    fn begin(&mut self, now: Timestamp, asked_at: Timestamp, lease: Lease) {
        self.reigns += 1;
        self.valid_until = asked_at + LEASE;
        self.state = State::Leads(Box::new(Reign {
            lease,
            queue: Queue::new(self.settings.clone()),
            places: HashMap::new(),
            claiming: HashSet::new(),
            to_claim: VecDeque::new(),
            claims: 0,
            pairings: HashMap::new(),
            to_open: VecDeque::new(),
            opening: 0,
            ready: false,
            reads: Reads::default(),
        }));
        self.out.push_back(Output::Leads(true));
        self.set(now + RENEW_EVERY, Alarm::Renew);
        self.set(now, Alarm::ReadAll);
        self.set(now + READ_EVERY, Alarm::Read);
    }

    /// Answers that only a leader asked for.
    fn told(&mut self, now: Timestamp, about: About, answer: Answer) {
        let State::Leads(reign) = &mut self.state else { return };
        match (about, answer) {
            (About::All, Answer::All { entries, pairings }) => {
                reign.reads.under_way = false;
                reign.ready = true;
                reign.take_over(now, entries, &pairings);
            }
            (About::Changes | About::Look, Answer::Changed { entries, more }) => {
                reign.reads.under_way = false;
                reign.reads.changes |= more;
                for (user, text) in entries {
                    reign.see(now, user, text);
                }
            }
            (About::All | About::Changes | About::Look, _) => {
                // What was taken from the list of changes may be lost with the answer: everything is read anew.
                reign.reads.under_way = false;
                self.set(now + READ_AGAIN, Alarm::ReadAgain);
            }
            (About::Claim(users), answer) => self.claim_ended(users, answer),
            (About::Open(room), answer) => self.open_ended(now, room, &answer),
            _ => {}
        }
    }

    fn claim_ended(&mut self, users: [UserId; 2], answer: Answer) {
        let State::Leads(reign) = &mut self.state else { return };
        reign.claims -= 1;
        for user in users {
            reign.claiming.remove(&user);
        }
        match answer {
            // Whoever came anew since the claim stands there again.
            Answer::Claimed(pairing) => reign.open_next(*pairing),
            Answer::No => {}
            // It may have been done: then the pairing is in the store.
            _ => reign.reads.all = true,
        }
        reign.reads.these.extend(users);
    }

    fn open_ended(&mut self, now: Timestamp, room: RoomId, answer: &Answer) {
        let State::Leads(reign) = &mut self.state else { return };
        reign.opening -= 1;
        let Some(opening) = reign.pairings.get_mut(&room) else { return };
        match answer {
            Answer::Yes => {
                reign.pairings.remove(&room);
                self.ask(now, About::Rest, Op::Forget(room));
            }
            Answer::Failed if opening.tries < OPEN_TRIES => {
                self.set(now + OPEN_AGAIN, Alarm::OpenAgain(room));
            }
            _ => {
                if let Some(opening) = reign.pairings.remove(&room) {
                    self.ask(now, About::Rest, Op::GiveUp(Box::new(opening.pairing)));
                }
            }
        }
    }

    /// What the queue decided.
    fn listen(&mut self, now: Timestamp) {
        while let State::Leads(reign) = &mut self.state {
            let Some(output) = reign.queue.poll() else { break };
            match output {
                queue::Output::Matched(pair) => reign.take_out(*pair),
                queue::Output::Waiting { ticket, user, waited, widened } => {
                    if let Some(place) = reign.places.get(&user) {
                        let session = place.entry.session;
                        self.out.push_back(Output::Waiting { session, ticket, waited, widened });
                    }
                }
                queue::Output::Expired { ticket, user } => {
                    if let Some(Place { text, .. }) = reign.places.remove(&user) {
                        let lease = reign.lease;
                        self.ask(now, About::Rest, Op::Expire { lease, user, text });
                        self.out.push_back(Output::Ended { user, ticket });
                    }
                }
                queue::Output::WakeAt(at) => self.set(at, Alarm::Queue),
            }
        }
    }

    /// Claims and openings, as many as may be under way.
    fn press_on(&mut self, now: Timestamp) {
        while let State::Leads(reign) = &mut self.state
            && reign.claims < UNDER_WAY
            && let Some(Claim { places: [a, b], common_interests }) = reign.to_claim.pop_front()
        {
            reign.claims += 1;
            let users = [a.entry.ticket.user, b.entry.ticket.user];
            let pairing = Box::new(Claimed { guests: [a.entry, b.entry], common_interests });
            let op = Op::Claim { lease: reign.lease, texts: [a.text, b.text], pairing };
            self.ask(now, About::Claim(users), op);
        }
        while let State::Leads(reign) = &mut self.state
            && reign.opening < UNDER_WAY
            && let Some(room) = reign.to_open.pop_front()
        {
            let Some(opening) = reign.pairings.get_mut(&room) else { continue };
            opening.tries += 1;
            reign.opening += 1;
            let pairing = Box::new(opening.pairing.clone());
            self.ask(now, About::Open(room), Op::Open(pairing));
        }
    }

    fn announce(&mut self, now: Timestamp) {
        let next = self.alarms.peek().map(|Reverse((at, ..))| *at);
        let used = self.announced.is_none_or(|at| at <= now);
        if let Some(at) = next
            && (used || self.announced.is_some_and(|announced| at < announced))
        {
            self.announced = Some(at);
            self.out.push_back(Output::WakeAt(at));
        }
    }
}

impl Reign {
    /// Everything as the store has it: known people who aren't there any more leave.
    fn take_over(&mut self, now: Timestamp, entries: Vec<(UserId, String)>, pairings: &[String]) {
        let there: HashSet<UserId> = entries.iter().map(|(user, _)| *user).collect();
        let gone: Vec<UserId> = self.places.keys().filter(|user| !there.contains(user)).copied().collect();
        for user in gone {
            self.see(now, user, None);
        }
        for (user, text) in entries {
            self.see(now, user, Some(text));
        }
        for text in pairings {
            // One that can't be read is from a build that isn't ours; its leader will open it, or its owners give up.
            if let Ok(pairing) = serde_json::from_str::<Pairing>(text) {
                self.open_next(pairing);
            }
        }
    }

    /// Two whom the queue has paired, and no longer holds.
    fn take_out(&mut self, pair: queue::Match) {
        let users = [pair.a.user, pair.b.user];
        let [Some(a), Some(b)] = users.map(|user| self.places.remove(&user)) else {
            self.reads.these.extend(users);
            return;
        };
        self.claiming.extend(users);
        self.to_claim.push_back(Claim { places: [a, b], common_interests: pair.common_interests });
    }

    /// Brings the queue to what the store says of somebody.
    fn see(&mut self, now: Timestamp, user: UserId, text: Option<String>) {
        if self.claiming.contains(&user) {
            // The claim's answer is followed by another look.
            return;
        }
        let known = self.places.get(&user);
        let entry = text.as_ref().and_then(|text| serde_json::from_str::<Entry>(text).ok());
        let (Some(text), Some(entry)) = (text, entry) else {
            if self.places.remove(&user).is_some() {
                self.queue.handle(now, queue::Input::Cancel(user));
            }
            return;
        };
        if known.is_some_and(|place| place.text == text) {
            return;
        }
        let change = match known {
            // The same wait, with the socket gone or back.
            Some(place) if place.entry.ticket == entry.ticket && entry.away && !place.entry.away => {
                queue::Input::Park(user)
            }
            Some(place) if place.entry.ticket == entry.ticket && !entry.away && place.entry.away => {
                queue::Input::Unpark(user)
            }
            // Only the session is another one.
            Some(place) if place.entry.ticket == entry.ticket => {
                self.places.insert(user, Place { text, entry });
                return;
            }
            other => {
                if other.is_some_and(|place| place.entry.ticket.id != entry.ticket.id) {
                    self.queue.handle(now, queue::Input::Cancel(user));
                }
                let ticket = entry.ticket.clone();
                if entry.away { queue::Input::JoinAway(ticket) } else { queue::Input::Join(ticket) }
            }
        };
        self.places.insert(user, Place { text, entry });
        self.queue.handle(now, change);
    }

    fn open_next(&mut self, pairing: Pairing) {
        let room = pairing.room;
        if let std::collections::hash_map::Entry::Vacant(free) = self.pairings.entry(room) {
            free.insert(Opening { pairing, tries: 0 });
            self.to_open.push_back(room);
        }
    }
}
