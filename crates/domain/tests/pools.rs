//! A million pairings of people of both classes of age, many of whom block one another: never two classes, never a blocked
//! pair. A person is led to their pool by [`Pool::of`] alone, as the product does it.

use std::{collections::HashMap, time::Duration};

use visavis_domain::{
    Timestamp,
    age::AgeClass,
    id::{TicketId, UserId},
    queue::{Input, Output, Pool, Queue, Settings, Ticket},
};

const PAIRINGS: u64 = 1_000_000;
/// People who come again and again; each blocks a hundred others.
const PEOPLE: u64 = 2_000;
const BLOCKS: u64 = 100;

/// Splitmix64.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn class(person: u64) -> AgeClass {
    if mixed(person).is_multiple_of(3) { AgeClass::Youth } else { AgeClass::Adult }
}

/// Whom somebody blocks, or is blocked by.
fn blocked(person: u64) -> Vec<u64> {
    (0..BLOCKS).map(|n| (person + 1 + mixed(person * BLOCKS + n) % (PEOPLE - 1)) % PEOPLE).collect()
}

#[test]
fn of_a_million_pairs_none_is_of_two_classes_and_none_is_blocked() {
    let mut blocks = vec![Vec::new(); usize::try_from(PEOPLE).unwrap()];
    for person in 0..PEOPLE {
        for other in blocked(person).into_iter().filter(|other| *other != person) {
            for (a, b) in [(person, other), (other, person)] {
                let list: &mut Vec<UserId> = &mut blocks[usize::try_from(a).unwrap()];
                if !list.contains(&UserId::from_bits(b.into())) {
                    list.push(UserId::from_bits(b.into()));
                }
            }
        }
    }
    let mut queues: HashMap<Pool, Queue> =
        Pool::ALL.into_iter().map(|pool| (pool, Queue::new(Settings::default()))).collect();
    let mut waiting = vec![false; usize::try_from(PEOPLE).unwrap()];
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let (mut pairings, mut by_class, mut roll) = (0_u64, [0_u64; 2], 0_u64);
    while pairings < PAIRINGS {
        now = now + Duration::from_millis(20);
        roll += 1;
        let person = mixed(roll) % PEOPLE;
        let at = usize::try_from(person).unwrap();
        if !std::mem::replace(&mut waiting[at], true) {
            let pool = Pool::of(class(person));
            let ticket = Ticket {
                id: TicketId::from_bits(roll.into()),
                user: UserId::from_bits(person.into()),
                pool,
                reputation: u8::try_from(mixed(person + 7) % 101).unwrap(),
                languages: Vec::new(),
                interests: Vec::new(),
                country: None,
                countries: Vec::new(),
                blocked: blocks[at].clone(),
                recent: Vec::new(),
                since: now,
            };
            queues.get_mut(&pool).unwrap().handle(now, Input::Join(ticket));
        }
        for (pool, queue) in &mut queues {
            if roll.is_multiple_of(16) {
                queue.handle(now, Input::Tick);
            }
            while let Some(output) = queue.poll() {
                let Output::Matched(pair) = output else { continue };
                let [a, b] = [pair.a.user, pair.b.user].map(|user| u64::try_from(user.bits()).unwrap());
                assert_eq!(class(a), class(b), "two classes met");
                assert_eq!(Pool::of(class(a)), *pool);
                assert!(
                    !blocks[usize::try_from(a).unwrap()].contains(&UserId::from_bits(b.into())),
                    "a block"
                );
                for one in [a, b] {
                    waiting[usize::try_from(one).unwrap()] = false;
                }
                by_class[usize::from(class(a) == AgeClass::Youth)] += 1;
                pairings += 1;
            }
        }
    }
    assert!(by_class.iter().all(|pairs| *pairs > PAIRINGS / 10), "both classes meet: {by_class:?}");
}
