//! What two strangers see of their room, through every race between match and media.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{net::IpAddr, time::Duration};

use visavis_domain::{
    Code, Timestamp,
    contract::rooms::{Candidate, Guest, Joined, SignalBody, SignalKind},
    event::{CloseReason, ServerEvent},
    id::{MessageId, ParticipantId, RoomId, SocketId, TicketId, UserId},
    room::{Input, Output, Reply, Room, Settings, Who},
    wire::{Band, Card, LeftReason, Media, Path, Presence},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000);

fn at(seconds: f64) -> Timestamp {
    T0 + Duration::from_secs_f64(seconds)
}

fn guest(n: u128) -> Guest {
    let user = UserId::from_bits(n);
    Guest {
        user,
        session: SocketId::from_bits(n),
        ticket: TicketId::from_bits(n),
        since: T0 - Duration::from_secs(7),
        card: Card { id: user, display_name: format!("Guest {n}"), avatar_url: None, band: Band::New },
    }
}

fn who(n: u128) -> Who {
    Who { user: UserId::from_bits(n), session: SocketId::from_bits(n) }
}

/// The room of guests 1 and 2, and what each of their sessions was told.
struct Scene {
    room: Room,
    told: [Vec<ServerEvent>; 2],
    rest: Vec<Output>,
}

impl Scene {
    fn new() -> Self {
        let ids = [ParticipantId::from_bits(11), ParticipantId::from_bits(12)];
        let guests = [guest(1), guest(2)];
        let room = Room::pair(T0, RoomId::from_bits(9), guests, ids, Path::P2p, &Settings::default());
        let mut scene = Self { room, told: [vec![], vec![]], rest: vec![] };
        scene.drain();
        scene
    }

    fn both_in() -> Self {
        let mut scene = Self::new();
        scene.join(1, 1.0);
        scene.join(2, 1.0);
        scene.told = [vec![], vec![]];
        scene.rest.clear();
        scene
    }

    fn drain(&mut self) {
        while let Some(output) = self.room.poll() {
            match output {
                Output::Emit { to, event } => {
                    let i = usize::try_from(to.bits() - 1).unwrap();
                    self.told[i].push(event);
                }
                other => self.rest.push(other),
            }
        }
    }

    fn give(&mut self, seconds: f64, input: Input) -> Result<Reply, Code> {
        let reply = self.room.handle(at(seconds), input).map_err(|fault| fault.code);
        self.drain();
        reply
    }

    fn try_join(&mut self, n: u128, seconds: f64) -> Result<Joined, Code> {
        let seen: IpAddr = "127.0.0.1".parse().unwrap();
        let Who { user, session } = who(n);
        match self.give(seconds, Input::Join { user, session, seen })? {
            Reply::Joined(joined) => Ok(*joined),
            other => panic!("a join was answered {other:?}"),
        }
    }

    fn join(&mut self, n: u128, seconds: f64) -> Joined {
        self.try_join(n, seconds).unwrap()
    }

    fn end(&mut self, n: u128, seconds: f64) -> Result<Reply, Code> {
        let body = SignalBody::Candidate(None);
        self.give(seconds, Input::Signal { from: who(n), to: None, kind: SignalKind::Candidate, body })
    }

    fn chat(&mut self, n: u128, nonce: &str, id: u128) -> Result<Reply, Code> {
        let (text, nonce, id) = ("hello".to_owned(), nonce.to_owned(), MessageId::from_bits(id));
        self.give(2.0, Input::Chat { from: who(n), text: text.into(), nonce, id })
    }

    fn ended(&self) -> Option<(CloseReason, Vec<(UserId, LeftReason)>)> {
        self.rest.iter().find_map(|o| match o {
            Output::Ended { reason, left, .. } => Some((*reason, left.clone())),
            _ => None,
        })
    }
}

fn left(event: &ServerEvent) -> Option<(UserId, LeftReason)> {
    match event {
        ServerEvent::ParticipantLeft { participant, reason, .. } => Some((participant.user_id, *reason)),
        _ => None,
    }
}

#[test]
fn exactly_one_of_the_two_is_told_to_make_the_offer() {
    let scene = Scene::new();
    let initiators: Vec<bool> = scene
        .room
        .match_seats(&["chess".to_owned()])
        .iter()
        .map(|seat| match &seat.event {
            ServerEvent::Match { initiator, peer, me, peer_id, .. } => {
                assert_eq!(peer.common_interests, ["chess"]);
                assert_ne!(peer.user_id, seat.user);
                assert_ne!(me, peer_id);
                *initiator
            }
            other => panic!("not a match: {other:?}"),
        })
        .collect();
    assert_eq!(initiators, [true, false]);
}

#[test]
fn the_first_sees_the_second_come_and_the_second_finds_the_first() {
    let mut scene = Scene::new();
    assert_eq!(scene.join(1, 1.0).participants.len(), 1);
    assert!(scene.rest.iter().all(|o| !matches!(o, Output::Started { .. })));
    let joined = scene.join(2, 2.0);
    assert_eq!(joined.participants.len(), 2);
    assert_eq!(joined.me, ParticipantId::from_bits(12));
    assert!(matches!(&scene.told[0][..], [ServerEvent::ParticipantJoined { participant, .. }]
        if participant.id == ParticipantId::from_bits(12)));
    assert!(scene.told[1].is_empty());
    assert!(scene.rest.contains(&Output::Started { at: at(2.0) }));
}

#[test]
fn a_stranger_to_the_room_cannot_join_or_speak() {
    let mut scene = Scene::both_in();
    assert_eq!(scene.try_join(3, 1.0).unwrap_err(), Code::NotInRoom);
    assert_eq!(scene.end(3, 1.0), Err(Code::NotInRoom));
    assert_eq!(scene.chat(3, "n", 1), Err(Code::NotInRoom));
    assert_eq!(scene.give(1.0, Input::Leave(who(3))), Err(Code::NotInRoom));
    assert!(scene.told.iter().all(Vec::is_empty));
}

#[test]
fn signals_to_a_peer_who_is_still_coming_are_held_and_arrive_in_order() {
    let mut scene = Scene::new();
    scene.join(1, 1.0);
    for mid in 0..3u16 {
        let candidate = Candidate {
            candidate: String::new(),
            sdp_mid: Some(mid.to_string()),
            sdp_m_line_index: Some(mid),
            username_fragment: None,
        };
        let body = SignalBody::Candidate(Some(candidate));
        let input = Input::Signal { from: who(1), to: None, kind: SignalKind::Candidate, body };
        scene.give(1.5, input).unwrap();
    }
    assert!(scene.told[1].is_empty());
    scene.join(2, 2.0);
    let mids: Vec<_> = scene.told[1]
        .iter()
        .map(|e| match e {
            ServerEvent::IceCandidate { candidate: Some(c), .. } => c.sdp_m_line_index.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(mids, [0, 1, 2]);
}

#[test]
fn no_more_than_64_signals_are_held() {
    let mut scene = Scene::new();
    scene.join(1, 1.0);
    for _ in 0..64 {
        scene.end(1, 1.1).unwrap();
    }
    assert_eq!(scene.end(1, 1.1), Err(Code::RateLimited));
    scene.join(2, 2.0);
    assert_eq!(scene.told[1].len(), 64);
}

#[test]
fn a_peer_who_never_joins_sends_the_other_back_to_searching_with_the_old_waiting_time() {
    let mut scene = Scene::new();
    scene.join(1, 1.0);
    scene.give(9.999, Input::Tick).unwrap();
    assert_eq!(scene.ended(), None);
    scene.give(10.0, Input::Tick).unwrap();
    assert_eq!(
        scene.told[0].iter().filter_map(left).collect::<Vec<_>>(),
        [(UserId::from_bits(2), LeftReason::Lost)]
    );
    assert!(scene.rest.contains(&Output::SearchAgain(who(1), T0 - Duration::from_secs(7))));
    assert!(scene.rest.contains(&Output::SeatEnded(who(2))));
    assert_eq!(
        scene.ended(),
        Some((CloseReason::NeverJoined, vec![(UserId::from_bits(2), LeftReason::Lost)]))
    );
    assert_eq!(scene.try_join(2, 11.0).unwrap_err(), Code::NotInRoom);
}

#[test]
fn when_neither_joins_both_seats_are_free_and_nobody_searches() {
    let mut scene = Scene::new();
    scene.give(10.0, Input::Tick).unwrap();
    assert!(!scene.rest.iter().any(|o| matches!(o, Output::SearchAgain(..))));
    assert_eq!(scene.rest.iter().filter(|o| matches!(o, Output::SeatEnded(_))).count(), 2);
    assert!(scene.told.iter().all(Vec::is_empty));
}

#[test]
fn giving_up_before_joining_frees_the_other_at_once() {
    let mut scene = Scene::new();
    scene.join(1, 1.0);
    scene.give(2.0, Input::Leave(who(2))).unwrap();
    assert!(scene.rest.iter().any(|o| matches!(o, Output::SearchAgain(w, _) if *w == who(1))));
}

#[test]
fn next_is_seen_by_the_other_as_leaving_and_frees_both_seats() {
    let mut scene = Scene::both_in();
    scene.give(3.0, Input::Leave(who(1))).unwrap();
    assert_eq!(
        scene.told[1].iter().filter_map(left).collect::<Vec<_>>(),
        [(UserId::from_bits(1), LeftReason::Left)]
    );
    assert!(scene.told[0].is_empty());
    assert_eq!(scene.rest.iter().filter(|o| matches!(o, Output::SeatEnded(_))).count(), 2);
    assert_eq!(scene.ended(), Some((CloseReason::Left, vec![(UserId::from_bits(1), LeftReason::Left)])));
}

#[test]
fn both_pressing_next_at_once_end_the_call_once() {
    let mut scene = Scene::both_in();
    scene.give(3.0, Input::Leave(who(1))).unwrap();
    scene.give(3.0, Input::Leave(who(2))).unwrap();
    assert_eq!(scene.rest.iter().filter(|o| matches!(o, Output::Ended { .. })).count(), 1);
    assert!(scene.told[0].is_empty());
    assert_eq!(scene.give(3.0, Input::Leave(who(2))), Err(Code::NotInRoom));
}

#[test]
fn after_the_end_the_one_who_stayed_hears_peer_gone_and_the_one_who_left_not_in_room() {
    let mut scene = Scene::both_in();
    scene.give(3.0, Input::Leave(who(1))).unwrap();
    assert_eq!(scene.end(2, 3.1), Err(Code::PeerGone));
    assert_eq!(scene.chat(2, "n", 1), Err(Code::PeerGone));
    assert_eq!(scene.try_join(2, 3.1).unwrap_err(), Code::PeerGone);
    assert_eq!(scene.end(1, 3.1), Err(Code::NotInRoom));
    scene.give(32.9, Input::Tick).unwrap();
    assert!(!scene.rest.contains(&Output::Gone));
    scene.give(33.0, Input::Tick).unwrap();
    assert!(scene.rest.contains(&Output::Gone));
}

#[test]
fn a_dropped_socket_is_reconnecting_until_it_is_back() {
    let mut scene = Scene::both_in();
    scene.give(5.0, Input::Park(who(1))).unwrap();
    scene.give(19.999, Input::Tick).unwrap();
    scene.give(19.999, Input::Unpark(who(1))).unwrap();
    let states: Vec<_> = scene.told[1]
        .iter()
        .map(|e| match e {
            ServerEvent::ParticipantState { participant, .. } => participant.state,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states, [Presence::Reconnecting, Presence::Connected]);
    scene.give(20.0, Input::Tick).unwrap();
    assert_eq!(scene.ended(), None);
}

#[test]
fn a_dropped_socket_that_does_not_return_in_15_seconds_is_lost() {
    let mut scene = Scene::both_in();
    scene.give(5.0, Input::Park(who(1))).unwrap();
    assert!(scene.rest.contains(&Output::WakeAt(at(20.0))));
    scene.give(20.0, Input::Tick).unwrap();
    assert_eq!(
        scene.told[1].iter().filter_map(left).collect::<Vec<_>>(),
        [(UserId::from_bits(1), LeftReason::Lost)]
    );
    assert_eq!(scene.ended().unwrap().0, CloseReason::Lost);
}

#[test]
fn joining_again_from_another_page_keeps_the_participant_and_takes_the_seat() {
    let mut scene = Scene::both_in();
    let seen = "127.0.0.1".parse().unwrap();
    let (user, session) = (UserId::from_bits(1), SocketId::from_bits(2));
    let Ok(Reply::Joined(joined)) = scene.give(4.0, Input::Join { user, session, seen }) else { panic!() };
    assert_eq!(joined.me, ParticipantId::from_bits(11));
    assert!(scene.told[1].is_empty(), "the other need not know");
    assert_eq!(scene.end(1, 4.1), Err(Code::NotInRoom), "the old page has no seat any more");
    assert_eq!(scene.give(4.1, Input::Park(who(1))), Err(Code::NotInRoom));
}

#[test]
fn a_block_looks_like_leaving_to_the_other_one() {
    let mut scene = Scene::both_in();
    let (by, other) = (UserId::from_bits(1), UserId::from_bits(2));
    scene.give(4.0, Input::Part { by, other }).unwrap();
    assert_eq!(scene.told[1].iter().filter_map(left).collect::<Vec<_>>(), [(by, LeftReason::Left)]);
    assert!(matches!(scene.told[0][..], [ServerEvent::RoomClosed { reason: CloseReason::Left, .. }]));
    assert_eq!(scene.ended().unwrap().0, CloseReason::Safety);
    let kept = |o: &Output| match o {
        Output::Ended { shown, left, .. } => Some((*shown, left.clone())),
        _ => None,
    };
    assert_eq!(scene.rest.iter().find_map(kept), Some((CloseReason::Left, vec![(by, LeftReason::Left)])));
}

#[test]
fn a_block_before_one_has_joined_looks_like_not_joining() {
    let after = |input| {
        let mut scene = Scene::new();
        scene.join(2, 1.0);
        scene.give(2.0, input).unwrap();
        let searches = scene.rest.iter().any(|o| matches!(o, Output::SearchAgain(w, _) if *w == who(2)));
        (scene.told[1].clone(), searches)
    };
    let (by, other) = (UserId::from_bits(1), UserId::from_bits(2));
    let left = after(Input::Leave(who(1)));
    assert!(left.1 && !left.0.is_empty());
    assert_eq!(after(Input::Part { by, other }), left);
}

#[test]
fn a_message_repeated_with_its_nonce_is_one_message() {
    let mut scene = Scene::both_in();
    assert_eq!(scene.chat(1, "a", 1), Ok(Reply::Said(MessageId::from_bits(1))));
    assert_eq!(scene.chat(1, "a", 2), Ok(Reply::Said(MessageId::from_bits(1))));
    assert_eq!(scene.chat(1, "b", 3), Ok(Reply::Said(MessageId::from_bits(3))));
    assert_eq!(scene.told[1].len(), 2);
    assert!(scene.told[0].is_empty(), "the sender has the acknowledgement");
}

#[test]
fn tracks_are_told_once_per_change() {
    let mut scene = Scene::both_in();
    let on = Media { audio: true, video: true, screen: false };
    scene.give(4.0, Input::Media(who(1), on)).unwrap();
    scene.give(4.1, Input::Media(who(1), on)).unwrap();
    assert_eq!(scene.told[1].len(), 1);
}

#[test]
fn unreadable_sdp_is_refused_before_and_after_the_peer_is_there() {
    let mut scene = Scene::new();
    scene.join(1, 1.0);
    let offer = || Input::Signal {
        from: who(1),
        to: None,
        kind: SignalKind::Offer,
        body: SignalBody::Sdp("not sdp".to_owned()),
    };
    assert_eq!(scene.give(1.0, offer()), Err(Code::InvalidSdp));
    scene.join(2, 1.0);
    assert_eq!(scene.give(1.0, offer()), Err(Code::InvalidSdp));
    assert!(scene.told[1].is_empty());
}

#[test]
fn a_body_of_another_kind_is_refused() {
    let mut scene = Scene::both_in();
    let body = SignalBody::Candidate(None);
    let input = Input::Signal { from: who(1), to: None, kind: SignalKind::Offer, body };
    assert_eq!(scene.give(1.0, input), Err(Code::BadRequest));
}

#[test]
fn a_shutdown_closes_the_room_for_both() {
    let mut scene = Scene::both_in();
    scene.give(4.0, Input::Close(CloseReason::Shutdown)).unwrap();
    for told in &scene.told {
        assert!(matches!(told[..], [ServerEvent::RoomClosed { reason: CloseReason::Shutdown, .. }]));
    }
}
