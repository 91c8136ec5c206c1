//! Cancelling a callback: `DELETE {base}/{id}`, or `POST callbacks/cancel`.

use http::Method;
use serde_json::Value;

use super::{Answer, Found};
use crate::command::cancel::CancelRequest;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::process::log;
use crate::protocol::form::{encode_segment, Query};
use crate::protocol::{RequestParts, Subject};
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    let request = CancelRequest::parse(options)?;
    let parts = match config.api_version {
        ApiVersion::V1 => {
            let mut query = Query::default();
            let discard = request.discard_ors_failure == Some(true);
            query.add("discard_ors_failure", discard.then_some("true"));
            let path = format!("/{}{}", encode_segment(&request.id), query.finish());
            RequestParts {
                method: Method::DELETE,
                ..RequestParts::get(path)
            }
        }
        ApiVersion::V3 => {
            if request.discard_ors_failure.is_some() {
                log::warn(|| {
                    "the v3 API does not know discardOrsFailure; it is ignored".to_owned()
                });
            }
            let body = Object::from_iter([("id".to_owned(), Value::String(request.id.clone()))]);
            RequestParts::post_json("/cancel".to_owned(), &body)?
        }
    };
    Ok(RequestParts {
        subject: Subject {
            id: Some(request.id),
            ..Subject::default()
        },
        ..parts
    })
}

pub fn read(answer: &Answer) -> Result<Found> {
    Ok(Found::callback(&answer.changed_record()?))
}
