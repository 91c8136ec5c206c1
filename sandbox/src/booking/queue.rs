//! The queue: who waits, where, and for how long.

use jiff::Timestamp;

use super::{Desk, Refusal};
use crate::config::Service;
use crate::domain::lifecycle::CallbackState;
use crate::store::{Record, Selection};

/// Where a callback stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// From 1 on; 0 for one that waits no more.
    pub(crate) place: u32,
    /// How many wait in all.
    pub(crate) waiting: u32,
    /// Seconds until an agent is free.
    pub(crate) estimated_wait: u32,
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueStatus {
    /// Seconds that a new caller waits; `None` when nobody has called yet or nobody works.
    pub(crate) estimated_wait: Option<u32>,
    /// Whether anybody works.
    pub(crate) staffed: bool,
    /// Whether the office is open.
    pub(crate) open: bool,
}

impl Desk {
    /// The position of a callback among those of its service.
    pub(crate) async fn position(
        &self,
        record: &Record,
        now: Timestamp,
    ) -> Result<Position, Refusal> {
        let service = self.service(&record.service)?;
        let waiting = self.waiting(&record.service, now).await?;
        let before = waiting.iter().position(|other| other.id == record.id);
        let place = before.map_or(0, |before| before + 1);
        Ok(Position {
            place: count(place),
            waiting: count(waiting.len()),
            estimated_wait: estimate(service, count(place)).unwrap_or(0),
        })
    }

    /// How a service's queue stands for a new caller.
    pub(crate) async fn queue_status(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<QueueStatus, Refusal> {
        let service = self.service(name)?;
        let waiting = self.waiting(name, now).await?;
        let ever = self.with_service(name, {
            let name = name.to_owned();
            move |ledger, _| Ok(ledger.count(&name)?)
        });
        let called = ever.await? > 0;
        Ok(QueueStatus {
            estimated_wait: estimate(service, count(waiting.len())).filter(|_| called),
            staffed: service.agents > 0,
            open: service.calendar.slot_at(now).is_some(),
        })
    }

    /// The service whose callers wait in a queue: by the queue's name, or by its own.
    pub(crate) fn service_of_queue(&self, queue: &str) -> Option<&str> {
        let services = &self.settings.services;
        let named = services
            .iter()
            .find(|(_, service)| service.virtual_queue.as_deref() == Some(queue));
        named
            .or_else(|| services.get_key_value(queue))
            .map(|(name, _)| name.as_str())
    }

    async fn waiting(&self, service: &str, now: Timestamp) -> Result<Vec<Record>, Refusal> {
        let selection = Selection {
            service: Some(service.to_owned()),
            alive_at: Some(now),
            ..Selection::default()
        };
        let mut records = self.select(selection).await?;
        records.retain(|record| record.state(now) == CallbackState::Queued);
        Ok(records)
    }
}

/// `None` when nobody works.
fn estimate(service: &Service, before: u32) -> Option<u32> {
    let each = service.stages.routing + service.stages.processing;
    let each = u32::try_from(each.as_secs()).unwrap_or(u32::MAX);
    Some(before.saturating_mul(each) / Some(service.agents).filter(|agents| *agents > 0)?)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
