//! What an operator does from the machine itself: checks, holds, recomputes, hands in.

use std::{collections::BTreeMap, path::PathBuf};

use visavis_domain::{
    Code, Fault, Timestamp,
    contract::moderation::{Fact, Noticed},
    dsa::{Submission, submission},
    id::CaseId,
    strikes::{AFTERMATH_MS, Act, Input, Output, Rules, Strikes},
};
use visavis_platform::{
    db::{audit, cases, decisions, evidence as rows},
    vault::{Error, Sealed},
};

use super::{
    Moderation, OF_CASE,
    decisions::{DAY, fact, facts, parsed, told},
    evidence::{KEPT, piece_mac, under},
    no_case,
};

/// Rows that are read at once.
const AT_ONCE: i64 = 500;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Pieces of evidence.
    pub pieces: u64,
    /// Of those, how many have ended and wait to be deleted.
    pub ended: u64,
    /// Decisions.
    pub decisions: u64,
    /// Entries of the audit log.
    pub entries: u64,
    /// What isn't as it was written.
    pub wrong: Vec<String>,
    /// Where there should be keys, when there are none: pieces can't be opened for it.
    pub keys_missing: Option<PathBuf>,
    /// How many.
    pub unopened: u64,
}

/// A piece that was kept, of that case until then.
struct Kept {
    case: String,
    until: Timestamp,
}

impl Kept {
    fn of(entry: &audit::Entry) -> Option<(String, Self)> {
        let (case, until) = entry.reason.split_once(' ')?;
        let until = Timestamp::from_millis(until.parse().ok()?);
        Some((entry.object.clone(), Self { case: case.to_owned(), until }))
    }
}

/// A decision by rule, computed once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// As it was.
    pub decision: decisions::Decision,
    /// What these rules make of what was noticed: the same act if that comes of it at any point, else the last one.
    pub again: Option<Act>,
    /// The rules are of the version that it names.
    pub same_rules: bool,
}

impl Replayed {
    /// The same comes of it.
    pub fn is_same(&self) -> bool {
        let was = parsed::<Act>(&self.decision.act).ok();
        self.again.is_some() && was == self.again
    }
}

impl Moderation {
    /// Looks at every piece, every decision and every entry of the audit log.
    pub async fn verify(&self) -> Result<Checked, Fault> {
        let mut found = Checked::default();
        // The log first: what is kept while this is read isn't missed.
        let kept = self.verify_audit(&mut found).await?;
        self.verify_pieces(&mut found, kept).await?;
        self.verify_decisions(&mut found).await?;
        Ok(found)
    }

    async fn verify_decisions(&self, found: &mut Checked) -> Result<(), Fault> {
        // Ids are in the order of time: behind the first that has a MAC all have one, but for what an older version wrote that
        // ran beside this one while it was brought in.
        let (mut after, mut sealed) = (String::new(), None);
        loop {
            let page = decisions::sealed_after(&self.db, &after, AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.0);
            for (name, decision, mac) in &page {
                found.decisions += 1;
                if let (Some(decision), Some(_)) = (decision, mac) {
                    sealed = sealed.or(Some(decision.at + DAY));
                }
                let wrong = match (decision, mac) {
                    (None, _) => "it can't be read as what it is",
                    (Some(decision), None) if sealed.is_some_and(|from| decision.at > from) => {
                        "what seals it is gone"
                    }
                    (Some(decision), Some(mac)) if *mac != decisions::mac(&self.secret, decision) => {
                        "it was changed"
                    }
                    _ => continue,
                };
                found.wrong.push(format!("{name}: {wrong}"));
            }
        }
    }

    /// `kept` are those that must be there.
    async fn verify_pieces(
        &self,
        found: &mut Checked,
        mut kept: BTreeMap<String, Kept>,
    ) -> Result<(), Fault> {
        let (now, mut after) = (self.clock.now(), String::new());
        // Of a copy without keys each piece would seem to have ended.
        let missing = self.vault.lacks_keys().await.map_err(|_| Fault::unavailable())?;
        loop {
            let page = rows::all_after(&self.db, &after, AT_ONCE).await?;
            let Some(last) = page.last() else {
                // Their day may have come meanwhile.
                let now = self.clock.now();
                let missing = kept.into_iter().filter(|(_, kept)| kept.until > now);
                found.wrong.extend(missing.map(|(name, _)| format!("{name}: it is gone before its day")));
                return Ok(());
            };
            after.clone_from(&last.0);
            for (name, piece) in &page {
                kept.remove(name);
                found.pieces += 1;
                let Some(piece) = piece else {
                    found.wrong.push(format!("{name}: it can't be read as what it is"));
                    continue;
                };
                if piece.mac != piece_mac(&self.secret, piece) {
                    found.wrong.push(format!("{}: a byte of it was changed", piece.id));
                    continue;
                }
                let sealed = Sealed { wrapped: piece.wrapped.clone(), body: piece.sealed.clone() };
                match self.vault.unseal(piece.id, under(piece), &sealed).await {
                    Ok(_) => {}
                    Err(Error::Gone) if !piece.held && piece.expires_at <= now => found.ended += 1,
                    Err(Error::Gone) if missing.is_some() => {
                        found.unopened += 1;
                        found.keys_missing.clone_from(&missing);
                    }
                    Err(error) => found.wrong.push(format!("{}: {error}", piece.id)),
                }
            }
        }
    }

    /// Gives the pieces that were kept and whose day hasn't come.
    async fn verify_audit(&self, found: &mut Checked) -> Result<BTreeMap<String, Kept>, Fault> {
        let (now, mut kept) = (self.clock.now(), BTreeMap::new());
        let head = audit::head(&self.db).await?.unwrap_or_else(|| {
            found.wrong.push("audit log: what says where it ends is gone".to_owned());
            audit::Head::default()
        });
        let sealed = head.seal.as_ref().map(|seal| *seal == audit::end(&self.secret, head.n, &head.mac));
        if sealed != Some(true) && head.n > 0 {
            found.wrong.push("audit log: what says where it ends was changed".to_owned());
        }
        if audit::strays(&self.db).await? > 0 {
            found.wrong.push("audit log: it holds entries that nobody wrote".to_owned());
        }
        let (count, last) = (head.n, head.mac);
        let mut before = String::new();
        loop {
            let page = audit::after(&self.db, found.entries, AT_ONCE).await?;
            if page.is_empty() {
                break;
            }
            for entry in &page {
                found.entries += 1;
                if entry.n != found.entries {
                    found.wrong.push(format!("audit log: entry {} is missing", found.entries));
                    found.entries = entry.n;
                } else if entry.mac != audit::mac(&self.secret, &before, entry) {
                    found.wrong.push(format!("audit log: entry {} was changed", entry.n));
                }
                before.clone_from(&entry.mac);
                match entry.act.as_str() {
                    KEPT => kept.extend(Kept::of(entry).filter(|(_, kept)| kept.until > now)),
                    audit::FORGOTTEN => kept.retain(|_, kept| kept.case != entry.object),
                    _ => {}
                }
            }
        }
        // What was added while this was read is no gap.
        if found.entries < count || (found.entries == count && before != last) {
            found.wrong.push(format!("audit log: it ends at {} of {count}", found.entries));
        }
        Ok(kept)
    }

    /// Nothing of the case is deleted any more. How many pieces are held.
    pub async fn hold(&self, id: CaseId, reason: &str) -> Result<u64, Fault> {
        let mut tx = self.db.write().await?;
        let mut case = cases::lock(&mut tx, id).await?.ok_or_else(no_case)?;
        self.audit(&mut tx, "operator", ("hold", &id.to_string()), reason).await?;
        case.held_for = Some(reason.to_owned());
        self.hold_what_must_be(&mut tx, &case).await?;
        cases::write(&mut tx, &case).await?;
        tx.commit().await?;
        let pieces = rows::of_case(&self.db, id, OF_CASE).await?;
        Ok(u64::try_from(pieces.iter().filter(|piece| piece.held).count()).unwrap_or(u64::MAX))
    }

    /// The hold ends: what is past its day is gone at once.
    pub async fn release(&self, id: CaseId, reason: &str) -> Result<(), Fault> {
        let mut tx = self.db.write().await?;
        let mut case = cases::lock(&mut tx, id).await?.ok_or_else(no_case)?;
        if case.held_for.is_none() {
            return Err(Fault::new(Code::WrongState, "That case isn't held."));
        }
        self.audit(&mut tx, "operator", ("release", &id.to_string()), reason).await?;
        case.held_for = None;
        self.release_pieces(&mut tx, &case).await?;
        cases::write(&mut tx, &case).await?;
        tx.commit().await?;
        self.vault.end_hold(id).await.map_err(|_| Fault::unavailable())
    }

    /// Computes every decision by rule of a case once more, from what was noticed.
    pub async fn replay(&self, id: CaseId, rules: &Rules) -> Result<Vec<Replayed>, Fault> {
        let case = cases::by_id(&self.db, id).await?.ok_or_else(no_case)?;
        let all = decisions::all_strikes(&self.db, case.user, OF_CASE).await?;
        let kept = decisions::of_case(&self.db, id, OF_CASE).await?;
        let by_rule = kept.into_iter().filter(|one| one.automated && !one.rule.starts_with("evasion-"));
        by_rule
            .map(|decision| {
                let before: Vec<_> = all.iter().filter(|one| one.at < decision.at).collect();
                let again = replayed(&decision, rules, &before)?;
                let same_rules = decision.version == rules.version;
                Ok(Replayed { decision, again, same_rules })
            })
            .collect()
    }

    /// Decisions since then that were done, in the shape of the EU's transparency database.
    pub async fn export(&self, since: Timestamp) -> Result<Vec<Submission>, Fault> {
        let (mut at, mut id, mut out) = (since, String::new(), Vec::new());
        loop {
            let page = decisions::all_after(&self.db, (at, &id), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(out) };
            (at, id) = (last.at, last.id.to_string());
            for kept in page.iter().filter(|kept| kept.overturned_at.is_none()) {
                let facts: Vec<Fact> = facts(kept)?.iter().map(fact).collect();
                out.push(submission(&kept.id.to_string(), &told(kept, &facts)?));
            }
        }
    }
}

/// What the rules make of what a decision says was noticed; `before` took them out of a call or kept them away before it.
fn replayed(
    kept: &decisions::Decision,
    rules: &Rules,
    before: &[&decisions::Decision],
) -> Result<Option<Act>, Fault> {
    let was: Act = parsed(&kept.act)?;
    let mut strikes = Strikes::new(Rules { dry_run: was.dry_run, ..rules.clone() });
    let memory = DAY * rules.memory_days;
    // As it was then: what was taken back later still stood.
    let stood = before.iter().filter(|one| one.overturned_at.is_none_or(|at| at > kept.at));
    let standing = stood.map(|one| one.at).filter(|at| kept.at.since(*at) < memory).collect();
    strikes.handle(kept.at, Input::Standing(standing));
    // What was noticed until somebody was taken out was settled with that.
    let settled = before.iter().filter(|one| one.automated).map(|one| one.at).max();
    let counts = |noticed: &Noticed| {
        settled.is_none_or(|at| noticed.signal.from.as_millis() - at.as_millis() >= AFTERMATH_MS)
    };
    let (mut found, mut last) = (None, None);
    for noticed in parsed::<Vec<Noticed>>(&kept.signals)?.into_iter().filter(counts) {
        strikes.handle(kept.at, Input::Signal(noticed.signal));
        while let Some(output) = strikes.poll() {
            let Output::Act(act) = output else { continue };
            if act.facts == was.facts && act.action == was.action {
                found = Some(act);
            } else {
                last = Some(act);
            }
        }
    }
    Ok(found.or(last))
}
