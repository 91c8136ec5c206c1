//! What a failed exchange means: which status, what to tell, and whether it may be repeated.

use std::error::Error as StdError;
use std::io;

use super::resolver::LookupFailed;
use super::tracked_body::Sent;
use crate::config::connection::Connection;
use crate::error::Error;
use crate::status::Status;

/// The command's deadline has passed.
pub fn deadline_passed(sent: &Sent, repeatable: bool) -> Error {
    let message = match repeatable || sent.begun() {
        true => "ajaxTimeout has passed without a complete answer",
        false => "ajaxTimeout has passed before the request was sent; nothing was booked",
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

/// A request that got no answer.
#[derive(Debug)]
pub struct Failed {
    error: Box<dyn StdError + Send + Sync>,
    /// No connection was made.
    connecting: bool,
    /// `connectTimeout` has passed.
    timed_out: bool,
}

impl Failed {
    /// No connection was made.
    pub fn connecting(error: Box<dyn StdError + Send + Sync>) -> Failed {
        Failed {
            error,
            connecting: true,
            timed_out: false,
        }
    }

    /// No connection was made in time.
    pub fn connect_timeout() -> Failed {
        Failed {
            timed_out: true,
            ..Failed::connecting(io::Error::from(io::ErrorKind::TimedOut).into())
        }
    }

    /// Something else went wrong.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Failed {
        Failed {
            error: error.into(),
            connecting: false,
            timed_out: false,
        }
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Failed {
        Failed {
            connecting: error.is_connect(),
            timed_out: error.is_timeout(),
            error: error.into(),
        }
    }
}

impl From<hyper::Error> for Failed {
    fn from(error: hyper::Error) -> Failed {
        Failed::other(error)
    }
}

/// A client could not be made from the configuration.
pub fn unusable(error: impl StdError + 'static) -> Error {
    Error::new(
        Status::Internal,
        format!("the HTTP client could not be made: {}", innermost(&error)),
    )
}

/// What an error of the HTTP client means. A booking whose sending has begun is never safe to repeat.
pub fn classify(failed: Failed, is_booking: bool, sent: &Sent, connection: &Connection) -> Error {
    let error: &(dyn StdError + 'static) = failed.error.as_ref();
    let (status, message, passing) = match find::<rustls::Error>(error) {
        Some(tls) => (Status::Tls, super::tls::explain(tls, connection), false),
        None if failed.connecting => connecting(error, failed.timed_out, connection),
        None => exchanging(error),
    };
    Error::new(status, message).retryable(passing && !(is_booking && sent.begun()))
}

fn connecting(
    error: &(dyn StdError + 'static),
    timed_out: bool,
    connection: &Connection,
) -> (Status, String, bool) {
    let origin = connection.origin.origin().ascii_serialization();
    let cause = innermost(error);
    if find::<io::Error>(error).is_some_and(wants_descriptors) {
        return (
            Status::Internal,
            format!("no connection to {origin}: {cause}"),
            false,
        );
    }
    if cause == CLOSED_IN_HANDSHAKE {
        let message =
            format!("{origin} closes the connection instead of a TLS handshake; does it speak TLS at this port?");
        return (Status::Tls, message, true);
    }
    if let Some(proxy) = &connection.proxy {
        let refusal = cause.strip_prefix("tunnel error: ");
        let message = match refusal {
            Some(REFUSED_CREDENTIALS) => format!(
                "the proxy {} wants credentials: put them into proxy.url",
                proxy.url
            ),
            Some(reason) => format!(
                "the proxy {} does not connect to {origin}: {reason}",
                proxy.url
            ),
            None => format!("no connection to the proxy {}: {cause}", proxy.url),
        };
        return (Status::Proxy, message, refusal != Some(REFUSED_CREDENTIALS));
    }
    if let Some(lookup) = find::<LookupFailed>(error) {
        return (Status::Dns, lookup.to_string(), true);
    }
    if timed_out {
        return (
            Status::Timeout,
            format!("connectTimeout has passed without a connection to {origin}"),
            true,
        );
    }
    (
        Status::Connect,
        format!("no connection to {origin}: {cause}"),
        true,
    )
}

/// The TLS layer's word for a server that goes away meanwhile.
const CLOSED_IN_HANDSHAKE: &str = "tls handshake eof";

/// The HTTP client's word for a proxy's 407.
const REFUSED_CREDENTIALS: &str = "proxy authorization required";

fn wants_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// A connection that was dropped may hold the next time; an answer that is not HTTP will not improve.
fn exchanging(error: &(dyn StdError + 'static)) -> (Status, String, bool) {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    let cause = innermost(error);
    // The TLS layer refers its own users to its own documents.
    let cause = cause.split(": https://").next().unwrap_or_default();
    let http = find::<hyper::Error>(error);
    let system = find::<io::Error>(error).map(io::Error::kind);
    let dropped = matches!(system, Some(BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof))
            || http.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
            // Over HTTP/2 a server gives a request, or all of them, up in an orderly way: when it is started anew, say.
            || find::<h2::Error>(error).is_some_and(|error| error.is_remote() || error.is_io());
    let message = match dropped {
        true => {
            format!("the server closed the connection before its answer was complete ({cause})")
        }
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
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
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
