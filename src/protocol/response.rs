//! What a server's response means, for both APIs.

use std::borrow::Cow;

use super::operations::{self, Answer, Found};
use super::refusal::{self, Refusal};
use super::slots::{self, CompactV1, Slots};
use super::Subject;
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
    /// What the response to another command says.
    pub found: Option<Found>,
    /// Whether the command may have had its effect although the response does not confirm it.
    pub is_effect_unknown: bool,
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
    subject: &Subject,
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
        body.success(command, subject, response, id.is_some())
    } else {
        body.refusal(command, response)
    };
    interpretation.json = json;
    if command == Command::Schedule {
        interpretation.id = id;
        // A server that gives an identifier has booked, whatever else it says.
        interpretation.is_effect_unknown |=
            interpretation.error.is_some() && interpretation.id.is_some();
    }
    if let Some(error) = &mut interpretation.error {
        error.retry_after = response.retry_after;
        error.retryable = match error.status {
            Status::RateLimited => true,
            Status::ServerError => command.effect().is_none(),
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

    fn success(
        &self,
        command: Command,
        subject: &Subject,
        response: &Response,
        has_id: bool,
    ) -> Interpretation<'a> {
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
            return self.refusal(command, response);
        }
        let mut interpretation = match command {
            Command::Schedule => self.booking(response, has_id),
            Command::Availability => self.list(response),
            command => self.operation(command, subject, response),
        };
        interpretation.is_effect_unknown = interpretation.error.is_some();
        interpretation
    }

    fn booking(&self, response: &Response, has_id: bool) -> Interpretation<'a> {
        let lacks = "no booking identifier";
        let is_confirmed = self.confirms_booking(response, has_id);
        Interpretation {
            error: (!is_confirmed).then(|| self.answer(response).unexpected(lacks)),
            ..Interpretation::default()
        }
    }

    fn list(&self, response: &Response) -> Interpretation<'a> {
        let list = self.slots();
        let is_list = list.slots.is_some() || self.is_list_to_the_widget(response);
        let error = (!is_list).then(|| match list.unread.is_empty() {
            true => self.answer(response).unexpected("no slots"),
            false => {
                let http = response.status;
                let message = format!(
                    "the server's response (HTTP {http}) lists slots whose times cannot be read"
                );
                Error::new(Status::Protocol, message)
            }
        });
        Interpretation {
            error,
            slots: list.slots,
            unread_slots: list.unread,
            ..Interpretation::default()
        }
    }

    fn operation(
        &self,
        command: Command,
        subject: &Subject,
        response: &Response,
    ) -> Interpretation<'a> {
        let answer = Answer {
            subject,
            ..self.answer(response)
        };
        match operations::read(command, &answer) {
            Ok(found) => Interpretation {
                found: Some(found),
                ..Interpretation::default()
            },
            Err(error) => Interpretation {
                error: Some(error),
                ..Interpretation::default()
            },
        }
    }

    fn answer(&self, response: &Response) -> Answer<'a> {
        const ANY: &Subject = &Subject {
            id: None,
            desired_time: None,
        };
        Answer {
            api: self.api,
            http: response.status,
            text: self.text,
            json: self.json,
            id: self.id(),
            subject: ANY,
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

    fn refusal(&self, command: Command, response: &Response) -> Interpretation<'a> {
        let proposals = self.proposals();
        let has_proposals = proposals
            .slots
            .as_ref()
            .is_some_and(|slots| slots.encoded_len() > 0);
        let refusal = Refusal::new(command, &self.members, response.status, has_proposals);
        Interpretation {
            is_effect_unknown: refusal.is_effect_unknown(),
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
