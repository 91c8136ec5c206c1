//! Panics are caught and become an error. They print nothing, and their message, which may quote
//! data, is discarded.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::status::Status;

thread_local! {
    static CATCH_DEPTH: Cell<u32> = const { Cell::new(0) };
    static PANIC_LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Keeps caught panics off the standard error stream. Other panics go to the previous hook.
pub fn install() {
    if IS_INSTALLED.load(Ordering::Acquire) {
        return;
    }
    // Threads that arrive together all install a hook, each of which has the same effect.
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CATCH_DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
            return previous(info);
        }
        let location = info
            .location()
            .map(|location| format!("{}:{}", strip_build_path(location.file()), location.line()));
        let _ = PANIC_LOCATION.try_with(|kept| kept.replace(location));
    }));
    IS_INSTALLED.store(true, Ordering::Release);
}

/// The path of a file without that of the machine on which the library was built.
fn strip_build_path(file: &str) -> &str {
    match file.split_once("/registry/src/") {
        Some((_, registry)) => registry.split_once('/').map_or(registry, |(_, file)| file),
        None => file,
    }
}

/// Runs a section. A panic in it becomes an error that names the location only.
pub fn catch<R>(section: impl FnOnce() -> R) -> Result<R> {
    let _ = CATCH_DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(section));
    let _ = CATCH_DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    result.map_err(|payload| {
        // A payload whose own destructor panics must not take the host with it.
        std::mem::forget(payload);
        let location = PANIC_LOCATION
            .try_with(RefCell::take)
            .ok()
            .flatten()
            .unwrap_or_else(|| "an unknown location".to_owned());
        Error::new(
            Status::Panic,
            format!("the library failed at {location}; please report it"),
        )
    })
}

/// The same for a section that can fail in other ways too.
pub fn catch_in<R>(section: impl FnOnce() -> Result<R>) -> Result<R> {
    catch(section).and_then(|result| result)
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
