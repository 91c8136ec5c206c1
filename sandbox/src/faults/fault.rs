//! One fault: which requests it applies to, what it does, and how often.

use std::time::Duration;

use serde_json::{json, Value};
use uuid::Uuid;

use crate::http::errors::ParameterError;
use crate::http::fields::{self, Fields};
use crate::http::operation;
use crate::http::paths::begins_with;

const MAX_DELAY_MS: u64 = 600_000;
/// The largest integer that JavaScript represents exactly.
const MAX_COUNT: u64 = (1 << 53) - 1;
const KEYS: [&str; 12] = [
    "operation",
    "route",
    "method",
    "carryOut",
    "delayMs",
    "status",
    "body",
    "retryAfter",
    "reset",
    "cutBody",
    "count",
    "probability",
];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetPoint {
    /// Before the request is carried out: nothing is booked.
    Before,
    /// After the request is carried out: the response is lost.
    After,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    /// Counts from 1.
    pub(super) id: u64,
    /// A name of [`operation`]. `None` matches every request.
    operation: Option<String>,
    /// The first segments of the path; `*` matches any segment. `None` matches every path.
    route: Option<String>,
    method: Option<String>,
    /// Carry the request out first, so that the rest of the fault only affects the response.
    pub(crate) carry_out: bool,
    /// The wait before the request is carried out, or after it.
    pub(crate) delay: Option<Duration>,
    /// The status of the response; the request is not carried out unless `carry_out` is set.
    pub(crate) status: Option<u16>,
    /// Replaces the API's usual body for this status.
    pub(crate) body: Option<Value>,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) reset: Option<ResetPoint>,
    /// Close the connection after this many bytes of the response body.
    pub(crate) cut_body: Option<usize>,
    /// How many times the fault still happens; `None` means always.
    pub(super) count: Option<u64>,
    /// From 0 to 1.
    probability: f64,
    pub(super) hit_count: u64,
}

impl Fault {
    pub(super) fn parse(fields: &Fields) -> Result<Fault, ParameterError> {
        if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let expected = format!("one of {}", KEYS.join(", "));
            return Err(ParameterError::invalid(unknown, expected));
        }
        let number = |name: &str, max: u64| fields::whole_number(fields, name, max);
        let fault = Fault {
            operation: fields::text(fields, "operation")?.map(str::to_owned),
            route: fields::text(fields, "route")?.map(str::to_owned),
            method: fields::text(fields, "method")?.map(str::to_ascii_uppercase),
            carry_out: fields::boolean(fields, "carryOut")?.unwrap_or(false),
            delay: number("delayMs", MAX_DELAY_MS)?.map(Duration::from_millis),
            status: number("status", 599)?.and_then(|status| u16::try_from(status).ok()),
            body: fields.get("body").filter(|body| !body.is_null()).cloned(),
            retry_after: number("retryAfter", u64::from(u32::MAX))?,
            reset: reset_point(fields)?,
            cut_body: number("cutBody", u64::from(u32::MAX))?
                .and_then(|bytes| usize::try_from(bytes).ok()),
            count: number("count", MAX_COUNT)?,
            probability: probability(fields)?,
            ..Fault::default()
        };
        match fault.validation_error() {
            Some(message) => Err(ParameterError::new(message)),
            None => Ok(fault),
        }
    }

    /// Returns why this fault would have no effect, or which of its members would have none.
    fn validation_error(&self) -> Option<&'static str> {
        let route = self.route.as_deref().unwrap_or("/");
        let method = self.method.as_deref().unwrap_or("GET");
        let (responds, cuts) = (self.status.is_some(), self.cut_body.is_some());
        let is_empty = self.status.is_some_and(|status| !may_have_body(status));
        let operation = self.operation.as_deref();
        let errors = [
            (
                operation.is_some_and(|name| !operation::is_known(name)),
                "Invalid parameter operation: not the name of an operation, such as schedule or cancel.",
            ),
            (
                self.status.is_some_and(|status| status < 200),
                "Invalid parameter status: not from 200 to 599.",
            ),
            (
                !route.starts_with('/'),
                "Invalid parameter route: not a path that begins with /.",
            ),
            (
                route.contains('?'),
                "Invalid parameter route: only paths are compared, without a query.",
            ),
            (
                !METHODS.contains(&method),
                "Invalid parameter method: not one of GET, POST, PUT, DELETE.",
            ),
            (
                self.count == Some(0),
                "Invalid parameter count: not a whole number above 0.",
            ),
            (
                self.delay.is_none() && !responds && self.reset.is_none() && !cuts,
                "The fault would have no effect: give delayMs, status, reset or cutBody.",
            ),
            (
                self.reset.is_some() && (responds || cuts),
                "A connection that is reset carries no response: leave out status and cutBody.",
            ),
            (
                self.carry_out && self.reset == Some(ResetPoint::Before),
                "A connection that is reset before the request is carried out cannot have carryOut.",
            ),
            (
                self.carry_out && self.delay.is_none() && !responds,
                "carryOut would have no effect: give delayMs or status.",
            ),
            (
                !responds && (self.body.is_some() || self.retry_after.is_some()),
                "body and retryAfter need a status.",
            ),
            (
                is_empty && (self.body.is_some() || cuts),
                "A response with this status has no body: leave out body and cutBody.",
            ),
        ];
        errors
            .into_iter()
            .find(|(applies, _)| *applies)
            .map(|(_, message)| message)
    }

    pub(super) fn matches(&self, method: &str, path: &str, operation: Option<&str>) -> bool {
        let route = self.route.as_deref().unwrap_or("/").trim_end_matches('/');
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && (self.operation.is_none() || self.operation.as_deref() == operation)
            && begins_with(path, route)
    }

    /// Decides by count and probability whether the fault happens this time.
    pub(super) fn roll(&self) -> bool {
        let random = || (Uuid::new_v4().as_u128() >> 64) as f64 / u64::MAX as f64;
        self.count != Some(0) && (self.probability >= 1.0 || random() < self.probability)
    }

    /// Describes the effect in a few words.
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        if self.carry_out {
            parts.push("carry out the request".to_owned());
        }
        if let Some(delay) = self.delay {
            parts.push(format!("delay {} ms", delay.as_millis()));
        }
        if let Some(status) = self.status {
            parts.push(format!("status {status}"));
        }
        match self.reset {
            Some(ResetPoint::Before) => {
                parts.push("reset before the request is carried out".to_owned());
            }
            Some(ResetPoint::After) => {
                parts.push("reset after the request is carried out".to_owned());
            }
            None => {}
        }
        if let Some(bytes) = self.cut_body {
            parts.push(format!("cut the body after {bytes} bytes"));
        }
        parts.join(", ")
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({"id": self.id, "summary": self.summary(), "hits": self.hit_count});
        let reset = self.reset.map(|reset| match reset {
            ResetPoint::Before => "before",
            ResetPoint::After => "after",
        });
        let delay = self
            .delay
            .and_then(|delay| u64::try_from(delay.as_millis()).ok());
        for (key, value) in [
            ("operation", json!(self.operation)),
            ("route", json!(self.route)),
            ("method", json!(self.method)),
            ("carryOut", json!(self.carry_out.then_some(true))),
            ("delayMs", json!(delay)),
            ("status", json!(self.status)),
            ("body", json!(self.body)),
            ("retryAfter", json!(self.retry_after)),
            ("reset", json!(reset)),
            ("cutBody", json!(self.cut_body)),
            ("count", json!(self.count)),
            ("probability", json!(self.probability)),
        ] {
            if !value.is_null() {
                json[key] = value;
            }
        }
        json
    }
}

/// Whether a response with this status may have a body.
pub(crate) fn may_have_body(status: u16) -> bool {
    !matches!(status, 204 | 304)
}

fn probability(fields: &Fields) -> Result<f64, ParameterError> {
    let probability = fields::number(fields, "probability")?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&probability) {
        Ok(probability)
    } else {
        Err(ParameterError::invalid(
            "probability",
            "a number from 0 to 1",
        ))
    }
}

fn reset_point(fields: &Fields) -> Result<Option<ResetPoint>, ParameterError> {
    match fields::text(fields, "reset")? {
        None => Ok(None),
        Some("before") => Ok(Some(ResetPoint::Before)),
        Some("after") => Ok(Some(ResetPoint::After)),
        Some(_) => Err(ParameterError::invalid("reset", "before or after")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_faults_are_rejected() {
        for fault in [
            json!({}),
            json!({"delay": 1}),
            json!({"status": 99}),
            json!({"status": "soon"}),
            json!({"reset": true}),
            json!({"reset": "now"}),
            json!({"delayMs": 1, "probability": 2}),
            json!({"delayMs": 1, "route": "genesys"}),
            json!({"delayMs": -1}),
            json!({"delayMs": 1, "count": 0}),
            json!({"delayMs": 1, "method": "PATCH"}),
            json!({"delayMs": 1, "route": "/genesys?a=b"}),
            json!({"delayMs": 1, "body": "x"}),
            json!({"cutBody": 1, "retryAfter": 1}),
            json!({"reset": "before", "status": 500}),
            json!({"reset": "after", "cutBody": 1}),
            json!({"operation": "delete", "delayMs": 1}),
            json!({"carryOut": true}),
            json!({"carryOut": "yes", "status": 500}),
            json!({"carryOut": true, "cutBody": 1}),
            json!({"carryOut": true, "reset": "after"}),
            json!({"carryOut": true, "delayMs": 1, "reset": "before"}),
            json!({"status": 204, "body": "x"}),
            json!({"status": 304, "cutBody": 1}),
        ] {
            assert!(Fault::parse(fault.as_object().unwrap()).is_err(), "{fault}");
        }
    }
}
