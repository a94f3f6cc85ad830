use proptest::prelude::*;

use super::*;
use crate::wire::{Band, Presence};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const S: Duration = Duration::from_secs(1);

fn who(n: u128) -> Who {
    Who { user: UserId::from_bits(n), session: SocketId::from_bits(n) }
}
fn id(n: u128) -> ParticipantId {
    ParticipantId::from_bits(n)
}
fn room(limit: usize) -> Group {
    let plan = Plan {
        id: RoomId::from_bits(1),
        name: None,
        owner: UserId::from_bits(1),
        limit,
        locked: false,
        created_at: NOW,
        expires_at: NOW + 86_400 * S,
    };
    Group::new(NOW, plan, &Settings::default())
}
fn join_input(n: u128) -> Input {
    let Who { user, session } = who(n);
    let card = Card { id: user, display_name: format!("p{n}"), avatar_url: None, band: Band::New };
    Input::Join { user, session, card: Some(card), apart: Vec::new(), participant: id(n) }
}
/// Comes in, sharing blocks with these.
fn join_apart(room: &mut Group, n: u128, apart: &[u128]) -> Result<Joined, Code> {
    let input = match join_input(n) {
        Input::Join { user, session, card, participant, .. } => {
            let apart = apart.iter().map(|n| UserId::from_bits(*n)).collect();
            Input::Join { user, session, card, apart, participant }
        }
        other => other,
    };
    match room.handle(NOW, input) {
        Ok(Reply::Joined(joined)) => Ok(*joined),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault.code),
    }
}
fn join(room: &mut Group, n: u128) -> Result<Joined, Code> {
    match room.handle(NOW, join_input(n)) {
        Ok(Reply::Joined(joined)) => Ok(*joined),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault.code),
    }
}
fn act(room: &mut Group, input: Input) -> Result<(), Code> {
    room.handle(NOW, input).map(drop).map_err(|f| f.code)
}
/// What each session was told.
fn told(room: &mut Group) -> Vec<(u128, ServerEvent)> {
    let all = std::iter::from_fn(|| room.poll());
    all.filter_map(|o| if let Output::Emit { to, event } = o { Some((to.bits(), event)) } else { None })
        .collect()
}
fn orders(room: &mut Group) -> Vec<MediaOrder> {
    std::iter::from_fn(|| room.poll())
        .filter_map(|o| if let Output::Media(m) = o { Some(m) } else { None })
        .collect()
}

#[test]
fn ten_come_in_and_the_eleventh_hears_that_it_is_full() {
    let mut room = room(10);
    for n in 1..=10 {
        assert_eq!(join(&mut room, n).unwrap().participants.len(), usize::try_from(n).unwrap());
    }
    assert_eq!(join(&mut room, 11), Err(Code::RoomFull));
    assert_eq!(join(&mut room, 3).unwrap().me, id(3), "whoever is in may come again");
    act(&mut room, Input::Leave(who(4))).unwrap();
    assert!(join(&mut room, 11).is_ok());
}

#[test]
fn the_first_hosts_until_the_owner_comes_and_the_chair_is_handed_on() {
    let mut room = room(10);
    join(&mut room, 2).unwrap();
    let joined = join(&mut room, 1).unwrap();
    let hosts = |j: &Joined| j.participants.iter().filter(|p| p.host).map(|p| p.id).collect::<Vec<_>>();
    assert_eq!(hosts(&joined), [id(1)]);
    join(&mut room, 3).unwrap();
    act(&mut room, Input::Leave(who(1))).unwrap();
    assert_eq!(hosts(&join(&mut room, 2).unwrap()), [id(2)]);
    act(&mut room, Input::Moderate(who(2), Action::MakeHost, Some(id(3)))).unwrap();
    assert_eq!(hosts(&join(&mut room, 2).unwrap()), [id(3)]);
    assert_eq!(act(&mut room, Input::Moderate(who(2), Action::Lock, None)), Err(Code::Forbidden));
}

#[test]
fn a_locked_room_takes_nobody_but_its_owner_and_those_who_are_in() {
    let mut room = room(10);
    join(&mut room, 2).unwrap();
    act(&mut room, Input::Moderate(who(2), Action::Lock, None)).unwrap();
    assert_eq!(join(&mut room, 3), Err(Code::RoomLocked));
    assert!(join(&mut room, 2).is_ok() && join(&mut room, 1).is_ok());
    act(&mut room, Input::Moderate(who(1), Action::Unlock, None)).unwrap();
    assert!(join(&mut room, 3).is_ok());
}

#[test]
fn whoever_is_muted_stays_so_until_the_host_allows_it() {
    let mut room = room(10);
    let on = Media { audio: true, video: true, screen: false };
    join(&mut room, 1).unwrap();
    join(&mut room, 2).unwrap();
    act(&mut room, Input::Media(who(2), on)).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::Mute, Some(id(2)))).unwrap();
    assert_eq!(room.tracks(id(2)), Some(Media { audio: false, ..on }.into()));
    let shown = Media { audio: false, screen: true, ..on };
    act(&mut room, Input::Media(who(2), shown)).unwrap();
    assert_eq!(
        room.tracks(id(2)),
        Some(Allowed { media: shown, screen_audio: false }),
        "no other microphone"
    );
    assert!(told(&mut room).iter().any(|(to, e)| *to == 2
        && matches!(e, ServerEvent::ParticipantState { participant, .. } if participant.muted)));
    assert_eq!(act(&mut room, Input::Media(who(2), on)), Err(Code::Forbidden));
    act(&mut room, Input::Moderate(who(1), Action::AllowMic, Some(id(2)))).unwrap();
    act(&mut room, Input::Media(who(2), on)).unwrap();
    assert_eq!(orders(&mut room).last(), Some(&MediaOrder::Tracks(id(2), on.into())));
}

#[test]
fn everybody_hears_what_the_host_decides_about_the_room_and_so_does_who_comes_later() {
    let mut room = room(10);
    (1..=2).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    act(&mut room, Input::Moderate(who(1), Action::Lock, None)).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::ForbidScreen, None)).unwrap();
    let told = told(&mut room);
    for n in 1..=2 {
        assert!(told.iter().any(|(to, e)| *to == n
            && matches!(e, ServerEvent::RoomChanged { locked: true, screens_forbidden: true, .. })));
    }
    act(&mut room, Input::Moderate(who(1), Action::Unlock, None)).unwrap();
    let view = join(&mut room, 3).unwrap().room;
    assert!(!view.locked && view.screens_forbidden);
}

#[test]
fn the_removed_are_told_and_kept_out() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    act(&mut room, Input::Moderate(who(1), Action::Remove, Some(id(2)))).unwrap();
    let told = told(&mut room);
    assert!(
        told.iter()
            .any(|(to, e)| *to == 2
                && matches!(e, ServerEvent::RoomClosed { reason: CloseReason::Removed, .. }))
    );
    assert!(
        told.iter().any(|(to, e)| *to == 3
            && matches!(e, ServerEvent::ParticipantLeft { reason: LeftReason::Removed, .. }))
    );
    assert_eq!(join(&mut room, 2), Err(Code::Removed));
    assert_eq!(
        act(
            &mut room,
            Input::Chat { from: who(2), text: "x".into(), nonce: "n".into(), id: MessageId::from_bits(1) }
        ),
        Err(Code::NotInRoom)
    );
}

#[test]
fn two_screens_at_once_and_none_when_the_host_forbids_it() {
    let mut room = room(10);
    let screen = Media { audio: false, video: false, screen: true };
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    act(&mut room, Input::Media(who(2), screen)).unwrap();
    act(&mut room, Input::Media(who(3), screen)).unwrap();
    assert_eq!(act(&mut room, Input::Media(who(1), screen)), Err(Code::Conflict));
    act(&mut room, Input::Moderate(who(1), Action::ForbidScreen, None)).unwrap();
    assert_eq!(room.tracks(id(2)).map(|m| m.media.screen), Some(false));
    assert_eq!(act(&mut room, Input::Media(who(3), screen)), Err(Code::Forbidden));
    act(&mut room, Input::Media(who(1), screen)).unwrap();
}

#[test]
fn a_dropped_socket_and_a_silent_connection_are_shown_and_lost_after_their_grace() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    act(&mut room, Input::Park(who(2))).unwrap();
    room.handle(NOW, Input::Silent(id(3), true)).unwrap();
    let states: Vec<_> = told(&mut room)
        .into_iter()
        .filter_map(|(to, e)| match e {
            ServerEvent::ParticipantState { participant, .. } if to == 1 => {
                Some((participant.id, participant.state))
            }
            _ => None,
        })
        .collect();
    assert_eq!(states, [(id(2), Presence::Reconnecting), (id(3), Presence::Reconnecting)]);
    room.handle(NOW, Input::Silent(id(3), false)).unwrap();
    room.handle(NOW + 16 * S, Input::Tick).unwrap();
    assert!(!room.is_seated(UserId::from_bits(2)) && room.is_seated(UserId::from_bits(3)));
}

#[test]
fn an_empty_room_closes_after_twenty_seconds_and_not_before() {
    let mut room = room(10);
    join(&mut room, 1).unwrap();
    act(&mut room, Input::Leave(who(1))).unwrap();
    let gone = |room: &mut Group, at| {
        room.handle(at, Input::Tick).ok();
        std::iter::from_fn(|| room.poll()).any(|o| o == Output::Gone)
    };
    assert!(!gone(&mut room, NOW + 19 * S));
    assert!(gone(&mut room, NOW + 20 * S));
}

#[test]
fn each_stay_is_kept_from_its_beginning_to_its_end() {
    let mut room = room(10);
    let stays = |room: &mut Group| -> Vec<(u128, Option<CloseReason>)> {
        let kept = |o| match o {
            Output::Came { participant, user, at, .. } => {
                assert_eq!((participant.bits(), at), (user.bits(), NOW));
                Some((participant.bits(), None))
            }
            Output::Went { participant, reason, .. } => Some((participant.bits(), Some(reason))),
            _ => None,
        };
        std::iter::from_fn(|| room.poll()).filter_map(kept).collect()
    };
    (1..=4).for_each(|n| drop(join(&mut room, n).unwrap()));
    join(&mut room, 2).unwrap();
    assert_eq!(stays(&mut room), [(1, None), (2, None), (3, None), (4, None)], "who comes again stays");
    act(&mut room, Input::Leave(who(2))).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::Remove, Some(id(3)))).unwrap();
    act(&mut room, Input::Park(who(4))).unwrap();
    room.handle(NOW + 16 * S, Input::Tick).unwrap();
    room.handle(NOW + 17 * S, Input::Close(CloseReason::Shutdown)).unwrap();
    let ends = [CloseReason::Left, CloseReason::Removed, CloseReason::Lost, CloseReason::Shutdown];
    assert_eq!(stays(&mut room), [2, 3, 4, 1].into_iter().zip(ends.map(Some)).collect::<Vec<_>>());
}

#[test]
fn a_newcomer_must_be_known_and_whoever_is_in_already_is() {
    let mut room = room(10);
    let nameless = |n| match join_input(n) {
        Input::Join { user, session, participant, .. } => {
            Input::Join { user, session, card: None, apart: Vec::new(), participant }
        }
        other => other,
    };
    assert_eq!(act(&mut room, nameless(1)), Err(Code::WrongState));
    join(&mut room, 1).unwrap();
    act(&mut room, nameless(1)).unwrap();
}

#[test]
fn two_who_share_a_block_know_nothing_of_one_another_in_a_strangers_room() {
    let mut room = room(10);
    (1..=2).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    let joined = join_apart(&mut room, 3, &[2]).unwrap();
    assert_eq!(joined.participants.iter().map(|p| p.id).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_eq!(room.apart_from(id(2)), [id(3)]);
    let id = |n| MessageId::from_bits(n);
    for n in 2..=3 {
        act(&mut room, Input::Chat { from: who(n), text: "hi".into(), nonce: "n".into(), id: id(n) })
            .unwrap();
        act(&mut room, Input::Hand(who(n), true)).unwrap();
        act(&mut room, Input::Media(who(n), Media { audio: true, video: true, screen: false })).unwrap();
        act(&mut room, Input::Park(who(n))).unwrap();
    }
    act(&mut room, Input::Leave(who(3))).unwrap();
    let told = told(&mut room);
    let about = |n: u128| {
        told.iter().filter(move |(to, event)| *to == n && !matches!(event, ServerEvent::ParticipantState { participant, .. } if participant.id == tests::id(n)))
    };
    assert!(about(1).count() >= 9, "{told:?}");
    assert_eq!(about(2).count() + about(3).count(), 0, "{told:?}");
}

#[test]
fn nobody_is_in_a_room_whose_host_they_share_a_block_with() {
    let mut room = room(10);
    join(&mut room, 2).unwrap();
    assert_eq!(
        join_apart(&mut room, 3, &[1]).unwrap_err(),
        Code::Blocked,
        "with whose room it is, there or not"
    );
    assert_eq!(join_apart(&mut room, 3, &[2]).unwrap_err(), Code::Blocked, "with who hosts it now");
    join(&mut room, 3).unwrap();
    told(&mut room);
    assert_eq!(join_apart(&mut room, 1, &[3]).unwrap().participants.len(), 2, "the owner takes the chair");
    let told = told(&mut room);
    assert!(told.iter().any(|(to, event)| *to == 3 && matches!(event, ServerEvent::RoomClosed { .. })));
    assert!(!room.is_seated(who(3).user));
}

#[test]
fn a_block_in_a_group_parts_the_two_at_once_and_ends_the_stay_of_who_blocks_the_host() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    let part = |by: u128, other: u128| Input::Part { by: who(by).user, other: who(other).user };
    act(&mut room, part(2, 3)).unwrap();
    act(&mut room, part(2, 3)).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| room.poll()).collect();
    let left = |to: u128, of: u128| {
        outputs.iter().filter(|o| matches!(o, Output::Emit { to: t, event: ServerEvent::ParticipantLeft { participant, .. } } if t.bits() == to && participant.id == id(of))).count()
    };
    assert_eq!((left(2, 3), left(3, 2), left(1, 2) + left(1, 3)), (1, 1, 0));
    assert!(outputs.contains(&Output::Media(MediaOrder::Apart([id(2), id(3)]))));
    // Who comes later, and shares a block with somebody here, has never met them.
    join_apart(&mut room, 5, &[2]).unwrap();
    let came = std::iter::from_fn(|| room.poll()).find_map(|o| match o {
        Output::Came { participant, apart, .. } => Some((participant, apart)),
        _ => None,
    });
    assert_eq!(came, Some((id(5), vec![id(2)])));
    act(&mut room, Input::Leave(who(5))).unwrap();
    act(&mut room, part(3, 1)).unwrap();
    assert!(!room.is_seated(who(3).user) && room.is_seated(who(1).user), "the chair stays where it is");
    act(&mut room, Input::Moderate(who(1), Action::MakeHost, Some(id(2)))).unwrap();
    assert!(join_apart(&mut room, 4, &[2]).is_err());
}

#[test]
fn chat_reaches_all_others_once() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    told(&mut room);
    for i in 0..2 {
        let id = MessageId::from_bits(i);
        act(&mut room, Input::Chat { from: who(1), text: "hi".into(), nonce: "n".into(), id }).unwrap();
    }
    let to: Vec<_> = told(&mut room).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [2, 3]);
}

/// Comes in as another participant than before.
fn join_as(room: &mut Group, n: u128, participant: u128) -> Result<Joined, Code> {
    let input = match join_input(n) {
        Input::Join { user, session, card, apart, .. } => {
            Input::Join { user, session, card, apart, participant: id(participant) }
        }
        other => other,
    };
    match room.handle(NOW, input) {
        Ok(Reply::Joined(joined)) => Ok(*joined),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault.code),
    }
}

#[test]
fn what_safety_did_to_somebody_holds_when_they_come_again_until_the_same_end() {
    let mut room = room(10);
    let on = Media { audio: true, video: true, screen: false };
    (1..=2).for_each(|n| drop(join(&mut room, n).unwrap()));
    act(&mut room, Input::Restrain(id(2), Restraint::Mute, None)).unwrap();
    act(&mut room, Input::Restrain(id(2), Restraint::Blur, None)).unwrap();
    for again in [20, 21] {
        act(&mut room, Input::Leave(who(2))).unwrap();
        told(&mut room);
        let joined = join_as(&mut room, 2, again).unwrap();
        let me = joined.participants.iter().find(|p| p.id == joined.me).unwrap();
        assert!(me.muted && me.blurred);
        assert!(told(&mut room).iter().any(|(to, e)| *to == 1
            && matches!(e, ServerEvent::ParticipantJoined { participant, .. } if participant.muted && participant.blurred)));
        assert_eq!(act(&mut room, Input::Media(who(2), on)), Err(Code::Forbidden));
        act(&mut room, Input::Moderate(who(1), Action::AllowMic, Some(id(again)))).unwrap();
        assert_eq!(act(&mut room, Input::Media(who(2), on)), Err(Code::Forbidden), "no host can change that");
    }
    // Whoever decided knows them by an earlier name, and ends the blur while they are in, or away.
    act(&mut room, Input::Restrain(id(20), Restraint::Clear, None)).unwrap();
    let me = |joined: Joined| joined.participants.into_iter().find(|p| p.id == joined.me).unwrap();
    let now = me(join(&mut room, 2).unwrap());
    assert!(now.muted && !now.blurred);
    act(&mut room, Input::Restrain(id(21), Restraint::Blur, None)).unwrap();
    act(&mut room, Input::Leave(who(2))).unwrap();
    act(&mut room, Input::Restrain(id(21), Restraint::Clear, None)).unwrap();
    let now = me(join_as(&mut room, 2, 22).unwrap());
    assert!(now.muted && !now.blurred);
    // Nothing of it is anybody else's.
    let other = me(join(&mut room, 3).unwrap());
    assert!(!other.muted && !other.blurred);
}

#[test]
fn whoever_leaves_before_safety_acts_is_kept_out_all_the_same() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    let kept_out = |room: &mut Group| -> Vec<u128> {
        let kept = |o| if let Output::KeepOut { user } = o { Some(user.bits()) } else { None };
        std::iter::from_fn(|| room.poll()).filter_map(kept).collect()
    };
    act(&mut room, Input::Restrain(id(2), Restraint::Remove, None)).unwrap();
    act(&mut room, Input::Leave(who(3))).unwrap();
    act(&mut room, Input::Restrain(id(3), Restraint::Remove, None)).unwrap();
    assert_eq!(kept_out(&mut room), [2, 3]);
    for n in [2, 3] {
        let Err(fault) = room.handle(NOW, join_input(n)) else { panic!("{n} is in") };
        assert_eq!((fault.code, fault.detail.contains("safety")), (Code::Removed, true));
    }
    assert_eq!(act(&mut room, Input::Restrain(id(9), Restraint::Mute, None)), Err(Code::PeerGone));
    join(&mut room, 4).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::Remove, Some(id(4)))).unwrap();
    assert_eq!(kept_out(&mut room), [0; 0], "by a host: only as long as the room lives");
}

#[test]
fn what_is_taken_back_ends_at_once_whether_they_are_in_or_away_and_a_hosts_word_stands() {
    let mut room = room(10);
    (1..=4).for_each(|n| drop(join(&mut room, n).unwrap()));
    for n in [2, 3] {
        act(&mut room, Input::Restrain(id(n), Restraint::Mute, None)).unwrap();
    }
    act(&mut room, Input::Leave(who(3))).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::Mute, Some(id(4)))).unwrap();
    told(&mut room);
    for n in [2, 3, 4] {
        act(&mut room, Input::Pardon(UserId::from_bits(n), Restraint::Mute)).unwrap();
    }
    let heard = told(&mut room);
    let is_free = |e: &ServerEvent| matches!(e, ServerEvent::ParticipantState { participant, .. } if participant.id == id(2) && !participant.muted);
    assert!(
        heard.iter().any(|(to, e)| *to == 1 && is_free(e))
            && heard.iter().any(|(to, e)| *to == 2 && is_free(e))
    );
    let on = Media { audio: true, video: true, screen: false };
    act(&mut room, Input::Media(who(2), on)).unwrap();
    let joined = join_as(&mut room, 3, 30).unwrap();
    let muted = |of: ParticipantId| joined.participants.iter().any(|p| p.id == of && p.muted);
    assert!(!muted(joined.me) && muted(id(4)), "a host has muted that one");
    // The same of those who were taken out.
    act(&mut room, Input::Restrain(id(2), Restraint::Remove, None)).unwrap();
    act(&mut room, Input::Moderate(who(1), Action::Remove, Some(id(4)))).unwrap();
    for n in [2, 4] {
        act(&mut room, Input::Pardon(UserId::from_bits(n), Restraint::Remove)).unwrap();
    }
    join_as(&mut room, 2, 20).unwrap();
    assert!(room.handle(NOW, join_input(4)).is_err(), "nor comes whom a host removed");
    // And when that was a mistake, too.
    act(&mut room, Input::RestrainAgain(UserId::from_bits(3), Restraint::Mute)).unwrap();
    assert_eq!(act(&mut room, Input::Media(who(3), on)), Err(Code::Forbidden));
    act(&mut room, Input::RestrainAgain(UserId::from_bits(2), Restraint::Remove)).unwrap();
    assert!(room.handle(NOW, join_input(2)).is_err());
}

#[test]
fn whoever_never_says_what_is_on_is_muted_and_shares_no_screen_all_the_same() {
    let mut room = room(10);
    (1..=3).for_each(|n| drop(join(&mut room, n).unwrap()));
    let open = |room: &Group, n| room.tracks(id(n)).unwrap();
    assert_eq!(open(&room, 2).media, Media::ALL);
    act(&mut room, Input::Restrain(id(2), Restraint::Mute, None)).unwrap();
    act(&mut room, Input::Leave(who(2))).unwrap();
    join_as(&mut room, 2, 20).unwrap();
    let now = open(&room, 20);
    assert!(!now.media.audio && !now.screen_audio && now.media.video);
    act(&mut room, Input::Moderate(who(1), Action::ForbidScreen, None)).unwrap();
    assert!(!open(&room, 3).media.screen && open(&room, 1).media.screen, "a host may");
    let told = std::iter::from_fn(|| room.poll());
    let ordered =
        |o: Output| if let Output::Media(MediaOrder::Tracks(of, now)) = o { Some((of, now)) } else { None };
    assert!(told.filter_map(ordered).any(|(of, now)| of == id(3) && !now.media.screen), "at once");
}

#[test]
fn a_crowd_that_comes_and_goes_washes_nobodys_mute_away() {
    let mut room = room(10);
    (1..=2).for_each(|n| drop(join(&mut room, n).unwrap()));
    act(&mut room, Input::Restrain(id(2), Restraint::Mute, None)).unwrap();
    act(&mut room, Input::Leave(who(2))).unwrap();
    for n in 100..400 {
        join(&mut room, n).unwrap();
        act(&mut room, Input::Leave(who(n))).unwrap();
    }
    let joined = join_as(&mut room, 2, 20).unwrap();
    assert!(joined.participants.iter().any(|p| p.id == joined.me && p.muted));
}

proptest! {
    #[test]
    fn there_is_one_host_never_too_many_people_and_nobody_twice(
        steps in prop::collection::vec((0_u8..10, 1_u128..14, 1_u128..14), 1..120), limit in 2_usize..=10,
    ) {
        let mut room = room(limit);
        let mut now = NOW;
        for (what, a, b) in steps {
            now = now + S;
            let input = match what {
                0 | 1 => join_input(a),
                2 => Input::Leave(who(a)),
                3 => Input::Park(who(a)),
                4 => Input::Unpark(who(a)),
                5 => Input::Moderate(who(a), Action::Remove, Some(id(b))),
                6 => Input::Moderate(who(a), Action::MakeHost, Some(id(b))),
                7 => Input::Part { by: who(a).user, other: who(b).user },
                8 => match join_input(a) {
                    Input::Join { user, session, card, participant, .. } => {
                        Input::Join { user, session, card, apart: vec![who(b).user], participant }
                    }
                    other => other,
                },
                _ => Input::Tick,
            };
            let _ = room.handle(now, input);
            prop_assert!(room.people.len() <= limit);
            let hosts = room.people.iter().filter(|p| room.host == Some(p.participant)).count();
            prop_assert_eq!(hosts, usize::from(!room.people.is_empty()));
            prop_assert!(room.host.is_none_or(|host| room.apart_from(host).is_empty() || room.people.is_empty()));
            let users: std::collections::BTreeSet<_> = room.people.iter().map(|p| p.user).collect();
            prop_assert_eq!(users.len(), room.people.len());
        }
    }
}
