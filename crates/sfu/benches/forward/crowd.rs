//! People of a few rooms on real sockets, and the server they are at, in this process on a thread of its own.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use visavis_domain::id::{ParticipantId, RoomId};
use visavis_platform::{Clock, Dice, Lifecycle};
use visavis_sfu::{
    gate::Limits,
    guest::{Guest, Plan, Shape},
    media::{Join, Ports, Reach, Shards},
    udp::Report,
};

use crate::{
    Answer, BYTES, FPS, PACKETS, clock,
    tally::{Tally, Threads, number, percentile},
};

/// Until every picture flows: the estimates begin low and have to find out what the loopback carries.
const WARM: Duration = Duration::from_secs(90);
const SETTLE: Duration = Duration::from_secs(1);

/// A server and its people.
pub struct Crowd {
    shared: Arc<Shared>,
    threads: Threads,
    /// Pictures that are seen when all flow.
    wanted: usize,
    pub warm_after: Duration,
    load: Option<JoinHandle<()>>,
    _server: Server,
}

struct Shared {
    state: Mutex<State>,
    stop: AtomicBool,
}

struct State {
    quiet: bool,
    totals: Totals,
    /// Pictures that came in the last second, of those that should.
    flowing: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Totals {
    packets: u64,
    lost: u64,
    broken: u64,
}

struct Server {
    runtime: tokio::runtime::Runtime,
    shards: Arc<Shards>,
}

impl Server {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = vec![Ipv4Addr::LOCALHOST.into()];
        let reach = Reach { advertised: own.clone(), own, limits: Limits::default(), h264: true };
        let (clock, dice) = (Clock::System, Dice::Secure);
        let ports = vec![Ports { udp, tcp: None }];
        let (shards, mut reports) = runtime
            .block_on(async { Shards::start(ports, &reach, &clock, &dice, &Lifecycle::default()) })
            .unwrap();
        let shards = Arc::new(shards);
        let answering = Arc::clone(&shards);
        runtime.spawn(async move {
            while let Some(report) = reports.recv().await {
                if let Report::Answered(ticket, answer) = report {
                    answering.answered(ticket, answer);
                }
            }
        });
        Self { runtime, shards }
    }
}

struct Person {
    guest: Guest,
    socket: UdpSocket,
}

impl Crowd {
    /// `senders` of the people of each room send.
    pub fn open(rooms: usize, people: usize, senders: usize, voice: bool) -> Result<Self, String> {
        let known = Threads::known("media-");
        let server = Server::start();
        let threads = Threads::named("media-", &known);
        let mut all = Vec::new();
        for room in 0..rooms {
            for n in 0..people {
                let plan = plan(room * people + n, people, n < senders, voice);
                all.push(person(&server, room, &plan)?);
            }
        }
        let state = State { quiet: false, totals: Totals::default(), flowing: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), stop: AtomicBool::new(false) });
        let running = Arc::clone(&shared);
        let load =
            std::thread::Builder::new().name("load".to_owned()).spawn(move || run(all, &running)).unwrap();
        let mut crowd = Self {
            shared,
            threads,
            wanted: rooms * senders * (people - 1),
            warm_after: Duration::ZERO,
            load: Some(load),
            _server: server,
        };
        crowd.warm_after = crowd.warm()?;
        Ok(crowd)
    }

    /// Until everybody sees everybody.
    fn warm(&self) -> Result<Duration, String> {
        let began = clock();
        self.shared.state.lock().unwrap().quiet = false;
        loop {
            let flowing = self.shared.state.lock().unwrap().flowing;
            if flowing == self.wanted {
                break;
            }
            if began.elapsed() > WARM {
                return Err(format!("only {flowing} of {} pictures flow", self.wanted));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let after = began.elapsed();
        std::thread::sleep(SETTLE);
        Ok(after)
    }

    pub fn pause(&self) {
        self.shared.state.lock().unwrap().quiet = true;
    }

    pub fn run(&self, time: Duration, tally: &Tally) -> Answer {
        self.warm()?;
        let totals = || self.shared.state.lock().unwrap().totals;
        let calls = || tally.count("visavis_media_system_calls_total");
        tally.values();
        let before = (totals(), calls(), self.threads.cpu());
        let began = clock();
        std::thread::sleep(time);
        let wall = began.elapsed().as_secs_f64();
        let (after, calls, cpu) = (totals(), calls() - before.1, self.threads.cpu().saturating_sub(before.2));
        let packets = after.packets - before.0.packets;
        let missing = (after.lost + after.broken).saturating_sub(before.0.lost + before.0.broken);
        if missing > 0 || packets == 0 {
            return Err(format!("{missing} of {packets} packets are missing"));
        }
        let held = tally.values();
        Ok(vec![
            ("us", cpu.as_secs_f64() * 1e6 / number(packets)),
            ("calls", number(calls) / number(packets)),
            ("p50", percentile(&held, 0.5) * 1e6),
            ("p99", percentile(&held, 0.99) * 1e6),
            ("core", cpu.as_secs_f64() / wall),
            ("rate", number(packets) / wall),
        ])
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(load) = self.load.take() {
            let _ = load.join();
        }
    }
}

fn plan(number: usize, people: usize, sends: bool, voice: bool) -> Plan {
    let shape = Shape { height: 360, fps: FPS, packets: PACKETS, bytes: BYTES };
    let camera = if sends { vec![("h", shape)] } else { Vec::new() };
    Plan { limit: people, camera, voice: sends && voice, number: u32::try_from(number).unwrap() }
}

fn person(server: &Server, room: usize, plan: &Plan) -> Result<Person, String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let at = socket.local_addr().unwrap();
    let (mut guest, offer) = Guest::new(clock(), at, plan).map_err(|e| e.to_string())?;
    let join = Join {
        room: RoomId::from_bits(u128::try_from(room).unwrap() + 1),
        participant: ParticipantId::from_bits(u128::from(plan.number) + 1),
        offer,
        media: None,
        apart: Vec::new(),
        limit: plan.limit,
    };
    let answer = server.runtime.block_on(server.shards.join(join)).map_err(|f| f.to_string())?;
    guest.accept(clock(), &answer).map_err(|e| e.to_string())?;
    Ok(Person { guest, socket })
}

/// Carries everybody's datagrams until it is told to stop.
fn run(mut people: Vec<Person>, shared: &Shared) {
    let mut buffer = vec![0; 2_048];
    let mut looked = clock();
    let mut quiet = false;
    while !shared.stop.load(Ordering::Relaxed) {
        wait(&people);
        let now = clock();
        for person in &mut people {
            turn(person, now, &mut buffer);
        }
        if now >= looked + Duration::from_millis(50) {
            looked = now;
            let wanted = shared.state.lock().unwrap().quiet;
            if wanted != quiet {
                quiet = wanted;
                for person in &mut people {
                    person.guest.hush(now, quiet);
                }
            }
            let seen = look(&people, now);
            let mut state = shared.state.lock().unwrap();
            (state.totals, state.flowing) = seen;
        }
    }
}

fn wait(people: &[Person]) {
    let mut fds: Vec<PollFd<'_>> =
        people.iter().map(|p| PollFd::from_borrowed_fd(p.socket.as_fd(), PollFlags::IN)).collect();
    let wake = people.iter().map(|p| p.guest.wake()).min();
    let left = wake.map_or(Duration::ZERO, |at| at.saturating_duration_since(clock()));
    let left = left.min(Duration::from_millis(50));
    let timeout = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
    let _ = poll(&mut fds, Some(&timeout));
}

fn turn(person: &mut Person, now: Instant, buffer: &mut [u8]) {
    loop {
        match person.socket.recv_from(buffer) {
            Ok((length, from)) => person.guest.receive(now, from, &buffer[..length]).unwrap(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => {}
        }
    }
    person.guest.advance(now).unwrap();
    while let Some((to, datagram)) = person.guest.poll() {
        // A full buffer is a lost packet, and that is counted.
        let _ = person.socket.send_to(&datagram, to);
    }
}

fn look(people: &[Person], now: Instant) -> (Totals, usize) {
    let (mut totals, mut flowing) = (Totals::default(), 0);
    for Person { guest, .. } in people {
        for heard in guest.all_heard().chain(guest.all_received()) {
            totals.packets += heard.packets;
            totals.lost += heard.lost;
        }
        for shown in guest.all_shown() {
            totals.broken += shown.broken;
            let recent = |at: Instant| now.saturating_duration_since(at) < Duration::from_millis(500);
            flowing += usize::from(shown.last_at.is_some_and(recent));
        }
    }
    (totals, flowing)
}
