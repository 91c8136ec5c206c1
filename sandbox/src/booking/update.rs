//! Finding, cancelling and updating bookings.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{check_bounds, expiry, is_full, BookingError, BookingService, Reservation};
use crate::config::Service;
use crate::domain::lifecycle::{CallbackState, Lifecycle, Stages};
use crate::http::operation::RESCHEDULE;
use crate::store::{Booking, BookingFilter};

/// The changes to make to a booking.
#[derive(Debug, Default)]
pub(crate) struct BookingUpdate {
    pub(crate) desired: Option<Timestamp>,
    pub(crate) number: Option<String>,
    /// The state to continue from, or to stay in if it is paused or completed.
    pub(crate) state: Option<CallbackState>,
    /// Properties to replace; an empty string removes one.
    pub(crate) properties: Map<String, Value>,
}

impl BookingService {
    pub(crate) async fn find(&self, id: &str) -> Result<Booking, BookingError> {
        let id = id.to_owned();
        self.store
            .transact(move |table| table.get(&id)?.ok_or(BookingError::UnknownCallback(id)))
            .await
    }

    /// The matching bookings, by desired time.
    pub(crate) async fn select(&self, filter: BookingFilter) -> Result<Vec<Booking>, BookingError> {
        self.store
            .transact(move |table| Ok(table.select(&filter)?))
            .await
    }

    /// Cancels a callback that is not yet being talked to. With `service`, it must belong to it.
    /// The request is counted under `operation`.
    pub(crate) async fn cancel(
        &self,
        operation: &'static str,
        id: &str,
        service: Option<&str>,
        reason: &str,
    ) -> Result<(), BookingError> {
        let now = self.clock.now();
        let (id, service, reason) = (id.to_owned(), service.map(str::to_owned), reason.to_owned());
        let cancelled = self.store.transact(move |table| {
            let mut booking = require_service(table.get(&id)?, &id, service.as_deref())?;
            require_modifiable(&booking, now)?;
            booking.forced_state = Some(CallbackState::Completed);
            booking.reason = Some(reason);
            booking.lifecycle.completed = booking.lifecycle.completed.min(now);
            table.update(&booking)?;
            Ok::<_, BookingError>(table.count_done(operation, &id)?)
        });
        cancelled.await?;
        self.notify_changed();
        Ok(())
    }

    /// Updates time, number, state or properties of a callback that is not completed.
    pub(crate) async fn update(
        &self,
        id: &str,
        name: &str,
        update: BookingUpdate,
    ) -> Result<(), BookingError> {
        let now = self.clock.now();
        let service = self.service(name)?;
        if let Some(number) = &update.number {
            service.phone_numbers.check(name, number)?;
        }
        let target = match update.desired {
            Some(desired) => {
                // An unknown callback is reported before an impossible time.
                require_service(Some(self.find(id).await?), id, Some(name))?;
                check_bounds(service, now, desired)?;
                let Some(slot) = service.calendar.slot_at(desired) else {
                    return Err(self.closed_error(name, now, desired).await?);
                };
                Some((desired, slot))
            }
            None => None,
        };
        let (id, service_name) = (id.to_owned(), name.to_owned());
        let reservation = self.with_service(name, move |table, service| {
            let mut booking = require_service(table.get(&id)?, &id, Some(&service_name))?;
            require_modifiable(&booking, now)?;
            if let Some((desired, slot)) = target {
                reschedule(&mut booking, service, now, desired);
                if is_full(table, service, &booking, slot)? {
                    return Ok(Reservation::SlotFull);
                }
            }
            apply_update(&mut booking, update, &service.stages, now);
            table.update(&booking)?;
            table.count_done(RESCHEDULE, &id)?;
            Ok(Reservation::Made)
        });
        let is_full = matches!(reservation.await?, Reservation::SlotFull);
        if let Some((desired, slot)) = target.filter(|_| is_full) {
            return Err(self.full_error(name, now, desired, slot).await?);
        }
        self.notify_changed();
        Ok(())
    }

    /// Deletes all bookings and counts, and resets the clock.
    pub(crate) async fn reset(&self) -> Result<(), BookingError> {
        self.store
            .transact(|table| Ok::<_, BookingError>(table.clear()?))
            .await?;
        self.clock.reset();
        self.notify_changed();
        Ok(())
    }
}

fn require_service(
    booking: Option<Booking>,
    id: &str,
    service: Option<&str>,
) -> Result<Booking, BookingError> {
    booking
        .filter(|booking| service.is_none_or(|service| service == booking.service))
        .ok_or_else(|| BookingError::UnknownCallback(id.to_owned()))
}

fn require_modifiable(booking: &Booking, now: Timestamp) -> Result<(), BookingError> {
    match booking.state(now) {
        state @ (CallbackState::Processing | CallbackState::Completed) => {
            Err(BookingError::NotModifiable {
                id: booking.id.clone(),
                state: state.name(),
            })
        }
        _ => Ok(()),
    }
}

fn reschedule(booking: &mut Booking, service: &Service, now: Timestamp, desired: Timestamp) {
    booking.desired = desired;
    booking.scheduled = true;
    booking.lifecycle = Lifecycle::new(&service.stages, now, desired);
    booking.expires = expiry(service, desired);
    booking.forced_state = None;
}

fn apply_update(booking: &mut Booking, update: BookingUpdate, stages: &Stages, now: Timestamp) {
    if let Some(number) = update.number {
        booking.number = number;
    }
    if let Some(state) = update.state {
        set_state(booking, state, stages, now);
    }
    if update.properties.is_empty() {
        return;
    }
    let mut data: Map<String, Value> = serde_json::from_str(&booking.data).unwrap_or_default();
    for (key, value) in update.properties {
        if value == "" {
            remove(&mut data, &key);
        } else if let Some(property) = property_mut(&mut data, &key) {
            *property = value;
        } else {
            data.insert(key, value);
        }
    }
    booking.data = Value::Object(data).to_string();
}

fn set_state(booking: &mut Booking, state: CallbackState, stages: &Stages, now: Timestamp) {
    let resumed = booking
        .lifecycle
        .resume_from(stages, now, booking.desired, state);
    if let Some(lifecycle) = resumed {
        booking.forced_state = None;
        booking.lifecycle = lifecycle;
        return;
    }
    booking.forced_state = Some(state);
    booking.lifecycle.completed = if state == CallbackState::Completed {
        now
    } else {
        Timestamp::MAX
    };
}

/// The first property with a name, at any depth. Queries show the first one.
fn property_mut<'a>(data: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Value> {
    data.iter_mut().find_map(|(name, value)| match value {
        Value::Object(inner) => property_mut(inner, key),
        _ => (name == key).then_some(value),
    })
}

/// Removes all properties with a name, at any depth.
fn remove(data: &mut Map<String, Value>, key: &str) {
    data.retain(|name, value| match value {
        Value::Object(inner) => {
            remove(inner, key);
            true
        }
        _ => name != key,
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Map<String, Value> {
        let data =
            json!({"language": "en", "userData": {"a": "1", "deep": {"b": [1]}, "language": "de"}});
        data.as_object().unwrap().clone()
    }

    #[test]
    fn property_is_replaced_in_place() {
        let mut data = data();
        for (key, value) in [("b", "2"), ("language", "fr")] {
            *property_mut(&mut data, key).unwrap() = json!(value);
        }
        assert_eq!(property_mut(&mut data, "userData"), None);
        assert_eq!(property_mut(&mut data, "c"), None);
        let expected =
            json!({"language": "fr", "userData": {"a": "1", "deep": {"b": "2"}, "language": "de"}});
        assert_eq!(Value::Object(data), expected);
    }

    #[test]
    fn property_is_removed_at_every_depth() {
        let mut data = data();
        for key in ["b", "language", "userData", "c"] {
            remove(&mut data, key);
        }
        assert_eq!(
            Value::Object(data),
            json!({"userData": {"a": "1", "deep": {}}})
        );
    }
}
