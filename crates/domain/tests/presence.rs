//! Several pages, calls, crashes, and several who tell at once: what friends heard last is what is so.

use std::time::Duration;

use proptest::prelude::*;
use visavis_domain::{
    Timestamp,
    id::{RoomId, SocketId},
    presence::{Input, PATIENCE, Person, Seen, Step, Tab, Teller, Told},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000_000);
const LEASE: Duration = Duration::from_mins(3);

fn tab(n: u128) -> SocketId {
    SocketId::from_bits(n)
}

#[test]
fn every_way_to_be_seen() {
    let mut person = Person::default();
    assert_eq!(person.seen(T0), Seen::Offline);
    person.tabs.insert(tab(1), Tab { until: T0 + LEASE, away: false });
    person.tabs.insert(tab(2), Tab { until: T0 + LEASE, away: true });
    assert_eq!(person.seen(T0), Seen::Online, "one page is looked at");
    person.tabs.insert(tab(1), Tab { until: T0 + LEASE, away: true });
    assert_eq!(person.seen(T0), Seen::Away);
    person.call = Some((RoomId::from_bits(1), T0 + LEASE));
    assert_eq!(person.seen(T0), Seen::InCall);
    person.hidden = true;
    assert_eq!(person.seen(T0), Seen::Offline);
    person.hidden = false;
    person.call = Some((RoomId::from_bits(1), T0 + LEASE * 2));
    assert_eq!(person.seen(T0 + LEASE), Seen::Offline, "nobody speaks for the pages any more");
}

#[test]
fn what_is_kept_reads_as_it_was_written() {
    for seen in [Seen::Online, Seen::InCall, Seen::Away, Seen::Offline] {
        for sure in [true, false] {
            let told = Told { seen, at: T0, sure };
            assert_eq!(told.to_string().parse(), Ok(told));
        }
        assert_eq!(serde_json::to_value(seen).unwrap(), seen.as_str());
    }
    for wrong in ["", "?", "online", "x online", "5 on"] {
        assert_eq!(wrong.parse::<Told>(), Err(()), "{wrong}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    /// A page opens, or its node speaks for it again.
    Hold(u128, bool),
    Close(u128),
    Call(bool),
    Hide(bool),
    /// A node dies with everything that it was just doing.
    Crash,
    Pass(u64),
    /// Somebody begins to look.
    Begin,
    /// One of those who look does a step.
    Work(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0u128..4, any::<bool>()).prop_map(|(n, away)| Act::Hold(n, away)),
        2 => (0u128..4).prop_map(Act::Close),
        2 => any::<bool>().prop_map(Act::Call),
        1 => any::<bool>().prop_map(Act::Hide),
        1 => Just(Act::Crash),
        2 => (1u64..200).prop_map(Act::Pass),
        4 => Just(Act::Begin),
        20 => (0usize..8).prop_map(Act::Work),
    ]
}

struct World {
    now: Timestamp,
    person: Person,
    told: Told,
    /// The last word, by its time.
    heard: (Timestamp, Seen),
    tellers: Vec<Teller>,
}

impl World {
    /// One step of one teller. False when it has nothing more to do.
    fn work(&mut self, teller: &mut Teller) -> bool {
        let input = match teller.poll() {
            Step::Look => Input::Looked { seen: self.person.seen(self.now), told: self.told },
            Step::Keep { was, new } => {
                let kept = self.told == was;
                if kept {
                    self.told = new;
                }
                Input::Kept(kept)
            }
            Step::Tell(seen, at) => {
                // Late words aren't heard.
                if at >= self.heard.0 {
                    self.heard = (at, seen);
                }
                Input::Did
            }
            Step::Done => return false,
        };
        teller.handle(self.now, input);
        true
    }

    /// All who look come to an end, step by step in turn; and a while later somebody looks once more, as pages' nodes do
    /// every minute.
    fn finish(&mut self) -> bool {
        for later in [Duration::ZERO, PATIENCE * 2] {
            self.now = self.now + later;
            self.tellers.push(Teller::default());
            let mut steps = 0;
            while !self.tellers.is_empty() {
                let mut teller = self.tellers.remove(0);
                if self.work(&mut teller) {
                    self.tellers.push(teller);
                }
                steps += 1;
                if steps > 1_000 {
                    return false;
                }
            }
        }
        true
    }

    fn apply(&mut self, act: Act) {
        match act {
            Act::Hold(n, away) => {
                self.person.tabs.insert(tab(n), Tab { until: self.now + LEASE, away });
            }
            Act::Close(n) => {
                self.person.tabs.remove(&tab(n));
            }
            Act::Call(on) => self.person.call = on.then(|| (RoomId::from_bits(1), self.now + LEASE)),
            Act::Hide(hidden) => self.person.hidden = hidden,
            Act::Crash => self.tellers.clear(),
            Act::Pass(seconds) => self.now = self.now + Duration::from_secs(seconds),
            Act::Begin if self.tellers.len() < 8 => self.tellers.push(Teller::default()),
            Act::Work(n) if !self.tellers.is_empty() => {
                let at = n % self.tellers.len();
                let mut teller = self.tellers.swap_remove(at);
                if self.work(&mut teller) {
                    self.tellers.push(teller);
                }
            }
            Act::Begin | Act::Work(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_happens_friends_end_up_seeing_what_is_so(acts in proptest::collection::vec(act(), 1..120)) {
        let (told, heard) = (Told::default(), (Timestamp::from_millis(0), Seen::Offline));
        let mut world = World { now: T0, person: Person::default(), told, heard, tellers: Vec::new() };
        for act in acts {
            world.apply(act);
        }
        // Every page's node has died, and nobody speaks for anything any more.
        world.now = world.now + LEASE;
        world.tellers.push(Teller::default());
        let ended = world.finish();
        prop_assert!(ended, "it comes to an end");
        prop_assert_eq!((world.heard.1, world.told.seen, world.told.sure), (Seen::Offline, Seen::Offline, true));
    }

    #[test]
    fn whoever_looks_last_leaves_friends_with_the_truth_though_others_died_telling(acts in proptest::collection::vec(act(), 1..120)) {
        let (told, heard) = (Told::default(), (Timestamp::from_millis(0), Seen::Offline));
        let mut world = World { now: T0, person: Person::default(), told, heard, tellers: Vec::new() };
        for act in acts {
            world.apply(act);
        }
        world.tellers.push(Teller::default());
        let ended = world.finish();
        prop_assert!(ended, "it comes to an end");
        prop_assert_eq!(world.heard.1, world.person.seen(world.now));
    }
}
