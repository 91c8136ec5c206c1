//! One call of a command that goes to the server: from its data to its request, and from the
//! response to the outcome.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::command::call_options::CallOptions;
use crate::command::Command;
use crate::config::Config;
use crate::error::{Effect, Error, Result};
use crate::process::{log, panic};
use crate::protocol::{self, Subject};
use crate::service::outcome::Outcome;
use crate::service::process_state::ProcessState;
use crate::status::Status;
use crate::text::json::{self, Object};
use crate::transport::message::{ExchangeLimits, ExchangeResult, Request};
use crate::transport::Transport;

/// A command that is ready to be sent.
pub struct PreparedCall {
    pub context: CallContext,
    pub request: Request,
    pub transport: Arc<Transport>,
    pub limits: ExchangeLimits,
    pub started_at: Instant,
}

/// The command of a request whose response has not been read.
pub struct CallContext {
    pub command: Command,
    pub config: Arc<Config>,
    pub subject: Subject,
}

impl PreparedCall {
    /// Checks the data of a command and makes its request. A panic is an error of a command that
    /// has sent nothing.
    pub fn new(
        command: Command,
        config: Arc<Config>,
        data: Result<Option<&str>>,
        started_at: Instant,
        state: &ProcessState,
    ) -> Result<PreparedCall> {
        panic::catch_in(|| PreparedCall::prepare(command, config, data, started_at, state))
    }

    fn prepare(
        command: Command,
        config: Arc<Config>,
        data: Result<Option<&str>>,
        started_at: Instant,
        state: &ProcessState,
    ) -> Result<PreparedCall> {
        let mut options = options(command, data?)?;
        let changed = CallOptions::take(&mut options)?.apply(&config);
        let config = changed.map_or(config, Arc::new);
        if options.is_empty() {
            return Err(Error::new(Status::NoData, command.missing_data_message()));
        }
        let (request, subject) = protocol::request(&config, command, &options)?;
        let transport = state.transport(&config)?;
        let limits = ExchangeLimits {
            deadline: (started_at + config.timeout).into(),
            max_bytes: config.max_response_bytes,
            retry: config.retry.clone(),
        };
        Ok(PreparedCall {
            context: CallContext {
                command,
                config,
                subject,
            },
            request,
            transport,
            limits,
            started_at,
        })
    }
}

impl CallContext {
    /// What the exchange means for the command.
    pub fn into_outcome(self, exchanged: ExchangeResult) -> Outcome {
        self.into_outcome_with(exchanged, |error| error)
    }

    /// The same with an error that is changed before it is written.
    pub fn into_outcome_with(
        self,
        exchanged: ExchangeResult,
        change: impl FnOnce(Error) -> Error,
    ) -> Outcome {
        let command = self.command;
        let effect = command.effect().filter(|_| exchanged.sent);
        match exchanged.result {
            Ok(response) => {
                let text = protocol::body_text(&response);
                let mut interpretation =
                    protocol::interpret(&self.config, command, &self.subject, &response, &text);
                // A response with an identifier outweighs a status that says that nothing was done.
                let has_id = interpretation.id.is_some();
                let effect = effect.or(command.effect().filter(|_| has_id));
                if interpretation.is_effect_unknown {
                    interpretation.error = interpretation
                        .error
                        .map(|error| with_unknown_effect(error, effect));
                }
                interpretation.error = interpretation.error.map(change);
                if !interpretation.unread_slots.is_empty() {
                    let count = interpretation.unread_slots.len();
                    log::warn(|| {
                        format!("{count} slots have times that cannot be read; see unreadSlots")
                    });
                }
                Outcome::from_response(
                    command,
                    &response,
                    &text,
                    interpretation,
                    exchanged.attempts,
                    self.config.with_response,
                )
            }
            Err(error) => Outcome::failed(
                command,
                change(with_unknown_effect(error, effect)),
                exchanged.attempts,
            ),
        }
    }
}

/// The outcome of a command whose response was lost inside the library.
pub fn lost(command: Command, error: Error) -> Outcome {
    Outcome::failed(command, with_unknown_effect(error, command.effect()), 1)
}

/// The error of a command that may have had an effect, if it has one.
fn with_unknown_effect(error: Error, effect: Option<&Effect>) -> Error {
    match effect {
        Some(effect) => error.with_unknown_effect(effect),
        None => error,
    }
}

/// The options in a command's data.
pub fn options(command: Command, data: Option<&str>) -> Result<Object> {
    let needs_data = !command.missing_data_message().is_empty();
    match json::parse(data.unwrap_or_default(), "the data")? {
        None if !needs_data => Ok(Object::new()),
        Some(Value::Object(options)) if !needs_data => Ok(options),
        None => Err(Error::new(Status::NoData, command.missing_data_message())),
        Some(Value::Object(options)) => Ok(options),
        Some(_) => Err(Error::new(
            Status::BadOption,
            "the data must be a JSON object",
        )),
    }
}
