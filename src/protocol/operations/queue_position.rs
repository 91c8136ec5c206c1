//! The place of a callback in its queue: `GET .../service/{id}/check-queue-position`, or the record
//! of the v3 API.

use serde_json::Value;

use super::{base_without, retrieve, subject, Answer, Found};
use crate::command::queue_position;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::form::encode_segment;
use crate::protocol::RequestParts;
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    let id = queue_position::parse(options)?;
    match config.api_version {
        ApiVersion::V1 => {
            let path = format!("/{}/check-queue-position", encode_segment(&id));
            Ok(RequestParts {
                base: Some(base_without(config, &[Some("callback"), None])?),
                subject: subject(id),
                ..RequestParts::get(path)
            })
        }
        ApiVersion::V3 => retrieve::v3_request(id),
    }
}

pub fn read(answer: &Answer) -> Result<Found> {
    /// What a v1 server says of a place that it does not know.
    const KNOWN: [&str; 3] = ["ewt", "_eta", "_position"];
    if answer.api == ApiVersion::V3 {
        return retrieve::read(answer);
    }
    let value = answer.value();
    let members = value.as_ref().and_then(Value::as_object);
    let is_place = |members: &&Object| KNOWN.iter().any(|name| members.contains_key(*name));
    if members.filter(is_place).is_none() {
        return Err(answer.unexpected("no place in a queue"));
    }
    Ok(Found::callback(&answer.changed_record()?))
}
