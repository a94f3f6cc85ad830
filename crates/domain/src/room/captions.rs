//! Who reads what others say in a call. Each page asks for it itself, and it ends with its stay.

use crate::id::{ParticipantId, SocketId};

/// Longest caption, in characters.
pub const MAX_CHARS: usize = 500;

/// The pages of one call that read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captions {
    readers: Vec<(ParticipantId, SocketId)>,
}

impl Captions {
    /// A page wants them, or no longer. `there` says through which session somebody is in the call.
    pub fn set(
        &mut self,
        (reader, session): (ParticipantId, SocketId),
        on: bool,
        there: impl Fn(ParticipantId) -> Option<SocketId>,
    ) {
        self.keep(there);
        self.readers.retain(|(other, _)| *other != reader);
        if on {
            self.readers.push((reader, session));
        }
    }

    /// Who gets what this one said: others who are in the call by the page that asked, and not those kept apart from whoever
    /// speaks. Whoever has left is quoted to nobody: from whom they were kept apart isn't known any more.
    pub fn readers(
        &mut self,
        speaker: ParticipantId,
        apart: &[ParticipantId],
        there: impl Fn(ParticipantId) -> Option<SocketId>,
    ) -> Vec<SocketId> {
        if there(speaker).is_none() {
            return Vec::new();
        }
        self.keep(there);
        let reads = |who: &ParticipantId| *who != speaker && !apart.contains(who);
        self.readers.iter().filter(|(who, _)| reads(who)).map(|(_, session)| *session).collect()
    }

    /// Whether nobody reads.
    pub const fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Another page of the same person hasn't asked for anything.
    fn keep(&mut self, there: impl Fn(ParticipantId) -> Option<SocketId>) {
        self.readers.retain(|(who, session)| there(*who) == Some(*session));
    }
}

/// As much of it as a caption holds.
pub fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(n: u128) -> ParticipantId {
        ParticipantId::from_bits(n)
    }

    const fn page(n: u128) -> SocketId {
        SocketId::from_bits(n)
    }

    /// Those people, each by the page of the same number.
    fn with(people: &[u128]) -> impl Fn(ParticipantId) -> Option<SocketId> + '_ {
        |who| people.iter().find(|n| id(**n) == who).map(|n| page(*n))
    }

    #[test]
    fn who_asked_reads_the_others_and_nobody_else_does() {
        let (mut captions, there) = (Captions::default(), with(&[1, 2, 3]));
        captions.set((id(1), page(1)), true, &there);
        captions.set((id(2), page(2)), true, &there);
        captions.set((id(2), page(2)), true, &there);
        assert_eq!(captions.readers(id(3), &[], &there), [page(1), page(2)], "once each, and not the third");
        assert_eq!(captions.readers(id(1), &[], &there), [page(2)], "not oneself");
        captions.set((id(2), page(2)), false, &there);
        assert_eq!(captions.readers(id(1), &[], &there), []);
        assert!(!captions.is_empty());
    }

    #[test]
    fn those_kept_apart_read_nothing_of_one_another() {
        let (mut captions, there) = (Captions::default(), with(&[1, 2, 3]));
        captions.set((id(1), page(1)), true, &there);
        captions.set((id(2), page(2)), true, &there);
        assert_eq!(captions.readers(id(3), &[id(1)], &there), [page(2)]);
        assert_eq!(captions.readers(id(1), &[id(2), id(3)], &there), []);
    }

    #[test]
    fn it_ends_with_the_stay_and_with_the_page() {
        let mut captions = Captions::default();
        captions.set((id(1), page(1)), true, with(&[1, 2, 3]));
        captions.set((id(2), page(2)), true, with(&[1, 2, 3]));
        let moved = |who| if who == id(2) { Some(page(9)) } else { with(&[1, 3])(who) };
        assert_eq!(captions.readers(id(3), &[], moved), [page(1)], "another page of the second");
        assert_eq!(
            captions.readers(id(3), &[], with(&[1, 2, 3])),
            [page(1)],
            "also when the old one is back"
        );
        assert_eq!(captions.readers(id(3), &[], with(&[3])), []);
        assert!(captions.is_empty());
    }

    #[test]
    fn who_has_left_is_quoted_to_nobody() {
        let mut captions = Captions::default();
        captions.set((id(1), page(1)), true, with(&[1, 2]));
        assert_eq!(captions.readers(id(2), &[], with(&[1])), []);
        assert_eq!(captions.readers(id(2), &[], with(&[1, 2])), [page(1)]);
    }

    #[test]
    fn a_caption_has_a_bound_in_characters() {
        assert_eq!(cut(&"ä".repeat(600)), "ä".repeat(MAX_CHARS));
        assert_eq!(cut("short"), "short");
    }
}
