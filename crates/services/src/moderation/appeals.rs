//! Appeals: free, one for each decision, judged by somebody who had no part in it. One that is right gives everything back at
//! once.

use visavis_domain::{
    Code, Fault, Timestamp,
    cases::{Left, State, UNDO_WITHIN},
    contract::moderation::{Appeal, AppealList, AppealPage, Judge, Judged},
    id::{AppealId, CaseId, UserId},
    statement::Language,
};
use visavis_platform::{
    db::{Tx, appeals as rows, cases, decisions, reports, standing, users},
    mail::Mail,
};

use super::{Moderation, OF_CASE, deciding::refused, decisions::DAY, desk::appeal_view, no_case};

/// Appeals of a page.
const PAGE: i64 = 50;
/// Pages that are looked through for one that isn't empty.
const PAGES: usize = 20;
/// Characters of an appeal.
const MAX_TEXT: usize = 2_000;

impl Moderation {
    pub(super) async fn take_appeal(&self, req: Appeal) -> Result<AppealId, Fault> {
        let text = req.text.trim().to_owned();
        let long = text.chars().count();
        if !(1..=MAX_TEXT).contains(&long) || text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c)) {
            return Err(Fault::field("text", format!("must be 1 to {MAX_TEXT} characters of plain text")));
        }
        let now = self.clock.now();
        let decision = decisions::by_id(&self.db, req.decision).await?;
        let mine = decision.filter(|one| one.user == req.user && !one.dry_run && one.action != "none");
        let decision = mine.ok_or_else(|| Fault::not_found("That decision"))?;
        let mut tx = self.db.write().await?;
        let _ = standing::lock(&mut tx, req.user).await?;
        let case = match decision.case {
            Some(case) => cases::lock(&mut tx, case).await?.ok_or_else(no_case)?,
            // From before there were cases.
            None => cases::open_or_join(&mut tx, self.dice.id(&self.clock), req.user, now).await?,
        };
        let new = rows::Appeal {
            id: self.dice.id(&self.clock),
            decision: decision.id,
            case: case.id,
            user: req.user,
            text,
            at: now,
            state: "open".to_owned(),
            judged_at: None,
            note: None,
        };
        let id = rows::insert(&mut tx, &new).await?;
        if id != new.id {
            return Ok(id);
        }
        if decision.overturned_at.is_some() {
            return Err(Fault::new(Code::WrongState, "That decision was taken back already."));
        }
        let mut case = case;
        case.flow.appeal(now, decision.at).map_err(refused)?;
        decisions::join(&mut tx, decision.id, case.id).await?;
        self.reweigh(&mut tx, &mut case, true).await?;
        case.changed_at = now;
        cases::write(&mut tx, &case).await?;
        tx.commit().await?;
        metrics::counter!("visavis_appeals_total").increment(1);
        Ok(id)
    }

    pub(super) async fn list_appeals(&self, req: AppealList) -> Result<AppealPage, Fault> {
        let cursor = req.cursor.unwrap_or_default();
        let mut after = match cursor.split_once(' ') {
            None if cursor.is_empty() => (Timestamp::from_millis(i64::MIN), String::new()),
            Some((at, id)) if id.len() <= 40 && at.parse::<i64>().is_ok() => {
                (Timestamp::from_millis(at.parse().unwrap_or(i64::MIN)), id.to_owned())
            }
            _ => return Err(Fault::field("cursor", "must be the one of the page before")),
        };
        let (mut appeals, mut cursor) = (Vec::new(), None);
        // Where a whole page is against this moderator's own decisions, what they may judge is behind.
        for _ in 0..PAGES {
            let mut page = rows::page(&self.db, "open", (after.0, &after.1), PAGE + 1).await?;
            let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
            let more = page.len() > most;
            page.truncate(most);
            for appeal in &page {
                let Some(against) = decisions::by_id(&self.db, appeal.decision).await? else { continue };
                let Some(case) = cases::by_id(&self.db, appeal.case).await? else { continue };
                let may = self.may_have(&case, req.moderator).await.is_ok();
                if may && against.decided_by != Some(req.moderator) {
                    appeals.push(appeal_view(appeal, &against, req.moderator)?);
                }
            }
            let last = page.last().filter(|_| more);
            cursor = last.map(|one| format!("{} {}", one.at.as_millis(), one.id));
            match last {
                Some(last) if appeals.is_empty() => after = (last.at, last.id.to_string()),
                _ => break,
            }
        }
        Ok(AppealPage { appeals, cursor })
    }

    pub(super) async fn judge_appeal(&self, req: Judge) -> Result<Judged, Fault> {
        let note = self.checked_note(req.note.clone())?;
        let now = self.clock.now();
        let known = rows::by_id(&self.db, req.appeal).await?.ok_or_else(no_appeal)?;
        let mut tx = self.db.write().await?;
        // The account before the case, as everywhere.
        let _ = standing::lock(&mut tx, known.user).await?;
        let mut case = cases::lock(&mut tx, known.case).await?.ok_or_else(no_case)?;
        self.may_have(&case, req.moderator).await?;
        let mut appeal = rows::lock(&mut tx, req.appeal).await?.ok_or_else(no_appeal)?;
        if appeal.state != "open" {
            return Err(Fault::new(Code::WrongState, "It was judged already."));
        }
        let all = decisions::of_case_in(&mut tx, case.id, OF_CASE).await?;
        let decision = decisions::by_id(&self.db, appeal.decision).await?;
        let decision = &decision.ok_or_else(|| Fault::not_found("That decision"))?;
        let heard = reports::of_case_in(&mut tx, case.id, OF_CASE).await?;
        let more = rows::open_in(&mut tx, case.id, OF_CASE).await?.len() > 1;
        let undecided = case.flow.state == State::Open;
        let left = Left { appeals: more, reports: undecided && !heard.is_empty() };
        case.flow.judge(now, req.moderator, decision.decided_by, left).map_err(refused)?;
        let verdict = if req.overturn { "overturned" } else { "upheld" };
        (appeal.state, appeal.judged_at, appeal.note) = (verdict.to_owned(), Some(now), note);
        rows::judged(&mut tx, &appeal, req.moderator).await?;
        let taken_back =
            if req.overturn { self.take_back(&mut tx, decision, now, None).await? } else { Vec::new() };
        let stands = |one: &decisions::Decision| {
            one.id != decision.id && one.overturned_at.is_none() && !one.dry_run && one.action != "none"
        };
        // What was reported and isn't decided yet is another question.
        if !undecided {
            let founded = !req.overturn || all.iter().any(stands);
            reports::found(&mut tx, case.id, now, founded).await?;
        }
        self.reweigh(&mut tx, &mut case, more).await?;
        case.changed_at = now;
        cases::write(&mut tx, &case).await?;
        let object = appeal.id.to_string();
        self.audit(&mut tx, &req.moderator.to_string(), ("judge", &object), &appeal.state).await?;
        self.mail_answer(&mut tx, &appeal, now).await?;
        tx.commit().await?;
        metrics::counter!("visavis_appeals_judged_total", "rule" => decision.rule.clone(), "came" => appeal.state)
            .increment(1);
        if taken_back.is_empty() {
            self.tell(decision).await;
        }
        self.tell_taken_back(&taken_back).await;
        Ok(Judged { decision_id: decision.id, overturned: req.overturn })
    }

    /// A person has found that there was nothing: whoever appealed against what a rule did was right. It can be taken back with
    /// that decision ([`Self::ask_again`]), and until then nobody is mailed.
    pub(super) async fn grant_all(
        &self,
        tx: &mut Tx,
        case: CaseId,
        by: UserId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        for mut appeal in rows::open_in(tx, case, OF_CASE).await? {
            (appeal.state, appeal.judged_at) = ("overturned".to_owned(), Some(now));
            rows::judged(tx, &appeal, by).await?;
            self.mail_answer(tx, &appeal, now + UNDO_WITHIN).await?;
        }
        Ok(())
    }

    /// What was granted at that moment is to be judged again.
    pub(super) async fn ask_again(
        &self,
        tx: &mut Tx,
        case: CaseId,
        by: UserId,
        at: Timestamp,
    ) -> Result<(), Fault> {
        for appeal in rows::reopen(tx, case, by, at).await? {
            self.postbox.take_back(tx, &answer_key(appeal)).await?;
        }
        Ok(())
    }

    async fn mail_answer(&self, tx: &mut Tx, appeal: &rows::Appeal, from: Timestamp) -> Result<(), Fault> {
        let Some(user) = users::by_id(&self.db, appeal.user).await? else { return Ok(()) };
        let overturned = appeal.state == "overturned";
        let (subject, text) = match (Language::of(&user.languages), overturned) {
            (Language::En, true) => (
                "Your appeal",
                "You were right: the decision is taken back, and everything is as it was before.",
            ),
            (Language::En, false) => (
                "Your appeal",
                "Somebody else has looked at it, and the decision stands. You can turn to a certified body for settling \
                 disputes out of court, or to a court.",
            ),
            (Language::De, true) => (
                "Dein Widerspruch",
                "Du hattest recht: Die Entscheidung ist zurückgenommen, und alles ist wie vorher.",
            ),
            (Language::De, false) => (
                "Dein Widerspruch",
                "Jemand anderes hat es sich angesehen, und die Entscheidung bleibt. Du kannst dich an eine zertifizierte \
                 Schlichtungsstelle oder an ein Gericht wenden.",
            ),
        };
        let note = appeal.note.as_ref().map(|note| format!("\n\n{note}")).unwrap_or_default();
        let text = format!("{text}{note}\n\n{}/me#decisions\n", self.public_url);
        let mail = Mail { to: user.email, subject: subject.to_owned(), text };
        let until = self.clock.now() + DAY * 7;
        if self.postbox.put_for(tx, &answer_key(appeal.id), &mail, (from, until)).await.is_err() {
            metrics::counter!("visavis_statements_unmailed_total").increment(1);
        }
        Ok(())
    }
}

fn answer_key(appeal: AppealId) -> String {
    format!("appeal/{appeal}")
}

fn no_appeal() -> Fault {
    Fault::not_found("That appeal")
}
