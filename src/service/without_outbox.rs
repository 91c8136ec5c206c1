//! The commands of the outbox in a library that was built without it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::outcome::Outcome;
use super::process_state::{ProcessState, Recipient};
use super::Service;
use crate::command::Command;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::status::Status;

fn not_built() -> Error {
    let message = "this library was built without the feature outbox";
    Error::new(Status::Unsupported, message)
}

impl Service {
    pub fn start_deliverer(self: &Arc<Self>) {}

    pub(super) fn run_outbox(
        self: &Arc<Self>,
        command: Command,
        _: Result<Option<&str>>,
        _: Instant,
        _: &Arc<ProcessState>,
    ) -> Outcome {
        Outcome::failed(command, not_built(), 0)
    }

    pub(super) fn start_outbox(
        self: &Arc<Self>,
        _: Command,
        _: Result<Option<&str>>,
        _: Instant,
        recipient: Recipient,
        _: &Arc<ProcessState>,
    ) -> std::result::Result<Result<()>, (Error, Recipient)> {
        Err((not_built(), recipient))
    }

    pub(super) fn close_outbox(&self, _: &ProcessState, _: Option<Instant>) {}

    pub(super) fn outbox_stats(_: &Config) -> Option<Value> {
        None
    }
}
