//! `visavis evidence` and `visavis moderation`: what an operator does about cases from the machine itself, whether the place
//! runs or not. Everything that changes something is in the audit log.

use std::{path::PathBuf, time::Duration};

use visavis_domain::{Fault, text};
use visavis_platform::{Clock, Db, Dice, Lifecycle, Vault, mail::Postbox, secret::Secret};
use visavis_services::moderation::{
    Deps, Moderation,
    tools::{Checked, Replayed},
};
use visavis_workers::rules;

use crate::{
    Failure,
    cli::{EvidenceCommand, ModerationCommand},
    config::{Config, Hidden},
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
    /// The rules can't be read.
    #[error("{0}")]
    Rules(String),
    /// The keys can't be reached.
    #[error(transparent)]
    Keys(#[from] visavis_platform::vault::SetupError),
}

async fn role(config: &Config) -> Result<(Db, Moderation), Failure> {
    let (clock, dice) = (Clock::System, Dice::Secure);
    let db = Db::open(&config.database, &config.data).await?;
    let secret = Secret::load(config.secret_key.as_ref().map(Hidden::expose), &config.data, &dice)?;
    let lifecycle = Lifecycle::default();
    let (_, bus) = shared::open(config, &clock, &dice, &lifecycle).await?;
    let settings = config.moderation.clone();
    let vault = Vault::open(&settings.evidence, &config.data, secret.clone(), dice.clone()).await;
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
            let Checked { pieces, ended, decisions, entries, .. } = found;
            println!(
                "{pieces} pieces of evidence ({ended} have ended), {decisions} decisions, {entries} entries of the audit log"
            );
            if !found.wrong.is_empty() {
                return Err(Trouble::Changed(found.wrong.len()).into());
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
        ModerationCommand::Replay { case, rules: file } => {
            let file: Option<PathBuf> = file.or_else(|| config.watch.rules.clone());
            let rules = rules::load(file.as_deref()).map_err(|error| Trouble::Rules(error.to_string()))?;
            let all = role.replay(case, &rules).await?;
            let differ = all.iter().filter(|one| !one.is_same()).count();
            for one in &all {
                println!("{}", line(one, &rules.version));
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

fn line(one: &Replayed, version: &str) -> String {
    let was = &one.decision;
    let word = if one.is_same() { "the same" } else { "OTHERWISE" };
    let rules = if one.same_rules {
        String::new()
    } else {
        format!(" (rules {version}, but it was decided by {}: give them with --rules)", was.version)
    };
    format!("{}  {}  {}  {}  {word}{rules}", was.id, was.at, was.action, was.rule)
}

fn checked(reason: &str) -> Result<String, Fault> {
    text::reason("--reason", reason)
}
