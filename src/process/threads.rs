//! The library's own threads.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::process::fork::PerProcess;
use crate::process::{panic, sys};

static RUNNING: PerProcess<AtomicUsize> = PerProcess::new();

/// Enough for the system's resolver with its plug-ins. What Windows adds to programs expects the
/// size that threads have there.
const STACK_BYTES: usize = if cfg!(windows) { 1 << 20 } else { 512 << 10 };

/// The number of the library's threads that run now.
pub fn running() -> usize {
    RUNNING.get(AtomicUsize::default).load(Ordering::Relaxed)
}

/// Starts a thread that blocks all asynchronous signals and cannot be cancelled.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES);
    let guard = ThreadCountGuard::new();
    let run = move || {
        let _guard = guard;
        sys::disable_cancellation();
        IS_LIBRARY_THREAD.set(true);
        let _ = panic::catch(work);
    };
    sys::starting_thread(|| builder.spawn(run))
}

thread_local! {
    // Without a destructor, so that it can be read as long as the thread runs.
    static IS_LIBRARY_THREAD: Cell<bool> = const { Cell::new(false) };

    /// With a destructor, so that it is gone when the thread-locals of other crates are.
    static TLS_PROBE: RefCell<Option<Box<()>>> = const { RefCell::new(None) };
}

/// Whether the calling thread is one that the library has started.
pub fn is_library_thread() -> bool {
    IS_LIBRARY_THREAD.get()
}

/// Creates a runtime that is driven by one thread; none of its descriptors is below 3.
pub fn new_runtime() -> io::Result<Runtime> {
    outside_runtime(|| {
        sys::with_stdio_reserved(|| {
            Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build()
        })
    })?
}

/// Runs a section that creates or drives a runtime: on this thread, or on a helper thread if this
/// one drives a runtime already or has lost its thread-locals. It fails if the system refuses the
/// helper thread.
pub fn outside_runtime<R: Send>(section: impl FnOnce() -> R + Send) -> io::Result<R> {
    match Handle::try_current() {
        Err(missing) if missing.is_missing_context() && TLS_PROBE.try_with(|_| ()).is_ok() => {
            Ok(section())
        }
        _ => on_helper_thread(section),
    }
}

fn on_helper_thread<R: Send>(section: impl FnOnce() -> R + Send) -> io::Result<R> {
    std::thread::scope(|scope| {
        let run = || {
            sys::disable_cancellation();
            IS_LIBRARY_THREAD.set(true);
            section()
        };
        // Unlike the scope's own method, the builder does not panic when the system refuses a
        // thread.
        let builder = std::thread::Builder::new();
        let thread = sys::starting_thread(|| builder.spawn_scoped(scope, run))?;
        match thread.join() {
            Ok(output) => Ok(output),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Counts a thread until it ends or cannot be started.
struct ThreadCountGuard(Arc<AtomicUsize>);

impl ThreadCountGuard {
    fn new() -> ThreadCountGuard {
        let running = RUNNING.get(AtomicUsize::default);
        running.fetch_add(1, Ordering::Relaxed);
        ThreadCountGuard(running)
    }
}

impl Drop for ThreadCountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
