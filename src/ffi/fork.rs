//! Notice of forks.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::process::fork;

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Has the system tell [`guarded`] of every fork of this process.
pub fn install() {
    if !INSTALLED.swap(true, Ordering::AcqRel) {
        // SAFETY: the functions live as long as the process, since the library is never unloaded; they take and give
        // back one lock, and do not unwind. Without the memory to register them a fork goes unnoticed, nothing more.
        #[cfg(unix)]
        unsafe {
            libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child));
        }
    }
}

extern "C" fn before() {
    fork::before_fork();
}

extern "C" fn in_parent() {
    fork::after_fork_in_parent();
}

extern "C" fn in_child() {
    fork::after_fork_in_child();
}
