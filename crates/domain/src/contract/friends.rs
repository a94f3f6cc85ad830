//! Between two people: for now the blocks; requests and lists come with friends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::UserId, wire::Card};

crate::contract! {
    /// Who never wants to meet whom.
    "friends" => trait Friends {
        /// From now on the two are never matched or found, whichever asks. Ends what is between them.
        fn block(Pair) -> () [idempotent, 2000 ms];
        /// Takes my block back (the other's stays).
        fn unblock(Pair) -> () [idempotent, 2000 ms];
        /// Whom I blocked, newest first.
        fn blocks(UserId) -> Vec<Block> [idempotent, 2000 ms];
        /// Everybody with a block between them and me, in either direction.
        fn blocked_either_way(UserId) -> Vec<UserId> [idempotent, 2000 ms];
    }
}

/// One person's act towards another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Who acts.
    pub user: UserId,
    /// Towards whom.
    pub other: UserId,
}

/// One of my blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Whom.
    pub user: Card,
    /// Since when.
    pub since: Timestamp,
}
