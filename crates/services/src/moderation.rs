//! Trust and safety: reports by people, what was decided about whom, what shows it, and the people who decide.

mod appeals;
mod bans;
mod blur;
mod deciding;
mod decisions;
mod desk;
mod evidence;
pub mod tools;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault, Timestamp,
    cases::{Gravity, measure, priority, voices},
    contract::{
        Caller,
        moderation::{
            Appeal, AppealList, AppealPage, Attach, CaseList, CasePage, CaseView, Decide, Decided, Decision,
            Exposed, Exposure, Judge, Judged, LookAtCase, Moderation as Contract, ReadEvidence, Record,
            Report, ReportReason, Seen, Standing, Undo,
        },
    },
    event::Event,
    id::{AppealId, ReportId, UserId},
};
use visavis_platform::{
    Bus, Clock, Db, Dice, Lifecycle, Vault,
    db::{self, Tx, audit, blocks, calls, cases, friendships, overview, reports, visits},
    mail::Postbox,
    secret::Secret,
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
    /// Seconds a day that a moderator may look at pictures.
    pub exposure_s: u64,
    /// Where the keys of evidence are.
    pub evidence: visavis_platform::vault::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            report_window_s: 24 * 3_600,
            note_chars: 1_000,
            strike_days: 90,
            exposure_s: 2 * 3_600,
            evidence: visavis_platform::vault::Settings::default(),
        }
    }
}

/// Decisions and reports of a case that are looked at.
const OF_CASE: i64 = 200;
/// Reports of one person by one other, for one reason, that wait in a case.
const OF_PAIR: u64 = 5;
/// Between two looks for what has ended.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);

/// What the role stands on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Everything that is kept.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// News.
    pub bus: Bus,
    /// For MACs.
    pub secret: Secret,
    /// Statements of reasons.
    pub postbox: Postbox,
    /// What shows it.
    pub vault: Vault,
    /// Named in mails.
    pub public_url: String,
    /// Limits.
    pub settings: Settings,
}

/// The `moderation` role.
#[derive(Debug, Clone)]
pub struct Moderation(Arc<Deps>);

impl std::ops::Deref for Moderation {
    type Target = Deps;
    fn deref(&self) -> &Deps {
        &self.0
    }
}

impl Moderation {
    /// The role.
    pub fn new(deps: Deps) -> Self {
        Self(Arc::new(deps))
    }

    /// Destroys what has ended, from now on: at once, for it may have ended while nobody looked.
    pub fn keep_up(&self, lifecycle: &Lifecycle) {
        let role = self.clone();
        lifecycle.keep("evidence", async move {
            loop {
                if let Err(fault) = role.end_what_is_over().await {
                    tracing::error!(fault.code = %fault.code, "evidence that has ended can't be destroyed yet");
                }
                if let Err(fault) = role.tell_what_waits().await {
                    tracing::warn!(fault.code = %fault.code, "what waits to be decided can't be counted");
                }
                tokio::time::sleep(UPKEEP_EVERY).await;
            }
        });
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges; cases and seconds are far below 2^52")]
    async fn tell_what_waits(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let age = |oldest: Option<Timestamp>| oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
        let [open, appealed, appeals] = overview::waiting(&self.db).await?;
        for (state, waits) in [("open", open), ("appealed", appealed)] {
            metrics::gauge!("visavis_cases_waiting", "state" => state).set(waits.number as f64);
            metrics::gauge!("visavis_cases_oldest_seconds", "state" => state).set(age(waits.oldest));
        }
        metrics::gauge!("visavis_appeals_waiting").set(appeals.number as f64);
        metrics::gauge!("visavis_appeals_oldest_seconds").set(age(appeals.oldest));
        Ok(())
    }

    /// How soon a case is looked at, from what there is in it.
    async fn reweigh(&self, tx: &mut Tx, case: &mut cases::Case, appealed: bool) -> Result<(), Fault> {
        let heard = reports::of_case_in(tx, case.id, OF_CASE).await?;
        let ties = reports::ties(tx, case.id, OF_CASE).await?;
        let decided = db::decisions::of_case_in(tx, case.id, OF_CASE).await?;
        let said: Vec<voices::Voice> = heard.iter().map(|report| report.voice).collect();
        let reasons = heard.iter().filter_map(|report| reason(&report.reason)).map(measure::concern);
        let concerns = decided.iter().filter_map(|d| serde_json::from_value(d.concern.as_str().into()).ok());
        let done = decided.iter().filter(|d| !d.dry_run && d.overturned_at.is_none());
        case.reported = !heard.is_empty();
        case.noticed = decided.iter().any(|d| d.automated);
        case.minor = heard.iter().any(|report| reason(&report.reason) == Some(ReportReason::Minor));
        let gravity = |concern| Gravity {
            minor: case.minor,
            action: done.clone().filter_map(|d| serde_json::from_value(d.action.as_str().into()).ok()).max(),
            voices: voices::weigh(&said, &ties).points,
            concern,
            appealed,
        };
        let each = reasons.chain(concerns).map(|concern| priority(&gravity(Some(concern))));
        case.priority = each.max().unwrap_or_else(|| priority(&gravity(None)));
        Ok(())
    }

    /// Writes into the audit log what is about to be done.
    async fn audit(
        &self,
        tx: &mut Tx,
        actor: &str,
        (act, object): (&str, &str),
        reason: &str,
    ) -> Result<(), Fault> {
        let deed = audit::Deed { at: self.clock.now(), actor, act, object, reason };
        Ok(audit::write(tx, &self.secret, &deed).await?)
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

    async fn take_report(&self, req: Report) -> Result<ReportId, Fault> {
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
        // Both accounts first, as whoever erases one does.
        if !friendships::lock_pair(&mut tx, by, about).await? {
            return Err(Fault::not_found("That person"));
        }
        let alike = match cases::open_of(&mut tx, about).await? {
            Some(case) => reports::alike(&mut tx, case.id, &report).await?,
            None => (0, None),
        };
        let id = match alike {
            // They said so often enough: nothing more would come of it, and it would bury what others say.
            (many, Some(newest)) if many >= OF_PAIR => newest,
            _ => match reports::insert(&mut tx, &report).await {
                Err(db::Error::Missing) => return Err(Fault::not_found("That person")),
                written => written?,
            },
        };
        // No limit of blocks here: safety first, and reports have limits of their own at the edge.
        let blocked = blocks::insert(&mut tx, req.reporter, req.reported, now).await?;
        if id == report.id {
            self.join_case(&mut tx, about, id).await?;
        }
        tx.commit().await?;
        metrics::counter!("visavis_reports_total", "reason" => report.reason).increment(1);
        self.bus.publish(Event::Blocked { user: by, other: about }).await;
        if let Some(request) = blocked.parted {
            let (user, other) = (by, about);
            self.bus.publish(Event::Parted { user, other, request }).await;
        }
        // Told twice nothing follows of it.
        if id == report.id {
            self.bus.publish(Event::Reported { user: about, room, report: id }).await;
        }
        Ok(id)
    }

    /// A new report opens the person's case, or joins it. Whoever seems to be under 18 has everything of it held.
    async fn join_case(&self, tx: &mut Tx, about: UserId, report: ReportId) -> Result<(), Fault> {
        let now = self.clock.now();
        let mut case = cases::open_or_join(tx, self.dice.id(&self.clock), about, now).await?;
        reports::join(tx, report, case.id).await?;
        self.reweigh(tx, &mut case, false).await?;
        case.changed_at = now;
        if case.minor && case.held_for.is_none() {
            case.held_for = Some("minor".to_owned());
            self.audit(tx, "rule", ("hold", &case.id.to_string()), "minor").await?;
        }
        self.hold_or_later(tx, &case).await?;
        cases::write(tx, &case).await?;
        Ok(())
    }

    /// Where no key can be written the rest counts all the same, and it is held as soon as one can.
    async fn hold_or_later(&self, tx: &mut Tx, case: &cases::Case) -> Result<(), Fault> {
        match self.hold_what_must_be(tx, case).await {
            Err(fault) if fault.code == Code::Unavailable => {
                tracing::error!(case.id = %case.id, "what is under legal hold can't be wrapped for it yet");
                Ok(())
            }
            held => held.map(drop),
        }
    }
}

/// A reason as it is kept.
fn reason(text: &str) -> Option<ReportReason> {
    serde_json::from_value(text.into()).ok()
}

/// A case that isn't there.
fn no_case() -> Fault {
    Fault::not_found("That case")
}

#[async_trait]
impl Contract for Moderation {
    async fn report(&self, _cx: &Caller, req: Report) -> Result<ReportId, Fault> {
        self.take_report(req).await
    }

    async fn attach(&self, _cx: &Caller, req: Attach) -> Result<(), Fault> {
        self.attach_to_report(req).await
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

    async fn seen(&self, _cx: &Caller, req: Seen) -> Result<(), Fault> {
        self.seen_from(req).await
    }

    async fn cases(&self, _cx: &Caller, req: CaseList) -> Result<CasePage, Fault> {
        self.list_cases(req).await
    }

    async fn case(&self, _cx: &Caller, req: LookAtCase) -> Result<CaseView, Fault> {
        self.look_at_case(req).await
    }

    async fn give_back(&self, _cx: &Caller, req: LookAtCase) -> Result<(), Fault> {
        self.give_case_back(req).await
    }

    async fn evidence(&self, _cx: &Caller, req: ReadEvidence) -> Result<String, Fault> {
        self.read_evidence(req).await
    }

    async fn decide(&self, _cx: &Caller, req: Decide) -> Result<Decided, Fault> {
        self.decide_case(req).await
    }

    async fn undo(&self, _cx: &Caller, req: Undo) -> Result<(), Fault> {
        self.undo_decision(req).await
    }

    async fn exposed(&self, _cx: &Caller, req: Exposed) -> Result<Exposure, Fault> {
        self.count_exposure(req).await
    }

    async fn appeal(&self, _cx: &Caller, req: Appeal) -> Result<AppealId, Fault> {
        self.take_appeal(req).await
    }

    async fn appeals(&self, _cx: &Caller, req: AppealList) -> Result<AppealPage, Fault> {
        self.list_appeals(req).await
    }

    async fn judge(&self, _cx: &Caller, req: Judge) -> Result<Judged, Fault> {
        self.judge_appeal(req).await
    }
}
