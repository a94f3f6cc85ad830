//! Jobs on both databases: done at least once, by one worker at a time, and never lost, whenever workers die.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use visavis_domain::{Timestamp, id::JobId};
use visavis_platform::db::retention::Retention;
use visavis_platform::{
    Bus, Clock, Db, Dice, Lifecycle,
    db::jobs as rows,
    jobs::{self, Claim, Effect, Kind, Outcome, TRIES, Worker, nudge},
    mail::{self, Mail, Mailer, Postbox, outbox::Outbox},
    secret::Secret,
};
use visavis_testkit::{Database, stores::Engine, until};

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Longer than a claim lasts.
const CLAIM_IS_OVER: Duration = Duration::from_secs(61);
/// Longer than any wait between two tries.
const ALL_WAITS: Duration = Duration::from_mins(5);

const DAY: Duration = Duration::from_hours(24);

/// One process' view of the jobs.
struct Process {
    db: Db,
    bus: Bus,
    clock: Clock,
    dice: Dice,
    lifecycle: Lifecycle,
}

impl Process {
    fn new(db: Db, clock: &Clock, seed: u64) -> Self {
        let (clock, dice) = (clock.clone(), Dice::seeded(seed));
        Self { db, bus: Bus::memory(), clock, dice, lifecycle: Lifecycle::default() }
    }

    fn worker(&self, effect: Effect) -> Worker {
        let deps = jobs::Deps {
            db: self.db.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            lifecycle: self.lifecycle.clone(),
        };
        Worker::new(deps, Kind::Mail, effect)
    }

    async fn add(&self, key: &str, expires_at: Option<Timestamp>) -> bool {
        let mut tx = self.db.write().await.unwrap();
        let job = rows::NewJob {
            id: self.dice.id(&self.clock),
            kind: "mail",
            key,
            payload: key,
            created_at: self.clock.now(),
            expires_at,
        };
        let new = rows::insert(&mut tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        new
    }

    async fn listed(&self) -> Vec<(String, u32, Option<String>)> {
        let listed = rows::list(&self.db, 100).await.unwrap();
        listed.into_iter().map(|job| (job.state, job.tries, job.last_error)).collect()
    }
}

/// An effect that counts what it is called with.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Claim>>>);

impl Seen {
    fn effect(&self, outcome: Outcome) -> Effect {
        let seen = self.clone();
        Arc::new(move |claim| {
            seen.0.lock().unwrap().push(claim);
            Box::pin(async move { outcome })
        })
    }

    fn tries(&self) -> Vec<u32> {
        self.0.lock().unwrap().iter().map(|claim| claim.tries).collect()
    }
}

fn state(state: &str, tries: u32, error: &str) -> Vec<(String, u32, Option<String>)> {
    vec![(state.to_owned(), tries, Some(error.to_owned()))]
}

async fn process(place: &Database) -> Process {
    Process::new(place.open().await, &Clock::manual(T0), 1)
}

#[tokio::test]
async fn a_job_is_done_once_and_gone() {
    for place in Database::all().await {
        let process = process(&place).await;
        assert!(process.add("one", None).await);
        assert!(!process.add("one", None).await, "the same key is the same job");
        let seen = Seen::default();
        let worker = process.worker(seen.effect(Outcome::Done("sent")));
        worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
        assert_eq!(worker.claim().await.unwrap(), None);
        assert_eq!((seen.tries(), process.listed().await), (vec![1], vec![]));
        assert_eq!(seen.0.lock().unwrap()[0].payload, "one");
    }
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_no_job() {
    for place in Database::all().await {
        let process = process(&place).await;
        let mut tx = process.db.write().await.unwrap();
        let job = rows::NewJob {
            id: JobId::from_bits(1),
            kind: "mail",
            key: "k",
            payload: "p",
            created_at: T0,
            expires_at: None,
        };
        assert!(rows::insert(&mut tx, &job).await.unwrap());
        drop(tx);
        let worker = process.worker(Seen::default().effect(Outcome::Done("sent")));
        assert_eq!(worker.claim().await.unwrap(), None);
    }
}

#[tokio::test]
async fn when_a_worker_dies_after_its_claim_another_does_the_job_when_the_claim_is_over() {
    for place in Database::all().await {
        let process = process(&place).await;
        process.add("one", None).await;
        let seen = Seen::default();
        let worker = process.worker(seen.effect(Outcome::Done("sent")));
        let dead = worker.claim().await.unwrap().unwrap();
        assert_eq!(worker.claim().await.unwrap(), None, "it is claimed");
        process.clock.advance(CLAIM_IS_OVER);
        let claim = worker.claim().await.unwrap().unwrap();
        assert_eq!((claim.id, claim.tries), (dead.id, 2));
        worker.carry_out(claim).await;
        assert_eq!((seen.tries(), process.listed().await), (vec![2], vec![]));
    }
}

#[tokio::test]
async fn whoever_finishes_too_late_changes_nothing_of_the_next_claim() {
    for place in Database::all().await {
        let process = process(&place).await;
        process.add("one", None).await;
        let late = process.worker(Seen::default().effect(Outcome::Again("failed")));
        let first = late.claim().await.unwrap().unwrap();
        process.clock.advance(CLAIM_IS_OVER);
        let worker = process.worker(Seen::default().effect(Outcome::Done("sent")));
        let second = worker.claim().await.unwrap().unwrap();
        late.carry_out(first.clone()).await;
        assert!(!rows::done(&process.db, &first).await.unwrap());
        let listed = process.listed().await;
        assert_eq!((listed[0].0.as_str(), listed[0].1), ("running", 2), "{listed:?}");
        worker.carry_out(second).await;
        assert!(process.listed().await.is_empty());
    }
}

#[tokio::test]
async fn a_job_that_always_fails_is_tried_after_longer_and_longer_waits_and_then_parked() {
    for place in Database::all().await {
        let process = process(&place).await;
        process.add("poison", None).await;
        let seen = Seen::default();
        let worker = process.worker(seen.effect(Outcome::Again("refused-for-now")));
        for (n, most) in (1..TRIES).zip([1, 4, 16, 64]) {
            worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
            assert_eq!(process.listed().await, state("waiting", n, "refused-for-now"));
            let wait = rows::next(&process.db, "mail").await.unwrap().unwrap().since(process.clock.now());
            let most = Duration::from_secs(most);
            assert!(wait >= most / 2 && wait <= most, "{n}: {wait:?}");
            assert_eq!(worker.claim().await.unwrap(), None, "not before");
            process.clock.advance(most);
        }
        worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
        assert_eq!(process.listed().await, state("parked", TRIES, "refused-for-now"));
        process.clock.advance(ALL_WAITS);
        assert_eq!(worker.claim().await.unwrap(), None, "parked for good");
        assert_eq!(seen.tries(), [1, 2, 3, 4, 5]);
    }
}

#[tokio::test]
async fn a_job_that_kills_its_workers_is_parked_too() {
    for place in Database::all().await {
        let process = process(&place).await;
        process.add("poison", None).await;
        let seen = Seen::default();
        let worker = process.worker(seen.effect(Outcome::Done("sent")));
        for n in 1..=TRIES {
            assert_eq!(worker.claim().await.unwrap().unwrap().tries, n);
            process.clock.advance(CLAIM_IS_OVER);
        }
        worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
        assert_eq!(process.listed().await, state("parked", TRIES + 1, "crashed"));
        assert!(seen.tries().is_empty(), "nobody runs it a sixth time");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_a_hopeless_job_is_parked_and_an_expired_one_is_dropped() {
    for place in Database::all().await {
        let process = process(&place).await;
        process.add("one", Some(T0 + ALL_WAITS)).await;
        let panics = process.worker(Arc::new(|_| Box::pin(async { panic!("on purpose") })));
        panics.carry_out(panics.claim().await.unwrap().unwrap()).await;
        assert_eq!(process.listed().await, state("waiting", 1, "panicked"));
        process.clock.advance(Duration::from_secs(2));
        let hopeless = process.worker(Seen::default().effect(Outcome::Hopeless("unreadable")));
        hopeless.carry_out(hopeless.claim().await.unwrap().unwrap()).await;
        assert_eq!(process.listed().await, state("parked", 2, "unreadable"));
        // The operator lets it be tried again, but its time has passed.
        process.clock.advance(ALL_WAITS);
        let id = rows::list(&process.db, 9).await.unwrap()[0].id;
        let mut tx = process.db.write().await.unwrap();
        assert!(rows::retry(&mut tx, id, process.clock.now()).await.unwrap());
        assert!(!rows::retry(&mut tx, JobId::from_bits(1), process.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        let seen = Seen::default();
        let worker = process.worker(seen.effect(Outcome::Done("sent")));
        worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
        assert!(process.listed().await.is_empty() && seen.tries().is_empty());
    }
}

#[tokio::test]
async fn an_operator_lists_retries_and_drops_and_old_parked_jobs_are_forgotten() {
    for place in Database::all().await {
        let process = process(&place).await;
        for key in ["a", "b"] {
            process.add(key, None).await;
        }
        let fails = process.worker(Seen::default().effect(Outcome::Hopeless("unreadable")));
        fails.carry_out(fails.claim().await.unwrap().unwrap()).await;
        let listed = rows::list(&process.db, 9).await.unwrap();
        let parked = listed.iter().find(|job| job.state == "parked").unwrap();
        let waiting = listed.iter().find(|job| job.state == "waiting").unwrap();
        let mut tx = process.db.write().await.unwrap();
        assert!(rows::retry(&mut tx, parked.id, process.clock.now()).await.unwrap());
        assert!(rows::delete(&mut tx, waiting.id).await.unwrap());
        assert!(!rows::delete(&mut tx, waiting.id).await.unwrap());
        tx.commit().await.unwrap();
        let claim = fails.claim().await.unwrap().unwrap();
        assert_eq!((claim.id, claim.tries), (parked.id, 1), "with all its tries");
        let mut tx = process.db.write().await.unwrap();
        assert!(!rows::retry(&mut tx, claim.id, process.clock.now()).await.unwrap(), "somebody is at it");
        drop(tx);
        fails.carry_out(claim).await;
        process.clock.advance(6 * DAY);
        process.db.sweep(process.clock.now(), &Retention::default()).await.unwrap();
        assert_eq!(process.listed().await.len(), 1);
        process.clock.advance(2 * DAY);
        process.db.sweep(process.clock.now(), &Retention::default()).await.unwrap();
        assert!(process.listed().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_do_each_job_once_and_never_two_at_a_time_the_same() {
    for place in Database::all().await {
        let clock = Clock::manual(T0);
        let first = Process::new(place.open().await, &clock, 1);
        for n in 0..60 {
            first.add(&n.to_string(), None).await;
        }
        let at_work: Arc<Mutex<BTreeSet<JobId>>> = Arc::default();
        let done: Arc<Mutex<BTreeMap<JobId, usize>>> = Arc::default();
        let effect: Effect = {
            let (at_work, done) = (at_work.clone(), done.clone());
            Arc::new(move |claim| {
                let (at_work, done) = (at_work.clone(), done.clone());
                Box::pin(async move {
                    assert!(at_work.lock().unwrap().insert(claim.id), "two at once");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    at_work.lock().unwrap().remove(&claim.id);
                    *done.lock().unwrap().entry(claim.id).or_default() += 1;
                    Outcome::Done("sent")
                })
            })
        };
        let mut others = Vec::new();
        for seed in 2..5 {
            let other = Process::new(place.open().await, &clock, seed);
            other.worker(effect.clone()).start();
            others.push(other);
        }
        until("all are done", async || first.listed().await.is_empty()).await;
        let counts: Vec<_> = done.lock().unwrap().values().copied().collect();
        assert_eq!(counts, [1; 60], "{}", place.name);
        for other in others {
            assert!(other.lifecycle.shut_down(Duration::from_secs(10)).await);
        }
    }
}

#[tokio::test]
async fn a_nudge_from_any_process_wakes_a_worker_and_without_one_it_looks_by_itself() {
    for engine in Engine::all(T0).await {
        let place = Database::sqlite();
        let (db, clock) = (place.open().await, engine.clock.clone());
        let count = Arc::new(AtomicUsize::new(0));
        let counting = count.clone();
        let here = Process { bus: engine.bus.clone(), ..Process::new(db.clone(), &clock, 1) };
        here.worker(Arc::new(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Outcome::Done("sent") })
        }))
        .start();
        let elsewhere = match &engine.redis {
            Some(redis) => Engine::on(redis.clone(), clock.clone()).await.bus,
            None => engine.bus.clone(),
        };
        let adding = Process::new(db, &clock, 2);
        // It has looked, found nothing and begun its five seconds.
        tokio::time::sleep(Duration::from_millis(500)).await;
        adding.add("nudged", None).await;
        let nudged = async || {
            nudge(&elsewhere).await;
            until("a nudged worker does it", async || count.load(Ordering::SeqCst) == 1).await;
        };
        assert!(tokio::time::timeout(Duration::from_secs(4), nudged()).await.is_ok(), "{}", engine.name);
        adding.add("without", None).await;
        until("a worker looks by itself", async || count.load(Ordering::SeqCst) == 2).await;
        here.lifecycle.shut_down(Duration::from_secs(5)).await;
    }
}

/// Workers die after the claim or after the effect, a hundred and fifty times.
#[tokio::test]
async fn whenever_workers_die_every_effect_happens_and_by_its_id_once() {
    for place in Database::all().await {
        let process = process(&place).await;
        let dice = Dice::seeded(11);
        let effects: Arc<Mutex<BTreeMap<JobId, String>>> = Arc::default();
        let effect: Effect = {
            let effects = effects.clone();
            Arc::new(move |claim| {
                effects.lock().unwrap().insert(claim.id, claim.payload);
                Box::pin(async { Outcome::Done("sent") })
            })
        };
        let (mut added, mut deaths) = (0, 0);
        while deaths < 150 {
            added += 1;
            process.add(&added.to_string(), None).await;
            let worker = process.worker(effect.clone());
            let Some(claim) = worker.claim().await.unwrap() else { continue };
            // One more death would park it.
            match (dice.below(3), claim.tries) {
                (0, ..TRIES) => deaths += 1,
                (1, ..TRIES) => {
                    effect(claim).await;
                    deaths += 1;
                }
                _ => worker.carry_out(claim).await,
            }
            process.clock.advance(Duration::from_secs(dice.below(40)));
        }
        let worker = process.worker(effect.clone());
        while rows::next(&process.db, "mail").await.unwrap().is_some() {
            process.clock.advance(CLAIM_IS_OVER);
            while let Some(claim) = worker.claim().await.unwrap() {
                worker.carry_out(claim).await;
            }
        }
        let payloads: BTreeSet<_> = effects.lock().unwrap().values().cloned().collect();
        assert_eq!((effects.lock().unwrap().len(), payloads.len()), (added, added), "{}", place.name);
        assert!(process.listed().await.is_empty());
    }
}

#[tokio::test]
async fn a_mail_waits_sealed_and_leaves_once_though_its_worker_died_after_sending() {
    for place in Database::all().await {
        let process = process(&place).await;
        let folder = place.folder.path().join("mails");
        let secret = Secret::from_bytes([5; 32]);
        let (clock, dice) = (process.clock.clone(), process.dice.clone());
        let postbox = Postbox::new(secret.clone(), clock, dice, process.bus.clone());
        let mail = Mail {
            to: "canary@x.example".to_owned(),
            subject: "Your code".to_owned(),
            text: "canary 123456".to_owned(),
        };
        let mut tx = process.db.write().await.unwrap();
        postbox.put(&mut tx, "sign-in/1", &mail, T0 + ALL_WAITS).await.unwrap();
        tx.commit().await.unwrap();
        postbox.nudge().await;
        let mailer = Mailer::new(&mail::Settings::default(), &folder).unwrap();
        // Of another installation: not its mail, and no reason to lose it.
        let stranger = process.worker(mailer.effect(Secret::from_bytes([6; 32])));
        stranger.carry_out(stranger.claim().await.unwrap().unwrap()).await;
        assert_eq!(process.listed().await, state("waiting", 1, "unreadable"));
        process.clock.advance(Duration::from_secs(2));
        let effect = mailer.effect(secret);
        let worker = process.worker(effect.clone());
        let dead = worker.claim().await.unwrap().unwrap();
        assert_eq!(effect(dead).await, Outcome::Done("sent"));
        process.clock.advance(CLAIM_IS_OVER);
        process.db.close().await;
        let kept = place.contents().await;
        let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("sign-in/1") && !holds("canary"), "the table is read, and the mail is sealed");
        let process = Process { db: place.open().await, ..process };
        let worker = process.worker(effect);
        worker.carry_out(worker.claim().await.unwrap().unwrap()).await;
        assert!(process.listed().await.is_empty());
        let mails = Outbox::open(&folder.join("outbox"), 9).unwrap().newest(9).unwrap();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].1.contains("To: canary@x.example") && mails[0].0 == T0);
    }
}
