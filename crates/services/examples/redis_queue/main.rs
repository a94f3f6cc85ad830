//! Tickets through a pool on Redis, for `cargo xtask bench redis-queue`: reads `ours N` and `reference N`, answers
//! `done cpu_us=… trips=…`, both for one ticket: CPU of Redis, and questions that Redis was asked.
//!
//! `ours` is what the product does: a front brings each ticket and says so on the bus, the leader reads what changed,
//! claims two at a time, as many of those together as are ready, and forgets them once their rooms are open. `reference` is a script that keeps the waiting in a
//! sorted set and looks for a partner when somebody comes.

use std::{
    cell::Cell,
    io::{BufRead as _, Write as _},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::{Client, Script, aio::MultiplexedConnection};
use visavis_domain::{
    Fault, Timestamp,
    event::Event,
    id::{NodeId, RoomId, SocketId, TicketId, UserId},
    pool::{Entry, Lease, Pairing},
    queue::{Pool, Ticket},
    wire::{Band, Card},
};
use visavis_platform::{Bus, Clock, Dice, Kv, Lifecycle, redis_link};

#[path = "../../src/matchmaking/store.rs"]
#[expect(dead_code, reason = "no ticket is changed or taken back here")]
mod store;

use store::{Claim, Store};

/// As many questions under way as the leader allows itself.
const AT_ONCE: usize = 64;
/// Tickets that come between two reads: the most that a read takes.
const BATCH: usize = 512;
/// Answers are waited for as long as it takes: this measures work, not patience.
const TIMEOUT_MS: u64 = 10_000;
/// Commands as clients send them; what a script calls isn't among these. Of `HMGET` and `HDEL`, which a script calls too, those
/// that are asked by themselves are counted here.
const ASKED: [&str; 5] = ["evalsha", "eval", "publish", "lpop", "hgetall"];

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Bench {
    store: Store,
    bus: Bus,
    lease: Lease,
    raw: MultiplexedConnection,
    prefix: String,
    came: u64,
    asked: Cell<u32>,
}

/// What Redis has spent and was asked.
struct Spent {
    cpu_us: f64,
    trips: f64,
}

fn entry(number: u64) -> Entry {
    let user = UserId::from_bits(u128::from(number));
    let words = |kind: &str, from: u64, count: u64| {
        (0..count).map(|n| format!("{kind}{}", (from + n) % 20)).collect()
    };
    let blocked = (1..=8).map(|n| UserId::from_bits(u128::from(number + n * 1_000_003))).collect();
    let ticket = Ticket {
        id: TicketId::from_bits(u128::from(number)),
        user,
        pool: Pool::Adult,
        reputation: 70,
        languages: vec!["en".to_owned(), format!("l{}", number % 20)],
        interests: words("interest", number, 3),
        country: Some("de".to_owned()),
        countries: Vec::new(),
        blocked,
        recent: Vec::new(),
        since: Timestamp::from_millis(1_800_000_000_000),
    };
    let card =
        Card { id: user, display_name: format!("Person {number}"), avatar_url: None, band: Band::Good };
    Entry { ticket, session: SocketId::from_bits(u128::from(number)), card, away: false }
}

fn gone(what: &'static str) -> impl FnOnce(Fault) -> Failure {
    move |fault| format!("{what}: {}", fault.code).into()
}

impl Bench {
    async fn open(url: &str, lifecycle: &Lifecycle) -> Result<Self, Failure> {
        let prefix = format!("bench-{:016x}:", Dice::Secure.u64());
        let settings = redis_link::Settings {
            url: Some(url.to_owned().into()),
            prefix: prefix.clone(),
            timeout_ms: TIMEOUT_MS,
        };
        let link = redis_link::Link::open(&settings, Dice::Secure, lifecycle).await?;
        let kv = Kv::redis(link.clone(), &prefix, Clock::System);
        let bus = Bus::redis(link, &prefix, Dice::Secure, lifecycle).await?;
        let raw = Client::open(url)?.get_multiplexed_async_connection().await?;
        let lease = Lease { node: NodeId::from_bits(1), epoch: 1 };
        Ok(Self { store: Store::new(kv, Pool::Adult), bus, lease, raw, prefix, came: 0, asked: Cell::new(0) })
    }

    fn come(&mut self, count: usize) -> Vec<Entry> {
        let first = self.came;
        self.came += count as u64;
        (first..self.came).map(entry).collect()
    }

    async fn ours(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            let batch = self.come(left.min(BATCH));
            left -= batch.len();
            let (store, bus) = (&self.store, &self.bus);
            stream::iter(&batch)
                .map(|entry| async move {
                    if store.put(entry).await? {
                        bus.publish(Event::PoolGrew { pool: Pool::Adult }).await;
                    }
                    Ok(())
                })
                .buffer_unordered(AT_ONCE)
                .try_collect::<Vec<()>>()
                .await
                .map_err(gone("a ticket"))?;
            self.lead().await?;
        }
        Ok(())
    }

    /// What the leader does of a batch. Who fits whom costs Redis nothing, so any two do.
    async fn lead(&self) -> Result<(), Failure> {
        let (store, lease) = (&self.store, self.lease);
        if !store.renew(lease).await.map_err(gone("the lease"))?
            && !store.take_lease(lease).await.map_err(gone("the lease"))?
        {
            return Err("the lease is somebody else's".into());
        }
        self.ask();
        let (entries, _) = store.read_changes(BATCH).await.map_err(gone("a read"))?;
        let texts: Vec<String> = entries.into_iter().filter_map(|(_, text)| text).collect();
        let claims = texts.chunks_exact(2).map(|two| {
            let texts = [two[0].clone(), two[1].clone()];
            let guests = [serde_json::from_str::<Entry>(&texts[0])?, serde_json::from_str(&texts[1])?];
            let (room, at) = (RoomId::from_bits(guests[0].ticket.id.bits()), guests[0].ticket.since);
            Ok(Claim { texts, pairing: Pairing { room, guests, common_interests: Vec::new(), at } })
        });
        let claims = claims.collect::<Result<Vec<_>, Failure>>()?;
        for claims in claims.chunks(AT_ONCE) {
            let done = store.claim(lease, claims).await.map_err(gone("a claim"))?;
            if done.len() < claims.len() || done.contains(&false) {
                return Err("a claim was refused".into());
            }
            let rooms: Vec<_> = claims.iter().map(|claim| claim.pairing.room).collect();
            self.ask();
            store.forget(&rooms).await.map_err(gone("a pairing"))?;
        }
        Ok(())
    }

    fn ask(&self) {
        self.asked.set(self.asked.get() + 1);
    }

    async fn reference(&mut self, count: usize) -> Result<(), Failure> {
        let script = Script::new(include_str!("reference.lua"));
        let keys = ["waiting", "tickets"].map(|what| format!("{}{{pool}}/{what}", self.prefix));
        let entries = self.come(count);
        let (script, keys, raw) = (&script, &keys, &self.raw);
        stream::iter(&entries)
            .map(|entry| async move {
                let (user, text) = (entry.ticket.user.to_string(), serde_json::to_string(entry)?);
                let mut call = script.prepare_invoke();
                call.key(&keys[0]).key(&keys[1]).arg(user).arg(text).arg(entry.ticket.since.as_millis());
                call.invoke_async::<Option<String>>(&mut raw.clone()).await?;
                Ok::<_, Failure>(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    async fn spent(&self) -> Result<Spent, Failure> {
        let mut raw = self.raw.clone();
        let cpu: String = redis::cmd("INFO").arg("cpu").query_async(&mut raw).await?;
        let asked: String = redis::cmd("INFO").arg("commandstats").query_async(&mut raw).await?;
        let seconds = |name: &str| number(&cpu, &format!("{name}:"));
        let calls = ASKED.iter().map(|name| number(&asked, &format!("cmdstat_{name}:calls=")));
        let cpu = seconds("used_cpu_user") + seconds("used_cpu_sys");
        Ok(Spent { cpu_us: cpu * 1e6, trips: calls.sum::<f64>() + f64::from(self.asked.get()) })
    }
}

/// The number after that word; 0 when there is none.
fn number(text: &str, after: &str) -> f64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(after)).unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_default()
}

async fn work(bench: &mut Bench, line: &str) -> Result<String, Failure> {
    let (what, count) = line.split_once(' ').ok_or("ours N, or reference N")?;
    let count: u32 = count.trim().parse()?;
    let tickets = usize::try_from(count)?;
    let before = bench.spent().await?;
    match what {
        "ours" => bench.ours(tickets).await?,
        "reference" => bench.reference(tickets).await?,
        _ => return Err("ours N, or reference N".into()),
    }
    let after = bench.spent().await?;
    let each = |before: f64, after: f64| (after - before) / f64::from(count);
    Ok(format!("cpu_us={} trips={}", each(before.cpu_us, after.cpu_us), each(before.trips, after.trips)))
}

fn main() -> Result<(), Failure> {
    let url = std::env::var("VISAVIS_TEST_REDIS")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let lifecycle = Lifecycle::default();
    let mut bench = runtime.block_on(Bench::open(&url, &lifecycle))?;
    for line in std::io::stdin().lock().lines() {
        let words = match runtime.block_on(work(&mut bench, &line?)) {
            Ok(figures) => format!("done {figures}"),
            Err(why) => format!("failed {why}"),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{words}")?;
        out.flush()?;
    }
    lifecycle.stop.cancel();
    Ok(())
}
