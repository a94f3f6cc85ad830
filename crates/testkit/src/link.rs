//! A network in one direction, in virtual time: delay, jitter, loss alone and in bursts, reordering, a bottleneck with a
//! queue. The same seed gives the same network.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

/// What a network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    /// One way.
    pub delay: Duration,
    /// Added at random, up to this; larger than the distance of packets, it reorders them.
    pub jitter: Duration,
    /// Lost packets in a thousand.
    pub loss: u32,
    /// Packets lost in a row when one is.
    pub burst: u32,
    /// Bit/s of the bottleneck; none is unlimited.
    pub bandwidth: Option<u64>,
    /// Longest wait in the bottleneck's queue; what would wait longer is dropped.
    pub queue: Duration,
}

impl Nature {
    /// Nothing but a delay.
    pub const fn clean(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: 0,
            burst: 1,
            bandwidth: None,
            queue: Duration::from_millis(200),
        }
    }
}

/// The network.
#[derive(Debug)]
pub struct Link<T> {
    /// May be changed at any time.
    pub nature: Nature,
    random: u64,
    /// When the bottleneck is free again.
    free: Option<Instant>,
    losing: u32,
    order: u64,
    flying: BinaryHeap<Reverse<Flying<T>>>,
    /// Packets that were lost or dropped.
    pub lost: u64,
}

#[derive(Debug)]
struct Flying<T> {
    at: Instant,
    order: u64,
    load: T,
}

impl<T> PartialEq for Flying<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl<T> Eq for Flying<T> {}
impl<T> PartialOrd for Flying<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Flying<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> Link<T> {
    /// An empty one.
    pub const fn new(nature: Nature, seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self { nature, random, free: None, losing: 0, order: 0, flying: BinaryHeap::new(), lost: 0 }
    }

    /// Sends something of `bytes` length.
    pub fn send(&mut self, now: Instant, bytes: usize, load: T) {
        if self.is_lost() {
            self.lost += 1;
            return;
        }
        let mut leaves = now;
        if let Some(bandwidth) = self.nature.bandwidth {
            let free = self.free.unwrap_or(now).max(now);
            if free - now > self.nature.queue {
                self.lost += 1;
                return;
            }
            leaves = free + Duration::from_nanos(bytes as u64 * 8_000_000_000 / bandwidth.max(1));
            self.free = Some(leaves);
        }
        let jitter = u64::try_from(self.nature.jitter.as_micros()).unwrap_or(0);
        let jitter = Duration::from_micros(self.next() % (jitter + 1));
        self.order += 1;
        self.flying.push(Reverse(Flying {
            at: leaves + self.nature.delay + jitter,
            order: self.order,
            load,
        }));
    }

    /// When the next arrives.
    pub fn due(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse(f)| f.at)
    }

    /// What has arrived by `now`, one at a time.
    pub fn receive(&mut self, now: Instant) -> Option<T> {
        if self.due()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse(f)| f.load)
    }

    fn is_lost(&mut self) -> bool {
        if self.losing > 0 {
            self.losing -= 1;
            return true;
        }
        let lost = self.next() % 1_000 < u64::from(self.nature.loss);
        if lost {
            self.losing = self.nature.burst.saturating_sub(1);
        }
        lost
    }

    /// xorshift64*: good enough for a network.
    const fn next(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn arrivals(nature: Nature, every: Duration, count: u32) -> Vec<(Duration, u32)> {
        let (mut link, now) = (Link::new(nature, 7), start());
        for i in 0..count {
            link.send(now + every * i, 1_000, i);
        }
        let mut all = Vec::new();
        while let Some(at) = link.due() {
            all.extend(link.receive(at).map(|i| (at - now, i)));
        }
        all
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_clean_link_only_delays() {
        let all = arrivals(Nature::clean(25 * MS), 10 * MS, 3);
        assert_eq!(all, [(25 * MS, 0), (35 * MS, 1), (45 * MS, 2)]);
    }

    #[test]
    fn loss_jitter_and_a_bottleneck_do_what_they_say() {
        let lossy = arrivals(Nature { loss: 100, ..Nature::clean(MS) }, MS, 10_000);
        assert!((8_800..9_200).contains(&lossy.len()), "{}", lossy.len());
        let jittery = arrivals(Nature { jitter: 20 * MS, ..Nature::clean(MS) }, MS, 1_000);
        assert!(jittery.windows(2).any(|w| w[0].1 > w[1].1), "some overtake");
        // 1000 bytes a millisecond are 8 Mbit/s; half of it passes, the rest is dropped once the queue is full.
        let slow = arrivals(Nature { bandwidth: Some(4_000_000), ..Nature::clean(MS) }, MS, 4_000);
        assert!((2_000..2_250).contains(&slow.len()), "{}", slow.len());
    }
}
