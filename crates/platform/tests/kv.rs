//! One suite for every `Kv` engine.

use std::time::Duration;

use visavis_domain::{Timestamp, limit::Rule};
use visavis_platform::{Clock, Kv};

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Every engine, with the clock that its life times follow.
fn engines() -> Vec<(Kv, Clock)> {
    let clock = Clock::manual(T0);
    vec![(Kv::memory(clock.clone()), clock)]
}

fn text(s: &str) -> String {
    s.to_owned()
}

#[tokio::test]
async fn a_value_lives_exactly_as_long_as_it_was_given() {
    for (kv, clock) in engines() {
        kv.put("k", text("v"), Some(Duration::from_secs(5))).await.unwrap();
        clock.advance(Duration::from_millis(4_999));
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("v"));
        clock.advance(Duration::from_millis(1));
        assert_eq!(kv.get("k").await.unwrap(), None);
        assert!(!kv.exists("k").await.unwrap());
        assert!(!kv.delete("k").await.unwrap());
    }
}

#[tokio::test]
async fn writing_again_replaces_the_life_time_too() {
    for (kv, clock) in engines() {
        kv.put("k", text("old"), Some(Duration::from_secs(1))).await.unwrap();
        kv.put("k", text("new"), None).await.unwrap();
        clock.advance(Duration::from_mins(1));
        kv.put("other", text("sweeps"), None).await.unwrap();
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn only_one_of_two_swaps_from_the_same_value_wins() {
    for (kv, _) in engines() {
        assert!(kv.swap("k", None, Some(text("a")), None).await.unwrap());
        assert!(!kv.swap("k", None, Some(text("b")), None).await.unwrap());
        assert!(kv.swap("k", Some("a"), Some(text("c")), None).await.unwrap());
        assert!(!kv.swap("k", Some("a"), Some(text("d")), None).await.unwrap());
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("c"));
        assert!(!kv.swap("k", Some("a"), None, None).await.unwrap());
        assert!(kv.swap("k", Some("c"), None, None).await.unwrap());
        assert_eq!(kv.get("k").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_swap_sees_an_expired_value_as_absent() {
    for (kv, clock) in engines() {
        kv.put("k", text("v"), Some(Duration::from_secs(1))).await.unwrap();
        clock.advance(Duration::from_secs(1));
        assert!(!kv.swap("k", Some("v"), None, None).await.unwrap());
        assert!(kv.swap("k", None, Some(text("w")), None).await.unwrap());
    }
}

#[tokio::test]
async fn a_stream_numbers_its_entries_and_gives_back_what_came_after() {
    for (kv, _) in engines() {
        assert_eq!(kv.stream_append("s", text("lost"), 3).await.unwrap(), None, "not open yet");
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), None);
        kv.stream_open("s").await.unwrap();
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), Some(vec![]));
        for (i, entry) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(kv.stream_append("s", text(entry), 3).await.unwrap(), Some(i as u64 + 1));
        }
        assert_eq!(kv.stream_after("s", 1).await.unwrap(), Some(vec![(2, text("b")), (3, text("c"))]));
        assert_eq!(kv.stream_after("s", 3).await.unwrap(), Some(vec![]));
        assert_eq!(kv.stream_after("s", 4).await.unwrap(), None, "nobody can have seen the future");
    }
}

#[tokio::test]
async fn a_stream_keeps_its_newest_and_says_when_something_in_between_is_gone() {
    for (kv, _) in engines() {
        kv.stream_open("s").await.unwrap();
        for entry in ["a", "b", "c", "d", "e"] {
            kv.stream_append("s", text(entry), 3).await.unwrap();
        }
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), None);
        assert_eq!(kv.stream_after("s", 1).await.unwrap(), None);
        let kept = kv.stream_after("s", 2).await.unwrap().unwrap();
        assert_eq!(kept, [(3, text("c")), (4, text("d")), (5, text("e"))]);
    }
}

#[tokio::test]
async fn an_expiring_stream_can_be_kept_after_all() {
    for (kv, clock) in engines() {
        kv.stream_open("s").await.unwrap();
        kv.stream_append("s", text("a"), 3).await.unwrap();
        kv.expire("s", Some(Duration::from_mins(1))).await.unwrap();
        clock.advance(Duration::from_secs(59));
        kv.expire("s", None).await.unwrap();
        clock.advance(Duration::from_hours(1));
        assert_eq!(kv.stream_append("s", text("b"), 3).await.unwrap(), Some(2));
        kv.expire("s", Some(Duration::from_mins(1))).await.unwrap();
        clock.advance(Duration::from_mins(1));
        assert_eq!(kv.stream_append("s", text("c"), 3).await.unwrap(), None);
    }
}

#[tokio::test]
async fn sets_and_hashes_hold_what_was_put_and_vanish_when_empty() {
    for (kv, _) in engines() {
        assert_eq!(kv.set_add("set", "b").await.unwrap(), 1);
        assert_eq!(kv.set_add("set", "a").await.unwrap(), 2);
        assert_eq!(kv.set_add("set", "a").await.unwrap(), 2);
        assert_eq!(kv.set_members("set").await.unwrap(), ["a", "b"]);
        kv.set_remove("set", "a").await.unwrap();
        kv.set_remove("set", "b").await.unwrap();
        assert!(!kv.exists("set").await.unwrap());

        kv.hash_put("hash", "x", text("1")).await.unwrap();
        kv.hash_put("hash", "y", text("2")).await.unwrap();
        assert!(!kv.hash_take("hash", &["x", "z"]).await.unwrap(), "all or none");
        assert_eq!(kv.hash_all("hash").await.unwrap().len(), 2);
        assert!(kv.hash_take("hash", &["x", "y"]).await.unwrap());
        assert!(!kv.exists("hash").await.unwrap());
    }
}

#[tokio::test]
async fn a_rate_limit_counts_per_key_and_recovers() {
    for (kv, clock) in engines() {
        let rule = Rule::per_second(2, 1);
        for expected in [true, true, false] {
            assert_eq!(kv.gcra("a", &rule).await.unwrap().allowed, expected);
        }
        assert!(kv.gcra("b", &rule).await.unwrap().allowed);
        clock.advance(Duration::from_secs(1));
        assert!(kv.gcra("a", &rule).await.unwrap().allowed);
        assert!(!kv.gcra("a", &rule).await.unwrap().allowed);
    }
}

#[tokio::test]
async fn one_key_cannot_be_two_kinds_of_thing() {
    for (kv, _) in engines() {
        kv.put("k", text("v"), None).await.unwrap();
        assert!(kv.stream_append("k", text("e"), 3).await.is_err());
        assert!(kv.set_add("k", "m").await.is_err());
        assert!(kv.gcra("k", &Rule::per_second(1, 1)).await.is_err());
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("v"), "nothing was lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_racing_claims_exactly_one_wins() {
    for (kv, _) in engines() {
        kv.hash_put("tickets", "a", text("1")).await.unwrap();
        kv.hash_put("tickets", "b", text("2")).await.unwrap();
        let tasks = (0..100).map(|_| {
            let kv = kv.clone();
            async move { kv.hash_take("tickets", &["a", "b"]).await.unwrap() }
        });
        let mut set = tokio::task::JoinSet::new();
        tasks.for_each(|task| {
            set.spawn(task);
        });
        let wins = set.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(wins, 1);
    }
}
