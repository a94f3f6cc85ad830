//! From a pairing to a room that both are told of; or the word that their tickets are no good.

use std::time::Duration;

use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        rooms::{Guest, OpenPair, PairOpened, Seat},
        users::Seeker,
    },
    event::Event,
    id::{RoomId, UserId},
    pool::{Answer, Entry, Pairing},
    strangers::{Standing, Way},
};
use visavis_platform::db::calls::{self, MemberLeft};

use super::Deps;

/// Opens the room and tells both. No: one of the tickets can't be matched (any more).
pub(super) async fn open(deps: &Deps, pairing: &Pairing) -> Result<Answer, Fault> {
    let cx = Caller::internal("matchmaking");
    let [a, b] = pairing.guests.each_ref().map(|guest| guest.ticket.user);
    // The last line of a block, too: tickets may have been read before it was made.
    if deps.friends.blocked_either_way(&cx, a).await?.contains(&b) {
        return Ok(Answer::No);
    }
    let [first, second] = &pairing.guests;
    let both = [seeker(deps, &cx, first).await?, seeker(deps, &cx, second).await?];
    let [Some(one), Some(other)] = both else { return Ok(Answer::No) };
    let way = deps.strangers.way([standing(deps, &one).await?, standing(deps, &other).await?]);
    match deps.rooms.open_pair(&cx, request(pairing, way)).await? {
        PairOpened::Open(seats) => {
            for guest in &pairing.guests {
                let waited = pairing.at.since(guest.ticket.since);
                metrics::histogram!("visavis_match_wait_seconds").record(waited.as_secs_f64());
            }
            metrics::counter!("visavis_matches_total").increment(1);
            deps.bus.publish(Event::MatchFound { seats }).await;
            Ok(Answer::Yes)
        }
        PairOpened::Over => Ok(Answer::No),
        PairOpened::InCall(calls) => settle(deps, &cx, pairing, calls).await,
    }
}

/// Who the ticket is of, if it still is: the last line between people of two classes, whatever the ticket says.
async fn seeker(deps: &Deps, cx: &Caller, guest: &Entry) -> Result<Option<Seeker>, Fault> {
    match deps.users.seeker(cx, guest.ticket.user).await {
        Ok(seeker) => Ok(Some(seeker).filter(|s| guest.ticket.pool.admits(s.age_declared, s.age_class))),
        Err(fault) if fault.code == Code::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn standing(deps: &Deps, seeker: &Seeker) -> Result<Standing, Fault> {
    let user = seeker.card.id;
    let long_enough = Duration::from_secs(deps.strangers.clean_call_s);
    let clean_calls = calls::clean(&deps.db, user, long_enough, deps.strangers.proven_calls).await?;
    Ok(Standing { reputation: seeker.reputation, clean_calls, hides: seeker.hide_ip })
}

fn request(pairing: &Pairing, way: Way) -> OpenPair {
    let guest = |entry: &Entry| Guest {
        user: entry.ticket.user,
        session: entry.session,
        ticket: entry.ticket.id,
        since: entry.ticket.since,
        card: entry.card.clone(),
    };
    OpenPair {
        room: pairing.room,
        guests: pairing.guests.each_ref().map(guest),
        transport: way.path,
        movable: way.movable,
        common_interests: pairing.common_interests.clone(),
    }
}

/// Somebody is in another call, as far as is written down. If its room says otherwise the record is mended, and the
/// next try will do.
async fn settle(
    deps: &Deps,
    cx: &Caller,
    pairing: &Pairing,
    in_call: Vec<(UserId, RoomId)>,
) -> Result<Answer, Fault> {
    for (user, room) in in_call {
        let session =
            pairing.guests.iter().find(|guest| guest.ticket.user == user).map(|guest| guest.session);
        let Some(session) = session else { continue };
        if is_seated(deps, cx, Seat { room, user, session }).await? {
            return Ok(Answer::No);
        }
        let left = MemberLeft { user, at: deps.clock.now(), reason: "server-lost" };
        calls::left(&deps.db, room, &left).await?;
    }
    Ok(Answer::Failed)
}

/// Whether a person is in that call; one whose room nobody knows is not.
async fn is_seated(deps: &Deps, cx: &Caller, seat: Seat) -> Result<bool, Fault> {
    match deps.rooms.seated(cx, seat).await {
        Err(fault) if matches!(fault.code, Code::NotInRoom | Code::PeerGone | Code::NotFound) => Ok(false),
        answer => answer,
    }
}

/// Tells both that their tickets are void.
pub(super) async fn give_up(deps: &Deps, pairing: &Pairing) -> Result<(), Fault> {
    for Entry { ticket, session, .. } in &pairing.guests {
        let room = calls::room_of(&deps.db, ticket.user).await?;
        let void = Event::TicketVoid {
            user: ticket.user,
            session: *session,
            ticket: ticket.id,
            since: ticket.since,
            room,
        };
        deps.bus.publish(void).await;
    }
    metrics::counter!("visavis_matches_void_total").increment(1);
    Ok(())
}
