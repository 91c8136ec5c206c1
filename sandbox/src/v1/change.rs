//! Cancelling and changing one callback.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{json, Value};

use super::{admitted, finish, take_text, Problem, ServiceAndId};
use crate::body;
use crate::desk::{Change, Desk, Refusal};
use crate::life;
use crate::query::{self, Query};

/// What clients send along and the server alone decides.
const KEPT: [&str; 7] =
    ["_id", "_desired_time", "_service_name", "_callback_reason", "_expiration_time", "_url", "url"];

/// `DELETE /genesys/1/service/callback/{service}/{id}`
pub async fn cancel(
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
pub async fn update(State(desk): State<Arc<Desk>>, path: ServiceAndId, request: Request) -> Response {
    let answer = try_update(&desk, path, request).await;
    finish(&desk, answer)
}

async fn try_update(desk: &Desk, path: ServiceAndId, request: Request) -> Result<Value, Problem> {
    let (service, id) = split(desk, path, request.headers())?;
    let mut fields = body::flat(request).await?;
    let desired = take_text(&mut fields, "_new_desired_time");
    let state = take_text(&mut fields, "_callback_state");
    let number = take_text(&mut fields, "_customer_number");
    fields.retain(|key, _| !KEPT.contains(&key.as_str()));
    let change = Change {
        desired: desired.map(|text| query::moment("_new_desired_time", &text)).transpose()?,
        number,
        state: state.map(|name| named(&name)).transpose()?,
        properties: fields,
    };
    desk.change(&id, &service, change).await?;
    Ok(json!({}))
}

fn named(name: &str) -> Result<life::State, Refusal> {
    life::State::named(name).ok_or_else(|| {
        Refusal::Parameter(format!("Invalid parameter _callback_state: [{name}] is not a state of a callback."))
    })
}

fn split(desk: &Desk, path: ServiceAndId, headers: &HeaderMap) -> Result<(String, String), Problem> {
    let (service, id) = match path {
        Ok(Path((service, id))) => (Ok(service), id),
        Err(rejection) => (Err(rejection), String::new()),
    };
    Ok((admitted(desk, service, headers)?, id))
}
