//! The library's own log: off until a program asks for it, and never a place for secrets or
//! personal data.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::Arc;

use crate::process::fork::{self, ForkSafeMutex};
use crate::process::{panic, threads};

/// How much is logged; a level includes those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off = 0,
    /// What keeps the library from working.
    Error = 1,
    /// What is probably a mistake.
    Warning = 2,
    /// One line for each command.
    Info = 3,
    /// One line for each step.
    Debug = 4,
}

impl Level {
    /// The level with this number.
    pub fn from_number(number: i32) -> Option<Level> {
        let levels = [
            Level::Off,
            Level::Error,
            Level::Warning,
            Level::Info,
            Level::Debug,
        ];
        levels.into_iter().find(|level| *level as i32 == number)
    }

    fn name(self) -> &'static CStr {
        match self {
            Level::Off => c"off",
            Level::Error => c"error",
            Level::Warning => c"warning",
            Level::Info => c"info",
            Level::Debug => c"debug",
        }
    }
}

/// Receives the name of the level and one line of text.
pub type Sink = Arc<dyn Fn(&CStr, &CStr) + Send + Sync>;

static LEVEL: AtomicI32 = AtomicI32::new(Level::Off as i32);
static SINK: ForkSafeMutex<Option<Sink>> = ForkSafeMutex::new(None);

/// Lines that have not been delivered yet.
static PENDING: ForkSafeMutex<Pending> = ForkSafeMutex::new(Pending {
    generation: 0,
    lines: VecDeque::new(),
});

/// Whether there may be pending lines, so that a call without any costs one load.
static HAS_PENDING: AtomicBool = AtomicBool::new(false);

/// The oldest lines beyond this number are discarded.
const MAX_PENDING: usize = 1_000;

struct Pending {
    /// The fork generation that the lines belong to: those of the parent are not delivered in a
    /// child.
    generation: u64,
    lines: VecDeque<(Level, CString)>,
}

impl Pending {
    /// The lines of this process.
    fn lines(&mut self) -> &mut VecDeque<(Level, CString)> {
        let generation = fork::generation();
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.lines.clear();
        }
        &mut self.lines
    }
}

thread_local! {
    /// Lines that the log handler itself causes are not logged: they would never end.
    static IS_IN_LOG_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Sets or clears the one receiver of the process. Pending lines go to the previous one.
pub fn set(level: Level, sink: Option<Sink>) {
    flush();
    let level = if sink.is_some() { level } else { Level::Off };
    let previous = SINK.with(|current| std::mem::replace(current, sink));
    LEVEL.store(level as i32, Ordering::Release);
    let undelivered = PENDING.with(|pending| std::mem::take(pending.lines()));
    drop((previous, undelivered));
}

/// Logs what keeps the library from working.
pub fn error(line: impl FnOnce() -> String) {
    write(Level::Error, line);
}

/// Logs what is probably a mistake.
pub fn warn(line: impl FnOnce() -> String) {
    write(Level::Warning, line);
}

/// Logs one line for a command.
pub fn info(line: impl FnOnce() -> String) {
    write(Level::Info, line);
}

pub fn debug(line: impl FnOnce() -> String) {
    write(Level::Debug, line);
}

/// Appends a line to the pending ones, on whichever thread: the log handler never runs in the
/// middle of the library.
fn write(level: Level, line: impl FnOnce() -> String) {
    if LEVEL.load(Ordering::Acquire) < level as i32 || IS_IN_LOG_HANDLER.get() {
        return;
    }
    // The library composes no line with a NUL.
    let Ok(line) = CString::new(line()) else {
        return;
    };
    PENDING.with(|pending| {
        let lines = pending.lines();
        if lines.len() == MAX_PENDING {
            lines.pop_front();
        }
        lines.push_back((level, line));
        HAS_PENDING.store(true, Ordering::Release);
    });
}

/// Delivers the pending lines on this thread, unless it is one of the library's own. Called where
/// handlers may run: when a C function returns, and before another handler is called.
pub fn flush() {
    if !HAS_PENDING.load(Ordering::Acquire)
        || threads::is_library_thread()
        || IS_IN_LOG_HANDLER.get()
    {
        return;
    }
    let lines = PENDING.with(|pending| {
        HAS_PENDING.store(false, Ordering::Release);
        std::mem::take(pending.lines())
    });
    let generation = fork::generation();
    for (level, line) in lines {
        // The handler has forked, and this is the child.
        if generation != fork::generation() {
            return;
        }
        if let Some(sink) = SINK.with(|sink| sink.clone()) {
            IS_IN_LOG_HANDLER.set(true);
            let _ = panic::catch(|| sink(level.name(), &line));
            IS_IN_LOG_HANDLER.set(false);
        }
    }
}
