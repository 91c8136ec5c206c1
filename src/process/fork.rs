//! State that a forked child can go on using.
//!
//! A child inherits every lock as it was, also those that other threads of the parent held, and nobody will ever
//! open these. So every section that must survive a fork runs inside one gate, which the thread that forks closes
//! first: when the child begins, no such section is half done. What belongs to one process only (connections,
//! threads, locks held for long) is kept in [`PerProcess`]: a child leaves the inherited value alone and builds anew.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

static GATE: RwLock<()> = RwLock::new(());
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static CLOSED_GATE: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
    #[cfg(debug_assertions)]
    static INSIDE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A lock that a panic elsewhere does not spoil.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value behind a lock that is never held while a fork happens.
pub struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    /// Puts a value behind the lock.
    pub const fn new(value: T) -> Guarded<T> {
        Guarded(Mutex::new(value))
    }

    /// Runs a short section on the value. The section must neither wait, nor call out, nor enter another section.
    pub fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        let _inside = Inside::enter();
        let _gate = GATE.read().unwrap_or_else(PoisonError::into_inner);
        // Declared after the gate, so that it is unlocked before the gate opens.
        let mut value = lock(&self.0);
        section(&mut value)
    }
}

/// A second section inside a first can wait for a fork that waits for the first: found in debug builds.
struct Inside;

impl Inside {
    fn enter() -> Inside {
        #[cfg(debug_assertions)]
        let _ = INSIDE
            .try_with(|inside| assert!(!inside.replace(true), "a guarded section inside another"));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        let _ = INSIDE.try_with(|inside| inside.set(false));
    }
}

/// Counts the forks between this process and the one that loaded the library.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Closes the gate; called by the thread that is about to fork.
pub fn before_fork() {
    let gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
    // A thread so near its end that it has no locals left forks without the gate.
    let _ = CLOSED_GATE.try_with(|closed| closed.replace(Some(gate)));
}

/// Opens the gate again, in the parent.
pub fn after_fork_in_parent() {
    let gate = CLOSED_GATE.try_with(|closed| closed.take());
    drop(gate);
}

/// Opens the gate in the child and marks everything of the parent's as inherited.
pub fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    after_fork_in_parent();
}

/// A value that each process makes for itself.
pub struct PerProcess<T> {
    current: Guarded<Option<(u64, Arc<T>)>>,
}

impl<T> PerProcess<T> {
    /// Nothing yet.
    pub const fn new() -> PerProcess<T> {
        PerProcess {
            current: Guarded::new(None),
        }
    }

    /// This process's value, made on first use.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.present() {
            return value;
        }
        // Made outside the section: it may take long, and the loser of a race is simply dropped.
        let made = Arc::new(make());
        let generation = generation();
        self.current.with(|current| match current {
            Some((of, value)) if *of == generation => value.clone(),
            _ => {
                forget(current.replace((generation, made.clone())));
                made
            }
        })
    }

    /// This process's value, if it has made one.
    pub fn present(&self) -> Option<Arc<T>> {
        let generation = generation();
        self.current.with(|current| match current {
            Some((of, value)) if *of == generation => Some(value.clone()),
            _ => None,
        })
    }

    /// Takes this process's value out.
    pub fn take(&self) -> Option<Arc<T>> {
        let taken = self.current.with(Option::take);
        match taken {
            Some((of, value)) if of == generation() => Some(value),
            inherited => {
                forget(inherited);
                None
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Dropping what another process made would touch what that process is still using.
fn forget<T>(inherited: Option<(u64, Arc<T>)>) {
    std::mem::forget(inherited);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_gate_is_closed_no_value_is_locked() {
        static VALUE: Guarded<u64> = Guarded::new(0);
        let stop = Arc::new(AtomicU64::new(0));
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let stop = stop.clone();
                std::thread::spawn(move || {
                    while stop.load(Ordering::Relaxed) == 0 {
                        VALUE.with(|value| *value += 1);
                    }
                })
            })
            .collect();
        let locked = (0..20_000).filter(|_| {
            before_fork();
            let locked = VALUE.0.try_lock().is_err();
            after_fork_in_parent();
            locked
        });
        let locked = locked.count();
        stop.store(1, Ordering::Relaxed);
        busy.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(locked, 0);
    }

    #[test]
    fn each_process_makes_its_own_value_and_leaves_the_inherited_one_alone() {
        struct Noisy(Arc<AtomicU64>);
        impl Drop for Noisy {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let dropped = Arc::new(AtomicU64::new(0));
        let slot = PerProcess::new();
        let first = slot.get(|| Noisy(dropped.clone()));
        assert!(Arc::ptr_eq(&first, &slot.get(|| unreachable!())));
        drop(first);

        before_fork();
        after_fork_in_child();

        assert!(slot.present().is_none());
        let second = slot.get(|| Noisy(dropped.clone()));
        drop(second);
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        drop(slot);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}
