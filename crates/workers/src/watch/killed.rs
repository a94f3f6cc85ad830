//! R7: those who look, and those who keep what was decided, die at a thousand seeded points. Whatever would have been decided
//! without that is decided all the same, told once and kept once. The processes are simulated in virtual time; that the real
//! `moderation` keeps a decision once wherever it dies is tested beside it, and real processes die in `tests/node`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::pending,
};

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use visavis_domain::{
    Code,
    contract::{
        self, Method, To, Transport,
        moderation::{self, Record, Standing},
        rooms::Restrain,
        sight::{self, Able, Heard, Score, Scores, Seen, Slot},
    },
    strikes::{
        Action::{self, Blur, Mute, Remove, Warn},
        DEFAULT_RULES,
    },
};
use visavis_platform::lossy::Bound;

use super::*;

const SEEDS: u64 = 1_000;
/// Of each of the two processes, at most.
const MOST_KILLS: u64 = 4;
/// Kills come within this time, and people do what they do.
const BUSY: Duration = Duration::from_millis(BUSY_MS);
const BUSY_MS: u64 = 45_000;
/// A process is away so long at most: a supervisor starts it again.
const AWAY_MS: u64 = 8_000;
/// When everything must be told and kept at the latest, and how long nothing more may come after it.
const END: Duration = Duration::from_mins(4);
const AFTER: Duration = Duration::from_secs(20);
/// From what those who look say to what the person is told, whoever else is away: one question about what stands.
const TOLD_WITHIN: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(100);
const ROOM: RoomId = RoomId::from_bits(1);

/// How long the longest step of an answer takes.
const STEP_MS: u64 = 60;

#[expect(clippy::disallowed_methods, reason = "virtual time, which the runtime turns")]
fn now() -> Instant {
    Instant::now()
}

#[derive(Debug, Clone, Copy, Default)]
struct Process {
    /// How often it has died.
    deaths: u64,
    back: Option<Instant>,
    /// Who asks isn't refused, but hears nothing.
    silent: bool,
}

#[derive(Debug, Default)]
struct State {
    processes: BTreeMap<&'static str, Process>,
    kept: BTreeMap<visavis_domain::id::DecisionId, Record>,
    told: Vec<Restrain>,
    /// When those who look last said something that a rule could rest on, and how much later the latest act came.
    flagged: Option<Instant>,
    slowest: Duration,
    gone: BTreeSet<ParticipantId>,
    poisoned: u32,
    /// How long a picture takes, if those who look have one thread.
    slow: Option<Duration>,
}

/// The place around the watcher: three processes, of which two die.
struct World {
    dice: Dice,
    clock: Clock,
    bus: Bus,
    state: Mutex<State>,
    thread: tokio::sync::Mutex<()>,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn kill(&self, role: &'static str, away: Duration, silent: bool) {
        let mut state = self.state();
        let process = state.processes.entry(role).or_default();
        process.deaths += 1;
        (process.back, process.silent) = (Some(now() + away), silent);
    }

    /// The life that a call meets, or nobody.
    async fn meets(&self, role: &'static str) -> Result<u64, Fault> {
        let process = self.state().processes.get(role).copied().unwrap_or_default();
        match process.back.filter(|back| *back > now()) {
            Some(_) if process.silent => pending().await,
            Some(_) => Err(Fault::unavailable()),
            None => Ok(process.deaths),
        }
    }

    /// Some of the work; whoever dies in it says nothing more.
    async fn works(&self, role: &'static str, life: u64) -> Result<(), Fault> {
        sleep(Duration::from_millis(self.dice.below(STEP_MS))).await;
        let process = self.state().processes.get(role).copied().unwrap_or_default();
        match process.deaths == life {
            true => Ok(()),
            false if process.silent => pending().await,
            false => Err(Fault::unavailable()),
        }
    }

    async fn serve(&self, method: Method, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let life = self.meets(method.role).await?;
        self.works(method.role, life).await?;
        let slow = self.state().slow;
        if let (Some(slow), "look") = (slow, method.name) {
            let _thread = self.thread.lock().await;
            sleep(slow).await;
        }
        let answer = match method.role {
            "sight" => self.sight(method.name, body)?,
            "moderation" => self.moderation(method.name, life, body).await?,
            _ => self.rooms(method.name, body)?,
        };
        self.works(method.role, life).await?;
        if method.role == "sight" && String::from_utf8_lossy(&answer).contains("950") {
            self.state().flagged = Some(now());
        }
        Ok(answer)
    }

    /// Words that begin with "hostile" are, a sound of one byte is a hostile voice, and a picture of a 1 is flagged.
    fn sight(&self, name: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let scores = |slot, is: bool| Scores {
            slots: vec![(slot, if is { 950 as Score } else { 10 })],
            models: Vec::new(),
        };
        match name {
            "able" => contract::encode(&Able { on: vec![Slot::Hostile, Slot::Nudity], off: Vec::new() }),
            "read" => {
                let text = contract::decode::<Read>(body)?.text;
                if text == "poison" {
                    self.state().poisoned += 1;
                    self.kill("sight", Duration::from_secs(1), false);
                }
                contract::encode(&scores(Slot::Hostile, text.starts_with("hostile")))
            }
            "look" => {
                let is = contract::decode::<Look>(body)?.picture == [1];
                contract::encode(&Seen {
                    scores: scores(Slot::Nudity, is),
                    blurred: Some(vec![7]),
                    ..Seen::default()
                })
            }
            _ => {
                let is = contract::decode::<Listen>(body)?.packets.iter().any(|packet| packet.bytes == [1]);
                let scores = scores(Slot::Hostile, is);
                let said = Said { from_ms: 0, until_ms: 1_000, text: "words".to_owned(), scores };
                contract::encode(&Heard { said: vec![said], scores: Scores::default() })
            }
        }
    }

    async fn moderation(&self, name: &str, life: u64, body: &[u8]) -> Result<Vec<u8>, Fault> {
        if name == "standing" {
            let user: UserId = contract::decode(body)?;
            let state = self.state();
            let strikes = state.kept.values().filter(|one| one.user == user && one.act.action >= Remove);
            return contract::encode(&Standing {
                strikes: strikes.map(|one| one.at).collect(),
                ..Standing::default()
            });
        }
        let record: Record = contract::decode(body)?;
        let user = record.user;
        let before = self.state().kept.insert(record.id, record.clone());
        assert!(before.is_none_or(|before| before == record), "the same is brought again");
        self.works("moderation", life).await?;
        self.bus.publish(Event::StandingChanged { user }).await;
        contract::encode(&())
    }

    fn rooms(&self, name: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut state = self.state();
        match name {
            "whose" => {
                let of = contract::decode::<Whose>(body)?.participant;
                if state.gone.contains(&of) {
                    return Err(Fault::new(Code::NotInRoom, "They have left."));
                }
                contract::encode(&UserId::from_bits(of.bits()))
            }
            "restrain" => {
                let restrain: Restrain = contract::decode(body)?;
                if restrain.restraint == visavis_domain::room::restraint::Restraint::Remove {
                    state.gone.insert(restrain.participant);
                }
                let since = state.flagged.filter(|_| restrain.notice.is_some()).map(|at| at.elapsed());
                state.slowest = state.slowest.max(since.unwrap_or_default());
                state.told.push(restrain);
                contract::encode(&())
            }
            _ => contract::encode(&()),
        }
    }
}

/// How everybody reaches everybody.
struct Wire(Arc<World>);

#[async_trait]
impl Transport for Wire {
    async fn call(&self, method: Method, _: To, cx: &Caller, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let budget = Duration::from_millis(method.deadline_ms.min(cx.remaining_ms));
        let served = tokio::time::timeout(budget, self.0.serve(method, &body)).await;
        served.unwrap_or_else(|_| Err(Fault::unavailable()))
    }
}

/// What somebody does, and what is to come of it.
struct Part {
    sends: Vec<(Duration, Body)>,
    comes: Vec<Action>,
}

fn text(words: &str) -> Body {
    Body::Text(UserId::from_bits(0), words.to_owned())
}

/// A part of each kind, at moments that the dice say.
fn parts(dice: &Dice) -> Vec<Part> {
    let ms = |from: u64, below: u64| Duration::from_millis(from + dice.below(below));
    let late = BUSY_MS / 2;
    let chat = || (0..4).map(|_| (ms(0, 2 * late), text("hello"))).collect::<Vec<_>>();
    let hostile = || text("hostile words");
    let sound = || Body::Sound(Source::Mic, vec![SoundPacket { offset: 0, bytes: [1].into() }]);
    let picture = || Body::KeyFrame(Source::Camera, KeyFrame { codec: PictureCodec::Vp8, bytes: vec![1] });
    let (one, two, spoke) = (ms(0, late), ms(0, late), ms(0, late));
    let twice =
        |first: Duration, body: &dyn Fn() -> Body| vec![(first, body()), (first + ms(7_000, 10_000), body())];
    let film = ms(0, late / 2);
    vec![
        Part { sends: chat(), comes: vec![] },
        Part { sends: [chat(), vec![(one, hostile())]].concat(), comes: vec![Warn] },
        Part { sends: [chat(), twice(two, &hostile)].concat(), comes: vec![Warn, Remove] },
        Part { sends: twice(spoke, &sound), comes: vec![Warn, Mute] },
        Part {
            sends: (0..30).map(|n| (film + 5 * Duration::from_secs(n), picture())).collect(),
            comes: vec![Warn, Blur, Remove],
        },
    ]
}

/// Kills at moments that the dice say, in the middle of whatever is being done.
async fn kills(world: Arc<World>, role: &'static str) {
    let count = 1 + world.dice.below(MOST_KILLS);
    let most = BUSY_MS / count;
    for _ in 0..count {
        sleep(Duration::from_millis(world.dice.below(most))).await;
        let away = Duration::from_millis(world.dice.below(AWAY_MS));
        world.kill(role, away, world.dice.below(2) == 0);
    }
}

struct Run {
    world: Arc<World>,
    lifecycle: Lifecycle,
    samples: lossy::Sender<Sample>,
    asked: Arc<Mutex<Option<Demand>>>,
}

fn participant(n: usize) -> ParticipantId {
    ParticipantId::from_bits(n as u128 + 1)
}

impl Run {
    fn start(seed: u64) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let (dice, bus, lifecycle) = (Dice::seeded(seed), Bus::memory(), Lifecycle::default());
        let world = Arc::new(World {
            dice: dice.clone(),
            clock: clock.clone(),
            bus: bus.clone(),
            state: Mutex::default(),
            thread: tokio::sync::Mutex::default(),
        });
        let wire = || Arc::new(Wire(Arc::clone(&world))) as Arc<dyn Transport>;
        let (put, samples) = lossy::channel(Bound { items: 256, bytes: 1 << 20 });
        let asked = Arc::new(Mutex::new(None));
        let wants = Arc::clone(&asked);
        let (_, rules) = tokio::sync::watch::channel(Arc::new(toml::from_str(DEFAULT_RULES).unwrap()));
        Watch::start(Deps {
            samples,
            wants: Box::new(move |_, demand| *lock(&wants) = demand),
            sight: sight::remote(wire()),
            rooms: rooms::remote(wire()),
            moderation: moderation::remote(wire()),
            kv: Kv::memory(clock.clone()),
            bus,
            clock,
            dice,
            lifecycle: lifecycle.clone(),
            rules,
            every: Duration::from_secs(5),
        });
        Self { world, lifecycle, samples: put, asked }
    }

    /// Whether it was taken, or who sends it has left.
    fn send(&self, n: usize, body: Body) -> bool {
        self.send_of(n, body, Duration::ZERO)
    }

    /// The same of something that began so long ago.
    fn send_of(&self, n: usize, body: Body, length: Duration) -> bool {
        let body = match body {
            Body::Text(_, text) => Body::Text(UserId::from_bits(participant(n).bits()), text),
            other => other,
        };
        let ready = self.world.clock.now();
        let sample = Sample { room: ROOM, participant: participant(n), at: ready - length, ready, body };
        // Nothing of anybody's camera and microphone is taken while nobody can look; whoever has left sends nothing.
        let taken = matches!(sample.body, Body::Text(..)) || lock(&self.asked).is_some();
        let gone = self.world.state().gone.contains(&participant(n));
        if taken && !gone {
            self.samples.push(sample, 100);
        }
        taken || gone
    }

    /// A picture of each camera is asked for so often.
    fn every(&self) -> Option<Duration> {
        lock(&self.asked).and_then(|demand| demand.pictures).and_then(|pictures| pictures.every)
    }

    /// What was told to that one, in any order.
    fn told(&self, n: usize) -> Vec<Action> {
        let state = self.world.state();
        let of = state.told.iter().filter(|told| told.participant == participant(n));
        let mut all: Vec<Action> = of.filter_map(|told| Some(told.notice.as_ref()?.action)).collect();
        all.sort();
        all
    }

    /// What was told and is kept: each once, the same.
    fn is_whole(&self) -> bool {
        let state = self.world.state();
        let told: Vec<_> =
            state.told.iter().filter_map(|told| Some(told.notice.as_ref()?.decision_id)).collect();
        let once: BTreeSet<_> = told.iter().copied().collect();
        assert_eq!(once.len(), told.len(), "told once");
        once.iter().eq(state.kept.keys())
    }

    async fn step(&self) {
        sleep(STEP).await;
        self.world.clock.advance(STEP);
    }
}

async fn run(seed: u64) {
    let run = Run::start(seed);
    let world = &run.world;
    let parts = parts(&world.dice);
    for role in ["sight", "moderation"] {
        run.lifecycle.spawn("kills", kills(Arc::clone(world), role));
    }
    let mut queues: Vec<VecDeque<(Duration, Body)>> = Vec::new();
    for part in &parts {
        let mut sends = part.sends.clone();
        sends.sort_by_key(|(at, _)| *at);
        queues.push(sends.into());
    }
    let (began, mut whole) = (now(), None::<Instant>);
    while whole.is_none_or(|at| at.elapsed() < AFTER) {
        for (n, queue) in queues.iter_mut().enumerate() {
            while queue.front().is_some_and(|(at, _)| began.elapsed() >= *at) {
                let Some((_, body)) = queue.pop_front() else { break };
                // What is said while nobody could know of it isn't meant: it is said later, and what follows it, too.
                if !run.send(n, body.clone()) && matches!(body, Body::Sound(..)) {
                    for (at, _) in &mut *queue {
                        *at += Duration::from_secs(1);
                    }
                    queue.push_front((began.elapsed() + Duration::from_secs(1), body));
                }
            }
        }
        run.step().await;
        let done = (0..parts.len()).all(|n| run.told(n) == parts[n].comes) && run.is_whole();
        whole = whole.or_else(|| (done && began.elapsed() > BUSY).then(now));
        let told: Vec<_> = (0..parts.len()).map(|n| run.told(n)).collect();
        assert!(began.elapsed() < END, "what was told: {told:?}; all of it kept: {}", run.is_whole());
    }
    for (n, part) in parts.iter().enumerate() {
        assert_eq!(run.told(n), part.comes, "and nothing more, of number {n}");
    }
    assert!(run.is_whole(), "what was told is kept, and nothing else");
    let slowest = world.state().slowest;
    assert!(slowest <= TOLD_WITHIN, "told {slowest:?} after it was noticed");
    run.lifecycle.shut_down(Duration::from_secs(1)).await;
}

fn simulate(seed: u64, run: impl Future<Output = ()>) {
    struct Said(u64);
    impl Drop for Said {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("seed {}: R7_SEED={} runs it alone", self.0, self.0);
            }
        }
    }
    let _said = Said(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run);
}

#[test]
fn whoever_dies_at_any_point_nothing_told_is_lost_or_doubled_and_nothing_stays_unjudged() {
    let alone: Option<u64> = std::env::var("R7_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in alone.map_or(0..SEEDS, |seed| seed..seed + 1) {
        simulate(seed, run(seed));
    }
}

#[test]
fn what_ends_everybody_who_reads_it_is_given_up_after_at_most_five_tries_and_the_rest_is_read() {
    for seed in 0..20 {
        simulate(seed, async {
            let run = Run::start(seed);
            run.step().await;
            run.send(0, text("poison"));
            run.send(1, text("hostile words"));
            let began = now();
            while began.elapsed() < Duration::from_mins(5) {
                run.step().await;
            }
            // A try that came while it was away yet is one, too.
            let poisoned = run.world.state().poisoned;
            assert!((2..=5).contains(&poisoned), "{poisoned}");
            assert!(run.told(1) == [Warn] && run.is_whole(), "whoever else wrote is judged");
            run.lifecycle.shut_down(Duration::from_secs(1)).await;
        });
    }
}

/// From a picture to what follows of it, at the most but for five in a hundred.
const ACTED_WITHIN: Duration = Duration::from_secs(6);

/// So many cameras whose pictures are all flagged, and those who look take so long for one. Gives how long each act took, in order,
/// and how many were taken out.
async fn crowd(seed: u64, cameras: usize, slow: Duration) -> (Vec<Duration>, usize) {
    let run = Run::start(seed);
    run.world.state().slow = Some(slow);
    run.step().await;
    let shown = || Body::KeyFrame(Source::Camera, KeyFrame { codec: PictureCodec::Vp8, bytes: vec![1] });
    let every = || run.every();
    let mut next: Vec<Duration> =
        (0..cameras).map(|_| Duration::from_millis(run.world.dice.below(5_000))).collect();
    let began = now();
    while began.elapsed() < Duration::from_mins(10) {
        for (n, next) in next.iter_mut().enumerate() {
            if let Some(every) = every()
                && began.elapsed() >= *next
            {
                run.send(n, shown());
                *next += every;
            }
        }
        run.step().await;
    }
    let kept: Vec<Record> = run.world.state().kept.values().cloned().collect();
    let taken = |record: &Record| record.signals.iter().map(|noticed| noticed.signal.until).max();
    let mut took: Vec<Duration> = kept.iter().filter_map(|one| Some(one.at.since(taken(one)?))).collect();
    took.sort();
    let out = kept.iter().filter(|one| one.act.action == Remove).count();
    run.lifecycle.shut_down(Duration::from_secs(1)).await;
    (took, out)
}

#[test]
fn what_follows_of_a_picture_follows_within_six_seconds_however_many_cameras_there_are() {
    // One thread looks at ten pictures a second: 50 cameras at five seconds are all it can, 400 eight times that.
    for (cameras, seeds) in [(10, 3), (50, 3), (100, 3), (400, 3)] {
        for seed in 0..seeds {
            simulate(seed, async {
                let (took, out) = crowd(seed, cameras, Duration::from_millis(100)).await;
                let most = took[took.len() * 95 / 100];
                println!("{cameras} cameras, seed {seed}: {} acts, p95 {most:?}", took.len());
                assert!(most <= ACTED_WITHIN, "{cameras} cameras: {most:?}");
                assert_eq!(out, cameras, "each was taken out");
            });
        }
    }
}

#[test]
fn sound_that_takes_as_long_as_it_is_slows_nobodys_pictures() {
    simulate(1, async {
        let run = Run::start(1);
        run.step().await;
        let began = now();
        for n in 0..40 {
            while began.elapsed() < 5 * Duration::from_secs(n) {
                run.step().await;
            }
            let packet = SoundPacket { offset: 0, bytes: [1].into() };
            run.send_of(1, Body::Sound(Source::Mic, vec![packet]), Duration::from_millis(5_500));
            assert_eq!(run.every(), Some(Duration::from_secs(5)), "after {n}");
        }
        run.lifecycle.shut_down(Duration::from_secs(1)).await;
    });
}

/// Those who keep it are away for so long, and then back.
async fn away(seed: u64, away: Duration) -> (Vec<Action>, usize) {
    let run = Run::start(seed);
    run.world.kill("moderation", away, false);
    run.step().await;
    run.send(1, text("hostile words"));
    let began = now();
    while began.elapsed() < away + Duration::from_mins(2) {
        run.step().await;
    }
    let kept = run.world.state().kept.len();
    run.lifecycle.shut_down(Duration::from_secs(1)).await;
    (run.told(1), kept)
}

#[test]
fn what_was_told_is_kept_when_the_disk_has_room_again_within_the_hour_and_given_up_after_it() {
    simulate(1, async {
        assert_eq!(away(1, Duration::from_mins(55)).await, (vec![Warn], 1));
        assert_eq!(away(1, Duration::from_mins(65)).await, (vec![Warn], 0));
    });
}
