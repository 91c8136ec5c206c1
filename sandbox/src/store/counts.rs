//! How often operations that must not be sent twice were requested and carried out.

use rusqlite::{params, Result};

use super::BookingTable;

/// The requests of one operation that concern the same callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestCount {
    pub(crate) operation: String,
    /// The id of the callback. A call-in request has the caller's number, else its group.
    pub(crate) subject: String,
    pub(crate) received: u32,
    pub(crate) done: u32,
}

impl BookingTable<'_> {
    /// Counts a request that was received.
    pub(crate) fn count_received(&self, operation: &str, subject: &str) -> Result<()> {
        self.add_to_count(operation, subject, 1, 0)
    }

    /// Counts a request that was carried out.
    pub(crate) fn count_done(&self, operation: &str, subject: &str) -> Result<()> {
        self.add_to_count(operation, subject, 0, 1)
    }

    fn add_to_count(&self, operation: &str, subject: &str, received: u32, done: u32) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO request_count (operation, subject, received, done) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (operation, subject) DO UPDATE
             SET received = received + excluded.received, done = done + excluded.done",
        )?;
        let written = statement.execute(params![operation, subject, received, done]);
        written.map(drop)
    }

    /// The counts by operation and subject. `None` matches everything.
    pub(crate) fn request_counts(
        &self,
        operation: Option<&str>,
        subject: Option<&str>,
    ) -> Result<Vec<RequestCount>> {
        let mut statement = self.0.prepare_cached(
            "SELECT operation, subject, received, done FROM request_count
             WHERE operation = ifnull(?1, operation) AND subject = ifnull(?2, subject)
             ORDER BY operation, subject",
        )?;
        let rows = statement.query_map(params![operation, subject], |row| {
            Ok(RequestCount {
                operation: row.get(0)?,
                subject: row.get(1)?,
                received: row.get(2)?,
                done: row.get(3)?,
            })
        })?;
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreError};

    #[tokio::test]
    async fn requests_are_counted_by_operation_and_subject() {
        let store = Store::open(None).unwrap();
        let counts = store.transact(|table| {
            table.count_received("cancel", "b")?;
            table.count_received("cancel", "a")?;
            table.count_done("cancel", "a")?;
            table.count_received("cancel", "a")?;
            table.count_received("reschedule", "a")?;
            let count = |operation: &str, subject: &str, received, done| RequestCount {
                operation: operation.to_owned(),
                subject: subject.to_owned(),
                received,
                done,
            };
            let expected = [
                count("cancel", "a", 2, 1),
                count("cancel", "b", 1, 0),
                count("reschedule", "a", 1, 0),
            ];
            assert_eq!(table.request_counts(None, None)?, expected);
            assert_eq!(table.request_counts(Some("cancel"), None)?, expected[..2]);
            assert_eq!(
                table.request_counts(Some("cancel"), Some("b"))?,
                expected[1..2]
            );
            table.clear()?;
            assert_eq!(table.request_counts(None, None)?, []);
            Ok::<_, StoreError>(())
        });
        counts.await.unwrap();
    }
}
