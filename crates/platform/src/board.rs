//! Where people are: one hash for each person, a field for each page and one for the call, each with the time until which
//! it holds. Whoever holds a page or a seat writes its field and renews it; a field that nobody renews says nothing more.
//! What it comes to is decided by [`visavis_domain::presence`].

use std::time::Duration;

use visavis_domain::{
    Fault,
    id::{RoomId, SocketId, UserId},
    presence::{Person, Tab, Told},
};

use crate::{Clock, Kv, dials::callee_key, pages::sessions_key, seats::seat_key};

/// A page or a call holds so long without its node's word: three renewals.
pub const LIFE: Duration = Duration::from_mins(3);
/// A page whose connection dropped counts so long: a reload or a tunnel isn't worth telling. A little longer than a seat is
/// kept.
pub const PARTING: Duration = Duration::from_secs(20);
/// A person of whom nothing was heard for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(24);
/// The field of the call.
const CALL: &str = "call";

/// Where everybody is.
#[derive(Debug, Clone)]
pub struct Board {
    kv: Kv,
    clock: Clock,
}

fn key(user: UserId) -> String {
    format!("presence/{user}")
}

fn told_key(user: UserId) -> String {
    format!("told/{user}")
}

/// Forgets where somebody was, and whatever else says so.
pub async fn forget(kv: &Kv, user: UserId) -> Result<(), Fault> {
    for key in [key(user), told_key(user), seat_key(user), callee_key(user), sessions_key(user)] {
        kv.delete(&key).await?;
    }
    Ok(())
}

impl Board {
    /// Over this store.
    pub const fn new(kv: Kv, clock: Clock) -> Self {
        Self { kv, clock }
    }

    async fn put(&self, user: UserId, field: &str, value: String) -> Result<(), Fault> {
        let key = key(user);
        self.kv.hash_put(&key, field, value).await?;
        self.kv.expire(&key, Some(FORGOTTEN)).await
    }

    fn until(&self, life: Duration) -> i64 {
        (self.clock.now() + life).as_millis()
    }

    /// A page is open.
    pub async fn hold(&self, user: UserId, page: SocketId, away: bool) -> Result<(), Fault> {
        let away = if away { " away" } else { "" };
        self.put(user, &page.to_string(), format!("{}{away}", self.until(LIFE))).await
    }

    /// A page's connection dropped: it counts a little longer.
    pub async fn part(&self, user: UserId, page: SocketId) -> Result<(), Fault> {
        self.put(user, &page.to_string(), self.until(PARTING).to_string()).await
    }

    /// A page is gone for good.
    pub async fn leave(&self, user: UserId, page: SocketId) -> Result<(), Fault> {
        self.kv.hash_take(&key(user), &[&page.to_string()]).await.map(drop)
    }

    /// A person is in a call, or in none.
    pub async fn call(&self, user: UserId, room: Option<RoomId>) -> Result<(), Fault> {
        match room {
            Some(room) => self.put(user, CALL, format!("{} {room}", self.until(LIFE))).await,
            None => self.kv.hash_take(&key(user), &[CALL]).await.map(drop),
        }
    }

    /// What is known of a person. What has ended long ago is swept away.
    pub async fn read(&self, user: UserId) -> Result<Person, Fault> {
        let key = key(user);
        let now = self.clock.now();
        let mut person = Person::default();
        for (field, value) in self.kv.hash_all(&key).await? {
            let (until, rest) = value.split_once(' ').unwrap_or((&value, ""));
            let until = until.parse().map(visavis_domain::Timestamp::from_millis).ok();
            match (until, field.parse::<SocketId>(), rest.parse::<RoomId>()) {
                (Some(until), _, _) if until + LIFE < now => {
                    self.kv.hash_take(&key, &[&field]).await?;
                }
                (Some(until), Ok(page), _) => {
                    person.tabs.insert(page, Tab { until, away: rest == "away" });
                }
                (Some(until), _, Ok(room)) if field == CALL => person.call = Some((room, until)),
                _ => {
                    self.kv.hash_take(&key, &[&field]).await?;
                }
            }
        }
        Ok(person)
    }

    /// What their friends were told.
    pub async fn told(&self, user: UserId) -> Result<Told, Fault> {
        let text = self.kv.get(&told_key(user)).await?;
        // A shape that this build doesn't know is as good as nothing.
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Keeps what they are told, if what is kept is still `was`.
    pub async fn keep(&self, user: UserId, was: Told, new: Told) -> Result<bool, Fault> {
        let text = was.to_string();
        let was = (was != Told::default()).then_some(text.as_str());
        self.kv.swap(&told_key(user), was, Some(new.to_string()), Some(FORGOTTEN)).await
    }
}

#[cfg(test)]
mod tests {
    use visavis_domain::{Timestamp, presence::Seen};

    use super::*;

    const ADA: UserId = UserId::from_bits(1);

    #[tokio::test]
    async fn leases_end_by_themselves_and_the_rest_is_as_it_was_said() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let board = Board::new(Kv::memory(clock.clone()), clock.clone());
        let (one, two) = (SocketId::from_bits(1), SocketId::from_bits(2));
        let seen = async || board.read(ADA).await.unwrap().seen(clock.now());
        assert_eq!(seen().await, Seen::Offline);
        board.hold(ADA, one, false).await.unwrap();
        board.hold(ADA, two, true).await.unwrap();
        assert_eq!(seen().await, Seen::Online);
        board.part(ADA, one).await.unwrap();
        assert_eq!(seen().await, Seen::Online, "it may only have been reloaded");
        clock.advance(PARTING);
        assert_eq!(seen().await, Seen::Away);
        board.call(ADA, Some(RoomId::from_bits(1))).await.unwrap();
        assert_eq!(seen().await, Seen::InCall);
        board.call(ADA, None).await.unwrap();
        board.leave(ADA, two).await.unwrap();
        assert_eq!(seen().await, Seen::Offline);
        board.hold(ADA, two, false).await.unwrap();
        board.call(ADA, Some(RoomId::from_bits(1))).await.unwrap();
        clock.advance(LIFE);
        assert_eq!(seen().await, Seen::Offline, "its node has died");
        clock.advance(LIFE + PARTING);
        assert_eq!(board.read(ADA).await.unwrap(), Person::default(), "swept away");
    }

    #[tokio::test]
    async fn of_two_who_tell_one_keeps_it() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let board = Board::new(Kv::memory(clock.clone()), clock.clone());
        let told = |seen, sure| Told { seen, at: clock.now(), sure };
        let first = board.told(ADA).await.unwrap();
        assert!(board.keep(ADA, first, told(Seen::Online, false)).await.unwrap());
        assert!(!board.keep(ADA, first, told(Seen::Away, false)).await.unwrap());
        assert_eq!(board.told(ADA).await.unwrap(), told(Seen::Online, false));
        assert!(board.keep(ADA, told(Seen::Online, false), told(Seen::Online, true)).await.unwrap());
    }
}
