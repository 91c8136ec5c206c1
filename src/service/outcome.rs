//! The outcome: the one JSON object that a command returns, its handler receives and its event
//! carries.

use std::ffi::CString;
use std::sync::atomic::Ordering;

#[cfg(feature = "outbox")]
use serde_json::Value;

use crate::command::Command;
use crate::error::{Effect, Error};
use crate::process::sys::c_string;
use crate::protocol::slots::{self, Slots};
use crate::protocol::Interpretation;
use crate::status::Status;
use crate::text::json::write_string;
use crate::transport::message::{Progress, Response};

/// A finished command: its text, and whether it resolved.
#[derive(Debug)]
pub struct Outcome {
    /// The JSON text.
    pub text: CString,
    /// Why it was rejected, if it was.
    pub error: Option<Error>,
}

impl Outcome {
    /// The outcome of a command to which the server responded. `text` is the body of the response,
    /// which the outcome holds only if `with_response` is set.
    pub fn from_response(
        command: Command,
        response: &Response,
        text: &str,
        interpretation: Interpretation,
        attempts: u32,
        with_response: bool,
    ) -> Outcome {
        let frame = "{'command':'','state':'resolved','httpStatus':200}".len() + 1;
        let body = ",'response':".len() + text.len();
        let known = frame + command.name().len() + if with_response { body } else { 0 };
        let capacity = match (&interpretation.slots, &interpretation.id) {
            // Exact for a booking, so that the string is not reallocated.
            (None, Some(id)) if interpretation.error.is_none() => {
                known + ",'id':''".len() + id.len()
            }
            // Too much for a list: shrinking it leaves a small block behind it. Without that, the
            // allocator returns the list's memory to the system after each call.
            (slots, _) => 512 + known + slots.as_ref().map_or(0, Slots::encoded_len),
        };
        let mut out = ObjectWriter::begin(
            command.name(),
            state(interpretation.error.is_none()),
            capacity,
        );
        out.member("httpStatus");
        out.raw(&response.status.to_string());
        if let Some(id) = &interpretation.id {
            out.member("id");
            out.string(id);
        }
        if let Some(error) = &interpretation.error {
            out.error(command.effect(), error, attempts);
        }
        if let Some(slots) = &interpretation.slots {
            out.member("slots");
            slots::write(&mut out.0, slots);
        }
        if !interpretation.unread_slots.is_empty() {
            out.strings("unreadSlots", &interpretation.unread_slots);
        }
        if let Some(found) = &interpretation.found {
            out.member(found.member);
            out.raw(&found.json);
            if !found.unread_callbacks.is_empty() {
                out.strings("unreadCallbacks", &found.unread_callbacks);
            }
        }
        if with_response {
            out.member("response");
            match interpretation.json {
                Some(json) => out.raw(json),
                None if text.is_empty() => out.raw("null"),
                None => out.string(text),
            }
        }
        Outcome {
            text: out.finish(),
            error: interpretation.error,
        }
    }

    /// The outcome of a command without a response.
    pub fn failed(command: Command, error: Error, attempts: u32) -> Outcome {
        Outcome::without_response(command.name(), command.effect(), error, attempts)
    }

    /// The outcome of a failed command that sends nothing, or does not exist.
    pub fn refused(command: &str, error: Error) -> Outcome {
        Outcome::without_response(command, None, error, 0)
    }

    fn without_response(
        command: &str,
        effect: Option<&Effect>,
        error: Error,
        attempts: u32,
    ) -> Outcome {
        let mut out = ObjectWriter::begin(command, state(false), 512);
        out.error(effect, &error, attempts);
        Outcome {
            text: out.finish(),
            error: Some(error),
        }
    }

    /// The outcome of a command that was cancelled, by the application or by closing the service.
    pub fn cancelled(command: Command, progress: &Progress) -> Outcome {
        let error = Error::new(Status::Cancelled, "the call was cancelled");
        let error = match command.effect().filter(|_| !progress.sent.stop()) {
            Some(effect) => error.with_unknown_effect(effect),
            None => error.retryable(true),
        };
        let mut out = ObjectWriter::begin(command.name(), "cancelled", 512);
        out.error(
            command.effect(),
            &error,
            progress.attempts.load(Ordering::Relaxed),
        );
        Outcome {
            text: out.finish(),
            error: Some(error),
        }
    }

    /// The outcome of a command that succeeds without the server.
    pub fn succeeded(command: &str) -> Outcome {
        Outcome {
            text: ObjectWriter::begin(command, state(true), 128).finish(),
            error: None,
        }
    }

    /// The outcome of a command that succeeds without the server, with members of its own.
    #[cfg(feature = "outbox")]
    pub fn with_members(command: &str, members: &[(&str, Value)]) -> Outcome {
        Outcome::succeeded(command).and_members(members)
    }

    /// The outcome with more members at its end.
    #[cfg(feature = "outbox")]
    pub fn and_members(self, members: &[(&str, Value)]) -> Outcome {
        let mut text = self.text.into_bytes();
        // The brace that ends the object.
        text.pop();
        let mut out = ObjectWriter(text);
        for (name, value) in members {
            out.member(name);
            out.raw(&value.to_string());
        }
        Outcome {
            text: out.finish(),
            error: self.error,
        }
    }

    /// Whether the command succeeded.
    pub fn is_resolved(&self) -> bool {
        self.error.is_none()
    }
}

fn state(resolved: bool) -> &'static str {
    if resolved {
        "resolved"
    } else {
        "rejected"
    }
}

/// An object being written.
struct ObjectWriter(Vec<u8>);

impl ObjectWriter {
    fn begin(command: &str, state: &str, capacity: usize) -> ObjectWriter {
        let mut out = ObjectWriter(Vec::with_capacity(capacity));
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

    fn strings(&mut self, name: &str, texts: &[impl AsRef<str>]) {
        self.member(name);
        let mut separator = "[";
        for text in texts {
            self.raw(separator);
            self.string(text.as_ref());
            separator = ",";
        }
        self.raw("]");
    }

    fn error(&mut self, effect: Option<&Effect>, error: &Error, attempts: u32) {
        self.member("error");
        self.raw("{\"status\":");
        self.raw(&error.status.code().to_string());
        self.member("name");
        self.string(error.status.name());
        self.member("message");
        self.string(&error.message);
        let server = error.server.as_deref();
        if let Some(message) = server.and_then(|server| server.message.as_deref()) {
            self.member("serverMessage");
            self.string(message);
        }
        if let Some(code) = server.and_then(|server| server.code) {
            self.member("serverCode");
            self.raw(&code.to_string());
        }
        if let Some(id) = server.and_then(|server| server.correlation_id.as_deref()) {
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
        if let Some(effect) = effect {
            self.member(effect.member);
            let happened = if error.is_effect_unknown {
                "unknown"
            } else {
                "no"
            };
            self.string(happened);
        }
        self.raw("}");
    }

    fn finish(mut self) -> CString {
        self.raw("}");
        // JSON text holds no NUL: strings write it as an escape, and the server's text is valid
        // JSON.
        c_string(self.0)
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
