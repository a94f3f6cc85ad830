//! The queue of cases, and all of one case. Whoever opens an open case has it for a while.

use visavis_domain::{
    Fault,
    cases::{Flow, Refused, State, UNDO_WITHIN, measure, voices},
    contract::moderation::{
        AppealView, CaseKind, CaseList, CasePage, CaseRow, CaseView, DecisionRow, EvidenceKind, EvidenceRow,
        LookAtCase, ReportReason, ReportRow, SignalRow,
    },
    id::UserId,
    strikes::{Act, Concern},
};
use visavis_platform::db::{appeals, cases, decisions, evidence as pieces, reports};

use super::{
    Moderation, OF_CASE,
    decisions::{appeal_state, parsed, parsed_word},
    evidence::{PIECES, busy},
    no_case, reason,
};

/// Cases of a page.
const PAGE: i64 = 50;
/// The longest cursor of ours.
const CURSOR: usize = 64;
/// Signals of a case that are shown: the newest.
const SIGNALS: usize = 500;

impl Moderation {
    pub(super) async fn list_cases(&self, req: CaseList) -> Result<CasePage, Fault> {
        let after = req.cursor.unwrap_or_default();
        if after.len() > CURSOR || !after.bytes().all(|b| b.is_ascii_alphanumeric() || b" _".contains(&b)) {
            return Err(Fault::field("cursor", "must be the one of the page before"));
        }
        let wanted = cases::Wanted {
            state: req.state,
            reported: req.kind == Some(CaseKind::Reported),
            noticed: req.kind == Some(CaseKind::Noticed),
            minor: req.kind == Some(CaseKind::Minor),
            after: &after,
            for_whom: req.moderator,
            now: self.clock.now(),
        };
        let mut page = cases::page(&self.db, &wanted, PAGE + 1).await?;
        let more = page.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
        page.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
        let cursor = page.last().filter(|_| more).map(|(_, place)| place.clone());
        let cases = page.iter().map(|(case, _)| self.row(case, req.moderator)).collect();
        Ok(CasePage { cases, cursor, exposure: self.exposure_of(req.moderator).await? })
    }

    fn row(&self, case: &cases::Case, moderator: UserId) -> CaseRow {
        let now = self.clock.now();
        let mine = case.flow.lease.filter(|lease| lease.by == moderator && lease.until > now);
        CaseRow {
            id: case.id,
            user_id: case.user,
            state: case.flow.state,
            priority: case.priority,
            reported: case.reported,
            noticed: case.noticed,
            minor: case.minor,
            opened_at: case.opened_at,
            mine_until: mine.map(|lease| lease.until),
            held: case.held_for.is_some(),
        }
    }

    pub(super) async fn look_at_case(&self, req: LookAtCase) -> Result<CaseView, Fault> {
        let LookAtCase { moderator, case: id } = req;
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        let mut case =
            cases::lock(&mut tx, id).await?.filter(|case| case.user != moderator).ok_or_else(no_case)?;
        self.may_have(&case, moderator).await?;
        let is_mine = case.flow.lease.is_some_and(|lease| lease.by == moderator && lease.until > now);
        match case.flow.take(now, moderator) {
            Ok(()) => cases::write(&mut tx, &case).await?,
            Err(Refused::Busy(left)) => return Err(busy(left)),
            // It is decided, or an appeal for somebody else: to be read.
            Err(_) => {}
        }
        // Who reported, and what they wrote, is nothing to be read without a trace.
        if !is_mine {
            self.audit(&mut tx, &moderator.to_string(), ("open", &id.to_string()), "").await?;
        }
        tx.commit().await?;
        self.view(&case, moderator).await
    }

    pub(super) async fn give_case_back(&self, req: LookAtCase) -> Result<(), Fault> {
        let mut tx = self.db.write().await?;
        let case = cases::lock(&mut tx, req.case).await?;
        let mut case = case.filter(|case| case.user != req.moderator).ok_or_else(no_case)?;
        case.flow.give_back(req.moderator);
        cases::write(&mut tx, &case).await?;
        Ok(tx.commit().await?)
    }

    async fn view(&self, case: &cases::Case, moderator: UserId) -> Result<CaseView, Fault> {
        let now = self.clock.now();
        let decided = decisions::of_case(&self.db, case.id, OF_CASE).await?;
        let heard = reports::of_case(&self.db, case.id, OF_CASE).await?;
        let mut tx = self.db.write().await?;
        let ties = reports::ties(&mut tx, case.id, OF_CASE).await?;
        drop(tx);
        let said: Vec<voices::Voice> = heard.iter().map(|report| report.voice).collect();
        let weight = voices::weigh(&said, &ties);
        let since = now - super::decisions::DAY * self.settings.strike_days;
        let earlier = decisions::strikes(&self.db, case.user, since, OF_CASE).await?;
        let suspensions = earlier.iter().filter(|one| one.action == "suspend").count();
        let earlier: Vec<_> = earlier.iter().filter(|one| one.case != Some(case.id)).collect();
        let appealed = appeals::of_case(&self.db, case.id, OF_CASE).await?;
        let appealed = appealed.iter().filter_map(|appeal| {
            let against = decided.iter().find(|one| one.id == appeal.decision)?;
            Some(appeal_view(appeal, against, moderator))
        });
        Ok(CaseView {
            case: self.row(case, moderator),
            signals: signals(&decided)?,
            decisions: decided.iter().map(|one| decision_row(one, moderator)).collect::<Result<_, _>>()?,
            reports: heard.iter().map(report_row).collect(),
            evidence: pieces::of_case(&self.db, case.id, PIECES)
                .await?
                .iter()
                .filter_map(piece_row)
                .collect(),
            appeals: appealed.collect::<Result<_, _>>()?,
            earlier: earlier.into_iter().map(|one| decision_row(one, moderator)).collect::<Result<_, _>>()?,
            brigade: weight.brigade,
            baiting: weight.baiting,
            undo_until: undo_until(&case.flow, moderator).filter(|until| *until >= now),
            suggested_hours: measure::hours(None, Concern::Other, suspensions),
            exposure: self.exposure_of(moderator).await?,
        })
    }
}

fn undo_until(flow: &Flow, moderator: UserId) -> Option<visavis_domain::Timestamp> {
    let mine = flow.decided.filter(|decided| flow.state == State::Decided && decided.by == moderator)?;
    Some(mine.at + UNDO_WITHIN)
}

fn signals(decided: &[decisions::Decision]) -> Result<Vec<SignalRow>, Fault> {
    let mut all: Vec<SignalRow> = Vec::new();
    for one in decided {
        for noticed in parsed::<Vec<visavis_domain::contract::moderation::Noticed>>(&one.signals)? {
            let signal = noticed.signal;
            if all.iter().any(|known| known.id == signal.id) {
                continue;
            }
            all.push(SignalRow {
                id: signal.id,
                at: signal.from,
                concern: signal.concern,
                modality: signal.modality,
                score: signal.score,
                scores: noticed.scores,
                server: signal.server,
            });
        }
    }
    all.sort_by_key(|signal| (signal.at, signal.id));
    Ok(all.split_off(all.len().saturating_sub(SIGNALS)))
}

pub(super) fn decision_row(kept: &decisions::Decision, moderator: UserId) -> Result<DecisionRow, Fault> {
    let act: Act = parsed(&kept.act)?;
    Ok(DecisionRow {
        id: kept.id,
        at: kept.at,
        action: kept.action.clone(),
        concern: parsed_word(&kept.concern)?,
        rule: kept.rule.clone(),
        version: kept.version.clone(),
        automated: kept.automated,
        dry_run: kept.dry_run,
        mine: kept.decided_by == Some(moderator),
        facts: act.facts,
        until: kept.until,
        note: kept.note.clone(),
        overturned_at: kept.overturned_at,
    })
}

pub(super) fn appeal_view(
    appeal: &appeals::Appeal,
    against: &decisions::Decision,
    moderator: UserId,
) -> Result<AppealView, Fault> {
    Ok(AppealView {
        appeal: appeal_state(appeal),
        case_id: appeal.case,
        user_id: appeal.user,
        text: appeal.text.clone(),
        decision: decision_row(against, moderator)?,
    })
}

fn report_row(heard: &reports::Heard) -> ReportRow {
    ReportRow {
        id: heard.id,
        at: heard.at,
        reason: reason(&heard.reason).unwrap_or(ReportReason::Other),
        note: heard.note.clone(),
        room_id: heard.room,
        reporter_id: heard.voice.who,
        credibility: heard.voice.credibility,
        unfounded: heard.voice.unfounded,
        founded: heard.voice.founded,
        provoked: heard.voice.provoked,
    }
}

fn piece_row(piece: &pieces::Evidence) -> Option<EvidenceRow> {
    let kind = match piece.kind.as_str() {
        "picture" => EvidenceKind::Picture,
        "transcript" => EvidenceKind::Transcript,
        _ => return None,
    };
    Some(EvidenceRow {
        id: piece.id,
        kind,
        source: piece.source.clone(),
        at: piece.at,
        expires_at: piece.expires_at,
        held: piece.held,
    })
}
