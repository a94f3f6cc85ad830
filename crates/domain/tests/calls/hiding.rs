//! An address that is hidden while it rings, or while a call runs.

use visavis_domain::contract::rooms::{SignalBody, SignalKind};

use super::*;

#[test]
fn who_hides_their_address_while_it_rings_talks_over_the_server_from_the_beginning() {
    let mut scene = Scene::ringing();
    let (kind, body) = (SignalKind::Candidate, SignalBody::Candidate(None));
    scene.give(1, Input::Signal { from: who(ADA), to: None, kind, body }).unwrap();
    scene.give(2, Input::Answer(who(BOB))).unwrap();
    let Live::Two(room) = &scene.live else { panic!() };
    assert_eq!(room.will_talk_directly(), Some([user(ADA), user(BOB)]));
    scene.give(3, Input::Hide).unwrap();
    let reply = scene.join(3, who(BOB)).unwrap();
    assert!(matches!(reply, Reply::Joined(joined) if joined.transport == Path::Sfu));
    assert_eq!(
        scene.heard(who(ADA)).into_iter().filter(|e| is_way(e)).collect::<Vec<_>>(),
        [
            &ServerEvent::MoveToSfu { room_id: ROOM, reason: MoveReason::Hidden },
            &ServerEvent::Moved { room_id: ROOM }
        ]
    );
    assert!(
        !scene.heard(who(BOB)).iter().any(|e| is_way(e) || matches!(e, ServerEvent::IceCandidate { .. })),
        "nothing of the direct way reaches the other"
    );
    scene.give(30, Input::Tick).unwrap();
    assert_eq!(scene.end_at(who(ADA)), None);
}

#[test]
fn who_hides_their_address_in_a_call_that_runs_changes_nothing_in_it() {
    let mut scene = Scene::talking();
    scene.give(3, Input::Hide).unwrap();
    assert!(!scene.heard(who(ADA)).into_iter().any(is_way));
    let reply = scene.join(4, who(BOB)).unwrap();
    assert!(matches!(reply, Reply::Joined(joined) if joined.transport == Path::P2p));
}

fn is_way(event: &ServerEvent) -> bool {
    matches!(event, ServerEvent::MoveToSfu { .. } | ServerEvent::Moved { .. })
}
