//! Pictures that others get and nobody can look at: whoever gives no key frame when it is asked for, or one that can't be
//! decoded or is too large. It decides nothing about anybody; only are such pictures blurred for others until one was looked at.

use std::{sync::Arc, time::Duration};

use visavis_domain::{
    Timestamp,
    id::{ParticipantId, RoomId},
    wire::Source,
};

use super::{Watch, lock};

/// Of one camera or screen in a row, after which it is blurred. One may be lost with a bad network.
const IN_A_ROW: u32 = 2;
/// One that was stopped tells no more: it is forgotten after this, longer than the longest time between two questions.
const LAPSE: Duration = Duration::from_secs(75);

/// How often in a row each source wasn't seen, and when last.
#[derive(Debug, Default)]
pub(super) struct Unseen(Vec<(Source, u32, Timestamp)>);

impl Unseen {
    /// Once more.
    pub(super) fn again(&mut self, now: Timestamp, source: Source) {
        match self.0.iter_mut().find(|(known, ..)| *known == source) {
            Some((_, times, last)) => (*times, *last) = (times.saturating_add(1), now),
            None => self.0.push((source, 1, now)),
        }
    }

    /// One of it was looked at.
    pub(super) fn looked(&mut self, now: Timestamp, source: Source) {
        self.0.retain(|(known, _, last)| *known != source && now.since(*last) < LAPSE);
    }

    /// Whether others are to see a blur.
    pub(super) fn is_too_much(&self) -> bool {
        self.0.iter().any(|(_, times, _)| *times >= IN_A_ROW)
    }
}

impl Watch {
    pub(super) async fn unseen(self: Arc<Self>, place: (RoomId, ParticipantId), source: Source) {
        let Ok(user) = self.whose(place.0, place.1).await else { return };
        if !self.has_place_for(user) {
            return metrics::counter!("visavis_watch_crowded_total").increment(1);
        }
        let now = self.clock.now();
        let mut people = lock(&self.people);
        let Some(person) = people.get_mut(&user) else { return };
        person.is_at(now, place);
        if person.is_unseen(now, source) {
            metrics::counter!("visavis_watch_unseen_total", "source" => source.as_str()).increment(1);
        }
        self.carrier.give(user, person.carry());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
    }

    #[test]
    fn twice_in_a_row_is_too_much_until_it_is_looked_at() {
        let mut unseen = Unseen::default();
        unseen.again(at(0), Source::Camera);
        unseen.looked(at(5), Source::Camera);
        unseen.again(at(7), Source::Camera);
        unseen.again(at(8), Source::Screen);
        assert!(!unseen.is_too_much());
        unseen.again(at(14), Source::Camera);
        assert!(unseen.is_too_much());
        unseen.looked(at(15), Source::Screen);
        assert!(unseen.is_too_much(), "that was the other");
        unseen.looked(at(20), Source::Camera);
        assert!(!unseen.is_too_much());
    }

    #[test]
    fn what_was_stopped_is_forgotten_when_something_else_is_seen() {
        let mut unseen = Unseen::default();
        unseen.again(at(0), Source::Screen);
        unseen.again(at(7), Source::Screen);
        unseen.looked(at(81), Source::Camera);
        assert!(unseen.is_too_much());
        unseen.looked(at(82), Source::Camera);
        assert!(!unseen.is_too_much());
    }
}
