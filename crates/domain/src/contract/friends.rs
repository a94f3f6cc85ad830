//! Between two people: blocks, requests, friendships.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{RequestId, UserId},
    presence::Seen,
    wire::Card,
};

crate::contract! {
    /// Who never wants to meet whom, and who wants to meet again.
    "friends" => trait Friends {
        /// From now on the two are never matched or found, whichever asks. Ends what is between them. The answer is the same
        /// whoever that is, and whether there is anybody.
        fn block(Pair) -> () [idempotent, 2000 ms];
        /// Takes my block back (the other's stays).
        fn unblock(Pair) -> () [idempotent, 2000 ms];
        /// Whom I blocked, newest first.
        fn blocks(UserId) -> Vec<Block> [idempotent, 2000 ms];
        /// Everybody with a block between them and me, in either direction.
        fn blocked_either_way(UserId) -> Vec<UserId> [idempotent, 2000 ms];
        /// Whose private id that is. Who blocks me, or is blocked by me, is nobody.
        fn find(Find) -> Card [idempotent, 2000 ms];
        /// Asks somebody to be friends. When they have asked me, we are.
        fn ask(Ask) -> Asked [idempotent, 2000 ms];
        /// Says yes to a request.
        fn accept(Answer) -> Friend [idempotent, 2000 ms];
        /// Doesn't want to see a request; whoever asked isn't told.
        fn decline(Answer) -> () [idempotent, 2000 ms];
        /// Takes my request back.
        fn withdraw(Answer) -> () [idempotent, 2000 ms];
        /// Ends a friendship; where there is none, that is so already.
        fn remove(Pair) -> () [idempotent, 2000 ms];
        /// Requests to me and of mine, newest first.
        fn requests(UserId) -> Requests [idempotent, 2000 ms];
        /// Something about where a person is may have changed: their friends are told if it has.
        fn look(UserId) -> () [idempotent, 5000 ms];
        /// Whether I may call somebody: only a friend. Whether one has blocked the other is not told.
        fn may_call(Pair) -> () [idempotent, 2000 ms];
        /// My friends, by name.
        fn friends(UserId) -> Vec<Friend> [idempotent, 2000 ms];
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
    /// Whom. The name of nobody is empty; whoever blocks me looks like nobody.
    pub user: Card,
    /// Since when.
    pub since: Timestamp,
}

/// A look-up of a private id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// Who asks.
    pub user: UserId,
    /// As it was typed.
    pub private_id: String,
}

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who asks.
    pub user: UserId,
    /// Whom.
    pub whom: Whom,
}

/// By what somebody is named who may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whom {
    /// Their private id, as it was typed.
    PrivateId(String),
    /// Somebody I met within the last 24 hours.
    Met(UserId),
}

/// What a wish has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// They are asked.
    Waiting(FriendRequest),
    /// They had asked me.
    Friends(Friend),
}

/// What somebody does about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who.
    pub user: UserId,
    /// Which request.
    pub request: RequestId,
}

/// A request, as one of the two sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FriendRequest {
    /// Its name.
    pub id: RequestId,
    /// The other one.
    pub user: Card,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is nothing any more.
    pub expires_at: Timestamp,
}

/// All of somebody's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// To me, newest first.
    pub incoming: Vec<FriendRequest>,
    /// Of mine, newest first.
    pub outgoing: Vec<FriendRequest>,
}

/// A friend of mine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Friend {
    /// Who.
    pub user: Card,
    /// Since when.
    pub since: Timestamp,
    /// Where they are.
    #[serde(default)]
    pub presence: Seen,
}
