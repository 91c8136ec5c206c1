//! The pure parts of a command, for the benchmarks. Not part of the interface.

use std::ffi::CString;

use crate::command::schedule::ScheduleRequest;
use crate::command::Command;
use crate::config::Config;
use crate::protocol::form::{self, NumberStyle};
use crate::protocol::{self, Subject};
use crate::service::outcome::Outcome;
use crate::text::json::{self, Object};
use crate::transport::message::Response;

/// A booking before it is sent.
pub struct ScheduleBench {
    config: Config,
    options: Object,
}

impl ScheduleBench {
    /// A booking with these options; `None` if they or the configuration are wrong.
    pub fn new(config: &str, options: &str) -> Option<ScheduleBench> {
        let options = json::parse(options, "the data").ok()??.as_object()?.clone();
        Some(ScheduleBench {
            config: Config::parse(config).ok()?,
            options,
        })
    }

    /// Validates the options; returns whether they are valid.
    pub fn parse_options(&self) -> bool {
        ScheduleRequest::parse(&self.options).is_ok()
    }

    /// Writes the options as a form.
    pub fn encode_form(&self) -> String {
        form::encode(&self.options, NumberStyle::AsGiven)
    }

    /// Makes the whole request; its body.
    pub fn request_body(&self) -> Option<String> {
        let request = protocol::request(&self.config, Command::Schedule, &self.options);
        request.ok()?.0.body
    }
}

/// A response before it is interpreted.
pub struct ResponseBench {
    config: Config,
    command: Command,
    response: Response,
}

impl ResponseBench {
    /// A successful response to a command; `None` if configuration or name are wrong.
    pub fn new(config: &str, command: &str, body: &str) -> Option<ResponseBench> {
        let response = Response {
            status: 200,
            content_type: Some("application/json".to_owned()),
            retry_after: None,
            date: None,
            body: body.into(),
        };
        Some(ResponseBench {
            config: Config::parse(config).ok()?,
            command: Command::from_name(command).ok()??,
            response,
        })
    }

    /// Interprets the response and writes the outcome; `None` if the command was not resolved.
    pub fn outcome(&self) -> Option<CString> {
        let text = protocol::body_text(&self.response);
        let subject = Subject::default();
        let interpretation =
            protocol::interpret(&self.config, self.command, &subject, &self.response, &text);
        let outcome =
            Outcome::from_response(self.command, &self.response, &text, interpretation, 1, true);
        outcome.is_resolved().then_some(outcome.text)
    }
}
