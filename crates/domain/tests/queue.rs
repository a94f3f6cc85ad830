//! Who meets whom: every rule of the queue at its boundary.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    age::AgeClass,
    event::Widened,
    id::{TicketId, UserId},
    queue::{Input, Match, Met, Output, Pool, Queue, Settings, Ticket},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000_000);

fn at(seconds: f64) -> Timestamp {
    if seconds < 0.0 { T0 - Duration::from_secs_f64(-seconds) } else { T0 + Duration::from_secs_f64(seconds) }
}

fn user(n: u128) -> UserId {
    UserId::from_bits(n)
}

/// Somebody who takes anybody, waiting since the start.
fn ticket(n: u128) -> Ticket {
    Ticket {
        id: TicketId::from_bits(n),
        user: user(n),
        pool: Pool::Adult,
        reputation: 70,
        languages: Vec::new(),
        interests: Vec::new(),
        country: None,
        countries: Vec::new(),
        blocked: Vec::new(),
        recent: Vec::new(),
        since: T0,
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// A queue and a clock that goes from one of its wake-ups to the next.
struct Scene {
    queue: Queue,
    wake: Option<Timestamp>,
    now: Timestamp,
    said: Vec<Output>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { queue: Queue::new(settings), wake: None, now: T0, said: Vec::new() }
    }

    fn give(&mut self, seconds: f64, input: Input) -> &mut Self {
        self.until(seconds);
        self.now = at(seconds);
        self.queue.handle(self.now, input);
        self.drain();
        self
    }

    fn join(&mut self, seconds: f64, mut ticket: Ticket) -> &mut Self {
        if ticket.since == T0 {
            ticket.since = at(seconds);
        }
        self.give(seconds, Input::Join(ticket))
    }

    fn drain(&mut self) {
        while let Some(output) = self.queue.poll() {
            match output {
                Output::WakeAt(at) => self.wake = Some(at),
                other => self.said.push(other),
            }
        }
    }

    /// Ticks at every wake-up before that time.
    fn until(&mut self, seconds: f64) -> &mut Self {
        let mut steps = 0;
        while let Some(wake) = self.wake.filter(|wake| *wake < at(seconds)) {
            self.wake = None;
            self.now = self.now.max(wake);
            self.queue.handle(self.now, Input::Tick);
            self.drain();
            steps += 1;
            assert!(steps < 100_000, "the queue asks to be woken for ever");
        }
        self
    }

    fn matches(&self) -> Vec<&Match> {
        self.said
            .iter()
            .filter_map(|said| if let Output::Matched(pair) = said { Some(&**pair) } else { None })
            .collect()
    }

    fn pairs(&self) -> Vec<(u128, u128)> {
        self.matches().iter().map(|pair| (pair.a.user.bits(), pair.b.user.bits())).collect()
    }

    /// When the first match came, in seconds, looking no further than that.
    fn first_match_within(&mut self, seconds: u32) -> Option<f64> {
        for tenth in 0..=seconds * 10 {
            let now = f64::from(tenth) / 10.0;
            if at(now) < self.now {
                continue;
            }
            self.until(now + 0.001);
            if !self.matches().is_empty() {
                return Some(now);
            }
        }
        None
    }
}

#[test]
fn two_who_ask_for_nothing_meet_at_once_and_leave_the_queue() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1)).join(0.5, ticket(2));
    assert_eq!(scene.pairs(), [(1, 2)]);
    assert!(scene.queue.is_empty() && scene.queue.ticket_of(user(1)).is_none());
    scene.until(120.0);
    assert_eq!(scene.pairs().len(), 1);
}

#[test]
fn the_one_who_waited_longer_comes_first_whoever_finds_whom() {
    let mut scene = Scene::new();
    let old = Ticket { since: at(-30.0), ..ticket(2) };
    scene.join(0.0, ticket(1)).give(1.0, Input::Join(old));
    assert_eq!(scene.pairs(), [(2, 1)]);
    assert_eq!(scene.matches()[0].a.since, at(-30.0));
}

#[test]
fn a_block_holds_whichever_of_the_two_made_it_and_however_long_they_wait() {
    for (mine, theirs) in [(vec![user(2)], vec![]), (vec![], vec![user(1)])] {
        let mut scene = Scene::new();
        scene.join(0.0, Ticket { blocked: mine, ..ticket(1) });
        scene.join(0.0, Ticket { blocked: theirs, ..ticket(2) });
        scene.until(3_600.0);
        assert_eq!(scene.pairs(), []);
        scene.join(3_600.0, ticket(3));
        assert_eq!(scene.pairs().len(), 1);
    }
}

#[test]
fn a_block_made_while_both_wait_holds_at_once() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { interests: words(&["chess"]), ..ticket(1) });
    scene.join(0.0, Ticket { interests: words(&["music"]), ..ticket(2) });
    scene.give(1.0, Input::Block { a: user(2), b: user(1) });
    scene.until(600.0);
    assert_eq!(scene.pairs(), []);
    // A block with somebody who doesn't wait harms nobody.
    scene.give(600.0, Input::Block { a: user(1), b: user(99) });
    assert_eq!(scene.queue.len(), 2);
}

#[test]
fn reputations_further_apart_than_allowed_meet_when_waiting_has_widened_the_gap() {
    // 10 points at first and 4 more for each second: 30 apart needs 5 seconds.
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 90, ..ticket(1) });
    scene.join(0.0, Ticket { reputation: 60, ..ticket(2) });
    assert_eq!(scene.first_match_within(60), Some(5.0));
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 80, ..ticket(1) });
    scene.join(0.1, Ticket { reputation: 70, ..ticket(2) });
    assert_eq!(scene.pairs(), [(1, 2)], "ten apart is close enough");
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 81, ..ticket(1) });
    scene.join(0.0, Ticket { reputation: 70, ..ticket(2) });
    assert_eq!(scene.first_match_within(60), Some(1.0), "eleven is not, at first");
}

#[test]
fn the_ends_of_the_scale_meet_too() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 0, ..ticket(1) });
    scene.join(0.0, Ticket { reputation: 100, ..ticket(2) });
    // 10 + 4 × 23 ≥ 100, and by then each is searched for every other second.
    assert_eq!(scene.first_match_within(120), Some(24.0));
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 0, ..ticket(1) }).join(0.1, Ticket { reputation: 0, ..ticket(2) });
    scene.join(1.0, Ticket { reputation: 100, ..ticket(3) });
    scene.join(1.1, Ticket { reputation: 100, ..ticket(4) });
    assert_eq!(scene.pairs(), [(1, 2), (3, 4)]);
}

#[test]
fn the_longer_wait_of_the_two_decides_about_reputation() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { reputation: 30, ..ticket(1) });
    // 40 apart: enough after 7.5, so 8 whole seconds of the first one's waiting.
    scene.join(8.0, Ticket { reputation: 70, ..ticket(2) });
    assert_eq!(scene.pairs(), [(1, 2)], "a newcomer takes somebody who has waited");
}

#[test]
fn a_shared_interest_or_language_is_wanted_at_first() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { interests: words(&["chess"]), ..ticket(1) });
    scene.join(0.0, Ticket { interests: words(&["music"]), ..ticket(2) });
    scene.join(0.5, Ticket { interests: words(&["tea", "chess"]), ..ticket(3) });
    assert_eq!(scene.pairs(), [(1, 3)]);
    assert_eq!(scene.matches()[0].common_interests, ["chess"]);

    let mut scene = Scene::new();
    scene.join(0.0, Ticket { languages: words(&["de"]), ..ticket(1) });
    scene.join(0.0, Ticket { languages: words(&["fr"]), ..ticket(2) });
    scene.join(0.5, Ticket { languages: words(&["en", "fr"]), ..ticket(3) });
    assert_eq!(scene.pairs(), [(2, 3)]);
}

#[test]
fn after_a_while_no_shared_word_is_needed() {
    let apart = |scene: &mut Scene, kind: fn(&mut Ticket, Vec<String>)| {
        for (n, word) in [(1, "one"), (2, "two")] {
            let mut person = ticket(n);
            kind(&mut person, words(&[word]));
            scene.join(0.0, person);
        }
    };
    let mut scene = Scene::new();
    apart(&mut scene, |person, words| person.interests = words);
    assert_eq!(scene.first_match_within(60), Some(2.0));
    let mut scene = Scene::new();
    apart(&mut scene, |person, words| person.languages = words);
    assert_eq!(scene.first_match_within(60), Some(5.0));
}

#[test]
fn somebody_who_has_waited_long_is_taken_by_a_newcomer_who_would_rather_have_shared_words() {
    for (wait, expected) in [(4.5, 0), (5.0, 1)] {
        let mut scene = Scene::new();
        scene.join(0.0, Ticket { interests: words(&["chess"]), ..ticket(1) });
        scene.join(wait, Ticket { interests: words(&["music"]), ..ticket(2) });
        assert_eq!(scene.pairs().len(), expected, "interests, {wait} s");
    }
    for (wait, expected) in [(11.5, 0), (12.0, 1)] {
        let mut scene = Scene::new();
        scene.join(0.0, Ticket { languages: words(&["de"]), ..ticket(1) });
        scene.join(wait, Ticket { languages: words(&["fr"]), ..ticket(2) });
        assert_eq!(scene.pairs().len(), expected, "languages, {wait} s");
    }
}

#[test]
fn somebody_who_names_nothing_shares_everything() {
    for other in [
        Ticket { interests: words(&["chess"]), ..ticket(2) },
        Ticket { languages: words(&["de"]), ..ticket(2) },
        Ticket { interests: words(&["chess"]), languages: words(&["de"]), ..ticket(2) },
    ] {
        for newcomer_is_picky in [false, true] {
            let mut scene = Scene::new();
            let (first, second) =
                if newcomer_is_picky { (ticket(1), other.clone()) } else { (other.clone(), ticket(1)) };
            scene.join(0.0, first).join(0.1, second);
            assert_eq!(scene.pairs().len(), 1, "{other:?}");
        }
    }
}

#[test]
fn a_wish_for_a_country_never_gives_way() {
    let from = |n, country: &str| Ticket { country: Some(country.to_owned()), ..ticket(n) };
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { countries: words(&["IS", "NO"]), ..from(1, "DE") });
    scene.join(0.0, Ticket { country: None, ..ticket(2) });
    scene.join(0.0, Ticket { blocked: vec![user(2)], ..from(3, "FR") });
    scene.until(7_200.0);
    assert_eq!(scene.pairs(), [], "nobody is from there");
    scene.join(7_200.0, Ticket { blocked: vec![user(2), user(3)], ..from(4, "NO") });
    assert_eq!(scene.pairs(), [(1, 4)]);
}

#[test]
fn both_wishes_for_countries_must_be_met() {
    let person = |n, from: &str, wants: &[&str]| Ticket {
        country: Some(from.to_owned()),
        countries: words(wants),
        ..ticket(n)
    };
    let mut scene = Scene::new();
    scene.join(0.0, person(1, "DE", &["FR"])).join(0.0, person(2, "FR", &["IT"]));
    scene.until(600.0);
    assert_eq!(scene.pairs(), []);
    scene.join(600.0, person(3, "FR", &["IT", "DE"]));
    assert_eq!(scene.pairs(), [(1, 3)]);
}

#[test]
fn two_who_met_meet_again_only_after_a_minute_and_when_nobody_else_is_there() {
    let met = |n: u128, other: u128| Ticket {
        recent: vec![Met { user: user(other), until: at(1_800.0) }],
        ..ticket(n)
    };
    // Only one of them need remember.
    for (one, two) in [(met(1, 2), met(2, 1)), (ticket(1), met(2, 1)), (met(1, 2), ticket(2))] {
        let mut scene = Scene::new();
        scene.join(0.0, one.clone()).join(0.0, two.clone());
        let again = scene.first_match_within(300).unwrap();
        assert!((60.0..63.0).contains(&again), "{again}");

        let mut scene = Scene::new();
        scene.join(0.0, one).join(0.0, two).join(30.0, ticket(3));
        assert_eq!(scene.pairs().len(), 1);
        assert!(scene.pairs()[0].0 == 3 || scene.pairs()[0].1 == 3, "somebody new comes first");
    }
}

#[test]
fn both_must_have_waited_the_minute_to_meet_again() {
    let met = |n: u128, other: u128| Ticket {
        recent: vec![Met { user: user(other), until: at(1_800.0) }],
        ..ticket(n)
    };
    let mut scene = Scene::new();
    scene.join(0.0, met(1, 2)).join(50.0, met(2, 1));
    let again = scene.first_match_within(300).unwrap();
    assert!((110.0..113.0).contains(&again), "{again}");
}

#[test]
fn after_the_window_two_who_met_are_strangers_again() {
    let met = Ticket { recent: vec![Met { user: user(2), until: at(10.0) }], ..ticket(1) };
    let mut scene = Scene::new();
    scene.join(0.0, met).join(0.0, ticket(2));
    assert_eq!(scene.first_match_within(60), Some(10.0));
}

#[test]
fn a_user_has_one_ticket_which_keeps_its_age_and_takes_new_wishes() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { interests: words(&["chess"]), ..ticket(1) });
    let again = Ticket { id: TicketId::from_bits(77), interests: words(&["music"]), ..ticket(1) };
    scene.join(1.0, again);
    assert_eq!(scene.queue.len(), 1);
    let kept = scene.queue.ticket_of(user(1)).unwrap();
    assert_eq!((kept.id, kept.since), (TicketId::from_bits(1), at(0.0)));
    scene.join(1.5, Ticket { interests: words(&["music"]), ..ticket(2) });
    assert_eq!(scene.matches()[0].common_interests, ["music"]);
}

#[test]
fn who_cancels_is_not_matched_and_cancelling_twice_is_nothing() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1)).give(1.0, Input::Cancel(user(1))).give(1.0, Input::Cancel(user(1)));
    scene.join(2.0, ticket(2));
    scene.until(60.0);
    assert_eq!((scene.pairs(), scene.queue.len()), (vec![], 1));
}

#[test]
fn a_parked_ticket_keeps_its_place_and_meets_nobody_until_its_owner_is_back() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1)).give(1.0, Input::Park(user(1)));
    scene.join(2.0, ticket(2));
    assert_eq!(scene.pairs(), []);
    scene.give(10.0, Input::Unpark(user(1)));
    assert_eq!(scene.pairs(), [(1, 2)], "and its age counts");
    scene.until(60.0);
    assert!(!scene.said.iter().any(|said| matches!(said, Output::Expired { .. })));
}

#[test]
fn a_parked_ticket_ends_after_its_grace_and_a_late_return_finds_nothing() {
    for (back, waits) in [(15.9, true), (16.0, false)] {
        let mut scene = Scene::new();
        scene.join(0.0, ticket(1)).give(1.0, Input::Park(user(1)));
        scene.give(back, Input::Unpark(user(1)));
        scene.until(60.0);
        assert_eq!(!scene.queue.is_empty(), waits, "{back}");
        let ended = Output::Expired { ticket: TicketId::from_bits(1), user: user(1) };
        assert_eq!(scene.said.iter().filter(|said| **said == ended).count(), usize::from(!waits));
    }
}

#[test]
fn parking_twice_does_not_lengthen_the_grace() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1)).give(1.0, Input::Park(user(1))).give(10.0, Input::Park(user(1)));
    scene.until(16.1);
    assert!(scene.queue.is_empty());
    // Nobody there: parking and unparking are nothing.
    scene.give(17.0, Input::Park(user(1))).give(17.0, Input::Unpark(user(1)));
    assert!(scene.queue.is_empty());
}

#[test]
fn somebody_who_waits_is_told_from_time_to_time_what_was_widened() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1));
    scene.until(70.0);
    let notices: Vec<(u64, Vec<Widened>)> = scene
        .said
        .iter()
        .map(|said| match said {
            Output::Waiting { ticket, user: whose, waited, widened } => {
                assert_eq!((*ticket, *whose), (TicketId::from_bits(1), user(1)));
                (waited.as_secs(), widened.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(notices[0].0, 2);
    assert!(notices.windows(2).all(|two| (2..=3).contains(&(two[1].0 - two[0].0))), "{notices:?}");
    let widened_at = |what| notices.iter().find(|(_, widened)| widened.contains(&what)).unwrap().0;
    assert_eq!(widened_at(Widened::Reputation), 2);
    assert_eq!(widened_at(Widened::Interests), 2);
    assert!((5..=6).contains(&widened_at(Widened::Languages)));
    assert!((60..=61).contains(&widened_at(Widened::Rematch)));
    assert!(!notices[0].1.contains(&Widened::Languages));
}

#[test]
fn somebody_passed_over_for_long_is_looked_at_first_by_every_newcomer() {
    // A crowd that fits one another better than it fits the elder, who shares no word with anybody.
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { interests: words(&["quiet"]), ..ticket(1) });
    for n in 0..40_u32 {
        let seconds = 0.1 + f64::from(n) / 10.0;
        scene.join(seconds, Ticket { interests: words(&["loud"]), ..ticket(u128::from(n) + 2) });
    }
    scene.join(8.0, Ticket { interests: words(&["loud"]), ..ticket(100) });
    assert_eq!(scene.pairs().last(), Some(&(1, 100)));
}

#[test]
fn a_crowd_of_one_bucket_is_searched_in_turns_so_that_the_one_who_fits_is_found() {
    // 5 000 who all want Iceland and aren't from there; one Icelander among others who want them not.
    let wants = |n: u128| Ticket { country: Some("DE".to_owned()), countries: words(&["IS"]), ..ticket(n) };
    let mut scene = Scene::new();
    for n in 1..=5_000 {
        scene.join(0.0, wants(n));
    }
    assert_eq!(scene.pairs(), []);
    let icelander = Ticket { country: Some("IS".to_owned()), ..ticket(9_000) };
    scene.join(1.0, icelander);
    assert_eq!(scene.pairs().len(), 1);
    assert_eq!(scene.queue.len(), 4_999);
}

#[test]
fn slots_are_used_again_without_mixing_people_up() {
    let mut scene = Scene::new();
    for round in 0..200_u32 {
        let (one, two) = (u128::from(round) * 2 + 1, u128::from(round) * 2 + 2);
        let seconds = f64::from(round);
        scene.join(seconds, Ticket { interests: words(&["a"]), ..ticket(one) });
        scene.give(seconds + 0.1, Input::Park(user(one)));
        scene.give(seconds + 0.2, Input::Cancel(user(one)));
        scene.join(seconds + 0.3, Ticket { interests: words(&["a"]), ..ticket(one) });
        scene.join(seconds + 0.4, Ticket { interests: words(&["a"]), ..ticket(two) });
    }
    let expected: Vec<_> = (0..200).map(|round| (round * 2 + 1, round * 2 + 2)).collect();
    assert_eq!(scene.pairs(), expected);
    scene.until(400.0);
    assert!(
        !scene.said.iter().any(|said| matches!(said, Output::Expired { .. })),
        "a cancelled park ends nobody"
    );
}

#[test]
fn who_comes_in_while_away_is_awaited_for_the_whole_grace() {
    for (back, meets) in [(114.9, true), (115.0, false)] {
        let mut scene = Scene::new();
        scene.give(100.0, Input::JoinAway(Ticket { since: at(90.0), ..ticket(1) }));
        scene.join(101.0, ticket(2));
        scene.until(114.8);
        assert_eq!((scene.pairs(), scene.queue.len()), (vec![], 2));
        scene.give(back, Input::Unpark(user(1)));
        assert_eq!(scene.pairs() == [(1, 2)], meets, "{back}");
    }
}

#[test]
fn who_was_away_is_found_again_by_whoever_comes() {
    let mut scene = Scene::new();
    scene.join(0.0, ticket(1)).give(1.0, Input::Park(user(1))).give(9.0, Input::Unpark(user(1)));
    scene.join(9.5, ticket(2));
    assert_eq!(scene.pairs(), [(1, 2)], "at once, not when one of them looks the next time");
}

#[test]
fn who_was_away_is_found_when_all_others_have_gone() {
    let mut scene = Scene::new();
    for (n, others) in [(1, [2, 3]), (2, [1, 3]), (3, [1, 2])] {
        scene.join(0.0, Ticket { blocked: others.map(user).to_vec(), ..ticket(n) });
    }
    scene.give(1.0, Input::Park(user(1))).give(2.0, Input::Unpark(user(1)));
    scene.give(3.0, Input::Cancel(user(2))).give(3.0, Input::Cancel(user(3)));
    scene.join(3.2, ticket(4));
    assert_eq!(scene.pairs(), [(1, 4)]);
}

#[test]
fn nobody_meets_again_while_the_other_one_has_somebody_new() {
    let met = |other: u128, until: f64| Met { user: user(other), until: at(until) };
    let mut scene = Scene::new();
    let one = Ticket { recent: vec![met(2, 1_800.0)], blocked: vec![user(3)], since: at(-1.0), ..ticket(1) };
    let two = Ticket { recent: vec![met(3, 58.9)], since: at(-1.0), ..ticket(2) };
    // The first one looks at 59 s, when both have waited a minute; the second at 59.5.
    scene.join(0.0, one).join(0.5, two).join(0.7, ticket(3));
    scene.until(59.4);
    assert_eq!(scene.pairs(), []);
    scene.until(59.6);
    assert_eq!(scene.pairs(), [(2, 3)]);
}

#[test]
fn a_newcomer_takes_whoever_has_waited_long_before_somebody_with_shared_words() {
    let mut scene = Scene::new();
    scene.join(0.0, Ticket { interests: words(&["music"]), blocked: vec![user(2)], ..ticket(1) });
    scene.join(9.0, Ticket { interests: words(&["chess"]), ..ticket(2) });
    scene.join(9.5, Ticket { interests: words(&["chess"]), ..ticket(3) });
    assert_eq!(scene.pairs(), [(1, 3)]);
}

#[test]
fn people_of_one_language_need_no_shared_interest_after_two_seconds() {
    let mut scene = Scene::new();
    for (n, interest) in [(1, "chess"), (2, "music")] {
        scene.join(0.0, Ticket { interests: words(&[interest]), languages: words(&["de"]), ..ticket(n) });
    }
    assert_eq!(scene.first_match_within(60), Some(2.0));
}

#[test]
fn whoever_comes_is_looked_after_before_what_was_to_be_done_next() {
    let mut scene = Scene::new();
    scene.give(0.0, Input::JoinAway(ticket(1)));
    assert_eq!(scene.wake, Some(at(15.0)));
    scene.join(1.0, ticket(2));
    assert_eq!(scene.wake, Some(at(2.0)));
}

#[test]
fn a_pool_admits_those_of_its_class_and_nobody_without_an_age() {
    for pool in Pool::ALL {
        for class in AgeClass::ALL {
            assert_eq!(pool.admits(true, class), pool == Pool::of(class), "{pool:?} {class:?}");
            assert!(!pool.admits(false, class), "{pool:?} {class:?}");
        }
    }
    assert_ne!(Pool::of(AgeClass::Adult), Pool::of(AgeClass::Youth));
}

#[test]
fn each_pool_has_a_name_of_its_own_in_the_store() {
    let names = Pool::ALL.map(Pool::as_str);
    assert_eq!(names, ["adult", "youth"], "written in keys: another name would lose who waits");
}
