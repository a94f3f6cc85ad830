//! From samples of calls to what is done: each sample is looked at through the `sight` contract, what it shows becomes a
//! signal, the person's [`Strikes`] decide, and what they decide is carried to the room and written down. One per process
//! that holds rooms; it never slows them: what can't be looked at in time is lost, and then less is asked for.

mod notice;
mod person;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use visavis_domain::{
    Fault, Timestamp,
    contract::{
        Caller,
        moderation::{Moderation, Record},
        rooms::{Restrain, Rooms, Whose},
        sight::{Form, Listen, Look, Packet, Read, Sight},
    },
    id::{ParticipantId, RoomId, UserId},
    room::{
        restraint::Restraint,
        tap::{Body, Consumer, Demand, KeyFrame, PictureCodec, Pictures, Runs, Sample, SoundPacket},
    },
    strikes::{Input, Rules},
};
use visavis_platform::{Clock, Dice, Lifecycle, lossy::Receiver};

use crate::pace::Pace;
use notice::Noticed;
use person::{Carry, Person};

/// Pieces that are looked at at once: as many as one thread of models has waiting and two in its hands.
const AT_ONCE: usize = 16;
/// Of sound, a run is so long and repeats so much of the one before it: words at its edges are heard once at least.
const RUN: Duration = Duration::from_secs(5);
const OVERLAP: Duration = Duration::from_secs(1);
/// Pictures with fewer lines show too little.
const LEAST_HEIGHT: u16 = 180;
/// Somebody of whom nothing has come for so long is forgotten; what they did is written down.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// People who are watched at once: ten in each room of a full node would be more than its models could look at in a minute.
const MAX_PEOPLE: usize = 20_000;
/// Between two looks at what time alone changes.
const TICK: Duration = Duration::from_secs(1);
/// Tries to write a decision down, and the time between the first two; it doubles.
const TRIES: u32 = 8;
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Decisions that wait to be written down; each holds a small picture at most.
const MAX_UNWRITTEN: usize = 256;

/// Told what is wanted of all calls from now on.
pub type Wants = Box<dyn Fn(Consumer, Option<Demand>) + Send + Sync>;

/// What it stands on.
pub struct Deps {
    /// What the media's threads gather.
    pub samples: Receiver<Sample>,
    /// How more or less is asked for.
    pub wants: Wants,
    /// Those who look.
    pub sight: Arc<dyn Sight>,
    /// Where acts are carried.
    pub rooms: Arc<dyn Rooms>,
    /// Where they are written down.
    pub moderation: Arc<dyn Moderation>,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// For its tasks.
    pub lifecycle: Lifecycle,
    /// What follows what; the newest.
    pub rules: tokio::sync::watch::Receiver<Arc<Rules>>,
    /// A picture of each camera so often.
    pub every: Duration,
}

/// Between two questions whether anybody can look.
const ASK_AGAIN: Duration = Duration::from_secs(20);

/// The watcher.
pub struct Watch {
    wants: Wants,
    sight: Arc<dyn Sight>,
    rooms: Arc<dyn Rooms>,
    moderation: Arc<dyn Moderation>,
    clock: Clock,
    dice: Dice,
    lifecycle: Lifecycle,
    rules: tokio::sync::watch::Receiver<Arc<Rules>>,
    pace: Mutex<Pace>,
    /// Somebody can look.
    able: AtomicBool,
    whose: Mutex<HashMap<(RoomId, ParticipantId), UserId>>,
    people: Mutex<HashMap<UserId, Person>>,
    unwritten: Arc<Semaphore>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// Starts to look.
    pub fn start(deps: Deps) -> Arc<Self> {
        let now = deps.clock.now();
        let watch = Arc::new(Self {
            wants: deps.wants,
            sight: deps.sight,
            rooms: deps.rooms,
            moderation: deps.moderation,
            clock: deps.clock,
            dice: deps.dice,
            lifecycle: deps.lifecycle.clone(),
            rules: deps.rules,
            pace: Mutex::new(Pace::new(now, deps.every)),
            able: AtomicBool::new(false),
            whose: Mutex::default(),
            people: Mutex::default(),
            unwritten: Arc::new(Semaphore::new(MAX_UNWRITTEN)),
        });
        deps.lifecycle.spawn("watch-able", Arc::clone(&watch).keep_asking());
        deps.lifecycle.spawn("watch", Arc::clone(&watch).take(deps.samples));
        deps.lifecycle.spawn("watch-time", Arc::clone(&watch).keep_time());
        watch
    }

    /// While nobody can look, nothing is asked of anybody's camera.
    async fn keep_asking(self: Arc<Self>) {
        loop {
            let able = self.sight.able(&Caller::internal("watch"), ()).await;
            let able = able.is_ok_and(|able| !able.on.is_empty());
            if self.able.swap(able, Ordering::Relaxed) != able {
                tracing::info!(
                    watch.able = able,
                    "calls that run through this server are looked at, or no longer"
                );
                self.want();
            }
            tokio::time::sleep(if able { ASK_AGAIN } else { TICK }).await;
        }
    }

    fn want(&self) {
        if !self.able.load(Ordering::Relaxed) {
            return (self.wants)(Consumer::Moderation, None);
        }
        let every = lock(&self.pace).every();
        metrics::gauge!("visavis_watch_picture_interval_seconds").set(every.as_secs_f64());
        let pictures = Some(Pictures { every: Some(every), min_height: LEAST_HEIGHT });
        let sound = Some(Runs { length: RUN, overlap: OVERLAP });
        (self.wants)(Consumer::Moderation, Some(Demand { pictures, sound }));
    }

    async fn take(self: Arc<Self>, mut samples: Receiver<Sample>) {
        let hands = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(sample) = samples.recv().await {
            // While all hands are full the queue fills, and loses what is oldest.
            let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
            if lock(&self.pace).looked(self.clock.now(), sample.at) {
                self.want();
            }
            self.lifecycle.spawn("watch-sample", Arc::clone(&self).look_at(sample, hand));
        }
    }

    async fn look_at(self: Arc<Self>, sample: Sample, hand: OwnedSemaphorePermit) {
        let kind = sample.kind();
        let Sample { room, participant, at, body } = sample;
        let noticed = self.judge(at, body).await;
        drop(hand);
        let noticed = match noticed {
            Ok(noticed) => noticed,
            Err(fault) => {
                metrics::counter!("visavis_watch_failed_total", "kind" => kind, "code" => fault.code.as_str())
                    .increment(1);
                return;
            }
        };
        metrics::counter!("visavis_watch_looked_total", "kind" => kind).increment(1);
        // Whoever has left meanwhile is nobody's here.
        if let Ok(user) = self.whose(room, participant).await {
            self.notice(user, (room, participant), noticed).await;
        }
    }

    async fn judge(&self, at: Timestamp, body: Body) -> Result<Vec<Noticed>, Fault> {
        let cx = Caller { remaining_ms: 20_000, ..Caller::internal("watch") };
        let rules = self.rules.borrow().clone();
        let new = || self.dice.id(&self.clock);
        Ok(match body {
            Body::KeyFrame(source, KeyFrame { codec, bytes }) => {
                let form = match codec {
                    PictureCodec::Vp8 => Form::Vp8,
                    PictureCodec::H264 => Form::H264,
                };
                let look = Look { form, picture: bytes, keep_from: notice::keep_from(&rules) };
                let seen = self.sight.look(&cx, look).await?;
                if seen.blank {
                    metrics::counter!("visavis_watch_blank_total", "source" => source.as_str()).increment(1);
                }
                notice::seen(at, &seen, new)
            }
            Body::Sound(_, packets) => {
                let packet =
                    |SoundPacket { offset, bytes }: SoundPacket| Packet { offset, bytes: bytes.to_vec() };
                let listen = Listen { packets: packets.into_iter().map(packet).collect() };
                notice::heard(at, &self.sight.listen(&cx, listen).await?, new)
            }
            Body::Text(text) => {
                let scores = self.sight.read(&cx, Read { text: text.clone() }).await?;
                notice::written(at, text, &scores, new)
            }
        })
    }

    async fn whose(&self, room: RoomId, participant: ParticipantId) -> Result<UserId, Fault> {
        if let Some(user) = lock(&self.whose).get(&(room, participant)) {
            return Ok(*user);
        }
        let user = self.rooms.whose(&Caller::internal("watch"), Whose { room, participant }).await?;
        let mut whose = lock(&self.whose);
        if whose.len() >= MAX_PEOPLE {
            whose.clear();
        }
        whose.insert((room, participant), user);
        Ok(user)
    }

    /// What was noticed of somebody goes through their strikes, in the order it comes.
    async fn notice(self: &Arc<Self>, user: UserId, place: (RoomId, ParticipantId), noticed: Vec<Noticed>) {
        if !lock(&self.people).contains_key(&user) {
            // What stands from before counts; when it can't be known now, the ladder begins at its first step.
            let standing = self.moderation.standing(&Caller::internal("watch"), user).await;
            let strikes = standing.map(|standing| standing.strikes).unwrap_or_default();
            let mut people = lock(&self.people);
            if people.len() >= MAX_PEOPLE {
                metrics::counter!("visavis_watch_crowded_total").increment(1);
                return;
            }
            let rules = self.rules.borrow().clone();
            people.entry(user).or_insert_with(|| Person::new(&rules, strikes));
        }
        let now = self.clock.now();
        let carry: Vec<Carry> = {
            let mut people = lock(&self.people);
            let Some(person) = people.get_mut(&user) else { return };
            person.is_at(now, place);
            for one in noticed {
                person.notice(now, one);
            }
            person.carry()
        };
        self.carry(user, carry);
    }

    /// Acts of one person in their order, without anybody waiting.
    fn carry(self: &Arc<Self>, user: UserId, carry: Vec<Carry>) {
        if carry.is_empty() {
            return;
        }
        let watch = Arc::clone(self);
        self.lifecycle.spawn("watch-acts", async move {
            for one in carry {
                watch.do_it(user, one).await;
            }
        });
    }

    async fn do_it(self: &Arc<Self>, user: UserId, carry: Carry) {
        let decision = self.dice.id(&self.clock);
        let now = self.clock.now();
        let (restrain, record) = carry.into_parts(user, decision, now);
        if let Some(restrain) = restrain {
            self.restrain(restrain).await;
        }
        if let Some(record) = record {
            self.write_down(record);
        }
    }

    async fn restrain(&self, restrain: Restrain) {
        let kind = restraint_name(restrain.restraint);
        metrics::counter!("visavis_watch_acts_total", "act" => kind).increment(1);
        if let Err(fault) = self.rooms.restrain(&Caller::internal("watch"), restrain).await {
            // They have left: the next room begins with what is written down.
            tracing::info!(fault.code = %fault.code, act = kind, "an act could not be carried to its room");
        }
    }

    /// A decision is tried again until it is kept: the person has been told of it.
    fn write_down(self: &Arc<Self>, record: Record) {
        let Ok(place) = Arc::clone(&self.unwritten).try_acquire_owned() else {
            metrics::counter!("visavis_watch_unwritten_total").increment(1);
            return;
        };
        let watch = Arc::clone(self);
        self.lifecycle.spawn("watch-record", async move {
            let (_place, mut pause) = (place, TRY_AGAIN);
            for _ in 0..TRIES {
                match watch.moderation.record(&Caller::internal("watch"), record.clone()).await {
                    Ok(()) => return,
                    Err(fault) => {
                        tracing::warn!(fault.code = %fault.code, "a decision could not be written down yet");
                    }
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            metrics::counter!("visavis_watch_unwritten_total").increment(1);
        });
    }

    async fn keep_time(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let now = self.clock.now();
            let mut due = Vec::new();
            {
                let mut people = lock(&self.people);
                people.retain(|_, person| now.since(person.seen()) < FORGOTTEN);
                for (user, person) in people.iter_mut().filter(|(_, person)| person.waits()) {
                    person.handle(now, Input::Tick);
                    due.push((*user, person.carry()));
                }
            }
            for (user, carry) in due {
                self.carry(user, carry);
            }
        }
    }
}

const fn restraint_name(restraint: Restraint) -> &'static str {
    match restraint {
        Restraint::Warn => "warn",
        Restraint::Blur => "blur",
        Restraint::Clear => "clear",
        Restraint::Mute => "mute",
        Restraint::Remove => "remove",
    }
}
