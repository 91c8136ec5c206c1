//! Moving a callback: `PUT {base}/{id}`.

use http::Method;
use serde_json::Value;

use super::{unsupported, Answer, Found};
use crate::command::reschedule::RescheduleRequest;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::form::encode_segment;
use crate::protocol::record::Record;
use crate::protocol::{RequestParts, Subject};
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    if config.api_version != ApiVersion::V1 {
        return Err(unsupported(
            config,
            "v1 does. Cancel the callback and schedule another, and beware: the slot may be taken in between",
        ));
    }
    let request = RescheduleRequest::parse(options)?;
    let mut body = Object::new();
    let time = request.desired_time.clone();
    let time = time.map(|time| ("_new_desired_time".to_owned(), time));
    for (name, text) in time.into_iter().chain(request.properties) {
        body.insert(name, Value::String(text));
    }
    let path = format!("/{}", encode_segment(&request.id));
    Ok(RequestParts {
        method: Method::PUT,
        subject: Subject {
            id: Some(request.id),
            desired_time: request.desired_time,
        },
        ..RequestParts::post_json(path, &body)?
    })
}

pub fn read(answer: &Answer) -> Result<Found> {
    let record = answer.changed_record()?;
    let asked = answer.subject.desired_time.clone();
    Ok(Found::callback(&Record {
        desired_time: asked.or(record.desired_time),
        ..record
    }))
}
