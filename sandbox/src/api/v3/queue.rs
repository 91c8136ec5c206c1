//! The state of queues.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{json, Value};

use super::envelope::Success;
use super::{ApiResult, Name};
use crate::booking::{BookingError, BookingService};
use crate::http::errors::ParameterError;
use crate::http::query::{Query, RawQuery};

const MODES: [&str; 3] = ["mode1", "mode2", "mode3"];

/// `GET /engagement/v3/callbacks/queue-status/{queue}`
pub(crate) async fn status(State(booking): State<Arc<BookingService>>, queue: Name) -> ApiResult {
    let Path(queue) = queue.map_err(ParameterError::from)?;
    let service = booking
        .service_of_queue(&queue)
        .ok_or_else(|| BookingError::UnknownService(queue.clone()))?;
    let status = booking.queue_status(service, booking.clock.now()).await?;
    // -1 would mean that there are no agents.
    let unknown = if status.staffed && !status.open {
        0
    } else {
        -1
    };
    Ok(Success(json!({
        "ewt": status.estimated_wait.map_or(unknown, i64::from),
        "offerImmediateCallback": status.staffed && status.open,
        "offerScheduledCallback": status.staffed,
    })))
}

/// `GET /engagement/v3/estimated-wait-time`
pub(crate) async fn estimated_wait_time(
    State(booking): State<Arc<BookingService>>,
    query: RawQuery,
) -> ApiResult {
    let query = query.parse()?;
    let queues = queue_names(&query)?;
    let mode = query.text("mode").unwrap_or("mode2");
    if !MODES.contains(&mode) {
        let expected = "mode1, mode2 or mode3";
        return Err(ParameterError::invalid_value("mode", mode, expected).into());
    }
    query.flag("include-calls-on-hold")?;
    let now = booking.clock.now();
    let mut estimates = Vec::new();
    for queue in queues {
        let status = match booking.service_of_queue(queue) {
            Some(service) => Some(booking.queue_status(service, now).await?),
            None => None,
        };
        let wait = status.and_then(|status| status.estimated_wait);
        estimates.push(match (status, wait) {
            (Some(status), _) if !status.staffed => estimate(queue, None, -2),
            (_, Some(wait)) => estimate(queue, Some(wait), 0),
            (_, None) => estimate(queue, None, -1),
        });
    }
    Ok(Success(Value::Array(estimates)))
}

/// The names in all lists, without empty ones.
fn queue_names(query: &Query) -> Result<Vec<&str>, ParameterError> {
    let lists = query.all("virtual-queues");
    let names = lists.flat_map(|list| list.split(',')).map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(ParameterError::missing("virtual-queues"));
    }
    Ok(names)
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
