//! How queues stand.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::{json, Value};

use super::{finish, wrong, Problem};
use crate::booking::{BookingError, BookingService};
use crate::http::query::Query;

const MODES: [&str; 3] = ["mode1", "mode2", "mode3"];

/// `GET /engagement/v3/callbacks/queue-status/{queue}`
pub(crate) async fn status(
    State(booking): State<Arc<BookingService>>,
    queue: Result<Path<String>, PathRejection>,
) -> Response {
    let answer = try_status(&booking, queue).await;
    finish(&booking, answer)
}

async fn try_status(
    booking: &BookingService,
    queue: Result<Path<String>, PathRejection>,
) -> Result<Value, Problem> {
    let Path(queue) =
        queue.map_err(|_| wrong("The queue name in the path is not UTF-8.".to_owned()))?;
    let service = booking
        .service_of_queue(&queue)
        .ok_or_else(|| BookingError::UnknownService(queue.clone()))?;
    let status = booking.queue_status(service, booking.clock.now()).await?;
    // Where callbacks are not offered at once, -1 would say that nobody works.
    let unknown = if status.staffed && !status.open {
        0
    } else {
        -1
    };
    Ok(json!({
        "ewt": status.estimated_wait.map_or(unknown, i64::from),
        "offerImmediateCallback": status.staffed && status.open,
        "offerScheduledCallback": status.staffed,
    }))
}

/// `GET /engagement/v3/estimated-wait-time`
pub(crate) async fn estimated_wait_time(
    State(booking): State<Arc<BookingService>>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = try_estimated_wait_time(&booking, query.as_deref()).await;
    finish(&booking, answer)
}

async fn try_estimated_wait_time(
    booking: &BookingService,
    query: Option<&str>,
) -> Result<Value, Problem> {
    let query = Query::read(query)?;
    let queues = queues(&query)?;
    let mode = query.text("mode").unwrap_or("mode2");
    if !MODES.contains(&mode) {
        let text = format!("Invalid parameter mode: [{mode}] is not mode1, mode2 or mode3.");
        return Err(wrong(text).into());
    }
    query.flag("include-calls-on-hold")?;
    let now = booking.clock.now();
    let mut answer = Vec::new();
    for queue in queues {
        let status = match booking.service_of_queue(queue) {
            Some(service) => Some(booking.queue_status(service, now).await?),
            None => None,
        };
        answer.push(match status {
            Some(status) if !status.staffed => estimate(queue, None, -2),
            Some(status) => match status.estimated_wait {
                Some(wait) => estimate(queue, Some(wait), 0),
                None => estimate(queue, None, -1),
            },
            None => estimate(queue, None, -1),
        });
    }
    Ok(Value::Array(answer))
}

/// The names of all lists, without the empty ones.
fn queues(query: &Query) -> Result<Vec<&str>, BookingError> {
    let names = query
        .every("virtual-queues")
        .flat_map(|list| list.split(','))
        .map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    match names.is_empty() {
        true => Err(wrong("Missing parameter virtual-queues.".to_owned())),
        false => Ok(names),
    }
}

fn estimate(queue: &str, wait: Option<u32>, result: i32) -> Value {
    let mut estimate = json!({
        "virtualQueue": queue,
        "estimatedWaitTime": wait.map_or(-1, i64::from),
        "resultCode": result,
    });
    match result {
        -1 => estimate["message"] = "No interactions have been in this queue yet.".into(),
        -2 => estimate["message"] = "No agents work on this queue.".into(),
        _ => {}
    }
    estimate
}
