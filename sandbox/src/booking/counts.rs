//! Counting the requests whose operations must not be sent twice.

use super::{BookingError, BookingService};
use crate::store::RequestCount;

impl BookingService {
    /// Counts a request that was received, once for each of its subjects.
    pub(crate) async fn count_received(
        &self,
        operation: &'static str,
        subjects: Vec<String>,
    ) -> Result<(), BookingError> {
        if subjects.is_empty() {
            return Ok(());
        }
        self.store
            .transact(move |table| {
                let mut subjects = subjects.iter();
                Ok(subjects.try_for_each(|subject| table.count_received(operation, subject))?)
            })
            .await
    }

    /// Counts a request that was carried out and changed no booking.
    pub(crate) async fn count_done(
        &self,
        operation: &'static str,
        subject: String,
    ) -> Result<(), BookingError> {
        self.store
            .transact(move |table| Ok(table.count_done(operation, &subject)?))
            .await
    }

    /// The counts by operation and subject. `None` matches everything.
    pub(crate) async fn request_counts(
        &self,
        operation: Option<String>,
        subject: Option<String>,
    ) -> Result<Vec<RequestCount>, BookingError> {
        self.store
            .transact(move |table| {
                Ok(table.request_counts(operation.as_deref(), subject.as_deref())?)
            })
            .await
    }
}
