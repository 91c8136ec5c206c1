//! The outcome: the one JSON object that a command returns, its handler receives and its event carries.

use std::ffi::CString;

use crate::command::Command;
use crate::error::Error;
use crate::protocol::{slots, Meaning};
use crate::text::json::{with_whole_characters, write_string};
use crate::transport::message::Response;

/// A finished command: its text, and whether it resolved.
#[derive(Debug)]
pub struct Outcome {
    /// The JSON text.
    pub text: CString,
    /// Why it was rejected, if it was.
    pub error: Option<Error>,
}

impl Outcome {
    /// The outcome of a command that the server answered.
    pub fn answered(
        command: Command,
        answer: &Response,
        meaning: Meaning,
        attempts: u32,
    ) -> Outcome {
        // Enough for nearly every answer, and not much more: what is given back should fit the next one as it is.
        let slots = meaning
            .slots
            .as_ref()
            .map_or(0, slots::Slots::written_length);
        let mut out = Text::begin(
            command.name(),
            state(meaning.error.is_none()),
            512 + answer.body.len() + slots,
        );
        out.member("httpStatus");
        out.raw(&answer.status.to_string());
        if let Some(id) = &meaning.id {
            out.member("id");
            out.string(id);
        }
        if let Some(error) = &meaning.error {
            out.error(error, attempts);
        }
        if let Some(slots) = &meaning.slots {
            out.member("slots");
            slots::write(&mut out.0, slots);
        }
        out.member("response");
        match meaning.json {
            Some(json) => out.raw(&with_whole_characters(json)),
            None if answer.body.is_empty() => out.raw("null"),
            None => out.string(&String::from_utf8_lossy(&answer.body)),
        }
        Outcome {
            text: out.finish(),
            error: meaning.error,
        }
    }

    /// The outcome of a command that got no answer.
    pub fn unanswered(command: &str, error: Error, attempts: u32) -> Outcome {
        let mut out = Text::begin(command, state(false), 512);
        out.error(&error, attempts);
        Outcome {
            text: out.finish(),
            error: Some(error),
        }
    }

    /// The outcome of a command that the program or its closing of the service has ended.
    pub fn cancelled(command: &str) -> Outcome {
        Outcome {
            text: Text::begin(command, "cancelled", 128).finish(),
            error: None,
        }
    }

    /// The outcome of a command that succeeded without asking the server.
    pub fn done(command: &str) -> Outcome {
        Outcome {
            text: Text::begin(command, state(true), 128).finish(),
            error: None,
        }
    }

    /// Whether the command did what it was asked.
    pub fn resolved(&self) -> bool {
        self.error.is_none()
    }
}

fn state(resolved: bool) -> &'static str {
    match resolved {
        true => "resolved",
        false => "rejected",
    }
}

/// An object being written.
struct Text(Vec<u8>);

impl Text {
    fn begin(command: &str, state: &str, capacity: usize) -> Text {
        let mut out = Text(Vec::with_capacity(capacity));
        out.raw("{\"command\":");
        out.string(command);
        out.member("state");
        out.string(state);
        out
    }

    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        write_string(&mut self.0, text);
    }

    fn member(&mut self, name: &str) {
        self.raw(",\"");
        self.raw(name);
        self.raw("\":");
    }

    fn error(&mut self, error: &Error, attempts: u32) {
        self.member("error");
        self.raw("{\"status\":");
        self.raw(&error.status.code().to_string());
        self.member("name");
        self.string(error.status.name());
        self.member("message");
        self.string(&error.message);
        if let Some(code) = error.server_code {
            self.member("serverCode");
            self.raw(&code.to_string());
        }
        if let Some(id) = &error.correlation_id {
            self.member("correlationId");
            self.string(id);
        }
        self.member("field");
        match &error.field {
            Some(field) => self.string(field),
            None => self.raw("null"),
        }
        self.member("retryable");
        self.raw(if error.retryable { "true" } else { "false" });
        self.member("retryAfterMs");
        match error.retry_after {
            Some(wait) => self.raw(&wait.as_millis().to_string()),
            None => self.raw("null"),
        }
        self.member("attempts");
        self.raw(&attempts.to_string());
        self.raw("}");
    }

    fn finish(mut self) -> CString {
        self.raw("}");
        // JSON text holds no NUL: strings write it as an escape, and the server's text has been checked.
        CString::new(self.0).unwrap_or_default()
    }
}
