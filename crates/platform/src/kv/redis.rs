//! `Kv` on Redis 7 or later, or Valkey. One command where one can do it, else one script, so that everything is atomic
//! and one round trip.
//!
//! A stream is a Redis stream with the numbers `0-1`, `0-2`, … (`XADD key 0-*`), a rate limit is a text that begins with
//! a control character, so that no other text is taken for one.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use redis::{Cmd, Script, Value, cmd, pipe};
use visavis_domain::{
    Fault,
    limit::{Decision, Rule},
};

use super::{Change, Do, If, Trade, Ttl};
use crate::{
    Clock,
    redis_link::{Link, wrong_kind},
};

/// Looks at a stream before its growth between two looks is taken for a failure: each takes a round trip, in which a
/// session gets an event or two.
const LOOKS: usize = 4;

/// The first character of a rate limit's text, in `gcra.lua` too.
const RATE_LIMIT: char = '\u{1}';

static CHANGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("change.lua")));
static BRING: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bring.lua")));
static TRADE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("trade.lua")));
static GCRA: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));
static APPEND_ONCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append_once.lua")));
static HASH_TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hash_take.lua")));

/// The store.
#[derive(Debug)]
pub struct Redis {
    link: Link,
    prefix: String,
    clock: Clock,
}

/// Redis knows no life of less than a millisecond.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 12).clamp(1, u64::MAX >> 12)
}

impl Redis {
    pub(super) fn new(link: Link, prefix: &str, clock: Clock) -> Self {
        Self { link, prefix: prefix.to_owned(), clock }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// A command on one key.
    fn on(&self, name: &str, key: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(self.key(key));
        command
    }

    pub(super) fn life(&self) -> u64 {
        self.link.life()
    }

    pub(super) async fn ping(&self) -> Result<(), Fault> {
        self.link.ask::<String>(&cmd("PING")).await.map(|_| ())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<String>, Fault> {
        let text: Option<String> = self.link.ask(&self.on("GET", key)).await?;
        if text.as_ref().is_some_and(|text| text.starts_with(RATE_LIMIT)) {
            return Err(wrong_kind());
        }
        Ok(text)
    }

    fn set(&self, key: &str, value: &str, ttl: Ttl) -> Cmd {
        let mut set = self.on("SET", key);
        set.arg(value);
        if let Some(ttl) = ttl {
            set.arg("PX").arg(millis(ttl));
        }
        set
    }

    pub(super) async fn put(&self, key: &str, value: &str, ttl: Ttl) -> Result<(), Fault> {
        self.link.ask(&self.set(key, value, ttl)).await
    }

    pub(super) async fn change(&self, conditions: &[If<'_>], steps: &[Do<'_>]) -> Result<Change, Fault> {
        let bounded = steps.iter().any(|step| matches!(step, Do::Push { .. }));
        if conditions.is_empty() && !bounded {
            self.all(steps).await?;
            return Ok(Change::Done);
        }
        match self.change_script(conditions, steps).await? {
            1 => Ok(Change::Done),
            0 => Ok(Change::Refused),
            _ => Ok(Change::Full),
        }
    }

    /// Without a condition: a transaction, which is cheaper than a script.
    async fn all(&self, steps: &[Do<'_>]) -> Result<(), Fault> {
        let mut commands = steps.iter().map(|step| match *step {
            Do::Put { key, value, ttl } => self.set(key, value, ttl),
            Do::Delete { key } => self.on("DEL", key),
            Do::FieldPut { key, field, value } => self.on("HSET", key).arg(field).arg(value).clone(),
            Do::FieldDelete { key, field } => self.on("HDEL", key).arg(field).clone(),
            Do::Push { list, value, .. } => self.on("RPUSH", list).arg(value).clone(),
        });
        if steps.len() == 1 {
            let Some(command) = commands.next() else { return Ok(()) };
            return self.link.ask::<Value>(&command).await.map(|_| ());
        }
        let mut pipeline = pipe();
        pipeline.atomic();
        for command in commands {
            pipeline.add_command(command);
        }
        self.link.ask_all::<Value>(&pipeline).await.map(|_| ())
    }

    async fn change_script(&self, conditions: &[If<'_>], steps: &[Do<'_>]) -> Result<i64, Fault> {
        let mut call = CHANGE.prepare_invoke();
        call.arg(conditions.len());
        for condition in conditions {
            call.key(self.key(condition.key()));
            match *condition {
                If::Is { value, .. } => call.arg("is").arg(value),
                If::Absent { .. } => call.arg("absent"),
                If::Field { field, value, .. } => call.arg("field").arg(field).arg(value),
                If::NoField { field, .. } => call.arg("nofield").arg(field),
            };
        }
        for step in steps {
            call.key(self.key(step.key()));
            match *step {
                Do::Put { value, ttl, .. } => call.arg("put").arg(value).arg(ttl.map_or(0, millis)),
                Do::Delete { .. } => call.arg("del"),
                Do::FieldPut { field, value, .. } => call.arg("hset").arg(field).arg(value),
                Do::FieldDelete { field, .. } => call.arg("hdel").arg(field),
                Do::Push { value, most, .. } => call.arg("push").arg(value).arg(most),
            };
        }
        self.link.run(&call).await
    }

    pub(super) async fn bring(
        &self,
        key: &str,
        (field, value): (&str, &str),
        (list, most): (&str, usize),
    ) -> Result<Option<usize>, Fault> {
        let mut call = BRING.prepare_invoke();
        call.key(self.key(key)).key(self.key(list)).arg(field).arg(value).arg(most);
        let length: i64 = self.link.run(&call).await?;
        Ok(usize::try_from(length).ok())
    }

    pub(super) async fn trade(
        &self,
        (guard, held): (&str, &str),
        (from, to): (&str, &str),
        trades: &[Trade<'_>],
    ) -> Result<Vec<bool>, Fault> {
        let mut call = TRADE.prepare_invoke();
        call.key(self.key(guard)).key(self.key(from)).key(self.key(to)).arg(held);
        for Trade { gives: [a, b], gets } in trades {
            for (field, value) in [a, b, gets] {
                call.arg(*field).arg(*value);
            }
        }
        self.link.run(&call).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool, Fault> {
        self.link.ask(&self.on("DEL", key)).await
    }

    pub(super) async fn exists(&self, key: &str) -> Result<bool, Fault> {
        self.link.ask(&self.on("EXISTS", key)).await
    }

    pub(super) async fn expire(&self, key: &str, ttl: Ttl) -> Result<(), Fault> {
        let command = match ttl {
            Some(ttl) => self.on("PEXPIRE", key).arg(millis(ttl)).clone(),
            None => self.on("PERSIST", key),
        };
        self.link.ask::<i64>(&command).await.map(|_| ())
    }

    pub(super) async fn gcra(&self, key: &str, rule: &Rule) -> Result<Decision, Fault> {
        let mut call = GCRA.prepare_invoke();
        call.key(self.key(key)).arg(rule.interval_us()).arg(rule.burst());
        if matches!(self.clock, Clock::Manual(_)) {
            call.arg(self.clock.now().as_millis() * 1_000);
        }
        let (allowed, early, new_tat): (bool, u64, i64) = self.link.run(&call).await?;
        Ok(Decision { allowed, new_tat, retry_after: Duration::from_micros(early) })
    }

    pub(super) async fn stream_open(&self, key: &str) -> Result<(), Fault> {
        // A stream without entries can only be made by way of a group.
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.add_command(self.on("DEL", key));
        pipeline.cmd("XGROUP").arg("CREATE").arg(self.key(key)).arg("-").arg("0").arg("MKSTREAM");
        pipeline.cmd("XGROUP").arg("DESTROY").arg(self.key(key)).arg("-");
        self.link.ask_all::<Value>(&pipeline).await.map(|_| ())
    }

    pub(super) async fn stream_append(
        &self,
        key: &str,
        entry: &str,
        keep: usize,
    ) -> Result<Option<u64>, Fault> {
        let mut command = self.on("XADD", key);
        command.arg("NOMKSTREAM").arg("MAXLEN").arg(keep).arg("0-*").arg("e").arg(entry);
        let id: Option<String> = self.link.ask(&command).await?;
        id.map(|id| number(&id).ok_or_else(odd)).transpose()
    }

    pub(super) async fn stream_append_once(
        &self,
        key: &str,
        entry: &str,
        keep: usize,
        (mark, look): (&str, usize),
    ) -> Result<Option<u64>, Fault> {
        let mut call = APPEND_ONCE.prepare_invoke();
        call.key(self.key(key)).arg(entry).arg(keep).arg(mark).arg(look);
        let id: Option<String> = self.link.run(&call).await?;
        id.map(|id| number(&id).ok_or_else(odd)).transpose()
    }

    pub(super) async fn stream_after(
        &self,
        key: &str,
        after: u64,
    ) -> Result<Option<Vec<(u64, String)>>, Fault> {
        for _ in 0..LOOKS {
            let range = self.on("XRANGE", key).arg(format!("(0-{after}")).arg("+").clone();
            let entries = entries(self.link.ask(&range).await?).ok_or_else(odd)?;
            if let Some((first, _)) = entries.first() {
                return Ok((*first == after + 1).then_some(entries));
            }
            // Nothing new, or nothing at all.
            match self.last(key).await? {
                Some(last) if last == after => return Ok(Some(entries)),
                // It grew meanwhile.
                Some(last) if last > after => {}
                _ => return Ok(None),
            }
        }
        Err(Fault::unavailable())
    }

    /// The number of a stream's newest entry, also of one that was dropped; `None` when it isn't open.
    async fn last(&self, key: &str) -> Result<Option<u64>, Fault> {
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.add_command(self.on("EXISTS", key));
        pipeline.cmd("XREVRANGE").arg(self.key(key)).arg("+").arg("-").arg("COUNT").arg(1);
        let (there, newest): (bool, Value) = self.link.ask_all(&pipeline).await?;
        let newest = entries(newest).ok_or_else(odd)?;
        Ok(there.then(|| newest.first().map_or(0, |(number, _)| *number)))
    }

    pub(super) async fn set_add(&self, key: &str, member: &str) -> Result<usize, Fault> {
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.add_command(self.on("SADD", key).arg(member).clone()).ignore();
        pipeline.add_command(self.on("SCARD", key));
        self.link.ask_all::<(usize,)>(&pipeline).await.map(|(size,)| size)
    }

    pub(super) async fn set_remove(&self, key: &str, member: &str) -> Result<(), Fault> {
        self.link.ask::<i64>(self.on("SREM", key).arg(member)).await.map(|_| ())
    }

    pub(super) async fn set_members(&self, key: &str) -> Result<Vec<String>, Fault> {
        let mut members: Vec<String> = self.link.ask(&self.on("SMEMBERS", key)).await?;
        members.sort_unstable();
        Ok(members)
    }

    pub(super) async fn hash_put(&self, key: &str, field: &str, value: &str) -> Result<(), Fault> {
        self.link.ask::<i64>(self.on("HSET", key).arg(field).arg(value)).await.map(|_| ())
    }

    pub(super) async fn hash_get(&self, key: &str, field: &str) -> Result<Option<String>, Fault> {
        self.link.ask(self.on("HGET", key).arg(field)).await
    }

    pub(super) async fn hash_get_many(
        &self,
        key: &str,
        fields: &[String],
    ) -> Result<Vec<Option<String>>, Fault> {
        self.link.ask(self.on("HMGET", key).arg(fields)).await
    }

    pub(super) async fn hash_all(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        self.link.ask(&self.on("HGETALL", key)).await
    }

    pub(super) async fn hash_take(&self, key: &str, fields: &[&str]) -> Result<bool, Fault> {
        let mut call = HASH_TAKE.prepare_invoke();
        call.key(self.key(key)).arg(fields);
        self.link.run(&call).await
    }

    pub(super) async fn hash_remove(&self, key: &str, fields: &[String]) -> Result<(), Fault> {
        self.link.ask::<i64>(self.on("HDEL", key).arg(fields)).await.map(|_| ())
    }

    pub(super) async fn list_take(&self, key: &str, most: usize) -> Result<Vec<String>, Fault> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let taken: Option<Vec<String>> = self.link.ask(self.on("LPOP", key).arg(most)).await?;
        Ok(taken.unwrap_or_default())
    }

    pub(super) async fn list_len(&self, key: &str) -> Result<usize, Fault> {
        self.link.ask(&self.on("LLEN", key)).await
    }
}

/// `0-7` → 7.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix("0-")?.parse().ok()
}

/// The answer of `XRANGE`, whose entries have one field each.
fn entries(answer: Value) -> Option<Vec<(u64, String)>> {
    let Value::Array(entries) = answer else { return None };
    let entry = |entry| {
        let Value::Array(parts) = entry else { return None };
        let [Value::BulkString(id), Value::Array(fields)] = <[Value; 2]>::try_from(parts).ok()? else {
            return None;
        };
        let [_, Value::BulkString(text)] = <[Value; 2]>::try_from(fields).ok()? else { return None };
        Some((number(std::str::from_utf8(&id).ok()?)?, String::from_utf8(text).ok()?))
    };
    entries.into_iter().map(entry).collect()
}

/// An answer of a shape that this version of ours never wrote.
fn odd() -> Fault {
    tracing::error!("a stream of redis has a shape that this build never wrote");
    Fault::internal()
}
