//! The bookings, in one SQLite table for both APIs.
//!
//! One connection, used by one blocking task at a time, so that the asynchronous workers
//! never wait for the disk. A file is held exclusively as long as the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{params, Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Mutex;

use crate::calendar::Slot;

/// Marks a file as one of this program's, in SQLite's header.
const APPLICATION_ID: i64 = 0x6362_7362;
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE callback (
    id        TEXT PRIMARY KEY,
    service   TEXT NOT NULL,
    number    TEXT NOT NULL,
    desired   INTEGER NOT NULL,
    scheduled INTEGER NOT NULL,
    state     TEXT NOT NULL,
    reason    TEXT,
    data      TEXT NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX callback_by_time ON callback (service, desired) WHERE scheduled = 1;
";

/// One booking. Times are kept in milliseconds.
#[derive(Debug)]
pub struct Record {
    /// The id that the client got.
    pub id: String,
    /// The service it belongs to.
    pub service: String,
    /// The number to call.
    pub number: String,
    /// When to call.
    pub desired: Timestamp,
    /// True for a booked slot, false for "as soon as possible".
    pub scheduled: bool,
    /// The state in the words of the APIs, such as `SCHEDULED`.
    pub state: &'static str,
    /// Everything else the client sent, as JSON text.
    pub data: String,
    /// When it was booked.
    pub created: Timestamp,
    /// When it may be forgotten.
    pub expires: Timestamp,
}

/// The places of a slot.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// The slot.
    pub slot: Slot,
    /// How many scheduled bookings it can hold.
    pub total: u32,
}

/// Why bookings cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error(
        "the database {} is in use by another process: stop it or choose another file", .0.display()
    )]
    InUse(PathBuf),
    /// The file holds something else.
    #[error(
        "{} is not a database of this version of callback-sandbox: choose another file", .0.display()
    )]
    Foreign(PathBuf),
    /// The file cannot be opened.
    #[error("cannot open the database {}: {source}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Reading or writing failed.
    #[error("the database failed: {0}")]
    Failed(#[from] rusqlite::Error),
    /// The server is going down.
    #[error("the server is stopping")]
    Stopping,
}

/// The bookings.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens a file, or a store in memory.
    pub fn open(file: Option<&Path>) -> Result<Store, StoreError> {
        let connection = match file {
            None => {
                let mut connection = Connection::open_in_memory()?;
                create(&mut connection)?;
                connection
            }
            Some(file) => open_file(file).map_err(|error| explain(file, error))?,
        };
        Ok(Store { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Adds a record. With `places`, only if the slot has one left: counting and adding are
    /// one transaction. Answers whether the record was added.
    pub async fn add(&self, record: Record, places: Option<Places>) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(places) = places {
                if taken(&transaction, &record.service, places.slot)? >= places.total {
                    return Ok(false);
                }
            }
            insert(&transaction, &record)?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    /// The times of the scheduled bookings of a service within a stretch, in ascending order.
    pub async fn booked(&self, service: String, stretch: Slot) -> Result<Vec<Timestamp>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT desired FROM callback
                 WHERE scheduled = 1 AND service = ?1 AND desired >= ?2 AND desired < ?3
                 ORDER BY desired",
            )?;
            let (from, to) = bounds(stretch);
            let rows = statement.query_map(params![service, from, to], |row| row.get(0))?;
            rows.map(|row| row.map(from_milliseconds)).collect()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        match tokio::task::spawn_blocking(move || work(&mut connection)).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(StoreError::Stopping),
        }
    }
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI: a name such as `file:x` is a name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    create(&mut connection)?;
    Ok(connection)
}

/// Creates the table in an empty database; the error of a foreign one is "not a database".
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], first)?;
    let application: i64 = transaction.query_row("PRAGMA application_id", [], first)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], first)?;
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
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse(file.to_owned()),
        Some(ErrorCode::NotADatabase) => StoreError::Foreign(file.to_owned()),
        _ => StoreError::Open { file: file.to_owned(), source: error },
    }
}

fn taken(transaction: &Transaction, service: &str, slot: Slot) -> rusqlite::Result<u32> {
    let (from, to) = bounds(slot);
    transaction
        .prepare_cached(
            "SELECT count(*) FROM callback
             WHERE scheduled = 1 AND service = ?1 AND desired >= ?2 AND desired < ?3",
        )?
        .query_row(params![service, from, to], first)
}

fn insert(transaction: &Transaction, record: &Record) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "INSERT INTO callback
             (id, service, number, desired, scheduled, state, data, created, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            record.id,
            record.service,
            record.number,
            record.desired.as_millisecond(),
            record.scheduled,
            record.state,
            record.data,
            record.created.as_millisecond(),
            record.expires.as_millisecond(),
        ])
}

fn first<T: rusqlite::types::FromSql>(row: &rusqlite::Row) -> rusqlite::Result<T> {
    row.get(0)
}

fn bounds(stretch: Slot) -> (i64, i64) {
    (stretch.start.as_millisecond(), stretch.end.as_millisecond())
}

/// Only what `insert` wrote is read, so the range of a moment cannot be left.
fn from_milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hour() -> Slot {
        Slot { start: at("2030-01-07T10:00:00Z"), end: at("2030-01-07T11:00:00Z") }
    }

    fn record(id: &str, desired: &str, scheduled: bool) -> Record {
        Record {
            id: id.to_owned(),
            service: "samples".to_owned(),
            number: "1".to_owned(),
            desired: at(desired),
            scheduled,
            state: "SCHEDULED",
            data: "{}".to_owned(),
            created: at(desired),
            expires: at(desired),
        }
    }

    #[tokio::test]
    async fn a_full_slot_takes_no_more() {
        let store = Store::open(None).unwrap();
        let places = Some(Places { slot: hour(), total: 1 });
        let add = |id, desired, scheduled| store.add(record(id, desired, scheduled), places);
        assert!(add("a", "2030-01-07T10:59:59.999Z", true).await.unwrap());
        assert!(!add("b", "2030-01-07T10:00:00Z", true).await.unwrap());
        let booked = store.booked("samples".to_owned(), hour()).await.unwrap();
        assert_eq!(booked, [at("2030-01-07T10:59:59.999Z")]);
    }

    #[tokio::test]
    async fn other_slots_services_and_immediate_bookings_do_not_count() {
        let store = Store::open(None).unwrap();
        let mut other = record("a", "2030-01-07T10:00:00Z", true);
        other.service = "support".to_owned();
        assert!(store.add(other, None).await.unwrap());
        let before = record("b", "2030-01-07T09:59:59.999Z", true);
        assert!(store.add(before, None).await.unwrap());
        let after = record("c", "2030-01-07T11:00:00Z", true);
        assert!(store.add(after, None).await.unwrap());
        let now = record("d", "2030-01-07T10:00:00Z", false);
        assert!(store.add(now, None).await.unwrap());
        let booked = store.booked("samples".to_owned(), hour()).await.unwrap();
        assert!(booked.is_empty());
    }

    #[tokio::test]
    async fn a_failed_transaction_leaves_the_store_usable() {
        let store = Store::open(None).unwrap();
        let twice = || record("a", "2030-01-07T10:00:00Z", true);
        assert!(store.add(twice(), None).await.unwrap());
        assert!(matches!(store.add(twice(), None).await, Err(StoreError::Failed(_))));
        let other = record("b", "2030-01-07T10:00:00Z", true);
        assert!(store.add(other, None).await.unwrap());
    }
}
