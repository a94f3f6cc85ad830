//! What is so of a person's calls and of reports about them, as moves of their score. Pure, and the same however often it is
//! asked: every cause counts once, losses are forgiven when their time has come, and what was gained fades back toward the
//! start when nobody has met the person for a while.
//!
//! What calls and reports do counts at the end of the day (UTC), for everybody: a score that moved with a call, or didn't,
//! would say who reported or blocked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DAILY_GAIN, DAILY_LOSS, MAX, REPORT_LOSS, START};
use crate::{Timestamp, strikes::Action};

/// A report is forgiven after so long.
pub const FORGIVEN_AFTER: Duration = Duration::from_hours(30 * 24);
/// A point above the start fades after so long without a good call.
pub const FADES_AFTER: Duration = Duration::from_hours(30 * 24);
/// One person's reports about another count once in so long.
const SAME_REPORTER: Duration = Duration::from_hours(30 * 24);
const DAY: Duration = Duration::from_hours(24);
/// A decision is forgiven after so long.
pub const DECISION_FORGIVEN_AFTER: Duration = Duration::from_hours(90 * 24);
/// Reports in a month from which on somebody's reports count for less, and for nothing.
const MANY: u64 = 10;
const TOO_MANY: u64 = 30;

/// Why a score moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A good call.
    CleanCall,
    /// A report.
    Reported,
    /// A report is forgiven.
    Recovered,
    /// A gain has faded.
    Faded,
    /// Something was decided about them.
    Decided,
    /// A decision was taken back.
    Overturned,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::CleanCall, Self::Reported, Self::Recovered, Self::Faded, Self::Decided, Self::Overturned];

    /// What has these words.
    pub fn of_reason(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.reason() == words)
    }

    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CleanCall => "clean-call",
            Self::Reported => "reported",
            Self::Recovered => "recovered",
            Self::Faded => "faded",
            Self::Decided => "decided",
            Self::Overturned => "overturned",
        }
    }

    /// In the person's words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::CleanCall => "A good call without complaints.",
            Self::Reported => "Somebody you met reported a call with you. It is forgiven after 30 days.",
            Self::Recovered => "Something is forgiven: its time has passed, or it came to nothing.",
            Self::Faded => {
                "Trust fades a little when nobody has met you for 30 days. A good call brings it back."
            }
            Self::Decided => {
                "Something was decided about a call of yours; your profile says what, and how to appeal. It is forgiven after \
                 90 days."
            }
            Self::Overturned => "A decision about you was taken back, and what it had cost you with it.",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Why.
    pub kind: Kind,
    /// Its cause: with the kind it counts once.
    pub source: String,
    /// When.
    pub at: Timestamp,
    /// By how much.
    pub delta: i32,
    /// When a loss is forgiven.
    pub recover_by: Option<Timestamp>,
}

/// When something of that moment counts: at the end of its day. Decisions count at once, for whoever is decided about is told
/// the moment anyway, in the statement of reasons.
pub fn counted(at: Timestamp) -> Timestamp {
    if at.day() == at { at } else { (at + DAY).day() }
}

/// A report about the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The report.
    pub id: String,
    /// By whom.
    pub reporter: String,
    /// When.
    pub at: Timestamp,
    /// How far the reporter is believed, 0 to 100.
    pub credibility: u8,
}

/// A decision about the person that costs them trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The decision.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What it costs.
    pub points: u8,
    /// When it was taken back.
    pub overturned_at: Option<Timestamp>,
}

/// What a decision costs: what a rule did on its own less than what a person found. A warning by a rule costs nothing, for one
/// observation is none.
pub const fn cost(action: Action, automated: bool) -> u8 {
    match (action, automated) {
        (Action::Warn | Action::Blur | Action::Mute, true) => 0,
        (Action::Warn | Action::Blur | Action::Mute, false) | (Action::Remove, true) => 5,
        (Action::Remove, false) => 8,
        (Action::Suspend, true) => 10,
        (Action::Suspend, false) => 15,
    }
}

/// What has happened since it was last asked (what was counted before may be in it again).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Good calls and when they ended.
    pub clean: Vec<(String, Timestamp)>,
    /// Calls that were good but for a block at their end.
    pub blocked: Vec<(String, Timestamp)>,
    /// Reports.
    pub reports: Vec<Report>,
    /// Reports that came to nothing, as `reporter report`, and when that was found.
    pub cleared: Vec<(String, Timestamp)>,
    /// Decisions.
    pub rulings: Vec<Ruling>,
}

/// What is known of somebody who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reporter {
    /// Their own score.
    pub score: u8,
    /// How long they had their account then.
    pub age: Duration,
    /// How many reports they made in the month before, this one included.
    pub lately: u64,
}

/// How far somebody is believed, 0 to 100.
pub fn credibility(who: &Reporter) -> u8 {
    let by_score = match super::band(who.score) {
        crate::wire::Band::Low => 0,
        crate::wire::Band::New => 50,
        crate::wire::Band::Good | crate::wire::Band::Trusted => 100,
    };
    let by_age = if who.age < DAY { by_score / 2 } else { by_score };
    if who.lately > TOO_MANY {
        0
    } else if who.lately > MANY {
        by_age / 2
    } else {
        by_age
    }
}

enum Due<'a> {
    Clean(&'a str),
    Report(&'a Report),
    Ruling(&'a Ruling),
    Overturn { source: &'a str, points: i32 },
    Forgive { source: String, points: i32 },
    Fade,
}

/// The moves that are due at `now`, in order, for somebody with that score and those moves before.
pub fn settle(score: u8, before: &[Step], facts: &Facts, now: Timestamp) -> Vec<Step> {
    let mut book = Book { score, steps: before.to_vec() };
    let (mut clean, mut reports) = (good(facts), facts.reports.clone());
    for report in &mut reports {
        report.at = counted(report.at);
    }
    clean.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    reports.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let (mut calls, mut complaints) = (clean.iter().peekable(), reports.iter().peekable());
    loop {
        let next_call = calls.peek().map(|call| (call.1, Due::Clean(&call.0)));
        let next_report = complaints.peek().map(|report| (report.at, Due::Report(report)));
        let decided = [book.ruling(&facts.rulings), book.overturn(&facts.rulings)];
        let forgiven = book.forgiveness(&facts.cleared);
        let due = [next_call, next_report, forgiven, book.fading()].into_iter().chain(decided).flatten();
        let Some((at, due)) = due.filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at) else { break };
        match due {
            Due::Clean(source) => {
                book.clean(source, at);
                calls.next();
            }
            Due::Report(report) => {
                book.reported(report);
                complaints.next();
            }
            Due::Ruling(ruling) => {
                let (points, until) = (i32::from(ruling.points), at + DECISION_FORGIVEN_AFTER);
                book.take(Kind::Decided, ruling.id.clone(), at, -points, Some(until));
            }
            Due::Overturn { source, points } => {
                book.take(Kind::Overturned, source.to_owned(), at, points, None);
            }
            Due::Forgive { source, points } => book.take(Kind::Recovered, source, at, points, None),
            Due::Fade => book.take(Kind::Faded, at.as_millis().to_string(), at, -1, None),
        }
    }
    book.steps.split_off(before.len())
}

/// The good calls and when they count. One block in a day takes nothing away, for a single missing point would tell who it was;
/// several do.
fn good(facts: &Facts) -> Vec<(String, Timestamp)> {
    let alone = |(_, at): &&(String, Timestamp)| {
        facts.blocked.iter().filter(|(_, other)| counted(*other) == counted(*at)).count() == 1
    };
    let all = facts.clean.iter().chain(facts.blocked.iter().filter(alone));
    all.map(|(room, at)| (room.clone(), counted(*at))).collect()
}

struct Book {
    score: u8,
    steps: Vec<Step>,
}

impl Book {
    fn knows(&self, kind: Kind, source: &str) -> bool {
        self.steps.iter().any(|step| step.kind == kind && step.source == source)
    }

    /// Points of that kind within a day of `at`.
    fn in_a_day(&self, kind: Kind, at: Timestamp) -> u8 {
        let near = |step: &&Step| step.kind == kind && step.at.since(at).max(at.since(step.at)) < DAY;
        let points: u32 = self.steps.iter().filter(near).map(|step| step.delta.unsigned_abs()).sum();
        u8::try_from(points).unwrap_or(u8::MAX)
    }

    /// A move of no points is kept where it shows that its cause has been looked at.
    fn take(&mut self, kind: Kind, source: String, at: Timestamp, delta: i32, recover_by: Option<Timestamp>) {
        let moved = (i32::from(self.score) + delta).clamp(0, i32::from(MAX));
        let delta = moved - i32::from(self.score);
        self.score = u8::try_from(moved).unwrap_or(self.score);
        self.steps.push(Step { kind, source, at, delta, recover_by });
    }

    fn clean(&mut self, source: &str, at: Timestamp) {
        if self.knows(Kind::CleanCall, source) {
            return;
        }
        let gain = DAILY_GAIN.saturating_sub(self.in_a_day(Kind::CleanCall, at)).min(1);
        self.take(Kind::CleanCall, source.to_owned(), at, i32::from(gain), None);
    }

    fn reported(&mut self, report: &Report) {
        let source = format!("{} {}", report.reporter, report.id);
        if self.knows(Kind::Reported, &source) {
            return;
        }
        let same = |step: &Step| {
            step.kind == Kind::Reported
                && step.source.split(' ').next() == Some(&report.reporter)
                && report.at.since(step.at) < SAME_REPORTER
        };
        let weight = if self.steps.iter().any(same) { 0 } else { u16::from(report.credibility.min(100)) };
        let believed = u8::try_from((u16::from(REPORT_LOSS) * weight + 50) / 100).unwrap_or(0);
        let loss = DAILY_LOSS.saturating_sub(self.in_a_day(Kind::Reported, report.at)).min(believed);
        let recover_by = (loss > 0).then(|| report.at + FORGIVEN_AFTER);
        self.take(Kind::Reported, source, report.at, -i32::from(loss), recover_by);
    }

    /// The next decision that costs something.
    fn ruling<'a>(&self, all: &'a [Ruling]) -> Option<(Timestamp, Due<'a>)> {
        let new = all.iter().filter(|ruling| ruling.points > 0 && !self.knows(Kind::Decided, &ruling.id));
        new.min_by_key(|ruling| (ruling.at, &ruling.id)).map(|ruling| (ruling.at, Due::Ruling(ruling)))
    }

    /// The next one that is taken back: all that it has cost comes back at once, unless it is forgiven already.
    fn overturn<'a>(&self, all: &'a [Ruling]) -> Option<(Timestamp, Due<'a>)> {
        let open = |ruling: &&Ruling| {
            let (id, gone) = (&ruling.id, [Kind::Overturned, Kind::Recovered]);
            self.knows(Kind::Decided, id) && !gone.into_iter().any(|kind| self.knows(kind, id))
        };
        let over = all.iter().filter(open).filter_map(|ruling| Some((ruling.overturned_at?, ruling)));
        let (at, ruling) = over.min_by_key(|(at, ruling)| (*at, &ruling.id))?;
        let step = self.steps.iter().find(|step| step.kind == Kind::Decided && step.source == ruling.id)?;
        Some((at.max(step.at), Due::Overturn { source: &ruling.id, points: -step.delta }))
    }

    /// The next loss that is forgiven: when its time has come, or a report came to nothing.
    fn forgiveness(&self, cleared: &[(String, Timestamp)]) -> Option<(Timestamp, Due<'static>)> {
        let open = |step: &&Step| {
            matches!(step.kind, Kind::Reported | Kind::Decided)
                && step.delta < 0
                && !self.knows(Kind::Recovered, &step.source)
                && !self.knows(Kind::Overturned, &step.source)
        };
        let when = |step: &Step| {
            let found = cleared.iter().find(|(source, _)| *source == step.source);
            let found = found.map(|(_, at)| (*at).max(step.at));
            match step.kind {
                // What comes to nothing is given back at once: by then it is told already.
                Kind::Reported => found.into_iter().chain(step.recover_by.map(counted)).min(),
                _ => step.recover_by,
            }
        };
        let first = self
            .steps
            .iter()
            .filter(open)
            .filter_map(|s| when(s).map(|at| (at, s)))
            .min_by_key(|(at, _)| *at);
        first.map(|(at, step)| (at, Due::Forgive { source: step.source.clone(), points: -step.delta }))
    }

    /// When the next point above the start fades: since the last good call, or the last one that faded or was forgiven.
    fn fading(&self) -> Option<(Timestamp, Due<'static>)> {
        let counts = |step: &&Step| !matches!(step.kind, Kind::Reported | Kind::Decided);
        let since = self.steps.iter().filter(counts).map(|step| step.at).max()?;
        (self.score > START).then_some((since + FADES_AFTER, Due::Fade))
    }
}

#[cfg(test)]
mod tests;
