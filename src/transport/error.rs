//! What a failed exchange means: the status, the message, and whether it may be repeated.

use std::error::Error as StdError;
use std::io;

use super::resolver::DnsError;
use super::tls;
use super::tracked_body::SentFlag;
use super::tunnel::TunnelError;
use crate::config::connection::ConnectionSettings;
use crate::config::proxy::Proxy;
use crate::error::Error;
use crate::process::sys;
use crate::status::Status;

/// Why there is no response.
#[derive(Debug)]
pub enum TransportError {
    /// No connection could be opened.
    Connect(ConnectError),
    /// The connection failed, or what came was not HTTP.
    Http(hyper::Error),
    /// The body ended too early.
    Truncated,
}

/// Why no connection could be opened.
#[derive(Debug)]
pub enum ConnectError {
    /// The host has no address.
    Dns(DnsError),
    /// TCP has failed at every address.
    Tcp(io::Error),
    /// `connectTimeout` has passed.
    TimedOut,
    /// TLS with the proxy has failed.
    ProxyTls(io::Error),
    /// The proxy has not opened a tunnel.
    Tunnel(TunnelError),
    /// TLS with the server has failed.
    Tls(io::Error),
}

impl From<ConnectError> for TransportError {
    fn from(error: ConnectError) -> TransportError {
        TransportError::Connect(error)
    }
}

impl From<hyper::Error> for TransportError {
    fn from(error: hyper::Error) -> TransportError {
        TransportError::Http(error)
    }
}

/// The command's deadline has passed.
pub fn deadline_passed(sent: &SentFlag, is_read_only: bool) -> Error {
    let is_harmless = is_read_only || !sent.is_set();
    let message = if is_read_only || sent.is_set() {
        "the deadline (ajaxTimeout or timeoutMs) has passed without a complete response"
    } else {
        "the deadline (ajaxTimeout or timeoutMs) has passed before the request was sent; nothing was done"
    };
    Error::new(Status::Timeout, message).retryable(is_harmless)
}

/// The command's deadline has passed while all connections were in use.
pub fn no_connection_free(connections: usize) -> Error {
    let message = format!(
        "the deadline (ajaxTimeout or timeoutMs) has passed while all {connections} connections (maxConnections) were in use; \
         nothing was sent"
    );
    Error::new(Status::Timeout, message).retryable(true)
}

/// The request or the client cannot be made from the configuration.
pub fn setup_error(error: &dyn StdError) -> Error {
    Error::new(
        Status::Internal,
        format!("the HTTP request could not be made: {}", root_cause(error)),
    )
}

/// The system refuses what a connection needs.
pub fn refused_by_system(error: &io::Error) -> Error {
    Error::new(
        Status::Internal,
        format!("the system refuses what a connection needs: {error}"),
    )
}

/// The error that a failure means. A request that changes something is never safe to repeat once a
/// part of it may have been sent.
pub fn classify(
    error: &TransportError,
    is_read_only: bool,
    sent: &SentFlag,
    settings: &ConnectionSettings,
    certificate_requested: bool,
) -> Error {
    let host = settings.origin.host_str().unwrap_or_default();
    let explain_tls = |error, host| {
        let message = tls::explain_error(error, host, &settings.tls, certificate_requested);
        (Status::Tls, message, false)
    };
    let (status, message, is_transient) = match error {
        TransportError::Connect(ConnectError::Tls(error)) => {
            match find_source::<rustls::Error>(error) {
                Some(error) => explain_tls(error, host),
                None => classify_handshake(error, settings),
            }
        }
        TransportError::Connect(ConnectError::ProxyTls(error)) => {
            match find_source::<rustls::Error>(error) {
                Some(error) => {
                    let proxy = settings
                        .proxy
                        .as_ref()
                        .and_then(|proxy| proxy.url.host_str());
                    explain_tls(error, proxy.unwrap_or_default())
                }
                None => classify_connect(&error.to_string(), settings),
            }
        }
        TransportError::Connect(ConnectError::Tcp(error)) => {
            if sys::is_out_of_descriptors(error) {
                return refused_by_system(error);
            }
            classify_connect(&error.to_string(), settings)
        }
        TransportError::Connect(ConnectError::Dns(error)) => match settings.proxy {
            Some(_) => classify_connect(&error.to_string(), settings),
            None => (Status::Dns, error.to_string(), true),
        },
        TransportError::Connect(ConnectError::TimedOut) => classify_timeout(settings),
        TransportError::Connect(ConnectError::Tunnel(error)) => classify_tunnel(error, settings),
        TransportError::Truncated => dropped("its body is shorter than its Content-Length"),
        TransportError::Http(error) => match find_source::<rustls::Error>(error) {
            Some(error) => explain_tls(error, host),
            None => classify_exchange(error),
        },
    };
    Error::new(status, message).retryable(is_transient && (is_read_only || !sent.is_set()))
}

/// Status, message, and whether the failure may be gone next time.
type Class = (Status, String, bool);

fn classify_connect(cause: &str, settings: &ConnectionSettings) -> Class {
    match &settings.proxy {
        Some(Proxy { url, .. }) => {
            let message = format!("no connection to the proxy {}: {cause}", shown(url));
            (Status::Proxy, message, true)
        }
        None => {
            let message = format!("no connection to {}: {cause}", shown(&settings.origin));
            (Status::Connect, message, true)
        }
    }
}

fn classify_timeout(settings: &ConnectionSettings) -> Class {
    let origin = shown(&settings.origin);
    match &settings.proxy {
        Some(Proxy { url, .. }) => {
            let message = format!(
                "connecting to {origin} through the proxy {} timed out (connectTimeout)",
                shown(url)
            );
            (Status::Proxy, message, true)
        }
        None => {
            let message = format!("connecting to {origin} timed out (connectTimeout)");
            (Status::Timeout, message, true)
        }
    }
}

/// The connection ended during the handshake, for another reason than TLS.
fn classify_handshake(error: &io::Error, settings: &ConnectionSettings) -> Class {
    let origin = shown(&settings.origin);
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let message =
            format!("{origin} closed the connection during the TLS handshake; is this a TLS port?");
        return (Status::Tls, message, true);
    }
    let message = format!("no connection to {origin}: {error}");
    (Status::Connect, message, true)
}

fn classify_tunnel(error: &TunnelError, settings: &ConnectionSettings) -> Class {
    let origin = shown(&settings.origin);
    let Some(Proxy { url, authorization }) = &settings.proxy else {
        return (Status::Proxy, "no proxy".to_owned(), false);
    };
    let proxy = shown(url);
    let failed = |what: &str| format!("the proxy {proxy} does not connect to {origin}: {what}");
    let (message, is_transient) = match error {
        TunnelError::Refused(407) if authorization.is_some() => (
            format!(
                "the proxy {proxy} does not accept proxy.username and proxy.password (HTTP \
             407)"
            ),
            false,
        ),
        TunnelError::Refused(407) => (
            format!(
                "the proxy {proxy} requires authentication (HTTP 407): set proxy.username and \
             proxy.password"
            ),
            false,
        ),
        TunnelError::Refused(status) => (
            failed(&format!("it answered HTTP {status}")),
            matches!(status, 429 | 502..=504),
        ),
        TunnelError::Closed => (failed("it closed the connection"), true),
        TunnelError::Malformed => (failed("its response is not one to CONNECT"), false),
        TunnelError::Io(error) => (failed(&error.to_string()), true),
    };
    (Status::Proxy, message, is_transient)
}

/// A connection that was dropped may hold the next time; what is not HTTP will not be HTTP then.
fn classify_exchange(error: &hyper::Error) -> Class {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    let cause = root_cause(error);
    // The TLS layer refers its own users to its own documents.
    let cause = cause.split(": https://").next().unwrap_or_default();
    let is_dropped_by_system = find_source::<io::Error>(error).is_some_and(|error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
        )
    });
    // Over HTTP/2 a server can refuse a request, or close the connection, in good order.
    let is_dropped_by_http2 =
        find_source::<h2::Error>(error).is_some_and(|error| error.is_remote() || error.is_io());
    let is_dropped_by_http1 =
        error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    if is_dropped_by_system || is_dropped_by_http2 || is_dropped_by_http1 {
        dropped(cause)
    } else {
        let message = format!("the response cannot be understood as HTTP ({cause})");
        (Status::Protocol, message, false)
    }
}

fn dropped(cause: &str) -> Class {
    let message =
        format!("the server closed the connection before the response was complete ({cause})");
    (Status::Protocol, message, true)
}

/// Scheme, host and port.
fn shown(url: &url::Url) -> String {
    url.origin().ascii_serialization()
}

/// An error of a type among the causes.
fn find_source<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // The source of an I/O error is that of the error it wraps, which would be skipped.
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

/// The last of the causes, which says most.
fn root_cause(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        message = error.to_string();
        next = error.source();
    }
    message
}
