//! Cancelling and updating one callback.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::json;

use super::auth::authorize_service;
use super::error::ApiError;
use super::{is_read_only, parse_state, ServiceAndId};
use crate::booking::{BookingService, BookingUpdate};
use crate::config::ChangeResponse;
use crate::http::body;
use crate::http::fields::take_text;
use crate::http::operation::CANCEL;
use crate::http::query::{parse_time_with_zone, RawQuery};

type ChangeResult = Result<Response, ApiError>;

/// `DELETE /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    query: RawQuery,
    headers: HeaderMap,
) -> ChangeResult {
    let (service, id) = authorize_path(&booking, path, &headers)?;
    let discard_failure = query.parse()?.flag("discard_ors_failure")?;
    if booking.config.server.v1.orchestration_fails && !discard_failure {
        require_no_session(&booking, &service, &id).await?;
    }
    booking
        .cancel(CANCEL, &id, Some(&service), "CANCELLED")
        .await?;
    Ok(changed(&booking))
}

/// `PUT /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn update(
    State(booking): State<Arc<BookingService>>,
    path: ServiceAndId,
    request: Request,
) -> ChangeResult {
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
    Ok(changed(&booking))
}

/// Only a callback that has entered the queue has a session, which cannot be reached.
async fn require_no_session(
    booking: &BookingService,
    service: &str,
    id: &str,
) -> Result<(), ApiError> {
    let callback = booking.find(id).await?;
    let is_in_queue = callback.state(booking.clock.now()).is_in_queue();
    if is_in_queue && callback.service == service {
        return Err(ApiError::OrchestrationFailed { status: 400 });
    }
    Ok(())
}

fn changed(booking: &BookingService) -> Response {
    match booking.config.server.v1.change_response {
        ChangeResponse::Object => Json(json!({})).into_response(),
        ChangeResponse::Empty => StatusCode::OK.into_response(),
    }
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
