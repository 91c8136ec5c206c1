//! Threads of the library's own.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::guarded::PerProcess;
use crate::{host, panics};

static RUNNING: PerProcess<AtomicUsize> = PerProcess::new();

/// Enough for the system's resolver with its plug-ins.
const STACK_BYTES: usize = 512 << 10;

/// How many threads of the library run now.
pub fn running() -> usize {
    RUNNING.get(AtomicUsize::default).load(Ordering::Relaxed)
}

/// Starts a thread on which no handler for the host's signals ever runs.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    let mut task = Some((builder, work));
    let mut result = Err(io::ErrorKind::Other.into());
    host::signals_held(&mut || {
        if let Some((builder, work)) = task.take() {
            let ending = Ending::begin();
            let run = move || {
                let _ending = ending;
                let _ = panics::contain(work);
            };
            result = builder.spawn(run);
        }
    });
    result
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
