//! Datagrams to one peer, gathered so that the kernel sends them with one call (UDP GSO): all of one size, the last may be
//! shorter. Pure. A packet waits for company at most [`HOLD`], and only if more of its frame must follow.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Longest wait of a packet that isn't the last of its frame.
pub const HOLD: Duration = Duration::from_millis(1);
/// Segments in one send: what Linux takes.
const MAX_SEGMENTS: usize = 64;
/// Bytes in one send: an IP packet's length has 16 bits.
const MAX_BYTES: usize = 60_000;
/// A shorter packet isn't held: it is sound, feedback or the end of a frame.
const HELD_FROM: usize = 700;

/// How a datagram travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// As it is.
    Udp,
    /// Framed in a TCP connection (RFC 4571).
    Tcp,
}

/// The way of a datagram, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// How.
    pub carrier: Carrier,
    /// The other side.
    pub to: SocketAddr,
    /// Which of our addresses.
    pub at: SocketAddr,
}

/// What one call sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Where to.
    pub route: Route,
    /// The datagrams, one behind the other.
    pub bytes: Vec<u8>,
    /// Length of each but the last.
    pub segment: usize,
    /// When what it brings came to this process.
    pub arrived: Instant,
}

impl Burst {
    /// The datagrams one by one.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.segment.max(1))
    }
}

/// Gathers one peer's datagrams.
#[derive(Debug, Default)]
pub struct Gather {
    open: Option<Open>,
    full: Vec<Burst>,
    /// Buffers that can be used again.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Open {
    burst: Burst,
    since: Instant,
    /// Somebody in it can't wait.
    urgent: bool,
    /// Its last segment is shorter: nothing can follow.
    ended: bool,
}

/// Spare buffers kept per peer: one being filled, two on their way.
const MAX_SPARE: usize = 3;

impl Gather {
    /// Adds a datagram.
    pub fn push(&mut self, now: Instant, arrived: Instant, route: Route, datagram: &[u8]) {
        let fits = self.open.as_ref().is_some_and(|open| open.takes(route, datagram.len()));
        if !fits {
            self.close();
        }
        let spare = &mut self.spare;
        let open = self.open.get_or_insert_with(|| {
            let bytes = spare.pop().unwrap_or_default();
            let burst = Burst { route, bytes, segment: datagram.len(), arrived };
            Open { burst, since: now, urgent: false, ended: false }
        });
        open.burst.arrived = open.burst.arrived.min(arrived);
        open.ended = datagram.len() < open.burst.segment;
        open.urgent |= !may_wait(datagram);
        open.burst.bytes.extend_from_slice(datagram);
    }

    /// What is to be sent at `now`.
    pub fn ripe(&mut self, now: Instant) -> impl Iterator<Item = Burst> + '_ {
        if self.open.as_ref().is_some_and(|open| open.urgent || now >= open.since + HOLD) {
            self.close();
        }
        self.full.drain(..)
    }

    /// When the next one gets ripe.
    pub fn wake(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.since + HOLD)
    }

    /// Gives a buffer back.
    pub fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < MAX_SPARE {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    fn close(&mut self) {
        self.full.extend(self.open.take().map(|open| open.burst));
    }
}

impl Open {
    fn takes(&self, route: Route, length: usize) -> bool {
        let Burst { route: own, bytes, segment, .. } = &self.burst;
        !self.ended
            && *own == route
            && length <= *segment
            && bytes.len() + length <= MAX_BYTES
            && bytes.len() / segment < MAX_SEGMENTS
    }
}

/// A long RTP packet without the marker: more of its frame follows.
fn may_wait(datagram: &[u8]) -> bool {
    datagram.len() >= HELD_FROM
        && matches!(datagram, [first, second, ..] if (128..192).contains(first) && *second & 0x80 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(length: usize, marker: bool) -> Vec<u8> {
        let mut packet = vec![0; length];
        (packet[0], packet[1]) = (0x80, if marker { 0xE0 } else { 0x60 });
        packet
    }
    fn route(port: u16) -> Route {
        let at = SocketAddr::from(([127, 0, 0, 1], 7882));
        Route { carrier: Carrier::Udp, to: SocketAddr::from(([127, 0, 0, 1], port)), at }
    }
    fn lengths(gather: &mut Gather, at: Instant) -> Vec<Vec<usize>> {
        gather.ripe(at).map(|b| b.datagrams().map(<[u8]>::len).collect()).collect()
    }
    #[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_frame_is_one_burst_that_leaves_with_its_last_packet() {
        let (mut gather, now) = (Gather::default(), start());
        for _ in 0..5 {
            gather.push(now, now, route(1), &rtp(1_100, false));
        }
        assert_eq!(lengths(&mut gather, now), Vec::<Vec<usize>>::new(), "more must follow");
        gather.push(now, now, route(1), &rtp(800, true));
        assert_eq!(lengths(&mut gather, now), [vec![1_100, 1_100, 1_100, 1_100, 1_100, 800]]);
    }

    #[test]
    fn nobody_waits_longer_than_the_hold() {
        let (mut gather, now) = (Gather::default(), start());
        gather.push(now, now, route(1), &rtp(1_100, false));
        assert_eq!(gather.wake(), Some(now + HOLD));
        assert_eq!(lengths(&mut gather, now + HOLD), [[1_100]]);
        assert_eq!(gather.wake(), None);
    }

    #[test]
    fn another_size_or_address_begins_another_burst_and_order_is_kept() {
        let (mut gather, now) = (Gather::default(), start());
        for (port, length) in [(1, 900), (1, 1_000), (1, 500), (1, 500), (2, 500)] {
            gather.push(now, now, route(port), &rtp(length, true));
        }
        assert_eq!(lengths(&mut gather, now), [vec![900], vec![1_000, 500], vec![500], vec![500]]);
    }

    #[test]
    fn a_burst_never_outgrows_what_the_kernel_takes() {
        let (mut gather, now) = (Gather::default(), start());
        for _ in 0..200 {
            gather.push(now, now, route(1), &rtp(1_200, false));
        }
        for _ in 0..200 {
            gather.push(now, now, route(1), &rtp(100, false));
        }
        let all = lengths(&mut gather, now + HOLD);
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), 400);
        assert!(all.iter().all(|b| b.len() <= MAX_SEGMENTS && b.iter().sum::<usize>() <= MAX_BYTES));
    }

    #[test]
    fn feedback_and_sound_do_not_wait() {
        for packet in [rtp(90, false), vec![0x81; 800], vec![22; 1_000], vec![0, 1, 0, 0]] {
            let (mut gather, now) = (Gather::default(), start());
            gather.push(now, now, route(1), &packet);
            assert_eq!(lengths(&mut gather, now).len(), usize::from(!may_wait(&packet)));
        }
        assert!(!may_wait(&[22; 1_000]) && !may_wait(&rtp(1_000, true)) && may_wait(&rtp(1_000, false)));
    }
}
