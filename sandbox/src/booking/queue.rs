//! The queue of a service: its callbacks, their positions and the estimated wait.

use jiff::Timestamp;

use super::{saturating_u32, BookingError, BookingService};
use crate::config::Service;
use crate::domain::lifecycle::CallbackState;
use crate::store::{Booking, BookingFilter};

/// The position of a callback in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Counts from 1; 0 for a callback that has left the queue.
    pub(crate) rank: u32,
    /// The length of the queue.
    pub(crate) queued: u32,
    /// In seconds.
    pub(crate) estimated_wait: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueStatus {
    /// The wait of a new caller in seconds. `None` before the first call and without agents.
    pub(crate) estimated_wait: Option<u32>,
    pub(crate) staffed: bool,
    pub(crate) open: bool,
}

impl BookingService {
    /// The position of a callback in the queue of its service.
    pub(crate) async fn position(
        &self,
        booking: &Booking,
        now: Timestamp,
    ) -> Result<Position, BookingError> {
        let service = self.service(&booking.service)?;
        let queued = self.queued(&booking.service, now).await?;
        let index = queued.iter().position(|other| other.id == booking.id);
        let rank = saturating_u32(index.map_or(0, |index| index + 1));
        Ok(Position {
            rank,
            queued: saturating_u32(queued.len()),
            estimated_wait: estimate(service, rank).unwrap_or(0),
        })
    }

    pub(crate) async fn queue_status(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<QueueStatus, BookingError> {
        let service = self.service(name)?;
        let queued = saturating_u32(self.queued(name, now).await?.len());
        let key = name.to_owned();
        let total = self.with_service(name, move |table, _| Ok(table.count(&key)?));
        let has_calls = total.await? > 0;
        Ok(QueueStatus {
            estimated_wait: estimate(service, queued).filter(|_| has_calls),
            staffed: service.options.agents > 0,
            open: service.calendar.slot_at(now).is_some(),
        })
    }

    /// The service with a virtual queue of this name, else the service of this name.
    pub(crate) fn service_of_queue(&self, queue: &str) -> Option<&str> {
        let services = &self.config.services;
        let by_queue = services
            .iter()
            .find(|(_, service)| service.options.virtual_queue.as_deref() == Some(queue));
        by_queue
            .or_else(|| services.get_key_value(queue))
            .map(|(name, _)| name.as_str())
    }

    async fn queued(&self, service: &str, now: Timestamp) -> Result<Vec<Booking>, BookingError> {
        let filter = BookingFilter {
            service: Some(service.to_owned()),
            alive_at: Some(now),
            ..BookingFilter::default()
        };
        let mut bookings = self.select(filter).await?;
        bookings.retain(|booking| booking.state(now) == CallbackState::Queued);
        Ok(bookings)
    }
}

/// The wait in seconds behind `before` callbacks. `None` without agents.
fn estimate(service: &Service, before: u32) -> Option<u32> {
    let per_call = service.stages.routing + service.stages.processing;
    let per_call = u32::try_from(per_call.as_secs()).unwrap_or(u32::MAX);
    before
        .saturating_mul(per_call)
        .checked_div(service.options.agents)
}
