//! A queue whose sender never waits: when it is full, the oldest are lost, since the newest is worth most. For what may be
//! lost, between threads that must never wait for one another.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// How much a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Items.
    pub items: usize,
    /// And bytes, as told with each.
    pub bytes: usize,
}

/// A queue of at most `bound`.
pub fn channel<T>(bound: Bound) -> (Sender<T>, Receiver<T>) {
    let waiting = Mutex::new(Waiting { items: VecDeque::new(), bytes: 0, senders: 1, deaf: false });
    let shared = Arc::new(Shared { bound, waiting, came: Notify::new() });
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

/// Puts in.
#[derive(Debug)]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// Takes out.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    bound: Bound,
    waiting: Mutex<Waiting<T>>,
    came: Notify,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    senders: usize,
    /// Nobody takes anything out any more.
    deaf: bool,
}

impl<T> Sender<T> {
    /// Puts `item` in, and gives what was lost for it: the oldest, or itself if it
    /// alone is too large or nobody takes anything out any more.
    pub fn push(&self, item: T, bytes: usize) -> Vec<T> {
        let Bound { items, bytes: most } = self.shared.bound;
        let mut waiting = self.shared.lock();
        if bytes > most || items == 0 || waiting.deaf {
            return vec![item];
        }
        let mut lost = Vec::new();
        while waiting.items.len() >= items || waiting.bytes + bytes > most {
            let Some((bytes, oldest)) = waiting.items.pop_front() else { break };
            waiting.bytes -= bytes;
            lost.push(oldest);
        }
        waiting.items.push_back((bytes, item));
        waiting.bytes += bytes;
        drop(waiting);
        self.shared.came.notify_one();
        lost
    }
}

impl<T> Receiver<T> {
    /// The oldest that is left, as soon as there is one; `None` when no sender is left.
    pub async fn recv(&mut self) -> Option<T> {
        loop {
            if let Some(item) = self.try_recv() {
                return Some(item);
            }
            if self.shared.lock().senders == 0 {
                return None;
            }
            // One that came meanwhile has left its word.
            self.shared.came.notified().await;
        }
    }

    /// The oldest that is left, if there is one.
    pub fn try_recv(&mut self) -> Option<T> {
        let mut waiting = self.shared.lock();
        let (bytes, item) = waiting.items.pop_front()?;
        waiting.bytes -= bytes;
        Some(item)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.lock().senders -= 1;
        // The receiver looks whether it was the last.
        self.shared.came.notify_one();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.deaf = true;
        waiting.items.clear();
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: usize, bytes: usize) -> (Sender<u32>, Receiver<u32>) {
        channel(Bound { items, bytes })
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let (sender, mut receiver) = queue(3, 100);
        assert_eq!((0..5).flat_map(|n| sender.push(n, 1)).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(sender.push(5, 99), [2, 3], "bytes count as well");
        assert_eq!(sender.push(6, 101), [6], "and what is too large alone is lost itself");
        assert_eq!([receiver.try_recv(), receiver.try_recv(), receiver.try_recv()], [Some(4), Some(5), None]);
        assert_eq!(sender.push(7, 100), [0_u32; 0], "what was taken out counts no more");
    }

    #[test]
    fn what_nobody_will_take_is_not_kept() {
        let (sender, receiver) = queue(3, 100);
        sender.push(1, 1);
        drop(receiver);
        assert_eq!(sender.push(2, 1), [2]);
    }

    #[tokio::test]
    async fn a_receiver_waits_and_hears_the_end() {
        let (sender, mut receiver) = queue(3, 100);
        let other = sender.clone();
        let taking = async {
            let mut all = Vec::new();
            while let Some(n) = receiver.recv().await {
                all.push(n);
            }
            all
        };
        let putting = async {
            sender.push(1, 1);
            tokio::task::yield_now().await;
            drop(sender);
            other.push(2, 1);
            tokio::task::yield_now().await;
            drop(other);
        };
        assert_eq!(tokio::join!(taking, putting).0, [1, 2]);
    }
}
