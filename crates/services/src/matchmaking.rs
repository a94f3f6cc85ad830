//! Meeting strangers. This file gathers what a ticket says of a person and brings it to the store; whichever process
//! leads the pool pairs it (`driver`), and opens the room (`opening`).

mod batch;
mod driver;
mod opening;
mod store;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        friends::Friends,
        matchmaking::{self as contract, Enqueue, Holder, Matchmaking as Contract, Wishes},
        rooms::Rooms,
        users::{Seeker, Users},
    },
    event::Event,
    id::{NodeId, UserId},
    pool::Entry,
    queue::{self, Met, Pool, Ticket},
    strangers, text,
};
use visavis_platform::{Bus, Clock, Db, Dice, Kv, Lifecycle, db::calls, session_log::SessionLog};

use driver::Driver;
use store::Store;

/// Interests and languages a search may name, and countries it may want.
const MAX_INTERESTS: usize = 10;
const MAX_LANGUAGES: usize = 8;
const MAX_COUNTRIES: usize = 8;

/// What the role stands on.
#[derive(Clone)]
pub struct Deps {
    /// Profiles.
    pub users: Arc<dyn Users>,
    /// Blocks.
    pub friends: Arc<dyn Friends>,
    /// Where matched people meet.
    pub rooms: Arc<dyn Rooms>,
    /// For recent partners, and the epochs of leaders.
    pub db: Db,
    /// Tickets.
    pub kv: Kv,
    /// For `match-waiting`.
    pub log: SessionLog,
    /// For news.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// For the drivers' tasks.
    pub lifecycle: Lifecycle,
    /// This process.
    pub node: NodeId,
    /// The queue's rules.
    pub settings: queue::Settings,
    /// Which way media goes.
    pub strangers: strangers::Settings,
}

/// The `matchmaking` role.
pub struct Matchmaking {
    deps: Arc<Deps>,
}

impl std::fmt::Debug for Matchmaking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matchmaking").finish_non_exhaustive()
    }
}

impl Matchmaking {
    /// The role, with a driver for each pool that leads it or would like to.
    pub fn start(deps: Deps) -> Self {
        let deps = Arc::new(deps);
        for pool in Pool::ALL {
            deps.lifecycle.keep("matchmaking", Driver::new(Arc::clone(&deps), pool).run());
        }
        Self { deps }
    }

    fn store(&self, pool: Pool) -> Store {
        Store::new(self.deps.kv.clone(), pool)
    }

    /// The socket is away, or back. Another session's word changes nothing.
    async fn set_away(&self, holder: Holder, away: bool) -> Result<(), Fault> {
        for pool in Pool::ALL {
            let edit = |entry: &mut Entry| {
                let changes = entry.session == holder.session && entry.away != away;
                entry.away = away;
                changes
            };
            self.store(pool).edit(holder.user, edit).await?;
            self.deps.bus.publish(Event::PoolGrew { pool }).await;
        }
        Ok(())
    }

    async fn ticket(&self, cx: &Caller, req: &Enqueue) -> Result<Ticket, Fault> {
        let now = self.deps.clock.now();
        let (seeker, blocked) = tokio::try_join!(
            self.deps.users.seeker(cx, req.user),
            self.deps.friends.blocked_either_way(cx, req.user)
        )?;
        if !seeker.age_declared {
            return Err(Fault::new(Code::AgeRequired, "Please confirm first that you are 18 or older."));
        }
        let window = Duration::from_secs(self.deps.settings.rematch_window_s);
        let met = calls::partners_since(&self.deps.db, req.user, now - window).await.map_err(Fault::from)?;
        let recent = met.into_iter().map(|(user, at)| Met { user, until: at + window }).collect();
        let wishes = checked(&req.wishes, &seeker)?;
        Ok(Ticket {
            id: req.ticket,
            user: req.user,
            pool: Pool::of(seeker.age_class),
            reputation: seeker.reputation,
            languages: wishes.languages.unwrap_or_default(),
            interests: wishes.interests.unwrap_or_default(),
            country: seeker.country,
            countries: wishes.countries.unwrap_or_default(),
            blocked,
            recent,
            since: req.since.filter(|since| *since <= now).unwrap_or(now),
        })
    }
}

/// The wishes in normal form, with the profile's where none are named.
fn checked(wishes: &Wishes, seeker: &Seeker) -> Result<Wishes, Fault> {
    let or_profile =
        |wish: &Option<Vec<String>>, profile: &[String]| wish.clone().unwrap_or_else(|| profile.to_vec());
    let interests = or_profile(&wishes.interests, &seeker.interests);
    let languages = or_profile(&wishes.languages, &seeker.languages);
    let countries = wishes.countries.clone().unwrap_or_default();
    Ok(Wishes {
        interests: Some(each("interests", &interests, MAX_INTERESTS, text::interest)?),
        languages: Some(each("languages", &languages, MAX_LANGUAGES, text::language)?),
        countries: Some(each("countries", &countries, MAX_COUNTRIES, text::country)?),
    })
}

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

#[async_trait]
impl Contract for Matchmaking {
    async fn enqueue(&self, cx: &Caller, req: Enqueue) -> Result<contract::Ticket, Fault> {
        let ticket = self.ticket(cx, &req).await?;
        let card = self.deps.users.card(cx, req.user).await?;
        let (pool, place) = (ticket.pool, contract::Ticket { ticket_id: ticket.id, since: ticket.since });
        // Whoever is of another class than before waits in another pool.
        for other in Pool::ALL.into_iter().filter(|other| *other != pool) {
            self.store(other).take(req.user).await?;
        }
        if self.store(pool).put(&Entry { ticket, session: req.session, card, away: false }).await? {
            self.deps.bus.publish(Event::PoolGrew { pool }).await;
        }
        Ok(place)
    }

    async fn cancel(&self, _cx: &Caller, user: UserId) -> Result<bool, Fault> {
        let mut waited = false;
        for pool in Pool::ALL {
            waited |= self.store(pool).take(user).await?;
        }
        Ok(waited)
    }

    async fn park(&self, _cx: &Caller, holder: Holder) -> Result<(), Fault> {
        self.set_away(holder, true).await
    }

    async fn unpark(&self, _cx: &Caller, holder: Holder) -> Result<(), Fault> {
        self.set_away(holder, false).await
    }
}
