//! The file of an outbox: an SQLite database that any number of processes share.
//!
//! A process has one connection to a file. It is closed before each fork, so that a child inherits
//! nothing of SQLite: locks on files are not inherited, and a child that relies on those of its
//! parent could write into a log that the parent deletes. Parent and child connect again when they
//! need the file.

mod claims;
mod failure;
mod listing;
mod open;
mod submit;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::outbox::claimant::Claimant;
use crate::outbox::clock::{Now, SystemTimes};
use crate::process::fork::{self, lock, PerProcess};
use crate::process::sys;
use failure::Failure;
use open::{Access, OpenFile, Section};
use submit::SubmitQueue;

pub use claims::{ClaimRequest, ClaimToken};
pub use listing::Refusal;
pub use submit::Ticket;

/// How long a lock is waited for at a time. A fork, and other threads, wait as long.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// The files that this process has open.
static STORES: PerProcess<Mutex<HashMap<PathBuf, Arc<Store>>>> = PerProcess::new();

/// A file that this process uses.
pub struct Store {
    file: PathBuf,
    connection: Mutex<Option<OpenFile>>,
    submits: SubmitQueue,
    claimant: Arc<Claimant>,
    /// Wakes deliverers of this process when there is something new.
    pub changed: Notify,
    times: Box<dyn Fn() -> SystemTimes + Send + Sync>,
}

impl Store {
    /// The store of a file in this process. The file is opened when it is first needed.
    pub fn shared(file: &Path) -> Arc<Store> {
        fork::before_fork(close_all);
        let stores = STORES.get(Mutex::default);
        let mut stores = lock(&stores);
        if let Some(store) = stores.get(file) {
            return store.clone();
        }
        let boot = Claimant::current().boot.clone();
        let store = Arc::new(Store::new(file, move || SystemTimes::now(&boot)));
        stores.insert(file.to_owned(), store.clone());
        store
    }

    fn new(file: &Path, times: impl Fn() -> SystemTimes + Send + Sync + 'static) -> Store {
        Store {
            file: file.to_owned(),
            connection: Mutex::default(),
            submits: SubmitQueue::default(),
            claimant: Claimant::current(),
            changed: Notify::new(),
            times: Box::new(times),
        }
    }

    /// Closes a file that nothing in this process uses now.
    pub fn close_if_unused(file: &Path) {
        let Some(stores) = STORES.get_if_set() else {
            return;
        };
        fork::without_fork(|| {
            let mut stores = lock(&stores);
            let unused = stores
                .get(file)
                .filter(|store| Arc::strong_count(store) == 1);
            if unused.is_some() {
                drop(stores.remove(file));
            }
        });
    }

    /// Runs a section in a write transaction, which is durable when this returns `Ok`. Waits for
    /// locks until the deadline. The section may run several times.
    pub fn write<R>(
        &self,
        deadline: Instant,
        section: impl FnMut(&Connection, Now) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.run(Access::Write, deadline, section)
    }

    /// Runs a section that only reads. Waits for locks until the deadline.
    pub fn read<R>(
        &self,
        deadline: Instant,
        section: impl FnMut(&Connection, Now) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.run(Access::Read, deadline, section)
    }

    /// Moves all changes from the write-ahead log into the file, and empties the log. Returns
    /// whether that was possible now.
    pub fn truncate_log(&self) -> bool {
        let mut is_busy = 1;
        let truncated = self.try_once(Access::Maintenance, LOCK_WAIT, &mut |connection, _| {
            let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
            is_busy = connection.query_row(checkpoint, [], |row| row.get(0))?;
            Ok(())
        });
        truncated.is_ok() && is_busy == 0
    }

    fn run<R>(
        &self,
        access: Access,
        deadline: Instant,
        mut section: impl FnMut(&Connection, Now) -> rusqlite::Result<R>,
    ) -> Result<R> {
        let mut result = None;
        self.try_until(access, deadline, &mut |connection, now| {
            result = Some(section(connection, now)?);
            Ok(())
        })?;
        result.ok_or_else(|| self.failed(Failure::Busy))
    }

    /// Tries until something else than a lock decides, or the deadline passes.
    fn try_until(&self, access: Access, deadline: Instant, section: &mut Section) -> Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.try_once(access, left.min(LOCK_WAIT), section) {
                Ok(()) => return Ok(()),
                Err(Failure::Busy) if Instant::now() < deadline => {
                    // SQLite reports some locks without waiting for them.
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(failure) => return Err(self.failed(failure)),
            }
        }
    }

    /// Runs a section with the connection of this process.
    fn try_once(
        &self,
        access: Access,
        wait: Duration,
        section: &mut Section,
    ) -> std::result::Result<(), Failure> {
        if fork::is_torn() {
            return Err(Failure::Refused(
                "cannot be used in this process: a signal handler forked it in the middle of an operation"
                    .to_owned(),
            ));
        }
        let work = || {
            let mut connection = lock(&self.connection);
            let times = (self.times)();
            // A file that was moved or deleted would take entries that no program finds.
            if connection
                .as_ref()
                .is_some_and(|open| !open.is_at(&self.file))
            {
                *connection = None;
            }
            if connection.is_none() {
                *connection = Some(OpenFile::open(&self.file, &times, wait)?);
            }
            let Some(open) = connection.as_mut() else {
                return Err(Failure::Busy);
            };
            let result = open.run(access, wait, &times, section);
            if result.as_ref().is_err_and(Failure::spoils_connection) {
                *connection = None;
            }
            result
        };
        // SQLite keeps its descriptors above 2 only by opening /dev/null there, for good.
        fork::without_fork(|| sys::with_stdio_reserved(work))
    }

    fn failed(&self, failure: Failure) -> Error {
        failure.into_error(&self.file)
    }
}

/// Closes the connections of this process. No section of [`fork::without_fork`] runs.
fn close_all() {
    let Some(stores) = STORES.get_if_set() else {
        return;
    };
    // The table is locked for moments only, and by threads that hold nothing a fork waits for.
    for store in lock(&stores).values() {
        let open = lock(&store.connection).take();
        open.into_iter().for_each(OpenFile::close_quickly);
    }
}

#[cfg(test)]
mod tests;
