//! The router, cross-origin rules and the lifecycle of the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    HeaderName, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::{v1, v3};
use crate::booking::BookingService;
use crate::faults::request_log::Requests;
use crate::faults::rules::Faults;
use crate::faults::stream::{Connection, Lines};
use crate::http::same_origin::AllowedHosts;
use crate::web::control;

mod intercept;

/// How long open connections may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(2);

const CROSS_ORIGIN: [(HeaderName, HeaderValue); 4] = [
    (
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"),
    ),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "x-api-key, apikey, content-type, authorization, contactcenterid, gms_user",
        ),
    ),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Retry-After, WWW-Authenticate"),
    ),
    (VARY, HeaderValue::from_static("Origin")),
];

/// What all parts of the server work on.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The bookings and their rules.
    pub(crate) booking: Arc<BookingService>,
    /// What goes wrong on demand.
    pub(crate) faults: Faults,
    /// What was seen on the wire.
    pub(crate) requests: Requests,
    /// The hosts under which the page and the control routes may be used.
    pub(crate) hosts: AllowedHosts,
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refuses a basic service.
    #[error("cannot serve: {0}")]
    System(#[from] std::io::Error),
}

/// Serves until a signal to stop. `ready` gets the real address once connections are taken.
pub(crate) async fn serve(
    booking: BookingService,
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let stop = stop_signal()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })?;
    ready(listener.local_addr()?);
    let sandbox = Sandbox {
        hosts: AllowedHosts {
            listen: address.ip(),
            names: booking.config.server.hosts.clone(),
        },
        booking: Arc::new(booking),
        faults: Faults::default(),
        requests: Requests::default(),
    };
    let service = router(Arc::new(sandbox)).into_make_service_with_connect_info::<Connection>();
    let serving =
        axum::serve(Lines(listener), service).with_graceful_shutdown(stopped(stop.clone()));
    tokio::select! {
        result = serving => Ok(result?),
        () = async { stopped(stop).await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

fn router(sandbox: Arc<Sandbox>) -> Router {
    v1::routes(sandbox.booking.clone())
        .merge(v3::routes(sandbox.booking.clone()))
        .merge(control::routes(sandbox.clone()))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(
            sandbox.booking.clone(),
            v3::gateway,
        ))
        .layer(middleware::from_fn(preflight))
        .layer(middleware::from_fn_with_state(sandbox, intercept::exchange))
        .layer(middleware::from_fn(cross_origin))
}

async fn not_found(uri: Uri) -> Response {
    failure(
        &uri,
        StatusCode::NOT_FOUND,
        "There is nothing at this path.",
    )
}

async fn wrong_method(uri: Uri) -> Response {
    let message = "This path does not know the method.";
    failure(&uri, StatusCode::METHOD_NOT_ALLOWED, message)
}

/// An error body in the shape that belongs to the path.
pub(crate) fn failure(uri: &Uri, status: StatusCode, message: &str) -> Response {
    match uri.path() {
        path if v3::owns(path) => v3::failure(status, message),
        path if is_within(path, "/sandbox") => control::failure(status, message),
        _ => v1::failure(status, message),
    }
}

/// Whether a path is this one, or one below it.
pub(crate) fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers preflight requests, which carry no key.
async fn preflight(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    }
}

/// Opens every answer to browsers.
async fn cross_origin(request: Request, next: Next) -> Response {
    let any = HeaderValue::from_static("*");
    let origin = request.headers().get(ORIGIN).cloned().unwrap_or(any);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.extend(CROSS_ORIGIN);
    response
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender is gone only when the runtime ends, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Turns true when the process is told to stop. The handlers are in place on return.
fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            sender.send_replace(true);
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            sender.send_replace(true);
        }
    });
    Ok(receiver)
}
