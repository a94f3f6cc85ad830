//! Acts on their way: to the room where they take effect, and to where they are written down. Nobody who looks waits for it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, Receiver, Sender},
};
use visavis_domain::{
    Code,
    contract::{
        Caller,
        moderation::{Attach, Moderation, Record},
        rooms::{Restrain, Rooms},
    },
    id::UserId,
    room::restraint::Restraint,
};
use visavis_platform::{Clock, Dice, Lifecycle};

use super::person::Carry;

/// Acts of one person go one after the other, in a lane with those of some others; a slow room holds up its lane alone.
const LANES: usize = 8;
/// Acts that wait in a lane.
const IN_A_LANE: usize = 256;
/// Between the first two tries to write a decision down; it doubles up to the longest.
const TRY_AGAIN: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// What is refused for another reason than that nobody can keep it now is tried so often.
const TRIES: u32 = 8;
/// A disk may be full for as long as somebody takes to make room.
const GIVEN_UP: Duration = Duration::from_hours(1);
/// What waits to be written down; each holds a small picture at most.
const MAX_UNWRITTEN: usize = 256;

/// What carries them.
pub(super) struct Carrier {
    lanes: Vec<Sender<(UserId, Carry)>>,
    hands: Hands,
}

/// What is to be written down.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// A decision.
    Decision(Record),
    /// What was seen of somebody who was reported.
    Report(Attach),
}

/// One lane's hands.
#[derive(Clone)]
struct Hands {
    rooms: Arc<dyn Rooms>,
    moderation: Arc<dyn Moderation>,
    clock: Clock,
    dice: Dice,
    lifecycle: Lifecycle,
    unwritten: Arc<Semaphore>,
}

impl Carrier {
    pub(super) fn start(
        rooms: Arc<dyn Rooms>,
        moderation: Arc<dyn Moderation>,
        (clock, dice): (Clock, Dice),
        lifecycle: &Lifecycle,
    ) -> Self {
        let unwritten = Arc::new(Semaphore::new(MAX_UNWRITTEN));
        let hands = Hands { rooms, moderation, clock, dice, lifecycle: lifecycle.clone(), unwritten };
        let lane = |_| {
            let (put, take) = mpsc::channel(IN_A_LANE);
            lifecycle.keep("watch-acts", hands.clone().work(take));
            put
        };
        Self { lanes: (0..LANES).map(lane).collect(), hands }
    }

    pub(super) fn keep(&self, kept: Kept) {
        self.hands.write_down(kept);
    }

    /// Takes them in this order.
    pub(super) fn give(&self, user: UserId, carry: Vec<Carry>) {
        let lane = usize::try_from(user.bits() % LANES as u128).unwrap_or_default();
        for one in carry {
            if self.lanes[lane].try_send((user, one)).is_err() {
                metrics::counter!("visavis_watch_uncarried_total").increment(1);
                tracing::error!("an act was lost: rooms or the database have not answered for long");
            }
        }
    }
}

impl Hands {
    async fn work(self, mut lane: Receiver<(UserId, Carry)>) {
        while let Some((user, carry)) = lane.recv().await {
            let decision = self.dice.id(&self.clock);
            let taken = carry.taken();
            let (restrain, record) = carry.into_parts(user, decision, self.clock.now());
            if let Some(restrain) = restrain {
                let kind = restraint_name(restrain.restraint);
                if self.restrain(restrain).await
                    && let Some(taken) = taken
                {
                    metrics::histogram!("visavis_watch_action_seconds", "act" => kind)
                        .record(self.clock.now().since(taken).as_secs_f64());
                }
            }
            if let Some(record) = record {
                self.write_down(Kept::Decision(record));
            }
        }
    }

    /// Whether it is done.
    async fn restrain(&self, restrain: Restrain) -> bool {
        let kind = restraint_name(restrain.restraint);
        metrics::counter!("visavis_watch_acts_total", "act" => kind).increment(1);
        let done = self.rooms.restrain(&Caller::internal("watch"), restrain).await;
        if let Err(fault) = &done {
            // They have left: the next room begins with what is written down.
            tracing::info!(fault.code = %fault.code, act = kind, "an act could not be carried to its room");
        }
        done.is_ok()
    }

    /// It is tried again until it is kept: of a decision the person has been told.
    fn write_down(&self, kept: Kept) {
        let Ok(place) = Arc::clone(&self.unwritten).try_acquire_owned() else {
            metrics::counter!("visavis_watch_unwritten_total").increment(1);
            tracing::error!("a decision or report was not written down: too many wait for the database");
            return;
        };
        let (moderation, unwritten) =
            (Arc::clone(&self.moderation), Unwritten { written: false, _place: place });
        self.lifecycle.spawn("watch-record", async move {
            let tries = try_until_written(&*moderation, kept);
            unwritten.ends(tokio::time::timeout(GIVEN_UP, tries).await.unwrap_or(false));
        });
    }
}

/// Whether it is written.
async fn try_until_written(moderation: &dyn Moderation, kept: Kept) -> bool {
    let (mut pause, mut refused) = (TRY_AGAIN, 0);
    loop {
        let cx = Caller::internal("watch");
        let written = match kept.clone() {
            Kept::Decision(record) => moderation.record(&cx, record).await,
            Kept::Report(attach) => moderation.attach(&cx, attach).await,
        };
        let Err(fault) = written else { return true };
        tracing::warn!(fault.code = %fault.code, "a decision or report could not be written down yet");
        refused += u32::from(fault.code != Code::Unavailable);
        if refused >= TRIES {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST.min(pause * 2);
    }
}

/// What waits to be written down. When nobody tries any more, it is said, whatever the reason.
struct Unwritten {
    written: bool,
    _place: OwnedSemaphorePermit,
}

impl Unwritten {
    fn ends(mut self, written: bool) {
        self.written = written;
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        if !self.written {
            metrics::counter!("visavis_watch_unwritten_total").increment(1);
            tracing::error!("a decision or report was not written down: nobody took it until the end");
        }
    }
}

const fn restraint_name(restraint: Restraint) -> &'static str {
    match restraint {
        Restraint::Warn => "warn",
        Restraint::Blur => "blur",
        Restraint::Clear => "clear",
        Restraint::Mute => "mute",
        Restraint::Remove => "remove",
    }
}
