//! A shard's thread: moves datagrams between one UDP port and the pure shard, answers STUN to strangers, hands frames of TCP
//! connections through. It decides nothing. It must never wait for a sender, nor queue for one.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use tokio::sync::mpsc::Sender;
use visavis_domain::id::RoomId;
use visavis_platform::Clock;

use crate::{
    burst::{Burst, Carrier, Route},
    call::News,
    gate::{Gate, Limits, MAX_PREFIXES},
    negotiate::Common,
    samples::SampleQueues,
    shard::{Command, Input, Output, Shard, Ticket},
    stun,
};

/// Commands that wait for the thread, which takes them within a millisecond; beyond that the role answers `unavailable`.
const MAX_COMMANDS: usize = 4_096;
/// Of these, frames of TCP connections, which anybody may send: they push out no command.
const MAX_FRAMES: usize = 1_024;
/// News that wait for the role; beyond that the oldest of them wait in the thread.
pub(crate) const MAX_NEWS: usize = 4_096;
/// News that wait in the thread; a role that takes none any more is lost anyway.
const MAX_BACKLOG: usize = 65_536;
/// Receive calls in a row before what has come is forwarded.
const MAX_BATCHES: usize = 4;
/// A receive buffer: what generic receive offload puts together at most.
const BUFFER: usize = 65_535;
/// The kernel's own buffers: a tenth of a second of a full gigabit.
const SOCKET_BUFFER: usize = 8 << 20;
/// Receive errors in a row after which the socket is beyond help. Single ones tell that an earlier datagram met a closed
/// port or a dead route, and say nothing about this socket.
const MAX_ERRORS: u32 = 100;
/// Of how many sends the time since their packets came is looked at once: a clock and a list for each would cost more than
/// what is measured.
const LOOKED_AT: u32 = 16;

/// What comes to the thread beside datagrams.
#[derive(Debug)]
pub(crate) enum Note {
    Command(Command),
    /// A TCP connection is there; its frames go to this queue.
    TcpOpen(SocketAddr, Sender<Vec<u8>>),
    /// A frame of it.
    TcpFrame(Route, Vec<u8>),
    /// It has ended.
    TcpClosed(SocketAddr),
    /// For tests: the thread hangs for so long.
    #[cfg(any(test, feature = "testing"))]
    Hold(Duration),
}

/// What the thread tells the role.
#[derive(Debug)]
pub enum Report {
    /// The answer to a join.
    Answered(Ticket, Result<String, visavis_domain::Fault>),
    /// Something about a room.
    News(RoomId, News),
    /// A room has failed and is closed.
    Failed(RoomId),
}

/// The way to a shard's thread.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    notes: SyncSender<Note>,
    bell: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    /// Frames among the notes.
    frames: Arc<AtomicUsize>,
}

impl Line {
    /// Hands a note over; false when the thread is gone or drowning.
    pub(crate) fn tell(&self, note: Note) -> bool {
        let frame = usize::from(matches!(note, Note::TcpFrame(..)));
        let room = self.frames.fetch_add(frame, Ordering::Relaxed) < MAX_FRAMES || frame == 0;
        let told = room && self.notes.try_send(note).is_ok();
        if !told {
            self.frames.fetch_sub(frame, Ordering::Relaxed);
        }
        self.ring();
        told
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ring();
    }

    /// How often the thread has turned its loop so far. It will once more, soon, if it is well.
    pub(crate) fn turns(&self) -> u64 {
        let turns = self.turns.load(Ordering::Relaxed);
        self.ring();
        turns
    }

    fn ring(&self) {
        // Full means that it rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// What a shard's thread stands on.
pub(crate) struct Deps {
    pub(crate) socket: UdpSocket,
    pub(crate) common: Common,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) reports: Sender<Report>,
    /// Addresses of this machine: datagrams may be sent from them by name.
    pub(crate) own: Vec<IpAddr>,
    /// To those who look at calls.
    pub(crate) samples: SampleQueues,
}

/// Starts the thread of shard `index`.
pub(crate) fn start(index: usize, deps: Deps) -> io::Result<Line> {
    let (notes, inbox) = sync_channel(MAX_COMMANDS);
    let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
    let line = Line {
        notes,
        bell: Arc::new(bell),
        stop: Arc::default(),
        turns: Arc::default(),
        frames: Arc::default(),
    };
    let thread = Thread::new(deps, inbox, &line)?;
    std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        if let Err(error) = thread.run() {
            tracing::error!(shard = index, %error, "a media port has failed");
        }
    })?;
    Ok(line)
}

struct Counters {
    received: metrics::Counter,
    sent: metrics::Counter,
    calls: metrics::Counter,
    unsent: metrics::Counter,
    answered: metrics::Counter,
    limited: metrics::Counter,
    residence: metrics::Histogram,
}

impl Counters {
    fn new() -> Self {
        Self {
            received: metrics::counter!("visavis_media_datagrams_total", "way" => "in"),
            sent: metrics::counter!("visavis_media_datagrams_total", "way" => "out"),
            calls: metrics::counter!("visavis_media_system_calls_total"),
            unsent: metrics::counter!("visavis_udp_dropped_total", "why" => "unsent"),
            answered: metrics::counter!("visavis_stun_answers_total"),
            limited: metrics::counter!("visavis_udp_dropped_total", "why" => "rate"),
            residence: metrics::histogram!("visavis_media_residence_seconds"),
        }
    }
}

struct Thread {
    deps: Deps,
    state: UdpSocketState,
    shard: Shard,
    gate: Gate,
    inbox: Receiver<Note>,
    bell: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    frames: Arc<AtomicUsize>,
    wake: Instant,
    port: u16,
    v6: bool,
    segments: bool,
    tcp: HashMap<SocketAddr, Sender<Vec<u8>>>,
    backlog: VecDeque<Report>,
    /// Sent so far, to look at one in [`LOOKED_AT`].
    bursts: u32,
    counters: Counters,
}

impl Thread {
    fn new(deps: Deps, inbox: Receiver<Note>, line: &Line) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&deps.socket))?;
        // As much as the system allows; less only means that it drops earlier.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&deps.socket), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&deps.socket), SOCKET_BUFFER);
        let local = deps.socket.local_addr()?;
        let now = deps.clock.instant();
        let shard = Shard::new(now, deps.clock.now(), deps.common.clone());
        let segments = state.max_gso_segments() > 1;
        let gate = Gate::new(deps.limits, MAX_PREFIXES);
        Ok(Self {
            state,
            shard,
            gate,
            inbox,
            bell: Arc::clone(&line.bell),
            stop: Arc::clone(&line.stop),
            turns: Arc::clone(&line.turns),
            frames: Arc::clone(&line.frames),
            wake: now,
            port: local.port(),
            v6: local.is_ipv6(),
            segments,
            tcp: HashMap::new(),
            backlog: VecDeque::new(),
            bursts: 0,
            counters: Counters::new(),
            deps,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut buffers = vec![vec![0; BUFFER]; BATCH_SIZE];
        let mut metas = vec![RecvMeta::default(); BATCH_SIZE];
        let mut errors = 0;
        while !self.stop.load(Ordering::Relaxed) {
            self.turns.fetch_add(1, Ordering::Relaxed);
            self.sleep()?;
            self.take_notes();
            match self.receive(&mut buffers, &mut metas) {
                Ok(()) => errors = 0,
                Err(error) if errors >= MAX_ERRORS => return Err(error),
                Err(_) => errors += 1,
            }
            self.shard.handle(self.deps.clock.instant(), Input::Tick);
            self.carry();
        }
        Ok(())
    }

    /// Until something comes or is due.
    fn sleep(&mut self) -> io::Result<()> {
        let left = self.wake.saturating_duration_since(self.deps.clock.instant());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(1),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds = [
            PollFd::from_borrowed_fd(self.deps.socket.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN),
        ];
        self.counters.calls.increment(1);
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !fds[1].revents().is_empty() {
            let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
        }
        Ok(())
    }

    fn take_notes(&mut self) {
        let now = self.deps.clock.instant();
        for note in self.inbox.try_iter().take(MAX_COMMANDS) {
            match note {
                Note::Command(command) => self.shard.handle(now, Input::Command(command)),
                Note::TcpOpen(peer, frames) => drop(self.tcp.insert(peer, frames)),
                Note::TcpClosed(peer) => drop(self.tcp.remove(&peer)),
                #[cfg(any(test, feature = "testing"))]
                Note::Hold(so_long) => std::thread::sleep(so_long),
                Note::TcpFrame(route, bytes) => {
                    self.frames.fetch_sub(1, Ordering::Relaxed);
                    self.shard.handle(now, Input::Datagram { route, bytes: &bytes });
                }
            }
        }
    }

    fn receive(&mut self, buffers: &mut [Vec<u8>], metas: &mut [RecvMeta]) -> io::Result<()> {
        for _ in 0..MAX_BATCHES {
            let mut slices: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
            self.counters.calls.increment(1);
            let socket = UdpSockRef::from(&self.deps.socket);
            let count = match self.state.recv(socket, &mut slices, metas) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            drop(slices);
            let now = self.deps.clock.instant();
            for (buffer, meta) in buffers.iter().zip(metas.iter()).take(count) {
                let route = self.route(meta);
                let bytes = buffer.get(..meta.len).unwrap_or_default();
                for datagram in bytes.chunks(meta.stride.max(1)) {
                    self.datagram(now, route, datagram);
                }
            }
            if count < metas.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn datagram(&mut self, now: Instant, route: Route, datagram: &[u8]) {
        self.counters.received.increment(1);
        if let Some(answer) = stun::answer(datagram, route.to) {
            if self.gate.passes(self.deps.clock.now(), route.to.ip()) {
                self.counters.answered.increment(1);
                self.send(route, answer.as_bytes(), None);
            } else {
                self.counters.limited.increment(1);
            }
            return;
        }
        self.shard.handle(now, Input::Datagram { route, bytes: datagram });
    }

    /// Where a datagram came from and which of the advertised addresses it was meant for: behind a NAT the machine's own
    /// address stands for the public one.
    fn route(&self, meta: &RecvMeta) -> Route {
        let to = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
        let own = meta.dst_ip.map(|ip| SocketAddr::new(ip.to_canonical(), self.port));
        let named = own.filter(|own| self.deps.common.udp.contains(own));
        let of_family = || self.deps.common.udp.iter().find(|at| at.is_ipv4() == to.is_ipv4()).copied();
        Route { carrier: Carrier::Udp, to, at: named.or_else(of_family).unwrap_or(to) }
    }

    fn carry(&mut self) {
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Send(burst) => {
                    self.burst(&burst);
                    self.bursts = self.bursts.wrapping_add(1);
                    if self.bursts.is_multiple_of(LOOKED_AT) {
                        let since = self.deps.clock.instant().saturating_duration_since(burst.arrived);
                        self.counters.residence.record(since);
                    }
                    self.shard.recycle(burst);
                }
                Output::Answered(ticket, answer) => self.backlog.push_back(Report::Answered(ticket, answer)),
                Output::News(room, news) => self.backlog.push_back(Report::News(room, news)),
                Output::Sample(consumer, sample) => {
                    let clock = &self.deps.clock;
                    let sample = self.shard.by_the_wall(clock.instant(), clock.now(), sample);
                    self.deps.samples.push(consumer, sample);
                }
                Output::Failed(room) => {
                    tracing::error!(room.id = %room, "a room's media has failed and is closed");
                    metrics::counter!("visavis_rooms_failed_total").increment(1);
                    self.backlog.push_back(Report::Failed(room));
                }
                Output::WakeAt(at) => self.wake = at,
            }
        }
        while let Some(report) = self.backlog.pop_front() {
            if let Err(error) = self.deps.reports.try_send(report) {
                self.backlog.push_front(error.into_inner());
                self.wake = self.wake.min(self.deps.clock.instant() + Duration::from_millis(5));
                break;
            }
        }
        self.backlog.truncate(MAX_BACKLOG);
    }

    fn burst(&mut self, burst: &Burst) {
        if burst.route.carrier == Carrier::Tcp {
            if let Some(frames) = self.tcp.get(&burst.route.to) {
                // A full queue is a link that is too slow: the datagram is lost, as on any such link.
                burst.datagrams().for_each(|d| drop(frames.try_send(d.to_vec())));
            }
            return;
        }
        let one = burst.bytes.len() <= burst.segment;
        if one {
            self.send(burst.route, &burst.bytes, None);
        } else if !self.segments || !self.send(burst.route, &burst.bytes, Some(burst.segment)) {
            for datagram in burst.datagrams() {
                self.send(burst.route, datagram, None);
            }
        }
    }

    /// One system call; false when the system can't cut segments.
    fn send(&mut self, route: Route, bytes: &[u8], segment: Option<usize>) -> bool {
        let destination = match route.to {
            SocketAddr::V4(to) if self.v6 => SocketAddr::new(to.ip().to_ipv6_mapped().into(), to.port()),
            to => to,
        };
        let own = route.at.ip();
        let src_ip = self.deps.own.contains(&own).then_some(match own {
            IpAddr::V4(own) if self.v6 => own.to_ipv6_mapped().into(),
            own => own,
        });
        let transmit = Transmit { destination, ecn: None, contents: bytes, segment_size: segment, src_ip };
        self.counters.calls.increment(1);
        match self.state.try_send(UdpSockRef::from(&self.deps.socket), &transmit) {
            Ok(()) => {
                let count = segment.map_or(1, |segment| bytes.len().div_ceil(segment.max(1)));
                self.counters.sent.increment(count as u64);
                true
            }
            // EIO and EINVAL: the interface can't; from now on one by one.
            Err(error) if segment.is_some() && matches!(error.raw_os_error(), Some(5 | 22)) => {
                self.segments = false;
                false
            }
            Err(_) => {
                self.counters.unsent.increment(1);
                true
            }
        }
    }
}
