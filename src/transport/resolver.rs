//! Host name lookups with the system's resolver.
//!
//! The system's call has no deadline, so it runs on a thread of its own, which ends with the
//! lookup. Callers that want the same host at the same time share one lookup.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::process::fork::{lock, PerProcess};
use crate::process::{sys, threads};

/// The system has no address for a host.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the host {host} cannot be found: {reason}")]
pub struct DnsError {
    host: String,
    reason: String,
}

impl DnsError {
    fn new(host: &str, reason: impl ToString) -> DnsError {
        DnsError {
            host: host.to_owned(),
            reason: reason.to_string(),
        }
    }
}

type LookupResult = Result<Vec<SocketAddr>, DnsError>;

/// The callers that wait for a host.
type PendingLookups = Mutex<HashMap<String, Vec<oneshot::Sender<LookupResult>>>>;

static PENDING: PerProcess<PendingLookups> = PerProcess::new();

/// The addresses of a host, which can be an address itself, with this port.
pub async fn resolve(host: &str, port: u16) -> LookupResult {
    // A URL has brackets around an IPv6 address.
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let aborted = |_| Err(DnsError::new(host, "the lookup did not finish"));
    let mut addresses = start_lookup(host).await.unwrap_or_else(aborted)?;
    for address in &mut addresses {
        address.set_port(port);
    }
    Ok(addresses)
}

fn start_lookup(host: &str) -> oneshot::Receiver<LookupResult> {
    let (sender, receiver) = oneshot::channel();
    let pending = PENDING.get(PendingLookups::default);
    let mut hosts = lock(&pending);
    if let Some(waiters) = hosts.get_mut(host) {
        waiters.push(sender);
        return receiver;
    }
    hosts.insert(host.to_owned(), vec![sender]);
    drop(hosts);
    let (name, shared) = (host.to_owned(), pending.clone());
    let spawned = threads::spawn("cbsvc-lookup", move || {
        complete(&shared, &name, lookup_blocking(&name));
    });
    if let Err(error) = spawned {
        let reason = format!("no thread for the lookup: {error}");
        complete(&pending, host, Err(DnsError::new(host, reason)));
    }
    receiver
}

fn lookup_blocking(host: &str) -> LookupResult {
    // The system's resolver opens files and sockets.
    let addresses = sys::with_stdio_reserved(|| (host, 0).to_socket_addrs());
    match addresses.map(Iterator::collect::<Vec<_>>) {
        Ok(addresses) if addresses.is_empty() => Err(DnsError::new(host, "it has no address")),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(DnsError::new(host, error)),
    }
}

fn complete(pending: &PendingLookups, host: &str, result: LookupResult) {
    let waiters = lock(pending).remove(host);
    for waiter in waiters.into_iter().flatten() {
        // A waiter whose deadline has passed is gone.
        let _ = waiter.send(result.clone());
    }
}
