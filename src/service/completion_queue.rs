//! FIFO of what awaits dispatch, and what signals it to a waiting program.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process::fork::lock;
use crate::process::sys::Readiness;

/// A queue with a limit on the items that are announced by a reservation, and another on those that
/// make room for newer ones. Other items have no limit.
pub struct CompletionQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    items: VecDeque<Queued<T>>,
    /// Reservations whose item has not been popped.
    in_flight: usize,
    /// Items that make room, and their size.
    replaceable: usize,
    replaceable_size: usize,
    closed: bool,
    sealed: bool,
    /// A wake-up is already scheduled.
    wake_pending: bool,
    readiness: Option<Readiness>,
    /// Threads blocked in `pop`. Without any, notifying is skipped, since it costs a system call.
    blocked_threads: usize,
}

struct Queued<T> {
    item: T,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Reserved,
    Unlimited,
    /// It makes room; with its size.
    Replaceable(usize),
}

/// A limit on the items that make room for newer ones.
pub struct ReplaceableLimit {
    /// The most items.
    pub count: usize,
    /// Their largest total size; the newest item may be larger.
    pub size: usize,
}

/// Why there is no reservation.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// All places are in use.
    Full,
    /// The queue is closed.
    Closed,
}

/// A place in the queue, released when dropped.
pub struct Reservation<'a, T>(&'a CompletionQueue<T>);

impl<T> Reservation<'_, T> {
    /// Appends the item.
    pub fn complete(self, item: T) {
        drop(self.0.complete(item));
        self.commit();
    }

    /// Keeps the place for an item that [`CompletionQueue::complete`] appends later.
    pub fn commit(self) {
        std::mem::forget(self);
    }
}

impl<T> Drop for Reservation<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        self.0.count_out(&mut state, Kind::Reserved);
    }
}

/// Wakes blocked threads and sets the readiness when dropped.
pub struct PendingWake<'a, T>(&'a CompletionQueue<T>);

impl<T> Drop for PendingWake<'_, T> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// The result of [`CompletionQueue::pop`].
#[derive(Debug, PartialEq)]
pub enum Popped<T> {
    /// The oldest item.
    Item(T),
    /// No item arrived before the timeout.
    TimedOut,
    /// The queue is closed and empty, and no reservation is left.
    Closed,
}

impl<T> Default for CompletionQueue<T> {
    fn default() -> CompletionQueue<T> {
        CompletionQueue {
            state: Mutex::new(State {
                items: VecDeque::new(),
                in_flight: 0,
                replaceable: 0,
                replaceable_size: 0,
                closed: false,
                sealed: false,
                wake_pending: false,
                readiness: None,
                blocked_threads: 0,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<T> CompletionQueue<T> {
    /// Reserves a place, unless `limit` places are in use, or the queue is closed.
    pub fn reserve(&self, limit: usize) -> Result<Reservation<'_, T>, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        if state.in_flight >= limit {
            return Err(Refusal::Full);
        }
        state.in_flight += 1;
        Ok(Reservation(self))
    }

    /// Appends an item without a reservation.
    pub fn push(&self, item: T) {
        drop(self.append(self.lock(), item, Kind::Unlimited));
    }

    /// Appends an item that makes room for newer ones of its kind. Returns those that make room for
    /// it.
    pub fn push_replaceable(&self, item: T, size: usize, limit: &ReplaceableLimit) -> Vec<T> {
        let mut state = self.lock();
        let mut removed = Vec::new();
        while state.replaceable >= limit.count || state.replaceable_size + size > limit.size {
            let is_replaceable = |queued: &Queued<T>| matches!(queued.kind, Kind::Replaceable(_));
            let oldest = state.items.iter().position(is_replaceable);
            let Some(oldest) = oldest.and_then(|index| state.items.remove(index)) else {
                break;
            };
            self.count_out(&mut state, oldest.kind);
            removed.push(oldest.item);
        }
        state.replaceable += 1;
        state.replaceable_size += size;
        drop(self.append(state, item, Kind::Replaceable(size)));
        removed
    }

    /// Appends the item of a committed reservation. Returns the wake-up, which several items may
    /// share, or `None` if one is scheduled already.
    pub fn complete(&self, item: T) -> Option<PendingWake<'_, T>> {
        self.append(self.lock(), item, Kind::Reserved)
    }

    fn append(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        item: T,
        kind: Kind,
    ) -> Option<PendingWake<'_, T>> {
        if state.sealed {
            self.count_out(&mut state, kind);
            // The item is dropped after the lock is released.
            drop(state);
            return None;
        }
        state.items.push_back(Queued { item, kind });
        let is_pending = std::mem::replace(&mut state.wake_pending, true);
        (!is_pending).then(|| PendingWake(self))
    }

    /// Counts an item that leaves the queue, or a reservation without one.
    fn count_out(&self, state: &mut State<T>, kind: Kind) {
        match kind {
            Kind::Reserved => {
                state.in_flight -= 1;
                if state.closed && state.in_flight == 0 {
                    self.changed.notify_all();
                }
            }
            Kind::Unlimited => {}
            Kind::Replaceable(size) => {
                state.replaceable -= 1;
                state.replaceable_size -= size;
            }
        }
    }

    fn wake(&self) {
        let mut state = self.lock();
        state.wake_pending = false;
        let waiting = state.items.len();
        if waiting > 0 {
            state.readiness.iter_mut().for_each(Readiness::set);
        }
        let awaited = waiting.min(state.blocked_threads);
        drop(state);
        match awaited {
            0 => {}
            1 => self.changed.notify_one(),
            _ => self.changed.notify_all(),
        }
    }

    /// Removes the oldest item, waiting up to `timeout` for one (`None` is no limit).
    pub fn pop(&self, timeout: Option<Duration>) -> Popped<T> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.lock();
        loop {
            if let Some(Queued { item, kind }) = state.items.pop_front() {
                self.count_out(&mut state, kind);
                if state.items.is_empty() {
                    state.readiness.iter_mut().for_each(Readiness::clear);
                }
                return Popped::Item(item);
            }
            if state.closed && state.in_flight == 0 {
                return Popped::Closed;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Popped::TimedOut;
            }
            state.blocked_threads += 1;
            state = match left {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
            state.blocked_threads -= 1;
        }
    }

    /// Refuses reservations from now on. [`CompletionQueue::pop`] returns what is in the queue and
    /// the items of the present reservations, then `Closed`.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Has items that arrive from now on dropped, on the thread that appends them.
    pub fn seal(&self) {
        self.lock().sealed = true;
    }

    /// The number of items in the queue.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// The number of reservations whose item has not been popped.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// Returns what a program can wait for while the queue is empty: a descriptor, or on Windows
    /// the handle of an event. It belongs to the queue.
    pub fn waitable(&self) -> io::Result<isize> {
        let mut state = self.lock();
        let has_items = !state.items.is_empty();
        let readiness = match &mut state.readiness {
            Some(readiness) => readiness,
            none => none.insert(Readiness::new(has_items)?),
        };
        Ok(readiness.waitable())
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

#[cfg(test)]
#[path = "completion_queue_tests.rs"]
mod tests;
