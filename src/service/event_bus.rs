//! Event bus: subscriptions, and synchronous publication.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use crate::command::READY_EVENT;
use crate::process::fork::{self, ForkSafeMutex};
use crate::process::{log, panic};
use crate::service::active_calls::LevelGuard;

/// Receives an event's name and data. Dropping it tells the host that it will not be called again.
pub type Handler = Box<dyn Fn(&CStr, &CStr) + Send + Sync>;

/// Which events a subscription receives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filter {
    /// Every event.
    All,
    /// The events of one name.
    One(&'static CStr),
}

/// One handler and its filter.
pub struct Subscription {
    id: u64,
    filter: Filter,
    handler: Handler,
    active: AtomicBool,
}

type Subscriptions = Arc<Vec<Arc<Subscription>>>;

/// The subscriptions of one service.
pub struct EventBus {
    service: u64,
    subscriptions: ForkSafeMutex<Subscriptions>,
    muted: AtomicBool,
}

/// Ids are never used twice in a process, so that a stale one finds nothing.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl EventBus {
    /// Creates a bus without subscriptions. `service` differs from that of the other buses of the
    /// process.
    pub fn new(service: u64) -> EventBus {
        EventBus {
            service,
            subscriptions: ForkSafeMutex::new(Subscriptions::default()),
            muted: AtomicBool::new(false),
        }
    }

    /// The service's number in this process.
    pub fn service(&self) -> u64 {
        self.service
    }

    /// Adds a handler after the others. `on_id` receives its id before it can be called. A handler
    /// receives no earlier events, except `ready`, see [`EventBus::send_ready`].
    pub fn subscribe(
        &self,
        filter: Filter,
        handler: Handler,
        on_id: impl FnOnce(u64),
    ) -> Arc<Subscription> {
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        let subscription = Arc::new(Subscription {
            id,
            filter,
            handler,
            active: AtomicBool::new(true),
        });
        on_id(id);
        self.update(|list| list.push(subscription.clone()));
        subscription
    }

    /// Sends `ready` to a new subscription.
    pub fn send_ready(&self, subscription: &Subscription) {
        self.notify(subscription, READY_EVENT, c"{}");
    }

    /// Calls the handler of a single call.
    pub fn invoke(&self, handler: &Handler, name: &'static CStr, data: &CStr) {
        if self.muted.load(Ordering::Acquire) {
            return;
        }
        log::flush();
        let marker = 0;
        let _level = LevelGuard::enter_handler(self.service, &marker);
        // What was done before stands, and the handlers after this one are called all the same.
        if panic::catch(|| handler(name, data)).is_err() {
            log::error(|| "a handler panicked".to_owned());
        }
    }

    /// Removes a handler. Returns whether there was one with this id.
    pub fn unsubscribe(&self, id: u64) -> bool {
        let before = self.update(|list| list.retain(|subscription| subscription.id != id));
        let removed = before
            .iter()
            .find(|subscription| subscription.id == id)
            .cloned();
        // The old list would keep the other handlers while this one is released.
        drop(before);
        if let Some(subscription) = &removed {
            subscription.active.store(false, Ordering::Release);
        }
        removed.is_some()
    }

    /// Calls every handler that receives the event, in the order of subscription, on this thread.
    /// If one of them forks, the others are called in the parent only.
    pub fn publish(&self, event: &'static CStr, data: &CStr) {
        let generation = fork::generation();
        let subscriptions = self.subscriptions.with(|list| list.clone());
        for subscription in subscriptions.iter() {
            self.notify(subscription, event, data);
            if generation != fork::generation() {
                return;
            }
        }
    }

    /// Calls no handler from now on; those that run now finish.
    pub fn mute(&self) {
        self.muted.store(true, Ordering::Release);
    }

    /// Removes all handlers.
    pub fn clear(&self) {
        self.update(Vec::clear);
    }

    /// Whether there is any handler.
    #[cfg(feature = "outbox")]
    pub fn has_subscriptions(&self) -> bool {
        self.len() > 0
    }

    /// The number of handlers.
    pub fn len(&self) -> usize {
        self.subscriptions.with(|list| list.len())
    }

    /// Puts a changed list in place and returns the one before, so that handlers are dropped
    /// outside the section.
    fn update(&self, change: impl FnOnce(&mut Vec<Arc<Subscription>>)) -> Subscriptions {
        self.subscriptions.with(|list| {
            let mut changed = Vec::clone(list);
            change(&mut changed);
            std::mem::replace(list, Arc::new(changed))
        })
    }

    fn notify(&self, subscription: &Subscription, event: &'static CStr, data: &CStr) {
        let wanted =
            matches!(subscription.filter, Filter::All) || subscription.filter == Filter::One(event);
        if wanted && subscription.active.load(Ordering::Acquire) {
            self.invoke(&subscription.handler, event, data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::active_calls::is_inside;
    use std::sync::Mutex;

    const EVENT: &CStr = c"CallbackService.scheduled";

    fn recorder(received: &Arc<Mutex<Vec<String>>>, name: &'static str) -> Handler {
        let events = received.clone();
        Box::new(move |event, _| {
            events
                .lock()
                .unwrap()
                .push(format!("{name} {}", event.to_str().unwrap()))
        })
    }

    #[test]
    fn handlers_receive_subscribed_events_in_order() {
        let bus = EventBus::new(1);
        let events = Arc::default();
        bus.subscribe(Filter::One(EVENT), recorder(&events, "first"), |_| {});
        bus.send_ready(&bus.subscribe(Filter::All, recorder(&events, "all"), |_| {}));
        let mut last = 0;
        bus.subscribe(Filter::One(EVENT), recorder(&events, "last"), |id| {
            last = id
        });
        bus.publish(EVENT, c"{}");
        assert!(bus.unsubscribe(last) && !bus.unsubscribe(last));
        bus.publish(EVENT, c"{}");
        bus.mute();
        bus.publish(EVENT, c"{}");
        let expected = [
            "all CallbackService.ready",
            "first",
            "all",
            "last",
            "first",
            "all",
        ]
        .map(|name| {
            if name.contains(' ') {
                name.to_owned()
            } else {
                format!("{name} CallbackService.scheduled")
            }
        });
        assert_eq!(*events.lock().unwrap(), expected);
    }

    #[test]
    fn handler_is_dropped_once_and_never_while_it_runs() {
        struct Dropped(Arc<AtomicU64>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let bus = Arc::new(EventBus::new(2));
        let drops = Arc::new(AtomicU64::new(0));
        let (witness, inner, own) = (
            Dropped(drops.clone()),
            bus.clone(),
            Arc::new(AtomicU64::new(0)),
        );
        let (id, seen) = (own.clone(), drops.clone());
        let handler = move |_: &CStr, _: &CStr| {
            let _ = &witness;
            assert!(is_inside(2));
            assert!(inner.unsubscribe(id.load(Ordering::SeqCst)));
            assert_eq!(seen.load(Ordering::SeqCst), 0);
        };
        bus.subscribe(Filter::One(EVENT), Box::new(handler), |id| {
            own.store(id, Ordering::SeqCst)
        });
        bus.publish(EVENT, c"{}");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(!is_inside(2));
    }
}
