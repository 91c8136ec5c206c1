//! Signals: the library installs no handler, and neither takes the host's signals nor kills it with one of its own.

use crate::process::hooks::{self, Protections};

/// Gives the protections to the library.
pub fn install() {
    #[cfg(unix)]
    hooks::set(Protections {
        signals_held: unix::signals_held,
        sigpipe_held: unix::sigpipe_held,
    });
    #[cfg(not(unix))]
    hooks::set(Protections {
        signals_held: |section| section(),
        sigpipe_held: |section| section(),
    });
}

#[cfg(unix)]
mod unix {
    use std::mem::MaybeUninit;
    use std::ptr;

    use libc::{c_int, sigset_t};

    /// Threads inherit the mask of the thread that starts them.
    pub fn signals_held(section: &mut dyn FnMut()) {
        let _mask = Mask::block(|set| {
            // SAFETY: `set` is a set to be filled.
            unsafe { libc::sigfillset(set) };
        });
        section();
    }

    /// Writing to a connection that the peer has closed raises SIGPIPE on the writing thread, which kills a host that
    /// has not asked otherwise. Here it stays pending, and is taken away before the mask is opened again.
    pub fn sigpipe_held(section: &mut dyn FnMut()) {
        let mask = Mask::block(|set| {
            // SAFETY: `set` is a set to be filled.
            unsafe {
                libc::sigemptyset(set);
                libc::sigaddset(set, libc::SIGPIPE);
            }
        });
        // A host that holds SIGPIPE back itself may have one waiting, which is its own.
        let own = mask.held_before(libc::SIGPIPE) && is_pending(libc::SIGPIPE);
        // Made only if wanted: it acts when dropped.
        let _taken_afterwards = (!own).then(|| TakeSigpipe);
        section();
    }

    fn is_pending(signal: c_int) -> bool {
        let mut pending = MaybeUninit::<sigset_t>::zeroed();
        // SAFETY: the set is filled by the system, and zeroes are a valid empty set should the call fail.
        unsafe {
            libc::sigpending(pending.as_mut_ptr());
            libc::sigismember(pending.as_ptr(), signal) == 1
        }
    }

    /// Takes a pending SIGPIPE away when dropped, while the mask still holds it back.
    struct TakeSigpipe;

    impl Drop for TakeSigpipe {
        fn drop(&mut self) {
            let set = filled(|set| {
                // SAFETY: `set` is a set to be filled.
                unsafe {
                    libc::sigemptyset(set);
                    libc::sigaddset(set, libc::SIGPIPE);
                }
            });
            #[cfg(any(target_os = "linux", target_os = "android"))]
            {
                let now = libc::timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                // SAFETY: set and time are valid; a NULL information pointer is allowed. It does not wait.
                while unsafe { libc::sigtimedwait(&set, ptr::null_mut(), &now) } == libc::SIGPIPE {}
            }
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            if is_pending(libc::SIGPIPE) {
                let mut taken: c_int = 0;
                // SAFETY: the set is valid; `sigwait` returns at once for a signal that is pending.
                unsafe { libc::sigwait(&set, &mut taken) };
            }
        }
    }

    /// Signals blocked on this thread until dropped.
    struct Mask(sigset_t);

    impl Mask {
        fn block(fill: impl FnOnce(*mut sigset_t)) -> Mask {
            let set = filled(fill);
            let mut before = MaybeUninit::<sigset_t>::zeroed();
            // SAFETY: both sets are valid, and zeroes are a valid empty set should the call fail.
            unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, &set, before.as_mut_ptr());
                Mask(before.assume_init())
            }
        }

        fn held_before(&self, signal: c_int) -> bool {
            // SAFETY: the set was filled by the system.
            unsafe { libc::sigismember(&self.0, signal) == 1 }
        }
    }

    impl Drop for Mask {
        fn drop(&mut self) {
            // SAFETY: the set is the one that the system gave.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, ptr::null_mut()) };
        }
    }

    fn filled(fill: impl FnOnce(*mut sigset_t)) -> sigset_t {
        let mut set = MaybeUninit::<sigset_t>::zeroed();
        fill(set.as_mut_ptr());
        // SAFETY: zeroes are a valid set, and `fill` only makes another valid one of it.
        unsafe { set.assume_init() }
    }
}
