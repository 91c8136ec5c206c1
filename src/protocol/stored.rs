//! Bookings that are sent later: what is stored of a request, and the request that is made of it.

use std::borrow::Cow;

use reqwest::header::HeaderValue;
use serde_json::Value;

use super::{assemble, headers, parts, FORM};
use crate::command::Command;
use crate::config::{ApiVersion, Config};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::timestamp;
use crate::transport::message::Request;

/// What is sent to the server, without what identifies this program to it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRequest {
    /// Appended to the base URL.
    pub path: String,
    /// The `Accept` header.
    pub accept: String,
    /// The `Content-Type` header.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// The API and the base URL of the server for which a configuration makes requests.
pub fn server(config: &Config) -> String {
    let api = match config.api_version {
        ApiVersion::V1 => "v1",
        ApiVersion::V3 => "v3",
    };
    format!("{api} {}", config.base)
}

/// Whether the server finds callbacks by their number.
pub fn has_lookup(config: &Config) -> bool {
    config.api_version == ApiVersion::V1
}

impl StoredRequest {
    /// Checks the options of a booking and makes what is stored of its request.
    pub fn new(config: &Config, options: &Object) -> Result<StoredRequest> {
        let parts = parts(config, Command::Schedule, options)?;
        Ok(StoredRequest {
            path: parts.path,
            accept: parts.accept.to_owned(),
            content_type: parts.content_type.unwrap_or_default().to_owned(),
            body: parts.body.unwrap_or_default(),
        })
    }

    /// The request, with the headers and credentials of a configuration.
    pub fn request(&self, config: &Config) -> Result<Request> {
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                Error::new(
                    Status::Storage,
                    "the outbox holds a request that cannot be sent",
                )
            })
        };
        let headers = headers(
            config,
            value(&self.accept)?,
            Some(value(&self.content_type)?),
        );
        let body = Some(self.body.clone());
        assemble(config, Command::Schedule, None, &self.path, headers, body)
    }

    /// The number to call.
    pub fn number(&self) -> Option<String> {
        self.field(&["_customer_number", "phoneNumber"])
    }

    /// When the callback is wanted: in canonical form, or, if that is not possible, as it is sent.
    pub fn desired_time(&self) -> Option<String> {
        let text = self.field(&["_desired_time", "desiredTime"])?;
        Some(timestamp::to_canonical_utc(&text).unwrap_or(text))
    }

    /// The first of some fields that is not empty.
    fn field(&self, names: &[&str]) -> Option<String> {
        let find = |name: &&str| {
            if self.content_type != FORM {
                let body: Value = serde_json::from_str(&self.body).ok()?;
                return body.get(name)?.as_str().map(str::to_owned);
            }
            let fields = url::form_urlencoded::parse(self.body.as_bytes());
            let mut named = fields.filter(|(field, _)| field == name);
            named
                .next()
                .map(|(_, value): (_, Cow<str>)| value.into_owned())
        };
        names.iter().find_map(find).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(extra: Value) -> Config {
        let mut config = json!({"dataURL": "http://h/genesys/1/service/callback/samples", "apikey": "k", "proxy": "none",
            "serviceName": "s", "userData": {"site": "x"}});
        config
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        Config::parse(&config.to_string()).unwrap()
    }

    #[test]
    fn a_stored_request_is_the_one_of_schedule() {
        let options = json!({"phonenumber": "+1 415", "desiredtime": "2030-12-01T11:00+01:00", "subject": "a&b"});
        let options = options.as_object().unwrap();
        for extra in [
            json!({}),
            json!({"apiVersion": "v3", "dataURL": "http://h/engagement/v3"}),
            json!({"wireFormat": "widgets-9"}),
            json!({"wireFormat": "widgets-9", "apiVersion": "v3", "dataURL": "http://h/engagement/v3"}),
        ] {
            let config = config(extra.clone());
            let (direct, _) = super::super::request(&config, Command::Schedule, options).unwrap();
            let stored = StoredRequest::new(&config, options).unwrap();
            let restored = stored.request(&config).unwrap();
            assert_eq!(
                (&restored.url, &restored.body),
                (&direct.url, &direct.body),
                "{extra}"
            );
            assert_eq!(
                (restored.headers, restored.method),
                (direct.headers, direct.method)
            );
            assert!(!restored.is_read_only);
            let is_checked = extra.get("wireFormat").is_none();
            if is_checked || config.api_version == ApiVersion::V1 {
                assert_eq!(stored.number().as_deref(), Some("+1 415"), "{extra}");
                assert_eq!(
                    stored.desired_time().as_deref(),
                    Some("2030-12-01T10:00:00.000Z")
                );
            }
        }
    }

    #[test]
    fn an_immediate_booking_has_no_desired_time() {
        let options = json!({"phonenumber": "1", "desiredtime": ""});
        for extra in [json!({}), json!({"wireFormat": "widgets-9"})] {
            let stored = StoredRequest::new(&config(extra), options.as_object().unwrap()).unwrap();
            assert_eq!(stored.desired_time(), None);
        }
    }

    #[test]
    fn the_server_is_the_api_and_the_base() {
        let v3 = json!({"apiVersion": "v3", "dataURL": "http://h/engagement/v3/"});
        assert_eq!(
            server(&config(json!({}))),
            "v1 http://h/genesys/1/service/callback/samples"
        );
        assert_eq!(server(&config(v3)), "v3 http://h/engagement/v3/callbacks");
    }
}
