//! Trust and safety: reports by people, and what was decided about whom.

mod decisions;

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault,
    contract::{
        Caller,
        moderation::{Decision, Moderation as Contract, Record, Report, Standing},
    },
    event::Event,
    id::{ReportId, UserId},
};
use visavis_platform::{
    Bus, Clock, Db, Dice,
    db::{self, blocks, calls, reports, visits},
};

/// Limits of reports.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long after a call somebody met in it can be reported, in seconds.
    pub report_window_s: u64,
    /// Longest note, in characters.
    pub note_chars: usize,
    /// Days that a strike counts.
    pub strike_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { report_window_s: 24 * 3_600, note_chars: 1_000, strike_days: 90 }
    }
}

/// The `moderation` role.
#[derive(Debug, Clone)]
pub struct Moderation {
    db: Db,
    clock: Clock,
    dice: Dice,
    bus: Bus,
    settings: Settings,
}

impl Moderation {
    /// The role over this database.
    pub fn new(db: Db, clock: Clock, dice: Dice, bus: Bus, settings: Settings) -> Self {
        Self { db, clock, dice, bus, settings }
    }

    fn checked_note(&self, note: Option<String>) -> Result<Option<String>, Fault> {
        let Some(note) = note else { return Ok(None) };
        if note.chars().count() > self.settings.note_chars {
            return Err(Fault::field("note", format!("at most {} characters", self.settings.note_chars)));
        }
        if note.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Fault::field("note", "must be plain text"));
        }
        let note = note.trim();
        Ok((!note.is_empty()).then(|| note.to_owned()))
    }
}

#[async_trait]
impl Contract for Moderation {
    async fn report(&self, _cx: &Caller, req: Report) -> Result<ReportId, Fault> {
        let note = self.checked_note(req.note)?;
        let now = self.clock.now();
        let since = now - Duration::from_secs(self.settings.report_window_s);
        let (room, by, about) = (req.room, req.reporter, req.reported);
        if !calls::met(&self.db, room, by, about, since).await?
            && !visits::met(&self.db, room, by, about, since).await?
        {
            return Err(Fault::not_found("Somebody you met there within the last 24 hours"));
        }
        let report = reports::Report {
            id: self.dice.id(&self.clock),
            reporter: req.reporter,
            room: req.room,
            reported: req.reported,
            reason: req.reason.as_str(),
            note,
            at: now,
        };
        let mut tx = self.db.write().await?;
        let id = match reports::insert(&mut tx, &report).await {
            Err(db::Error::Missing) => return Err(Fault::not_found("That person")),
            written => written?,
        };
        // No limit of blocks here: safety first, and reports have limits of their own at the edge.
        let blocked = blocks::insert(&mut tx, req.reporter, req.reported, now).await?;
        tx.commit().await?;
        metrics::counter!("visavis_reports_total", "reason" => report.reason).increment(1);
        self.bus.publish(Event::Blocked { user: by, other: about }).await;
        if let Some(request) = blocked.parted {
            let (user, other) = (by, about);
            self.bus.publish(Event::Parted { user, other, request }).await;
        }
        self.bus.publish(Event::Reported { user: about }).await;
        Ok(id)
    }

    async fn record(&self, _cx: &Caller, req: Record) -> Result<(), Fault> {
        self.keep(req).await
    }

    async fn standing(&self, _cx: &Caller, user: UserId) -> Result<Standing, Fault> {
        self.standing_of(user).await
    }

    async fn decisions(&self, _cx: &Caller, user: UserId) -> Result<Vec<Decision>, Fault> {
        self.decisions_about(user).await
    }
}
