//! What was decided about people: kept with all that it takes to decide again, told to them in their own words.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use visavis_domain::{
    Fault, Timestamp,
    cases::{APPEAL_WITHIN, measure},
    contract::moderation::{AppealState, Decision, Fact, Noticed, Record, Standing, Suspended, Words},
    event::Event,
    id::{SignalId, UserId},
    room::restraint::Restraint,
    statement::{Language, Told, UNKEPT, statement},
    strikes::{self, Act, Action, MIN_APART_S, Signal},
};
use visavis_platform::{
    db::{self, Tx, appeals, bans, cases, decisions, standing, users},
    mail::Mail,
};

use super::{Moderation, evidence::Pieces};

/// What a person is shown.
const SHOWN: i64 = 100;
/// Strikes that are looked at; the ladder is far shorter.
const STRIKES: i64 = 100;
/// Two that agree are no longer apart than this, by any rules ([`strikes::Rules`]).
const LATELY: Duration = Duration::from_hours(1);
/// Signals of a record.
const MAX_SIGNALS: usize = 256;
/// Its picture and words.
const MAX_PICTURE: usize = 64 * 1024;
const MAX_TRANSCRIPT: usize = 4_000;
const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

impl Moderation {
    pub(super) async fn keep(&self, req: Record) -> Result<(), Fault> {
        check(&req)?;
        let Record { id, room, user, at, act, signals, picture, transcript } = req;
        let until = act.hours.filter(|_| act.action == Action::Suspend).map(|hours| at + HOUR * hours);
        let now = self.clock.now();
        let pieces = if act.dry_run {
            Pieces::default()
        } else {
            self.pieces(picture, transcript, act.keep_days, now).await?
        };
        let mut decision = decisions::Decision {
            id,
            user,
            room,
            at,
            action: name(&act.action)?,
            concern: name(&act.concern)?,
            rule: act.rule.clone(),
            version: act.version.clone(),
            until,
            automated: true,
            dry_run: act.dry_run,
            act: json(&act)?,
            signals: json(&signals)?,
            case: None,
            decided_by: None,
            note: (pieces.lost && pieces.all.is_empty()).then(|| UNKEPT.to_owned()),
            reports: 0,
            because_of: None,
            overturned_at: None,
        };
        let mut tx = self.db.write().await?;
        // Whoever has erased their account meanwhile has nothing written down; whoever erases it now takes a suspension along.
        if standing::lock(&mut tx, user).await?.is_none() {
            return Ok(());
        }
        let mut case = None;
        if !act.dry_run {
            let joined = cases::open_or_join(&mut tx, self.dice.id(&self.clock), user, now).await?;
            decision.case = Some(joined.id);
            case = Some(joined);
        }
        let new = match decisions::insert(&mut tx, &self.secret, &decision).await {
            Err(db::Error::Missing) => return Ok(()),
            written => written?,
        };
        // Told twice: what was opened for it isn't, either. Whoever kept it may have died before anybody heard of it.
        if !new {
            drop(tx);
            self.tell(&decision).await;
            return Ok(());
        }
        let rests_on =
            signals.iter().map(|noticed| &noticed.signal).filter(|one| act.facts.contains(&one.id));
        if let Some(first) = rests_on.map(|signal| signal.from).min() {
            decisions::noticed(&mut tx, id, first).await?;
        }
        if let Some(case) = &mut case {
            self.put_pieces(&mut tx, case, &id.to_string(), pieces.all).await?;
            self.reweigh(&mut tx, case, false).await?;
            case.changed_at = now;
            self.hold_or_later(&mut tx, case).await?;
            cases::write(&mut tx, case).await?;
            self.follow(&mut tx, &decision, now).await?;
        }
        tx.commit().await?;
        let dry = if act.dry_run { "true" } else { "false" };
        metrics::counter!(
            "visavis_decisions_total",
            "action" => decision.action.clone(), "rule" => act.rule, "dry_run" => dry
        )
        .increment(1);
        self.tell(&decision).await;
        Ok(())
    }

    /// What follows a decision that was done: the devices of whoever is suspended are, too, and its statement is mailed.
    pub(super) async fn follow(
        &self,
        tx: &mut Tx,
        decision: &decisions::Decision,
        mail_from: Timestamp,
    ) -> Result<(), Fault> {
        self.hold_devices(tx, decision).await?;
        if !decision.automated || matches!(decision.action.as_str(), "remove" | "suspend") {
            self.mail(tx, decision, mail_from).await?;
        }
        Ok(())
    }

    /// The devices and, for less long, the networks of whoever is suspended.
    pub(super) async fn hold_devices(
        &self,
        tx: &mut Tx,
        decision: &decisions::Decision,
    ) -> Result<(), Fault> {
        if let Some(until) = decision.until.filter(|_| decision.action == "suspend") {
            let at = decision.at;
            let networks = until.min(at + measure::NETWORK_FADES);
            bans::hold(tx, (decision.id, at), decision.user, at - DAY * 3, (until, networks)).await?;
        }
        Ok(())
    }

    /// After the transaction: whoever holds sockets looks what holds for the person now.
    pub(super) async fn tell(&self, decision: &decisions::Decision) {
        if !decision.dry_run {
            self.postbox.nudge().await;
            self.bus.publish(Event::StandingChanged { user: decision.user }).await;
        }
    }

    /// The same of decisions that were taken back. What they did in a room ends there, unless another one of the same stands.
    pub(super) async fn tell_taken_back(&self, all: &[decisions::Decision]) {
        for one in all.iter().filter(|one| !one.dry_run) {
            self.tell(one).await;
            let Some(restraint) = in_room(one) else { continue };
            let stands = |other: &decisions::Decision| {
                other.overturned_at.is_none() && other.room == one.room && in_room(other) == Some(restraint)
            };
            // When it can't be read whether one stands, what was done stays.
            match decisions::of(&self.db, one.user, SHOWN).await {
                Ok(others) if !others.iter().any(stands) => {
                    self.bus.publish(Event::Pardoned { user: one.user, room: one.room, restraint }).await;
                }
                _ => {}
            }
        }
    }

    /// The same of decisions that stand again, for a moderator took back that they were taken back.
    pub(super) async fn tell_restored(&self, all: &[decisions::Decision]) {
        for one in all.iter().filter(|one| !one.dry_run) {
            self.tell(one).await;
            if let Some(restraint) = in_room(one) {
                self.bus.publish(Event::Restrained { user: one.user, room: one.room, restraint }).await;
            }
        }
    }

    async fn mail(&self, tx: &mut Tx, decision: &decisions::Decision, from: Timestamp) -> Result<(), Fault> {
        let Some(user) = users::by_id(&self.db, decision.user).await? else { return Ok(()) };
        let words = words(decision)?;
        let (subject, statement, where_to) = match Language::of(&user.languages) {
            Language::En => ("A decision about your account", words.en, "Read it, or appeal:"),
            Language::De => ("Eine Entscheidung über dein Konto", words.de, "Nachlesen oder widersprechen:"),
        };
        let url = &self.public_url;
        let text = format!("{}\n\n{where_to}\n{url}/me#decisions\n", statement.text());
        let mail = Mail { to: user.email, subject: subject.to_owned(), text };
        let put = self.postbox.put_for(tx, &mail_key(decision), &mail, (from, from + DAY * 7)).await;
        // A full postbox is no reason not to decide: the statement is on their profile.
        if put.is_err() {
            metrics::counter!("visavis_statements_unmailed_total").increment(1);
        }
        Ok(())
    }

    pub(super) async fn standing_of(&self, user: UserId) -> Result<Standing, Fault> {
        let now = self.clock.now();
        let since = now - DAY * self.settings.strike_days;
        let strikes = decisions::strikes(&self.db, user, since, STRIKES).await?;
        let running = decisions::running(&self.db, user, now).await?;
        let suspended = running.and_then(|d| Some(Suspended { until: d.until?, decision_id: d.id }));
        let lately = decisions::by_rule(&self.db, user, now - LATELY, STRIKES).await?;
        let (lately, taken_back): (Vec<_>, Vec<_>) =
            lately.into_iter().partition(|one| one.overturned_at.is_none());
        Ok(Standing {
            strikes: strikes.iter().map(|d| d.at).collect(),
            noticed: unsettled(&lately)?,
            nothing: rested_on(&taken_back)?,
            suspended,
        })
    }

    pub(super) async fn decisions_about(&self, user: UserId) -> Result<Vec<Decision>, Fault> {
        let appeals = appeals::of_user(&self.db, user, SHOWN).await?;
        let kept = decisions::of(&self.db, user, SHOWN).await?;
        let appeal = |kept: &decisions::Decision| {
            appeals.iter().find(|appeal| appeal.decision == kept.id).map(appeal_state)
        };
        kept.iter().map(|one| shown(one, appeal(one))).collect()
    }
}

/// What these decisions rest on, but for what somebody was taken out for, or what was noticed before.
fn unsettled(lately: &[decisions::Decision]) -> Result<Vec<Noticed>, Fault> {
    let strike = |one: &&decisions::Decision| matches!(one.action.as_str(), "remove" | "suspend");
    let settled = lately.iter().filter(strike).map(|one| one.at.as_millis() + strikes::AFTERMATH_MS).max();
    let mut all: Vec<Noticed> = Vec::new();
    for one in lately {
        for noticed in facts(one)? {
            let counts = settled.is_none_or(|until| noticed.signal.from.as_millis() >= until);
            if counts && !all.iter().any(|known| known.signal.id == noticed.signal.id) {
                all.push(noticed);
            }
        }
    }
    Ok(all)
}

/// What a decision did in its room that lasts.
fn in_room(decision: &decisions::Decision) -> Option<Restraint> {
    match decision.action.as_str() {
        "mute" => Some(Restraint::Mute),
        "remove" | "suspend" => Some(Restraint::Remove),
        _ => None,
    }
}

/// The signals that these decisions name.
fn rested_on(decisions: &[decisions::Decision]) -> Result<Vec<SignalId>, Fault> {
    let acts = decisions.iter().map(|one| parsed::<Act>(&one.act));
    Ok(acts.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(|act| act.facts).collect())
}

/// An appeal, as whoever made it sees it.
pub(super) fn appeal_state(appeal: &appeals::Appeal) -> AppealState {
    AppealState {
        id: appeal.id,
        at: appeal.at,
        state: appeal.state.clone(),
        judged_at: appeal.judged_at,
        note: appeal.note.clone(),
    }
}

/// The job that mails a decision's statement.
pub(super) fn mail_key(decision: &decisions::Decision) -> String {
    format!("statement/{}", decision.id)
}

/// What a record must hold, whoever sends it: nobody is taken out of a call on one observation.
fn check(record: &Record) -> Result<(), Fault> {
    let facts: Vec<&Signal> =
        record.signals.iter().map(|n| &n.signal).filter(|s| record.act.facts.contains(&s.id)).collect();
    let large = record.signals.len() > MAX_SIGNALS
        || record.picture.as_ref().is_some_and(|p| p.len() > MAX_PICTURE)
        || record.transcript.as_ref().is_some_and(|t| t.chars().count() > MAX_TRANSCRIPT);
    if large {
        return Err(Fault::bad_request("The record is too large."));
    }
    let two = facts.iter().any(|a| facts.iter().any(|b| strikes::agree(a, b, MIN_APART_S)));
    if facts.is_empty() || (record.act.action >= Action::Remove && !two) {
        return Err(Fault::bad_request("One observation takes nobody out of a call."));
    }
    Ok(())
}

/// What a decision rests on.
pub(super) fn facts(kept: &decisions::Decision) -> Result<Vec<Noticed>, Fault> {
    let act: Act = parsed(&kept.act)?;
    let signals: Vec<Noticed> = parsed(&kept.signals)?;
    Ok(signals.into_iter().filter(|noticed| act.facts.contains(&noticed.signal.id)).collect())
}

/// What is told of it.
pub(super) fn told<'a>(kept: &'a decisions::Decision, facts: &'a [Fact]) -> Result<Told<'a>, Fault> {
    Ok(Told {
        at: kept.at,
        action: parsed_word(&kept.action)?,
        concern: parsed_word(&kept.concern)?,
        rule: &kept.rule,
        version: &kept.version,
        automated: kept.automated,
        facts,
        reports: kept.reports,
        until: kept.until,
        note: kept.note.as_deref(),
        appeal_until: kept.at + APPEAL_WITHIN,
    })
}

pub(super) fn fact(noticed: &Noticed) -> Fact {
    let Signal { from, modality, score, .. } = noticed.signal;
    Fact { at: from, modality, score }
}

/// Its statement, in every language.
pub(super) fn words(kept: &decisions::Decision) -> Result<Words, Fault> {
    let facts: Vec<Fact> = facts(kept)?.iter().map(fact).collect();
    let told = told(kept, &facts)?;
    Ok(Words { en: statement(&told, Language::En), de: statement(&told, Language::De) })
}

fn shown(kept: &decisions::Decision, appeal: Option<AppealState>) -> Result<Decision, Fault> {
    let facts: Vec<Fact> = facts(kept)?.iter().map(fact).collect();
    Ok(Decision {
        id: kept.id,
        at: kept.at,
        action: parsed_word(&kept.action)?,
        concern: parsed_word(&kept.concern)?,
        rule: kept.rule.clone(),
        version: kept.version.clone(),
        automated: kept.automated,
        facts,
        until: kept.until,
        overturned_at: kept.overturned_at,
        statement: words(kept)?,
        appeal_until: (appeal.is_none() && kept.overturned_at.is_none()).then(|| kept.at + APPEAL_WITHIN),
        appeal,
    })
}

pub(super) fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::internal())
}

pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::internal())
}

/// A word of a closed list from its name.
pub(super) fn parsed_word<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_value(text.into()).map_err(|_| Fault::internal())
}

/// The name of a word of a closed list, as it is in JSON.
pub(super) fn name(word: &impl Serialize) -> Result<String, Fault> {
    parsed(&json(word)?)
}
