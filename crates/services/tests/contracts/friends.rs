//! Requests and friendships by their contract.

use std::sync::Arc;

use visavis_domain::{
    Code,
    contract::{
        friends::{self as contract, Answer, Ask, Asked, Find, Friend, FriendRequest, Friends, Pair, Whom},
        moderation::{Report, ReportReason},
        users::{Patch, Update},
    },
    event::{Event, ServerEvent, Topic},
    id::{NodeId, ParticipantId, RequestId, RoomId, SocketId, UserId},
    presence::Seen,
};
use visavis_platform::db::retention::Retention;
use visavis_platform::{
    Board,
    board::{LIFE, PARTING},
    db::calls::{self, CallMember, CallOpened},
    pages::sessions_key,
    session_log::SessionLog,
};
use visavis_services::friends;

use crate::world::{DAY, HOUR, SECOND, Way, World, heard, ways};

pub fn deps_of(w: &World, settings: friends::Settings) -> friends::Deps {
    friends::Deps {
        db: w.db.clone(),
        kv: w.stores.kv.clone(),
        clock: w.clock.clone(),
        dice: w.dice.clone(),
        bus: w.bus.clone(),
        settings,
    }
}

pub struct Suite {
    pub w: World,
    pub friends: Arc<dyn Friends>,
}

/// As many requests and look-ups as a test likes.
pub fn generous() -> friends::Settings {
    let many = 1_000_000;
    friends::Settings {
        requests_per_hour: many,
        lookups_per_hour: many,
        lookups_per_min: many,
        ..friends::Settings::default()
    }
}

impl Suite {
    pub async fn new(way: Way, settings: friends::Settings) -> Self {
        let w = World::new(way).await;
        let service: Arc<dyn Friends> = Arc::new(friends::Friends::new(deps_of(&w, settings)));
        let friends = way.reach(service, contract::through);
        Self { w, friends }
    }

    async fn private_id(&self, user: UserId) -> String {
        self.w.users.me(&self.w.cx, user).await.unwrap().private_id
    }

    async fn ask(&self, user: UserId, other: UserId) -> Result<Asked, Code> {
        let whom = Whom::PrivateId(self.private_id(other).await);
        self.friends.ask(&self.w.cx, Ask { user, whom }).await.map_err(|f| f.code)
    }

    async fn waiting(&self, user: UserId, other: UserId) -> FriendRequest {
        match self.ask(user, other).await {
            Ok(Asked::Waiting(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    async fn accept(&self, user: UserId, request: RequestId) -> Result<Friend, Code> {
        self.friends.accept(&self.w.cx, Answer { user, request }).await.map_err(|f| f.code)
    }

    async fn decline(&self, user: UserId, request: RequestId) -> Result<(), Code> {
        self.friends.decline(&self.w.cx, Answer { user, request }).await.map_err(|f| f.code)
    }

    async fn withdraw(&self, user: UserId, request: RequestId) -> Result<(), Code> {
        self.friends.withdraw(&self.w.cx, Answer { user, request }).await.map_err(|f| f.code)
    }

    pub async fn befriend(&self, user: UserId, other: UserId) {
        let request = self.waiting(user, other).await.id;
        self.accept(other, request).await.unwrap();
    }

    async fn friends_of(&self, user: UserId) -> Vec<UserId> {
        self.friends.friends(&self.w.cx, user).await.unwrap().iter().map(|f| f.user.id).collect()
    }

    /// Requests to and of somebody, by whom the other is.
    async fn requests(&self, user: UserId) -> (Vec<UserId>, Vec<UserId>) {
        let requests = self.friends.requests(&self.w.cx, user).await.unwrap();
        let others = |list: &[FriendRequest]| list.iter().map(|r| r.user.id).collect();
        (others(&requests.incoming), others(&requests.outgoing))
    }

    /// A page of a person, that hears what all of them hear.
    pub async fn page(&self, user: UserId, n: u128) -> SocketId {
        let session = SocketId::from_bits(n);
        self.log().open(session).await.unwrap();
        self.w.stores.kv.set_add(&sessions_key(user), &session.to_string()).await.unwrap();
        session
    }

    pub fn log(&self) -> SessionLog {
        SessionLog::new(self.w.stores.kv.clone(), self.w.bus.clone())
    }

    pub async fn told(&self, session: SocketId) -> Vec<ServerEvent> {
        let logged = self.log().after(session, 0).await.unwrap().unwrap();
        logged.into_iter().map(|entry| entry.event).collect()
    }

    async fn met(&self, room: RoomId, users: &[UserId]) {
        let member = |user: &UserId| CallMember {
            user: *user,
            participant: ParticipantId::from_bits(1),
            waited_ms: 0,
            ticket: None,
        };
        let call = CallOpened {
            room,
            kind: "random",
            node: NodeId::from_bits(1),
            opened_at: self.w.clock.now(),
            transport: "p2p",
            members: users.iter().map(member).collect(),
        };
        calls::open(&self.w.db, &call).await.unwrap();
        calls::started(&self.w.db, room, self.w.clock.now()).await.unwrap();
        calls::ended(&self.w.db, room, self.w.clock.now(), "left", &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_is_told_accepted_and_both_lists_show_it() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let pages = (s.page(ada, 1).await, s.page(bob, 2).await, s.page(bob, 3).await);
        let request = s.waiting(ada, bob).await;
        assert_eq!(request.user.id, bob);
        assert_eq!(s.waiting(ada, bob).await, request, "asked twice it is one request");
        assert_eq!(
            (s.requests(ada).await, s.requests(bob).await),
            ((vec![], vec![bob]), (vec![ada], vec![]))
        );
        for page in [pages.1, pages.2] {
            let told = s.told(page).await;
            assert!(
                matches!(&told[..], [ServerEvent::FriendRequest { request: r }] if r.user.id == ada && r.id == request.id),
                "once, on each page: {told:?}"
            );
        }
        assert_eq!(s.accept(ada, request.id).await, Err(Code::NotFound), "not one's own");
        s.w.clock.advance(HOUR);
        let friend = s.accept(bob, request.id).await.unwrap();
        assert_eq!((friend.user.id, friend.since), (ada, s.w.clock.now()));
        assert_eq!(s.accept(bob, request.id).await.unwrap(), friend, "from another page");
        assert_eq!((s.friends_of(ada).await, s.friends_of(bob).await), (vec![bob], vec![ada]));
        assert_eq!(s.requests(bob).await, (vec![], vec![]));
        assert_eq!(s.told(pages.0).await.last(), Some(&ServerEvent::FriendsChanged {}));
        assert_eq!(s.told(pages.1).await.last(), Some(&ServerEvent::FriendsChanged {}));
        s.friends.remove(&s.w.cx, Pair { user: ada, other: bob }).await.unwrap();
        assert!(s.friends_of(bob).await.is_empty());
        assert_eq!(s.accept(bob, request.id).await, Err(Code::NotFound), "that request is over");
    }
}

#[tokio::test]
async fn of_many_who_ask_each_other_at_once_all_are_friends() {
    for way in ways() {
        let s = Arc::new(Suite::new(way, generous()).await);
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..8 {
            let s = s.clone();
            let (user, other) = if n % 2 == 0 { (ada, bob) } else { (bob, ada) };
            racing.spawn(async move { s.ask(user, other).await });
        }
        let done = racing.join_all().await;
        let friends = done.iter().filter(|d| matches!(d, Ok(Asked::Friends(_)))).count();
        assert_eq!(friends, 1, "{done:?}");
        assert!(done.iter().all(|d| matches!(d, Ok(_) | Err(Code::Conflict))), "{done:?}");
        assert_eq!((s.friends_of(ada).await, s.friends_of(bob).await), (vec![bob], vec![ada]));
    }
}

#[tokio::test]
async fn who_declines_never_hears_of_it_again_and_who_asked_cannot_tell() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let page = s.page(bob, 1).await;
        let request = s.waiting(ada, bob).await;
        s.decline(bob, request.id).await.unwrap();
        s.decline(bob, request.id).await.unwrap();
        assert_eq!(s.waiting(ada, bob).await, request);
        assert_eq!((s.requests(ada).await.1, s.requests(bob).await.0), (vec![bob], vec![]));
        s.withdraw(ada, request.id).await.unwrap();
        assert_eq!(s.withdraw(ada, request.id).await, Err(Code::NotFound));
        // What is left of it is nothing that she is given, and asked again it is another request.
        let held = s.w.users.held(&s.w.cx, ada).await.unwrap();
        let rows = |name: &str| held["tables"][name].as_array().unwrap().len();
        assert_eq!(rows("friendsAndRequests") + rows("friendsAndRequestsToo"), 0);
        s.w.clock.advance(SECOND);
        let again = s.waiting(ada, bob).await;
        assert_ne!(again.id, request.id);
        assert_eq!((again.created_at, again.expires_at), (s.w.clock.now(), s.w.clock.now() + 14 * DAY));
        let asked =
            s.told(page).await.iter().filter(|e| matches!(e, ServerEvent::FriendRequest { .. })).count();
        assert_eq!((asked, s.requests(bob).await.0), (1, vec![]));
        s.w.clock.advance(15 * DAY);
        assert_eq!(s.requests(ada).await.1, [], "after two weeks it is nothing");
        s.w.db.sweep(s.w.clock.now(), &Retention::default()).await.unwrap();
        s.waiting(ada, bob).await;
        assert_eq!(s.requests(bob).await.0, [ada]);
    }
}

#[tokio::test]
async fn a_request_is_nobody_elses_business() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, eve) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("eve").await);
        let request = s.waiting(ada, bob).await.id;
        assert_eq!(s.accept(eve, request).await, Err(Code::NotFound));
        assert_eq!(s.decline(eve, request).await, Err(Code::NotFound));
        assert_eq!(s.withdraw(eve, request).await, Err(Code::NotFound));
        assert_eq!(s.withdraw(bob, request).await, Err(Code::NotFound));
        assert_eq!(s.decline(ada, request).await, Err(Code::NotFound));
        assert_eq!(s.accept(eve, RequestId::from_bits(5)).await, Err(Code::NotFound));
        assert_eq!(s.requests(bob).await.0, [ada]);
    }
}

#[tokio::test]
async fn nobody_befriends_themselves_and_nobody_else_is_found_by_a_wrong_id() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let ada = s.w.person("ada").await;
        assert_eq!(s.ask(ada, ada).await.unwrap_err(), Code::BadRequest);
        for (text, code) in
            [("", Code::BadRequest), ("ABCD-EFGH-J", Code::BadRequest), ("0000-0000-0", Code::NotFound)]
        {
            let whom = Whom::PrivateId(text.to_owned());
            assert_eq!(
                s.friends.ask(&s.w.cx, Ask { user: ada, whom }).await.unwrap_err().code,
                code,
                "{text}"
            );
            let find = Find { user: ada, private_id: text.to_owned() };
            assert_eq!(s.friends.find(&s.w.cx, find).await.unwrap_err().code, code, "{text}");
        }
        assert_eq!(s.requests(ada).await, (vec![], vec![]));
    }
}

#[tokio::test]
async fn a_block_ends_what_is_between_two_both_ways_at_once_and_looks_like_nobody() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, eve) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("eve").await);
        s.befriend(ada, bob).await;
        s.waiting(eve, ada).await;
        let mut people = s.w.bus.subscribe(Topic::People);
        s.friends.block(&s.w.cx, Pair { user: ada, other: bob }).await.unwrap();
        assert_eq!(heard(&mut people).await, Event::Blocked { user: ada, other: bob });
        assert!(
            matches!(heard(&mut people).await, Event::Parted { user, other, .. } if (user, other) == (ada, bob))
        );
        s.friends.block(&s.w.cx, Pair { user: ada, other: eve }).await.unwrap();
        assert!(s.friends_of(ada).await.is_empty() && s.friends_of(bob).await.is_empty());
        assert_eq!((s.requests(ada).await, s.requests(eve).await), ((vec![], vec![]), (vec![], vec![])));
        // To the letter what is said of an id that nobody has.
        let gone = Find { user: bob, private_id: "0000-0000-0".to_owned() };
        let nobody = s.friends.find(&s.w.cx, gone).await.unwrap_err();
        let private_id = s.private_id(ada).await;
        let find = Find { user: bob, private_id: private_id.clone() };
        assert_eq!(s.friends.find(&s.w.cx, find).await.unwrap_err(), nobody);
        let ask = Ask { user: bob, whom: Whom::PrivateId(private_id) };
        assert_eq!(s.friends.ask(&s.w.cx, ask).await.unwrap_err(), nobody);
        let mine = Find { user: ada, private_id: s.private_id(bob).await };
        assert_eq!(s.friends.find(&s.w.cx, mine).await.unwrap_err(), nobody);
        // Whom they met isn't another door.
        s.met(RoomId::from_bits(1), &[ada, bob]).await;
        let met = |user, other| s.friends.ask(&s.w.cx, Ask { user, whom: Whom::Met(other) });
        let stranger = met(bob, eve).await.unwrap_err();
        assert_eq!(met(bob, ada).await.unwrap_err(), stranger);
        assert_eq!(met(ada, bob).await.unwrap_err().code, Code::Blocked, "my own block is no secret to me");
        let nobody = UserId::from_bits(9);
        s.friends.block(&s.w.cx, Pair { user: ada, other: nobody }).await.unwrap();
        let both = (met(ada, bob).await.unwrap_err(), met(ada, nobody).await.unwrap_err());
        assert_eq!(both.0, both.1, "whom I block is blocked, whether they are there or not");
        s.friends.unblock(&s.w.cx, Pair { user: ada, other: bob }).await.unwrap();
        assert!(s.friends_of(ada).await.is_empty(), "taking it back brings nothing back");
        s.befriend(bob, ada).await;
    }
}

#[tokio::test]
async fn a_report_ends_a_friendship_too() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        s.befriend(ada, bob).await;
        let room = RoomId::from_bits(1);
        s.met(room, &[ada, bob]).await;
        let moderation = s.w.moderation(way).await;
        let mut people = s.w.bus.subscribe(Topic::People);
        let (reason, note) = (ReportReason::Spam, None);
        let report = Report { reporter: bob, reported: ada, room, reason, note };
        moderation.report(&s.w.cx, report).await.unwrap();
        heard(&mut people).await;
        assert!(
            matches!(heard(&mut people).await, Event::Parted { user, other, .. } if (user, other) == (bob, ada))
        );
        assert!(s.friends_of(ada).await.is_empty() && s.friends_of(bob).await.is_empty());
    }
}

#[tokio::test]
async fn a_block_while_a_request_is_accepted_leaves_no_friends() {
    for way in ways() {
        let s = Arc::new(Suite::new(way, generous()).await);
        for round in 0..6 {
            let ada = s.w.person(&format!("ada{round}")).await;
            let bob = s.w.person(&format!("bob{round}")).await;
            let request = s.waiting(ada, bob).await.id;
            let mut racing = tokio::task::JoinSet::new();
            let (a, b) = (s.clone(), s.clone());
            racing.spawn(async move { a.accept(bob, request).await.map(drop) });
            racing.spawn(async move {
                b.friends.block(&b.w.cx, Pair { user: ada, other: bob }).await.map_err(|f| f.code)
            });
            let done = racing.join_all().await;
            assert!(done.iter().all(|d| matches!(d, Ok(()) | Err(Code::NotFound))), "{done:?}");
            assert!(s.friends_of(ada).await.is_empty() && s.friends_of(bob).await.is_empty());
            assert_eq!(s.friends.blocked_either_way(&s.w.cx, bob).await.unwrap(), [ada]);
        }
    }
}

#[tokio::test]
async fn somebody_met_can_be_asked_for_a_day() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, eve) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("eve").await);
        s.met(RoomId::from_bits(1), &[ada, bob]).await;
        s.met(RoomId::from_bits(2), &[bob, eve]).await;
        let s = &s;
        let ask = |user, other| async move {
            let ask = Ask { user, whom: Whom::Met(other) };
            s.friends.ask(&s.w.cx, ask).await.map_err(|f| f.code)
        };
        assert_eq!(ask(ada, eve).await.unwrap_err(), Code::NotFound, "they met elsewhere");
        assert_eq!(ask(ada, ada).await.unwrap_err(), Code::NotFound);
        s.w.clock.advance(DAY);
        assert!(matches!(ask(ada, bob).await.unwrap(), Asked::Waiting(r) if r.user.id == bob));
        s.w.clock.advance(SECOND);
        assert_eq!(ask(bob, eve).await.unwrap_err(), Code::NotFound, "too long ago");
    }
}

#[tokio::test]
async fn storms_of_requests_and_walks_through_ids_come_to_an_end() {
    for way in ways() {
        let settings = friends::Settings {
            requests_per_hour: 5,
            lookups_per_hour: 8,
            lookups_per_min: 12,
            ..friends::Settings::default()
        };
        let s = Suite::new(way, settings).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        // New ones have a share of their own.
        s.w.clock.advance(DAY);
        let mut codes = Vec::new();
        for _ in 0..7 {
            codes.push(s.ask(ada, bob).await.map(drop));
        }
        assert_eq!(codes[..5], [Ok(()); 5]);
        assert_eq!(codes[5..], [Err(Code::RateLimited); 2]);
        let s = &s;
        let find = |user| async move {
            let find = Find { user, private_id: "0000-0000-0".to_owned() };
            s.friends.find(&s.w.cx, find).await.unwrap_err().code
        };
        let mut found = Vec::new();
        for _ in 0..4 {
            found.push(find(ada).await);
        }
        assert_eq!(found[..3], [Code::NotFound; 3], "asking looked up five times");
        assert_eq!(found[3], Code::RateLimited);
        // Others have limits of their own, until all together have walked too far.
        let mut limited = 0;
        for n in 0..6 {
            let other = s.w.person(&format!("p{n}")).await;
            limited += usize::from(find(other).await == Code::RateLimited);
        }
        assert!(limited >= 1, "all together");
    }
}

#[tokio::test]
async fn accounts_that_were_made_for_it_do_not_take_everybodys_look_ups() {
    for way in ways() {
        let settings = friends::Settings { lookups_per_min: 12, ..friends::Settings::default() };
        let s = Suite::new(way, settings).await;
        let ada = s.w.person("ada").await;
        s.w.clock.advance(DAY);
        let s = &s;
        let find = |user| async move {
            let find = Find { user, private_id: "0000-0000-0".to_owned() };
            s.friends.find(&s.w.cx, find).await.unwrap_err().code
        };
        let mut found = 0;
        for n in 0..4 {
            let new = s.w.person(&format!("n{n}")).await;
            for _ in 0..8 {
                found += usize::from(find(new).await == Code::NotFound);
            }
        }
        assert_eq!(found, 6, "half of all");
        assert_eq!(find(ada).await, Code::NotFound, "and there is something left for others");
    }
}

#[tokio::test]
async fn friends_and_open_requests_are_bounded() {
    for way in ways() {
        let settings = friends::Settings { max_friends: 2, max_requests: 2, max_incoming: 3, ..generous() };
        let s = Suite::new(way, settings).await;
        let mut all = Vec::new();
        for n in 0..5 {
            all.push(s.w.person(&format!("p{n}")).await);
        }
        s.waiting(all[0], all[1]).await;
        let second = s.waiting(all[0], all[2]).await;
        assert_eq!(s.ask(all[0], all[3]).await.unwrap_err(), Code::Conflict, "two wait for an answer");
        s.withdraw(all[0], second.id).await.unwrap();
        s.waiting(all[0], all[3]).await;
        for asker in [2, 3] {
            s.waiting(all[asker], all[1]).await;
        }
        assert_eq!(s.ask(all[4], all[1]).await.unwrap_err(), Code::Conflict, "three ask already");
        for request in s.friends.requests(&s.w.cx, all[1]).await.unwrap().incoming.iter().rev().take(2) {
            s.accept(all[1], request.id).await.unwrap();
        }
        let last = s.friends.requests(&s.w.cx, all[1]).await.unwrap().incoming[0].id;
        assert_eq!(s.accept(all[1], last).await.unwrap_err(), Code::Conflict, "two friends are all");
    }
}

#[tokio::test]
async fn a_rotated_private_id_finds_nobody_and_the_new_one_does() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let before = s.private_id(bob).await;
        let find = |private_id: String| s.friends.find(&s.w.cx, Find { user: ada, private_id });
        assert_eq!(find(before.to_lowercase()).await.unwrap(), s.w.users.card(&s.w.cx, bob).await.unwrap());
        let after = s.w.users.rotate_private_id(&s.w.cx, bob).await.unwrap().private_id;
        assert_ne!(before, after);
        assert_eq!(find(before).await.unwrap_err().code, Code::NotFound);
        assert_eq!(find(after).await.unwrap().id, bob);
        let nobody = s.w.users.rotate_private_id(&s.w.cx, UserId::from_bits(404)).await;
        assert_eq!(nobody.unwrap_err().code, Code::NotFound);
    }
}

impl Suite {
    fn board(&self) -> Board {
        Board::new(self.w.stores.kv.clone(), self.w.clock.clone())
    }

    async fn look(&self, user: UserId) {
        self.friends.look(&self.w.cx, user).await.unwrap();
    }

    /// Where a page has heard that its friend is, in order.
    async fn heard_of(&self, page: SocketId, of: UserId) -> Vec<Seen> {
        let told = self.told(page).await.into_iter().filter_map(|event| match event {
            ServerEvent::Presence { user_id, presence, .. } if user_id == of => Some(presence),
            _ => None,
        });
        told.collect()
    }

    async fn listed(&self, user: UserId) -> Vec<Seen> {
        self.friends.friends(&self.w.cx, user).await.unwrap().iter().map(|f| f.presence).collect()
    }
}

#[tokio::test]
async fn friends_hear_where_somebody_is_and_nobody_else_does() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, eve) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("eve").await);
        s.befriend(ada, bob).await;
        let (page, stranger) = (s.page(bob, 1).await, s.page(eve, 2).await);
        let (one, two) = (SocketId::from_bits(11), SocketId::from_bits(12));
        s.look(ada).await;
        assert!(s.heard_of(page, ada).await.is_empty(), "she was offline and is");
        s.board().hold(ada, one, false).await.unwrap();
        s.look(ada).await;
        s.look(ada).await;
        s.board().hold(ada, two, false).await.unwrap();
        s.look(ada).await;
        assert_eq!(s.heard_of(page, ada).await, [Seen::Online], "once, however many pages there are");
        s.board().call(ada, Some(RoomId::from_bits(1))).await.unwrap();
        s.look(ada).await;
        assert_eq!(s.listed(bob).await, [Seen::InCall]);
        s.board().call(ada, None).await.unwrap();
        s.board().hold(ada, one, true).await.unwrap();
        s.look(ada).await;
        s.board().hold(ada, two, true).await.unwrap();
        s.look(ada).await;
        s.board().leave(ada, one).await.unwrap();
        s.board().part(ada, two).await.unwrap();
        s.w.clock.advance(PARTING);
        s.look(ada).await;
        let all = [Seen::Online, Seen::InCall, Seen::Online, Seen::Away, Seen::Offline];
        assert_eq!(s.heard_of(page, ada).await, all);
        assert!(s.told(stranger).await.is_empty());
        s.friends.remove(&s.w.cx, Pair { user: bob, other: ada }).await.unwrap();
        s.board().hold(ada, one, false).await.unwrap();
        s.look(ada).await;
        assert_eq!(s.heard_of(page, ada).await, all, "no friend any more");
    }
}

#[tokio::test]
async fn who_does_not_want_to_be_disturbed_is_offline_to_everybody() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        s.befriend(ada, bob).await;
        let page = s.page(bob, 1).await;
        s.board().hold(ada, SocketId::from_bits(11), false).await.unwrap();
        s.look(ada).await;
        for hidden in [true, false] {
            let patch = Patch { do_not_disturb: Some(hidden), ..Patch::default() };
            s.w.users.update(&s.w.cx, Update { user: ada, patch }).await.unwrap();
            s.look(ada).await;
            assert_eq!(s.listed(bob).await, [if hidden { Seen::Offline } else { Seen::Online }]);
        }
        assert_eq!(s.heard_of(page, ada).await, [Seen::Online, Seen::Offline, Seen::Online]);
    }
}

#[tokio::test]
async fn a_node_that_died_takes_its_pages_with_it_and_many_who_look_agree() {
    for way in ways() {
        let s = Arc::new(Suite::new(way, generous()).await);
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        s.befriend(ada, bob).await;
        let page = s.page(bob, 1).await;
        s.board().hold(ada, SocketId::from_bits(11), false).await.unwrap();
        s.board().call(ada, Some(RoomId::from_bits(1))).await.unwrap();
        let all = |s: &Arc<Suite>| {
            let mut racing = tokio::task::JoinSet::new();
            for _ in 0..6 {
                let s = s.clone();
                racing.spawn(async move { s.look(ada).await });
            }
            racing.join_all()
        };
        all(&s).await;
        assert_eq!(s.heard_of(page, ada).await.last(), Some(&Seen::InCall));
        s.w.clock.advance(LIFE);
        assert_eq!(s.listed(bob).await, [Seen::Offline], "nobody speaks for her any more");
        all(&s).await;
        assert_eq!(s.heard_of(page, ada).await.last(), Some(&Seen::Offline));
    }
}
