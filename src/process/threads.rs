//! Threads of the library's own.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Handle;

use crate::process::fork::PerProcess;
use crate::process::{hooks, log, panic};

static RUNNING: PerProcess<AtomicUsize> = PerProcess::new();

/// Enough for the system's resolver with its plug-ins.
const STACK_BYTES: usize = 512 << 10;

/// How many threads of the library run now.
pub fn running() -> usize {
    RUNNING.get(AtomicUsize::default).load(Ordering::Relaxed)
}

/// Starts a thread on which no handler for the host's signals ever runs.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES);
    let mut task = Some((builder, work));
    let mut result = Err(io::ErrorKind::Other.into());
    hooks::signals_held(&mut || {
        if let Some((builder, work)) = task.take() {
            let ending = Ending::begin();
            let run = move || {
                let _ending = ending;
                let _ = panic::contain(work);
            };
            result = builder.spawn(run);
        }
    });
    result
}

thread_local! {
    /// Goes when the thread ends, as the locals of others do.
    static LOCAL: RefCell<Option<Box<()>>> = const { RefCell::new(None) };
}

/// Runs a section that makes or drives a runtime where that can be done: on this thread, unless it drives a runtime
/// already, or is so near its end that it has no locals left.
pub fn fit_for_a_runtime<R: Send>(section: impl FnOnce() -> R + Send) -> R {
    match Handle::try_current() {
        Err(missing) if missing.is_missing_context() && LOCAL.try_with(|_| ()).is_ok() => section(),
        _ => on_another_thread(section),
    }
}

/// Runs a section on a thread that ends with it.
fn on_another_thread<R: Send>(section: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let mut section = Some(section);
        let mut thread = None;
        hooks::signals_held(&mut || {
            thread = section.take().map(|section| {
                scope.spawn(move || {
                    log::defer();
                    section()
                })
            });
        });
        match thread.map(|thread| thread.join()) {
            Some(Ok(output)) => output,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => unreachable!("a protection runs its section"),
        }
    })
}

/// Counts a thread in, and out when dropped, also when it could not be started.
struct Ending(Arc<AtomicUsize>);

impl Ending {
    fn begin() -> Ending {
        let running = RUNNING.get(AtomicUsize::default);
        running.fetch_add(1, Ordering::Relaxed);
        Ending(running)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
