//! Those who have left, as long as the room lives: what safety did to somebody isn't undone by leaving and coming again, and
//! what is noticed of them late still finds them.

use std::collections::VecDeque;

use super::Person;
use crate::{
    id::{ParticipantId, UserId},
    room::restraint::Held,
};

/// People that are remembered; with more the one of whom nothing is held back goes first.
const MOST: usize = 100;
/// As whom each was here, the latest.
const STAYS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Departed(VecDeque<Gone>);

#[derive(Debug)]
struct Gone {
    user: UserId,
    was: VecDeque<ParticipantId>,
    held: Held,
}

impl Departed {
    /// Somebody goes; what holds for them stays.
    pub(super) fn keep(&mut self, person: &Person) {
        let earlier = self.0.iter().position(|gone| gone.user == person.user);
        let mut was = earlier.and_then(|i| self.0.remove(i)).map(|gone| gone.was).unwrap_or_default();
        if was.len() >= STAYS {
            was.pop_front();
        }
        was.push_back(person.participant);
        if self.0.len() >= MOST {
            let free = self.0.iter().position(|gone| gone.held == Held::default());
            self.0.remove(free.unwrap_or(0));
        }
        self.0.push_back(Gone { user: person.user, was, held: person.held_back });
    }

    /// What holds for somebody who comes.
    pub(super) fn held(&self, user: UserId) -> Held {
        self.0.iter().find(|gone| gone.user == user).map(|gone| gone.held).unwrap_or_default()
    }

    /// What holds for somebody while they are away, to be changed.
    pub(super) fn held_mut(&mut self, user: UserId) -> Option<&mut Held> {
        self.0.iter_mut().find(|gone| gone.user == user).map(|gone| &mut gone.held)
    }

    /// Who that was, and what holds for them while they are away.
    pub(super) fn was(&mut self, participant: ParticipantId) -> Option<(UserId, &mut Held)> {
        let gone = self.0.iter_mut().find(|gone| gone.was.contains(&participant))?;
        Some((gone.user, &mut gone.held))
    }
}
