//! What waits to be told to the program, in order, and how a program learns that something waits.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::fork::lock;
use crate::process::sys;
use crate::service::event_bus::{Handler, Subscription};
use crate::service::Service;
use crate::status::Status;

/// Something to tell.
pub enum Delivery {
    /// A started call has ended: its own handler is told first, then the event's subscribers.
    Ended(Ended),
    /// A started call has been answered; what its end is is read from the answer by whoever tells it.
    Answered(Box<dyn FnOnce(&Service) -> Ended + Send>),
    /// An event of a blocking command.
    Event(&'static CStr, CString),
    /// The service is ready, for one late subscriber.
    Ready(Arc<Subscription>),
}

/// The end of a started call.
pub struct Ended {
    /// The call's own handler; dropping it releases the program's data.
    pub done: Handler,
    /// What the handler is told: the event's name, or the command's where there is no event.
    pub name: &'static CStr,
    /// The event that follows, if one does.
    pub event: Option<&'static CStr>,
    /// The outcome.
    pub text: CString,
}

/// The queue of one service in one process.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Delivery>,
    /// Started calls whose end has not been taken out.
    outstanding: usize,
    ended: bool,
    /// Something waits of which somebody will tell soon.
    owed: bool,
    signal: Option<Signal>,
    /// Those who wait for a delivery: telling nobody would cost a system call.
    waiters: usize,
}

/// Room for a started call, given back when it is dropped.
pub struct Room<'a>(&'a Queue);

impl Room<'_> {
    /// Puts the call's end in.
    pub fn fill(self, end: Delivery) {
        self.0.push(end);
        self.keep();
    }

    /// The call's end will come.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.lock().outstanding -= 1;
    }
}

/// Tells those who wait, when it is dropped, that something has come.
pub struct Announcement<'a>(&'a Queue);

impl Drop for Announcement<'_> {
    fn drop(&mut self) {
        self.0.announce();
    }
}

/// What came of waiting for a delivery.
pub enum Taken {
    /// The oldest that waited.
    Delivery(Delivery),
    /// Nothing came in time.
    Nothing,
    /// Nothing waits and nothing will come.
    End,
}

impl Queue {
    /// Makes room for a started call, unless there are `limit` already.
    pub fn reserve(&self, limit: usize) -> Option<Room<'_>> {
        let mut state = self.lock();
        if state.outstanding >= limit {
            return None;
        }
        state.outstanding += 1;
        Some(Room(self))
    }

    /// Appends a delivery.
    pub fn push(&self, delivery: Delivery) {
        if self.push_quietly(delivery).is_none() {
            self.announce();
        }
    }

    /// Appends a delivery of which nobody is told before the announcement is dropped. `None`: another announcement,
    /// still to come, will do. Ends that come together wake the program once.
    pub fn push_quietly(&self, delivery: Delivery) -> Option<Announcement<'_>> {
        let mut state = self.lock();
        state.waiting.push_back(delivery);
        let is_owed = std::mem::replace(&mut state.owed, true);
        (!is_owed).then(|| Announcement(self))
    }

    fn announce(&self) {
        let mut state = self.lock();
        state.owed = false;
        let waiting = state.waiting.len();
        if waiting > 0 {
            state.signal.iter_mut().for_each(Signal::raise);
        }
        let awaited = waiting.min(state.waiters);
        drop(state);
        match awaited {
            0 => {}
            1 => self.changed.notify_one(),
            _ => self.changed.notify_all(),
        }
    }

    /// Takes the oldest delivery, waiting for one as long as `wait` says (`None` is without end).
    pub fn take(&self, wait: Option<Duration>) -> Taken {
        let until = wait.map(|wait| Instant::now() + wait);
        let mut state = self.lock();
        loop {
            if let Some(delivery) = state.waiting.pop_front() {
                state.outstanding -= usize::from(matches!(
                    delivery,
                    Delivery::Ended(_) | Delivery::Answered(_)
                ));
                if state.waiting.is_empty() {
                    state.signal.iter_mut().for_each(Signal::lower);
                }
                return Taken::Delivery(delivery);
            }
            if state.ended {
                return Taken::End;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Taken::Nothing;
            }
            state.waiters += 1;
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
            state.waiters -= 1;
        }
    }

    /// Nothing will come any more: whoever waits is told so when the queue is empty.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Started calls whose end has not been told.
    pub fn outstanding(&self) -> usize {
        self.lock().outstanding
    }

    /// A descriptor that is readable exactly while something waits. It belongs to the queue.
    pub fn waitable(&self) -> Result<isize> {
        let mut state = self.lock();
        if state.signal.is_none() {
            let mut signal = Signal::new()?;
            if !state.waiting.is_empty() {
                signal.raise();
            }
            state.signal = Some(signal);
        }
        Ok(state.signal.as_ref().map_or(-1, Signal::descriptor))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A pipe with one byte in it, or none. Only the owner of the queue's lock reads and writes, so that neither blocks.
struct Signal {
    reader: PipeReader,
    writer: PipeWriter,
    is_raised: bool,
}

impl Signal {
    fn new() -> Result<Signal> {
        let (reader, writer) = sys::with_stdio_reserved(std::io::pipe).map_err(|error| {
            Error::new(
                Status::Internal,
                format!("the system refuses a pipe: {error}"),
            )
        })?;
        Ok(Signal {
            reader,
            writer,
            is_raised: false,
        })
    }

    fn raise(&mut self) {
        if !std::mem::replace(&mut self.is_raised, true) {
            // The reader is open as long as the writer, and one byte always fits.
            let _ = self.writer.write_all(&[1]);
        }
    }

    fn lower(&mut self) {
        if std::mem::replace(&mut self.is_raised, false) {
            let _ = self.reader.read_exact(&mut [0]);
        }
    }

    fn descriptor(&self) -> isize {
        self.reader.as_raw_fd() as isize
    }
}
