//! A person's reputation, brought up to what is written down whenever somebody looks at it. The rules are pure; here they
//! are given their facts, and their moves are kept.

use std::time::Duration;

use visavis_domain::{Fault, contract::users::Rate, id::UserId, reputation::settle::settle};
use visavis_platform::db::standing;

use super::Users;

/// So far back is looked again: things count at the end of their day, and rows are written a little after what they tell of.
const OVERLAP: Duration = Duration::from_hours(25);
/// A call can be rated for so long.
const RATED_WITHIN: Duration = Duration::from_hours(24);

impl Users {
    /// Takes into account what has happened since the last look. Most looks find nothing and write nothing.
    pub(super) async fn settle(&self, user: UserId) -> Result<(), Fault> {
        let now = self.clock.now();
        let Some((score, looked_at)) = standing::score(&self.db, user).await? else { return Ok(()) };
        // From the beginning of a day on: what counts together is seen together.
        let since = (looked_at - OVERLAP).day();
        let facts = standing::facts(&self.db, user, since, self.clean_call).await?;
        if settle(score, &standing::moves(&self.db, user).await?, &facts, now).is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        // Again under the lock: another look may have been faster.
        let Some(score) = standing::lock(&mut tx, user).await? else { return Ok(()) };
        for step in settle(score, &standing::moves_locked(&mut tx, user).await?, &facts, now) {
            standing::write(&mut tx, user, &step).await?;
        }
        standing::settled(&mut tx, user, now).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn keep_rating(&self, req: Rate) -> Result<(), Fault> {
        if !(1..=5).contains(&req.stars) {
            return Err(Fault::field("stars", "must be 1 to 5"));
        }
        let now = self.clock.now();
        if !standing::was_in(&self.db, req.user, req.room, now - RATED_WITHIN).await? {
            return Err(Fault::not_found("A call of yours within the last 24 hours"));
        }
        Ok(standing::rate(&self.db, req.user, req.room, req.stars, now).await?)
    }
}
