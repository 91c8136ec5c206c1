//! One callback: looking it up, cancelling it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{json, Value};
use uuid::fmt::Hyphenated;
use uuid::Uuid;

use super::{finish, required, Problem};
use crate::booking::{BookingError, BookingService};
use crate::domain::lifecycle::CallbackState;
use crate::domain::time_format;
use crate::http::body;

/// `POST /engagement/v3/callbacks/cancel`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Response {
    let answer = try_cancel(&booking, request).await;
    finish(&booking, answer)
}

async fn try_cancel(booking: &BookingService, request: Request) -> Result<Value, Problem> {
    let id = asked_id(request).await?;
    booking.cancel(&id, None, "CANCELLED").await?;
    Ok(json!({"id": id}))
}

/// `POST /engagement/v3/callbacks/retrieve`
pub(crate) async fn retrieve(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Response {
    let answer = try_retrieve(&booking, request).await;
    finish(&booking, answer)
}

async fn try_retrieve(booking: &BookingService, request: Request) -> Result<Value, Problem> {
    let id = asked_id(request).await?;
    let record = booking.find(&id).await?;
    let now = booking.clock.now();
    let state = shown_state(record.state(now));
    let mut shown = json!({
        "id": record.id,
        "desiredTime": time_format::format_utc(record.desired),
        "callbackState": state.name(),
        "phoneNumber": record.number,
    });
    if let Some(reason) = record
        .reason
        .as_ref()
        .filter(|_| state == CallbackState::Completed)
    {
        shown["callbackReason"] = reason.as_str().into();
    }
    if state.is_in_queue() {
        let position = booking.position(&record, now).await?;
        shown["positionInQueue"] = position.rank.into();
        shown["estimatedWaitTime"] = position.estimated_wait.into();
    }
    Ok(shown)
}

/// The id that a request asks for, as bookings have it. This API knows UUIDs only.
async fn asked_id(request: Request) -> Result<String, Problem> {
    let written = required(&mut body::nested(request).await?, "id")?;
    // Every other spelling of a UUID has another length.
    let id = Uuid::parse_str(&written)
        .ok()
        .filter(|_| written.len() == Hyphenated::LENGTH);
    match id {
        Some(id) => Ok(id.to_string()),
        None => Err(BookingError::UnknownCallback(written).into()),
    }
}

/// This API has no word for a callback that somebody has halted.
fn shown_state(state: CallbackState) -> CallbackState {
    match state {
        CallbackState::Paused => CallbackState::Queued,
        other => other,
    }
}
