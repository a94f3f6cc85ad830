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
pub struct Watching(Arc<RwLock<State>>);

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
    /// Keeps asking those who look.
    pub fn keep(sight: Arc<dyn Sight>, lifecycle: &Lifecycle) -> Self {
        let watching = Self(Arc::new(RwLock::new(State::Unknown)));
        let kept = watching.clone();
        lifecycle.spawn("watching", async move {
            loop {
                let able = sight.able(&Caller::internal("watching"), ()).await;
                let looks = able.as_ref().is_ok_and(|able| !able.on.is_empty());
                let pause = if looks { ASK_EVERY } else { ASK_SOON };
                // Whoever can't be asked now may look all the same: what was known stays.
                if let Ok(able) = able {
                    *kept.0.write().unwrap_or_else(PoisonError::into_inner) = State::Known(able);
                }
                tokio::time::sleep(pause).await;
            }
        });
        watching
    }

    /// Whether people must reckon with being watched.
    pub(crate) fn is_on(&self) -> bool {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Off => false,
            State::Unknown => true,
            State::Known(able) => !able.on.is_empty(),
        }
    }

    /// Whether what is said is understood, as far as is known: those who hear screams hear words, too.
    pub(crate) fn listens(&self) -> bool {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Off => false,
            State::Unknown => true,
            State::Known(able) => able.on.contains(&Slot::Scream),
        }
    }

    /// What is looked for, and what isn't for want of models. Nothing while it isn't known.
    pub(crate) fn able(&self) -> Option<Able> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Known(able) => Some(able.clone()),
            State::Off | State::Unknown => None,
        }
    }
}

#[cfg(test)]
impl Watching {
    pub(crate) fn known(able: Able) -> Self {
        Self(Arc::new(RwLock::new(State::Known(able))))
    }
}
