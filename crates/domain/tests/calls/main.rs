//! Calls among people who know one another, through every race of ringing, answering, giving up, blocking and adding.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod hiding;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use proptest::prelude::*;
use visavis_domain::{
    Code, Timestamp,
    contract::rooms::{Link, LinkState, RoomKind, Seat},
    event::{CallEnd, CloseReason, MoveReason, ServerEvent},
    id::{ParticipantId, RoomId, SocketId, UserId},
    room::{
        Caller, Input, Output, Reply, Room, Settings, Who,
        group::{self, Group},
    },
    wire::{Band, Card, LeftReason, Path},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000);
const ROOM: RoomId = RoomId::from_bits(9);
const ADA: u128 = 1;
const BOB: u128 = 2;
const CY: u128 = 3;

fn at(seconds: u64) -> Timestamp {
    T0 + Duration::from_secs(seconds)
}

fn user(n: u128) -> UserId {
    UserId::from_bits(n)
}

fn card(n: u128) -> Card {
    Card { id: user(n), display_name: format!("Person {n}"), avatar_url: None, band: Band::New }
}

/// A person's page: their first is their number.
fn page(n: u128, page: u128) -> Who {
    Who { user: user(n), session: SocketId::from_bits(n + 100 * page) }
}

fn who(n: u128) -> Who {
    page(n, 0)
}

/// The call as the node drives it.
enum Live {
    Two(Box<Room>),
    Many(Box<Group>),
}

struct Scene {
    live: Live,
    /// What pages of a seat were told, and what all pages of a person were, but one.
    told: Vec<(SocketId, ServerEvent)>,
    pages: Vec<(UserId, Option<SocketId>, ServerEvent)>,
    rest: Vec<Output>,
}

impl Scene {
    fn ringing() -> Self {
        let caller = Caller { session: who(ADA).session, seen: here(), card: card(ADA) };
        let ids = [ParticipantId::from_bits(11), ParticipantId::from_bits(12)];
        let room = Room::call(T0, ROOM, caller, card(BOB), ids, Path::P2p, &Settings::default());
        let mut scene =
            Self { live: Live::Two(Box::new(room.movable(true))), told: vec![], pages: vec![], rest: vec![] };
        scene.drain();
        scene
    }

    fn talking() -> Self {
        let mut scene = Self::ringing();
        scene.give(1, Input::Answer(who(BOB))).unwrap();
        scene.join(2, who(BOB)).unwrap();
        scene
    }

    fn as_three() -> Self {
        let mut scene = Self::talking();
        scene.give(3, add(ADA, CY, &[])).unwrap();
        scene.give(4, Input::Answer(who(CY))).unwrap();
        scene.join(5, who(CY)).unwrap();
        scene
    }

    fn drain(&mut self) {
        loop {
            let output = match &mut self.live {
                Live::Two(room) => room.poll(),
                Live::Many(group) => group.poll(),
            };
            match output {
                None => return,
                Some(Output::Emit { to, event }) => self.told.push((to, event)),
                Some(Output::Pages { user, except, event }) => self.pages.push((user, except, event)),
                Some(other) => self.rest.push(other),
            }
        }
    }

    fn give(&mut self, seconds: u64, input: Input) -> Result<Reply, Code> {
        self.now(at(seconds), input)
    }

    fn now(&mut self, now: Timestamp, input: Input) -> Result<Reply, Code> {
        let reply = match &mut self.live {
            Live::Two(room) => {
                let reply = room.handle(now, input);
                if let Some(group) = room.grow(now) {
                    self.live = Live::Many(Box::new(group));
                }
                reply
            }
            Live::Many(group) => group.handle(now, of_group(input)),
        };
        self.drain();
        reply.map_err(|fault| fault.code)
    }

    fn join(&mut self, seconds: u64, Who { user, session }: Who) -> Result<Reply, Code> {
        self.give(seconds, Input::Join { user, session, seen: here() })
    }

    fn heard(&self, session: Who) -> Vec<&ServerEvent> {
        self.told.iter().filter(|(to, _)| *to == session.session).map(|(_, event)| event).collect()
    }

    /// What both remember of the end.
    fn kept(&self) -> Option<(CloseReason, Vec<(UserId, LeftReason)>)> {
        self.rest.iter().find_map(|output| match output {
            Output::Ended { shown, left, .. } => Some((*shown, left.clone())),
            _ => None,
        })
    }

    /// How it ended at that page.
    fn end_at(&self, session: Who) -> Option<CallEnd> {
        self.heard(session).into_iter().find_map(end)
    }

    /// How it ended at a person's pages, all but one.
    fn end_at_all(&self, n: u128) -> Option<(CallEnd, Option<SocketId>)> {
        let mut mine = self.pages.iter().filter(|(to, ..)| *to == user(n));
        mine.find_map(|(_, except, event)| end(event).map(|end| (end, *except)))
    }

    fn reason(&self) -> Option<CloseReason> {
        self.rest.iter().find_map(|o| match o {
            Output::Ended { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    fn seats_ended(&self) -> Vec<UserId> {
        let ended = self.rest.iter().filter_map(|o| match o {
            Output::SeatEnded(who) => Some(who.user),
            _ => None,
        });
        ended.collect()
    }
}

fn here() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}

fn end(event: &ServerEvent) -> Option<CallEnd> {
    match event {
        ServerEvent::CallEnded { reason, .. } => Some(*reason),
        _ => None,
    }
}

fn add(by: u128, guest: u128, unwelcome: &[u128]) -> Input {
    let unwelcome = unwelcome.iter().map(|n| user(*n)).collect();
    Input::Add { from: who(by), guest: card(guest), unwelcome }
}

/// As the node says it to a group.
fn of_group(input: Input) -> group::Input {
    match input {
        Input::Join { user, session, .. } => group::Input::Join {
            user,
            session,
            card: Some(card(user.bits())),
            apart: Vec::new(),
            participant: ParticipantId::from_bits(10 + user.bits()),
        },
        Input::Leave(who) => group::Input::Leave(who),
        Input::Link(link) => group::Input::Link(link),
        Input::Answer(who) => group::Input::Answer(who),
        Input::Decline(who) => group::Input::Decline(who),
        Input::Cancel(who, only) => group::Input::Cancel(who, only),
        Input::Add { from, guest, unwelcome } => group::Input::Add { from, guest, unwelcome },
        Input::Part { by, other } => group::Input::Part { by, other },
        Input::Park(who) => group::Input::Park(who),
        Input::Unpark(who) => group::Input::Unpark(who),
        Input::Close(reason) => group::Input::Close(reason),
        Input::Tick => group::Input::Tick,
        other => panic!("not said to groups here: {other:?}"),
    }
}

fn through_the_server(n: u128) -> Input {
    let Who { user, session } = who(n);
    Input::Link(LinkState {
        seat: Seat { room: ROOM, user, session },
        path: Path::Sfu,
        state: Link::Connected,
    })
}

#[test]
fn it_rings_at_every_page_of_one_and_the_other_is_in_already() {
    let mut scene = Scene::ringing();
    let [(to, None, ServerEvent::IncomingCall { room_id, from, expires_at, people: 1 })] = &scene.pages[..]
    else {
        panic!("{:?}", scene.pages)
    };
    assert_eq!((*to, *room_id, from.id, *expires_at), (user(BOB), ROOM, user(ADA), at(45)));
    let Reply::Joined(joined) = scene.join(1, who(ADA)).unwrap() else { panic!() };
    assert_eq!((joined.room.kind, joined.room.caller), (RoomKind::Friends, Some(user(ADA))));
    assert_eq!(joined.room.ringing_until, Some(at(45)));
    assert_eq!(scene.join(1, who(BOB)), Err(Code::WrongState), "Bob hasn't answered");
    assert_eq!(scene.join(1, who(CY)), Err(Code::NotInRoom));
    assert_eq!(scene.give(1, Input::Leave(page(BOB, 0))), Err(Code::NotInRoom));
}

#[test]
fn the_first_page_that_answers_has_it() {
    let mut scene = Scene::ringing();
    scene.give(1, Input::Answer(page(BOB, 1))).unwrap();
    assert_eq!(scene.end_at_all(BOB), Some((CallEnd::Elsewhere, Some(page(BOB, 1).session))));
    let elsewhere = |event: &ServerEvent| matches!(event, ServerEvent::CallAccepted { elsewhere: true, .. });
    assert!(scene.pages.iter().any(|(to, _, event)| *to == user(BOB) && elsewhere(event)));
    let accepted = |e: &&ServerEvent| matches!(e, ServerEvent::CallAccepted { elsewhere: false, .. });
    assert_eq!(scene.heard(who(ADA)).into_iter().filter(accepted).count(), 1);
    assert_eq!(scene.give(1, Input::Answer(page(BOB, 1))), Ok(Reply::Done), "again changes nothing");
    assert_eq!(scene.give(1, Input::Answer(page(BOB, 2))), Err(Code::Conflict));
    assert_eq!(scene.give(1, Input::Decline(page(BOB, 2))), Err(Code::Conflict));
    assert_eq!(scene.give(1, Input::Answer(who(ADA))), Err(Code::WrongState));
    assert_eq!(scene.give(1, Input::Answer(who(CY))), Err(Code::NotInRoom));
    scene.join(2, page(BOB, 1)).unwrap();
    assert!(scene.rest.contains(&Output::Started { at: at(2) }));
}

#[test]
fn every_way_to_end_it_while_it_rings_is_told_to_both() {
    let ends: [(Input, u64, CloseReason, CallEnd); 5] = [
        (Input::Cancel(who(ADA), None), 2, CloseReason::Cancelled, CallEnd::Cancelled),
        (Input::Leave(who(ADA)), 2, CloseReason::Cancelled, CallEnd::Cancelled),
        (Input::Decline(page(BOB, 1)), 2, CloseReason::Declined, CallEnd::Elsewhere),
        (Input::Tick, 45, CloseReason::Timeout, CallEnd::Timeout),
        (Input::Close(CloseReason::Shutdown), 2, CloseReason::Shutdown, CallEnd::Cancelled),
    ];
    for (input, seconds, reason, told) in ends {
        let mut scene = Scene::ringing();
        scene.give(44, Input::Tick).unwrap();
        assert_eq!(scene.reason(), None);
        scene.give(seconds, input.clone()).unwrap();
        assert_eq!(scene.reason(), Some(reason), "{input:?}");
        assert_eq!(scene.end_at_all(BOB).map(|(end, _)| end), Some(told), "{input:?}");
        assert_eq!(scene.seats_ended(), [user(ADA)], "{input:?}");
        assert!(scene.rest.contains(&Output::Quiet { user: user(BOB), from: user(ADA) }));
        assert_eq!(scene.give(46, Input::Answer(who(BOB))), Err(Code::PeerGone), "{input:?}");
        assert_eq!(scene.join(46, who(BOB)), Err(Code::PeerGone), "{input:?}");
        assert_eq!(scene.give(46, Input::Decline(who(BOB))), Ok(Reply::Done), "{input:?}");
    }
}

#[test]
fn a_caller_whose_page_is_gone_for_good_rings_no_more() {
    let mut scene = Scene::ringing();
    scene.give(1, Input::Park(who(ADA))).unwrap();
    scene.give(10, Input::Unpark(who(ADA))).unwrap();
    scene.give(17, Input::Tick).unwrap();
    assert_eq!(scene.reason(), None);
    scene.give(20, Input::Park(who(ADA))).unwrap();
    scene.give(35, Input::Tick).unwrap();
    assert_eq!(scene.reason(), Some(CloseReason::Cancelled));
    assert_eq!(scene.end_at_all(BOB), Some((CallEnd::Cancelled, None)));
}

#[test]
fn a_cancel_that_comes_after_the_answer_hangs_up() {
    let mut scene = Scene::ringing();
    scene.give(1, Input::Answer(who(BOB))).unwrap();
    scene.give(1, Input::Cancel(who(ADA), None)).unwrap();
    assert_eq!(scene.end_at(who(BOB)), Some(CallEnd::HungUp));
    assert_eq!(scene.join(2, who(BOB)), Err(Code::PeerGone));
    assert_eq!(scene.seats_ended(), [user(ADA), user(BOB)]);
}

#[test]
fn who_answers_and_never_comes_in_ends_it_for_the_other_who_does_not_search() {
    let mut scene = Scene::ringing();
    scene.give(40, Input::Answer(who(BOB))).unwrap();
    scene.give(45, Input::Tick).unwrap();
    assert_eq!(scene.reason(), None, "it is answered");
    scene.give(50, Input::Tick).unwrap();
    assert_eq!(scene.reason(), Some(CloseReason::NeverJoined));
    assert_eq!(scene.end_at(who(ADA)), Some(CallEnd::Timeout));
    assert!(!scene.rest.iter().any(|o| matches!(o, Output::SearchAgain(..))));
}

#[test]
fn a_block_while_it_rings_looks_like_something_else() {
    for by in [ADA, BOB] {
        let mut scene = Scene::ringing();
        scene.give(1, Input::Part { by: user(by), other: user(ADA + BOB - by) }).unwrap();
        assert_eq!(scene.end_at_all(BOB), Some((CallEnd::Cancelled, None)));
        let declined = matches!(scene.heard(who(ADA))[..], [ServerEvent::CallDeclined { .. }]);
        assert_eq!(declined, by == BOB);
        assert_eq!(scene.reason(), Some(CloseReason::Safety));
        // What both remember is what it looks like: to the letter a call that was given up, or declined.
        let mut real = Scene::ringing();
        real.give(1, if by == ADA { Input::Cancel(who(ADA), None) } else { Input::Decline(who(BOB)) })
            .unwrap();
        assert_eq!(scene.kept(), real.kept());
        assert_eq!(
            scene.kept().unwrap().0,
            if by == ADA { CloseReason::Cancelled } else { CloseReason::Declined }
        );
        assert_eq!(scene.give(1, Input::Answer(who(BOB))), Err(Code::PeerGone));
    }
    let mut scene = Scene::talking();
    scene.give(3, Input::Part { by: user(BOB), other: user(ADA) }).unwrap();
    assert_eq!(
        (scene.end_at(who(ADA)), scene.end_at(who(BOB))),
        (Some(CallEnd::HungUp), Some(CallEnd::HungUp))
    );
    assert_eq!(scene.kept(), Some((CloseReason::Left, vec![(user(BOB), LeftReason::Left)])));
    // Who has answered and isn't in yet.
    let answered = |input| {
        let mut scene = Scene::ringing();
        scene.give(1, Input::Answer(who(BOB))).unwrap();
        scene.give(2, input).unwrap();
        (scene.kept(), scene.heard(who(ADA)).into_iter().cloned().collect::<Vec<_>>())
    };
    assert_eq!(answered(Input::Part { by: user(BOB), other: user(ADA) }), answered(Input::Leave(who(BOB))));
}

#[test]
fn who_is_to_be_added_and_blocks_somebody_there_has_declined() {
    for grown in [false, true] {
        let after = |input: Input| {
            let mut scene = if grown { Scene::as_three() } else { Scene::talking() };
            scene.give(6, add(ADA, 4, &[])).unwrap();
            scene.rest.clear();
            scene.give(7, input).unwrap();
            let missed = scene.rest.iter().any(|o| matches!(o, Output::Missed { .. }));
            (missed, scene.heard(who(ADA)).into_iter().cloned().collect::<Vec<_>>())
        };
        let declined = after(Input::Decline(who(4)));
        assert!(!declined.0);
        assert_eq!(after(Input::Part { by: user(4), other: user(ADA) }), declined, "grown: {grown}");
        assert!(after(Input::Part { by: user(ADA), other: user(4) }).0, "it wasn't them");
    }
}

#[test]
fn who_has_a_block_with_somebody_there_is_not_disturbed_and_seems_not_to_answer() {
    for grown in [false, true] {
        let after = |unwelcome: &[u128], end: Input, seconds| {
            let mut scene = if grown { Scene::as_three() } else { Scene::talking() };
            scene.rest.clear();
            scene.give(6, add(ADA, 4, unwelcome)).unwrap();
            let answer = if unwelcome.is_empty() { None } else { Some(scene.give(7, Input::Answer(who(4)))) };
            scene.give(seconds, end).unwrap();
            let missed = scene.rest.iter().filter(|o| matches!(o, Output::Missed { .. })).count();
            let heard = scene.heard(who(ADA)).into_iter().cloned().collect::<Vec<_>>();
            let rang = scene.pages.iter().any(|(to, ..)| *to == user(4));
            ((missed, heard), rang, answer)
        };
        for (end, seconds) in [(Input::Tick, 51), (Input::Cancel(who(ADA), Some(user(4))), 9)] {
            let (seen, rang, _) = after(&[], end.clone(), seconds);
            let unheard = after(&[BOB], end, seconds);
            assert!(rang);
            assert_eq!(unheard, (seen, false, Some(Err(Code::NotInRoom))), "grown: {grown}");
        }
    }
}

#[test]
fn nobody_watches_and_nobody_is_matched_by_a_call() {
    let mut scene = Scene::talking();
    scene.give(3, Input::Watch).unwrap();
    assert!(!scene.heard(who(ADA)).iter().any(|e| matches!(e, ServerEvent::MoveToSfu { .. })));
    let link = |n, state| {
        let Who { user, session } = who(n);
        Input::Link(LinkState { seat: Seat { room: ROOM, user, session }, path: Path::P2p, state })
    };
    scene.give(3, link(ADA, Link::Connected)).unwrap();
    scene.give(3, link(BOB, Link::Failed)).unwrap();
    let moved = ServerEvent::MoveToSfu { room_id: ROOM, reason: MoveReason::LinkFailed };
    assert!(scene.heard(who(ADA)).contains(&&moved));
}

#[test]
fn strangers_have_no_calls() {
    use visavis_domain::{contract::rooms::Guest, id::TicketId};
    let guest = |n| Guest {
        user: user(n),
        session: who(n).session,
        ticket: TicketId::from_bits(n),
        since: T0,
        card: card(n),
    };
    let ids = [ParticipantId::from_bits(11), ParticipantId::from_bits(12)];
    let mut room = Room::pair(T0, ROOM, [guest(ADA), guest(BOB)], ids, Path::P2p, &Settings::default());
    for input in [Input::Answer(who(BOB)), Input::Cancel(who(ADA), None), add(ADA, CY, &[])] {
        assert_eq!(room.handle(T0, input).map_err(|f| f.code), Err(Code::NotInRoom));
    }
}

#[test]
fn a_third_person_makes_it_a_group_and_the_direct_way_stays_until_both_see_each_other() {
    let mut scene = Scene::talking();
    assert_eq!(scene.give(3, add(ADA, BOB, &[])), Err(Code::Conflict));
    scene.give(3, add(ADA, CY, &[])).unwrap();
    scene.give(3, add(BOB, CY, &[])).unwrap();
    let rings = scene.pages.iter().filter(|(to, ..)| *to == user(CY)).count();
    assert_eq!(rings, 1, "it rings once");
    assert_eq!(scene.join(3, who(CY)), Err(Code::NotInRoom));
    scene.told.clear();
    scene.give(4, Input::Answer(who(CY))).unwrap();
    assert!(matches!(scene.live, Live::Many(_)));
    assert_eq!(scene.reason(), Some(CloseReason::Grown));
    assert_eq!(scene.seats_ended(), []);
    for n in [ADA, BOB] {
        let names: Vec<_> = scene.heard(who(n)).into_iter().cloned().collect();
        assert!(names.contains(&ServerEvent::MoveToSfu { room_id: ROOM, reason: MoveReason::Group }));
        assert!(names.iter().any(|e| matches!(e, ServerEvent::RoomChanged { max_participants: 10, .. })));
    }
    let Reply::Joined(joined) = scene.join(5, who(CY)).unwrap() else { panic!() };
    assert_eq!((joined.participants.len(), joined.transport), (3, Path::Sfu));
    let moved = ServerEvent::Moved { room_id: ROOM };
    scene.give(6, through_the_server(ADA)).unwrap();
    assert!(!scene.heard(who(ADA)).contains(&&moved));
    scene.give(6, through_the_server(BOB)).unwrap();
    assert!([ADA, BOB].iter().all(|n| scene.heard(who(*n)).contains(&&moved)));
    assert!(!scene.heard(who(CY)).contains(&&moved), "who came by the server has nothing to give up");
    assert_eq!(scene.join(7, who(4)), Err(Code::NotInRoom), "who wasn't called");
    scene.give(8, Input::Leave(who(ADA))).unwrap();
    assert_eq!(scene.seats_ended(), [user(ADA)], "the others talk on");
    scene.join(9, who(ADA)).unwrap();
}

#[test]
fn when_one_of_the_two_goes_before_both_have_moved_the_other_needs_no_direct_way() {
    let mut scene = Scene::as_three();
    scene.give(6, through_the_server(BOB)).unwrap();
    scene.give(6, Input::Leave(who(ADA))).unwrap();
    assert!(scene.heard(who(BOB)).contains(&&ServerEvent::Moved { room_id: ROOM }));
}

#[test]
fn who_is_called_into_a_call_and_does_not_come_changes_nothing_for_the_others() {
    let ends: [(Input, u64, bool); 4] = [
        (Input::Decline(who(CY)), 4, false),
        (Input::Tick, 48, true),
        (Input::Cancel(who(ADA), Some(user(CY))), 4, true),
        (Input::Part { by: user(BOB), other: user(CY) }, 4, true),
    ];
    for (input, seconds, missed) in ends {
        for grown in [false, true] {
            let mut scene = if grown { Scene::as_three() } else { Scene::talking() };
            let (guest, input) = if grown { (4, as_fourth(&input)) } else { (CY, input.clone()) };
            scene.rest.clear();
            scene.give(3, add(ADA, guest, &[])).unwrap();
            scene.give(seconds, input.clone()).unwrap();
            let declined = ServerEvent::CallDeclined { room_id: ROOM, user_id: user(guest) };
            assert!(scene.heard(who(ADA)).contains(&&declined), "{input:?}");
            assert!(scene.end_at_all(guest).is_some(), "{input:?}");
            assert!(scene.seats_ended().is_empty() && scene.reason().is_none(), "{input:?}");
            assert_eq!(scene.rest.iter().any(|o| matches!(o, Output::Missed { .. })), missed, "{input:?}");
            assert_eq!(scene.give(49, Input::Answer(who(guest))), Err(Code::NotInRoom), "{input:?}");
        }
    }
}

fn as_fourth(input: &Input) -> Input {
    match input {
        Input::Decline(_) => Input::Decline(who(4)),
        Input::Cancel(by, _) => Input::Cancel(*by, Some(user(4))),
        Input::Part { by, .. } => Input::Part { by: *by, other: user(4) },
        _ => Input::Tick,
    }
}

#[test]
fn whom_somebody_called_who_has_gone_is_called_no_more() {
    let mut scene = Scene::as_three();
    scene.give(6, add(BOB, 4, &[])).unwrap();
    scene.give(7, Input::Leave(who(BOB))).unwrap();
    assert_eq!(scene.end_at_all(4), Some((CallEnd::Cancelled, None)));
    let mut pair = Scene::talking();
    pair.give(3, add(ADA, CY, &[])).unwrap();
    pair.give(4, Input::Leave(who(BOB))).unwrap();
    assert_eq!(pair.end_at_all(CY), Some((CallEnd::Cancelled, None)));
    assert_eq!(pair.give(4, Input::Answer(who(CY))), Err(Code::NotInRoom));
}

#[test]
fn a_call_has_at_most_ten_people() {
    let mut scene = Scene::as_three();
    for n in 4..=10 {
        scene.give(6, add(ADA, n, &[])).unwrap();
    }
    assert_eq!(scene.give(6, add(ADA, 11, &[])), Err(Code::RoomFull));
    scene.give(7, Input::Decline(who(10))).unwrap();
    scene.give(7, add(ADA, 11, &[])).unwrap();
}

fn any_input() -> impl Strategy<Value = Input> {
    let n = || 1..=4_u128;
    let someone = || (n(), 0..2_u128).prop_map(|(n, tab)| page(n, tab));
    prop_oneof![
        someone().prop_map(Input::Answer),
        someone().prop_map(Input::Decline),
        (someone(), prop::option::of(n())).prop_map(|(who, only)| Input::Cancel(who, only.map(user))),
        (someone(), n(), prop::option::of(n())).prop_map(|(from, guest, unwelcome)| Input::Add {
            from,
            guest: card(guest),
            unwelcome: unwelcome.into_iter().map(user).collect(),
        }),
        someone().prop_map(|Who { user, session }| Input::Join { user, session, seen: here() }),
        someone().prop_map(Input::Leave),
        someone().prop_map(Input::Park),
        someone().prop_map(Input::Unpark),
        (n(), n()).prop_map(|(a, b)| Input::Part { by: user(a), other: user(b) }),
        Just(Input::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens in whatever order: every ring is ended once, nobody hears of a call that is over, nobody is in who
    /// wasn't called and didn't answer, and nobody's seat is left behind.
    #[test]
    fn rings_end_once_and_only_who_answered_is_in(steps in prop::collection::vec((0..12_u64, any_input()), 1..60)) {
        let mut scene = Scene::ringing();
        let mut now = T0;
        let mut answered = BTreeSet::from([user(ADA)]);
        for (later, input) in steps {
            now = now + Duration::from_secs(later);
            let answers = match &input {
                Input::Answer(who) => Some(who.user),
                _ => None,
            };
            let joins = match &input {
                Input::Join { user, .. } => Some(*user),
                _ => None,
            };
            let reply = scene.now(now, input);
            if let (Some(user), Ok(_)) = (answers, &reply) {
                answered.insert(user);
            }
            if let (Some(user), Ok(_)) = (joins, &reply) {
                prop_assert!(answered.contains(&user), "{user} is in and never answered");
            }
        }
        // Everything that waits comes to its end.
        for minutes in 1..=3 {
            let _ = scene.now(now + Duration::from_mins(minutes), Input::Tick);
        }
        let _ = scene.now(now + Duration::from_mins(4), Input::Close(CloseReason::Shutdown));
        let mut ringing: BTreeMap<UserId, i32> = BTreeMap::new();
        for (user, _, event) in &scene.pages {
            if matches!(event, ServerEvent::IncomingCall { .. }) {
                *ringing.entry(*user).or_default() += 1;
            }
        }
        for output in &scene.rest {
            if let Output::Quiet { user, .. } = output {
                *ringing.entry(*user).or_default() -= 1;
            }
        }
        prop_assert!(ringing.values().all(|left| *left == 0), "{ringing:?}");
        let ended = scene.rest.iter().filter(|o| matches!(o, Output::Ended { .. })).count();
        prop_assert_eq!(ended, 1, "the call's row is closed once");
        let mut stays: BTreeMap<ParticipantId, i32> = BTreeMap::new();
        for output in &scene.rest {
            match output {
                Output::Came { participant, .. } => *stays.entry(*participant).or_default() += 1,
                Output::Went { participant, .. } => *stays.entry(*participant).or_default() -= 1,
                _ => {}
            }
        }
        prop_assert!(stays.values().all(|left| *left == 0), "{stays:?}");
    }
}
