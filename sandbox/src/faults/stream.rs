//! Connections that a fault can reset, or close in the middle of a response body.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{ready, Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct FaultListener(pub(crate) TcpListener);

pub(crate) struct FaultStream {
    stream: TcpStream,
    cut: CutHandle,
}

/// Cuts the connection of one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutHandle(Arc<Mutex<CutState>>);

#[derive(Clone, Copy, Debug, Default)]
enum CutState {
    #[default]
    None,
    /// Cut after this many bytes of the next response body.
    InBody(usize),
    /// Cut after this many bytes.
    AfterBytes(usize),
    /// Orderly close (FIN).
    Closed,
    /// Abortive close (RST).
    Reset,
}

impl CutHandle {
    /// Closes the connection after this many bytes of the next response body.
    pub(crate) fn cut_body(&self, bytes: usize) {
        self.set(CutState::InBody(bytes));
    }

    /// Resets the connection before the response.
    pub(crate) fn reset(&self) {
        self.set(CutState::Reset);
    }

    fn get(&self) -> CutState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, cut: CutState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }
}

impl Listener for FaultListener {
    type Io = FaultStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FaultStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // A failure only costs speed.
        let _ = stream.set_nodelay(true);
        (
            FaultStream {
                stream,
                cut: CutHandle::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What handlers know of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) cut: CutHandle,
    /// The address on which it was accepted.
    pub(crate) local: Option<IpAddr>,
}

impl Connected<IncomingStream<'_, FaultListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, FaultListener>) -> Connection {
        let stream = stream.io();
        let local = stream.stream.local_addr().ok();
        Connection {
            cut: stream.cut.clone(),
            local: local.map(|address| address.ip()),
        }
    }
}

impl FaultStream {
    /// Writes up to the cut.
    fn write_until_cut(&mut self, context: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        const HEAD_END: &[u8] = b"\r\n\r\n";
        let allowed = match self.cut.get() {
            CutState::None => bytes.len(),
            CutState::AfterBytes(left) => left,
            CutState::InBody(left) => {
                let head = bytes
                    .windows(HEAD_END.len())
                    .position(|window| window == HEAD_END);
                head.map_or(bytes.len(), |head| head + HEAD_END.len()) + left
            }
            CutState::Closed => return Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            CutState::Reset => {
                // If this fails, the close is orderly.
                let _ = self.stream.set_zero_linger();
                return Poll::Ready(Err(Error::from(ErrorKind::ConnectionReset)));
            }
        };
        let written = ready!(
            Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed.min(bytes.len())])
        )?;
        self.cut.set(if written == allowed {
            CutState::Closed
        } else {
            CutState::AfterBytes(allowed - written)
        });
        Poll::Ready(Ok(written))
    }

    fn is_uncut(&self) -> bool {
        matches!(self.cut.get(), CutState::None)
    }
}

impl AsyncRead for FaultStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FaultStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if self.is_uncut() {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        self.write_until_cut(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        slices: &[IoSlice],
    ) -> Poll<Result<usize>> {
        if self.is_uncut() {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.write_until_cut(context, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        match self.cut.get() {
            CutState::Closed => Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            _ => Pin::new(&mut self.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
