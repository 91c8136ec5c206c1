//! TCP stream that raises no SIGPIPE, and that yields to the runtime every few reads, so that
//! timers run.

use std::future::Future;
use std::io::{ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::{pin, Pin};
use std::task::{ready, Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;

use crate::process::sys;

// Apple's systems have a socket option instead, and Windows has no signals.
#[cfg(not(any(target_vendor = "apple", windows)))]
const FLAGS: std::ffi::c_int = libc::MSG_NOSIGNAL;
#[cfg(any(target_vendor = "apple", windows))]
const FLAGS: std::ffi::c_int = 0;

/// The number of reads before a yield. A server that sends without end must not keep a deadline
/// from being noticed.
const READS_PER_YIELD: u32 = 2;

/// The TCP keep-alive interval of an idle connection.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// The system closes a connection after this many unanswered probes. Windows has a number of its
/// own, which only its later versions let a program change.
#[cfg(not(windows))]
const TCP_KEEPALIVE_PROBES: u32 = 3;

/// The system closes a connection when data is not acknowledged within this time.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream of bytes: TCP, or TLS over one.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// A TCP stream.
pub struct Socket {
    stream: TcpStream,
    reads: u32,
}

impl Socket {
    /// Connects to an address.
    pub async fn connect(address: SocketAddr) -> Result<Socket> {
        let socket = sys::with_stdio_reserved(|| match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        })?;
        set_options(&SockRef::from(&socket))?;
        let stream = socket.connect(address).await?;
        Ok(Socket { stream, reads: 0 })
    }

    fn send(
        &self,
        context: &mut Context,
        send: impl Fn(SockRef) -> Result<usize>,
    ) -> Poll<Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let sent = self
                .stream
                .try_io(Interest::WRITABLE, || send(SockRef::from(&self.stream)));
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

fn set_options(socket: &SockRef) -> Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(TCP_KEEPALIVE)
        .with_interval(TCP_KEEPALIVE);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(TCP_KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    Ok(())
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<Result<()>> {
        self.reads += 1;
        if self.reads > READS_PER_YIELD {
            self.reads = 0;
            // The runtime runs its timers before it continues. After wake_by_ref, it would first
            // poll dozens of times.
            let _ = pin!(yield_now()).poll(context);
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.reads = 0;
        }
        read
    }
}

impl AsyncWrite for Socket {
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
