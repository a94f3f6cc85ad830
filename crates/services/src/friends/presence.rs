//! Telling friends where somebody is. What is done in which order is decided by the pure `Teller`.

use futures_util::{StreamExt, stream};
use visavis_domain::{
    Fault, Timestamp,
    event::ServerEvent,
    id::UserId,
    presence::{Input, Seen, Step, Teller},
};
use visavis_platform::db::{friendships, users};

use super::Friends;

/// Steps of one look: some four for each time that somebody else was at it. Whoever gives up leaves it to them.
const MAX_STEPS: usize = 64;
/// Friends who are looked up or told at once.
const AT_ONCE: usize = 16;

impl Friends {
    /// Tells a person's friends where they are, if that is something else than what they were told.
    pub(super) async fn look_at(&self, user: UserId) -> Result<(), Fault> {
        let mut teller = Teller::default();
        for _ in 0..MAX_STEPS {
            let input = match teller.poll() {
                Step::Look => {
                    let Some(account) = users::by_id(&self.deps.db, user).await? else { return Ok(()) };
                    let told = self.board.told(user).await?;
                    Input::Looked { seen: self.seen(user, account.do_not_disturb).await?, told }
                }
                Step::Keep { was, new } => Input::Kept(self.board.keep(user, was, new).await?),
                Step::Tell(seen, at) => {
                    self.tell_friends(user, seen, at).await?;
                    Input::Did
                }
                Step::Done => return Ok(()),
            };
            teller.handle(self.deps.clock.now(), input);
        }
        Ok(())
    }

    /// What friends see of a person now.
    pub(super) async fn seen(&self, user: UserId, hidden: bool) -> Result<Seen, Fault> {
        let mut person = self.board.read(user).await?;
        person.hidden = hidden;
        Ok(person.seen(self.deps.clock.now()))
    }

    async fn tell_friends(&self, user: UserId, presence: Seen, at: Timestamp) -> Result<(), Fault> {
        let most = i64::from(self.deps.settings.max_friends);
        let friends = friendships::of(&self.deps.db, user, most).await?;
        let event = ServerEvent::Presence { user_id: user, presence, at };
        stream::iter(friends)
            .for_each_concurrent(AT_ONCE, |friend| {
                let event = &event;
                async move { self.pages.tell(friend.other.user, event).await }
            })
            .await;
        Ok(())
    }

    /// Where each of these is, in their order.
    pub(super) async fn all_seen(&self, friends: &[friendships::Friend]) -> Result<Vec<Seen>, Fault> {
        let who: Vec<_> = friends.iter().map(|friend| (friend.other.user, friend.hidden)).collect();
        let looks = who.into_iter().map(|(user, hidden)| self.seen(user, hidden));
        let seen: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        seen.into_iter().collect()
    }
}
