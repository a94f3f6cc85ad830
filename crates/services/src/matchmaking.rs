//! Meeting strangers. This file gathers what a ticket says of a person; `driver` runs the pure queue.

mod driver;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        friends::Friends,
        matchmaking::{self as contract, Enqueue, Holder, Matchmaking as Contract, Wishes},
        rooms::Rooms,
        users::{Seeker, Users},
    },
    id::{SocketId, UserId},
    queue::{self, Met, Pool, Ticket},
    text,
};
use visavis_platform::{Bus, Clock, Db, Dice, Lifecycle, db::calls, session_log::SessionLog};

use driver::{Command, Driver};

/// Requests waiting for the queue: at its speed some ten milliseconds of work. Beyond it, `unavailable`.
const MAX_COMMANDS: usize = 4_096;
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
    /// For recent partners.
    pub db: Db,
    /// For `match-waiting`.
    pub log: SessionLog,
    /// For news.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// For the driver's task.
    pub lifecycle: Lifecycle,
    /// The queue's rules.
    pub settings: queue::Settings,
}

/// The `matchmaking` role.
pub struct Matchmaking {
    deps: Deps,
    commands: mpsc::Sender<Command>,
}

impl std::fmt::Debug for Matchmaking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matchmaking").finish_non_exhaustive()
    }
}

impl Matchmaking {
    /// The role with its driver running.
    pub fn start(deps: Deps) -> Self {
        let (commands, inbox) = mpsc::channel(MAX_COMMANDS);
        deps.lifecycle.spawn("matchmaking", Driver::new(deps.clone()).run(inbox));
        Self { deps, commands }
    }

    /// Sends a command to the driver and waits for its answer.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Fault> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| Fault::unavailable())?;
        answer.await.map_err(|_| Fault::unavailable())
    }

    fn tell(&self, command: Command) -> Result<(), Fault> {
        self.commands.try_send(command).map_err(|_| Fault::unavailable())
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
            pool: Pool::Adult,
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
        self.ask(|reply| Command::Join {
            ticket: Box::new(ticket),
            session: req.session,
            card: Box::new(card),
            reply,
        })
        .await
    }

    async fn cancel(&self, _cx: &Caller, user: UserId) -> Result<bool, Fault> {
        self.ask(|reply| Command::Cancel { user, reply }).await
    }

    async fn park(&self, _cx: &Caller, holder: Holder) -> Result<(), Fault> {
        self.tell(Command::Park(holder))
    }

    async fn unpark(&self, _cx: &Caller, holder: Holder) -> Result<(), Fault> {
        self.tell(Command::Unpark(holder))
    }
}

/// A ticket's other half: where its owner is told, and what the other will see.
#[derive(Debug, Clone)]
struct Seated {
    session: SocketId,
    card: visavis_domain::wire::Card,
}
