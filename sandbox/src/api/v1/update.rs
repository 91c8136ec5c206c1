//! Cancelling and changing one callback.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{json, Value};

use super::{admitted, finish, is_decided, state, take_text, Problem, ServiceAndId};
use crate::booking::{BookingService, BookingUpdate};
use crate::http::body;
use crate::http::query::{self, Query};

/// `DELETE /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_cancel(&booking, path, query.as_deref(), &headers).await;
    finish(&booking, answer)
}

async fn try_cancel(
    booking: &BookingService,
    path: ServiceAndId,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let (service, id) = split(booking, path, headers)?;
    // There is no orchestration here that could fail.
    Query::read(query)?.flag("discard_ors_failure")?;
    booking.cancel(&id, Some(&service), "CANCELLED").await?;
    Ok(json!({}))
}

/// `PUT /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn update(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    request: Request,
) -> Response {
    let answer = try_update(&booking, path, request).await;
    finish(&booking, answer)
}

async fn try_update(
    booking: &BookingService,
    path: ServiceAndId,
    request: Request,
) -> Result<Value, Problem> {
    let (service, id) = split(booking, path, request.headers())?;
    let mut fields = body::flat(request).await?;
    let desired = take_text(&mut fields, "_new_desired_time");
    let given = take_text(&mut fields, "_callback_state");
    let number = take_text(&mut fields, "_customer_number");
    fields.retain(|key, _| !is_decided(key));
    let change = BookingUpdate {
        desired: desired
            .map(|text| query::moment("_new_desired_time", &text))
            .transpose()?,
        number,
        state: given
            .map(|name| state("_callback_state", &name))
            .transpose()?,
        properties: fields,
    };
    booking.update(&id, &service, change).await?;
    Ok(json!({}))
}

fn split(
    booking: &BookingService,
    path: ServiceAndId,
    headers: &HeaderMap,
) -> Result<(String, String), Problem> {
    let (service, id) = match path {
        Ok(Path((service, id))) => (Ok(service), id),
        Err(rejection) => (Err(rejection), String::new()),
    };
    Ok((admitted(booking, service, headers)?, id))
}
