//! Looking into the file, and changing single entries at the application's request.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row};

use super::Store;
use crate::error::Result;
use crate::outbox::clock::Now;
use crate::outbox::entry::{Delivery, ListedEntry, Selection, Totals};

const COLUMNS: &str =
    "id, key, server, delivery, attempts, submitted_ms, due_at, desired_time, booking, error";

/// Why an entry was not changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// There is none.
    Missing,
    /// It is being sent.
    Sending,
    /// It is finished, and what would be sent is erased.
    Finished(Delivery),
}

impl Store {
    /// The entries that are selected, in the order in which they were submitted.
    pub fn list(&self, selection: &Selection, deadline: Instant) -> Result<Vec<ListedEntry>> {
        self.read(deadline, |connection, now| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM entry \
                 WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR key = ?2) \
                   AND (?3 IS NULL OR delivery = ?3) \
                 ORDER BY number LIMIT ?4"
            ))?;
            let delivery = selection.delivery.map(Delivery::name);
            let parameters = (&selection.id, &selection.key, delivery, selection.limit);
            let entries = statement.query_map(parameters, |row| listed(row, now))?;
            entries.collect()
        })
    }

    /// Has an entry sent again, although an earlier attempt may have made the booking. Returns the
    /// entry as it is then.
    pub fn resend(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<std::result::Result<ListedEntry, Refusal>> {
        self.change(
            id,
            deadline,
            "UPDATE entry SET delivery = 'waiting', due_at = ?2, lookups = -1 WHERE id = ?1",
        )
    }

    /// Removes an entry: it is not sent any more, and its key can be used again. Returns the entry
    /// as it was.
    pub fn forget(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<std::result::Result<ListedEntry, Refusal>> {
        self.change(
            id,
            deadline,
            "DELETE FROM entry WHERE id = ?1 AND ?2 IS NOT NULL",
        )
    }

    fn change(
        &self,
        id: &str,
        deadline: Instant,
        statement: &str,
    ) -> Result<std::result::Result<ListedEntry, Refusal>> {
        let is_removal = statement.starts_with("DELETE");
        let changed = self.write(deadline, |transaction, now| {
            let select = format!("SELECT {COLUMNS}, claim, finished_at FROM entry WHERE id = ?1");
            let mut select = transaction.prepare_cached(&select)?;
            let find = |row: &Row| {
                let is_claimed = row.get::<_, Option<i64>>(10)?.is_some();
                let is_finished = row.get::<_, Option<i64>>(11)?.is_some();
                Ok((listed(row, now)?, is_claimed, is_finished))
            };
            let Some((before, is_claimed, is_finished)) =
                select.query_row([id], find).optional()?
            else {
                return Ok(Err(Refusal::Missing));
            };
            if is_claimed {
                return Ok(Err(Refusal::Sending));
            }
            if is_finished && !is_removal {
                return Ok(Err(Refusal::Finished(before.delivery)));
            }
            transaction
                .prepare_cached(statement)?
                .execute((id, now.file_ms))?;
            let after = select.query_row([id], find).optional()?;
            Ok(Ok(after.map_or(before, |(after, _, _)| after)))
        });
        self.changed.notify_waiters();
        changed
    }

    /// The numbers of entries, and the size of the file.
    pub fn totals(&self, deadline: Instant) -> Result<Totals> {
        let mut totals = self.read(deadline, |connection, now| {
            let mut totals = Totals::default();
            let mut statement = connection
                .prepare_cached("SELECT delivery, count(*) FROM entry GROUP BY delivery")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                totals.entries[delivery(row, 0)? as usize] = row.get(1)?;
            }
            let oldest: Option<i64> = connection
                .prepare_cached("SELECT min(submitted_at) FROM entry WHERE finished_at IS NULL")?
                .query_row([], |row| row.get(0))?;
            totals.oldest_ms = oldest.map(|oldest| (now.file_ms - oldest).max(0));
            Ok(totals)
        })?;
        totals.bytes = size(&self.file) + size(&with_suffix(&self.file, "-wal"));
        Ok(totals)
    }
}

fn with_suffix(file: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// The state in a column.
pub fn delivery(row: &Row, column: usize) -> rusqlite::Result<Delivery> {
    let name: String = row.get(column)?;
    Delivery::from_name(&name).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(column, "delivery".to_owned(), Type::Text)
    })
}

fn listed(row: &Row, now: Now) -> rusqlite::Result<ListedEntry> {
    let due: Option<i64> = row.get(6)?;
    Ok(ListedEntry {
        id: row.get(0)?,
        key: row.get(1)?,
        server: row.get(2)?,
        delivery: delivery(row, 3)?,
        attempts: row.get(4)?,
        submitted_at: row.get(5)?,
        next_attempt_at: due.map(|due| now.wall_of(due)),
        desired_time: row.get(7)?,
        booking: row.get(8)?,
        error: row.get(9)?,
    })
}
