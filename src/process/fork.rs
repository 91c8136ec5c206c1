//! State that a forked child can go on using.
//!
//! A child inherits every lock in the state that it had in the parent. No thread is left to release
//! those that other threads of the parent held. Two invariants keep the library usable in a child:
//!
//! 1. A [`ForkSafeMutex`] is locked only under the read side of [`FORK_LOCK`], which
//!    `pthread_atfork` takes for writing. When a child begins, no such mutex is locked.
//! 2. Nothing blocks while it holds a [`ForkSafeMutex`]: a second section inside a first could wait
//!    for a fork that waits for the first. Debug builds check this with [`NestingCheck`]; release
//!    builds do not.
//!
//! What belongs to one process only (connections, threads, locks that are held for long) is kept in
//! a [`PerProcess`]: a child leaves the inherited value alone and creates its own.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

static FORK_LOCK: RwLock<()> = RwLock::new(());
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static HELD_FORK_LOCK: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
    #[cfg(debug_assertions)]
    static IS_IN_SECTION: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Locks a mutex whether or not a thread panicked while it held it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value behind a mutex that is never locked while a fork happens.
pub struct ForkSafeMutex<T>(Mutex<T>);

impl<T> ForkSafeMutex<T> {
    /// Creates an unlocked mutex.
    pub const fn new(value: T) -> ForkSafeMutex<T> {
        ForkSafeMutex(Mutex::new(value))
    }

    /// Runs a short section on the value. The section must neither block, nor call out, nor enter
    /// another section.
    pub fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        let _check = NestingCheck::enter();
        let _lock = FORK_LOCK.read().unwrap_or_else(PoisonError::into_inner);
        // Declared after the fork lock, so that it is released first.
        let mut value = lock(&self.0);
        section(&mut value)
    }
}

/// Panics in debug builds when a section begins inside another one.
struct NestingCheck;

impl NestingCheck {
    fn enter() -> NestingCheck {
        #[cfg(debug_assertions)]
        let _ = IS_IN_SECTION.try_with(|inside| {
            assert!(!inside.replace(true), "a fork-safe section inside another")
        });
        NestingCheck
    }
}

impl Drop for NestingCheck {
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        let _ = IS_IN_SECTION.try_with(|inside| inside.set(false));
    }
}

/// The number of forks between this process and the one that loaded the library.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Takes the lock; called by the thread that is about to fork. Further calls for the same fork
/// change nothing.
pub extern "C" fn prepare() {
    // A thread so near its end that its thread-locals are gone forks without the lock.
    let _ = HELD_FORK_LOCK.try_with(|held| {
        let mut held = held.borrow_mut();
        if held.is_none() {
            *held = Some(FORK_LOCK.write().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

/// Releases the lock, in the parent.
pub extern "C" fn parent() {
    drop(HELD_FORK_LOCK.try_with(RefCell::take));
}

/// Releases the lock, in the child, and marks everything of the parent as inherited. Whether this
/// was the first call for this fork.
pub fn child() -> bool {
    let held = HELD_FORK_LOCK.try_with(RefCell::take);
    let is_first = !matches!(held, Ok(None));
    if is_first {
        GENERATION.fetch_add(1, Ordering::AcqRel);
    }
    is_first
}

/// A value that each process creates for itself.
pub struct PerProcess<T> {
    current: ForkSafeMutex<Option<(u64, Arc<T>)>>,
}

impl<T> PerProcess<T> {
    /// Creates no value yet.
    pub const fn new() -> PerProcess<T> {
        PerProcess {
            current: ForkSafeMutex::new(None),
        }
    }

    /// Returns this process's value, created on first use.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get_if_set() {
            return value;
        }
        // Created outside the section, since it may block. If two threads create one, the second is
        // dropped.
        let made = Arc::new(make());
        let generation = generation();
        self.current.with(|current| match current {
            Some((of, value)) if *of == generation => value.clone(),
            _ => {
                leak_inherited(current.replace((generation, made.clone())));
                made
            }
        })
    }

    /// Returns this process's value, if it has one.
    pub fn get_if_set(&self) -> Option<Arc<T>> {
        let generation = generation();
        self.current.with(|current| match current {
            Some((of, value)) if *of == generation => Some(value.clone()),
            _ => None,
        })
    }

    /// Removes this process's value and returns it.
    pub fn take(&self) -> Option<Arc<T>> {
        let taken = self.current.with(Option::take);
        match taken {
            Some((of, value)) if of == generation() => Some(value),
            inherited => {
                leak_inherited(inherited);
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

/// Dropping a value of the parent would act on what the parent still uses, such as its connections.
fn leak_inherited<T>(inherited: Option<(u64, Arc<T>)>) {
    std::mem::forget(inherited);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutex_is_held_across_fork() {
        static VALUE: ForkSafeMutex<u64> = ForkSafeMutex::new(0);
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
            prepare();
            let locked = VALUE.0.try_lock().is_err();
            parent();
            locked
        });
        let locked = locked.count();
        stop.store(1, Ordering::Relaxed);
        busy.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(locked, 0);
    }

    #[test]
    fn child_creates_its_own_value() {
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

        prepare();
        child();

        assert!(slot.get_if_set().is_none());
        let second = slot.get(|| Noisy(dropped.clone()));
        drop(second);
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        drop(slot);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}
