//! Why a server refuses a request.

use crate::command::Command;
use crate::error::{Error, ServerError};
use crate::status::Status;
use crate::text::json::ObjectView;

/// A longer code is none; it may be the caller's number.
const MAX_SERVER_CODE: u64 = 999_999;

/// A refusal by the server, or by a gateway in front of it.
pub struct Refusal {
    command: Command,
    http: u16,
    status: Status,
    exception: String,
    server: ServerError,
    /// A gateway's own form of error.
    is_fault: bool,
}

impl Refusal {
    /// Reads the members of a body. `has_proposals` is whether it proposes other slots.
    pub fn new(command: Command, members: &ObjectView, http: u16, has_proposals: bool) -> Refusal {
        let code = server_code(members);
        let exception = members.string("exception").unwrap_or_default();
        Refusal {
            command,
            http,
            status: gateway_status(members, http)
                .unwrap_or_else(|| status(http, code, &exception, has_proposals)),
            exception,
            server: ServerError {
                message: server_message(members),
                code,
                correlation_id: members
                    .object("status")
                    .and_then(|status| status.string("corrId")),
            },
            is_fault: members.get("fault").is_some(),
        }
    }

    /// Whether the command may have had its effect all the same. A server that gives a reason has
    /// decided. An error that comes from something in front of it, or without a reason, does not
    /// show what the server did; nor does a redirect, with which many servers end a request that
    /// succeeded.
    pub fn is_effect_unknown(&self) -> bool {
        // 0 means success, and a gateway repeats its HTTP status as a code.
        let is_reason = |code: i64| code != 0 && code != i64::from(self.http);
        let gives_reason = self.server.code.is_some_and(is_reason) || !self.exception.is_empty();
        match self.http {
            // The next server's response did not come, or was broken.
            502 | 504 => true,
            _ if matches!(self.status, Status::RateLimited | Status::Unauthorized) => false,
            ..=399 | 408 | 500.. => !gives_reason || self.is_fault,
            _ => false,
        }
    }

    /// The error for the outcome. Its message is the library's own; the server's stands beside it.
    pub fn into_error(self) -> Error {
        let message = self.message();
        Error {
            field: self.field().map(str::to_owned),
            server: Some(Box::new(self.server)),
            ..Error::new(self.status, message)
        }
    }

    /// The option or key at fault.
    fn field(&self) -> Option<&'static str> {
        match (self.status, self.server.code) {
            (Status::Unauthorized, Some(503 | 1103)) => Some("apikey"),
            (Status::Rejected, Some(7030 | 7036 | 7037)) => Some(self.number_option()),
            (Status::Rejected, Some(7040)) => Some(match self.command {
                Command::QueueStatus => "queueName",
                _ => "serviceName",
            }),
            (Status::NotFound, _) if self.names_callback() => Some("id"),
            (Status::Rejected, _) if self.exception.ends_with("CallbackExceptionNumber") => {
                Some(self.number_option())
            }
            _ => None,
        }
    }

    /// The option with the telephone number.
    fn number_option(&self) -> &'static str {
        match self.command {
            Command::CallIn => "fromPhoneNumber",
            _ => "phonenumber",
        }
    }

    /// Whether the command is about one callback.
    fn names_callback(&self) -> bool {
        matches!(
            self.command,
            Command::Cancel | Command::Reschedule | Command::Retrieve | Command::QueuePosition
        )
    }

    fn message(&self) -> String {
        let http = self.http;
        let (reason, hint) = match (self.status, self.server.code) {
            (Status::Unauthorized, Some(503 | 1103)) => ("the server requires an API key", ": set apikey"),
            (Status::Unauthorized, None) if http == 403 => (
                "the server refused access",
                ": it requires an API key or credentials that it accepts, or the path of dataURL is wrong",
            ),
            (Status::Unauthorized, _) => {
                ("the server requires an API key or credentials that it accepts", "")
            }
            (Status::Rejected, Some(7030)) => ("the telephone number is invalid", ""),
            (Status::Rejected, Some(7036)) => ("the telephone number is impossible", ""),
            (Status::Rejected, Some(7037)) => ("the telephone number is not allowed", ""),
            (Status::Rejected, Some(7040)) => ("the service name is invalid", ""),
            (Status::Rejected, Some(501)) => ("the server found an invalid parameter", ""),
            (Status::SlotUnavailable, Some(7041)) => ("too many requests at this time", ""),
            (Status::SlotUnavailable, Some(7042)) => ("the office is closed at this time", ""),
            (Status::SlotUnavailable, _) => ("the time is not available", ""),
            (Status::RateLimited, _) => ("too many requests", ""),
            (Status::NotFound, _) if self.names_callback() => {
                ("the server knows no callback with this id", ": check id and dataURL")
            }
            (Status::NotFound, _) => ("the server does not know what was asked for", ": check dataURL"),
            (Status::ServerError, _) => ("the server failed", ""),
            (Status::Proxy, _) => ("the proxy requires authentication", ": give proxy.username and proxy.password"),
            (Status::Protocol, _) => ("the response is not one of the callback API", ": check dataURL"),
            _ if self.exception.ends_with("CallbackExceptionNumber") => ("the telephone number is not accepted", ""),
            _ if self.exception.ends_with("CallbackExceptionResource") => ("the service has no office hours or is not configured", ""),
            _ => ("the server refused the request", ""),
        };
        match self.server.code {
            Some(code) => format!("{reason} (HTTP {http}, code {code}){hint}"),
            None => format!("{reason} (HTTP {http}){hint}"),
        }
    }
}

/// The server's code for what happened.
pub fn server_code(members: &ObjectView) -> Option<i64> {
    let status = members.object("status");
    let code = status.and_then(|status| status.integer("code"));
    let code = code.or_else(|| members.integer("code"));
    code.filter(|code| code.unsigned_abs() <= MAX_SERVER_CODE)
}

fn server_message(members: &ObjectView) -> Option<String> {
    let of = |key: &str, name: &str| members.object(key).and_then(|object| object.string(name));
    let message = of("status", "message").or_else(|| of("fault", "faultstring"));
    message.or_else(|| members.string("message"))
}

fn status(http: u16, code: Option<i64>, exception: &str, has_proposals: bool) -> Status {
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
        _ if has_proposals => Status::SlotUnavailable,
        (404, _) => Status::NotFound,
        (429, _) => Status::RateLimited,
        (407, _) => Status::Proxy,
        (100..=199 | 300..=399, _) => Status::Protocol,
        _ => Status::Rejected,
    }
}

/// What a gateway in front of the server says with its own form of error.
fn gateway_status(members: &ObjectView, http: u16) -> Option<Status> {
    let fault = members.object("fault")?;
    let detail = fault.object("detail");
    let code = detail
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
