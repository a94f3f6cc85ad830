//! No two packets of one microphone are of the same moment: RTP times of Opus count samples (RFC 7587 section 4.1), and a packet
//! says itself how long it is (RFC 6716 section 3.1). Whoever sent two could have people hear the one while those who listen
//! for safety hear the other, since receivers choose by what came first, by number or by time. So what overlaps something that
//! was passed on is passed on to nobody. Neither is what comes long after its moment: those who listen hear one stretch after the
//! other, and what belongs far before what they hear would be missed by them alone. Pure; bounded.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Packets that are remembered: more than a second of the usual ones. What is older than all of them is of no use to anybody.
const MOST: usize = 64;
/// Samples at 48 kHz between the newest and what comes late: a second, after which no receiver has a use for it.
pub(crate) const LATEST: u32 = 48_000;
/// Samples at 48 kHz of the shortest packet, 2.5 ms, and of the longest.
const SHORTEST: u32 = 120;
const LONGEST: u32 = 48 * 120;
/// A line has one stream (SSRC); another one takes its place when it has been quiet for so long.
const QUIET: Duration = Duration::from_secs(1);

/// The moments of one line that are taken.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    stream: Option<(u32, Instant)>,
    /// Beginnings and ends, in the order of time.
    taken: VecDeque<(u32, u32)>,
}

impl Moments {
    /// Whether this packet of this SSRC can be passed on. Its moment is taken from then on.
    pub(crate) fn take(&mut self, now: Instant, ssrc: u32, time: u32, opus: &[u8]) -> bool {
        match self.stream {
            Some((known, last)) if known != ssrc && now.saturating_duration_since(last) < QUIET => {
                return false;
            }
            Some((known, _)) if known == ssrc => {}
            _ => self.taken.clear(),
        }
        self.stream = Some((ssrc, now));
        let end = time.wrapping_add(length(opus));
        let at = self.taken.iter().rposition(|(begin, _)| !is_before(time, *begin)).map_or(0, |i| i + 1);
        let before = at.checked_sub(1).and_then(|i| self.taken.get(i));
        let after = self.taken.get(at);
        let behind = self.taken.back().map_or(0, |(newest, _)| newest.wrapping_sub(time));
        let too_late = (before.is_none() && self.taken.len() >= MOST) || (after.is_some() && behind > LATEST);
        if too_late
            || before.is_some_and(|b| is_before(time, b.1))
            || after.is_some_and(|a| is_before(a.0, end))
        {
            return false;
        }
        self.taken.insert(at, (time, end));
        if self.taken.len() > MOST {
            self.taken.pop_front();
        }
        true
    }
}

/// Times go round: half of all are before the other half.
const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > 1 << 31
}

/// Samples of a packet, by its first byte: how it is coded and how long each frame is, and how many frames there are.
fn length(opus: &[u8]) -> u32 {
    let Some(first) = opus.first() else { return SHORTEST };
    let coding = usize::from(first >> 3);
    let frame = match coding {
        0..12 => [480, 960, 1_920, 2_880][coding & 3],
        12..16 => [480, 960][coding & 1],
        _ => [120, 240, 480, 960][coding & 3],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(opus.get(1).map_or(0, |count| count & 63)),
    };
    (frame * frames).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms in one frame of the usual coding.
    const VOICE: &[u8] = &[0xF8, 1, 2, 3];

    struct Line(Moments, Instant);

    impl Line {
        #[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
        fn new() -> Self {
            Self(Moments::default(), Instant::now())
        }

        fn at(&mut self, ms: u64, ssrc: u32, time: u32, opus: &[u8]) -> bool {
            self.0.take(self.1 + Duration::from_millis(ms), ssrc, time, opus)
        }

        fn takes(&mut self, time: u32) -> bool {
            self.at(0, 1, time, VOICE)
        }
    }

    #[test]
    fn packets_have_the_length_that_they_say() {
        for (opus, ms10) in [
            (&[0x00][..], 100),
            (&[0x18], 600),
            (&[0x60], 100),
            (&[0x68], 200),
            (&[0x80], 25),
            (&[0xF8], 200),
            (&[0xF9], 400),
            (&[0xFB, 0x03], 600),
            (&[0xFB, 0xC6], 1_200),
            (&[0xFB, 0x3F], 1_200),
            (&[0xFB], 25),
            (&[], 25),
        ] {
            assert_eq!(length(opus) * 10 / 48, ms10, "{opus:x?}");
        }
    }

    #[test]
    fn a_voice_passes_late_and_overtaken_packets_too_and_over_the_end_of_all_times() {
        let mut line = Line::new();
        let start = u32::MAX - 3_000;
        for n in [0_u32, 1, 2, 5, 4, 3, 6, 9, 8, 30, 7] {
            assert!(line.takes(start.wrapping_add(n * 960)), "{n}");
        }
        assert!(line.at(0, 1, start.wrapping_add(31 * 960), &[0x18]), "another length from now on");
        assert!(line.takes(start.wrapping_add(34 * 960)));
    }

    #[test]
    fn a_second_packet_of_the_same_moment_passes_nowhere_however_it_is_numbered_or_timed() {
        let mut line = Line::new();
        assert!(line.takes(960) && line.takes(1_920) && line.takes(3_840));
        for time in [960, 961, 1_919, 1_921, 959, 1, 2_879, 3_839, 3_000, 4_799] {
            assert!(!line.takes(time), "{time}");
        }
        assert!(line.takes(2_880), "what was lost is still waited for");
        assert!(!line.at(0, 1, 0, &[0xF9]), "too long for its place");
        assert!(line.takes(0));
    }

    #[test]
    fn a_line_has_one_stream_and_another_one_only_when_that_is_quiet() {
        let mut line = Line::new();
        assert!(line.at(0, 1, 960, VOICE));
        assert!(!line.at(10, 2, 7_000_000, VOICE));
        assert!(line.at(990, 1, 1_920, VOICE));
        assert!(!line.at(1_900, 2, 7_000_000, VOICE));
        assert!(line.at(2_000, 2, 7_000_000, VOICE));
        assert!(!line.at(2_010, 1, 2_880, VOICE), "nor back again");
        assert!(line.at(2_020, 2, 7_000_960, VOICE));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_is_too_late_and_memory_is_bounded() {
        let mut line = Line::new();
        for n in 1..=1_000_u32 {
            assert!(line.takes(n * 960));
        }
        assert!(!line.takes(0));
        assert_eq!(line.0.taken.len(), MOST);
    }

    #[test]
    fn what_comes_long_after_its_moment_is_passed_on_to_nobody() {
        let mut line = Line::new();
        assert!((0..10).all(|n| line.takes(n * 960)));
        // As if the time line was pulled ahead by some packets, and what is said came behind them.
        assert!(line.takes(10 * 960 + 7 * 48_000));
        assert!(!line.takes(10 * 960) && !line.takes(11 * 960));
        assert!(!line.takes(10 * 960 + 6 * 48_000 - 960));
        assert!(line.takes(10 * 960 + 6 * 48_000), "a second late");
        assert!(line.takes(11 * 960 + 7 * 48_000), "and what goes on from there");
    }
}
