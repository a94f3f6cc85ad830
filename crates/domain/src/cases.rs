//! What people have to decide about somebody: who may have a case, in which order cases are looked at, and what may follow
//! what. Pure; the rows are written by whoever keeps them.
//!
//! There is at most one open case of a person, so that whatever comes in about them is seen together. Two moderators never
//! have the same case: opening one takes it for a while. Whoever has decided can take that one step back; an appeal is
//! decided by somebody else.

pub mod measure;
pub mod voices;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::UserId,
    strikes::{Action, Concern},
};

/// A case is somebody's for so long after they last looked at it.
pub const LEASE: Duration = Duration::from_mins(10);
/// A decision can be taken back by whoever made it for so long. Until then nobody is mailed about it.
pub const UNDO_WITHIN: Duration = Duration::from_mins(2);
/// A decision can be appealed for so long (Regulation (EU) 2022/2065, article 20: at least six months).
pub const APPEAL_WITHIN: Duration = Duration::from_hours(184 * 24);
/// What only models noticed, and nobody looked at, is nobody's business after so long: what shows it is gone by then.
pub const LAPSES_AFTER: Duration = Duration::from_hours(15 * 24);

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody has decided yet.
    Open,
    /// Somebody has.
    Decided,
    /// A decision of it is appealed: somebody else looks.
    Appealed,
    /// It is over.
    Final,
}

impl State {
    /// As it is kept and asked for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Appealed => "appealed",
            Self::Final => "final",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Open, Self::Decided, Self::Appealed, Self::Final];
        all.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// Who has a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The moderator.
    pub by: UserId,
    /// Until then nobody else gets it.
    pub until: Timestamp,
}

/// Who decided, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The moderator.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// What is left of a case when an appeal of it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// Other appeals.
    pub appeals: bool,
    /// Reports that nobody has decided about.
    pub reports: bool,
}

/// Why something can't be done with a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody else has it for so long yet.
    #[error("somebody else has this case")]
    Busy(Duration),
    /// Not as it stands.
    #[error("not as the case stands")]
    State,
    /// Only whoever decided takes it back.
    #[error("only whoever decided can take it back")]
    NotYours,
    /// Whoever decided first doesn't decide an appeal against it.
    #[error("an appeal is decided by somebody else")]
    SamePerson,
    /// Too long ago.
    #[error("too long ago")]
    TooLate,
}

/// A case, as far as its rules go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Where it stands.
    pub state: State,
    /// Who has it.
    pub lease: Option<Lease>,
    /// The last decision by a person.
    pub decided: Option<Decided>,
}

impl Flow {
    /// A new one.
    pub const OPEN: Self = Self { state: State::Open, lease: None, decided: None };

    /// Whether somebody else has it at `now`.
    pub fn is_busy(&self, now: Timestamp, for_whom: UserId) -> bool {
        self.lease.is_some_and(|lease| lease.by != for_whom && lease.until > now)
    }

    /// Somebody opens it: it is theirs for a while. Whoever decided doesn't get it again for an appeal.
    pub fn take(&mut self, now: Timestamp, by: UserId) -> Result<(), Refused> {
        if !matches!(self.state, State::Open | State::Appealed) {
            return Err(Refused::State);
        }
        if let Some(left) = self.busy_for(now, by) {
            return Err(Refused::Busy(left));
        }
        if self.state == State::Appealed && self.decided.is_some_and(|decided| decided.by == by) {
            return Err(Refused::SamePerson);
        }
        self.lease = Some(Lease { by, until: now + LEASE });
        Ok(())
    }

    /// Somebody doesn't want it any longer: it is anybody's again. What isn't theirs stays as it is.
    pub fn give_back(&mut self, by: UserId) {
        self.lease = self.lease.filter(|lease| lease.by != by);
    }

    /// How long whoever else has it has it yet.
    pub fn busy_for(&self, now: Timestamp, for_whom: UserId) -> Option<Duration> {
        self.lease.filter(|_| self.is_busy(now, for_whom)).map(|lease| lease.until.since(now))
    }

    /// Somebody decides.
    pub fn decide(&mut self, now: Timestamp, by: UserId) -> Result<(), Refused> {
        if self.state != State::Open {
            return Err(Refused::State);
        }
        self.take(now, by)?;
        *self = Self { state: State::Decided, lease: None, decided: Some(Decided { by, at: now }) };
        Ok(())
    }

    /// One step back, by the same person and soon: the case is theirs again.
    pub fn undo(&mut self, now: Timestamp, by: UserId) -> Result<(), Refused> {
        let decided = self.decided.filter(|_| self.state == State::Decided).ok_or(Refused::State)?;
        if decided.by != by {
            return Err(Refused::NotYours);
        }
        if now.since(decided.at) > UNDO_WITHIN {
            return Err(Refused::TooLate);
        }
        *self = Self { state: State::Open, lease: Some(Lease { by, until: now + LEASE }), decided: None };
        Ok(())
    }

    /// A decision of `decided_at` is appealed. A case that nobody has decided yet stays so, and with whoever has it: else whoever
    /// is reported could take it out of their hands by appealing what a rule did.
    pub fn appeal(&mut self, now: Timestamp, decided_at: Timestamp) -> Result<(), Refused> {
        if now.since(decided_at) > APPEAL_WITHIN {
            return Err(Refused::TooLate);
        }
        if self.state != State::Open {
            self.state = State::Appealed;
            self.lease = None;
        }
        Ok(())
    }

    /// An appeal against a decision of `first` (nobody: a rule) is decided.
    pub fn judge(
        &mut self,
        now: Timestamp,
        by: UserId,
        first: Option<UserId>,
        left: Left,
    ) -> Result<(), Refused> {
        if self.state == State::Final {
            return Err(Refused::State);
        }
        let decided = self.decided.filter(|_| self.state != State::Open);
        if first == Some(by) || decided.is_some_and(|decided| decided.by == by) {
            return Err(Refused::SamePerson);
        }
        if let Some(left) = self.busy_for(now, by) {
            return Err(Refused::Busy(left));
        }
        if self.state == State::Open && (left.appeals || left.reports) {
            return Ok(());
        }
        self.state = if left.appeals { State::Appealed } else { State::Final };
        self.lease = None;
        Ok(())
    }
}

/// What is known of a case that says how soon it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gravity {
    /// Somebody seems to be under 18: before everything else.
    pub minor: bool,
    /// The hardest thing that rules have done.
    pub action: Option<Action>,
    /// What independent voices that are believed come to ([`voices::weigh`]).
    pub voices: u16,
    /// What is said or noticed at its gravest.
    pub concern: Option<Concern>,
    /// Waiting for the answer to an appeal.
    pub appealed: bool,
}

/// The larger, the sooner: 0 to 99 999.
pub fn priority(of: &Gravity) -> u32 {
    let minor = if of.minor { 50_000 } else { 0 };
    // Whoever is kept away wrongly waits for us.
    let appealed = if of.appealed { 5_000 } else { 0 };
    let action = match of.action {
        Some(Action::Suspend) => 800,
        Some(Action::Remove) => 600,
        Some(Action::Mute | Action::Blur) => 100,
        Some(Action::Warn) => 50,
        None => 0,
    };
    let concern = match of.concern {
        Some(Concern::Violence | Concern::Weapon | Concern::Minor) => 300,
        Some(Concern::Nudity | Concern::Harassment) => 200,
        Some(Concern::Evasion) => 150,
        Some(Concern::Other) => 50,
        Some(Concern::Spam) | None => 0,
    };
    minor + appealed + action + concern + u32::from(of.voices.min(voices::MOST)) * 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOTHING: Left = Left { appeals: false, reports: false };
    const ADA: UserId = UserId::from_bits(1);
    const BOB: UserId = UserId::from_bits(2);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_case_that_somebody_has_is_nobody_elses_until_their_time_is_over() {
        let mut case = Flow::OPEN;
        case.take(at(0), ADA).unwrap();
        let one = Err(Refused::Busy(Duration::from_secs(1)));
        assert_eq!(case.take(at(599), BOB), one);
        assert_eq!(case.decide(at(599), BOB), one);
        case.take(at(300), ADA).unwrap();
        assert_eq!(case.take(at(899), BOB), one, "she looked at it again");
        case.take(at(900), BOB).unwrap();
        let long = Err(Refused::Busy(Duration::from_secs(599)));
        assert_eq!(case.decide(at(901), ADA), long);
        case.give_back(ADA);
        assert_eq!(case.take(at(901), ADA), long, "what isn't hers she can't give");
        case.give_back(BOB);
        case.take(at(903), ADA).unwrap();
    }

    #[test]
    fn one_step_back_by_the_same_person_and_soon() {
        let mut case = Flow::OPEN;
        case.decide(at(0), ADA).unwrap();
        assert_eq!(case.decide(at(1), ADA), Err(Refused::State));
        assert_eq!(case.undo(at(1), BOB), Err(Refused::NotYours));
        assert_eq!(case.undo(at(121), ADA), Err(Refused::TooLate));
        case.undo(at(120), ADA).unwrap();
        assert!(case.is_busy(at(121), BOB) && case.undo(at(121), ADA) == Err(Refused::State));
    }

    #[test]
    fn an_appeal_is_decided_by_another_person_than_the_first() {
        let mut case = Flow::OPEN;
        case.decide(at(0), ADA).unwrap();
        case.appeal(at(10), at(0)).unwrap();
        assert_eq!(case.undo(at(11), ADA), Err(Refused::State));
        assert_eq!(case.take(at(11), ADA), Err(Refused::SamePerson));
        assert_eq!(case.judge(at(11), ADA, Some(ADA), NOTHING), Err(Refused::SamePerson));
        assert_eq!(
            case.judge(at(11), ADA, None, NOTHING),
            Err(Refused::SamePerson),
            "nor of what a rule did before"
        );
        case.judge(at(12), BOB, Some(ADA), NOTHING).unwrap();
        assert_eq!(case.state, State::Final);
        let late = at(0) + APPEAL_WITHIN + Duration::from_secs(1);
        assert_eq!(case.appeal(late, at(0)), Err(Refused::TooLate));
    }

    #[test]
    fn what_nobody_has_decided_stays_to_be_decided_whatever_is_appealed() {
        let mut case = Flow::OPEN;
        case.take(at(0), ADA).unwrap();
        case.appeal(at(1), at(0)).unwrap();
        assert!(case.state == State::Open && case.is_busy(at(1), BOB), "it is hers as before");
        assert_eq!(case.judge(at(2), BOB, None, NOTHING), Err(Refused::Busy(Duration::from_secs(598))));
        let mut looked_at = case;
        looked_at.judge(at(2), ADA, None, NOTHING).unwrap();
        assert_eq!(looked_at.state, State::Final, "that was all there was");
        case.judge(at(2), ADA, None, Left { reports: true, appeals: false }).unwrap();
        case.decide(at(3), ADA).unwrap();
        case.appeal(at(4), at(3)).unwrap();
        assert_eq!(case.state, State::Appealed);
    }

    #[test]
    fn minors_come_first_then_appeals_then_what_is_gravest() {
        let of = |change: fn(&mut Gravity)| {
            let mut gravity = Gravity::default();
            change(&mut gravity);
            priority(&gravity)
        };
        let order = [
            of(|g| g.minor = true),
            of(|g| (g.appealed, g.action) = (true, Some(Action::Warn))),
            of(|g| (g.action, g.concern) = (Some(Action::Suspend), Some(Concern::Weapon))),
            of(|g| (g.action, g.concern) = (Some(Action::Remove), Some(Concern::Nudity))),
            of(|g| (g.voices, g.concern) = (100, Some(Concern::Harassment))),
            of(|g| g.action = Some(Action::Warn)),
            of(|_| {}),
        ];
        assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{order:?}");
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Take,
        Decide,
        Undo,
        Appeal,
        Judge,
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, u128, i64)>> {
        let kind =
            prop::sample::select(vec![Step::Take, Step::Decide, Step::Undo, Step::Appeal, Step::Judge]);
        prop::collection::vec((kind, 1_u128..=3, 0_i64..400), 0..40)
    }

    proptest! {
        #[test]
        fn nobody_has_what_is_somebody_elses_and_nobody_judges_themselves(steps in steps()) {
            let (mut case, mut now, mut first) = (Flow::OPEN, 0, None);
            for (step, who, wait) in steps {
                now += wait;
                let (by, before) = (UserId::from_bits(who), case);
                let busy = before.is_busy(at(now), by);
                let done = match step {
                    Step::Take => case.take(at(now), by),
                    Step::Decide => case.decide(at(now), by),
                    Step::Undo => case.undo(at(now), by),
                    Step::Appeal => case.appeal(at(now), at(0)),
                    Step::Judge => case.judge(at(now), by, first, NOTHING),
                };
                if done.is_err() {
                    prop_assert_eq!(case, before, "what is refused changes nothing");
                    continue;
                }
                match step {
                    Step::Take | Step::Decide => prop_assert!(!busy),
                    Step::Judge => prop_assert!(!busy && first != Some(by)),
                    Step::Undo => prop_assert_eq!(first, Some(by)),
                    Step::Appeal => {}
                }
                match step {
                    Step::Decide => first = Some(by),
                    Step::Undo => first = None,
                    _ => {}
                }
                if case.state == State::Final {
                    prop_assert!(matches!(step, Step::Judge), "only a judgement is the end");
                }
            }
        }

        #[test]
        fn a_minor_is_before_whatever_else_there_is(a: bool, b in 0u16..=1000) {
            let worst = Gravity {
                minor: false, action: Some(Action::Suspend), voices: b, concern: Some(Concern::Weapon), appealed: a,
            };
            let minor = Gravity { minor: true, ..Gravity::default() };
            prop_assert!(priority(&worst) < priority(&minor));
            prop_assert!(priority(&worst) <= 99_999);
        }
    }
}
