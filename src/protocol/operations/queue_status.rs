//! Whether a queue takes callbacks: `GET callbacks/queue-status/{queue}`.

use serde::Serialize;
use serde_json::{Number, Value};

use super::{unsupported, Answer, Found};
use crate::command::queue_status;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::form::Query;
use crate::protocol::record::not_negative;
use crate::protocol::{service_name, v3, RequestParts};
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    if config.api_version != ApiVersion::V3 {
        let instead = "v3 does. CallbackService.availability lists what can be booked";
        return Err(unsupported(config, instead));
    }
    let queue = queue_status::parse(options)?;
    let queue = v3::service_segment(service_name(config, queue.as_deref())?)?;
    Ok(v3::get(format!("/queue-status/{queue}"), Query::default()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueueStatus {
    /// In seconds; `null` where the server does not know it.
    estimated_wait_time: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_immediate_callback: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_scheduled_callback: Option<bool>,
}

pub fn read(answer: &Answer) -> Result<Found> {
    let unexpected = || answer.unexpected("no status of a queue");
    let value = answer.value();
    let members = value.as_ref().and_then(Value::as_object);
    let members = members.ok_or_else(unexpected)?;
    let flag = |name: &str| match members.get(name) {
        Some(Value::Bool(flag)) => Some(*flag),
        Some(Value::String(text)) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    let status = QueueStatus {
        estimated_wait_time: members.get("ewt").and_then(not_negative),
        offer_immediate_callback: flag("offerImmediateCallback"),
        offer_scheduled_callback: flag("offerScheduledCallback"),
    };
    let is_status = members.contains_key("ewt")
        || status.offer_immediate_callback.is_some()
        || status.offer_scheduled_callback.is_some();
    let json = serde_json::to_string(&status).ok().filter(|_| is_status);
    Ok(Found::new("queue", json.ok_or_else(unexpected)?))
}
