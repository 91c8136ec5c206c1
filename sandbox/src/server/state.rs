//! The state of the server. Handlers extract the parts that they need.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::booking::BookingService;
use crate::faults::request_log::RequestLog;
use crate::faults::rules::FaultRules;
use crate::http::same_origin::AllowedHosts;

#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) booking: Arc<BookingService>,
    pub(crate) faults: Arc<FaultRules>,
    pub(crate) log: Arc<RequestLog>,
    pub(crate) hosts: Arc<AllowedHosts>,
}

impl AppState {
    pub(crate) fn new(booking: BookingService, listen: IpAddr) -> AppState {
        let hosts = AllowedHosts {
            listen,
            names: booking.config.server.hosts.clone(),
        };
        AppState {
            booking: Arc::new(booking),
            faults: Arc::default(),
            log: Arc::default(),
            hosts: Arc::new(hosts),
        }
    }
}

impl FromRef<AppState> for Arc<BookingService> {
    fn from_ref(state: &AppState) -> Self {
        state.booking.clone()
    }
}

impl FromRef<AppState> for Arc<FaultRules> {
    fn from_ref(state: &AppState) -> Self {
        state.faults.clone()
    }
}

impl FromRef<AppState> for Arc<RequestLog> {
    fn from_ref(state: &AppState) -> Self {
        state.log.clone()
    }
}
