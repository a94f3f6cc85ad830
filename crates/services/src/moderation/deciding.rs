//! A person decides a case, and may take that one step back.

use std::time::Duration;

use visavis_domain::{
    Code, Fault, Timestamp,
    cases::{
        Refused, State, UNDO_WITHIN,
        measure::{self, Measure, TERMS},
    },
    contract::moderation::{Decide, Decided, Noticed, Undo},
    id::{RoomId, UserId},
    strikes::{Act, Action, Concern},
};
use visavis_platform::db::{self, Tx, appeals, bans, cases, decisions, reports, standing};

use super::{
    Moderation, OF_CASE,
    decisions::{facts, json, mail_key, name, words},
    evidence::busy,
    no_case,
};

/// Facts that a person's decision names.
const FACTS: usize = 64;
/// Suspensions that stand because of one, one behind the other.
const MOST_INHERIT: usize = 500;
const HOUR: Duration = Duration::from_hours(1);

impl Moderation {
    pub(super) async fn decide_case(&self, req: Decide) -> Result<Decided, Fault> {
        let note = self.checked_note(req.note.clone())?;
        if req.hours.is_some_and(|hours| !(1..=measure::MAX_HOURS).contains(&hours)) {
            return Err(Fault::field("hours", format!("must be 1 to {}", measure::MAX_HOURS)));
        }
        if req.hours.is_some() && req.action != Measure::Suspend {
            return Err(Fault::field("hours", "is for `suspend` only"));
        }
        if req.reason == Concern::Evasion {
            return Err(Fault::field("reason", "must be what they did"));
        }
        let now = self.clock.now();
        let about = cases::by_id(&self.db, req.case).await?.ok_or_else(no_case)?.user;
        let mut tx = self.db.write().await?;
        // The account before the case, as everywhere.
        let _ = standing::lock(&mut tx, about).await?;
        let mut case = cases::lock(&mut tx, req.case).await?.ok_or_else(no_case)?;
        self.may_have(&case, req.moderator).await?;
        case.flow.decide(now, req.moderator).map_err(refused)?;
        let before = decisions::of_case_in(&mut tx, case.id, OF_CASE).await?;
        let heard = reports::of_case_in(&mut tx, case.id, OF_CASE).await?;
        let decision = self.by_a_person(&req, note, &case, &before, heard.len()).await?;
        let statement = if req.action == Measure::None { None } else { Some(words(&decision)?) };
        if req.preview {
            return Ok(Decided { decision_id: None, statement, until: decision.until, undo_until: None });
        }
        decisions::insert(&mut tx, &self.secret, &decision).await.map_err(|error| match error {
            db::Error::Missing => Fault::not_found("That person"),
            other => other.into(),
        })?;
        reports::found(&mut tx, case.id, now, req.action != Measure::None).await?;
        let mut taken_back = Vec::new();
        if req.action == Measure::None {
            for one in before.iter().filter(|one| one.overturned_at.is_none()) {
                taken_back.extend(self.take_back(&mut tx, one, now, Some(&decision)).await?);
            }
            self.grant_all(&mut tx, case.id, req.moderator, now).await?;
        }
        case.changed_at = now;
        cases::write(&mut tx, &case).await?;
        let object = case.id.to_string();
        let why = format!("{} {}", decision.action, decision.concern);
        self.audit(&mut tx, &req.moderator.to_string(), ("decide", &object), &why).await?;
        if req.action != Measure::None {
            self.follow(&mut tx, &decision, now + UNDO_WITHIN).await?;
        }
        tx.commit().await?;
        metrics::counter!("visavis_cases_decided_total", "action" => req.action.as_str()).increment(1);
        self.tell(&decision).await;
        self.tell_taken_back(&taken_back).await;
        Ok(Decided {
            decision_id: Some(decision.id),
            statement,
            until: decision.until,
            undo_until: Some(now + UNDO_WITHIN),
        })
    }

    /// Whether somebody may have a case at all: see it, hold it, decide it, judge what is appealed of it. Nobody does of what is
    /// about themselves, what they reported, or a friend; and about those who govern only admins do, else whoever is watched
    /// could put out whoever watches.
    pub(super) async fn may_have(&self, case: &cases::Case, moderator: UserId) -> Result<(), Fault> {
        let tie = cases::tie(&self.db, case, moderator).await?;
        let why = match tie.or((case.user == moderator).then_some(cases::Tie::Part)) {
            None => return Ok(()),
            Some(cases::Tie::Part) => "Nobody decides what they have a part in themselves.",
            Some(cases::Tie::Below) => "Only an admin decides about a moderator or an admin.",
        };
        Err(Fault::new(Code::Forbidden, why))
    }

    async fn by_a_person(
        &self,
        req: &Decide,
        note: Option<String>,
        case: &cases::Case,
        before: &[decisions::Decision],
        reports: usize,
    ) -> Result<decisions::Decision, Fault> {
        let now = self.clock.now();
        let mut signals: Vec<Noticed> = Vec::new();
        for one in before.iter().filter(|one| one.automated) {
            for noticed in facts(one)? {
                if !signals.iter().any(|known| known.signal.id == noticed.signal.id) {
                    signals.push(noticed);
                }
            }
        }
        signals.truncate(FACTS);
        let until = match req.action {
            Measure::Suspend => {
                let since = now - super::decisions::DAY * self.settings.strike_days;
                let standing = decisions::strikes(&self.db, case.user, since, OF_CASE).await?;
                let standing =
                    standing.iter().filter(|one| one.action == "suspend" && one.case != Some(case.id));
                Some(now + HOUR * measure::hours(req.hours, req.reason, standing.count()))
            }
            _ => None,
        };
        let concern = name(&req.reason)?;
        let act = Act {
            action: req.action.action().unwrap_or(Action::Warn),
            hours: until.map(|until| u32::try_from(until.since(now).as_secs() / 3_600).unwrap_or(u32::MAX)),
            concern: req.reason,
            rule: format!("terms-{concern}"),
            version: TERMS.to_owned(),
            facts: signals.iter().map(|noticed| noticed.signal.id).collect(),
            keep_days: 15,
            dry_run: false,
        };
        Ok(decisions::Decision {
            id: self.dice.id(&self.clock),
            user: case.user,
            room: before.last().map_or(RoomId::from_bits(0), |one| one.room),
            at: now,
            action: req.action.as_str().to_owned(),
            concern,
            rule: act.rule.clone(),
            version: act.version.clone(),
            until,
            automated: false,
            dry_run: false,
            act: json(&act)?,
            signals: json(&signals)?,
            case: Some(case.id),
            decided_by: Some(req.moderator),
            note,
            reports: u32::try_from(reports).unwrap_or(u32::MAX),
            because_of: None,
            overturned_at: None,
        })
    }

    /// Takes a decision back, with whatever stands because of it; by which other one, if by one. Gives all of them: they are
    /// to be told after the transaction ([`Self::tell_taken_back`]).
    pub(super) async fn take_back(
        &self,
        tx: &mut Tx,
        decision: &decisions::Decision,
        now: Timestamp,
        by: Option<&decisions::Decision>,
    ) -> Result<Vec<decisions::Decision>, Fault> {
        let (mut left, mut done) = (vec![decision.clone()], Vec::new());
        for _ in 0..MOST_INHERIT {
            let Some(one) = left.pop() else { break };
            decisions::overturn(tx, one.id, now, by.map(|by| by.id)).await?;
            bans::let_go(tx, one.id).await?;
            self.postbox.take_back(tx, &mail_key(&one)).await?;
            left.extend(decisions::because_of(tx, one.id, OF_CASE).await?);
            done.push(one);
        }
        Ok(done)
    }

    pub(super) async fn undo_decision(&self, req: Undo) -> Result<(), Fault> {
        let now = self.clock.now();
        let about = cases::by_id(&self.db, req.case).await?.ok_or_else(no_case)?.user;
        let mut tx = self.db.write().await?;
        let _ = standing::lock(&mut tx, about).await?;
        let mut case = cases::lock(&mut tx, req.case).await?.ok_or_else(no_case)?;
        case.flow.undo(now, req.moderator).map_err(refused)?;
        let all = decisions::of_case_in(&mut tx, case.id, OF_CASE).await?;
        let mine =
            |one: &&decisions::Decision| one.decided_by == Some(req.moderator) && one.overturned_at.is_none();
        let Some(mine) = all.iter().rev().find(mine) else { return Err(refused(Refused::State)) };
        let taken_back = self.take_back(&mut tx, mine, now, None).await?;
        let restored = decisions::restore(&mut tx, mine.id).await?;
        self.ask_again(&mut tx, case.id, req.moderator, mine.at).await?;
        for one in &restored {
            if one.until.is_some_and(|until| until > now) && !one.dry_run {
                self.hold_devices(&mut tx, one).await?;
            }
        }
        reports::unfound(&mut tx, case.id).await?;
        case.changed_at = now;
        // What came in meanwhile opened another case of them: of one person there is one open case, so all of it goes there.
        if let Some(mut open) = cases::open_of(&mut tx, case.user).await? {
            (case.flow.state, case.flow.lease) = (State::Final, None);
            cases::write(&mut tx, &case).await?;
            self.move_to(&mut tx, &case, &open).await?;
            self.reweigh(&mut tx, &mut open, false).await?;
            open.changed_at = now;
            cases::write(&mut tx, &open).await?;
        } else {
            cases::write(&mut tx, &case).await?;
        }
        let object = case.id.to_string();
        self.audit(&mut tx, &req.moderator.to_string(), ("undo", &object), &mine.id.to_string()).await?;
        tx.commit().await?;
        self.tell_taken_back(&taken_back).await;
        self.tell_restored(&restored).await;
        Ok(())
    }

    /// Everything of a case belongs to another one of the same person; but what is under its hold.
    async fn move_to(&self, tx: &mut Tx, from: &cases::Case, to: &cases::Case) -> Result<(), Fault> {
        decisions::move_to(tx, from.id, to.id).await?;
        reports::move_to(tx, from.id, to.id).await?;
        appeals::move_to(tx, from.id, to.id).await?;
        self.move_pieces(tx, from, to).await
    }
}

/// In words.
pub(super) fn refused(why: Refused) -> Fault {
    let (code, detail) = match why {
        Refused::Busy(left) => return busy(left),
        Refused::State => (Code::WrongState, "That isn't possible as the case stands."),
        Refused::NotYours => (Code::Forbidden, "Only whoever decided can take it back."),
        Refused::SamePerson => (Code::Forbidden, "An appeal is decided by somebody else than the decision."),
        Refused::TooLate => (Code::WrongState, "The time for that is over."),
    };
    Fault::new(code, detail)
}
