//! How long a server keeps an idle connection open, as its `Keep-Alive` header says.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What a server announces.
#[derive(Debug, Default, PartialEq)]
pub struct KeepAlive {
    /// How long the connection can be idle before it must not be used any more.
    pub idle_timeout: Option<Duration>,
    /// How many more requests the server takes.
    pub requests_left: Option<u64>,
}

impl KeepAlive {
    /// Reads `Keep-Alive: timeout=5, max=100`; of several values, the smallest counts.
    pub fn parse(headers: &HeaderMap) -> KeepAlive {
        let mut keep_alive = KeepAlive::default();
        let values = headers.get_all(&KEEP_ALIVE).into_iter();
        let values = values.filter_map(|value| value.to_str().ok());
        for parameter in values.flat_map(|value| value.split([',', ';'])) {
            // Old servers send a number of seconds alone.
            let (name, value) = parameter.split_once('=').unwrap_or(("timeout", parameter));
            let digits = value.trim().trim_matches('"');
            let Ok(number) = digits.split('.').next().unwrap_or_default().parse::<u64>() else {
                continue;
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "timeout" => set_least(&mut keep_alive.idle_timeout, usable_time(number)),
                "max" => set_least(&mut keep_alive.requests_left, number),
                _ => {}
            }
        }
        keep_alive
    }
}

/// The server may close the connection while a request is on its way, so the last second is not
/// used; of a short time, the second half.
fn usable_time(seconds: u64) -> Duration {
    let timeout = Duration::from_secs(seconds);
    timeout.saturating_sub(Duration::from_secs(1).min(timeout / 2))
}

fn set_least<T: Ord>(least: &mut Option<T>, value: T) {
    if least.as_ref().is_none_or(|least| value < *least) {
        *least = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_second_of_the_timeout_is_not_used() {
        for (value, milliseconds, requests_left) in [
            ("timeout=5", Some(4_000), None),
            ("timeout=5, max=100", Some(4_000), Some(100)),
            ("Max=0,TimeOut = \"65\"", Some(64_000), Some(0)),
            ("timeout=2", Some(1_000), None),
            ("timeout=1", Some(500), None),
            ("timeout=0", Some(0), None),
            ("timeout=1.5", Some(500), None),
            ("300", Some(299_000), None),
            ("timeout=30, timeout=10", Some(9_000), None),
            ("max=1", None, Some(1)),
            ("timeout=", None, None),
            ("timeout=-1, x=5, y", None, None),
            ("", None, None),
        ] {
            let headers =
                HeaderMap::from_iter([("keep-alive".parse().unwrap(), value.parse().unwrap())]);
            let expected = KeepAlive {
                idle_timeout: milliseconds.map(Duration::from_millis),
                requests_left,
            };
            assert_eq!(KeepAlive::parse(&headers), expected, "{value}");
        }
    }
}
