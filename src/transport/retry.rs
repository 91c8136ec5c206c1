//! When a request is repeated, and how long to wait before that.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep_until, Instant};

use super::message::{RequestContext, Response};
use super::redirect::send_following_redirects;
use super::sender::HttpSender;
use crate::config::RetryPolicy;
use crate::error::Result;
use crate::process::log;

/// Sends the request, and again where that can help, cannot do harm and there is time for it. The
/// caller ends it at the deadline.
pub async fn send_with_retries(
    sender: &mut HttpSender<'_, '_>,
    context: &RequestContext<'_>,
) -> Result<Response> {
    let limits = context.limits;
    loop {
        let attempts = context.progress.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        log::debug(|| {
            let origin = context.settings.origin.origin().ascii_serialization();
            format!("{} to {origin}, attempt {attempts}", context.request.method)
        });
        let result = send_following_redirects(sender, context).await;
        let delay = retry_delay(
            &result,
            context.request.is_read_only,
            &limits.retry,
            attempts,
        );
        match delay.and_then(|delay| Instant::now().checked_add(delay)) {
            Some(next) if next < limits.deadline => {
                log::debug(|| format!("attempt {attempts} failed and will be repeated"));
                sleep_until(next).await;
            }
            _ => return result,
        }
    }
}

/// How long to wait before the request is sent again, if it is. A server can lengthen the back-off
/// but not shorten it.
fn retry_delay(
    result: &Result<Response>,
    is_read_only: bool,
    retry: &RetryPolicy,
    attempts: u32,
) -> Option<Duration> {
    if attempts >= retry.attempts {
        return None;
    }
    let requested = match result {
        Ok(response) if is_read_only => match response.status {
            429 => response.retry_after?,
            502..=504 => response.retry_after.unwrap_or_default(),
            _ => return None,
        },
        Err(error) if error.retryable => Duration::ZERO,
        _ => return None,
    };
    Some(requested.max(retry.backoff(attempts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::status::Status;

    const RETRY: RetryPolicy = RetryPolicy {
        attempts: 3,
        base_delay: Duration::from_millis(100),
        max_delay: Duration::from_millis(150),
    };

    fn delay(status: u16, retry_after: Option<u64>, attempts: u32) -> Option<Duration> {
        let response = Response {
            status,
            retry_after: retry_after.map(Duration::from_millis),
            ..Response::default()
        };
        retry_delay(&Ok(response), true, &RETRY, attempts)
    }

    #[test]
    fn server_lengthens_the_backoff_but_does_not_shorten_it() {
        let backoff = Duration::from_millis(50)..=Duration::from_millis(100);
        for (status, retry_after) in [(429, Some(0)), (503, Some(0)), (502, None), (504, Some(20))]
        {
            let delay = delay(status, retry_after, 1).unwrap();
            assert!(
                backoff.contains(&delay),
                "{status} {retry_after:?}: {delay:?}"
            );
        }
        assert_eq!(delay(503, Some(493), 1), Some(Duration::from_millis(493)));
        let capped = Duration::from_millis(75)..=Duration::from_millis(150);
        assert!(capped.contains(&delay(503, None, 2).unwrap()));
        for (status, retry_after, attempts) in [(429, None, 1), (500, Some(1), 1), (503, None, 3)] {
            assert_eq!(delay(status, retry_after, attempts), None, "{status}");
        }
    }

    #[test]
    fn booking_is_repeated_only_after_a_retryable_error() {
        let error = |retryable| Err(Error::new(Status::Connect, "").retryable(retryable));
        assert!(retry_delay(&error(true), false, &RETRY, 1).is_some());
        assert!(retry_delay(&error(false), false, &RETRY, 1).is_none());
        let unavailable = Response {
            status: 503,
            ..Response::default()
        };
        assert!(retry_delay(&Ok(unavailable), false, &RETRY, 1).is_none());
    }
}
