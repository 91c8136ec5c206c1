//! The library's own log: off until a program asks for it, and never a place for secrets or personal data.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use crate::guarded::Guarded;

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
        let levels = [Level::Off, Level::Error, Level::Warning, Level::Info, Level::Debug];
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
    drop(previous);
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

fn write(level: Level, line: impl FnOnce() -> String) {
    if LEVEL.load(Ordering::Acquire) < level as i32 {
        return;
    }
    let Some(sink) = SINK.with(|sink| sink.clone()) else {
        return;
    };
    // A NUL cannot be in a line that this library composes; if it ever is, the line is not worth a failure.
    if let Ok(line) = CString::new(line()) {
        sink(level.name(), &line);
    }
}
