//! The fork handlers.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLockWriteGuard};

use super::{is_torn, BEFORE_FORK, EXCLUDING_SECTIONS, EXCLUSION, FORK_LOCK, GENERATION, TORN};

/// What the forking thread holds.
struct HeldLocks {
    _fork: RwLockWriteGuard<'static, ()>,
    /// None in a thread that is inside a section of [`without_fork`] itself.
    exclusion: Option<RwLockWriteGuard<'static, ()>>,
}

thread_local! {
    static HELD_LOCKS: RefCell<Option<HeldLocks>> = const { RefCell::new(None) };
}

/// Takes the locks; called by the thread that is about to fork. Further calls for the same fork
/// change nothing.
pub extern "C" fn prepare() {
    // A thread so near its end that its thread-locals are gone forks without the locks.
    let _ = HELD_LOCKS.try_with(|held| {
        let mut held = held.borrow_mut();
        if held.is_some() {
            return;
        }
        let is_inside = EXCLUDING_SECTIONS
            .try_with(Cell::get)
            .is_ok_and(|sections| sections > 0);
        // In a process that was forked so, threads that do not exist may hold the lock for ever.
        let exclusion = (!is_inside && !is_torn()).then(|| {
            let exclusion = EXCLUSION.write().unwrap_or_else(PoisonError::into_inner);
            let hook = BEFORE_FORK.with(|hook| *hook);
            hook.into_iter().for_each(|hook| hook());
            exclusion
        });
        *held = Some(HeldLocks {
            _fork: FORK_LOCK.write().unwrap_or_else(PoisonError::into_inner),
            exclusion,
        });
    });
}

/// Releases the locks, in the parent.
pub extern "C" fn parent() {
    drop(HELD_LOCKS.try_with(RefCell::take));
}

/// Releases the locks, in the child, and marks everything of the parent as inherited. Whether this
/// was the first call for this fork.
pub fn child() -> bool {
    let held = HELD_LOCKS.try_with(RefCell::take);
    let is_first = !matches!(held, Ok(None));
    if is_first {
        let generation = GENERATION.fetch_add(1, Ordering::AcqRel) + 1;
        if !matches!(
            held,
            Ok(Some(HeldLocks {
                exclusion: Some(_),
                ..
            }))
        ) {
            TORN.store(generation, Ordering::Release);
        }
    }
    is_first
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::Arc;

    use super::*;
    use crate::process::fork::{ForkSafeMutex, PerProcess};

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
        // For the other tests of a process, a fork would take their values away.
        const OWN_PROCESS: &str = "CBSVC_TEST_OWN_PROCESS";
        if std::env::var_os(OWN_PROCESS).is_none() {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            let alone = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &name])
                .env(OWN_PROCESS, "1")
                .output()
                .unwrap();
            let shown = String::from_utf8_lossy(&alone.stdout);
            assert!(
                alone.status.success() && shown.contains("1 passed"),
                "{shown}"
            );
            return;
        }
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
