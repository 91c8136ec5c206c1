//! Operations of v3 besides create and availability.

use serde_json::{json, Value};

use crate::client::{start, start_with, Server, V1, V3};
use crate::times::{closed_now, slot_in_hours, text};

fn create(server: &Server, time: Option<&str>) -> String {
    let body =
        json!({"serviceName": "samples", "phoneNumber": "+15551234567", "desiredTime": time});
    let body = server.post_json(&format!("{V3}/create"), body).expect(200);
    body["data"]["id"].as_str().unwrap().to_owned()
}

fn post(server: &Server, operation: &str, id: &str) -> crate::client::Response {
    server.post_json(&format!("{V3}/{operation}"), json!({"id": id}))
}

#[test]
fn retrieve_and_cancel() {
    let server = start(&[]);
    let time = text(slot_in_hours(30));
    let id = create(&server, Some(&time));
    let record = post(&server, "retrieve", &id).expect(200)["data"].clone();
    let expected = json!({"id": id, "desiredTime": time, "callbackState": "SCHEDULED", "phoneNumber": "+15551234567"});
    assert_eq!(record, expected);
    let cancelled = post(&server, "cancel", &id).expect(200);
    assert_eq!(
        (&cancelled["data"], &cancelled["status"]["code"]),
        (&json!({"id": id}), &json!(0))
    );
    let record = post(&server, "retrieve", &id).expect(200)["data"].clone();
    assert_eq!(
        (&record["callbackState"], &record["callbackReason"]),
        (&json!("COMPLETED"), &json!("CANCELLED"))
    );
    post(&server, "cancel", &id).expect(400);
    for operation in ["retrieve", "cancel"] {
        let unknown = uuid::Uuid::new_v4().to_string();
        let missing = post(&server, operation, &unknown).expect(404);
        assert!(missing["status"]["code"].is_number() && missing["status"]["corrId"].is_string());
        assert_eq!(
            server
                .post_json(&format!("{V3}/{operation}"), json!({}))
                .expect(400)["status"]["code"],
            501
        );
    }
}

#[test]
fn ids_are_accepted_in_any_case() {
    let server = start(&[]);
    let id = create(&server, None);
    let capital = id.to_uppercase();
    assert_eq!(
        post(&server, "retrieve", &capital).expect(200)["data"]["id"],
        id.as_str()
    );
    let booked = server
        .post_json(&format!("{V1}/samples"), json!({"_customer_number": "1"}))
        .expect(200);
    let others = [
        booked["_id"].as_str().unwrap(),
        "nobody",
        &id.replace('-', ""),
        &format!("{{{id}}}"),
    ]
    .map(str::to_owned);
    for other in others {
        for operation in ["retrieve", "cancel"] {
            assert_eq!(
                post(&server, operation, &other).expect(404)["status"]["code"],
                404,
                "{other}"
            );
        }
    }
    assert_eq!(
        post(&server, "cancel", &capital).expect(200)["data"],
        json!({"id": id})
    );
}

#[test]
fn paused_callback_is_reported_as_queued() {
    let server = start(&[]);
    let id = create(&server, None);
    let headers = ["Content-Type: application/json"];
    let body = json!({"_callback_state": "PAUSED"}).to_string();
    server
        .send(
            "PUT",
            &format!("{V1}/samples/{id}"),
            &headers,
            body.as_bytes(),
        )
        .expect(200);
    assert_eq!(
        server.get(&format!("{V1}?_id={id}")).expect(200)[0]["_callback_state"],
        "PAUSED"
    );
    assert_eq!(
        post(&server, "retrieve", &id).expect(200)["data"]["callbackState"],
        "QUEUED"
    );
}

#[test]
fn queue_status_and_estimated_wait() {
    let server =
        start_with("[services.samples]\nvirtual_queue = \"VQ\"\n[services.empty]\nagents = 0\n");
    let get = |path: &str| server.get(&format!("/engagement/v3{path}"));
    let status =
        |queue: &str| get(&format!("/callbacks/queue-status/{queue}")).expect(200)["data"].clone();
    let nobody_yet =
        json!({"ewt": -1, "offerImmediateCallback": true, "offerScheduledCallback": true});
    assert_eq!(status("VQ"), nobody_yet);
    let no_agents =
        json!({"ewt": -1, "offerImmediateCallback": false, "offerScheduledCallback": false});
    assert_eq!(status("empty"), no_agents);
    assert_eq!(
        get("/callbacks/queue-status/nobody").expect(400)["status"]["code"],
        7040
    );
    let (first, second) = (create(&server, None), create(&server, None));
    let record = post(&server, "retrieve", &second).expect(200)["data"].clone();
    assert_eq!(
        (&record["callbackState"], &record["positionInQueue"]),
        (&json!("QUEUED"), &json!(2))
    );
    assert!(record["estimatedWaitTime"].is_number());
    assert_eq!(
        post(&server, "retrieve", &first).expect(200)["data"]["positionInQueue"],
        1
    );
    assert!(status("samples")["ewt"].as_i64().unwrap() > 0);

    let estimates =
        get("/estimated-wait-time?virtual-queues=VQ,empty,unknown").expect(200)["data"].clone();
    let codes: Vec<&Value> = estimates
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["resultCode"])
        .collect();
    assert_eq!(codes, [0, -2, -1]);
    assert!(estimates[0]["estimatedWaitTime"].as_i64().unwrap() > 0);
    assert_eq!(estimates[0]["virtualQueue"], "VQ");
    let joined = get(
        "/estimated-wait-time?virtual-queues=VQ,,&virtual-queues=empty&include-calls-on-hold=TRUE",
    )
    .expect(200);
    let names: Vec<&Value> = joined["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["virtualQueue"])
        .collect();
    assert_eq!(names, ["VQ", "empty"]);
    for wrong in [
        "",
        "?virtual-queues=,%20,",
        "?virtual-queues=VQ&mode=mode4",
        "?virtual-queues=VQ&include-calls-on-hold=1",
    ] {
        assert_eq!(
            get(&format!("/estimated-wait-time{wrong}")).expect(400)["status"]["code"],
            501,
            "{wrong}"
        );
    }
}

#[test]
fn closed_office_with_agents_has_no_wait() {
    let server = start_with(&format!(
        "[services.weekly]\nhours = [\"{}\"]\n",
        closed_now()
    ));
    let status = server.get(&format!("{V3}/queue-status/weekly")).expect(200)["data"].clone();
    assert_eq!(
        status,
        json!({"ewt": 0, "offerImmediateCallback": false, "offerScheduledCallback": true})
    );
}

#[test]
fn open_for_reports_seconds_until_closing() {
    let server = start_with(
        "[services.day]\nhours = [\"Mon-Sun 09:00-17:00\"]\ntime_zone = \"Europe/London\"\n",
    );
    let open = |query: &str| {
        server
            .get(&format!("{V3}/open-for/day?{query}"))
            .expect(200)["data"]["openFor"]
            .clone()
    };
    assert_eq!(open("start=2030-07-01T15:00:00Z"), 3600);
    assert_eq!(
        open("start=2030-07-01T15:00:00&timezone=Europe/London"),
        7200
    );
    assert_eq!(open("start=2030-07-01T15:59:59.999Z"), 1);
    assert_eq!(open("start=2030-07-01T16:00:00Z"), 0);
    server.get(&format!("{V3}/open-for/nobody")).expect(400);
    server
        .get(&format!("{V3}/open-for/day?start=soon"))
        .expect(400);
}

#[test]
fn call_in_request() {
    let server = start(&[]);
    let path = "/engagement/v3/call-in/requests/create";
    let body = json!({"groupName": "sales", "fromPhoneNumber": "+1", "callbackServiceId": "samples", "userData": {"a": "b"}});
    let data = server.post_json(path, body).expect(200)["data"].clone();
    uuid::Uuid::parse_str(data["id"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["groupName"], &data["fromPhoneNumber"]),
        (&json!("sales"), &json!("+1"))
    );
    for key in [
        "toPhoneNumber",
        "expirationTime",
        "accessCode",
        "callbackServiceId",
    ] {
        assert!(data[key].is_string(), "{key}");
    }
    let short = server
        .post_json(path, json!({"groupName": "sales"}))
        .expect(200)["data"]
        .clone();
    assert_eq!(
        (&short["fromPhoneNumber"], &short["callbackServiceId"]),
        (&json!(""), &json!(""))
    );
    server.post_json(path, json!({})).expect(400);
    server
        .post_json(
            path,
            json!({"groupName": "x", "callbackServiceId": "nobody"}),
        )
        .expect(400);
}

#[test]
fn v3_cancellation_is_visible_in_v1() {
    let server = start(&[]);
    let id = create(&server, None);
    post(&server, "cancel", &id).expect(200);
    let records = server.get(&format!("{V1}?_id={id}")).expect(200);
    assert_eq!(records[0]["_callback_reason"], "CANCELLED");
}
