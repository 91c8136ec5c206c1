//! Whether a request may have reached the server.
//!
//! The HTTP client asks for the body only when it has a connection and has begun to write the
//! request. Until then the request cannot have reached the server, and sending it again cannot have
//! its effect twice. A request without a body counts as sent from the moment at which the client
//! takes it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request may have reached the server.
#[derive(Clone, Default)]
pub struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    /// Whether the client has begun to write the body.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Sets the flag.
    pub fn set(&self, is_sent: bool) {
        self.0.store(is_sent, Ordering::Release);
    }

    /// A body that sets the flag when it is read; a request without a body has an empty one. The
    /// flag stays set, for example after a redirect.
    pub fn tracked(&self, text: Option<String>) -> TrackedBody {
        // The client does not read an empty body, so one counts as sent from the start.
        if text.as_deref() == Some("") {
            self.set(true);
        }
        TrackedBody {
            text: text.map(Bytes::from),
            sent: self.clone(),
        }
    }
}

/// A body that sets a [`SentFlag`] when it is read.
pub struct TrackedBody {
    text: Option<Bytes>,
    sent: SentFlag,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.set(true);
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.as_ref().map_or(0, |text| text.len() as u64))
    }
}
