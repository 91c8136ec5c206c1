//! Connections whose writes raise no signal: a host must not die of SIGPIPE because a server has closed a connection. And
//! whose reads pause now and then: a server that sends without end must not keep a deadline from being noticed.

use std::future::Future;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tower_service::Service;

use super::resolver::Resolver;

/// Whether the system can leave the signal out.
pub const IS_QUIET: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[cfg(any(target_os = "linux", target_os = "android"))]
const FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FLAGS: i32 = 0;

/// How many reads there are without a pause.
const READS: u32 = 2;

/// A connection whose writes raise no signal.
pub struct Quiet {
    stream: TokioIo<TcpStream>,
    reads: u32,
}

impl Quiet {
    fn send(
        &self,
        context: &mut Context,
        send: impl Fn(SockRef) -> Result<usize>,
    ) -> Poll<Result<usize>> {
        let stream = self.stream.inner();
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_io(Interest::WRITABLE, || send(SockRef::from(stream))) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl Read for Quiet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: ReadBufCursor,
    ) -> Poll<Result<()>> {
        self.reads += 1;
        if self.reads > READS {
            self.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.reads = 0;
        }
        read
    }
}

impl Write for Quiet {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.send(context, |socket| socket.send_with_flags(bytes, FLAGS))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context,
        slices: &[IoSlice],
    ) -> Poll<Result<usize>> {
        self.send(context, |socket| {
            socket.send_vectored_with_flags(slices, FLAGS)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connection for Quiet {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

/// Makes such connections.
#[derive(Clone)]
pub struct QuietConnector(pub HttpConnector<Resolver>);

impl Service<Uri> for QuietConnector {
    type Response = Quiet;
    type Error = <HttpConnector<Resolver> as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Quiet, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context) -> Poll<std::result::Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.call(server);
        Box::pin(async move { connecting.await.map(|stream| Quiet { stream, reads: 0 }) })
    }
}
