//! Cancelling and changing one callback.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{json, Value};

use super::{admitted, finish, is_decided, state, take_text, Problem, ServiceAndId};
use crate::booking::{Change, Desk};
use crate::http::body;
use crate::http::query::{self, Query};

/// `DELETE /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn cancel(
    State(desk): State<Arc<Desk>>,
    path: ServiceAndId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_cancel(&desk, path, query.as_deref(), &headers).await;
    finish(&desk, answer)
}

async fn try_cancel(
    desk: &Desk,
    path: ServiceAndId,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let (service, id) = split(desk, path, headers)?;
    // There is no orchestration here that could fail.
    Query::read(query)?.flag("discard_ors_failure")?;
    desk.cancel(&id, Some(&service), "CANCELLED").await?;
    Ok(json!({}))
}

/// `PUT /genesys/1/service/callback/{service}/{id}`
pub(crate) async fn update(
    State(desk): State<Arc<Desk>>,
    path: ServiceAndId,
    request: Request,
) -> Response {
    let answer = try_update(&desk, path, request).await;
    finish(&desk, answer)
}

async fn try_update(desk: &Desk, path: ServiceAndId, request: Request) -> Result<Value, Problem> {
    let (service, id) = split(desk, path, request.headers())?;
    let mut fields = body::flat(request).await?;
    let desired = take_text(&mut fields, "_new_desired_time");
    let given = take_text(&mut fields, "_callback_state");
    let number = take_text(&mut fields, "_customer_number");
    fields.retain(|key, _| !is_decided(key));
    let change = Change {
        desired: desired
            .map(|text| query::moment("_new_desired_time", &text))
            .transpose()?,
        number,
        state: given
            .map(|name| state("_callback_state", &name))
            .transpose()?,
        properties: fields,
    };
    desk.change(&id, &service, change).await?;
    Ok(json!({}))
}

fn split(
    desk: &Desk,
    path: ServiceAndId,
    headers: &HeaderMap,
) -> Result<(String, String), Problem> {
    let (service, id) = match path {
        Ok(Path((service, id))) => (Ok(service), id),
        Err(rejection) => (Err(rejection), String::new()),
    };
    Ok((admitted(desk, service, headers)?, id))
}
