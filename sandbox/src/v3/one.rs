//! One callback: looking it up, cancelling it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{json, Value};

use super::{finish, required, Problem};
use crate::body;
use crate::desk::Desk;
use crate::life;
use crate::times;

/// `POST /engagement/v3/callbacks/cancel`
pub async fn cancel(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let answer = try_cancel(&desk, request).await;
    finish(&desk, answer)
}

async fn try_cancel(desk: &Desk, request: Request) -> Result<Value, Problem> {
    let id = required(&mut body::nested(request).await?, "id")?;
    desk.cancel(&id, None, "CANCELLED").await?;
    Ok(json!({"id": id}))
}

/// `POST /engagement/v3/callbacks/retrieve`
pub async fn retrieve(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let answer = try_retrieve(&desk, request).await;
    finish(&desk, answer)
}

async fn try_retrieve(desk: &Desk, request: Request) -> Result<Value, Problem> {
    let id = required(&mut body::nested(request).await?, "id")?;
    let record = desk.find(&id).await?;
    let now = desk.clock.now();
    let state = record.state(now);
    let mut shown = json!({
        "id": record.id,
        "desiredTime": times::utc(record.desired),
        "callbackState": state.name(),
        "phoneNumber": record.number,
    });
    if let Some(reason) = record.reason.as_ref().filter(|_| state == life::State::Completed) {
        shown["callbackReason"] = reason.as_str().into();
    }
    if state.is_in_queue() {
        let position = desk.position(&record, now).await?;
        shown["positionInQueue"] = position.place.into();
        shown["estimatedWaitTime"] = position.estimated_wait.into();
    }
    Ok(shown)
}
