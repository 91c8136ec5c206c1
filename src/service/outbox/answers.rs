//! What the commands on the outbox answer.

use std::time::Instant;

use serde_json::{json, Value};

use crate::command::outbox::OutboxRequest;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::outbox::entry::{Delivery, ListedEntry, Selection, Submitted, Totals};
use crate::outbox::store::{Refusal, Store};
use crate::outbox::tally::Tally;
use crate::process::log;
use crate::service::outcome::Outcome;
use crate::status::Status;
use crate::text::json::Object;
use crate::text::timestamp;

/// The outcome of a booking that was stored.
pub fn submitted_outcome(submitted: &Submitted) -> Outcome {
    if submitted.is_new {
        log::info(|| format!("outbox entry {}: waiting", submitted.id));
    }
    let mut members = vec![("entry", Value::from(submitted.id.as_str()))];
    members.extend(submitted.key.as_deref().map(|key| ("key", key.into())));
    members.push(("delivery", submitted.delivery.name().into()));
    Outcome::with_members(Command::Submit.name(), &members)
}

/// The outcome of a delivery; `waiting` entries are to be sent later.
pub fn tally_outcome(tally: Tally, waiting: i64) -> Outcome {
    let members = [
        ("delivered", tally.delivered.into()),
        ("refused", tally.refused.into()),
        ("unknown", tally.unknown.into()),
        ("expired", tally.expired.into()),
        ("waiting", waiting.into()),
    ];
    Outcome::with_members(Command::Deliver.name(), &members)
}

/// Lists entries, or changes one.
pub fn answer(store: &Store, request: &OutboxRequest, deadline: Instant) -> Result<Outcome> {
    let entries = match request {
        OutboxRequest::List {
            entry,
            key,
            delivery,
            limit,
        } => {
            let selection = Selection {
                id: entry.clone(),
                key: key.clone(),
                delivery: delivery.as_deref().and_then(Delivery::from_name),
                limit: *limit,
            };
            store.list(&selection, deadline)?
        }
        OutboxRequest::Resend(id) => {
            let changed = store.resend(id, deadline)?.map_err(refusal)?;
            log::info(|| format!("outbox entry {id}: waiting, to be sent again"));
            vec![changed]
        }
        OutboxRequest::Forget(id) => {
            let changed = store.forget(id, deadline)?.map_err(refusal)?;
            // The number must be gone from the log too.
            store.truncate_log();
            log::info(|| format!("outbox entry {id}: forgotten"));
            vec![changed]
        }
    };
    let entries: Vec<Value> = entries.into_iter().map(entry_json).collect();
    let name = Command::Outbox.name();
    Ok(Outcome::with_members(name, &[("entries", entries.into())]))
}

fn refusal(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Missing => Error::new(Status::NoSuch, "the outbox has no such entry"),
        Refusal::Sending => {
            let message = "the entry is being sent or looked up; try again later";
            Error::new(Status::Busy, message).retryable(true)
        }
        Refusal::Finished(delivery) => {
            let message = format!(
                "is {}: what would be sent is erased; submit the booking again",
                delivery.name()
            );
            Error::field(Status::BadOption, "entry", message)
        }
    }
}

fn entry_json(entry: ListedEntry) -> Value {
    let mut members = Object::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    let time = |ms: i64| timestamp::from_epoch_milliseconds(ms).map(Value::from);
    add("entry", Some(entry.id.into()));
    add("key", entry.key.map(Value::from));
    add("delivery", Some(entry.delivery.name().into()));
    add("attempts", Some(json!(entry.attempts)));
    add("submittedAt", time(entry.submitted_at));
    add("nextAttemptAt", entry.next_attempt_at.and_then(time));
    add("desiredTime", entry.desired_time.map(Value::from));
    add("id", entry.booking.map(Value::from));
    let error = entry
        .error
        .filter(|_| entry.delivery != Delivery::Delivered);
    add(
        "error",
        error.and_then(|error| serde_json::from_str(&error).ok()),
    );
    Value::Object(members)
}

/// What diagnostics say of the entries.
pub fn totals_json(totals: &Totals) -> Value {
    let mut members = Object::new();
    for (delivery, entries) in Delivery::ALL.iter().zip(totals.entries) {
        members.insert(delivery.name().to_owned(), entries.into());
    }
    members.insert("bytes".to_owned(), totals.bytes.into());
    members.insert("oldestMs".to_owned(), totals.oldest_ms.into());
    Value::Object(members)
}
