//! Events: who wants them, and telling them.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use crate::command::READY;
use crate::process::fork::ForkSafeMutex;

/// Receives an event's name and data. Dropping it tells the host that it will not be called again.
pub type Handler = Box<dyn Fn(&CStr, &CStr) + Send + Sync>;

/// Which events a subscription is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filter {
    /// Every event.
    All,
    /// The events of one name.
    One(&'static CStr),
}

/// One handler and what it is for.
pub struct Subscription {
    id: u64,
    filter: Filter,
    handler: Handler,
    active: AtomicBool,
}

type List = Arc<Vec<Arc<Subscription>>>;

/// The subscriptions of one service.
pub struct Bus {
    service: u64,
    list: ForkSafeMutex<List>,
    silent: AtomicBool,
}

thread_local! {
    /// The services inside whose calls or handlers this thread is now, the innermost last.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Marks a thread as being inside a call or a handler of a service, which the thread therefore cannot close.
pub struct Inside;

impl Inside {
    fn enter(service: u64) -> Inside {
        // A thread near its end has no locals left; it can do everything but be recognised.
        let _ = INSIDE.try_with(|services| services.borrow_mut().push(service));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|services| services.borrow_mut().pop());
    }
}

/// Subscription numbers are never used twice in a process, so that a stale one finds nothing.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Bus {
    /// A bus without subscriptions. `service` tells it from the other buses of the process.
    pub fn new(service: u64) -> Bus {
        Bus {
            service,
            list: ForkSafeMutex::new(List::default()),
            silent: AtomicBool::new(false),
        }
    }

    /// Adds a handler after those that are there; `told` gets its number before it can be called. A handler never
    /// hears of what happened before, except of `ready`, see [`Bus::ready`].
    pub fn subscribe(
        &self,
        filter: Filter,
        handler: Handler,
        told: impl FnOnce(u64),
    ) -> Arc<Subscription> {
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        let subscription = Arc::new(Subscription {
            id,
            filter,
            handler,
            active: AtomicBool::new(true),
        });
        told(id);
        self.change(|list| list.push(subscription.clone()));
        subscription
    }

    /// Tells a new subscriber that the service is ready, if it wants to know.
    pub fn ready(&self, subscription: &Subscription) {
        self.deliver(subscription, READY, c"{}");
    }

    /// Tells the handler of a single call.
    pub fn tell(&self, handler: &Handler, name: &'static CStr, data: &CStr) {
        if !self.silent.load(Ordering::Acquire) {
            let _inside = self.enter();
            handler(name, data);
        }
    }

    /// Removes a handler; whether there was one with this number.
    pub fn unsubscribe(&self, id: u64) -> bool {
        let before = self.change(|list| list.retain(|subscription| subscription.id != id));
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

    /// Tells everybody who wants the event, in the order of subscription, on this thread.
    pub fn publish(&self, event: &'static CStr, data: &CStr) {
        let list = self.list.with(|list| list.clone());
        for subscription in list.iter() {
            self.deliver(subscription, event, data);
        }
    }

    /// No handler is called from now on; those that run now finish.
    pub fn silence(&self) {
        self.silent.store(true, Ordering::Release);
    }

    /// Removes all handlers.
    pub fn clear(&self) {
        self.change(Vec::clear);
    }

    /// How many handlers there are.
    pub fn len(&self) -> usize {
        self.list.with(|list| list.len())
    }

    /// Marks this thread as being inside a call of the service.
    pub fn enter(&self) -> Inside {
        Inside::enter(self.service)
    }

    /// Whether this thread is inside a call or a handler of the service.
    pub fn is_inside(&self) -> bool {
        INSIDE
            .try_with(|services| services.borrow().contains(&self.service))
            .unwrap_or(false)
    }

    /// Puts a changed list in place and returns the one before, so that handlers are dropped outside the section.
    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Subscription>>)) -> List {
        self.list.with(|list| {
            let mut changed = Vec::clone(list);
            change(&mut changed);
            std::mem::replace(list, Arc::new(changed))
        })
    }

    fn deliver(&self, subscription: &Subscription, event: &'static CStr, data: &CStr) {
        let wanted =
            matches!(subscription.filter, Filter::All) || subscription.filter == Filter::One(event);
        if wanted && subscription.active.load(Ordering::Acquire) {
            self.tell(&subscription.handler, event, data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const EVENT: &CStr = c"CallbackService.scheduled";

    fn recorder(heard: &Arc<Mutex<Vec<String>>>, name: &'static str) -> Handler {
        let heard = heard.clone();
        Box::new(move |event, _| {
            heard
                .lock()
                .unwrap()
                .push(format!("{name} {}", event.to_str().unwrap()))
        })
    }

    #[test]
    fn handlers_hear_in_order_what_they_asked_for() {
        let bus = Bus::new(1);
        let heard = Arc::default();
        bus.subscribe(Filter::One(EVENT), recorder(&heard, "first"), |_| {});
        bus.ready(&bus.subscribe(Filter::All, recorder(&heard, "all"), |_| {}));
        let mut last = 0;
        bus.subscribe(Filter::One(EVENT), recorder(&heard, "last"), |id| last = id);
        bus.publish(EVENT, c"{}");
        assert!(bus.unsubscribe(last) && !bus.unsubscribe(last));
        bus.publish(EVENT, c"{}");
        bus.silence();
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
        assert_eq!(*heard.lock().unwrap(), expected);
    }

    #[test]
    fn a_handler_is_dropped_once_and_never_while_it_runs() {
        struct Dropped(Arc<AtomicU64>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let bus = Arc::new(Bus::new(2));
        let drops = Arc::new(AtomicU64::new(0));
        let (witness, inner, own) = (
            Dropped(drops.clone()),
            bus.clone(),
            Arc::new(AtomicU64::new(0)),
        );
        let (id, seen) = (own.clone(), drops.clone());
        let handler = move |_: &CStr, _: &CStr| {
            let _ = &witness;
            assert!(inner.is_inside());
            assert!(inner.unsubscribe(id.load(Ordering::SeqCst)));
            assert_eq!(seen.load(Ordering::SeqCst), 0);
        };
        bus.subscribe(Filter::One(EVENT), Box::new(handler), |id| {
            own.store(id, Ordering::SeqCst)
        });
        bus.publish(EVENT, c"{}");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(!bus.is_inside());
    }
}
