//! Who notices that a media thread is gone or hangs. Pure: counts what threads did, look by look.
//!
//! Each thread turns its loop at least once between two looks, because each look rings its bell. One that didn't for
//! [`MISSED`] looks in a row is lost: its rooms go elsewhere. Looks are counted, not time: a machine that slept has slept
//! for whoever looks as well.

/// Looks in a row without a turn after which a thread is lost.
pub(crate) const MISSED: u32 = 5;

/// A thread's news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It turns no more.
    Lost(usize),
    /// It does again: it had been held up for long.
    Back(usize),
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Vigil {
    threads: Vec<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    turns: u64,
    missed: u32,
}

impl Vigil {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads: vec![Seen { turns: 0, missed: 0 }; threads] }
    }

    /// Threads that turn no more.
    pub(crate) fn lost(&self) -> impl Iterator<Item = usize> {
        self.threads.iter().enumerate().filter(|(_, seen)| seen.missed >= MISSED).map(|(index, _)| index)
    }

    /// Takes how often each thread has turned so far.
    pub(crate) fn look(&mut self, turns: impl IntoIterator<Item = u64>) -> Vec<Change> {
        let mut changes = Vec::new();
        for (index, (seen, turns)) in self.threads.iter_mut().zip(turns).enumerate() {
            if turns == seen.turns {
                seen.missed = seen.missed.saturating_add(1);
                changes.extend((seen.missed == MISSED).then_some(Change::Lost(index)));
            } else {
                changes.extend((seen.missed >= MISSED).then_some(Change::Back(index)));
                *seen = Seen { turns, missed: 0 };
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_turns_between_looks_is_never_lost() {
        let mut vigil = Vigil::new(2);
        for look in 1..100 {
            assert_eq!(vigil.look([look, look * 3]), []);
        }
    }

    #[test]
    fn who_stands_still_is_lost_once_and_comes_back_once() {
        let mut vigil = Vigil::new(2);
        vigil.look([7, 1]);
        for look in 2..=MISSED {
            assert_eq!(vigil.look([7, u64::from(look)]), []);
        }
        assert_eq!(vigil.lost().count(), 0);
        assert_eq!(vigil.look([7, 50]), [Change::Lost(0)]);
        assert_eq!(vigil.lost().collect::<Vec<_>>(), [0]);
        assert_eq!(vigil.look([7, 51]), []);
        assert_eq!(vigil.look([8, 52]), [Change::Back(0)]);
        assert_eq!(vigil.look([9, 53]), []);
    }

    #[test]
    fn one_missed_look_after_another_turn_begins_to_count_anew() {
        let mut vigil = Vigil::new(1);
        for turns in 1..20 {
            for _ in 0..MISSED {
                assert_eq!(vigil.look([turns]), []);
            }
        }
    }
}
