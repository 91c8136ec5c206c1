//! What a server's response means, for both APIs.

use std::borrow::Cow;

use super::refusal::{self, Refusal};
use super::slots::{self, CompactV1, Slots};
use crate::command::Command;
use crate::config::{ApiVersion, Config, WireFormat};
use crate::error::Error;
use crate::status::Status;
use crate::text::encoding;
use crate::text::json::{self, replace_lone_surrogates, ObjectView};
use crate::transport::message::Response;

/// What a response means.
#[derive(Debug, Default)]
pub struct Interpretation<'a> {
    /// Why the command is rejected, if it is.
    pub error: Option<Error>,
    pub id: Option<String>,
    /// The slots listed, or proposed instead of a refused one.
    pub slots: Option<Slots<'a>>,
    /// What stands in the place of a slot and cannot be read as one.
    pub unread_slots: Vec<Cow<'a, str>>,
    /// The body, when it is JSON.
    pub json: Option<&'a str>,
    /// Whether a booking may have been made although the response does not confirm it.
    pub booking_unknown: bool,
}

/// The body as text. Bytes and escapes that are no characters are replaced, so that they do not
/// cost the rest.
pub fn body_text(response: &Response) -> Cow<'_, str> {
    match encoding::decode(&response.body, response.content_type.as_deref()) {
        Cow::Borrowed(text) => replace_lone_surrogates(text),
        Cow::Owned(text) => replace_lone_surrogates(&text).into_owned().into(),
    }
}

/// Interprets the response to a command. `text` is its body.
pub fn interpret<'a>(
    config: &Config,
    command: Command,
    response: &Response,
    text: &'a str,
) -> Interpretation<'a> {
    if let Some(interpretation) = compact_slots(config, command, response, text) {
        return interpretation;
    }
    let json::Body { json, members } = json::parse_body(text);
    let body = Body {
        api: config.api_version,
        is_widgets9: config.wire_format == WireFormat::Widgets9,
        text,
        json,
        members,
    };
    let id = (command == Command::Schedule).then(|| body.id()).flatten();
    let mut interpretation = if body.is_success(response.status) {
        body.success(command, response, id.is_some())
    } else {
        body.refusal(response)
    };
    interpretation.json = json;
    if command == Command::Schedule {
        interpretation.id = id;
        // A server that gives an identifier has booked, whatever else it says.
        interpretation.booking_unknown |=
            interpretation.error.is_some() && interpretation.id.is_some();
    }
    if let Some(error) = &mut interpretation.error {
        error.retry_after = response.retry_after;
        error.retryable = match error.status {
            Status::RateLimited => true,
            Status::ServerError => command == Command::Availability,
            _ => false,
        };
    }
    interpretation
}

/// A v1 server's list of slots, which may be long, in the form that is read only once.
fn compact_slots<'a>(
    config: &Config,
    command: Command,
    response: &Response,
    text: &'a str,
) -> Option<Interpretation<'a>> {
    let is_list = matches!(
        (config.api_version, command, response.status),
        (ApiVersion::V1, Command::Availability, 200..=299)
    );
    let slots = Slots::CompactV1(CompactV1::parse(text).filter(|_| is_list)?);
    Some(Interpretation {
        slots: Some(slots),
        json: Some(text),
        ..Interpretation::default()
    })
}

/// Whether the content type says JSON.
fn is_json(response: &Response) -> bool {
    let content_type = response.content_type.as_deref().unwrap_or_default();
    content_type.to_ascii_lowercase().contains("json")
}

/// A body, looked into without changing it.
struct Body<'a> {
    api: ApiVersion,
    is_widgets9: bool,
    text: &'a str,
    json: Option<&'a str>,
    members: ObjectView<'a>,
}

impl<'a> Body<'a> {
    /// Whether the status is a success. The widget takes 304 for one, as jQuery does.
    fn is_success(&self, status: u16) -> bool {
        matches!(status, 200..=299) || (self.is_widgets9 && status == 304)
    }

    fn success(&self, command: Command, response: &Response, has_id: bool) -> Interpretation<'a> {
        let is_refused = match (self.api, command) {
            // Any JSON is a list to the widget.
            (ApiVersion::V1, Command::Availability) if self.is_widgets9 => false,
            (ApiVersion::V1, _) => self.members.get("exception").is_some(),
            (ApiVersion::V3, _) => {
                refusal::server_code(&self.members).is_some_and(|code| code != 0)
                    && !self.is_widgets9
            }
        };
        if is_refused {
            return self.refusal(response);
        }
        let list = match command {
            Command::Schedule => slots::Reading::default(),
            Command::Availability => self.slots(),
        };
        let is_confirmed = match command {
            Command::Schedule => self.confirms_booking(response, has_id),
            Command::Availability => list.slots.is_some() || self.is_list_to_the_widget(response),
        };
        let error = (!is_confirmed).then(|| {
            let message = self.unexpected_message(command, response, &list);
            Error::new(Status::Protocol, message)
        });
        Interpretation {
            booking_unknown: error.is_some(),
            error,
            slots: list.slots,
            unread_slots: list.unread,
            ..Interpretation::default()
        }
    }

    /// Whether a success confirms a booking: it names the booking, or has no content at all.
    fn confirms_booking(&self, response: &Response, has_id: bool) -> bool {
        if !self.is_widgets9 {
            return has_id || (response.status == 204 && response.body.is_empty());
        }
        // The widget takes any JSON, and any text that does not claim to be JSON.
        self.json.is_some() || !is_json(response) || matches!(response.status, 204 | 304)
    }

    /// Whether the widget resolves an availability that lists no slots.
    fn is_list_to_the_widget(&self, response: &Response) -> bool {
        let is_truthy = |json: &str| !matches!(json, "false" | "0" | "\"\"");
        self.is_widgets9
            && match self.api {
                ApiVersion::V1 => self.json.is_some() || matches!(response.status, 204 | 304),
                ApiVersion::V3 => {
                    let data = self.members.object("data");
                    let slots = data.and_then(|data| data.get("slots"));
                    slots.is_some_and(|slots| is_truthy(slots.get()))
                }
            }
    }

    fn id(&self) -> Option<String> {
        match self.api {
            ApiVersion::V1 => self.members.text("_id"),
            ApiVersion::V3 => self.members.object("data")?.text("id"),
        }
    }

    fn slots(&self) -> slots::Reading<'a> {
        let list = match self.api {
            ApiVersion::V1 => self.json,
            ApiVersion::V3 => {
                let data = self.members.object("data");
                data.and_then(|data| data.get("slots"))
                    .map(|slots| slots.get())
            }
        };
        list.map_or_else(slots::Reading::default, slots::read)
    }

    fn unexpected_message(
        &self,
        command: Command,
        response: &Response,
        list: &slots::Reading,
    ) -> String {
        let status = response.status;
        if !list.unread.is_empty() {
            return format!(
                "the server's response (HTTP {status}) lists slots whose times cannot be read"
            );
        }
        match (self.json, command) {
            _ if self.text.is_empty() => {
                format!("the server's response (HTTP {status}) has no body")
            }
            (None, _) => format!("the server's response (HTTP {status}) is not JSON; is dataURL that of the callback API?"),
            (Some(_), Command::Schedule) => format!(
                "the server's response (HTTP {status}) has no booking identifier; check that apiVersion matches the server"
            ),
            (Some(_), Command::Availability) => {
                format!("the server's response (HTTP {status}) has no slots; check that apiVersion matches the server")
            }
        }
    }

    fn refusal(&self, response: &Response) -> Interpretation<'a> {
        let proposals = self.proposals();
        let has_proposals = proposals
            .slots
            .as_ref()
            .is_some_and(|slots| slots.encoded_len() > 0);
        let refusal = Refusal::new(&self.members, response.status, has_proposals);
        Interpretation {
            booking_unknown: refusal.is_booking_unknown(),
            error: Some(refusal.into_error()),
            slots: proposals.slots,
            unread_slots: proposals.unread,
            ..Interpretation::default()
        }
    }

    /// The slots offered in place of a refused one, by either API.
    fn proposals(&self) -> slots::Reading<'a> {
        let data = self.members.object("data");
        let proposed = data.and_then(|data| data.get("slots"));
        let proposed = proposed.or_else(|| self.members.get("availability"));
        proposed.map_or_else(slots::Reading::default, |slots| slots::read(slots.get()))
    }
}
