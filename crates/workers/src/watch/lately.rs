//! What the server saw and understood of people lately, for reports: people report right after a call. The newest picture of
//! each, blurred, and half a minute of words; in memory only, gone soon after they have left.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use visavis_domain::{
    Timestamp,
    id::{ParticipantId, RoomId, UserId},
};

/// What was understood within so long before a report belongs to it.
pub(super) const TRANSCRIPT: Duration = Duration::from_secs(30);
/// Words are kept longer by the time that is waited for the last of them.
const WORDS: Duration = TRANSCRIPT.saturating_add(super::LAST_WORDS).saturating_add(super::RUN);
/// Of whom nothing came for so long, it is asked whether they are still there.
const SILENT: Duration = Duration::from_secs(15);
/// And who isn't for so long is forgotten.
const GRACE: Duration = Duration::from_mins(1);
/// Those that are asked about at once.
const ASKED: usize = 256;
/// Pieces of words of one person.
const MAX_WORDS: usize = 256;
/// Bytes of one picture: what is blurred has two to ten kilobytes.
const MAX_PICTURE: usize = 64 * 1024;
/// Bytes of all: twenty thousand people with a picture of three kilobytes.
const MAX_BYTES: usize = 64 << 20;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Lately {
    all: HashMap<(UserId, RoomId), Glimpse>,
    bytes: usize,
}

/// Of one person in one call.
#[derive(Debug)]
struct Glimpse {
    participant: ParticipantId,
    /// When it was last known that they are there.
    there: Timestamp,
    /// Their call runs through the server: of a direct one nothing is kept.
    media: bool,
    picture: Option<Vec<u8>>,
    words: VecDeque<(Timestamp, String)>,
}

impl Glimpse {
    fn bytes(&self) -> usize {
        let words: usize = self.words.iter().map(|(_, words)| words.len()).sum();
        self.picture.as_ref().map_or(0, Vec::len) + words
    }
}

/// What came of one sample.
#[derive(Debug, Default)]
pub(super) struct New<'a> {
    /// It was a picture or sound.
    pub(super) media: bool,
    /// Blurred.
    pub(super) picture: Option<Vec<u8>>,
    /// Said or written.
    pub(super) words: Vec<&'a (Timestamp, String)>,
}

impl Lately {
    pub(super) fn remember(
        &mut self,
        now: Timestamp,
        user: UserId,
        (room, participant): (RoomId, ParticipantId),
        new: New<'_>,
    ) {
        let glimpse = self.all.entry((user, room)).or_insert_with(|| Glimpse {
            participant,
            there: now,
            media: false,
            picture: None,
            words: VecDeque::new(),
        });
        let before = glimpse.bytes();
        (glimpse.participant, glimpse.there) = (participant, now);
        glimpse.media |= new.media;
        if let Some(picture) = new.picture.filter(|picture| picture.len() <= MAX_PICTURE) {
            glimpse.picture = Some(picture);
        }
        glimpse.words.extend(new.words.into_iter().cloned());
        let old = |(at, _): &(Timestamp, String)| now.since(*at) > WORDS;
        while glimpse.words.len() > MAX_WORDS || glimpse.words.front().is_some_and(old) {
            glimpse.words.pop_front();
        }
        self.bytes = self.bytes + glimpse.bytes() - before;
        while self.bytes > MAX_BYTES || self.all.len() > super::MAX_PEOPLE {
            let longest = self.all.iter().min_by_key(|(_, glimpse)| glimpse.there).map(|(key, _)| *key);
            let Some(key) = longest else { return };
            self.remove(key);
            metrics::counter!("visavis_watch_crowded_total").increment(1);
        }
    }

    fn remove(&mut self, key: (UserId, RoomId)) {
        if let Some(gone) = self.all.remove(&key) {
            self.bytes -= gone.bytes();
        }
    }

    /// The last picture of somebody in that call.
    pub(super) fn picture(&self, user: UserId, room: RoomId) -> Option<Vec<u8>> {
        self.all.get(&(user, room))?.picture.clone()
    }

    /// What they said or wrote there before that time, at most so many characters, the last ones.
    pub(super) fn words(&self, user: UserId, room: RoomId, until: Timestamp, most: usize) -> Option<String> {
        let glimpse = self.all.get(&(user, room)).filter(|glimpse| glimpse.media)?;
        let in_time = |(at, _): &&(Timestamp, String)| *at <= until && until.since(*at) <= TRANSCRIPT;
        let words: Vec<&str> =
            glimpse.words.iter().filter(in_time).map(|(_, words)| words.as_str()).collect();
        let words = words.join("\n");
        let skipped = words.chars().count().saturating_sub(most);
        Some(words.chars().skip(skipped).collect()).filter(|words: &String| !words.is_empty())
    }

    /// Those of whom nothing came for a while: are they there?
    pub(super) fn silent(&self, now: Timestamp) -> Vec<(UserId, RoomId, ParticipantId)> {
        let silent = self.all.iter().filter(|(_, glimpse)| now.since(glimpse.there) >= SILENT);
        silent.map(|((user, room), glimpse)| (*user, *room, glimpse.participant)).take(ASKED).collect()
    }

    /// They are.
    pub(super) fn is_there(&mut self, now: Timestamp, user: UserId, room: RoomId) {
        if let Some(glimpse) = self.all.get_mut(&(user, room)) {
            glimpse.there = now;
        }
    }

    /// Those who aren't any more are forgotten.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let gone = self.all.iter().filter(|(_, glimpse)| now.since(glimpse.there) >= GRACE);
        for key in gone.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
    }

    const EVE: UserId = UserId::from_bits(7);
    const ROOM: RoomId = RoomId::from_bits(1);
    const PLACE: (RoomId, ParticipantId) = (ROOM, ParticipantId::from_bits(2));

    fn picture(byte: u8, length: usize) -> New<'static> {
        New { media: true, picture: Some(vec![byte; length]), words: Vec::new() }
    }

    fn say(lately: &mut Lately, s: i64, words: &str, media: bool) {
        let words = (at(s), words.to_owned());
        lately.remember(at(s), EVE, PLACE, New { media, picture: None, words: vec![&words] });
    }

    #[test]
    fn the_newest_picture_and_the_last_half_minute_before_a_report_are_kept_of_each_call() {
        let mut lately = Lately::default();
        lately.remember(at(0), EVE, PLACE, picture(1, 9));
        lately.remember(at(5), EVE, PLACE, picture(2, 9));
        lately.remember(at(6), EVE, (RoomId::from_bits(9), PLACE.1), picture(3, 9));
        assert_eq!(lately.picture(EVE, ROOM), Some(vec![2; 9]), "not of the call after it");
        assert_eq!(lately.picture(UserId::from_bits(8), ROOM), None);
        for (s, words) in [(5, "long ago"), (20, "hello"), (40, "you"), (52, "after the report")] {
            say(&mut lately, s, words, true);
        }
        assert_eq!(lately.words(EVE, ROOM, at(50), 99).as_deref(), Some("hello\nyou"));
        assert_eq!(lately.words(EVE, ROOM, at(50), 4).as_deref(), Some("\nyou"), "the last of it");
        assert_eq!(lately.words(EVE, ROOM, at(100), 99), None);
    }

    #[test]
    fn of_a_direct_call_nothing_is_told() {
        let mut lately = Lately::default();
        say(&mut lately, 1, "written", false);
        assert_eq!(lately.words(EVE, ROOM, at(2), 99), None);
        lately.remember(at(3), EVE, PLACE, picture(1, 9));
        assert!(lately.words(EVE, ROOM, at(4), 99).is_some(), "it has moved to the server");
    }

    #[test]
    fn who_has_left_is_forgotten_after_a_minute_and_who_is_only_silent_is_not() {
        let mut lately = Lately::default();
        lately.remember(at(0), EVE, PLACE, picture(1, 9));
        assert_eq!(lately.silent(at(14)), []);
        assert_eq!(lately.silent(at(15)), [(EVE, ROOM, PLACE.1)]);
        lately.is_there(at(50), EVE, ROOM);
        lately.forget(at(109));
        assert!(lately.picture(EVE, ROOM).is_some());
        lately.forget(at(110));
        assert!(lately.all.is_empty() && lately.bytes == 0);
    }

    #[test]
    fn it_has_bounds_in_pieces_and_bytes_and_who_was_there_longest_ago_goes_first() {
        let mut lately = Lately::default();
        for n in 0..2_000_u32 {
            let user = UserId::from_bits(n.into());
            lately.remember(at(n.into()), user, PLACE, picture(1, MAX_PICTURE));
        }
        let counted: usize = lately.all.values().map(Glimpse::bytes).sum();
        assert!(counted == lately.bytes && counted <= MAX_BYTES, "{counted}");
        assert!(lately.picture(UserId::from_bits(0), ROOM).is_none());
        assert!(lately.picture(UserId::from_bits(1_999), ROOM).is_some());
        lately.remember(at(2_000), EVE, PLACE, picture(1, MAX_PICTURE + 1));
        assert_eq!(lately.picture(EVE, ROOM), None);
        for _ in 0..2 * MAX_WORDS {
            say(&mut lately, 2_001, "w", true);
        }
        assert_eq!(lately.all[&(EVE, ROOM)].words.len(), MAX_WORDS);
    }
}
