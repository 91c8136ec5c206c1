//! How long callers wait: `GET {v3}/estimated-wait-time`.

use serde::Serialize;
use serde_json::{Number, Value};

use super::{base_without, unsupported, Answer, Found};
use crate::command::estimated_wait_time::WaitTimeQuery;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::form::Query;
use crate::protocol::record::not_negative;
use crate::protocol::{v3, RequestParts};
use crate::text::json::{scalar_text, Object};
use crate::text::number::signed_whole_number;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    if config.api_version != ApiVersion::V3 {
        let instead = "v3 does. For a callback that waits, use CallbackService.queuePosition";
        return Err(unsupported(config, instead));
    }
    let request = WaitTimeQuery::parse(options)?;
    let mut query = Query::default();
    query.add("virtual-queues", Some(request.virtual_queues));
    query.add("mode", request.mode);
    let on_hold = request.include_calls_on_hold.map(|flag| flag.to_string());
    query.add("include-calls-on-hold", on_hold);
    Ok(RequestParts {
        base: Some(base_without(config, &[Some("callbacks")])?),
        ..v3::get("/estimated-wait-time".to_owned(), query)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitTime {
    virtual_queue: Option<String>,
    /// In seconds; `null` where the server does not know it.
    estimated_wait_time: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_code: Option<i64>,
}

impl WaitTime {
    fn read(value: &Value) -> Option<WaitTime> {
        let members = value.as_object()?;
        let text = |name: &str| members.get(name).and_then(scalar_text);
        let wait_time = members.get("estimatedWaitTime");
        let virtual_queue = text("virtualQueue").filter(|name| !name.is_empty());
        if virtual_queue.is_none() && wait_time.is_none() {
            return None;
        }
        Some(WaitTime {
            virtual_queue,
            estimated_wait_time: wait_time.and_then(not_negative),
            message: text("message").filter(|message| !message.is_empty()),
            result_code: members.get("resultCode").and_then(signed_whole_number),
        })
    }
}

pub fn read(answer: &Answer) -> Result<Found> {
    let unexpected = || answer.unexpected("no wait times");
    let values = match answer.value() {
        Some(Value::Array(values)) => values,
        Some(value @ Value::Object(_)) => vec![value],
        _ => return Err(unexpected()),
    };
    let wait_times: Option<Vec<WaitTime>> = values.iter().map(WaitTime::read).collect();
    let json = wait_times.and_then(|wait_times| serde_json::to_string(&wait_times).ok());
    Ok(Found::new("waitTimes", json.ok_or_else(unexpected)?))
}
