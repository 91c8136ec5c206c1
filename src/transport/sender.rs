//! What sends a request: the connection of a blocking call, or the connections that asynchronous
//! calls share.

use reqwest::Url;

use super::async_side::AsyncSender;
use super::connection::Connection;
use super::message::RequestContext;
use super::response::ResponseOrRedirect;
use crate::error::Result;

/// Sends requests.
pub enum HttpSender<'a, 'b> {
    /// Over a connection of the caller's own.
    Blocking(&'a mut Connection),
    /// Over the connections of asynchronous calls.
    Async(&'a mut AsyncSender<'b>),
}

impl HttpSender<'_, '_> {
    /// Sends a request to a URL and reads the response.
    pub async fn send(
        &mut self,
        url: &Url,
        context: &RequestContext<'_>,
    ) -> Result<ResponseOrRedirect> {
        match self {
            HttpSender::Blocking(connection) => connection.exchange(url, context).await,
            HttpSender::Async(sender) => sender.send(url, context).await,
        }
    }
}
