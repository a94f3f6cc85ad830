//! `visavis evidence` and `visavis moderation`: what an operator does about cases from the machine itself, whether the place
//! runs or not. Everything that changes something is in the audit log.

use std::{path::PathBuf, time::Duration};

use visavis_domain::{Fault, strikes::Act, text};
use visavis_platform::{
    Clock, Db, Dice, Lifecycle, Vault,
    db::{audit, overview},
    mail::Postbox,
};
use visavis_services::moderation::{
    Deps, Moderation,
    tools::{Checked, Replayed},
};
use visavis_workers::rules;

use crate::{
    Failure,
    cli::{EvidenceCommand, ModerationCommand},
    config::Config,
    shared,
};

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Something isn't as it was written.
    #[error("{0} of them aren't as they were written")]
    Changed(usize),
    /// A decision comes out otherwise.
    #[error("{0} of the decisions come out otherwise")]
    Differs(usize),
    /// Pieces can't be opened, for there is no key.
    #[error("{0} pieces of evidence can't be opened: there are no keys in {1}")]
    NoKeys(u64, PathBuf),
    /// The keys can't be reached.
    #[error(transparent)]
    Keys(#[from] visavis_platform::vault::SetupError),
}

async fn role(config: &Config) -> Result<(Db, Moderation), Failure> {
    let (clock, dice) = (Clock::System, Dice::Secure);
    let (db, secret) = shared::place(config).await?;
    let lifecycle = Lifecycle::default();
    let (_, bus) = shared::open(config, &clock, &dice, &lifecycle).await?;
    let settings = config.moderation.clone();
    let vault = Vault::open_made(&settings.evidence, &config.data, secret.clone(), dice.clone()).await;
    let deps = Deps {
        db: db.clone(),
        postbox: Postbox::new(secret.clone(), clock.clone(), dice.clone(), bus.clone()),
        clock,
        dice,
        bus,
        secret,
        vault: vault.map_err(Trouble::from)?,
        public_url: config.public_url.clone().unwrap_or_default(),
        settings,
    };
    Ok((db, Moderation::new(deps)))
}

/// Runs one command and says what it did.
pub async fn evidence(config: &Config, command: EvidenceCommand) -> Result<(), Failure> {
    let (db, role) = role(config).await?;
    match command {
        EvidenceCommand::Verify => {
            let found = role.verify().await?;
            for line in &found.wrong {
                println!("{line}");
            }
            let Checked { pieces, ended, decisions, entries, wrong, keys_missing, unopened } = found;
            println!(
                "{pieces} pieces of evidence ({ended} have ended), {decisions} decisions, {entries} entries of the audit log"
            );
            if let Some(folder) = &keys_missing {
                println!(
                    "there are no keys in {}: a copy without them can't be opened, so of {unopened} pieces only what seals them was checked",
                    folder.display()
                );
            }
            if !wrong.is_empty() {
                return Err(Trouble::Changed(wrong.len()).into());
            }
            if let Some(folder) = keys_missing {
                return Err(Trouble::NoKeys(unopened, folder).into());
            }
        }
        EvidenceCommand::Log { last } => {
            let end = audit::head(&db).await.map_err(Fault::from)?.map_or(0, |head| head.n);
            let from = end.saturating_sub(last.into());
            for entry in audit::after(&db, from, last.into()).await.map_err(Fault::from)? {
                println!("{}", logged(&entry));
            }
        }
        EvidenceCommand::Hold { case, reason } => {
            let held = role.hold(case, &checked(&reason)?).await?;
            println!("{case} is held with {held} pieces of evidence until it is released");
        }
        EvidenceCommand::Release { case, reason } => {
            role.release(case, &checked(&reason)?).await?;
            println!("{case} is held no longer: what is past its day is gone");
        }
    }
    db.close().await;
    Ok(())
}

/// Runs one command and says what it found.
pub async fn decisions(config: &Config, command: ModerationCommand) -> Result<(), Failure> {
    let (db, role) = role(config).await?;
    match command {
        ModerationCommand::Cases { state, limit } => {
            let all = overview::cases(&db, state, limit.into()).await.map_err(Fault::from)?;
            if all.is_empty() {
                println!("no case is {}", state.as_str());
            }
            for case in &all {
                println!("{}", listed(case));
            }
        }
        ModerationCommand::Replay { case, rules: file } => {
            let given = file.is_some();
            let file: Option<PathBuf> = file.or_else(|| config.watch.rules.clone());
            let rules = rules::load(file.as_deref())?;
            let all = role.replay(case, &rules).await?;
            let differ = all.iter().filter(|one| !one.is_same()).count();
            if all.is_empty() {
                println!("{case} has no decisions by rule: there is nothing to compute again");
            }
            for one in &all {
                println!("{}", line(one, &rules.version, given));
            }
            if differ > 0 {
                return Err(Trouble::Differs(differ).into());
            }
        }
        ModerationCommand::Export { days } => {
            let since = Clock::System.now() - Duration::from_hours(24) * days;
            for one in role.export(since).await? {
                println!("{}", serde_json::to_string(&one).map_err(|_| Fault::internal())?);
            }
        }
    }
    db.close().await;
    Ok(())
}

/// A case on a line.
fn listed(case: &overview::Listed) -> String {
    let overview::Listed { id, state, opened_at, priority, user, reports, decisions, pieces, held } = case;
    let held = if *held { ", held" } else { "" };
    format!(
        "{id}  {state:8}  since {opened_at}  priority {priority}  about {user}  {reports} reports, {decisions} decisions, {pieces} pieces of evidence{held}"
    )
}

/// An entry on a line, its parts apart by tabs.
fn logged(entry: &audit::Entry) -> String {
    let audit::Entry { n, at, actor, act, object, reason, mac } = entry;
    let line: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{n}\t{at}\t{actor}\t{act}\t{object}\t{line}\t{mac}")
}

/// `given`: whoever asks has said which rules.
fn line(one: &Replayed, version: &str, given: bool) -> String {
    let was = &one.decision;
    let word = if one.is_same() {
        "the same".to_owned()
    } else {
        let before = serde_json::from_str(&was.act).ok();
        let (was, now) = (outcome(before.as_ref()), outcome(one.again.as_ref()));
        let others = if was == now { ", but others" } else { "" };
        format!("OTHERWISE (was: {was}, now: {now}{others})")
    };
    let rules = match (one.same_rules, given) {
        (true, _) => String::new(),
        (false, true) => format!(" (by rules {version}; it was decided by {})", was.version),
        (false, false) => {
            format!(" (rules {version}, but it was decided by {}: give those with --rules)", was.version)
        }
    };
    format!("{}  {}  {}  {}  {word}{rules}", was.id, was.at, was.action, was.rule)
}

/// What came of it, in words.
fn outcome(act: Option<&Act>) -> String {
    let Some(act) = act else { return "nothing".to_owned() };
    let hours = act.hours.map(|hours| format!(" for {hours} h")).unwrap_or_default();
    let tried = if act.dry_run { ", written down only" } else { "" };
    let action = serde_json::to_value(act.action).unwrap_or_default();
    let action = action.as_str().unwrap_or("?");
    format!("{action}{hours} by {} on {} signals{tried}", act.rule, act.facts.len())
}

fn checked(reason: &str) -> Result<String, Fault> {
    text::reason("--reason", reason)
}

#[cfg(test)]
mod tests {
    use visavis_domain::{
        Timestamp,
        id::{CaseId, DecisionId, RoomId, SignalId, UserId},
        strikes::{Action, Concern},
    };
    use visavis_platform::db::decisions::Decision;

    use super::*;

    fn act(action: Action, hours: Option<u32>) -> Act {
        Act {
            action,
            hours,
            concern: Concern::Nudity,
            rule: "nudity-picture".to_owned(),
            version: "1".to_owned(),
            facts: vec![SignalId::from_bits(1)],
            keep_days: 10,
            dry_run: false,
        }
    }

    fn replayed(again: Option<Act>, same_rules: bool) -> Replayed {
        let was = act(Action::Suspend, Some(24));
        let decision = Decision {
            id: DecisionId::from_bits(1),
            user: UserId::from_bits(1),
            room: RoomId::from_bits(1),
            at: Timestamp::from_millis(0),
            action: "suspend".to_owned(),
            concern: "nudity".to_owned(),
            rule: was.rule.clone(),
            version: "1".to_owned(),
            until: None,
            automated: true,
            dry_run: false,
            act: serde_json::to_string(&was).unwrap(),
            signals: "[]".to_owned(),
            case: None,
            decided_by: None,
            note: None,
            reports: 0,
            because_of: None,
            overturned_at: None,
        };
        Replayed { decision, again, same_rules }
    }

    #[test]
    fn what_comes_out_otherwise_is_told_and_nobody_is_asked_for_what_they_gave() {
        let suspend = || act(Action::Suspend, Some(24));
        let same = line(&replayed(Some(suspend()), true), "1", true);
        assert!(same.ends_with("suspend  nudity-picture  the same"), "{same}");
        let warned = line(&replayed(Some(act(Action::Warn, None)), false), "2", true);
        let words = "OTHERWISE (was: suspend for 24 h by nudity-picture on 1 signals, now: warn by nudity-picture on 1 signals) \
                     (by rules 2; it was decided by 1)";
        assert!(warned.ends_with(words), "{warned}");
        let nothing = line(&replayed(None, false), "2", false);
        assert!(
            nothing.contains("now: nothing") && nothing.ends_with("give those with --rules)"),
            "{nothing}"
        );
        let others = Act { facts: vec![SignalId::from_bits(2)], ..suspend() };
        let other = line(&replayed(Some(others), true), "1", true);
        assert!(other.contains("on 1 signals, but others)"), "{other}");
    }

    #[test]
    fn an_entry_is_one_line_whatever_the_reason_says() {
        let entry = audit::Entry {
            n: 7,
            at: Timestamp::from_millis(0),
            actor: "operator".to_owned(),
            act: "hold".to_owned(),
            object: CaseId::from_bits(1).to_string(),
            reason: "a\ncourt\tasked".to_owned(),
            mac: "MAC".to_owned(),
        };
        let line = logged(&entry);
        assert_eq!(line.split('\t').count(), 7);
        assert!(!line.contains('\n') && line.ends_with("\ta court asked\tMAC"), "{line}");
    }
}
