//! Retrieving and cancelling one callback.

use std::sync::Arc;

use axum::extract::{Request, State};
use serde_json::json;
use uuid::fmt::Hyphenated;
use uuid::Uuid;

use super::envelope::Success;
use super::error::ApiError;
use super::ApiResult;
use crate::booking::{BookingError, BookingService};
use crate::domain::lifecycle::CallbackState;
use crate::domain::time_format::format_utc;
use crate::http::body;
use crate::http::fields::take_required_text;
use crate::http::operation::CANCEL;

/// `POST /engagement/v3/callbacks/cancel`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> ApiResult {
    let id = requested_id(request).await?;
    booking.cancel(CANCEL, &id, None, "CANCELLED").await?;
    Ok(Success(json!({"id": id})))
}

/// `POST /engagement/v3/callbacks/retrieve`
pub(crate) async fn retrieve(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> ApiResult {
    let id = requested_id(request).await?;
    let callback = booking.find(&id).await?;
    let now = booking.clock.now();
    let state = reported_state(callback.state(now));
    let mut data = json!({
        "id": callback.id,
        "desiredTime": format_utc(callback.desired),
        "callbackState": state.name(),
        "phoneNumber": callback.number,
    });
    if let Some(reason) = callback
        .reason
        .as_deref()
        .filter(|_| state == CallbackState::Completed)
    {
        data["callbackReason"] = reason.into();
    }
    if state.is_in_queue() {
        let position = booking.position(&callback, now).await?;
        data["positionInQueue"] = position.rank.into();
        data["estimatedWaitTime"] = position.estimated_wait.into();
    }
    Ok(Success(data))
}

async fn requested_id(request: Request) -> Result<String, ApiError> {
    let text = take_required_text(&mut body::nested(request).await?, "id")?;
    stored_id(&text).ok_or_else(|| BookingError::UnknownCallback(text).into())
}

/// An id as it is stored. Only hyphenated UUIDs can exist; they may be in any case.
pub(crate) fn stored_id(text: &str) -> Option<String> {
    // The other notations of a UUID differ in length.
    let id = Uuid::parse_str(text).ok();
    let id = id.filter(|_| text.len() == Hyphenated::LENGTH);
    id.map(|id| id.to_string())
}

/// This API has no paused state.
fn reported_state(state: CallbackState) -> CallbackState {
    match state {
        CallbackState::Paused => CallbackState::Queued,
        other => other,
    }
}
