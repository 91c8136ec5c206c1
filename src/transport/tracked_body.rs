//! Whether a request may have reached the server.
//!
//! The HTTP client asks for the body only when it has a connection and has begun to write the
//! request. Until then the request cannot have reached the server, and sending it again cannot have
//! its effect twice. A request without a body counts as sent from the moment at which the client
//! takes it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request may have reached the server.
#[derive(Clone, Default)]
pub struct SentFlag(Arc<AtomicU8>);

const UNSENT: u8 = 0;
const SENT: u8 = 1;
const STOPPED: u8 = 2;

impl SentFlag {
    /// Whether the client has begun to send the request.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) == SENT
    }

    /// Sets the flag, unless the request was stopped; returns whether it is set.
    pub fn set(&self) -> bool {
        self.change(UNSENT, SENT);
        self.is_set()
    }

    /// Resets the flag: the client has sent nothing after all.
    pub fn reset(&self) {
        self.change(SENT, UNSENT);
    }

    /// Prevents a request that has not been sent from being sent; returns whether that holds.
    pub fn stop(&self) -> bool {
        self.change(UNSENT, STOPPED);
        !self.is_set()
    }

    fn change(&self, from: u8, to: u8) {
        // Another state stays as it is, and shows in the result of the caller.
        let _ = self
            .0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }

    /// A body that sets the flag when it is read; a request without a body has an empty one. The
    /// flag stays set, for example after a redirect.
    pub fn tracked(&self, text: Option<String>) -> TrackedBody {
        // The client does not read an empty body, so one counts as sent from the start.
        if text.as_deref() == Some("") {
            self.set();
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
        if !self.sent.set() {
            // The call was cancelled, and its task ends.
            return Poll::Pending;
        }
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.as_ref().map_or(0, |text| text.len() as u64))
    }
}
