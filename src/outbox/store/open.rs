//! Opening an outbox file: only one that is empty, or that is an outbox.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::failure::Failure;
use crate::outbox::clock::{FileClock, Now, SystemTimes};
use crate::process::sys;

/// Marks the files of this library: "cbob".
const APPLICATION_ID: i32 = 0x6362_6f62;

/// Each makes the schema of the next version from that of the one before; version 0 is empty.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// What a section does with the file.
#[derive(Clone, Copy, PartialEq)]
pub enum Access {
    Read,
    Write,
    /// Outside a transaction.
    Maintenance,
}

/// A part that uses the file.
pub type Section<'a> = dyn FnMut(&Connection, Now) -> rusqlite::Result<()> + 'a;

/// An open file.
pub struct OpenFile {
    pub connection: Connection,
    pub clock: FileClock,
    identity: Option<(u64, u64)>,
}

impl OpenFile {
    /// Opens a file, and creates it if it is missing. Waits for locks at most `wait`.
    pub fn open(file: &Path, times: &SystemTimes, wait: Duration) -> Result<OpenFile, Failure> {
        create_private(file)?;
        let mut connection = Connection::open_with_flags(
            file,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(wait)?;
        let version = check_identity(&connection)?;
        set_up(&connection)?;
        let clock = read_or_prepare(&mut connection, version, times)?;
        Ok(OpenFile {
            connection,
            clock,
            identity: sys::file_identity(file),
        })
    }

    /// Runs a section, in a transaction that is durable when a writing one returns `Ok`. Waits for
    /// locks at most `wait`.
    pub fn run(
        &mut self,
        access: Access,
        wait: Duration,
        times: &SystemTimes,
        section: &mut Section,
    ) -> Result<(), Failure> {
        self.connection.busy_timeout(wait)?;
        let now = self.clock.now(times);
        let behavior = match access {
            // All statements read the same state.
            Access::Read => TransactionBehavior::Deferred,
            Access::Write => TransactionBehavior::Immediate,
            Access::Maintenance => return Ok(section(&self.connection, now)?),
        };
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        section(&transaction, now)?;
        let mut clock = self.clock.clone();
        if access == Access::Write && clock.is_old(times) {
            clock.record(&transaction, times)?;
        }
        transaction.commit()?;
        self.clock = clock;
        Ok(())
    }

    /// Whether the path still leads to this file.
    pub fn is_at(&self, file: &Path) -> bool {
        self.identity.is_some() && self.identity == sys::file_identity(file)
    }

    /// Closes the file without writing to it.
    pub fn close_quickly(self) {
        let _ = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// Creates a missing file, on Unix for its owner only, whatever the umask; SQLite gives its other
/// files the same mode. On Windows, a file has the access rights of its directory.
fn create_private(file: &Path) -> Result<(), Failure> {
    match fs::metadata(file) {
        Ok(present) if present.is_dir() => {
            return Err(Failure::Refused("is a directory".to_owned()));
        }
        Ok(present) if !present.is_file() => {
            return Err(Failure::Refused("is not a regular file".to_owned()));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    match options.open(file) {
        // Nobody can have a lock on a new file yet, which closing it here would release.
        Ok(created) => Ok(make_private(&created)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // SQLite says what is wrong with a file that exists.
        Err(error) if fs::metadata(file).is_ok() => {
            drop(error);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The mode of a file that only its owner reads and writes.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(PRIVATE))
}

#[cfg(windows)]
fn make_private(_: &File) -> io::Result<()> {
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Refuses the file of another program, and that of a newer version of this library.
fn check_identity(connection: &Connection) -> Result<i32, Failure> {
    let (application, version) = (
        pragma(connection, "application_id")?,
        pragma(connection, "user_version")?,
    );
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, 1..) if version as usize <= MIGRATIONS.len() => Ok(version),
        (APPLICATION_ID, _) => Err(Failure::Refused(format!(
            "was written by a newer version of the library (schema {version}); it was not changed"
        ))),
        _ => Err(Failure::Refused(
            "is the database of another program; it was not changed".to_owned(),
        )),
    }
}

fn set_up(connection: &Connection) -> Result<(), Failure> {
    for (name, value) in [
        ("synchronous", "FULL"),
        ("secure_delete", "ON"),
        ("temp_store", "MEMORY"),
        ("trusted_schema", "OFF"),
    ] {
        // The second one answers with its new value.
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .or_else(no_row)?;
    }
    Ok(())
}

fn no_row(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    }
}

/// Reads the file's clock. Only a file that is new, old, or was not used for a while is written.
fn read_or_prepare(
    connection: &mut Connection,
    version: i32,
    times: &SystemTimes,
) -> Result<FileClock, Failure> {
    if version as usize == MIGRATIONS.len() {
        let clock = FileClock::read(connection)?.filter(|clock| !clock.is_old(times));
        if let Some(clock) = clock {
            set_journal_mode(connection)?;
            return Ok(clock);
        }
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    migrate(&transaction, MIGRATIONS)?;
    let clock = FileClock::open(&transaction, times)?;
    transaction.commit()?;
    set_journal_mode(connection)?;
    Ok(clock)
}

fn set_journal_mode(connection: &Connection) -> Result<(), Failure> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(Failure::Refused(
        "is on a file system that cannot hold an outbox: use a local one".to_owned(),
    ))
}

fn migrate(transaction: &Transaction, migrations: &[&str]) -> Result<(), Failure> {
    // Read again, since another process may have migrated it meanwhile.
    let version = check_identity(transaction)? as usize;
    for migration in migrations.iter().skip(version) {
        transaction.execute_batch(migration)?;
    }
    if version < migrations.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
    }
    Ok(())
}
