//! The commands of the service and the events that follow them.
//!
//! A command has one file here, with its description and its options, and one in
//! [`crate::protocol`], with its request and its response.

use std::ffi::CStr;

use crate::error::{Effect, Error, Result};
use crate::status::Status;

pub mod availability;
pub mod call_in;
pub mod call_options;
pub mod cancel;
pub mod deliver;
pub mod estimated_wait_time;
pub mod open_for;
pub mod options;
pub mod outbox;
pub mod query;
pub mod queue_position;
pub mod queue_status;
pub mod reschedule;
pub mod retrieve;
pub mod schedule;
pub mod schedule_names;
pub mod submit;

/// A command that goes to the server, or to the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Book a telephone callback.
    Schedule,
    /// List the slots that can be booked.
    Availability,
    /// Cancel a callback.
    Cancel,
    /// Move a callback to another time, or change its data.
    Reschedule,
    /// Look up one callback.
    Retrieve,
    /// List callbacks by their properties.
    Query,
    /// Look up the place of a callback in its queue.
    QueuePosition,
    /// List how long callers wait in some queues.
    EstimatedWaitTime,
    /// Look up whether a queue takes callbacks.
    QueueStatus,
    /// Look up how long the office is still open.
    OpenFor,
    /// Announce that the customer will call.
    CallIn,
    /// Store a booking in the outbox.
    Submit,
    /// Deliver the entries of the outbox that are due.
    Deliver,
    /// List the entries of the outbox, or change one.
    Outbox,
}

/// What is the same for every call of a command.
pub struct Description {
    /// The command's name on the bus.
    pub name: &'static CStr,
    /// The event of an outcome that resolved.
    pub resolved: &'static CStr,
    /// The event of an outcome that was rejected.
    pub rejected: &'static CStr,
    /// What the outcome says when the command came without data; empty if it needs none.
    pub missing_data: &'static str,
    /// What the command changes on the server; `None` if it only reads.
    pub effect: Option<Effect>,
}

/// The name of the command that changes the configuration, for C.
pub const CONFIGURE_C: &CStr = c"CallbackService.configure";

/// The same name.
pub const CONFIGURE: &str = to_str(CONFIGURE_C);

const fn to_str(name: &'static CStr) -> &'static str {
    match name.to_str() {
        Ok(name) => name,
        Err(_) => panic!("a name is not UTF-8"),
    }
}

/// The event of a service that is ready.
pub const READY_EVENT: &CStr = c"CallbackService.ready";

impl Command {
    /// Every command but `configure`.
    pub const ALL: [Command; 14] = [
        Command::Schedule,
        Command::Availability,
        Command::Cancel,
        Command::Reschedule,
        Command::Retrieve,
        Command::Query,
        Command::QueuePosition,
        Command::EstimatedWaitTime,
        Command::QueueStatus,
        Command::OpenFor,
        Command::CallIn,
        Command::Submit,
        Command::Deliver,
        Command::Outbox,
    ];

    const fn description(self) -> &'static Description {
        match self {
            Command::Schedule => &schedule::DESCRIPTION,
            Command::Availability => &availability::DESCRIPTION,
            Command::Cancel => &cancel::DESCRIPTION,
            Command::Reschedule => &reschedule::DESCRIPTION,
            Command::Retrieve => &retrieve::DESCRIPTION,
            Command::Query => &query::DESCRIPTION,
            Command::QueuePosition => &queue_position::DESCRIPTION,
            Command::EstimatedWaitTime => &estimated_wait_time::DESCRIPTION,
            Command::QueueStatus => &queue_status::DESCRIPTION,
            Command::OpenFor => &open_for::DESCRIPTION,
            Command::CallIn => &call_in::DESCRIPTION,
            Command::Submit => &submit::DESCRIPTION,
            Command::Deliver => &deliver::DESCRIPTION,
            Command::Outbox => &outbox::DESCRIPTION,
        }
    }

    /// The command of this name that goes to the server; `None` for `configure`. Blanks that pad a
    /// field of fixed length do not count.
    pub fn from_name(name: &str) -> Result<Option<Command>> {
        let name = name.trim_end_matches(' ');
        let mut commands = Command::ALL.into_iter();
        let command = commands.find(|command| command.name() == name);
        if command.is_none() && name != CONFIGURE {
            return Err(Error::new(Status::UnknownCommand, "Command does not exist"));
        }
        Ok(command)
    }

    /// The command's name on the bus.
    pub const fn name(self) -> &'static str {
        to_str(self.c_name())
    }

    /// The same name for C.
    pub const fn c_name(self) -> &'static CStr {
        self.description().name
    }

    /// The event that carries the outcome.
    pub fn event(self, resolved: bool) -> &'static CStr {
        let description = self.description();
        if resolved {
            description.resolved
        } else {
            description.rejected
        }
    }

    /// Whether the command works on the outbox, and not on the server.
    pub fn uses_outbox(self) -> bool {
        matches!(self, Command::Submit | Command::Deliver | Command::Outbox)
    }

    /// What the outcome says when the command came without data; empty if it needs none.
    pub fn missing_data_message(self) -> &'static str {
        self.description().missing_data
    }

    /// What the command changes on the server; `None` if it only reads.
    pub fn effect(self) -> Option<&'static Effect> {
        self.description().effect.as_ref()
    }
}

/// The event of this name, if the service ever publishes one.
pub fn event_from_name(name: &str) -> Option<&'static CStr> {
    let name = name.trim_end_matches(' ').as_bytes();
    let outcomes = Command::ALL.map(|command| [command.event(true), command.event(false)]);
    let mut events = outcomes.into_iter().flatten().chain([READY_EVENT]);
    events.find(|event| event.to_bytes() == name)
}
