//! What was decided about people: kept with all that it takes to decide again, told to them in their own words.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use visavis_domain::{
    Fault,
    contract::moderation::{Decision, Fact, Noticed, Record, Standing, Suspended},
    id::UserId,
    strikes::{self, Act, Action, MIN_APART_S, Signal},
};
use visavis_platform::db::{self, decisions};

use super::Moderation;

/// What a person is shown.
const SHOWN: i64 = 100;
/// Strikes that are looked at; the ladder is far shorter.
const STRIKES: i64 = 100;
/// Signals of a record.
const MAX_SIGNALS: usize = 256;
/// Its picture and words.
const MAX_PICTURE: usize = 64 * 1024;
const MAX_TRANSCRIPT: usize = 4_000;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Moderation {
    pub(super) async fn keep(&self, req: Record) -> Result<(), Fault> {
        check(&req)?;
        let Record { id, room, user, at, act, signals, .. } = req;
        let until = act.hours.filter(|_| act.action == Action::Suspend).map(|hours| at + HOUR * hours);
        let decision = decisions::Decision {
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
            overturned_at: None,
        };
        let mut tx = self.db.write().await?;
        let new = match decisions::insert(&mut tx, &decision).await {
            // Whoever has erased their account meanwhile has nothing written down.
            Err(db::Error::Missing) => return Ok(()),
            written => written?,
        };
        tx.commit().await?;
        if new {
            let dry = if act.dry_run { "true" } else { "false" };
            metrics::counter!(
                "visavis_decisions_total",
                "action" => decision.action, "rule" => act.rule, "dry_run" => dry
            )
            .increment(1);
        }
        Ok(())
    }

    pub(super) async fn standing_of(&self, user: UserId) -> Result<Standing, Fault> {
        let now = self.clock.now();
        let since = now - DAY * self.settings.strike_days;
        let strikes = decisions::strikes(&self.db, user, since, STRIKES).await?;
        let running = strikes.iter().filter_map(|d| Some(Suspended { until: d.until?, decision: d.id }));
        let suspended = running.filter(|s| s.until > now).max_by_key(|s| s.until);
        Ok(Standing { strikes: strikes.iter().map(|d| d.at).collect(), suspended })
    }

    pub(super) async fn decisions_about(&self, user: UserId) -> Result<Vec<Decision>, Fault> {
        decisions::of(&self.db, user, SHOWN).await?.into_iter().map(shown).collect()
    }
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

fn shown(kept: decisions::Decision) -> Result<Decision, Fault> {
    let act: Act = parsed(&kept.act)?;
    let signals: Vec<Noticed> = parsed(&kept.signals)?;
    let facts = signals.into_iter().map(|noticed| noticed.signal).filter(|s| act.facts.contains(&s.id));
    Ok(Decision {
        id: kept.id,
        at: kept.at,
        action: act.action,
        concern: act.concern,
        rule: kept.rule,
        version: kept.version,
        automated: kept.automated,
        facts: facts.map(|s| Fact { at: s.from, modality: s.modality, score: s.score }).collect(),
        until: kept.until,
        overturned_at: kept.overturned_at,
    })
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::internal())
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::internal())
}

/// The name of a word of a closed list, as it is in JSON.
fn name(word: &impl Serialize) -> Result<String, Fault> {
    parsed(&json(word)?)
}
