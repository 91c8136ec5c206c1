//! Listing callbacks: `GET {base}?...`, or `GET {root}?...` for all services.

use serde_json::Value;

use super::{base_without, unsupported, Answer, Found};
use crate::command::query::{CallbackQuery, Operand};
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::form::Query;
use crate::protocol::record::Record;
use crate::protocol::RequestParts;
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    if config.api_version != ApiVersion::V1 {
        let instead = "v1 does. Look callbacks up by their id with CallbackService.retrieve";
        return Err(unsupported(config, instead));
    }
    let request = CallbackQuery::parse(options)?;
    let mut query = Query::default();
    for (key, value) in &request.keys {
        query.add_any(key, value);
    }
    let operand = match request.operand {
        Some(Operand::Or) => Some("OR"),
        Some(Operand::And) => Some("AND"),
        // Not documented across services, where the server could take it for a key.
        None if request.all_services => None,
        None => Some("AND"),
    };
    query.add("operand", operand);
    let base = match request.all_services {
        true => Some(base_without(config, &[None])?),
        false => None,
    };
    Ok(RequestParts {
        base,
        ..RequestParts::get(query.finish())
    })
}

pub fn read(answer: &Answer) -> Result<Found> {
    let lacks = "no list of callbacks";
    let values = match answer.value() {
        Some(Value::Array(values)) => values,
        Some(value @ Value::Object(_)) => vec![value],
        _ => return Err(answer.unexpected(lacks)),
    };
    let mut records = Vec::new();
    let mut unread_callbacks = Vec::new();
    for value in &values {
        let members = value.as_object();
        match members.and_then(|members| Record::read(answer.api, members)) {
            Some(record) => records.push(record.to_json()),
            None => unread_callbacks.push(value.to_string()),
        }
    }
    if records.is_empty() && !unread_callbacks.is_empty() {
        return Err(answer.unexpected(lacks));
    }
    Ok(Found {
        unread_callbacks,
        ..Found::new("callbacks", format!("[{}]", records.join(",")))
    })
}
