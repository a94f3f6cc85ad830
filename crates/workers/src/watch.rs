//! From samples of calls to what is done: each sample is looked at through the `sight` contract, what it shows becomes a
//! signal, the person's [`Strikes`] decide, and what they decide is carried to the room and written down. One per process
//! that holds rooms; it never slows them: what can't be looked at in time is lost, and then less is asked for.

mod again;
mod captions;
mod carrier;
mod hints;
#[cfg(test)]
mod killed;
mod lately;
mod notice;
mod person;
mod unseen;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        moderation::{Attach, Moderation},
        rooms::{self, Rooms, Whose},
        sight::{Form, Listen, Look, Packet, Read, Said, Sight},
    },
    event::{Event, Topic},
    id::{ParticipantId, ReportId, RoomId, UserId},
    room::tap::{Body, Consumer, Demand, KeyFrame, PictureCodec, Pictures, Runs, Sample, SoundPacket},
    strikes::{Input, Rules},
    wire::Source,
};
use visavis_platform::{
    Bus, Clock, Dice, Kv, Lifecycle,
    bus::{News, Subscription},
    lossy::{self, Receiver},
};

use crate::pace::Pace;
use captions::Captions;
use carrier::{Carrier, Kept};
use hints::{Hint, Voices};
use lately::{Lately, New};
use notice::Noticed;
use person::Person;

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
/// A report waits so long for what was said right before it: a run must end, and be written down.
const LAST_WORDS: Duration = Duration::from_secs(8);
/// A picture that has waited for so long is lost: a newer one of the same camera is behind it, and what follows of a picture is
/// to follow within six seconds. What is said or written comes once, and is looked at however late.
const STALE: Duration = Duration::from_secs(4);
/// Reports that wait so.
const REPORTS: usize = 64;
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
    /// Whose word about direct calls is heard.
    pub kv: Kv,
    /// News about people.
    pub bus: Bus,
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

/// What was found in a sample.
#[derive(Default)]
struct Judged {
    noticed: Vec<Noticed>,
    /// It was a picture or sound.
    media: bool,
    /// The picture, blurred.
    picture: Option<Vec<u8>>,
    /// Of which source, and when it was taken.
    looked: Option<(Source, Timestamp)>,
    /// What a camera's picture looked like.
    print: Option<u64>,
    /// What was said into a microphone.
    said: Vec<Said>,
    /// It waited for somebody who could look: they may be elsewhere by now.
    late: bool,
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
    able: tokio::sync::watch::Sender<bool>,
    /// Or it seems that nobody can any more.
    doubt: Notify,
    hands: Arc<Semaphore>,
    again: Arc<Semaphore>,
    alone: tokio::sync::Mutex<()>,
    whose: Mutex<HashMap<(RoomId, ParticipantId), UserId>>,
    people: Mutex<HashMap<UserId, Person>>,
    lately: Mutex<Lately>,
    captions: Mutex<Captions>,
    said: lossy::Sender<rooms::Said>,
    reports: Arc<Semaphore>,
    carrier: Carrier,
    voices: Voices,
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
        let chance = (deps.clock.clone(), deps.dice.clone());
        let carrier =
            Carrier::start(Arc::clone(&deps.rooms), Arc::clone(&deps.moderation), chance, &deps.lifecycle);
        let (said, to_tell) = lossy::channel(captions::WAITING);
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
            able: tokio::sync::watch::Sender::new(false),
            doubt: Notify::new(),
            hands: Arc::new(Semaphore::new(AT_ONCE)),
            again: again::room(),
            alone: tokio::sync::Mutex::default(),
            whose: Mutex::default(),
            people: Mutex::default(),
            lately: Mutex::default(),
            captions: Mutex::default(),
            said,
            reports: Arc::new(Semaphore::new(REPORTS)),
            carrier,
            voices: Voices::new(deps.kv),
        });
        let people = deps.bus.subscribe(Topic::People);
        deps.lifecycle.keep("watch-people", Arc::clone(&watch).hear(people));
        deps.lifecycle.keep("watch-there", Arc::clone(&watch).keep_lately());
        deps.lifecycle.keep("watch-able", Arc::clone(&watch).keep_asking());
        deps.lifecycle.keep("watch", Arc::clone(&watch).take(deps.samples));
        deps.lifecycle.keep("watch-said", tell(Arc::clone(&watch.rooms), to_tell));
        deps.lifecycle.keep("watch-time", Arc::clone(&watch).keep_time());
        deps.lifecycle.keep("watch-hinted", Arc::clone(&watch).keep_hints());
        watch
    }

    /// While nobody can look, nothing is asked of anybody's camera.
    async fn keep_asking(self: Arc<Self>) {
        loop {
            let able = self.sight.able(&Caller::internal("watch"), ()).await;
            let able = able.is_ok_and(|able| !able.on.is_empty());
            if self.able.send_replace(able) != able {
                if able {
                    tracing::info!(watch.able = able, "calls that run through this server are looked at");
                } else {
                    tracing::warn!(
                        watch.able = able,
                        "calls that run through this server are no longer looked at: nobody who looks can be reached"
                    );
                }
                self.want();
            }
            tokio::time::sleep(TICK).await;
            if able {
                let _ = tokio::time::timeout(ASK_AGAIN, self.doubt.notified()).await;
            }
        }
    }

    fn want(&self) {
        if !*self.able.borrow() {
            return (self.wants)(Consumer::Moderation, None);
        }
        let every = lock(&self.pace).every();
        metrics::gauge!("visavis_watch_picture_interval_seconds").set(every.as_secs_f64());
        let pictures = Some(Pictures { every: Some(every), min_height: LEAST_HEIGHT });
        let sound = Some(Runs { length: RUN, overlap: OVERLAP });
        (self.wants)(Consumer::Moderation, Some(Demand { pictures, sound }));
    }

    async fn take(self: Arc<Self>, mut samples: Receiver<Sample>) {
        while let Some(sample) = samples.recv().await {
            // While all hands are full the queue fills, and loses what is oldest.
            let Ok(hand) = Arc::clone(&self.hands).acquire_owned().await else { return };
            let now = self.clock.now();
            let (other_pace, behind) = {
                let mut pace = lock(&self.pace);
                (pace.looked(now, sample.ready), pace.is_behind())
            };
            if other_pace {
                self.want();
            }
            let (kind, stale) = (sample.kind(), now.since(sample.at) >= STALE);
            let Sample { room, participant: of, at, ready, body } = sample;
            let sample = match body {
                // What the server itself received comes before any hint.
                Body::Hint(..) | Body::KeyFrame(..)
                    if stale || (behind && matches!(body, Body::Hint(..))) =>
                {
                    metrics::counter!("visavis_samples_lost_total", "consumer" => "moderation", "kind" => kind)
                        .increment(1);
                    continue;
                }
                Body::Hint(by, picture) => {
                    let hint = Hint { room, by, of, at, picture };
                    self.lifecycle.spawn("watch-hint", Arc::clone(&self).take_hint(hint, hand));
                    continue;
                }
                Body::Unseen(source) => {
                    self.lifecycle.spawn("watch-unseen", Arc::clone(&self).unseen((room, of), source));
                    continue;
                }
                body => Sample { room, participant: of, at, ready, body },
            };
            self.lifecycle.spawn("watch-sample", Arc::clone(&self).look_at(sample, hand));
        }
    }

    async fn look_at(self: Arc<Self>, sample: Sample, hand: OwnedSemaphorePermit) {
        let kind = sample.kind();
        let size = sample.size();
        let Sample { room, participant, at, body, .. } = sample;
        let copy = again::copied(&body);
        let pictured = if let Body::KeyFrame(source, _) = &body { Some(*source) } else { None };
        // Asked before it is looked at: they may have left by then.
        let mut user = match &body {
            Body::Text(user, _) => Some(*user),
            _ => self.whose(room, participant).await.ok(),
        };
        let is_text = matches!(body, Body::Text(..));
        let mut judged = self.judge(at, body).await;
        drop(hand);
        if let Some(body) = copy.filter(|_| again::is_unseen(&judged)) {
            judged = self.judge_again(at, body, size).await.map(|judged| Judged { late: true, ..judged });
        }
        let mut judged = match judged {
            Ok(judged) => judged,
            Err(fault) => {
                metrics::counter!("visavis_watch_failed_total", "kind" => kind, "code" => fault.code.as_str())
                    .increment(1);
                // Not for want of somebody who looks, but because of what it is.
                if let Some(source) = pictured.filter(|_| fault.code == Code::BadRequest) {
                    self.unseen((room, participant), source).await;
                }
                return;
            }
        };
        metrics::counter!("visavis_watch_looked_total", "kind" => kind).increment(1);
        if !judged.late {
            self.caption((room, participant), at, &judged.said);
        }
        if kind == "key-frame" {
            let noticed = judged.noticed.iter().any(|noticed| noticed.picture.is_some());
            self.bear_out((room, participant), noticed).await;
        }
        if user.is_none() {
            user = self.whose(room, participant).await.ok();
        }
        // Who wrote and left is noticed, but isn't there any more: where they are since is known better.
        if is_text && !judged.noticed.is_empty() && self.there(room, participant).await.is_err() {
            judged.late = true;
        }
        if let Some(user) = user {
            self.notice(user, (room, participant), judged).await;
        }
    }

    async fn judge(&self, at: Timestamp, body: Body) -> Result<Judged, Fault> {
        let cx = Caller { remaining_ms: 20_000, ..Caller::internal("watch") };
        let rules = self.rules.borrow().clone();
        let new = || self.dice.id(&self.clock);
        let noticed = match body {
            Body::KeyFrame(source, KeyFrame { codec, bytes }) => {
                let form = match codec {
                    PictureCodec::Vp8 => Form::Vp8,
                    PictureCodec::H264 => Form::H264,
                };
                let look = Look { form, picture: bytes };
                let mut seen = self.sight.look(&cx, look).await?;
                if seen.blank {
                    metrics::counter!("visavis_watch_blank_total", "source" => source.as_str()).increment(1);
                }
                // A screen may stand still; a living camera's picture never repeats itself to the last bit.
                let print = (source == Source::Camera).then_some(seen.print);
                let noticed = notice::seen(at, &seen, &rules, new);
                let picture = seen.blurred.take();
                let looked = Some((source, at));
                return Ok(Judged { noticed, media: true, picture, looked, print, ..Judged::default() });
            }
            Body::Sound(source, packets) => {
                let packet =
                    |SoundPacket { offset, bytes }: SoundPacket| Packet { offset, bytes: bytes.to_vec() };
                let listen = Listen { packets: packets.into_iter().map(packet).collect() };
                let mut heard = self.sight.listen(&cx, listen).await?;
                let noticed = notice::heard(at, RUN, &heard, new);
                if source != Source::Mic {
                    heard.said.clear();
                }
                return Ok(Judged { noticed, media: true, said: heard.said, ..Judged::default() });
            }
            // Those are other ways.
            Body::Hint(..) | Body::Unseen(_) => return Err(Fault::internal()),
            Body::Text(_, text) => {
                let scores = self.sight.read(&cx, Read { text: text.clone() }).await?;
                notice::written(at, text, &scores, new)
            }
        };
        Ok(Judged { noticed, ..Judged::default() })
    }

    /// For those in the room who read. What can't be told in time is lost, the oldest first.
    fn caption(&self, place: (RoomId, ParticipantId), at: Timestamp, said: &[Said]) {
        if said.is_empty() {
            return;
        }
        for new in lock(&self.captions).new_of(place, at, said) {
            let bytes = new.text.len();
            let lost = self.said.push(new, bytes).len();
            metrics::counter!("visavis_captions_lost_total").increment(lost as u64);
        }
    }

    async fn there(&self, room: RoomId, participant: ParticipantId) -> Result<UserId, Fault> {
        self.rooms.whose(&Caller::internal("watch"), Whose { room, participant }).await
    }

    async fn whose(&self, room: RoomId, participant: ParticipantId) -> Result<UserId, Fault> {
        if let Some(user) = lock(&self.whose).get(&(room, participant)) {
            return Ok(*user);
        }
        let user = self.there(room, participant).await?;
        let mut whose = lock(&self.whose);
        if whose.len() >= MAX_PEOPLE {
            whose.clear();
        }
        whose.insert((room, participant), user);
        Ok(user)
    }

    /// What was noticed of somebody goes through their strikes, in the order it comes.
    async fn notice(&self, user: UserId, place: (RoomId, ParticipantId), judged: Judged) {
        if !self.has_place_for(user) {
            return metrics::counter!("visavis_watch_crowded_total").increment(1);
        }
        // When it can't be read, the ladder goes on with what is known, and it is asked again with the next sample.
        let unread = lock(&self.people).get(&user).and_then(Person::unread);
        if let Some(number) = unread
            && let Ok(standing) = self.moderation.standing(&Caller::internal("watch"), user).await
            && let Some(person) = lock(&self.people).get_mut(&user)
        {
            person.stands(self.clock.now(), number, standing);
        }
        let now = self.clock.now();
        let words = judged.noticed.iter().filter_map(|noticed| noticed.words.as_ref()).collect();
        let new = New { media: judged.media, picture: judged.picture, words };
        lock(&self.lately).remember(now, user, place, new);
        let mut people = lock(&self.people);
        let Some(person) = people.get_mut(&user) else { return };
        if judged.late {
            person.was_at(place);
        } else {
            person.is_at(now, place);
        }
        if judged.print.is_some_and(|print| person.has_frozen(print)) {
            metrics::counter!("visavis_watch_frozen_total").increment(1);
        }
        for one in judged.noticed {
            person.notice(now, one);
        }
        if let Some((source, taken)) = judged.looked {
            person.looked(now, source, taken);
        }
        // Before anybody else may touch the person: acts leave in the order in which they came to be.
        self.carrier.give(user, person.carry());
    }

    /// Whoever is seen for the first time gets a place, while there is one.
    fn has_place_for(&self, user: UserId) -> bool {
        let mut people = lock(&self.people);
        if people.len() >= MAX_PEOPLE && !people.contains_key(&user) {
            return false;
        }
        people.entry(user).or_insert_with(|| Person::new(self.clock.now(), self.rules.borrow().clone()));
        true
    }

    async fn hear(self: Arc<Self>, mut people: Subscription) {
        while let Some(news) = people.next().await {
            match news {
                News::Event(Event::Reported { user, room, report }) => self.add_to(report, user, room),
                News::Event(Event::StandingChanged { user }) => {
                    if let Some(person) = lock(&self.people).get_mut(&user) {
                        person.changed();
                    }
                }
                News::Event(_) => {}
                News::Missed => lock(&self.people).values_mut().for_each(Person::changed),
            }
        }
    }

    /// Whoever decides about a report must see what the server saw.
    fn add_to(self: &Arc<Self>, report: ReportId, user: UserId, room: RoomId) {
        let (watch, now) = (Arc::clone(self), self.clock.now());
        let Ok(place) = Arc::clone(&self.reports).try_acquire_owned() else {
            return metrics::counter!("visavis_watch_crowded_total").increment(1);
        };
        let picture = lock(&self.lately).picture(user, room);
        self.lifecycle.spawn("watch-report", async move {
            tokio::time::sleep(LAST_WORDS).await;
            drop(place);
            let (picture, transcript) = {
                let lately = lock(&watch.lately);
                let picture = picture.or_else(|| lately.picture(user, room));
                (picture, lately.words(user, room, now, person::MAX_TRANSCRIPT))
            };
            let kept = picture.is_some() || transcript.is_some();
            metrics::counter!("visavis_watch_reports_total", "kept" => if kept { "true" } else { "false" })
                .increment(1);
            if kept {
                watch.carrier.keep(Kept::Report(Attach { report, user, picture, transcript }));
            }
        });
    }

    /// Who is only silent is still there; what was seen of those who have left is forgotten.
    async fn keep_lately(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let silent = lock(&self.lately).silent(self.clock.now());
            for (user, room, participant) in silent {
                let whose = Whose { room, participant };
                if self.rooms.whose(&Caller::internal("watch"), whose).await.is_ok() {
                    lock(&self.lately).is_there(self.clock.now(), user, room);
                }
            }
            lock(&self.lately).forget(self.clock.now());
        }
    }

    async fn keep_hints(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            self.ask_hinted().await;
        }
    }

    async fn keep_time(self: Arc<Self>) {
        let (mut tick, mut new_rules) = (tokio::time::interval(TICK), self.rules.clone());
        loop {
            tick.tick().await;
            let now = self.clock.now();
            let rules =
                new_rules.has_changed().is_ok_and(|new| new).then(|| new_rules.borrow_and_update().clone());
            lock(&self.captions).forget(now);
            let mut people = lock(&self.people);
            people.retain(|_, person| now.since(person.seen()) < FORGOTTEN);
            if let Some(rules) = rules {
                for person in people.values_mut() {
                    person.handle(now, Input::Rules(Arc::clone(&rules)));
                }
            }
            for (user, person) in people.iter_mut().filter(|(_, person)| person.waits()) {
                person.handle(now, Input::Tick);
                self.carrier.give(*user, person.carry());
            }
        }
    }
}

/// Takes captions to their rooms. One whose room has ended is nobody's.
async fn tell(rooms: Arc<dyn Rooms>, mut said: Receiver<rooms::Said>) {
    while let Some(said) = said.recv().await {
        let _ = rooms.said(&Caller::internal("watch"), said).await;
    }
}
