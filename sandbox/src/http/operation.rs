//! The operations of the two APIs by name, the same name for both. The names are those of the
//! library's commands.

use super::paths::matches;
use super::query::Query;

/// Name, method and path; `*` matches any segment. The first one that matches counts.
const OPERATIONS: [(&str, &str, &str); 21] = [
    ("schedule", "POST", "/genesys/1/service/callback/*"),
    ("schedule", "POST", "/engagement/v3/callbacks/create"),
    (
        AVAILABILITY,
        "GET",
        "/genesys/1/service/callback/*/availability",
    ),
    (
        AVAILABILITY,
        "GET",
        "/genesys/2/service/callback/*/availability",
    ),
    (
        AVAILABILITY,
        "GET",
        "/engagement/v3/callbacks/availability/*",
    ),
    (CANCEL, "DELETE", "/genesys/1/service/callback/*/*"),
    (CANCEL, "POST", "/engagement/v3/callbacks/cancel"),
    (RESCHEDULE, "PUT", "/genesys/1/service/callback/*/*"),
    (RETRIEVE, "POST", "/engagement/v3/callbacks/retrieve"),
    (QUERY, "GET", "/genesys/1/service/callback"),
    (QUERY, "GET", "/genesys/1/service/callback/*"),
    (
        "queuePosition",
        "GET",
        "/genesys/1/service/*/check-queue-position",
    ),
    (
        "estimatedWaitTime",
        "GET",
        "/engagement/v3/estimated-wait-time",
    ),
    (
        "queueStatus",
        "GET",
        "/engagement/v3/callbacks/queue-status/*",
    ),
    ("openFor", "GET", "/engagement/v3/callbacks/open-for/*"),
    (CALL_IN, "POST", "/engagement/v3/call-in/requests/create"),
    ("phoneNumber", "GET", "/genesys/1/phonenumber"),
    ("adminQueues", "GET", "/genesys/1/admin/callback/queues"),
    (
        "adminWatermarks",
        "GET",
        "/genesys/1/admin/callback/watermarks",
    ),
    (ADMIN_CANCEL, "POST", "/genesys/1/admin/callback/cancel"),
    (
        "adminReport",
        "POST",
        "/genesys/1/admin/callback/reportcancelled",
    ),
];

const AVAILABILITY: &str = "availability";
const QUERY: &str = "query";
const RETRIEVE: &str = "retrieve";
pub(crate) const CANCEL: &str = "cancel";
pub(crate) const RESCHEDULE: &str = "reschedule";
pub(crate) const CALL_IN: &str = "callIn";
pub(crate) const ADMIN_CANCEL: &str = "adminCancel";

/// The operation that a request asks for. A v1 query by `_id` alone is `retrieve`.
pub(crate) fn of_request(method: &str, path: &str, query: Option<&str>) -> Option<&'static str> {
    let (name, ..) = OPERATIONS
        .iter()
        .find(|(_, own_method, pattern)| *own_method == method && matches(path, pattern))?;
    if *name == QUERY && is_by_id(query) {
        return Some(RETRIEVE);
    }
    Some(name)
}

/// The operations whose requests are counted, because they must not be sent twice.
pub(crate) fn is_counted(name: &str) -> bool {
    [CANCEL, RESCHEDULE, CALL_IN, ADMIN_CANCEL].contains(&name)
}

pub(crate) fn is_known(name: &str) -> bool {
    OPERATIONS.iter().any(|(known, ..)| *known == name)
}

fn is_by_id(query: Option<&str>) -> bool {
    Query::parse(query).is_ok_and(|query| {
        let mut names = query.pairs().map(|(name, _)| name);
        names.next() == Some("_id") && names.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_same_name_in_both_apis() {
        let v1 = "/genesys/1/service/callback";
        let v3 = "/engagement/v3/callbacks";
        for (method, path, expected) in [
            ("DELETE", format!("{v1}/samples/369-1"), Some("cancel")),
            ("POST", format!("{v3}/cancel"), Some("cancel")),
            ("PUT", format!("{v1}/samples/369-1"), Some("reschedule")),
            ("GET", format!("{v1}/samples"), Some("query")),
            (
                "GET",
                format!("{v1}/samples/availability"),
                Some("availability"),
            ),
            ("GET", format!("{v1}/samples/369-1"), None),
            ("OPTIONS", format!("{v3}/cancel"), None),
            ("POST", format!("{v3}/cancel/x"), None),
            ("POST", v3.to_owned(), None),
        ] {
            assert_eq!(of_request(method, &path, None), expected, "{method} {path}");
        }
    }

    #[test]
    fn v1_query_by_id_alone_is_retrieve() {
        let name = |query| of_request("GET", "/genesys/1/service/callback", Some(query));
        assert_eq!(name("_id=369-1"), Some("retrieve"));
        assert_eq!(name("%5Fid=369-1"), Some("retrieve"));
        for query in [
            "",
            "_customer_number=1",
            "_id=1&_customer_number=1",
            "_id=1&_id=2",
            "%zz",
        ] {
            assert_eq!(name(query), Some("query"), "{query}");
        }
    }

    /// Every operation of the two APIs in the OpenAPI description has a name here.
    #[test]
    fn every_described_operation_has_a_name() {
        let description: serde_json::Value =
            serde_json::from_str(include_str!("../web/openapi.json")).unwrap();
        let mut count = 0;
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                if path.starts_with("/sandbox") {
                    continue;
                }
                let concrete = path.replace(['{', '}'], "");
                let name = of_request(&method.to_ascii_uppercase(), &concrete, None);
                assert!(name.is_some(), "{method} {path}");
                count += 1;
            }
        }
        // One entry per operation; the query of v1 by id shares its path with the query.
        assert_eq!(count, OPERATIONS.len());
    }
}
