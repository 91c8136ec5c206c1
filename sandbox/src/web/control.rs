//! The sandbox's own addresses: its clock, its faults, what it has seen, starting again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, RawQuery, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{unfold, Stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{json, Map, Value};

use crate::booking::BookingError;
use crate::domain::clock::MAX_SPEED;
use crate::domain::time_format;
use crate::faults::stream::Connection;
use crate::http::body::{self, BodyError};
use crate::http::query::{self, Query};
use crate::server::Sandbox;
use crate::web::page;

/// Watchers are told at most this often.
const PAUSE: Duration = Duration::from_millis(200);
/// Time goes by also when nobody books.
const TICK: Duration = Duration::from_secs(5);

/// The routes. All but the description may be used in a browser by pages of this very server only.
pub(crate) fn routes(sandbox: Arc<Sandbox>) -> Router {
    let own: Router<Arc<Sandbox>> = Router::new()
        .route("/", get(page::page))
        .route(
            "/sandbox/page.css",
            get(|| asset("text/css; charset=utf-8", include_str!("page.css"))),
        )
        .route(
            "/sandbox/page.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("page.js"))),
        )
        .route("/sandbox/events", get(events))
        .route("/sandbox/clock", get(clock).post(set_clock))
        .route(
            "/sandbox/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route(
            "/sandbox/faults/{id}",
            post(remove_fault).delete(remove_fault),
        )
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/reset", post(reset))
        .layer(middleware::from_fn(known_parameters))
        .layer(middleware::from_fn_with_state(
            sandbox.clone(),
            own_pages_only,
        ));
    Router::new()
        .route("/openapi.json", get(openapi))
        .merge(own)
        .with_state(sandbox)
}

/// A page of another origin must neither change the state of the sandbox nor read its requests.
async fn own_pages_only(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let (uri, headers) = (request.uri(), request.headers());
    if sandbox.hosts.permit(uri, headers, connection.local) {
        next.run(request).await
    } else {
        failure(
            StatusCode::FORBIDDEN,
            "This address is only for pages of this server, under localhost, its own address or \
             one of server.hosts.",
        )
    }
}

/// A misspelt parameter would change nothing without a word.
async fn known_parameters(request: Request, next: Next) -> Response {
    let known: &[&str] = match request.uri().path() {
        "/" => &["week"],
        "/sandbox/requests" => &["max"],
        _ => &[],
    };
    let checked = match Query::read(request.uri().query()) {
        Ok(query) => query
            .reject_unknown(known)
            .map_err(|refusal| refusal.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(message) => failure(StatusCode::BAD_REQUEST, &message),
    }
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], text).into_response()
}

async fn openapi() -> Response {
    asset("application/json", include_str!("openapi.json")).await
}

/// An error body of these addresses.
pub(crate) fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}

fn refuse(refusal: &BookingError) -> Response {
    let status = match refusal {
        BookingError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    failure(status, &refusal.to_string())
}

/// JSON for programs; people who pressed a button see the page again.
fn done(headers: &HeaderMap, shown: Value) -> Response {
    let wants_page = headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    match wants_page {
        true => Redirect::to("/").into_response(),
        false => Json(shown).into_response(),
    }
}

async fn fields(request: Request) -> Result<Map<String, Value>, Response> {
    body::nested(request).await.map_err(|error| match error {
        BodyError::TooLarge => failure(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
        BodyError::Unsupported { .. } => {
            failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string())
        }
        BodyError::Malformed(_) => failure(StatusCode::BAD_REQUEST, &error.to_string()),
    })
}

fn shown_clock(sandbox: &Sandbox) -> Value {
    let clock = &sandbox.booking.clock;
    json!({"now": time_format::format_utc(clock.now()), "speed": clock.speed()})
}

async fn clock(State(sandbox): State<Arc<Sandbox>>) -> Response {
    Json(shown_clock(&sandbox)).into_response()
}

async fn set_clock(State(sandbox): State<Arc<Sandbox>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let fields = match fields(request).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    match move_clock(&sandbox, &fields) {
        Ok(()) => done(&headers, shown_clock(&sandbox)),
        Err(refusal) => refuse(&refusal),
    }
}

fn move_clock(sandbox: &Sandbox, fields: &Map<String, Value>) -> Result<(), BookingError> {
    let wrong = |text: &str| BookingError::Parameter(text.to_owned());
    let known = ["now", "advanceSeconds", "speed"];
    if fields.is_empty() || fields.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(wrong(
            "Give now, advanceSeconds, speed, or several of them, and nothing else.",
        ));
    }
    let number = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let read = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            let wrong =
                || BookingError::Parameter(format!("Invalid parameter {name}: not a number."));
            read.filter(|number: &f64| number.is_finite())
                .map(Some)
                .ok_or_else(wrong)
        }
    };
    let speed = number("speed")?;
    if speed.is_some_and(|speed| !(0.0..=MAX_SPEED).contains(&speed)) {
        return Err(wrong("Invalid parameter speed: not from 0 to 86400."));
    }
    let now: Option<Timestamp> = match fields.get("now") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(query::moment("now", text)?),
        Some(_) => return Err(wrong("Invalid parameter now: not text.")),
    };
    let clock = &sandbox.booking.clock;
    let advanced = number("advanceSeconds")?.map(|seconds| {
        let base = now.unwrap_or_else(|| clock.now());
        let by = SignedDuration::try_from_secs_f64(seconds).ok();
        by.and_then(|by| base.checked_add(by).ok())
            .ok_or_else(|| wrong("The clock cannot go that far."))
    });
    clock.set(advanced.transpose()?.or(now), speed);
    sandbox.booking.notify_changed();
    Ok(())
}

async fn faults(State(sandbox): State<Arc<Sandbox>>) -> Response {
    Json(sandbox.faults.shown()).into_response()
}

async fn add_fault(State(sandbox): State<Arc<Sandbox>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let fields = match fields(request).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    match sandbox.faults.add(&fields) {
        Ok(shown) => {
            sandbox.booking.notify_changed();
            done(&headers, shown)
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn clear_faults(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap) -> Response {
    sandbox.faults.clear();
    sandbox.booking.notify_changed();
    done(&headers, json!([]))
}

/// POST too, since a form has nothing else.
async fn remove_fault(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = id.parse().is_ok_and(|id| sandbox.faults.remove(id));
    sandbox.booking.notify_changed();
    match found {
        true => done(&headers, json!({})),
        false => failure(StatusCode::NOT_FOUND, "There is no fault with this number."),
    }
}

async fn requests(State(sandbox): State<Arc<Sandbox>>, RawQuery(query): RawQuery) -> Response {
    let most = Query::read(query.as_deref()).map_err(|error| error.to_string());
    let most = most.and_then(|query| query.slots("max").map_err(|refusal| refusal.to_string()));
    match most {
        Ok(most) => {
            let last = sandbox.requests.last(most.unwrap_or(usize::MAX));
            let shown = last
                .iter()
                .map(|(number, exchange)| exchange.shown(*number));
            Json(shown.collect::<Value>()).into_response()
        }
        Err(message) => failure(StatusCode::BAD_REQUEST, &message),
    }
}

async fn reset(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap) -> Response {
    sandbox.faults.clear();
    sandbox.requests.clear();
    match sandbox.booking.reset().await {
        Ok(()) => done(&headers, json!({})),
        Err(refusal) => refuse(&refusal),
    }
}

/// Tells a watcher that something has changed, or that time has gone by.
async fn events(
    State(sandbox): State<Arc<Sandbox>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = unfold(
        (sandbox.booking.watch(), false),
        |(mut changes, waited)| async move {
            if waited {
                tokio::time::sleep(PAUSE).await;
            }
            let name = match tokio::time::timeout(TICK, changes.changed()).await {
                Ok(Ok(())) => "change",
                Ok(Err(_)) => return None,
                Err(_) => "tick",
            };
            let count = changes.borrow_and_update().to_string();
            Some((
                Ok(Event::default().event(name).data(count)),
                (changes, true),
            ))
        },
    );
    Sse::new(stream).keep_alive(KeepAlive::default())
}
