//! The pure parts of a command, for the benchmarks: no part of the interface, and subject to change at any time.

use std::ffi::CString;

use crate::command::{schedule, Command};
use crate::config::Config;
use crate::protocol;
use crate::protocol::form::{self, Style};
use crate::service::outcome::Outcome;
use crate::text::json::{self, Object};
use crate::transport::message::Response;

/// A booking on its way out.
pub struct Booking {
    config: Config,
    options: Object,
}

impl Booking {
    /// A booking with these options; `None` if they or the configuration are wrong.
    pub fn new(config: &str, options: &str) -> Option<Booking> {
        let options = json::parse(options, "the data").ok()??.as_object()?.clone();
        Some(Booking {
            config: Config::parse(config).ok()?,
            options,
        })
    }

    /// Sorts the options by their meaning; whether they are right.
    pub fn map_options(&self) -> bool {
        schedule::check(&self.options).is_ok()
    }

    /// Writes the options as a form.
    pub fn encode_form(&self) -> String {
        form::encode(&self.options, Style::AsGiven)
    }

    /// Makes the whole request; its body.
    pub fn request_body(&self) -> Option<String> {
        protocol::request(&self.config, Command::Schedule, &self.options)
            .ok()?
            .body
    }
}

/// An answer on its way in.
pub struct Received {
    config: Config,
    command: Command,
    answer: Answer,
}

impl Received {
    /// A good answer to a command; `None` if configuration or name are wrong.
    pub fn new(config: &str, command: &str, body: &str) -> Option<Received> {
        let answer = Answer {
            status: 200,
            content_type: Some("application/json".to_owned()),
            retry_after: None,
            body: body.into(),
        };
        Some(Received {
            config: Config::parse(config).ok()?,
            command: Command::from_name(command)?,
            answer,
        })
    }

    /// Reads the answer and writes the outcome; `None` if the command was not resolved.
    pub fn outcome(&self) -> Option<CString> {
        let meaning = protocol::read(&self.config, self.command, &Object::new(), &self.answer);
        let outcome = Outcome::answered(self.command, &self.answer, meaning, 1);
        outcome.resolved().then_some(outcome.text)
    }
}
