//! What a failure of SQLite means for the caller.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::Error;
use crate::status::Status;

/// Why a file cannot be used.
#[derive(Debug)]
pub enum Failure {
    /// Another process holds the lock.
    Busy,
    /// The file is not what is expected, in words.
    Refused(String),
    /// SQLite reports a failure.
    Sqlite(rusqlite::Error),
    /// The system reports a failure.
    System(std::io::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Failure::Busy,
            _ => Failure::Sqlite(error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::System(error)
    }
}

impl Failure {
    /// Whether a new connection could help.
    pub fn spoils_connection(&self) -> bool {
        match self {
            Failure::Busy => false,
            Failure::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation)
            ),
            Failure::Refused(_) | Failure::System(_) => true,
        }
    }

    /// The error for the caller. SQLite's own words may quote what a statement holds, and stay out.
    pub fn into_error(self, file: &Path) -> Error {
        let (what, retryable) = match self {
            Failure::Busy => ("is locked by another process; try again".to_owned(), true),
            Failure::Refused(what) => (what, false),
            Failure::System(error) => (format!("cannot be opened: {error}"), false),
            Failure::Sqlite(error) => sqlite_words(&error),
        };
        let message = format!("outbox.file {} {what}", file.display());
        Error::new(Status::Storage, message).retryable(retryable)
    }
}

fn sqlite_words(error: &rusqlite::Error) -> (String, bool) {
    let Some(sqlite) = error.sqlite_error() else {
        return (
            "holds values that are not those of an outbox; it was not changed".to_owned(),
            false,
        );
    };
    let extended = sqlite.extended_code;
    let (what, retryable) = match sqlite.code {
        ErrorCode::DiskFull => ("cannot be written: the disk is full", true),
        ErrorCode::NotADatabase => ("is not an SQLite database; it was not changed", false),
        ErrorCode::DatabaseCorrupt => ("is damaged: restore it, or name another file", false),
        ErrorCode::ReadOnly => ("cannot be written: file, directory or file system is read-only", false),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            ("cannot be opened: permission denied", false)
        }
        ErrorCode::CannotOpen => (
            "cannot be opened: check that it is a file, and that the directory exists and can be written",
            false,
        ),
        ErrorCode::OutOfMemory => ("cannot be used: out of memory", true),
        ErrorCode::SystemIoFailure => ("cannot be read or written: the system reports an error", true),
        _ => ("cannot be used", false),
    };
    (format!("{what} (SQLite code {extended})"), retryable)
}
