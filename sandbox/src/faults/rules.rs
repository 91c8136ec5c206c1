//! Faults on demand: what shall go wrong, for which requests, how often.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{json, Map, Value};
use uuid::Uuid;

use crate::booking::BookingError;

/// The longest delay that can be asked for.
const LONGEST_DELAY_MS: u64 = 600_000;
const KEYS: [&str; 10] = [
    "route",
    "method",
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
pub(crate) enum Reset {
    /// Before the request is looked at: nothing is booked.
    Before,
    /// After it has been carried out: the answer is lost.
    After,
}

/// What shall go wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    /// Its number, from 1 on.
    pub(crate) id: u64,
    /// The beginning of the path, segment by segment; `*` is any segment. Absent means every path.
    route: Option<String>,
    /// The method; absent means every one.
    method: Option<String>,
    /// Wait so long before anything else happens.
    pub(crate) delay: Option<Duration>,
    /// Answer with this status; the request is not carried out.
    pub(crate) status: Option<u16>,
    /// The body of that answer, in place of the API's usual one.
    pub(crate) body: Option<Value>,
    /// Seconds in a `Retry-After` header of that answer.
    pub(crate) retry_after: Option<u64>,
    /// Reset the connection.
    pub(crate) reset: Option<Reset>,
    /// Close the connection after so many bytes of the answer's body.
    pub(crate) cut_body: Option<usize>,
    /// How many more times; absent means always.
    count: Option<u64>,
    /// How often, from 0 to 1.
    probability: f64,
    /// How many times it has happened.
    hits: u64,
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    faults: Vec<Fault>,
}

impl Faults {
    /// Switches one on, from the members of an object, and shows it.
    pub(crate) fn add(&self, fields: &Map<String, Value>) -> Result<Value, BookingError> {
        let mut fault = Fault::read(fields)?;
        let mut state = self.lock();
        state.last += 1;
        fault.id = state.last;
        let shown = fault.shown();
        state.faults.push(fault);
        Ok(shown)
    }

    /// All of them, in the order in which they were switched on.
    pub(crate) fn shown(&self) -> Vec<Value> {
        self.lock().faults.iter().map(Fault::shown).collect()
    }

    /// Switches one off; whether there was one.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut state = self.lock();
        let before = state.faults.len();
        state.faults.retain(|fault| fault.id != id);
        state.faults.len() < before
    }

    /// Switches all off.
    pub(crate) fn clear(&self) {
        self.lock().faults.clear();
    }

    /// What goes wrong with a request: the first fault that is meant for it.
    pub(crate) fn strike(&self, method: &str, path: &str) -> Option<Fault> {
        let mut state = self.lock();
        let fault = state
            .faults
            .iter_mut()
            .find(|fault| fault.is_for(method, path) && fault.happens())?;
        fault.hits += 1;
        fault.count = fault.count.map(|count| count - 1);
        Some(fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn read(fields: &Map<String, Value>) -> Result<Fault, BookingError> {
        if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(wrong(unknown, &format!("one of {}", KEYS.join(", "))));
        }
        let fault = Fault {
            route: text(fields, "route")?,
            method: text(fields, "method")?.map(|method| method.to_ascii_uppercase()),
            delay: number(fields, "delayMs", LONGEST_DELAY_MS)?.map(Duration::from_millis),
            status: number(fields, "status", 599)?.and_then(|status| u16::try_from(status).ok()),
            body: fields.get("body").filter(|body| !body.is_null()).cloned(),
            retry_after: number(fields, "retryAfter", u64::from(u32::MAX))?,
            reset: reset(text(fields, "reset")?.as_deref())?,
            cut_body: number(fields, "cutBody", u64::from(u32::MAX))?
                .and_then(|bytes| usize::try_from(bytes).ok()),
            count: number(fields, "count", (1 << 53) - 1)?,
            probability: probability(fields.get("probability"))?,
            ..Fault::default()
        };
        match fault.mistake() {
            Some(mistake) => Err(BookingError::Parameter(mistake.to_owned())),
            None => Ok(fault),
        }
    }

    /// Why it could never strike, or what it says in vain.
    fn mistake(&self) -> Option<&'static str> {
        let route = self.route.as_deref().unwrap_or("/");
        let method = self.method.as_deref().unwrap_or("GET");
        let (answers, cuts) = (self.status.is_some(), self.cut_body.is_some());
        let is_empty = self.status.is_some_and(|status| !may_have_body(status));
        let mistakes = [
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
                "Invalid parameter route: a path without a query is compared.",
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
                self.delay.is_none() && !answers && self.reset.is_none() && !cuts,
                "Nothing would go wrong: give delayMs, status, reset or cutBody.",
            ),
            (
                self.reset.is_some() && (answers || cuts),
                "Nothing is answered on a connection that is reset: leave out status and cutBody.",
            ),
            (
                !answers && (self.body.is_some() || self.retry_after.is_some()),
                "body and retryAfter belong to an answer that is ordered: give status too.",
            ),
            (
                is_empty && (self.body.is_some() || cuts),
                "An answer with this status has no body: leave out body and cutBody.",
            ),
        ];
        mistakes
            .into_iter()
            .find(|(found, _)| *found)
            .map(|(_, mistake)| mistake)
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        let route = self.route.as_deref().unwrap_or("/").trim_end_matches('/');
        let mut segments = path.split('/');
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && route.split('/').all(|wanted| {
                segments
                    .next()
                    .is_some_and(|segment| wanted == "*" || wanted == segment)
            })
    }

    fn happens(&self) -> bool {
        let chance = || (Uuid::new_v4().as_u128() >> 64) as f64 / u64::MAX as f64;
        self.count != Some(0) && (self.probability >= 1.0 || chance() < self.probability)
    }

    /// What it does, in a few words.
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(delay) = self.delay {
            parts.push(format!("delay {} ms", delay.as_millis()));
        }
        if let Some(status) = self.status {
            parts.push(format!("status {status}"));
        }
        match self.reset {
            Some(Reset::Before) => parts.push("reset before the request is carried out".to_owned()),
            Some(Reset::After) => parts.push("reset after the request is carried out".to_owned()),
            None => {}
        }
        if let Some(bytes) = self.cut_body {
            parts.push(format!("cut the body after {bytes} bytes"));
        }
        parts.join(", ")
    }

    fn shown(&self) -> Value {
        let mut shown = json!({"id": self.id, "summary": self.summary(), "hits": self.hits});
        let reset = self.reset.map(|reset| match reset {
            Reset::Before => "before",
            Reset::After => "after",
        });
        let delay = self
            .delay
            .and_then(|delay| u64::try_from(delay.as_millis()).ok());
        for (key, value) in [
            ("route", json!(self.route)),
            ("method", json!(self.method)),
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
                shown[key] = value;
            }
        }
        shown
    }
}

/// Whether an answer with this status may have a body.
pub(crate) fn may_have_body(status: u16) -> bool {
    !matches!(status, 204 | 304)
}

fn wrong(name: &str, wanted: &str) -> BookingError {
    BookingError::Parameter(format!("Invalid parameter {name}: not {wanted}."))
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, BookingError> {
    match fields.get(name).filter(|value| !is_absent(value)) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "text")),
    }
}

/// A whole number, also as text, which is all that a form has.
fn number(
    fields: &Map<String, Value>,
    name: &str,
    largest: u64,
) -> Result<Option<u64>, BookingError> {
    let Some(value) = fields.get(name).filter(|value| !is_absent(value)) else {
        return Ok(None);
    };
    let whole = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let read = value
        .as_u64()
        .or_else(|| value.as_f64().and_then(whole))
        .or_else(|| value.as_str()?.parse().ok());
    match read.filter(|number| *number <= largest) {
        Some(number) => Ok(Some(number)),
        None => Err(wrong(name, &format!("a whole number from 0 to {largest}"))),
    }
}

fn probability(value: Option<&Value>) -> Result<f64, BookingError> {
    let Some(value) = value.filter(|value| !is_absent(value)) else {
        return Ok(1.0);
    };
    let read = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    read.filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| wrong("probability", "a number from 0 to 1"))
}

fn reset(text: Option<&str>) -> Result<Option<Reset>, BookingError> {
    match text {
        None => Ok(None),
        Some("before") => Ok(Some(Reset::Before)),
        Some("after") => Ok(Some(Reset::After)),
        Some(_) => Err(wrong("reset", "before or after")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(fault: Value) -> Faults {
        let faults = Faults::default();
        faults.add(fault.as_object().unwrap()).unwrap();
        faults
    }

    #[test]
    fn routes_and_methods_choose() {
        let faults = faults(
            json!({"route": "/genesys/1/service/callback/*/availability", "method": "get", "status": 503}),
        );
        assert!(faults
            .strike("GET", "/genesys/1/service/callback/samples/availability")
            .is_some());
        assert!(faults
            .strike("POST", "/genesys/1/service/callback/samples/availability")
            .is_none());
        assert!(faults
            .strike("GET", "/genesys/1/service/callback/samples")
            .is_none());
        assert!(faults
            .strike("GET", "/genesys/1/service/callbacks/samples/availability")
            .is_none());
    }

    #[test]
    fn counts_end_and_chances_are_taken() {
        let twice = faults(json!({"reset": "after", "count": "2"}));
        let strikes = (0..5)
            .filter(|_| twice.strike("GET", "/x").is_some())
            .count();
        assert_eq!(strikes, 2);
        assert_eq!(twice.shown()[0]["hits"], 2);
        let never = faults(json!({"delayMs": 5, "probability": 0}));
        assert!((0..100).all(|_| never.strike("GET", "/x").is_none()));
        let sometimes = faults(json!({"delayMs": 5, "probability": "0.5"}));
        let strikes = (0..1000)
            .filter(|_| sometimes.strike("GET", "/x").is_some())
            .count();
        assert!((300..700).contains(&strikes), "{strikes}");
    }

    #[test]
    fn wrong_faults_are_refused() {
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
            json!({"status": 204, "body": "x"}),
            json!({"status": 304, "cutBody": 1}),
        ] {
            assert!(
                Faults::default().add(fault.as_object().unwrap()).is_err(),
                "{fault}"
            );
        }
    }
}
