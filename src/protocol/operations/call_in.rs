//! Announcing that the customer will call: `POST {v3}/call-in/requests/create`.

use serde_json::Value;

use super::{base_without, unsupported, Answer, Found};
use crate::command::call_in::CallInRequest;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::protocol::RequestParts;
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    if config.api_version != ApiVersion::V3 {
        let instead =
            "v3 does. Schedule a callback with \"calldirection\":\"USERORIGINATED\" instead";
        return Err(unsupported(config, instead));
    }
    let request = CallInRequest::parse(options)?;
    let mut body = Object::new();
    let texts = [
        ("groupName", Some(request.group_name)),
        ("fromPhoneNumber", request.from_phone_number),
        ("callbackServiceId", request.callback_service_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            body.insert(name.to_owned(), Value::String(text));
        }
    }
    if let Some(data) = request.user_data {
        body.insert("userData".to_owned(), Value::Object(data.clone()));
    }
    Ok(RequestParts {
        base: Some(base_without(config, &[Some("callbacks")])?),
        ..RequestParts::post_json("/call-in/requests/create".to_owned(), &body)?
    })
}

pub fn read(answer: &Answer) -> Result<Found> {
    let created = answer.value();
    let created = created.filter(|value| {
        let names = ["id", "toPhoneNumber", "accessCode"];
        let is_given = |name: &&str| value.get(name).is_some_and(|value| !value.is_null());
        names.iter().any(is_given)
    });
    let created = created.ok_or_else(|| answer.unexpected("no call-in request"))?;
    Ok(Found::new("callIn", created.to_string()))
}
