//! Between two people: for now the blocks.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        friends::{Block, Friends as Contract, Pair},
    },
    event::Event,
    id::UserId,
    reputation,
    wire::Card,
};
use visavis_platform::{
    Bus, Clock, Db,
    db::{self, blocks},
};

/// Limits of what is between two people.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// People that one person may block.
    pub max_blocks: u32,
}

impl Default for Settings {
    fn default() -> Self {
        // As many ids as matchmaking carries along with a ticket: some 300 KB.
        Self { max_blocks: 10_000 }
    }
}

/// The `friends` role.
#[derive(Debug, Clone)]
pub struct Friends {
    db: Db,
    clock: Clock,
    bus: Bus,
    settings: Settings,
}

impl Friends {
    /// The role over this database.
    pub fn new(db: Db, clock: Clock, bus: Bus, settings: Settings) -> Self {
        Self { db, clock, bus, settings }
    }
}

#[async_trait]
impl Contract for Friends {
    async fn block(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        if pair.user == pair.other {
            return Err(Fault::bad_request("You can't block yourself."));
        }
        let most = i64::from(self.settings.max_blocks);
        let mut tx = self.db.write().await?;
        let before = blocks::count_locked(&mut tx, pair.user, most).await?;
        let new = match blocks::insert(&mut tx, pair.user, pair.other, self.clock.now()).await {
            Err(db::Error::Missing) => return Err(Fault::not_found("That person")),
            written => written?,
        };
        if new && before >= u64::from(self.settings.max_blocks) {
            return Err(Fault::new(Code::Conflict, "You have blocked as many people as possible."));
        }
        tx.commit().await?;
        // Also when it was there already: the event may have been lost the first time.
        self.bus.publish(Event::Blocked { user: pair.user, other: pair.other }).await;
        Ok(())
    }

    async fn unblock(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        let mut tx = self.db.write().await?;
        blocks::delete(&mut tx, pair.user, pair.other).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn blocks(&self, _cx: &Caller, user: UserId) -> Result<Vec<Block>, Fault> {
        let rows = blocks::of(&self.db, user, i64::from(self.settings.max_blocks)).await?;
        let block = |row: blocks::Blocked| Block {
            user: Card {
                id: row.user,
                display_name: row.display_name,
                avatar_url: row.avatar_url,
                band: reputation::band(row.reputation),
            },
            since: row.at,
        };
        Ok(rows.into_iter().map(block).collect())
    }

    async fn blocked_either_way(&self, _cx: &Caller, user: UserId) -> Result<Vec<UserId>, Fault> {
        Ok(blocks::either_way(&self.db, user).await?)
    }
}
