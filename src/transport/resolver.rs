//! Looking up host names with the system's own resolver.
//!
//! The system's call cannot be given a deadline, so it runs on a thread of its own, which ends with the lookup.
//! Callers that want the same host at the same time share one lookup.

use std::collections::HashMap;
use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;
use tower_service::Service;

use crate::process::fork::{lock, PerProcess};
use crate::process::threads;

/// The system has no address for a host.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the host {host} cannot be found: {reason}")]
pub struct LookupFailed {
    host: String,
    reason: String,
}

type Found = Result<Vec<SocketAddr>, LookupFailed>;

/// Those who wait for a host.
type Waiting = Mutex<HashMap<String, Vec<oneshot::Sender<Found>>>>;

static WAITING: PerProcess<Waiting> = PerProcess::new();

/// The resolver that all connections share.
#[derive(Clone)]
pub struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = resolved(name.as_str());
        Box::pin(async move {
            let addresses: Addrs = Box::new(found.await?.into_iter());
            Ok(addresses)
        })
    }
}

impl Service<dns::Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookupFailed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, LookupFailed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context) -> Poll<Result<(), LookupFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let found = resolved(name.as_str());
        Box::pin(async move { found.await.map(Vec::into_iter) })
    }
}

fn resolved(host: &str) -> impl Future<Output = Found> + use<> {
    let answer = look_up(host);
    let gone = LookupFailed {
        host: host.to_owned(),
        reason: "the lookup did not finish".to_owned(),
    };
    async move { answer.await.unwrap_or(Err(gone)) }
}

fn look_up(host: &str) -> oneshot::Receiver<Found> {
    let (sender, receiver) = oneshot::channel();
    let waiting = WAITING.get(Waiting::default);
    let mut hosts = lock(&waiting);
    if let Some(others) = hosts.get_mut(host) {
        others.push(sender);
        return receiver;
    }
    hosts.insert(host.to_owned(), vec![sender]);
    drop(hosts);
    let (name, queue) = (host.to_owned(), waiting.clone());
    let spawned = threads::spawn("cbsvc-lookup", move || {
        tell(&queue, &name, ask_system(&name))
    });
    if let Err(error) = spawned {
        let reason = format!("no thread for the lookup: {error}");
        tell(
            &waiting,
            host,
            Err(LookupFailed {
                host: host.to_owned(),
                reason,
            }),
        );
    }
    receiver
}

fn ask_system(host: &str) -> Found {
    let found = (host, 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    match found {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(LookupFailed {
            host: host.to_owned(),
            reason: "it has no address".to_owned(),
        }),
        Err(error) => Err(LookupFailed {
            host: host.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn tell(waiting: &Waiting, host: &str, found: Found) {
    let waiters = lock(waiting).remove(host);
    for waiter in waiters.into_iter().flatten() {
        // A waiter whose deadline has passed is gone.
        let _ = waiter.send(found.clone());
    }
}
