//! What a failed exchange means: which status, what to tell, and whether it may be repeated.

use std::error::Error as StdError;
use std::io;

use super::body::Sent;
use super::resolve::LookupFailed;
use crate::config::connection::Connection;
use crate::error::Error;
use crate::status::Status;

/// The command's deadline has passed.
pub fn deadline_passed(sent: &Sent, repeatable: bool) -> Error {
    let message = match (repeatable, sent.begun()) {
        (true, _) => "ajaxTimeout has passed without a complete answer",
        (false, true) => "ajaxTimeout has passed without a complete answer; the booking may have been made",
        (false, false) => "ajaxTimeout has passed before the request was sent; nothing was booked",
    };
    Error::new(Status::Timeout, message).retryable(repeatable || !sent.begun())
}

/// The command's deadline has passed while all connections were in use.
pub fn no_connection_free(connections: usize) -> Error {
    let message = format!(
        "ajaxTimeout has passed while all {connections} connections (maxConnections) were in use; nothing was sent"
    );
    Error::new(Status::Timeout, message).retryable(true)
}

/// A client could not be made from the configuration.
pub fn unusable(error: reqwest::Error) -> Error {
    Error::new(Status::Internal, format!("the HTTP client could not be made: {}", innermost(&error)))
}

/// What an error of the HTTP client means. A booking whose sending has begun is never safe to repeat.
pub fn classify(error: reqwest::Error, is_booking: bool, sent: &Sent, connection: &Connection) -> Error {
    let (status, message, passing) = match error.is_connect() {
        true => {
            let (status, message) = connecting(&error, connection);
            (status, message, status != Status::Tls)
        }
        false => exchanging(&error),
    };
    match is_booking && sent.begun() {
        false => Error::new(status, message).retryable(passing),
        true => Error::new(status, format!("{message}; the booking may have been made")),
    }
}

fn connecting(error: &reqwest::Error, connection: &Connection) -> (Status, String) {
    let origin = connection.origin.origin().ascii_serialization();
    if let Some(lookup) = find::<LookupFailed>(error) {
        return (Status::Dns, lookup.to_string());
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return (Status::Tls, super::tls::explain(tls, connection));
    }
    let cause = innermost(error);
    if let Some(proxy) = &connection.proxy {
        return (Status::Proxy, format!("the proxy {} does not connect to {origin}: {cause}", proxy.url));
    }
    if error.is_timeout() {
        return (Status::Timeout, format!("connectTimeout has passed without a connection to {origin}"));
    }
    (Status::Connect, format!("no connection to {origin}: {cause}"))
}

/// A connection that was dropped may hold the next time; an answer that is not HTTP will not improve.
fn exchanging(error: &reqwest::Error) -> (Status, String, bool) {
    let cause = innermost(error);
    let http = find::<hyper::Error>(error);
    let dropped = find::<io::Error>(error).is_some()
        || http.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed());
    let message = match dropped {
        true => format!("the server closed the connection before its answer was complete ({cause})"),
        false => format!("the server's answer cannot be understood as HTTP ({cause})"),
    };
    (Status::Protocol, message, dropped)
}

/// An error of a type, wherever it stands among the causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An I/O error names as its cause what lies below the error it wraps, and passes that one over.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The last of the causes: the one that says most.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
