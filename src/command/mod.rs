//! The commands of the service and the events that follow them.

use std::ffi::CStr;

use crate::error::{Error, Result};
use crate::status::Status;

pub mod availability;
pub mod options;
pub mod schedule;
pub mod schedule_names;

/// A command that goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Book a telephone callback.
    Schedule,
    /// List the slots that can be booked.
    Availability,
}

/// The name of the command that changes the configuration.
pub const CONFIGURE: &str = "CallbackService.configure";

/// The same name for C.
pub const CONFIGURE_C: &CStr = c"CallbackService.configure";

/// The event of a service that is ready.
pub const READY_EVENT: &CStr = c"CallbackService.ready";

impl Command {
    /// The command of this name that goes to the server; `None` for `configure`.
    pub fn from_name(name: &str) -> Result<Option<Command>> {
        let commands = [Command::Schedule, Command::Availability];
        let command = commands.into_iter().find(|command| command.name() == name);
        if command.is_none() && name != CONFIGURE {
            return Err(Error::new(Status::UnknownCommand, "Command does not exist"));
        }
        Ok(command)
    }

    /// The command's name on the bus.
    pub fn name(self) -> &'static str {
        match self {
            Command::Schedule => "CallbackService.schedule",
            Command::Availability => "CallbackService.availability",
        }
    }

    /// The same name for C.
    pub fn c_name(self) -> &'static CStr {
        match self {
            Command::Schedule => c"CallbackService.schedule",
            Command::Availability => c"CallbackService.availability",
        }
    }

    /// The event that carries the outcome.
    pub fn event(self, resolved: bool) -> &'static CStr {
        match (self, resolved) {
            (Command::Schedule, true) => c"CallbackService.scheduled",
            (Command::Schedule, false) => c"CallbackService.scheduleError",
            (Command::Availability, true) => c"CallbackService.availableSlots",
            (Command::Availability, false) => c"CallbackService.availabilityError",
        }
    }

    /// What the outcome says when the command came without data.
    pub fn missing_data_message(self) -> &'static str {
        match self {
            Command::Schedule => "No data found to schedule callback",
            Command::Availability => "No query parameters passed for callback availability service",
        }
    }
}

/// The event of this name, if the service ever publishes one.
pub fn event_from_name(name: &str) -> Option<&'static CStr> {
    let outcomes = [Command::Schedule, Command::Availability]
        .map(|command| [command.event(true), command.event(false)]);
    let mut events = outcomes.into_iter().flatten().chain([READY_EVENT]);
    events.find(|event| event.to_bytes() == name.as_bytes())
}
