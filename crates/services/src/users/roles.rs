//! What admins do with accounts: look one up, and say who moderates. All of it is in the audit log; of an address that was
//! looked for nothing is written anywhere.

use visavis_domain::{
    Code, Fault, Timestamp,
    contract::users::{Account, Away, Find, Grant, SetRole},
    event::Event,
    id::UserId,
    otp::Email,
    private_id, text,
    wire::Role,
};
use visavis_platform::db::{
    audit, decisions,
    users::{self, User},
};

use super::{Users, card, nobody};

/// Whoever runs the machine.
const OPERATOR: &str = "operator";
/// Suspensions that are looked at.
const SUSPENSIONS: i64 = 100;

/// By what somebody is looked for.
enum Who {
    Id(UserId),
    Email(Email),
    PrivateId(String),
}

impl Who {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Some(Self::Id(id));
        }
        if text.contains('@') {
            return Email::parse(text).ok().map(Self::Email);
        }
        private_id::parse(text).ok().map(Self::PrivateId)
    }
}

impl Users {
    pub(super) async fn find_account(&self, req: Find) -> Result<Account, Fault> {
        let why = text::reason("reason", &req.reason)?;
        let who = Who::parse(&req.who);
        let who = who.ok_or_else(|| Fault::field("who", "must be a whole address, private id or id"))?;
        let found = match who {
            Who::Id(id) => users::by_id(&self.db, id).await?,
            Who::Email(email) => users::by_email(&self.db, email.as_str()).await?,
            Who::PrivateId(id) => users::by_private_id(&self.db, &id).await?,
        };
        let object = found.as_ref().map_or_else(|| "nobody".to_owned(), |user| user.id.to_string());
        let mut tx = self.db.write().await?;
        let (actor, at) = (req.admin.to_string(), self.clock.now());
        let deed = audit::Deed { at, actor: &actor, act: "find", object: &object, reason: &why };
        audit::write(&mut tx, &self.secret, &deed).await?;
        tx.commit().await?;
        self.account(found.ok_or_else(nobody)?).await
    }

    pub(super) async fn change_role(&self, req: SetRole) -> Result<Account, Fault> {
        let SetRole { admin, user, role, reason } = req;
        let why = text::reason("reason", &reason)?;
        if admin == user {
            return Err(Fault::new(
                Code::Forbidden,
                "Another admin has to do that: nobody changes their own role.",
            ));
        }
        self.give(user, role, Some(admin), &why).await?;
        self.account(self.get(user).await?).await
    }

    /// From the machine itself.
    pub(super) async fn grant_by_operator(&self, req: Grant) -> Result<UserId, Fault> {
        let email = Email::parse(&req.email)?;
        let user = users::by_email(&self.db, email.as_str()).await?;
        let user = user.ok_or_else(|| Fault::not_found("An account with that address"))?.id;
        self.give(user, req.role, None, "").await?;
        Ok(user)
    }

    /// One admin always stays: whoever does it is one, also at the end of it, and doesn't do it to themselves.
    async fn give(&self, user: UserId, role: Role, admin: Option<UserId>, why: &str) -> Result<(), Fault> {
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        // In one order, so that of two who do it to one another one comes first.
        let mut both: Vec<UserId> = admin.into_iter().chain([user]).collect();
        both.sort_unstable();
        let mut before = None;
        for id in both {
            let held = users::lock_role(&mut tx, id).await?;
            if Some(id) == admin && held != Some(Role::Admin) {
                return Err(Fault::new(Code::Forbidden, "This is for admins."));
            }
            if id == user {
                before = held;
            }
        }
        if before.ok_or_else(nobody)? == role {
            return Ok(());
        }
        let actor = admin.map_or_else(|| OPERATOR.to_owned(), |admin| admin.to_string());
        let (object, reason) = (user.to_string(), format!("{} {why}", role.as_str()));
        let deed =
            audit::Deed { at: now, actor: &actor, act: "role", object: &object, reason: reason.trim() };
        audit::write(&mut tx, &self.secret, &deed).await?;
        users::set_role(&mut tx, user, role).await?;
        tx.commit().await?;
        tracing::info!(user.id = %user, user.role = role.as_str(), "a role was granted");
        if let Some(bus) = &self.bus {
            bus.publish(Event::RoleChanged { user, at: now }).await;
        }
        Ok(())
    }

    async fn account(&self, user: User) -> Result<Account, Fault> {
        let (now, ever) = (self.clock.now(), Timestamp::from_millis(0));
        let standing = decisions::strikes(&self.db, user.id, ever, SUSPENSIONS).await?;
        let runs = standing.into_iter().filter_map(|one| Some(Away { until: one.until?, rule: one.rule }));
        Ok(Account {
            card: card(&user),
            suspended: runs.filter(|away| away.until > now).max_by_key(|away| away.until),
            private_id: user.private_id,
            role: user.role,
            created_at: user.created_at,
        })
    }
}
