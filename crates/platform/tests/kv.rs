//! One suite for every `Kv` engine.

use std::time::Duration;

use proptest::{prelude::*, test_runner::TestRunner};
use visavis_domain::{Code, Timestamp, limit::Rule};
use visavis_platform::{
    Lease,
    kv::{Change, Do, If, MOST_STEPS, Trade},
    lease::Holder,
};
use visavis_testkit::stores::Engine;

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// A life time: so long that a busy machine asks within it, so short that a test can wait for its end.
const LIFE: Duration = Duration::from_secs(1);

fn text(s: &str) -> String {
    s.to_owned()
}

#[tokio::test]
async fn a_value_lives_exactly_as_long_as_it_was_given() {
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        kv.put("k", text("v"), Some(LIFE)).await.unwrap();
        if engine.is_real() {
            assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("v"));
            engine.pass(LIFE).await;
        } else {
            engine.pass(LIFE.checked_sub(Duration::from_millis(1)).unwrap()).await;
            assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("v"));
            engine.pass(Duration::from_millis(1)).await;
        }
        assert_eq!(kv.get("k").await.unwrap(), None);
        assert!(!kv.exists("k").await.unwrap());
        assert!(!kv.delete("k").await.unwrap());
    }
}

#[tokio::test]
async fn writing_again_replaces_the_life_time_too() {
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        kv.put("k", text("old"), Some(LIFE)).await.unwrap();
        kv.put("k", text("new"), None).await.unwrap();
        engine.pass(LIFE * 2).await;
        kv.put("other", text("sweeps"), None).await.unwrap();
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn the_end_of_life_can_be_set_and_lifted() {
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        for key in ["a", "b"] {
            kv.put(key, text("v"), None).await.unwrap();
            kv.expire(key, Some(LIFE)).await.unwrap();
        }
        kv.expire("b", None).await.unwrap();
        kv.expire("nothing", Some(LIFE)).await.unwrap();
        engine.pass(LIFE).await;
        assert_eq!((kv.exists("a").await.unwrap(), kv.exists("b").await.unwrap()), (false, true));
    }
}

#[tokio::test]
async fn only_one_of_two_swaps_from_the_same_value_wins() {
    for Engine { kv, .. } in Engine::all(T0).await {
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
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        kv.put("k", text("v"), Some(LIFE)).await.unwrap();
        engine.pass(LIFE).await;
        assert!(!kv.swap("k", Some("v"), None, None).await.unwrap());
        assert!(kv.swap("k", None, Some(text("w")), Some(LIFE)).await.unwrap());
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("w"));
        engine.pass(LIFE).await;
        assert_eq!(kv.get("k").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_stream_numbers_its_entries_and_gives_back_what_came_after() {
    for Engine { kv, .. } in Engine::all(T0).await {
        assert_eq!(kv.stream_append("s", text("lost"), 3).await.unwrap(), None, "not open yet");
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), None);
        kv.stream_open("s").await.unwrap();
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), Some(vec![]));
        assert_eq!(kv.stream_after("s", 1).await.unwrap(), None);
        for (i, entry) in ["a", "b", "ç"].into_iter().enumerate() {
            assert_eq!(kv.stream_append("s", text(entry), 3).await.unwrap(), Some(i as u64 + 1));
        }
        assert_eq!(kv.stream_after("s", 1).await.unwrap(), Some(vec![(2, text("b")), (3, text("ç"))]));
        assert_eq!(kv.stream_after("s", 3).await.unwrap(), Some(vec![]));
        assert_eq!(kv.stream_after("s", 4).await.unwrap(), None, "nobody can have seen the future");
        kv.stream_open("s").await.unwrap();
        assert_eq!(kv.stream_after("s", 0).await.unwrap(), Some(vec![]), "opened anew");
        assert_eq!(kv.stream_append("s", text("a"), 3).await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn what_is_brought_is_a_field_and_a_note_of_it_or_nothing() {
    for Engine { kv, name, .. } in Engine::all(T0).await {
        let bring = |field: &'static str, most| kv.bring("{t}hash", (field, "x"), ("{t}notes", most));
        assert_eq!(bring("a", 2).await.unwrap(), Some(1), "{name}: the first");
        assert_eq!(bring("b", 2).await.unwrap(), Some(2));
        assert_eq!(bring("c", 2).await.unwrap(), None, "{name}: no room");
        assert_eq!(kv.hash_get("{t}hash", "c").await.unwrap(), None, "{name}: then nothing is written");
        assert_eq!(kv.list_take("{t}notes", 9).await.unwrap(), ["a", "b"]);
        assert_eq!(bring("a", 2).await.unwrap(), Some(1), "{name}: the first again");
        assert!(kv.bring("{t}notes", ("a", "x"), ("{t}others", 2)).await.is_err(), "{name}: no hash");
        assert_eq!(kv.list_take("{t}others", 9).await.unwrap(), Vec::<String>::new(), "{name}: nor a note");
        assert!(kv.bring("{t}hash", ("a", "y"), ("{t}hash", 2)).await.is_err(), "{name}: no list");
        assert_eq!(kv.hash_get("{t}hash", "a").await.unwrap(), Some(text("x")), "{name}: nor a field");
    }
}

#[tokio::test]
async fn an_entry_that_is_appended_again_under_its_mark_is_there_once() {
    for Engine { kv, name, .. } in Engine::all(T0).await {
        let again = |entry: &'static str, look| kv.stream_append_once("s", text(entry), 3, ("<m>", look));
        assert_eq!(again("a <m>", 3).await.unwrap(), None, "{name}: not open yet");
        kv.stream_open("s").await.unwrap();
        assert_eq!(again("a <m>", 3).await.unwrap(), Some(1));
        kv.stream_append("s", text("b"), 3).await.unwrap();
        assert_eq!(again("a <m>", 3).await.unwrap(), Some(1), "{name}: it is there");
        assert_eq!(again("a <m>", 1).await.unwrap(), Some(3), "{name}: looked at too few");
        kv.stream_append("s", text("c"), 3).await.unwrap();
        assert_eq!(again("d <m>", 3).await.unwrap(), Some(3), "{name}: the newest of them");
        let kept = vec![(2, text("b")), (3, text("a <m>")), (4, text("c"))];
        assert_eq!(
            kv.stream_after("s", 1).await.unwrap(),
            Some(kept),
            "{name}: none beside the entries above"
        );
    }
}

#[tokio::test]
async fn a_stream_keeps_its_newest_and_says_when_something_in_between_is_gone() {
    for Engine { kv, .. } in Engine::all(T0).await {
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
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        kv.stream_open("s").await.unwrap();
        kv.stream_append("s", text("a"), 3).await.unwrap();
        kv.expire("s", Some(LIFE)).await.unwrap();
        kv.expire("s", None).await.unwrap();
        engine.pass(LIFE * 2).await;
        assert_eq!(kv.stream_append("s", text("b"), 3).await.unwrap(), Some(2));
        kv.expire("s", Some(LIFE)).await.unwrap();
        assert_eq!(kv.stream_append("s", text("c"), 3).await.unwrap(), Some(3), "writing doesn't prolong it");
        engine.pass(LIFE).await;
        assert_eq!(kv.stream_append("s", text("d"), 3).await.unwrap(), None);
        assert_eq!(kv.stream_after("s", 3).await.unwrap(), None);
    }
}

#[tokio::test]
async fn whoever_reads_a_stream_while_it_is_written_misses_nothing() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        kv.stream_open("s").await.unwrap();
        let writer = kv.clone();
        let mut writing = tokio::task::JoinSet::new();
        writing.spawn(async move {
            for n in 1..=300 {
                assert_eq!(writer.stream_append("s", format!("entry {n}"), 300).await.unwrap(), Some(n));
            }
        });
        let mut seen = 0;
        while seen < 300 {
            for (n, entry) in kv.stream_after("s", seen).await.unwrap().unwrap() {
                assert_eq!((n, entry), (seen + 1, format!("entry {n}")), "{name}");
                seen = n;
            }
            tokio::task::yield_now().await;
        }
        writing.join_all().await;
    }
}

#[tokio::test]
async fn sets_and_hashes_hold_what_was_put_and_vanish_when_empty() {
    for Engine { kv, .. } in Engine::all(T0).await {
        assert_eq!(kv.set_add("set", "b").await.unwrap(), 1);
        assert_eq!(kv.set_add("set", "a").await.unwrap(), 2);
        assert_eq!(kv.set_add("set", "a").await.unwrap(), 2);
        assert_eq!(kv.set_members("set").await.unwrap(), ["a", "b"]);
        kv.set_remove("set", "a").await.unwrap();
        kv.set_remove("set", "b").await.unwrap();
        assert!(!kv.exists("set").await.unwrap());
        assert!(kv.set_members("set").await.unwrap().is_empty());

        kv.hash_put("hash", "x", text("1")).await.unwrap();
        kv.hash_put("hash", "y", text("2")).await.unwrap();
        assert_eq!(kv.hash_get("hash", "x").await.unwrap().as_deref(), Some("1"));
        assert_eq!(kv.hash_get("hash", "z").await.unwrap(), None);
        assert_eq!(kv.hash_get("other", "x").await.unwrap(), None);
        let many = ["z", "x"].map(str::to_owned);
        assert_eq!(kv.hash_get_many("hash", &many).await.unwrap(), [None, Some("1".to_owned())]);
        assert_eq!(kv.hash_get_many("other", &many).await.unwrap(), [None, None]);
        assert!(kv.hash_get_many("hash", &[]).await.unwrap().is_empty());
        assert!(!kv.hash_take("hash", &["x", "z"]).await.unwrap(), "all or none");
        let all: Vec<_> = kv.hash_all("hash").await.unwrap().into_iter().collect();
        assert_eq!(all, [(text("x"), text("1")), (text("y"), text("2"))]);
        assert!(kv.hash_take("hash", &["x", "y"]).await.unwrap());
        assert!(!kv.exists("hash").await.unwrap());
        for field in ["x", "y", "z"] {
            kv.hash_put("hash", field, text("1")).await.unwrap();
        }
        kv.hash_remove("hash", &[]).await.unwrap();
        kv.hash_remove("hash", &["x", "none", "z"].map(str::to_owned)).await.unwrap();
        assert_eq!(kv.hash_all("hash").await.unwrap().into_keys().collect::<Vec<_>>(), ["y"]);
        kv.hash_remove("hash", &[text("y")]).await.unwrap();
        assert!(!kv.exists("hash").await.unwrap());
        assert!(kv.hash_all("hash").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn trades_are_done_each_by_itself_while_the_guard_stands() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        let put = async |field: &str, value: &str| kv.hash_put("{t}from", field, text(value)).await.unwrap();
        for (field, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")] {
            put(field, value).await;
        }
        kv.put("{t}lease", text("mine"), None).await.unwrap();
        let trade = |a, b, gets| Trade { gives: [a, b], gets };
        let trades = [
            trade(("a", "1"), ("b", "2"), ("x", "ab")),
            trade(("c", "3"), ("d", "another"), ("y", "cd")),
            trade(("b", "2"), ("c", "3"), ("y", "twice")),
            trade(("c", "3"), ("e", "5"), ("z", "ce")),
            trade(("c", "3"), ("none", "0"), ("y", "none")),
        ];
        let way = ("{t}from", "{t}to");
        assert_eq!(kv.trade(("{t}lease", "yours"), way, &trades).await.unwrap(), [false; 5], "{name}");
        assert_eq!(kv.trade(("{t}none", ""), way, &trades).await.unwrap(), [false; 5], "{name}");
        let done = kv.trade(("{t}lease", "mine"), way, &trades).await.unwrap();
        assert_eq!(done, [true, false, false, true, false], "{name}");
        let left: Vec<_> = kv.hash_all("{t}from").await.unwrap().into_iter().collect();
        assert_eq!(left, [(text("d"), text("4"))], "{name}");
        let came: Vec<_> = kv.hash_all("{t}to").await.unwrap().into_iter().collect();
        assert_eq!(came, [(text("x"), text("ab")), (text("z"), text("ce"))], "{name}");
        assert!(kv.trade(("{t}lease", "mine"), way, &[]).await.unwrap().is_empty());
        put("f", "6").await;
        let other = [trade(("d", "4"), ("f", "6"), ("x", "df"))];
        let fault = kv.trade(("{t}lease", "mine"), ("{t}from", "{t}lease"), &other).await.unwrap_err();
        assert_eq!(fault.code, Code::Internal, "{name}");
        assert_eq!(kv.hash_all("{t}from").await.unwrap().len(), 2, "{name}: nothing is lost on the way");
        assert!(kv.trade(("lease", "mine"), way, &other).await.is_err(), "{name}: of another place");
    }
}

fn push(value: &str, most: usize) -> Do<'_> {
    Do::Push { list: "{t}list", value, most }
}

#[tokio::test]
async fn a_list_gives_its_oldest_once_and_vanishes_when_empty() {
    for Engine { kv, .. } in Engine::all(T0).await {
        assert!(kv.list_take("{t}list", 5).await.unwrap().is_empty());
        assert_eq!(kv.list_len("{t}list").await.unwrap(), 0);
        for value in ["a", "b", "c", "d"] {
            assert_eq!(kv.change(&[], &[push(value, 9)]).await.unwrap(), Change::Done);
        }
        assert_eq!(kv.list_len("{t}list").await.unwrap(), 4);
        assert!(kv.list_take("{t}list", 0).await.unwrap().is_empty());
        assert_eq!(kv.list_take("{t}list", 3).await.unwrap(), ["a", "b", "c"]);
        assert_eq!(kv.list_take("{t}list", 3).await.unwrap(), ["d"]);
        assert!(!kv.exists("{t}list").await.unwrap());
    }
}

#[tokio::test]
async fn a_full_list_refuses_the_whole_change() {
    for Engine { kv, .. } in Engine::all(T0).await {
        let put = Do::Put { key: "{t}k", value: "v", ttl: None };
        assert_eq!(kv.change(&[], &[push("a", 2), push("b", 2)]).await.unwrap(), Change::Done);
        assert_eq!(kv.change(&[], &[put, push("c", 2)]).await.unwrap(), Change::Full);
        assert!(!kv.exists("{t}k").await.unwrap());
        assert_eq!(
            kv.change(&[], &[push("c", 3), push("d", 3)]).await.unwrap(),
            Change::Full,
            "together too many"
        );
        assert_eq!(kv.change(&[], &[put, push("c", 3)]).await.unwrap(), Change::Done);
        assert_eq!(kv.list_take("{t}list", 9).await.unwrap(), ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn a_change_is_done_only_when_all_its_conditions_hold() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        kv.put("{t}text", text("v"), None).await.unwrap();
        kv.hash_put("{t}hash", "f", text("1")).await.unwrap();
        let holds = [
            If::Is { key: "{t}text", value: "v" },
            If::Absent { key: "{t}none" },
            If::Field { key: "{t}hash", field: "f", value: "1" },
            If::NoField { key: "{t}hash", field: "g" },
            If::NoField { key: "{t}none", field: "g" },
        ];
        let fails = [
            If::Is { key: "{t}text", value: "w" },
            If::Is { key: "{t}none", value: "" },
            If::Absent { key: "{t}text" },
            If::Absent { key: "{t}hash" },
            If::Field { key: "{t}hash", field: "f", value: "2" },
            If::Field { key: "{t}hash", field: "g", value: "1" },
            If::Field { key: "{t}none", field: "f", value: "1" },
            If::NoField { key: "{t}hash", field: "f" },
        ];
        let count = [Do::Push { list: "{t}done", value: "x", most: 99 }];
        for (n, fails) in fails.into_iter().enumerate() {
            let mut conditions = holds.to_vec();
            conditions.insert(n % (holds.len() + 1), fails);
            assert_eq!(kv.change(&conditions, &count).await.unwrap(), Change::Refused, "{name}, {n}");
        }
        assert_eq!(kv.list_len("{t}done").await.unwrap(), 0);
        assert_eq!(kv.change(&holds, &count).await.unwrap(), Change::Done);
        assert_eq!(kv.change(&holds, &[]).await.unwrap(), Change::Done, "a question alone");
        assert_eq!(kv.list_len("{t}done").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_change_does_its_steps_in_order_with_conditions_and_without() {
    let conditions: [&[If<'_>]; 2] = [&[], &[If::Absent { key: "{t}none" }]];
    for engine in Engine::all(T0).await {
        for conditions in conditions {
            let kv = &engine.kv;
            kv.put("{t}gone", text("x"), None).await.unwrap();
            kv.hash_put("{t}hash", "old", text("1")).await.unwrap();
            kv.hash_put("{t}last", "one", text("1")).await.unwrap();
            let steps = [
                Do::Put { key: "{t}short", value: "a", ttl: Some(LIFE) },
                Do::Put { key: "{t}long", value: "b", ttl: None },
                Do::Delete { key: "{t}gone" },
                Do::FieldPut { key: "{t}hash", field: "new", value: "2" },
                Do::FieldDelete { key: "{t}hash", field: "old" },
                Do::FieldDelete { key: "{t}last", field: "one" },
                Do::FieldDelete { key: "{t}none", field: "one" },
                Do::Put { key: "{t}long", value: "c", ttl: None },
            ];
            assert_eq!(kv.change(conditions, &steps).await.unwrap(), Change::Done);
            assert_eq!(kv.get("{t}short").await.unwrap().as_deref(), Some("a"));
            assert_eq!(kv.get("{t}long").await.unwrap().as_deref(), Some("c"));
            let hash: Vec<_> = kv.hash_all("{t}hash").await.unwrap().into_iter().collect();
            assert_eq!(hash, [(text("new"), text("2"))]);
            for gone in ["{t}gone", "{t}last", "{t}none"] {
                assert!(!kv.exists(gone).await.unwrap(), "{gone}");
            }
            engine.pass(LIFE).await;
            assert_eq!(
                (kv.exists("{t}short").await.unwrap(), kv.exists("{t}long").await.unwrap()),
                (false, true)
            );
            kv.delete("{t}hash").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_change_that_could_not_be_atomic_is_a_bug_and_does_nothing() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        let put = |key| Do::Put { key, value: "v", ttl: None };
        let many = [put("{t}k"); MOST_STEPS + 1];
        kv.put("{t}text", text("v"), None).await.unwrap();
        let wrong_kinds = [
            Do::FieldPut { key: "{t}text", field: "f", value: "v" },
            Do::FieldDelete { key: "{t}text", field: "f" },
            Do::Push { list: "{t}text", value: "v", most: 9 },
        ];
        let absent = [If::Absent { key: "{t}none" }];
        let mut wrong: Vec<(&[If<'_>], Vec<Do<'_>>)> =
            vec![(&[], vec![put("{t}k"), put("{u}k")]), (&[If::Absent { key: "{u}k" }], vec![put("{t}k")])];
        wrong.push((&[], many.to_vec()));
        wrong.push((&[], vec![]));
        for step in wrong_kinds {
            wrong.push((&absent, vec![put("{t}k"), step]));
        }
        for (n, (conditions, steps)) in wrong.iter().enumerate() {
            let fault = kv.change(conditions, steps).await.unwrap_err();
            assert_eq!(fault.code, Code::Internal, "{name}, {n}");
            assert!(!kv.exists("{t}k").await.unwrap() && !kv.exists("{u}k").await.unwrap(), "{name}, {n}");
        }
        assert_eq!(kv.change(&[], &many[..MOST_STEPS]).await.unwrap(), Change::Done);
    }
}

#[tokio::test]
async fn a_rate_limit_counts_per_key_and_recovers() {
    for engine in Engine::all(T0).await {
        let (kv, clock) = (&engine.kv, &engine.clock);
        let rule = Rule::per_minute(2, 1);
        for expected in [true, true, false] {
            assert_eq!(kv.gcra("a", &rule).await.unwrap().allowed, expected);
        }
        assert!(kv.gcra("b", &rule).await.unwrap().allowed);
        clock.advance(Duration::from_mins(1));
        assert!(kv.gcra("a", &rule).await.unwrap().allowed);
        assert!(!kv.gcra("a", &rule).await.unwrap().allowed);
    }
}

/// The two engines, asked the same at the same times.
#[test]
fn a_rate_limit_decides_the_same_on_every_engine() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(redis) = runtime.block_on(Engine::redis(T0)) else { return };
    let memory = Engine::embedded(T0);
    let cases = (1_u32..6, 1_u32..40, proptest::collection::vec(0_u64..90_000, 1..25));
    let key = std::cell::Cell::new(0);
    TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })
        .run(&cases, |(burst, per_hour, waits)| {
            // Hours: the real clock, by which Redis forgets, never overtakes the one turned by hand.
            let (rule, name) = (Rule::per_hour(burst, per_hour), format!("k{}", key.replace(key.get() + 1)));
            for wait in waits {
                let by = Duration::from_millis(wait);
                memory.clock.advance(by);
                redis.clock.advance(by);
                let ours = runtime.block_on(memory.kv.gcra(&name, &rule)).unwrap();
                let theirs = runtime.block_on(redis.kv.gcra(&name, &rule)).unwrap();
                prop_assert_eq!(ours, theirs);
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn one_key_cannot_be_two_kinds_of_thing() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        kv.put("k", text("v"), None).await.unwrap();
        assert!(kv.stream_append("k", text("e"), 3).await.is_err(), "{name}");
        assert!(kv.stream_after("k", 0).await.is_err(), "{name}");
        assert!(kv.set_add("k", "m").await.is_err());
        assert!(kv.hash_put("k", "f", text("x")).await.is_err());
        assert!(kv.list_take("k", 1).await.is_err());
        assert!(kv.gcra("k", &Rule::per_second(1, 1)).await.is_err());
        assert_eq!(kv.get("k").await.unwrap().as_deref(), Some("v"), "nothing was lost");
        let hour = Rule::per_hour(1, 1);
        assert!(kv.gcra("limit", &hour).await.unwrap().allowed);
        let fault = kv.get("limit").await.unwrap_err();
        assert_eq!(fault.code, Code::Internal);
        assert!(!kv.gcra("limit", &hour).await.unwrap().allowed);
    }
}

async fn count<F: Future<Output = bool> + Send + 'static>(claims: impl Iterator<Item = F>) -> usize {
    let mut racing = tokio::task::JoinSet::new();
    claims.for_each(|claim| {
        racing.spawn(claim);
    });
    racing.join_all().await.into_iter().filter(|won| *won).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_racing_claims_exactly_one_wins() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        kv.hash_put("{t}tickets", "a", text("1")).await.unwrap();
        kv.hash_put("{t}tickets", "b", text("2")).await.unwrap();
        let takes = (0..100).map(|_| {
            let kv = kv.clone();
            async move { kv.hash_take("{t}tickets", &["a", "b"]).await.unwrap() }
        });
        assert_eq!(count(takes).await, 1, "{name}");
        kv.hash_put("{t}tickets", "a", text("1")).await.unwrap();
        let changes = (0..100).map(|n| {
            let kv = kv.clone();
            async move {
                let mine = If::Field { key: "{t}tickets", field: "a", value: "1" };
                let winner = n.to_string();
                let steps = [
                    Do::FieldDelete { key: "{t}tickets", field: "a" },
                    Do::Push { list: "{t}winners", value: &winner, most: 9 },
                ];
                kv.change(&[mine], &steps).await.unwrap() == Change::Done
            }
        });
        assert_eq!(count(changes).await, 1, "{name}");
        assert_eq!(kv.list_len("{t}winners").await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_of_a_list_goes_to_one_of_many_takers() {
    for Engine { name, kv, .. } in Engine::all(T0).await {
        for n in 0..200 {
            let value = n.to_string();
            assert_eq!(kv.change(&[], &[push(&value, 200)]).await.unwrap(), Change::Done);
        }
        let mut taking = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let kv = kv.clone();
            taking.spawn(async move {
                let (mut mine, mut more) = (Vec::new(), kv.list_take("{t}list", 3).await.unwrap());
                while !more.is_empty() {
                    mine.append(&mut more);
                    more = kv.list_take("{t}list", 3).await.unwrap();
                }
                mine
            });
        }
        let mut all: Vec<u32> =
            taking.join_all().await.into_iter().flatten().map(|n| n.parse().unwrap()).collect();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..200), "{name}: {all:?}");
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_is_given_back_or_runs_out() {
    let ada = |token| Holder { name: text("ada of node 1"), token };
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        let take = async |holder, token| Lease::try_take(kv, "{p}lease", holder, token, LIFE).await.unwrap();
        assert_eq!(Lease::holder_of(kv, "{p}lease").await.unwrap(), None);
        let first = take("ada of node 1", 1).await.unwrap();
        assert_eq!(take("bob", 2).await, None);
        assert_eq!(take("ada of node 1", 2).await, None, "another token is another holder");
        assert_eq!(take("ada of node 1", 1).await.as_ref(), Some(&first), "asked again: the answer was lost");
        assert_eq!(Lease::holder_of(kv, "{p}lease").await.unwrap(), Some(ada(1)));
        assert!(first.renew(kv).await.unwrap());
        assert!(first.clone().give_back(kv).await.unwrap());
        assert!(!first.renew(kv).await.unwrap() && !first.give_back(kv).await.unwrap());
        let second = take("bob", 2).await.unwrap();
        engine.pass(LIFE).await;
        assert!(!second.renew(kv).await.unwrap(), "run out");
        assert_eq!(take("ada of node 1", 3).await.map(|lease| lease.token()), Some(3));
        assert!(!second.renew(kv).await.unwrap() && !second.give_back(kv).await.unwrap());
        assert_eq!(Lease::holder_of(kv, "{p}lease").await.unwrap(), Some(ada(3)));
    }
}

#[tokio::test]
async fn a_holder_that_was_replaced_can_change_nothing_under_its_lease() {
    for engine in Engine::all(T0).await {
        let kv = &engine.kv;
        let take = async |holder, token| {
            Lease::try_take(kv, "{p}lease", holder, token, LIFE).await.unwrap().unwrap()
        };
        let claim = |value| [Do::Put { key: "{p}claimed", value, ttl: None }];
        let old = take("ada", 1).await;
        assert_eq!(kv.change(&[old.held()], &claim("by ada")).await.unwrap(), Change::Done);
        engine.pass(LIFE).await;
        assert_eq!(kv.change(&[old.held()], &claim("late")).await.unwrap(), Change::Refused);
        let new = take("bob", 2).await;
        assert_eq!(kv.change(&[old.held()], &claim("late")).await.unwrap(), Change::Refused);
        assert_eq!(kv.change(&[new.held()], &claim("by bob")).await.unwrap(), Change::Done);
        assert_eq!(kv.get("{p}claimed").await.unwrap().as_deref(), Some("by bob"));
    }
}
