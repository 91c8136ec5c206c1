//! How long the office is still open: `GET callbacks/open-for/{service}`.

use super::{unsupported, Answer, Found};
use crate::command::open_for::OpenForQuery;
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
    let request = OpenForQuery::parse(options, config.timezone.is_some())?;
    let service = v3::service_segment(service_name(config, request.service_name.as_deref())?)?;
    let mut query = Query::default();
    query.add("start", request.start);
    let timezone = request.timezone.as_ref().or(config.timezone.as_ref());
    query.add("timezone", timezone);
    Ok(v3::get(format!("/open-for/{service}"), query))
}

pub fn read(answer: &Answer) -> Result<Found> {
    let value = answer.value();
    let seconds = value.as_ref().and_then(|value| value.get("openFor"));
    let seconds = seconds.and_then(not_negative);
    let seconds = seconds.ok_or_else(|| answer.unexpected("no openFor"))?;
    Ok(Found::new("openForSeconds", seconds.to_string()))
}
