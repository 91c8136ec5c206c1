//! Cancelling and updating one callback.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::Json;
use serde_json::json;

use super::auth::authorize_service;
use super::error::ApiError;
use super::{is_read_only, parse_state, JsonResult, ServiceAndId};
use crate::booking::{BookingService, BookingUpdate};
use crate::http::body;
use crate::http::fields::take_text;
use crate::http::query::{parse_time_with_zone, RawQuery};

/// `DELETE /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    let (service, id) = authorize_path(&booking, path, &headers)?;
    // Only checked: there is no orchestration here that could fail.
    query.parse()?.flag("discard_ors_failure")?;
    booking.cancel(&id, Some(&service), "CANCELLED").await?;
    Ok(Json(json!({})))
}

/// `PUT /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn update(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    request: Request,
) -> JsonResult {
    let (service, id) = authorize_path(&booking, path, request.headers())?;
    let mut fields = body::flat(request).await?;
    let desired = take_text(&mut fields, "_new_desired_time")?;
    let state = take_text(&mut fields, "_callback_state")?;
    let number = take_text(&mut fields, "_customer_number")?;
    fields.retain(|key, _| !is_read_only(key));
    let update = BookingUpdate {
        desired: desired
            .map(|text| parse_time_with_zone("_new_desired_time", &text))
            .transpose()?,
        number,
        state: state
            .map(|name| parse_state("_callback_state", &name))
            .transpose()?,
        properties: fields,
    };
    booking.update(&id, &service, update).await?;
    Ok(Json(json!({})))
}

fn authorize_path(
    booking: &BookingService,
    path: ServiceAndId,
    headers: &HeaderMap,
) -> Result<(String, String), ApiError> {
    let (service, id) = match path {
        Ok(Path((service, id))) => (Ok(Path(service)), id),
        Err(rejection) => (Err(rejection), String::new()),
    };
    Ok((authorize_service(booking, service, headers)?, id))
}
