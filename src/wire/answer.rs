//! What a server's answer means, for both APIs.

use std::time::Duration;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::form;
use super::slots::{Slots, Times};
use crate::command::Command;
use crate::config::{ApiVersion, Config, WireFormat};
use crate::error::Error;
use crate::json::{self, Members, Object};
use crate::status::Status;

/// An HTTP answer as the transport read it.
#[derive(Debug)]
pub struct Answer {
    /// The status of the final answer.
    pub status: u16,
    /// Whether the content type says JSON.
    pub says_json: bool,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

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
pub fn read<'a>(config: &Config, command: Command, options: &Object, answer: &'a Answer) -> Meaning<'a> {
    if let Some(meaning) = plain_slots(config, command, answer) {
        return meaning;
    }
    let read = json::checked(&answer.body).and_then(|json| Some((json, Members::of(json)?)));
    let (json, members) = read.map_or((None, Members::default()), |(json, members)| (Some(json), members));
    let body = Body { api: config.api_version, json, members };
    let mut meaning = match answer.status {
        200..=299 => body.success(config, command, answer),
        _ => body.refusal(answer),
    };
    if let Some(error) = &mut meaning.error {
        let private = super::private(config, command, options);
        let hide = |text: &str| scrubbed(text, &private);
        error.message = hide(&error.message).unwrap_or_else(|| default_message(error.status, answer.status));
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
fn plain_slots<'a>(config: &Config, command: Command, answer: &'a Answer) -> Option<Meaning<'a>> {
    let listed =
        matches!((config.api_version, command, answer.status), (ApiVersion::V1, Command::Availability, 200..=299));
    let json = std::str::from_utf8(&answer.body).ok().filter(|_| listed)?;
    let slots = Slots::Times(Times::of(json)?);
    Some(Meaning { error: None, id: None, slots: Some(slots), json: Some(json), unclear: false })
}

/// A body, looked into without changing it.
struct Body<'a> {
    api: ApiVersion,
    json: Option<&'a RawValue>,
    members: Members<'a>,
}

impl<'a> Body<'a> {
    fn success(self, config: &Config, command: Command, answer: &Answer) -> Meaning<'a> {
        let widgets = config.wire_format == WireFormat::Widgets9;
        let failed = match self.api {
            ApiVersion::V1 => self.members.get("exception").is_some(),
            ApiVersion::V3 => self.code().is_some_and(|code| code != 0) && !widgets,
        };
        if failed {
            return self.refusal(answer);
        }
        let id = match self.api {
            ApiVersion::V1 => self.members.text("_id"),
            ApiVersion::V3 => self.members.object("data").and_then(|data| data.text("id")),
        };
        let slots = match command {
            Command::Schedule => None,
            Command::Availability => self.slots(),
        };
        let unreadable = match command {
            Command::Schedule => !self.confirms(answer, widgets),
            Command::Availability => slots.is_none(),
        };
        let error = unreadable.then(|| Error::new(Status::Protocol, self.unreadable(answer)));
        Meaning { unclear: error.is_some(), error, id, slots, json: self.json.map(RawValue::get) }
    }

    /// Whether a body that came with a 2xx confirms a booking.
    fn confirms(&self, answer: &Answer, widgets: bool) -> bool {
        let is_object = self.json.is_some_and(|json| json.get().starts_with('{'));
        match widgets {
            false => is_object || (answer.status == 204 && answer.body.is_empty()),
            // The widget takes any JSON, and any text that does not claim to be JSON.
            true => self.json.is_some() || !answer.says_json || answer.status == 204,
        }
    }

    fn slots(&self) -> Option<Slots<'a>> {
        match self.api {
            ApiVersion::V1 => Slots::read(self.json?),
            ApiVersion::V3 => Slots::read(self.members.object("data")?.get("slots")?),
        }
    }

    fn unreadable(&self, answer: &Answer) -> String {
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

    fn refusal(self, answer: &Answer) -> Meaning<'a> {
        let slots = self.proposals();
        let code = self.code();
        let exception = self.members.string("exception").unwrap_or_default();
        let proposes = slots.as_ref().is_some_and(|slots| slots.written_length() > 0);
        let status = self.refusal_status(answer.status, code, &exception, proposes);
        let message = self.message().unwrap_or_else(|| default_message(status, answer.status));
        let error = Error {
            server_code: code,
            correlation_id: self.members.object("status").and_then(|status| status.string("corrId")),
            field: at_fault(status, code, &exception).map(str::to_owned),
            ..Error::new(status, message)
        };
        // A server that says why has decided; a bare 5xx or time-out may come from somebody who does not know.
        let says_why = code.is_some() || !exception.is_empty() || self.members.get("fault").is_some();
        let unclear = !says_why && matches!(answer.status, 408 | 500..);
        Meaning { error: Some(error), id: None, slots, json: self.json.map(RawValue::get), unclear }
    }

    fn code(&self) -> Option<i64> {
        let status = self.members.object("status");
        status.and_then(|status| status.integer("code")).or_else(|| self.members.integer("code"))
    }

    fn message(&self) -> Option<String> {
        let of = |key: &str, name: &str| self.members.object(key).and_then(|object| object.string(name));
        let message = of("status", "message").or_else(|| of("fault", "faultstring"));
        message.or_else(|| self.members.string("message")).filter(|text| !text.trim().is_empty())
    }

    /// The slots offered in place of a refused one, by either API.
    fn proposals(&self) -> Option<Slots<'a>> {
        let data = self.members.object("data");
        let proposed = data.and_then(|data| data.get("slots")).or_else(|| self.members.get("availability"))?;
        Slots::read(proposed)
    }

    fn refusal_status(&self, http: u16, code: Option<i64>, exception: &str, proposes: bool) -> Status {
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
            _ if is("CallbackExceptionNumber") || is("CallbackExceptionResource") => Status::Rejected,
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
        let code = fault.object("detail").and_then(|detail| detail.string("errorcode")).unwrap_or_default();
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
        (Status::Rejected, _) if exception.ends_with("CallbackExceptionNumber") => Some("phonenumber"),
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
        Status::Protocol => "The server sent something that the API does not answer, such as a redirect to nowhere",
        _ => "The server refused the request",
    };
    format!("{meaning} (HTTP {http})")
}

const HIDDEN: &str = "[hidden]";
const LONGEST_MESSAGE: usize = 1_000;

/// A server's text without the caller's data that it may repeat; `None` for one too long to be a message.
fn scrubbed(text: &str, private: &[Zeroizing<String>]) -> Option<String> {
    if text.len() > LONGEST_MESSAGE {
        return None;
    }
    let private: Vec<&str> = private.iter().map(|text| text.trim()).filter(|text| text.chars().count() > 2).collect();
    let mut spellings: Vec<_> = private.iter().flat_map(|text| spellings(text)).map(Zeroizing::new).collect();
    // The longest first, so that no part of a longer text is left over.
    spellings.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut text = text.to_owned();
    for hidden in &spellings {
        text = hide(&text, hidden);
    }
    for digits in private.iter().map(|text| digits(text)).filter(|digits| digits.len() > 5) {
        text = hide_number(&text, &digits);
    }
    Some(text)
}

/// A text as it is, and as forms, URLs and JSON hold it.
fn spellings(text: &str) -> impl Iterator<Item = String> {
    let json = serde_json::to_string(text).ok().map(|json| json[1..json.len() - 1].to_owned());
    form::encodings(text).into_iter().chain(json).chain([text.to_owned()])
}

/// Hides a text in capitals or not.
fn hide(text: &str, hidden: &str) -> String {
    // Only ASCII letters change, so that both texts have the same positions.
    let (folded, wanted) = (text.to_ascii_lowercase(), hidden.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (start, found) in folded.match_indices(&wanted) {
        out.push_str(&text[end..start]);
        out.push_str(HIDDEN);
        end = start + found.len();
    }
    out.push_str(&text[end..]);
    out
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Hides a telephone number also when the server writes it in another form.
fn hide_number(message: &str, number: &str) -> String {
    let in_number = |letter: char| letter.is_ascii_digit() || "+()-. /".contains(letter);
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit() || letter == '+' || letter == '(') {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !in_number(letter)).unwrap_or(from.len());
        let run = from[..end].trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let run = if run.is_empty() { &from[..end] } else { run };
        let found = digits(run);
        let same = found.len() > 5 && (found.ends_with(number) || number.ends_with(&found));
        out.push_str(before);
        out.push_str(if same { HIDDEN } else { run });
        rest = &from[run.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_data_is_hidden_in_a_servers_message() {
        let private = ["+1 415 111 0000", "Bob", "x", "ab", "Jos\u{e9} \"R & D\""].map(|text| text.to_owned().into());
        for (message, hidden) in [
            ("Customer Number [+1 415 111 0000] is disallowed", "Customer Number [[hidden]] is disallowed"),
            ("number=14151110000 rejected", "number=[hidden] rejected"),
            ("(415) 111-0000 for Bob", "[hidden] for [hidden]"),
            ("at 2030-12-01T10:00:00.000 limit 300s, x", "at 2030-12-01T10:00:00.000 limit 300s, x"),
            ("ünï + 5 (", "ünï + 5 ("),
            ("for BOB and bob", "for [hidden] and [hidden]"),
            ("n=Jos%C3%A9+%22R+%26+D%22;", "n=[hidden];"),
            ("n=Jos%C3%A9%20%22R%20%26%20D%22;", "n=[hidden];"),
            ("{\"n\":\"Jos\u{e9} \\\"R & D\\\"\"}", "{\"n\":\"[hidden]\"}"),
        ] {
            assert_eq!(scrubbed(message, &private).as_deref(), Some(hidden));
        }
        assert_eq!(scrubbed(&"x".repeat(5_000), &private), None);
    }
}
