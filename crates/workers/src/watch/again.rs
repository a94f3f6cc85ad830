//! What was said or written comes once. When those who look have died with it, or are too busy, it waits here and is tried
//! again. A picture isn't: the next one shows the same camera.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use visavis_domain::{Code, Fault, Timestamp, room::tap::Body};

use super::{Judged, Watch};

/// All that waits, in pieces of a kilobyte.
pub(super) const MAX_KB: usize = 8 * 1024;
/// Tries in all: a piece that ends whoever looks at it ends no more than so many. They are made one by one, so that no other
/// piece goes down with it each time.
const TRIES: u32 = 5;
/// Before the first of them; it doubles. Longer than it takes to know that nobody is there, so that no try is spent on that.
const PAUSE: Duration = Duration::from_secs(2);
/// So long it waits for somebody who looks.
const PATIENCE: Duration = Duration::from_mins(5);

/// A copy of what comes once.
pub(super) fn copied(body: &Body) -> Option<Body> {
    matches!(body, Body::Text(..) | Body::Sound(..)).then(|| body.clone())
}

/// Whether nobody has looked.
pub(super) fn is_unseen<T>(judged: &Result<T, Fault>) -> bool {
    judged.as_ref().is_err_and(|fault| fault.code == Code::Unavailable)
}

impl Watch {
    /// Tries again, of what nobody has looked at.
    pub(super) async fn judge_again(&self, at: Timestamp, body: Body, size: usize) -> Result<Judged, Fault> {
        let kb = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(_place) = Arc::clone(&self.again).try_acquire_many_owned(kb) else {
            return Err(Fault::unavailable());
        };
        let tries = tokio::time::timeout(PATIENCE, self.try_again(at, body));
        tries.await.unwrap_or_else(|_| Err(Fault::unavailable()))
    }

    async fn try_again(&self, at: Timestamp, body: Body) -> Result<Judged, Fault> {
        let kind = body.kind();
        let (mut pause, mut able) = (PAUSE, self.able.subscribe());
        // Whether anybody is there is asked at once, not when the time for it comes.
        self.doubt.notify_one();
        for _ in 1..TRIES {
            tokio::time::sleep(pause).await;
            pause *= 2;
            let _alone = self.alone.lock().await;
            able.wait_for(|able| *able).await.map(drop).map_err(|_| Fault::unavailable())?;
            let hand = self.hands.acquire().await.map_err(|_| Fault::unavailable())?;
            metrics::counter!("visavis_watch_again_total", "kind" => kind).increment(1);
            let judged = self.judge(at, body.clone()).await;
            drop(hand);
            if !is_unseen(&judged) {
                return judged;
            }
            // Whoever is next isn't to meet the one who died of this.
            self.doubt.notify_one();
            tokio::time::sleep(PAUSE).await;
        }
        Err(Fault::unavailable())
    }
}

/// Room for what waits.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_KB))
}
