//! The active faults, and which one applies to a request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::fault::Fault;
use crate::http::errors::ParameterError;
use crate::http::fields::Fields;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
