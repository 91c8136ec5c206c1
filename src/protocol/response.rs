//! What a server's answer means, for both APIs.

use super::redact::scrubbed;
use super::slots::{Slots, Times};
use crate::command::Command;
use crate::config::{ApiVersion, Config, WireFormat};
use crate::error::Error;
use crate::status::Status;
use crate::text::json::{self, Members, Object};
use crate::transport::message::Response;

/// What the answer means.
#[derive(Debug)]
pub struct Meaning<'a> {
    /// Why the command did not resolve, if it did not.
    pub error: Option<Error>,
    /// The booking's identifier.
    pub id: Option<String>,
    /// The slots listed, or proposed instead of a refused one.
    pub slots: Option<Slots<'a>>,
    /// The body, when it is JSON.
    pub json: Option<&'a str>,
    /// Whether a booking may have been made although the answer does not confirm it.
    pub unclear: bool,
}

/// Reads an answer to a command. What the caller's options and the configuration hold does not get into the error.
pub fn read<'a>(
    config: &Config,
    command: Command,
    options: &Object,
    answer: &'a Response,
) -> Meaning<'a> {
    if let Some(meaning) = plain_slots(config, command, answer) {
        return meaning;
    }
    let (json, members) = json::checked(&answer.body)
        .map_or((None, Members::default()), |(json, members)| {
            (Some(json), members)
        });
    let body = Body {
        api: config.api_version,
        json,
        members,
    };
    let mut meaning = match answer.status {
        200..=299 => body.success(config, command, answer),
        _ => body.refusal(answer),
    };
    if let Some(error) = &mut meaning.error {
        let private = super::private(config, command, options);
        let hide = |text: &str| scrubbed(text, &private);
        error.message =
            hide(&error.message).unwrap_or_else(|| default_message(error.status, answer.status));
        error.correlation_id = error.correlation_id.as_deref().and_then(hide);
        error.retry_after = answer.retry_after;
        error.retryable = match error.status {
            Status::RateLimited => true,
            Status::ServerError => command == Command::Availability,
            _ => false,
        };
    }
    meaning
}

/// A v1 server's list of slots, which may be long, in the form in which it needs to be read only once.
fn plain_slots<'a>(config: &Config, command: Command, answer: &'a Response) -> Option<Meaning<'a>> {
    let listed = matches!(
        (config.api_version, command, answer.status),
        (ApiVersion::V1, Command::Availability, 200..=299)
    );
    let json = std::str::from_utf8(&answer.body).ok().filter(|_| listed)?;
    let slots = Slots::Times(Times::of(json)?);
    Some(Meaning {
        error: None,
        id: None,
        slots: Some(slots),
        json: Some(json),
        unclear: false,
    })
}

/// Whether the content type says JSON.
fn says_json(response: &Response) -> bool {
    let content_type = response.content_type.as_deref().unwrap_or_default();
    content_type.to_ascii_lowercase().contains("json")
}

const LARGEST_CODE: u64 = 999_999;

/// A body, looked into without changing it.
struct Body<'a> {
    api: ApiVersion,
    json: Option<&'a str>,
    members: Members<'a>,
}

impl<'a> Body<'a> {
    fn success(self, config: &Config, command: Command, answer: &Response) -> Meaning<'a> {
        let widgets = config.wire_format == WireFormat::Widgets9;
        let failed = match self.api {
            ApiVersion::V1 => self.members.get("exception").is_some(),
            ApiVersion::V3 => self.code().is_some_and(|code| code != 0) && !widgets,
        };
        if failed {
            return self.refusal(answer);
        }
        let (id, slots) = match command {
            Command::Schedule => (self.id(), None),
            Command::Availability => (None, self.slots()),
        };
        let unreadable = match command {
            Command::Schedule => !self.confirms(answer, widgets),
            Command::Availability => slots.is_none(),
        };
        let error = unreadable.then(|| Error::new(Status::Protocol, self.unreadable(answer)));
        Meaning {
            unclear: error.is_some(),
            error,
            id,
            slots,
            json: self.json,
        }
    }

    /// Whether a body that came with a 2xx confirms a booking.
    fn confirms(&self, answer: &Response, widgets: bool) -> bool {
        let is_object = self.json.is_some_and(|json| json.starts_with('{'));
        match widgets {
            false => is_object || (answer.status == 204 && answer.body.is_empty()),
            // The widget takes any JSON, and any text that does not claim to be JSON.
            true => self.json.is_some() || !says_json(answer) || answer.status == 204,
        }
    }

    fn id(&self) -> Option<String> {
        match self.api {
            ApiVersion::V1 => self.members.text("_id"),
            ApiVersion::V3 => self.members.object("data").and_then(|data| data.text("id")),
        }
    }

    fn slots(&self) -> Option<Slots<'a>> {
        match self.api {
            ApiVersion::V1 => Slots::read(self.json?),
            ApiVersion::V3 => Slots::read(self.members.object("data")?.get("slots")?.get()),
        }
    }

    fn unreadable(&self, answer: &Response) -> String {
        match (self.json, answer.body.is_empty()) {
            (Some(_), _) => {
                "the server's answer is not one of the callback API; is apiVersion the server's?".to_owned()
            }
            (None, true) => format!("the server answered HTTP {} without a body", answer.status),
            (None, false) => format!(
                "the server answered HTTP {} with something that is not JSON; is dataURL the callback API's?",
                answer.status
            ),
        }
    }

    fn refusal(self, answer: &Response) -> Meaning<'a> {
        let slots = self.proposals();
        let code = self.code();
        let exception = self.members.string("exception").unwrap_or_default();
        let proposes = slots
            .as_ref()
            .is_some_and(|slots| slots.written_length() > 0);
        let status = self.refusal_status(answer.status, code, &exception, proposes);
        let message = self
            .message()
            .unwrap_or_else(|| default_message(status, answer.status));
        let error = Error {
            server_code: code,
            correlation_id: self
                .members
                .object("status")
                .and_then(|status| status.string("corrId")),
            field: at_fault(status, code, &exception).map(str::to_owned),
            ..Error::new(status, message)
        };
        // A server that says why has decided; a bare 5xx or time-out may come from somebody who does not know.
        let says_why =
            code.is_some() || !exception.is_empty() || self.members.get("fault").is_some();
        let unclear = !says_why && matches!(answer.status, 408 | 500..);
        Meaning {
            error: Some(error),
            id: None,
            slots,
            json: self.json,
            unclear,
        }
    }

    fn code(&self) -> Option<i64> {
        let status = self.members.object("status");
        let code = status
            .and_then(|status| status.integer("code"))
            .or_else(|| self.members.integer("code"));
        // A longer one is no code; it may be the caller's number.
        code.filter(|code| code.unsigned_abs() <= LARGEST_CODE)
    }

    fn message(&self) -> Option<String> {
        let of = |key: &str, name: &str| {
            self.members
                .object(key)
                .and_then(|object| object.string(name))
        };
        let message = of("status", "message").or_else(|| of("fault", "faultstring"));
        message
            .or_else(|| self.members.string("message"))
            .filter(|text| !text.trim().is_empty())
    }

    /// The slots offered in place of a refused one, by either API.
    fn proposals(&self) -> Option<Slots<'a>> {
        let data = self.members.object("data");
        let proposed = data
            .and_then(|data| data.get("slots"))
            .or_else(|| self.members.get("availability"))?;
        Slots::read(proposed.get())
    }

    fn refusal_status(
        &self,
        http: u16,
        code: Option<i64>,
        exception: &str,
        proposes: bool,
    ) -> Status {
        if let Some(status) = self.gateway_status(http) {
            return status;
        }
        let is = |suffix: &str| exception.ends_with(suffix);
        match (http, code) {
            (500.., _) => Status::ServerError,
            (401 | 403, _) | (_, Some(503 | 1103)) => Status::Unauthorized,
            (_, Some(7041 | 7042)) => Status::SlotUnavailable,
            (_, Some(501 | 7030 | 7036 | 7037 | 7040)) => Status::Rejected,
            _ if is("CallbackExceptionAvailability") => Status::SlotUnavailable,
            _ if is("CallbackExceptionNotFound") => Status::NotFound,
            _ if is("CallbackExceptionServiceUnavailable") => Status::ServerError,
            _ if is("CallbackExceptionNumber") || is("CallbackExceptionResource") => {
                Status::Rejected
            }
            _ if proposes => Status::SlotUnavailable,
            (404, _) => Status::NotFound,
            (429, _) => Status::RateLimited,
            (407, _) => Status::Proxy,
            (100..=199 | 300..=399, _) => Status::Protocol,
            _ => Status::Rejected,
        }
    }

    /// What a gateway in front of the server says with its own form of error.
    fn gateway_status(&self, http: u16) -> Option<Status> {
        let fault = self.members.object("fault")?;
        let code = fault
            .object("detail")
            .and_then(|detail| detail.string("errorcode"))
            .unwrap_or_default();
        Some(match http {
            _ if code.starts_with("policies.ratelimit.") => Status::RateLimited,
            429 => Status::RateLimited,
            404 => Status::NotFound,
            500.. if !code.contains("oauth") => Status::ServerError,
            _ => Status::Unauthorized,
        })
    }
}

fn at_fault(status: Status, code: Option<i64>, exception: &str) -> Option<&'static str> {
    match (status, code) {
        (Status::Unauthorized, Some(503 | 1103)) => Some("apikey"),
        (Status::Rejected, Some(7030 | 7036 | 7037)) => Some("phonenumber"),
        (Status::Rejected, Some(7040)) => Some("serviceName"),
        (Status::Rejected, _) if exception.ends_with("CallbackExceptionNumber") => {
            Some("phonenumber")
        }
        _ => None,
    }
}

fn default_message(status: Status, http: u16) -> String {
    let meaning = match status {
        Status::SlotUnavailable => "The time is not available",
        Status::RateLimited => "Too many requests",
        Status::Unauthorized => "The server wants an API key or credentials that it accepts",
        Status::NotFound => "The server knows nothing at this address",
        Status::ServerError => "The server failed",
        Status::Proxy => "The proxy wants credentials",
        Status::Protocol => {
            "The server sent something that the API does not answer, such as a redirect to nowhere"
        }
        _ => "The server refused the request",
    };
    format!("{meaning} (HTTP {http})")
}
