//! What is between people, as far as their pages hear of it.

use visavis_domain::{
    Fault,
    event::{Event, ServerEvent, Topic},
    id::{RequestId, UserId},
};
use visavis_platform::{Pages, bus::News};

use super::Hub;

impl Hub {
    fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// Whoever loses a friend or a request by a block hears that their lists have changed. Every node hears of it; the
    /// pages are told once.
    pub(super) async fn hear_people(self) {
        let mut news = self.bus.subscribe(Topic::People);
        while let Some(next) = news.next().await {
            if let News::Event(Event::Parted { user, other, request }) = next {
                for person in [user, other] {
                    if let Err(fault) = self.tell_parted(person, request).await {
                        tracing::warn!(fault.code = %fault.code, "the end of a friendship could not be told");
                    }
                }
            }
        }
    }

    async fn tell_parted(&self, user: UserId, request: RequestId) -> Result<(), Fault> {
        let mark = format!("parted{}", request.bits());
        self.pages().tell_once(user, &ServerEvent::FriendsChanged {}, &mark).await
    }
}
