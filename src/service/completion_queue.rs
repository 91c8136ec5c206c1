//! FIFO of what awaits dispatch, and the pipe that signals it.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process::fork::lock;
use crate::process::sys;

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
    pipe: Option<ReadinessPipe>,
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

/// Wakes blocked threads and sets the pipe when dropped.
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
                pipe: None,
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
            state.pipe.iter_mut().for_each(ReadinessPipe::set);
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
                    state.pipe.iter_mut().for_each(ReadinessPipe::clear);
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

    /// Returns a descriptor that is readable while the queue has items. It belongs to the queue.
    pub fn readiness_fd(&self) -> io::Result<isize> {
        let mut state = self.lock();
        let has_items = !state.items.is_empty();
        let pipe = match &mut state.pipe {
            Some(pipe) => pipe,
            none => none.insert(ReadinessPipe::new(has_items)?),
        };
        Ok(pipe.reader.as_raw_fd() as isize)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

/// A pipe with one byte in it, or none. It is only used under the queue's lock, so that neither end
/// blocks.
struct ReadinessPipe {
    reader: PipeReader,
    writer: PipeWriter,
    is_set: bool,
}

impl ReadinessPipe {
    fn new(is_set: bool) -> io::Result<ReadinessPipe> {
        let (reader, writer) = sys::with_stdio_reserved(io::pipe)?;
        let mut pipe = ReadinessPipe {
            reader,
            writer,
            is_set: false,
        };
        if is_set {
            pipe.set();
        }
        Ok(pipe)
    }

    fn set(&mut self) {
        if !std::mem::replace(&mut self.is_set, true) {
            // The reader is open as long as the writer, and one byte always fits.
            let _ = self.writer.write_all(&[1]);
        }
    }

    fn clear(&mut self) {
        if std::mem::replace(&mut self.is_set, false) {
            let _ = self.reader.read_exact(&mut [0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Queue = CompletionQueue<u32>;

    fn pop_now(queue: &Queue) -> Popped<u32> {
        queue.pop(Some(Duration::ZERO))
    }

    fn is_readable(queue: &Queue) -> bool {
        let descriptor = queue.readiness_fd().unwrap();
        assert!(descriptor > 2);
        sys::is_readable(descriptor as i32)
    }

    #[test]
    fn items_are_popped_in_order() {
        let queue = Queue::default();
        queue.reserve(3).unwrap().complete(1);
        queue.push(2);
        queue.reserve(3).unwrap().commit();
        drop(queue.complete(3));
        assert_eq!(queue.len(), 3);
        for item in 1..=3 {
            assert_eq!(pop_now(&queue), Popped::Item(item));
        }
        assert_eq!(pop_now(&queue), Popped::TimedOut);
    }

    #[test]
    fn limit_counts_reservations_until_their_item_is_popped() {
        let queue = Queue::default();
        let first = queue.reserve(2).unwrap();
        queue.reserve(2).unwrap().commit();
        assert_eq!(queue.reserve(2).err(), Some(Refusal::Full));
        drop(first);
        queue.reserve(2).unwrap().complete(1);
        queue.push(2);
        assert!(queue.reserve(2).is_err() && queue.in_flight() == 2);
        assert_eq!(pop_now(&queue), Popped::Item(1));
        assert!(queue.reserve(2).is_ok());
        drop(queue.complete(3));
        assert_eq!(pop_now(&queue), Popped::Item(2));
        assert_eq!((pop_now(&queue), queue.in_flight()), (Popped::Item(3), 0));
    }

    #[test]
    fn close_wakes_blocked_threads_after_the_last_item() {
        let queue = Queue::default();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (queue.pop(None), queue.pop(None))))
                .collect();
            while queue.lock().blocked_threads < 4 {
                std::thread::yield_now();
            }
            queue.push(1);
            while queue.len() > 0 {
                std::thread::yield_now();
            }
            queue.close();
            let popped = waiting.into_iter().map(|thread| thread.join().unwrap());
            let items = popped.filter(|(first, _)| *first == Popped::Item(1));
            assert_eq!(items.count(), 1);
        });
        queue.push(2);
        assert_eq!(pop_now(&queue), Popped::Item(2));
        assert_eq!(queue.pop(None), Popped::Closed);
    }

    #[test]
    fn closed_queue_waits_for_the_last_reservation() {
        let queue = Queue::default();
        queue.reserve(2).unwrap().commit();
        let unused = queue.reserve(2).unwrap();
        queue.close();
        assert_eq!(queue.reserve(2).err(), Some(Refusal::Closed));
        assert_eq!(pop_now(&queue), Popped::TimedOut);
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| queue.pop(None))).collect();
            while queue.lock().blocked_threads < 2 {
                std::thread::yield_now();
            }
            drop(queue.complete(1));
            while queue.len() > 0 {
                std::thread::yield_now();
            }
            drop(unused);
            let popped = waiting.into_iter().map(|thread| thread.join().unwrap());
            let items = popped.filter(|popped| *popped == Popped::Item(1));
            assert_eq!(items.count(), 1);
        });
        assert_eq!(queue.pop(None), Popped::Closed);
    }

    #[test]
    fn pop_ends_at_its_timeout() {
        let queue = Queue::default();
        let started = Instant::now();
        let timeout = Duration::from_millis(50);
        assert_eq!(queue.pop(Some(timeout)), Popped::TimedOut);
        assert!((timeout..timeout * 40).contains(&started.elapsed()));
    }

    #[test]
    fn sealed_queue_drops_what_is_appended() {
        let queue = Queue::default();
        queue.reserve(1).unwrap().commit();
        queue.push(1);
        queue.seal();
        assert!(queue.complete(2).is_none());
        queue.push(3);
        assert_eq!((queue.in_flight(), pop_now(&queue)), (0, Popped::Item(1)));
        assert_eq!(pop_now(&queue), Popped::TimedOut);
    }

    #[test]
    fn replaceable_items_make_room_for_newer_ones() {
        let queue = Queue::default();
        let push = |item, size| {
            let limit = ReplaceableLimit { count: 2, size: 10 };
            queue.push_replaceable(item, size, &limit)
        };
        queue.reserve(9).unwrap().complete(1);
        queue.push(2);
        assert_eq!((push(3, 1), push(4, 9)), (vec![], vec![]));
        queue.reserve(9).unwrap().complete(5);
        assert_eq!((push(6, 1), push(7, 10)), (vec![3], vec![4, 6]));
        assert_eq!(push(8, 11), [7]);
        for item in [1, 2, 5, 8] {
            assert_eq!(pop_now(&queue), Popped::Item(item));
        }
        assert_eq!((push(9, 5), push(10, 5)), (vec![], vec![]));
        queue.seal();
        assert_eq!(push(11, 1), [9]);
        assert_eq!(pop_now(&queue), Popped::Item(10));
        assert_eq!(pop_now(&queue), Popped::TimedOut);
        let state = queue.lock();
        assert_eq!((state.replaceable, state.replaceable_size), (0, 0));
    }

    #[test]
    fn pipe_is_readable_while_the_queue_has_items() {
        let queue = Queue::default();
        queue.push(1);
        assert!(is_readable(&queue));
        queue.push(2);
        assert_eq!(pop_now(&queue), Popped::Item(1));
        assert!(is_readable(&queue));
        assert_eq!(pop_now(&queue), Popped::Item(2));
        assert!(!is_readable(&queue));
        queue.reserve(1).unwrap().commit();
        let wake = queue.complete(3);
        assert!(queue.complete(4).is_none() && !is_readable(&queue));
        drop(wake);
        assert!(is_readable(&queue));
    }
}
