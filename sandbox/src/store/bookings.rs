//! The table of bookings, inside one transaction.

use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{params, params_from_iter, OptionalExtension, Result, Row, Transaction};

use crate::domain::calendar::Interval;
use crate::domain::lifecycle::{CallbackState, Lifecycle};

const COLUMNS: &str =
    "id, service, number, desired, scheduled, queued, routing, processing, completed, state, reason, data, created, expires";

/// Times are stored in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) number: String,
    pub(crate) desired: Timestamp,
    /// Whether a slot is booked; false means as soon as possible.
    pub(crate) scheduled: bool,
    pub(crate) lifecycle: Lifecycle,
    /// Overrides the state that follows from the lifecycle.
    pub(crate) forced_state: Option<CallbackState>,
    /// Why the callback was cancelled.
    pub(crate) reason: Option<String>,
    /// All other members of the request, as JSON.
    pub(crate) data: String,
    pub(crate) created: Timestamp,
    /// Reported to clients; nothing is deleted then.
    pub(crate) expires: Timestamp,
}

impl Booking {
    pub(crate) fn state(&self, now: Timestamp) -> CallbackState {
        self.forced_state
            .unwrap_or_else(|| self.lifecycle.state(now))
    }
}

/// `None` matches everything.
#[derive(Debug, Default)]
pub(crate) struct BookingFilter {
    pub(crate) id: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) number: Option<String>,
    /// Contains the desired time.
    pub(crate) desired: Option<Interval>,
    /// Not completed at this time.
    pub(crate) alive_at: Option<Timestamp>,
}

pub(crate) struct BookingTable<'a>(pub(super) &'a Transaction<'a>);

impl<'a> BookingTable<'a> {
    pub(crate) fn new(transaction: &'a Transaction<'a>) -> BookingTable<'a> {
        BookingTable(transaction)
    }

    pub(crate) fn insert(&self, booking: &Booking) -> Result<()> {
        self.write(booking, "")
    }

    /// Replaces the booking with the same id, which keeps its order among those of the same time.
    pub(crate) fn update(&self, booking: &Booking) -> Result<()> {
        let columns = COLUMNS
            .split(", ")
            .map(|column| format!("{column} = excluded.{column}"));
        let columns: Vec<String> = columns.collect();
        self.write(
            booking,
            &format!("ON CONFLICT (id) DO UPDATE SET {}", columns.join(", ")),
        )
    }

    fn write(&self, booking: &Booking, conflict: &str) -> Result<()> {
        let placeholders = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
        let text = format!("INSERT INTO callback ({COLUMNS}) VALUES ({placeholders}) {conflict}");
        let mut statement = self.0.prepare_cached(&text)?;
        let Lifecycle {
            queued,
            routing,
            processing,
            completed,
        } = booking.lifecycle;
        let written = statement.execute(params![
            booking.id,
            booking.service,
            booking.number,
            booking.desired.as_millisecond(),
            booking.scheduled,
            queued.as_millisecond(),
            routing.as_millisecond(),
            processing.as_millisecond(),
            completed.as_millisecond(),
            booking.forced_state.map(CallbackState::name),
            booking.reason,
            booking.data,
            booking.created.as_millisecond(),
            booking.expires.as_millisecond(),
        ]);
        written.map(drop)
    }

    pub(crate) fn get(&self, id: &str) -> Result<Option<Booking>> {
        let mut statement = self
            .0
            .prepare_cached(&format!("SELECT {COLUMNS} FROM callback WHERE id = ?1"))?;
        statement.query_row([id], booking).optional()
    }

    /// The matching bookings, by desired time.
    pub(crate) fn select(&self, filter: &BookingFilter) -> Result<Vec<Booking>> {
        let mut conditions = Vec::new();
        let mut values: Vec<Sql> = Vec::new();
        let mut add = |condition, value: Sql| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(id) = &filter.id {
            add("id = ?", id.clone().into());
        }
        if let Some(service) = &filter.service {
            add("service = ?", service.clone().into());
        }
        if let Some(number) = &filter.number {
            add("number = ?", number.clone().into());
        }
        if let Some(desired) = filter.desired {
            let (from, to) = millis(desired);
            add("desired >= ?", from.into());
            add("desired < ?", to.into());
        }
        if let Some(now) = filter.alive_at {
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
        let rows = statement.query_map(params_from_iter(values), booking)?;
        rows.collect()
    }

    /// The scheduled bookings in a slot, except one.
    pub(crate) fn count_in_slot(&self, service: &str, slot: Interval, except: &str) -> Result<u32> {
        let (from, to) = millis(slot);
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback
             WHERE service = ?1 AND desired >= ?2 AND desired < ?3 AND scheduled = 1 AND reason IS NULL AND id <> ?4",
        )?;
        statement.query_row(params![service, from, to, except], |row| row.get(0))
    }

    /// The times of the scheduled bookings of a service in an interval, in ascending order.
    pub(crate) fn times_in(&self, service: &str, interval: Interval) -> Result<Vec<Timestamp>> {
        let (from, to) = millis(interval);
        let mut statement = self.0.prepare_cached(
            "SELECT desired FROM callback
             WHERE service = ?1 AND desired >= ?2 AND desired < ?3 AND scheduled = 1 AND reason IS NULL
             ORDER BY desired",
        )?;
        let rows = statement.query_map(params![service, from, to], |row| row.get(0))?;
        rows.map(|row| row.map(from_milliseconds)).collect()
    }

    /// Counts the bookings of a service after a time that were due soon when they were made,
    /// including cancelled ones.
    pub(crate) fn count_due_soon(&self, service: &str, since: Timestamp) -> Result<u32> {
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback WHERE service = ?1 AND created > ?2 AND queued <= created",
        )?;
        statement.query_row(params![service, since.as_millisecond()], |row| row.get(0))
    }

    /// The bookings of a service since a time that were due soon when they were made.
    pub(crate) fn due_soon(&self, service: &str, since: Timestamp) -> Result<Vec<Booking>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM callback WHERE service = ?1 AND created >= ?2 AND queued <= created"
        ))?;
        let rows = statement.query_map(params![service, since.as_millisecond()], booking)?;
        rows.collect()
    }

    /// The callbacks of a service that are queued at a time.
    pub(crate) fn count_queued(&self, service: &str, now: Timestamp) -> Result<u32> {
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback
             WHERE service = ?1 AND completed > ?2 AND queued <= ?2 AND routing > ?2 AND state IS NULL",
        )?;
        statement.query_row(params![service, now.as_millisecond()], |row| row.get(0))
    }

    /// The callbacks with a number, of all services, that are scheduled or queued at a time.
    pub(crate) fn count_waiting(&self, number: &str, now: Timestamp) -> Result<u32> {
        let mut statement = self.0.prepare_cached(
            "SELECT count(*) FROM callback
             WHERE number = ?1 AND completed > ?2 AND routing > ?2 AND state IS NULL",
        )?;
        statement.query_row(params![number, now.as_millisecond()], |row| row.get(0))
    }

    /// All bookings of a service.
    pub(crate) fn count(&self, service: &str) -> Result<u32> {
        let mut statement = self
            .0
            .prepare_cached("SELECT count(*) FROM callback WHERE service = ?1")?;
        statement.query_row([service], |row| row.get(0))
    }

    /// The latest bookings, newest first.
    pub(crate) fn recent(&self, limit: u32) -> Result<Vec<Booking>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM callback ORDER BY created DESC, rowid DESC LIMIT ?1"
        ))?;
        let rows = statement.query_map([limit], booking)?;
        rows.collect()
    }

    pub(crate) fn clear(&self) -> Result<()> {
        self.0
            .execute_batch("DELETE FROM callback; DELETE FROM request_count")
    }
}

fn booking(row: &Row) -> Result<Booking> {
    let time = |index| row.get(index).map(from_milliseconds);
    let forced_state: Option<String> = row.get(9)?;
    Ok(Booking {
        id: row.get(0)?,
        service: row.get(1)?,
        number: row.get(2)?,
        desired: time(3)?,
        scheduled: row.get(4)?,
        lifecycle: Lifecycle {
            queued: time(5)?,
            routing: time(6)?,
            processing: time(7)?,
            completed: time(8)?,
        },
        forced_state: forced_state.and_then(|name| CallbackState::from_name(&name)),
        reason: row.get(10)?,
        data: row.get(11)?,
        created: time(12)?,
        expires: time(13)?,
    })
}

fn millis(interval: Interval) -> (i64, i64) {
    (
        interval.start.as_millisecond(),
        interval.end.as_millisecond(),
    )
}

/// In range, because only `write` writes.
fn from_milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::{Store, StoreError};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hour() -> Interval {
        Interval {
            start: at("2030-01-07T10:00:00Z"),
            end: at("2030-01-07T11:00:00Z"),
        }
    }

    fn booking(id: &str, desired: &str, scheduled: bool) -> Booking {
        let desired = at(desired);
        Booking {
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
            forced_state: None,
            reason: None,
            data: "{}".to_owned(),
            created: desired,
            expires: desired,
        }
    }

    async fn run<T: Send + 'static>(
        store: &Store,
        work: impl FnOnce(&BookingTable) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, StoreError> {
        store
            .transact(move |table| work(table).map_err(StoreError::from))
            .await
    }

    #[tokio::test]
    async fn only_scheduled_and_active_bookings_take_capacity() {
        let store = Store::open(None).unwrap();
        let mut other = booking("a", "2030-01-07T10:00:00Z", true);
        other.service = "support".to_owned();
        let mut cancelled = booking("f", "2030-01-07T10:00:00Z", true);
        cancelled.reason = Some("CANCELLED".to_owned());
        let bookings = [
            other,
            cancelled,
            booking("b", "2030-01-07T09:59:59.999Z", true),
            booking("c", "2030-01-07T11:00:00Z", true),
            booking("d", "2030-01-07T10:00:00Z", false),
            booking("e", "2030-01-07T10:59:59.999Z", true),
        ];
        run(&store, move |table| {
            bookings
                .iter()
                .try_for_each(|booking| table.insert(booking))
        })
        .await
        .unwrap();
        let times_in = run(&store, |table| table.times_in("samples", hour()))
            .await
            .unwrap();
        assert_eq!(times_in, [at("2030-01-07T10:59:59.999Z")]);
        let count_in_slot = |except: &'static str| {
            run(&store, move |table| {
                table.count_in_slot("samples", hour(), except)
            })
        };
        assert_eq!(count_in_slot("").await.unwrap(), 1);
        assert_eq!(count_in_slot("e").await.unwrap(), 0);
    }

    #[tokio::test]
    async fn bookings_round_trip() {
        let store = Store::open(None).unwrap();
        let mut written = booking("a", "2030-01-07T10:00:00.123Z", true);
        written.forced_state = Some(CallbackState::Paused);
        let copy = written.clone();
        run(&store, move |table| table.insert(&copy)).await.unwrap();
        let read = run(&store, |table| table.get("a")).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        assert!(run(&store, |table| table.get("b")).await.unwrap().is_none());
        let selected = run(&store, |table| {
            table.select(&BookingFilter {
                number: Some("1".to_owned()),
                desired: Some(hour()),
                ..BookingFilter::default()
            })
        });
        assert_eq!(selected.await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn failed_transaction_is_rolled_back() {
        let store = Store::open(None).unwrap();
        let twice = || booking("a", "2030-01-07T10:00:00Z", true);
        let first = twice();
        run(&store, move |table| table.insert(&first))
            .await
            .unwrap();
        let failed = run(&store, move |table| {
            table.insert(&booking("b", "2030-01-07T10:00:00Z", true))?;
            table.insert(&twice())
        });
        assert!(matches!(failed.await, Err(StoreError::Failed(_))));
        assert_eq!(
            run(&store, |table| table.count("samples")).await.unwrap(),
            1
        );
    }

    #[tokio::test]
    async fn counts_agree_with_states() {
        let store = Store::open(None).unwrap();
        let seconds = |count: i64| at("2030-01-07T10:00:00Z") + SignedDuration::from_secs(count);
        let mut bookings = Vec::new();
        for (index, forced_state) in [
            None,
            None,
            Some(CallbackState::Paused),
            Some(CallbackState::Completed),
        ]
        .into_iter()
        .enumerate()
        {
            let mut booking = booking(&index.to_string(), "2030-01-07T10:00:00Z", true);
            let start = i64::try_from(index).unwrap();
            booking.lifecycle = Lifecycle {
                queued: seconds(start),
                routing: seconds(start + 3),
                processing: seconds(start + 4),
                completed: seconds(start + 9),
            };
            booking.forced_state = forced_state;
            bookings.push(booking);
        }
        let copies = bookings.clone();
        run(&store, move |table| {
            copies.iter().try_for_each(|booking| table.insert(booking))
        })
        .await
        .unwrap();
        for millis in (-1_000..15_000).step_by(250) {
            let now = seconds(0) + SignedDuration::from_millis(millis);
            let states: Vec<CallbackState> =
                bookings.iter().map(|booking| booking.state(now)).collect();
            let count = |wanted: &[CallbackState]| {
                states.iter().filter(|state| wanted.contains(state)).count() as u32
            };
            let queued = run(&store, move |table| table.count_queued("samples", now));
            assert_eq!(
                queued.await.unwrap(),
                count(&[CallbackState::Queued]),
                "{now}"
            );
            let waiting = run(&store, move |table| table.count_waiting("1", now)).await;
            let expected = count(&[CallbackState::Scheduled, CallbackState::Queued]);
            assert_eq!(waiting.unwrap(), expected, "{now}");
        }
    }

    #[tokio::test]
    async fn panic_is_reported_and_rolled_back() {
        let store = Store::open(None).unwrap();
        let failed = store.transact(|table| -> std::result::Result<(), StoreError> {
            table.insert(&booking("a", "2030-01-07T10:00:00Z", true))?;
            panic!("in a database task");
        });
        assert!(matches!(failed.await, Err(StoreError::Panicked)));
        let count = run(&store, |table| table.count("samples"));
        assert_eq!(count.await.unwrap(), 0);
    }
}
