//! The end of an account: everything of it in one transaction, what lies outside the database by a job right after. Whoever is
//! kept away at that moment stays so: not their address is remembered, but what it comes to under the secret key.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::auth::{Erase, Erased, Kept},
    event::Event,
    id::{RoomId, UserId},
    strikes::{Act, Action, Concern},
};
use visavis_platform::db::{
    Tx,
    belongings::{self, KeptAway},
    decisions, logins, standing, users,
};

use super::Auth;

/// Whoever can't take it back must have shown who they are so shortly before (protocol section 2).
const FRESH: Duration = Duration::from_mins(10);
/// What a suspension is called that an address had before its account.
const EARLIER: &str = "earlier-account";
/// Decisions that are looked at.
const DECISIONS: i64 = 100;

impl Auth {
    pub(super) async fn erase_account(&self, req: Erase) -> Result<Erased, Fault> {
        let now = self.now();
        let login = logins::by_id(&self.deps.db, req.login).await?.filter(|login| login.user == req.user);
        let login = login.ok_or_else(super::unauthorized)?;
        if now.since(login.created_at) > FRESH {
            let fault =
                Fault::new(Code::ReauthRequired, "Please sign in once more: this can't be taken back.");
            return Err(fault);
        }
        let mut tx = self.deps.db.write().await?;
        if users::is_last_admin(&mut tx, req.user).await? {
            let why = "You are the only admin here. Make somebody else one first (Users and roles), then erase your account.";
            return Err(Fault::new(Code::Conflict, why));
        }
        // Whatever is decided about them comes before this, and is seen, or finds nobody.
        standing::lock(&mut tx, req.user).await?.ok_or_else(super::unauthorized)?;
        let since = Timestamp::from_millis(0);
        let standing = decisions::strikes_in(&mut tx, req.user, since, DECISIONS).await?;
        let runs =
            standing.iter().filter(|d| d.until.is_some_and(|until| until > now)).max_by_key(|d| d.until);
        let suspended = runs.and_then(|d| Some(KeptAway { until: d.until?, concern: d.concern.clone() }));
        let in_place = self.deps.dice.id(&self.deps.clock);
        let Some(gone) = belongings::erase(&mut tx, (&self.deps.secret, now), req.user, in_place).await?
        else {
            return Err(super::unauthorized());
        };
        if let Some(suspended) = &suspended {
            belongings::keep_away(&mut tx, &self.address_mac(&gone.email), suspended).await?;
        }
        self.deps.postbox.forget(&mut tx, req.user, &gone.email).await?;
        tx.commit().await?;
        for (other, request) in gone.friends {
            self.deps.bus.publish(Event::Parted { user: req.user, other, request }).await;
        }
        for login in gone.logins {
            self.deps.bus.publish(Event::LoginRevoked { login }).await;
        }
        self.deps.postbox.nudge().await;
        metrics::counter!("visavis_accounts_erased_total").increment(1);
        let held = (gone.held > 0).then(|| Kept {
            what: "blurred pictures or words of a call, without your name".to_owned(),
            why: "they are under legal hold".to_owned(),
            until: None,
        });
        let kept = suspended.map(|suspended| Kept {
            what: "that your address is suspended (not the address itself: a code made from it with a secret key)".to_owned(),
            why: "a suspension that runs holds for whoever comes back with the same address".to_owned(),
            until: Some(suspended.until),
        });
        Ok(Erased { erased_at: now, kept: kept.into_iter().chain(held).collect() })
    }

    /// A new account of an address that was to stay away stays away.
    pub(super) async fn remember_suspension(
        &self,
        tx: &mut Tx,
        user: UserId,
        email: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let kept = belongings::take_away(tx, &self.address_mac(email)).await?;
        let Some(KeptAway { until, concern }) = kept.filter(|kept| kept.until > now) else { return Ok(()) };
        let act = Act {
            action: Action::Suspend,
            hours: None,
            concern: serde_json::from_value(concern.as_str().into()).unwrap_or(Concern::Harassment),
            rule: EARLIER.to_owned(),
            version: EARLIER.to_owned(),
            facts: Vec::new(),
            keep_days: 7,
            dry_run: false,
        };
        let decision = decisions::Decision {
            id: self.deps.dice.id(&self.deps.clock),
            user,
            room: RoomId::from_bits(0),
            at: now,
            action: "suspend".to_owned(),
            concern,
            rule: EARLIER.to_owned(),
            version: EARLIER.to_owned(),
            until: Some(until),
            automated: true,
            dry_run: false,
            act: serde_json::to_string(&act).map_err(|_| Fault::internal())?,
            signals: "[]".to_owned(),
            case: None,
            decided_by: None,
            note: None,
            reports: 0,
            because_of: None,
            overturned_at: None,
        };
        decisions::insert(tx, &self.deps.secret, &decision).await?;
        Ok(())
    }

    fn address_mac(&self, email: &str) -> String {
        let mac = self.deps.secret.mac("address that stays away", &[email.as_bytes()]);
        URL_SAFE_NO_PAD.encode(mac)
    }
}
