//! The mode without handlers: the program takes events and completions from the queue.

use std::ffi::{CStr, CString};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::active_calls::ThreadKind;
use super::completion_queue::{Popped, ReplaceableLimit};
use super::process_state::{ProcessState, QueueItem};
use super::{closed, Service};
use crate::command::READY_EVENT;
use crate::config::HandlerMode;
use crate::error::{Error, Result};
use crate::process::log;
use crate::status::Status;

/// The largest total size of the events of blocking commands that are kept.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// An event or completion that the program takes.
pub struct PolledEvent {
    /// The id of the asynchronous call that is complete, or 0.
    pub call: u64,
    /// The name of the event, or of the command if there is no event.
    pub name: &'static CStr,
    /// The data of the event, or the outcome.
    pub data: CString,
}

impl From<QueueItem> for PolledEvent {
    fn from(item: QueueItem) -> PolledEvent {
        let completion = match item {
            QueueItem::Completed(completion) => completion,
            QueueItem::Received(complete) => complete(),
            QueueItem::Event(name, data) => {
                return PolledEvent {
                    call: 0,
                    name,
                    data,
                }
            }
            QueueItem::Ready(_) => return ready().into(),
        };
        PolledEvent {
            call: completion.recipient.call,
            name: completion.name,
            data: completion.text,
        }
    }
}

fn ready() -> QueueItem {
    QueueItem::Event(READY_EVENT, c"{}".to_owned())
}

impl Service {
    /// Takes the oldest event or completion from the queue, waiting up to `timeout` for one (`None`
    /// is no limit).
    pub fn next_event(&self, timeout: Option<Duration>) -> Result<PolledEvent> {
        self.require_mode(&[HandlerMode::Poll])?;
        let (call, is_closed) = self.enter();
        // What belongs to a service that refused to close can still be taken.
        if is_closed {
            call.state.queue.close();
        }
        match call.state.queue.pop(timeout) {
            Popped::Item(item) => Ok(item.into()),
            Popped::TimedOut => Err(Error::new(
                Status::Timeout,
                "no event arrived before the timeout",
            )),
            Popped::Closed => Err(closed()),
        }
    }

    /// Queues `ready`, in the mode in which the program takes it.
    pub(super) fn queue_ready(&self) {
        if self.handler_mode() == HandlerMode::Poll {
            self.state.get(ProcessState::default).queue.push(ready());
        }
    }

    /// Queues the event of a blocking command. A program that never takes any keeps the newest.
    pub(super) fn queue_event(&self, state: &ProcessState, name: &'static CStr, data: &CStr) {
        let limit = ReplaceableLimit {
            count: self.config().queue_limit,
            size: MAX_EVENT_BYTES,
        };
        let item = QueueItem::Event(name, data.to_owned());
        let size = data.count_bytes();
        let dropped = state.queue.push_replaceable(item, size, &limit).len();
        if dropped > 0 {
            log::warn(|| {
                format!("events of blocking commands dropped: {dropped}; take them with cbsvc_next_event")
            });
        }
    }

    /// In the mode in which the program takes completions, ends all calls, and refuses if there are
    /// completions that the program has not taken: closing would lose them.
    pub fn end_unless_unread(&self, deadline: Option<Instant>) -> Result<()> {
        if self.handler_mode() != HandlerMode::Poll {
            return Ok(());
        }
        self.closed.store(true, Ordering::SeqCst);
        let Some(state) = self.state.get_if_set() else {
            return Ok(());
        };
        state.end_calls();
        state.queue.close();
        // Threads that are leaving may still append to the queue.
        state.threads.wait_until_idle(ThreadKind::Caller, deadline);
        let unread = state.queue.in_flight();
        if unread == 0 {
            return Ok(());
        }
        let message = format!(
            "the service stays open: {unread} completions have not been taken; call cbsvc_next_event until it returns CBSVC_CLOSED, then close again"
        );
        log::warn(|| message.clone());
        Err(Error::new(Status::Busy, message))
    }

    /// An error unless handlers run as in one of these modes.
    pub(super) fn require_mode(&self, allowed: &[HandlerMode]) -> Result<()> {
        let mode = self.handler_mode();
        if allowed.contains(&mode) {
            return Ok(());
        }
        let message = match mode {
            HandlerMode::Caller => {
                "the service has \"handlers\":\"caller\"; cbsvc_next_event needs \"handlers\":\"poll\""
            }
            HandlerMode::Thread => {
                "the service has \"handlers\":\"thread\", so its handlers run on their own thread; \
                 cbsvc_dispatch needs \"handlers\":\"caller\", cbsvc_next_event \"handlers\":\"poll\""
            }
            HandlerMode::Poll => {
                "the service has \"handlers\":\"poll\" and calls no handler; take events with \
                 cbsvc_next_event, or configure \"handlers\":\"caller\" or \"handlers\":\"thread\""
            }
        };
        log::warn(|| message.to_owned());
        Err(Error::new(Status::WrongMode, message))
    }
}
