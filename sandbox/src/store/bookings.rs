//! The table as the rules see it, inside one transaction.

use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{params, params_from_iter, OptionalExtension, Result, Row, Transaction};

use crate::domain::calendar::Slot;
use crate::domain::lifecycle::{CallbackState, Lifecycle};

const COLUMNS: &str =
    "id, service, number, desired, scheduled, queued, routing, processing, completed, state, reason, data, created, expires";

/// One booking. Times are kept in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The id that the client got.
    pub(crate) id: String,
    /// The service it belongs to.
    pub(crate) service: String,
    /// The number to call.
    pub(crate) number: String,
    /// When to call.
    pub(crate) desired: Timestamp,
    /// True for a booked slot, false for "as soon as possible".
    pub(crate) scheduled: bool,
    /// When it changes its state by itself.
    pub(crate) lifecycle: Lifecycle,
    /// The state that somebody has given it, in place of what its lifecycle says.
    pub(crate) given: Option<CallbackState>,
    /// Why it is over, if it did not end by itself.
    pub(crate) reason: Option<String>,
    /// Everything else the client sent, as JSON text.
    pub(crate) data: String,
    /// When it was booked.
    pub(crate) created: Timestamp,
    /// When it may be forgotten.
    pub(crate) expires: Timestamp,
}

impl Record {
    /// Its state at a moment.
    pub(crate) fn state(&self, now: Timestamp) -> CallbackState {
        self.given.unwrap_or_else(|| self.lifecycle.state(now))
    }
}

/// Which records are wanted; what is absent does not matter.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Of a service.
    pub(crate) service: Option<String>,
    /// For a number.
    pub(crate) number: Option<String>,
    /// Desired within a stretch.
    pub(crate) desired: Option<Slot>,
    /// Not over at a moment.
    pub(crate) alive_at: Option<Timestamp>,
}

/// The table inside one transaction.
pub(crate) struct Ledger<'a>(&'a Transaction<'a>);

impl<'a> Ledger<'a> {
    /// The table as a transaction sees it.
    pub(crate) fn new(transaction: &'a Transaction<'a>) -> Ledger<'a> {
        Ledger(transaction)
    }

    /// Adds a record.
    pub(crate) fn insert(&self, record: &Record) -> Result<()> {
        self.write(record, "")
    }

    /// Puts a record in the place of the one with the same id, which keeps its place among those of the same time.
    pub(crate) fn update(&self, record: &Record) -> Result<()> {
        let columns = COLUMNS
            .split(", ")
            .map(|column| format!("{column} = excluded.{column}"));
        let columns: Vec<String> = columns.collect();
        self.write(
            record,
            &format!("ON CONFLICT (id) DO UPDATE SET {}", columns.join(", ")),
        )
    }

    fn write(&self, record: &Record, conflict: &str) -> Result<()> {
        let marks = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
        let text = format!("INSERT INTO callback ({COLUMNS}) VALUES ({marks}) {conflict}");
        let mut statement = self.0.prepare_cached(&text)?;
        let Lifecycle {
            queued,
            routing,
            processing,
            completed,
        } = record.lifecycle;
        let written = statement.execute(params![
            record.id,
            record.service,
            record.number,
            record.desired.as_millisecond(),
            record.scheduled,
            queued.as_millisecond(),
            routing.as_millisecond(),
            processing.as_millisecond(),
            completed.as_millisecond(),
            record.given.map(CallbackState::name),
            record.reason,
            record.data,
            record.created.as_millisecond(),
            record.expires.as_millisecond(),
        ]);
        written.map(drop)
    }

    /// The record with an id.
    pub(crate) fn get(&self, id: &str) -> Result<Option<Record>> {
        let mut statement = self
            .0
            .prepare_cached(&format!("SELECT {COLUMNS} FROM callback WHERE id = ?1"))?;
        statement.query_row([id], record).optional()
    }

    /// The selected records, by desired time.
    pub(crate) fn select(&self, selection: &Selection) -> Result<Vec<Record>> {
        let mut conditions = Vec::new();
        let mut values: Vec<Sql> = Vec::new();
        let mut add = |condition, value: Sql| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(service) = &selection.service {
            add("service = ?", service.clone().into());
        }
        if let Some(number) = &selection.number {
            add("number = ?", number.clone().into());
        }
        if let Some(desired) = selection.desired {
            let (from, to) = bounds(desired);
            add("desired >= ?", from.into());
            add("desired < ?", to.into());
        }
        if let Some(now) = selection.alive_at {
            add("completed > ?", now.as_millisecond().into());
        }
        let condition = if conditions.is_empty() {
            "1".to_owned()
        } else {
            conditions.join(" AND ")
        };
        let text =
            format!("SELECT {COLUMNS} FROM callback WHERE {condition} ORDER BY desired, rowid");
        let mut statement = self.0.prepare_cached(&text)?;
        let rows = statement.query_map(params_from_iter(values), record)?;
        rows.collect()
    }

    /// How many places of a slot are taken, not counting one booking.
    pub(crate) fn taken(&self, service: &str, slot: Slot, except: &str) -> Result<u32> {
        let (from, to) = bounds(slot);
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback
             WHERE service = ?1 AND desired >= ?2 AND desired < ?3 AND scheduled = 1 AND reason IS NULL AND id <> ?4",
        )?;
        statement.query_row(params![service, from, to, except], |row| row.get(0))
    }

    /// The times of the scheduled bookings of a service within a stretch, in ascending order.
    pub(crate) fn booked(&self, service: &str, stretch: Slot) -> Result<Vec<Timestamp>> {
        let (from, to) = bounds(stretch);
        let mut statement = self.0.prepare_cached(
            "SELECT desired FROM callback
             WHERE service = ?1 AND desired >= ?2 AND desired < ?3 AND scheduled = 1 AND reason IS NULL
             ORDER BY desired",
        )?;
        let rows = statement.query_map(params![service, from, to], |row| row.get(0))?;
        rows.map(|row| row.map(from_milliseconds)).collect()
    }

    /// Bookings of a service since a moment that were due soon when they were made, cancelled ones included.
    pub(crate) fn due_soon_since(&self, service: &str, since: Timestamp) -> Result<u32> {
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback WHERE service = ?1 AND created > ?2 AND queued <= created",
        )?;
        statement.query_row(params![service, since.as_millisecond()], |row| row.get(0))
    }

    /// The same, as records.
    pub(crate) fn records_due_soon_since(
        &self,
        service: &str,
        since: Timestamp,
    ) -> Result<Vec<Record>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM callback WHERE service = ?1 AND created >= ?2 AND queued <= created"
        ))?;
        let rows = statement.query_map(params![service, since.as_millisecond()], record)?;
        rows.collect()
    }

    /// How many bookings a service has ever had.
    pub(crate) fn count(&self, service: &str) -> Result<u32> {
        let mut statement = self
            .0
            .prepare_cached("SELECT count(*) FROM callback WHERE service = ?1")?;
        statement.query_row([service], |row| row.get(0))
    }

    /// The records that were made last, the newest first.
    pub(crate) fn newest(&self, most: u32) -> Result<Vec<Record>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM callback ORDER BY created DESC, rowid DESC LIMIT ?1"
        ))?;
        let rows = statement.query_map([most], record)?;
        rows.collect()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> Result<()> {
        self.0.execute("DELETE FROM callback", []).map(drop)
    }
}

fn record(row: &Row) -> Result<Record> {
    let moment = |index| row.get(index).map(from_milliseconds);
    let given: Option<String> = row.get(9)?;
    Ok(Record {
        id: row.get(0)?,
        service: row.get(1)?,
        number: row.get(2)?,
        desired: moment(3)?,
        scheduled: row.get(4)?,
        lifecycle: Lifecycle {
            queued: moment(5)?,
            routing: moment(6)?,
            processing: moment(7)?,
            completed: moment(8)?,
        },
        given: given.and_then(|name| CallbackState::from_name(&name)),
        reason: row.get(10)?,
        data: row.get(11)?,
        created: moment(12)?,
        expires: moment(13)?,
    })
}

fn bounds(stretch: Slot) -> (i64, i64) {
    (stretch.start.as_millisecond(), stretch.end.as_millisecond())
}

/// Only what `write` wrote is read, so the range of a moment cannot be left.
fn from_milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreError};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hour() -> Slot {
        Slot {
            start: at("2030-01-07T10:00:00Z"),
            end: at("2030-01-07T11:00:00Z"),
        }
    }

    fn record(id: &str, desired: &str, scheduled: bool) -> Record {
        let desired = at(desired);
        Record {
            id: id.to_owned(),
            service: "samples".to_owned(),
            number: "1".to_owned(),
            desired,
            scheduled,
            lifecycle: Lifecycle {
                queued: desired,
                routing: desired,
                processing: desired,
                completed: desired,
            },
            given: None,
            reason: None,
            data: "{}".to_owned(),
            created: desired,
            expires: desired,
        }
    }

    async fn run<T: Send + 'static>(
        store: &Store,
        work: impl FnOnce(&Ledger) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, StoreError> {
        store
            .transact(move |ledger| work(ledger).map_err(StoreError::from))
            .await
    }

    #[tokio::test]
    async fn only_scheduled_and_living_bookings_of_the_service_take_places() {
        let store = Store::open(None).unwrap();
        let mut other = record("a", "2030-01-07T10:00:00Z", true);
        other.service = "support".to_owned();
        let mut cancelled = record("f", "2030-01-07T10:00:00Z", true);
        cancelled.reason = Some("CANCELLED".to_owned());
        let records = [
            other,
            cancelled,
            record("b", "2030-01-07T09:59:59.999Z", true),
            record("c", "2030-01-07T11:00:00Z", true),
            record("d", "2030-01-07T10:00:00Z", false),
            record("e", "2030-01-07T10:59:59.999Z", true),
        ];
        run(&store, move |ledger| {
            records.iter().try_for_each(|record| ledger.insert(record))
        })
        .await
        .unwrap();
        let booked = run(&store, |ledger| ledger.booked("samples", hour()))
            .await
            .unwrap();
        assert_eq!(booked, [at("2030-01-07T10:59:59.999Z")]);
        let taken = |except: &'static str| {
            run(&store, move |ledger| {
                ledger.taken("samples", hour(), except)
            })
        };
        assert_eq!(taken("").await.unwrap(), 1);
        assert_eq!(taken("e").await.unwrap(), 0);
    }

    #[tokio::test]
    async fn records_come_back_as_they_were() {
        let store = Store::open(None).unwrap();
        let mut written = record("a", "2030-01-07T10:00:00.123Z", true);
        written.given = Some(CallbackState::Paused);
        let copy = written.clone();
        run(&store, move |ledger| ledger.insert(&copy))
            .await
            .unwrap();
        let read = run(&store, |ledger| ledger.get("a"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        assert!(run(&store, |ledger| ledger.get("b"))
            .await
            .unwrap()
            .is_none());
        let selected = run(&store, |ledger| {
            ledger.select(&Selection {
                number: Some("1".to_owned()),
                desired: Some(hour()),
                ..Selection::default()
            })
        });
        assert_eq!(selected.await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_failed_transaction_leaves_nothing_and_the_store_usable() {
        let store = Store::open(None).unwrap();
        let twice = || record("a", "2030-01-07T10:00:00Z", true);
        let first = twice();
        run(&store, move |ledger| ledger.insert(&first))
            .await
            .unwrap();
        let failed = run(&store, move |ledger| {
            ledger.insert(&record("b", "2030-01-07T10:00:00Z", true))?;
            ledger.insert(&twice())
        });
        assert!(matches!(failed.await, Err(StoreError::Failed(_))));
        assert_eq!(
            run(&store, |ledger| ledger.count("samples")).await.unwrap(),
            1
        );
    }
}
