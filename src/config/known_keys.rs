//! The known keys. A key that is nearly one of them is a mistake; any other is somebody else's and ignored.

use crate::error::{Error, Result};
use crate::process::log;
use crate::status::Status;
use crate::text::json::Object;

/// Keys of the configuration itself, those of the user interface included.
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
    "headers",
    "basicAuth",
    "proxy",
    "tls",
    "maxConnections",
    "maxConnectionAge",
    "handlers",
    "queueLimit",
];

/// Keys of `retry`.
pub const RETRY: &[&str] = &["attempts", "baseDelayMs", "maxDelayMs"];
/// Keys of `basicAuth`.
pub const BASIC_AUTH: &[&str] = &["username", "password"];
/// Keys of `proxy`.
pub const PROXY: &[&str] = &["url", "username", "password", "noProxy"];
/// Keys of `tls`.
pub const TLS: &[&str] = &["caFile", "certFile", "keyFile", "minVersion"];

/// Refuses keys that are nearly known ones and warns of the other unknown ones.
pub fn check(given: &Object, path: &str, known: &[&str]) -> Result<()> {
    for key in given.keys().filter(|key| !known.contains(&key.as_str())) {
        let full = read_path(path, key);
        if let Some(meant) = known.iter().find(|known| is_near(key, known)) {
            let meant = read_path(path, meant);
            return Err(Error::field(
                Status::Config,
                &full,
                format!("unknown key; did you mean {meant}?"),
            ));
        }
        log::warn(|| format!("configuration key {} is unknown and ignored", shown(&full)));
    }
    Ok(())
}

/// A name as the log may hold it: one that is no ordinary word could be a value in the wrong place.
pub fn shown(name: &str) -> String {
    let is_word = name.len() <= 40
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphabetic() || "_.-".contains(letter));
    if is_word {
        format!("{name:?}")
    } else {
        "(whose name is not shown here)".to_owned()
    }
}

/// The full name of a key inside a section.
pub fn read_path(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// Whether a word is probably meant for a known one.
pub fn is_near(key: &str, known: &str) -> bool {
    // In a word of three or four letters, two other letters make another word.
    let allowed = if key.len().min(known.len()) <= 4 {
        1
    } else {
        2
    };
    key.len().abs_diff(known.len()) <= allowed
        && distance(&key.to_lowercase(), &known.to_lowercase()) <= allowed
}

/// How many letters must be added, dropped, changed or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for row in 1..=one.len() {
        let mut current = vec![row];
        for column in 1..=other.len() {
            let change = usize::from(one[row - 1] != other[column - 1]);
            let mut best = (above[column] + 1)
                .min(current[column - 1] + 1)
                .min(above[column - 1] + change);
            let swapped = row > 1
                && column > 1
                && one[row - 1] == other[column - 2]
                && one[row - 2] == other[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_keys_are_told_from_other_words() {
        for (key, known) in [
            ("dataUrl", "dataURL"),
            ("dataurl", "dataURL"),
            ("ajaxTimout", "ajaxTimeout"),
            ("apiKey", "apikey"),
            ("apiVerison", "apiVersion"),
            ("from", "form"),
            ("retries", "retry"),
        ] {
            assert_eq!(is_near(key, known), key != "retries", "{key}");
        }
        assert!(!is_near("url", "tls"));
        assert!(!is_near("theme", "ewt"));
        assert!(!is_near("é", "tls"));
    }
}
