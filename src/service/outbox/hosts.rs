//! What a deliverer works for: one command, or a service. Both turn what becomes of an entry into
//! an event.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, Weak};

use serde_json::Value;

use crate::command::Command;
use crate::config::{Config, HandlerMode};
use crate::error::Result;
use crate::outbox::decision::in_doubt;
use crate::outbox::deliverer::{Conclusion, EntryName, Host};
use crate::process::fork::lock;
use crate::process::{log, panic};
use crate::protocol::Subject;
use crate::service::call::CallContext;
use crate::service::outcome::Outcome;
use crate::service::process_state::{ProcessState, QueueItem};
use crate::service::{lost, Service};
use crate::transport::message::ExchangeResult;
use crate::transport::Transport;

/// An event with its data.
pub type Event = (&'static CStr, CString);

/// A deliverer of one command on the calling thread.
pub struct CallHost {
    pub config: Arc<Config>,
    pub transport: Arc<Transport>,
    pub events: Arc<Mutex<Vec<Event>>>,
    /// Whether anybody receives the events.
    pub is_heard: bool,
}

impl Host for CallHost {
    fn current(&self) -> Option<Result<(Arc<Config>, Arc<Transport>)>> {
        Some(Ok((self.config.clone(), self.transport.clone())))
    }

    fn conclude(&self, entry: EntryName, config: Arc<Config>, conclusion: Conclusion) {
        if self.is_heard {
            lock(&self.events).push(event(&entry, config, conclusion));
        }
    }
}

/// A deliverer on the network thread, which does not keep its service.
pub struct ServiceHost {
    pub service: Weak<Service>,
    pub state: Weak<ProcessState>,
}

impl Host for ServiceHost {
    fn current(&self) -> Option<Result<(Arc<Config>, Arc<Transport>)>> {
        let (service, state) = (self.service.upgrade()?, self.state.upgrade()?);
        if service.is_closed() {
            return None;
        }
        let config = service.config();
        let transport = state.transport(&config);
        Some(transport.map(|transport| (config, transport)))
    }

    fn conclude(&self, entry: EntryName, config: Arc<Config>, conclusion: Conclusion) {
        let (Some(service), Some(state)) = (self.service.upgrade(), self.state.upgrade()) else {
            return;
        };
        if !service.is_heard() {
            return;
        }
        let (event, text) = event(&entry, config, conclusion);
        match service.handler_mode() {
            HandlerMode::Thread => match service.ensure_handlers_thread(&state) {
                Ok(()) => state.queue.push(QueueItem::Event(event, text)),
                Err(error) => log::error(|| error.message),
            },
            // A program that never takes any keeps the newest.
            HandlerMode::Caller | HandlerMode::Poll => service.queue_event(&state, event, &text),
        }
    }
}

/// The event of an entry of which it is clear what becomes of it.
fn event(entry: &EntryName, config: Arc<Config>, conclusion: Conclusion) -> Event {
    let command = Command::Schedule;
    let outcome = match conclusion {
        Conclusion::Answered {
            exchanged,
            is_unknown,
        } => {
            let context = CallContext {
                command,
                config,
                subject: Subject::default(),
            };
            panic::catch(|| context.into_delivered_outcome(exchanged, is_unknown))
                .unwrap_or_else(|error| lost(command, error))
        }
        Conclusion::Found(id) => Outcome::with_members(command.name(), &[("id", id.into())]),
        Conclusion::Failed(error) => Outcome::failed(command, error, 0),
    };
    let mut members = vec![("entry", Value::from(entry.id.as_str()))];
    members.extend(entry.key.as_deref().map(|key| ("key", key.into())));
    let event = command.event(outcome.is_resolved());
    (event, outcome.and_members(&members).text)
}

impl CallContext {
    /// The outcome of a booking of the outbox.
    fn into_delivered_outcome(self, exchanged: ExchangeResult, is_unknown: bool) -> Outcome {
        self.into_outcome_with(
            exchanged,
            |error| {
                if is_unknown {
                    in_doubt(error)
                } else {
                    error
                }
            },
        )
    }
}
