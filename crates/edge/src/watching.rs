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

/// Seconds between two questions.
const ASK_EVERY: u32 = 15;
/// While nothing is looked for: models may be on their way into memory, and nobody is to be told otherwise for longer.
const ASK_SOON: u32 = 1;
const SECOND: Duration = Duration::from_secs(1);
/// Seconds without anybody who looks, after which nobody is told that somebody does. Long enough for one that is started
/// again: between two words of it nobody is to believe that they aren't watched.
const GONE: u32 = 10;

/// Whether there is any process that looks.
pub type There = Box<dyn Fn() -> bool + Send + Sync>;

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
    /// Keeps asking those who look, as long as there is anybody. `moves`: direct calls between strangers may move to where they
    /// are looked at.
    pub fn keep(sight: Arc<dyn Sight>, there: There, moves: bool, lifecycle: &Lifecycle) -> Self {
        let watching = Self { state: Arc::new(RwLock::new(State::Unknown)), moves };
        let kept = watching.clone();
        lifecycle.keep("watching", async move {
            let (mut absent, mut wait) = (0_u32, 0_u32);
            loop {
                absent = if there() { 0 } else { absent.saturating_add(1) };
                wait = wait.saturating_sub(1);
                if wait == 0 || absent > 0 {
                    let able = sight.able(&Caller::internal("watching"), ()).await;
                    let looks = able.as_ref().is_ok_and(|able| !able.on.is_empty());
                    wait = if looks { ASK_EVERY } else { ASK_SOON };
                    // Whoever can't be asked now may look all the same: what was known stays, unless nobody is there.
                    match able {
                        Ok(able) => kept.knows(able),
                        Err(_) if absent >= GONE => kept.knows(kept.nothing()),
                        Err(_) => {}
                    }
                }
                tokio::time::sleep(SECOND).await;
            }
        });
        watching
    }

    fn knows(&self, able: Able) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Known(able);
    }

    /// What was looked for until now, none of it.
    fn nothing(&self) -> Able {
        let Able { on, mut off } = self.able().unwrap_or_default();
        off.extend(on);
        off.sort();
        off.dedup();
        Able { on: Vec::new(), off }
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
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use async_trait::async_trait;
    use visavis_domain::{
        Fault,
        contract::{self, Method, To, Transport},
    };

    use super::*;

    /// Those who look, or whom nobody answers for.
    struct Eyes(AtomicBool);

    #[async_trait]
    impl Transport for Eyes {
        async fn call(&self, _: Method, _: To, _: &Caller, _: Vec<u8>) -> Result<Vec<u8>, Fault> {
            let able = Able { on: vec![Slot::Nudity, Slot::Scream], off: vec![Slot::Weapon] };
            if self.0.load(SeqCst) { contract::encode(&able) } else { Err(Fault::unavailable()) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_who_looks_is_there_any_more_nobody_is_told_that_they_are_watched() {
        let eyes = Arc::new(Eyes(AtomicBool::new(true)));
        let there = Arc::new(AtomicBool::new(true));
        let lifecycle = Lifecycle::default();
        let is_there = Arc::clone(&there);
        let there_now: There = Box::new(move || is_there.load(SeqCst));
        let watching = Watching::keep(contract::sight::remote(eyes.clone()), there_now, true, &lifecycle);
        let seconds = |n: u32| tokio::time::sleep(SECOND * n + SECOND / 2);
        let says = || (watching.is_on(), watching.samples(), watching.listens());
        assert_eq!(says(), (true, true, true), "while nobody has said yet");
        seconds(1).await;
        assert_eq!(says(), (true, true, true));
        eyes.0.store(false, SeqCst);
        seconds(60).await;
        assert_eq!(says(), (true, true, true), "somebody is there who only doesn't answer");
        there.store(false, SeqCst);
        seconds(GONE - 2).await;
        assert_eq!(says(), (true, true, true), "it may only be started again");
        seconds(2).await;
        assert_eq!(says(), (false, false, false));
        let off = vec![Slot::Nudity, Slot::Weapon, Slot::Scream];
        assert_eq!(watching.able(), Some(Able { on: Vec::new(), off }));
        eyes.0.store(true, SeqCst);
        there.store(true, SeqCst);
        seconds(2).await;
        assert_eq!(says(), (true, true, true));
        lifecycle.shut_down(SECOND).await;
    }

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
