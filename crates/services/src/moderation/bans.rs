//! Suspensions that hold: the devices and, for a few days, the networks of whoever is suspended are known as MACs, and an
//! account that is made there afterwards is suspended until the same end. Where that may hit somebody else (an older account,
//! a network that others use as well) nothing is done; it is only written down, for a moderator to see.

use visavis_domain::{
    Fault, Timestamp,
    cases::measure::SHARED_BY,
    contract::moderation::Seen,
    id::{DecisionId, RoomId, UserId},
    strikes::{Act, Action, Concern},
};
use visavis_platform::db::{
    self, Tx,
    bans::{self as rows, Ban, From},
    cases, decisions, standing, users,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Moderation, decisions::DAY, decisions::json};

/// Accounts that came one after the other, each because of the one before.
const CHAIN: usize = 20;
/// The rules that this stands on.
const VERSION: &str = "evasion-1";
/// Who uses a network is counted over so long.
const COUNTED_DAYS: u32 = 30;
/// The longest token of a device, or text of a network.
const LONGEST: usize = 64;

impl Moderation {
    pub(super) async fn seen_from(&self, req: Seen) -> Result<(), Fault> {
        let now = self.clock.now();
        let given = [("device", &req.device), ("network", &req.network)];
        if given.iter().any(|(_, text)| text.as_ref().is_some_and(|text| text.len() > LONGEST)) {
            return Err(Fault::bad_request("That isn't a device or network of ours."));
        }
        let from: Vec<From> =
            given.iter().filter_map(|(kind, text)| Some(self.place(kind, text.as_ref()?))).collect();
        if from.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        for one in &from {
            match rows::saw(&mut tx, req.user, one, now).await {
                Err(db::Error::Missing) => return Ok(()),
                written => written?,
            }
        }
        tx.commit().await?;
        if self.standing_of(req.user).await?.suspended.is_some() {
            return Ok(());
        }
        for one in &from {
            if let Some(ban) = rows::running(&self.db, req.user, &one.mac, now).await? {
                return self.came_back(req.user, one, &ban, now).await;
            }
        }
        Ok(())
    }

    fn place(&self, kind: &'static str, text: &str) -> From {
        let mac = self.secret.mac("seen from", &[kind.as_bytes(), text.as_bytes()]);
        From { kind, mac: BASE64_URL_SAFE_NO_PAD.encode(mac) }
    }

    /// Somebody signs in where somebody who is suspended was.
    async fn came_back(&self, user: UserId, from: &From, ban: &Ban, now: Timestamp) -> Result<(), Fault> {
        let Some(account) = users::by_id(&self.db, user).await? else { return Ok(()) };
        let newer = account.created_at >= ban.since;
        let shared = match from.kind {
            "network" => {
                let since = (now - DAY * COUNTED_DAYS, now);
                let most = i64::try_from(SHARED_BY).unwrap_or(i64::MAX);
                let others = rows::others(&self.db, user, &from.mac, since, most).await?;
                usize::try_from(others).unwrap_or(usize::MAX) >= SHARED_BY
            }
            _ => false,
        };
        let held = newer && !shared;
        // An older account on a network is nothing but a neighbour.
        if !held && from.kind == "network" {
            return Ok(());
        }
        let act = Act {
            action: Action::Suspend,
            hours: None,
            concern: Concern::Evasion,
            rule: format!("evasion-{}", from.kind),
            version: VERSION.to_owned(),
            facts: Vec::new(),
            keep_days: 7,
            dry_run: !held,
        };
        let mut tx = self.db.write().await?;
        if standing::lock(&mut tx, user).await?.is_none() {
            return Ok(());
        }
        let mut case = cases::open_or_join(&mut tx, self.dice.id(&self.clock), user, now).await?;
        // Who was taken for somebody once isn't taken for them again: not when it stands, and not when it was taken back.
        let root = first_of(&mut tx, ban.decision).await?;
        for evaded in decisions::evaded(&mut tx, user, super::OF_CASE).await? {
            if first_of(&mut tx, evaded).await? == root {
                return Ok(());
            }
        }
        let decision = decisions::Decision {
            id: self.dice.id(&self.clock),
            user,
            room: RoomId::from_bits(0),
            at: now,
            action: "suspend".to_owned(),
            concern: "evasion".to_owned(),
            rule: act.rule.clone(),
            version: act.version.clone(),
            until: Some(ban.until),
            automated: true,
            dry_run: !held,
            act: json(&act)?,
            signals: "[]".to_owned(),
            case: Some(case.id),
            decided_by: None,
            note: None,
            reports: 0,
            because_of: Some(ban.decision),
            overturned_at: None,
        };
        decisions::insert(&mut tx, &self.secret, &decision).await?;
        self.reweigh(&mut tx, &mut case, false).await?;
        case.changed_at = now;
        cases::write(&mut tx, &case).await?;
        if held {
            self.follow(&mut tx, &decision, now).await?;
        }
        tx.commit().await?;
        let dry = if held { "false" } else { "true" };
        metrics::counter!("visavis_evasions_total", "by" => from.kind, "dry_run" => dry).increment(1);
        self.tell(&decision).await;
        Ok(())
    }
}

/// The suspension that all these are for evading.
async fn first_of(tx: &mut Tx, mut decision: DecisionId) -> Result<DecisionId, Fault> {
    for _ in 0..CHAIN {
        match decisions::evades(tx, decision).await? {
            Some(before) => decision = before,
            None => break,
        }
    }
    Ok(decision)
}
