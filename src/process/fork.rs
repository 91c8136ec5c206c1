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
//! A section that a fork must not interrupt, and that may block, runs in [`without_fork`]: a fork
//! waits for its end. What no child may inherit is closed by the hook of [`before_fork`].
//!
//! What belongs to one process only (connections, threads, locks that are held for long) is kept in
//! a [`PerProcess`]: a child leaves the inherited value alone and creates its own.
//!
//! On a system without fork, nothing takes the locks for writing, and there is one generation.

#[cfg(unix)]
mod handlers;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

#[cfg(unix)]
pub use handlers::{child, parent, prepare};

static FORK_LOCK: RwLock<()> = RwLock::new(());
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Held for reading by sections of [`without_fork`]. It is taken before [`FORK_LOCK`], so that
/// these sections may contain sections of a [`ForkSafeMutex`].
static EXCLUSION: RwLock<()> = RwLock::new(());
static BEFORE_FORK: ForkSafeMutex<Option<fn()>> = ForkSafeMutex::new(None);
/// The generation of the last child that was forked in the middle of a section of
/// [`without_fork`], by a signal handler that interrupted it.
static TORN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static EXCLUDING_SECTIONS: Cell<usize> = const { Cell::new(0) };
    #[cfg(debug_assertions)]
    static IS_IN_SECTION: Cell<bool> = const { Cell::new(false) };
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

/// Runs a section that no fork interrupts: a fork waits for its end. The section may block for a
/// short time, and use a [`ForkSafeMutex`], but not call out.
pub fn without_fork<R>(section: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = EXCLUDING_SECTIONS.try_with(|sections| sections.set(sections.get() - 1));
        }
    }
    let _lock = EXCLUSION.read().unwrap_or_else(PoisonError::into_inner);
    let entered = EXCLUDING_SECTIONS.try_with(|sections| sections.set(sections.get() + 1));
    let _leave = entered.is_ok().then_some(Leave);
    section()
}

/// Has a function called before each fork, while no section of [`without_fork`] runs.
pub fn before_fork(hook: fn()) {
    BEFORE_FORK.with(|present| *present = Some(hook));
}

/// Whether this process was forked in the middle of a section of [`without_fork`], so that what the
/// section was changing cannot be used here.
pub fn is_torn() -> bool {
    let generation = generation();
    generation > 0 && TORN.load(Ordering::Acquire) == generation
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
