//! Cuts one microphone's packets into runs. Pure. A run holds packets by their place on its time line, so that what came late
//! stands where it belongs and what is missing is silence of the right length.

use std::sync::Arc;

use visavis_domain::{
    Timestamp,
    room::tap::{Runs, SoundPacket},
};

use crate::{forward::StreamKey, moments::LATEST};

/// Samples of a millisecond: RTP counts Opus at 48 kHz whatever it is coded at.
const PER_MS: u32 = 48;
/// Bytes of one run: ten seconds at twice the rate that Opus has at most in a browser.
const MAX_BYTES: usize = 1 << 20;
/// Packets of one run: ten seconds of the shortest packets, 2.5 ms.
const MAX_PACKETS: usize = 4_000;
/// A run ends this much later than it is long: what was overtaken, or said before somebody fell silent, is waited for.
const GRACE_MS: u32 = 500;

/// A run that is over: when it began, and its packets.
pub(crate) type Ended = (Timestamp, Vec<SoundPacket>);

/// The run that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Run {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    stream: StreamKey,
    /// When it began, and the RTP time of that.
    at: Timestamp,
    time: u32,
    packets: Vec<SoundPacket>,
    bytes: usize,
}

impl Run {
    /// Takes a packet; the run that it ended.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        runs: &Runs,
        (stream, time, bytes): (StreamKey, u32, &Arc<[u8]>),
    ) -> Option<Ended> {
        let (length, overlap) = samples(runs);
        let begun = Current { stream, at: now, time, packets: Vec::new(), bytes: 0 };
        let current = self.current.get_or_insert(begun);
        let goes_on = current.stream == stream;
        // Half of all numbers are before the run. What is still passed on belongs to it.
        let behind = current.time.wrapping_sub(time);
        if goes_on && (1..1 << 31).contains(&behind) {
            if behind > LATEST {
                return None;
            }
            current.begin_earlier(behind);
        }
        let offset = time.wrapping_sub(current.time);
        let full = goes_on && current.is_full(bytes.len());
        let mut ended = None;
        if !goes_on || full || offset >= length + GRACE_MS * PER_MS {
            let goes_on = goes_on && !full && offset < length.saturating_mul(2);
            let next = if goes_on {
                current.tail(length - overlap.min(length))
            } else {
                Current { stream, at: now, time, packets: Vec::new(), bytes: 0 }
            };
            let over = std::mem::replace(current, next);
            // What lies behind its end is in the next run only where that goes on.
            ended = over.end(if goes_on { length } else { u32::MAX });
        }
        current.insert(time.wrapping_sub(current.time), bytes);
        ended
    }

    /// The run, when its time is up without a packet that says so.
    pub(crate) fn end(&mut self, now: Timestamp, runs: &Runs) -> Option<Ended> {
        let (length, _) = samples(runs);
        // The network may have held the first packet back less than the others.
        let most = std::time::Duration::from_millis(u64::from(length / PER_MS + 2 * GRACE_MS));
        let over = self.current.take_if(|current| now.since(current.at) >= most)?;
        over.end(u32::MAX)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.current.is_none()
    }
}

fn samples(runs: &Runs) -> (u32, u32) {
    let of = |time: std::time::Duration| u32::try_from(time.as_millis().min(60_000)).unwrap_or(0) * PER_MS;
    (of(runs.length).max(PER_MS), of(runs.overlap))
}

impl Current {
    const fn is_full(&self, bytes: usize) -> bool {
        self.packets.len() >= MAX_PACKETS || self.bytes + bytes > MAX_BYTES
    }

    fn begin_earlier(&mut self, by: u32) {
        self.time = self.time.wrapping_sub(by);
        self.at = self.at - std::time::Duration::from_millis(u64::from(by / PER_MS));
        self.packets.iter_mut().for_each(|packet| packet.offset += by);
    }

    fn insert(&mut self, offset: u32, bytes: &Arc<[u8]>) {
        let at = self.packets.partition_point(|p| p.offset < offset);
        if self.packets.get(at).is_some_and(|p| p.offset == offset) {
            return;
        }
        self.bytes += bytes.len();
        self.packets.insert(at, SoundPacket { offset, bytes: Arc::clone(bytes) });
    }

    /// What of it is in the run, whatever is there already of the next.
    fn end(mut self, length: u32) -> Option<Ended> {
        self.packets.retain(|p| p.offset < length);
        (!self.packets.is_empty()).then_some((self.at, self.packets))
    }

    /// A run that begins `from` samples into this one.
    fn tail(&self, from: u32) -> Self {
        let kept = self.packets.iter().filter(|p| p.offset >= from);
        let packets: Vec<_> =
            kept.map(|p| SoundPacket { offset: p.offset - from, bytes: Arc::clone(&p.bytes) }).collect();
        let bytes = packets.iter().map(|p| p.bytes.len()).sum();
        let at = self.at + std::time::Duration::from_millis(u64::from(from / PER_MS));
        Self { stream: self.stream, at, time: self.time.wrapping_add(from), packets, bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: StreamKey = StreamKey(1);
    const RUNS: Runs = Runs { length: Duration::from_secs(5), overlap: Duration::from_secs(1) };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
    /// A packet every 20 ms of the clock, from near the end of all RTP times.
    fn time(ms: i64) -> u32 {
        (u32::MAX - 48_000).wrapping_add(u32::try_from(ms).unwrap() * PER_MS)
    }
    fn speak(run: &mut Run, stream: StreamKey, ms: impl Iterator<Item = i64>) -> Vec<Ended> {
        let bytes: Arc<[u8]> = vec![1, 2, 3].into();
        ms.filter_map(|ms| run.take(at(ms), &RUNS, (stream, time(ms), &bytes))).collect()
    }
    fn every_20_ms(from: i64, to: i64) -> impl Iterator<Item = i64> {
        (from / 20..to / 20).map(|n| n * 20)
    }

    #[test]
    fn runs_have_their_length_and_repeat_the_end_of_the_one_before() {
        let mut run = Run::default();
        let ended = speak(&mut run, A, every_20_ms(0, 13_600));
        assert_eq!(ended.iter().map(|(at, _)| at.as_millis()).collect::<Vec<_>>(), [0, 4_000, 8_000]);
        for (_, packets) in &ended {
            assert_eq!(packets.len(), 250);
            assert!(packets.iter().zip(0..).all(|(p, i)| p.offset == i * 960));
        }
    }

    #[test]
    fn silence_is_a_gap_of_its_length_and_late_packets_stand_in_their_place() {
        let mut run = Run::default();
        speak(&mut run, A, [0, 20, 1_000, 60, 40, 40].into_iter());
        assert_eq!(run.end(at(5_999), &RUNS), None);
        let (began, packets) = run.end(at(6_000), &RUNS).unwrap();
        assert_eq!(began, at(0));
        assert_eq!(packets.iter().map(|p| p.offset / PER_MS).collect::<Vec<_>>(), [0, 20, 40, 60, 1_000]);
        assert!(run.is_empty());
    }

    #[test]
    fn another_connection_or_a_long_silence_begins_another_run() {
        let mut run = Run::default();
        assert_eq!(speak(&mut run, A, [0, 20].into_iter()).len(), 0);
        assert_eq!(speak(&mut run, StreamKey(2), [40].into_iter()).len(), 1);
        let ended = speak(&mut run, StreamKey(2), [60_000].into_iter());
        assert_eq!(ended.len(), 1);
        let (began, packets) = run.end(at(70_000), &RUNS).unwrap();
        assert_eq!((began, packets.len()), (at(60_000), 1));
    }

    #[test]
    fn what_is_passed_on_behind_a_leap_of_the_time_line_is_heard() {
        let mut run = Run::default();
        let bytes: Arc<[u8]> = vec![1].into();
        let mut heard = 0;
        // Each second the line leaps by eleven, and what is said comes just behind the leap.
        for second in 0..20_u32 {
            let now = at(i64::from(second) * 1_000);
            let leap = second * 11 * 48_000 + LATEST;
            let ended = run.take(now, &RUNS, (A, leap, &bytes));
            heard += ended.map_or(0, |(_, packets)| packets.len());
            for n in 0..40 {
                let ended = run.take(now, &RUNS, (A, leap - LATEST + n * 960, &bytes));
                heard += ended.map_or(0, |(_, packets)| packets.len());
            }
        }
        let (_, packets) = run.end(at(60_000), &RUNS).unwrap();
        assert_eq!(heard + packets.len(), 20 * 41, "all of it");
    }

    #[test]
    fn what_lies_just_behind_the_end_of_a_run_is_heard_also_when_the_next_does_not_go_on() {
        for leap in [20_000, 60_000] {
            let mut run = Run::default();
            let mut ended =
                speak(&mut run, A, [0].into_iter().chain(every_20_ms(5_000, 5_480)).chain([leap]));
            ended.extend(run.end(at(leap + 10_000), &RUNS));
            assert_eq!(ended.iter().map(|(_, packets)| packets.len()).sum::<usize>(), 26, "{leap}");
        }
        let mut run = Run::default();
        speak(&mut run, A, [0].into_iter().chain(every_20_ms(5_000, 5_480)));
        assert_eq!(run.end(at(6_000), &RUNS).unwrap().1.len(), 25);
    }

    #[test]
    fn a_flood_of_packets_does_not_outgrow_a_run_and_is_heard_in_several() {
        let mut run = Run::default();
        let bytes: Arc<[u8]> = vec![0; 1_200].into();
        let ended = (0..10_000).filter_map(|n| run.take(at(0), &RUNS, (A, n, &bytes)));
        let mut runs: Vec<_> = ended.collect();
        runs.extend(run.end(at(10_000), &RUNS));
        assert!(runs.iter().all(|(_, packets)| packets.len() * 1_200 <= MAX_BYTES));
        assert_eq!(runs.iter().map(|(_, packets)| packets.len()).sum::<usize>(), 10_000);
    }
}
