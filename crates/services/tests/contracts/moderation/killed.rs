//! R7: whoever keeps what was decided dies at every point at which it waits for something. Whoever brings it comes again, and
//! then it is kept, told and mailed as if nothing had been.

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use visavis_domain::{
    cases::State,
    contract::moderation::Moderation as _,
    event::{Event, Topic},
    strikes::Action,
};
use visavis_platform::bus::{News, Subscription};

use super::Suite;
use crate::world::Way;

/// Points at which it may wait; how many it comes to depends on how fast others answer.
const POINTS: usize = 24;

/// Lets go of it when it has to wait for the `n`th time. What was asked of others until then may come to its end all the same.
async fn dies<T>(n: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut waits) = (pin!(work), 0);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waits == n => Poll::Ready(None),
        Poll::Pending => {
            waits += 1;
            Poll::Pending
        }
    })
    .await
}

/// All that is told of people up to a mark.
async fn told(suite: &Suite, people: &mut Subscription) -> Vec<Event> {
    let (user, other) = (suite.mia, suite.mia);
    let mark = Event::Blocked { user, other };
    suite.w.bus.publish(mark.clone()).await;
    let mut all = Vec::new();
    loop {
        match people.next().await.unwrap() {
            News::Event(event) if event == mark => return all,
            News::Event(event) => all.push(event),
            News::Missed => panic!("events were missed"),
        }
    }
}

#[tokio::test]
async fn a_decision_is_kept_told_and_mailed_once_wherever_whoever_keeps_it_dies() {
    for way in [Way::Direct, Way::Apart] {
        if !crate::world::ways().contains(&way) {
            continue;
        }
        let s = Suite::new(way).await;
        let mut people = s.w.bus.subscribe(Topic::People);
        let mut deaths = 0;
        for n in 0..POINTS {
            let user = s.w.person(&format!("person-{n}")).await;
            let record = s.record(n as u128 + 1, user, Action::Suspend, Some(24));
            let first = s.w.moderation_of(super::Settings::default()).await;
            let died = dies(n, first.record(&s.w.cx, record.clone())).await;
            drop(first);
            if let Some(done) = &died {
                done.as_ref().unwrap();
            } else {
                deaths += 1;
                // In another process, as it is brought again until it is kept.
                s.m.record(&s.w.cx, record.clone()).await.unwrap();
            }
            let kept = s.m.decisions(&s.w.cx, user).await.unwrap();
            assert_eq!(
                kept.iter().map(|one| one.id).collect::<Vec<_>>(),
                [record.id],
                "{way:?}, death at {n}"
            );
            assert!(s.suspended(user).await);
            let events = told(&s, &mut people).await;
            assert!(events.contains(&Event::StandingChanged { user }), "{way:?}, death at {n}: nobody heard");
        }
        println!("{way:?}: died at {deaths} points");
        assert!(deaths > 0, "{way:?}: it never waits");
        let cases = s.queue(s.mia, State::Open, None).await;
        for case in &cases {
            let view = s.look(s.mia, *case).await.unwrap();
            assert_eq!((view.decisions.len(), view.signals.len(), view.evidence.len()), (1, 2, 2), "{way:?}");
        }
        assert_eq!(s.verify().await, [""; 0]);
        // Its statement is mailed once: to each their own.
        let _auth = s.w.auth(way).await;
        let mails = s.w.texts(POINTS).await;
        let to = |mail: &String| mail.lines().find(|line| line.starts_with("To: ")).unwrap().to_owned();
        assert_eq!(mails.iter().map(to).collect::<BTreeSet<_>>().len(), POINTS, "{way:?}");
    }
}
