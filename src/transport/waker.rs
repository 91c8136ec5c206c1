//! A waker for two futures that are polled together and wake each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crate::process::fork::lock;

/// Forwards a wake-up to the outer task only while that is parked. A request and its connection
/// wake each other on every poll; those wake-ups are only noted, and taken by the loop that polls
/// both.
#[derive(Default)]
pub struct CoalescingWaker {
    notified: AtomicBool,
    polling: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl CoalescingWaker {
    /// Begins to poll: wake-ups are noted, not forwarded.
    pub fn start(&self, outer: &Waker) {
        self.polling.store(true, Ordering::SeqCst);
        let mut known = lock(&self.outer);
        if !known.as_ref().is_some_and(|known| known.will_wake(outer)) {
            *known = Some(outer.clone());
        }
    }

    /// Takes the wake-ups noted so far; whether there were any.
    pub fn take(&self) -> bool {
        self.notified.swap(false, Ordering::SeqCst)
    }

    /// Ends polling.
    pub fn stop(&self) {
        self.polling.store(false, Ordering::SeqCst);
    }

    /// Ends polling, unless there has been another wake-up; whether it has ended.
    pub fn try_park(&self) -> bool {
        self.stop();
        let notified = self.notified.load(Ordering::SeqCst);
        self.polling.store(notified, Ordering::SeqCst);
        !notified
    }
}

impl Wake for CoalescingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notified.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            if let Some(outer) = lock(&self.outer).as_ref() {
                outer.wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn only_a_parked_task_is_woken() {
        let (count, coalescing) = (Arc::<Count>::default(), Arc::<CoalescingWaker>::default());
        let waker = Waker::from(coalescing.clone());
        coalescing.start(&Waker::from(count.clone()));
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert!(!coalescing.try_park());
        assert!(coalescing.take() && !coalescing.take());
        assert_eq!(count.0.load(Ordering::SeqCst), 0);

        assert!(coalescing.try_park());
        waker.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(coalescing.take());
    }
}
