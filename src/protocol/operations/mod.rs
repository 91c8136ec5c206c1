//! The operations on callbacks that exist, and on queues: one file for each command.

mod call_in;
mod cancel;
mod estimated_wait_time;
mod open_for;
mod query;
mod queue_position;
mod queue_status;
mod reschedule;
mod retrieve;

use serde_json::Value;

use super::record::Record;
use super::{RequestParts, Subject};
use crate::command::Command;
use crate::config::{ApiVersion, Config};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;

/// Checks a command's options and decides the request for it.
pub fn request(config: &Config, command: Command, options: &Object) -> Result<RequestParts> {
    match command {
        Command::Cancel => cancel::request(config, options),
        Command::Reschedule => reschedule::request(config, options),
        Command::Retrieve => retrieve::request(config, options),
        Command::Query => query::request(config, options),
        Command::QueuePosition => queue_position::request(config, options),
        Command::EstimatedWaitTime => estimated_wait_time::request(config, options),
        Command::QueueStatus => queue_status::request(config, options),
        Command::OpenFor => open_for::request(config, options),
        Command::CallIn => call_in::request(config, options),
        Command::Schedule
        | Command::Availability
        | Command::Submit
        | Command::Deliver
        | Command::Outbox => Err(Error::new(
            Status::Internal,
            "the command has a request of its own, or none",
        )),
    }
}

/// The member of the outcome that holds what a successful response says.
pub fn read(command: Command, answer: &Answer) -> Result<Found> {
    match command {
        Command::Cancel => cancel::read(answer),
        Command::Reschedule => reschedule::read(answer),
        Command::Retrieve => retrieve::read(answer),
        Command::Query => query::read(answer),
        Command::QueuePosition => queue_position::read(answer),
        Command::EstimatedWaitTime => estimated_wait_time::read(answer),
        Command::QueueStatus => queue_status::read(answer),
        Command::OpenFor => open_for::read(answer),
        Command::CallIn => call_in::read(answer),
        Command::Schedule
        | Command::Availability
        | Command::Submit
        | Command::Deliver
        | Command::Outbox => Err(answer.unexpected("no result")),
    }
}

/// What a command about one callback is about.
fn subject(id: String) -> Subject {
    Subject {
        id: Some(id),
        ..Subject::default()
    }
}

/// A request of the v3 API about one callback.
fn post_id(path: &str, id: String) -> Result<RequestParts> {
    let body = Object::from_iter([("id".to_owned(), Value::String(id.clone()))]);
    Ok(RequestParts {
        subject: subject(id),
        ..RequestParts::post_json(path.to_owned(), &body)?
    })
}

/// A member of the outcome.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub member: &'static str,
    /// Its value.
    pub json: String,
    /// What stands in the place of a callback and is none.
    pub unread_callbacks: Vec<String>,
}

impl Found {
    fn new(member: &'static str, json: String) -> Found {
        Found {
            member,
            json,
            unread_callbacks: Vec::new(),
        }
    }

    fn callback(record: &Record) -> Found {
        Found::new("callback", record.to_json())
    }
}

/// A successful response, and what it is about.
pub struct Answer<'a> {
    pub api: ApiVersion,
    pub http: u16,
    /// The body as text, and the same if it is JSON.
    pub text: &'a str,
    pub json: Option<&'a str>,
    /// The identifier in the body, also if that nests too deeply to be used as JSON.
    pub id: Option<String>,
    pub subject: &'a Subject,
}

impl Answer<'_> {
    /// What the response says: the body of v1, `data` of v3.
    fn value(&self) -> Option<Value> {
        let mut value: Value = serde_json::from_str(self.json?).ok()?;
        match self.api {
            ApiVersion::V1 => Some(value),
            ApiVersion::V3 => value.get_mut("data").map(Value::take),
        }
    }

    /// The error for a response that is none of this command.
    pub fn unexpected(&self, lacks: &str) -> Error {
        let http = self.http;
        let message = match self.json {
            _ if self.text.is_empty() => format!("the server's response (HTTP {http}) has no body"),
            None => format!("the server's response (HTTP {http}) is not JSON; check that dataURL is that of the callback API"),
            Some(_) => format!("the server's response (HTTP {http}) has {lacks}; check that apiVersion matches the server"),
        };
        Error::new(Status::Protocol, message)
    }

    /// Whether a record is about the callback that was asked for. One without an identifier is.
    fn is_subject(&self, record: &Record) -> bool {
        match (&record.id, &self.subject.id) {
            (Some(found), Some(asked)) => found.eq_ignore_ascii_case(asked),
            _ => true,
        }
    }

    /// The record of the callback that was asked for, with the identifier that the caller knows.
    fn own_record(&self, value: &Value) -> Option<Record> {
        let record = Record::read(self.api, value.as_object()?)?;
        self.is_subject(&record).then(|| Record {
            id: self.subject.id.clone(),
            ..record
        })
    }

    /// The record of a callback that a response confirms to have changed. Servers say little of it.
    fn changed_record(&self) -> Result<Record> {
        let value = match self.json {
            None if self.text.trim().is_empty() => Value::Null,
            None if self.id.is_some() && self.id == self.subject.id => Value::Null,
            None => return Err(self.unexpected("no confirmation")),
            Some(_) => self.value().unwrap_or_default(),
        };
        let members = value.as_object().cloned().unwrap_or_default();
        let record = Record::read(self.api, &members).unwrap_or_default();
        if !self.is_subject(&record) {
            return Err(self.unexpected("the identifier of another callback"));
        }
        Ok(Record {
            id: self.subject.id.clone(),
            ..record
        })
    }
}

/// The error for a command that the configured API does not offer.
fn unsupported(config: &Config, instead: &str) -> Error {
    let api = match config.api_version {
        ApiVersion::V1 => "v1",
        ApiVersion::V3 => "v3",
    };
    let message = format!("the {api} API does not offer this; {instead}");
    Error::new(Status::Unsupported, message)
}

/// The configured base URL without its last segments, which must be these; `None` stands for any.
fn base_without(config: &Config, segments: &[Option<&str>]) -> Result<String> {
    let mut base = config.base.as_str();
    for expected in segments.iter().rev() {
        let path_start = config.base.len() - config.base_url.path().trim_end_matches('/').len();
        let found = base
            .rsplit_once('/')
            .filter(|(rest, segment)| rest.len() >= path_start && !segment.is_empty());
        match found {
            Some((rest, segment)) if expected.is_none_or(|expected| expected == segment) => {
                base = rest
            }
            _ => {
                let form = match config.api_version {
                    ApiVersion::V1 => "/service/callback/{service}",
                    ApiVersion::V3 => "/callbacks",
                };
                let message = format!("must end in {form} for this command");
                return Err(Error::field(Status::Config, "dataURL", message));
            }
        }
    }
    Ok(base.to_owned())
}
