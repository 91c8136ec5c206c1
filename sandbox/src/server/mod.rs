//! The router and the graceful stop of the server.

use std::net::SocketAddr;
use std::time::Duration;

use axum::{middleware, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::{v1, v3};
use crate::booking::BookingService;
use crate::faults::stream::{Connection, FaultListener};
use crate::http::cors;
use crate::web;

mod fallback;
mod intercept;
mod state;

use state::AppState;

/// How long open connections may continue after the signal to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot serve: {0}")]
    System(#[from] std::io::Error),
}

/// Serves until a signal to stop. `ready` gets the actual address as soon as connections are
/// accepted.
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
    let state = AppState::new(booking, address.ip());
    let service = router(state).into_make_service_with_connect_info::<Connection>();
    let serving = axum::serve(FaultListener(listener), service)
        .with_graceful_shutdown(wait_for_stop(stop.clone()));
    let grace_ended = async {
        wait_for_stop(stop).await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        result = serving => Ok(result?),
        () = grace_ended => Ok(()),
    }
}

fn router(state: AppState) -> Router {
    let config = &state.booking.config;
    v1::routes(config.clone())
        .merge(v3::routes(config.clone()))
        .merge(web::routes(state.hosts.clone()))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .layer(middleware::from_fn_with_state(config.clone(), v3::gateway))
        .layer(middleware::from_fn(cors::preflight))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            intercept::intercept,
        ))
        .layer(middleware::from_fn(cors::allow_every_origin))
        .with_state(state)
}

async fn wait_for_stop(mut stop: watch::Receiver<bool>) {
    // The sender is only dropped when the runtime ends, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Becomes true on SIGINT or SIGTERM. The handlers are installed when this returns.
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
