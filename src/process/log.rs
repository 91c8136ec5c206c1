//! The library's own log: off until a program asks for it, and never a place for secrets or personal data.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use crate::process::fork::Guarded;

/// How much is logged; a level includes those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
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
static SINK: Guarded<Option<Sink>> = Guarded::new(None);

/// Sets or clears the one receiver of the process.
pub fn set(level: Level, sink: Option<Sink>) {
    let level = if sink.is_some() { level } else { Level::Off };
    let previous = SINK.with(|current| std::mem::replace(current, sink));
    LEVEL.store(level as i32, Ordering::Release);
    drop((previous, WAITING.with(std::mem::take)));
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

/// Logs a step.
pub fn debug(line: impl FnOnce() -> String) {
    write(Level::Debug, line);
}

thread_local! {
    /// This thread may not call the program now: it is the library's own, or in the middle of an exchange.
    static DEFERRING: Cell<bool> = const { Cell::new(false) };
    /// This thread is inside the program's log handler, whose own calls are not logged: they would never end.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Lines that wait for a thread of the program's. The oldest give way.
static WAITING: Guarded<VecDeque<(Level, CString)>> = Guarded::new(VecDeque::new());
const MOST_WAITING: usize = 1_000;

/// Has the lines of this thread wait for one of the program's own threads, from now on.
pub fn defer() {
    let _ = DEFERRING.try_with(|deferring| deferring.set(true));
}

/// Runs a section whose lines are written when it is over.
pub fn deferred<R>(section: impl FnOnce() -> R) -> R {
    let before = DEFERRING
        .try_with(|deferring| deferring.replace(true))
        .unwrap_or(true);
    let result = section();
    let _ = DEFERRING.try_with(|deferring| deferring.set(before));
    flush();
    result
}

/// Writes the lines that wait, on this thread.
pub fn flush() {
    if LEVEL.load(Ordering::Acquire) == Level::Off as i32
        || WRITING.try_with(Cell::get).unwrap_or(true)
    {
        return;
    }
    for (level, line) in WAITING.with(std::mem::take) {
        hand_over(level, line);
    }
}

fn write(level: Level, line: impl FnOnce() -> String) {
    if LEVEL.load(Ordering::Acquire) < level as i32 || WRITING.try_with(Cell::get).unwrap_or(true) {
        return;
    }
    // A NUL cannot be in a line that this library composes; if it ever is, the line is not worth a failure.
    let Ok(line) = CString::new(line()) else {
        return;
    };
    if !DEFERRING.try_with(Cell::get).unwrap_or(true) {
        return hand_over(level, line);
    }
    WAITING.with(|waiting| {
        if waiting.len() == MOST_WAITING {
            waiting.pop_front();
        }
        waiting.push_back((level, line));
    });
}

fn hand_over(level: Level, line: CString) {
    if let Some(sink) = SINK.with(|sink| sink.clone()) {
        let before = WRITING
            .try_with(|writing| writing.replace(true))
            .unwrap_or(true);
        sink(level.name(), &line);
        let _ = WRITING.try_with(|writing| writing.set(before));
    }
}
