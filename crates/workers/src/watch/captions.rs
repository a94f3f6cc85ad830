//! What is new in what somebody said: runs of sound overlap, so that the words at their edges are understood twice. Of each
//! person the last words are held for a few seconds, in memory only.

use std::{collections::HashMap, time::Duration};

use visavis_domain::{
    Timestamp,
    contract::{rooms, sight::Said},
    id::{ParticipantId, RoomId},
};
use visavis_platform::lossy::Bound;

/// Captions that wait to be told; the oldest are lost.
pub(super) const WAITING: Bound = Bound { items: 256, bytes: 256 * 1024 };
/// Words that an overlap holds at most, however fast somebody speaks.
const WORDS: usize = 8;
/// Silence that is taken into a piece around what was said.
const MARGIN: Duration = Duration::from_millis(150);
/// After so long without a run nothing can overlap any more.
const OVER: Duration = Duration::from_secs(10);

/// Of all people.
#[derive(Debug, Default)]
pub(super) struct Captions {
    last: HashMap<(RoomId, ParticipantId), Last>,
}

/// Of one person's last run.
#[derive(Debug)]
struct Last {
    from: Timestamp,
    until: Timestamp,
    words: Vec<String>,
}

impl Captions {
    /// What of this run wasn't told with the one before it. One that comes after a later one says nothing.
    pub(super) fn new_of(
        &mut self,
        (room, participant): (RoomId, ParticipantId),
        at: Timestamp,
        said: &[Said],
    ) -> Vec<rooms::Said> {
        let last = self.last.get(&(room, participant));
        if last.is_some_and(|last| at <= last.from) {
            return Vec::new();
        }
        let after = |ms: u32| at + Duration::from_millis(ms.into());
        let told = said.iter().filter_map(|piece| {
            let words = unlooped(piece.text.split_whitespace().collect());
            let skipped = match last {
                Some(last) if after(piece.until_ms) <= last.until + MARGIN => words.len(),
                Some(last) if after(piece.from_ms) < last.until => repeated(&last.words, &plain(&words)),
                _ => 0,
            };
            let text = words.get(skipped..).unwrap_or_default().join(" ");
            let new = rooms::Said { room, participant, text, at: after(piece.from_ms) };
            (!new.text.is_empty()).then_some(new)
        });
        let told = told.collect();
        let words: Vec<&str> = said.iter().flat_map(|piece| piece.text.split_whitespace()).collect();
        let words = plain(&words[words.len().saturating_sub(WORDS)..]);
        if self.last.len() >= super::MAX_PEOPLE {
            self.last.clear();
        }
        self.last.insert((room, participant), Last { from: at, until: at + super::RUN, words });
        told
    }

    /// What can't be repeated any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.last.retain(|_, last| now.since(last.until) < OVER);
    }
}

/// The network that writes may fall into a loop, and say the same words until it may say no more: they are said once.
fn unlooped(mut words: Vec<&str>) -> Vec<&str> {
    for length in 2..=WORDS {
        let again = words.iter().rev().zip(words.iter().rev().skip(length));
        let again = again.take_while(|(word, before)| word == before).count();
        if again >= length + 2 {
            words.truncate(words.len() - again);
        }
    }
    words
}

/// Words as they are compared.
fn plain(words: &[&str]) -> Vec<String> {
    let letters =
        |word: &&str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    words.iter().map(letters).collect()
}

/// How many words at the beginning of `now` are the end of `before`. A run may cut the last word of the one, or the first of
/// the other, which then is another word.
fn repeated(before: &[String], now: &[String]) -> usize {
    for count in (1..=before.len().min(now.len())).rev() {
        for (cut, broken) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let end = &before[..before.len() - cut];
            let start = now.get(broken..broken + count).unwrap_or_default();
            if !start.is_empty() && end.ends_with(start) {
                return broken + count;
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use visavis_domain::contract::sight::Scores;

    use super::*;

    const PLACE: (RoomId, ParticipantId) = (RoomId::from_bits(1), ParticipantId::from_bits(2));

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn said(from_ms: u32, until_ms: u32, text: &str) -> Said {
        Said { from_ms, until_ms, text: text.to_owned(), scores: Scores::default() }
    }

    fn texts(captions: &mut Captions, ms: i64, all: &[Said]) -> Vec<String> {
        captions.new_of(PLACE, at(ms), all).into_iter().map(|said| said.text).collect()
    }

    #[test]
    fn what_two_runs_share_is_told_once() {
        let mut captions = Captions::default();
        let first = [said(500, 5_000, "We could meet at the station, near the")];
        assert_eq!(texts(&mut captions, 0, &first), ["We could meet at the station, near the"]);
        let second = [said(0, 3_000, "Near the old clock."), said(3_500, 4_500, "Yes.")];
        assert_eq!(texts(&mut captions, 4_000, &second), ["old clock.", "Yes."]);
        assert_eq!(texts(&mut captions, 8_000, &[said(0, 600, "Yes.")]), Vec::<String>::new(), "told before");
        assert_eq!(texts(&mut captions, 12_000, &[said(1_200, 2_000, "Yes.")]), ["Yes."], "said again");
    }

    #[test]
    fn a_word_that_an_edge_cut_doesnt_hide_what_is_repeated() {
        let words = |text: &str| plain(&text.split(' ').collect::<Vec<_>>());
        assert_eq!(repeated(&words("near the old clo"), &words("The old clock tower")), 2);
        assert_eq!(repeated(&words("near the old"), &words("ear the old clock")), 3);
        assert_eq!(repeated(&words("something"), &words("else entirely")), 0);
        assert_eq!(repeated(&words("a"), &words("b")), 0);
        assert_eq!(repeated(&[], &words("hello")), 0);
    }

    #[test]
    fn words_in_a_loop_are_said_once() {
        let of = |text: &str| unlooped(text.split_whitespace().collect()).join(" ");
        assert_eq!(
            of("the clock is late at the station is late at the station is late at"),
            "the clock is late at the station"
        );
        assert_eq!(of("no no no, I said no and I said no"), "no no no, I said no and I said no");
        assert_eq!(of(&"ha ".repeat(30)), "ha ha");
        assert_eq!(of(""), "");
    }

    #[test]
    fn a_run_that_comes_late_says_nothing_and_each_person_is_their_own() {
        let mut captions = Captions::default();
        assert_eq!(texts(&mut captions, 4_000, &[said(0, 900, "later")]), ["later"]);
        assert_eq!(texts(&mut captions, 0, &[said(0, 900, "earlier")]), Vec::<String>::new());
        let other = (PLACE.0, ParticipantId::from_bits(3));
        let told = captions.new_of(other, at(0), &[said(200, 900, "earlier")]);
        assert_eq!(
            told,
            [rooms::Said { room: PLACE.0, participant: other.1, text: "earlier".to_owned(), at: at(200) }]
        );
    }

    #[test]
    fn nobodys_words_are_held_for_long() {
        let mut captions = Captions::default();
        captions.new_of(PLACE, at(0), &[said(0, 900, "w ".repeat(500).as_str())]);
        assert!(captions.last.values().all(|last| last.words.len() == WORDS));
        captions.forget(at(14_999));
        assert_eq!(captions.last.len(), 1);
        captions.forget(at(15_000));
        assert!(captions.last.is_empty());
    }
}
