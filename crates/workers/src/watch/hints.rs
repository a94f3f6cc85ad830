//! What viewers' pages send in of direct calls: looked at like everything else, but what is seen there only moves the call to
//! the server. Nothing of it is remembered of whom it shows, and nothing of it is kept; of whose word it was only how many
//! words they have left.

use std::sync::{Arc, Mutex};

use tokio::sync::OwnedSemaphorePermit;
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        rooms::Whose,
        sight::{Form, Look},
    },
    hints::{FORGIVEN, Hints, Input, Output, Voice},
    id::{ParticipantId, RoomId, UserId},
};
use visavis_platform::Kv;

use super::{Watch, lock, notice};

/// Others may spend or have back a word at the same moment.
const TRIES: usize = 4;

/// A still on its way.
pub(super) struct Hint {
    pub(super) room: RoomId,
    /// Who sent it in.
    pub(super) by: ParticipantId,
    /// Whom it shows.
    pub(super) of: ParticipantId,
    pub(super) at: Timestamp,
    pub(super) picture: Vec<u8>,
}

/// What became of one, for metrics.
#[derive(Clone, Copy)]
enum End {
    /// Whoever sent it has no words left, or it isn't known whether they have.
    Unheard,
    /// No rule sees anything in it.
    Nothing,
    /// The call moves.
    Moves,
    /// It is over, or moves already.
    Late,
}

/// Words spent and left, over all processes, and what this one waits for.
pub(super) struct Voices {
    kv: Kv,
    waiting: Mutex<Hints>,
}

impl Voices {
    pub(super) fn new(kv: Kv) -> Self {
        Self { kv, waiting: Mutex::default() }
    }

    async fn is_heard(&self, now: Timestamp, user: UserId) -> Result<bool, Fault> {
        Ok(read(self.kv.get(&key(user)).await?.as_deref()).is_heard(now))
    }

    /// Compare and write: `change` says whether there is anything to write.
    async fn change(&self, user: UserId, change: impl Fn(&mut Voice) -> bool) -> Result<bool, Fault> {
        let key = key(user);
        for _ in 0..TRIES {
            let before = self.kv.get(&key).await?;
            let mut voice = read(before.as_deref());
            if !change(&mut voice) {
                return Ok(false);
            }
            let after = if voice.is_whole() {
                None
            } else {
                Some(serde_json::to_string(&voice).map_err(|_| Fault::internal())?)
            };
            if before == after || self.kv.swap(&key, before.as_deref(), after, Some(FORGIVEN)).await? {
                return Ok(true);
            }
        }
        Err(Fault::unavailable())
    }

    async fn give_back(&self, by: UserId, room: RoomId) {
        match self.change(by, |voice| voice.give_back(room)).await {
            Ok(_) => metrics::counter!("visavis_watch_hints_returned_total").increment(1),
            // It is had again a day later.
            Err(fault) => {
                tracing::warn!(fault.code = %fault.code, "a viewer's word could not be given back");
            }
        }
    }
}

fn key(user: UserId) -> String {
    format!("hints/{user}")
}

/// What can't be read is forgotten: nobody loses their voice by it.
fn read(text: Option<&str>) -> Voice {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl Watch {
    pub(super) async fn take_hint(self: Arc<Self>, hint: Hint, hand: OwnedSemaphorePermit) {
        let end = match self.follow(hint, hand).await {
            Ok(end) => end,
            Err(fault) => {
                metrics::counter!("visavis_watch_failed_total", "kind" => "hint", "code" => fault.code.as_str())
                    .increment(1);
                return;
            }
        };
        let end = match end {
            End::Unheard => "unheard",
            End::Nothing => "nothing",
            End::Moves => "moves",
            End::Late => "late",
        };
        metrics::counter!("visavis_watch_hints_total", "end" => end).increment(1);
    }

    async fn follow(&self, hint: Hint, hand: OwnedSemaphorePermit) -> Result<End, Fault> {
        let Hint { room, by, of, at, picture } = hint;
        let (Ok(by), Ok(user)) = (self.whose(room, by).await, self.whose(room, of).await) else {
            return Ok(End::Late);
        };
        // Not even looked at, so that nobody makes work for nothing.
        if !self.voices.is_heard(self.clock.now(), by).await.unwrap_or(false) {
            return Ok(End::Unheard);
        }
        let cx = Caller { remaining_ms: 20_000, ..Caller::internal("watch") };
        let seen = self.sight.look(&cx, Look { form: Form::Still, picture }).await?;
        drop(hand);
        metrics::counter!("visavis_watch_looked_total", "kind" => "hint").increment(1);
        let signals = notice::hinted(at, &seen, || self.dice.id(&self.clock));
        if !self.has_place_for(user) {
            metrics::counter!("visavis_watch_crowded_total").increment(1);
            return Ok(End::Late);
        }
        let now = self.clock.now();
        let shows = lock(&self.people).get_mut(&user).is_some_and(|person| person.hint(now, signals));
        if !shows {
            return Ok(End::Nothing);
        }
        // Spent before the call moves: of two at once only as many move as there are words.
        if !self.voices.change(by, |voice| voice.spend(now, room)).await? {
            return Ok(End::Unheard);
        }
        let cx = Caller::internal("watch");
        if self.rooms.suspect(&cx, Whose { room, participant: of }).await.unwrap_or(false) {
            lock(&self.voices.waiting).handle(now, Input::Moves { room, by, of });
            return Ok(End::Moves);
        }
        self.voices.give_back(by, room).await;
        Ok(End::Late)
    }

    /// The server has looked at a picture of its own.
    pub(super) async fn bear_out(&self, (room, of): (RoomId, ParticipantId), noticed: bool) {
        let back = lock(&self.voices.waiting).handle(self.clock.now(), Input::Looked { room, of, noticed });
        self.answer(back).await;
    }

    /// Those of whom the server saw nothing: are they still there?
    pub(super) async fn ask_hinted(&self) {
        let asked = lock(&self.voices.waiting).handle(self.clock.now(), Input::Tick);
        self.answer(asked).await;
    }

    async fn answer(&self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::GiveBack { by, room } => self.voices.give_back(by, room).await,
                Output::Ask(room, participant) => {
                    let whose =
                        self.rooms.whose(&Caller::internal("watch"), Whose { room, participant }).await;
                    if whose.is_err_and(|fault| matches!(fault.code, Code::NotInRoom | Code::PeerGone)) {
                        let back = lock(&self.voices.waiting).handle(self.clock.now(), Input::Over(room));
                        for one in back {
                            if let Output::GiveBack { by, room } = one {
                                self.voices.give_back(by, room).await;
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use visavis_platform::Clock;

    use super::*;

    const EVE: UserId = UserId::from_bits(7);

    fn voices(kv: &Kv) -> Voices {
        Voices::new(kv.clone())
    }

    #[tokio::test]
    async fn words_are_counted_over_all_processes_and_had_again() {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let kv = Kv::memory(clock.clone());
        let (one, other, now) = (voices(&kv), voices(&kv), clock.now());
        for n in 0..3 {
            let process = if n % 2 == 0 { &one } else { &other };
            assert!(process.is_heard(now, EVE).await.unwrap());
            let room = RoomId::from_bits(n);
            assert!(process.change(EVE, |voice| voice.spend(now, room)).await.unwrap());
        }
        for process in [&one, &other] {
            assert!(!process.is_heard(now, EVE).await.unwrap());
            assert!(!process.change(EVE, |voice| voice.spend(now, RoomId::from_bits(9))).await.unwrap());
        }
        assert!(one.is_heard(now, UserId::from_bits(8)).await.unwrap(), "nobody else loses theirs");
        other.give_back(EVE, RoomId::from_bits(1)).await;
        other.give_back(EVE, RoomId::from_bits(1)).await;
        assert!(one.is_heard(now, EVE).await.unwrap());
        assert!(one.change(EVE, |voice| voice.spend(now, RoomId::from_bits(4))).await.unwrap());
        assert!(!one.is_heard(now, EVE).await.unwrap(), "one was had again, not two");
        clock.advance(FORGIVEN);
        assert!(one.is_heard(clock.now(), EVE).await.unwrap());
        assert_eq!(kv.get(&key(EVE)).await.unwrap(), None, "nothing is remembered longer");
    }

    #[tokio::test]
    async fn what_is_not_understood_takes_nobodys_voice_and_is_written_over() {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let kv = Kv::memory(clock.clone());
        kv.put(&key(EVE), "of another build".to_owned(), None).await.unwrap();
        let voices = voices(&kv);
        assert!(voices.is_heard(clock.now(), EVE).await.unwrap());
        assert!(voices.change(EVE, |voice| voice.spend(clock.now(), RoomId::from_bits(1))).await.unwrap());
        voices.give_back(EVE, RoomId::from_bits(1)).await;
        assert_eq!(kv.get(&key(EVE)).await.unwrap(), None);
    }
}
