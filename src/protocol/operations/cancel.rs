//! Cancelling a callback: `DELETE {base}/{id}`, or `POST callbacks/cancel`.

use http::Method;

use super::{post_id, subject, Answer, Found};
use crate::command::cancel::CancelRequest;
use crate::config::{ApiVersion, Config};
use crate::error::Result;
use crate::process::log;
use crate::protocol::form::{encode_segment, Query};
use crate::protocol::RequestParts;
use crate::text::json::Object;

pub fn request(config: &Config, options: &Object) -> Result<RequestParts> {
    let request = CancelRequest::parse(options)?;
    match config.api_version {
        ApiVersion::V1 => {
            let mut query = Query::default();
            let discard = request.discard_ors_failure == Some(true);
            query.add("discard_ors_failure", discard.then_some("true"));
            let path = format!("/{}{}", encode_segment(&request.id), query.finish());
            Ok(RequestParts {
                method: Method::DELETE,
                subject: subject(request.id),
                ..RequestParts::get(path)
            })
        }
        ApiVersion::V3 => {
            if request.discard_ors_failure.is_some() {
                log::warn(|| {
                    "the v3 API does not know discardOrsFailure; it is ignored".to_owned()
                });
            }
            post_id("/cancel", request.id)
        }
    }
}

pub fn read(answer: &Answer) -> Result<Found> {
    Ok(Found::callback(&answer.changed_record()?))
}
