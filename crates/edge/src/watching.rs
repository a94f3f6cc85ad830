//! What is looked for in calls at present, as those who look say: people are told the truth on the page, and an operator
//! at `/readyz`.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use visavis_domain::contract::{
    Caller,
    sight::{Able, Sight, Slot},
};
use visavis_platform::Lifecycle;

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// While nothing is looked for: models may be on their way into memory, and nobody is to be told otherwise for longer.
const ASK_SOON: Duration = Duration::from_secs(1);

/// The newest answer.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    state: Arc<RwLock<State>>,
    /// Direct calls between strangers may move to where they are looked at.
    moves: bool,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// This place watches nothing.
    #[default]
    Off,
    /// It is set to watch; nobody has said yet what.
    Unknown,
    Known(Able),
}

impl Watching {
    /// Keeps asking those who look. `moves`: direct calls between strangers may move to where they are looked at.
    pub fn keep(sight: Arc<dyn Sight>, moves: bool, lifecycle: &Lifecycle) -> Self {
        let watching = Self { state: Arc::new(RwLock::new(State::Unknown)), moves };
        let kept = watching.clone();
        lifecycle.spawn("watching", async move {
            loop {
                let able = sight.able(&Caller::internal("watching"), ()).await;
                let looks = able.as_ref().is_ok_and(|able| !able.on.is_empty());
                let pause = if looks { ASK_EVERY } else { ASK_SOON };
                // Whoever can't be asked now may look all the same: what was known stays.
                if let Ok(able) = able {
                    *kept.state.write().unwrap_or_else(PoisonError::into_inner) = State::Known(able);
                }
                tokio::time::sleep(pause).await;
            }
        });
        watching
    }

    /// Whether people must reckon with being watched.
    pub(crate) fn is_on(&self) -> bool {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Off => false,
            State::Unknown => true,
            State::Known(able) => !able.on.is_empty(),
        }
    }

    /// Whether what is said is understood, as far as is known: those who hear screams hear words, too.
    pub(crate) fn listens(&self) -> bool {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Off => false,
            State::Unknown => true,
            State::Known(able) => able.on.contains(&Slot::Scream),
        }
    }

    /// Whether people must reckon with it that what pages send in of direct calls is looked at.
    pub(crate) fn samples(&self) -> bool {
        let seen = |slot: &Slot| matches!(slot, Slot::Nudity | Slot::Weapon | Slot::Violence);
        let looks = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Off => false,
            State::Unknown => true,
            State::Known(able) => able.on.iter().any(seen),
        };
        self.moves && looks
    }

    /// What is looked for, and what isn't for want of models. Nothing while it isn't known.
    pub(crate) fn able(&self) -> Option<Able> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Known(able) => Some(able.clone()),
            State::Off | State::Unknown => None,
        }
    }
}

#[cfg(test)]
impl Watching {
    pub(crate) fn known(able: Able) -> Self {
        Self { state: Arc::new(RwLock::new(State::Known(able))), moves: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_looked_at_where_somebody_sees_and_the_call_can_move() {
        let able = |on| Able { on, off: Vec::new() };
        assert!(Watching::known(able(vec![Slot::Weapon])).samples());
        assert!(!Watching::known(able(vec![Slot::Hostile, Slot::Scream])).samples());
        let stays = Watching { moves: false, ..Watching::known(able(vec![Slot::Nudity])) };
        assert!(!stays.samples() && stays.is_on());
        assert!(!Watching { moves: true, ..Watching::default() }.samples());
    }
}
