//! The known keys. A key that is nearly one of them is an error; any other is ignored.

use crate::error::{loggable_name, Error, Result};
use crate::process::log;
use crate::status::Status;
use crate::text::json::Object;
use crate::text::typo::likely_typo;

/// Keys at the top level, including those of the user interface.
pub const CONFIGURATION: &[&str] = &[
    "dataURL",
    "apiVersion",
    "apikey",
    "serviceName",
    "userData",
    "ajaxTimeout",
    "callDirection",
    "timezone",
    "countryCodes",
    "immediateCallback",
    "scheduledCallback",
    "ewt",
    "form",
    "servicePlugin",
    "wireFormat",
    "connectTimeout",
    "retry",
    "maxResponseBytes",
    "response",
    "headers",
    "basicAuth",
    "proxy",
    "tls",
    "maxConnections",
    "maxConnectionAge",
    "handlers",
    "queueLimit",
    "outbox",
];

/// Keys of the user interface, which mean nothing here.
const USER_INTERFACE: &[&str] = &[
    "countryCodes",
    "immediateCallback",
    "scheduledCallback",
    "ewt",
    "form",
    "servicePlugin",
];

/// Whether a key of this name changes what the library does.
pub fn is_native(key: &str) -> bool {
    CONFIGURATION.contains(&key) && !USER_INTERFACE.contains(&key)
}

pub const RETRY: &[&str] = &["attempts", "baseDelayMs", "maxDelayMs"];
pub const BASIC_AUTH: &[&str] = &["username", "password"];
pub const PROXY: &[&str] = &["url", "username", "password", "noProxy"];
pub const OUTBOX: &[&str] = &[
    "file",
    "deliver",
    "maxEntries",
    "maxAgeMs",
    "lateMs",
    "baseDelayMs",
    "maxDelayMs",
    "keepMs",
    "whenUnknown",
];
pub const TLS: &[&str] = &["caFile", "certFile", "keyFile", "minVersion"];

/// Refuses keys that are nearly known ones and warns of the other unknown ones.
pub fn reject_misspelt_keys(given: &Object, path: &str, known: &[&str]) -> Result<()> {
    for key in given.keys().filter(|key| !known.contains(&key.as_str())) {
        let full = join_path(path, key);
        if let Some(meant) = likely_typo(key, known.iter().copied()) {
            let meant = join_path(path, meant);
            return Err(Error::field(
                Status::Config,
                &full,
                format!("unknown key; did you mean {meant}?"),
            ));
        }
        log::warn(|| {
            format!(
                "configuration key {} is unknown and ignored",
                loggable_name(&full)
            )
        });
    }
    Ok(())
}

/// The full name of a key inside a section.
pub fn join_path(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}
