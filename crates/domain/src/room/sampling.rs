//! What somebody's page sends in of a direct call between strangers: the picture of the other, as it is seen there. Who may,
//! how often, and whether it is looked at; the room itself never sees it.

use std::time::Duration;

use super::{Reply, Room, Who, peer_gone};
use crate::{Code, Fault, Timestamp, contract::rooms::RoomKind, id::ParticipantId, wire::Path};

/// A page sends one so often.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// One that comes a little early was slow on its way before.
const EARLY: Duration = Duration::from_secs(1);

impl Room {
    pub(super) fn sample(&mut self, now: Timestamp, from: Who, of: ParticipantId) -> Result<Reply, Fault> {
        let i = self.seated(from)?;
        if of == self.members[i].participant {
            return Err(Fault::bad_request("A sample is of what the other one shows."));
        }
        let other = &self.members[1 - i];
        if of != other.participant || !other.is_in() || self.ended.is_some() {
            return Err(peer_gone());
        }
        if self.kind != RoomKind::Random || self.transport != Path::P2p {
            return Err(not_sampled());
        }
        // Nobody can see what isn't on.
        let shows = !other.told || other.media.video || other.media.screen;
        let before = self.members[i].sampled;
        let early = before.map_or(Duration::ZERO, |at| SAMPLE_EVERY.saturating_sub(now.since(at)));
        if early > EARLY {
            let wait = u64::try_from(early.saturating_sub(EARLY).as_millis()).unwrap_or(u64::MAX);
            return Err(Fault::rate_limited(wait.max(1)));
        }
        self.members[i].sampled = Some(now);
        // On its way to the server it will be looked at there.
        Ok(Reply::Sampled(self.movable && !self.moving && shows))
    }
}

/// Only direct calls between strangers are.
pub fn not_sampled() -> Fault {
    Fault::new(Code::WrongState, "Only of direct calls between strangers samples are taken.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::rooms::{Guest, Link, LinkState, Seat},
        event::{CloseReason, MoveReason, ServerEvent},
        id::{RoomId, SocketId, TicketId, UserId},
        room::{Input, Output, Settings},
        wire::{Band, Card, Media},
    };

    const ADA: u128 = 1;
    const BOB: u128 = 2;
    const ROOM: u128 = 9;

    fn at(s: f64) -> Timestamp {
        Timestamp::from_millis(1_000_000) + Duration::from_secs_f64(s)
    }

    fn par(n: u128) -> ParticipantId {
        ParticipantId::from_bits(10 + n)
    }

    fn who(n: u128) -> Who {
        Who { user: UserId::from_bits(n), session: SocketId::from_bits(n) }
    }

    fn card(n: u128) -> Card {
        Card {
            id: UserId::from_bits(n),
            display_name: format!("Guest {n}"),
            avatar_url: None,
            band: Band::New,
        }
    }

    fn pair(movable: bool) -> Room {
        let guest = |n| Guest {
            user: UserId::from_bits(n),
            session: SocketId::from_bits(n),
            ticket: TicketId::from_bits(n),
            since: at(0.0),
            card: card(n),
        };
        let (room, settings) = (RoomId::from_bits(ROOM), Settings::default());
        let room =
            Room::pair(at(0.0), room, [guest(ADA), guest(BOB)], [par(ADA), par(BOB)], Path::P2p, &settings);
        room.movable(movable)
    }

    fn join(room: &mut Room, n: u128) {
        let Who { user, session } = who(n);
        room.handle(at(1.0), Input::Join { user, session, seen: [127, 0, 0, 1].into() }).unwrap();
    }

    /// Both are in.
    fn call() -> Room {
        let mut room = pair(true);
        join(&mut room, ADA);
        join(&mut room, BOB);
        room
    }

    fn sample(room: &mut Room, s: f64, by: u128, of: u128) -> Result<Reply, Code> {
        room.handle(at(s), Input::Sample(who(by), par(of))).map_err(|fault| fault.code)
    }

    const LOOKED_AT: Result<Reply, Code> = Ok(Reply::Sampled(true));
    const IGNORED: Result<Reply, Code> = Ok(Reply::Sampled(false));

    fn moved(room: &mut Room) -> usize {
        let all = std::iter::from_fn(|| room.poll());
        let is = |o: &Output| {
            matches!(o, Output::Emit { event: ServerEvent::MoveToSfu { reason: MoveReason::Safety, .. }, .. })
        };
        all.filter(is).count()
    }

    #[test]
    fn each_may_send_in_what_the_other_shows_and_nothing_else() {
        let mut room = call();
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), LOOKED_AT);
        assert_eq!(sample(&mut room, 2.0, BOB, ADA), LOOKED_AT);
        assert_eq!(sample(&mut room, 9.0, ADA, ADA), Err(Code::BadRequest), "of oneself");
        assert_eq!(sample(&mut room, 9.0, ADA, 7), Err(Code::PeerGone), "of a third");
        assert_eq!(sample(&mut room, 9.0, 7, BOB), Err(Code::NotInRoom), "from outside");
        let elsewhere = Who { session: SocketId::from_bits(77), ..who(ADA) };
        let other_page = room.handle(at(9.0), Input::Sample(elsewhere, par(BOB))).map_err(|f| f.code);
        assert_eq!(other_page, Err(Code::NotInRoom), "from a page that hasn't the seat");
        assert_eq!(sample(&mut room, 9.0, ADA, BOB), LOOKED_AT, "what was refused cost nothing");
    }

    #[test]
    fn one_in_five_seconds_is_taken_and_one_that_was_quick_on_its_way() {
        let mut room = call();
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), LOOKED_AT);
        let early = room.handle(at(3.0), Input::Sample(who(ADA), par(BOB))).unwrap_err();
        assert_eq!((early.code, early.retry_after_ms), (Code::RateLimited, Some(3_000)));
        assert_eq!(sample(&mut room, 6.0, ADA, BOB), LOOKED_AT);
        assert_eq!(sample(&mut room, 9.9, ADA, BOB), Err(Code::RateLimited));
        assert_eq!(sample(&mut room, 9.9, BOB, ADA), LOOKED_AT, "each has a measure of their own");
    }

    #[test]
    fn before_the_other_comes_and_after_they_have_gone_there_is_nothing_to_see() {
        let mut room = pair(true);
        join(&mut room, ADA);
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), Err(Code::PeerGone));
        join(&mut room, BOB);
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), LOOKED_AT);
        room.handle(at(3.0), Input::Leave(who(BOB))).unwrap();
        assert_eq!(sample(&mut room, 9.0, BOB, ADA), Err(Code::NotInRoom));
        assert_eq!(sample(&mut room, 9.0, ADA, BOB), Err(Code::PeerGone));
    }

    #[test]
    fn a_camera_that_is_off_shows_nothing_whatever_is_sent_in() {
        let mut room = call();
        let set = |room: &mut Room, video| {
            let media = Media { audio: true, video, screen: false };
            room.handle(at(1.0), Input::Media(who(BOB), media)).unwrap();
        };
        set(&mut room, false);
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), IGNORED);
        set(&mut room, true);
        assert_eq!(sample(&mut room, 8.0, ADA, BOB), LOOKED_AT);
    }

    #[test]
    fn a_call_moves_once_and_on_its_way_and_after_it_nothing_more_is_looked_at() {
        let mut room = call();
        assert_eq!(room.handle(at(2.0), Input::Watch), Ok(Reply::Moves(true)));
        assert_eq!(room.handle(at(2.0), Input::Watch), Ok(Reply::Moves(false)), "once");
        assert_eq!(moved(&mut room), 2, "both are told");
        assert_eq!(sample(&mut room, 3.0, ADA, BOB), IGNORED);
        for n in [ADA, BOB] {
            let Who { user, session } = who(n);
            let seat = Seat { room: RoomId::from_bits(ROOM), user, session };
            let link = LinkState { seat, path: Path::Sfu, state: Link::Connected };
            room.handle(at(4.0), Input::Link(link)).unwrap();
        }
        assert_eq!(sample(&mut room, 9.0, ADA, BOB), Err(Code::WrongState));
        assert_eq!(room.handle(at(9.0), Input::Watch), Ok(Reply::Moves(false)));
    }

    fn closed(room: &mut Room, n: u128) -> Option<CloseReason> {
        let mut all = std::iter::from_fn(|| room.poll());
        all.find_map(|o| match o {
            Output::Emit { to, event: ServerEvent::RoomClosed { reason, .. } } if to == who(n).session => {
                Some(reason)
            }
            _ => None,
        })
    }

    fn through(room: &mut Room, s: f64, n: u128, state: Link) {
        let Who { user, session } = who(n);
        let seat = Seat { room: RoomId::from_bits(ROOM), user, session };
        room.handle(at(s), Input::Link(LinkState { seat, path: Path::Sfu, state })).unwrap();
    }

    #[test]
    fn a_call_that_must_move_for_safety_ends_when_somebody_does_not_come() {
        let mut room = call();
        room.handle(at(2.0), Input::Watch).unwrap();
        through(&mut room, 4.0, ADA, Link::Connected);
        room.handle(at(16.9), Input::Tick).unwrap();
        assert!(!room.is_over());
        room.handle(at(17.0), Input::Tick).unwrap();
        assert!(room.is_over());
        assert_eq!(closed(&mut room, BOB), Some(CloseReason::Lost), "whoever stayed away");
        // Who came in time goes on.
        let mut room = call();
        room.handle(at(2.0), Input::Watch).unwrap();
        through(&mut room, 4.0, ADA, Link::Connected);
        through(&mut room, 16.0, BOB, Link::Connected);
        room.handle(at(60.0), Input::Tick).unwrap();
        assert!(!room.is_over());
    }

    #[test]
    fn where_calls_can_not_move_samples_are_answered_and_not_looked_at() {
        let mut room = pair(false);
        join(&mut room, ADA);
        join(&mut room, BOB);
        assert_eq!(sample(&mut room, 2.0, ADA, BOB), IGNORED);
        assert_eq!(room.handle(at(2.0), Input::Watch), Ok(Reply::Moves(false)));
    }
}
