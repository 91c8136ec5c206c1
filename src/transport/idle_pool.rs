//! Connections of started calls at rest, and the caretaker on the network thread who looks after them: one that the
//! server has closed, or that nobody has wanted for long, is closed here too.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{sleep_until, Instant};

use super::connection::Direct;
use crate::process::fork::lock;

/// The connections at rest of one transport.
pub struct Resting(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// A connection that rests longer is closed: something on the way will have forgotten it.
    longest: Duration,
    /// The one that has rested longest comes first.
    connections: Vec<(Instant, Direct)>,
    caretaker: Option<Waker>,
    /// Whether the caretaker will look when the first has rested too long.
    is_timed: bool,
}

impl Resting {
    /// None yet; none shall rest longer than this.
    pub fn new(longest: Duration) -> Resting {
        Resting(Arc::new(Mutex::new(Kept {
            longest,
            ..Kept::default()
        })))
    }

    /// The connection used last, if one rests.
    pub fn take(&self) -> Option<Direct> {
        lock(&self.0)
            .connections
            .pop()
            .map(|(_, connection)| connection)
    }

    /// Lets a connection rest. Called on the network thread, where the caretaker works.
    pub fn put(&self, mut connection: Direct) {
        let mut kept = lock(&self.0);
        match &kept.caretaker {
            None => drop(tokio::spawn(look_after(Arc::downgrade(&self.0)))),
            Some(caretaker) if !connection.is_open(caretaker) => return,
            Some(caretaker) if !kept.is_timed => caretaker.wake_by_ref(),
            Some(_) => {}
        }
        kept.connections.push((Instant::now(), connection));
    }

    /// How many connections rest.
    pub fn len(&self) -> usize {
        lock(&self.0).connections.len()
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        // The caretaker finds nothing left to care for.
        let caretaker = lock(&self.0).caretaker.take();
        self.0 = Arc::default();
        caretaker.into_iter().for_each(Waker::wake);
    }
}

async fn look_after(kept: Weak<Mutex<Kept>>) {
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|context| loop {
        let Some(kept) = kept.upgrade() else {
            return Poll::Ready(());
        };
        let Some(next) = lock(&kept).looked_after(context) else {
            return Poll::Pending;
        };
        timer.as_mut().reset(next);
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    })
    .await
}

impl Kept {
    /// Closes what needs to be; when to look again at the latest.
    fn looked_after(&mut self, context: &Context) -> Option<Instant> {
        let (now, longest) = (Instant::now(), self.longest);
        self.caretaker = Some(context.waker().clone());
        let waker = context.waker();
        self.connections
            .retain_mut(|(since, connection)| *since + longest > now && connection.is_open(waker));
        let next = self.connections.first().map(|(since, _)| *since + longest);
        self.is_timed = next.is_some();
        next
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use http::HeaderMap;
    use reqwest::Url;

    use super::super::tls;
    use super::super::tracked_body::Sent;
    use super::*;
    use crate::config::Config;
    use crate::transport::message::Request;

    #[test]
    fn a_connection_that_nobody_wants_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            lines.find(|line| line.is_empty()).unwrap();
            stream.write_all(b"HTTP/1.1 204 No\r\n\r\n").unwrap();
            // Ends when the other side closes.
            lines.count()
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let config =
                Config::parse(&format!(r#"{{"dataURL":"{base}","proxy":"none"}}"#)).unwrap();
            let tls = tls::client_config(&config.connection).unwrap();
            let mut direct = Direct::new(&config.connection, tls).unwrap();
            let url = Url::parse(&base).unwrap();
            let request = Request {
                url: url.clone(),
                headers: HeaderMap::new(),
                body: None,
            };
            let read = |response: http::Response<_>| async move { response.status() };
            let status = direct
                .exchange(&request, &url, &Sent::default(), read)
                .await
                .unwrap();
            assert_eq!(status, 204);

            let resting = Resting::new(Duration::from_millis(20));
            resting.put(direct);
            assert_eq!(resting.len(), 1);
            let deadline = Instant::now() + Duration::from_secs(20);
            while resting.len() > 0 {
                assert!(Instant::now() < deadline, "still open");
                tokio::task::yield_now().await;
            }
        });
        server.join().unwrap();
    }
}
