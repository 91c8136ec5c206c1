//! Following redirects on the same origin.

use super::message::{RequestContext, Response};
use super::response::ResponseOrRedirect;
use super::sender::HttpSender;
use crate::error::{Error, Result};
use crate::process::log;
use crate::status::Status;

const MAX_REDIRECTS: usize = 10;

/// Sends the request and follows redirects to the final response.
pub async fn send_following_redirects(
    sender: &mut HttpSender<'_, '_>,
    context: &RequestContext<'_>,
) -> Result<Response> {
    let mut visited = Vec::new();
    while visited.len() <= MAX_REDIRECTS {
        let url = visited.last().unwrap_or(&context.request.url);
        match sender.send(url, context).await? {
            ResponseOrRedirect::Redirect(next)
                if next == context.request.url || visited.contains(&next) =>
            {
                return Err(Error::new(
                    Status::Protocol,
                    "the server redirects in a circle; check dataURL",
                ));
            }
            ResponseOrRedirect::Redirect(next) => {
                visited.push(next);
            }
            ResponseOrRedirect::Response(response) => {
                log::debug(|| format!("response: HTTP {}", response.status));
                return Ok(response);
            }
        }
    }
    Err(Error::new(
        Status::Protocol,
        format!("the server redirects more than {MAX_REDIRECTS} times"),
    ))
}
