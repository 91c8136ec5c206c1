//! Fault rules: which requests fail, how, and how often.

use std::sync::{Mutex, MutexGuard, PoisonError};
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
    id: u64,
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
    count: Option<u64>,
    /// From 0 to 1.
    probability: f64,
    hit_count: u64,
}

/// The active faults.
#[derive(Debug, Default)]
pub(crate) struct FaultRules(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    faults: Vec<Fault>,
}

impl FaultRules {
    /// Adds a fault and returns it as JSON.
    pub(crate) fn add(&self, fields: &Fields) -> Result<Value, ParameterError> {
        let mut fault = Fault::parse(fields)?;
        let mut state = self.lock();
        state.last_id += 1;
        fault.id = state.last_id;
        let json = fault.to_json();
        state.faults.push(fault);
        Ok(json)
    }

    /// All faults in the order in which they were added.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        self.lock().faults.iter().map(Fault::to_json).collect()
    }

    /// Returns whether the fault existed.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut state = self.lock();
        let before = state.faults.len();
        state.faults.retain(|fault| fault.id != id);
        state.faults.len() < before
    }

    pub(crate) fn clear(&self) {
        self.lock().faults.clear();
    }

    /// Selects the first fault that applies to a request, and counts it.
    pub(crate) fn select(
        &self,
        method: &str,
        path: &str,
        operation: Option<&str>,
    ) -> Option<Fault> {
        let mut state = self.lock();
        let fault = state
            .faults
            .iter_mut()
            .find(|fault| fault.matches(method, path, operation) && fault.roll())?;
        fault.hit_count += 1;
        fault.count = fault.count.map(|count| count - 1);
        Some(fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn parse(fields: &Fields) -> Result<Fault, ParameterError> {
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

    fn matches(&self, method: &str, path: &str, operation: Option<&str>) -> bool {
        let route = self.route.as_deref().unwrap_or("/").trim_end_matches('/');
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && (self.operation.is_none() || self.operation.as_deref() == operation)
            && begins_with(path, route)
    }

    /// Decides by count and probability whether the fault happens this time.
    fn roll(&self) -> bool {
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

    fn to_json(&self) -> Value {
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

    fn faults(fault: Value) -> FaultRules {
        let faults = FaultRules::default();
        faults.add(fault.as_object().unwrap()).unwrap();
        faults
    }

    #[test]
    fn route_and_method_select_requests() {
        let faults = faults(
            json!({"route": "/genesys/1/service/callback/*/availability", "method": "get", "status": 503}),
        );
        assert!(faults
            .select(
                "GET",
                "/genesys/1/service/callback/samples/availability",
                None
            )
            .is_some());
        assert!(faults
            .select(
                "POST",
                "/genesys/1/service/callback/samples/availability",
                None
            )
            .is_none());
        assert!(faults
            .select("GET", "/genesys/1/service/callback/samples", None)
            .is_none());
        assert!(faults
            .select(
                "GET",
                "/genesys/1/service/callbacks/samples/availability",
                None
            )
            .is_none());
    }

    #[test]
    fn operation_selects_requests_of_both_apis() {
        let faults = faults(json!({"operation": "cancel", "status": 503}));
        assert!(faults.select("POST", "/x", Some("cancel")).is_some());
        assert!(faults.select("POST", "/x", Some("schedule")).is_none());
        assert!(faults.select("POST", "/x", None).is_none());
        let both = json!({"operation": "cancel", "route": "/engagement", "status": 503});
        let both = self::faults(both);
        assert!(both
            .select("POST", "/engagement/v3", Some("cancel"))
            .is_some());
        assert!(both.select("POST", "/genesys", Some("cancel")).is_none());
    }

    #[test]
    fn count_and_probability() {
        let twice = faults(json!({"reset": "after", "count": "2"}));
        let hits = (0..5)
            .filter(|_| twice.select("GET", "/x", None).is_some())
            .count();
        assert_eq!(hits, 2);
        assert_eq!(twice.to_json()[0]["hits"], 2);
        let never = faults(json!({"delayMs": 5, "probability": 0}));
        assert!((0..100).all(|_| never.select("GET", "/x", None).is_none()));
        let sometimes = faults(json!({"delayMs": 5, "probability": "0.5"}));
        let hits = (0..1000)
            .filter(|_| sometimes.select("GET", "/x", None).is_some())
            .count();
        assert!((300..700).contains(&hits), "{hits}");
    }

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
            assert!(
                FaultRules::default()
                    .add(fault.as_object().unwrap())
                    .is_err(),
                "{fault}"
            );
        }
    }
}
