//! Accounts: made at the first sign-in, a profile, the 18+ declaration, a role, a reputation with the ledger that
//! explains it. Whatever strangers type is checked by `domain::text` before it is kept.

mod avatar;
mod held;
mod roles;
mod standing;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault,
    age::AgeClass,
    contract::{
        Caller,
        age_assurance::{AgeAssurance, Assess},
        rooms::RoomKind,
        users::{
            Account, AvatarName, Ensure, Ensured, Find, Grant, PastCall, Patch, Rate, ReputationEntry,
            ReputationView, Seeker, SetAvatar, SetRole, Update, Users as Contract,
        },
    },
    event::Event,
    id::UserId,
    private_id, reputation, text,
    wire::{Card, Me, Role},
};
use visavis_platform::{
    Bus, Clock, Db, Dice,
    db::{
        self, history,
        users::{self, Changes, Entry, User},
    },
    secret::Secret,
};

/// Tries for a private id that nobody has: with 40 bits and a million accounts one fails once in a million.
const PRIVATE_ID_TRIES: usize = 8;

/// How long a good call takes unless it is set.
const CLEAN_CALL: Duration = Duration::from_mins(1);
/// Calls that a person's history shows.
const MAX_CALLS: usize = 20;

/// Limits of profiles.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Languages a profile may name.
    pub max_languages: usize,
    /// Interests a profile may name.
    pub max_interests: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_languages: 8, max_interests: 10 }
    }
}

/// The `users` role.
#[derive(Clone)]
pub struct Users {
    db: Db,
    clock: Clock,
    dice: Dice,
    settings: Settings,
    age: Arc<dyn AgeAssurance>,
    /// How long a good call takes.
    clean_call: Duration,
    /// Where it is told that whom somebody may meet, or what they may do, has changed.
    bus: Option<Bus>,
    /// For the audit log.
    secret: Secret,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

impl Users {
    /// The role over this database.
    pub fn new(
        db: Db,
        (clock, dice, secret): (Clock, Dice, Secret),
        settings: Settings,
        age: Arc<dyn AgeAssurance>,
    ) -> Self {
        Self { db, clock, dice, settings, age, clean_call: CLEAN_CALL, bus: None, secret }
    }

    /// The same, with another length of a good call.
    #[must_use]
    pub const fn with_clean_call(mut self, clean_call: Duration) -> Self {
        self.clean_call = clean_call;
        self
    }

    /// The same, and searches hear what becomes of a person's age, pages of their role.
    #[must_use]
    pub fn with_bus(mut self, bus: Bus) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Should it not be heard: a room is opened by what holds then.
    async fn tell_of_age(&self, user: UserId) {
        if let Some(bus) = &self.bus {
            bus.publish(Event::AgeChanged { user }).await;
        }
    }

    async fn get(&self, id: UserId) -> Result<User, Fault> {
        users::by_id(&self.db, id).await?.ok_or_else(nobody)
    }

    fn fresh(&self, email: String) -> User {
        User {
            id: self.dice.id(&self.clock),
            email,
            private_id: private_id::from_bits(self.dice.u64()),
            display_name: text::random_name(self.dice.u64()),
            bio: String::new(),
            avatar_url: None,
            languages: Vec::new(),
            interests: Vec::new(),
            country: None,
            role: Role::User,
            reputation: reputation::START,
            age_declared_at: None,
            age_class: None,
            hide_ip: false,
            do_not_disturb: false,
            created_at: self.clock.now(),
        }
    }

    fn checked(&self, patch: Patch) -> Result<Changes, Fault> {
        let Patch { display_name, bio, languages, interests, country, hide_ip, do_not_disturb } = patch;
        let Settings { max_languages, max_interests } = self.settings;
        Ok(Changes {
            display_name: display_name.map(|name| text::display_name(&name)).transpose()?,
            bio: bio.map(|bio| text::bio(&bio)).transpose()?,
            languages: languages
                .map(|all| each("languages", &all, max_languages, text::language))
                .transpose()?,
            interests: interests
                .map(|all| each("interests", &all, max_interests, text::interest))
                .transpose()?,
            country: country.map(|c| c.map(|c| text::country(&c)).transpose()).transpose()?,
            hide_ip,
            do_not_disturb,
        })
    }
}

/// Checks each word and drops repetitions, in order.
fn each(
    field: &str,
    words: &[String],
    most: usize,
    check: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Vec<String>, Fault> {
    if words.len() > most {
        return Err(Fault::field(field, format!("at most {most} are possible")));
    }
    let mut checked = Vec::with_capacity(words.len());
    for word in words {
        let word = check(word)?;
        if !checked.contains(&word) {
            checked.push(word);
        }
    }
    Ok(checked)
}

fn nobody() -> Fault {
    Fault::not_found("That person")
}

fn me(user: User) -> Me {
    Me {
        id: user.id,
        display_name: user.display_name,
        avatar_url: user.avatar_url,
        bio: user.bio,
        languages: user.languages,
        interests: user.interests,
        country: user.country,
        private_id: user.private_id,
        reputation: user.reputation,
        band: reputation::band(user.reputation),
        role: user.role,
        age_declared: user.age_declared_at.is_some(),
        hide_ip: user.hide_ip,
        do_not_disturb: user.do_not_disturb,
        created_at: user.created_at,
    }
}

fn card(user: &User) -> Card {
    Card {
        id: user.id,
        display_name: user.display_name.clone(),
        avatar_url: user.avatar_url.clone(),
        band: reputation::band(user.reputation),
    }
}

/// A call as `me` remembers it.
fn remembered(me: UserId, past: history::Past) -> PastCall {
    let called = past.caller.map(|caller| caller != me);
    let answered = past.started_at.is_some() || past.reason.as_deref().is_some_and(|r| ANSWERED.contains(&r));
    let duration = past.started_at.zip(past.ended_at).map(|(from, to)| to.since(from).as_millis());
    let people = past.people.into_iter().map(|other| Card {
        id: other.user,
        display_name: other.display_name,
        avatar_url: other.avatar_url,
        band: reputation::band(other.reputation),
    });
    PastCall {
        room_id: past.room,
        kind: match past.kind.as_str() {
            "friends" => RoomKind::Friends,
            "group" => RoomKind::Group,
            _ => RoomKind::Random,
        },
        at: past.at,
        duration_ms: duration.map_or(0, |ms| u64::try_from(ms).unwrap_or(u64::MAX)),
        incoming: called,
        missed: called == Some(true) && past.ended_at.is_some() && !answered,
        ended_at: past.ended_at,
        reason: past.reason,
        people: people.collect(),
    }
}

/// Ends of calls that whoever was called had something to do with.
const ANSWERED: [&str; 4] = ["declined", "never-joined", "left", "lost"];

#[async_trait]
impl Contract for Users {
    async fn ensure(&self, _cx: &Caller, req: Ensure) -> Result<Ensured, Fault> {
        if let Some(user) = users::by_email(&self.db, &req.email).await? {
            return Ok(Ensured { user: me(user), new_user: false });
        }
        for _ in 0..PRIVATE_ID_TRIES {
            let user = self.fresh(req.email.clone());
            let (delta, reason) = (i32::from(reputation::START), reputation::STARTED.to_owned());
            let first = Entry { at: user.created_at, delta, reason, recover_by: None };
            let mut tx = self.db.write().await?;
            if users::insert(&mut tx, &user, &first).await? {
                tx.commit().await?;
                metrics::counter!("visavis_accounts_total").increment(1);
                return Ok(Ensured { user: me(user), new_user: true });
            }
            drop(tx);
            // Taken is either the address (another sign-in was faster) or the private id (bad luck: throw again).
            if let Some(user) = users::by_email(&self.db, &req.email).await? {
                return Ok(Ensured { user: me(user), new_user: false });
            }
        }
        tracing::error!("no free private id was found");
        Err(Fault::unavailable())
    }

    async fn me(&self, _cx: &Caller, id: UserId) -> Result<Me, Fault> {
        self.settle(id).await?;
        Ok(me(self.get(id).await?))
    }

    async fn update(&self, _cx: &Caller, req: Update) -> Result<Me, Fault> {
        let changes = self.checked(req.patch)?;
        let mut tx = self.db.write().await?;
        let user = users::update(&mut tx, req.user, &changes).await?.ok_or_else(nobody)?;
        tx.commit().await?;
        Ok(me(user))
    }

    async fn rotate_private_id(&self, _cx: &Caller, id: UserId) -> Result<Me, Fault> {
        for _ in 0..PRIVATE_ID_TRIES {
            let fresh = private_id::from_bits(self.dice.u64());
            let mut tx = self.db.write().await?;
            match users::set_private_id(&mut tx, id, &fresh).await {
                // Somebody has it: throw again.
                Err(db::Error::Conflict) => {}
                changed => {
                    let user = changed?.ok_or_else(nobody)?;
                    tx.commit().await?;
                    return Ok(me(user));
                }
            }
        }
        tracing::error!("no free private id was found");
        Err(Fault::unavailable())
    }

    async fn set_avatar(&self, _cx: &Caller, req: SetAvatar) -> Result<(), Fault> {
        self.keep_avatar(req).await
    }

    async fn held(&self, _cx: &Caller, id: UserId) -> Result<serde_json::Value, Fault> {
        self.all_of(id).await
    }

    async fn remove_avatar(&self, _cx: &Caller, id: UserId) -> Result<(), Fault> {
        self.drop_avatar(id).await
    }

    async fn avatar(&self, _cx: &Caller, name: AvatarName) -> Result<String, Fault> {
        self.find_avatar(&name).await
    }

    async fn declare_age(&self, cx: &Caller, id: UserId) -> Result<(), Fault> {
        let class = self.age.assess(cx, Assess { user: id, declares_adult: true }).await?;
        let before = self.get(id).await?;
        let mut tx = self.db.write().await?;
        let Some(class) = class else {
            // What was said earlier doesn't hold any more.
            if users::withdraw_age(&mut tx, id).await? {
                tx.commit().await?;
                self.tell_of_age(id).await;
            }
            return Err(Fault::new(Code::AgeRequired, "Your age could not be confirmed."));
        };
        if !users::declare_age(&mut tx, id, class, self.clock.now()).await? {
            return Err(nobody());
        }
        tx.commit().await?;
        if before.age_declared_at.is_some() && before.age_class.unwrap_or(AgeClass::Adult) != class {
            self.tell_of_age(id).await;
        }
        Ok(())
    }

    async fn card(&self, _cx: &Caller, id: UserId) -> Result<Card, Fault> {
        Ok(card(&self.get(id).await?))
    }

    async fn seeker(&self, _cx: &Caller, id: UserId) -> Result<Seeker, Fault> {
        self.settle(id).await?;
        let user = self.get(id).await?;
        Ok(Seeker {
            card: card(&user),
            reputation: user.reputation,
            languages: user.languages,
            interests: user.interests,
            country: user.country,
            age_declared: user.age_declared_at.is_some(),
            // Of before there were classes.
            age_class: user.age_class.unwrap_or(AgeClass::Adult),
            hide_ip: user.hide_ip,
            do_not_disturb: user.do_not_disturb,
        })
    }

    async fn reputation(&self, _cx: &Caller, id: UserId) -> Result<ReputationView, Fault> {
        self.settle(id).await?;
        let score = self.get(id).await?.reputation;
        let entry = |e: Entry| ReputationEntry {
            at: e.at,
            delta: e.delta,
            kind: reputation::settle::Kind::of_reason(&e.reason),
            reason: e.reason,
            recover_by: e.recover_by,
        };
        let mut entries: Vec<_> = users::ledger(&self.db, id).await?.into_iter().map(entry).collect();
        // What counts at the same time stands by its size: the order in which it happened would say who it was.
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.delta)));
        Ok(ReputationView { score, band: reputation::band(score), entries })
    }

    async fn rate(&self, _cx: &Caller, req: Rate) -> Result<(), Fault> {
        self.keep_rating(req).await
    }

    async fn calls(&self, _cx: &Caller, id: UserId) -> Result<Vec<PastCall>, Fault> {
        let calls = history::of(&self.db, id, MAX_CALLS).await?;
        Ok(calls.into_iter().map(|past| remembered(id, past)).collect())
    }

    async fn grant(&self, _cx: &Caller, req: Grant) -> Result<UserId, Fault> {
        self.grant_by_operator(req).await
    }

    async fn find(&self, _cx: &Caller, req: Find) -> Result<Account, Fault> {
        self.find_account(req).await
    }

    async fn set_role(&self, _cx: &Caller, req: SetRole) -> Result<Account, Fault> {
        self.change_role(req).await
    }
}
