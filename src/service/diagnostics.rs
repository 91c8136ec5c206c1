//! What a person wants to know when something is odd: versions, services, threads. Nothing secret.

use serde_json::{json, Value};

use crate::config::{ApiVersion, WireFormat};
use crate::process::fork::generation;
use crate::process::threads;
use crate::service::handle_table::SERVICES;
use crate::service::Report;

/// The state of the library in this process, as JSON.
pub fn text() -> String {
    let services: Vec<Value> = SERVICES
        .all()
        .iter()
        .map(|service| describe(&service.report()))
        .collect();
    json!({
        "library": "callbackservice",
        "version": env!("CARGO_PKG_VERSION"),
        "target": { "os": std::env::consts::OS, "architecture": std::env::consts::ARCH },
        "http": ["HTTP/1.1", "HTTP/2"],
        "tls": "rustls with ring",
        "process": std::process::id(),
        "forks": generation(),
        "threads": threads::running(),
        "services": services,
    })
    .to_string()
}

fn describe(report: &Report) -> Value {
    let config = &report.config;
    let api_version = match config.api_version {
        ApiVersion::V1 => "v1",
        ApiVersion::V3 => "v3",
    };
    let wire_format = match config.wire_format {
        WireFormat::Documented => "documented",
        WireFormat::Widgets9 => "widgets-9",
    };
    json!({
        "server": report.origin,
        "apiVersion": api_version,
        "wireFormat": wire_format,
        "ajaxTimeout": config.timeout.as_millis() as u64,
        "usesProxy": config.connection.proxy.is_some(),
        "subscriptions": report.subscriptions,
        "running": report.running,
        "started": report.started,
        "resolved": report.resolved,
        "rejected": report.rejected,
        "idleClients": report.idle_engines,
    })
}
