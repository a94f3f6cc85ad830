//! The connection to Redis (or Valkey): one for all commands of a process, made again when it is lost, with a jitter
//! so that a cluster doesn't come back all at once. Whoever asks has a deadline; while the server is known to be away
//! the answer is `unavailable` at once. Nothing is ever asked a second time here: a command whose answer didn't come
//! may have been carried out, and only its caller knows whether that matters.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo as _, Pipeline,
    RedisError, RedisResult, ScriptInvocation, ServerErrorKind, aio::MultiplexedConnection,
    io::tcp::TcpSettings,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, watch};
use visavis_domain::Fault;

use crate::{Dice, Lifecycle, hidden::Hidden, patience};

/// Commands under way at once. A server that answers in half a millisecond does millions a second with as many; when
/// it stalls, they are what waits for the deadline, some hundred bytes each. Beyond: `unavailable`.
const MAX_UNDER_WAY: usize = 4_096;
/// How often an otherwise silent connection is asked whether it still is one.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(1);
/// Pings without an answer after which a connection is given up: one may be a pause.
pub(crate) const PINGS_MISSED: u32 = 2;
/// Waits before the next attempt to connect: from a blink to what a person barely notices.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// The oldest server with all commands that are used.
const MAJOR_AT_LEAST: u32 = 7;

/// Where Redis is and how it is used.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `redis://[USER]:PASSWORD@HOST:PORT`. Not set: this process keeps what it shares in its own memory, and is alone.
    pub url: Option<Hidden>,
    /// Begins every key and channel, so that several places can share a server.
    pub prefix: String,
    /// Longest wait for an answer, in milliseconds; after it the request is answered `unavailable`.
    #[schemars(range(min = 10, max = 60_000))]
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: None, prefix: "visavis:".to_owned(), timeout_ms: 500 }
    }
}

/// Why Redis can't be used. Never holds the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not an address.
    #[error("redis.url must look like redis://:PASSWORD@HOST:6379")]
    Url,
    /// A brace would make every key of the place lie on one node of a Redis cluster.
    #[error("redis.prefix must not hold {{ or }}")]
    Prefix,
    /// Nobody answers, or not to us.
    #[error("Redis at {place} can't be used: {cause}")]
    Away {
        /// Host and port.
        place: String,
        /// The kind of failure.
        cause: String,
    },
    /// An older server.
    #[error("Redis at {place} is version {version}: 7.0 or later is needed")]
    Old {
        /// Host and port.
        place: String,
        /// What it said.
        version: String,
    },
}

/// The connection. Cheap to clone.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    client: Client,
    place: String,
    timeout: Duration,
    under_way: Semaphore,
    state: watch::Sender<State>,
    /// The number of the connection that was found broken.
    broken: AtomicU64,
    /// Tells one start of a server from another.
    life: AtomicU64,
    look: Notify,
}

#[derive(Clone)]
enum State {
    /// Lost a moment ago, or not yet there: worth a wait.
    Connecting,
    /// The last attempt failed: not worth one.
    Away,
    Up(u64, MultiplexedConnection),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("place", &self.0.place).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects, or says why not. From then on the connection is kept until the process stops.
    pub async fn open(settings: &Settings, dice: Dice, lifecycle: &Lifecycle) -> Result<Self, OpenError> {
        let (client, place) = client(settings)?;
        let link = Self(Arc::new(Inner {
            client,
            place,
            timeout: Duration::from_millis(settings.timeout_ms.max(1)),
            under_way: Semaphore::new(MAX_UNDER_WAY),
            state: watch::Sender::new(State::Connecting),
            broken: AtomicU64::new(0),
            life: AtomicU64::new(0),
            look: Notify::new(),
        }));
        let first = link.connect().await.map_err(|error| link.away(&error))?;
        link.check_version(&first.1)?;
        let keeper = link.clone();
        lifecycle.keep("redis", async move { keeper.keep(first, &dice).await });
        Ok(link)
    }

    /// Asks one thing.
    pub(crate) async fn ask<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, Fault> {
        self.within(async |c| cmd.query_async(c).await).await
    }

    /// Asks several things in one round trip.
    pub(crate) async fn ask_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, Fault> {
        self.within(async |c| pipeline.query_async(c).await).await
    }

    /// Runs a script, which the server knows by its hash after the first time.
    pub(crate) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Fault> {
        self.within(async |c| script.invoke_async(c).await).await
    }

    /// Which life of the server the connection is to. After a restart, and at a replica that was promoted, it is another
    /// one: then what was acknowledged before may be forgotten.
    pub(crate) fn life(&self) -> u64 {
        self.0.life.load(Ordering::SeqCst)
    }

    /// Waits until the server answers, at most so long.
    pub(crate) async fn answers_within(&self, most: Duration) -> bool {
        let ping = redis::cmd("PING");
        let answers = async {
            while self.ask::<String>(&ping).await.is_err() {
                tokio::time::sleep(BACK_OFF.0).await;
            }
        };
        tokio::time::timeout(most, answers).await.is_ok()
    }

    /// For messages to people.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    async fn within<T>(
        &self,
        ask: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, Fault> {
        let Ok(_permit) = self.0.under_way.try_acquire() else { return Err(unavailable("full")) };
        let answer = async {
            let Some((number, mut connection)) = self.connection().await else {
                return Err(unavailable("away"));
            };
            ask(&mut connection).await.map_err(|error| self.fault(number, &error))
        };
        patience::wait(self.0.timeout, answer).await.unwrap_or_else(|| Err(unavailable("timeout")))
    }

    /// The connection; waits for one that may be there soon.
    async fn connection(&self) -> Option<(u64, MultiplexedConnection)> {
        let mut state = self.0.state.subscribe();
        let state = state.wait_for(|state| !matches!(state, State::Connecting)).await.ok()?;
        match &*state {
            State::Up(number, connection) => Some((*number, connection.clone())),
            State::Connecting | State::Away => None,
        }
    }

    fn fault(&self, number: u64, error: &RedisError) -> Fault {
        match Trouble::of(error) {
            Trouble::Lost => {
                self.0.broken.fetch_max(number, Ordering::SeqCst);
                self.0.look.notify_one();
                unavailable("lost")
            }
            Trouble::Busy => unavailable("busy"),
            Trouble::WrongKind => wrong_kind(),
            Trouble::Bug => {
                // The message may quote a value; the code names the kind of failure.
                let code = error.code().unwrap_or(error.category());
                tracing::error!(redis.code = code, "redis refused a command");
                Fault::internal()
            }
        }
    }

    /// A connection, and what the server says of itself.
    async fn connect(&self) -> RedisResult<(MultiplexedConnection, String)> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.0.timeout * 2))
            // The deadline of each command is kept here.
            .set_response_timeout(None);
        let mut connection = self.0.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut info = redis::cmd("INFO");
        let info = info.arg("server").query_async(&mut connection);
        let answer = tokio::time::timeout(self.0.timeout * 2, info).await;
        let info =
            answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
        Ok((connection, info))
    }

    fn check_version(&self, info: &str) -> Result<(), OpenError> {
        let version = said(info, "redis_version:");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= MAJOR_AT_LEAST) {
            return Ok(());
        }
        Err(OpenError::Old { place: self.0.place.clone(), version: version.to_owned() })
    }

    pub(crate) fn away(&self, error: &RedisError) -> OpenError {
        OpenError::Away { place: self.0.place.clone(), cause: words(error) }
    }

    /// Keeps a connection until the process ends.
    async fn keep(&self, first: (MultiplexedConnection, String), dice: &Dice) {
        let (mut connection, mut info) = first;
        for number in 1.. {
            self.0.life.store(life(&info), Ordering::SeqCst);
            self.0.state.send_replace(State::Up(number, connection.clone()));
            self.until_broken(number, connection).await;
            tracing::warn!(redis.place = self.0.place, "the connection to redis is lost");
            self.0.state.send_replace(State::Connecting);
            (connection, info) = self.reconnect(dice).await;
            tracing::info!(redis.place = self.0.place, "connected to redis again");
        }
    }

    async fn until_broken(&self, number: u64, mut connection: MultiplexedConnection) {
        let mut missed = 0;
        while self.0.broken.load(Ordering::SeqCst) < number && missed < PINGS_MISSED {
            let _ = tokio::time::timeout(PING_EVERY, self.0.look.notified()).await;
            let ping = redis::cmd("PING");
            let ping = ping.query_async::<String>(&mut connection);
            match tokio::time::timeout(self.0.timeout, ping).await {
                Ok(Ok(_)) => missed = 0,
                Ok(Err(error)) if Trouble::of(&error) == Trouble::Lost => return,
                _ => missed += 1,
            }
        }
    }

    async fn reconnect(&self, dice: &Dice) -> (MultiplexedConnection, String) {
        let mut back_off = BackOff::default();
        loop {
            match self.connect().await {
                Ok(connection) => return connection,
                Err(error) => {
                    tracing::debug!(error = words(&error), "redis can't be reached");
                    self.0.state.send_replace(State::Away);
                }
            }
            back_off.wait(dice).await;
        }
    }
}

/// The rest of the line of `INFO` that begins like that.
fn said<'a>(info: &'a str, name: &str) -> &'a str {
    info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

/// From the id that a server gives itself at each start; one that hides it has one life.
fn life(info: &str) -> u64 {
    said(info, "run_id:").get(..16).and_then(|id| u64::from_str_radix(id, 16).ok()).unwrap_or(0)
}

/// Waits between attempts to connect: each up to twice as long as the one before.
#[derive(Debug)]
pub(crate) struct BackOff(Duration);

impl Default for BackOff {
    fn default() -> Self {
        Self(BACK_OFF.0)
    }
}

impl BackOff {
    pub(crate) async fn wait(&mut self, dice: &Dice) {
        tokio::time::sleep(self.next(dice)).await;
    }

    /// Between half of the wait and the whole.
    fn next(&mut self, dice: &Dice) -> Duration {
        let micros = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        self.0 = (self.0 * 2).min(BACK_OFF.1);
        Duration::from_micros(micros / 2 + dice.below(micros / 2 + 1))
    }
}

fn client(settings: &Settings) -> Result<(Client, String), OpenError> {
    if settings.prefix.contains(['{', '}']) {
        return Err(OpenError::Prefix);
    }
    let url = settings.url.as_ref().ok_or(OpenError::Url)?;
    let info = url.expose().into_connection_info().map_err(|_| OpenError::Url)?;
    // Small commands wait for nobody.
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let place = info.addr().to_string();
    Ok((Client::open(info).map_err(|_| OpenError::Url)?, place))
}

/// Something is wrong that passes by itself.
fn unavailable(why: &'static str) -> Fault {
    metrics::counter!("visavis_redis_failures_total", "why" => why).increment(1);
    Fault::unavailable()
}

/// Two parts of the program use one key for two kinds of value.
pub(crate) fn wrong_kind() -> Fault {
    tracing::error!("a key of the kv store holds another kind of value");
    Fault::internal()
}

/// A failure in words without anything that was sent.
pub(crate) fn words(error: &RedisError) -> String {
    error.code().map_or_else(|| error.category().to_owned(), |code| format!("{} ({code})", error.category()))
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// This connection is of no use any more; another one may be.
    Lost,
    /// The server can't just now.
    Busy,
    WrongKind,
    Bug,
}

impl Trouble {
    fn of(error: &RedisError) -> Self {
        match error.kind() {
            // A server that was demoted to a replica: its place may belong to another one by now.
            ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::Lost,
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown,
            ) => Self::Busy,
            _ => match error.code() {
                Some(code) => Self::of_code(code),
                // Of several commands at once.
                None => error
                    .clone()
                    .into_server_errors()
                    .and_then(|errors| errors.first().map(|(_, error)| Self::of_code(error.code())))
                    .unwrap_or(Self::Bug),
            },
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" => Self::Busy,
            "NOAUTH" => Self::Lost,
            "WRONGTYPE" => Self::WrongKind,
            _ => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings { url: Some(url.to_owned().into()), ..Settings::default() }
    }

    #[tokio::test]
    async fn what_cant_be_used_is_told_without_the_password() {
        let open = |settings: Settings| async move {
            Link::open(&settings, Dice::Secure, &Lifecycle::default()).await.unwrap_err().to_string()
        };
        for url in ["", "canary", "http://:canary@x", "redis://:canary@"] {
            let words = open(settings(url)).await;
            assert!(
                words.contains("redis.url must look like") && !words.contains("canary"),
                "{url}: {words}"
            );
        }
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words = open(settings(&format!("redis://:canary@127.0.0.1:{port}"))).await;
        assert!(words.contains(&format!("127.0.0.1:{port}")) && !words.contains("canary"), "{words}");
        let braces = Settings { prefix: "{x}".to_owned(), ..settings("redis://127.0.0.1:1") };
        assert!(open(braces).await.contains("redis.prefix"));
    }

    #[test]
    fn failures_are_told_apart() {
        let of = |code: &str| {
            Trouble::of(&redis::make_extension_error(code.to_owned(), Some("words of the server".to_owned())))
        };
        for (code, trouble) in [
            ("OOM", Trouble::Busy),
            ("MISCONF", Trouble::Busy),
            ("NOREPLICAS", Trouble::Busy),
            ("NOAUTH", Trouble::Lost),
            ("WRONGTYPE", Trouble::WrongKind),
            ("NOPERM", Trouble::Bug),
            ("WHATEVER", Trouble::Bug),
        ] {
            assert_eq!(of(code), trouble, "{code}");
        }
        assert_eq!(Trouble::of(&std::io::Error::other("gone").into()), Trouble::Lost);
    }

    #[test]
    fn each_start_of_a_server_is_another_life() {
        let of = |id: &str| life(&format!("# Server\r\nredis_version:7.0.15\r\nrun_id:{id}\r\nos:Linux\r\n"));
        assert_eq!(of("00000000000000ff0123456789abcdef01234567"), 255);
        assert_ne!(
            of("5a4b5a4b5a4b5a4b0123456789abcdef01234567"),
            of("5a4b5a4b5a4b5a4c0123456789abcdef01234567")
        );
        assert_eq!((of(""), of("short"), life("")), (0, 0, 0), "a server that doesn't say has one");
    }

    #[test]
    fn waits_grow_to_a_bound_and_are_spread_over_half_of_their_length() {
        let dice = Dice::seeded(3);
        let waits = || {
            let mut back_off = BackOff::default();
            (0..12).map(|_| back_off.next(&dice)).collect::<Vec<_>>()
        };
        let many: Vec<_> = (0..200).map(|_| waits()).collect();
        for (n, longest) in [(0, 50), (1, 100), (2, 200), (11, 2_000)] {
            let longest = Duration::from_millis(longest);
            let (least, most) =
                (many.iter().map(|w| w[n]).min().unwrap(), many.iter().map(|w| w[n]).max().unwrap());
            assert!(least >= longest / 2 && most <= longest, "{n}: {least:?} to {most:?}");
            assert!(most > least + longest / 3, "{n}: {least:?} to {most:?}");
        }
    }
}
