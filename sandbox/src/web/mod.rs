//! The page, and the control routes below `/sandbox`.

use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::Router;

use crate::booking::BookingService;
use crate::faults::request_log::RequestLog;
use crate::faults::rules::FaultRules;
use crate::http::same_origin::AllowedHosts;

mod control;
mod error;
mod events;
mod guard;
mod lists;
mod page;

pub(crate) use error::error_response;

/// All routes but the description are limited to the server's own pages.
pub(crate) fn routes<S>(hosts: Arc<AllowedHosts>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<BookingService>: FromRef<S>,
    Arc<FaultRules>: FromRef<S>,
    Arc<RequestLog>: FromRef<S>,
{
    let css = || asset("text/css; charset=utf-8", include_str!("page.css"));
    let js = || asset("text/javascript; charset=utf-8", include_str!("page.js"));
    let openapi = || asset("application/json", include_str!("openapi.json"));
    let own_pages = Router::new()
        .route("/", get(page::page))
        .route("/sandbox/page.css", get(css))
        .route("/sandbox/page.js", get(js))
        .route("/sandbox/events", get(events::events))
        .route(
            "/sandbox/clock",
            get(control::clock).post(control::set_clock),
        )
        .route(
            "/sandbox/faults",
            get(control::faults)
                .post(control::add_fault)
                .delete(control::clear_faults),
        )
        // A form can only send POST.
        .route(
            "/sandbox/faults/{id}",
            post(control::remove_fault).delete(control::remove_fault),
        )
        .route("/sandbox/requests", get(control::requests))
        .route("/sandbox/operations", get(control::operations))
        .route("/sandbox/reset", post(control::reset))
        .layer(middleware::from_fn(guard::reject_unknown_parameters))
        .layer(middleware::from_fn_with_state(
            hosts,
            guard::require_own_page,
        ));
    Router::new()
        .route("/openapi.json", get(openapi))
        .merge(own_pages)
}

async fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}
