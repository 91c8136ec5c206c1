//! Looking up one callback: `GET {root}?_id=`, or `POST callbacks/retrieve`.

use serde_json::Value;

use super::{base_without, post_id, subject, Answer, Found};
use crate::command::retrieve;
use crate::config::{ApiVersion, Config};
use crate::error::{Error, Result};
use crate::protocol::form::Query;
use crate::protocol::RequestParts;
use crate::status::Status;
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    let id = retrieve::parse(options)?;
    match config.api_version {
        ApiVersion::V1 => {
            let mut query = Query::default();
            query.add("_id", Some(&id));
            Ok(RequestParts {
                base: Some(base_without(config, &[None])?),
                subject: subject(id),
                ..RequestParts::get(query.finish())
            })
        }
        ApiVersion::V3 => v3_request(id),
    }
}

/// The request of the v3 API, which also tells the place in the queue.
pub fn v3_request(id: String) -> Result<RequestParts> {
    post_id("/retrieve", id)
}

pub fn read(answer: &Answer) -> Result<Found> {
    let lacks = "no record of the callback";
    let value = answer.value().ok_or_else(|| answer.unexpected(lacks))?;
    let record = match &value {
        Value::Array(records) if records.is_empty() => {
            let message = format!(
                "the server knows no callback with this id (HTTP {}, an empty list)",
                answer.http
            );
            return Err(Error {
                field: Some("id".to_owned()),
                ..Error::new(Status::NotFound, message)
            });
        }
        Value::Array(records) => {
            // A server that does not filter lists other callbacks too.
            let own = records.iter().filter_map(|value| answer.own_record(value));
            let own: Vec<_> = own.collect();
            <[_; 1]>::try_from(own).ok().map(|[record]| record)
        }
        value => answer.own_record(value),
    };
    let record = record.ok_or_else(|| answer.unexpected(lacks))?;
    Ok(Found::callback(&record))
}
