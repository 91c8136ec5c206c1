//! What a server's answer means, for both APIs.

use std::time::Duration;

use serde_json::value::RawValue;

use super::slots::{self, Slot};
use crate::command::Command;
use crate::config::{ApiVersion, Config, WireFormat};
use crate::error::Error;
use crate::json::{self, Members};
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
    pub slots: Option<Vec<Slot<'a>>>,
    /// The body, when it is JSON.
    pub json: Option<&'a RawValue>,
}

/// Reads an answer to a command. `private` are the texts that must not get into the error.
pub fn read<'a>(config: &Config, command: Command, answer: &'a Answer, private: &[String]) -> Meaning<'a> {
    let json = json::checked(&answer.body);
    let members = json.map(Members::of).unwrap_or_default();
    let body = Body { api: config.api_version, json, members };
    let mut meaning = match answer.status {
        200..=299 => body.success(config, command, answer),
        _ => body.refusal(answer),
    };
    if let Some(error) = &mut meaning.error {
        error.message = scrubbed(&error.message, private);
        error.retry_after = answer.retry_after;
        error.retryable = match error.status {
            Status::RateLimited => true,
            Status::ServerError => command == Command::Availability,
            _ => false,
        };
    }
    meaning
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
            ApiVersion::V1 => self.members.string("_id"),
            ApiVersion::V3 => self.members.object("data").and_then(|data| data.string("id")),
        };
        let slots = match command {
            Command::Schedule => None,
            Command::Availability => self.slots(),
        };
        let unreadable = match command {
            // The widget takes any text for a confirmation that does not claim to be JSON.
            Command::Schedule => self.json.is_none() && !answer.body.is_empty() && (answer.says_json || !widgets),
            Command::Availability => slots.is_none(),
        };
        let error = unreadable.then(|| Error::new(Status::Protocol, self.unreadable(answer)));
        Meaning { error, id, slots, json: self.json }
    }

    fn slots(&self) -> Option<Vec<Slot<'a>>> {
        match self.api {
            ApiVersion::V1 => slots::read(self.json?),
            ApiVersion::V3 => slots::read(self.members.object("data")?.get("slots")?),
        }
    }

    fn unreadable(&self, answer: &Answer) -> String {
        match (self.json, answer.body.is_empty()) {
            (Some(_), _) => "the server's answer holds no list of slots; is apiVersion the server's?".to_owned(),
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
        let status = self.refusal_status(answer.status, code, slots.is_some());
        let message = self.message().unwrap_or_else(|| default_message(status, answer.status));
        let error = Error {
            server_code: code,
            correlation_id: self.members.object("status").and_then(|status| status.string("corrId")),
            field: at_fault(code).map(str::to_owned),
            ..Error::new(status, message)
        };
        Meaning { error: Some(error), id: None, slots, json: self.json }
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
    fn proposals(&self) -> Option<Vec<Slot<'a>>> {
        let data = self.members.object("data");
        let proposed = data.and_then(|data| data.get("slots")).or_else(|| self.members.get("availability"))?;
        slots::read(proposed)
    }

    fn refusal_status(&self, http: u16, code: Option<i64>, proposes: bool) -> Status {
        if let Some(status) = self.gateway_status(http) {
            return status;
        }
        let exception = self.members.string("exception").unwrap_or_default();
        let is = |suffix: &str| exception.ends_with(suffix);
        match (http, code) {
            (401 | 403, _) | (_, Some(503 | 1103)) if http < 500 => Status::Unauthorized,
            (500.., _) => Status::ServerError,
            (_, Some(7041 | 7042)) => Status::SlotUnavailable,
            _ if proposes || is("CallbackExceptionAvailability") => Status::SlotUnavailable,
            _ if is("CallbackExceptionNotFound") => Status::NotFound,
            _ if is("CallbackExceptionServiceUnavailable") => Status::ServerError,
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

fn at_fault(code: Option<i64>) -> Option<&'static str> {
    match code? {
        503 | 1103 => Some("apikey"),
        7030 | 7036 | 7037 => Some("phonenumber"),
        7040 => Some("serviceName"),
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
        Status::Protocol => "The server sent a redirect that cannot be followed",
        _ => "The server refused the request",
    };
    format!("{meaning} (HTTP {http})")
}

const HIDDEN: &str = "[hidden]";
const LONGEST_MESSAGE: usize = 1_000;

/// A server's message without the caller's data that it may repeat, and of a bearable length.
fn scrubbed(message: &str, private: &[String]) -> String {
    let mut private: Vec<&str> =
        private.iter().map(|text| text.trim()).filter(|text| text.chars().count() > 2).collect();
    // The longest first, so that no part of a longer text is left over.
    private.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut message = message.to_owned();
    for text in &private {
        message = message.replace(text, HIDDEN);
    }
    for digits in private.iter().map(|text| digits(text)).filter(|digits| digits.len() > 5) {
        message = hide_number(&message, &digits);
    }
    if let Some((cut, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
        message.truncate(cut);
        message.push('…');
    }
    message
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
        let run = if run.is_empty() { &from[..1] } else { run };
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
        let private: Vec<String> = ["+1 415 111 0000", "Bob", "x", "ab"].map(str::to_owned).to_vec();
        for (message, hidden) in [
            ("Customer Number [+1 415 111 0000] is disallowed", "Customer Number [[hidden]] is disallowed"),
            ("number=14151110000 rejected", "number=[hidden] rejected"),
            ("(415) 111-0000 for Bob", "[hidden] for [hidden]"),
            ("at 2030-12-01T10:00:00.000 limit 300s, x", "at 2030-12-01T10:00:00.000 limit 300s, x"),
            ("ünï + 5 (", "ünï + 5 ("),
        ] {
            assert_eq!(scrubbed(message, &private), hidden);
        }
        assert!(scrubbed(&"é".repeat(5_000), &[]).chars().count() <= LONGEST_MESSAGE + 1);
    }
}
