//! Between two people: blocks, requests, friendships. What an act does is decided by the pure `friendship::Bond`, under a
//! lock of both accounts; nothing said here lets anybody learn that they are blocked, or walk through private ids.

mod presence;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        friends::{
            Answer, Ask, Asked, Block, Find, Friend, FriendRequest, Friends as Contract, Pair, Requests, Whom,
        },
    },
    event::{Event, ServerEvent},
    friendship::{Act, Bond, Change, Refusal, Request, Side, Tie},
    id::{RequestId, UserId},
    limit::Rule,
    presence::Seen,
    private_id, reputation,
    wire::Card,
};
use visavis_platform::{
    Board, Bus, Clock, Db, Dice, Kv, Pages,
    db::{
        self, blocks,
        friendships::{self, Other},
        users::{self, User},
    },
};

/// How long after a call somebody met in it can be asked.
const MET_WITHIN: std::time::Duration = std::time::Duration::from_hours(24);

/// So long an account is new, and shares the look-ups of private ids with the other new ones.
const NEW_FOR: std::time::Duration = std::time::Duration::from_hours(24);

/// Limits of what is between two people.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// People that one person may block.
    pub max_blocks: u32,
    /// Friends that one person may have.
    #[schemars(range(min = 1, max = 5_000))]
    pub max_friends: u32,
    /// Requests of one person that nobody has answered yet.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_requests: u32,
    /// Requests to one person that wait for an answer; further people can't ask.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_incoming: u32,
    /// Requests that one person may make in an hour.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_hour: u32,
    /// Private ids that one person may look up in an hour; half of them while the account is of less than a day.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub lookups_per_hour: u32,
    /// Private ids that may be looked up in a minute, by all together: many accounts don't help whoever tries them all. Half of
    /// them by accounts of less than a day.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub lookups_per_min: u32,
}

impl Default for Settings {
    fn default() -> Self {
        // Blocks: as many ids as matchmaking carries along with a ticket, some 300 KB. Friends: all of them are told where
        // somebody is. Look-ups: of 2^40 private ids a million are taken, so at this rate somebody is found in six days.
        Self {
            max_blocks: 10_000,
            max_friends: 500,
            max_requests: 50,
            max_incoming: 100,
            requests_per_hour: 30,
            lookups_per_hour: 30,
            lookups_per_min: 120,
        }
    }
}

/// What the role stands on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Accounts, blocks, friendships.
    pub db: Db,
    /// Limits.
    pub kv: Kv,
    /// Time.
    pub clock: Clock,
    /// Names of requests.
    pub dice: Dice,
    /// News of blocks.
    pub bus: Bus,
    /// Limits.
    pub settings: Settings,
}

/// The `friends` role.
#[derive(Debug, Clone)]
pub struct Friends {
    deps: Deps,
    pages: Pages,
    board: Board,
}

/// What became of an act.
struct Done {
    change: Change,
    /// The request from which what was between the two came.
    before: Option<RequestId>,
    bond: Bond,
    side: Side,
}

impl Friends {
    /// The role over these stores.
    pub fn new(deps: Deps) -> Self {
        let pages = Pages::new(deps.kv.clone(), deps.bus.clone());
        let board = Board::new(deps.kv.clone(), deps.clock.clone());
        Self { deps, pages, board }
    }

    async fn card(&self, id: UserId) -> Result<Card, Fault> {
        Ok(card_of_user(users::by_id(&self.deps.db, id).await?.ok_or_else(nobody)?))
    }

    /// Lets one act change the bond of two people. Both accounts are locked meanwhile, so of acts that race the second sees
    /// what the first has done.
    async fn act(&self, user: UserId, other: UserId, act: Act) -> Result<Done, Fault> {
        let now = self.deps.clock.now();
        let mut tx = self.deps.db.write().await?;
        if !friendships::lock_pair(&mut tx, user, other).await? {
            return Err(nobody());
        }
        let (before, side) = friendships::bond(&mut tx, user, other).await?;
        let mut bond = before;
        let change = bond.handle(now, side, act)?;
        match change {
            Change::Friends => self.room_for_friends(&mut tx, [user, other], now).await?,
            Change::Asked { .. } => self.room_for_request(&mut tx, user, other, now).await?,
            _ => {}
        }
        if bond.tie() != before.tie() {
            friendships::write(&mut tx, user, other, bond.tie()).await?;
        }
        tx.commit().await?;
        let before = before.request();
        Ok(Done { change, before, bond, side })
    }

    async fn room_for_friends(
        &self,
        tx: &mut db::Tx,
        both: [UserId; 2],
        now: Timestamp,
    ) -> Result<(), Fault> {
        for user in both {
            let counts = friendships::counts(tx, user, now).await?;
            if counts.friends >= u64::from(self.deps.settings.max_friends) {
                return Err(Fault::new(Code::Conflict, "One of you has as many friends as possible."));
            }
        }
        Ok(())
    }

    async fn room_for_request(
        &self,
        tx: &mut db::Tx,
        user: UserId,
        other: UserId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let settings = &self.deps.settings;
        if friendships::counts(tx, user, now).await?.asked >= u64::from(settings.max_requests) {
            let detail = "You are waiting for as many answers as possible. Take a request back first.";
            return Err(Fault::new(Code::Conflict, detail));
        }
        if friendships::counts(tx, other, now).await?.asking >= u64::from(settings.max_incoming) {
            return Err(Fault::new(Code::Conflict, "This person can't be asked right now."));
        }
        Ok(())
    }

    /// Counts a look-up of a private id: of this person, of all, and of all who are new, whose share is half of that: accounts
    /// made for it don't take everybody's turn. Before anything is looked at, so that the answer to one too many says nothing.
    async fn count_lookup(&self, user: UserId) -> Result<(), Fault> {
        let account = users::by_id(&self.deps.db, user).await?.ok_or_else(nobody)?;
        let Settings { lookups_per_hour, lookups_per_min, .. } = self.deps.settings;
        let is_new = self.deps.clock.now().since(account.created_at) < NEW_FOR;
        // Of the new ones each has less, so that it takes many to use up what they share.
        let (burst, hourly) = if is_new { (6, lookups_per_hour.div_ceil(2)) } else { (10, lookups_per_hour) };
        self.count(&format!("friends/find/{user}"), &Rule::per_hour(hourly.min(burst), hourly)).await?;
        if is_new {
            let share = (lookups_per_min / 2).max(1);
            self.count("friends/find/new", &Rule::per_minute(share, share)).await?;
        }
        self.count("friends/find", &Rule::per_minute(lookups_per_min, lookups_per_min)).await
    }

    async fn count(&self, key: &str, rule: &Rule) -> Result<(), Fault> {
        let decision = self.deps.kv.gcra(&format!("limit/{key}"), rule).await?;
        if decision.allowed {
            return Ok(());
        }
        Err(Fault::rate_limited(u64::try_from(decision.retry_after.as_millis()).unwrap_or(u64::MAX).max(1)))
    }

    /// The account of a private id that `user` may know of. Blocks are looked up in any case: who is blocked and who isn't
    /// there take the same way and get the same answer.
    async fn known_as(&self, user: UserId, private_id: &str) -> Result<User, Fault> {
        let private_id = private_id::parse(private_id)?;
        self.count_lookup(user).await?;
        let found = users::by_private_id(&self.deps.db, &private_id).await?;
        let blocked = blocks::either_way(&self.deps.db, user).await?;
        found.filter(|found| !blocked.contains(&found.id)).ok_or_else(nobody)
    }

    /// The one who is to be asked.
    async fn whom(&self, user: UserId, whom: &Whom) -> Result<UserId, Fault> {
        match whom {
            Whom::PrivateId(text) => Ok(self.known_as(user, text).await?.id),
            Whom::Met(other) => {
                // Whom I block is blocked, whether they are there or not.
                if blocks::has(&self.deps.db, user, *other).await? {
                    return Err(Refusal::Mine.into());
                }
                let since = self.deps.clock.now() - MET_WITHIN;
                let met = friendships::met(&self.deps.db, user, *other, since).await?;
                met.then_some(*other).ok_or_else(|| unknown(whom))
            }
        }
    }

    /// The other one of a request. Who isn't one of the two is told what somebody is told about a request that isn't there.
    async fn asker(&self, answer: Answer) -> Result<UserId, Fault> {
        match friendships::pair_of(&self.deps.db, answer.request).await? {
            Some((low, high)) if low == answer.user => Ok(high),
            Some((low, high)) if high == answer.user => Ok(low),
            _ => Err(Fault::from(Refusal::NotFound)),
        }
    }

    async fn friend(&self, other: UserId, bond: &Bond) -> Result<Friend, Fault> {
        let Tie::Friends { since, .. } = bond.tie() else { return Err(Fault::internal()) };
        let account = users::by_id(&self.deps.db, other).await?.ok_or_else(nobody)?;
        let presence = self.seen(other, account.do_not_disturb).await?;
        Ok(Friend { user: card_of_user(account), since, presence })
    }

    async fn tell_changed(&self, both: [UserId; 2]) {
        for user in both {
            self.pages.tell(user, &ServerEvent::FriendsChanged {}).await;
        }
    }

    async fn after_asking(&self, user: UserId, other: UserId, done: &Done) -> Result<Asked, Fault> {
        if done.bond.is_friends() {
            self.tell_changed([user, other]).await;
            return Ok(Asked::Friends(self.friend(other, &done.bond).await?));
        }
        let now = self.deps.clock.now();
        let request = done.bond.request_for(now, done.side).ok_or_else(Fault::internal)?;
        if done.change == (Change::Asked { tell: true }) {
            let request = shown(&request, self.card(user).await?);
            self.pages.tell(other, &ServerEvent::FriendRequest { request }).await;
        }
        // My other pages.
        self.pages.tell(user, &ServerEvent::FriendsChanged {}).await;
        Ok(Asked::Waiting(shown(&request, self.card(other).await?)))
    }
}

fn nobody() -> Fault {
    Fault::not_found("That person")
}

fn unknown(whom: &Whom) -> Fault {
    match whom {
        Whom::PrivateId(_) => nobody(),
        Whom::Met(_) => Fault::not_found("Somebody you met within the last 24 hours"),
    }
}

fn shown(request: &Request, user: Card) -> FriendRequest {
    FriendRequest { id: request.id, user, created_at: request.at, expires_at: request.until }
}

fn card_of_user(user: User) -> Card {
    Card {
        id: user.id,
        display_name: user.display_name,
        avatar_url: user.avatar_url,
        band: reputation::band(user.reputation),
    }
}

fn card(other: Other) -> Card {
    Card {
        id: other.user,
        display_name: other.display_name,
        avatar_url: other.avatar_url,
        band: reputation::band(other.reputation),
    }
}

#[async_trait]
impl Contract for Friends {
    async fn block(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        let Pair { user, other } = pair;
        if user == other {
            return Err(Fault::bad_request("You can't block yourself."));
        }
        let most = i64::from(self.deps.settings.max_blocks);
        let mut tx = self.deps.db.write().await?;
        // Both before anything else, so that two who block each other don't wait for one another.
        let is_there = friendships::lock_pair(&mut tx, user, other).await?;
        let before = blocks::count_locked(&mut tx, user, most).await?;
        let now = self.deps.clock.now();
        let written = if is_there {
            blocks::insert(&mut tx, user, other, now).await
        } else {
            // Kept as well, so that whoever blocks me looks like nobody in this as in everything.
            let new = blocks::insert_of_nobody(&mut tx, user, other, now).await;
            new.map(|new| blocks::Written { new, parted: None })
        };
        let written = match written {
            Err(db::Error::Missing) => return Err(nobody()),
            written => written?,
        };
        if written.new && before >= u64::from(self.deps.settings.max_blocks) {
            return Err(Fault::new(Code::Conflict, "You have blocked as many people as possible."));
        }
        tx.commit().await?;
        if !is_there {
            return Ok(());
        }
        // Also when it was there already: the event may have been lost the first time.
        self.deps.bus.publish(Event::Blocked { user, other }).await;
        if let Some(request) = written.parted {
            self.deps.bus.publish(Event::Parted { user, other, request }).await;
        }
        Ok(())
    }

    async fn unblock(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        let mut tx = self.deps.db.write().await?;
        blocks::delete(&mut tx, pair.user, pair.other).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn blocks(&self, _cx: &Caller, user: UserId) -> Result<Vec<Block>, Fault> {
        let rows = blocks::of(&self.deps.db, user, i64::from(self.deps.settings.max_blocks)).await?;
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
        Ok(blocks::either_way(&self.deps.db, user).await?)
    }

    async fn find(&self, _cx: &Caller, req: Find) -> Result<Card, Fault> {
        Ok(card_of_user(self.known_as(req.user, &req.private_id).await?))
    }

    async fn ask(&self, _cx: &Caller, req: Ask) -> Result<Asked, Fault> {
        let Ask { user, whom } = req;
        // A slip isn't counted.
        if let Whom::PrivateId(text) = &whom {
            private_id::parse(text)?;
        }
        let per_hour = self.deps.settings.requests_per_hour;
        self.count(&format!("friends/ask/{user}"), &Rule::per_hour(per_hour.min(10), per_hour)).await?;
        let other = self.whom(user, &whom).await?;
        if other == user {
            return Err(Fault::bad_request("That is you. You are your own friend already, we hope."));
        }
        let request: RequestId = self.deps.dice.id(&self.deps.clock);
        let done = self.act(user, other, Act::Ask(request)).await;
        // Who blocks me is as unknown as who isn't there, to the letter.
        let done = done.map_err(|f| if f.code == Code::NotFound { unknown(&whom) } else { f })?;
        self.after_asking(user, other, &done).await
    }

    async fn accept(&self, _cx: &Caller, req: Answer) -> Result<Friend, Fault> {
        let other = self.asker(req).await?;
        let done = self.act(req.user, other, Act::Accept(req.request)).await?;
        if done.change == Change::Friends {
            self.tell_changed([req.user, other]).await;
        }
        self.friend(other, &done.bond).await
    }

    async fn decline(&self, _cx: &Caller, req: Answer) -> Result<(), Fault> {
        let other = self.asker(req).await?;
        self.act(req.user, other, Act::Decline(req.request)).await?;
        self.pages.tell(req.user, &ServerEvent::FriendsChanged {}).await;
        Ok(())
    }

    async fn withdraw(&self, _cx: &Caller, req: Answer) -> Result<(), Fault> {
        let other = self.asker(req).await?;
        let done = self.act(req.user, other, Act::Withdraw(req.request)).await?;
        self.pages.tell(req.user, &ServerEvent::FriendsChanged {}).await;
        if done.change == (Change::Withdrawn { seen: true }) {
            self.pages.tell(other, &ServerEvent::FriendsChanged {}).await;
        }
        Ok(())
    }

    async fn remove(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        let Pair { user, other } = pair;
        if user == other {
            return Ok(());
        }
        let done = match self.act(user, other, Act::Remove).await {
            // Whoever isn't there is no friend, as whoever blocks me isn't: what was asked for is so.
            Err(fault) if fault.code == Code::NotFound => return Ok(()),
            done => done?,
        };
        if let (Change::Parted, Some(request)) = (done.change, done.before) {
            // Their pages hear of it, and a call that rings between them ends.
            self.deps.bus.publish(Event::Parted { user, other, request }).await;
        }
        Ok(())
    }

    async fn requests(&self, _cx: &Caller, user: UserId) -> Result<Requests, Fault> {
        let settings = &self.deps.settings;
        let most = i64::from(settings.max_requests) + i64::from(settings.max_incoming);
        let mut requests = Requests::default();
        for open in friendships::requests(&self.deps.db, user, self.deps.clock.now(), most).await? {
            let list = if open.mine { &mut requests.outgoing } else { &mut requests.incoming };
            let (created_at, expires_at) = (open.at, open.until);
            list.push(FriendRequest { id: open.id, user: card(open.other), created_at, expires_at });
        }
        Ok(requests)
    }

    async fn may_call(&self, _cx: &Caller, pair: Pair) -> Result<(), Fault> {
        if pair.user == pair.other {
            return Err(Fault::bad_request("You can't call yourself."));
        }
        // A block ends a friendship, so there is nothing else to look at.
        if friendships::are_friends(&self.deps.db, pair.user, pair.other).await? {
            return Ok(());
        }
        Err(Fault::new(Code::Forbidden, "You can only call your friends."))
    }

    async fn look(&self, _cx: &Caller, user: UserId) -> Result<(), Fault> {
        self.look_at(user).await
    }

    async fn friends(&self, _cx: &Caller, user: UserId) -> Result<Vec<Friend>, Fault> {
        let rows = friendships::of(&self.deps.db, user, i64::from(self.deps.settings.max_friends)).await?;
        let seen = self.all_seen(&rows).await?;
        let friend = |(row, presence): (friendships::Friend, Seen)| Friend {
            user: card(row.other),
            since: row.since,
            presence,
        };
        Ok(rows.into_iter().zip(seen).map(friend).collect())
    }
}
