//! Looking up, cancelling and changing what is booked.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{expiry, is_full, within_bounds, Desk, Refusal, Taken};
use crate::domain::lifecycle::Stages;
use crate::domain::lifecycle::{CallbackState, Lifecycle};
use crate::store::{Record, Selection};

/// What shall become of a booking.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// A new time.
    pub(crate) desired: Option<Timestamp>,
    /// A new number.
    pub(crate) number: Option<String>,
    /// A state to go on from, or to stay in when it is paused or over.
    pub(crate) state: Option<CallbackState>,
    /// Properties to replace; an empty text removes one.
    pub(crate) properties: Map<String, Value>,
}

impl Desk {
    /// The booking with an id.
    pub(crate) async fn find(&self, id: &str) -> Result<Record, Refusal> {
        let id = id.to_owned();
        self.store
            .transact(move |ledger| ledger.get(&id)?.ok_or(Refusal::UnknownCallback(id)))
            .await
    }

    /// The selected bookings, by desired time.
    pub(crate) async fn select(&self, selection: Selection) -> Result<Vec<Record>, Refusal> {
        self.store
            .transact(move |ledger| Ok(ledger.select(&selection)?))
            .await
    }

    /// Cancels a callback that has not come to its conversation yet. `service` is the one it must belong to, if any.
    pub(crate) async fn cancel(
        &self,
        id: &str,
        service: Option<&str>,
        reason: &str,
    ) -> Result<Record, Refusal> {
        let now = self.clock.now();
        let (id, service, reason) = (id.to_owned(), service.map(str::to_owned), reason.to_owned());
        let cancelled = self.store.transact(move |ledger| {
            let mut record = belonging(ledger.get(&id)?, &id, service.as_deref())?;
            changeable(&record, now)?;
            record.given = Some(CallbackState::Completed);
            record.reason = Some(reason);
            record.lifecycle.completed = record.lifecycle.completed.min(now);
            ledger.update(&record)?;
            Ok::<_, Refusal>(record)
        });
        let record = cancelled.await?;
        self.changed();
        Ok(record)
    }

    /// Changes time, number, state or properties of a callback that is not over.
    pub(crate) async fn change(
        &self,
        id: &str,
        service: &str,
        change: Change,
    ) -> Result<Record, Refusal> {
        let now = self.clock.now();
        let known = self.service(service)?;
        let mut slot = None;
        if let Some(number) = &change.number {
            known.phone_numbers.check(service, number)?;
        }
        if let Some(desired) = change.desired {
            // Whoever asks about a callback that is not there gets no answer about times.
            belonging(Some(self.find(id).await?), id, Some(service))?;
            within_bounds(known, now, desired)?;
            slot = known.calendar.slot_at(desired);
            if slot.is_none() {
                let proposals = self.proposals(service, now, desired).await?;
                return Err(Refusal::Closed { desired, proposals });
            }
        }
        let wanted = change.desired;
        let (key, name) = (id.to_owned(), service.to_owned());
        let changed = self.with_service(service, move |ledger, service| {
            let mut record = belonging(ledger.get(&key)?, &key, Some(&name))?;
            changeable(&record, now)?;
            if let (Some(desired), Some(slot)) = (change.desired, slot) {
                record.desired = desired;
                record.scheduled = true;
                record.lifecycle = Lifecycle::new(&service.stages, now, desired);
                record.expires = expiry(service, desired);
                record.given = None;
                if is_full(ledger, service, &record, slot)? {
                    return Ok((record, Taken::Full));
                }
            }
            apply(&mut record, change, &service.stages, now);
            ledger.update(&record)?;
            Ok((record, Taken::Yes))
        });
        match (changed.await?, wanted, slot) {
            ((_, Taken::Full), Some(desired), Some(slot)) => {
                Err(self.full(service, now, desired, slot).await?)
            }
            ((record, _), ..) => {
                self.changed();
                Ok(record)
            }
        }
    }

    /// Forgets all bookings and starts the clock again.
    pub(crate) async fn reset(&self) -> Result<(), Refusal> {
        self.store
            .transact(|ledger| Ok::<_, Refusal>(ledger.clear()?))
            .await?;
        self.clock.reset();
        self.changed();
        Ok(())
    }
}

fn belonging(record: Option<Record>, id: &str, service: Option<&str>) -> Result<Record, Refusal> {
    record
        .filter(|record| service.is_none_or(|service| service == record.service))
        .ok_or_else(|| Refusal::UnknownCallback(id.to_owned()))
}

fn changeable(record: &Record, now: Timestamp) -> Result<(), Refusal> {
    match record.state(now) {
        state @ (CallbackState::Processing | CallbackState::Completed) => Err(Refusal::TooLate {
            id: record.id.clone(),
            state: state.name(),
        }),
        _ => Ok(()),
    }
}

fn apply(record: &mut Record, change: Change, stages: &Stages, now: Timestamp) {
    if let Some(number) = change.number {
        record.number = number;
    }
    if let Some(state) = change.state {
        put_into(record, state, stages, now);
    }
    if change.properties.is_empty() {
        return;
    }
    let mut data: Map<String, Value> = serde_json::from_str(&record.data).unwrap_or_default();
    for (key, value) in change.properties {
        if value == "" {
            remove(&mut data, &key);
        } else if !replace(&mut data, &key, &value) {
            data.insert(key, value);
        }
    }
    record.data = Value::Object(data).to_string();
}

fn put_into(record: &mut Record, state: CallbackState, stages: &Stages, now: Timestamp) {
    match record
        .lifecycle
        .resume_from(stages, now, record.desired, state)
    {
        Some(lifecycle) => {
            record.given = None;
            record.lifecycle = lifecycle;
        }
        None => {
            record.given = Some(state);
            record.lifecycle.completed = if state == CallbackState::Completed {
                now
            } else {
                Timestamp::MAX
            };
        }
    }
}

/// Puts a value in the place of the first one of that name, at any depth; whether there was one. The first is the one
/// that queries show.
fn replace(data: &mut Map<String, Value>, key: &str, value: &Value) -> bool {
    data.iter_mut().any(|(name, old)| match old {
        Value::Object(inner) => replace(inner, key, value),
        _ if name == key => {
            *old = value.clone();
            true
        }
        _ => false,
    })
}

/// Removes every value of that name, at any depth.
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
    fn a_property_changes_where_it_lives() {
        let mut data = data();
        assert!(
            replace(&mut data, "b", &json!("2")) && replace(&mut data, "language", &json!("fr"))
        );
        assert!(
            !replace(&mut data, "userData", &json!("x")) && !replace(&mut data, "c", &json!("x"))
        );
        let expected =
            json!({"language": "fr", "userData": {"a": "1", "deep": {"b": "2"}, "language": "de"}});
        assert_eq!(Value::Object(data), expected);
    }

    #[test]
    fn a_property_is_removed_at_every_depth() {
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
