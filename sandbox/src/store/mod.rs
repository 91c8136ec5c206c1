//! The bookings of both APIs, and the counts of requests, in SQLite.
//!
//! One connection is used by one blocking task at a time, so that the asynchronous workers never
//! wait for the disk. The server locks a database file exclusively.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::Mutex;

mod bookings;
mod counts;

pub(crate) use bookings::{Booking, BookingFilter, BookingTable};
pub(crate) use counts::RequestCount;

/// Identifies a database of this program, in SQLite's header.
const APPLICATION_ID: i64 = 0x6362_7362;
const SCHEMA_VERSION: i64 = 3;
const SCHEMA: &str = "
CREATE TABLE callback (
    id         TEXT PRIMARY KEY,
    service    TEXT NOT NULL,
    number     TEXT NOT NULL,
    desired    INTEGER NOT NULL,
    scheduled  INTEGER NOT NULL,
    queued     INTEGER NOT NULL,
    routing    INTEGER NOT NULL,
    processing INTEGER NOT NULL,
    completed  INTEGER NOT NULL,
    state      TEXT,
    reason     TEXT,
    data       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT;
CREATE TABLE request_count (
    operation TEXT NOT NULL,
    subject   TEXT NOT NULL,
    received  INTEGER NOT NULL,
    done      INTEGER NOT NULL,
    PRIMARY KEY (operation, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX callback_by_time ON callback (service, desired);
CREATE INDEX callback_by_number ON callback (number);
CREATE INDEX callback_alive ON callback (service, completed);
CREATE INDEX callback_by_creation ON callback (service, created);
CREATE INDEX callback_newest ON callback (created);
";

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(
        "the database {} is in use by another process: stop it or choose another file", .0.display()
    )]
    InUse(PathBuf),
    #[error(
        "{} is not a database of this version of callback-sandbox: choose another file", .0.display()
    )]
    Foreign(PathBuf),
    #[error("cannot open the database {}: {source}", file.display())]
    Open {
        file: PathBuf,
        source: rusqlite::Error,
    },
    #[error("the database failed: {0}")]
    Failed(#[from] rusqlite::Error),
    /// Nothing is written then: the transaction is rolled back.
    #[error("internal error: a database task panicked")]
    Panicked,
    #[error("the server is stopping")]
    Stopping,
}

#[derive(Clone, Debug)]
pub(crate) struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens a file, or a store in memory.
    pub(crate) fn open(file: Option<&Path>) -> Result<Store, StoreError> {
        let connection = match file {
            None => {
                let mut connection = Connection::open_in_memory()?;
                create(&mut connection)?;
                connection
            }
            Some(file) => open_file(file).map_err(|error| explain(file, error))?,
        };
        Ok(Store {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs `work` in one transaction and commits it if the work succeeds. No other task reads or
    /// writes in the meantime.
    pub(crate) async fn transact<T, E>(
        &self,
        work: impl FnOnce(&BookingTable) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        let run = move || {
            let failed = |error| E::from(StoreError::Failed(error));
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            let result = work(&BookingTable::new(&transaction))?;
            transaction.commit().map_err(failed)?;
            Ok(result)
        };
        tokio::task::spawn_blocking(run)
            .await
            .unwrap_or_else(|error| {
                let error = if error.is_panic() {
                    StoreError::Panicked
                } else {
                    StoreError::Stopping
                };
                Err(error.into())
            })
    }
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI a name such as `file:x` is a plain name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    create(&mut connection)?;
    Ok(connection)
}

/// Creates the tables in an empty database. Fails with `SQLITE_NOTADB` for a foreign one.
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    } else if application != APPLICATION_ID || version != SCHEMA_VERSION {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    transaction.commit()
}

fn explain(file: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::InUse(file.to_owned())
        }
        Some(ErrorCode::NotADatabase) => StoreError::Foreign(file.to_owned()),
        _ => StoreError::Open {
            file: file.to_owned(),
            source: error,
        },
    }
}
