//! All shards of a process: starts their threads, says which one a room is on, carries questions and answers.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use visavis_domain::{
    Fault, Timestamp,
    id::{ParticipantId, RoomId, UserId},
    room::{
        Allowed,
        slots::Origin,
        tap::{Body, Consumer, Demand, Sample},
    },
};
use visavis_platform::{Clock, Dice, Lifecycle};

use crate::{
    gate::Limits,
    negotiate::Common,
    samples::{self, SampleQueues, Samples},
    shard::{Command, Ticket},
    tcp,
    udp::{self, Deps, Line, MAX_NEWS, Note, Report},
    vigil::{Change, Vigil},
};

/// A shard answers within milliseconds; when it doesn't, the caller tries again.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The ports of one shard.
#[derive(Debug)]
pub struct Ports {
    /// Datagrams.
    pub udp: UdpSocket,
    /// ICE over TCP, on the same number.
    pub tcp: Option<TcpListener>,
}

/// How the media of this process is reached.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Addresses that answers name.
    pub advertised: Vec<IpAddr>,
    /// Those of them, and others, that this machine has itself.
    pub own: Vec<IpAddr>,
    /// How many strangers are answered.
    pub limits: Limits,
    /// Pictures may be H.264, too: nobody has to look at them.
    pub h264: bool,
}

/// A join.
#[derive(Debug, Clone)]
pub struct Join {
    /// Which room.
    pub room: RoomId,
    /// Who.
    pub participant: ParticipantId,
    /// Their offer.
    pub offer: String,
    /// What they said is on.
    pub media: Option<Allowed>,
    /// Who gets nothing of them, nor they of who.
    pub apart: Vec<ParticipantId>,
    /// Most people of the room.
    pub limit: usize,
}

/// The shards.
#[derive(Debug)]
pub struct Shards {
    lines: Vec<Line>,
    placed: Mutex<HashMap<RoomId, usize>>,
    vigil: Mutex<Vigil>,
    asked: Mutex<HashMap<Ticket, oneshot::Sender<Result<String, Fault>>>>,
    next: AtomicU64,
    dice: Dice,
    queues: SampleQueues,
    samples: Samples,
}

impl Shards {
    /// Starts a thread for each pair of ports. What they report comes out of the receiver; answers must be handed back by
    /// [`Self::answered`].
    pub fn start(
        ports: Vec<Ports>,
        reach: &Reach,
        clock: &Clock,
        dice: &Dice,
        lifecycle: &Lifecycle,
    ) -> io::Result<(Self, mpsc::Receiver<Report>)> {
        let (reports, inbox) = mpsc::channel(MAX_NEWS);
        let mut lines = Vec::with_capacity(ports.len());
        let (queues, samples) = samples::queues();
        for (index, Ports { udp, tcp }) in ports.into_iter().enumerate() {
            let port = udp.local_addr()?.port();
            let at = |port| reach.advertised.iter().map(|ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
            let over_tcp = tcp
                .as_ref()
                .map(TcpListener::local_addr)
                .transpose()?
                .map_or_else(Vec::new, |l| at(l.port()));
            let common = Common::new(at(port), over_tcp.clone())
                .ok_or_else(|| io::Error::other("no certificate for media could be made"))?;
            let common = Common { h264: reach.h264, ..common };
            let deps = Deps {
                socket: udp,
                common,
                limits: reach.limits,
                clock: clock.clone(),
                reports: reports.clone(),
                own: reach.own.clone(),
                samples: queues.clone(),
            };
            let line = udp::start(index, deps)?;
            if let Some(listener) = tcp {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let inner = lifecycle.clone();
                lifecycle.keep("media-tcp-port", tcp::serve(listener, over_tcp, line.clone(), inner));
            }
            lines.push(line);
        }
        let vigil = Mutex::new(Vigil::new(lines.len()));
        let shards = Self {
            lines,
            placed: Mutex::default(),
            vigil,
            asked: Mutex::default(),
            next: AtomicU64::new(1),
            dice: dice.clone(),
            queues,
            samples,
        };
        Ok((shards, inbox))
    }

    /// Answers an offer on the room's shard.
    pub async fn join(&self, join: Join) -> Result<String, Fault> {
        let Join { room, participant, offer, media, apart, limit } = join;
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.asked).insert(ticket, answer);
        let random = self.dice.u64();
        let command = Command::Join { room, participant, offer, media, apart, limit, random, ticket };
        if !self.line(self.place(room)).tell(Note::Command(command)) {
            lock(&self.asked).remove(&ticket);
            return Err(Fault::unavailable());
        }
        if let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_WITHIN, answered).await {
            return answer;
        }
        lock(&self.asked).remove(&ticket);
        Err(Fault::unavailable())
    }

    /// Hands an answer to whoever waits for it.
    pub fn answered(&self, ticket: Ticket, answer: Result<String, Fault>) {
        if let Some(waiting) = lock(&self.asked).remove(&ticket) {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }

    /// Ends somebody's connection.
    pub fn leave(&self, room: RoomId, participant: ParticipantId) {
        self.tell(room, Command::Leave { room, participant });
    }

    /// What others may have of somebody.
    pub fn media(&self, room: RoomId, participant: ParticipantId, media: Allowed) {
        self.tell(room, Command::Media { room, participant, media });
    }

    /// Neither of two gets anything of the other any more.
    pub fn apart(&self, room: RoomId, pair: [ParticipantId; 2]) {
        self.tell(room, Command::Apart { room, pair });
    }

    /// What somebody shows.
    pub fn view(&self, room: RoomId, participant: ParticipantId, wanted: Vec<(Origin, u16)>) {
        self.tell(room, Command::View { room, participant, wanted });
    }

    /// The room may have more people.
    pub fn limit(&self, room: RoomId, limit: usize) {
        self.tell(room, Command::Limit { room, limit });
    }

    /// What a consumer of samples wants from now on: of one room, or of all that there are and will be.
    pub fn tap(&self, room: Option<RoomId>, consumer: Consumer, demand: Option<Demand>) {
        match room {
            Some(known) => self.tell(known, Command::Tap { room, consumer, demand }),
            None => self.lines.iter().for_each(|line| {
                if !line.tell(Note::Command(Command::Tap { room, consumer, demand })) {
                    tracing::error!("a media shard takes no commands");
                }
            }),
        }
    }

    /// A consumer of samples wants a picture now.
    pub fn picture(&self, room: RoomId, consumer: Consumer, origin: Origin) {
        self.tell(room, Command::Picture { room, consumer, origin });
    }

    /// Somebody has written something: those who look at calls read it, too.
    pub fn written(
        &self,
        room: RoomId,
        (participant, user): (ParticipantId, UserId),
        at: Timestamp,
        text: &str,
    ) {
        if self.samples.is_taken(Consumer::Moderation) {
            let sample = Sample { room, participant, at, ready: at, body: Body::Text(user, text.to_owned()) };
            self.queues.push(Consumer::Moderation, sample);
        }
    }

    /// Somebody's page has a still of what that one shows in a direct call: those who look at calls look at it, too.
    pub fn hinted(
        &self,
        room: RoomId,
        (by, of): (ParticipantId, ParticipantId),
        at: Timestamp,
        picture: Vec<u8>,
    ) {
        if self.samples.is_taken(Consumer::Moderation) {
            let sample = Sample { room, participant: of, at, ready: at, body: Body::Hint(by, picture) };
            self.queues.push(Consumer::Moderation, sample);
        }
    }

    /// Where consumers take their samples.
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Ends a room's media and forgets where it was.
    pub fn close(&self, room: RoomId) {
        self.tell(room, Command::Close(room));
        lock(&self.placed).remove(&room);
    }

    /// Looks after the threads, once a second or so: rooms of those that are gone or hang, which can come in again elsewhere.
    pub fn look_after(&self) -> Vec<RoomId> {
        let changes = lock(&self.vigil).look(self.lines.iter().map(Line::turns));
        let mut homeless = Vec::new();
        for change in changes {
            match change {
                Change::Lost(shard) => {
                    tracing::error!(shard, "a media thread is gone or hangs; its rooms go elsewhere");
                    lock(&self.placed).retain(|room, on| {
                        homeless.extend((*on == shard).then_some(*room));
                        *on != shard
                    });
                    // Should it come back it finds this first, and holds nobody who is elsewhere by then.
                    for room in &homeless {
                        self.line(shard).tell(Note::Command(Command::Close(*room)));
                    }
                }
                Change::Back(shard) => tracing::warn!(shard, "a media thread is back"),
            }
        }
        let lost = u32::try_from(lock(&self.vigil).lost().count()).unwrap_or(u32::MAX);
        metrics::gauge!("visavis_media_threads_lost").set(lost);
        homeless
    }

    /// No thread is left.
    pub fn is_lost(&self) -> bool {
        lock(&self.vigil).lost().count() == self.lines.len()
    }

    /// For tests: that thread ends as if it had failed.
    #[cfg(any(test, feature = "testing"))]
    pub fn end_thread(&self, shard: usize) {
        self.line(shard).stop();
    }

    /// For tests: that thread hangs for so long.
    #[cfg(any(test, feature = "testing"))]
    pub fn hold_thread(&self, shard: usize, so_long: Duration) {
        self.line(shard).tell(Note::Hold(so_long));
    }

    /// Ends the threads.
    pub fn stop(&self) {
        self.lines.iter().for_each(Line::stop);
    }

    fn tell(&self, room: RoomId, command: Command) {
        let placed = lock(&self.placed).get(&room).copied();
        if let Some(shard) = placed
            && !self.line(shard).tell(Note::Command(command))
        {
            tracing::error!(room.id = %room, "a media shard takes no commands");
        }
    }

    fn line(&self, shard: usize) -> &Line {
        &self.lines[shard % self.lines.len()]
    }

    /// The shard of a room: the one with the fewest, for as long as its thread turns.
    fn place(&self, room: RoomId) -> usize {
        let mut placed = lock(&self.placed);
        if let Some(shard) = placed.get(&room) {
            return *shard;
        }
        let mut load = vec![0_usize; self.lines.len()];
        placed.values().for_each(|shard| load[*shard] += 1);
        let lost: Vec<usize> = lock(&self.vigil).lost().collect();
        let well = (0..load.len()).filter(|shard| !lost.contains(shard));
        let shard = well.min_by_key(|shard| load[*shard]).unwrap_or(0);
        placed.insert(room, shard);
        shard
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
