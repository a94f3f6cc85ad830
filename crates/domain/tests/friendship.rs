//! Random histories of two people, held against a plain account of what each of them said.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use proptest::prelude::*;
use visavis_domain::{
    Timestamp,
    friendship::{Act, Bond, Change, REQUEST_LIFE, Refusal, Side, Tie},
    id::RequestId,
};

const T0: Timestamp = Timestamp::from_millis(1_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const FRESH: Bond = Bond::new(Tie::Nothing, [false; 2]);
const ADA: Side = Side::First;
const BOB: Side = Side::Second;

fn request(n: u128) -> RequestId {
    RequestId::from_bits(n)
}

fn done(bond: &mut Bond, by: Side, act: Act) -> Change {
    bond.handle(T0, by, act).unwrap()
}

#[test]
fn one_asks_and_the_other_accepts() {
    let mut bond = FRESH;
    assert_eq!(done(&mut bond, ADA, Act::Ask(request(1))), Change::Asked { tell: true });
    assert_eq!(done(&mut bond, ADA, Act::Ask(request(2))), Change::Nothing, "it is the same request");
    assert_eq!(bond.handle(T0, ADA, Act::Accept(request(1))), Err(Refusal::NotFound), "not one's own");
    assert_eq!(bond.handle(T0, BOB, Act::Accept(request(2))), Err(Refusal::NotFound));
    assert_eq!(done(&mut bond, BOB, Act::Accept(request(1))), Change::Friends);
    assert_eq!(done(&mut bond, BOB, Act::Accept(request(1))), Change::Nothing, "from another page");
    assert_eq!(bond.handle(T0, BOB, Act::Decline(request(1))), Err(Refusal::NotFound));
    assert_eq!(bond.handle(T0, ADA, Act::Withdraw(request(1))), Err(Refusal::NotFound));
    assert_eq!(bond.handle(T0, BOB, Act::Ask(request(3))), Err(Refusal::Friends));
}

#[test]
fn two_requests_that_cross_are_a_friendship() {
    let mut bond = FRESH;
    done(&mut bond, ADA, Act::Ask(request(1)));
    assert_eq!(done(&mut bond, BOB, Act::Ask(request(2))), Change::Friends);
}

#[test]
fn a_declined_request_looks_the_same_to_whoever_asked_and_is_never_told_again() {
    let mut bond = FRESH;
    done(&mut bond, ADA, Act::Ask(request(1)));
    let before = bond.request_for(T0, ADA).map(|r| (r.id, r.at, r.until));
    done(&mut bond, BOB, Act::Decline(request(1)));
    assert_eq!(bond.request_for(T0, ADA).map(|r| (r.id, r.at, r.until)), before);
    assert_eq!(bond.request_for(T0, BOB), None);
    done(&mut bond, ADA, Act::Withdraw(request(1)));
    assert_eq!(bond.request_for(T0, ADA), None);
    // Asked again it is another request, as it is when nobody has declined.
    let mut open = FRESH;
    done(&mut open, ADA, Act::Ask(request(1)));
    done(&mut open, ADA, Act::Withdraw(request(1)));
    let later = T0 + HOUR;
    assert_eq!(open.handle(later, ADA, Act::Ask(request(2))), Ok(Change::Asked { tell: true }));
    assert_eq!(bond.handle(later, ADA, Act::Ask(request(2))), Ok(Change::Asked { tell: false }));
    let shown = |bond: &Bond| bond.request_for(later, ADA).map(|r| (r.id, r.at, r.until));
    assert_eq!(shown(&bond), shown(&open));
    assert_eq!(shown(&bond), Some((request(2), later, later + REQUEST_LIFE)));
    done(&mut bond, ADA, Act::Block);
    done(&mut bond, ADA, Act::Unblock);
    assert_eq!(done(&mut bond, ADA, Act::Ask(request(3))), Change::Asked { tell: false });
    assert_eq!(bond.request_for(T0, BOB), None);
    assert_eq!(
        done(&mut bond, BOB, Act::Ask(request(4))),
        Change::Friends,
        "who declined may change their mind"
    );
}

#[test]
fn a_request_that_has_expired_is_nothing() {
    let mut bond = FRESH;
    done(&mut bond, ADA, Act::Ask(request(1)));
    let last = T0 + REQUEST_LIFE - Duration::from_millis(1);
    assert_eq!(bond.clone().handle(last, BOB, Act::Accept(request(1))), Ok(Change::Friends));
    let late = T0 + REQUEST_LIFE;
    assert_eq!(bond.request_for(late, BOB), None);
    assert_eq!(bond.handle(late, BOB, Act::Accept(request(1))), Err(Refusal::NotFound));
    assert_eq!(bond.handle(late, BOB, Act::Ask(request(2))), Ok(Change::Asked { tell: true }));
}

#[test]
fn nobody_learns_that_they_are_blocked() {
    let mut bond = FRESH;
    done(&mut bond, BOB, Act::Block);
    assert_eq!(bond.handle(T0, ADA, Act::Ask(request(1))), Err(Refusal::NotFound));
    assert_eq!(bond.handle(T0, BOB, Act::Ask(request(1))), Err(Refusal::Mine));
}

/// What somebody does, and how long after the last.
#[derive(Debug, Clone, Copy)]
struct Step {
    after: Duration,
    by: Side,
    kind: usize,
}

fn step() -> impl Strategy<Value = Step> {
    // Most of what happens is soon after; now and then nobody does anything for weeks.
    let after = prop_oneof![8 => 0u32..48, 1 => 200u32..500].prop_map(|hours| HOUR * hours);
    let by = any::<bool>().prop_map(|first| if first { ADA } else { BOB });
    (after, by, 0usize..10).prop_map(|(after, by, kind)| Step { after, by, kind })
}

/// What each of them wants, by what they said themselves.
#[derive(Debug, Default)]
struct Said {
    /// Until when their yes holds; a yes that was answered holds on.
    yes: [Option<Timestamp>; 2],
    blocks: [bool; 2],
    friends: bool,
    /// The request that one has declined, and until when they must not be told of another.
    quiet: [Option<Timestamp>; 2],
}

impl Said {
    fn wants(&self, side: Side, now: Timestamp) -> bool {
        self.yes[side as usize].is_some_and(|until| until > now)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_two_people_do_they_are_friends_only_when_both_want_it_and_nobody_blocks(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let (mut bond, mut said, mut now, mut last) = (FRESH, Said::default(), T0, request(0));
        for (n, Step { after, by, kind }) in steps.into_iter().enumerate() {
            now = now + after;
            let fresh = request(n as u128 + 1);
            let act = match kind {
                0..=3 => Act::Ask(fresh),
                4 => Act::Accept(last),
                5 => Act::Decline(last),
                6 => Act::Withdraw(last),
                7 => Act::Remove,
                8 => Act::Block,
                _ => Act::Unblock,
            };
            let other = by.other();
            let (before, other_wanted) = (bond, said.wants(other, now));
            let change = bond.handle(now, by, act);
            if change.is_err() {
                // The end of a request may have been noticed; nothing that anybody sees has changed.
                for side in [ADA, BOB] {
                    prop_assert_eq!(bond.request_for(now, side), before.request_for(now, side));
                }
                prop_assert_eq!(bond.is_friends(), before.is_friends());
            }
            match (act, change) {
                // After one that was declined and taken back: a new one to whoever asks, and still none to the other.
                (Act::Ask(_), Ok(Change::Asked { tell: false })) => {
                    said.yes[by as usize] = Some(now + REQUEST_LIFE);
                    said.quiet[other as usize] = said.yes[by as usize];
                    prop_assert_eq!(bond.request_for(now, by).map(|r| (r.id, r.at)), Some((fresh, now)));
                    prop_assert_eq!(bond.request_for(now, other), None);
                    last = fresh;
                }
                (Act::Ask(_), Ok(_)) if !said.wants(by, now) => {
                    said.yes[by as usize] = Some(now + REQUEST_LIFE);
                }
                (Act::Accept(_), Ok(_)) => said.yes[by as usize] = Some(now + REQUEST_LIFE),
                (Act::Withdraw(_), Ok(_)) => said.yes[by as usize] = None,
                (Act::Decline(_), Ok(Change::Declined)) => said.quiet[by as usize] = said.yes[other as usize],
                (Act::Remove, Ok(_)) if said.friends => said.yes = [None; 2],
                (Act::Block, _) => {
                    said.blocks[by as usize] = true;
                    said.yes = [None; 2];
                }
                (Act::Unblock, _) => said.blocks[by as usize] = false,
                _ => {}
            }
            if change == Ok(Change::Asked { tell: true }) {
                prop_assert!(said.quiet[other as usize].is_none_or(|until| until <= now), "told of it again");
                // Who asks has changed their mind.
                said.quiet[by as usize] = None;
                if let Tie::Asked(request) = bond.tie() {
                    last = request.id;
                }
            }
            if change == Ok(Change::Friends) {
                prop_assert!(said.wants(by, now) && (other_wanted || said.wants(other, now)), "both want it");
                prop_assert!(!said.friends);
                said.quiet = [None; 2];
            }
            said.friends = bond.is_friends();
            prop_assert!(!(bond.is_friends() && (said.blocks[0] || said.blocks[1])), "blocked friends");
            if said.blocks[0] || said.blocks[1] {
                prop_assert!([ADA, BOB].iter().all(|side| bond.request_for(now, *side).is_none()));
            }
            // Both asked, and nothing since speaks against it.
            if let (Act::Ask(_), Ok(_)) = (act, change) {
                prop_assert!(!other_wanted || bond.is_friends(), "two requests that cross");
            }
            if bond.is_friends() {
                said.yes = [Some(now + HOUR * 1_000_000); 2];
            }
        }
    }
}
