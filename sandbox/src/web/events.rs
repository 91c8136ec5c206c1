//! Server-sent events for the page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{unfold, Stream};

use crate::booking::BookingService;

/// The minimum time between two events.
const PAUSE: Duration = Duration::from_millis(200);
/// Without changes, an event still follows: time changes the states of callbacks.
const TICK: Duration = Duration::from_secs(5);

pub(crate) async fn events(
    State(booking): State<Arc<BookingService>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = unfold(
        (booking.watch(), false),
        |(mut changes, is_later)| async move {
            if is_later {
                tokio::time::sleep(PAUSE).await;
            }
            let name = match tokio::time::timeout(TICK, changes.changed()).await {
                Ok(Ok(())) => "change",
                Ok(Err(_)) => return None,
                Err(_) => "tick",
            };
            let count = changes.borrow_and_update().to_string();
            let event = Event::default().event(name).data(count);
            Some((Ok(event), (changes, true)))
        },
    );
    Sse::new(stream).keep_alive(KeepAlive::default())
}
