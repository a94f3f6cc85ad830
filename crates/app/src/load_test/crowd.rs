//! The media of all guests, on a thread of its own: a socket for each, real packets at real times.

use std::{
    io,
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use visavis_platform::Clock;
use visavis_sfu::guest::Guest;

/// The thread looks at everybody at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Datagrams taken from one guest before the next one's turn.
const MAX_TAKEN: usize = 128;
/// Turns between two counts of all packets.
const COUNT_EVERY: u32 = 32;
/// Longest datagram.
const MAX_DATAGRAM: usize = 2_048;

/// Somebody who is in.
pub struct Member {
    /// The connection.
    pub guest: Guest,
    /// Its port.
    pub socket: UdpSocket,
    /// When its answer came.
    pub answered: Instant,
    /// Whether it sends.
    pub publishes: bool,
    /// Which room.
    pub room: usize,
}

/// The thread.
pub struct Crowd {
    newcomers: Sender<Member>,
    stop: Arc<AtomicBool>,
    packets: Arc<AtomicU64>,
    thread: JoinHandle<Vec<Member>>,
}

impl Crowd {
    /// Starts without anybody.
    pub fn start(clock: Clock) -> io::Result<Self> {
        let (newcomers, inbox) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let packets = Arc::new(AtomicU64::new(0));
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&packets));
        let thread = std::thread::Builder::new().name("crowd".to_owned());
        let thread = thread.spawn(move || run(&clock, &inbox, &stopped, &counter))?;
        Ok(Self { newcomers, stop, packets, thread })
    }

    /// Somebody comes in.
    pub fn add(&self, member: Member) {
        // The thread ends only when it is told to.
        let _ = self.newcomers.send(member);
    }

    /// Media packets that have come so far, to everybody.
    pub fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Ends, and gives everybody back.
    pub fn stop(self) -> Vec<Member> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn run(clock: &Clock, inbox: &Receiver<Member>, stop: &AtomicBool, packets: &AtomicU64) -> Vec<Member> {
    let mut turns = 0_u32;
    let mut members = Vec::new();
    let mut buffer = vec![0; MAX_DATAGRAM];
    while !stop.load(Ordering::Relaxed) {
        members.extend(inbox.try_iter());
        let mut wake = clock.instant() + LOOK_EVERY;
        for member in &mut members {
            member.turn(clock.instant(), &mut buffer);
            wake = wake.min(member.guest.wake());
        }
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(COUNT_EVERY) {
            packets.store(members.iter().map(Member::packets).sum(), Ordering::Relaxed);
        }
        std::thread::sleep(wake.saturating_duration_since(clock.instant()));
    }
    members
}

impl Member {
    fn packets(&self) -> u64 {
        self.guest.all_received().chain(self.guest.all_heard()).map(|line| line.packets).sum()
    }

    fn turn(&mut self, now: Instant, buffer: &mut [u8]) {
        for _ in 0..MAX_TAKEN {
            let Ok((length, from)) = self.socket.recv_from(buffer) else { break };
            // A connection that has failed says so in the figures.
            let _ = self.guest.receive(now, from, buffer.get(..length).unwrap_or_default());
            self.send();
        }
        let _ = self.guest.advance(now);
        self.send();
    }

    fn send(&mut self) {
        while let Some((to, datagram)) = self.guest.poll() {
            // What the network doesn't take is lost, as anywhere.
            let _ = self.socket.send_to(&datagram, to);
        }
    }
}
