//! `visavis load-test room`: people without faces who come in through the public API, send real sound and pictures and count
//! what arrives. Load is open-loop: nobody waits for the server before sending on.

mod api;
mod crowd;
mod film;
mod local;
mod report;
mod socket;

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::json;
use visavis_platform::{Clock, Lifecycle};
use visavis_sfu::guest::{CAMERA, Film, Guest, Plan};

use crate::cli::RoomLoad;
use api::Site;
use crowd::{Crowd, Member};
use local::Local;
use report::Report;
use socket::Socket;

/// People who come in at the same time: a crowd at the door, not one after the other.
const AT_ONCE: usize = 4;
/// Most people of a room, as the server has it.
const MOST: u32 = 10;
/// How loud the first of a room is, and the others (−dBov).
const SPEAKS: u8 = 30;
const LISTENS: u8 = 90;
/// Time for all pictures to begin before counting starts.
const WARM: Duration = Duration::from_secs(3);
/// For the socket tasks at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a load test failed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Not a place's address.
    #[error("a load test's address must be http://host:port, with nothing behind it")]
    Url,
    /// More people than a room takes.
    #[error("a room takes up to {MOST} people, and at least one must send")]
    Crowd,
    /// Nothing came in time.
    #[error("nothing came in time: {0}")]
    Late(String),
    /// The answer can't be read.
    #[error("the answer to {0} can't be read")]
    Answer(String),
    /// The server said no.
    #[error("refused: {0}")]
    Refused(String),
    /// The socket has failed.
    #[error("the socket has failed: {0}")]
    Socket(String),
    /// The WebRTC stack has refused.
    #[error("no connection could be made: {0}")]
    Media(String),
    /// What is shown can't be read.
    #[error("the film in this binary is broken")]
    Film,
    /// What was measured isn't what must be.
    #[error("something is missing, see above")]
    Missing,
    /// The system has refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Everything a newcomer needs.
struct Door<'a> {
    site: &'a Site,
    private: &'a Site,
    clock: &'a Clock,
    lifecycle: &'a Lifecycle,
    crowd: &'a Crowd,
    film: &'a Arc<Film>,
}

/// Somebody to be brought in.
#[derive(Debug, Clone)]
struct Newcomer {
    number: u32,
    room: usize,
    room_id: String,
    token: String,
    publishes: bool,
}

/// Runs the test and prints what it found; fails when anything is missing.
pub async fn run(mut load: RoomLoad) -> Result<(), Trouble> {
    let each = load.publishers + load.subscribers;
    if load.publishers == 0 || each > MOST || load.rooms == 0 {
        return Err(Trouble::Crowd);
    }
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let local = if load.url.is_none() { Some(Local::start(&lifecycle).await?) } else { None };
    let (site, private) = match (&local, &load.url, &load.private) {
        (Some(local), ..) => (local.site.clone(), local.private.clone()),
        (None, Some(url), Some(private)) => (Site::new(url)?, Site::new(private)?),
        _ => return Err(Trouble::Url),
    };
    let pid = load.pid.or_else(|| local.as_ref().and_then(Local::pid));
    let crowd = Crowd::start(clock.clone())?;
    let film = film::film().ok_or(Trouble::Film)?;
    let door = Door {
        site: &site,
        private: &private,
        clock: &clock,
        lifecycle: &lifecycle,
        crowd: &crowd,
        film: &film,
    };
    let newcomers = gather(&load, &door).await?;
    let joins: Vec<Result<Duration, Trouble>> =
        stream::iter(newcomers).map(|one| bring(&door, one)).buffer_unordered(AT_ONCE).collect().await;
    tokio::time::sleep(WARM).await;
    let before = (pid.and_then(local::cpu_seconds), crowd.packets());
    load.duration = stay(&clock, load.duration).await?;
    let packets = crowd.packets() - before.1;
    let cpu = pid.and_then(local::cpu_seconds).zip(before.0).map(|(after, before)| (after - before, packets));
    let members = crowd.stop();
    lifecycle.shut_down(PATIENCE).await;
    let report = Report::new(&load, joins, &members, cpu);
    println!("{report}");
    if report.is_whole() { Ok(()) } else { Err(Trouble::Missing) }
}

/// Until the time is over, or Ctrl-C says that it is enough. Gives the seconds it took.
async fn stay(clock: &Clock, seconds: u64) -> Result<u64, Trouble> {
    let start = clock.instant();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        ended = tokio::signal::ctrl_c() => ended?,
    }
    Ok(since(clock.instant(), start).as_secs())
}

/// Makes accounts and rooms: not part of what is measured.
async fn gather(load: &RoomLoad, door: &Door<'_>) -> Result<Vec<Newcomer>, Trouble> {
    let each = load.publishers + load.subscribers;
    let mut newcomers = Vec::new();
    for room in 0..load.rooms {
        let mut room_id = load.room.clone();
        for seat in 0..each {
            let number = room * each + seat;
            let email = format!("load.{}.{number}@example.test", std::process::id());
            let token = api::sign_in(door.site, door.private, &email).await?;
            if room_id.is_none() {
                let plan = json!({"name": "load", "maxParticipants": each.max(2)});
                let made = door.site.ask("POST", "/api/rooms", Some(&token), Some(plan)).await?;
                room_id = made["room"]["id"].as_str().map(str::to_owned);
            }
            let room_id = room_id.clone().ok_or_else(|| Trouble::Answer("a new room".to_owned()))?;
            let publishes = seat < load.publishers;
            newcomers.push(Newcomer { number, room: room as usize, room_id, token, publishes });
        }
    }
    Ok(newcomers)
}

/// Brings somebody in; gives the time from `join-room` to the answer.
async fn bring(door: &Door<'_>, one: Newcomer) -> Result<Duration, Trouble> {
    let mut socket = Socket::connect(door.site, &one.token).await?;
    let start = door.clock.instant();
    let joined = socket.call("join-room", &json!({"roomId": one.room_id})).await?;
    let limit =
        joined["room"]["maxParticipants"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(10);
    let udp = port(door.site)?;
    let camera = if one.publishes { CAMERA.to_vec() } else { Vec::new() };
    let plan = Plan { limit, camera, voice: one.publishes, number: one.number };
    let (mut guest, offer) = Guest::new(door.clock.instant(), udp.local_addr()?, &plan)
        .map_err(|e| Trouble::Media(e.to_string()))?;
    guest.play(door.film);
    guest.speak(if one.number.is_multiple_of(MOST) { SPEAKS } else { LISTENS });
    let tracks =
        json!({"roomId": one.room_id, "audio": one.publishes, "video": one.publishes, "screen": false});
    socket.call("media-state", &tracks).await?;
    let answer = socket.call("offer", &json!({"roomId": one.room_id, "sdp": offer})).await?;
    let answered = door.clock.instant();
    let sdp = answer["answer"]["sdp"].as_str().ok_or_else(|| Trouble::Answer("an offer".to_owned()))?;
    guest.accept(answered, sdp).map_err(|e| Trouble::Media(e.to_string()))?;
    door.crowd.add(Member { guest, socket: udp, answered, publishes: one.publishes, room: one.room });
    door.lifecycle.spawn("load-socket", socket.stay());
    Ok(since(answered, start))
}

fn since(later: Instant, earlier: Instant) -> Duration {
    later.saturating_duration_since(earlier)
}

/// A port for somebody's media, at the address this machine speaks to the place from.
fn port(site: &Site) -> io::Result<UdpSocket> {
    let away = UdpSocket::bind(SocketAddr::from(([0; 4], 0)))?;
    away.connect(&site.host)?;
    let socket = UdpSocket::bind(SocketAddr::new(away.local_addr()?.ip(), 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
