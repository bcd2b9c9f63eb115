//! What arrived, in bounded memory, and waiting for it without asking again and again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Simulations may run for days; the newest are kept.
const KEPT: usize = 20_000;
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Things that arrived, oldest first. The newest 20,000 are kept, fewer when they are large.
#[derive(Debug)]
pub struct Inbox<T> {
    shelf: Mutex<Shelf<T>>,
    total: watch::Sender<usize>,
}

#[derive(Debug)]
struct Shelf<T> {
    things: VecDeque<(usize, T)>,
    bytes: usize,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { shelf: Mutex::new(Shelf { things: VecDeque::new(), bytes: 0 }), total: watch::Sender::new(0) }
    }
}

impl<T: Clone> Inbox<T> {
    /// Something of about this size arrives.
    pub(crate) fn put(&self, thing: T, bytes: usize) {
        let mut shelf = self.shelf();
        shelf.bytes += bytes;
        shelf.things.push_back((bytes, thing));
        while shelf.things.len() > KEPT || (shelf.bytes > KEPT_BYTES && shelf.things.len() > 1) {
            let gone = shelf.things.pop_front().map_or(0, |(bytes, _)| bytes);
            shelf.bytes -= gone;
        }
        // Under the lock, so that who is woken finds what they were woken for, and `clear` cannot come in between.
        self.total.send_modify(|total| *total += 1);
    }

    /// What is kept, oldest first.
    pub fn all(&self) -> Vec<T> {
        self.shelf().things.iter().map(|(_, thing)| thing.clone()).collect()
    }

    /// The newest so many, newest first.
    pub fn newest(&self, count: usize) -> Vec<T> {
        self.shelf().things.iter().rev().take(count).map(|(_, thing)| thing.clone()).collect()
    }

    /// The newest.
    pub fn last(&self) -> Option<T> {
        self.shelf().things.back().map(|(_, thing)| thing.clone())
    }

    /// The newest that is meant, among those that are kept.
    pub fn find(&self, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        self.shelf().things.iter().rev().map(|(_, thing)| thing).find(|thing| is_meant(thing)).cloned()
    }

    /// How many arrived since the start or the last [`Inbox::clear`], those that are no longer kept too.
    pub fn total(&self) -> usize {
        *self.total.borrow()
    }

    /// Waits until so many have arrived, and returns what is kept, oldest first. It may wait for ever: tests put a limit around it.
    pub async fn at_least(&self, count: usize) -> Vec<T> {
        // The sender lives as long as this waits, so there is no other end.
        let _ = self.total.subscribe().wait_for(|total| *total >= count).await;
        self.all()
    }

    /// Forgets everything and counts from 0 again.
    pub fn clear(&self) {
        let mut shelf = self.shelf();
        shelf.things.clear();
        shelf.bytes = 0;
        self.total.send_replace(0);
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<T>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_large_things_go_but_are_counted() {
        let inbox = Inbox::default();
        for number in 0..KEPT + 5 {
            inbox.put(number, 1);
        }
        assert_eq!((inbox.all().len(), inbox.all()[0], inbox.total()), (KEPT, 5, KEPT + 5));
        inbox.put(7, KEPT_BYTES);
        assert_eq!((inbox.all(), inbox.last()), (vec![7], Some(7)));
        inbox.clear();
        assert_eq!((inbox.all().len(), inbox.total()), (0, 0));
    }
}
