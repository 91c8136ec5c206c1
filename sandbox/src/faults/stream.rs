//! Connections that can be cut on demand: reset at once, or closed in the middle of an answer's body.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{ready, Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be cut.
pub(crate) struct Lines(pub(crate) TcpListener);

/// A connection that can be cut.
pub(crate) struct Line {
    stream: TcpStream,
    scissors: Scissors,
}

/// Cuts the connection of one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scissors(Arc<Mutex<Cut>>);

#[derive(Clone, Copy, Debug, Default)]
enum Cut {
    #[default]
    Whole,
    /// After so many bytes of the body of the next answer.
    InBody(usize),
    /// After so many further bytes.
    After(usize),
    /// Closed as if all had been said.
    Closed,
    /// Closed as if the machine had failed.
    Reset,
}

impl Scissors {
    /// Closes the connection after so many bytes of the next answer's body.
    pub(crate) fn cut_body(&self, bytes: usize) {
        self.set(Cut::InBody(bytes));
    }

    /// Resets the connection before anything is answered.
    pub(crate) fn reset(&self) {
        self.set(Cut::Reset);
    }

    fn get(&self) -> Cut {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, cut: Cut) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }
}

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Only speed is lost when this fails.
        let _ = stream.set_nodelay(true);
        (
            Line {
                stream,
                scissors: Scissors::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What handlers see of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Cuts it.
    pub(crate) scissors: Scissors,
    /// The address on which it was accepted.
    pub(crate) local: Option<IpAddr>,
}

impl Connected<IncomingStream<'_, Lines>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Connection {
        let line = stream.io();
        let local = line.stream.local_addr().ok();
        Connection {
            scissors: line.scissors.clone(),
            local: local.map(|address| address.ip()),
        }
    }
}

impl Line {
    /// Writes as much as the cut lets through.
    fn write_until_cut(&mut self, context: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        const HEAD_END: &[u8] = b"\r\n\r\n";
        let allowed = match self.scissors.get() {
            Cut::Whole => bytes.len(),
            Cut::After(rest) => rest,
            Cut::InBody(rest) => {
                let head = bytes
                    .windows(HEAD_END.len())
                    .position(|window| window == HEAD_END);
                head.map_or(bytes.len(), |head| head + HEAD_END.len()) + rest
            }
            Cut::Closed => return Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            Cut::Reset => {
                // Without it the end would be an orderly one, which is all that is lost.
                let _ = self.stream.set_zero_linger();
                return Poll::Ready(Err(Error::from(ErrorKind::ConnectionReset)));
            }
        };
        let written = ready!(
            Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed.min(bytes.len())])
        )?;
        self.scissors.set(if written == allowed {
            Cut::Closed
        } else {
            Cut::After(allowed - written)
        });
        Poll::Ready(Ok(written))
    }

    fn is_whole(&self) -> bool {
        matches!(self.scissors.get(), Cut::Whole)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        match self.is_whole() {
            true => Pin::new(&mut self.stream).poll_write(context, bytes),
            false => self.write_until_cut(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        slices: &[IoSlice],
    ) -> Poll<Result<usize>> {
        if self.is_whole() {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.write_until_cut(context, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        match self.scissors.get() {
            Cut::Closed => Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            _ => Pin::new(&mut self.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
