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
    pub const fn name(self) -> &'static str {
        match self {
            Command::Schedule => const { to_str(Command::Schedule.c_name()) },
            Command::Availability => const { to_str(Command::Availability.c_name()) },
        }
    }

    /// The same name for C.
    pub const fn c_name(self) -> &'static CStr {
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
