//! Panics stay inside: they become an error, print nothing, and their text, which may quote data,
//! goes nowhere.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::status::Status;

thread_local! {
    static CATCH_DEPTH: Cell<u32> = const { Cell::new(0) };
    static PANIC_LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Keeps contained panics off the standard error stream. Other panics go to the hook that was there
/// before.
pub fn install() {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CATCH_DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
            return previous(info);
        }
        let place = info
            .location()
            .map(|location| format!("{}:{}", strip_build_path(location.file()), location.line()));
        let _ = PANIC_LOCATION.try_with(|kept| kept.replace(place));
    }));
}

/// A file's place without that of the machine on which the library was built.
fn strip_build_path(file: &str) -> &str {
    match file.split_once("/registry/src/") {
        Some((_, registry)) => registry.split_once('/').map_or(registry, |(_, file)| file),
        None => file,
    }
}

/// Runs a section; a panic in it becomes an error that names the place only.
pub fn catch<R>(section: impl FnOnce() -> R) -> Result<R> {
    let _ = CATCH_DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(section));
    let _ = CATCH_DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    result.map_err(|payload| {
        // A payload whose own destructor panics must not take the host with it.
        std::mem::forget(payload);
        let place = PANIC_LOCATION
            .try_with(RefCell::take)
            .ok()
            .flatten()
            .unwrap_or_else(|| "an unknown place".to_owned());
        Error::new(
            Status::Panic,
            format!("the library failed at {place}; please report it"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_omits_the_build_path() {
        assert_eq!(
            strip_build_path("/home/x/.cargo/registry/src/index-1f/tokio-1.0/src/a.rs"),
            "tokio-1.0/src/a.rs"
        );
        assert_eq!(
            strip_build_path("src/process/panic.rs"),
            "src/process/panic.rs"
        );
    }

    #[test]
    fn panic_becomes_an_error_without_its_message() {
        install();
        let error = catch(|| panic!("SECRET {}", 5)).unwrap_err();
        assert_eq!(error.status, Status::Panic);
        assert!(
            error.message.contains("src/process/panic.rs:") && !error.message.contains("SECRET"),
            "{}",
            error.message
        );
        assert_eq!(catch(|| 5).unwrap(), 5);
    }
}
