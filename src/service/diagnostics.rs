//! A snapshot of the library for troubleshooting: versions, services, threads. Nothing secret.

use serde_json::{json, Map, Value};

use crate::config::{ApiVersion, WireFormat};
use crate::process::fork::generation;
use crate::process::threads;
use crate::service::handle_table::SERVICES;
use crate::service::ServiceStats;

/// Returns the state of the library in this process as JSON.
pub fn snapshot_json() -> String {
    let services: Vec<Value> = SERVICES
        .all()
        .iter()
        .map(|service| service_json(&service.stats()))
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

fn service_json(stats: &ServiceStats) -> Value {
    let config = &stats.config;
    let api_version = match config.api_version {
        ApiVersion::V1 => "v1",
        ApiVersion::V3 => "v3",
    };
    let wire_format = match config.wire_format {
        WireFormat::Documented => "documented",
        WireFormat::Widgets9 => "widgets-9",
    };
    let errors: Map<String, Value> = stats
        .failed
        .iter()
        .map(|(status, count)| (status.name().to_owned(), (*count).into()))
        .collect();
    let mut members = json!({
        "server": stats.origin,
        "apiVersion": api_version,
        "wireFormat": wire_format,
        "ajaxTimeout": config.timeout.as_millis() as u64,
        "usesProxy": config.connection.proxy.is_some(),
        "subscriptions": stats.subscriptions,
        "running": stats.running,
        "started": stats.started,
        "resolved": stats.resolved,
        "rejected": stats.failed.iter().map(|(_, count)| count).sum::<u64>(),
        "errors": errors,
        "idleClients": stats.idle_connections,
    });
    if let Some(outbox) = &stats.outbox {
        members["outbox"] = outbox.clone();
    }
    members
}
